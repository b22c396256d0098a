
/*
 * One libpq connection in nginx's event loop.  It runs one statement at a time,
 * a job, and knows nothing of what the statement is for.  Its pool owns it, and
 * is told of every change by on_ready(), on_idle() and on_closed().
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_H
#define NGX_HTTP_RESULTS_CONNECTION_H

#include "ngx_http_results_store.h"
#include "results_read.h"
#include "results_sqlstate.h"


typedef struct ngx_http_results_connection_s  ngx_http_results_connection_t;
typedef struct ngx_http_results_job_s         ngx_http_results_job_t;


/*
 * The statements that a connection may prepare.  A set of them is a word with
 * the bits 1 << number.
 */
typedef enum {
    NGX_HTTP_RESULTS_CHECK = 0,             /* of every connection */
    NGX_HTTP_RESULTS_WRITE_RECORDS,
    NGX_HTTP_RESULTS_WRITE_GROUP,
    NGX_HTTP_RESULTS_LOOKUP_TOKENS,
    NGX_HTTP_RESULTS_READ,                  /* + a results_function_e */
    NGX_HTTP_RESULTS_STATEMENTS = NGX_HTTP_RESULTS_READ + RESULTS_READS
} ngx_http_results_statement_e;


/* columns of an answer that a job is given; further ones are left out */
#define NGX_HTTP_RESULTS_COLUMNS_MAX  32


/* how a job ended */
typedef struct {
    enum {
        NGX_HTTP_RESULTS_JOB_OK = 0,  /* its Sync came, and no error before:
                                         it is committed */
        NGX_HTTP_RESULTS_JOB_ERROR,   /* its Sync came after an error: nothing
                                         was stored, but where the action is
                                         EVICT and a row had come before, it may
                                         have been */
        NGX_HTTP_RESULTS_JOB_WARNED,  /* its Sync came after a WARNING: what it
                                         stored may not be durable */
        NGX_HTTP_RESULTS_JOB_LOST     /* the connection was closed before its
                                         Sync: it may have been stored */
    }                       end;
    char                    sqlstate[6];    /* of the first error, or "" */
    results_sql_action_e    action;         /* only for JOB_ERROR */
} ngx_http_results_end_t;


/*
 * A statement with its parameters, which libpq copies when the job is sent: the
 * owner may change or free them then.  The job itself must stay as it is until
 * done().
 */
struct ngx_http_results_job_s {
    ngx_uint_t              statement;      /* ngx_http_results_statement_e */
    const char *const      *values;         /* a parameter that is NULL is
                                               null */
    const int              *lengths;        /* of binary parameters; NULL: they
                                               are text, terminated */
    ngx_msec_t              timeout;        /* from _send() to the Sync */
    unsigned                binary:1;       /* the answer is to be in binary */
    unsigned                stream:1;       /* row() is called as rows come,
                                               else when all are there */

    /*
     * Called for each row, with its values in the order of the columns; they
     * are valid during the call, and one without data is null.  The connection
     * does not look at what it returns.  It must not close the connection.
     */
    ngx_int_t             (*row)(ngx_http_results_job_t *job,
                                 const results_str_t *values,
                                 ngx_uint_t nvalues);

    /*
     * Called once, from the event loop, never from within _send(): the
     * connection is done with the job.
     */
    void                  (*done)(ngx_http_results_job_t *job,
                                  const ngx_http_results_end_t *end);
    void                   *data;

    ngx_http_results_connection_t  *connection;   /* while it is in flight */
};


struct ngx_http_results_connection_s {
    ngx_queue_t             queue;          /* the pool's list of `state` */
    ngx_uint_t              state;          /* the pool's: an
                                               ngx_http_results_state_e */

    void                   *pool;           /* ngx_http_results_pool_t */
    ngx_http_results_store_conf_t  *conf;
    ngx_uint_t              statements;     /* the set to prepare */

    struct pg_conn         *pg;
    ngx_connection_t       *connection;     /* nginx's, for the socket */
    ngx_event_t             timer;          /* ends an attempt to connect, or a
                                               job, that takes too long */

    ngx_http_results_job_t  *job;           /* in flight, or NULL */
    ngx_http_results_end_t  end;            /* of the job, so far */
    ngx_http_results_job_t  check;          /* see _check() */
    ngx_msec_t              checked;        /* by the pool: the last time */

    unsigned                ready:1;        /* connected, checked, and its
                                               statements are prepared */
    unsigned                warned:1;       /* a WARNING came during this job */
    unsigned                broken:1;       /* sending failed: its event
                                               handler will close it */
    unsigned                leaving:1;      /* closed as the worker exits: that
                                               is no failure */
    unsigned                shutdown:1;     /* ... by worker_shutdown_timeout */

    /* the pool's */
    unsigned                proved:1;       /* a job has ended on it */
    unsigned                proving:1;      /* the end of this job proves that
                                               it works */
    unsigned                doubted:1;      /* to be checked before it is used
                                               again */

    /*
     * The pool's callbacks: it is ready for a first job; its job is over, and
     * done() follows; it is closed, and done() of the job it had follows.
     */
    void                  (*on_ready)(ngx_http_results_connection_t *hc);
    void                  (*on_idle)(ngx_http_results_connection_t *hc);
    void                  (*on_closed)(ngx_http_results_connection_t *hc,
                                       const char *reason);

    char                    reason[512];    /* why it was closed, in one line;
                                               "" before */
    char                    server[128];    /* host:port of the server that it
                                               has, or tried last */
};


/*
 * Begins to connect a closed connection, within conf->connect_timeout.
 * on_ready() or on_closed() follows, and may be called from within this call.
 */
void ngx_http_results_connection_open(ngx_http_results_connection_t *hc);

/*
 * Sends a job over a ready connection that has none.  Can not fail: done()
 * follows from the event loop whatever happens, at the latest after
 * job->timeout.
 */
void ngx_http_results_connection_send(ngx_http_results_connection_t *hc,
    ngx_http_results_job_t *job);

/*
 * Asks the server, over a ready connection that has no job, whether it still
 * fulfils what was checked when the connection was opened (can be written to,
 * version, rights, settings).  on_idle() follows, and on_closed() right after
 * it where it does not; or only on_closed(), where there is no answer within
 * connect_timeout.
 */
void ngx_http_results_connection_check(ngx_http_results_connection_t *hc);

/*
 * Closes a connection in any state but closed.  From within this call,
 * on_closed(reason) is called, and then done() of its job, if it has one, with
 * JOB_LOST.  hard: bytes of a statement that have not been sent yet must not
 * reach the server any more (SO_LINGER with 0).  reason is copied.
 */
void ngx_http_results_connection_close(ngx_http_results_connection_t *hc,
    ngx_uint_t hard, const char *reason);


#endif /* NGX_HTTP_RESULTS_CONNECTION_H */
