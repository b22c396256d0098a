
/*
 * The field readers: what each takes, and the error it adds otherwise.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_json.h"


#define OK        RESULTS_JSON_OK
#define ABSENT    RESULTS_JSON_ABSENT
#define INVALID   RESULTS_JSON_INVALID

#define REQUIRED  RESULTS_JSON_REQUIRED
#define NULLABLE  RESULTS_JSON_NULLABLE
#define NONEMPTY  RESULTS_JSON_NONEMPTY


static results_errors_t  errors;
static results_reader_t  reader;


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


/* a reader of body, at /result */
static results_reader_t *
reads(const char *body)
{
    errors.n = 0;

    reader.object = results_json_parse(results_str(body), &errors);
    reader.path = "/result";
    reader.errors = &errors;

    assert_non_null(reader.object);

    return &reader;
}


/* the one error there is */
static void
assert_error(const char *path, const char *text)
{
    assert_int_equal(errors.n, 1);
    assert_string_equal(errors.list[0].path.data, path);
    assert_string_equal(errors.list[0].text.data, text);
}


static void
paths_are_json_pointers(void **state)
{
    results_reader_t  *r, root;

    (void) state;

    r = reads("{}");

    assert_string_equal(results_json_path(r, "score"), "/result/score");
    assert_string_equal(results_json_path(r, "a/b~c"), "/result/a~1b~0c");
    assert_string_equal(results_json_path(r, ""), "/result/");
    assert_string_equal(results_json_path_index(r, "set", 12),
                        "/result/set/12");

    root = *r;
    root.path = "";
    assert_string_equal(results_json_path(&root, "score"), "/score");
}


static void
strings_are_read(void **state)
{
    results_str_t  s = results_string("default");

    (void) state;

    assert_int_equal(results_json_string(reads("{\"a\": \"\xc3\xa9\\n\"}"),
                                         "a", 0, 0, &s), OK);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "\xc3\xa9\n", 3);

    assert_int_equal(results_json_string(reads("{\"a\": \"\"}"), "a",
                                         REQUIRED, 0, &s), OK);
    assert_int_equal(s.len, 0);

    assert_int_equal(errors.n, 0);
}


static void
absent_fields_leave_the_default(void **state)
{
    results_str_t  s = results_string("default");

    (void) state;

    assert_int_equal(results_json_string(reads("{}"), "a", 0, 0, &s), ABSENT);
    assert_int_equal(results_json_string(reads("{\"a\": null}"), "a",
                                         NULLABLE, 0, &s), ABSENT);
    assert_int_equal(results_json_string(reads("{\"a\": null}"), "a",
                                         REQUIRED|NULLABLE, 0, &s), ABSENT);
    assert_int_equal(errors.n, 0);

    assert_int_equal(results_json_string(reads("{}"), "a", REQUIRED, 0, &s),
                     INVALID);
    assert_error("/result/a", "required");

    assert_int_equal(results_json_string(reads("{}"), "a", REQUIRED|NULLABLE,
                                         0, &s), INVALID);
    assert_error("/result/a", "required");

    assert_int_equal(results_json_string(reads("{\"a\": null}"), "a", 0, 0,
                                         &s), INVALID);
    assert_error("/result/a", "expected a string");

    assert_string_equal(s.data, "default");
}


static void
names_have_a_case(void **state)
{
    results_str_t  s;

    (void) state;

    assert_int_equal(results_json_string(reads("{\"A\": \"x\"}"), "a", 0, 0,
                                         &s), ABSENT);
}


static void
strings_are_limited_in_characters(void **state)
{
    results_str_t  s = { 0, NULL };

    (void) state;

    assert_int_equal(results_json_string(
                         reads("{\"a\": \"\xf0\x9f\x98\x80\xc3\xa9x\"}"),
                         "a", 0, 3, &s), OK);
    assert_int_equal(s.len, 7);

    assert_int_equal(results_json_string(
                         reads("{\"a\": \"\xf0\x9f\x98\x80\xc3\xa9x\"}"),
                         "a", 0, 2, &s), INVALID);
    assert_error("/result/a", "longer than 2 characters");

    assert_int_equal(results_json_string(reads("{\"a\": \"\"}"), "a",
                                         NONEMPTY, 0, &s), INVALID);
    assert_error("/result/a", "must not be empty");

    assert_int_equal(results_json_string(reads("{\"a\": \" \"}"), "a",
                                         NONEMPTY, 0, &s), OK);
}


