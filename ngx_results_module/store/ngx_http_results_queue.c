
/*
 * Which groups wait, and which is next: see ngx_http_results_queue.h.
 *
 * A group is on a line while it waits, holds all its keys and does not rest,
 * that is, while nblocked is 0.  Its claims lie in the group where it has one
 * record, else in its arena.  A tenant, an institution's part of the queue, is
 * there from the first of its groups that enters until the last that leaves.
 */

#include "ngx_http_results_queue.h"
#include "ngx_http_results_counters.h"


#define NGX_HTTP_RESULTS_TENANT_SLOTS  512
#define NGX_HTTP_RESULTS_TENANTS_MORE  32

/* bytes of an id that are hashed: ids have 255 characters at most, in UTF-8 */
#define NGX_HTTP_RESULTS_HASHED  1024


static ngx_uint_t ngx_http_results_queue_fits(ngx_http_results_queue_t *q,
    ngx_uint_t nrecords, size_t size);
static ngx_uint_t ngx_http_results_queue_sharers(
    ngx_http_results_queue_t *q, ngx_http_results_tenant_t *tenant);
static ngx_uint_t ngx_http_results_queue_over(ngx_http_results_queue_t *q,
    ngx_uint_t sharers, uint64_t rows, uint64_t bytes);
static void ngx_http_results_queue_make_room(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group,
    void (*evict)(void *data, ngx_http_results_group_t *group), void *data);
static void ngx_http_results_queue_wait(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);
static void ngx_http_results_queue_unwait(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

static ngx_http_results_line_t *ngx_http_results_line_of(
    ngx_http_results_group_t *group, ngx_uint_t *kind);
static void ngx_http_results_line_enter(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);
static void ngx_http_results_line_leave(ngx_http_results_group_t *group);

static ngx_http_results_tenant_t *ngx_http_results_tenant_find(
    ngx_http_results_queue_t *q, int32_t institution_id);
static ngx_http_results_tenant_t *ngx_http_results_tenant_get(
    ngx_http_results_queue_t *q, int32_t institution_id);
static void ngx_http_results_tenant_put(ngx_http_results_queue_t *q,
    ngx_http_results_tenant_t *tenant);

static ngx_http_results_taken_e ngx_http_results_claims(
    ngx_http_results_queue_t *q, ngx_http_results_group_t *group,
    ngx_uint_t most);
static ngx_http_results_taken_e ngx_http_results_claim(
    ngx_http_results_queue_t *q, ngx_http_results_group_t *group,
    ngx_http_results_claim_t *claim, results_record_t *record,
    ngx_uint_t most);
static void ngx_http_results_claim_release(ngx_http_results_queue_t *q,
    ngx_http_results_claim_t *claim);
static ngx_http_results_claim_t **ngx_http_results_claim_holder(
    ngx_http_results_queue_t *q, results_record_t *record, uint64_t hash);
static uint64_t ngx_http_results_claim_hash(ngx_http_results_queue_t *q,
    results_record_t *record);


ngx_int_t
ngx_http_results_queue_init(ngx_http_results_queue_t *q, ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf)
{
    ngx_uint_t  i, n;

    q->conf = conf;
    q->pool = cycle->pool;

    ngx_queue_init(&q->tenants);
    ngx_queue_init(&q->spare);

    for (i = 0; i < NGX_HTTP_RESULTS_LINES; i++) {
        ngx_queue_init(&q->turns[i]);
    }

    for (i = 0; i < NGX_HTTP_RESULTS_RESTS; i++) {
        ngx_queue_init(&q->resting[i]);
    }

    for (n = 64; n < conf->queue; n *= 2) {
        /* void */
    }

    q->mask = n - 1;
    q->holders = ngx_pcalloc(cycle->pool,
                             n * sizeof(ngx_http_results_claim_t *));
    q->slots = ngx_pcalloc(cycle->pool, NGX_HTTP_RESULTS_TENANT_SLOTS
                                        * sizeof(ngx_http_results_tenant_t *));

    if (q->holders == NULL || q->slots == NULL) {
        return NGX_ERROR;
    }

    /* a secret key: else a client could choose ids that all share a slot */

    if (results_siphash_key(&q->key) != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "results: no random bytes");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_results_taken_e
ngx_http_results_queue_room(ngx_http_results_queue_t *q,
    int32_t institution_id, ngx_uint_t nrecords, size_t size)
{
    uint64_t                    rows, bytes;
    ngx_http_results_tenant_t  *tenant;

    if (nrecords > q->conf->batch
        || nrecords > q->conf->queue
        || size > q->conf->queue_size)
    {
        return NGX_HTTP_RESULTS_TOO_LARGE;
    }

    if (ngx_http_results_queue_fits(q, nrecords, size)) {
        return NGX_HTTP_RESULTS_TAKEN;
    }

    tenant = ngx_http_results_tenant_find(q, institution_id);

    rows = nrecords + (tenant ? tenant->rows : 0);
    bytes = size + (tenant ? tenant->bytes : 0);

    return ngx_http_results_queue_over(q,
                                  ngx_http_results_queue_sharers(q, tenant),
                                  rows, bytes)
           ? NGX_HTTP_RESULTS_QUEUE_FULL : NGX_HTTP_RESULTS_TAKEN;
}


ngx_http_results_taken_e
ngx_http_results_queue_enter(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group,
    void (*evict)(void *data, ngx_http_results_group_t *group), void *data)
{
    ngx_http_results_taken_e    rc;
    ngx_http_results_tenant_t  *tenant;

    rc = ngx_http_results_queue_room(q, group->records[0].institution_id,
                                     group->nrecords, group->size);

    if (rc != NGX_HTTP_RESULTS_TAKEN) {
        return rc;
    }

    group->claims = &group->claim;

    if (group->nrecords > 1) {
        group->claims = results_arena_alloc(group->arena,
                           group->nrecords * sizeof(ngx_http_results_claim_t));
        if (group->claims == NULL) {
            return NGX_HTTP_RESULTS_NO_MEMORY;
        }
    }

    group->waits = 0;
    group->resting = 0;

    rc = ngx_http_results_claims(q, group, NGX_HTTP_RESULTS_KEY_WAITING);

    if (rc != NGX_HTTP_RESULTS_TAKEN) {
        return rc;
    }

    tenant = ngx_http_results_tenant_get(q, group->records[0].institution_id);

    if (tenant == NULL) {
        ngx_http_results_queue_unclaim(q, group);
        return NGX_HTTP_RESULTS_NO_MEMORY;
    }

    group->tenant = tenant;

    ngx_http_results_queue_make_room(q, group, evict, data);

    ngx_queue_insert_tail(&tenant->waiting, &group->waiting);
    ngx_http_results_queue_wait(q, group);

    return NGX_HTTP_RESULTS_TAKEN;
}


ngx_queue_t *
ngx_http_results_queue_turn(ngx_http_results_queue_t *q)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_RESULTS_LINES; i++) {

        q->line = (q->line + 1) % NGX_HTTP_RESULTS_LINES;

        if (!ngx_queue_empty(&q->turns[q->line])) {
            return &q->turns[q->line];
        }
    }

    return NULL;
}


