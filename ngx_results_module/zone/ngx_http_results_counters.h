
/*
 * Counters in shared memory.  Each worker writes the slot of its
 * ngx_process_slot, alone and without a lock; a reader adds the slots up.
 * Counters only grow, and stay when their process is gone.  Gauges and texts
 * belong to the process whose pid is in the slot, and are ignored when it is
 * not alive.
 *
 * A store's counters are found by its name, which the zone keeps over reloads.
 * An API's are found by its place in results_dialects[], which is fixed when
 * the module is compiled; another binary (USR2) makes a zone of its own.
 *
 * A process can be killed between any two writes.  What that leaves:
 *
 *     a counter       it is one word: counted, or not
 *     a histogram     a value counted in its bucket and not in the sum
 *     a gauge         ignored, since its pid is not alive, until the worker
 *                     that takes over the slot zeroes it; should the system
 *                     give the pid to another program first, it is counted
 *                     until then
 *     a text          its sequence is odd, so it is read as empty; the next
 *                     writer makes it even
 *     an SQLSTATE     it has no time, so it is read as none
 *     a slot          it can not be found yet: it is zeroed before its pointer
 *                     is set
 *     a store's name  neither: it is copied before its pointer is set
 *     the history     see status/ngx_http_results_history.c
 *
 * So no lock is needed, no loop follows links that could be broken, and nobody
 * waits for something that a killed process would have done.
 */

#ifndef NGX_HTTP_RESULTS_COUNTERS_H
#define NGX_HTTP_RESULTS_COUNTERS_H

#include <ngx_config.h>
#include <ngx_core.h>


/* the last slot is shared by those for which none of the others was free */
#define NGX_HTTP_RESULTS_STORE_SLOTS  16
#define NGX_HTTP_RESULTS_API_SLOTS    16

#define NGX_HTTP_RESULTS_BOUNDS       14    /* of a histogram's buckets; one
                                               more bucket is beyond them */
#define NGX_HTTP_RESULTS_TEXT_SIZE    248   /* with its terminator */


/* X(name): counters of no store and no API */
#define NGX_HTTP_RESULTS_COUNTERS(X)                                          \
    X(token_hits)                                                             \
    X(token_misses)                                                           \
    X(token_negative)                                                         \
    X(token_lookups)           /* lookups handed to a store */                \
    X(token_queries)           /* statements that they took */

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
    X(rows_left_out)           /* of replies, since they can't be rendered */ \
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


/*
 * A text that one process writes while others read it: only to be used by
 * _text_set() and _text_get().
 */
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

    ngx_atomic_uint_t       queue_rows_max; /* the most that ever waited in
                                               one process */

    ngx_atomic_uint_t       error_time;     /* seconds since 1970 when the last
                                               SQLSTATE came, or 0 */
    uint64_t                sqlstate;       /* its five characters, in memory
                                               order */

    ngx_http_results_text_t  server;        /* host:port of the server that
                                               last took a connection */
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


/* a store that is to be counted: its name, and where to put its slot */
typedef struct {
    ngx_str_t              *name;
    ngx_uint_t             *slot;           /* set when the zone is made or
                                               taken over, before the fork */
} ngx_http_results_counted_t;


/*
 * This process's slot, for the macros below.  Never NULL: before
 * _init_process(), or without a zone, it points to memory that nobody reads.
 */
extern ngx_http_results_counters_t  *ngx_http_results_counters;

#define ngx_http_results_count(name)  (ngx_http_results_counters->name++)

/* a store's part of it; conf is its ngx_http_results_store_conf_t */
#define ngx_http_results_store_counters(conf)                                 \
    (&ngx_http_results_counters->stores[(conf)->counters])

#define ngx_http_results_store_count(conf, name)                              \
    (ngx_http_results_store_counters(conf)->name++)
#define ngx_http_results_store_add(conf, name, n)                             \
    (ngx_http_results_store_counters(conf)->name += (n))


/* the upper bounds of the buckets, in rows and in microseconds */
extern const ngx_uint_t  ngx_http_results_rows_bounds[];
extern const ngx_uint_t  ngx_http_results_time_bounds[];


/*
 * Registers the zone while the configuration is read.  stores is an array of
 * ngx_http_results_counted_t, which must live as long as the configuration;
 * history is the size in bytes of what _counters_history() returns: a constant
 * of the binary.  tag is the module's address, as for
 * ngx_shared_memory_add().  NULL with the error logged.
 */
ngx_shm_zone_t *ngx_http_results_counters_add(ngx_conf_t *cf,
    ngx_array_t *stores, size_t history, void *tag);

/*
 * To be called once when a worker starts, before anything counts: points
 * ngx_http_results_counters to its slot and zeroes the gauges and texts there.
 */
void ngx_http_results_counters_init_process(ngx_shm_zone_t *zone);

/*
 * To be called once when a worker ends, after everything that counts: zeroes
 * the gauges and texts and takes the pid out of the slot; the counters stay.
 */
void ngx_http_results_counters_exit_process(void);

/* counts a value, in the unit of the bounds, which are the histogram's */
void ngx_http_results_observe(ngx_http_results_histogram_t *histogram,
    const ngx_uint_t *bounds, ngx_uint_t value);

/* keeps a terminated SQLSTATE as the store's last one, with the time; "": no */
void ngx_http_results_count_sqlstate(ngx_http_results_store_counters_t *store,
    const char *sqlstate);

/*
 * Sets a text of this process's slot to terminated data, which is cut to fit.
 * Anything but printable ASCII becomes "?", so that every format can hold it.
 */
void ngx_http_results_text_set(ngx_http_results_text_t *text,
    const char *data);

/*
 * Copies a text that its process may be changing, terminated, to
 * NGX_HTTP_RESULTS_TEXT_SIZE bytes; "" where no whole text could be read.
 */
void ngx_http_results_text_get(ngx_http_results_text_t *text, char *data);


/*
 * For readers: zeroes sum and adds the slots of all processes up in it, with
 * the gauges of those that are alive.  Returns how many are alive.  The texts
 * are not set: see _counters_of().
 */
ngx_uint_t ngx_http_results_counters_sum(ngx_http_results_counters_t *sum);

/* adds a store's counters, and its gauges where gauges is 1, to those of sum */
void ngx_http_results_store_counters_add(
    ngx_http_results_store_counters_t *sum,
    ngx_http_results_store_counters_t *store, ngx_uint_t gauges);

/* the slot of process i below NGX_MAX_PROCESSES; NULL where none is alive */
ngx_http_results_counters_t *ngx_http_results_counters_of(ngx_uint_t i);

/* the name of a slot's store, or an empty one; there must be a zone */
ngx_str_t ngx_http_results_counters_name(ngx_uint_t slot);

/*
 * The memory for the history, which all workers share: zeroed when the zone is
 * made, kept over reloads.  NULL where there is no zone.
 */
void *ngx_http_results_counters_history(void);

/* when the zone was made, that is, when nginx started; there must be a zone */
time_t ngx_http_results_counters_started(void);


#endif /* NGX_HTTP_RESULTS_COUNTERS_H */
