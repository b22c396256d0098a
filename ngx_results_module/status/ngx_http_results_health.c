
/*
 * results_health: "live" says that this worker is alive, "ready" whether it can
 * store and read results now.  Each worker answers for itself, as each has
 * connections of its own.
 */

#include "ngx_http_results.h"


static ngx_int_t ngx_http_results_live_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_ready_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_health_send(ngx_http_request_t *r,
    ngx_str_t *store, const char *reason);


/* results_health live | ready */

char *
ngx_http_results_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    ngx_str_t                     *value;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_results_main_conf_t  *mcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "live") == 0) {
        clcf->handler = ngx_http_results_live_handler;

    } else if (ngx_strcmp(value[1].data, "ready") == 0) {
        clcf->handler = ngx_http_results_ready_handler;

        lcf->ready = 1;
        lcf->directive = &cmd->name;
        lcf->file = cf->conf_file->file.name.data;
        lcf->line = cf->conf_file->line;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"live\" or "
                           "\"ready\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->used = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_results_live_handler(ngx_http_request_t *r)
{
    return ngx_http_results_health_send(r, NULL, NULL);
}


static ngx_int_t
ngx_http_results_ready_handler(ngx_http_request_t *r)
{
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    return ngx_http_results_health_send(r, &lcf->store->name,
                             ngx_http_results_store_unready(lcf->store));
}


/* 200, or 503 with a reason */

static ngx_int_t
ngx_http_results_health_send(ngx_http_request_t *r, ngx_str_t *store,
    const char *reason)
{
    ngx_int_t      rc;
    ngx_str_t      type;
    results_str_t  name;
    results_buf_t  buf;

    ngx_memzero(&buf, sizeof(results_buf_t));

    results_buf_printf(&buf, "{\"status\":\"%s\"", reason ? "down" : "up");

    if (store) {
        name.len = store->len;
        name.data = (const char *) store->data;

        results_buf_puts(&buf, ",\"store\":");
        results_buf_json_string(&buf, name);
    }

    if (reason) {
        results_buf_puts(&buf, ",\"reason\":");
        results_buf_json_string(&buf, results_str(reason));
    }

    results_buf_puts(&buf, "}\n");

    ngx_str_set(&type, "application/json");

    rc = ngx_http_results_send_text(r, reason ? NGX_HTTP_SERVICE_UNAVAILABLE
                                              : NGX_HTTP_OK,
                                    &type, &buf);

    results_buf_free(&buf);

    return rc;
}
