
/*
 * Bodies into trees: what is parsed, what is refused and in which words.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_json.h"


static results_errors_t  errors;


static int
setup(void **state)
{
    *state = results_arena_create();
    results_errors_init(&errors, *state);

    return (*state == NULL) ? -1 : 0;
}


static int
teardown(void **state)
{
    results_arena_destroy(*state);

    return 0;
}


/* parses an exact copy, so that a read beyond it is seen */
static results_value_t *
parse(const char *data, size_t len)
{
    char           *copy;
    results_value_t         *root;
    results_str_t   s;

    copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, data, len);

    s.data = copy;
    s.len = len;

    root = results_json_parse(s, &errors);

    free(copy);

    return root;
}


/* depth levels of arrays, or of objects */
static results_value_t *
parse_nested(const char *open, const char *close, int depth)
{
    int            i;
    results_value_t        *root;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < depth; i++) {
        results_buf_puts(&buf, open);
    }

    results_buf_puts(&buf, "1");

    for (i = 0; i < depth; i++) {
        results_buf_puts(&buf, close);
    }

    root = parse(buf.data, buf.len);

    results_buf_free(&buf);

    return root;
}


static void
objects_and_arrays_are_parsed(void **state)
{
    results_value_t  *root;

    (void) state;

    root = parse(" {\"a\": [1, 2.5, \"\\u00e9\", null]}\r\n\t", 35);
    assert_true(results_value_is_object(root));
    assert_int_equal(results_value_size(results_value_get(root, "a")), 4);

    assert_true(results_value_is_array(parse("[]", 2)));
    assert_true(results_value_is_object(parse("{}", 2)));

    assert_int_equal(errors.n, 0);
}


