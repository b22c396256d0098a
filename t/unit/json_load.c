
/*
 * JSON that was jsonb meanwhile: PostgreSQL writes numbers without exponents,
 * so that a double is an integer of up to 309 digits.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results_json.h"


/* the text that a loaded one is written as */
static void
loads(const char *text, const char *expected)
{
    results_value_t           *value;
    results_buf_t     buf;
    results_arena_t  *arena;

    memset(&buf, 0, sizeof(results_buf_t));

    arena = results_arena_create();
    value = results_json_load(arena, results_str(text));

    if (expected == NULL) {
        assert_null(value);
        results_arena_destroy(arena);
        return;
    }

    assert_non_null(value);

    results_buf_json(&buf, value);
    results_arena_destroy(arena);

    assert_int_equal(buf.len, strlen(expected));
    assert_memory_equal(buf.data, expected, buf.len);

    results_buf_free(&buf);
}


static void
what_fits_stays(void **state)
{
    (void) state;

    loads("{}", "{}");
    loads("{\"a\": [1, -1, 0, 0.5, null, true, \"x\"]}",
          "{\"a\":[1,-1,0,0.5,null,true,\"x\"]}");
    loads("[9223372036854775807, -9223372036854775808]",
          "[9223372036854775807,-9223372036854775808]");
    loads("[9007199254740993]", "[9007199254740993]");
}


static void
what_is_longer_stays_too(void **state)
{
    char  text[400], expected[400];

    (void) state;

    loads("[9223372036854775808]", "[9223372036854775808]");
    loads("[-9223372036854775809]", "[-9223372036854775809]");
    loads("[10000000000000000000000, 9007199254740993, 0.25]",
          "[10000000000000000000000,9007199254740993,0.25]");

    memset(text, '0', sizeof(text));
    text[0] = '[';
    text[1] = '1';
    memcpy(expected, text, sizeof(text));
    strcpy(text + 302, ", 1]");
    strcpy(expected + 302, ",1]");

    loads(text, expected);
}


static void
digits_in_strings_stay(void **state)
{
    (void) state;

    loads("{\"10000000000000000000000\": \"10000000000000000000000\","
          " \"a\\\"10000000000000000000000\": 10000000000000000000000}",
          "{\"10000000000000000000000\":\"10000000000000000000000\","
          "\"a\\\"10000000000000000000000\":10000000000000000000000}");
    loads("[\"\\\\\", 1e+22]", "[\"\\\\\",1e+22]");
}


static void
what_is_no_json(void **state)
{
    (void) state;

    loads("", NULL);
    loads("{", NULL);
    loads("[10000000000000000000000", NULL);
    loads("[10000000000000000000000,\"", NULL);
    loads("[10000000000000000000000,\"\\", NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_fits_stays),
        cmocka_unit_test(what_is_longer_stays_too),
        cmocka_unit_test(digits_in_strings_stay),
        cmocka_unit_test(what_is_no_json)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
