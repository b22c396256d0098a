
/*
 * Opens, keeps and replaces a worker's connections.  After a failure it waits
 * before the next attempt: up to a limit that doubles each time, and for a
 * random part of it, so that the workers of many nodes do not all connect at
 * one moment.  Only one connection of a pool is opened at a time, since a SCRAM
 * handshake takes a worker milliseconds of CPU.
 */

#include "ngx_http_results_pool.h"


/* milliseconds: the waits between attempts to connect are random below these */
#define NGX_HTTP_RESULTS_RETRY_MIN  25
#define NGX_HTTP_RESULTS_RETRY_MAX  800

/* milliseconds after the last job was sent before another connection is used */
#define NGX_HTTP_RESULTS_SLOW  10

/* milliseconds between two checks of a connection */
#define NGX_HTTP_RESULTS_CHECK_AFTER  2000

/*
 * Milliseconds without a connection until the log is told so; and from then
 * until it is told of another reason.
 */
#define NGX_HTTP_RESULTS_TELL_AFTER  100
#define NGX_HTTP_RESULTS_TELL_AGAIN  10000


static void ngx_http_results_pool_state(ngx_http_results_connection_t *hc,
    ngx_http_results_state_e state);
static void ngx_http_results_pool_on_ready(ngx_http_results_connection_t *hc);
static void ngx_http_results_pool_on_idle(ngx_http_results_connection_t *hc);
static void ngx_http_results_pool_on_closed(ngx_http_results_connection_t *hc,
    const char *reason);
static void ngx_http_results_pool_failed(ngx_http_results_connection_t *hc,
    const char *reason, ngx_uint_t again);
static void ngx_http_results_pool_trouble(ngx_http_results_pool_t *pool,
    const char *reason);
static void ngx_http_results_pool_recovered(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_pool_retry_handler(ngx_event_t *ev);
static void ngx_http_results_pool_check_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_results_pool_check(
    ngx_http_results_connection_t *hc);


ngx_int_t
ngx_http_results_pool_init(ngx_http_results_pool_t *pool, ngx_cycle_t *cycle,
    ngx_uint_t n, ngx_uint_t statements)
{
    ngx_uint_t                      i;
    ngx_http_results_connection_t  *hc;

    pool->connections = ngx_pcalloc(cycle->pool,
                                n * sizeof(ngx_http_results_connection_t));
    if (pool->connections == NULL) {
        return NGX_ERROR;
    }

    pool->nconnections = n;

    for (i = 0; i < NGX_HTTP_RESULTS_STATES; i++) {
        ngx_queue_init(&pool->lists[i]);
    }

    for (i = 0; i < n; i++) {
        hc = &pool->connections[i];

        hc->pool = pool;
        hc->conf = pool->conf;
        hc->statements = statements;
        hc->on_ready = ngx_http_results_pool_on_ready;
        hc->on_idle = ngx_http_results_pool_on_idle;
        hc->on_closed = ngx_http_results_pool_on_closed;

        hc->state = NGX_HTTP_RESULTS_DOWN;
        ngx_queue_insert_tail(&pool->lists[hc->state], &hc->queue);
        pool->counts[hc->state]++;
        ngx_http_results_store_count(pool->conf, connections_down);
    }

    pool->retry.handler = ngx_http_results_pool_retry_handler;
    pool->retry.data = pool;
    pool->retry.log = cycle->log;
    pool->retry.cancelable = 1;

    pool->check.handler = ngx_http_results_pool_check_handler;
    pool->check.data = pool;
    pool->check.log = cycle->log;
    pool->check.cancelable = 1;

    return NGX_OK;
}


/* the one place that changes a connection's state, and counts it */

static void
ngx_http_results_pool_state(ngx_http_results_connection_t *hc,
    ngx_http_results_state_e state)
{
    ngx_atomic_uint_t                  *gauges[NGX_HTTP_RESULTS_STATES];
    ngx_http_results_pool_t            *pool;
    ngx_http_results_store_counters_t  *counters;

    pool = hc->pool;
    counters = ngx_http_results_store_counters(pool->conf);

    gauges[NGX_HTTP_RESULTS_DOWN] = &counters->connections_down;
    gauges[NGX_HTTP_RESULTS_CONNECTING] = &counters->connections_connecting;
    gauges[NGX_HTTP_RESULTS_IDLE] = &counters->connections_idle;
    gauges[NGX_HTTP_RESULTS_BUSY] = &counters->connections_busy;

    ngx_queue_remove(&hc->queue);
    pool->counts[hc->state]--;
    (*gauges[hc->state])--;

    hc->state = state;

    /* the connection that was used last is used first */
    ngx_queue_insert_head(&pool->lists[state], &hc->queue);
    pool->counts[state]++;
    (*gauges[state])++;
}


void
ngx_http_results_pool_grow(ngx_http_results_pool_t *pool)
{
    ngx_queue_t                    *q;
    ngx_http_results_connection_t  *hc;

    if (pool->closing
        || pool->retry.timer_set
        || pool->counts[NGX_HTTP_RESULTS_CONNECTING] > 0
        || pool->counts[NGX_HTTP_RESULTS_DOWN] == 0)
    {
        return;
    }

    q = ngx_queue_head(&pool->lists[NGX_HTTP_RESULTS_DOWN]);
    hc = ngx_queue_data(q, ngx_http_results_connection_t, queue);

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_CONNECTING);
    ngx_http_results_store_count(pool->conf, connects);

    ngx_http_results_connection_open(hc);
}


