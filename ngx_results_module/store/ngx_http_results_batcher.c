
/*
 * Natural batching (DESIGN 6 and 7).  Whatever was parsed in one pass of the
 * event loop leaves as one statement, by a posted event at its end; while
 * every writer is busy the next batch grows by itself.
 *
 * A group is sent only while somebody waits for it, and whoever waits is told
 * by its deadline.  A group that has to be sent again goes back to the waiting
 * list, with the same stamp, by which the database knows a write that had
 * committed.
 */

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_counters.h"


static ngx_uint_t ngx_http_results_group_twice(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);
static void ngx_http_results_batcher_queued(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group);
static void ngx_http_results_batcher_flush_handler(ngx_event_t *ev);
static void ngx_http_results_batcher_tell_handler(ngx_event_t *ev);
static void ngx_http_results_batcher_wake_handler(ngx_event_t *ev);
static void ngx_http_results_batcher_deadline_handler(ngx_event_t *ev);
static void ngx_http_results_batcher_send(ngx_http_results_batcher_t *b);
static ngx_uint_t ngx_http_results_batcher_wanted(
    ngx_http_results_pool_t *pool);
static void ngx_http_results_batcher_available(ngx_http_results_pool_t *pool);
static void ngx_http_results_batcher_shutdown(ngx_http_results_pool_t *pool);


