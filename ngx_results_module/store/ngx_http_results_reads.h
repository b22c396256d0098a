
/*
 * Reads for requests: a call of one of results_api's functions, its rows one
 * by one as they come.  While nothing has come a read that is lost is asked
 * again, until its deadline.
 */

#ifndef NGX_HTTP_RESULTS_READS_H
#define NGX_HTTP_RESULTS_READS_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"


/* in flight on one connection; .read is NULL when nobody waits any more */
typedef struct {
    ngx_http_results_job_t  job;
    struct ngx_http_results_reads_s  *reads;
    ngx_http_results_read_t  *read;
    unsigned                sent:1;
} ngx_http_results_slot_t;


typedef struct ngx_http_results_reads_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  *pool;         /* the readers */
    ngx_http_results_complaint_t  complaint;
    ngx_queue_t             waiting;        /* reads, by deadline */
    ngx_uint_t              nwaiting;
    ngx_http_results_slot_t  *slots;        /* one a connection but one */
    ngx_uint_t              nslots;
    ngx_event_t             flush;
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

/* as ngx_http_results_store_read(), _cancel_read(), _go_on() */
ngx_int_t ngx_http_results_reads_ask(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);
void ngx_http_results_reads_cancel(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read);
void ngx_http_results_reads_go_on(ngx_http_results_read_t *read);


#endif /* NGX_HTTP_RESULTS_READS_H */
