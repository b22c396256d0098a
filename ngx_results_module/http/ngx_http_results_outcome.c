
/*
 * What became of a request: counted once, when it is logged, for the API that
 * it was a request of.
 */

#include "ngx_http_results.h"


typedef enum {
    NGX_HTTP_RESULTS_CREATED = 0,
    NGX_HTTP_RESULTS_OK,
    NGX_HTTP_RESULTS_UNAUTHORIZED,
    NGX_HTTP_RESULTS_FORBIDDEN,
    NGX_HTTP_RESULTS_INVALID,
    NGX_HTTP_RESULTS_UNAVAILABLE,
    NGX_HTTP_RESULTS_ERROR,
    NGX_HTTP_RESULTS_ABORTED
} ngx_http_results_class_e;


static ngx_uint_t ngx_http_results_classify(ngx_http_request_t *r);


/* in the order of ngx_http_results_class_e */

#define ngx_http_results_counted_as(name)                                     \
    { #name, offsetof(ngx_http_results_api_counters_t, name) }

static const struct {
    const char             *name;
    size_t                  counter;
} ngx_http_results_classes[] = {
    ngx_http_results_counted_as(created),
    ngx_http_results_counted_as(ok),
    ngx_http_results_counted_as(unauthorized),
    ngx_http_results_counted_as(forbidden),
    ngx_http_results_counted_as(invalid),
    ngx_http_results_counted_as(unavailable),
    ngx_http_results_counted_as(error),
    ngx_http_results_counted_as(aborted)
};


ngx_uint_t
ngx_http_results_api_slot(const results_dialect_t *dialect)
{
    ngx_uint_t  i;

    /* results_token_endpoint's dialect is not in the table: its slot is the
       one after the last */

    for (i = 0; results_dialects[i] && results_dialects[i] != dialect; i++) {
        /* void */
    }

    return ngx_min(i, NGX_HTTP_RESULTS_API_SLOTS - 1);
}


const char *
ngx_http_results_api_name(ngx_uint_t slot)
{
    ngx_uint_t  i;

    for (i = 0; results_dialects[i]; i++) {
        if (i == slot) {
            return results_dialects[i]->name;
        }
    }

    return results_token.name;
}


const char *
ngx_http_results_class(ngx_http_request_t *r)
{
    return ngx_http_results_classes[ngx_http_results_classify(r)].name;
}


static ngx_uint_t
ngx_http_results_classify(ngx_http_request_t *r)
{
    ngx_uint_t               status;
    ngx_http_results_ctx_t  *ctx;

    /* a reply that was cut off has the status 200, too */

    ctx = ngx_http_results_find_ctx(r);

    if (ctx && ctx->streaming
        && (!ctx->ended || r->buffered || r->connection->buffered))
    {
        return ctx->req->failure.status ? NGX_HTTP_RESULTS_UNAVAILABLE
                                        : NGX_HTTP_RESULTS_ABORTED;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    switch (status) {

    case NGX_HTTP_CREATED:
        return NGX_HTTP_RESULTS_CREATED;

    case NGX_HTTP_UNAUTHORIZED:
        return NGX_HTTP_RESULTS_UNAUTHORIZED;

    case NGX_HTTP_FORBIDDEN:
        return NGX_HTTP_RESULTS_FORBIDDEN;

    case 0:
    case NGX_HTTP_CLIENT_CLOSED_REQUEST:
        return NGX_HTTP_RESULTS_ABORTED;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return NGX_HTTP_RESULTS_UNAVAILABLE;
    }

    /* 304 counts as ok: what the client has is still right */

    return status < 400 ? NGX_HTTP_RESULTS_OK
           : status < 500 ? NGX_HTTP_RESULTS_INVALID
                          : NGX_HTTP_RESULTS_ERROR;
}


ngx_int_t
ngx_http_results_log_handler(ngx_http_request_t *r)
{
    size_t                            offset;
    ngx_uint_t                        class;
    ngx_http_results_ctx_t           *ctx;
    ngx_http_results_loc_conf_t      *lcf;
    ngx_http_results_api_counters_t  *api;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_results_find_ctx(r);

    lcf = ctx ? ctx->conf
              : ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->dialect == NULL) {
        return NGX_OK;
    }

    api = &ngx_http_results_counters->apis[lcf->api];
    class = ngx_http_results_classify(r);
    offset = ngx_http_results_classes[class].counter;

    (*(ngx_atomic_uint_t *) ((u_char *) api + offset))++;

    if (ctx && ctx->req && ctx->req->far_date
        && class <= NGX_HTTP_RESULTS_OK)
    {
        api->far_dates++;
    }

    api->bytes_in += r->request_length;

    return NGX_OK;
}


/* while a step of the dialect runs the worker serves no other request */

results_next_e
ngx_http_results_step(ngx_http_results_ctx_t *ctx,
    results_next_e (*step)(results_request_t *req))
{
    int64_t         begun;
    results_next_e  next;

    begun = results_time_monotonic();

    next = step(ctx->req);

    ngx_http_results_worked(ctx, begun);

    return next;
}


void
ngx_http_results_worked(ngx_http_results_ctx_t *ctx, int64_t begun)
{
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_results_module);

    ngx_http_results_observe(
                    &ngx_http_results_store_counters(lcf->store)->work_time,
                    ngx_http_results_time_bounds,
                    (ngx_uint_t) (results_time_monotonic() - begun));
}
