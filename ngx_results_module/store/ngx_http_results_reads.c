
/*
 * Reads: see ngx_http_results_reads.h.  They never use the last idle reader
 * of several, so that a token lookup does not wait behind a long list.
 */

#include "ngx_http_results_reads.h"


/* requests of a worker that wait for a reader */
#define NGX_HTTP_RESULTS_READS_MAX  4096


static void ngx_http_results_reads_flush_handler(ngx_event_t *ev);
static void ngx_http_results_reads_deadline_handler(ngx_event_t *ev);
static void ngx_http_results_reads_set_timer(ngx_http_results_reads_t *rs);
static ngx_http_results_slot_t *ngx_http_results_reads_slot(
    ngx_http_results_reads_t *rs);
static ngx_int_t ngx_http_results_slot_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
static void ngx_http_results_slot_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);


ngx_int_t
ngx_http_results_reads_init(ngx_http_results_reads_t *rs, ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf, ngx_http_results_pool_t *pool)
{
    ngx_uint_t                i;
    ngx_http_results_slot_t  *slot;

    rs->conf = conf;
    rs->pool = pool;

    rs->complaint.conf = conf;
    rs->complaint.what = "reads";
    rs->nslots = conf->readers > 1 ? conf->readers - 1 : 1;

    ngx_queue_init(&rs->waiting);

    rs->slots = ngx_pcalloc(cycle->pool,
                            rs->nslots * sizeof(ngx_http_results_slot_t));
    if (rs->slots == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < rs->nslots; i++) {
        slot = &rs->slots[i];

        slot->reads = rs;
        slot->job.timeout = conf->read_timeout;
        slot->job.binary = 1;
        slot->job.stream = 1;
        slot->job.row = ngx_http_results_slot_row;
        slot->job.done = ngx_http_results_slot_done;
        slot->job.data = slot;
    }

    rs->flush.handler = ngx_http_results_reads_flush_handler;
    rs->flush.data = rs;
    rs->flush.log = cycle->log;

    /* keeps a worker that exits alive until its reads are answered */
    rs->deadline.handler = ngx_http_results_reads_deadline_handler;
    rs->deadline.data = rs;
    rs->deadline.log = cycle->log;

    return NGX_OK;
}


void
ngx_http_results_reads_exit(ngx_http_results_reads_t *rs)
{
    rs->exiting = 1;

    if (rs->flush.posted) {
        ngx_delete_posted_event(&rs->flush);
    }

    if (rs->deadline.timer_set) {
        ngx_del_timer(&rs->deadline);
    }
}


