
/*
 * Preconditions: what a write is told of them, and what they say of a record
 * that was read.
 */

#include "dialect_request.h"

#include "results_precondition.h"


#define TAG   "t5-1699335116123456"
#define DATE  "Tue, 07 Nov 2023 05:31:56 GMT"
#define PAST  "Tue, 07 Nov 2023 05:31:55 GMT"


static results_record_t  record;


static void
start(test_request_t *t, results_method_e method)
{
    request_start(t, method, "results/abc");

    results_record_init(&record);
    record.version = 5;
    record.stamp = STAMP;
    record.client_id = 3;
}


static void
a_write_is_told(void **state)
{
    size_t          i;
    test_request_t  t;

    static const struct {
        const char  *match;
        const char  *none_match;
        const char  *unmodified;
        const char  *written;      /* NULL: nothing */
    } cases[] = {
        { NULL, NULL, NULL, NULL },
        { "*", NULL, NULL, "*;" },
        { NULL, "*", NULL, ";*" },
        { "\"" TAG "\"", NULL, NULL, "=5-1699335116123456;" },
        { " , \"" TAG "\"\t,,\"t6-7\" ", NULL, NULL,
          "=5-1699335116123456,6-7;" },
        { "", NULL, NULL, "=;" },

        /* those which no record of this dialect has */
        { "\"\", \"x\", \"o5-6\", \"t5\", \"t5-6-7\", \"t5-6x\", \"5-6\","
          " \"t-\", \"a,b\", \"\xc3\xa9\"", NULL, NULL, "=;" },

        /* strong ones only; weak ones, too */
        { "W/\"" TAG "\"", NULL, NULL, "=;" },
        { NULL, "W/\"" TAG "\", \"t6-7\"", NULL,
          ";=5-1699335116123456,6-7" },
        { NULL, "\"x\"", NULL, NULL },

        { NULL, NULL, DATE, "<1699335117000000;" },
        { NULL, NULL, "no date", NULL },
        { "*", NULL, DATE, "*;" },
        { "\"t6-7\"", "*", NULL, "=6-7;*" },
        { NULL, "*", DATE, "<1699335117000000;*" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&t, RESULTS_METHOD_PUT);

        t.r.if_match = results_str(cases[i].match);
        t.r.if_none_match = results_str(cases[i].none_match);
        t.r.if_unmodified_since = results_str(cases[i].unmodified);
        t.r.if_modified_since = results_str(DATE);

        assert_int_equal(results_precondition_guard(&t.r, &record), 0);

        if (cases[i].written == NULL) {
            assert_int_equal(record.guards, 0);
            assert_null(record.actor_id.data);

        } else {
            assert_int_equal(record.guards, RESULTS_GUARD_PRECONDITIONS);
            assert_int_equal(record.actor_id.len, strlen(cases[i].written));
            assert_memory_equal(record.actor_id.data, cases[i].written,
                                record.actor_id.len);
        }

        request_end(&t);
    }
}


static const char *const  malformed[] = {
    "x", "5", "\"", "\"x", "x\"", "W/", "W/x", "W/\"x", "w/\"x\"", "W \"x\"",
    "\"x\" \"y\"", "\"x\"y", "*, \"x\"", "\"x\", *", "\"a b\"", "\"a\tb\"",
    "\"x\";q=1", "'x'"
};


static void
what_is_no_list_is_refused(void **state)
{
    size_t          i;
    test_request_t  t;

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        start(&t, RESULTS_METHOD_PUT);
        t.r.if_match = results_str(malformed[i]);
        assert_int_equal(results_precondition_guard(&t.r, &record), -1);
        assert_int_equal(t.r.failure.status, 400);
        assert_int_equal(record.guards, 0);
        request_end(&t);

        start(&t, RESULTS_METHOD_DELETE);
        t.r.if_none_match = results_str(malformed[i]);
        assert_int_equal(results_precondition_guard(&t.r, &record), -1);
        assert_int_equal(t.r.failure.status, 400);
        request_end(&t);

        start(&t, RESULTS_METHOD_GET);
        t.r.if_match = results_str(malformed[i]);
        assert_int_equal(results_precondition_check(&t.r, &record), 400);
        request_end(&t);

        /* a reader gets what there is */

        start(&t, RESULTS_METHOD_GET);
        t.r.if_none_match = results_str(malformed[i]);
        assert_int_equal(results_precondition_check(&t.r, &record), 0);
        request_end(&t);
    }
}


