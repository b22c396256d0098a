
/*
 * The grammar of filters: what is read of them, and where the others end.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_filter.h"


typedef struct {
    const char             *text;
    unsigned                n;
    unsigned                any;
    const char             *field[2];
    results_operator_e      operator[2];
    const char             *value[2];
} test_filter_t;


#define EQ  RESULTS_OPERATOR_EQ
#define GE  RESULTS_OPERATOR_GE


static results_arena_t   *arena;
static results_errors_t   errors;


static int
setup(void **state)
{
    (void) state;

    arena = results_arena_create();
    results_errors_init(&errors, arena);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    results_arena_destroy(arena);

    return 0;
}


/* from memory of its own, so that a checker sees who reads beyond it */
static int
parse(const char *text, size_t len, results_filter_t *filter)
{
    int            rc;
    char          *copy;
    unsigned       i;
    results_str_t  s;

    copy = malloc(len + !len);
    memcpy(copy, text, len);

    s.data = copy;
    s.len = len;

    rc = results_filter_parse(s, filter, &errors);

    /* fields point into the text, values do not */

    for (i = 0; rc == 0 && i < filter->n; i++) {
        filter->terms[i].field =
            results_arena_copy(arena, filter->terms[i].field.data,
                               filter->terms[i].field.len);
    }

    free(copy);

    return rc;
}


static void
filters_are_read(void **state)
{
    size_t                  i;
    unsigned                k;
    results_filter_t        filter;
    const test_filter_t    *test;
    results_filter_term_t  *term;

    static const test_filter_t  tests[] = {
        { "a='b'", 1, 0, { "a" }, { EQ }, { "b" } },
        { "a=''", 1, 0, { "a" }, { EQ }, { "" } },
        { "a!='b'", 1, 0, { "a" }, { RESULTS_OPERATOR_NE }, { "b" } },
        { "a>'b'", 1, 0, { "a" }, { RESULTS_OPERATOR_GT }, { "b" } },
        { "a>='b'", 1, 0, { "a" }, { GE }, { "b" } },
        { "a<'b'", 1, 0, { "a" }, { RESULTS_OPERATOR_LT }, { "b" } },
        { "a<='b'", 1, 0, { "a" }, { RESULTS_OPERATOR_LE }, { "b" } },
        { "a~'b'", 1, 0, { "a" }, { RESULTS_OPERATOR_CONTAINS }, { "b" } },

        /* quotes */
        { "a='it''s'", 1, 0, { "a" }, { EQ }, { "it's" } },
        { "a=''''", 1, 0, { "a" }, { EQ }, { "'" } },
        { "a=''''''", 1, 0, { "a" }, { EQ }, { "''" } },
        { "a='''b'''", 1, 0, { "a" }, { EQ }, { "'b'" } },
        { "a='\"\\'", 1, 0, { "a" }, { EQ }, { "\"\\" } },

        /* what ends no value */
        { "a=' AND b='", 1, 0, { "a" }, { EQ }, { " AND b=" } },
        { "a='1'' OR ''1'", 1, 0, { "a" }, { EQ }, { "1' OR '1" } },
        { "a='>=!=~'", 1, 0, { "a" }, { EQ }, { ">=!=~" } },

        /* fields */
        { "student.sourcedId='s'", 1, 0, { "student.sourcedId" }, { EQ },
          { "s" } },
        { "metadata.gr\xc3\xb6\xc3\x9f" "e='\xe2\x82\xac'", 1, 0,
          { "metadata.gr\xc3\xb6\xc3\x9f" "e" }, { EQ }, { "\xe2\x82\xac" } },
        { "AND='OR'", 1, 0, { "AND" }, { EQ }, { "OR" } },

        /* spaces */
        { "  a  =  'b'  ", 1, 0, { "a" }, { EQ }, { "b" } },
        { "a='b'   AND   c >= 'd' ", 2, 0, { "a", "c" }, { EQ, GE },
          { "b", "d" } },

        /* two terms */
        { "a='b' AND c>='d'", 2, 0, { "a", "c" }, { EQ, GE }, { "b", "d" } },
        { "a='b' OR c>='d'", 2, 1, { "a", "c" }, { EQ, GE }, { "b", "d" } },
        { "a=' OR ' OR b=' AND '", 2, 1, { "a", "b" }, { EQ, EQ },
          { " OR ", " AND " } }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        test = &tests[i];

        if (parse(test->text, strlen(test->text), &filter) != 0) {
            fail_msg("%s: %s", test->text, results_errors_join(&errors).data);
        }

        assert_int_equal(filter.n, test->n);
        assert_int_equal(filter.any, test->any);

        for (k = 0; k < filter.n; k++) {
            term = &filter.terms[k];

            if (!results_str_eq(term->field, results_str(test->field[k]))
                || !results_str_eq(term->value, results_str(test->value[k]))
                || term->operator != test->operator[k])
            {
                fail_msg("%s: term %u is %.*s %d %.*s", test->text, k,
                         (int) term->field.len, term->field.data,
                         (int) term->operator,
                         (int) term->value.len, term->value.data);
            }

            assert_non_null(term->value.data);
        }
    }
}


