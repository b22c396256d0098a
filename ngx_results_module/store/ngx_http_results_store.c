
/*
 * A store has a batcher with a pool of writers, and lookups and reads, which
 * share a pool of readers.  This file ties them together and decides nothing
 * by itself.
 */

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_connection_params.h"
#include "ngx_http_results_counters.h"
#include "ngx_http_results_lookups.h"
#include "ngx_http_results_reads.h"


struct ngx_http_results_store_s {
    ngx_http_results_batcher_t  batcher;
    ngx_http_results_pool_t     readers;
    ngx_http_results_lookups_t  lookups;
    ngx_http_results_reads_t    reads;
    size_t                      held;       /* bytes, see _store_hold() */
};


static ngx_int_t ngx_http_results_readers_init(
    ngx_http_results_store_t *store, ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf);
static ngx_uint_t ngx_http_results_readers_wanted(
    ngx_http_results_pool_t *pool);
static void ngx_http_results_readers_available(ngx_http_results_pool_t *pool);
static void ngx_http_results_readers_shutdown(ngx_http_results_pool_t *pool);
static void ngx_http_results_store_opened(ngx_http_results_pool_t *pool);
static void ngx_http_results_store_doubt(ngx_http_results_pool_t *pool);


char *
ngx_http_results_store_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf)
{
    uint32_t  realm;

    /*
     * Stores share the token cache, and a cached token is only good for the
     * store that it was looked up in.  The conninfo is a part of the number, so
     * that a store whose database was replaced by another one under the same
     * name finds none of its old tokens.
     */

    ngx_crc32_init(realm);
    ngx_crc32_update(&realm, conf->name.data, conf->name.len);
    ngx_crc32_update(&realm, (u_char *) "\n", 1);
    ngx_crc32_update(&realm, conf->conninfo.data, conf->conninfo.len);
    ngx_crc32_final(realm);

    conf->realm = realm;

    return ngx_http_results_connection_params(cf, conf);
}


