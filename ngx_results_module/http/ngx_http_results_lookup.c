
/*
 * Tokens that are not in the cache.  For each such token a worker has one
 * lookup in flight, and all requests with that token wait for it: together they
 * are a "flight".  It is allocated on the heap by its first request, and freed
 * when the answer has been passed on, or when its last request has left before.
 */

#include "ngx_http_results.h"


/* requests of a worker that may wait for lookups */
#define NGX_HTTP_RESULTS_WAITING_MAX  4096

#define NGX_HTTP_RESULTS_FLIGHT_KEY                                           \
    (sizeof(uint32_t) + NGX_HTTP_RESULTS_DIGEST_LEN)


struct ngx_http_results_flight_s {
    ngx_str_node_t                  sn;         /* first: the tree's node */
    u_char                          key[NGX_HTTP_RESULTS_FLIGHT_KEY];
    ngx_queue_t                     requests;   /* by ctx->queue */
    ngx_http_results_main_conf_t   *mcf;
    ngx_http_results_store_conf_t  *store;
    ngx_http_results_lookup_t       lookup;
    unsigned                        landed:1;
};


static ngx_http_results_flight_t *ngx_http_results_flight(
    ngx_http_request_t *r, const u_char *digest);
static void ngx_http_results_lookup_cleanup(void *data);
static void ngx_http_results_lookup_leave(ngx_http_results_ctx_t *ctx);
static void ngx_http_results_looked_up(ngx_http_results_lookup_t *lookup,
    const results_principal_t *principal, ngx_int_t ttl);
static void ngx_http_results_cache(ngx_http_results_flight_t *flight,
    const results_principal_t *principal, ngx_int_t ttl);


static ngx_rbtree_t       ngx_http_results_flights;
static ngx_rbtree_node_t  ngx_http_results_sentinel;
static ngx_uint_t         ngx_http_results_waiting;


void
ngx_http_results_lookup_init_process(void)
{
    ngx_rbtree_init(&ngx_http_results_flights, &ngx_http_results_sentinel,
                    ngx_str_rbtree_insert_value);
}