static void
other_texts_are_refused_where_they_go_wrong(void **state)
{
    size_t            i;
    results_str_t     text;
    results_filter_t  filter;

    static const struct {
        const char  *text;
        const char  *error;
    } tests[] = {
        { "", "filter: expected a field, at byte 1" },
        { "   ", "filter: expected a field, at byte 4" },
        { "='b'", "filter: expected a field, at byte 1" },
        { "'a'='b'", "filter: expected a field, at byte 1" },
        { "a", "filter: expected one of =, !=, >, >=, <, <=, ~, at byte 2" },
        { "a b='c'",
          "filter: expected one of =, !=, >, >=, <, <=, ~, at byte 3" },
        { "a!'b'",
          "filter: expected one of =, !=, >, >=, <, <=, ~, at byte 2" },
        { "a=", "filter: expected a value in single quotes, at byte 3" },
        { "a=b", "filter: expected a value in single quotes, at byte 3" },
        { "a=5", "filter: expected a value in single quotes, at byte 3" },
        { "a=\"b\"", "filter: expected a value in single quotes, at byte 3" },
        { "a=='b'", "filter: expected a value in single quotes, at byte 3" },
        { "a<>'b'", "filter: expected a value in single quotes, at byte 3" },
        { "a~='b'", "filter: expected a value in single quotes, at byte 3" },
        { "a='", "filter: expected the quote that ends the value, at byte 4" },
        { "a='b",
          "filter: expected the quote that ends the value, at byte 5" },
        { "a='b''",
          "filter: expected the quote that ends the value, at byte 7" },
        { "a='b' ANDc='d'",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b'AND c='d'",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b' and c='d'",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b' c='d'",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b';",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b' OR",
          "filter: expected \" AND \", \" OR \" or its end, at byte 6" },
        { "a='b' OR ", "filter: expected a field, at byte 10" },
        { "a='b' AND c='d' AND e='f'",
          "filter: expected its end: there may be one AND or OR, "
          "at byte 16" },
        { "a='b' OR c='d' AND e='f'",
          "filter: expected its end: there may be one AND or OR, "
          "at byte 15" },
        { "a='b' OR c='d')",
          "filter: expected its end: there may be one AND or OR, "
          "at byte 15" }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        results_errors_init(&errors, arena);

        if (parse(tests[i].text, strlen(tests[i].text), &filter) == 0) {
            fail_msg("taken: %s", tests[i].text);
        }

        text = results_errors_join(&errors);

        if (strcmp(tests[i].error, text.data) != 0) {
            fail_msg("%s: %s", tests[i].text, text.data);
        }
    }
}


/* no byte behind the text is read, however it is cut */
static void
every_beginning_ends_somewhere(void **state)
{
    int               rc;
    size_t            len;
    results_filter_t  filter;

    static const char  text[] = "student.sourcedId!='it''s' OR score>='50'";

    (void) state;

    for (len = 0; len < sizeof(text); len++) {
        results_errors_init(&errors, arena);

        rc = parse(text, len, &filter);

        assert_int_equal(rc, errors.n ? -1 : 0);
    }

    assert_int_equal(parse("a\0='b'", 6, &filter), -1);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(filters_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(
            other_texts_are_refused_where_they_go_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(every_beginning_ends_somewhere, setup,
                                        teardown)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
