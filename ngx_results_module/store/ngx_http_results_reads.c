
/*
 * Reads: see ngx_http_results_reads.h.
 *
 * A read that waits is in `waiting`, and in its lane's tree as well, unless it
 * failed and waits for the pause to end.  A read is the request's memory: after
 * its handler or its cancellation nothing here points to it.
 */

#include "ngx_http_results_reads.h"


/* reads that may wait in a worker at one place of one lane */
#define NGX_HTTP_RESULTS_READS_MAX  1024

/* milliseconds before a read is sent again that ended with an error */
#define NGX_HTTP_RESULTS_READS_PAUSE  100


static void ngx_http_results_reads_flush_handler(ngx_event_t *ev);
static void ngx_http_results_reads_pause_handler(ngx_event_t *ev);
static void ngx_http_results_reads_deadline_handler(ngx_event_t *ev);
static void ngx_http_results_reads_set_timer(ngx_http_results_reads_t *rs);
static ngx_http_results_lane_t *ngx_http_results_reads_next(
    ngx_http_results_reads_t *rs);
static ngx_uint_t ngx_http_results_reads_may_send(
    ngx_http_results_reads_t *rs, ngx_http_results_lane_t *lane);
static void ngx_http_results_reads_send(ngx_http_results_reads_t *rs,
    ngx_http_results_lane_t *lane);
static void ngx_http_results_reads_queue(ngx_http_results_read_t *read);
static void ngx_http_results_reads_unqueue(ngx_http_results_read_t *read);
static ngx_int_t ngx_http_results_slot_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
static void ngx_http_results_slot_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);
static void ngx_http_results_slot_again(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read, ngx_uint_t pause);


static const ngx_uint_t  ngx_http_results_lane_of[RESULTS_READS] = {
    NGX_HTTP_RESULTS_LANE_RECORD,          /* RESULTS_READ_RECORD */
    NGX_HTTP_RESULTS_LANE_TOKEN,           /* RESULTS_ISSUE_TOKEN */
    NGX_HTTP_RESULTS_LANE_PAGE,            /* RESULTS_READ_RECORDS */
    NGX_HTTP_RESULTS_LANE_PAGE,            /* RESULTS_READ_REPORT */
    NGX_HTTP_RESULTS_LANE_RECORD           /* RESULTS_READ_PAGE_KEY */
};


ngx_int_t
ngx_http_results_reads_init(ngx_http_results_reads_t *rs, ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf, ngx_http_results_pool_t *pool)
{
    ngx_uint_t                i;
    ngx_http_results_lane_t  *lane;
    ngx_http_results_slot_t  *slot;

    rs->conf = conf;
    rs->pool = pool;

    rs->complaint.conf = conf;
    rs->complaint.what = "reads";

    /* of three readers or more one is left to the token lookups */
    rs->nslots = conf->readers > 2 ? conf->readers - 1 : conf->readers;

    ngx_queue_init(&rs->waiting);

    for (i = 0; i < NGX_HTTP_RESULTS_LANES; i++) {
        lane = &rs->lanes[i];
        ngx_rbtree_init(&lane->tree, &lane->sentinel,
                        ngx_rbtree_insert_value);
    }

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

    rs->pause.handler = ngx_http_results_reads_pause_handler;
    rs->pause.data = rs;
    rs->pause.log = cycle->log;

    /* not cancelable: a worker that exits lives until its reads are answered */
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

    if (rs->pause.timer_set) {
        ngx_del_timer(&rs->pause);
    }

    if (rs->deadline.timer_set) {
        ngx_del_timer(&rs->deadline);
    }
}


ngx_int_t
ngx_http_results_reads_ask(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read)
{
    ngx_http_results_lane_t  *lane;

    if (rs->pool->closing
        || (!read->goes_on
            && ngx_http_results_pool_down_for(rs->pool)
               > NGX_HTTP_RESULTS_FAIL_FAST))
    {
        return NGX_DECLINED;
    }

    lane = &rs->lanes[ngx_http_results_lane_of[read->call->function]];

    read->lane = lane;
    read->place = (ngx_uint_t) read->institution % NGX_HTTP_RESULTS_PLACES;

    if (lane->waits[read->place] == NGX_HTTP_RESULTS_READS_MAX) {
        return NGX_BUSY;
    }

    read->slot = NULL;
    read->started = 0;
    read->left = 0;
    read->sqlstate[0] = '\0';
    read->deadline = ngx_current_msec + rs->conf->read_timeout;

    /* the next turn after the institution's last one, or after the one that is
       being served: so its second read comes after the first of each other */

    lane->turns[read->place] = ngx_max(lane->turns[read->place], lane->turn)
                               + 1;
    read->turn.key = lane->turns[read->place];

    ngx_queue_insert_tail(&rs->waiting, &read->queue);
    ngx_http_results_reads_queue(read);

    lane->waits[read->place]++;

    ngx_http_results_reads_set_timer(rs);

    ngx_post_event(&rs->flush, &ngx_posted_events);

    return NGX_OK;
}