static void
a_read_is_held_against_the_record(void **state)
{
    size_t          i;
    test_request_t  t;

    static const struct {
        const char  *match;
        const char  *none_match;
        const char  *unmodified;
        const char  *modified;
        int          get;
        int          patch;
    } cases[] = {
        { NULL, NULL, NULL, NULL, 0, 0 },
        { "\"" TAG "\"", NULL, NULL, NULL, 0, 0 },
        { "W/\"" TAG "\"", NULL, NULL, NULL, 412, 412 },
        { "\"t5-1\"", NULL, NULL, NULL, 412, 412 },
        { "\"t4-1699335116123456\"", NULL, NULL, NULL, 412, 412 },
        { "*", NULL, PAST, NULL, 0, 0 },
        { NULL, "\"" TAG "\"", NULL, PAST, 304, 412 },
        { NULL, "W/\"" TAG "\"", NULL, NULL, 304, 412 },
        { NULL, "*", NULL, NULL, 304, 412 },
        { NULL, "\"x\"", NULL, DATE, 0, 0 },
        { NULL, NULL, DATE, NULL, 0, 0 },
        { NULL, NULL, PAST, NULL, 412, 412 },
        { NULL, NULL, NULL, DATE, 304, 0 },
        { NULL, NULL, NULL, PAST, 0, 0 },
        { "\"x\"", "*", NULL, NULL, 412, 412 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]) * 2; i++) {
        start(&t, (i & 1) ? RESULTS_METHOD_PATCH : RESULTS_METHOD_GET);

        t.r.if_match = results_str(cases[i / 2].match);
        t.r.if_none_match = results_str(cases[i / 2].none_match);
        t.r.if_unmodified_since = results_str(cases[i / 2].unmodified);
        t.r.if_modified_since = results_str(cases[i / 2].modified);

        assert_int_equal(results_precondition_check(&t.r, &record),
                         (i & 1) ? cases[i / 2].patch : cases[i / 2].get);

        if (t.r.reply.status == 304) {
            assert_string_equal(request_header(&t, "ETag"),
                                "\"" TAG "\"");
            assert_string_equal(request_header(&t, "Last-Modified"), DATE);
        }

        request_end(&t);
    }
}


static void
a_patch_knows_its_own(void **state)
{
    size_t            i;
    test_request_t    t;
    results_record_t  merged;

    static const struct {
        const char  *match;
        const char  *none_match;
        int          own;
    } cases[] = {
        { "\"t4-1\"", NULL, 1 },
        { "\"x\", \"t4-1\"", NULL, 1 },
        { "W/\"t4-1\"", NULL, 0 },
        { "\"o4-1\"", NULL, 0 },
        { "\"t3-1\"", NULL, 0 },
        { "\"t44-1\"", NULL, 0 },
        { "\"t4-1\"", "*", 0 },
        { NULL, "*", 0 },
        { NULL, NULL, 1 }          /* If-Unmodified-Since */
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&t, RESULTS_METHOD_PATCH);
        t.r.if_match = results_str(cases[i].match);
        t.r.if_none_match = results_str(cases[i].none_match);

        merged = record;
        assert_int_equal(results_precondition_was_met(&t.r, &record, &merged),
                         cases[i].own);

        merged.payload_hash++;
        assert_int_equal(results_precondition_was_met(&t.r, &record, &merged),
                         0);

        merged = record;
        merged.client_id++;
        assert_int_equal(results_precondition_was_met(&t.r, &record, &merged),
                         0);

        request_end(&t);
    }
}


static void
what_is_deleted_has_no_validators(void **state)
{
    test_request_t  t;

    (void) state;

    start(&t, RESULTS_METHOD_PUT);
    record.status = RESULTS_STATUS_TOBEDELETED;

    assert_int_equal(results_validators(&t.r, &record), 0);
    assert_int_equal(t.r.reply.nheaders, 0);

    request_end(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_write_is_told),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(a_read_is_held_against_the_record),
        cmocka_unit_test(a_patch_knows_its_own),
        cmocka_unit_test(what_is_deleted_has_no_validators)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
