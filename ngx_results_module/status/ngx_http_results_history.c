
/*
 * Samples of the last minutes, for the status page.  Every two seconds one
 * worker, the first whose timer runs out, writes a sample of some of the sums.
 * The samples lie in the zone of the counters and outlive reloads and workers.
 *
 * The worker that succeeds in changing `last` writes the next sample, and then
 * increments `n`, so that it is read.  A worker that is killed or stopped in
 * between leaves a sample that nobody reads; two seconds later another worker
 * overwrites it.  If the first one then goes on, it finds that `last` has
 * changed and writes nothing.
 */

#include "ngx_http_results_metrics.h"


#define NGX_HTTP_RESULTS_SAMPLE_EVERY  2000   /* milliseconds */
#define NGX_HTTP_RESULTS_SAMPLE_EARLY  100    /* that a timer may be early */
#define NGX_HTTP_RESULTS_SAMPLES       300

#define ngx_http_results_sampled(name, field)                                 \
    { name, offsetof(ngx_http_results_report_t, field) }


/* the numbers of a sample: their paths in the JSON, their places in a report */
static const struct {
    const char             *path;
    size_t                  offset;
} ngx_http_results_sampled[] = {
    ngx_http_results_sampled("requests/created", apis.created),
    ngx_http_results_sampled("requests/ok", apis.ok),
    ngx_http_results_sampled("requests/unauthorized", apis.unauthorized),
    ngx_http_results_sampled("requests/forbidden", apis.forbidden),
    ngx_http_results_sampled("requests/invalid", apis.invalid),
    ngx_http_results_sampled("requests/unavailable", apis.unavailable),
    ngx_http_results_sampled("requests/error", apis.error),
    ngx_http_results_sampled("requests/aborted", apis.aborted),
    ngx_http_results_sampled("rows", stores.rows),
    ngx_http_results_sampled("queue/rows", stores.queue_rows),
    ngx_http_results_sampled("connections/down", stores.connections_down),
    ngx_http_results_sampled("connections/connecting",
                             stores.connections_connecting),
    ngx_http_results_sampled("connections/idle", stores.connections_idle),
    ngx_http_results_sampled("connections/busy", stores.connections_busy),
    ngx_http_results_sampled("tokens/hits", tokens.token_hits),
    ngx_http_results_sampled("tokens/misses", tokens.token_misses),
    ngx_http_results_sampled("tokens/negative_hits", tokens.token_negative)
};

#define NGX_HTTP_RESULTS_SAMPLED                                              \
    (sizeof(ngx_http_results_sampled) / sizeof(ngx_http_results_sampled[0]))


typedef struct {
    uint64_t                time;           /* milliseconds since 1970 */
    ngx_atomic_uint_t       values[NGX_HTTP_RESULTS_SAMPLED];
    ngx_atomic_uint_t       commit_time[NGX_HTTP_RESULTS_BOUNDS + 1];
} ngx_http_results_sample_t;


struct ngx_http_results_history_s {
    ngx_atomic_t               last;        /* ngx_current_msec when the last
                                               sample was begun; 0: none was */
    ngx_atomic_t               n;           /* samples written so far */
    ngx_http_results_sample_t  samples[NGX_HTTP_RESULTS_SAMPLES];
};


static void ngx_http_results_history_handler(ngx_event_t *ev);


const size_t  ngx_http_results_history_size =
                                          sizeof(ngx_http_results_history_t);

static ngx_event_t                 ngx_http_results_history_event;
static ngx_http_results_report_t   ngx_http_results_history_report;
static ngx_http_results_history_t *ngx_http_results_history;


void
ngx_http_results_history_init_process(ngx_cycle_t *cycle,
    ngx_http_results_main_conf_t *mcf)
{
    ngx_event_t  *ev;

    /* without a results_status nobody reads the samples, so none are taken */

    ngx_http_results_history = mcf->policy.len
                               ? ngx_http_results_counters_history() : NULL;

    if (ngx_http_results_history == NULL) {
        return;
    }

    ev = &ngx_http_results_history_event;

    ev->handler = ngx_http_results_history_handler;
    ev->data = mcf;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, 1);
}


