
/*
 * A worker's writes to one store.  Groups wait in a queue; those that may share
 * a statement leave it together, as a batch, over a connection of the pool of
 * writers; and each group is told what became of it.
 *
 *     queue ──flush──► batch ──job──► writer connection
 *       ▲                │
 *       └─ to be re-run ─┴──tell──► handler(verdict)
 *
 * A group is in exactly one place, as a whole: it waits in the queue, where it
 * may rest after its statement failed; or it is in a batch; or on the list of
 * those to be told that they failed; or it is its caller's again, which only
 * ngx_http_results_group_leave() makes it.
 *
 * store.c calls _init(), _exit(), _ready(), _write() and _abandon(); all else
 * is between batcher.c, batch.c and group.c.
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
 * The groups of one statement, while it is in flight, and then, if it was
 * committed, until they have been told.  With neither `sent` nor `committed`
 * it is free, and its memory is used for the next statement.
 */
typedef struct {
    ngx_http_results_job_t  job;
    ngx_http_results_batcher_t  *batcher;
    ngx_queue_t             groups;         /* whose callers still wait */
    results_batch_row_t    *rows;           /* by key; .record is NULL where
                                               the caller has left */
    results_record_t      **records;        /* the same, for the encoder */
    results_written_t      *written;        /* what the answer says of each
                                               row; becomes the record's at the
                                               Sync */
    ngx_uint_t              nrows;
    results_params_t        params;
    int64_t                 departed;       /* when it was sent, by
                                               results_time_monotonic() */
    ngx_uint_t              commit_time;    /* microseconds from then until its
                                               Sync came */
    ngx_uint_t              answers;        /* rows of the answer so far: one
                                               is right */
    unsigned                sent:1;         /* in flight */
    unsigned                unheld:1;       /* in flight for so long that it
                                               has given up its keys */
    unsigned                committed:1;    /* its groups are to be told */
    unsigned                decoded:1;      /* `written` has been filled in */
} ngx_http_results_batch_t;


struct ngx_http_results_batcher_s {
    ngx_http_results_store_conf_t  *conf;
    ngx_http_results_pool_t  pool;          /* the writers */
    ngx_http_results_complaint_t  complaint;

    ngx_http_results_queue_t  queue;        /* groups that wait */
    ngx_queue_t             groups;         /* those that wait or are in a
                                               batch, by deadline */
    ngx_queue_t             dropped;        /* groups to be told that they
                                               failed */

    ngx_http_results_batch_t  *batches;     /* two for each connection: one in
                                               flight, one being told */
    ngx_uint_t              nbatches;

    ngx_event_t             flush;          /* sends; posted, so that it runs
                                               at the end of a loop pass */
    ngx_event_t             tell;           /* tells groups of their commit;
                                               posted after flush */
    ngx_event_t             deadline;       /* a timer: some group's time may
                                               be over */
    ngx_event_t             slow;           /* a timer: posts flush, as another
                                               writer may be used then, or keys
                                               given up */
    ngx_event_t             rest;           /* a timer: posts flush, as the
                                               first rest is over */
    ngx_msec_t              sent;           /* when the last batch was */

    int64_t                 stamp;          /* the last stamp given, without a
                                               group's lead */
    ngx_msec_t              behind_since;   /* while `behind`: since when */
    int64_t                 now;            /* when the groups of this loop
                                               pass came; 0: none has */

    /* when the log was last told of it, for _batcher_news() */
    ngx_msec_t              told_ahead;
    ngx_msec_t              told_busy;

    unsigned                behind:1;       /* the clock is minutes behind
                                               `stamp` */
    unsigned                exiting:1;      /* the process ends: nobody is told
                                               anything any more */
};


/*
 * _init(): b is zeroed; opens the first writer.  NGX_ERROR without memory.  The
 * memory is the cycle's.  _exit(): closes the writers and ends all timers;
 * groups that are still here are told nothing.
 */
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


/*
 * batch.c: moves the groups that may share the next statement from the queue
 * into a free batch, with their stamps, ready to be encoded.  Some group must
 * be ready (ngx_http_results_queue_ready()) and some batch free.
 */
ngx_http_results_batch_t *ngx_http_results_batch_build(
    ngx_http_results_batcher_t *b);

/* row() and done() of a batch's job: see connection.h */
ngx_int_t ngx_http_results_batch_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
void ngx_http_results_batch_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);

/*
 * Tells the groups of a committed batch, or sends them again where a later
 * stamp is stored, and makes the batch free.
 */
void ngx_http_results_batch_tell(ngx_http_results_batch_t *batch);

/*
 * Tells the groups of a batch that was not committed: REFUSED; or
 * NOT_WRITTEN, which becomes UNKNOWN for a group that an earlier statement may
 * have stored; or UNKNOWN.  sqlstate is "" where there is none.
 */
void ngx_http_results_batch_fail(ngx_http_results_batch_t *batch,
    ngx_http_results_verdict_e verdict, const char *sqlstate);


/*
 * group.c: how a group leaves, and what batcher.c and batch.c both need.
 *
 * _end(): takes the group from wherever it is and calls its handler(verdict),
 * which may free it.
 * _failed(): the same with UNKNOWN where the group is unsure, else with
 * NOT_WRITTEN.
 */
void ngx_http_results_group_end(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group, ngx_http_results_verdict_e verdict);
void ngx_http_results_group_failed(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);

/*
 * Takes the group from wherever it is, and gives up its keys: nothing here
 * points to it any more.  Does not call its handler().
 */
void ngx_http_results_group_leave(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);

/*
 * Takes the group out of its batch, whose statement goes on without it.  It
 * keeps its keys, and its caller must put it somewhere else at once.
 */
void ngx_http_results_group_release(ngx_http_results_group_t *group);

/*
 * _drop(): as _leave(), and puts the group on the list of those to be told that
 * they failed.  A loop over a list of groups must use it in place of _failed(),
 * since a handler may end other requests, and so take their groups from any
 * list.  Who drops a group calls _tell_dropped(), which calls the handlers,
 * when its loop is over, or posts the event `tell`.
 */
void ngx_http_results_group_drop(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);
void ngx_http_results_batcher_tell_dropped(ngx_http_results_batcher_t *b);

/*
 * Makes sure that the deadline timer runs out when the earliest deadline comes,
 * or before; deletes it where there is no group.  To be called after groups
 * have come or gone.
 */
void ngx_http_results_batcher_set_timer(ngx_http_results_batcher_t *b);

/*
 * The next stamp, in microseconds since 1970; now is results_time_now().  Each
 * is later than the one given before, unless the clock was set back by more
 * than minutes.
 */
int64_t ngx_http_results_batcher_stamp(ngx_http_results_batcher_t *b,
    int64_t now);

/*
 * Whether the caller may write a line to the log: 1 at most once a minute for
 * each *told, which is 0 at first and then when it last was 1.
 */
ngx_uint_t ngx_http_results_batcher_news(ngx_msec_t *told);


#endif /* NGX_HTTP_RESULTS_BATCHER_H */
