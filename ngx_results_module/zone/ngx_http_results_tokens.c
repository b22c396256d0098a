
/*
 * The token cache has two parts, one of principals and one of unknown tokens
 * (negative entries).  Each is a hash table with chains and an LRU queue over
 * entries of one size.  Their memory is allocated when the zone is made, and
 * nothing is allocated or freed later: entries that are in no chain are at the
 * end of the LRU queue, and those from `fresh` on have never been used.
 *
 * A worker can be killed between any two of its instructions, and what it was
 * changing stays as it was then.  Two things protect the others from that.
 *
 * First, both parts are guarded by the slab pool's own mutex, since that is the
 * one that the master unlocks after a worker died; and whoever holds it writes
 * its pid to `holder`, and clears it before it unlocks.  A worker that gets the
 * lock and finds a pid knows that the holder before it died.  It makes both
 * parts empty, whatever is in them; each token then costs one lookup.
 *
 * Second, each step leaves something that can be read: an entry is made invalid
 * before it is unlinked, and becomes valid last, when it is complete and in
 * its chain.  A chain without an end can not come from any of this; it is taken
 * for damage of the memory, and the parts are made empty as well.
 *
 * What stays as it is (the hash key, where the parts are) is written before
 * the zone is shared.  Between _lock() and _unlock() nothing is logged or
 * allocated, and no function returns early.
 */

#include "ngx_http_results_tokens.h"
#include "results_universal.h"


/* to be changed with what lies in the zone: init_zone() refuses another one */
#define NGX_HTTP_RESULTS_TOKENS_LAYOUT  0x746f6b32

/* one page in eight is for negative entries */
#define NGX_HTTP_RESULTS_NEGATIVE_SHARE  8

/*
 * What stands before it in the code is written before what follows.  Only a
 * process that gets the lock after this one was killed can see the changes half
 * done, and for that it is enough that the compiler keeps the order.
 */
#define ngx_http_results_in_order()                                           \
    __atomic_signal_fence(__ATOMIC_SEQ_CST)


typedef struct ngx_http_results_entry_s  ngx_http_results_entry_t;

struct ngx_http_results_entry_s {
    ngx_queue_t                lru;
    ngx_http_results_entry_t  *next;        /* of its chain */
    time_t                     expires;     /* 0: not valid, in no chain */
    uint32_t                   realm;
    uint32_t                   hash;        /* of the digest: its chain */
    u_char                     digest[NGX_HTTP_RESULTS_DIGEST_LEN];
};


typedef struct {
    ngx_http_results_entry_t   entry;       /* first: they are cast */
    results_principal_t        principal;
} ngx_http_results_good_t;


typedef struct {
    ngx_queue_t                lru;         /* the latest used comes first */
    ngx_uint_t                 used;        /* in chains */
    ngx_uint_t                 fresh;       /* the first never used */

    /* never changed */
    ngx_http_results_entry_t **chains;
    u_char                    *entries;
    size_t                     size;        /* of an entry */
    ngx_uint_t                 capacity;    /* entries, and chains */
} ngx_http_results_part_t;


typedef struct {
    /* never changed.  A zone of any version begins with the first two, by
       which init_zone() tells whether it is of this one. */
    ngx_uint_t                 layout;
    ngx_uint_t                 size;        /* of an entry */
    results_universal_key_t    key;

    ngx_pid_t                  holder;      /* who holds the lock, or 0 */
    ngx_uint_t                 evictions;
    ngx_http_results_part_t    good;
    ngx_http_results_part_t    nobody;
} ngx_http_results_tokens_t;


static ngx_int_t ngx_http_results_tokens_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_results_tokens_take(ngx_slab_pool_t *shpool,
    ngx_http_results_part_t *part, ngx_uint_t pages, size_t size);
static void ngx_http_results_tokens_carve(ngx_http_results_tokens_t *tokens);
static void ngx_http_results_tokens_log_size(ngx_shm_zone_t *zone);
static void ngx_http_results_tokens_lock(ngx_shm_zone_t *zone);
static void ngx_http_results_tokens_unlock(ngx_shm_zone_t *zone);
static ngx_http_results_entry_t **ngx_http_results_tokens_chain(
    ngx_http_results_part_t *part, uint32_t hash);
static ngx_http_results_entry_t *ngx_http_results_tokens_lookup(
    ngx_http_results_part_t *part, uint32_t hash, uint32_t realm,
    const u_char *digest, time_t now);