ngx_http_results_group_t *
ngx_http_results_queue_first(ngx_queue_t *turns)
{
    ngx_http_results_line_t  *line;

    if (ngx_queue_empty(turns)) {
        return NULL;
    }

    line = ngx_queue_data(ngx_queue_head(turns), ngx_http_results_line_t,
                          queue);

    return ngx_queue_data(ngx_queue_head(&line->groups),
                          ngx_http_results_group_t, queue);
}


void
ngx_http_results_queue_take(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    ngx_uint_t                kind;
    ngx_http_results_line_t  *line;

    line = ngx_http_results_line_of(group, &kind);

    ngx_http_results_line_leave(group);

    /* the institution had its turn: it goes to the end */

    if (!ngx_queue_empty(&line->groups)) {
        ngx_queue_remove(&line->queue);
        ngx_queue_insert_tail(&q->turns[kind], &line->queue);
    }

    ngx_http_results_queue_unwait(q, group);
}


void
ngx_http_results_queue_back(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    /* keys that it gave up in flight it claims again, behind later groups */

    if (group->nclaims == 0) {
        (void) ngx_http_results_claims(q, group, NGX_MAX_INT_T_VALUE);
    }

    /* evicted as the last of its institution, since it came first */
    ngx_queue_insert_head(&group->tenant->waiting, &group->waiting);

    ngx_http_results_queue_wait(q, group);
}


void
ngx_http_results_queue_rest(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group, ngx_uint_t nth)
{
    nth = ngx_min(nth, NGX_HTTP_RESULTS_RESTS - 1);

    ngx_http_results_queue_unclaim(q, group);

    group->resting = 1;
    group->nblocked = 1;
    group->again = ngx_current_msec + (NGX_HTTP_RESULTS_REST << nth);

    ngx_queue_insert_tail(&q->resting[nth], &group->queue);
    ngx_queue_insert_head(&group->tenant->waiting, &group->waiting);

    ngx_http_results_queue_wait(q, group);
}


