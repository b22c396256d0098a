
/*
 * JSON out: strings, numbers, trees.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "json_tree.h"


static char  text[4096];


static const char *
string(const char *data, size_t len)
{
    results_buf_t  buf;

    memset(&buf, 0, sizeof(buf));

    results_buf_json_string(&buf, (results_str_t) { len, data });

    assert_true(buf.len < sizeof(text));
    memcpy(text, buf.data, buf.len);
    text[buf.len] = '\0';

    results_buf_free(&buf);

    return text;
}


static const char *
number(double value)
{
    results_buf_t  buf;

    memset(&buf, 0, sizeof(buf));

    results_buf_json_number(&buf, value);

    memcpy(text, buf.data, buf.len);
    text[buf.len] = '\0';

    results_buf_free(&buf);

    return text;
}


static void
assert_reads_back(double value)
{
    char     body[sizeof(text) + 2];
    json_t  *array;
    double   back;

    (void) snprintf(body, sizeof(body), "[%s]", number(value));

    array = json_loads(body, 0, NULL);

    if (array == NULL) {
        fail_msg("no JSON: %s", text);
    }

    back = json_number_value(json_array_get(array, 0));

    if (memcmp(&back, &value, sizeof(double)) != 0) {
        fail_msg("%s is not %.17g but %.17g", text, value, back);
    }

    json_decref(array);
}


static void
strings_are_escaped(void **state)
{
    (void) state;

    assert_string_equal(string("", 0), "\"\"");
    assert_string_equal(string(NULL, 0), "\"\"");
    assert_string_equal(string("abc", 3), "\"abc\"");
    assert_string_equal(string("a/b", 3), "\"a/b\"");
    assert_string_equal(string("\"\\", 2), "\"\\\"\\\\\"");
    assert_string_equal(string("\b\t\n\f\r", 5), "\"\\b\\t\\n\\f\\r\"");
    assert_string_equal(string("a\x01" "b\x1f\0", 5),
                        "\"a\\u0001b\\u001f\\u0000\"");
    assert_string_equal(string("\x7f", 1), "\"\x7f\"");
    assert_string_equal(string("\xc3\xa9\xf0\x9f\x98\x80\n", 7),
                        "\"\xc3\xa9\xf0\x9f\x98\x80\\n\"");
}


static void
what_is_no_utf8_is_replaced(void **state)
{
    (void) state;

    assert_string_equal(string("\xff", 1), "\"\xef\xbf\xbd\"");
    assert_string_equal(string("a\xc3", 2), "\"a\xef\xbf\xbd\"");
    assert_string_equal(string("\xc3(", 2), "\"\xef\xbf\xbd(\"");
    assert_string_equal(string("a\x80\x80" "b", 4),
                        "\"a\xef\xbf\xbd\xef\xbf\xbd" "b\"");
}


/* every byte at every place of a short string, against jansson */
static void
strings_read_back(void **state)
{
    int             c;
    size_t          i, len;
    char            data[8];
    json_t         *value;

    (void) state;

    for (c = 0; c < 128; c++) {
        for (len = 1; len < sizeof(data); len++) {
            for (i = 0; i < len; i++) {
                memset(data, 'x', sizeof(data));
                data[i] = (char) c;

                (void) string(data, len);

                value = json_loads(text, JSON_DECODE_ANY|JSON_ALLOW_NUL,
                                   NULL);

                assert_non_null(value);
                assert_int_equal(json_string_length(value), len);
                assert_memory_equal(json_string_value(value), data, len);

                json_decref(value);
            }
        }
    }
}


static void
numbers_are_short(void **state)
{
    size_t  i;

    static const struct {
        double       value;
        const char  *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0.0" },
        { 1, "1" },
        { -1, "-1" },
        { 85, "85" },
        { 100, "100" },
        { 85.5, "85.5" },
        { -85.5, "-85.5" },
        { 0.1, "0.1" },
        { -0.1, "-0.1" },
        { 0.3, "0.3" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 99.99, "99.99" },
        { 1.005, "1.005" },
        { 0.000001, "0.000001" },
        { 0.0000001, "1e-07" },
        { 123456.789012, "123456.789012" },
        { 1.0 / 3, "0.3333333333333333" },
        { 2.0 / 3, "0.6666666666666666" },
        { 3.141592653589793, "3.141592653589793" },
        { 999999999999999.0, "999999999999999" },
        { 1e15, "1e+15" },
        { 9007199254740993.0, "9007199254740992" },
        { 1e21, "1e+21" },
        { 1e300, "1e+300" },
        { -1.5e-300, "-1.5e-300" },
        { 5e-324, "4.94065645841247e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(number(cases[i].value), cases[i].text) != 0) {
            fail_msg("%s, expected %s", text, cases[i].text);
        }

        assert_reads_back(cases[i].value);
    }
}


static void
numbers_read_back(void **state)
{
    int       i, k;
    double    value, scale;
    uint64_t  bits;

    (void) state;

    /* decimals, and the doubles beside them */

    for (i = 0, scale = 1; i <= 9; i++, scale *= 10) {
        for (k = -2000; k <= 2000; k++) {
            value = k * 7919 / scale;

            assert_reads_back(value);
            assert_reads_back(nextafter(value, INFINITY));
            assert_reads_back(nextafter(value, -INFINITY));
        }
    }

    /* any, by a generator of its own, so that a failure can be repeated */

    bits = 88172645463325252u;

    for (i = 0; i < 100000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;

        memcpy(&value, &bits, sizeof(value));

        if (isfinite(value)) {
            assert_reads_back(value);
        }
    }
}


static void
what_is_no_number_is_null(void **state)
{
    (void) state;

    assert_string_equal(number(NAN), "null");
    assert_string_equal(number(INFINITY), "null");
    assert_string_equal(number(-INFINITY), "null");
}


static void
trees_keep_their_order_and_values(void **state)
{
    size_t            i;
    results_str_t     s;
    results_arena_t  *arena;

    /* compact, and each as it is written here */
    static const char *const  cases[] = {
        "{}", "[]", "[[],{}]", "{\"b\":1,\"a\":2}",
        "{\"a\":[1,-1,0.5,\"x\",true,false,null,{\"b\":{}}]}",
        "{\"\":\"\",\"\\\"\":\"\\n\",\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
        "[9223372036854775807,-9223372036854775808,9007199254740993]",
        "[0.1,-0.0,1e+300,0.30000000000000004]"
    };

    (void) state;

    arena = results_arena_create();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = results_json_dump(arena, json_tree(arena, cases[i]));
        assert_string_equal(s.data, cases[i]);
        assert_int_equal(s.len, strlen(cases[i]));
    }

    results_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(what_is_no_utf8_is_replaced),
        cmocka_unit_test(strings_read_back),
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(trees_keep_their_order_and_values)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