ngx_int_t
ngx_http_results_lookup(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx,
    const u_char *digest)
{
    ngx_http_cleanup_t         *cln;
    ngx_http_results_flight_t  *flight;

    if (ngx_http_results_waiting == NGX_HTTP_RESULTS_WAITING_MAX) {
        return NGX_BUSY;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    flight = ngx_http_results_flight(r, digest);
    if (flight == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&flight->requests, &ctx->queue);
    ngx_http_results_waiting++;

    cln->handler = ngx_http_results_lookup_cleanup;
    cln->data = ctx;

    ctx->flight = flight;
    ctx->auth = NGX_HTTP_RESULTS_AUTH_PENDING;

    return NGX_OK;
}


/* the flight of a digest, started where there is none */

static ngx_http_results_flight_t *
ngx_http_results_flight(ngx_http_request_t *r, const u_char *digest)
{
    u_char                        key[NGX_HTTP_RESULTS_FLIGHT_KEY];
    uint32_t                      hash;
    ngx_str_t                     str;
    ngx_http_results_flight_t    *flight;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    ngx_memcpy(key, &lcf->store->realm, sizeof(uint32_t));
    ngx_memcpy(key + sizeof(uint32_t), digest, NGX_HTTP_RESULTS_DIGEST_LEN);
    ngx_memcpy(&hash, digest, sizeof(uint32_t));

    str.data = key;
    str.len = NGX_HTTP_RESULTS_FLIGHT_KEY;

    flight = (ngx_http_results_flight_t *)
                 ngx_str_rbtree_lookup(&ngx_http_results_flights, &str, hash);

    if (flight) {
        return flight;
    }

    flight = ngx_calloc(sizeof(ngx_http_results_flight_t),
                        r->connection->log);
    if (flight == NULL) {
        return NULL;
    }

    ngx_memcpy(flight->key, key, NGX_HTTP_RESULTS_FLIGHT_KEY);
    flight->sn.node.key = hash;
    flight->sn.str.data = flight->key;
    flight->sn.str.len = NGX_HTTP_RESULTS_FLIGHT_KEY;

    ngx_rbtree_insert(&ngx_http_results_flights, &flight->sn.node);
    ngx_queue_init(&flight->requests);

    flight->mcf = ngx_http_get_module_main_conf(r, ngx_http_results_module);
    flight->store = lcf->store;

    ngx_memcpy(flight->lookup.digest, digest, NGX_HTTP_RESULTS_DIGEST_LEN);
    flight->lookup.handler = ngx_http_results_looked_up;
    flight->lookup.data = flight;

    ngx_http_results_store_lookup(lcf->store->store, &flight->lookup);

    return flight;
}


/* the request ends, and may still wait for an answer */

static void
ngx_http_results_lookup_cleanup(void *data)
{
    ngx_http_results_ctx_t  *ctx = data;

    if (ctx->flight) {
        ngx_http_results_lookup_leave(ctx);
    }
}


static void
ngx_http_results_lookup_leave(ngx_http_results_ctx_t *ctx)
{
    ngx_http_results_flight_t  *flight;

    flight = ctx->flight;

    ngx_queue_remove(&ctx->queue);
    ngx_http_results_waiting--;
    ctx->flight = NULL;

    /* one that has landed is freed by looked_up(), which has called us */

    /* who is in a queue has a flight: NOLINTNEXTLINE(*-core.NullDereference) */
    if (!ngx_queue_empty(&flight->requests) || flight->landed) {
        return;
    }

    ngx_http_results_store_cancel_lookup(flight->store->store,
                                         &flight->lookup);
    ngx_rbtree_delete(&ngx_http_results_flights, &flight->sn.node);
    ngx_free(flight);
}


static void
ngx_http_results_looked_up(ngx_http_results_lookup_t *lookup,
    const results_principal_t *principal, ngx_int_t ttl)
{
    ngx_queue_t                *q;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_results_ctx_t     *ctx;
    ngx_http_results_flight_t  *flight;

    flight = lookup->data;

    flight->landed = 1;
    ngx_rbtree_delete(&ngx_http_results_flights, &flight->sn.node);

    ngx_http_results_cache(flight, principal, ttl);

    /* each time the first: a request that goes on may end others, which then
       leave the queue */

    while (!ngx_queue_empty(&flight->requests)) {

        q = ngx_queue_head(&flight->requests);
        ctx = ngx_queue_data(q, ngx_http_results_ctx_t, queue);

        ngx_http_results_lookup_leave(ctx);

        if (principal) {
            ctx->principal = *principal;
            ctx->auth = NGX_HTTP_RESULTS_AUTH_OK;

        } else {
            ctx->auth = (ttl < 0) ? NGX_HTTP_RESULTS_AUTH_DOWN
                                  : NGX_HTTP_RESULTS_AUTH_UNKNOWN;
        }

        r = ctx->request;
        c = r->connection;

        if (ngx_http_results_resume(r) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

        } else {
            r->write_event_handler = ngx_http_core_run_phases;
            ngx_http_core_run_phases(r);
        }

        /* r may be gone, c is not */

        ngx_http_run_posted_requests(c);
    }

    ngx_free(flight);
}


/* caches the answer, unless it says that nothing is known */

static void
ngx_http_results_cache(ngx_http_results_flight_t *flight,
    const results_principal_t *principal, ngx_int_t ttl)
{
    time_t  now, keep;

    if (principal == NULL && ttl < 0) {
        return;
    }

    now = ngx_http_results_tokens_now();
    keep = principal ? ngx_min(flight->mcf->ttl, ttl)
                     : flight->mcf->negative_ttl;

    ngx_http_results_tokens_store(flight->mcf->tokens, flight->store->realm,
                                  flight->lookup.digest, now, now + keep,
                                  principal);
}