static void
other_bodies_are_refused(void **state)
{
    size_t       i, len;
    const char  *text;

    static const struct {
        const char  *body;
        const char  *path;
        const char  *text;
        unsigned     not_json;
    } cases[] = {
        { "", "", "expected an object, the body is empty", 1 },
        { " \r\n\t", "", "expected an object, the body is empty", 1 },
        { "<results/>", "", "invalid JSON", 1 },
        { "score=85", "", "invalid JSON", 1 },
        { "85 score", "", "more text behind the JSON value", 1 },
        { "nul", "", "invalid JSON", 1 },
        { "// no\n{}", "", "invalid JSON", 1 },
        { "\xef\xbb\xbf{}", "", "the body begins with a byte order mark, "
                                "which JSON must not have", 1 },
        { "\xff\xfe{", "", "the body is in UTF-16, JSON must be in UTF-8", 1 },
        { "\xfe\xff{", "", "the body is in UTF-16, JSON must be in UTF-8", 1 },
        { "{", "", "the JSON text ends too early", 1 },
        { "{\"a\": 1", "", "the JSON text ends too early", 1 },
        { "{\"a", "", "the JSON text ends too early", 1 },
        { "{\"a\\", "/a\\", "invalid JSON", 1 },
        { "{} {}", "", "more text behind the JSON value", 1 },
        { "{}}", "", "more text behind the JSON value", 1 },
        { "{\"a\": 1,\n \"a\": 2}", "/a", "duplicate field", 0 },
        { "[{\"x\": {\"b\": 1, \"b\": 1}}]", "/0/x/b", "duplicate field", 0 },
        { "{\"a\": 1e400}", "/a", "number out of range", 0 },
        { "{\"a\": -1e400}", "/a", "number out of range", 0 },
        { "{\"a\": 1e-10000}", "/a", "number out of range", 0 },
        { "{\"a\": 0e99999999999}", "/a", "number out of range", 0 },
        { "{\"a\": 1.7976931348623159e308}", "/a", "number out of range", 0 },
        { "{\"a\": 9223372036854775808, \"b\": [1, {\"c\": 2}, 1e400]}",
          "/b/2", "number out of range", 0 },
        { "{\"a\": \"\xff\"}", "/a", "invalid UTF-8", 0 },
        { "{\"a\": \"\xc0\x80\"}", "/a", "invalid UTF-8", 0 },
        { "{\"a\": \"\xed\xa0\x80\"}", "/a", "invalid UTF-8", 0 },
        { "{\"a\": 1, \"b\xff\": 2}", "/b", "invalid UTF-8", 0 },
        { "{\"a\": \"\\u0000\"}", "/a", "\\u0000 is not supported", 0 },
        { "{\"a\": \"\\ud800\"}", "/a", "invalid JSON", 1 },
        { "{\"a\": \"\\udc00\"}", "/a", "invalid JSON", 1 },
        { "{\"a\": NaN}", "/a", "invalid JSON", 1 },
        { "{\"a\": Infinity}", "/a", "invalid JSON", 1 },
        { "{\"a\": +1}", "/a", "invalid JSON", 1 },
        { "{\"a\": 01}", "/a", "invalid JSON", 1 },
        { "{\"a\": .5}", "/a", "invalid JSON", 1 },
        { "{\"a\": 1.}", "/a", "invalid JSON", 1 },
        { "{\"a\": True}", "/a", "invalid JSON", 1 },
        { "{'a': 1}", "", "invalid JSON", 1 },
        { "{a: 1}", "", "invalid JSON", 1 },
        { "{\"a\": 1,}", "", "invalid JSON", 1 },
        { "[1,]", "", "invalid JSON", 1 },
        { "[1 2]", "/0", "invalid JSON", 1 },
        { "{\"a\": trux}", "/a", "invalid JSON", 1 },
        { "{\"a\": \"\\u00g0\"}", "/a", "invalid JSON", 1 },
        { "{\"a\" 1}", "/a", "invalid JSON", 1 },
        { "{\"a\": {}, \"b\": [[0, {\"c,d\": [\"}\", \"\\\"\", 1, NaN]}]]}",
          "/b/0/1/c,d/3", "invalid JSON", 1 },
        { "{\"a/~\": NaN}", "/a~1~0", "invalid JSON", 1 },
        { "{\"a\": 1 /* no */}", "/a", "invalid JSON", 1 },
        { "{\"a\": \"\t\"}", "/a", "invalid JSON", 1 },
        { "{\"a\": \"\\x\"}", "/a", "invalid JSON", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errors.n = 0;

        if (parse(cases[i].body, strlen(cases[i].body)) != NULL) {
            fail_msg("parsed: %s", cases[i].body);
        }

        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.list[0].path.data, cases[i].path);
        assert_int_equal(errors.not_json, cases[i].not_json);

        text = errors.list[0].text.data;
        len = strlen(cases[i].text);

        /* where, and no more */

        if (strncmp(text, cases[i].text, len) != 0
            || (text[len] != '\0'
                && strncmp(text + len, ", at line ", 10) != 0))
        {
            fail_msg("%s: \"%s\"", cases[i].body, text);
        }
    }

    errors.n = 0;
    assert_null(results_json_parse(results_str(NULL), &errors));
    assert_int_equal(errors.n, 1);
}


static void
numbers_are_kept_as_they_came(void **state)
{
    size_t            i, len;
    results_value_t  *body;

    static const char *const  cases[] = {
        "{\"userId\":9007199254740993,\"n\":9223372036854775808}",
        "[18446744073709551615,-9223372036854775809,1]",
        "[79228162514264337593543950335,0.1234567890123456789012345678]",
        "[1.50,1.0,-0,-0.0,0.000,1e2,1E+02,100e-2,12.5e-1]",
        "[1e-999,4.9e-324,1.7976931348623157e308,1e9,1e-9999,0e9999]",
        "[340282366920938463463374607431768211456]"
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i]);
        body = parse(cases[i], len);

        assert_non_null(body);
        assert_string_equal(results_json_dump(*state, body).data, cases[i]);

        /* and back from the database */

        body = results_json_load(*state, results_str(cases[i]));

        assert_non_null(body);
        assert_string_equal(results_json_dump(*state, body).data, cases[i]);
    }

    assert_int_equal(errors.n, 0);
}