static void
strings_are_nothing_else(void **state)
{
    results_str_t  s;

    (void) state;

    assert_int_equal(results_json_string(reads("{\"a\": 1}"), "a", 0, 0, &s),
                     INVALID);
    assert_int_equal(results_json_string(reads("{\"a\": true}"), "a",
                                         NULLABLE, 0, &s), INVALID);
    assert_int_equal(results_json_string(reads("{\"a\": {}}"), "a", 0, 0,
                                         &s), INVALID);
    assert_int_equal(results_json_string(reads("{\"a\": [\"x\"]}"), "a", 0,
                                         0, &s), INVALID);
    assert_error("/result/a", "expected a string");
}


static void
numbers_are_read(void **state)
{
    size_t  i;
    double  number;

    static const struct {
        const char  *body;
        double       number;
    } cases[] = {
        { "{\"a\": 0}", 0 },
        { "{\"a\": 85}", 85 },
        { "{\"a\": -1}", -1 },
        { "{\"a\": 85.5}", 85.5 },
        { "{\"a\": 0.1}", 0.1 },
        { "{\"a\": 1e300}", 1e300 },
        { "{\"a\": 1E+2}", 100 },
        { "{\"a\": 4.9e-324}", 4.9e-324 },
        { "{\"a\": 1e-400}", 0 },
        { "{\"a\": 9223372036854775807}", 9223372036854775807.0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_json_number(reads(cases[i].body), "a", 0,
                                             &number), OK);
        assert_true(number == cases[i].number);
    }
}


static void
numbers_are_nothing_else(void **state)
{
    size_t  i;
    double  number;

    static const char *const  cases[] = {
        "{\"a\": \"85\"}", "{\"a\": null}", "{\"a\": false}", "{\"a\": []}",
        "{\"a\": {}}"
    };

    (void) state;

    number = 42;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_json_number(reads(cases[i]), "a", 0,
                                             &number), INVALID);
        assert_error("/result/a", "expected a number");
        assert_true(number == 42);
    }
}


static void
integers_are_read(void **state)
{
    size_t   i;
    int64_t  n;

    static const struct {
        const char  *body;
        int64_t      n;
    } cases[] = {
        { "{\"a\": 0}", 0 },
        { "{\"a\": -7}", -7 },
        { "{\"a\": -0}", 0 },
        { "{\"a\": 60.0}", 60 },
        { "{\"a\": 6e1}", 60 },
        { "{\"a\": -0.0}", 0 },
        { "{\"a\": 9007199254740992.0}", INT64_C(9007199254740992) },
        { "{\"a\": 9223372036854775807}", INT64_MAX },
        { "{\"a\": -9223372036854775808}", INT64_MIN }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_json_integer(reads(cases[i].body), "a", 0,
                                              INT64_MIN, INT64_MAX, &n), OK);
        assert_true(n == cases[i].n);
    }
}


static void
integers_are_nothing_else(void **state)
{
    size_t   i;
    int64_t  n;

    static const char *const  cases[] = {
        "{\"a\": \"1\"}", "{\"a\": 1.5}", "{\"a\": 1e19}", "{\"a\": -1e300}",
        "{\"a\": null}", "{\"a\": true}", "{\"a\": [1]}", "{\"a\": {}}"
    };

    (void) state;

    n = 42;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_json_integer(reads(cases[i]), "a", 0,
                                              INT64_MIN, INT64_MAX, &n),
                         INVALID);
        assert_error("/result/a", "expected an integer");
        assert_int_equal(n, 42);
    }
}


static void
integers_have_bounds(void **state)
{
    int64_t  n;

    (void) state;

    assert_int_equal(results_json_integer(reads("{\"a\": 1}"), "a", 0, 1, 9,
                                          &n), OK);
    assert_int_equal(results_json_integer(reads("{\"a\": 9}"), "a", 0, 1, 9,
                                          &n), OK);

    assert_int_equal(results_json_integer(reads("{\"a\": 0}"), "a", 0, 1, 9,
                                          &n), INVALID);
    assert_error("/result/a", "expected an integer from 1 to 9");

    assert_int_equal(results_json_integer(reads("{\"a\": 10.0}"), "a", 0, 1,
                                          9, &n), INVALID);
    assert_error("/result/a", "expected an integer from 1 to 9");

    assert_int_equal(n, 9);
}


