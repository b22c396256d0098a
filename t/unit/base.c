
/*
 * Strings, the arena, the byte buffer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_base.h"




static void
strings_compare_by_bytes(void **state)
{
    results_str_t  none = { 0, NULL };

    (void) state;

    assert_true(results_str_is(results_str("abc"), "abc"));
    assert_false(results_str_is(results_str("abc"), "abd"));
    assert_false(results_str_is(results_str("abc"), "ab"));
    assert_true(results_str_eq(none, results_str("")));
    assert_null(results_str(NULL).data);
}


static void
case_is_ignored_for_ascii_only(void **state)
{
    (void) state;

    assert_true(results_str_caseeq(results_str("Bearer"),
                                   results_str("bEARER")));
    assert_false(results_str_caseeq(results_str("Bearer"),
                                    results_str("Bearers")));
    assert_false(results_str_caseeq(results_str("[@`{"),
                                    results_str("{`@[")));
    assert_false(results_str_caseeq(results_str("\xc3\x84"),
                                    results_str("\xc3\xa4")));
}


static void
utf8_characters_are_measured(void **state)
{
    size_t  i;

    static const struct {
        const char  *data;
        size_t       len;
        size_t       expected;
    } cases[] = {
        { "", 0, 0 },
        { "a", 1, 1 },
        { "\0", 1, 1 },
        { "\x7f", 1, 1 },
        { "\xc2\x80", 2, 2 },
        { "\xdf\xbf", 2, 2 },
        { "\xe0\xa0\x80", 3, 3 },
        { "\xed\x9f\xbf", 3, 3 },
        { "\xee\x80\x80", 3, 3 },
        { "\xef\xbf\xbf", 3, 3 },
        { "\xf0\x90\x80\x80", 4, 4 },
        { "\xf4\x8f\xbf\xbf", 4, 4 },

        { "\x80", 1, 0 },                   /* continues nothing */
        { "\xc3", 1, 0 },                   /* cut off */
        { "\xe2\x82", 2, 0 },
        { "\xf0\x9f\x98", 3, 0 },
        { "\xc3(", 2, 0 },
        { "\xc0\x80", 2, 0 },               /* overlong */
        { "\xc1\xbf", 2, 0 },
        { "\xe0\x9f\xbf", 3, 0 },
        { "\xf0\x8f\xbf\xbf", 4, 0 },
        { "\xed\xa0\x80", 3, 0 },           /* surrogates */
        { "\xed\xbf\xbf", 3, 0 },
        { "\xf4\x90\x80\x80", 4, 0 },       /* beyond U+10FFFF */
        { "\xf5\x80\x80\x80", 4, 0 },
        { "\xff", 1, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_utf8_len(cases[i].data, cases[i].len),
                         cases[i].expected);
    }
}


static void
allocations_are_aligned_and_apart(void **state)
{
    size_t            i, k, size;
    unsigned char    *p[400];
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();
    assert_non_null(arena);

    /* through several chunks, and with some larger than any of them */

    for (i = 0; i < 400; i++) {
        size = (i % 50 == 49) ? 40000 : i;
        p[i] = results_arena_alloc(arena, size);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t) p[i] % 16, 0);
        memset(p[i], (int) (i & 0xff), size);
    }

    for (i = 0; i < 400; i++) {
        size = (i % 50 == 49) ? 40000 : i;

        for (k = 0; k < size; k++) {
            assert_int_equal(p[i][k], i & 0xff);
        }
    }

    results_arena_destroy(arena);
}


static void
calloc_clears_memory(void **state)
{
    size_t            i, k;
    unsigned char    *p;
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();

    for (i = 1; i < 3000; i += 500) {
        p = results_arena_calloc(arena, i);

        for (k = 0; k < i; k++) {
            assert_int_equal(p[k], 0);
        }
    }

    results_arena_destroy(arena);
}


static void
absurd_sizes_fail(void **state)
{
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();

    assert_null(results_arena_alloc(arena, SIZE_MAX));
    assert_null(results_arena_alloc(arena, SIZE_MAX - 8));
    assert_null(results_arena_copy(arena, "", SIZE_MAX).data);

    /* and leave the arena usable */

    assert_non_null(results_arena_alloc(arena, 1));

    results_arena_destroy(arena);
}


static void
copies_are_terminated(void **state)
{
    char             *text;
    results_str_t     s;
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();

    s = results_arena_copy(arena, "a\0b", 3);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);

    s = results_arena_copy(arena, NULL, 0);
    assert_int_equal(s.len, 0);
    assert_non_null(s.data);
    assert_int_equal(s.data[0], '\0');

    s = results_arena_printf(arena, "%s-%d", "x", 7);
    assert_int_equal(s.len, 3);
    assert_string_equal(s.data, "x-7");

    /* longer than what is formatted at once, and just as long */

    text = results_arena_alloc(arena, 2000);

    for (s.len = 510; s.len < 1999; s.len++) {
        memset(text, 'y', s.len);
        text[s.len] = '\0';

        if (s.len > 514) {
            s.len = 1998;
            text[1998] = '\0';
        }

        assert_string_equal(results_arena_printf(arena, "%s", text).data,
                            text);
    }

    results_arena_destroy(arena);
}


static void
buffers_grow(void **state)
{
    char           *p;
    size_t          i;
    results_buf_t   buf;

    (void) state;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < 10000; i++) {
        results_buf_append(&buf, "abcdefg", i % 8);
    }

    assert_int_equal(buf.len, 35000);
    assert_false(buf.failed);
    assert_memory_equal(buf.data + buf.len - 7 - 6, "abcdefabcdefg", 13);

    buf.len = 0;

    results_buf_puts(&buf, "a");
    results_buf_str(&buf, results_str("bc"));
    results_buf_str(&buf, results_str(NULL));
    results_buf_printf(&buf, "%05d", 42);
    p = results_buf_reserve(&buf, 2);
    p[0] = p[1] = '!';

    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "abc00042!!", 10);

    results_buf_free(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);

    assert_non_null(results_buf_reserve(&buf, 0));
    results_buf_free(&buf);
}


static void
long_texts_are_printed_whole(void **state)
{
    size_t          len;
    char            text[1100];
    results_buf_t   buf;

    (void) state;

    memset(text, 'z', sizeof(text));

    for (len = 500; len < sizeof(text); len += (len < 520) ? 1 : 100) {
        memset(&buf, 0, sizeof(buf));

        results_buf_printf(&buf, "%.*s", (int) len, text);

        assert_int_equal(buf.len, len);
        assert_memory_equal(buf.data, text, len);

        results_buf_free(&buf);
    }
}


static void
a_failed_buffer_stays_failed(void **state)
{
    results_buf_t  buf;

    (void) state;

    memset(&buf, 0, sizeof(buf));

    results_buf_puts(&buf, "kept");
    assert_null(results_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);

    results_buf_puts(&buf, "dropped");
    results_buf_printf(&buf, "%d", 1);
    assert_null(results_buf_reserve(&buf, 1));
    assert_int_equal(buf.len, 4);

    results_buf_free(&buf);
    assert_false(buf.failed);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strings_compare_by_bytes),
        cmocka_unit_test(case_is_ignored_for_ascii_only),
        cmocka_unit_test(utf8_characters_are_measured),
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(calloc_clears_memory),
        cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(copies_are_terminated),
        cmocka_unit_test(buffers_grow),
        cmocka_unit_test(long_texts_are_printed_whole),
        cmocka_unit_test(a_failed_buffer_stays_failed)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
