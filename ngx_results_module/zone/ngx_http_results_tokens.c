
/*
 * The token cache: two parts, one of principals and one of digests that are
 * nobody's, each a hash of chains and an LRU queue over entries of one size.
 * All of it is carved from the zone at its first use and nothing is allocated
 * or freed later: an entry that is in no chain waits at the LRU's end.
 *
 * The slab pool's own mutex guards both parts, since that is the one which
 * the master unlocks after a worker that crashed.  No function that holds it
 * logs, allocates or returns early.
 */

#include "ngx_http_results_tokens.h"


#define NGX_HTTP_RESULTS_TOKENS_MAGIC  0x746f6b31

/* one page in eight is for digests that are nobody's */
#define NGX_HTTP_RESULTS_NEGATIVE_SHARE  8


typedef struct ngx_http_results_entry_s  ngx_http_results_entry_t;

struct ngx_http_results_entry_s {
    ngx_queue_t                lru;
    ngx_http_results_entry_t  *next;        /* of its chain */
    time_t                     expires;
    uint32_t                   realm;
    uint32_t                   chained;     /* is in a chain */
    u_char                     digest[NGX_HTTP_RESULTS_DIGEST_LEN];
};


typedef struct {
    ngx_http_results_entry_t   entry;       /* first: they are cast */
    results_principal_t        principal;
} ngx_http_results_good_t;


typedef struct {
    ngx_queue_t                lru;         /* the latest used comes first */
    ngx_http_results_entry_t **chains;
    ngx_uint_t                 capacity;    /* entries, and chains */
    ngx_uint_t                 used;
} ngx_http_results_part_t;


typedef struct {
    ngx_uint_t                 magic;
    ngx_uint_t                 size;        /* of an entry */
    ngx_uint_t                 evictions;
    ngx_http_results_part_t    good;
    ngx_http_results_part_t    nobody;
} ngx_http_results_tokens_t;


static ngx_int_t ngx_http_results_tokens_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_results_tokens_carve(ngx_slab_pool_t *shpool,
    ngx_http_results_part_t *part, ngx_uint_t pages, size_t size);
static void ngx_http_results_tokens_log_size(ngx_shm_zone_t *zone);
static ngx_http_results_entry_t *ngx_http_results_tokens_lookup(
    ngx_http_results_part_t *part, uint32_t realm, const u_char *digest,
    time_t now);
static ngx_http_results_entry_t *ngx_http_results_tokens_insert(
    ngx_http_results_tokens_t *tokens, ngx_http_results_part_t *part,
    uint32_t realm, const u_char *digest, time_t now);
static void ngx_http_results_tokens_remove(ngx_http_results_part_t *part,
    ngx_http_results_entry_t *entry);
static ngx_http_results_entry_t **ngx_http_results_tokens_chain(
    ngx_http_results_part_t *part, const u_char *digest);
