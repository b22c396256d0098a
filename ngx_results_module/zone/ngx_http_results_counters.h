
/*
 * Counters in shared memory.  Each process writes the slot of its
 * ngx_process_slot, alone and without a lock; a reader adds the slots up.
 * Counters only grow and stay when their process is gone; gauges belong to a
 * pid and are ignored when it is not alive.
 */

#ifndef NGX_HTTP_RESULTS_COUNTERS_H
#define NGX_HTTP_RESULTS_COUNTERS_H

#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_RESULTS_BATCH_BUCKETS  11  /* 1, 2, 4 ... 512, more */

/* X(name): monotonic counters */
#define NGX_HTTP_RESULTS_COUNTERS(X)                                          \
    X(requests_created)                                                       \
    X(requests_ok)             /* other 2xx */                                \
    X(requests_unauthorized)   /* 401 */                                      \
    X(requests_forbidden)      /* 403 */                                      \
    X(requests_invalid)        /* other 4xx */                                \
    X(requests_unavailable)    /* 503 */                                      \
    X(requests_error)          /* other 5xx */                                \
    X(requests_aborted)        /* the client left first */                    \
    X(bytes_in)                                                               \
    X(rows)                    /* committed */                                \
    X(batches)                 /* committed */                                \
    X(rows_orphaned)           /* committed after the client had left */      \
    X(groups_isolated)                                                        \
    X(groups_refused)                                                         \
    X(groups_superseded)                                                      \
    X(groups_rerun)            /* after a lost connection */                  \
    X(outcomes_unknown)                                                       \
    X(queue_refused)           /* 503 for a full queue */                     \
    X(connects)                                                               \
    X(connect_failures)                                                       \
    X(connections_lost)                                                       \
    X(token_hits)                                                             \
    X(token_misses)                                                           \
    X(token_negative)                                                         \
    X(token_lookups)           /* tokens asked of a store */                  \
    X(token_queries)           /* statements that asked */

/* X(name): gauges, summed over live processes */
#define NGX_HTTP_RESULTS_GAUGES(X)                                            \
    X(queue_rows)                                                             \
    X(queue_bytes)                                                            \
    X(connections_down)                                                       \
    X(connections_connecting)                                                 \
    X(connections_idle)                                                       \
    X(connections_busy)


typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
    ngx_atomic_uint_t       batch_rows[NGX_HTTP_RESULTS_BATCH_BUCKETS];
    NGX_HTTP_RESULTS_GAUGES(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD
    ngx_pid_t               pid;
} ngx_http_results_counters_t;


/* this process's slot: never NULL, a private one where there is no zone */
extern ngx_http_results_counters_t  *ngx_http_results_counters;

#define ngx_http_results_count(name)  (ngx_http_results_counters->name++)
#define ngx_http_results_add(name, n) (ngx_http_results_counters->name += (n))


/* registers the zone, at configuration time; NULL with the error logged */
ngx_shm_zone_t *ngx_http_results_counters_add(ngx_conf_t *cf, void *tag);

/* points ngx_http_results_counters at this process's slot, gauges zeroed */
void ngx_http_results_counters_init_process(ngx_shm_zone_t *zone);

/* gauges to zero; the counters stay */
void ngx_http_results_counters_exit_process(void);

/* a committed batch of n rows */
void ngx_http_results_count_batch(ngx_uint_t n);

/* adds the slots of all processes up */
void ngx_http_results_counters_sum(ngx_http_results_counters_t *sum);


#endif /* NGX_HTTP_RESULTS_COUNTERS_H */
