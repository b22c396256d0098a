
/*
 * Token lookups: asks the database who access tokens stand for.  The lookups of
 * one pass of the event loop share a statement, and those that come while it is
 * in flight share the next one.  Lookups whose connection was lost are sent
 * again until their deadline.
 *
 * A statement may fail because of one of its tokens.  So its tokens are asked
 * for again in halves, as the groups of a batch are, until the one that fails
 * is alone; of that one the handler is told that nothing is known.  After an
 * error that passes (a cancelled statement, a deadlock) the halves rest before
 * they are sent, longer each time.  So n tokens take fewer than 2 n statements,
 * and one that is refused for ever some ten.
 *
 * store.c owns it, and posts `flush` when a reader has become idle.
 */

#ifndef NGX_HTTP_RESULTS_LOOKUPS_H
#define NGX_HTTP_RESULTS_LOOKUPS_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"


#define NGX_HTTP_RESULTS_LOOKUPS_MAX  256   /* tokens of a statement */


typedef struct ngx_http_results_lookups_s  ngx_http_results_lookups_t;


/* one statement and its answer so far; free where `sent` is not set */
typedef struct {
    ngx_http_results_job_t  job;
    ngx_http_results_lookups_t  *lookups;

    /* for each of n tokens; asked is NULL where the lookup was cancelled */
    ngx_http_results_lookup_t  *asked[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    results_principal_t     principals[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    ngx_int_t               ttls[NGX_HTTP_RESULTS_LOOKUPS_MAX];  /* seconds; 0:
                                               no such token */
    ngx_uint_t              n;

    results_buf_t           buf;            /* the parameter: bytea[] of the
                                               digests */
    const char             *value;
    int                     length;
    unsigned                sent:1;
    unsigned                malformed:1;    /* some row was not of the form
                                               that was asked for */
} ngx_http_results_query_t;


struct ngx_http_results_lookups_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  *pool;         /* the readers */
    ngx_http_results_complaint_t  complaint;
    ngx_queue_t             waiting;        /* lookups, by deadline */
    ngx_queue_t             resting;        /* lookups, by the end of their
                                               rest */
    ngx_http_results_query_t  *queries;     /* one for each reader */
    ngx_uint_t              busy;           /* queries in flight */
    ngx_msec_t              sent;           /* when the last one was */
    ngx_uint_t              refused;        /* statements that failed for good
                                               since the last one that was
                                               answered */
    ngx_event_t             flush;          /* sends; posted */
    ngx_event_t             slow;           /* a timer: another reader may be
                                               used then */
    ngx_event_t             deadline;       /* a timer: some lookup's time may
                                               be over */
    ngx_event_t             rest;           /* a timer: the first rest ends */
    unsigned                exiting:1;
};


/*
 * l is zeroed; pool is that of the readers, which others use as well.
 * NGX_ERROR without memory, which is the cycle's.  _exit(): deletes the timers;
 * lookups that are still here are told nothing.
 */
ngx_int_t ngx_http_results_lookups_init(ngx_http_results_lookups_t *l,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf,
    ngx_http_results_pool_t *pool);
void ngx_http_results_lookups_exit(ngx_http_results_lookups_t *l);

/* whether some lookup is to be sent, now or after a rest */
#define ngx_http_results_lookups_wait(l)                                      \
    (!ngx_queue_empty(&(l)->waiting) || !ngx_queue_empty(&(l)->resting))

/*
 * Answers lookups whose time is over and sends those that wait, as far as
 * ngx_http_results_pool_may_send() lets them.
 */
void ngx_http_results_lookups_flush(ngx_http_results_lookups_t *l);

/*
 * Ends the lookups that wait and whose deadline has passed, or all that wait or
 * rest: their handlers are told that nothing is known (NULL, -1).
 */
void ngx_http_results_lookups_fail(ngx_http_results_lookups_t *l,
    ngx_uint_t all);

/* as ngx_http_results_store_lookup() and _cancel_lookup() */
void ngx_http_results_lookups_ask(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);
void ngx_http_results_lookups_cancel(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);


#endif /* NGX_HTTP_RESULTS_LOOKUPS_H */
