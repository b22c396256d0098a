
/*
 * The token zone: where tokens fall, and what is found in a zone that a
 * process died in, or that is damaged.  What a zone is like at every store
 * that a worker can be killed at: t/faults/killed.t.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "zone.h"
#include "ngx_http_results_tokens.c"


#define REALM  1
#define NOW    100
#define LATER  200


static ngx_shm_zone_t              zone;
static ngx_http_results_tokens_t  *tokens;


static void
make(size_t size)
{
    zone_make(&zone, size);
    assert_int_equal(ngx_http_results_tokens_init_zone(&zone, NULL), NGX_OK);

    tokens = zone.data;
    zone_log[0] = '\0';
}


/* the digest number n of those that agree in the first word, modulo m */

static void
digest_of(uint64_t n, uint64_t m, u_char *digest)
{
    uint64_t  words[4];

    words[0] = n * m;
    words[1] = n;
    words[2] = words[3] = 0;

    memcpy(digest, words, sizeof(words));
}


static void
store(uint64_t n, ngx_uint_t good)
{
    u_char               digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    results_principal_t  principal;

    memset(&principal, 0, sizeof(principal));
    principal.institution_id = (int32_t) n;

    digest_of(n, 1, digest);
    ngx_http_results_tokens_store(&zone, REALM, digest, NOW, LATER,
                                  good ? &principal : NULL);
}


static ngx_http_results_token_e
find(uint64_t n)
{
    u_char                    digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    results_principal_t       principal;
    ngx_http_results_token_e  found;

    digest_of(n, 1, digest);
    found = ngx_http_results_tokens_find(&zone, REALM, digest, NOW,
                                         &principal);

    if (found == NGX_HTTP_RESULTS_TOKEN_HIT) {
        assert_int_equal(principal.institution_id, n);
    }

    return found;
}


static ngx_uint_t
longest_chain(ngx_http_results_part_t *part)
{
    ngx_uint_t                 i, n, longest;
    ngx_http_results_entry_t  *entry;

    longest = 0;

    for (i = 0; i < part->capacity; i++) {
        n = 0;

        for (entry = part->chains[i]; entry; entry = entry->next) {
            n++;
        }

        longest = ngx_max(longest, n);
    }

    return longest;
}


static void
a_flood_does_not_choose_its_chain(void **state)
{
    u_char      digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    uint64_t    i;
    ngx_uint_t  n, round;

    (void) state;

    /* two zones have not the same key */

    for (round = 0; round < 2; round++) {
        make(1024 * 1024);
        n = tokens->nobody.capacity;

        for (i = 0; i < n; i++) {
            digest_of(i, n, digest);
            ngx_http_results_tokens_store(&zone, REALM, digest, NOW, LATER,
                                          NULL);
        }

        assert_int_equal(tokens->nobody.used, n);
        assert_in_range(longest_chain(&tokens->nobody), 1, 64);
    }
}


static void
every_entry_is_used(void **state)
{
    ngx_uint_t  i, n, hits;

    (void) state;

    make(64 * 1024);
    n = tokens->good.capacity;

    for (i = 1; i <= n; i++) {
        store(i, 1);
    }

    assert_int_equal(tokens->good.used, n);
    assert_int_equal(tokens->evictions, 0);

    /* an unknown one takes no place from them; one more good one takes one */

    store(n + 1, 0);
    store(n + 2, 1);

    assert_int_equal(find(n + 1), NGX_HTTP_RESULTS_TOKEN_NEGATIVE);
    assert_int_equal(find(1), NGX_HTTP_RESULTS_TOKEN_MISS);
    assert_int_equal(tokens->evictions, 1);

    for (hits = 0, i = 1; i <= n + 2; i++) {
        hits += (find(i) == NGX_HTTP_RESULTS_TOKEN_HIT);
    }

    assert_int_equal(hits, n);
    assert_string_equal(zone_log, "");
}


static void
what_is_stored_again_replaces(void **state)
{
    (void) state;

    make(64 * 1024);

    store(7, 0);
    assert_int_equal(find(7), NGX_HTTP_RESULTS_TOKEN_NEGATIVE);

    store(7, 1);
    store(7, 1);
    assert_int_equal(find(7), NGX_HTTP_RESULTS_TOKEN_HIT);
    assert_int_equal(tokens->good.used, 1);
    assert_int_equal(tokens->nobody.used, 0);

    store(7, 0);
    assert_int_equal(find(7), NGX_HTTP_RESULTS_TOKEN_NEGATIVE);
    assert_int_equal(tokens->good.used, 0);
}


