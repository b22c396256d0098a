
/*
 * Counters in shared memory.  Each process writes the slot of its
 * ngx_process_slot, alone and without a lock; a reader adds the slots up.
 * Counters only grow and stay when their process is gone; gauges and texts
 * belong to a pid and are ignored when it is not alive.
 *
 * A store's counters are found by its name, which the zone keeps over
 * reloads; an API's by its place among the dialects, which only another
 * binary changes, and that has a zone of its own.
 *
 * A process can be killed between any two writes.  What that leaves:
 *
 *     a counter       is one word: counted, or not
 *     a histogram     an observation in a bucket and not in the sum
 *     a gauge         is ignored, as its pid is not alive, until a worker that
 *                     takes the slot zeroes it; where the system gave the pid
 *                     to another program before, it counts meanwhile
 *     a text          its sequence is odd, so it reads as none; the next
 *                     writer makes it even
 *     an SQLSTATE     no time, so it reads as none
 *     a slot          not yet reachable: it is zeroed, then its pointer set
 *     a store's name  the same; the master writes it, so nginx is gone
 *     the history     see status/ngx_http_results_history.c
 *
 * So nothing is locked, no loop follows what lies here, and nobody waits for
 * what a dead one would have done.
 */

#ifndef NGX_HTTP_RESULTS_COUNTERS_H
#define NGX_HTTP_RESULTS_COUNTERS_H

#include <ngx_config.h>
#include <ngx_core.h>


/* the last is shared by those that came when the others were taken */
#define NGX_HTTP_RESULTS_STORE_SLOTS  16
#define NGX_HTTP_RESULTS_API_SLOTS    16

#define NGX_HTTP_RESULTS_BOUNDS       14    /* of a histogram; then more */
#define NGX_HTTP_RESULTS_TEXT_SIZE    248   /* with its terminator */


/* X(name): counters of no store and no API */
#define NGX_HTTP_RESULTS_COUNTERS(X)                                          \
    X(token_hits)                                                             \
    X(token_misses)                                                           \
    X(token_negative)                                                         \
    X(token_lookups)           /* tokens asked of a store */                  \
    X(token_queries)           /* statements that asked */

/* X(name): an API's counters */
#define NGX_HTTP_RESULTS_API_COUNTERS(X)                                      \
    X(created)                                                                \
    X(ok)                      /* other 2xx */                                \
    X(unauthorized)            /* 401 */                                      \
    X(forbidden)               /* 403 */                                      \
    X(invalid)                 /* other 4xx */                                \
    X(unavailable)             /* 503 */                                      \
    X(error)                   /* other 5xx */                                \
    X(aborted)                 /* the client left first */                    \
    X(far_dates)               /* 2xx to what has a date far from now */      \
    X(bytes_in)

/* X(name): a store's counters */
#define NGX_HTTP_RESULTS_STORE_COUNTERS(X)                                    \
    X(rows)                    /* committed */                                \
    X(batches)                 /* committed */                                \
    X(rows_orphaned)           /* committed after the client had left */      \
    X(rows_left_out)           /* of replies: they can't be shown */          \
    X(groups_isolated)                                                        \
    X(groups_refused)                                                         \
    X(groups_superseded)                                                      \
    X(groups_ahead)            /* ... by one that is dated far ahead */       \
    X(groups_rerun)            /* after a lost connection */                  \
    X(retries)                 /* of batches: a deadlock, a lock_timeout */   \
    X(outcomes_unknown)                                                       \
    X(queue_refused)           /* 503 for a full queue */                     \
    X(queue_key_refused)       /* 503 as too many wait for one key */         \
    X(away)                    /* 503 as there has long been no connection */ \
    X(connects)                                                               \
    X(connect_failures)                                                       \
    X(connections_lost)                                                       \
    X(reconnects)              /* successes after a failure or a loss */

/* X(name): a store's gauges, summed over live processes */
#define NGX_HTTP_RESULTS_STORE_GAUGES(X)                                      \
    X(queue_rows)                                                             \
    X(queue_bytes)                                                            \
    X(queue_limit)             /* rows */                                     \
    X(connections_down)                                                       \
    X(connections_connecting)                                                 \
    X(connections_idle)                                                       \
    X(connections_busy)


typedef struct {
    ngx_atomic_uint_t       sum;
    ngx_atomic_uint_t       buckets[NGX_HTTP_RESULTS_BOUNDS + 1];
} ngx_http_results_histogram_t;


/* written by one process while others read: by _text_set() and _text_get() */
typedef struct {
    ngx_atomic_t            sequence;       /* odd while it is written */
    char                    data[NGX_HTTP_RESULTS_TEXT_SIZE];
} ngx_http_results_text_t;


typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_STORE_COUNTERS(NGX_HTTP_RESULTS_FIELD)
    NGX_HTTP_RESULTS_STORE_GAUGES(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

    ngx_http_results_histogram_t  batch_rows;
    ngx_http_results_histogram_t  queue_time;     /* microseconds */
    ngx_http_results_histogram_t  commit_time;
    ngx_http_results_histogram_t  work_time;

    ngx_atomic_uint_t       queue_rows_max; /* of one process, ever */

    ngx_atomic_uint_t       error_time;     /* of the last SQLSTATE, or 0 */
    uint64_t                sqlstate;       /* its characters */

    ngx_http_results_text_t  server;        /* host:port, of the last that
                                               took a connection */
    ngx_atomic_uint_t       server_version;
    ngx_atomic_uint_t       server_standby;
    ngx_http_results_text_t  writer_trouble;    /* why there is no
                                                   connection */
    ngx_http_results_text_t  reader_trouble;
} ngx_http_results_store_counters_t;


typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_API_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD
} ngx_http_results_api_counters_t;


typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

    ngx_http_results_api_counters_t    apis[NGX_HTTP_RESULTS_API_SLOTS];
    ngx_http_results_store_counters_t  stores[NGX_HTTP_RESULTS_STORE_SLOTS];

    ngx_pid_t               pid;
} ngx_http_results_counters_t;


/* a store and its place in the counters, which the zone's init decides */
typedef struct {
    ngx_str_t              *name;
    ngx_uint_t             *slot;
} ngx_http_results_counted_t;


/* this process's slot: never NULL, a private one where there is no zone */
extern ngx_http_results_counters_t  *ngx_http_results_counters;

#define ngx_http_results_count(name)  (ngx_http_results_counters->name++)

/* of a store, by its configuration's place in the counters */
#define ngx_http_results_store_counters(conf)                                 \
    (&ngx_http_results_counters->stores[(conf)->counters])

#define ngx_http_results_store_count(conf, name)                              \
    (ngx_http_results_store_counters(conf)->name++)
#define ngx_http_results_store_add(conf, name, n)                             \
    (ngx_http_results_store_counters(conf)->name += (n))


/* upper bounds of a bucket: rows; microseconds */
extern const ngx_uint_t  ngx_http_results_rows_bounds[];
extern const ngx_uint_t  ngx_http_results_time_bounds[];


/*
 * Registers the zone, at configuration time: stores are those to be given a
 * place (ngx_http_results_counted_t), and live as long as the configuration;
 * history is the size of what _counters_history() gives, always the same.
 * NULL with the error logged.
 */
ngx_shm_zone_t *ngx_http_results_counters_add(ngx_conf_t *cf,
    ngx_array_t *stores, size_t history, void *tag);

/* points ngx_http_results_counters at this process's slot, gauges zeroed */
void ngx_http_results_counters_init_process(ngx_shm_zone_t *zone);

/* gauges to zero; the counters stay */
void ngx_http_results_counters_exit_process(void);

void ngx_http_results_observe(ngx_http_results_histogram_t *histogram,
    const ngx_uint_t *bounds, ngx_uint_t value);

/* a terminated SQLSTATE, and that it was now */
void ngx_http_results_count_sqlstate(ngx_http_results_store_counters_t *store,
    const char *sqlstate);

/* anything but ASCII becomes "?", so that every format can hold it */
void ngx_http_results_text_set(ngx_http_results_text_t *text,
    const char *data);

/* a terminated copy of what another process may be writing */
void ngx_http_results_text_get(ngx_http_results_text_t *text, char *data);


/*
 * For readers.  Adds the slots of all processes up; returns how many of them
 * are alive.  The texts are not set: see _counters_of().
 */
ngx_uint_t ngx_http_results_counters_sum(ngx_http_results_counters_t *sum);

/* adds the counters and gauges of a store to others */
void ngx_http_results_store_counters_add(
    ngx_http_results_store_counters_t *sum,
    ngx_http_results_store_counters_t *store, ngx_uint_t gauges);

/* the slot of the i-th process there may be; NULL where it is not alive */
ngx_http_results_counters_t *ngx_http_results_counters_of(ngx_uint_t i);

/* the name of a store's slot; empty where it has none */
ngx_str_t ngx_http_results_counters_name(ngx_uint_t slot);

/* memory of the zone that begins as zeros; NULL where there is no zone */
void *ngx_http_results_counters_history(void);

/* when the zone was made: when nginx started */
time_t ngx_http_results_counters_started(void);


#endif /* NGX_HTTP_RESULTS_COUNTERS_H */
