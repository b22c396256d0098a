
/*
 * The token cache in shared memory.  It knows of an access token, by its
 * SHA-256 digest, which principal it stands for, or that it is unknown to the
 * database (a negative entry).  Entries expire, and where there is no room the
 * one that was used longest ago is replaced.  Negative entries have a part of
 * the zone of their own, so that a flood of unknown tokens replaces no good
 * one.  The zone holds no token, and no pointer to a process's memory.
 *
 * All workers use it at the same time.  Each call locks the zone, and none
 * waits for anything else.  zone is what _tokens_add() returned.
 */

#ifndef NGX_HTTP_RESULTS_TOKENS_H
#define NGX_HTTP_RESULTS_TOKENS_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "results_principal.h"
#include "results_time.h"


#define NGX_HTTP_RESULTS_DIGEST_LEN  32


typedef enum {
    NGX_HTTP_RESULTS_TOKEN_MISS = 0,  /* not in the cache */
    NGX_HTTP_RESULTS_TOKEN_HIT,
    NGX_HTTP_RESULTS_TOKEN_NEGATIVE   /* the database did not know it */
} ngx_http_results_token_e;


typedef struct {
    ngx_uint_t              entries;        /* of principals, some of which
                                               may have expired */
    ngx_uint_t              capacity;       /* for those */
    ngx_uint_t              negative;       /* negative ones, likewise */
    ngx_uint_t              negative_capacity;
    ngx_uint_t              evictions;      /* entries of both kinds that were
                                               replaced before they expired */
} ngx_http_results_tokens_stat_t;


/*
 * Registers a zone of that name and size in bytes while the configuration is
 * read.  tag is the module's address, as for ngx_shared_memory_add().  NULL
 * with the error logged.
 */
ngx_shm_zone_t *ngx_http_results_tokens_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);

/*
 * The time in seconds for `now` and `expires` below: that of a clock that can
 * not be set.  By the system's time, a token that was revoked would be good for
 * an hour longer where the clock is set back by an hour.
 */
#define ngx_http_results_tokens_now()                                         \
    ((time_t) (results_time_monotonic() / 1000000))

/*
 * Looks up a digest of NGX_HTTP_RESULTS_DIGEST_LEN bytes.  realm is conf->realm
 * of the store that the token would be good for.  On a HIT the principal is
 * copied to *principal, which otherwise stays as it is.
 */
ngx_http_results_token_e ngx_http_results_tokens_find(ngx_shm_zone_t *zone,
    uint32_t realm, const u_char *digest, time_t now,
    results_principal_t *principal);

/*
 * Keeps until `expires` that the token stands for a principal, which is copied,
 * or, with NULL, that it is unknown.  Replaces what was known of it.  Can not
 * fail: the cache may forget any entry at any time.
 */
void ngx_http_results_tokens_store(ngx_shm_zone_t *zone, uint32_t realm,
    const u_char *digest, time_t now, time_t expires,
    const results_principal_t *principal);

/* fills in stat */
void ngx_http_results_tokens_stat(ngx_shm_zone_t *zone,
    ngx_http_results_tokens_stat_t *stat);


#endif /* NGX_HTTP_RESULTS_TOKENS_H */
