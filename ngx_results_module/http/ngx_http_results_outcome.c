
/*
 * What became of a request: counted once, when it is logged, for the API that
 * it was a request of.
 */

#include "ngx_http_results.h"


ngx_uint_t
ngx_http_results_api_slot(const results_dialect_t *dialect)
{
    ngx_uint_t  i;

    /* results_token_endpoint's is not in the table: it comes last */

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


ngx_int_t
ngx_http_results_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                        status;
    ngx_http_results_loc_conf_t      *lcf;
    ngx_http_results_api_counters_t  *api;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->dialect == NULL || r != r->main) {
        return NGX_OK;
    }

    api = &ngx_http_results_counters->apis[lcf->api];

    api->bytes_in += r->request_length;

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_CREATED) {
        api->created++;

    } else if (status >= 200 && status < 300) {
        api->ok++;

    } else if (status == NGX_HTTP_UNAUTHORIZED) {
        api->unauthorized++;

    } else if (status == NGX_HTTP_FORBIDDEN) {
        api->forbidden++;

    } else if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST || status == 0) {
        api->aborted++;

    } else if (status < 500) {
        api->invalid++;

    } else if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        api->unavailable++;

    } else {
        api->error++;
    }

    return NGX_OK;
}