static ngx_uint_t ngx_http_results_tokens_equal(const u_char *a,
    const u_char *b);


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

        if (tokens->magic != NGX_HTTP_RESULTS_TOKENS_MAGIC
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

    tokens->magic = NGX_HTTP_RESULTS_TOKENS_MAGIC;
    tokens->size = sizeof(ngx_http_results_good_t);

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

    if (ngx_http_results_tokens_carve(shpool, &tokens->nobody, share,
                                      sizeof(ngx_http_results_entry_t))
        != NGX_OK
        || ngx_http_results_tokens_carve(shpool, &tokens->good, pages - share,
                                         sizeof(ngx_http_results_good_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    shpool->data = tokens;
    zone->data = tokens;

    ngx_http_results_tokens_log_size(zone);

    return NGX_OK;
}


/* turns whole pages into entries of a size, and as many chains */

static ngx_int_t
ngx_http_results_tokens_carve(ngx_slab_pool_t *shpool,
    ngx_http_results_part_t *part, ngx_uint_t pages, size_t size)
{
    u_char                    *p;
    ngx_uint_t                 i;
    ngx_http_results_entry_t  *entry;

    p = ngx_slab_calloc(shpool, pages * ngx_pagesize);
    if (p == NULL) {
        return NGX_ERROR;
    }

    part->capacity = pages * ngx_pagesize
                     / (size + sizeof(ngx_http_results_entry_t *));
    part->chains = (ngx_http_results_entry_t **) (p + part->capacity * size);

    ngx_queue_init(&part->lru);

    for (i = 0; i < part->capacity; i++) {
        entry = (ngx_http_results_entry_t *) (p + i * size);
        ngx_queue_insert_tail(&part->lru, &entry->lru);
    }

    return NGX_OK;
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
    ngx_slab_pool_t            *shpool;
    ngx_http_results_entry_t   *entry;
    ngx_http_results_token_e    found;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;
    found = NGX_HTTP_RESULTS_TOKEN_MISS;

    ngx_shmtx_lock(&shpool->mutex);

    entry = ngx_http_results_tokens_lookup(&tokens->good, realm, digest, now);

    if (entry) {
        *principal = ((ngx_http_results_good_t *) entry)->principal;
        found = NGX_HTTP_RESULTS_TOKEN_HIT;

    } else if (ngx_http_results_tokens_lookup(&tokens->nobody, realm, digest,
                                              now))
    {
        found = NGX_HTTP_RESULTS_TOKEN_NEGATIVE;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return found;
}


void
ngx_http_results_tokens_store(ngx_shm_zone_t *zone, uint32_t realm,
    const u_char *digest, time_t now, time_t expires,
    const results_principal_t *principal)
{
    ngx_slab_pool_t            *shpool;
    ngx_http_results_part_t    *part, *other;
    ngx_http_results_entry_t   *entry;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;
    part = principal ? &tokens->good : &tokens->nobody;
    other = principal ? &tokens->nobody : &tokens->good;

    ngx_shmtx_lock(&shpool->mutex);

    entry = ngx_http_results_tokens_lookup(other, realm, digest, now);

    if (entry) {
        ngx_http_results_tokens_remove(other, entry);
    }

    entry = ngx_http_results_tokens_lookup(part, realm, digest, now);

    if (entry == NULL) {
        entry = ngx_http_results_tokens_insert(tokens, part, realm, digest,
                                               now);
    }

    entry->expires = expires;

    if (principal) {
        ((ngx_http_results_good_t *) entry)->principal = *principal;
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


/* the live entry of a digest, now the latest used; an expired one is dropped */

static ngx_http_results_entry_t *
ngx_http_results_tokens_lookup(ngx_http_results_part_t *part, uint32_t realm,
    const u_char *digest, time_t now)
{
    ngx_http_results_entry_t  *entry;

    for (entry = *ngx_http_results_tokens_chain(part, digest);
         entry;
         entry = entry->next)
    {
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


static ngx_http_results_entry_t *
ngx_http_results_tokens_insert(ngx_http_results_tokens_t *tokens,
    ngx_http_results_part_t *part, uint32_t realm, const u_char *digest,
    time_t now)
{
    ngx_queue_t                *q;
    ngx_http_results_entry_t   *entry, **chain;

    q = ngx_queue_last(&part->lru);
    entry = ngx_queue_data(q, ngx_http_results_entry_t, lru);

    if (entry->chained) {

        if (entry->expires > now) {
            tokens->evictions++;
        }

        ngx_http_results_tokens_remove(part, entry);
    }

    ngx_memcpy(entry->digest, digest, NGX_HTTP_RESULTS_DIGEST_LEN);
    entry->realm = realm;
    entry->chained = 1;

    chain = ngx_http_results_tokens_chain(part, digest);
    entry->next = *chain;
    *chain = entry;

    ngx_queue_remove(&entry->lru);
    ngx_queue_insert_head(&part->lru, &entry->lru);

    part->used++;

    return entry;
}


static void
ngx_http_results_tokens_remove(ngx_http_results_part_t *part,
    ngx_http_results_entry_t *entry)
{
    ngx_http_results_entry_t  **p;

    p = ngx_http_results_tokens_chain(part, entry->digest);

    while (*p != entry) {
        p = &(*p)->next;
    }

    *p = entry->next;
    entry->chained = 0;

    ngx_queue_remove(&entry->lru);
    ngx_queue_insert_tail(&part->lru, &entry->lru);

    part->used--;
}


/* a SHA-256 is evenly spread, and nobody chooses where one falls */

static ngx_http_results_entry_t **
ngx_http_results_tokens_chain(ngx_http_results_part_t *part,
    const u_char *digest)
{
    uint64_t  hash;

    ngx_memcpy(&hash, digest, sizeof(uint64_t));

    return &part->chains[hash % part->capacity];
}


/* in a time that does not tell how far they agree */

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
    ngx_slab_pool_t            *shpool;
    ngx_http_results_tokens_t  *tokens;

    tokens = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    stat->entries = tokens->good.used;
    stat->capacity = tokens->good.capacity;
    stat->negative = tokens->nobody.used;
    stat->negative_capacity = tokens->nobody.capacity;
    stat->evictions = tokens->evictions;

    ngx_shmtx_unlock(&shpool->mutex);
}
