
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
static json_t *
parse(const char *data, size_t len)
{
    char           *copy;
    json_t         *root;
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
static json_t *
parse_nested(const char *open, const char *close, int depth)
{
    int            i;
    json_t        *root;
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
    json_t  *root;

    (void) state;

    root = parse(" {\"a\": [1, 2.5, \"\\u00e9\", null]}\r\n\t", 35);
    assert_true(json_is_object(root));
    assert_int_equal(json_array_size(json_object_get(root, "a")), 4);

    assert_true(json_is_array(parse("[]", 2)));
    assert_true(json_is_object(parse("{}", 2)));

    assert_int_equal(errors.n, 0);
}


static void
other_bodies_are_refused(void **state)
{
    size_t       i, len;
    const char  *text;

    static const struct {
        const char  *body;
        const char  *text;
    } cases[] = {
        { "", "expected an object, the body is empty" },
        { " \r\n\t", "expected an object, the body is empty" },
        { "true", "expected an object" },
        { "85", "expected an object" },
        { "\"text\"", "expected an object" },
        { "null", "expected an object" },
        { "<results/>", "expected an object" },
        { "score=85", "expected an object" },
        { "// no\n{}", "expected an object" },
        { "\xef\xbb\xbf{}", "the body begins with a byte order mark, which "
                            "JSON must not have" },
        { "{", "the JSON text ends too early" },
        { "{\"a\": 1", "the JSON text ends too early" },
        { "{\"a", "the JSON text ends too early" },
        { "{\"a\\", "invalid JSON" },
        { "{} {}", "more text behind the JSON value" },
        { "{}}", "more text behind the JSON value" },
        { "{\"a\": 1,\n \"a\": 2}", "duplicate field" },
        { "[{\"x\": {\"b\": 1, \"b\": 1}}]", "duplicate field" },
        { "{\"a\": 9223372036854775808}", "number out of range" },
        { "{\"a\": -9223372036854775809}", "number out of range" },
        { "{\"a\": 1e400}", "number out of range" },
        { "{\"a\": \"\xff\"}", "invalid UTF-8" },
        { "{\"a\": \"\xc0\x80\"}", "invalid UTF-8" },
        { "{\"a\": \"\xed\xa0\x80\"}", "invalid UTF-8" },
        { "{\"a\": \"\\u0000\"}", "\\u0000 is not supported" },
        { "{\"a\": \"\\ud800\"}", "invalid JSON" },
        { "{\"a\": \"\\udc00\"}", "invalid JSON" },
        { "{\"a\": NaN}", "invalid JSON" },
        { "{\"a\": Infinity}", "invalid JSON" },
        { "{\"a\": +1}", "invalid JSON" },
        { "{\"a\": 01}", "invalid JSON" },
        { "{\"a\": .5}", "invalid JSON" },
        { "{\"a\": 1.}", "invalid JSON" },
        { "{\"a\": True}", "invalid JSON" },
        { "{'a': 1}", "invalid JSON" },
        { "{a: 1}", "invalid JSON" },
        { "{\"a\": 1,}", "invalid JSON" },
        { "[1,]", "invalid JSON" },
        { "{\"a\" 1}", "invalid JSON" },
        { "{\"a\": 1 /* no */}", "invalid JSON" },
        { "{\"a\": \"\t\"}", "invalid JSON" },
        { "{\"a\": \"\\x\"}", "invalid JSON" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errors.n = 0;

        if (parse(cases[i].body, strlen(cases[i].body)) != NULL) {
            fail_msg("parsed: %s", cases[i].body);
        }

        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.list[0].path.data, "");

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
errors_say_where(void **state)
{
    (void) state;

    assert_null(parse("{\"a\": 1,\n \"a\": 2}", 17));
    assert_string_equal(errors.list[0].text.data,
                        "duplicate field, at line 2, column 4");
}


static void
nul_bytes_are_refused(void **state)
{
    (void) state;

    assert_null(parse("\0", 1));
    assert_null(parse("{}\0", 3));
    assert_null(parse("{\"a\0\": 1}", 9));
    assert_null(parse("{\"a\": \"\0\"}", 10));

    assert_int_equal(errors.n, 4);
}


static void
errors_never_quote_the_body(void **state)
{
    size_t  i;

    static const char *const  cases[] = {
        "{\"secret\": secret}", "secret", "{\"secret\": 1, \"secret\": 1}",
        "{\"secret\": \"secret\xff\"}", "{\"secret\": \"\\secret\"}",
        "{\"secret", "{} secret", "[secret]", "{secret: 1}",
        "{\"secret\": 1e999, \"secret\": 1}"
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
    json_t         *root;
    results_buf_t   buf;

    (void) state;

    memset(&buf, 0, sizeof(buf));

    for (i = 0; i < 5000; i++) {
        results_buf_printf(&buf, "%c{\"n\":[%d]}", i ? ',' : '[', i);
    }

    results_buf_puts(&buf, "]");

    root = parse(buf.data, buf.len);
    assert_int_equal(json_array_size(root), 5000);

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
        test(errors_say_where),
        test(nul_bytes_are_refused),
        test(errors_never_quote_the_body),
        test(depth_is_limited),
        test(brackets_in_strings_are_no_depth),
        test(wide_bodies_are_parsed),
        test(errors_are_joined),
        test(errors_beyond_the_limit_are_counted)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
