
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

#include "results_json.h"


/* a value of a JSON text, the caller's to release */
static json_t *
value(const char *text)
{
    json_t  *v;

    v = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(v);

    return v;
}


static void
members_by_their_path(void **state)
{
    unsigned   i;
    json_t    *body, *at;

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

    (void) state;

    body = value("{\"a\": 1, \"b\": {\"c\": 2, \"d\": {\"e\": 3}},"
                 " \"f\": [1]}");

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        at = results_json_at(body, paths[i].path);

        assert_int_equal(json_integer_value(at), paths[i].number);
        assert_int_equal(at != NULL, paths[i].number != 0);
    }

    assert_ptr_equal(results_json_at(body, "b.d"),
                     json_object_get(json_object_get(body, "b"), "d"));
    assert_null(results_json_at(NULL, "a"));

    json_decref(body);
}


static void
numbers(void **state)
{
    unsigned   i;
    double     number;
    json_t    *v;

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

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v = value(cases[i].text);
        number = 0;

        if (results_json_numeric(v, &number) != cases[i].rc
            || number != cases[i].number)
        {
            fail_msg("%s: %g", cases[i].text, number);
        }

        json_decref(v);
    }
}


static void
ids(void **state)
{
    unsigned          i;
    json_t           *v;
    results_str_t     id;
    results_arena_t  *arena;

    static const struct {
        const char  *text;
        const char  *id;          /* NULL: it is none */
    } cases[] = {
        { "3899", "3899" },
        { "-1", "-1" },
        { "0", "0" },
        { "9223372036854775807", "9223372036854775807" },
        { "3899.0", "3899" },
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

    (void) state;

    arena = results_arena_create();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v = value(cases[i].text);
        id = results_str(NULL);

        assert_int_equal(results_json_id(arena, v, &id),
                         cases[i].id ? 0 : -1);

        if (!results_str_eq(id, results_str(cases[i].id))) {
            fail_msg("%s: %.*s", cases[i].text, (int) id.len, id.data);
        }

        json_decref(v);
    }

    results_arena_destroy(arena);
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

    return cmocka_run_group_tests(tests, NULL, NULL);
}
