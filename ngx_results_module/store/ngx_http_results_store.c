
/*
 * A store is a batcher with its writers and the lookups with their readers;
 * this file only ties them together.
 */

#include "ngx_http_results_batcher.h"
#include "ngx_http_results_connection_params.h"
#include "ngx_http_results_lookups.h"


struct ngx_http_results_store_s {
    ngx_http_results_batcher_t  batcher;
    ngx_http_results_lookups_t  lookups;
};


char *
ngx_http_results_store_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf)
{
    uint32_t  realm;

    /*
     * A token of one store is nobody's in another; a store that became
     * another database under its old name starts with no token either.
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
        || ngx_http_results_lookups_init(&store->lookups, cycle, conf)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

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
}


ngx_int_t
ngx_http_results_store_ready(ngx_http_results_store_t *store,
    ngx_uint_t nrecords, size_t size)
{
    return ngx_http_results_batcher_ready(&store->batcher, nrecords, size);
}


ngx_int_t
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


int64_t
ngx_http_results_store_stamp(ngx_http_results_store_t *store)
{
    return ngx_http_results_batcher_stamp(&store->batcher);
}
