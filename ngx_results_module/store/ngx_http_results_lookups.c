
/*
 * Token lookups: see ngx_http_results_lookups.h.
 */

#include "ngx_http_results_lookups.h"
#include "ngx_http_results_counters.h"
#include "results_encode.h"
#include "results_uuid.h"


/* milliseconds that a lookup may wait to be sent, and then for its answer */
#define NGX_HTTP_RESULTS_LOOKUP_TIMEOUT  2000

/* milliseconds of a lookup's first rest; each further one is twice as long */
#define NGX_HTTP_RESULTS_LOOKUP_REST  20

/*
 * Halving finds one bad token of a full query within nine statements.  Where
 * more than this many fail one after the other, the cause is not a token, and
 * all lookups are told at once that nothing is known.
 */
#define NGX_HTTP_RESULTS_LOOKUP_REFUSED  16


/* what becomes of the lookups of a statement that is over */
typedef enum {
    NGX_HTTP_RESULTS_LOOKUP_ANSWERED = 0,
    NGX_HTTP_RESULTS_LOOKUP_FAILED,     /* told that nothing is known */
    NGX_HTTP_RESULTS_LOOKUP_AGAIN,      /* sent again: the connection is closed,
                                           and the next one takes time */
    NGX_HTTP_RESULTS_LOOKUP_HALVES,     /* sent again in halves */
    NGX_HTTP_RESULTS_LOOKUP_LATER       /* sent again in halves after a rest */
} ngx_http_results_lookup_fate_e;


/* the columns of results_api.lookup_tokens() */
enum {
    NGX_HTTP_RESULTS_LOOKUP_ORD = 0,
    NGX_HTTP_RESULTS_LOOKUP_INSTITUTION_ID,
    NGX_HTTP_RESULTS_LOOKUP_INSTITUTION,
    NGX_HTTP_RESULTS_LOOKUP_CLIENT_ID,
    NGX_HTTP_RESULTS_LOOKUP_CLIENT,
    NGX_HTTP_RESULTS_LOOKUP_PERSON,
    NGX_HTTP_RESULTS_LOOKUP_ROLE,
    NGX_HTTP_RESULTS_LOOKUP_ED_APP,
    NGX_HTTP_RESULTS_LOOKUP_SCOPES,
    NGX_HTTP_RESULTS_LOOKUP_TTL,
    NGX_HTTP_RESULTS_LOOKUP_COLUMNS
};


static void ngx_http_results_lookups_flush_handler(ngx_event_t *ev);
static void ngx_http_results_lookups_deadline_handler(ngx_event_t *ev);
static void ngx_http_results_lookups_rest_handler(ngx_event_t *ev);
static void ngx_http_results_lookups_set_timer(ngx_http_results_lookups_t *l);
static void ngx_http_results_lookups_wait_again(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);
static void ngx_http_results_lookups_rest(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup);
static void ngx_http_results_lookups_send(ngx_http_results_lookups_t *l);
static ngx_int_t ngx_http_results_query_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
static uint8_t ngx_http_results_query_text(char *to, size_t max,
    results_str_t value);
static void ngx_http_results_query_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);
static ngx_http_results_lookup_fate_e ngx_http_results_query_fate(
    ngx_http_results_query_t *query, const ngx_http_results_end_t *end);
static void ngx_http_results_query_tell(ngx_http_results_query_t *query,
    ngx_http_results_lookup_t *lookup, ngx_uint_t i);


