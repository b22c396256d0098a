
/*
 * Ids: which text is one, and the form that GUIDs are kept in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_json.h"


static void
texts_without_control_characters_are_ids(void **state)
{
    size_t  i;

    static const char *const  cases[] = {
        "1", " ", "3f7b1c9e-1f0a-4d3c-9a3b-5b2f1d1c7e11", "a b", "a/b?c#d%",
        "\"quoted\"", "'; DROP TABLE", "\\", "\xc3\xa9", "\xc2\xa0",
        "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "~"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!results_id_valid(results_str(cases[i]))) {
            fail_msg("refused: %s", cases[i]);
        }
    }
}


static void
other_texts_are_no_ids(void **state)
{
    size_t  i;

    static const results_str_t  cases[] = {
        results_string(""),
        { 0, NULL },
        results_string("\0"),
        results_string("a\0"),
        results_string("a\n"),
        results_string("\t"),
        results_string("a\x1f"),
        results_string("\x7f"),
        results_string("\xc2\x80"),             /* U+0080 */
        results_string("\xc2\x9f"),
        results_string("a\xff"),                /* no UTF-8 */
        results_string("\xc3"),
        results_string("\xc0\xaf"),
        results_string("\xed\xa0\x80"),
        results_string("\xe2\x82")
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (results_id_valid(cases[i])) {
            fail_msg("accepted: case %zu", i);
        }
    }
}


static void
ids_have_up_to_255_characters(void **state)
{
    size_t          i, n;
    results_buf_t   buf;
    results_str_t   s;

    static const char *const  characters[] = {
        "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"
    };

    (void) state;

    for (i = 0; i < 4; i++) {
        memset(&buf, 0, sizeof(buf));

        for (n = 0; n < 255; n++) {
            results_buf_puts(&buf, characters[i]);
        }

        s.data = buf.data;
        s.len = buf.len;
        assert_true(results_id_valid(s));

        results_buf_puts(&buf, characters[0]);

        s.data = buf.data;
        s.len = buf.len;
        assert_false(results_id_valid(s));

        results_buf_free(&buf);
    }
}


static void
guids_are_normalized(void **state)
{
    int               changed;
    results_str_t     id;
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();

    id = results_id_normalize(arena,
             results_str("{087FC371-4FEE-4DCB-A82F-3E0BF27FC33E}"), &changed);

    assert_true(changed);
    assert_int_equal(id.len, 36);
    assert_string_equal(id.data, "087fc371-4fee-4dcb-a82f-3e0bf27fc33e");

    results_arena_destroy(arena);
}


static void
other_ids_stay(void **state)
{
    int               changed;
    size_t            i;
    results_str_t     id;
    results_arena_t  *arena;

    static const char *const  cases[] = {
        "087fc371-4fee-4dcb-a82f-3e0bf27fc33e", "Student-7", "ABC", "",
        "{087fc3714fee4dcba82f3e0bf27fc33e}"
    };

    (void) state;

    arena = results_arena_create();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        changed = 1;
        id = results_id_normalize(arena, results_str(cases[i]), &changed);

        assert_false(changed);
        assert_ptr_equal(id.data, cases[i]);
        assert_int_equal(id.len, strlen(cases[i]));
    }

    results_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(texts_without_control_characters_are_ids),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(ids_have_up_to_255_characters),
        cmocka_unit_test(guids_are_normalized),
        cmocka_unit_test(other_ids_stay)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
