
/*
 * One batch: what may share a statement is taken from the waiting list, sent,
 * and comes back with its outcomes, or goes back to be sent again.  Until its
 * Sync nothing about a batch is believed.
 *
 * To find a group whose data the database refuses, the groups of a failed
 * batch may only join batches of half its rows, again and again: of n groups
 * one bad one costs about log2(n) refused statements.
 */

#include <stdlib.h>

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_counters.h"


/* of a batch's records; one group may be larger */
#define NGX_HTTP_RESULTS_BATCH_SIZE  (16 * 1024 * 1024)


static void ngx_http_results_batch_check(ngx_http_results_batch_t *batch);
static void ngx_http_results_batch_committed(ngx_http_results_batch_t *batch);
static ngx_uint_t ngx_http_results_group_forgotten(
    ngx_http_results_group_t *group);
static ngx_uint_t ngx_http_results_group_superseded(
    ngx_http_results_batcher_t *b, ngx_http_results_group_t *group);
static void ngx_http_results_batch_isolate(ngx_http_results_batch_t *batch,
    const char *sqlstate);
static void ngx_http_results_batch_requeue(ngx_http_results_batch_t *batch,
    ngx_uint_t unsure);


/* moves what may share a statement with the oldest group into a batch */

ngx_http_results_batch_t *
ngx_http_results_batch_build(ngx_http_results_batcher_t *b)
{
    size_t                     size;
    ngx_uint_t                 i, n, limit, kept;
    ngx_queue_t               *q, *next;
    results_batch_row_t       *row;
    ngx_http_results_batch_t  *batch;
    ngx_http_results_group_t  *group;

    for (batch = b->batches; batch->sent || batch->committed; batch++) {
        /* void */
    }

    q = ngx_queue_head(&b->waiting);
    group = ngx_queue_data(q, ngx_http_results_group_t, queue);

    batch->job.statement = group->nrecords > 1
                           ? NGX_HTTP_RESULTS_WRITE_GROUP
                           : NGX_HTTP_RESULTS_WRITE_RECORDS;

    limit = b->conf->batch;
    size = 0;
    n = 0;

    for ( /* void */ ; q != ngx_queue_sentinel(&b->waiting); q = next) {

        next = ngx_queue_next(q);
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        if (n > 0) {

            if (group->nrecords > 1) {
                continue;
            }

            if (group->limit) {
                limit = ngx_min(limit, group->limit);
            }

            if (n >= limit
                || size + group->size > NGX_HTTP_RESULTS_BATCH_SIZE)
            {
                break;
            }

        } else if (group->limit) {
            limit = group->limit;
        }

        ngx_http_results_group_unwait(b, group);

        group->batch = batch;
        ngx_queue_insert_tail(&batch->groups, &group->queue);

        size += group->size;

        for (i = 0; i < group->nrecords; i++) {
            row = &batch->rows[n++];
            row->record = &group->records[i];
            row->group = group;

            row->record->stamp = group->stamp;
            row->record->outcome = RESULTS_OUTCOME_NONE;
        }

        if (group->nrecords > 1) {
            break;
        }
    }

    kept = results_batch_sort(batch->rows, n, b->spare);

    /* of one key the first goes now */

    for (i = n; i > kept; i--) {
        group = batch->rows[i - 1].group;
        group->batch = NULL;

        ngx_queue_remove(&group->queue);
        ngx_http_results_group_wait(b, group);
    }

    batch->nrows = kept;

    for (i = 0; i < kept; i++) {
        batch->records[i] = batch->rows[i].record;
    }

    ngx_http_results_batch_check(batch);

    return batch;
}


/*
 * A group is in a statement as a whole or not at all.  A row whose group is
 * elsewhere would be stored and not told, and points to memory that the group's
 * request frees: better no worker than that one.
 */

static void
ngx_http_results_batch_check(ngx_http_results_batch_t *batch)
{
    ngx_uint_t                 i, n;
    ngx_queue_t               *q;
    ngx_http_results_group_t  *group;

    n = 0;

    for (q = ngx_queue_head(&batch->groups);
         q != ngx_queue_sentinel(&batch->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);
        n += group->nrecords;
    }

    for (i = 0; i < batch->nrows; i++) {
        group = batch->rows[i].group;

        if (group->batch != batch) {
            break;
        }
    }

    if (i == batch->nrows && n == batch->nrows) {
        return;
    }

    ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                  "results: a statement of %ui rows has %ui of its groups; "
                  "the worker ends", batch->nrows, n);
    abort();
}


