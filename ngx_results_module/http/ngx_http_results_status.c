
/*
 * results_status: the counters of all workers as one JSON object, each under
 * the name that this file's table gives it; and the count of requests by
 * outcome, taken once a request, when it is logged.
 */

#include "ngx_http_results.h"


/* a counter's place: its group in the JSON object ("": none), and its name */
typedef struct {
    const char             *group;
    const char             *name;
    size_t                  offset;
} ngx_http_results_metric_t;


#define ngx_http_results_metric(group, name, field)                           \
    { group, name, offsetof(ngx_http_results_counters_t, field) }


static ngx_int_t ngx_http_results_status_handler(ngx_http_request_t *r);
static void ngx_http_results_status_json(ngx_http_request_t *r,
    results_buf_t *buf);
static void ngx_http_results_status_batches(results_buf_t *buf,
    ngx_http_results_counters_t *sum);
static void ngx_http_results_status_tokens(results_buf_t *buf,
    ngx_shm_zone_t *zone);


/* those of a group stand together; none of its own: "tokens", "batch_rows" */

static ngx_http_results_metric_t  ngx_http_results_metrics[] = {
    ngx_http_results_metric("", "bytes_in", bytes_in),
    ngx_http_results_metric("", "rows", rows),
    ngx_http_results_metric("", "rows_orphaned", rows_orphaned),
    ngx_http_results_metric("", "batches", batches),
    ngx_http_results_metric("", "outcomes_unknown", outcomes_unknown),

    ngx_http_results_metric("requests", "created", requests_created),
    ngx_http_results_metric("requests", "ok", requests_ok),
    ngx_http_results_metric("requests", "unauthorized", requests_unauthorized),
    ngx_http_results_metric("requests", "forbidden", requests_forbidden),
    ngx_http_results_metric("requests", "invalid", requests_invalid),
    ngx_http_results_metric("requests", "unavailable", requests_unavailable),
    ngx_http_results_metric("requests", "error", requests_error),
    ngx_http_results_metric("requests", "aborted", requests_aborted),

    ngx_http_results_metric("groups", "isolated", groups_isolated),
    ngx_http_results_metric("groups", "refused", groups_refused),
    ngx_http_results_metric("groups", "superseded", groups_superseded),
    ngx_http_results_metric("groups", "rerun", groups_rerun),

    ngx_http_results_metric("queue", "rows", queue_rows),
    ngx_http_results_metric("queue", "bytes", queue_bytes),
    ngx_http_results_metric("queue", "refused", queue_refused),

    ngx_http_results_metric("connections", "down", connections_down),
    ngx_http_results_metric("connections", "connecting",
                            connections_connecting),
    ngx_http_results_metric("connections", "idle", connections_idle),
    ngx_http_results_metric("connections", "busy", connections_busy),
    ngx_http_results_metric("connections", "connects", connects),
    ngx_http_results_metric("connections", "failures", connect_failures),
    ngx_http_results_metric("connections", "lost", connections_lost),

    ngx_http_results_metric("tokens", "hits", token_hits),
    ngx_http_results_metric("tokens", "misses", token_misses),
    ngx_http_results_metric("tokens", "negative_hits", token_negative),
    ngx_http_results_metric("tokens", "lookups", token_lookups),
    ngx_http_results_metric("tokens", "queries", token_queries),

    { NULL, NULL, 0 }
};


/* results_status [json] */

char *
ngx_http_results_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_results_main_conf_t  *mcf;

    (void) cmd;
    (void) conf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "json") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown format \"%V\", the known one is: json",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);
    mcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_results_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_results_status_handler(ngx_http_request_t *r)
{
    ngx_int_t      rc;
    ngx_buf_t     *b;
    ngx_chain_t    out;
    results_buf_t  json;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&json, sizeof(results_buf_t));

    ngx_http_results_status_json(r, &json);

    b = json.failed ? NULL : ngx_create_temp_buf(r->pool, json.len);

    if (b) {
        b->last = ngx_cpymem(b->pos, json.data, json.len);
    }

    results_buf_free(&json);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_results_status_json(ngx_http_request_t *r, results_buf_t *buf)
{
    const char                    *group;
    ngx_http_results_metric_t     *m;
    ngx_http_results_counters_t    sum;
    ngx_http_results_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_results_module);

    ngx_http_results_counters_sum(&sum);

    results_buf_puts(buf, "{\"version\":\"" NGX_HTTP_RESULTS_VERSION "\","
                          "\"nginx\":\"" NGINX_VERSION "\"");

    group = "";

    for (m = ngx_http_results_metrics; m->group; m++) {

        if (ngx_strcmp(m->group, group) != 0) {

            if (*group) {
                results_buf_puts(buf, "}");
            }

            group = m->group;
            results_buf_printf(buf, ",\"%s\":{", group);

        } else {
            results_buf_puts(buf, ",");
        }

        results_buf_printf(buf, "\"%s\":%lu", m->name,
                           (unsigned long) *(ngx_atomic_uint_t *)
                               ((u_char *) &sum + m->offset));
    }

    /* "tokens" is the last group, and still open */

    if (mcf->tokens) {
        ngx_http_results_status_tokens(buf, mcf->tokens);
    }

    results_buf_puts(buf, "}");

    ngx_http_results_status_batches(buf, &sum);

    results_buf_puts(buf, "}\n");
}


/* batches of 1, 2, 3 to 4 ... 257 to 512, and more rows */

static void
ngx_http_results_status_batches(results_buf_t *buf,
    ngx_http_results_counters_t *sum)
{
    ngx_uint_t  i, last;

    last = NGX_HTTP_RESULTS_BATCH_BUCKETS - 1;

    results_buf_puts(buf, ",\"batch_rows\":{");

    for (i = 0; i < last; i++) {
        results_buf_printf(buf, "\"%lu\":%lu,", 1UL << i,
                           (unsigned long) sum->batch_rows[i]);
    }

    results_buf_printf(buf, "\"more\":%lu}",
                       (unsigned long) sum->batch_rows[last]);
}


static void
ngx_http_results_status_tokens(results_buf_t *buf, ngx_shm_zone_t *zone)
{
    ngx_http_results_tokens_stat_t  stat;

    ngx_http_results_tokens_stat(zone, &stat);

    results_buf_printf(buf, ",\"entries\":%lu,\"capacity\":%lu,"
                       "\"negative\":%lu,\"negative_capacity\":%lu,"
                       "\"evictions\":%lu",
                       (unsigned long) stat.entries,
                       (unsigned long) stat.capacity,
                       (unsigned long) stat.negative,
                       (unsigned long) stat.negative_capacity,
                       (unsigned long) stat.evictions);
}


ngx_int_t
ngx_http_results_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                    status;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->dialect == NULL || r != r->main) {
        return NGX_OK;
    }

    ngx_http_results_add(bytes_in, r->request_length);

    status = r->err_status ? r->err_status : r->headers_out.status;

    if (status == NGX_HTTP_CREATED) {
        ngx_http_results_count(requests_created);

    } else if (status >= 200 && status < 300) {
        ngx_http_results_count(requests_ok);

    } else if (status == NGX_HTTP_UNAUTHORIZED) {
        ngx_http_results_count(requests_unauthorized);

    } else if (status == NGX_HTTP_FORBIDDEN) {
        ngx_http_results_count(requests_forbidden);

    } else if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST || status == 0) {
        ngx_http_results_count(requests_aborted);

    } else if (status < 500) {
        ngx_http_results_count(requests_invalid);

    } else if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_http_results_count(requests_unavailable);

    } else {
        ngx_http_results_count(requests_error);
    }

    return NGX_OK;
}