ngx_int_t
ngx_http_results_lookups_init(ngx_http_results_lookups_t *l,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf,
    ngx_http_results_pool_t *pool)
{
    ngx_uint_t                 i;
    ngx_http_results_query_t  *query;

    l->conf = conf;
    l->pool = pool;

    l->complaint.conf = conf;
    l->complaint.what = "token lookups";

    ngx_queue_init(&l->waiting);
    ngx_queue_init(&l->resting);

    l->queries = ngx_pcalloc(cycle->pool, conf->readers
                                        * sizeof(ngx_http_results_query_t));
    if (l->queries == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->readers; i++) {
        query = &l->queries[i];

        query->lookups = l;
        query->job.statement = NGX_HTTP_RESULTS_LOOKUP_TOKENS;
        query->job.values = &query->value;
        query->job.lengths = &query->length;
        query->job.timeout = NGX_HTTP_RESULTS_LOOKUP_TIMEOUT;
        query->job.row = ngx_http_results_query_row;
        query->job.done = ngx_http_results_query_done;
        query->job.data = query;
    }

    l->flush.handler = ngx_http_results_lookups_flush_handler;
    l->flush.data = l;
    l->flush.log = cycle->log;

    l->slow.handler = ngx_http_results_lookups_flush_handler;
    l->slow.data = l;
    l->slow.log = cycle->log;
    l->slow.cancelable = 1;

    l->deadline.handler = ngx_http_results_lookups_deadline_handler;
    l->deadline.data = l;
    l->deadline.log = cycle->log;

    /* deadline and rest are not cancelable: a worker that exits lives until
       its lookups are answered */
    l->rest.handler = ngx_http_results_lookups_rest_handler;
    l->rest.data = l;
    l->rest.log = cycle->log;

    return NGX_OK;
}


void
ngx_http_results_lookups_exit(ngx_http_results_lookups_t *l)
{
    ngx_uint_t  i;

    l->exiting = 1;

    if (l->flush.posted) {
        ngx_delete_posted_event(&l->flush);
    }

    if (l->slow.timer_set) {
        ngx_del_timer(&l->slow);
    }

    if (l->deadline.timer_set) {
        ngx_del_timer(&l->deadline);
    }

    if (l->rest.timer_set) {
        ngx_del_timer(&l->rest);
    }

    for (i = 0; i < l->conf->readers; i++) {
        results_buf_free(&l->queries[i].buf);
    }
}


void
ngx_http_results_lookups_ask(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup)
{
    lookup->query = NULL;
    lookup->limit = 0;
    lookup->rests = 0;
    lookup->deadline = ngx_current_msec + NGX_HTTP_RESULTS_LOOKUP_TIMEOUT;

    if (ngx_http_results_pool_down_for(l->pool)
        > NGX_HTTP_RESULTS_LOOKUP_TIMEOUT)
    {
        /* answered by the flush handler at the end of this loop pass */
        lookup->deadline = ngx_current_msec;
    }

    /* deadlines only grow, except for those that have passed already */

    if (lookup->deadline == ngx_current_msec) {
        ngx_queue_insert_head(&l->waiting, &lookup->queue);

    } else {
        ngx_queue_insert_tail(&l->waiting, &lookup->queue);
    }

    ngx_http_results_count(token_lookups);

    ngx_post_event(&l->flush, &ngx_posted_events);
}


void
ngx_http_results_lookups_cancel(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup)
{
    ngx_uint_t                 i;
    ngx_http_results_query_t  *query;

    query = lookup->query;

    if (query == NULL) {
        ngx_queue_remove(&lookup->queue);
        ngx_http_results_lookups_set_timer(l);
        return;
    }

    for (i = 0; i < query->n; i++) {
        if (query->asked[i] == lookup) {
            query->asked[i] = NULL;
        }
    }
}


static void
ngx_http_results_lookups_flush_handler(ngx_event_t *ev)
{
    ngx_http_results_lookups_flush(ev->data);
}


void
ngx_http_results_lookups_flush(ngx_http_results_lookups_t *l)
{
    ngx_http_results_lookups_fail(l, 0);

    while (!ngx_queue_empty(&l->waiting)
           && ngx_http_results_pool_may_send(l->pool, l->busy, l->sent,
                                             &l->slow))
    {
        ngx_http_results_lookups_send(l);
    }

    ngx_http_results_lookups_set_timer(l);

    ngx_http_results_pool_close_idle(l->pool);
}


