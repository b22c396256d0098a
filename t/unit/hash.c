
/*
 * payload_hash: equal for equal bodies, however they are written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "results_digest.h"

#include "json_tree.h"


static const char *const  without[] = { "dateLastModified", "x", NULL };


static int64_t
hash(const char *body, const char *const *names)
{
    int64_t           h;
    results_arena_t  *arena;

    arena = results_arena_create();

    assert_int_equal(results_json_hash(json_tree(arena, body), names, &h), 0);

    results_arena_destroy(arena);

    return h;
}


static void
digests_are_sha256(void **state)
{
    unsigned char  out[RESULTS_DIGEST_LEN];

    (void) state;

    /* FIPS 180-4's examples, and twice: the state of one call must go */

    assert_int_equal(results_digest("abc", 3, out), 0);
    assert_memory_equal(out, "\xba\x78\x16\xbf\x8f\x01\xcf\xea"
                             "\x41\x41\x40\xde\x5d\xae\x22\x23"
                             "\xb0\x03\x61\xa3\x96\x17\x7a\x9c"
                             "\xb4\x10\xff\x61\xf2\x00\x15\xad", 32);

    assert_int_equal(results_digest(NULL, 0, out), 0);
    assert_memory_equal(out, "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14"
                             "\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
                             "\x27\xae\x41\xe4\x64\x9b\x93\x4c"
                             "\xa4\x95\x99\x1b\x78\x52\xb8\x55", 32);
}


/* what is stored has to be found by every later version */
static void
the_canonical_form_stays(void **state)
{
    (void) state;

    /* sha256 of {} */
    assert_true(hash("{}", NULL) == INT64_C(4905387166444775306));

    /* of {"a":[1,0.5,"\n"],"b":{"c":null,"d":true}} */
    assert_true(hash("{\"b\": {\"d\": true, \"c\": null}, "
                     "\"a\": [1, 0.5, \"\\u000a\"]}", NULL)
                == INT64_C(-3749062103330096246));
}


static void
equal_bodies_have_equal_hashes(void **state)
{
    size_t  i;

    static const char *const  pairs[][2] = {
        { "{\"a\":1,\"b\":2}", " { \"b\" : 2 , \"a\" : 1 } " },
        { "[{\"a\":1,\"b\":2}]", "[{\"b\":2,\"a\":1}]" },
        { "[\"\\u00e9\"]", "[\"\xc3\xa9\"]" },
        { "[\"\\/\"]", "[\"/\"]" },
        { "[85]", "[85.0]" },
        { "[100]", "[1e2]" },
        { "[0.5]", "[5E-1]" },
        { "[0.50]", "[0.5]" },
        { "[0]", "[0.00]" },
        { "[0]", "[0e5]" },
        { "[-0]", "[0]" },
        { "[9007199254740993.0]", "[9007199254740993.00]" },
        { "[66.666666666666666666666666667]",
          "[66.6666666666666666666666666670]" }
    };

    (void) state;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(hash(pairs[i][0], NULL) == hash(pairs[i][1], NULL));
    }
}


static void
other_bodies_have_others(void **state)
{
    size_t   i, k;
    int64_t  hashes[64];

    static const char *const  bodies[] = {
        "{}", "[]", "{\"a\":1}", "{\"a\":2}", "{\"b\":1}", "{\"a\":\"1\"}",
        "{\"a\":null}", "{\"a\":true}", "{\"a\":false}", "{\"a\":{}}",
        "{\"a\":[]}", "{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":[2,1]}",
        "{\"a\":[[1],2]}", "{\"a\":[1,[2]]}", "{\"a\":1.5}", "{\"A\":1}",
        "{\"a\":\"x\\\",\\\"b\\\":\\\"y\"}", "{\"a\":\"x\",\"b\":\"y\"}",
        "{\"a\":9007199254740992}", "{\"a\":9007199254740993}",
        "{\"a\":9223372036854775808}", "{\"a\":9223372036854775809}",
        "{\"a\":9007199254740992,\"n\":9223372036854775808}",
        "{\"a\":9007199254740993,\"n\":9223372036854775808}",
        "{\"a\":66.666666666666666666666666667}",
        "{\"a\":66.666666666666666666666666668}",
        "{\"a\":0.1}", "{\"a\":0.10000000000000001}",
        "{\"a\":0}", "{\"a\":1e-400}", "{\"a\":2e-400}",
        "{\"a\":\"\xc3\xa9\"}", "{\"a\":\"e\xcc\x81\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        hashes[i] = hash(bodies[i], NULL);

        for (k = 0; k < i; k++) {
            if (hashes[i] == hashes[k]) {
                fail_msg("%s and %s", bodies[i], bodies[k]);
            }
        }
    }
}


static void
named_members_do_not_count(void **state)
{
    int64_t  h;

    (void) state;

    h = hash("{\"score\":1}", NULL);

    assert_true(hash("{\"score\":1}", without) == h);
    assert_true(hash("{\"dateLastModified\":\"2023\",\"score\":1}", without)
                == h);
    assert_true(hash("{\"score\":1,\"x\":{},\"dateLastModified\":null}",
                     without) == h);

    assert_true(hash("{\"dateLastModified\":\"2023\",\"score\":1}", NULL)
                != h);
    assert_true(hash("{\"datelastmodified\":\"2023\",\"score\":1}", without)
                != h);
}


static void
they_count_below_the_first_level(void **state)
{
    (void) state;

    assert_true(hash("{\"metadata\":{\"x\":1}}", without)
                != hash("{\"metadata\":{\"x\":2}}", without));
    assert_true(hash("[{\"x\":1}]", without)
                != hash("[{\"x\":2}]", without));
}


static void
many_members_are_sorted(void **state)
{
    int             i, n;
    int64_t         h;
    results_buf_t   up, down;

    (void) state;

    for (n = 1; n <= 1000; n += (n < 30) ? 1 : 97) {
        memset(&up, 0, sizeof(up));
        memset(&down, 0, sizeof(down));

        for (i = 0; i < n; i++) {
            results_buf_printf(&up, "%c\"n%d\":%d", i ? ',' : '{', i, i);
            results_buf_printf(&down, "%c\"n%d\":%d", i ? ',' : '{',
                               n - 1 - i, n - 1 - i);
        }

        results_buf_append(&up, "}", 2);
        results_buf_append(&down, "}", 2);

        h = hash(up.data, NULL);
        assert_true(h == hash(down.data, NULL));

        results_buf_free(&up);
        results_buf_free(&down);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(digests_are_sha256),
        cmocka_unit_test(the_canonical_form_stays),
        cmocka_unit_test(equal_bodies_have_equal_hashes),
        cmocka_unit_test(other_bodies_have_others),
        cmocka_unit_test(named_members_do_not_count),
        cmocka_unit_test(they_count_below_the_first_level),
        cmocka_unit_test(many_members_are_sorted)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
