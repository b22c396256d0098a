
/*
 * The query of a collection as the call of read_records() that it becomes,
 * and what is refused of it.
 */

#include "dialect_request.h"


#define DAY_FROM   "2023-11-07T00:00:00.000000Z"
#define DAY_TO     "2023-11-08T00:00:00.000000Z"


/* GET of a path with a query: 0, or the status of the refusal */
static int
request_list(test_request_t *t, const char *dialect, const char *path,
    const char *query, size_t len)
{
    char  *copy;

    request_start(t, RESULTS_METHOD_GET, path);

    t->r.dialect = results_dialect_find(results_str(dialect));
    t->principal.scopes =
        results_scope_bits(results_str(SCOPES "gradebook.readonly "
                                       SCOPES "assessment.readonly"));

    copy = results_arena_alloc(t->r.arena, len);
    memcpy(copy, query, len);

    t->r.query.data = copy;
    t->r.query.len = len;

    if (results_route(&t->r) != 0 || results_authorize(&t->r) != 0) {
        return request_error(t);
    }

    if (t->r.route->parse(&t->r) == RESULTS_NEXT_REPLY) {
        return request_error(t);
    }

    assert_int_equal(t->r.failure.status, 0);
    assert_int_equal(t->r.read.failed, 0);
    assert_int_equal(t->r.read.function, RESULTS_READ_RECORDS);

    return 0;
}


/* all parameters in one text, in their order in sql/ */
static const char *
request_call(test_request_t *t)
{
    unsigned       i;
    results_buf_t  buf;
    const char    *text;

    memset(&buf, 0, sizeof(results_buf_t));

    for (i = 0; i < t->r.read.nargs; i++) {
        results_buf_printf(&buf, "%s%s", i ? " " : "",
                           t->r.read.args[i] ? t->r.read.args[i] : "-");
    }

    text = results_arena_copy(t->r.arena, buf.data, buf.len).data;
    results_buf_free(&buf);

    return text;
}