ngx_int_t
ngx_http_results_batch_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_http_results_batch_t  *batch;

    batch = job->data;

    /* one row is the whole answer, and nothing of it counts before the Sync */

    batch->decoded = 0;

    if (batch->answers++ || nvalues != 3) {
        return NGX_OK;
    }

    batch->decoded = (results_decode_outcomes(values, batch->written,
                                              batch->nrows)
                      == 0);

    return NGX_OK;
}


void
ngx_http_results_batch_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end)
{
    ngx_http_results_batch_t    *batch;
    ngx_http_results_batcher_t  *b;

    batch = job->data;
    b = batch->batcher;

    if (b->exiting) {
        return;
    }

    if (end->end != NGX_HTTP_RESULTS_JOB_OK || batch->decoded) {
        ngx_http_results_complaint_end(&b->complaint, end);
    }

    switch (end->end) {

    case NGX_HTTP_RESULTS_JOB_OK:

        if (batch->decoded) {
            ngx_http_results_batch_committed(batch);
            break;
        }

        ngx_http_results_complain(&b->complaint,
                                  NGX_HTTP_RESULTS_FOREIGN_ANSWER,
                                  "answered 503");
        ngx_http_results_batch_fail(batch, NGX_HTTP_RESULTS_UNKNOWN, "");
        break;

    case NGX_HTTP_RESULTS_JOB_WARNED:
    case NGX_HTTP_RESULTS_JOB_LOST:
        ngx_http_results_batch_requeue(batch, 1);
        break;

    case NGX_HTTP_RESULTS_JOB_ERROR:

        switch (end->action) {

        case RESULTS_SQL_ISOLATE:
            ngx_http_results_batch_isolate(batch, end->sqlstate);
            break;

        case RESULTS_SQL_UNAVAILABLE:

            ngx_http_results_batch_fail(batch, NGX_HTTP_RESULTS_NOT_WRITTEN,
                                        end->sqlstate);
            break;

        case RESULTS_SQL_RETRY:
            ngx_http_results_store_count(b->conf, retries);
            ngx_http_results_batch_requeue(batch, 0);
            break;

        default: /* RESULTS_SQL_EVICT */
            ngx_http_results_batch_requeue(batch, 0);
        }
    }

    batch->sent = 0;

    ngx_http_results_batcher_set_timer(b);

    ngx_post_event(&b->flush, &ngx_posted_events);
}


/*
 * The one place where a run's answer becomes the records' own.  Its groups are
 * told when the next batch has left: replies take time, in which the database
 * would have nothing to do.
 */

static void
ngx_http_results_batch_committed(ngx_http_results_batch_t *batch)
{
    ngx_uint_t                          i;
    results_record_t                   *record;
    ngx_http_results_store_counters_t  *counters;

    counters = ngx_http_results_store_counters(batch->batcher->conf);

    batch->committed = 1;
    batch->commit_time = (ngx_uint_t) (results_time_monotonic()
                                       - batch->departed);

    counters->batches++;
    counters->rows += batch->nrows;

    ngx_http_results_observe(&counters->batch_rows,
                             ngx_http_results_rows_bounds, batch->nrows);
    ngx_http_results_observe(&counters->commit_time,
                             ngx_http_results_time_bounds, batch->commit_time);

    for (i = 0; i < batch->nrows; i++) {
        record = batch->rows[i].record;

        if (record == NULL) {
            counters->rows_orphaned++;
            continue;
        }

        results_record_written(record, &batch->written[i]);
    }

    ngx_post_event(&batch->batcher->flush, &ngx_posted_events);
    ngx_post_event(&batch->batcher->tell, &ngx_posted_events);
}


void
ngx_http_results_batch_tell(ngx_http_results_batch_t *batch)
{
    ngx_queue_t                        *q;
    ngx_http_results_group_t           *group;
    ngx_http_results_batcher_t         *b;
    ngx_http_results_store_counters_t  *counters;

    b = batch->batcher;
    counters = ngx_http_results_store_counters(b->conf);

    /* a handler may end other requests, and so take groups from the list */

    while (!ngx_queue_empty(&batch->groups)) {
        q = ngx_queue_head(&batch->groups);
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        ngx_queue_remove(q);
        group->batch = NULL;

        if (group->unsure && ngx_http_results_group_forgotten(group)) {
            ngx_http_results_group_failed(b, group);
            continue;
        }

        if (ngx_http_results_group_superseded(b, group)) {
            ngx_http_results_group_wait(b, group);
            continue;
        }

        group->queue_time = (ngx_uint_t) (batch->departed - group->arrived);
        group->commit_time = batch->commit_time;
        group->batch_rows = batch->nrows;

        ngx_http_results_observe(&counters->queue_time,
                                 ngx_http_results_time_bounds,
                                 group->queue_time);

        group->handler(group, NGX_HTTP_RESULTS_COMMITTED);
    }

    batch->committed = 0;
}