static void
numbers_have_a_length(void **state)
{
    char   *text;
    size_t  i, len;

    (void) state;

    for (len = RESULTS_NUMBER_MAX; len < RESULTS_NUMBER_MAX + 2; len++) {
        text = malloc(len + 2);
        assert_non_null(text);

        for (i = 0; i < len; i++) {
            text[1 + i] = '1';
        }

        memcpy(text, "[0.", 3);
        text[len + 1] = ']';

        errors.n = 0;

        assert_int_equal(parse(text, len + 2) != NULL,
                         len == RESULTS_NUMBER_MAX);
        assert_int_equal(errors.n, len != RESULTS_NUMBER_MAX);

        free(text);
    }

    assert_string_equal(errors.list[0].path.data, "/0");
}


static void
scalars_are_json(void **state)
{
    size_t            i;
    results_value_t  *body;

    static const struct {
        const char       *body;
        results_value_e   type;
    } cases[] = {
        { "true", RESULTS_VALUE_TRUE },
        { "false ", RESULTS_VALUE_FALSE },
        { " null", RESULTS_VALUE_NULL },
        { "85", RESULTS_VALUE_NUMBER },
        { "\"text\"", RESULTS_VALUE_STRING }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        body = parse(cases[i].body, strlen(cases[i].body));
        assert_true(results_value_is(body, cases[i].type));
    }

    assert_int_equal(errors.n, 0);
}


/* n times what, between brackets */
static results_value_t *
parse_many(const char *open, const char *what, size_t n, const char *close)
{
    size_t            i;
    results_buf_t     buf;
    results_value_t  *root;

    memset(&buf, 0, sizeof(buf));
    results_buf_puts(&buf, open);

    for (i = 0; i < n; i++) {
        results_buf_puts(&buf, i ? "," : "");
        results_buf_printf(&buf, what, i);
    }

    results_buf_puts(&buf, close);

    root = parse(buf.data, buf.len);
    results_buf_free(&buf);

    return root;
}


static void
values_are_limited(void **state)
{
    size_t  max;

    (void) state;

    max = results_json_values_max(0);

    /* the root is one of them */

    assert_non_null(parse_many("[", "1", max - 1, "]"));
    assert_int_equal(errors.n, 0);

    assert_null(parse_many("[", "1", max, "]"));
    assert_int_equal(errors.n, 1);
    assert_non_null(strstr(errors.list[0].text.data, "more than 65536 values"));
    assert_int_equal(errors.not_json, 0);

    /* a long body may have more of them */

    errors.n = 0;
    assert_non_null(parse_many("[", "\"%016zu\"", max, "]"));
    assert_int_equal(errors.n, 0);
}


static void
many_members_are_compared(void **state)
{
    size_t            n;
    results_value_t  *root;

    (void) state;

    for (n = 60; n < 30000; n = n * 3 / 2) {
        root = parse_many("{", "\"member %zu\":1", n, "}");
        assert_int_equal(results_value_size(root), n);
        assert_int_equal(errors.n, 0);

        assert_null(parse_many("{\"member 59\":2,", "\"member %zu\":1", n,
                               "}"));
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.list[0].path.data, "/member 59");
        assert_non_null(strstr(errors.list[0].text.data, "duplicate field"));

        errors.n = 0;
        errors.not_json = 0;
    }
}


