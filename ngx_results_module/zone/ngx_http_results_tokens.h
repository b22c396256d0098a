
/*
 * The token cache in shared memory: SHA-256 digest of an access token ->
 * principal, or "nobody".  Entries are of one size, carved once from the
 * zone; buckets and LRU queues link them; nothing is allocated while serving.
 * "Nobody" entries live in a part and an LRU of their own, so that a flood of
 * unknown tokens pushes out no good one.  The zone keeps no token and no
 * pointer to process memory.
 */

#ifndef NGX_HTTP_RESULTS_TOKENS_H
#define NGX_HTTP_RESULTS_TOKENS_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "results_principal.h"
#include "results_time.h"


#define NGX_HTTP_RESULTS_DIGEST_LEN  32


typedef enum {
    NGX_HTTP_RESULTS_TOKEN_MISS = 0,
    NGX_HTTP_RESULTS_TOKEN_HIT,
    NGX_HTTP_RESULTS_TOKEN_NEGATIVE
} ngx_http_results_token_e;


typedef struct {
    ngx_uint_t              entries;        /* live ones */
    ngx_uint_t              capacity;
    ngx_uint_t              negative;
    ngx_uint_t              negative_capacity;
    ngx_uint_t              evictions;      /* of entries not yet expired */
} ngx_http_results_tokens_stat_t;


/*
 * Registers the zone, at configuration time; data is what the others take.
 * NULL with the error logged.
 */
ngx_shm_zone_t *ngx_http_results_tokens_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);

/*
 * Seconds of the clock that entries expire by.  Nobody sets it: were it the
 * system's, set back an hour, a revoked token would be good for one more.
 */
#define ngx_http_results_tokens_now()                                         \
    ((time_t) (results_time_monotonic() / 1000000))

/*
 * Looks up a digest of a store (realm: one number a store) and copies the
 * principal out on a HIT.
 */
ngx_http_results_token_e ngx_http_results_tokens_find(ngx_shm_zone_t *zone,
    uint32_t realm, const u_char *digest, time_t now,
    results_principal_t *principal);

/*
 * Stores a principal, or, with NULL, that the token is nobody's, until
 * `expires` (seconds); replaces what was there.
 */
void ngx_http_results_tokens_store(ngx_shm_zone_t *zone, uint32_t realm,
    const u_char *digest, time_t now, time_t expires,
    const results_principal_t *principal);

void ngx_http_results_tokens_stat(ngx_shm_zone_t *zone,
    ngx_http_results_tokens_stat_t *stat);


#endif /* NGX_HTTP_RESULTS_TOKENS_H */
