
/*
 * Groups in, batches out: the queue of a worker's writes to one store.
 *
 *     queue ──flush──► batch ──job──► writer connection
 *       ▲                │
 *       └─ to be re-run ─┴──tell──► handler(verdict)
 *
 * A group is in exactly one place: it waits in the queue, where it may rest
 * after a failure, or is in a batch as a whole, or is to be told that it
 * failed; or it is its caller's again, which only
 * ngx_http_results_group_leave() makes it.
 */

#ifndef NGX_HTTP_RESULTS_BATCHER_H
#define NGX_HTTP_RESULTS_BATCHER_H

#include "ngx_http_results_complaint.h"
#include "ngx_http_results_pool.h"
#include "ngx_http_results_queue.h"
#include "results_batch.h"
#include "results_encode.h"


typedef struct ngx_http_results_batcher_s  ngx_http_results_batcher_t;


/*
 * In flight on one connection, or committed and not yet told; the memory is
 * used again by the next one
 */
typedef struct {
    ngx_http_results_job_t  job;
    ngx_http_results_batcher_t  *batcher;
    ngx_queue_t             groups;         /* whose callers still wait */
    results_batch_row_t    *rows;           /* .record NULL: nobody waits */
    results_record_t      **records;        /* the same, for the encoder */
    results_written_t      *written;        /* what was answered of each, to be
                                               taken over at the Sync */
    ngx_uint_t              nrows;
    results_params_t        params;
    int64_t                 departed;       /* when it was sent */
    ngx_uint_t              commit_time;    /* microseconds since then */
    ngx_uint_t              answers;        /* rows that came back */
    unsigned                sent:1;         /* in flight */
    unsigned                unheld:1;       /* for long: its keys are free */
    unsigned                committed:1;    /* its groups are to be told */
    unsigned                decoded:1;      /* the outcomes have come */
} ngx_http_results_batch_t;


struct ngx_http_results_batcher_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  pool;          /* the writers */
    ngx_http_results_complaint_t  complaint;

    ngx_http_results_queue_t  queue;        /* groups that wait */
    ngx_queue_t             groups;         /* all of them, by deadline */
    ngx_queue_t             dropped;        /* failed, to be told so */

    ngx_http_results_batch_t  *batches;     /* two a connection */
    ngx_uint_t              nbatches;

    ngx_event_t             flush;          /* posted: end of the loop pass */
    ngx_event_t             tell;           /* posted, behind flush */
    ngx_event_t             deadline;       /* of the oldest group */
    ngx_event_t             slow;           /* a second writer may be used */
    ngx_event_t             rest;           /* the first one is over */
    ngx_msec_t              sent;           /* when the last batch was */

    int64_t                 stamp;          /* the last one of the clock's */
    ngx_msec_t              behind_since;   /* the clock is far behind it */
    int64_t                 now;            /* of this loop pass's groups */

    /* when the log was told last; 0: never */
    ngx_msec_t              told_ahead;
    ngx_msec_t              told_busy;

    unsigned                behind:1;
    unsigned                exiting:1;      /* the process is about to end */
};


ngx_int_t ngx_http_results_batcher_init(ngx_http_results_batcher_t *b,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf);
void ngx_http_results_batcher_exit(ngx_http_results_batcher_t *b);

/* as ngx_http_results_store_ready(), _write(), _abandon() */
ngx_http_results_taken_e ngx_http_results_batcher_ready(
    ngx_http_results_batcher_t *b, int32_t institution_id,
    ngx_uint_t nrecords, size_t size);
ngx_http_results_taken_e ngx_http_results_batcher_write(
    ngx_http_results_batcher_t *b, ngx_http_results_group_t *group);
void ngx_http_results_batcher_abandon(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);


/* batch.c: moves what may share the next statement into a batch */
ngx_http_results_batch_t *ngx_http_results_batch_build(
    ngx_http_results_batcher_t *b);

/* its job's row() and done() */
ngx_int_t ngx_http_results_batch_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
void ngx_http_results_batch_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);

/* tells the groups of a batch that is committed */
void ngx_http_results_batch_tell(ngx_http_results_batch_t *batch);

/* tells all its groups that it is not */
void ngx_http_results_batch_fail(ngx_http_results_batch_t *batch,
    ngx_http_results_verdict_e verdict, const char *sqlstate);


/*
 * group.c: how a group leaves, and what batcher.c and batch.c both need.
 *
 * _end(): the group is its caller's again, who is told the verdict.
 * _failed(): the same, with a 503; the group knows whether it may have been
 * stored.
 */
void ngx_http_results_group_end(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group, ngx_http_results_verdict_e verdict);
void ngx_http_results_group_failed(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);

/* takes it from wherever it is; nothing here points to it any more */
void ngx_http_results_group_leave(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);

/* takes it out of its batch, which goes on without it; it is nowhere then */
void ngx_http_results_group_release(ngx_http_results_group_t *group);

/*
 * As _leave(), and it will be told that it failed, by _tell_dropped(): for
 * callers that walk a list, which no handler may change meanwhile.
 */
void ngx_http_results_group_drop(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);
void ngx_http_results_batcher_tell_dropped(ngx_http_results_batcher_t *b);

/* sets the timer to the earliest deadline of all groups, or deletes it */
void ngx_http_results_batcher_set_timer(ngx_http_results_batcher_t *b);

/*
 * The next stamp, in microseconds; now is the system's clock.  Behind none
 * that was given before, unless the clock was set back by minutes.
 */
int64_t ngx_http_results_batcher_stamp(ngx_http_results_batcher_t *b,
    int64_t now);

/* 1 where the log was not told for a minute, and is now */
ngx_uint_t ngx_http_results_batcher_news(ngx_msec_t *told);


#endif /* NGX_HTTP_RESULTS_BATCHER_H */