ngx_msec_t
ngx_http_results_queue_wake(ngx_http_results_queue_t *q)
{
    ngx_uint_t                 i;
    ngx_queue_t               *head;
    ngx_msec_int_t             left, next;
    ngx_http_results_group_t  *group;

    next = 0;

    for (i = 0; i < NGX_HTTP_RESULTS_RESTS; i++) {

        while (!ngx_queue_empty(&q->resting[i])) {

            head = ngx_queue_head(&q->resting[i]);
            group = ngx_queue_data(head, ngx_http_results_group_t, queue);
            left = (ngx_msec_int_t) (group->again - ngx_current_msec);

            if (left > 0) {
                next = (next && next < left) ? next : left;
                break;
            }

            ngx_queue_remove(head);
            group->resting = 0;

            (void) ngx_http_results_claims(q, group, NGX_MAX_INT_T_VALUE);

            if (group->nblocked == 0) {
                ngx_http_results_line_enter(q, group);
            }
        }
    }

    return next;
}


void
ngx_http_results_queue_leave(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    if (group->waits) {

        if (group->resting) {
            ngx_queue_remove(&group->queue);

        } else if (group->nblocked == 0) {
            ngx_http_results_line_leave(group);
        }

        ngx_http_results_queue_unwait(q, group);
    }

    ngx_http_results_queue_unclaim(q, group);

    ngx_http_results_tenant_put(q, group->tenant);
    group->tenant = NULL;
}


void
ngx_http_results_queue_unclaim(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    while (group->nclaims > 0) {
        ngx_http_results_claim_release(q, &group->claims[--group->nclaims]);
    }
}


static ngx_uint_t
ngx_http_results_queue_fits(ngx_http_results_queue_t *q, ngx_uint_t nrecords,
    size_t size)
{
    return q->rows + nrecords <= q->conf->queue
           && q->bytes + size <= q->conf->queue_size;
}


/* how many have rows in the queue, with the tenant (or NULL) that comes */

static ngx_uint_t
ngx_http_results_queue_sharers(ngx_http_results_queue_t *q,
    ngx_http_results_tenant_t *tenant)
{
    return q->ntenants + (tenant == NULL || tenant->rows == 0);
}


/* whether so many rows or bytes are more than one sharer's part of the queue */

static ngx_uint_t
ngx_http_results_queue_over(ngx_http_results_queue_t *q, ngx_uint_t sharers,
    uint64_t rows, uint64_t bytes)
{
    return rows * sharers > q->conf->queue
           || bytes * sharers > q->conf->queue_size;
}


/*
 * Evicts the latest groups of institutions that have more than their share.
 * While the new group does not fit there is such a one, as its own has not.
 */

static void
ngx_http_results_queue_make_room(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group,
    void (*evict)(void *data, ngx_http_results_group_t *group), void *data)
{
    ngx_uint_t                  sharers;
    ngx_queue_t                *last;
    ngx_http_results_tenant_t  *tenant;

    sharers = ngx_http_results_queue_sharers(q, group->tenant);

    while (!ngx_http_results_queue_fits(q, group->nrecords, group->size)) {

        tenant = ngx_queue_data(ngx_queue_head(&q->tenants),
                                ngx_http_results_tenant_t, queue);

        if (!ngx_http_results_queue_over(q, sharers, tenant->rows,
                                         tenant->bytes))
        {
            ngx_queue_remove(&tenant->queue);
            ngx_queue_insert_tail(&q->tenants, &tenant->queue);
            continue;
        }

        last = ngx_queue_last(&tenant->waiting);

        evict(data, ngx_queue_data(last, ngx_http_results_group_t, waiting));
    }
}


/* counts a group that its caller has put into tenant->waiting */

static void
ngx_http_results_queue_wait(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    ngx_http_results_tenant_t          *tenant;
    ngx_http_results_store_counters_t  *counters;

    group->waits = 1;

    tenant = group->tenant;

    if (tenant->rows == 0) {
        ngx_queue_insert_tail(&q->tenants, &tenant->queue);
        q->ntenants++;
    }

    tenant->rows += group->nrecords;
    tenant->bytes += group->size;

    q->rows += group->nrecords;
    q->bytes += group->size;

    counters = ngx_http_results_store_counters(q->conf);

    counters->queue_rows += group->nrecords;
    counters->queue_bytes += group->size;
    counters->queue_rows_max = ngx_max(counters->queue_rows_max,
                                       counters->queue_rows);

    if (group->nblocked == 0) {
        ngx_http_results_line_enter(q, group);
    }
}