static void
ngx_http_results_lookups_send(ngx_http_results_lookups_t *l)
{
    const unsigned char        *digests[NGX_HTTP_RESULTS_LOOKUPS_MAX];
    ngx_uint_t                  limit;
    ngx_queue_t                *q;
    ngx_http_results_query_t   *query;
    ngx_http_results_lookup_t  *lookup;

    for (query = l->queries; query->sent; query++) { /* void */ }

    query->n = 0;
    limit = NGX_HTTP_RESULTS_LOOKUPS_MAX;

    while (!ngx_queue_empty(&l->waiting)) {

        q = ngx_queue_head(&l->waiting);
        lookup = ngx_queue_data(q, ngx_http_results_lookup_t, queue);

        if (lookup->limit) {
            limit = ngx_min(limit, lookup->limit);
        }

        if (query->n >= limit) {
            break;
        }

        ngx_queue_remove(q);

        lookup->query = query;
        query->asked[query->n] = lookup;
        query->ttls[query->n] = 0;
        digests[query->n] = lookup->digest;
        query->n++;
    }

    query->malformed = 0;

    query->buf.len = 0;
    query->buf.failed = 0;

    results_encode_digests(&query->buf, digests, query->n);

    query->value = query->buf.data;
    query->length = (int) query->buf.len;
    query->sent = 1;

    if (query->buf.failed) {
        /* without memory: the server refuses an empty parameter, and the
           lookups are told that nothing is known */
        query->length = 0;
    }

    l->busy++;
    l->sent = ngx_current_msec;

    ngx_http_results_count(token_queries);

    ngx_http_results_pool_send(l->pool, &query->job);
}


static ngx_int_t
ngx_http_results_query_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_int_t                  n, id, client_id, ttl;
    results_str_t              v;
    results_principal_t       *p;
    ngx_http_results_query_t  *query;

    query = job->data;

    if (nvalues != NGX_HTTP_RESULTS_LOOKUP_COLUMNS) {
        query->malformed = 1;
        return NGX_OK;
    }

#define ngx_http_results_column_int(i)                                        \
    (v = values[i], ngx_atoi((u_char *) v.data, v.len))

    n = ngx_http_results_column_int(NGX_HTTP_RESULTS_LOOKUP_ORD);
    id = ngx_http_results_column_int(NGX_HTTP_RESULTS_LOOKUP_INSTITUTION_ID);
    client_id = ngx_http_results_column_int(
                                          NGX_HTTP_RESULTS_LOOKUP_CLIENT_ID);
    ttl = ngx_http_results_column_int(NGX_HTTP_RESULTS_LOOKUP_TTL);

    if (v.len > 1 && v.data[0] == '-') {
        /* negative: the token expired while it was looked up */
        ttl = 0;
    }

#undef ngx_http_results_column_int

    if (n < 1 || (ngx_uint_t) n > query->n
        || id == NGX_ERROR || client_id == NGX_ERROR || ttl == NGX_ERROR)
    {
        query->malformed = 1;
        return NGX_OK;
    }

    if (ttl == 0) {
        return NGX_OK;
    }

    p = &query->principals[n - 1];

    ngx_memzero(p, sizeof(results_principal_t));

    p->institution_id = (int32_t) id;
    p->client_id = (int32_t) client_id;
    p->role = results_role_parse(values[NGX_HTTP_RESULTS_LOOKUP_ROLE]);
    p->scopes = query->lookups->conf->scope_bits(
                                     values[NGX_HTTP_RESULTS_LOOKUP_SCOPES]);

    p->institution_len = ngx_http_results_query_text(p->institution,
                                 RESULTS_INSTITUTION_MAX,
                                 values[NGX_HTTP_RESULTS_LOOKUP_INSTITUTION]);
    p->client_len = ngx_http_results_query_text(p->client, RESULTS_CLIENT_MAX,
                                 values[NGX_HTTP_RESULTS_LOOKUP_CLIENT]);
    p->person_len = ngx_http_results_query_text(p->person, RESULTS_PERSON_MAX,
                                 values[NGX_HTTP_RESULTS_LOOKUP_PERSON]);

    p->ed_app_set = values[NGX_HTTP_RESULTS_LOOKUP_ED_APP].data != NULL
                    && results_uuid_normalize(
                                      values[NGX_HTTP_RESULTS_LOOKUP_ED_APP],
                                      p->ed_app)
                       == 0;

    query->ttls[n - 1] = ttl;

    return NGX_OK;
}


/* copies a column; sql/ has the same limits for these texts, in bytes */

static uint8_t
ngx_http_results_query_text(char *to, size_t max, results_str_t value)
{
    size_t  len;

    len = ngx_min(value.len, max);

    ngx_memcpy(to, value.data ? value.data : "", value.data ? len : 0);

    return (uint8_t) (value.data ? len : 0);
}


