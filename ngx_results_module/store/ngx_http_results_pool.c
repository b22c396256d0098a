
/*
 * Connects, keeps and replaces a worker's connections.  After a failure it
 * waits, longer each time and never the same time twice, so that a fleet does
 * not knock in step; only one connection of a pool shakes hands at a time,
 * since a SCRAM handshake costs a worker milliseconds.
 */

#include "ngx_http_results_pool.h"


#define NGX_HTTP_RESULTS_RETRY_MIN  25    /* milliseconds */
#define NGX_HTTP_RESULTS_RETRY_MAX  800

/* another connection is used when the last one has been busy for so many ms */
#define NGX_HTTP_RESULTS_SLOW  10

/* ms after which the server is asked again whether it is the one we need */
#define NGX_HTTP_RESULTS_CHECK_AFTER  2000

/* ms after which the log is told that it is away, and of another reason */
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


/* the one place that changes a state */

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

    /* the one used last is used first: the others may grow old and close */
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


/* not from within the caller's own change of a connection: by the timer */

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

    /* it has proved to work: not before, or a server that accepts and then
       refuses each statement would be knocked at without a pause */

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

        /* one that came after a failure, and has not done anything either */
        again = !hc->proved && pool->failures > 0;
        pool->suspect = again;
    }

    /* a job in flight will want another connection: told by done(LOST) */
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
        /* idle at a graceful exit, and yet there is work: nothing failed */

        if (!pool->retry.timer_set) {
            ngx_add_timer(&pool->retry, 1);
        }

        return;
    }

    ngx_http_results_pool_failed(hc, reason, again);
}


/*
 * Tries again after a while.  That a working connection was lost is no news
 * yet; that no other is to be had is, once, until there is one.
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
     * while it is away: once, when it lasts, as the first reasons are often
     * not the last ones; and later again where it is another
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

    /* at once after a working connection was lost, then later and later */

    delay = NGX_HTTP_RESULTS_RETRY_MIN << ngx_min(pool->failures, 8);
    delay = ngx_min(delay, NGX_HTTP_RESULTS_RETRY_MAX);
    delay = pool->failures ? 1 + (ngx_msec_t) ngx_random() % delay : 1;

    pool->failures++;

    ngx_add_timer(&pool->retry, delay);
}


/* for the status page */

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

    /* one is always kept, so that the first request waits for no handshake */

    if (pool->counts[NGX_HTTP_RESULTS_IDLE]
        + pool->counts[NGX_HTTP_RESULTS_BUSY] == 0
        || pool->wanted(pool))
    {
        ngx_http_results_pool_grow(pool);
    }
}


/* a connection in use is checked when its job is over, for it may never rest */

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


/* sends the check where it is due: 1; else 0 */

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
 * A server that refuses to be written to, or has gone, has other sessions of
 * ours, which could still read there what is not true any more.
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
