
/*
 * Batching without a timer.  The groups that come in one pass of the event loop
 * leave as one statement, by an event that is posted for the end of the pass.
 * While every writer is busy groups gather in the queue, so the next batch is
 * larger the slower the database is.
 *
 * A group is sent only while its caller waits for it, and its caller is told
 * by its deadline at the latest.  Each time a group is sent its records are
 * stamped anew, unless an earlier statement may have stored them: then they
 * keep their stamp, by which the database knows them again.
 */

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_counters.h"


/*
 * Milliseconds after which a statement in flight gives up its keys.  A commit
 * does not take so long: its connection may be dead, and others that write the
 * same keys may succeed over another one.
 */
#define NGX_HTTP_RESULTS_KEY_HELD  100


static ngx_uint_t ngx_http_results_batcher_away(
    ngx_http_results_batcher_t *b, ngx_uint_t follows);
static void ngx_http_results_batcher_evict(void *data,
    ngx_http_results_group_t *group);
static ngx_uint_t ngx_http_results_batcher_unhold(
    ngx_http_results_batcher_t *b);
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

    if (ngx_http_results_queue_init(&b->queue, cycle, conf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_queue_init(&b->groups);
    ngx_queue_init(&b->dropped);

    /* a group of several rows goes alone and has at most conf->batch */

    nrows = conf->batch;

    b->nbatches = conf->connections * 2;

    b->batches = ngx_pcalloc(cycle->pool, b->nbatches
                                        * sizeof(ngx_http_results_batch_t));

    if (b->batches == NULL) {
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

    b->rest.handler = ngx_http_results_batcher_wake_handler;
    b->rest.data = b;
    b->rest.log = cycle->log;
    b->rest.cancelable = 1;

    /* not cancelable: a worker that exits lives until its groups are told */
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

    if (b->rest.timer_set) {
        ngx_del_timer(&b->rest);
    }

    if (b->deadline.timer_set) {
        ngx_del_timer(&b->deadline);
    }

    ngx_http_results_pool_close(&b->pool);

    for (i = 0; i < b->nbatches; i++) {
        results_params_free(&b->batches[i].params);
    }
}


ngx_http_results_taken_e
ngx_http_results_batcher_ready(ngx_http_results_batcher_t *b,
    int32_t institution_id, ngx_uint_t nrecords, size_t size)
{
    if (ngx_http_results_batcher_away(b, 0)) {
        return NGX_HTTP_RESULTS_AWAY;
    }

    return ngx_http_results_queue_room(&b->queue, institution_id, nrecords,
                                       size);
}


/*
 * Whether a new group is not taken because the database is away.  One of a
 * request that has waited for the store before (follows) is taken nevertheless:
 * it waits until its deadline, so that the earlier steps were not in vain.
 */

static ngx_uint_t
ngx_http_results_batcher_away(ngx_http_results_batcher_t *b,
    ngx_uint_t follows)
{
    if (b->pool.closing || b->conf->connections == 0) {
        return 1;
    }

    return !follows
           && ngx_http_results_pool_down_for(&b->pool)
              > NGX_HTTP_RESULTS_FAIL_FAST;
}


ngx_http_results_taken_e
ngx_http_results_batcher_write(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_http_results_taken_e  rc;

    if (ngx_http_results_batcher_away(b, group->follows)) {
        return NGX_HTTP_RESULTS_AWAY;
    }

    group->batch = NULL;
    group->lead = 0;
    group->superseded = 0;
    group->limit = 0;
    group->rests = 0;
    group->dropped = 0;
    group->unsure = 0;
    group->sqlstate[0] = '\0';

    rc = ngx_http_results_queue_enter(&b->queue, group,
                                      ngx_http_results_batcher_evict, b);

    if (rc != NGX_HTTP_RESULTS_TAKEN) {

        if (rc == NGX_HTTP_RESULTS_KEY_BUSY
            && ngx_http_results_batcher_news(&b->told_busy))
        {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "results: store \"%V\": %d requests wait to write "
                          "one result of institution %D, more are answered "
                          "503", &b->conf->name, NGX_HTTP_RESULTS_KEY_WAITING,
                          group->records[0].institution_id);
        }

        return rc;
    }

    /* the clock is read once for all groups of a loop pass */

    if (b->now == 0) {
        b->now = results_time_monotonic();
    }

    group->arrived = b->now;
    group->deadline = ngx_current_msec + b->conf->write_timeout;

    ngx_queue_insert_tail(&b->groups, &group->all);

    ngx_http_results_batcher_set_timer(b);

    ngx_post_event(&b->flush, &ngx_posted_events);

    return NGX_HTTP_RESULTS_TAKEN;
}


/* called by the queue where this group has to make room for another one */

static void
ngx_http_results_batcher_evict(void *data, ngx_http_results_group_t *group)
{
    ngx_http_results_batcher_t  *b;

    b = data;

    ngx_http_results_store_count(b->conf, queue_refused);
    ngx_http_results_group_drop(b, group);

    ngx_post_event(&b->tell, &ngx_posted_events);
}


void
ngx_http_results_batcher_abandon(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    ngx_http_results_group_leave(b, group);
    ngx_http_results_batcher_set_timer(b);

    /* a group that waited for its keys may be sent now */

    if (ngx_http_results_queue_ready(&b->queue)) {
        ngx_post_event(&b->flush, &ngx_posted_events);
    }
}


static void
ngx_http_results_batcher_flush_handler(ngx_event_t *ev)
{
    ngx_uint_t                   held;
    ngx_msec_t                   rest;
    ngx_http_results_batcher_t  *b;

    b = ev->data;
    b->now = 0;

    rest = ngx_http_results_queue_wake(&b->queue);

    if (b->rest.timer_set) {
        ngx_del_timer(&b->rest);
    }

    if (rest > 0) {
        ngx_add_timer(&b->rest, rest);
    }

    held = b->queue.rows > 0 && ngx_http_results_batcher_unhold(b);

    while (ngx_http_results_queue_ready(&b->queue)
           && ngx_http_results_pool_may_send(&b->pool,
                                    b->pool.counts[NGX_HTTP_RESULTS_BUSY],
                                    b->sent, &b->slow))
    {
        ngx_http_results_batcher_send(b);
    }

    if (held && b->queue.rows > 0 && !b->slow.timer_set) {
        ngx_add_timer(&b->slow, NGX_HTTP_RESULTS_KEY_HELD);
    }

    ngx_http_results_batcher_set_timer(b);

    ngx_http_results_pool_close_idle(&b->pool);
}


/*
 * Takes the keys from statements that have been in flight for long, so that the
 * groups that wait for them may be sent.  Returns 1 where some statement in
 * flight still holds its keys.
 */

static ngx_uint_t
ngx_http_results_batcher_unhold(ngx_http_results_batcher_t *b)
{
    int64_t                    now;
    ngx_uint_t                 i, held;
    ngx_queue_t               *q;
    ngx_http_results_batch_t  *batch;

    held = 0;
    now = results_time_monotonic();

    for (i = 0; i < b->nbatches; i++) {
        batch = &b->batches[i];

        if (!batch->sent || batch->unheld) {
            continue;
        }

        if (now - batch->departed < NGX_HTTP_RESULTS_KEY_HELD * 1000) {
            held = 1;
            continue;
        }

        batch->unheld = 1;

        for (q = ngx_queue_head(&batch->groups);
             q != ngx_queue_sentinel(&batch->groups);
             q = ngx_queue_next(q))
        {
            ngx_http_results_queue_unclaim(&b->queue,
                      ngx_queue_data(q, ngx_http_results_group_t, queue));
        }
    }

    return held;
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

    ngx_http_results_batcher_tell_dropped(b);

    ngx_http_results_batcher_set_timer(b);

    /* groups that were superseded are in the queue again */

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
    batch->unheld = 0;
    batch->decoded = 0;
    batch->answers = 0;
    batch->departed = results_time_monotonic();
    b->sent = ngx_current_msec;

    ngx_http_results_pool_send(&b->pool, &batch->job);
}


static void
ngx_http_results_batcher_deadline_handler(ngx_event_t *ev)
{
    ngx_queue_t                 *q, *next;
    ngx_http_results_batch_t    *batch;
    ngx_http_results_group_t    *group;
    ngx_http_results_batcher_t  *b;

    b = ev->data;

    for (q = ngx_queue_head(&b->groups);
         q != ngx_queue_sentinel(&b->groups);
         q = next)
    {
        next = ngx_queue_next(q);
        group = ngx_queue_data(q, ngx_http_results_group_t, all);
        batch = group->batch;

        if ((ngx_msec_int_t) (group->deadline - ngx_current_msec) > 0) {
            break;
        }

        /* a group that is committed will be told so in this loop pass */

        if (batch == NULL || !batch->committed) {
            ngx_http_results_group_drop(b, group);
        }
    }

    ngx_http_results_batcher_tell_dropped(b);
    ngx_http_results_batcher_set_timer(b);

    /* those that have left may have held keys that others wait for */

    ngx_post_event(&b->flush, &ngx_posted_events);
}


static ngx_uint_t
ngx_http_results_batcher_wanted(ngx_http_results_pool_t *pool)
{
    ngx_http_results_batcher_t  *b;

    b = pool->data;

    return b->queue.rows > 0;
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
    ngx_queue_t                 *q, *next;
    ngx_http_results_group_t    *group;
    ngx_http_results_batcher_t  *b;

    b = pool->data;

    for (q = ngx_queue_head(&b->groups);
         q != ngx_queue_sentinel(&b->groups);
         q = next)
    {
        next = ngx_queue_next(q);
        group = ngx_queue_data(q, ngx_http_results_group_t, all);

        if (group->waits) {
            ngx_http_results_group_drop(b, group);
        }
    }

    ngx_http_results_batcher_tell_dropped(b);
}