static void
digits_are_kept(void **state)
{
    unsigned          i;
    results_value_t  *body;

    static const struct {
        const char  *body;
        const char  *kept;
        int          n;
    } cases[] = {
        { "{}", "{}", 0 },
        { " [ ] ", "[]", 0 },
        { "[0, -0.000, 0e999, 1, 87.5, 123456789.012345]",
          "[0,-0.000,0e999,1,87.5,123456789.012345]", 0 },
        { "[1.000000000000000000000000000, 1200000000000000000]",
          "[1.000000000000000000000000000,1200000000000000000]", 0 },
        { "[1234567890.123456, 0.1234567890123456789,-9007199254740993 ]",
          "[\"1234567890.123456\",\"0.1234567890123456789\","
          "\"-9007199254740993\"]", 3 },
        { "[1E-999, 15e-311]", "[\"1E-999\",\"15e-311\"]", 2 },
        { "[79228162514264337593543950335]",
          "[\"79228162514264337593543950335\"]", 1 },
        { "{\"a\":1,\"b\" : \"x,}\\\"1234567890123456\" ,\"c\":{\"d\":[1,{},"
          "1234567890123456]},\"e\":[], \"f\\\"\" :true,\"\":"
          "1234567890123457,\"g\":null}",
          "{\"a\":1,\"b\":\"x,}\\\"1234567890123456\",\"c\":{\"d\":[1,{},"
          "\"1234567890123456\"]},\"e\":[],\"f\\\"\":true,\"\":"
          "\"1234567890123457\",\"g\":null}", 2 },
        { "[[[\"]\"]], {\"a\": [ ]} ,\"\\\\\", 1234567890123456]",
          "[[[\"]\"]],{\"a\":[]},\"\\\\\",\"1234567890123456\"]", 1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        body = parse(cases[i].body, strlen(cases[i].body));
        assert_non_null(body);

        assert_int_equal(results_json_keep_digits(*state, body),
                         cases[i].n);

        assert_string_equal(results_json_dump(*state, body).data,
                            cases[i].kept);
    }
}


static void
errors_say_where(void **state)
{
    (void) state;

    assert_null(parse("{\"a\": 1,\n \"a\": 2}", 17));
    assert_string_equal(errors.list[0].text.data,
                        "duplicate field, at line 2, column 4");
}


/* jansson takes them behind a number and behind a word */
static void
nul_bytes_are_refused(void **state)
{
    size_t  i;

    static const results_str_t  cases[] = {
        results_string("\0"),
        results_string("{}\0"),
        results_string("\0{}"),
        results_string("{\"a\0\": 1}"),
        results_string("{\"a\": \"\0\"}"),
        results_string("{\"score\":1\0}"),
        results_string("{\"score\":1.5\0,\"a\":1}"),
        results_string("{\"score\":1e5\0}"),
        results_string("{\"score\":-\0}"),
        results_string("{\"score\":12345678901234567890\0}"),
        results_string("{\"a\":true\0}"),
        results_string("[false\0]"),
        results_string("[null\0,1]"),
        results_string("[1,\0]"),
        results_string("[1\0 ]"),
        results_string("85\0")
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errors.n = 0;

        if (parse(cases[i].data, cases[i].len) != NULL) {
            fail_msg("parsed: %s", cases[i].data);
        }

        assert_int_equal(errors.n, 1);
    }

    errors.n = 0;
    assert_null(parse("{\"score\":1\0}", 12));
    assert_string_equal(errors.list[0].path.data, "/score");
    assert_string_equal(errors.list[0].text.data,
                        "invalid JSON, at line 1, column 10");
}


static void
errors_quote_nothing_but_names(void **state)
{
    size_t  i;

    static const char *const  cases[] = {
        "{\"a\": secret}", "secret", "{\"a\": \"secret\", \"a\": \"secret\"}",
        "{\"a\": \"secret\xff\"}", "{\"a\": \"\\secret\"}",
        "{\"a\": [\"secret\", \"secret", "{} secret", "[secret]", "{secret: 1}",
        "{\"secret", "{\"secret\": {\"b\": 1}, \"a\": 1e999}"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errors.n = 0;

        assert_null(parse(cases[i], strlen(cases[i])));
        assert_null(strstr(results_errors_join(&errors).data, "secret"));
    }
}


static void
depth_is_limited(void **state)
{
    (void) state;

    assert_non_null(parse_nested("[", "]", RESULTS_JSON_DEPTH_MAX));
    assert_non_null(parse_nested("{\"a\":", "}", RESULTS_JSON_DEPTH_MAX));
    assert_int_equal(errors.n, 0);

    assert_null(parse_nested("[", "]", RESULTS_JSON_DEPTH_MAX + 1));
    assert_null(parse_nested("{\"a\":", "}", RESULTS_JSON_DEPTH_MAX + 1));
    assert_null(parse_nested("[{\"a\":", "}]", 1000000));
    assert_null(parse_nested("[", "", 1000000));
    assert_int_equal(errors.n, 4);

    assert_string_equal(errors.list[0].text.data,
                        "more than 32 levels of objects and arrays");
}


static void
brackets_in_strings_are_no_depth(void **state)
{
    size_t       i;
    static char  body[1000];

    static const char *const  before[] = {
        "[\"",                             /* plain */
        "[\"\\\"",                         /* behind an escaped quote */
        "[\"\\\\\\\"",                     /* behind a backslash and one */
        "[\"\\\\\", \"",                   /* a string that ends so */
        "[\"\", \"\\\\\\\\\", \""
    };

    (void) state;

    for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        memset(body, '[', sizeof(body));
        memcpy(body, before[i], strlen(before[i]));
        memcpy(body + sizeof(body) - 2, "\"]", 2);

        assert_non_null(parse(body, sizeof(body)));
    }

    assert_int_equal(errors.n, 0);

    /* and behind a string they are again */

    memset(body, '[', sizeof(body));
    memcpy(body, "[\"\\\\\",", 7);

    assert_null(parse(body, sizeof(body)));
    assert_string_equal(errors.list[0].text.data,
                        "more than 32 levels of objects and arrays");
}