static void
times_are_read(void **state)
{
    int64_t        time;
    results_str_t  raw;

    (void) state;

    assert_int_equal(results_json_time(
                         reads("{\"a\": \"2023-11-07T07:31:56.5+02:00\"}"),
                         "a", 0, RESULTS_TIME_DATETIME, &time, &raw), OK);
    assert_true(time == INT64_C(1699335116500000));
    assert_string_equal(raw.data, "2023-11-07T07:31:56.5+02:00");

    assert_int_equal(results_json_time(reads("{\"a\": \"2023-11-07\"}"), "a",
                                       0, RESULTS_TIME_DATE, &time, NULL),
                     OK);
    assert_true(time == INT64_C(1699315200000000));
}


static void
time_errors_show_the_form(void **state)
{
    int64_t            time;
    results_reader_t  *r;

    (void) state;

    time = 42;

    r = reads("{\"a\": \"yesterday\"}");
    assert_int_equal(results_json_time(r, "a", 0, RESULTS_TIME_DATE, &time,
                                       NULL), INVALID);
    assert_error("/result/a", "expected a date as 2023-11-07");

    r = reads("{\"a\": \"2023-11-07\"}");
    assert_int_equal(results_json_time(r, "a", 0, RESULTS_TIME_DATETIME,
                                       &time, NULL), INVALID);
    assert_error("/result/a", "expected a date-time as 2023-11-07T05:31:56Z");

    r = reads("{\"a\": \"\"}");
    assert_int_equal(results_json_time(r, "a", 0,
                                       RESULTS_TIME_DATETIME
                                       |RESULTS_TIME_DATE,
                                       &time, NULL), INVALID);
    assert_error("/result/a",
                 "expected a date-time as 2023-11-07T05:31:56Z, or a date");

    r = reads("{\"a\": 1699335116}");
    assert_int_equal(results_json_time(r, "a", 0, RESULTS_TIME_DATETIME,
                                       &time, NULL), INVALID);
    assert_error("/result/a", "expected a string");

    assert_int_equal(time, 42);
}


static void
words_are_found(void **state)
{
    int  i;

    static const char *const  words[] = {
        "active", "tobedeleted", NULL
    };

    (void) state;

    assert_int_equal(results_json_word(reads("{\"a\": \"active\"}"), "a", 0,
                                       words, &i), OK);
    assert_int_equal(i, 0);

    assert_int_equal(results_json_word(reads("{\"a\": \"tobedeleted\"}"),
                                       "a", 0, words, &i), OK);
    assert_int_equal(i, 1);

    assert_int_equal(results_json_word(reads("{\"a\": \"Active\"}"), "a", 0,
                                       words, &i), INVALID);
    assert_error("/result/a", "expected one of: active, tobedeleted");

    assert_int_equal(results_json_word(reads("{\"a\": \"\"}"), "a", 0, words,
                                       &i), INVALID);
    assert_int_equal(i, 1);
}


static void
objects_are_entered(void **state)
{
    results_str_t      s;
    results_reader_t  *r, child, grandchild;

    (void) state;

    r = reads("{\"student\": {\"ref\": {\"type\": 1}}, \"class\": []}");

    assert_int_equal(results_json_object(r, "student", REQUIRED, &child), OK);
    assert_int_equal(results_json_object(&child, "ref", REQUIRED,
                                         &grandchild), OK);
    assert_int_equal(results_json_string(&grandchild, "type", 0, 0, &s),
                     INVALID);
    assert_error("/result/student/ref/type", "expected a string");

    errors.n = 0;
    assert_int_equal(results_json_object(r, "class", 0, &child), INVALID);
    assert_error("/result/class", "expected an object");

    assert_int_equal(results_json_object(r, "none", 0, &child), ABSENT);
}


