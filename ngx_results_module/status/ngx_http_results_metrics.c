
/*
 * The numbers there are, and a snapshot of them: see
 * ngx_http_results_metrics.h.  What the names mean is in docs/operations.md.
 */

#include "ngx_http_results_metrics.h"


#define ngx_http_results_metric(type, group, name, family, label, help,        \
    counters, field)                                                           \
    { group, name, family, label, NGX_HTTP_RESULTS_##type, help,               \
      offsetof(counters, field) }

#define ngx_http_results_api_n(group, family, label, help, field)              \
    ngx_http_results_metric(COUNTER, group, #field, family, label, help,       \
                            ngx_http_results_api_counters_t, field)

#define ngx_http_results_store_n(type, group, name, family, label, help,       \
    field)                                                                     \
    ngx_http_results_metric(type, group, name, family, label, help,            \
                            ngx_http_results_store_counters_t, field)

#define ngx_http_results_token_n(type, name, family, label, help, field)       \
    ngx_http_results_metric(type, "", name, family, label, help,               \
                            ngx_http_results_token_counters_t, field)

#define ngx_http_results_end                                                   \
    { NULL, NULL, NULL, NULL, NGX_HTTP_RESULTS_COUNTER, NULL, 0 }


const ngx_http_results_metric_t  ngx_http_results_api_metrics[] = {

    ngx_http_results_api_n("", "request_bytes", NULL,
        "Bytes of the requests, their headers included.", bytes_in),
    ngx_http_results_api_n("", "far_dates", NULL,
        "Events taken whose dateCreated is far from now.", far_dates),

    ngx_http_results_api_n("requests", "requests", "outcome=\"created\"",
        "Requests by their outcome.", created),
    ngx_http_results_api_n("requests", "requests", "outcome=\"ok\"",
        NULL, ok),
    ngx_http_results_api_n("requests", "requests", "outcome=\"unauthorized\"",
        NULL, unauthorized),
    ngx_http_results_api_n("requests", "requests", "outcome=\"forbidden\"",
        NULL, forbidden),
    ngx_http_results_api_n("requests", "requests", "outcome=\"invalid\"",
        NULL, invalid),
    ngx_http_results_api_n("requests", "requests", "outcome=\"unavailable\"",
        NULL, unavailable),
    ngx_http_results_api_n("requests", "requests", "outcome=\"error\"",
        NULL, error),
    ngx_http_results_api_n("requests", "requests", "outcome=\"aborted\"",
        NULL, aborted),

    ngx_http_results_end
};


