
/*
 * results_status in Prometheus's text format 0.0.4, or in OpenMetrics 1.0.  In
 * the latter HELP and TYPE name a counter without "_total", and "# EOF" ends
 * the text.  In both the samples of a family must stand together.
 */

#include "ngx_http_results_metrics.h"


#define NGX_HTTP_RESULTS_PREFIX  "nginx_results_"


typedef struct {
    ngx_http_results_report_t  *report;
    results_buf_t              *buf;
    ngx_uint_t                  openmetrics;
} ngx_http_results_exposition_t;


static void ngx_http_results_expose_module(ngx_http_results_exposition_t *e);
static void ngx_http_results_expose(ngx_http_results_exposition_t *e,
    const ngx_http_results_metric_t *metrics, ngx_http_results_next_pt next,
    const char *label);
static void ngx_http_results_expose_family(ngx_http_results_exposition_t *e,
    const ngx_http_results_metric_t *metrics, const char *label,
    results_str_t value, void *counters);
static void ngx_http_results_expose_distributions(
    ngx_http_results_exposition_t *e);
static void ngx_http_results_expose_histogram(
    ngx_http_results_exposition_t *e,
    const ngx_http_results_distribution_t *d, ngx_http_results_part_t *part);
static void ngx_http_results_expose_servers(ngx_http_results_exposition_t *e);
static void ngx_http_results_expose_errors(ngx_http_results_exposition_t *e);
static void ngx_http_results_describe(ngx_http_results_exposition_t *e,
    const char *family, const char *type, const char *help);
static void ngx_http_results_label(results_buf_t *buf, const char *name,
    results_str_t value);


void
ngx_http_results_status_prometheus(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t openmetrics)
{
    ngx_http_results_exposition_t  e;

    e.report = report;
    e.buf = buf;
    e.openmetrics = openmetrics;

    ngx_http_results_expose_module(&e);

    ngx_http_results_expose(&e, ngx_http_results_api_metrics,
                            ngx_http_results_next_api, "api");
    ngx_http_results_expose(&e, ngx_http_results_store_metrics,
                            ngx_http_results_next_store, "store");
    ngx_http_results_expose(&e, ngx_http_results_token_metrics,
                            ngx_http_results_next_tokens, NULL);

    ngx_http_results_expose_distributions(&e);
    ngx_http_results_expose_servers(&e);
    ngx_http_results_expose_errors(&e);

    if (openmetrics) {
        results_buf_puts(buf, "# EOF\n");
    }
}


static void
ngx_http_results_expose_module(ngx_http_results_exposition_t *e)
{
    ngx_http_results_describe(e, "info", "gauge",
                              "Versions of the module and of nginx.");

    results_buf_puts(e->buf, NGX_HTTP_RESULTS_PREFIX "info{version=\""
                     NGX_HTTP_RESULTS_VERSION "\",nginx=\"" NGINX_VERSION
                     "\"} 1\n");

    ngx_http_results_describe(e, "start_time_seconds", "gauge",
                              "When nginx was started.");

    results_buf_printf(e->buf, NGX_HTTP_RESULTS_PREFIX "start_time_seconds "
                       "%lld\n",
                       (long long) ngx_http_results_counters_started());

    ngx_http_results_describe(e, "workers", "gauge",
                              "Workers that are alive.");

    results_buf_printf(e->buf, NGX_HTTP_RESULTS_PREFIX "workers %lu\n",
                       (unsigned long) e->report->workers);
}


/* for each family of a table, the samples of each part */

static void
ngx_http_results_expose(ngx_http_results_exposition_t *e,
    const ngx_http_results_metric_t *metrics, ngx_http_results_next_pt next,
    const char *label)
{
    ngx_uint_t                        slot;
    ngx_http_results_part_t           part;
    const ngx_http_results_metric_t  *m;

    for (m = metrics; m->name; m++) {

        if (m->family == NULL || m->help == NULL) {
            continue;
        }

        ngx_http_results_describe(e, m->family,
                                  m->type == NGX_HTTP_RESULTS_COUNTER
                                  ? "counter" : "gauge",
                                  m->help);

        slot = 0;

        while (next(e->report, &slot, &part)) {
            ngx_http_results_expose_family(e, m, label, part.name,
                                           part.counters);
        }
    }
}


/* the samples of one family, whose first metric is *metrics */

static void
ngx_http_results_expose_family(ngx_http_results_exposition_t *e,
    const ngx_http_results_metric_t *metrics, const char *label,
    results_str_t value, void *counters)
{
    results_buf_t                    *buf;
    const ngx_http_results_metric_t  *m;

    buf = e->buf;

    for (m = metrics; m == metrics || (m->name && m->help == NULL); m++) {

        results_buf_printf(buf, NGX_HTTP_RESULTS_PREFIX "%s%s", m->family,
                           m->type == NGX_HTTP_RESULTS_COUNTER ? "_total"
                                                               : "");

        if (label || m->label) {
            results_buf_puts(buf, "{");

            if (label) {
                ngx_http_results_label(buf, label, value);
            }

            results_buf_printf(buf, "%s%s}", label && m->label ? "," : "",
                               m->label ? m->label : "");
        }

        results_buf_printf(buf, " %lu\n",
                           ngx_http_results_metric_value(m, counters));
    }
}