/* puts a read that waits into its lane's tree: it may be sent */

static void
ngx_http_results_reads_queue(ngx_http_results_read_t *read)
{
    ngx_http_results_lane_t  *lane;

    lane = read->lane;

    ngx_rbtree_insert(&lane->tree, &read->turn);
    read->queued = 1;
}


/* takes out a read that waits */

static void
ngx_http_results_reads_unqueue(ngx_http_results_read_t *read)
{
    ngx_http_results_lane_t  *lane;

    lane = read->lane;

    ngx_queue_remove(&read->queue);
    lane->waits[read->place]--;

    if (read->queued) {
        ngx_rbtree_delete(&lane->tree, &read->turn);
        read->queued = 0;
    }
}


void
ngx_http_results_reads_cancel(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read)
{
    ngx_http_results_slot_t  *slot;

    slot = read->slot;

    if (slot == NULL) {
        ngx_http_results_reads_unqueue(read);
        ngx_http_results_reads_set_timer(rs);
        return;
    }

    /* the rest of its rows still comes, and is dropped */

    slot->read = NULL;
}


static void
ngx_http_results_reads_flush_handler(ngx_event_t *ev)
{
    ngx_http_results_reads_flush(ev->data);
}


void
ngx_http_results_reads_flush(ngx_http_results_reads_t *rs)
{
    ngx_http_results_lane_t  *lane;

    ngx_http_results_reads_fail(rs, 0);

    while ((lane = ngx_http_results_reads_next(rs)) != NULL) {

        if (!ngx_http_results_pool_has_idle(rs->pool)) {
            ngx_http_results_pool_grow(rs->pool);
            break;
        }

        ngx_http_results_reads_send(rs, lane);
    }

    ngx_http_results_reads_set_timer(rs);

    ngx_http_results_pool_close_idle(rs->pool);
}


/* the next lane in turn that has a read and may send it; NULL: there is none */

static ngx_http_results_lane_t *
ngx_http_results_reads_next(ngx_http_results_reads_t *rs)
{
    ngx_uint_t                i;
    ngx_http_results_lane_t  *lane;

    for (i = 0; i < NGX_HTTP_RESULTS_LANES; i++) {

        lane = &rs->lanes[(rs->next + i) % NGX_HTTP_RESULTS_LANES];

        if (lane->tree.root != &lane->sentinel
            && ngx_http_results_reads_may_send(rs, lane))
        {
            return lane;
        }
    }

    return NULL;
}


/*
 * Whether a lane may use another reader.  Of three readers or more, pages may
 * use all but two: one of these is for quick reads (tokens and records), the
 * other for lookups only.  Of two readers pages may use one; the other one is
 * shared by lookups and quick reads, of which one is in flight at a time.
 */

static ngx_uint_t
ngx_http_results_reads_may_send(ngx_http_results_reads_t *rs,
    ngx_http_results_lane_t *lane)
{
    ngx_uint_t  n, pages, quick;

    n = rs->conf->readers;
    pages = rs->lanes[NGX_HTTP_RESULTS_LANE_PAGE].busy;
    quick = rs->lanes[NGX_HTTP_RESULTS_LANE_TOKEN].busy
            + rs->lanes[NGX_HTTP_RESULTS_LANE_RECORD].busy;

    if (pages + quick == rs->nslots) {
        return 0;
    }

    if (lane == &rs->lanes[NGX_HTTP_RESULTS_LANE_PAGE]) {
        return pages < (n > 2 ? n - 2 : 1);
    }

    return quick < (n > 1 ? n - 1 : 1);
}