ngx_uint_t
ngx_http_results_pool_may_send(ngx_http_results_pool_t *pool, ngx_uint_t busy,
    ngx_msec_t sent, ngx_event_t *slow)
{
    ngx_msec_t  age;

    if (busy > 0) {

        if (busy == pool->nconnections) {
            return 0;
        }

        age = ngx_current_msec - sent;

        if (age < NGX_HTTP_RESULTS_SLOW) {

            if (!slow->timer_set) {
                ngx_add_timer(slow, NGX_HTTP_RESULTS_SLOW - age);
            }

            return 0;
        }
    }

    if (!ngx_http_results_pool_has_idle(pool)) {
        ngx_http_results_pool_grow(pool);
        return 0;
    }

    return 1;
}


void
ngx_http_results_pool_send(ngx_http_results_pool_t *pool,
    ngx_http_results_job_t *job)
{
    ngx_queue_t                    *q;
    ngx_http_results_connection_t  *hc;

    q = ngx_queue_head(&pool->lists[NGX_HTTP_RESULTS_IDLE]);
    hc = ngx_queue_data(q, ngx_http_results_connection_t, queue);

    hc->proving = 1;

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_BUSY);
    ngx_http_results_connection_send(hc, job);
}


/* by the timer, since the caller is in the middle of a connection's change */

void
ngx_http_results_pool_hurry(ngx_http_results_pool_t *pool)
{
    if (pool->down && pool->retry.timer_set) {
        ngx_del_timer(&pool->retry);
        ngx_add_timer(&pool->retry, 1);
    }
}


void
ngx_http_results_pool_close(ngx_http_results_pool_t *pool)
{
    ngx_uint_t                      i;
    ngx_http_results_connection_t  *hc;

    pool->closing = 1;

    if (pool->retry.timer_set) {
        ngx_del_timer(&pool->retry);
    }

    if (pool->check.timer_set) {
        ngx_del_timer(&pool->check);
    }

    for (i = 0; i < pool->nconnections; i++) {
        hc = &pool->connections[i];

        if (hc->state != NGX_HTTP_RESULTS_DOWN) {
            hc->leaving = 1;
            ngx_http_results_connection_close(hc, 0, "exiting");
        }
    }
}


void
ngx_http_results_pool_close_idle(ngx_http_results_pool_t *pool)
{
    ngx_queue_t                    *q;
    ngx_http_results_connection_t  *hc;

    if (!ngx_exiting || pool->wanted(pool)) {
        return;
    }

    while (ngx_http_results_pool_has_idle(pool)) {
        q = ngx_queue_head(&pool->lists[NGX_HTTP_RESULTS_IDLE]);
        hc = ngx_queue_data(q, ngx_http_results_connection_t, queue);

        hc->leaving = 1;
        ngx_http_results_connection_close(hc, 0, "exiting");
    }
}


const char *
ngx_http_results_pool_unready(ngx_http_results_pool_t *pool)
{
    if (pool->closing) {
        return "the worker exits";
    }

    if (pool->trouble->data[0]) {
        return pool->trouble->data;
    }

    if (pool->counts[NGX_HTTP_RESULTS_IDLE]
        + pool->counts[NGX_HTTP_RESULTS_BUSY] > 0
        || pool->nconnections == 0
        || ngx_exiting)
    {
        return NULL;
    }

    return "connecting";
}


ngx_msec_t
ngx_http_results_pool_down_for(ngx_http_results_pool_t *pool)
{
    return pool->down ? ngx_current_msec - pool->down_since : 0;
}