ngx_int_t
ngx_http_results_batcher_init(ngx_http_results_batcher_t *b,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf)
{
    ngx_uint_t                 i, nrows;
    ngx_http_results_batch_t  *batch;

    b->conf = conf;

    b->complaint.conf = conf;
    b->complaint.what = "writes";

    b->pool.conf = conf;
    b->pool.name = "writer";
    b->pool.trouble = &ngx_http_results_store_counters(conf)->writer_trouble;
    b->pool.data = b;
    b->pool.wanted = ngx_http_results_batcher_wanted;
    b->pool.available = ngx_http_results_batcher_available;
    b->pool.shutdown = ngx_http_results_batcher_shutdown;

    if (ngx_http_results_pool_init(&b->pool, cycle, conf->connections,
                                   (1u << NGX_HTTP_RESULTS_WRITE_RECORDS)
                                   | (1u << NGX_HTTP_RESULTS_WRITE_GROUP))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_queue_init(&b->waiting);

    /* a group of several rows goes alone and has at most conf->batch */

    nrows = conf->batch;

    b->nbatches = conf->connections * 2;

    b->spare = ngx_palloc(cycle->pool, nrows * sizeof(results_batch_row_t));
    b->batches = ngx_pcalloc(cycle->pool, b->nbatches
                                        * sizeof(ngx_http_results_batch_t));

    if (b->spare == NULL || b->batches == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < b->nbatches; i++) {
        batch = &b->batches[i];

        batch->batcher = b;
        batch->rows = ngx_palloc(cycle->pool,
                                 nrows * sizeof(results_batch_row_t));
        batch->records = ngx_palloc(cycle->pool,
                                    nrows * sizeof(results_record_t *));

        batch->written = ngx_palloc(cycle->pool,
                                    nrows * sizeof(results_written_t));

        if (batch->rows == NULL || batch->records == NULL
            || batch->written == NULL)
        {
            return NGX_ERROR;
        }

        ngx_queue_init(&batch->groups);

        batch->job.values = batch->params.value;
        batch->job.lengths = batch->params.length;
        batch->job.timeout = conf->write_timeout;
        batch->job.binary = 1;
        batch->job.row = ngx_http_results_batch_row;
        batch->job.done = ngx_http_results_batch_done;
        batch->job.data = batch;
    }

    b->flush.handler = ngx_http_results_batcher_flush_handler;
    b->flush.data = b;
    b->flush.log = cycle->log;

    b->tell.handler = ngx_http_results_batcher_tell_handler;
    b->tell.data = b;
    b->tell.log = cycle->log;

    b->slow.handler = ngx_http_results_batcher_wake_handler;
    b->slow.data = b;
    b->slow.log = cycle->log;
    b->slow.cancelable = 1;

    /* keeps a worker that exits alive until its groups are answered */
    b->deadline.handler = ngx_http_results_batcher_deadline_handler;
    b->deadline.data = b;
    b->deadline.log = cycle->log;

    ngx_http_results_store_add(conf, queue_limit, conf->queue);

    ngx_http_results_pool_grow(&b->pool);

    return NGX_OK;
}


void
ngx_http_results_batcher_exit(ngx_http_results_batcher_t *b)
{
    ngx_uint_t  i;

    b->exiting = 1;

    if (b->flush.posted) {
        ngx_delete_posted_event(&b->flush);
    }

    if (b->tell.posted) {
        ngx_delete_posted_event(&b->tell);
    }

    if (b->slow.timer_set) {
        ngx_del_timer(&b->slow);
    }

    if (b->deadline.timer_set) {
        ngx_del_timer(&b->deadline);
    }

    ngx_http_results_pool_close(&b->pool);

    for (i = 0; i < b->nbatches; i++) {
        results_params_free(&b->batches[i].params);
    }
}


ngx_int_t
ngx_http_results_batcher_ready(ngx_http_results_batcher_t *b,
    ngx_uint_t nrecords, size_t size)
{
    if (nrecords > b->conf->batch) {
        return NGX_ERROR;
    }

    if (b->pool.closing
        || b->conf->connections == 0
        || ngx_http_results_pool_down_for(&b->pool)
           > NGX_HTTP_RESULTS_FAIL_FAST)
    {
        return NGX_DECLINED;
    }

    if (b->rows + nrecords > b->conf->queue
        || b->bytes + size > b->conf->queue_size)
    {
        return NGX_BUSY;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_results_batcher_write(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_int_t  rc;

    rc = ngx_http_results_batcher_ready(b, group->nrecords, group->size);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_results_group_twice(b, group)) {
        return NGX_ABORT;
    }

    group->batch = NULL;
    group->limit = 0;
    group->unsure = 0;
    group->sqlstate[0] = '\0';
    group->deadline = ngx_current_msec + b->conf->write_timeout;
    group->stamp = ngx_http_results_batcher_stamp(b);

    /* one look at the clock for all groups of a loop pass */

    if (b->now == 0) {
        b->now = results_time_monotonic();
    }

    group->arrived = b->now;

    ngx_queue_insert_tail(&b->waiting, &group->queue);
    ngx_http_results_batcher_queued(b, group);

    ngx_http_results_batcher_set_timer(b);

    ngx_post_event(&b->flush, &ngx_posted_events);

    return NGX_OK;
}


/*
 * A group with a key twice could only be sent in parts, and so is never taken:
 * whatever a dialect hands over, this is where it is looked at.
 */

static ngx_uint_t
ngx_http_results_group_twice(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_uint_t  i;

    if (group->nrecords == 1) {
        return 0;
    }

    for (i = 0; i < group->nrecords; i++) {
        b->spare[i].record = &group->records[i];
        b->spare[i].group = group;
    }

    return results_batch_twice(b->spare, group->nrecords);
}


void
ngx_http_results_batcher_abandon(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (group->batch != NULL) {
        ngx_http_results_batch_release(group);

    } else {
        ngx_http_results_group_unwait(b, group);
    }

    ngx_http_results_batcher_set_timer(b);
}


/* a hybrid clock: the system's, but never behind a stamp that was seen */

int64_t
ngx_http_results_batcher_stamp(ngx_http_results_batcher_t *b)
{
    int64_t  now;

    now = results_time_now();

    b->stamp = ngx_max(now, b->stamp + 1);

    return b->stamp;
}


static void
ngx_http_results_batcher_flush_handler(ngx_event_t *ev)
{
    ngx_http_results_batcher_t  *b;

    b = ev->data;
    b->now = 0;

    while (!ngx_queue_empty(&b->waiting)
           && ngx_http_results_pool_may_send(&b->pool,
                                    b->pool.counts[NGX_HTTP_RESULTS_BUSY],
                                    b->sent, &b->slow))
    {
        ngx_http_results_batcher_send(b);
    }

    ngx_http_results_batcher_set_timer(b);

    ngx_http_results_pool_close_idle(&b->pool);
}


static void
ngx_http_results_batcher_tell_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_http_results_batcher_t  *b;

    b = ev->data;

    for (i = 0; i < b->nbatches; i++) {
        if (b->batches[i].committed) {
            ngx_http_results_batch_tell(&b->batches[i]);
        }
    }

    ngx_http_results_batcher_set_timer(b);

    /* some may have been superseded */

    ngx_post_event(&b->flush, &ngx_posted_events);
}


static void
ngx_http_results_batcher_wake_handler(ngx_event_t *ev)
{
    ngx_http_results_batcher_t  *b;

    b = ev->data;

    ngx_post_event(&b->flush, &ngx_posted_events);
}


static void
ngx_http_results_batcher_send(ngx_http_results_batcher_t *b)
{
    ngx_http_results_batch_t  *batch;

    batch = ngx_http_results_batch_build(b);

    if (results_encode_records(&batch->params, batch->records, batch->nrows)
        != 0)
    {
        ngx_http_results_batch_fail(batch, NGX_HTTP_RESULTS_NOT_WRITTEN, "");
        return;
    }

    batch->sent = 1;
    batch->decoded = 0;
    batch->answers = 0;
    batch->departed = results_time_monotonic();
    b->sent = ngx_current_msec;

    ngx_http_results_pool_send(&b->pool, &batch->job);
}


/*
 * Puts a group on the waiting list, by its deadline; before those of the same
 * one, since it comes from their front.
 */

void
ngx_http_results_group_wait(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_queue_t               *q;
    ngx_http_results_group_t  *other;

    for (q = ngx_queue_head(&b->waiting);
         q != ngx_queue_sentinel(&b->waiting);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_results_group_t, queue);

        if ((ngx_msec_int_t) (other->deadline - group->deadline) >= 0) {
            break;
        }
    }

    /* before q */
    ngx_queue_insert_tail(q, &group->queue);

    ngx_http_results_batcher_queued(b, group);
}