/* the reverse, of a group that is on no line any more */

static void
ngx_http_results_queue_unwait(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    ngx_http_results_tenant_t  *tenant;

    group->waits = 0;

    tenant = group->tenant;

    ngx_queue_remove(&group->waiting);

    tenant->rows -= group->nrecords;
    tenant->bytes -= group->size;

    if (tenant->rows == 0) {
        ngx_queue_remove(&tenant->queue);
        q->ntenants--;
    }

    q->rows -= group->nrecords;
    q->bytes -= group->size;

    ngx_http_results_store_add(q->conf, queue_rows, -group->nrecords);
    ngx_http_results_store_add(q->conf, queue_bytes, -group->size);
}


static ngx_http_results_line_t *
ngx_http_results_line_of(ngx_http_results_group_t *group, ngx_uint_t *kind)
{
    *kind = (group->nrecords > 1) ? NGX_HTTP_RESULTS_LARGER
            : group->limit ? NGX_HTTP_RESULTS_SUSPECTS
                           : NGX_HTTP_RESULTS_SINGLES;

    return &group->tenant->lines[*kind];
}


static void
ngx_http_results_line_enter(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group)
{
    ngx_uint_t                kind;
    ngx_http_results_line_t  *line;

    line = ngx_http_results_line_of(group, &kind);

    if (ngx_queue_empty(&line->groups)) {
        ngx_queue_insert_tail(&q->turns[kind], &line->queue);
    }

    ngx_queue_insert_tail(&line->groups, &group->queue);
}


static void
ngx_http_results_line_leave(ngx_http_results_group_t *group)
{
    ngx_uint_t                kind;
    ngx_http_results_line_t  *line;

    line = ngx_http_results_line_of(group, &kind);

    ngx_queue_remove(&group->queue);

    if (ngx_queue_empty(&line->groups)) {
        ngx_queue_remove(&line->queue);
    }
}


static ngx_http_results_tenant_t *
ngx_http_results_tenant_find(ngx_http_results_queue_t *q,
    int32_t institution_id)
{
    ngx_http_results_tenant_t  *tenant;

    tenant = q->slots[(uint32_t) institution_id
                      % NGX_HTTP_RESULTS_TENANT_SLOTS];

    while (tenant && tenant->institution_id != institution_id) {
        tenant = tenant->next;
    }

    return tenant;
}


/* the tenant, which has one group more now; NULL without memory */

static ngx_http_results_tenant_t *
ngx_http_results_tenant_get(ngx_http_results_queue_t *q,
    int32_t institution_id)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *head;
    ngx_http_results_tenant_t   *tenant, **slot;

    tenant = ngx_http_results_tenant_find(q, institution_id);

    if (tenant) {
        tenant->ngroups++;
        return tenant;
    }

    if (ngx_queue_empty(&q->spare)) {

        tenant = ngx_pcalloc(q->pool, NGX_HTTP_RESULTS_TENANTS_MORE
                                      * sizeof(ngx_http_results_tenant_t));
        if (tenant == NULL) {
            return NULL;
        }

        for (i = 0; i < NGX_HTTP_RESULTS_TENANTS_MORE; i++) {
            ngx_queue_insert_tail(&q->spare, &tenant[i].queue);
        }
    }

    head = ngx_queue_head(&q->spare);
    ngx_queue_remove(head);

    tenant = ngx_queue_data(head, ngx_http_results_tenant_t, queue);

    tenant->institution_id = institution_id;
    tenant->ngroups = 1;
    tenant->rows = 0;
    tenant->bytes = 0;

    ngx_queue_init(&tenant->waiting);

    for (i = 0; i < NGX_HTTP_RESULTS_LINES; i++) {
        ngx_queue_init(&tenant->lines[i].groups);
    }

    slot = &q->slots[(uint32_t) institution_id
                     % NGX_HTTP_RESULTS_TENANT_SLOTS];

    tenant->next = *slot;
    *slot = tenant;

    return tenant;
}


static void
ngx_http_results_tenant_put(ngx_http_results_queue_t *q,
    ngx_http_results_tenant_t *tenant)
{
    ngx_http_results_tenant_t  **slot;

    if (--tenant->ngroups > 0) {
        return;
    }

    slot = &q->slots[(uint32_t) tenant->institution_id
                     % NGX_HTTP_RESULTS_TENANT_SLOTS];

    while (*slot != tenant) {
        slot = &(*slot)->next;
    }

    *slot = tenant->next;

    ngx_queue_insert_head(&q->spare, &tenant->queue);
}