static void
ngx_http_results_pool_on_ready(ngx_http_results_connection_t *hc)
{
    ngx_http_results_pool_t  *pool;

    pool = hc->pool;

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_IDLE);
    hc->checked = ngx_current_msec;
    hc->doubted = 0;
    hc->proved = 0;

    if (!pool->check.timer_set) {
        ngx_add_timer(&pool->check, NGX_HTTP_RESULTS_CHECK_AFTER);
    }

    pool->reason[0] = '\0';
    pool->down = 0;

    if (pool->lost) {
        pool->lost = 0;
        ngx_http_results_store_count(pool->conf, reconnects);
    }

    if (!pool->suspect) {
        ngx_http_results_pool_recovered(hc);
    }

    pool->opened(pool);
    pool->available(pool);
}


static void
ngx_http_results_pool_on_idle(ngx_http_results_connection_t *hc)
{
    ngx_http_results_pool_t  *pool;

    pool = hc->pool;

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_IDLE);

    /* only now the waits between attempts begin anew: there may be a server
       that accepts connections and then fails each statement */

    if (hc->proving) {
        hc->proved = 1;
        pool->failures = 0;
        pool->suspect = 0;

        ngx_http_results_pool_recovered(hc);
    }

    if (!ngx_http_results_pool_check(hc)) {
        pool->available(pool);
    }
}


static void
ngx_http_results_pool_on_closed(ngx_http_results_connection_t *hc,
    const char *reason)
{
    ngx_uint_t                wanted, again;
    ngx_http_results_pool_t  *pool;

    pool = hc->pool;
    again = 1;

    if (hc->state == NGX_HTTP_RESULTS_CONNECTING) {

        if (!hc->leaving) {
            ngx_http_results_store_count(pool->conf, connect_failures);
        }

    } else if (!hc->leaving) {
        ngx_http_results_store_count(pool->conf, connections_lost);

        /* after a failure this one was opened, and failed before it had done
           a job: that is another failure */
        again = !hc->proved && pool->failures > 0;
        pool->suspect = again;
    }

    /* a job in flight is about to be told that it was lost, and will be sent
       again */
    wanted = (hc->state == NGX_HTTP_RESULTS_BUSY) || pool->wanted(pool);

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_DOWN);

    if (hc->shutdown && !pool->closing) {
        pool->closing = 1;
        pool->shutdown(pool);
    }

    if (pool->closing || (ngx_exiting && !wanted)) {
        return;
    }

    if (!again) {
        pool->doubt(pool);
    }

    if (hc->leaving) {
        /* nginx closed it at a graceful exit as it was idle, and now there is
           something to send: nothing has failed */

        if (!pool->retry.timer_set) {
            ngx_add_timer(&pool->retry, 1);
        }

        return;
    }

    ngx_http_results_pool_failed(hc, reason, again);
}


/*
 * Sets the timer of the next attempt, and tells the log.  That a working
 * connection was lost is of the level info; that no other one can be opened is
 * an error, told once until there is one.  again: an attempt to connect failed,
 * or the connection that it opened did so before a job was done on it.
 */

static void
ngx_http_results_pool_failed(ngx_http_results_connection_t *hc,
    const char *reason, ngx_uint_t again)
{
    ngx_uint_t                level, news;
    ngx_msec_t                delay;
    ngx_http_results_pool_t  *pool;

    pool = hc->pool;

    if (pool->counts[NGX_HTTP_RESULTS_DOWN] == pool->nconnections
        && !pool->down)
    {
        pool->down = 1;
        pool->down_since = ngx_current_msec;
    }

    pool->lost = 1;

    if (again && pool->down) {
        ngx_http_results_pool_trouble(pool, reason);
    }

    /*
     * Without a connection the log is told after TELL_AFTER, since the first
     * reason is often not the lasting one; and again after TELL_AGAIN, but only
     * if the reason is another one then.
     */

    level = NGX_LOG_INFO;
    news = ngx_strcmp(pool->reason, reason) != 0;

    if (!pool->failing) {
        pool->failing = 1;
        pool->failing_since = ngx_current_msec;
    }

    if (pool->told) {
        news = news && ngx_current_msec - pool->told_at
                       >= NGX_HTTP_RESULTS_TELL_AGAIN;

    } else if (pool->down) {
        news = ngx_current_msec - pool->failing_since
               >= NGX_HTTP_RESULTS_TELL_AFTER;
    }

    if (again && news) {
        ngx_cpystrn((u_char *) pool->reason, (u_char *) reason,
                    sizeof(pool->reason));

        pool->told_at = ngx_current_msec;
        pool->told |= pool->down;

        level = pool->down ? NGX_LOG_ERR : NGX_LOG_WARN;
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "results: store \"%V\": %s %s: %s (at \"%s\"); trying "
                  "again", &pool->conf->name,
                  again ? (pool->down ? "no" : "no other") : "lost a",
                  pool->name, reason, hc->server);

    if (pool->retry.timer_set) {
        return;
    }

    /* at once after a working connection was lost, then after longer waits */

    delay = NGX_HTTP_RESULTS_RETRY_MIN << ngx_min(pool->failures, 8);
    delay = ngx_min(delay, NGX_HTTP_RESULTS_RETRY_MAX);
    delay = pool->failures ? 1 + (ngx_msec_t) ngx_random() % delay : 1;

    pool->failures++;

    ngx_add_timer(&pool->retry, delay);
}