static void
queries_become_calls(void **state)
{
    size_t          i;
    const char     *call;
    test_request_t  t;

    static const struct {
        const char  *path;
        const char  *query;
        const char  *call;
    } tests[] = {
        { "results", "",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - f 100 0" },
        { "results/", "limit=1&offset=0",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - f 1 0" },
        { "assessmentResults", "a=b&&limit=10001&offset=007",
          "7 2 - - - f {} {} {} {} {} {} {} f 1 - f 10000 7" },
        { "results", "limit=99999999999999999999&offset=99999999999999999999",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - f 10000 9007199254740992" },
        { "results", "%6cimit=%31%30&Limit=x&limits=x",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - f 10 0" },
        { "classes/c%2F1/results", "",
          "7 1 c/1 - - f {} {} {} {} {} {} {} f 1 - f 100 0" },
        { "classes/c/students/087FC3714FEE4DCBA82F3E0BF27FC33E/results", "",
          "7 1 c 087fc371-4fee-4dcb-a82f-3e0bf27fc33e - "
          "f {} {} {} {} {} {} {} f 1 - f 100 0" },
        { "classes/c/lineItems/l/results/", "",
          "7 1 c - l f {} {} {} {} {} {} {} f 1 - f 100 0" },

        /* sort */
        { "results", "sort=score",
          "7 1 - - - f {} {} {} {} {} {} {} f 8 - f 100 0" },
        { "results", "sort=metadata.a.b&orderBy=DESC",
          "7 1 - - - f {} {} {} {} {} {} {} f 12 metadata.a.b t 100 0" },
        { "results", "sort=foo&orderBy=desc",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - f 100 0" },
        { "results", "orderBy=desc",
          "7 1 - - - f {} {} {} {} {} {} {} f 1 - t 100 0" },
        { "results", "orderBy=asc&sort=textScore",
          "7 1 - - - f {} {} {} {} {} {} {} f 10 textScore f 100 0" },

        /* fields */
        { "results", "filter=sourcedId%3D'a'",
          "7 1 - - - f {1} {1} {NULL} {\"a\"} {NULL} {NULL} {NULL} "
          "f 1 - f 100 0" },
        { "results", "filter=student.sourcedId~'a'+OR+studentSourcedId='b'",
          "7 1 - - - f {2,2} {7,1} {NULL,NULL} {\"a\",\"b\"} {NULL,NULL} "
          "{NULL,NULL} {NULL,NULL} t 1 - f 100 0" },
        { "results", "filter=lineItem.sourcedId='a'%20AND%20classSourcedId>'b'",
          "7 1 - - - f {3,4} {1,3} {NULL,NULL} {\"a\",\"b\"} {NULL,NULL} "
          "{NULL,NULL} {NULL,NULL} f 1 - f 100 0" },
        { "assessmentResults", "filter=assessmentLineItemSourcedId='a'",
          "7 2 - - - f {3} {1} {NULL} {\"a\"} {NULL} {NULL} {NULL} "
          "f 1 - f 100 0" },
        { "results", "filter=scoreScale.sourcedId='%22\\'",
          "7 1 - - - f {10} {1} {\"scoreScale.sourcedId\"} {\"\\\"\\\\\"} "
          "{NULL} {NULL} {NULL} f 1 - f 100 0" },
        { "results", "filter=inProgress='true'+AND+scoreStatus='ext:a'",
          "7 1 - - - f {10,9} {1,1} {\"inProgress\",NULL} "
          "{\"true\",\"ext:a\"} {NULL,NULL} {NULL,NULL} {NULL,NULL} "
          "f 1 - f 100 0" },

        /* an id in the form that the column has */
        { "results", "filter=student.sourcedId='{087FC371-4FEE-4DCB-A82F-"
                     "3E0BF27FC33E}'",
          "7 1 - - - f {2} {1} {NULL} "
          "{\"087fc371-4fee-4dcb-a82f-3e0bf27fc33e\"} {NULL} {NULL} {NULL} "
          "f 1 - f 100 0" },

        /* status and dateLastModified bring what is deleted */
        { "results", "filter=status='inactive'",
          "7 1 - - - t {5} {1} {NULL} {\"tobedeleted\"} {NULL} {NULL} {NULL} "
          "f 1 - f 100 0" },
        { "results", "filter=dateLastModified>='2023-11-07'",
          "7 1 - - - t {6} {4} {NULL} {\"2023-11-07\"} {NULL} "
          "{" DAY_FROM "} {NULL} f 1 - f 100 0" },

        /* numbers */
        { "results", "filter=score>='1e2'",
          "7 1 - - - f {8} {4} {NULL} {\"1e2\"} {\"1e2\"} {NULL} {NULL} "
          "f 1 - f 100 0" },
        { "assessmentResults", "filter=scorePercentile<'-0.5'",
          "7 2 - - - f {11} {5} {\"scorePercentile\"} {\"-0.5\"} {\"-0.5\"} "
          "{NULL} {NULL} f 1 - f 100 0" },
        { "results", "filter=metadata.a='5'+OR+metadata.b='x'",
          "7 1 - - - f {12,12} {1,1} {\"metadata.a\",\"metadata.b\"} "
          "{\"5\",\"x\"} {\"5\",NULL} {NULL,NULL} {NULL,NULL} "
          "t 1 - f 100 0" },

        /* days: those of scoreDate */
        { "results", "filter=scoreDate='2023-11-07'",
          "7 1 - - - f {7} {1} {NULL} {\"2023-11-07\"} {NULL} "
          "{" DAY_FROM "} {" DAY_TO "} f 1 - f 100 0" },
        { "results", "filter=scoreDate>'2023-11-07'",
          "7 1 - - - f {7} {4} {NULL} {\"2023-11-07\"} {NULL} "
          "{" DAY_TO "} {NULL} f 1 - f 100 0" },
        { "results", "filter=scoreDate<='2023-11-07'",
          "7 1 - - - f {7} {5} {NULL} {\"2023-11-07\"} {NULL} "
          "{NULL} {" DAY_TO "} f 1 - f 100 0" },
        { "results", "filter=scoreDate<'2023-11-07'",
          "7 1 - - - f {7} {5} {NULL} {\"2023-11-07\"} {NULL} "
          "{NULL} {" DAY_FROM "} f 1 - f 100 0" },
        { "results", "filter=scoreDate!='2023-11-07T02:00:00%2B02:00'",
          "7 1 - - - f {7} {2} {NULL} {\"2023-11-07T02:00:00+02:00\"} {NULL} "
          "{" DAY_FROM "} {2023-11-07T00:00:00.000001Z} f 1 - f 100 0" },
        { "results", "filter=scoreDate>='9999-12-31'",
          "7 1 - - - f {7} {4} {NULL} {\"9999-12-31\"} {NULL} "
          "{9999-12-31T00:00:00.000000Z} {NULL} f 1 - f 100 0" },
        { "results", "filter=scoreDate='0001-01-01'",
          "7 1 - - - f {7} {1} {NULL} {\"0001-01-01\"} {NULL} "
          "{0001-01-01T00:00:00.000000Z} {0001-01-02T00:00:00.000000Z} "
          "f 1 - f 100 0" },

        /* milliseconds: those that dateLastModified shows */
        { "results", "filter=dateLastModified='2023-11-07T00:00:00.001Z'",
          "7 1 - - - t {6} {1} {NULL} {\"2023-11-07T00:00:00.001Z\"} {NULL} "
          "{2023-11-07T00:00:00.001000Z} {2023-11-07T00:00:00.002000Z} "
          "f 1 - f 100 0" },
        { "results", "filter=dateLastModified='1969-12-31T23:59:59.9995Z'",
          "7 1 - - - t {6} {1} {NULL} {\"1969-12-31T23:59:59.9995Z\"} {NULL} "
          "{1969-12-31T23:59:59.999000Z} {1969-12-31T23:59:59.999000Z} "
          "f 1 - f 100 0" },
        { "results", "filter=dateLastModified<'2023-11-07T00:00:00.0005Z'",
          "7 1 - - - t {6} {5} {NULL} {\"2023-11-07T00:00:00.0005Z\"} {NULL} "
          "{NULL} {2023-11-07T00:00:00.001000Z} f 1 - f 100 0" }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        if (request_list(&t, "oneroster", tests[i].path, tests[i].query,
                         strlen(tests[i].query))
            != 0)
        {
            fail_msg("%s: %s", tests[i].query, t.text);
        }

        call = request_call(&t);

        if (strcmp(call, tests[i].call) != 0) {
            fail_msg("%s: %s", tests[i].query, call);
        }

        request_end(&t);
    }
}


/* a filter finds what the dialect shows: there an ext: word is another one */
static void
timeback_has_five_words_of_scores(void **state)
{
    test_request_t  t;

    static const char  query[] = "filter=scoreStatus='exempt'";

    (void) state;

    assert_int_equal(request_list(&t, "timeback", "results", query,
                                  sizeof(query) - 1), 0);
    assert_string_equal(request_call(&t),
        "7 1 - - - f {13} {1} {NULL} {\"exempt\"} {NULL} {NULL} {NULL} "
        "f 1 - f 100 0");

    request_end(&t);
}


static void
other_queries_are_refused_with_what_is_wrong(void **state)
{
    size_t          i;
    test_request_t  t;

    static const struct {
        const char  *query;
        const char  *word;
        const char  *text;
    } tests[] = {
        { "limit=0", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=-1", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=+1", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=1e3", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=1.0", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=ten", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=\xd9\xa1", "invaliddata",
          "limit: expected a whole number, 1 or more" },
        { "limit=1&limit=1", "invaliddata",
          "limit: may be there once only" },
        { "offset=-0", "invaliddata",
          "offset: expected a whole number, 0 or more" },
        { "offset=1&offset=2&sort=a&sort=a&orderBy=asc&orderBy=asc"
          "&filter=score='1'&filter=score='1'", "invaliddata",
          "offset: may be there once only; sort: may be there once only; "
          "orderBy: may be there once only; filter: may be there once only" },
        { "orderBy=up&limit=0", "invaliddata",
          "limit: expected a whole number, 1 or more; "
          "orderBy: expected one of: asc, desc" },
        { "orderBy=", "invaliddata",
          "orderBy: expected one of: asc, desc" },

        { "a=%zz", "invaliddata", "the query is not UTF-8, percent-encoded" },
        { "a=%f", "invaliddata", "the query is not UTF-8, percent-encoded" },
        { "a=%ff", "invaliddata", "the query is not UTF-8, percent-encoded" },
        { "a=\xff", "invaliddata", "the query is not UTF-8, percent-encoded" },
        { "%00=a", "invaliddata", "the query is not UTF-8, percent-encoded" },
        { "filter=score='%00'", "invaliddata",
          "the query is not UTF-8, percent-encoded" },
        { "filter=score='%ed%a0%80'", "invaliddata",
          "the query is not UTF-8, percent-encoded" },

        { "fields=foo", "invalid_selection_field",
          "fields: there is no field \"foo\"" },
        { "fields=", "", NULL },
        { "fields=score,,status", "invalid_selection_field",
          "fields: there is no field \"\"" },
        { "fields=score&fields=Score,b%22", "invalid_selection_field",
          "fields: there is no field \"Score\"; "
          "fields: there is no field \"b\"\"" },
        { "fields=student.sourcedId", "invalid_selection_field",
          "fields: there is no field \"student.sourcedId\"" },

        { "filter=", "invalid_filter_field",
          "filter: expected a field, at byte 1" },
        { "filter=foo='1'", "invalid_filter_field",
          "filter: foo: can't be filtered by, there is no such field" },
        { "filter=foo='1'+OR+score='x'", "invalid_filter_field",
          "filter: foo: can't be filtered by, there is no such field; "
          "filter: score: expected a number" },
        { "filter=student='s'", "invalid_filter_field",
          "filter: student: can't be filtered by, there is no such field" },
        { "filter=student.href='s'", "invalid_filter_field",
          "filter: student.href: can't be filtered by, there is no such "
          "field" },
        { "filter=metadata='s'", "invalid_filter_field",
          "filter: metadata: can't be filtered by, there is no such field" },
        { "filter=metadata.='s'", "invalid_filter_field",
          "filter: metadata.: can't be filtered by, there is no such field" },
        { "filter=learningObjectiveSet='s'", "invalid_filter_field",
          "filter: learningObjectiveSet: can't be filtered by, there is no "
          "such field" },
        { "filter=assessmentLineItem.sourcedId='s'", "invalid_filter_field",
          "filter: assessmentLineItem.sourcedId: can't be filtered by, there "
          "is no such field" },
        { "filter=score='1e400'", "invalid_filter_field",
          "filter: score: expected a number" },
        { "filter=score='NaN'", "invalid_filter_field",
          "filter: score: expected a number" },
        { "filter=score=''", "invalid_filter_field",
          "filter: score: expected a number" },
        { "filter=score='%221%22'", "invalid_filter_field",
          "filter: score: expected a number" },
        { "filter=score='1e400'", "invalid_filter_field",
          "filter: score: expected a number" },
        { "filter=score~'1'", "invalid_filter_field",
          "filter: score: a number contains nothing" },
        { "filter=status='foo'", "invalid_filter_field",
          "filter: status: expected one of: active, tobedeleted, inactive" },
        { "filter=status>'active'", "invalid_filter_field",
          "filter: status: is compared by = and != only" },
        { "filter=scoreDate='2023-02-30'", "invalid_filter_field",
          "filter: scoreDate: expected a date or a date-time with a zone "
          "(+ is %2B in a query)" },
        { "filter=scoreDate='2023-11-07T00:00:00+01:00'",
          "invalid_filter_field",
          "filter: scoreDate: expected a date or a date-time with a zone "
          "(+ is %2B in a query)" },
        { "filter=dateLastModified~'2023'", "invalid_filter_field",
          "filter: dateLastModified: a date contains nothing" }
    };

    (void) state;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {

        if (request_list(&t, "timeback", "results", tests[i].query,
                         strlen(tests[i].query))
            != (tests[i].text ? 400 : 0))
        {
            fail_msg("taken: %s", tests[i].query);
        }

        if (tests[i].text
            && (strcmp(request_description(&t), tests[i].text) != 0
                || strcmp(request_code_minor(&t), tests[i].word) != 0))
        {
            fail_msg("%s: %s", tests[i].query, t.text);
        }

        request_end(&t);
    }
}


/* a name that comes back is cut, and not within a character */
static void
long_names_are_cut(void **state)
{
    int             i;
    char            query[4096];
    test_request_t  t;

    (void) state;

    strcpy(query, "fields=");

    for (i = 0; i < 1000; i++) {
        strcat(query, "\xe2\x82\xac");
    }

    assert_int_equal(request_list(&t, "timeback", "results", query,
                                  strlen(query)), 400);
    assert_true(strlen(request_description(&t)) < 400);
    assert_contains(request_description(&t), "\xe2\x82\xac...");

    request_end(&t);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(queries_become_calls),
        cmocka_unit_test(timeback_has_five_words_of_scores),
        cmocka_unit_test(other_queries_are_refused_with_what_is_wrong),
        cmocka_unit_test(long_names_are_cut)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
