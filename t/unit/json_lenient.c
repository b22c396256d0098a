
/*
 * What looser formats send: members by a path, numbers in strings, ids that
 * are numbers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "json_tree.h"


static int
setup(void **state)
{
    *state = results_arena_create();

    return (*state == NULL) ? -1 : 0;
}


static int
teardown(void **state)
{
    results_arena_destroy(*state);

    return 0;
}


static void
members_by_their_path(void **state)
{
    unsigned   i;
    results_value_t    *body, *at;

    static const struct {
        const char  *path;
        int          number;      /* 0: there is none */
    } paths[] = {
        { "a", 1 },
        { "b.c", 2 },
        { "b.d.e", 3 },
        { "b.d.x", 0 },
        { "x.a", 0 },
        { "a.b", 0 },
        { "f.0", 0 },
        { "", 0 },
        { ".", 0 },
        { "a-name-that-is-longer-than-any-format-has", 0 }
    };

    body = json_tree(*state, "{\"a\": 1, \"b\": {\"c\": 2, \"d\": {\"e\": 3}},"
                             " \"f\": [1]}");

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        at = results_json_at(body, paths[i].path);

        assert_int_equal((int) results_value_number(at), paths[i].number);
        assert_int_equal(at != NULL, paths[i].number != 0);
    }

    assert_ptr_equal(results_json_at(body, "b.d"),
                     results_value_get(results_value_get(body, "b"), "d"));
    assert_null(results_json_at(NULL, "a"));
}


static void
numbers(void **state)
{
    unsigned   i;
    double     number;
    results_value_t    *v;

    static const struct {
        const char  *text;
        int          rc;
        double       number;
    } cases[] = {
        { "0", 0, 0 },
        { "1.5", 0, 1.5 },
        { "\"1.5\"", 0, 1.5 },
        { "\"-2e3\"", 0, -2000 },
        { "\"9223372036854775808\"", 0, 0x1p63 },
        { "\"1E-999\"", 0, 0 },
        { "\"\"", -1, 0 },
        { "\" 1\"", -1, 0 },
        { "\"1\\n\"", -1, 0 },
        { "\"1,5\"", -1, 0 },
        { "\"1e400\"", -1, 0 },
        { "\"0x10\"", -1, 0 },
        { "\"nan\"", -1, 0 },
        { "\"NaN\"", -1, 0 },
        { "\"+1\"", -1, 0 },
        { "\"01\"", -1, 0 },
        { "\"1 2\"", -1, 0 },
        { "\"true\"", -1, 0 },
        { "\"[1]\"", -1, 0 },
        { "\"\\\"1\\\"\"", -1, 0 },
        { "true", -1, 0 },
        { "null", -1, 0 },
        { "[1]", -1, 0 },
        { "{}", -1, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v = json_tree(*state, cases[i].text);
        number = 0;

        if (results_json_numeric(v, &number) != cases[i].rc
            || number != cases[i].number)
        {
            fail_msg("%s: %g", cases[i].text, number);
        }

    }
}


static void
ids(void **state)
{
    unsigned          i;
    results_str_t     id;
    results_value_t  *v;

    static const struct {
        const char  *text;
        const char  *id;          /* NULL: it is none */
    } cases[] = {
        { "3899", "3899" },
        { "-1", "-1" },
        { "0", "0" },
        { "-0", "0" },
        { "-0.0", "0" },
        { "9223372036854775807", "9223372036854775807" },
        { "9007199254740993", "9007199254740993" },
        { "9007199254740993.0", "9007199254740993" },
        { "18446744073709551615", "18446744073709551615" },
        { "-18446744073709551616e1", "-184467440737095516160" },
        { "3899.0", "3899" },
        { "38.99e2", "3899" },
        { "\"3899\"", "3899" },
        { "\"a b\"", "a b" },
        { "\"URN:UUID:E37E973C-F410-4ED5-9DFD-B1446441072B\"",
          "e37e973c-f410-4ed5-9dfd-b1446441072b" },
        { "1.5", NULL },
        { "1e300", NULL },
        { "\"\"", NULL },
        { "\"a\\u0001\"", NULL },
        { "true", NULL },
        { "null", NULL },
        { "[]", NULL },
        { "{}", NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v = json_tree(*state, cases[i].text);
        id = results_str(NULL);

        assert_int_equal(results_json_id(*state, v, &id),
                         cases[i].id ? 0 : -1);

        if (!results_str_eq(id, results_str(cases[i].id))) {
            fail_msg("%s: %.*s", cases[i].text, (int) id.len, id.data);
        }

    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(members_by_their_path),
        cmocka_unit_test(numbers),
        cmocka_unit_test(ids)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