const ngx_http_results_metric_t  ngx_http_results_store_metrics[] = {

    ngx_http_results_store_n(COUNTER, "", "rows", "rows", NULL,
        "Rows committed.", rows),
    ngx_http_results_store_n(COUNTER, "", "rows_orphaned", "rows_orphaned",
        NULL, "Rows committed after their client had left.", rows_orphaned),
    ngx_http_results_store_n(COUNTER, "", "rows_left_out", "rows_left_out",
        NULL, "Rows left out of replies, as they can't be shown.",
        rows_left_out),
    ngx_http_results_store_n(COUNTER, "", "batches", NULL, NULL,
        "Statements committed.", batches),
    ngx_http_results_store_n(COUNTER, "", "retries", "batch_retries", NULL,
        "Statements run again after a deadlock or a timeout of the database.",
        retries),
    ngx_http_results_store_n(COUNTER, "", "outcomes_unknown",
        "outcomes_unknown", NULL,
        "Requests answered 503 whose rows may be stored.", outcomes_unknown),

    ngx_http_results_store_n(COUNTER, "", "away", "away", NULL,
        "Requests answered 503 at once, as the database was away for long.",
        away),

    ngx_http_results_store_n(COUNTER, "groups", "isolated", "groups",
        "event=\"isolated\"",
        "Requests' rows that were refused, or sent again, and why.",
        groups_isolated),
    ngx_http_results_store_n(COUNTER, "groups", "refused", "groups",
        "event=\"refused\"", NULL, groups_refused),
    ngx_http_results_store_n(COUNTER, "groups", "superseded", "groups",
        "event=\"superseded\"", NULL, groups_superseded),
    ngx_http_results_store_n(COUNTER, "groups", "ahead", "groups",
        "event=\"ahead\"", NULL, groups_ahead),
    ngx_http_results_store_n(COUNTER, "groups", "rerun", "groups",
        "event=\"rerun\"", NULL, groups_rerun),

    ngx_http_results_store_n(GAUGE, "queue", "rows", "queue_rows", NULL,
        "Rows that wait.", queue_rows),
    ngx_http_results_store_n(GAUGE, "queue", "bytes", "queue_bytes", NULL,
        "Bytes of the rows that wait.", queue_bytes),
    ngx_http_results_store_n(GAUGE, "queue", "limit", "queue_limit_rows", NULL,
        "Rows that may wait, in all workers.", queue_limit),
    ngx_http_results_store_n(GAUGE, "queue", "rows_max", "queue_rows_max", NULL,
        "The most rows that ever waited in one worker.", queue_rows_max),
    ngx_http_results_store_n(COUNTER, "queue", "refused", "queue_refused", NULL,
        "Requests answered 503 for a full queue.", queue_refused),
    ngx_http_results_store_n(COUNTER, "queue", "key_refused",
        "queue_key_refused", NULL,
        "Requests answered 503 as too many waited for one result.",
        queue_key_refused),

    ngx_http_results_store_n(GAUGE, "connections", "down", "connections",
        "state=\"down\"", "Connections to the database by their state.",
        connections_down),
    ngx_http_results_store_n(GAUGE, "connections", "connecting", "connections",
        "state=\"connecting\"", NULL, connections_connecting),
    ngx_http_results_store_n(GAUGE, "connections", "idle", "connections",
        "state=\"idle\"", NULL, connections_idle),
    ngx_http_results_store_n(GAUGE, "connections", "busy", "connections",
        "state=\"busy\"", NULL, connections_busy),
    ngx_http_results_store_n(COUNTER, "connections", "connects", "connects",
        NULL, "Attempts to connect.", connects),
    ngx_http_results_store_n(COUNTER, "connections", "failures",
        "connect_failures", NULL, "Attempts to connect that failed.",
        connect_failures),
    ngx_http_results_store_n(COUNTER, "connections", "lost",
        "connections_lost", NULL, "Connections that broke.",
        connections_lost),
    ngx_http_results_store_n(COUNTER, "connections", "reconnects", "reconnects",
        NULL, "Connections made after one broke or could not be made.",
        reconnects),

    ngx_http_results_end
};


const ngx_http_results_metric_t  ngx_http_results_token_metrics[] = {

    ngx_http_results_token_n(COUNTER, "hits", "token_checks",
        "result=\"hit\"", "Tokens of requests, by what the cache knew.",
        token_hits),
    ngx_http_results_token_n(COUNTER, "misses", "token_checks",
        "result=\"miss\"", NULL, token_misses),
    ngx_http_results_token_n(COUNTER, "negative_hits", "token_checks",
        "result=\"negative\"", NULL, token_negative),
    ngx_http_results_token_n(COUNTER, "lookups", "token_lookups", NULL,
        "Tokens asked of the database.", token_lookups),
    ngx_http_results_token_n(COUNTER, "queries", "token_queries", NULL,
        "Statements that asked for tokens.", token_queries),
    ngx_http_results_token_n(COUNTER, "evictions", "token_evictions", NULL,
        "Tokens that left the cache before their time.", zone.evictions),
    ngx_http_results_token_n(GAUGE, "entries", "token_entries",
        "kind=\"good\"", "Tokens in the cache.", zone.entries),
    ngx_http_results_token_n(GAUGE, "negative", "token_entries",
        "kind=\"unknown\"", NULL, zone.negative),
    ngx_http_results_token_n(GAUGE, "capacity", "token_capacity",
        "kind=\"good\"", "Tokens that the cache has room for.",
        zone.capacity),
    ngx_http_results_token_n(GAUGE, "negative_capacity", "token_capacity",
        "kind=\"unknown\"", NULL, zone.negative_capacity),

    ngx_http_results_end
};


const ngx_http_results_distribution_t  ngx_http_results_distributions[] = {

    { "batch_rows", "batch_rows", "Rows of a committed statement.",
      ngx_http_results_rows_bounds, 1,
      offsetof(ngx_http_results_store_counters_t, batch_rows) },

    { "queue_time", "queue_seconds",
      "Time that committed rows of a request waited until they were sent.",
      ngx_http_results_time_bounds, 1000000,
      offsetof(ngx_http_results_store_counters_t, queue_time) },

    { "commit_time", "commit_seconds",
      "Time from sending a statement to its commit.",
      ngx_http_results_time_bounds, 1000000,
      offsetof(ngx_http_results_store_counters_t, commit_time) },

    { "work_time", "work_seconds",
      "Time that a step of a request had a worker for itself.",
      ngx_http_results_time_bounds, 1000000,
      offsetof(ngx_http_results_store_counters_t, work_time) },

    { NULL, NULL, NULL, NULL, 0, 0 }
};