/* sets the text that status and health show */

static void
ngx_http_results_pool_trouble(ngx_http_results_pool_t *pool,
    const char *reason)
{
    u_char  text[sizeof(pool->reason)];

    (void) ngx_snprintf(text, sizeof(text) - 1, "no %s: %s%Z", pool->name,
                        reason);
    text[sizeof(text) - 1] = '\0';

    ngx_http_results_text_set(pool->trouble, (char *) text);
}


static void
ngx_http_results_pool_recovered(ngx_http_results_connection_t *hc)
{
    ngx_http_results_pool_t  *pool;

    pool = hc->pool;

    pool->failing = 0;

    if (pool->trouble->data[0]) {
        ngx_http_results_text_set(pool->trouble, "");
    }

    if (!pool->told) {
        return;
    }

    pool->told = 0;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "results: store \"%V\": %s connected again after %M ms "
                  "(at \"%s\")", &pool->conf->name, pool->name,
                  ngx_current_msec - pool->down_since, hc->server);
}


static void
ngx_http_results_pool_retry_handler(ngx_event_t *ev)
{
    ngx_http_results_pool_t  *pool;

    pool = ev->data;

    if (ngx_exiting && !pool->wanted(pool)) {
        return;
    }

    /* one is always open, so that no request waits for a handshake */

    if (pool->counts[NGX_HTTP_RESULTS_IDLE]
        + pool->counts[NGX_HTTP_RESULTS_BUSY] == 0
        || pool->wanted(pool))
    {
        ngx_http_results_pool_grow(pool);
    }
}


/*
 * Checks those that are idle.  One that is busy is checked when its job is over
 * (on_idle), since it may never be idle when this timer runs out.
 */

static void
ngx_http_results_pool_check_handler(ngx_event_t *ev)
{
    ngx_queue_t                    *q, *next;
    ngx_http_results_pool_t        *pool;
    ngx_http_results_connection_t  *hc;

    pool = ev->data;

    if (ngx_exiting) {
        return;
    }

    for (q = ngx_queue_head(&pool->lists[NGX_HTTP_RESULTS_IDLE]);
         q != ngx_queue_sentinel(&pool->lists[NGX_HTTP_RESULTS_IDLE]);
         q = next)
    {
        next = ngx_queue_next(q);
        hc = ngx_queue_data(q, ngx_http_results_connection_t, queue);

        (void) ngx_http_results_pool_check(hc);
    }

    if (pool->counts[NGX_HTTP_RESULTS_IDLE]
        + pool->counts[NGX_HTTP_RESULTS_BUSY] > 0)
    {
        ngx_add_timer(&pool->check, NGX_HTTP_RESULTS_CHECK_AFTER);
    }
}


/* sends the check and returns 1 where it is due, else 0 */

static ngx_uint_t
ngx_http_results_pool_check(ngx_http_results_connection_t *hc)
{
    if (ngx_exiting
        || (!hc->doubted
            && ngx_current_msec - hc->checked < NGX_HTTP_RESULTS_CHECK_AFTER))
    {
        return 0;
    }

    hc->proving = !hc->doubted;
    hc->checked = ngx_current_msec;
    hc->doubted = 0;

    ngx_http_results_pool_state(hc, NGX_HTTP_RESULTS_BUSY);
    ngx_http_results_connection_check(hc);

    return 1;
}


/*
 * A server that has become read-only, or was lost, may have other sessions of
 * ours that still work: their reads could miss what was written since to the
 * new primary.
 */

void
ngx_http_results_pool_doubt(ngx_http_results_pool_t *pool)
{
    ngx_uint_t                      i;
    ngx_http_results_connection_t  *hc;

    for (i = 0; i < pool->nconnections; i++) {
        hc = &pool->connections[i];
        hc->doubted = 1;

        if (hc->state == NGX_HTTP_RESULTS_IDLE) {
            (void) ngx_http_results_pool_check(hc);
        }
    }
}