void
ngx_http_results_history_exit_process(void)
{
    if (ngx_http_results_history_event.timer_set) {
        ngx_del_timer(&ngx_http_results_history_event);
    }
}


static void
ngx_http_results_history_handler(ngx_event_t *ev)
{
    ngx_uint_t                     i;
    ngx_time_t                    *tp;
    ngx_atomic_uint_t              last, turn, n;
    ngx_http_results_sample_t     *sample;
    ngx_http_results_report_t     *report;
    ngx_http_results_history_t    *history;
    ngx_http_results_main_conf_t  *mcf;

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_RESULTS_SAMPLE_EVERY);

    mcf = ev->data;
    history = ngx_http_results_history;
    last = history->last;
    turn = ngx_current_msec;

    /* ngx_current_msec of the worker that set last may be ahead of ours */

    if ((last
         && (ngx_msec_int_t) (ngx_current_msec - last)
            < NGX_HTTP_RESULTS_SAMPLE_EVERY - NGX_HTTP_RESULTS_SAMPLE_EARLY)
        || !ngx_atomic_cmp_set(&history->last, last, turn))
    {
        return;
    }

    n = history->n;

    report = &ngx_http_results_history_report;
    ngx_http_results_report(report, mcf);

    if (history->last != turn) {
        return;
    }

    sample = &history->samples[n % NGX_HTTP_RESULTS_SAMPLES];

    tp = ngx_timeofday();
    sample->time = (uint64_t) tp->sec * 1000 + tp->msec;

    for (i = 0; i < NGX_HTTP_RESULTS_SAMPLED; i++) {
        sample->values[i] = *(ngx_atomic_uint_t *)
                   ((u_char *) report + ngx_http_results_sampled[i].offset);
    }

    for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS + 1; i++) {
        sample->commit_time[i] = report->stores.commit_time.buckets[i];
    }

    ngx_memory_barrier();
    (void) ngx_atomic_cmp_set(&history->n, n, n + 1);
}


void
ngx_http_results_history_json(results_buf_t *buf)
{
    ngx_uint_t                   i, k, n;
    ngx_http_results_sample_t   *sample;
    ngx_http_results_history_t  *history;

    history = ngx_http_results_history;

    results_buf_puts(buf, ",\"history\":{\"fields\":[\"time\"");

    for (i = 0; i < NGX_HTTP_RESULTS_SAMPLED; i++) {
        results_buf_printf(buf, ",\"%s\"", ngx_http_results_sampled[i].path);
    }

    for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS; i++) {
        results_buf_printf(buf, ",\"commit_time/%.10g\"",
                           (double) ngx_http_results_time_bounds[i] / 1000000);
    }

    results_buf_puts(buf, ",\"commit_time/more\"],\"samples\":[");

    /* the oldest one is left out: it may be being overwritten now */

    n = history ? history->n : 0;
    k = (n < NGX_HTTP_RESULTS_SAMPLES) ? 0 : n - NGX_HTTP_RESULTS_SAMPLES + 1;

    for ( /* void */ ; k < n; k++) {
        sample = &history->samples[k % NGX_HTTP_RESULTS_SAMPLES];

        results_buf_printf(buf, "[%llu.%03u",
                           (unsigned long long) sample->time / 1000,
                           (unsigned) (sample->time % 1000));

        for (i = 0; i < NGX_HTTP_RESULTS_SAMPLED; i++) {
            results_buf_printf(buf, ",%lu",
                               (unsigned long) sample->values[i]);
        }

        for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS + 1; i++) {
            results_buf_printf(buf, ",%lu",
                               (unsigned long) sample->commit_time[i]);
        }

        results_buf_puts(buf, (k + 1 < n) ? "]," : "]");
    }

    results_buf_puts(buf, "]}");
}