static ngx_http_results_entry_t *ngx_http_results_tokens_free(
    ngx_http_results_tokens_t *tokens, ngx_http_results_part_t *part,
    time_t now);
static void ngx_http_results_tokens_remove(ngx_http_results_part_t *part,
    ngx_http_results_entry_t *entry);
static ngx_uint_t ngx_http_results_tokens_equal(const u_char *a,
    const u_char *b);


/* what is wrong with the zone that this process has locked, or NULL */
static const char  *ngx_http_results_tokens_damage;

/* the pid of the worker that died while it held the lock of that zone, or 0 */
static ngx_pid_t    ngx_http_results_tokens_dead;


ngx_shm_zone_t *
ngx_http_results_tokens_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, name, size, tag);

    if (zone != NULL) {
        zone->init = ngx_http_results_tokens_init_zone;
    }

    return zone;
}


static ngx_int_t
ngx_http_results_tokens_init_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t                      len;
    ngx_uint_t                  pages, share;
    ngx_slab_pool_t            *shpool;
    ngx_http_results_tokens_t  *tokens;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;
    tokens = data ? data : zone->shm.exists ? shpool->data : NULL;

    if (tokens) {

        if (tokens->layout != NGX_HTTP_RESULTS_TOKENS_LAYOUT
            || tokens->size != sizeof(ngx_http_results_good_t))
        {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "results: the token zone \"%V\" is of another "
                          "version of this module: restart nginx",
                          &zone->shm.name);
            return NGX_ERROR;
        }

        zone->data = tokens;

        return NGX_OK;
    }

    tokens = ngx_slab_calloc(shpool, sizeof(ngx_http_results_tokens_t));
    if (tokens == NULL) {
        return NGX_ERROR;
    }

    tokens->layout = NGX_HTTP_RESULTS_TOKENS_LAYOUT;
    tokens->size = sizeof(ngx_http_results_good_t);

    if (results_universal_key(&tokens->key) != 0) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, ngx_errno,
                      "results: no random key for the token zone \"%V\"",
                      &zone->shm.name);
        return NGX_ERROR;
    }

    len = sizeof(" in results_token_zone \"\"") + zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in results_token_zone \"%V\"%Z",
                &zone->shm.name);

    pages = shpool->pfree;
    share = pages / NGX_HTTP_RESULTS_NEGATIVE_SHARE;

    if (share == 0) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "results: the token zone \"%V\" is too small",
                      &zone->shm.name);
        return NGX_ERROR;
    }

    if (ngx_http_results_tokens_take(shpool, &tokens->nobody, share,
                                     sizeof(ngx_http_results_entry_t))
        != NGX_OK
        || ngx_http_results_tokens_take(shpool, &tokens->good, pages - share,
                                        sizeof(ngx_http_results_good_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_results_tokens_carve(tokens);

    shpool->data = tokens;
    zone->data = tokens;

    ngx_http_results_tokens_log_size(zone);

    return NGX_OK;
}


/* allocates a part: whole pages, for entries of a size and as many chains */

static ngx_int_t
ngx_http_results_tokens_take(ngx_slab_pool_t *shpool,
    ngx_http_results_part_t *part, ngx_uint_t pages, size_t size)
{
    u_char  *p;

    p = ngx_slab_alloc(shpool, pages * ngx_pagesize);
    if (p == NULL) {
        return NGX_ERROR;
    }

    part->entries = p;
    part->size = size;
    part->capacity = pages * ngx_pagesize
                     / (size + sizeof(ngx_http_results_entry_t *));
    part->chains = (ngx_http_results_entry_t **) (p + part->capacity * size);

    return NGX_OK;
}


/*
 * Makes both parts empty, whatever was in them.  Entries are not touched: they
 * are written as a whole when they are used, so that this takes a fraction of
 * a millisecond for a zone of 16 MB.
 */

static void
ngx_http_results_tokens_carve(ngx_http_results_tokens_t *tokens)
{
    ngx_uint_t                i;
    ngx_http_results_part_t  *part;

    for (i = 0; i < 2; i++) {
        part = i ? &tokens->nobody : &tokens->good;

        ngx_queue_init(&part->lru);
        part->used = 0;
        part->fresh = 0;

        ngx_memzero(part->chains,
                    part->capacity * sizeof(ngx_http_results_entry_t *));
    }
}


static void
ngx_http_results_tokens_log_size(ngx_shm_zone_t *zone)
{
    ngx_uint_t                  i;
    ngx_shm_zone_t             *old;
    ngx_list_part_t            *part;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;

    ngx_log_error(NGX_LOG_NOTICE, zone->shm.log, 0,
                  "results: the token zone \"%V\" holds %ui tokens "
                  "and %ui unknown ones", &zone->shm.name,
                  tokens->good.capacity, tokens->nobody.capacity);

    /* ngx_cycle is still the configuration before this one */

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
    old = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            old = part->elts;
            i = 0;
        }

        if (old[i].tag == zone->tag
            && old[i].shm.name.len == zone->shm.name.len
            && ngx_strncmp(old[i].shm.name.data, zone->shm.name.data,
                           zone->shm.name.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_WARN, zone->shm.log, 0,
                          "results: the token zone \"%V\" starts empty: "
                          "its size was %uz and is %uz", &zone->shm.name,
                          old[i].shm.size, zone->shm.size);
            return;
        }
    }
}


