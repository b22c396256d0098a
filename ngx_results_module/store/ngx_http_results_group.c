
/*
 * How a group leaves the batcher, from the queue or out of a batch, and what
 * both of those need of the batcher: its clock, its timer.  The batcher
 * (batcher.c) and its batches (batch.c) call this file; it calls neither.
 */

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_counters.h"


/*
 * The clock was set back.  While it is behind the last stamp by less than AHEAD
 * (microseconds), stamps go on from that one.  Where it is further behind, they
 * do so for BEHIND milliseconds only: by then no statement with an earlier
 * stamp can be stored any more, and the clock is followed again.
 */
#define NGX_HTTP_RESULTS_STAMP_AHEAD  (5 * 60 * INT64_C(1000000))
#define NGX_HTTP_RESULTS_STAMP_BEHIND  60000

/* milliseconds, for ngx_http_results_batcher_news() */
#define NGX_HTTP_RESULTS_NEWS_EVERY  60000


void
ngx_http_results_group_end(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group, ngx_http_results_verdict_e verdict)
{
    ngx_http_results_group_leave(b, group);

    group->handler(group, verdict);
}


void
ngx_http_results_group_failed(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (group->unsure) {
        ngx_http_results_store_count(b->conf, outcomes_unknown);
    }

    ngx_http_results_group_end(b, group,
                               group->unsure ? NGX_HTTP_RESULTS_UNKNOWN
                                             : NGX_HTTP_RESULTS_NOT_WRITTEN);
}


void
ngx_http_results_group_drop(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (group->batch != NULL) {
        group->unsure = 1;
    }

    ngx_http_results_group_leave(b, group);

    group->dropped = 1;
    ngx_queue_insert_tail(&b->dropped, &group->queue);
}


/* each time the first: a handler may take other groups from the list */

void
ngx_http_results_batcher_tell_dropped(ngx_http_results_batcher_t *b)
{
    while (!ngx_queue_empty(&b->dropped)) {
        ngx_http_results_group_failed(b,
                          ngx_queue_data(ngx_queue_head(&b->dropped),
                                         ngx_http_results_group_t, queue));
    }
}


void
ngx_http_results_group_leave(ngx_http_results_batcher_t *b,
    ngx_http_results_group_t *group)
{
    if (group->dropped) {
        group->dropped = 0;
        ngx_queue_remove(&group->queue);
        return;
    }

    if (group->batch != NULL) {
        ngx_http_results_group_release(group);
    }

    ngx_http_results_queue_leave(&b->queue, group);
    ngx_queue_remove(&group->all);
}


void
ngx_http_results_group_release(ngx_http_results_group_t *group)
{
    ngx_uint_t                 i;
    results_batch_row_t       *row;
    ngx_http_results_batch_t  *batch;

    batch = group->batch;

    if (batch->sent) {
        for (i = 0; i < group->nrecords; i++) {
            row = &batch->rows[group->claims[i].row];
            row->record = NULL;
            row->claim = NULL;
        }
    }

    ngx_queue_remove(&group->queue);
    group->batch = NULL;
}


void
ngx_http_results_batcher_set_timer(ngx_http_results_batcher_t *b)
{
    ngx_msec_int_t             left;
    ngx_http_results_group_t  *first;

    if (ngx_queue_empty(&b->groups)) {
        if (b->deadline.timer_set) {
            ngx_del_timer(&b->deadline);
        }

        return;
    }

    /* deadlines only grow, so one that is set runs out early enough */

    if (b->deadline.timer_set) {
        return;
    }

    first = ngx_queue_data(ngx_queue_head(&b->groups),
                           ngx_http_results_group_t, all);

    left = (ngx_msec_int_t) (first->deadline - ngx_current_msec);
    ngx_add_timer(&b->deadline, ngx_max(left, 1));
}


/*
 * A hybrid clock: that of the system, but always later than the stamps that
 * were given before.  Where the system's clock was set back by more than
 * minutes, it is followed after a while: see NGX_HTTP_RESULTS_STAMP_BEHIND.
 */

int64_t
ngx_http_results_batcher_stamp(ngx_http_results_batcher_t *b, int64_t now)
{
    if (b->stamp < now) {
        b->behind = 0;
        b->stamp = now;

        return now;
    }

    b->stamp++;

    if (b->stamp - now < NGX_HTTP_RESULTS_STAMP_AHEAD) {
        b->behind = 0;

    } else if (!b->behind) {
        b->behind = 1;
        b->behind_since = ngx_current_msec;

    } else if (ngx_current_msec - b->behind_since
               > NGX_HTTP_RESULTS_STAMP_BEHIND)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "results: store \"%V\": the clock was set back by %L s, "
                      "what is written from now on is dated by it",
                      &b->conf->name, (b->stamp - now) / 1000000);

        b->behind = 0;
        b->stamp = now;
    }

    return b->stamp;
}


ngx_uint_t
ngx_http_results_batcher_news(ngx_msec_t *told)
{
    if (*told != 0
        && ngx_current_msec - *told < NGX_HTTP_RESULTS_NEWS_EVERY)
    {
        return 0;
    }

    *told = ngx_current_msec ? ngx_current_msec : 1;

    return 1;
}
