
/*
 * results_status: the counters of all workers, in the format that its
 * argument, the query or Accept asks for.
 */

#include "ngx_http_results_metrics.h"


typedef enum {
    NGX_HTTP_RESULTS_JSON = 0,
    NGX_HTTP_RESULTS_PROMETHEUS,
    NGX_HTTP_RESULTS_OPENMETRICS,
    NGX_HTTP_RESULTS_PAGE
} ngx_http_results_format_e;


static ngx_int_t ngx_http_results_status_named(ngx_str_t *name);
static ngx_int_t ngx_http_results_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_status_format(ngx_http_request_t *r);


/*
 * The media types, in the order of the formats.  The first one is sent where
 * Accept has no preference.
 */

static const char *const  ngx_http_results_types[] = {
    "application/json",
    "text/plain",
    "application/openmetrics-text",
    "text/html",
    NULL
};

static ngx_str_t  ngx_http_results_content_types[] = {
    ngx_string("application/json"),
    ngx_string("text/plain; version=0.0.4; charset=utf-8"),
    ngx_string("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ngx_string("text/html; charset=utf-8")
};

static const struct {
    ngx_str_t                   name;
    ngx_http_results_format_e   format;
} ngx_http_results_formats[] = {
    { ngx_string("json"), NGX_HTTP_RESULTS_JSON },
    { ngx_string("prometheus"), NGX_HTTP_RESULTS_PROMETHEUS },
    { ngx_string("openmetrics"), NGX_HTTP_RESULTS_OPENMETRICS },
    { ngx_string("html"), NGX_HTTP_RESULTS_PAGE },
    { ngx_null_string, NGX_HTTP_RESULTS_JSON }
};

static ngx_str_t  ngx_http_results_status_accept = ngx_string("accept");


/* results_status [json | prometheus | openmetrics] */

char *
ngx_http_results_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    ngx_str_t                     *value;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_results_main_conf_t  *mcf;

    (void) cmd;

    lcf->status_format = NGX_ERROR;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        lcf->status_format = ngx_http_results_status_named(&value[1]);

        /* not "page": its script needs the JSON from the same location */

        if (lcf->status_format == NGX_ERROR
            || lcf->status_format == NGX_HTTP_RESULTS_PAGE)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown format \"%V\", the known ones are: "
                               "json, prometheus, openmetrics", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);
    mcf->used = 1;

    if (mcf->policy.len == 0
        && ngx_http_results_page_policy(cf, &mcf->policy) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_results_status_handler;

    return NGX_CONF_OK;
}


/* NGX_ERROR where no format has the name */

static ngx_int_t
ngx_http_results_status_named(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_results_formats[i].name.len; i++) {
        if (ngx_http_results_formats[i].name.len == name->len
            && ngx_strncmp(ngx_http_results_formats[i].name.data, name->data,
                           name->len)
               == 0)
        {
            return ngx_http_results_formats[i].format;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_results_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc, format;
    ngx_str_t                      value;
    results_buf_t                  buf;
    ngx_http_results_report_t     *report;
    ngx_http_results_main_conf_t  *mcf;

    report = ngx_palloc(r->pool, sizeof(ngx_http_results_report_t));
    if (report == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_results_module);
    ngx_http_results_report(report, mcf);

    format = ngx_http_results_status_format(r);

    ngx_memzero(&buf, sizeof(results_buf_t));

    switch (format) {

    case NGX_HTTP_RESULTS_PROMETHEUS:
    case NGX_HTTP_RESULTS_OPENMETRICS:
        ngx_http_results_status_prometheus(report, &buf,
                                     format == NGX_HTTP_RESULTS_OPENMETRICS);
        break;

    case NGX_HTTP_RESULTS_PAGE:
        ngx_http_results_status_page(report, &buf);
        break;

    default: /* NGX_HTTP_RESULTS_JSON */
        ngx_http_results_status_json(report, &buf,
                        ngx_http_arg(r, (u_char *) "history", 7, &value)
                        == NGX_OK);
    }

    if (format == NGX_HTTP_RESULTS_PAGE
        && ngx_http_results_push_header(r, "Content-Security-Policy",
                                        &mcf->policy)
           != NGX_OK)
    {
        buf.failed = 1;
    }

    rc = ngx_http_results_send_text(r, NGX_HTTP_OK,
                                    &ngx_http_results_content_types[format],
                                    &buf);
    results_buf_free(&buf);

    return rc;
}


/* the format of the directive's argument, else of "?format=", else of Accept */

static ngx_int_t
ngx_http_results_status_format(ngx_http_request_t *r)
{
    ngx_int_t                     format;
    ngx_str_t                     value;
    results_str_t                 accept;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->status_format != NGX_ERROR) {
        return lcf->status_format;
    }

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        format = ngx_http_results_status_named(&value);

        if (format != NGX_ERROR) {
            return format;
        }
    }

    accept = results_str(NULL);

    if (ngx_http_results_header(r, &ngx_http_results_status_accept, &value)) {
        accept.len = value.len;
        accept.data = (const char *) value.data;
    }

    format = results_accept(accept, ngx_http_results_types);

    return ngx_max(format, NGX_HTTP_RESULTS_JSON);
}