static void
wide_bodies_are_parsed(void **state)
{
    int             i;
    results_value_t         *root;
    results_buf_t   buf;

    (void) state;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < 5000; i++) {
        results_buf_printf(&buf, "%c{\"n\":[%d]}", i ? ',' : '[', i);
    }

    results_buf_puts(&buf, "]");

    root = parse(buf.data, buf.len);
    assert_int_equal(results_value_size(root), 5000);

    buf.len = 0;

    for (i = 0; i < 300; i++) {
        results_buf_printf(&buf, "%c\"n%d\":%d", i ? ',' : '{', i, i);
    }

    results_buf_puts(&buf, "}");

    root = parse(buf.data, buf.len);
    assert_int_equal(results_value_size(root), 300);
    assert_true(results_value_number(results_value_get(root, "n299")) == 299);

    buf.len--;
    results_buf_puts(&buf, ",\"n7\":7}");

    assert_null(parse(buf.data, buf.len));
    assert_string_equal(errors.list[0].path.data, "/n7");

    results_buf_free(&buf);
}


static void
errors_are_joined(void **state)
{
    (void) state;

    assert_string_equal(results_errors_join(&errors).data, "");

    results_errors_add(&errors, "", "expected an %s", "object");
    assert_string_equal(results_errors_join(&errors).data,
                        "expected an object");

    results_errors_add(&errors, "/result/score", "required");
    assert_string_equal(results_errors_join(&errors).data,
                        "expected an object; /result/score: required");
}


static void
errors_beyond_the_limit_are_counted(void **state)
{
    int            i;
    results_str_t  s;

    (void) state;

    for (i = 0; i < RESULTS_ERRORS_MAX; i++) {
        results_errors_add(&errors, "/a", "%d", i);
    }

    assert_int_equal(errors.n, RESULTS_ERRORS_MAX);
    assert_int_equal(errors.dropped, 0);
    assert_null(strstr(results_errors_join(&errors).data, "more"));

    results_errors_add(&errors, "/a", "late");
    results_errors_add(&errors, "/a", "later");

    assert_int_equal(errors.n, RESULTS_ERRORS_MAX);
    assert_int_equal(errors.dropped, 2);

    s = results_errors_join(&errors);
    assert_string_equal(s.data + s.len - 20, "; /a: 63; and 2 more");
}


#define test(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(objects_and_arrays_are_parsed),
        test(other_bodies_are_refused),
        test(numbers_are_kept_as_they_came),
        test(numbers_have_a_length),
        test(scalars_are_json),
        test(values_are_limited),
        test(many_members_are_compared),
        test(digits_are_kept),
        test(errors_say_where),
        test(nul_bytes_are_refused),
        test(errors_quote_nothing_but_names),
        test(depth_is_limited),
        test(brackets_in_strings_are_no_depth),
        test(wide_bodies_are_parsed),
        test(errors_are_joined),
        test(errors_beyond_the_limit_are_counted)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