static void
ngx_http_results_expose_distributions(ngx_http_results_exposition_t *e)
{
    ngx_uint_t                              slot;
    ngx_http_results_part_t                 part;
    const ngx_http_results_distribution_t  *d;

    for (d = ngx_http_results_distributions; d->name; d++) {

        ngx_http_results_describe(e, d->family, "histogram", d->help);

        slot = 0;

        while (ngx_http_results_next_store(e->report, &slot, &part)) {
            ngx_http_results_expose_histogram(e, d, &part);
        }
    }
}


static void
ngx_http_results_expose_histogram(ngx_http_results_exposition_t *e,
    const ngx_http_results_distribution_t *d, ngx_http_results_part_t *part)
{
    ngx_uint_t                     i;
    results_buf_t                 *buf;
    unsigned long                  n;
    ngx_http_results_histogram_t  *h;

    buf = e->buf;
    h = ngx_http_results_histogram(d, part->counters);
    n = 0;

    for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS + 1; i++) {
        n += h->buckets[i];

        results_buf_printf(buf, NGX_HTTP_RESULTS_PREFIX "%s_bucket{",
                           d->family);
        ngx_http_results_label(buf, "store", part->name);

        if (i == NGX_HTTP_RESULTS_BOUNDS) {
            results_buf_printf(buf, ",le=\"+Inf\"} %lu\n", n);

        } else if (d->bounds[i] % d->scale == 0) {
            results_buf_printf(buf, ",le=\"%lu.0\"} %lu\n",
                               (unsigned long) (d->bounds[i] / d->scale), n);

        } else {
            results_buf_printf(buf, ",le=\"%.10g\"} %lu\n",
                               (double) d->bounds[i] / d->scale, n);
        }
    }

    results_buf_printf(buf, NGX_HTTP_RESULTS_PREFIX "%s_sum{", d->family);
    ngx_http_results_label(buf, "store", part->name);
    results_buf_printf(buf, "} %.10g\n", (double) h->sum / d->scale);

    results_buf_printf(buf, NGX_HTTP_RESULTS_PREFIX "%s_count{", d->family);
    ngx_http_results_label(buf, "store", part->name);
    results_buf_printf(buf, "} %lu\n", n);
}


static void
ngx_http_results_expose_servers(ngx_http_results_exposition_t *e)
{
    char                       trouble[NGX_HTTP_RESULTS_TEXT_SIZE];
    ngx_uint_t                  i, n, slot;
    ngx_http_results_part_t     part;
    ngx_http_results_server_t   servers[NGX_HTTP_RESULTS_SERVERS_MAX];

    ngx_http_results_describe(e, "server_workers", "gauge",
                              "Workers by the server that they connected to "
                              "last.");

    slot = 0;

    while (ngx_http_results_next_store(e->report, &slot, &part)) {

        n = ngx_http_results_servers(part.slot, servers, trouble);

        for (i = 0; i < n; i++) {
            results_buf_puts(e->buf,
                             NGX_HTTP_RESULTS_PREFIX "server_workers{");
            ngx_http_results_label(e->buf, "store", part.name);
            results_buf_puts(e->buf, ",");
            ngx_http_results_label(e->buf, "server",
                                   results_str(servers[i].name));
            results_buf_printf(e->buf, ",role=\"%s\"} %lu\n",
                               ngx_http_results_server_role(&servers[i]),
                               (unsigned long) servers[i].workers);
        }
    }
}


static void
ngx_http_results_expose_errors(ngx_http_results_exposition_t *e)
{
    ngx_uint_t                          slot;
    ngx_http_results_part_t             part;
    ngx_http_results_store_counters_t  *store;

    ngx_http_results_describe(e, "last_error_timestamp_seconds", "gauge",
                              "When the database last answered an error, and "
                              "which.");

    slot = 0;

    while (ngx_http_results_next_store(e->report, &slot, &part)) {

        store = part.counters;

        if (store->error_time) {
            results_buf_puts(e->buf, NGX_HTTP_RESULTS_PREFIX
                             "last_error_timestamp_seconds{");
            ngx_http_results_label(e->buf, "store", part.name);
            results_buf_printf(e->buf, ",sqlstate=\"%.5s\"} %lu\n",
                               (char *) &store->sqlstate,
                               (unsigned long) store->error_time);
        }
    }
}


static void
ngx_http_results_describe(ngx_http_results_exposition_t *e,
    const char *family, const char *type, const char *help)
{
    const char  *suffix;

    suffix = (!e->openmetrics && ngx_strcmp(type, "counter") == 0) ? "_total"
                                                                   : "";

    results_buf_printf(e->buf,
                       "# HELP " NGX_HTTP_RESULTS_PREFIX "%s%s %s\n"
                       "# TYPE " NGX_HTTP_RESULTS_PREFIX "%s%s %s\n",
                       family, suffix, help, family, suffix, type);
}


static void
ngx_http_results_label(results_buf_t *buf, const char *name,
    results_str_t value)
{
    size_t  i;

    results_buf_printf(buf, "%s=\"", name);

    for (i = 0; i < value.len; i++) {

        switch (value.data[i]) {

        case '\\':
        case '"':
            results_buf_append(buf, "\\", 1);
            results_buf_append(buf, &value.data[i], 1);
            break;

        case '\n':
            results_buf_puts(buf, "\\n");
            break;

        default:
            results_buf_append(buf, &value.data[i], 1);
        }
    }

    results_buf_puts(buf, "\"");
}