ngx_int_t
ngx_http_results_reads_ask(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read)
{
    if (rs->pool->closing
        || ngx_http_results_pool_down_for(rs->pool)
           > NGX_HTTP_RESULTS_FAIL_FAST)
    {
        return NGX_DECLINED;
    }

    if (rs->nwaiting == NGX_HTTP_RESULTS_READS_MAX) {
        return NGX_BUSY;
    }

    read->slot = NULL;
    read->started = 0;
    read->sqlstate[0] = '\0';
    read->deadline = ngx_current_msec + rs->conf->read_timeout;

    ngx_queue_insert_tail(&rs->waiting, &read->queue);
    rs->nwaiting++;

    ngx_http_results_reads_set_timer(rs);

    ngx_post_event(&rs->flush, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_http_results_reads_cancel(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read)
{
    ngx_http_results_slot_t  *slot;

    slot = read->slot;

    if (slot == NULL) {
        ngx_queue_remove(&read->queue);
        rs->nwaiting--;
        ngx_http_results_reads_set_timer(rs);
        return;
    }

    /* what is left of its rows comes and is dropped */

    slot->read = NULL;

    if (slot->job.connection != NULL) {
        ngx_http_results_connection_go_on(slot->job.connection);
    }
}


void
ngx_http_results_reads_go_on(ngx_http_results_read_t *read)
{
    ngx_http_results_slot_t  *slot;

    slot = read->slot;

    if (slot != NULL && slot->job.connection != NULL) {
        ngx_http_results_connection_go_on(slot->job.connection);
    }
}


static void
ngx_http_results_reads_flush_handler(ngx_event_t *ev)
{
    ngx_http_results_reads_flush(ev->data);
}


void
ngx_http_results_reads_flush(ngx_http_results_reads_t *rs)
{
    ngx_queue_t              *q;
    ngx_http_results_slot_t  *slot;

    ngx_http_results_reads_fail(rs, 0);

    while (!ngx_queue_empty(&rs->waiting)) {

        slot = ngx_http_results_reads_slot(rs);

        if (slot == NULL) {
            break;
        }

        if (!ngx_http_results_pool_has_idle(rs->pool)) {
            ngx_http_results_pool_grow(rs->pool);
            break;
        }

        q = ngx_queue_head(&rs->waiting);
        ngx_queue_remove(q);
        rs->nwaiting--;

        slot->read = ngx_queue_data(q, ngx_http_results_read_t, queue);
        slot->read->slot = slot;
        slot->sent = 1;

        slot->job.statement = NGX_HTTP_RESULTS_READ
                              + slot->read->call->function;
        slot->job.values = slot->read->call->args;

        ngx_http_results_pool_send(rs->pool, &slot->job);
    }

    ngx_http_results_reads_set_timer(rs);

    ngx_http_results_pool_close_idle(rs->pool);
}


static ngx_http_results_slot_t *
ngx_http_results_reads_slot(ngx_http_results_reads_t *rs)
{
    ngx_uint_t  i;

    for (i = 0; i < rs->nslots; i++) {
        if (!rs->slots[i].sent) {
            return &rs->slots[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_results_slot_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_http_results_slot_t  *slot;

    slot = job->data;

    if (slot->read == NULL) {
        return NGX_OK;
    }

    slot->read->started = 1;

    return slot->read->row(slot->read, values, nvalues);
}


static void
ngx_http_results_slot_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end)
{
    ngx_http_results_read_t   *read;
    ngx_http_results_slot_t   *slot;
    ngx_http_results_reads_t  *rs;

    slot = job->data;
    rs = slot->reads;

    if (rs->exiting) {
        return;
    }

    ngx_http_results_complaint_end(&rs->complaint, end);

    read = slot->read;
    slot->read = NULL;
    slot->sent = 0;

    ngx_post_event(&rs->flush, &ngx_posted_events);

    if (read == NULL) {
        return;
    }

    read->slot = NULL;

    ngx_memcpy(read->sqlstate, end->sqlstate, sizeof(read->sqlstate));

    if (end->end == NGX_HTTP_RESULTS_JOB_OK) {
        read->handler(read, NGX_HTTP_RESULTS_READ_DONE);
        return;
    }

    if (read->started) {
        read->handler(read, NGX_HTTP_RESULTS_READ_BROKEN);
        return;
    }

    if (end->end == NGX_HTTP_RESULTS_JOB_ERROR
        && end->action == RESULTS_SQL_ISOLATE)
    {
        read->handler(read, NGX_HTTP_RESULTS_READ_REFUSED);
        return;
    }

    if (rs->pool->closing
        || (ngx_msec_int_t) (read->deadline - ngx_current_msec) <= 0
        || end->end == NGX_HTTP_RESULTS_JOB_WARNED
        || (end->end == NGX_HTTP_RESULTS_JOB_ERROR
            && end->action == RESULTS_SQL_UNAVAILABLE))
    {
        read->handler(read, NGX_HTTP_RESULTS_READ_UNAVAILABLE);
        return;
    }

    ngx_queue_insert_head(&rs->waiting, &read->queue);
    rs->nwaiting++;

    ngx_http_results_reads_set_timer(rs);
}


static void
ngx_http_results_reads_deadline_handler(ngx_event_t *ev)
{
    ngx_http_results_reads_t  *rs;

    rs = ev->data;

    ngx_http_results_reads_fail(rs, 0);
    ngx_http_results_reads_set_timer(rs);
}


void
ngx_http_results_reads_fail(ngx_http_results_reads_t *rs, ngx_uint_t all)
{
    ngx_queue_t              *q;
    ngx_http_results_read_t  *read;

    while (!ngx_queue_empty(&rs->waiting)) {

        q = ngx_queue_head(&rs->waiting);
        read = ngx_queue_data(q, ngx_http_results_read_t, queue);

        if (!all
            && (ngx_msec_int_t) (read->deadline - ngx_current_msec) > 0)
        {
            return;
        }

        ngx_queue_remove(q);
        rs->nwaiting--;

        read->handler(read, NGX_HTTP_RESULTS_READ_UNAVAILABLE);
    }
}


/* those in flight are covered by the connection's timer */

static void
ngx_http_results_reads_set_timer(ngx_http_results_reads_t *rs)
{
    ngx_msec_int_t            left;
    ngx_http_results_read_t  *read;

    if (ngx_queue_empty(&rs->waiting)) {

        if (rs->deadline.timer_set) {
            ngx_del_timer(&rs->deadline);
        }

        return;
    }

    if (!rs->deadline.timer_set) {
        read = ngx_queue_data(ngx_queue_head(&rs->waiting),
                              ngx_http_results_read_t, queue);

        left = (ngx_msec_int_t) (read->deadline - ngx_current_msec);
        ngx_add_timer(&rs->deadline, ngx_max(left, 1));
    }
}
