
/*
 * A worker's connections to one store, for one purpose: the writers or the
 * readers.  A connection's state is the list that it is on; only
 * ngx_http_results_pool_state() moves it to another one.
 *
 * The owner asks for an idle connection (_may_send(), _has_idle()) and sends a
 * job over it.  What it has to send waits with the owner, not here: the pool
 * asks wanted() whether there is something, and calls available() when it may
 * be sent.
 */

#ifndef NGX_HTTP_RESULTS_POOL_H
#define NGX_HTTP_RESULTS_POOL_H

#include "ngx_http_results_connection.h"
#include "ngx_http_results_counters.h"


/*
 * Milliseconds without any connection after which new requests are answered
 * 503 at once, in place of waiting for one.
 */
#define NGX_HTTP_RESULTS_FAIL_FAST  2000


typedef enum {
    NGX_HTTP_RESULTS_DOWN = 0,
    NGX_HTTP_RESULTS_CONNECTING,
    NGX_HTTP_RESULTS_IDLE,
    NGX_HTTP_RESULTS_BUSY,
    NGX_HTTP_RESULTS_STATES
} ngx_http_results_state_e;


typedef struct ngx_http_results_pool_s  ngx_http_results_pool_t;


/*
 * The owner sets conf, name, trouble, data, wanted, available and shutdown
 * before _init(), and opened and doubt before the event loop goes on.
 */
struct ngx_http_results_pool_s {
    ngx_http_results_store_conf_t  *conf;
    const char             *name;           /* "writer", "reader": for logs */
    ngx_http_results_text_t  *trouble;      /* a text of the counters: why there
                                               is no connection, or "" */

    ngx_http_results_connection_t  *connections;
    ngx_uint_t              nconnections;
    ngx_queue_t             lists[NGX_HTTP_RESULTS_STATES];
    ngx_uint_t              counts[NGX_HTTP_RESULTS_STATES];

    ngx_event_t             retry;          /* a timer: the next attempt to
                                               connect */
    ngx_event_t             check;          /* a timer: the next check of those
                                               that are idle */
    ngx_uint_t              failures;       /* losses and failed attempts since
                                               a job was last done */
    ngx_msec_t              down_since;     /* when `down` was set last */
    char                    reason[512];    /* the last one that the log was
                                               told, or "" */
    ngx_msec_t              told_at;        /* and when */
    ngx_msec_t              failing_since;  /* when `failing` was set */

    /* whether the owner has something to send */
    ngx_uint_t            (*wanted)(ngx_http_results_pool_t *pool);

    /* a connection has become idle; must not send from within the call */
    void                  (*available)(ngx_http_results_pool_t *pool);

    /* one was opened: other pools of the store may try at once, too */
    void                  (*opened)(ngx_http_results_pool_t *pool);

    /* a connection that worked was lost: those of the store are in doubt */
    void                  (*doubt)(ngx_http_results_pool_t *pool);

    /*
     * worker_shutdown_timeout is over, and the pool is `closing`: whatever
     * waits with the owner must be answered now.
     */
    void                  (*shutdown)(ngx_http_results_pool_t *pool);

    void                   *data;

    unsigned                down:1;         /* there is no connection, as one
                                               failed */
    unsigned                failing:1;      /* something failed, and nothing
                                               has worked since */
    unsigned                told:1;         /* the log was told that there is
                                               no connection */
    unsigned                lost:1;         /* a connection or an attempt was
                                               lost since the last success */
    unsigned                suspect:1;      /* the server lets us connect, and
                                               then fails the first job */
    unsigned                closing:1;      /* the process exits: no connection
                                               is opened any more */
};


/*
 * Makes n connections, none of which is opened, in the cycle's memory.
 * statements: the set of those that the owner's jobs run.  NGX_ERROR without
 * memory.
 */
ngx_int_t ngx_http_results_pool_init(ngx_http_results_pool_t *pool,
    ngx_cycle_t *cycle, ngx_uint_t n, ngx_uint_t statements);

/*
 * Begins to open one more connection; does nothing where all are open, where
 * one is being opened, where the pool waits before its next attempt, or where
 * the process exits.
 */
void ngx_http_results_pool_grow(ngx_http_results_pool_t *pool);

/*
 * Whether the caller may send another job of a kind that can be batched; if so,
 * some connection is idle.  Few connections with large batches cost the
 * database least: another connection is used, and opened, only where the jobs
 * of this kind that are in flight take long.
 *
 * busy: how many of them are in flight; sent: ngx_current_msec when the last
 * one was sent; slow: a timer of the caller's, whose handler asks again.  It is
 * set where the answer is no only because it is too early.
 */
ngx_uint_t ngx_http_results_pool_may_send(ngx_http_results_pool_t *pool,
    ngx_uint_t busy, ngx_msec_t sent, ngx_event_t *slow);

/*
 * Sends a job over an idle connection, of which there must be one.  done()
 * follows from the event loop: see ngx_http_results_connection_send().
 */
void ngx_http_results_pool_send(ngx_http_results_pool_t *pool,
    ngx_http_results_job_t *job);

/*
 * The server was reached by another pool: where this one has no connection and
 * waits before its next attempt, the wait ends.
 */
void ngx_http_results_pool_hurry(ngx_http_results_pool_t *pool);

/*
 * Closes all connections, for good; jobs in flight end with JOB_LOST from
 * within this call.
 */
void ngx_http_results_pool_close(ngx_http_results_pool_t *pool);

/*
 * Has every connection checked before it is used for the next job: an idle one
 * at once, a busy one when its job is over.
 */
void ngx_http_results_pool_doubt(ngx_http_results_pool_t *pool);

/*
 * Closes idle connections where the worker exits gracefully and the owner has
 * nothing left to send, so that the worker can end.
 */
void ngx_http_results_pool_close_idle(ngx_http_results_pool_t *pool);

/*
 * Why the pool can not be used now, in words that are valid until the event
 * loop goes on.  NULL: it can, or nothing needs it (no connections are
 * configured, or the worker exits gracefully).
 */
const char *ngx_http_results_pool_unready(ngx_http_results_pool_t *pool);

/* milliseconds without any connection; 0 while there is one */
ngx_msec_t ngx_http_results_pool_down_for(ngx_http_results_pool_t *pool);


#define ngx_http_results_pool_has_idle(pool)                                  \
    ((pool)->counts[NGX_HTTP_RESULTS_IDLE] > 0)


#endif /* NGX_HTTP_RESULTS_POOL_H */