static void
ngx_http_results_batcher_queued(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_http_results_store_counters_t  *counters;

    counters = ngx_http_results_store_counters(b->conf);

    b->rows += group->nrecords;
    b->bytes += group->size;

    counters->queue_rows += group->nrecords;
    counters->queue_bytes += group->size;
    counters->queue_rows_max = ngx_max(counters->queue_rows_max,
                                       counters->queue_rows);
}


void
ngx_http_results_group_unwait(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_queue_remove(&group->queue);

    b->rows -= group->nrecords;
    b->bytes -= group->size;

    ngx_http_results_store_add(b->conf, queue_rows, -group->nrecords);
    ngx_http_results_store_add(b->conf, queue_bytes, -group->size);
}


/* 503: of a group that is on no list any more */

void
ngx_http_results_group_failed(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (group->unsure) {
        ngx_http_results_store_count(b->conf, outcomes_unknown);
        group->handler(group, NGX_HTTP_RESULTS_UNKNOWN);
        return;
    }

    group->handler(group, NGX_HTTP_RESULTS_NOT_WRITTEN);
}


/* the earliest deadline of all groups; no timer when there is none */

void
ngx_http_results_batcher_set_timer(ngx_http_results_batcher_t *b)
{
    ngx_uint_t                 i, some;
    ngx_msec_t                 first;
    ngx_queue_t               *list;
    ngx_msec_int_t             left;
    ngx_http_results_group_t  *group;

    some = 0;
    first = 0;

    for (i = 0; i <= b->nbatches; i++) {

        list = i ? &b->batches[i - 1].groups : &b->waiting;

        if (ngx_queue_empty(list) || (i && b->batches[i - 1].committed)) {
            continue;
        }

        group = ngx_queue_data(ngx_queue_head(list),
                               ngx_http_results_group_t, queue);

        if (!some || (ngx_msec_int_t) (group->deadline - first) < 0) {
            first = group->deadline;
            some = 1;
        }
    }

    if (!some) {
        if (b->deadline.timer_set) {
            ngx_del_timer(&b->deadline);
        }

        return;
    }

    /* one that is too early costs a look at the lists, no more */

    if (!b->deadline.timer_set) {
        left = (ngx_msec_int_t) (first - ngx_current_msec);
        ngx_add_timer(&b->deadline, ngx_max(left, 1));
    }
}


static void
ngx_http_results_batcher_deadline_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *list;
    ngx_http_results_group_t    *group;
    ngx_http_results_batcher_t  *b;

    b = ev->data;

    for (i = 0; i <= b->nbatches; i++) {

        list = i ? &b->batches[i - 1].groups : &b->waiting;

        if (i && b->batches[i - 1].committed) {
            continue;       /* it is told in this loop pass */
        }

        while (!ngx_queue_empty(list)) {

            group = ngx_queue_data(ngx_queue_head(list),
                                   ngx_http_results_group_t, queue);

            if ((ngx_msec_int_t) (group->deadline - ngx_current_msec) > 0) {
                break;
            }

            if (group->batch != NULL) {
                group->unsure = 1;
                ngx_http_results_batch_release(group);

            } else {
                ngx_http_results_group_unwait(b, group);
            }

            ngx_http_results_group_failed(b, group);
        }
    }

    ngx_http_results_batcher_set_timer(b);
}


static ngx_uint_t
ngx_http_results_batcher_wanted(ngx_http_results_pool_t *pool)
{
    ngx_http_results_batcher_t  *b;

    b = pool->data;

    return !ngx_queue_empty(&b->waiting);
}


static void
ngx_http_results_batcher_available(ngx_http_results_pool_t *pool)
{
    ngx_http_results_batcher_t  *b;

    b = pool->data;

    ngx_post_event(&b->flush, &ngx_posted_events);
}


static void
ngx_http_results_batcher_shutdown(ngx_http_results_pool_t *pool)
{
    ngx_http_results_group_t    *group;
    ngx_http_results_batcher_t  *b;

    b = pool->data;

    while (!ngx_queue_empty(&b->waiting)) {

        group = ngx_queue_data(ngx_queue_head(&b->waiting),
                               ngx_http_results_group_t, queue);

        ngx_http_results_group_unwait(b, group);
        ngx_http_results_group_failed(b, group);
    }
}