ngx_http_results_token_e
ngx_http_results_tokens_find(ngx_shm_zone_t *zone, uint32_t realm,
    const u_char *digest, time_t now, results_principal_t *principal)
{
    uint32_t                    hash;
    ngx_http_results_entry_t   *entry;
    ngx_http_results_token_e    found;
    ngx_http_results_tokens_t  *tokens;

    found = NGX_HTTP_RESULTS_TOKEN_MISS;
    tokens = zone->data;
    hash = results_universal_hash(&tokens->key, digest);

    ngx_http_results_tokens_lock(zone);

    entry = ngx_http_results_tokens_lookup(&tokens->good, hash, realm, digest,
                                           now);

    if (entry) {
        *principal = ((ngx_http_results_good_t *) entry)->principal;
        found = NGX_HTTP_RESULTS_TOKEN_HIT;

    } else if (ngx_http_results_tokens_lookup(&tokens->nobody, hash, realm,
                                              digest, now))
    {
        found = NGX_HTTP_RESULTS_TOKEN_NEGATIVE;
    }

    if (ngx_http_results_tokens_damage) {
        found = NGX_HTTP_RESULTS_TOKEN_MISS;
    }

    ngx_http_results_tokens_unlock(zone);

    return found;
}


void
ngx_http_results_tokens_store(ngx_shm_zone_t *zone, uint32_t realm,
    const u_char *digest, time_t now, time_t expires,
    const results_principal_t *principal)
{
    uint32_t                     hash;
    ngx_uint_t                   i;
    ngx_http_results_part_t     *part;
    ngx_http_results_entry_t    *entry, **chain;
    ngx_http_results_tokens_t   *tokens;

    tokens = zone->data;
    hash = results_universal_hash(&tokens->key, digest);

    ngx_http_results_tokens_lock(zone);

    for (i = 0; i < 2; i++) {
        part = i ? &tokens->nobody : &tokens->good;
        entry = ngx_http_results_tokens_lookup(part, hash, realm, digest, now);

        if (entry) {
            ngx_http_results_tokens_remove(part, entry);
        }
    }

    part = principal ? &tokens->good : &tokens->nobody;
    entry = ngx_http_results_tokens_free(tokens, part, now);
    chain = ngx_http_results_tokens_chain(part, hash);

    ngx_memcpy(entry->digest, digest, NGX_HTTP_RESULTS_DIGEST_LEN);
    entry->realm = realm;
    entry->hash = hash;
    entry->next = *chain;

    if (principal) {
        ((ngx_http_results_good_t *) entry)->principal = *principal;
    }

    ngx_http_results_in_order();

    *chain = entry;
    part->used++;

    ngx_queue_remove(&entry->lru);
    ngx_queue_insert_head(&part->lru, &entry->lru);

    ngx_http_results_in_order();

    entry->expires = expires;

    ngx_http_results_tokens_unlock(zone);
}


/* locks the zone, and makes it empty where its last holder died */

static void
ngx_http_results_tokens_lock(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t            *shpool;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    if (tokens->holder) {
        ngx_http_results_tokens_dead = tokens->holder;
        ngx_http_results_tokens_carve(tokens);
        ngx_http_results_in_order();
    }

    tokens->holder = ngx_pid;
    ngx_http_results_in_order();
}