void
ngx_http_results_report(ngx_http_results_report_t *report,
    ngx_http_results_main_conf_t *mcf)
{
    ngx_uint_t                        i;
    ngx_http_results_api_counters_t  *api;

    ngx_memzero(report, sizeof(ngx_http_results_report_t));

    report->mcf = mcf;
    report->workers = ngx_http_results_counters_sum(&report->sum);

    for (i = 0; i < NGX_HTTP_RESULTS_API_SLOTS; i++) {
        api = &report->sum.apis[i];

#define NGX_HTTP_RESULTS_FIELD(name)  report->apis.name += api->name;
        NGX_HTTP_RESULTS_API_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD
    }

    for (i = 0; i < NGX_HTTP_RESULTS_STORE_SLOTS; i++) {
        ngx_http_results_store_counters_add(&report->stores,
                                            &report->sum.stores[i], 1);
    }

#define NGX_HTTP_RESULTS_FIELD(name)  report->tokens.name = report->sum.name;
    NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

    if (report->mcf->tokens) {
        ngx_http_results_tokens_stat(report->mcf->tokens,
                                     &report->tokens.zone);
    }
}


ngx_uint_t
ngx_http_results_next_api(ngx_http_results_report_t *report, ngx_uint_t *slot,
    ngx_http_results_part_t *part)
{
    ngx_uint_t  i;

    for (i = *slot; i < NGX_HTTP_RESULTS_API_SLOTS; i++) {

        if (report->mcf->apis & ((ngx_uint_t) 1 << i)) {
            part->slot = i;
            part->name = results_str(ngx_http_results_api_name(i));
            part->counters = &report->sum.apis[i];

            *slot = i + 1;
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_results_next_store(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part)
{
    ngx_str_t                        name;
    ngx_uint_t                       i, n;
    ngx_http_results_store_conf_t  **stores;

    stores = report->mcf->stores.elts;

    for (i = *slot; i < NGX_HTTP_RESULTS_STORE_SLOTS; i++) {

        for (n = 0; n < report->mcf->stores.nelts; n++) {

            if (stores[n]->counters != i) {
                continue;
            }

            name = ngx_http_results_counters_name(i);

            part->slot = i;
            part->name.len = name.len;
            part->name.data = (const char *) name.data;
            part->counters = &report->sum.stores[i];

            *slot = i + 1;
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_results_next_tokens(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part)
{
    part->slot = 0;
    part->name = results_str(NULL);
    part->counters = &report->tokens;

    return (*slot)++ == 0;
}


ngx_uint_t
ngx_http_results_servers(ngx_uint_t slot, ngx_http_results_server_t *servers,
    char *trouble)
{
    ngx_uint_t                          i, k, n;
    ngx_http_results_server_t           server;
    ngx_http_results_counters_t        *process;
    ngx_http_results_store_counters_t  *store;

    n = 0;
    trouble[0] = '\0';

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {

        process = ngx_http_results_counters_of(i);

        if (process == NULL) {
            continue;
        }

        store = &process->stores[slot];

        if (trouble[0] == '\0') {
            ngx_http_results_text_get(&store->writer_trouble, trouble);
        }

        if (trouble[0] == '\0') {
            ngx_http_results_text_get(&store->reader_trouble, trouble);
        }

        ngx_http_results_text_get(&store->server, server.name);

        if (server.name[0] == '\0') {
            continue;
        }

        server.version = store->server_version;
        server.standby = store->server_standby;
        server.workers = 0;

        for (k = 0; k < n; k++) {
            if (ngx_strcmp(servers[k].name, server.name) == 0
                && servers[k].standby == server.standby)
            {
                break;
            }
        }

        if (k == NGX_HTTP_RESULTS_SERVERS_MAX) {
            continue;
        }

        if (k == n) {
            servers[n++] = server;
        }

        servers[k].workers++;
    }

    return n;
}


const char *
ngx_http_results_server_role(ngx_http_results_server_t *server)
{
    return server->standby ? "standby" : "primary";
}


/* PQserverVersion(): 150004 is 15.4, 90624 was 9.6.24 */

char *
ngx_http_results_server_version(ngx_http_results_server_t *server,
    char *version)
{
    ngx_sprintf((u_char *) version, "%ui.%ui%Z", server->version / 10000,
                server->version % 10000);

    return version;
}