static void
a_zone_that_somebody_died_in_is_carved_anew(void **state)
{
    ngx_uint_t  i;

    (void) state;

    make(64 * 1024);

    for (i = 1; i < 50; i++) {
        store(i, i % 2);
    }

    /* what it left does not matter then */

    tokens->holder = 4711;
    memset(tokens->good.chains, 0x5a,
           tokens->good.capacity * sizeof(tokens->good.chains[0]));
    memset(&tokens->good.lru, 0x5a, sizeof(ngx_queue_t));
    tokens->good.fresh = (ngx_uint_t) -1;
    tokens->nobody.used = 12345;

    for (i = 1; i < 50; i++) {
        assert_int_equal(find(i), NGX_HTTP_RESULTS_TOKEN_MISS);
    }

    assert_string_equal(zone_log, "results: the token zone \"%V\" starts "
                        "empty: process %P died while it changed it\n");
    assert_int_equal(tokens->holder, 0);
    assert_int_equal(tokens->good.used + tokens->nobody.used, 0);

    for (i = 1; i < 50; i++) {
        store(i, i % 2);
    }

    for (i = 1; i < 50; i++) {
        assert_int_equal(find(i), i % 2 ? NGX_HTTP_RESULTS_TOKEN_HIT
                                        : NGX_HTTP_RESULTS_TOKEN_NEGATIVE);
    }
}


static void
a_chain_without_an_end_is_damage(void **state)
{
    u_char                      digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    ngx_http_results_entry_t  **chain, *entry;

    (void) state;

    make(64 * 1024);
    store(1, 1);

    digest_of(1, 1, digest);
    chain = ngx_http_results_tokens_chain(&tokens->good,
                            results_universal_hash(&tokens->key, digest));
    entry = *chain;
    entry->next = entry;
    entry->realm = REALM + 1;

    assert_int_equal(find(1), NGX_HTTP_RESULTS_TOKEN_MISS);
    assert_string_equal(zone_log,
                        "results: the token zone \"%V\" starts empty: %s\n");
    assert_int_equal(tokens->good.used, 0);

    store(1, 1);
    assert_int_equal(find(1), NGX_HTTP_RESULTS_TOKEN_HIT);

    /* nor is one looked for where it is not */

    memset(tokens->good.chains, 0,
           tokens->good.capacity * sizeof(tokens->good.chains[0]));
    zone_log[0] = '\0';
    ngx_http_results_tokens_remove(&tokens->good, entry);
    ngx_http_results_tokens_unlock(&zone);
    assert_string_equal(zone_log,
                        "results: the token zone \"%V\" starts empty: %s\n");
    assert_int_equal(find(1), NGX_HTTP_RESULTS_TOKEN_MISS);
}


static void
a_zone_of_another_version_is_refused(void **state)
{
    ngx_shm_zone_t  next;

    (void) state;

    make(64 * 1024);
    store(1, 1);

    /* a reload of the same module takes it as it is */

    next = zone;
    next.data = NULL;
    assert_int_equal(ngx_http_results_tokens_init_zone(&next, tokens), NGX_OK);
    assert_ptr_equal(next.data, tokens);
    assert_int_equal(find(1), NGX_HTTP_RESULTS_TOKEN_HIT);

    tokens->layout--;
    assert_int_equal(ngx_http_results_tokens_init_zone(&next, tokens),
                     NGX_ERROR);
    tokens->layout++;
    tokens->size++;
    assert_int_equal(ngx_http_results_tokens_init_zone(&next, tokens),
                     NGX_ERROR);
    assert_non_null(strstr(zone_log, "of another version"));

    zone_make(&zone, 8 * ngx_pagesize);
    assert_int_equal(ngx_http_results_tokens_init_zone(&zone, NULL),
                     NGX_ERROR);
    assert_non_null(strstr(zone_log, "is too small"));
}


static void
two_digests_share_a_hash_by_chance_alone(void **state)
{
    u_char                   digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    uint32_t                 first;
    ngx_uint_t               i, bit, same;
    results_universal_key_t  key;

    (void) state;

    /* whatever bit they differ in */

    for (bit = 0; bit < 8 * sizeof(digest); bit++) {
        same = 0;

        for (i = 0; i < 64; i++) {
            assert_int_equal(results_universal_key(&key), 0);

            memset(digest, 0x33, sizeof(digest));
            first = results_universal_hash(&key, digest) >> 24;

            digest[bit / 8] ^= 1 << bit % 8;
            same += (first == results_universal_hash(&key, digest) >> 24);
        }

        /* once in 256 */
        assert_in_range(same, 0, 8);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_flood_does_not_choose_its_chain),
        cmocka_unit_test(every_entry_is_used),
        cmocka_unit_test(what_is_stored_again_replaces),
        cmocka_unit_test(a_zone_that_somebody_died_in_is_carved_anew),
        cmocka_unit_test(a_chain_without_an_end_is_damage),
        cmocka_unit_test(a_zone_of_another_version_is_refused),
        cmocka_unit_test(two_digests_share_a_hash_by_chance_alone)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
