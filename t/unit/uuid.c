
/*
 * UUIDs: made for records without an id of their own, and GUIDs in the forms
 * that clients send.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_time.h"
#include "results_uuid.h"


static void
assert_uuid(const char *uuid, char version)
{
    int  i;

    for (i = 0; i < RESULTS_UUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            assert_int_equal(uuid[i], '-');

        } else {
            assert_non_null(memchr("0123456789abcdef", uuid[i], 16));
        }
    }

    assert_int_equal(uuid[14], version);
    assert_non_null(memchr("89ab", uuid[19], 4));
}


static void
v7_begins_with_the_time(void **state)
{
    char  uuid[RESULTS_UUID_LEN];

    (void) state;

    /* RFC 9562 A.6: 2022-02-22T19:22:22Z */

    assert_int_equal(results_uuid_v7(INT64_C(1645557742000000), uuid), 0);
    assert_memory_equal(uuid, "017f22e2-79b0-7", 15);
    assert_uuid(uuid, '7');

    assert_int_equal(results_uuid_v7(INT64_C(1645557742000999), uuid), 0);
    assert_memory_equal(uuid, "017f22e2-79b0-7", 15);

    assert_int_equal(results_uuid_v7(INT64_C(1645557742001000), uuid), 0);
    assert_memory_equal(uuid, "017f22e2-79b1-7", 15);

    assert_int_equal(results_uuid_v7(RESULTS_TIME_MIN, uuid), 0);
    assert_memory_equal(uuid, "00000000-0000-7", 15);
}


static void
v7_differs_at_the_same_time(void **state)
{
    int   i, k;
    char  uuids[64][RESULTS_UUID_LEN];

    (void) state;

    for (i = 0; i < 64; i++) {
        assert_int_equal(results_uuid_v7(INT64_C(1645557742000000),
                                         uuids[i]), 0);
        assert_uuid(uuids[i], '7');

        for (k = 0; k < i; k++) {
            assert_memory_not_equal(uuids[i], uuids[k], RESULTS_UUID_LEN);
        }
    }
}


static void
v8_is_a_function_of_its_parts(void **state)
{
    char  a[RESULTS_UUID_LEN], b[RESULTS_UUID_LEN];

    static const results_str_t  ab_c[] = {
        results_string("ab"), results_string("c")
    };
    static const results_str_t  a_bc[] = {
        results_string("a"), results_string("bc")
    };
    static const results_str_t  ab_c_none[] = {
        results_string("ab"), results_string("c"), { 0, NULL }
    };

    (void) state;

    assert_int_equal(results_uuid_v8(ab_c, 2, a), 0);
    assert_uuid(a, '8');

    /* of sha256(00*7 02 "ab" 00*7 01 "c"): it must not change, ever */

    assert_memory_equal(a, "601d5476-e2cc-8e2c-87a2-bba7a3226597",
                        RESULTS_UUID_LEN);

    assert_int_equal(results_uuid_v8(ab_c, 2, b), 0);
    assert_memory_equal(a, b, RESULTS_UUID_LEN);

    assert_int_equal(results_uuid_v8(a_bc, 2, b), 0);
    assert_memory_not_equal(a, b, RESULTS_UUID_LEN);

    assert_int_equal(results_uuid_v8(ab_c_none, 3, b), 0);
    assert_memory_not_equal(a, b, RESULTS_UUID_LEN);

    assert_int_equal(results_uuid_v8(NULL, 0, b), 0);
    assert_uuid(b, '8');
}


static void
guids_get_one_form(void **state)
{
    size_t  i;
    char    out[RESULTS_UUID_LEN + 1];

    static const char *const  cases[] = {
        "087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
        "087FC371-4FEE-4DCB-A82F-3E0BF27FC33E",
        "087fC371-4fEe-4dcB-a82F-3e0bf27fc33E",
        "087fc3714fee4dcba82f3e0bf27fc33e",
        "087FC3714FEE4DCBA82F3E0BF27FC33E",
        "{087fc371-4fee-4dcb-a82f-3e0bf27fc33e}",
        "(087FC371-4fee-4dcb-a82f-3e0bf27fc33e)",
        "urn:uuid:087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
        "URN:Uuid:087FC371-4FEE-4DCB-A82F-3E0BF27FC33E"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(out, '#', sizeof(out));

        assert_int_equal(results_uuid_normalize(results_str(cases[i]), out),
                         0);
        assert_memory_equal(out, "087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
                            RESULTS_UUID_LEN);
        assert_int_equal(out[RESULTS_UUID_LEN], '#');
    }

    /* no version is asked for: .NET's empty GUID is one */

    assert_int_equal(results_uuid_normalize(
                         results_str("00000000000000000000000000000000"),
                         out), 0);
    assert_memory_equal(out, "00000000-0000-0000-0000-000000000000",
                        RESULTS_UUID_LEN);
}


static void
other_texts_are_no_guids(void **state)
{
    char    out[RESULTS_UUID_LEN], *copy;
    size_t  i, len;

    static const char *const  cases[] = {
        "",
        "12",
        "087fc371-4fee-4dcb-a82f-3e0bf27fc33",
        "087fc371-4fee-4dcb-a82f-3e0bf27fc33ef",
        "087fc371-4fee-4dcb-a82f-3e0bf27fc33g",
        "087fc371-4fee-4dcb-a82f_3e0bf27fc33e",
        "087fc3714-fee-4dcb-a82f-3e0bf27fc33e",
        "087fc3714fee4dcba82f3e0bf27fc33",
        "087fc3714fee4dcba82f3e0bf27fc33e0",
        "087fc3714fee4dcb-a82f3e0bf27fc33",
        " 087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
        "{087fc371-4fee-4dcb-a82f-3e0bf27fc33e)",
        "(087fc371-4fee-4dcb-a82f-3e0bf27fc33e}",
        "[087fc371-4fee-4dcb-a82f-3e0bf27fc33e]",
        "{087fc3714fee4dcba82f3e0bf27fc33e}",
        "{087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
        "urn:uuid:087fc3714fee4dcba82f3e0bf27fc33e",
        "urn:guid:087fc371-4fee-4dcb-a82f-3e0bf27fc33e",
        "urn:uuid:{87fc371-4fee-4dcb-a82f-3e0bf27fc33}",
        ("087fc371-4fee-4dcb-a82f-3e0bf27f\xc3\xa9" "3e")
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i]);
        copy = malloc(len + (len == 0));
        assert_non_null(copy);
        memcpy(copy, cases[i], len);

        memset(out, '#', sizeof(out));

        if (results_uuid_normalize((results_str_t) { len, copy }, out) == 0) {
            fail_msg("\"%s\" was taken for a GUID", cases[i]);
        }

        assert_int_equal(out[0], '#');
        assert_int_equal(out[RESULTS_UUID_LEN - 1], '#');

        free(copy);
    }

    assert_int_equal(results_uuid_normalize(results_str(NULL), out), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(v7_begins_with_the_time),
        cmocka_unit_test(v7_differs_at_the_same_time),
        cmocka_unit_test(v8_is_a_function_of_its_parts),
        cmocka_unit_test(guids_get_one_form),
        cmocka_unit_test(other_texts_are_no_guids)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
