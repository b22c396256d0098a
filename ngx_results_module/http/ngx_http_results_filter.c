
/*
 * Errors that nginx raises itself in a location with results_api (a 413, those
 * of limit_req and of the access phase) are given the API's form: the header
 * filter renders the dialect's body, and the body filter sends it in place of
 * nginx's page.  Where the operator has set error_page for a status, that is
 * sent and this file does nothing.
 */

#include "ngx_http_results.h"


static ngx_int_t ngx_http_results_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_results_replace(ngx_http_request_t *r,
    results_request_t *req);
static void ngx_http_results_failure(ngx_http_request_t *r,
    results_request_t *req);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_results_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_results_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_results_body_filter;
}


static ngx_int_t
ngx_http_results_header_filter(ngx_http_request_t *r)
{
    results_request_t            *req;
    ngx_http_results_ctx_t       *ctx;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    /* err_status is set by ngx_http_special_response_handler() only */

    if (lcf->dialect == NULL
        || r->err_status < NGX_HTTP_BAD_REQUEST
        || r != r->main)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (ctx && ctx->replied) {
        return ngx_http_next_header_filter(r);
    }

    req = ngx_http_results_request(r);

    if (req && ngx_http_results_replace(r, req) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_results_replace(ngx_http_request_t *r, results_request_t *req)
{
    ngx_buf_t               *b;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    ctx->replied = 1;

    if (req->failure.status != (int) r->err_status) {
        ngx_http_results_failure(r, req);
    }

    req->dialect->error(req);

    if (req->reply.body.failed
        || ngx_http_results_set_headers(r, &req->reply) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->body = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (ctx->body == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) req->reply.body.data;
    b->last = b->pos + req->reply.body.len;
    b->memory = (req->reply.body.len != 0);
    b->last_buf = 1;
    b->last_in_chain = 1;

    ctx->body->buf = b;
    ctx->body->next = NULL;
    ctx->page = 1;

    /*
     * After a 400 nginx closes the connection at once.  A client that is still
     * sending its body would get a reset then, and not see the reply.
     */

    r->lingering_close = (r->headers_in.content_length_n > 0
                          || r->headers_in.chunked);

    /* nginx discards a body that the client may never send */

    if (r->discard_body && ngx_http_results_expects(r)) {
        r->keepalive = 0;
    }

    return NGX_OK;
}


/* sets the failure, in words, for an error that nginx has raised */

static void
ngx_http_results_failure(ngx_http_request_t *r, results_request_t *req)
{
    const char                *text;
    ngx_http_core_loc_conf_t  *clcf;

    switch (r->err_status) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
        results_fail(req, r->err_status, "the body is larger than %lld bytes",
                     (long long) clcf->client_max_body_size);
        return;

    case NGX_HTTP_BAD_REQUEST:
        text = "the request is malformed";
        break;

    case NGX_HTTP_UNAUTHORIZED:
        text = "authentication is required";
        break;

    case NGX_HTTP_FORBIDDEN:
        text = "access is forbidden";
        break;

    case NGX_HTTP_NOT_ALLOWED:
        text = "the method is not allowed";
        req->failure.allow = results_route_allow(req);
        break;

    case NGX_HTTP_REQUEST_TIME_OUT:
        text = "the body did not come in time, nothing was stored; the same "
               "request may be sent again";
        break;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        text = "too many requests, nothing was stored; the same request may "
               "be sent again";
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        text = "the service is unavailable, nothing was stored; the same "
               "request may be sent again";
        break;

    default:
        text = (r->err_status < NGX_HTTP_INTERNAL_SERVER_ERROR)
               ? "the request can not be served" : "an internal error";
    }

    results_fail(req, r->err_status, "%s", text);
}


static ngx_int_t
ngx_http_results_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t             *cl;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (ctx == NULL || !ctx->page || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* nginx's page is dropped; it may come in several calls */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    cl = ctx->body;
    ctx->body = NULL;

    return cl ? ngx_http_next_body_filter(r, cl) : NGX_OK;
}
