
/*
 * Reads for requests: a call of one of results_api's functions, its rows one
 * by one as they come.  Until something of its reply has left to the client a
 * read that is lost is asked again, until its deadline.
 *
 * There are lanes by length, which do not wait for each other: pages leave a
 * reader to what is quick, and all leave one to the token lookups
 * (docs/architecture.md).  In a lane institutions take turns.
 */

#ifndef NGX_HTTP_RESULTS_READS_H
#define NGX_HTTP_RESULTS_READS_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"


typedef enum {
    NGX_HTTP_RESULTS_LANE_TOKEN = 0,        /* a token is issued */
    NGX_HTTP_RESULTS_LANE_RECORD,
    NGX_HTTP_RESULTS_LANE_PAGE,             /* of a collection, a report */
    NGX_HTTP_RESULTS_LANES
} ngx_http_results_lane_e;


/* institutions that share a place, by their id, share its turns */
#define NGX_HTTP_RESULTS_PLACES  256


typedef struct {
    ngx_rbtree_t            tree;           /* reads to be sent, by turn */
    ngx_rbtree_node_t       sentinel;
    ngx_uint_t              turn;           /* of the read sent last */
    ngx_uint_t              turns[NGX_HTTP_RESULTS_PLACES];   /* the last */
    ngx_uint_t              waits[NGX_HTTP_RESULTS_PLACES];   /* that wait */
    ngx_uint_t              busy;           /* in flight */
} ngx_http_results_lane_t;


/* in flight on one connection; .read is NULL when nobody waits any more */
typedef struct {
    ngx_http_results_job_t  job;
    struct ngx_http_results_reads_s  *reads;
    ngx_http_results_read_t  *read;
    ngx_http_results_lane_t  *lane;         /* NULL: nothing is in flight */
} ngx_http_results_slot_t;


typedef struct ngx_http_results_reads_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  *pool;         /* the readers */
    ngx_http_results_complaint_t  complaint;
    ngx_queue_t             waiting;        /* all that wait, by deadline */
    ngx_http_results_lane_t  lanes[NGX_HTTP_RESULTS_LANES];
    ngx_uint_t              next;           /* the lane that is next */
    ngx_http_results_slot_t  *slots;
    ngx_uint_t              nslots;
    ngx_event_t             flush;
    ngx_event_t             pause;          /* before what failed is asked
                                               again */
    ngx_event_t             deadline;
    unsigned                exiting:1;
} ngx_http_results_reads_t;


ngx_int_t ngx_http_results_reads_init(ngx_http_results_reads_t *rs,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf,
    ngx_http_results_pool_t *pool);
void ngx_http_results_reads_exit(ngx_http_results_reads_t *rs);

/* sends what waits, where a reader is idle */
void ngx_http_results_reads_flush(ngx_http_results_reads_t *rs);

/* answers those whose time is over, or all: 503 */
void ngx_http_results_reads_fail(ngx_http_results_reads_t *rs,
    ngx_uint_t all);

/* as ngx_http_results_store_read() and _cancel_read() */
ngx_int_t ngx_http_results_reads_ask(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);
void ngx_http_results_reads_cancel(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);


#endif /* NGX_HTTP_RESULTS_READS_H */