static void
ngx_http_results_reads_send(ngx_http_results_reads_t *rs,
    ngx_http_results_lane_t *lane)
{
    ngx_rbtree_node_t        *node;
    ngx_http_results_read_t  *read;
    ngx_http_results_slot_t  *slot;

    for (slot = rs->slots; slot->lane; slot++) { /* void */ }

    node = ngx_rbtree_min(lane->tree.root, &lane->sentinel);
    read = ngx_rbtree_data(node, ngx_http_results_read_t, turn);

    /* ngx_rbtree_delete() zeroes the key, so a read that is sent again comes
       first, and its turn is not counted twice */

    lane->turn = ngx_max(lane->turn, node->key);
    lane->busy++;

    ngx_http_results_reads_unqueue(read);

    rs->next = (ngx_uint_t) (lane - rs->lanes) + 1;

    read->slot = slot;

    slot->read = read;
    slot->lane = lane;
    slot->job.statement = NGX_HTTP_RESULTS_READ + read->call->function;
    slot->job.values = read->call->args;

    ngx_http_results_pool_send(rs->pool, &slot->job);
}


static ngx_int_t
ngx_http_results_slot_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_http_results_slot_t  *slot;

    slot = job->data;

    if (slot->read != NULL) {
        slot->read->started = 1;
        slot->read->row(slot->read, values, nvalues);
    }

    return NGX_OK;
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
    slot->lane->busy--;
    slot->lane = NULL;

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

    if (read->left) {
        read->handler(read, NGX_HTTP_RESULTS_READ_BROKEN);
        return;
    }

    if (end->end == NGX_HTTP_RESULTS_JOB_ERROR
        && end->action == RESULTS_SQL_ISOLATE)
    {
        ngx_http_results_complaint_data(&rs->complaint, end->sqlstate);
        read->handler(read, NGX_HTTP_RESULTS_READ_REFUSED);
        return;
    }

    if (rs->pool->closing
        || (ngx_msec_int_t) (read->deadline - ngx_current_msec) <= 0
        || (end->end == NGX_HTTP_RESULTS_JOB_ERROR
            && end->action == RESULTS_SQL_UNAVAILABLE))
    {
        read->handler(read, NGX_HTTP_RESULTS_READ_UNAVAILABLE);
        return;
    }

    /* JOB_WARNED too: a server that shuts down sends a WARNING to its
       sessions, and the rows may not be complete */

    ngx_http_results_slot_again(rs, read,
                                end->end != NGX_HTTP_RESULTS_JOB_LOST);
}


/*
 * Lets a read wait again that was sent and failed; it will be the first of its
 * lane.  pause: it may only be sent after one, so that a server which answers
 * with an error is not asked again and again.  Where the connection was lost
 * the pool sees to it that the next one takes time.
 */

static void
ngx_http_results_slot_again(ngx_http_results_reads_t *rs,
    ngx_http_results_read_t *read, ngx_uint_t pause)
{
    ngx_queue_t              *q;
    ngx_http_results_lane_t  *lane;
    ngx_http_results_read_t  *other;

    lane = read->lane;

    if (read->started) {
        read->started = 0;
        read->again(read);
    }

    for (q = ngx_queue_head(&rs->waiting);
         q != ngx_queue_sentinel(&rs->waiting);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_results_read_t, queue);

        if ((ngx_msec_int_t) (other->deadline - read->deadline) >= 0) {
            break;
        }
    }

    /* before q, which may be the list's end */

    ngx_queue_insert_tail(q, &read->queue);
    lane->waits[read->place]++;

    if (!pause) {
        ngx_http_results_reads_queue(read);

    } else if (!rs->pause.timer_set) {
        ngx_add_timer(&rs->pause, NGX_HTTP_RESULTS_READS_PAUSE);
    }

    ngx_http_results_reads_set_timer(rs);
}


static void
ngx_http_results_reads_pause_handler(ngx_event_t *ev)
{
    ngx_queue_t               *q;
    ngx_http_results_read_t   *read;
    ngx_http_results_reads_t  *rs;

    rs = ev->data;

    for (q = ngx_queue_head(&rs->waiting);
         q != ngx_queue_sentinel(&rs->waiting);
         q = ngx_queue_next(q))
    {
        read = ngx_queue_data(q, ngx_http_results_read_t, queue);

        if (!read->queued) {
            ngx_http_results_reads_queue(read);
        }
    }

    ngx_http_results_reads_flush(rs);
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

        ngx_http_results_reads_unqueue(read);

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
