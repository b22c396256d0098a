
/*
 * One batch: groups that may share a statement are taken from the queue and
 * sent, and come back with their outcomes, or go back to the queue to be sent
 * again.  The answer of a statement counts only once its Sync has come: the
 * commit may fail after the rows of the answer were sent.
 *
 * An error of the data of one group fails the whole statement.  To find that
 * group, the groups of a failed batch are sent again in batches of at most half
 * its rows, and so on until it is alone: one bad group among n costs about
 * log2(n) failed statements.
 *
 * An error that passes, as a deadlock, may be caused by one group as well, each
 * time.  So its groups are sent again in halves, too: at once after a group's
 * first failure, as most of them are not repeated, and after a rest from then
 * on.  The rests of a group that fails alone grow.
 */

#include <stdlib.h>

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_counters.h"


/* bytes of a batch's groups; a single group may have more */
#define NGX_HTTP_RESULTS_BATCH_SIZE  (16 * 1024 * 1024)

/*
 * Microseconds.  A stored stamp that is ahead of our clock by more than this
 * can not come from a small skew between the clocks of two nodes: the log is
 * told.
 */
#define NGX_HTTP_RESULTS_SKEW  (5 * 60 * INT64_C(1000000))

/*
 * Microseconds by which a write is stamped above the stored one where it was
 * superseded before: 1 ms, doubled each further time.  The first time it is one
 * microsecond.
 */
#define NGX_HTTP_RESULTS_LEAD  1000
#define NGX_HTTP_RESULTS_LEAD_DOUBLED  16


static void ngx_http_results_batch_check(ngx_http_results_batch_t *batch);
static void ngx_http_results_batch_committed(ngx_http_results_batch_t *batch);
static ngx_uint_t ngx_http_results_group_forgotten(
    ngx_http_results_group_t *group);
static ngx_uint_t ngx_http_results_group_superseded(
    ngx_http_results_group_t *group);
static ngx_uint_t ngx_http_results_group_overtake(
    ngx_http_results_batcher_t *b, ngx_http_results_group_t *group);
static void ngx_http_results_group_again(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);
static void ngx_http_results_batch_isolate(ngx_http_results_batch_t *batch,
    const char *sqlstate);
static void ngx_http_results_batch_requeue(ngx_http_results_batch_t *batch,
    ngx_uint_t unsure, ngx_uint_t later);
static void ngx_http_results_group_later(ngx_http_results_batch_t *batch,
    ngx_http_results_group_t *group);


ngx_http_results_batch_t *
ngx_http_results_batch_build(ngx_http_results_batcher_t *b)
{
    size_t                     size;
    int64_t                    now;
    ngx_uint_t                 i, n, limit;
    ngx_queue_t               *turns;
    results_batch_row_t       *row;
    ngx_http_results_batch_t  *batch;
    ngx_http_results_claim_t  *claim;
    ngx_http_results_group_t  *group;

    for (batch = b->batches; batch->sent || batch->committed; batch++) {
        /* void */
    }

    turns = ngx_http_results_queue_turn(&b->queue);
    group = ngx_http_results_queue_first(turns);

    batch->job.statement = group->nrecords > 1
                           ? NGX_HTTP_RESULTS_WRITE_GROUP
                           : NGX_HTTP_RESULTS_WRITE_RECORDS;

    now = results_time_now();
    limit = b->conf->batch;
    size = 0;
    n = 0;

    do {

        if (group->limit) {
            limit = ngx_min(limit, group->limit);
        }

        if (n > 0
            && (n >= limit
                || size + group->size > NGX_HTTP_RESULTS_BATCH_SIZE))
        {
            break;
        }

        ngx_http_results_queue_take(&b->queue, group);

        group->batch = batch;
        ngx_queue_insert_tail(&batch->groups, &group->queue);

        /* an earlier statement may have stored it: by the same stamp the
           database knows it again */

        if (!group->unsure) {
            group->stamp = ngx_http_results_batcher_stamp(b, now)
                           + group->lead;
        }

        size += group->size;

        for (i = 0; i < group->nrecords; i++) {
            row = &batch->rows[n++];
            row->record = &group->records[i];
            row->claim = &group->claims[i];

            row->record->stamp = group->stamp;
            row->record->outcome = RESULTS_OUTCOME_NONE;
        }

        if (group->nrecords > 1) {
            break;
        }

        group = ngx_http_results_queue_first(turns);

    } while (group);

    batch->nrows = n;

    ngx_http_results_batch_check(batch);

    for (i = 0; i < n; i++) {
        batch->records[i] = batch->rows[i].record;

        claim = batch->rows[i].claim;
        claim->row = i;
    }

    return batch;
}


/*
 * The queue sees to it that a group is in a statement as a whole or not at all,
 * and that no key is in it twice.  Should it ever fail to, the worker ends: a
 * row whose group is elsewhere would be stored and nobody told, and it points
 * to memory that the group's request is going to free.
 */