/* claims all keys of a group: TAKEN; or none.  most: may wait for one key */

static ngx_http_results_taken_e
ngx_http_results_claims(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group, ngx_uint_t most)
{
    ngx_uint_t                i;
    ngx_http_results_taken_e  rc;

    group->nblocked = 0;
    group->nclaims = 0;

    for (i = 0; i < group->nrecords; i++) {

        rc = ngx_http_results_claim(q, group, &group->claims[i],
                                    &group->records[i], most);

        if (rc != NGX_HTTP_RESULTS_TAKEN) {
            ngx_http_results_queue_unclaim(q, group);
            return rc;
        }

        group->nclaims++;
    }

    return NGX_HTTP_RESULTS_TAKEN;
}


/* claims one key: as its holder, or behind the claims that there are */

static ngx_http_results_taken_e
ngx_http_results_claim(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group, ngx_http_results_claim_t *claim,
    results_record_t *record, ngx_uint_t most)
{
    ngx_http_results_claim_t  *holder, *last, **slot;

    claim->record = record;
    claim->group = group;
    claim->hash = ngx_http_results_claim_hash(q, record);
    claim->nbehind = 0;

    slot = ngx_http_results_claim_holder(q, record, claim->hash);
    holder = *slot;

    if (holder == NULL) {
        claim->holds = 1;
        claim->next = NULL;
        ngx_queue_init(&claim->behind);
        *slot = claim;

        return NGX_HTTP_RESULTS_TAKEN;
    }

    last = holder;

    if (holder->nbehind > 0) {
        last = ngx_queue_data(ngx_queue_last(&holder->behind),
                              ngx_http_results_claim_t, behind);
    }

    /* it would wait for itself */

    if (last->group == group) {
        return NGX_HTTP_RESULTS_KEY_TWICE;
    }

    if (holder->nbehind >= most) {
        return NGX_HTTP_RESULTS_KEY_BUSY;
    }

    claim->holds = 0;
    ngx_queue_insert_tail(&holder->behind, &claim->behind);
    holder->nbehind++;
    group->nblocked++;

    return NGX_HTTP_RESULTS_TAKEN;
}


static void
ngx_http_results_claim_release(ngx_http_results_queue_t *q,
    ngx_http_results_claim_t *claim)
{
    ngx_queue_t               *head;
    ngx_http_results_group_t  *group;
    ngx_http_results_claim_t  *next, **slot;

    slot = ngx_http_results_claim_holder(q, claim->record, claim->hash);

    if (!claim->holds) {
        ngx_queue_remove(&claim->behind);

        /* who is behind has a holder: NOLINTNEXTLINE(*-core.NullDereference) */
        (*slot)->nbehind--;
        return;
    }

    if (claim->nbehind == 0) {
        *slot = claim->next;
        return;
    }

    head = ngx_queue_head(&claim->behind);
    ngx_queue_remove(head);

    next = ngx_queue_data(head, ngx_http_results_claim_t, behind);

    ngx_queue_init(&next->behind);

    if (!ngx_queue_empty(&claim->behind)) {
        ngx_queue_add(&next->behind, &claim->behind);
    }

    next->holds = 1;
    next->nbehind = claim->nbehind - 1;
    next->next = claim->next;
    *slot = next;

    group = next->group;

    if (--group->nblocked == 0) {
        ngx_http_results_line_enter(q, group);
    }
}


/* the link that points to the holder of a key; NULL in it: there is none */

static ngx_http_results_claim_t **
ngx_http_results_claim_holder(ngx_http_results_queue_t *q,
    results_record_t *record, uint64_t hash)
{
    ngx_http_results_claim_t  **slot;

    slot = &q->holders[hash & q->mask];

    while (*slot
           && ((*slot)->hash != hash
               || results_record_compare((*slot)->record, record) != 0))
    {
        slot = &(*slot)->next;
    }

    return slot;
}


static uint64_t
ngx_http_results_claim_hash(ngx_http_results_queue_t *q,
    results_record_t *record)
{
    size_t    len, n;
    uint64_t  words[1 + NGX_HTTP_RESULTS_HASHED / 8];

    len = ngx_min(record->id.len, NGX_HTTP_RESULTS_HASHED);
    n = (len + 7) / 8;

    /* without the kind: records of two kinds with one id may share a slot */

    words[n] = 0;
    words[0] = (uint64_t) (uint32_t) record->institution_id << 32
               | (uint32_t) record->id.len;

    if (len > 0) {
        ngx_memcpy(&words[1], record->id.data, len);
    }

    return results_siphash(&q->key, words, 1 + n);
}
