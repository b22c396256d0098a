
/*
 * A worker's connections to one store, for one purpose (writing, reading).
 * A connection's state is the list it is on; only
 * ngx_http_results_pool_state() moves it.
 */

#ifndef NGX_HTTP_RESULTS_POOL_H
#define NGX_HTTP_RESULTS_POOL_H

#include "ngx_http_results_connection.h"
#include "ngx_http_results_counters.h"


/* ms without any connection after which nobody waits for one any more */
#define NGX_HTTP_RESULTS_FAIL_FAST  2000


typedef enum {
    NGX_HTTP_RESULTS_DOWN = 0,
    NGX_HTTP_RESULTS_CONNECTING,
    NGX_HTTP_RESULTS_IDLE,
    NGX_HTTP_RESULTS_BUSY,
    NGX_HTTP_RESULTS_STATES
} ngx_http_results_state_e;


typedef struct ngx_http_results_pool_s  ngx_http_results_pool_t;


struct ngx_http_results_pool_s {
    ngx_http_results_store_conf_t  *conf;
    const char             *name;           /* "writer", "reader": for logs */
    ngx_http_results_text_t  *trouble;      /* the same for the status */

    ngx_http_results_connection_t  *connections;
    ngx_uint_t              nconnections;
    ngx_queue_t             lists[NGX_HTTP_RESULTS_STATES];
    ngx_uint_t              counts[NGX_HTTP_RESULTS_STATES];

    ngx_event_t             retry;          /* the next attempt to connect */
    ngx_event_t             check;
    ngx_uint_t              failures;       /* attempts in a row */
    ngx_msec_t              down_since;     /* while `down` */
    char                    reason[512];    /* that the log has been told */
    ngx_msec_t              told_at;
    ngx_msec_t              failing_since;

    /* work is waiting for a connection */
    ngx_uint_t            (*wanted)(ngx_http_results_pool_t *pool);

    /* a connection can be taken */
    void                  (*available)(ngx_http_results_pool_t *pool);

    /* one was opened: another pool need not wait for its next attempt */
    void                  (*opened)(ngx_http_results_pool_t *pool);

    /* one was lost: are the others still good? */
    void                  (*doubt)(ngx_http_results_pool_t *pool);

    /* worker_shutdown_timeout: whoever waits must be told now */
    void                  (*shutdown)(ngx_http_results_pool_t *pool);

    void                   *data;

    unsigned                down:1;         /* no connection, and it failed */
    unsigned                failing:1;      /* and nothing has worked since */
    unsigned                told:1;         /* the log has been told so */
    unsigned                lost:1;         /* one, or an attempt, since the
                                               last success */
    unsigned                suspect:1;      /* connects, and then fails */
    unsigned                closing:1;      /* the process exits */
};


/* n connections, none opened; statements: bits of those its jobs run */
ngx_int_t ngx_http_results_pool_init(ngx_http_results_pool_t *pool,
    ngx_cycle_t *cycle, ngx_uint_t n, ngx_uint_t statements);

/* opens one more, where one is closed, none is connecting and none waits */
void ngx_http_results_pool_grow(ngx_http_results_pool_t *pool);

/*
 * Whether an idle connection, of which there is one then, may be used for one
 * kind of work that can be batched.  One connection and large batches cost the
 * database least: another is used, and connected, only while those that are
 * busy with it are slow; sent is when the last of them began.  slow is the
 * timer that asks again.
 */
ngx_uint_t ngx_http_results_pool_may_send(ngx_http_results_pool_t *pool,
    ngx_uint_t busy, ngx_msec_t sent, ngx_event_t *slow);

/* sends the job over an idle connection, of which there must be one */
void ngx_http_results_pool_send(ngx_http_results_pool_t *pool,
    ngx_http_results_job_t *job);

/* without any connection: tries again now, as the server is there */
void ngx_http_results_pool_hurry(ngx_http_results_pool_t *pool);

/* closes all; jobs in flight end with LOST */
void ngx_http_results_pool_close(ngx_http_results_pool_t *pool);

/* checks every connection before it is used again, and now if it is idle */
void ngx_http_results_pool_doubt(ngx_http_results_pool_t *pool);

/* closes those that have no job, where the worker exits and no work is left */
void ngx_http_results_pool_close_idle(ngx_http_results_pool_t *pool);

/* why there is no connection to use; NULL: there is, or none is needed */
const char *ngx_http_results_pool_unready(ngx_http_results_pool_t *pool);

/* milliseconds without any connection; 0 while there is one */
ngx_msec_t ngx_http_results_pool_down_for(ngx_http_results_pool_t *pool);


#define ngx_http_results_pool_has_idle(pool)                                  \
    ((pool)->counts[NGX_HTTP_RESULTS_IDLE] > 0)


#endif /* NGX_HTTP_RESULTS_POOL_H */