static void
ngx_http_results_batch_check(ngx_http_results_batch_t *batch)
{
    ngx_uint_t                 i, n;
    ngx_queue_t               *q;
    ngx_http_results_group_t  *group;
    ngx_http_results_claim_t  *claim;

    n = 0;

    for (q = ngx_queue_head(&batch->groups);
         q != ngx_queue_sentinel(&batch->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);
        n += group->nrecords;
    }

    for (i = 0; i < batch->nrows; i++) {
        claim = batch->rows[i].claim;

        if (!claim->holds || claim->group->batch != batch) {
            break;
        }
    }

    if (i == batch->nrows && n == batch->nrows
        && results_batch_sort(batch->rows, n) == 0)
    {
        return;
    }

    ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                  "results: a statement of %ui rows is not one of whole "
                  "groups, with each key once; the worker ends",
                  batch->nrows);
    abort();
}


ngx_int_t
ngx_http_results_batch_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_http_results_batch_t  *batch;

    batch = job->data;

    /* the answer is one row of three arrays; it counts once the Sync comes */

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

    batch->sent = 0;

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
        ngx_http_results_batch_requeue(batch, 1, 1);
        break;

    case NGX_HTTP_RESULTS_JOB_LOST:

        /* at once: the pool sees to it that a new connection takes time */
        ngx_http_results_batch_requeue(batch, 1, 0);
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
            ngx_http_results_batch_requeue(batch, 0, 1);
            break;

        default: /* RESULTS_SQL_EVICT */

            /* a session may be ended after its commit, before its Sync */
            ngx_http_results_batch_requeue(batch, batch->answers > 0, 0);
        }
    }

    ngx_http_results_batcher_set_timer(b);

    ngx_post_event(&b->flush, &ngx_posted_events);
}


/*
 * The one place where the answer of a statement is written to its records.  The
 * groups are not told yet, but after the next batch was sent: to make their
 * replies takes time, in which the database would otherwise have nothing to do.
 */

static void
ngx_http_results_batch_committed(ngx_http_results_batch_t *batch)
{
    ngx_uint_t                          i;
    ngx_queue_t                        *q;
    results_record_t                   *record;
    ngx_http_results_group_t           *group;
    ngx_http_results_batcher_t         *b;
    ngx_http_results_store_counters_t  *counters;

    b = batch->batcher;
    counters = ngx_http_results_store_counters(b->conf);

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

    /* the next batch may have their keys; those that were superseded are sent
       again, and keep theirs */

    for (q = ngx_queue_head(&batch->groups);
         q != ngx_queue_sentinel(&batch->groups);
         q = ngx_queue_next(q))
    {
        group = ngx_queue_data(q, ngx_http_results_group_t, queue);

        if (!ngx_http_results_group_superseded(group)) {
            ngx_http_results_queue_unclaim(&b->queue, group);
        }
    }

    ngx_post_event(&b->flush, &ngx_posted_events);
    ngx_post_event(&b->tell, &ngx_posted_events);
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

        if (group->unsure && ngx_http_results_group_forgotten(group)) {
            ngx_http_results_group_failed(b, group);
            continue;
        }

        if (ngx_http_results_group_superseded(group)) {

            if (ngx_http_results_group_overtake(b, group)) {
                ngx_http_results_group_again(b, group);

            } else {
                /* there is no later stamp: datetime_field_overflow */
                ngx_memcpy(group->sqlstate, "22008", sizeof("22008"));
                ngx_http_results_store_count(b->conf, groups_refused);
                ngx_http_results_group_end(b, group,
                                           NGX_HTTP_RESULTS_REFUSED);
            }

            continue;
        }

        group->queue_time = (ngx_uint_t) (batch->departed - group->arrived);
        group->commit_time = batch->commit_time;
        group->batch_rows = batch->nrows;

        ngx_http_results_observe(&counters->queue_time,
                                 ngx_http_results_time_bounds,
                                 group->queue_time);

        ngx_http_results_group_end(b, group, NGX_HTTP_RESULTS_COMMITTED);
    }

    batch->committed = 0;
}


/*
 * Whether the database can not tell if an earlier statement, whose answer was
 * lost, stored a record of this group: another write may have replaced it
 * since, and where no history is kept nothing is left of it.  The client is
 * told that the outcome is unknown: it knows whether its result should replace
 * the one that is stored now, the module does not.
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
 * Whether a record was not stored, as the stored one has a later stamp.  Such a
 * write must never be acknowledged.
 */

static ngx_uint_t
ngx_http_results_group_superseded(ngx_http_results_group_t *group)
{
    ngx_uint_t  i;

    for (i = 0; i < group->nrecords; i++) {
        if (group->records[i].outcome == RESULTS_OUTCOME_SUPERSEDED) {
            return 1;
        }
    }

    return 0;
}


/*
 * Gives a superseded group a lead, so that its next stamp is later than the
 * stored one: nodes whose clocks differ cost each other a second statement and
 * never a result.  The lead is of this group alone; if it moved the batcher's
 * clock, one row that is dated years ahead would date all others.  Where
 * writers on other nodes replace the row each time before we do, the lead grows
 * until ours is above theirs.
 *
 * Returns 0 where the stored stamp is the last there can be.
 */

