
/*
 * One libpq connection in nginx's event loop.  It knows hosts, bytes, jobs
 * and results; it knows nothing of rows, queues or requests.  Its pool owns
 * it and is told of every change through three callbacks.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_H
#define NGX_HTTP_RESULTS_CONNECTION_H

#include "ngx_http_results_store.h"
#include "results_read.h"
#include "results_sqlstate.h"


typedef struct ngx_http_results_connection_s  ngx_http_results_connection_t;
typedef struct ngx_http_results_job_s         ngx_http_results_job_t;


/* the statements a connection prepares; bits of `statements` */
typedef enum {
    NGX_HTTP_RESULTS_CHECK = 0,             /* of every connection */
    NGX_HTTP_RESULTS_WRITE_RECORDS,
    NGX_HTTP_RESULTS_WRITE_GROUP,
    NGX_HTTP_RESULTS_LOOKUP_TOKENS,
    NGX_HTTP_RESULTS_READ,                  /* + results_function_e */
    NGX_HTTP_RESULTS_STATEMENTS = NGX_HTTP_RESULTS_READ + RESULTS_READS
} ngx_http_results_statement_e;


#define NGX_HTTP_RESULTS_COLUMNS_MAX  32


/* how a job ended */
typedef struct {
    enum {
        NGX_HTTP_RESULTS_JOB_OK = 0,  /* its Sync came, with no error before */
        NGX_HTTP_RESULTS_JOB_ERROR,   /* its Sync came; nothing was stored */
        NGX_HTTP_RESULTS_JOB_WARNED,  /* its Sync came, and a WARNING: what it
                                         stored may not be durable */
        NGX_HTTP_RESULTS_JOB_LOST     /* no Sync: it may have been stored */
    }                       end;
    char                    sqlstate[6];
    results_sql_action_e    action;   /* for an ERROR */
} ngx_http_results_end_t;


/*
 * A statement with its parameters: binary with their lengths, or text.  libpq
 * copies them when the job is sent.  The job itself must live until done().
 */
struct ngx_http_results_job_s {
    ngx_uint_t              statement;      /* ngx_http_results_statement_e */
    const char *const      *values;
    const int              *lengths;        /* NULL: text, terminated */
    ngx_msec_t              timeout;        /* to the Sync */
    unsigned                binary:1;       /* the answer's format */
    unsigned                stream:1;       /* row by row as they come */

    /* once a row, with the values in the order of the columns; NGX_OK */
    ngx_int_t             (*row)(ngx_http_results_job_t *job,
                                 const results_str_t *values,
                                 ngx_uint_t nvalues);

    /* once: from the event loop, never from within _send() */
    void                  (*done)(ngx_http_results_job_t *job,
                                  const ngx_http_results_end_t *end);
    void                   *data;

    ngx_http_results_connection_t  *connection;   /* while it is in flight */
};


struct ngx_http_results_connection_s {
    ngx_queue_t             queue;          /* the pool's list of its state */
    ngx_uint_t              state;          /* the pool's */

    void                   *pool;           /* ngx_http_results_pool_t */
    ngx_http_results_store_conf_t  *conf;
    ngx_uint_t              statements;     /* to prepare: bits */

    struct pg_conn         *pg;
    ngx_connection_t       *connection;     /* nginx's, for the socket */
    ngx_event_t             timer;          /* connecting, or a job */

    ngx_http_results_job_t  *job;           /* in flight, or NULL */
    ngx_http_results_end_t  end;            /* of the job, so far */
    ngx_http_results_job_t  check;
    ngx_msec_t              checked;        /* the pool's: when it was */

    unsigned                ready:1;        /* the first flight is over */
    unsigned                warned:1;       /* during this job */
    unsigned                broken:1;       /* to be closed by its handler */
    unsigned                leaving:1;      /* closed by us, on exit */
    unsigned                shutdown:1;     /* worker_shutdown_timeout */
    unsigned                proved:1;       /* the pool's: it has worked */
    unsigned                proving:1;      /* its job shows that it does */
    unsigned                doubted:1;      /* to be checked before it is used
                                               again */

    /* the pool's: usable now; the job is over; gone (before done(LOST)) */
    void                  (*on_ready)(ngx_http_results_connection_t *hc);
    void                  (*on_idle)(ngx_http_results_connection_t *hc);
    void                  (*on_closed)(ngx_http_results_connection_t *hc,
                                       const char *reason);

    char                    reason[512];    /* why it failed: one line */
    char                    server[128];    /* host:port that it has or had */
};


/* begins to connect; on_ready() or on_closed() follows, maybe at once */
void ngx_http_results_connection_open(ngx_http_results_connection_t *hc);

/*
 * Sends one job over a ready connection that has none; done() follows from
 * the event loop, whatever happens.
 */
void ngx_http_results_connection_send(ngx_http_results_connection_t *hc,
    ngx_http_results_job_t *job);

/*
 * Asks the server, over a ready connection that has no job, whether it is
 * still what it was; closes where it is not, or does not answer.
 */
void ngx_http_results_connection_check(ngx_http_results_connection_t *hc);

/*
 * Closes it; on_closed(reason), then done(LOST) of its job follow at once.
 * hard: unsent bytes must not reach the server any more (SO_LINGER 0).
 */
void ngx_http_results_connection_close(ngx_http_results_connection_t *hc,
    ngx_uint_t hard, const char *reason);


#endif /* NGX_HTTP_RESULTS_CONNECTION_H */