static void
arrays_are_handed_over(void **state)
{
    results_value_t            *array;
    results_reader_t  *r;

    (void) state;

    r = reads("{\"a\": [1, 2], \"b\": {}, \"c\": []}");

    assert_int_equal(results_json_array(r, "a", NONEMPTY, &array), OK);
    assert_int_equal(results_value_size(array), 2);
    assert_int_equal(results_json_array(r, "c", 0, &array), OK);
    assert_int_equal(errors.n, 0);

    assert_int_equal(results_json_array(r, "b", 0, &array), INVALID);
    assert_error("/result/b", "expected an array");

    errors.n = 0;
    assert_int_equal(results_json_array(r, "c", NONEMPTY, &array), INVALID);
    assert_error("/result/c", "must not be empty");
}


static void
unknown_fields_are_refused(void **state)
{
    unsigned  i;

    static const char *const  names[] = { "a", "b", "c", NULL };
    static const char *const  none[] = { NULL };

    static const char *const  known[] = {
        "{}", "{\"a\": 1}", "{\"c\": 1}", "{\"a\": 1, \"b\": 1, \"c\": 1}",
        "{\"c\": 1, \"b\": 1, \"a\": 1}", "{\"b\": 1, \"c\": 1, \"a\": 1}"
    };
    static const char *const  unknown[] = {
        "{\"x\": 1}", "{\"a\": 1, \"x\": 1}", "{\"x\": 1, \"a\": 1}",
        "{\"c\": 1, \"x\": 1, \"b\": 1}", "{\"b\": 1, \"x\": null, \"c\": 1}"
    };

    (void) state;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        results_json_refuse_unknown(reads(known[i]), names);
        assert_int_equal(errors.n, 0);
    }

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        results_json_refuse_unknown(reads(unknown[i]), names);
        assert_error("/result/x", "unknown field");
    }

    results_json_refuse_unknown(reads("{\"A\": 1, \"aa\": 1, \"\": 1}"),
                                names);
    assert_int_equal(errors.n, 3);
    assert_string_equal(errors.list[2].path.data, "/result/");

    results_json_refuse_unknown(reads("{\"a/b\": 1}"), none);
    assert_error("/result/a~1b", "unknown field");
}


static void
long_names_are_cut_between_characters(void **state)
{
    int            i;
    results_buf_t  buf;

    static const char *const  names[] = { NULL };

    (void) state;

    memset(&buf, 0, sizeof(buf));

    results_buf_puts(&buf, "{\"x");

    for (i = 0; i < 100; i++) {
        results_buf_puts(&buf, "\xc3\xa9");
    }

    results_buf_puts(&buf, "\": 1}");
    results_buf_append(&buf, "", 1);

    results_json_refuse_unknown(reads(buf.data), names);

    /* 63 bytes of it, not 64 */

    assert_int_equal(errors.n, 1);
    assert_int_equal(errors.list[0].path.len, 8 + 63 + 3);
    assert_memory_equal(errors.list[0].path.data + 8 + 61, "\xc3\xa9...", 5);

    results_buf_free(&buf);
}


static void
every_error_is_collected(void **state)
{
    int                i;
    double             number;
    int64_t            n;
    results_str_t      s;
    results_reader_t  *r;

    static const char *const  words[] = { "x", NULL };

    (void) state;

    r = reads("{\"string\": 1, \"number\": \"1\", \"word\": \"y\"}");

    (void) results_json_string(r, "string", 0, 0, &s);
    (void) results_json_number(r, "number", 0, &number);
    (void) results_json_word(r, "word", 0, words, &i);
    (void) results_json_integer(r, "missing", REQUIRED, 0, 1, &n);

    assert_string_equal(results_errors_join(&errors).data,
                        "/result/string: expected a string; "
                        "/result/number: expected a number; "
                        "/result/word: expected one of: x; "
                        "/result/missing: required");
}


#define test(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(paths_are_json_pointers),
        test(strings_are_read),
        test(absent_fields_leave_the_default),
        test(names_have_a_case),
        test(strings_are_limited_in_characters),
        test(strings_are_nothing_else),
        test(numbers_are_read),
        test(numbers_are_nothing_else),
        test(integers_are_read),
        test(integers_are_nothing_else),
        test(integers_have_bounds),
        test(times_are_read),
        test(time_errors_show_the_form),
        test(words_are_found),
        test(objects_are_entered),
        test(arrays_are_handed_over),
        test(unknown_fields_are_refused),
        test(long_names_are_cut_between_characters),
        test(every_error_is_collected)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
