
/*
 * results_status as JSON: the sums over all stores and APIs, then each of
 * those that are configured.
 */

#include "ngx_http_results_metrics.h"


static void ngx_http_results_json_members(results_buf_t *buf,
    const ngx_http_results_metric_t *metrics, void *counters);
static void ngx_http_results_json_distributions(results_buf_t *buf,
    void *counters);
static void ngx_http_results_json_store(results_buf_t *buf,
    ngx_http_results_part_t *part);


void
ngx_http_results_status_json(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t history)
{
    const char               *comma;
    ngx_uint_t                slot;
    ngx_http_results_part_t   part;

    results_buf_printf(buf, "{\"version\":\"%s\",\"nginx\":\"%s\","
                       "\"time\":%lld.%03lu,\"started\":%lld,\"workers\":%lu,",
                       NGX_HTTP_RESULTS_VERSION, NGINX_VERSION,
                       (long long) ngx_time(),
                       (unsigned long) ngx_timeofday()->msec,
                       (long long) ngx_http_results_counters_started(),
                       (unsigned long) report->workers);

    ngx_http_results_json_members(buf, ngx_http_results_api_metrics,
                                  &report->apis);
    results_buf_puts(buf, ",");
    ngx_http_results_json_members(buf, ngx_http_results_store_metrics,
                                  &report->stores);
    ngx_http_results_json_distributions(buf, &report->stores);

    results_buf_puts(buf, ",\"tokens\":{");
    ngx_http_results_json_members(buf, ngx_http_results_token_metrics,
                                  &report->tokens);
    results_buf_puts(buf, "},\"apis\":{");

    comma = "";
    slot = 0;

    while (ngx_http_results_next_api(report, &slot, &part)) {
        results_buf_puts(buf, comma);
        results_buf_json_string(buf, part.name);
        results_buf_puts(buf, ":{");
        ngx_http_results_json_members(buf, ngx_http_results_api_metrics,
                                      part.counters);
        results_buf_puts(buf, "}");
        comma = ",";
    }

    results_buf_puts(buf, "},\"stores\":{");

    comma = "";
    slot = 0;

    while (ngx_http_results_next_store(report, &slot, &part)) {
        results_buf_puts(buf, comma);
        results_buf_json_string(buf, part.name);
        results_buf_puts(buf, ":{");
        ngx_http_results_json_store(buf, &part);
        results_buf_puts(buf, "}");
        comma = ",";
    }

    results_buf_puts(buf, "}");

    if (history) {
        ngx_http_results_history_json(buf);
    }

    results_buf_puts(buf, "}\n");
}


static void
ngx_http_results_json_members(results_buf_t *buf,
    const ngx_http_results_metric_t *metrics, void *counters)
{
    const char                       *group;
    const ngx_http_results_metric_t  *m;

    group = "";

    for (m = metrics; m->name; m++) {

        if (ngx_strcmp(m->group, group) != 0) {

            if (*group) {
                results_buf_puts(buf, "}");
            }

            group = m->group;
            results_buf_printf(buf, "%s\"%s\":{", m == metrics ? "" : ",",
                               group);

        } else if (m != metrics) {
            results_buf_puts(buf, ",");
        }

        results_buf_printf(buf, "\"%s\":%lu", m->name,
                           ngx_http_results_metric_value(m, counters));
    }

    if (*group) {
        results_buf_puts(buf, "}");
    }
}


/* the histograms: for each bound, how many were above the one before it */

static void
ngx_http_results_json_distributions(results_buf_t *buf, void *counters)
{
    ngx_uint_t                              i;
    ngx_http_results_histogram_t           *h;
    const ngx_http_results_distribution_t  *d;

    for (d = ngx_http_results_distributions; d->name; d++) {

        h = ngx_http_results_histogram(d, counters);

        results_buf_printf(buf, ",\"%s\":{", d->name);

        for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS; i++) {
            results_buf_printf(buf, "\"%.10g\":%lu,",
                               (double) d->bounds[i] / d->scale,
                               (unsigned long) h->buckets[i]);
        }

        results_buf_printf(buf, "\"more\":%lu,\"sum\":%.10g}",
                           (unsigned long) h->buckets[i],
                           (double) h->sum / d->scale);
    }
}


static void
ngx_http_results_json_store(results_buf_t *buf, ngx_http_results_part_t *part)
{
    char                                version[16];
    char                       trouble[NGX_HTTP_RESULTS_TEXT_SIZE];
    ngx_uint_t                          i, n;
    ngx_http_results_server_t           servers[NGX_HTTP_RESULTS_SERVERS_MAX];
    ngx_http_results_store_counters_t  *store;

    store = part->counters;

    ngx_http_results_json_members(buf, ngx_http_results_store_metrics, store);
    ngx_http_results_json_distributions(buf, store);

    n = ngx_http_results_servers(part->slot, servers, trouble);

    results_buf_puts(buf, ",\"trouble\":");

    if (trouble[0]) {
        results_buf_json_string(buf, results_str(trouble));

    } else {
        results_buf_puts(buf, "null");
    }

    results_buf_puts(buf, ",\"error\":");

    if (store->error_time) {
        results_buf_printf(buf, "{\"sqlstate\":\"%.5s\",\"time\":%lu}",
                           (char *) &store->sqlstate,
                           (unsigned long) store->error_time);

    } else {
        results_buf_puts(buf, "null");
    }

    results_buf_puts(buf, ",\"servers\":[");

    for (i = 0; i < n; i++) {
        results_buf_puts(buf, i ? ",{\"host\":" : "{\"host\":");
        results_buf_json_string(buf, results_str(servers[i].name));
        results_buf_printf(buf, ",\"role\":\"%s\",\"version\":\"%s\","
                           "\"workers\":%lu}",
                           ngx_http_results_server_role(&servers[i]),
                           ngx_http_results_server_version(&servers[i],
                                                           version),
                           (unsigned long) servers[i].workers);
    }

    results_buf_puts(buf, "]");
}