static void
ngx_http_results_query_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end)
{
    ngx_uint_t                       i;
    ngx_http_results_query_t        *query;
    ngx_http_results_lookup_t       *lookup;
    ngx_http_results_lookups_t      *l;
    ngx_http_results_lookup_fate_e   fate;

    query = job->data;
    l = query->lookups;

    if (l->exiting) {
        return;
    }

    fate = ngx_http_results_query_fate(query, end);

    if (query->malformed) {
        ngx_http_results_complain(&l->complaint,
                                  NGX_HTTP_RESULTS_FOREIGN_ANSWER,
                                  "answered 503");

    } else if (fate == NGX_HTTP_RESULTS_LOOKUP_FAILED) {
        ngx_http_results_complaint_refused(&l->complaint, end);

    } else if (fate != NGX_HTTP_RESULTS_LOOKUP_HALVES) {
        ngx_http_results_complaint_end(&l->complaint, end);
    }

    /* backwards, since each that is sent again goes before those with the same
       deadline: so they keep their order */

    for (i = query->n; i-- > 0; /* void */ ) {

        lookup = query->asked[i];

        if (lookup == NULL) {
            continue;
        }

        query->asked[i] = NULL;
        lookup->query = NULL;

        switch (fate) {

        case NGX_HTTP_RESULTS_LOOKUP_ANSWERED:
            ngx_http_results_query_tell(query, lookup, i);
            break;

        case NGX_HTTP_RESULTS_LOOKUP_FAILED:
            lookup->handler(lookup, NULL, -1);
            break;

        case NGX_HTTP_RESULTS_LOOKUP_LATER:
            lookup->limit = ngx_max(query->n / 2, 1);
            ngx_http_results_lookups_rest(l, lookup);
            break;

        case NGX_HTTP_RESULTS_LOOKUP_HALVES:
            lookup->limit = ngx_max(query->n / 2, 1);
            ngx_http_results_lookups_wait_again(l, lookup);
            break;

        default: /* NGX_HTTP_RESULTS_LOOKUP_AGAIN */
            ngx_http_results_lookups_wait_again(l, lookup);
        }
    }

    query->sent = 0;
    l->busy--;

    ngx_http_results_lookups_set_timer(l);

    ngx_post_event(&l->flush, &ngx_posted_events);
}


static ngx_http_results_lookup_fate_e
ngx_http_results_query_fate(ngx_http_results_query_t *query,
    const ngx_http_results_end_t *end)
{
    ngx_http_results_lookups_t  *l;

    l = query->lookups;

    if (end->end == NGX_HTTP_RESULTS_JOB_OK
        || end->end == NGX_HTTP_RESULTS_JOB_WARNED)
    {
        l->refused = 0;
        return NGX_HTTP_RESULTS_LOOKUP_ANSWERED;
    }

    if (l->pool->closing) {
        return NGX_HTTP_RESULTS_LOOKUP_FAILED;
    }

    if (end->end == NGX_HTTP_RESULTS_JOB_LOST
        || end->action == RESULTS_SQL_EVICT)
    {
        return NGX_HTTP_RESULTS_LOOKUP_AGAIN;
    }

    if (end->action == RESULTS_SQL_RETRY) {
        return NGX_HTTP_RESULTS_LOOKUP_LATER;
    }

    if (end->action == RESULTS_SQL_UNAVAILABLE
        && ++l->refused > NGX_HTTP_RESULTS_LOOKUP_REFUSED)
    {
        return NGX_HTTP_RESULTS_LOOKUP_FAILED;
    }

    return query->n > 1 ? NGX_HTTP_RESULTS_LOOKUP_HALVES
                        : NGX_HTTP_RESULTS_LOOKUP_FAILED;
}


static void
ngx_http_results_query_tell(ngx_http_results_query_t *query,
    ngx_http_results_lookup_t *lookup, ngx_uint_t i)
{
    ngx_int_t  ttl;

    ttl = query->ttls[i];

    if (ttl > 0) {
        lookup->handler(lookup, &query->principals[i], ttl);
        return;
    }

    /* no row: no such token, unless some row could not be read, which may have
       been this token's */

    lookup->handler(lookup, NULL, query->malformed ? -1 : 0);
}


/* puts a lookup on the list of those that wait, before equal deadlines */