ngx_int_t
ngx_http_results_store_init_process(ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf)
{
    ngx_http_results_store_t  *store;

    store = ngx_pcalloc(cycle->pool, sizeof(ngx_http_results_store_t));
    if (store == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_results_batcher_init(&store->batcher, cycle, conf) != NGX_OK
        || ngx_http_results_readers_init(store, cycle, conf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    store->batcher.pool.opened = ngx_http_results_store_opened;
    store->readers.opened = ngx_http_results_store_opened;

    store->batcher.pool.doubt = ngx_http_results_store_doubt;
    store->readers.doubt = ngx_http_results_store_doubt;

    conf->store = store;

    return NGX_OK;
}


void
ngx_http_results_store_exit_process(ngx_http_results_store_conf_t *conf)
{
    if (conf->store == NULL) {
        return;
    }

    ngx_http_results_batcher_exit(&conf->store->batcher);
    ngx_http_results_lookups_exit(&conf->store->lookups);
    ngx_http_results_reads_exit(&conf->store->reads);

    ngx_http_results_pool_close(&conf->store->readers);
}


static ngx_int_t
ngx_http_results_readers_init(ngx_http_results_store_t *store,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf)
{
    ngx_uint_t                i, statements;
    ngx_http_results_pool_t  *pool;

    pool = &store->readers;

    pool->conf = conf;
    pool->name = "reader";
    pool->trouble = &ngx_http_results_store_counters(conf)->reader_trouble;
    pool->data = store;
    pool->wanted = ngx_http_results_readers_wanted;
    pool->available = ngx_http_results_readers_available;
    pool->shutdown = ngx_http_results_readers_shutdown;

    statements = 1u << NGX_HTTP_RESULTS_LOOKUP_TOKENS;

    for (i = NGX_HTTP_RESULTS_READ; i < NGX_HTTP_RESULTS_STATEMENTS; i++) {
        statements |= 1u << i;
    }

    if (ngx_http_results_pool_init(pool, cycle, conf->readers, statements)
        != NGX_OK
        || ngx_http_results_lookups_init(&store->lookups, cycle, conf, pool)
           != NGX_OK
        || ngx_http_results_reads_init(&store->reads, cycle, conf, pool)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_results_pool_grow(pool);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_results_readers_wanted(ngx_http_results_pool_t *pool)
{
    ngx_http_results_store_t  *store;

    store = pool->data;

    return ngx_http_results_lookups_wait(&store->lookups)
           || !ngx_queue_empty(&store->reads.waiting);
}


/* lookups are posted first: a request can do nothing without its token */

static void
ngx_http_results_readers_available(ngx_http_results_pool_t *pool)
{
    ngx_http_results_store_t  *store;

    store = pool->data;

    ngx_post_event(&store->lookups.flush, &ngx_posted_events);
    ngx_post_event(&store->reads.flush, &ngx_posted_events);
}


static void
ngx_http_results_readers_shutdown(ngx_http_results_pool_t *pool)
{
    ngx_http_results_store_t  *store;

    store = pool->data;

    ngx_http_results_lookups_fail(&store->lookups, 1);
    ngx_http_results_reads_fail(&store->reads, 1);
}


/* a server that accepts a connection of one pool accepts the other's */

static void
ngx_http_results_store_opened(ngx_http_results_pool_t *pool)
{
    ngx_http_results_store_t  *store;

    store = pool->conf->store;

    ngx_http_results_pool_hurry(&store->batcher.pool);
    ngx_http_results_pool_hurry(&store->readers);
}


/* writers and readers have the same server: both pools are in doubt */

static void
ngx_http_results_store_doubt(ngx_http_results_pool_t *pool)
{
    ngx_http_results_store_t  *store;

    store = pool->conf->store;

    ngx_http_results_pool_doubt(&store->batcher.pool);
    ngx_http_results_pool_doubt(&store->readers);
}


ngx_http_results_taken_e
ngx_http_results_store_ready(ngx_http_results_store_t *store,
    int32_t institution_id, ngx_uint_t nrecords, size_t size)
{
    return ngx_http_results_batcher_ready(&store->batcher, institution_id,
                                          nrecords, size);
}


ngx_http_results_taken_e
ngx_http_results_store_write(ngx_http_results_store_t *store,
    ngx_http_results_group_t *group)
{
    group->store = store;

    return ngx_http_results_batcher_write(&store->batcher, group);
}


void
ngx_http_results_store_abandon(ngx_http_results_group_t *group)
{
    ngx_http_results_batcher_abandon(&group->store->batcher, group);
}


void
ngx_http_results_store_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup)
{
    ngx_http_results_lookups_ask(&store->lookups, lookup);
}


void
ngx_http_results_store_cancel_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup)
{
    ngx_http_results_lookups_cancel(&store->lookups, lookup);
}


ngx_int_t
ngx_http_results_store_read(ngx_http_results_store_t *store,
    ngx_http_results_read_t *read)
{
    read->store = store;

    return ngx_http_results_reads_ask(&store->reads, read);
}


ngx_http_results_taken_e
ngx_http_results_store_hold(ngx_http_results_store_t *store, size_t size)
{
    size_t  max;

    max = store->batcher.conf->queue_size;

    if (size > max) {
        return NGX_HTTP_RESULTS_TOO_LARGE;
    }

    if (store->held + size > max) {
        return NGX_HTTP_RESULTS_QUEUE_FULL;
    }

    store->held += size;

    return NGX_HTTP_RESULTS_TAKEN;
}


void
ngx_http_results_store_release(ngx_http_results_store_t *store, size_t size)
{
    store->held -= size;
}


void
ngx_http_results_store_cancel_read(ngx_http_results_read_t *read)
{
    ngx_http_results_reads_cancel(&read->store->reads, read);
}


const char *
ngx_http_results_store_unready(ngx_http_results_store_conf_t *conf)
{
    const char  *reason;

    reason = ngx_http_results_pool_unready(&conf->store->batcher.pool);

    return reason ? reason
                  : ngx_http_results_pool_unready(&conf->store->readers);
}
