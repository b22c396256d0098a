
/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012, with the rounds that Rust and
 * Python use for their tables), for data that is a whole number of words.
 */

#include <sys/random.h>

#include "results_siphash.h"


#define results_siphash_rotate(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))

#define results_siphash_round(v0, v1, v2, v3)                                 \
    v0 += v1;                                                                 \
    v2 += v3;                                                                 \
    v1 = results_siphash_rotate(v1, 13) ^ v0;                                 \
    v3 = results_siphash_rotate(v3, 16) ^ v2;                                 \
    v0 = results_siphash_rotate(v0, 32);                                      \
    v2 += v1;                                                                 \
    v0 += v3;                                                                 \
    v1 = results_siphash_rotate(v1, 17) ^ v2;                                 \
    v3 = results_siphash_rotate(v3, 21) ^ v0;                                 \
    v2 = results_siphash_rotate(v2, 32)


int
results_siphash_key(results_siphash_key_t *key)
{
    return getrandom(key, sizeof(*key), 0) == (ssize_t) sizeof(*key) ? 0 : -1;
}


uint64_t
results_siphash(const results_siphash_key_t *key, const uint64_t *words,
    size_t n)
{
    size_t    i;
    uint64_t  v0, v1, v2, v3, last;

    v0 = key->k[0] ^ 0x736f6d6570736575;
    v1 = key->k[1] ^ 0x646f72616e646f6d;
    v2 = key->k[0] ^ 0x6c7967656e657261;
    v3 = key->k[1] ^ 0x7465646279746573;

    for (i = 0; i < n; i++) {
        v3 ^= words[i];
        results_siphash_round(v0, v1, v2, v3);
        v0 ^= words[i];
    }

    /* the last word: the length in bytes, and no remaining bytes */

    last = (uint64_t) n * 8 << 56;

    v3 ^= last;
    results_siphash_round(v0, v1, v2, v3);
    v0 ^= last;

    v2 ^= 0xff;
    results_siphash_round(v0, v1, v2, v3);
    results_siphash_round(v0, v1, v2, v3);
    results_siphash_round(v0, v1, v2, v3);

    return v0 ^ v1 ^ v2 ^ v3;
}