static ngx_uint_t
ngx_http_results_group_overtake(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    int64_t            now, stored, ahead, more;
    ngx_uint_t         i;
    results_record_t  *record;

    now = results_time_now();
    stored = now;

    for (i = 0; i < group->nrecords; i++) {
        record = &group->records[i];

        if (record->outcome == RESULTS_OUTCOME_SUPERSEDED) {
            stored = ngx_max(stored, record->stamp);
        }
    }

    ahead = stored - now;

    ngx_http_results_store_count(b->conf, groups_superseded);

    if (ahead > NGX_HTTP_RESULTS_SKEW) {

        ngx_http_results_store_count(b->conf, groups_ahead);

        if (ngx_http_results_batcher_news(&b->told_ahead)) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "results: store \"%V\": a result of institution %D "
                          "is dated %L s ahead of the clock, and so is what "
                          "replaces it", &b->conf->name,
                          group->records[0].institution_id, ahead / 1000000);
        }
    }

    more = 1;

    if (group->superseded > 0) {
        more = NGX_HTTP_RESULTS_LEAD
               << ngx_min(group->superseded - 1,
                          NGX_HTTP_RESULTS_LEAD_DOUBLED);
    }

    group->superseded++;

    if (stored > RESULTS_TIME_MAX - more) {
        return 0;
    }

    /* batch_build() adds it to the clock, or to b->stamp if that is later */

    group->lead = ngx_max(stored - ngx_max(now, b->stamp), 0) + more;
    group->limit = 0;

    /* no earlier statement stored it, and none can any more: the stored stamp
       is later than theirs */
    group->unsure = 0;

    return 1;
}


/* the statement failed because of the data of one of its groups */

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
            /* it was alone in the statement: the error is its own */
            ngx_http_results_store_count(conf, groups_refused);
            ngx_http_results_complaint_data(&batch->batcher->complaint,
                                            sqlstate);
            ngx_http_results_batch_fail(batch, NGX_HTTP_RESULTS_REFUSED,
                                        sqlstate);
            return;
        }

        group->limit = ngx_max(batch->nrows / 2, 1);
        ngx_http_results_store_count(conf, groups_isolated);
    }

    ngx_http_results_batch_requeue(batch, 0, 0);
}


/*
 * Sends the groups of a batch again.  unsure: this statement may have stored
 * them.  later: it failed for a reason that passes: see _group_later().
 */

static void
ngx_http_results_batch_requeue(ngx_http_results_batch_t *batch,
    ngx_uint_t unsure, ngx_uint_t later)
{
    ngx_http_results_group_t  *group;

    while (!ngx_queue_empty(&batch->groups)) {
        group = ngx_queue_data(ngx_queue_head(&batch->groups),
                               ngx_http_results_group_t, queue);

        if (unsure) {
            group->unsure = 1;
            ngx_http_results_store_count(batch->batcher->conf, groups_rerun);
        }

        if (later && !batch->batcher->pool.closing) {
            ngx_http_results_group_later(batch, group);
            continue;
        }

        ngx_http_results_group_again(batch->batcher, group);
    }
}


/*
 * Sends a group again in a batch of half the rows: at once after its first
 * failure, else after a rest.
 */

static void
ngx_http_results_group_later(ngx_http_results_batch_t *batch,
    ngx_http_results_group_t *group)
{
    ngx_uint_t                 nth, first;
    ngx_http_results_queue_t  *queue;

    queue = &batch->batcher->queue;

    first = (group->limit == 0);
    group->limit = ngx_max(batch->nrows / 2, 1);

    ngx_http_results_group_release(group);

    if (first) {
        ngx_http_results_queue_back(queue, group);
        return;
    }

    /* the rests of a group that failed beside others do not grow: it will be
       sent in a smaller batch each time, and soon alone */

    nth = (group->nrecords == batch->nrows) ? group->rests++ : 0;

    ngx_http_results_queue_rest(queue, group, nth);
}


static void
ngx_http_results_group_again(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (b->pool.closing) {
        ngx_http_results_group_failed(b, group);
        return;
    }

    ngx_http_results_group_release(group);
    ngx_http_results_queue_back(&b->queue, group);
}


void
ngx_http_results_batch_fail(ngx_http_results_batch_t *batch,
    ngx_http_results_verdict_e verdict, const char *sqlstate)
{
    ngx_http_results_group_t  *group;

    while (!ngx_queue_empty(&batch->groups)) {
        group = ngx_queue_data(ngx_queue_head(&batch->groups),
                               ngx_http_results_group_t, queue);

        ngx_cpystrn((u_char *) group->sqlstate, (u_char *) sqlstate,
                    sizeof(group->sqlstate));

        if (verdict == NGX_HTTP_RESULTS_REFUSED) {
            ngx_http_results_group_end(batch->batcher, group, verdict);
            continue;
        }

        if (verdict == NGX_HTTP_RESULTS_UNKNOWN) {
            group->unsure = 1;
        }

        ngx_http_results_group_failed(batch->batcher, group);
    }
}