static void
ngx_http_results_lookups_wait_again(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup)
{
    ngx_queue_t                *q;
    ngx_http_results_lookup_t  *other;

    for (q = ngx_queue_head(&l->waiting);
         q != ngx_queue_sentinel(&l->waiting);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_results_lookup_t, queue);

        if ((ngx_msec_int_t) (other->deadline - lookup->deadline) >= 0) {
            break;
        }
    }

    /* before q */
    ngx_queue_insert_tail(q, &lookup->queue);
}


/* lets a lookup rest, until its deadline at most; the list is by the end */

static void
ngx_http_results_lookups_rest(ngx_http_results_lookups_t *l,
    ngx_http_results_lookup_t *lookup)
{
    ngx_msec_t                  rest;
    ngx_queue_t                *q;
    ngx_msec_int_t              left;
    ngx_http_results_lookup_t  *other;

    left = (ngx_msec_int_t) (lookup->deadline - ngx_current_msec);

    rest = NGX_HTTP_RESULTS_LOOKUP_REST << ngx_min(lookup->rests, 8);
    rest = ngx_min(rest, (ngx_msec_t) ngx_max(left, 1));

    lookup->rests++;
    lookup->again = ngx_current_msec + rest;

    for (q = ngx_queue_last(&l->resting);
         q != ngx_queue_sentinel(&l->resting);
         q = ngx_queue_prev(q))
    {
        other = ngx_queue_data(q, ngx_http_results_lookup_t, queue);

        if ((ngx_msec_int_t) (other->again - lookup->again) <= 0) {
            break;
        }
    }

    ngx_queue_insert_after(q, &lookup->queue);

    if (!l->rest.timer_set) {
        ngx_add_timer(&l->rest, rest);
    }
}


static void
ngx_http_results_lookups_rest_handler(ngx_event_t *ev)
{
    ngx_queue_t                 *q;
    ngx_msec_int_t               left;
    ngx_http_results_lookup_t   *lookup;
    ngx_http_results_lookups_t  *l;

    l = ev->data;

    while (!ngx_queue_empty(&l->resting)) {

        q = ngx_queue_head(&l->resting);
        lookup = ngx_queue_data(q, ngx_http_results_lookup_t, queue);

        left = (ngx_msec_int_t) (lookup->again - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, left);
            break;
        }

        ngx_queue_remove(q);
        ngx_http_results_lookups_wait_again(l, lookup);
    }

    ngx_post_event(&l->flush, &ngx_posted_events);
}


static void
ngx_http_results_lookups_set_timer(ngx_http_results_lookups_t *l)
{
    ngx_msec_int_t              left;
    ngx_http_results_lookup_t  *lookup;

    /* those in flight are covered by the connection's timer */

    if (ngx_queue_empty(&l->waiting)) {

        if (l->deadline.timer_set) {
            ngx_del_timer(&l->deadline);
        }

        return;
    }

    if (!l->deadline.timer_set) {
        lookup = ngx_queue_data(ngx_queue_head(&l->waiting),
                                ngx_http_results_lookup_t, queue);

        left = (ngx_msec_int_t) (lookup->deadline - ngx_current_msec);
        ngx_add_timer(&l->deadline, ngx_max(left, 1));
    }
}


static void
ngx_http_results_lookups_deadline_handler(ngx_event_t *ev)
{
    ngx_http_results_lookups_t  *l;

    l = ev->data;

    ngx_http_results_lookups_fail(l, 0);
    ngx_http_results_lookups_set_timer(l);
}


void
ngx_http_results_lookups_fail(ngx_http_results_lookups_t *l, ngx_uint_t all)
{
    ngx_queue_t                *q;
    ngx_http_results_lookup_t  *lookup;

    if (all && !ngx_queue_empty(&l->resting)) {
        ngx_queue_add(&l->waiting, &l->resting);
        ngx_queue_init(&l->resting);
    }

    while (!ngx_queue_empty(&l->waiting)) {

        q = ngx_queue_head(&l->waiting);
        lookup = ngx_queue_data(q, ngx_http_results_lookup_t, queue);

        if (!all
            && (ngx_msec_int_t) (lookup->deadline - ngx_current_msec) > 0)
        {
            return;
        }

        ngx_queue_remove(q);

        lookup->handler(lookup, NULL, -1);
    }
}
