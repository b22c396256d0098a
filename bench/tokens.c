
/*
 * tokens MEGABYTES TOKENS LOOKUPS: the time of a hit in the module's token
 * cache, lock, copy and unlock included, with that many live tokens in a zone
 * of that size, looked up in no order.  The source of the cache is the
 * module's; nginx's shared memory is memory here, and its mutex the same
 * atomic operation.  Prints one line of JSON.
 */

#include "../t/unit/zone.h"
#include "ngx_http_results_tokens.c"


/* splitmix64: a digest of a number, spread as SHA-256 spreads */
static void
digest_of(uint64_t number, u_char *digest)
{
    int       i;
    uint64_t  z;

    for (i = 0; i < 4; i++) {
        number += 0x9e3779b97f4a7c15;
        z = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        z ^= z >> 31;
        memcpy(digest + i * 8, &z, 8);
    }
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1e9 + ts.tv_nsec;
}


int
main(int argc, char **argv)
{
    u_char                          digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    double                          start, digests, all;
    uint64_t                        i, tokens, lookups, hits, sum;
    ngx_shm_zone_t                  zone;
    results_principal_t             principal;
    ngx_http_results_tokens_stat_t  stat;

    if (argc != 4) {
        return 1;
    }

    tokens = strtoul(argv[2], NULL, 10);
    lookups = strtoul(argv[3], NULL, 10);

    memset(&principal, 0, sizeof(principal));

    zone_make(&zone, strtoul(argv[1], NULL, 10) * 1024 * 1024);

    if (ngx_http_results_tokens_init_zone(&zone, NULL) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < tokens; i++) {
        digest_of(i, digest);
        ngx_http_results_tokens_store(&zone, 1, digest, 0, 1, &principal);
    }

    start = now();
    sum = 0;

    for (i = 0; i < lookups; i++) {
        digest_of(i * 7919 % tokens, digest);
        sum += digest[0];
    }

    digests = now() - start;
    start = now();
    hits = 0;

    for (i = 0; i < lookups; i++) {
        digest_of(i * 7919 % tokens, digest);
        hits += ngx_http_results_tokens_find(&zone, 1, digest, 0, &principal)
                == NGX_HTTP_RESULTS_TOKEN_HIT;
    }

    all = now() - start;

    ngx_http_results_tokens_stat(&zone, &stat);

    printf("{\"capacity\": %lu, \"entries\": %lu, \"evictions\": %lu, "
           "\"hits\": %lu, \"ns\": %.1f, \"check\": %lu}\n",
           (unsigned long) stat.capacity, (unsigned long) stat.entries,
           (unsigned long) stat.evictions, (unsigned long) hits,
           (all - digests) / lookups, (unsigned long) sum);

    return 0;
}
