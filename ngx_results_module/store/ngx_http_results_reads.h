
/*
 * Reads for requests: each calls one of results_api's functions, and its rows
 * are passed on one by one as they come.  A read that fails for a reason that
 * passes is sent again until its deadline, as long as nothing of its rows has
 * been sent to the client.
 *
 * Reads that take long must not hold up those that are quick.  So there are
 * lanes by kind, and each may use a part of the readers only: of three or more
 * readers one is left to the token lookups, and one of the others is left to
 * the two quick lanes; of two readers one is left to both
 * (docs/architecture.md).  Within a lane institutions take turns.
 *
 * store.c owns it, and posts `flush` when a reader has become idle.
 */

#ifndef NGX_HTTP_RESULTS_READS_H
#define NGX_HTTP_RESULTS_READS_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"


typedef enum {
    NGX_HTTP_RESULTS_LANE_TOKEN = 0,        /* an access token is issued */
    NGX_HTTP_RESULTS_LANE_RECORD,           /* one record, or the page key */
    NGX_HTTP_RESULTS_LANE_PAGE,             /* a page of a collection or of the
                                               module report */
    NGX_HTTP_RESULTS_LANES
} ngx_http_results_lane_e;


/*
 * An institution's place is its id modulo this; institutions that have the same
 * place share its turns.
 */
#define NGX_HTTP_RESULTS_PLACES  256


typedef struct {
    ngx_rbtree_t            tree;           /* reads that may be sent, by the
                                               number of their turn */
    ngx_rbtree_node_t       sentinel;
    ngx_uint_t              turn;           /* that of the read sent last */

    /* for each place: the last turn it was given; reads that wait */
    ngx_uint_t              turns[NGX_HTTP_RESULTS_PLACES];
    ngx_uint_t              waits[NGX_HTTP_RESULTS_PLACES];

    ngx_uint_t              busy;           /* reads in flight */
} ngx_http_results_lane_t;


/* a read in flight on one connection, or a free place for one */
typedef struct {
    ngx_http_results_job_t  job;
    struct ngx_http_results_reads_s  *reads;
    ngx_http_results_read_t  *read;         /* NULL: cancelled, its rows are
                                               dropped */
    ngx_http_results_lane_t  *lane;         /* NULL: the slot is free */
} ngx_http_results_slot_t;


typedef struct ngx_http_results_reads_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  *pool;         /* the readers */
    ngx_http_results_complaint_t  complaint;
    ngx_queue_t             waiting;        /* reads that wait, by deadline */
    ngx_http_results_lane_t  lanes[NGX_HTTP_RESULTS_LANES];
    ngx_uint_t              next;           /* the lane to be asked first,
                                               modulo LANES */
    ngx_http_results_slot_t  *slots;        /* one for each reader that reads
                                               may use */
    ngx_uint_t              nslots;
    ngx_event_t             flush;          /* sends; posted */
    ngx_event_t             pause;          /* a timer: reads that failed may
                                               be sent again */
    ngx_event_t             deadline;       /* a timer: some read's time may be
                                               over */
    unsigned                exiting:1;
} ngx_http_results_reads_t;


/*
 * rs is zeroed; pool is that of the readers, which others use as well.
 * NGX_ERROR without memory, which is the cycle's.  _exit(): deletes the timers;
 * reads that are still here are told nothing.
 */
ngx_int_t ngx_http_results_reads_init(ngx_http_results_reads_t *rs,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf,
    ngx_http_results_pool_t *pool);
void ngx_http_results_reads_exit(ngx_http_results_reads_t *rs);

/*
 * Answers reads whose time is over and sends those whose turn it is, as long as
 * a reader is idle.  It calls handlers, so it runs from the event loop only:
 * whoever wants it posts rs->flush.
 */
void ngx_http_results_reads_flush(ngx_http_results_reads_t *rs);

/*
 * Ends the reads that wait and whose deadline has passed, or all that wait,
 * with READ_UNAVAILABLE.
 */
void ngx_http_results_reads_fail(ngx_http_results_reads_t *rs,
    ngx_uint_t all);

/* as ngx_http_results_store_read() and _cancel_read() */
ngx_int_t ngx_http_results_reads_ask(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);
void ngx_http_results_reads_cancel(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);


#endif /* NGX_HTTP_RESULTS_READS_H */