/*
 * A lost run of it may have been stored, and replaced, where no history is
 * kept.  Whoever wrote it knows whether it is to be written above what is
 * there now; the module does not.
 */

static ngx_uint_t
ngx_http_results_group_forgotten(ngx_http_results_group_t *group)
{
    ngx_uint_t  i;

    for (i = 0; i < group->nrecords; i++) {
        if (group->records[i].forgotten) {
            return 1;
        }
    }

    return 0;
}


/*
 * A later stamp is stored.  Nobody may be told that such a write succeeded,
 * so it is written again, above the stored one: skewed clocks cost a retry
 * and never a result.
 */

static ngx_uint_t
ngx_http_results_group_superseded(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_uint_t  i, superseded;

    superseded = 0;

    for (i = 0; i < group->nrecords; i++) {
        if (group->records[i].outcome == RESULTS_OUTCOME_SUPERSEDED) {
            b->stamp = ngx_max(b->stamp, group->records[i].stamp);
            superseded = 1;
        }
    }

    if (superseded) {
        group->stamp = ngx_http_results_batcher_stamp(b);
        ngx_http_results_store_count(b->conf, groups_superseded);
    }

    return superseded;
}


/* some group's data was refused, and with it the statement */

static void
ngx_http_results_batch_isolate(ngx_http_results_batch_t *batch,
    const char *sqlstate)
{
    ngx_queue_t                    *q;
    ngx_http_results_group_t       *group;
    ngx_http_results_store_conf_t  *conf;

    conf = batch->batcher->conf;

    for (q = ngx_queue_head(&batch->groups);
         q != ngx_queue_sentinel(&batch->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        if (group->nrecords == batch->nrows) {
            /* it was alone */
            ngx_http_results_store_count(conf, groups_refused);
            ngx_http_results_batch_fail(batch, NGX_HTTP_RESULTS_REFUSED,
                                        sqlstate);
            return;
        }

        group->limit = ngx_max(batch->nrows / 2, 1);
        ngx_http_results_store_count(conf, groups_isolated);
    }

    ngx_http_results_batch_requeue(batch, 0);
}


/* all who still wait go back to where they were, to be sent again */

static void
ngx_http_results_batch_requeue(ngx_http_results_batch_t *batch,
    ngx_uint_t unsure)
{
    ngx_queue_t                 *q;
    ngx_http_results_group_t    *group;
    ngx_http_results_batcher_t  *b;

    b = batch->batcher;

    while (!ngx_queue_empty(&batch->groups)) {
        q = ngx_queue_last(&batch->groups);
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        ngx_queue_remove(q);
        group->batch = NULL;

        if (unsure) {
            group->unsure = 1;
            ngx_http_results_store_count(b->conf, groups_rerun);
        }

        if (b->pool.closing) {
            ngx_http_results_group_failed(b, group);

        } else {
            ngx_http_results_group_wait(b, group);
        }
    }
}


void
ngx_http_results_batch_fail(ngx_http_results_batch_t *batch,
    ngx_http_results_verdict_e verdict, const char *sqlstate)
{
    ngx_queue_t               *q;
    ngx_http_results_group_t  *group;

    while (!ngx_queue_empty(&batch->groups)) {
        q = ngx_queue_head(&batch->groups);
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        ngx_queue_remove(q);
        group->batch = NULL;

        ngx_cpystrn((u_char *) group->sqlstate, (u_char *) sqlstate,
                    sizeof(group->sqlstate));

        if (verdict == NGX_HTTP_RESULTS_REFUSED) {
            group->handler(group, verdict);
            continue;
        }

        if (verdict == NGX_HTTP_RESULTS_UNKNOWN) {
            group->unsure = 1;
        }

        ngx_http_results_group_failed(batch->batcher, group);
    }
}


/* takes a group out of its batch, which goes on without it */

void
ngx_http_results_batch_release(ngx_http_results_group_t *group)
{
    ngx_uint_t                 i;
    ngx_http_results_batch_t  *batch;

    batch = group->batch;

    for (i = 0; i < batch->nrows; i++) {
        if (batch->rows[i].group == group) {
            batch->rows[i].record = NULL;
            batch->rows[i].group = NULL;
        }
    }

    ngx_queue_remove(&group->queue);
    group->batch = NULL;
}