static void
ngx_http_results_tokens_unlock(ngx_shm_zone_t *zone)
{
    ngx_pid_t                   dead;
    const char                 *damage;
    ngx_slab_pool_t            *shpool;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    damage = ngx_http_results_tokens_damage;
    ngx_http_results_tokens_damage = NULL;

    dead = ngx_http_results_tokens_dead;
    ngx_http_results_tokens_dead = 0;

    if (damage) {
        ngx_http_results_tokens_carve(tokens);
    }

    ngx_http_results_in_order();
    tokens->holder = 0;

    ngx_shmtx_unlock(&shpool->mutex);

    if (dead) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "results: the token zone \"%V\" starts empty: process "
                      "%P died while it changed it", &zone->shm.name, dead);
    }

    if (damage) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "results: the token zone \"%V\" starts empty: %s",
                      &zone->shm.name, damage);
    }
}


/* scales the hash from its range to the number of chains, without a division */

static ngx_http_results_entry_t **
ngx_http_results_tokens_chain(ngx_http_results_part_t *part, uint32_t hash)
{
    return &part->chains[((uint64_t) hash * part->capacity) >> 32];
}


/*
 * The valid entry of a digest, which counts as used now; NULL: there is none.
 * An entry that has expired is removed.
 */

static ngx_http_results_entry_t *
ngx_http_results_tokens_lookup(ngx_http_results_part_t *part, uint32_t hash,
    uint32_t realm, const u_char *digest, time_t now)
{
    ngx_uint_t                 n;
    ngx_http_results_entry_t  *entry;

    entry = *ngx_http_results_tokens_chain(part, hash);

    for (n = 0; entry; entry = entry->next) {

        if (n++ == part->capacity) {
            ngx_http_results_tokens_damage = "a chain had no end";
            return NULL;
        }

        if (entry->realm != realm
            || !ngx_http_results_tokens_equal(entry->digest, digest))
        {
            continue;
        }

        if (entry->expires <= now) {
            ngx_http_results_tokens_remove(part, entry);
            return NULL;
        }

        ngx_queue_remove(&entry->lru);
        ngx_queue_insert_head(&part->lru, &entry->lru);

        return entry;
    }

    return NULL;
}


/*
 * An entry that is in no chain: one that was removed, or never used, or the one
 * that was used longest ago, which is removed.
 */

static ngx_http_results_entry_t *
ngx_http_results_tokens_free(ngx_http_results_tokens_t *tokens,
    ngx_http_results_part_t *part, time_t now)
{
    ngx_queue_t               *q;
    ngx_http_results_entry_t  *entry;

    q = ngx_queue_last(&part->lru);
    entry = ngx_queue_data(q, ngx_http_results_entry_t, lru);

    if (q != ngx_queue_sentinel(&part->lru) && entry->expires == 0) {
        return entry;
    }

    if (part->fresh < part->capacity) {
        entry = (ngx_http_results_entry_t *)
                    (part->entries + part->fresh * part->size);

        entry->expires = 0;
        ngx_queue_insert_tail(&part->lru, &entry->lru);
        part->fresh++;

        return entry;
    }

    if (entry->expires > now) {
        tokens->evictions++;
    }

    ngx_http_results_tokens_remove(part, entry);

    return entry;
}


static void
ngx_http_results_tokens_remove(ngx_http_results_part_t *part,
    ngx_http_results_entry_t *entry)
{
    ngx_uint_t                  n;
    ngx_http_results_entry_t  **p;

    entry->expires = 0;
    ngx_http_results_in_order();

    p = ngx_http_results_tokens_chain(part, entry->hash);

    for (n = 0; *p != entry; n++) {

        if (*p == NULL || n == part->capacity) {
            ngx_http_results_tokens_damage = "an entry was not in its chain";
            return;
        }

        p = &(*p)->next;
    }

    *p = entry->next;
    part->used--;

    ngx_queue_remove(&entry->lru);
    ngx_queue_insert_tail(&part->lru, &entry->lru);
}


/* takes the same time whether they differ early or late */

static ngx_uint_t
ngx_http_results_tokens_equal(const u_char *a, const u_char *b)
{
    u_char      diff;
    ngx_uint_t  i;

    diff = 0;

    for (i = 0; i < NGX_HTTP_RESULTS_DIGEST_LEN; i++) {
        diff |= a[i] ^ b[i];
    }

    return diff == 0;
}


void
ngx_http_results_tokens_stat(ngx_shm_zone_t *zone,
    ngx_http_results_tokens_stat_t *stat)
{
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;

    ngx_http_results_tokens_lock(zone);

    stat->entries = tokens->good.used;
    stat->capacity = tokens->good.capacity;
    stat->negative = tokens->nobody.used;
    stat->negative_capacity = tokens->nobody.capacity;
    stat->evictions = tokens->evictions;

    ngx_http_results_tokens_unlock(zone);
}
