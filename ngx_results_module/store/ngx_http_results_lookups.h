
/*
 * Asks the store whose tokens are.  All lookups of one pass of the event loop
 * share one query, and those that come while it is asked the next one; a query
 * that is lost is asked again until its deadline.
 *
 * One token may be all that a statement fails for.  So those that were asked
 * together are asked again in halves, as the groups of a batch are, and the
 * one that is refused alone is answered: the store can not tell.  What the
 * server wants to be asked again rests before, longer each time.  So n tokens
 * take fewer than 2 n statements, and one that is refused for ever some ten.
 */

#ifndef NGX_HTTP_RESULTS_LOOKUPS_H
#define NGX_HTTP_RESULTS_LOOKUPS_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"


#define NGX_HTTP_RESULTS_LOOKUPS_MAX  256   /* tokens a query */


typedef struct ngx_http_results_lookups_s  ngx_http_results_lookups_t;


typedef struct {
    ngx_http_results_job_t  job;
    ngx_http_results_lookups_t  *lookups;
    ngx_http_results_lookup_t  *asked[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    results_principal_t     principals[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    ngx_int_t               ttls[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    ngx_uint_t              n;
    results_buf_t           buf;
    const char             *value;
    int                     length;
    unsigned                sent:1;
    unsigned                malformed:1;    /* the answer, so far */
} ngx_http_results_query_t;


struct ngx_http_results_lookups_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  *pool;         /* the readers */
    ngx_http_results_complaint_t  complaint;
    ngx_queue_t             waiting;        /* lookups, by deadline */
    ngx_queue_t             resting;        /* by the end of their rest */
    ngx_http_results_query_t  *queries;     /* one a connection */
    ngx_uint_t              busy;           /* queries in flight */
    ngx_msec_t              sent;           /* when the last one was */
    ngx_uint_t              refused;        /* statements since the last one
                                               that was answered */
    ngx_event_t             flush;
    ngx_event_t             slow;           /* a second reader may be used */
    ngx_event_t             deadline;
    ngx_event_t             rest;
    unsigned                exiting:1;
};


ngx_int_t ngx_http_results_lookups_init(ngx_http_results_lookups_t *l,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf,
    ngx_http_results_pool_t *pool);
void ngx_http_results_lookups_exit(ngx_http_results_lookups_t *l);

/* whether some lookup is not in flight, and will be */
#define ngx_http_results_lookups_wait(l)                                      \
    (!ngx_queue_empty(&(l)->waiting) || !ngx_queue_empty(&(l)->resting))

/* sends what waits, where a reader is idle */
void ngx_http_results_lookups_flush(ngx_http_results_lookups_t *l);

/* answers those whose time is over, or all: the store can not tell */
void ngx_http_results_lookups_fail(ngx_http_results_lookups_t *l,
    ngx_uint_t all);

/* as ngx_http_results_store_lookup() and _cancel_lookup() */
void ngx_http_results_lookups_ask(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);
void ngx_http_results_lookups_cancel(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);


#endif /* NGX_HTTP_RESULTS_LOOKUPS_H */
