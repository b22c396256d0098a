
/*
 * POST contentItemResult of the dialect `wse`: the page's body to a record,
 * names and GUIDs as .NET reads them, what is refused and in which words.
 */

#include "dialect_request.h"


#define STUDENT  "e37e973c-f410-4ed5-9dfd-b1446441072b"
#define ITEM     "af2f719c-f38a-4252-bf3a-c282ff6dbe80"
#define NEEDED   "\"StudentId\":\"" STUDENT "\",\"ContentItemId\":\"" ITEM "\""


/* the page's sample */
static const char  sample[] =
    "{\"Duration\":1,"
    "\"CanDoResults\":[{\"CanDoCode\":\"sample string 1\",\"Score\":2.0},"
    "{\"CanDoCode\":\"sample string 1\",\"Score\":2.0}],"
    "\"ActivityCapturedType\":0,"
    "\"StudentId\":\"" STUDENT "\","
    "\"ContentItemId\":\"" ITEM "\","
    "\"ContentItemStateName\":\"sample string 4\","
    "\"Score\":1.0,"
    "\"DateStarted\":\"2026-03-28T04:52:42.3727661+00:00\","
    "\"DateCompleted\":\"2026-03-28T04:52:42.3727661+00:00\","
    "\"ContentItemResultTypeId\":1,"
    "\"ContentItemState\":null,"
    "\"StudyMode\":0}";


static void
start(test_request_t *t)
{
    request_start(t, RESULTS_METHOD_POST, "contentItemResult");

    t->r.dialect = results_dialect_find(results_str("wse"));

    t->principal.role = RESULTS_ROLE_STUDENT;
    t->principal.person_len = 36;
    memcpy(t->principal.person, STUDENT, 36);
}


/* a body up to its write; 0 or the status of the refusal */
static int
post(test_request_t *t, const char *body)
{
    start(t);

    return request_parse(t, body, strlen(body));
}


/* the text of a field's error, NULL where it has none */
static const char *
model_state(const test_request_t *t, const char *name)
{
    json_t  *texts;

    texts = json_object_get(json_object_get(t->json, "ModelState"), name);

    if (texts == NULL) {
        return NULL;
    }

    assert_int_equal(json_array_size(texts), 1);

    return json_string_value(json_array_get(texts, 0));
}


static const char *
message(const test_request_t *t)
{
    return json_string_value(json_object_get(t->json, "Message"));
}


static void
test_sample(void **state)
{
    results_record_t  *record;
    test_request_t     t;

    (void) state;

    assert_int_equal(post(&t, sample), 0);

    record = t.r.records;

    assert_int_equal(t.r.nrecords, 1);
    assert_int_equal(record->institution_id, 7);
    assert_int_equal(record->client_id, 3);
    assert_int_equal(record->kind, RESULTS_KIND_CONTENT_ITEM_RESULT);
    assert_int_equal(record->op, RESULTS_OP_CREATE);
    assert_int_equal(record->status, RESULTS_STATUS_ACTIVE);
    assert_int_equal(record->id.len, 36);
    assert_str(record->learner_id, STUDENT);
    assert_str(record->item_id, ITEM);
    assert_true(record->score == 1);
    assert_int_equal(record->time_spent, 1);
    assert_int_equal(record->started_at, INT64_C(1774673562372766));
    assert_int_equal(record->completed_at, INT64_C(1774673562372766));
    assert_int_equal(record->completion, RESULTS_COMPLETION_COMPLETE);
    assert_int_equal(record->guards, RESULTS_GUARD_STUDENT_OR_CENTER);
    assert_str(record->actor_id, STUDENT);

    /* nothing is invented */
    assert_null(record->course_id.data);
    assert_true(isnan(record->score_max));
    assert_true(isnan(record->progress));
    assert_int_equal(record->scored_at, RESULTS_TIME_NULL);

    assert_str(record->detail,
               "{\"CanDoResults\":[{\"CanDoCode\":\"sample string 1\","
               "\"Score\":2.0},{\"CanDoCode\":\"sample string 1\","
               "\"Score\":2.0}],\"ActivityCapturedType\":0,"
               "\"ContentItemStateName\":\"sample string 4\","
               "\"DateStarted\":\"2026-03-28T04:52:42.3727661+00:00\","
               "\"DateCompleted\":\"2026-03-28T04:52:42.3727661+00:00\","
               "\"ContentItemResultTypeId\":1,\"StudyMode\":0}");

    record->outcome = RESULTS_OUTCOME_CREATED;
    assert_int_equal(t.r.route->finish(&t.r), RESULTS_NEXT_REPLY);
    assert_int_equal(t.r.reply.status, 200);
    assert_str(t.r.reply.content_type, "application/json; charset=utf-8");
    assert_int_equal(t.r.reply.body.len, 38);
    assert_memory_equal(t.r.reply.body.data + 1, record->id.data, 36);

    request_end(&t);
}


static void
test_names(void **state)
{
    results_record_t  *record;
    test_request_t     t;

    (void) state;

    /* of camelCase clients; unknown members do not count */

    assert_int_equal(post(&t,
        "{\"duration\":90,\"studentid\":\"" STUDENT "\","
        "\"contentItemId\":\"AF2F719CF38A4252BF3AC282FF6DBE80\","
        "\"score\":87.5,\"contentItemResultTypeId\":\"1\","
        "\"canDoResults\":[{\"canDoCode\":\"a\",\"SCORE\":1,\"x\":1}],"
        "\"unknownField\":true}"), 0);

    record = t.r.records;

    assert_str(record->learner_id, STUDENT);
    assert_str(record->item_id, ITEM);
    assert_true(record->score == 87.5);
    assert_int_equal(record->time_spent, 90);
    assert_int_equal(record->completion, RESULTS_COMPLETION_IN_PROGRESS);

    assert_str(record->detail,
               "{\"CanDoResults\":[{\"CanDoCode\":\"a\",\"Score\":1}],"
               "\"ContentItemId\":\"AF2F719CF38A4252BF3AC282FF6DBE80\","
               "\"ContentItemResultTypeId\":\"1\"}");

    request_end(&t);

    /* the name as it is written goes first, wherever it stands */

    assert_int_equal(post(&t, "{\"score\":1,\"Score\":2,\"SCORE\":3," NEEDED
                              "}"), 0);
    assert_true(t.r.records->score == 2);
    request_end(&t);
}


static void
test_guids(void **state)
{
    unsigned         i;
    char             body[512];
    test_request_t   t;

    static const char *const  good[] = {
        "e37e973cf4104ed59dfdb1446441072b",
        "E37E973C-F410-4ED5-9DFD-B1446441072B",
        "{e37e973c-f410-4ed5-9dfd-b1446441072b}",
        "(E37E973C-f410-4ed5-9dfd-b1446441072b)"
    };

    static const char *const  bad[] = {
        "\"\"", "\"x\"", "7", "true", "{}", "[]",
        "\"e37e973c-f410-4ed5-9dfd-b1446441072\"",
        "\"e37e973c-f410-4ed5-9dfd-b1446441072bb\"",
        "\"{e37e973c-f410-4ed5-9dfd-b1446441072b)\"",
        "\" e37e973c-f410-4ed5-9dfd-b1446441072b\"",
        "\"g37e973c-f410-4ed5-9dfd-b1446441072b\"",
        "\"e37e973c-f410-4ed5-9dfd-b1446441072\xc3\xa9\""
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"StudentId\":\"%s\","
                        "\"ContentItemId\":\"" ITEM "\"}", good[i]);

        assert_int_equal(post(&t, body), 0);
        assert_str(t.r.records->learner_id, STUDENT);
        assert_contains(t.r.records->detail.data, good[i]);
        request_end(&t);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"StudentId\":%s,"
                        "\"UserId\":%s,\"ContentItemId\":\"" ITEM "\"}",
                        bad[i], bad[i]);

        assert_int_equal(post(&t, body), 400);
        assert_contains(model_state(&t, "parameters.StudentId"), "GUID");
        assert_contains(model_state(&t, "parameters.UserId"), "GUID");
        assert_null(model_state(&t, "parameters.ContentItemId"));
        request_end(&t);
    }
}


static void
test_all_errors(void **state)
{
    unsigned        i;
    results_str_t   name;
    test_request_t  t;

    static const char *const  names[][2] = {
        { "UserId", "expected a GUID" },
        { "Duration", "expected an integer" },
        { "CanDoResults[0]", "expected an object" },
        { "CanDoResults[1].CanDoCode", "expected a string" },
        { "CanDoResults[1].Score", "expected a number" },
        { "ActivityCapturedType", "expected an integer" },
        { "StudentId", "required, expected a GUID" },
        { "ContentItemId", "required, expected a GUID" },
        { "ContentItemStateName", "expected a string" },
        { "Score", "expected a number" },
        { "DateStarted", "expected a date-time" },
        { "DateCompleted", "expected a date-time" },
        { "ContentItemResultTypeId", "expected an integer" },
        { "ContentItemState", "expected an integer" },
        { "StudyMode", "expected an integer" }
    };

    (void) state;

    assert_int_equal(post(&t,
        "{\"UserId\":\"1\",\"Duration\":\"1\",\"CanDoResults\":[null,"
        "{\"CanDoCode\":1,\"Score\":\"2\"}],\"ActivityCapturedType\":1.5,"
        "\"ContentItemId\":null,\"ContentItemStateName\":7,\"Score\":\"abc\","
        "\"DateStarted\":\"2023-02-30T00:00:00Z\",\"DateCompleted\":\"0\","
        "\"ContentItemResultTypeId\":2147483648,\"ContentItemState\":\"\","
        "\"StudyMode\":true}"), 400);

    assert_string_equal(message(&t), "The request is invalid.");
    assert_int_equal(json_object_size(json_object_get(t.json, "ModelState")),
                     sizeof(names) / sizeof(names[0]));

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        name = results_arena_printf(t.r.arena, "parameters.%s", names[i][0]);

        assert_non_null(model_state(&t, name.data));
        assert_contains(model_state(&t, name.data), names[i][1]);
    }

    request_end(&t);

    assert_int_equal(post(&t, "{" NEEDED ",\"Score\":1e400}"), 400);
    assert_contains(model_state(&t, "parameters.Score"), "out of range");
    request_end(&t);

    assert_int_equal(post(&t, "{" NEEDED ",\"Score\":NaN}"), 400);
    assert_contains(model_state(&t, "parameters.Score"), "invalid JSON");
    request_end(&t);

    assert_int_equal(post(&t, "{"), 400);
    assert_contains(model_state(&t, "parameters"), "ends too early");
    request_end(&t);

    assert_int_equal(post(&t, "[]"), 400);
    assert_contains(model_state(&t, "parameters"), "expected an object");
    request_end(&t);
}


static void
test_more_errors_than_fit(void **state)
{
    int              i;
    results_buf_t    body = { NULL, 0, 0, 0 };
    test_request_t   t;

    (void) state;

    results_buf_puts(&body, "{" NEEDED ",\"CanDoResults\":[1");

    for (i = 0; i < 99; i++) {
        results_buf_puts(&body, ",1");
    }

    results_buf_append(&body, "]}", 3);

    assert_int_equal(post(&t, body.data), 400);
    assert_int_equal(json_object_size(json_object_get(t.json, "ModelState")),
                     65);
    assert_string_equal(model_state(&t, "parameters"), "and 36 more");

    request_end(&t);
    results_buf_free(&body);
}


static void
test_values(void **state)
{
    unsigned        i;
    char            body[512];
    test_request_t  t;

    /* a member, and what of it is in the detail */

    static const char *const  good[][2] = {
        { "\"Duration\":0", "{}" },
        { "\"Duration\":2147483647", "{}" },
        { "\"Duration\":6e1", "{}" },
        { "\"Duration\":null", "{}" },
        { "\"Score\":-0", "{}" },
        { "\"Score\":-12.75", "{}" },
        { "\"Score\":null", "{}" },
        { "\"Score\":0.1234567890123456789",
          "{\"Score\":\"0.1234567890123456789\"}" },
        { "\"Score\":9223372036854775808",
          "{\"Score\":\"9223372036854775808\"}" },
        { "\"Score\":1E-999", "{\"Score\":\"1E-999\"}" },
        { "\"CanDoResults\":null", "{}" },
        { "\"CanDoResults\":[]", "{\"CanDoResults\":[]}" },
        { "\"CanDoResults\":[{\"Score\":null},{\"Score\":"
          "1234567890.1234567}]",
          "{\"CanDoResults\":[{},{\"Score\":\"1234567890.1234567\"}]}" },
        { "\"StudyMode\":-2147483648", "{\"StudyMode\":-2147483648}" },
        { "\"StudyMode\":\"Home\"", "{\"StudyMode\":\"Home\"}" },
        { "\"ContentItemState\":7", "{\"ContentItemState\":7}" },
        { "\"ContentItemStateName\":\"\"",
          "{\"ContentItemStateName\":\"\"}" },
        { "\"DateStarted\":\"2026-03-28T04:52:42\"",
          "{\"DateStarted\":\"2026-03-28T04:52:42\"}" },
        { "\"DateStarted\":\"2026-03-28T04:52:42.1-03:30\"",
          "{\"DateStarted\":\"2026-03-28T04:52:42.1-03:30\"}" }
    };

    static const char *const  bad[] = {
        "\"Duration\":-1", "\"Duration\":2147483648", "\"Duration\":1.5",
        "\"Duration\":\"1\"", "\"Duration\":9223372036854775808",
        "\"Score\":\"1\"", "\"Score\":true", "\"Score\":[]",
        "\"CanDoResults\":{}", "\"CanDoResults\":[[]]",
        "\"StudyMode\":-2147483649", "\"StudyMode\":[]",
        "\"StudyMode\":\"\\u0001\"", "\"ContentItemStateName\":{}",
        "\"DateStarted\":\"\"", "\"DateStarted\":\"24:00\"",
        "\"DateStarted\":\"2023-01-01T24:00:00Z\"",
        "\"DateStarted\":\"0000-01-01T00:00:00Z\"",
        "\"DateStarted\":\"10000-01-01T00:00:00Z\"",
        "\"DateStarted\":\"2023-01-01T00:00:00+15:00\""
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void) snprintf(body, sizeof(body), "{%s," NEEDED "}", good[i][0]);

        if (post(&t, body) != 0) {
            fail_msg("%s: %s", good[i][0], t.text);
        }

        assert_str(t.r.records->detail, good[i][1]);
        request_end(&t);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) snprintf(body, sizeof(body), "{%s," NEEDED "}", bad[i]);

        if (post(&t, body) != 400) {
            fail_msg("%s is taken", bad[i]);
        }

        assert_int_equal(json_object_size(
                             json_object_get(t.json, "ModelState")), 1);
        request_end(&t);
    }
}


/* equal bodies are equal however they are written, others are not */
static void
test_hash(void **state)
{
    unsigned        i;
    int64_t         hash;
    test_request_t  t;

    static const struct {
        const char  *body;
        int          equal;
    } bodies[] = {
        { "{\"Score\":0.50," NEEDED "}", 1 },
        { "{" NEEDED ",\n\"score\":5e-1}", 1 },
        { "{\"Score\":0.5,\"x\":1," NEEDED "}", 1 },
        { "{\"Score\":0.5,\"StudyMode\":null," NEEDED "}", 1 },
        { "{\"Score\":0.51," NEEDED "}", 0 },
        { "{\"Score\":0.5,\"StudyMode\":1," NEEDED "}", 0 },
        { "{\"Score\":0.50000000000000000001," NEEDED "}", 0 },
        { "{\"Score\":0.5,\"Duration\":1," NEEDED "}", 0 }
    };

    (void) state;

    hash = 0;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(post(&t, bodies[i].body), 0);

        if (i == 0) {
            hash = t.r.records->payload_hash;
        }

        assert_int_equal(t.r.records->payload_hash == hash, bodies[i].equal);
        request_end(&t);
    }
}


static void
test_roles(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        results_role_e  role;
        int             status;
    } roles[] = {
        { RESULTS_ROLE_NONE, 403 },
        { RESULTS_ROLE_STUDENT, 0 },
        { RESULTS_ROLE_STAFF, 0 },
        { RESULTS_ROLE_PROSPECT_WITH_TRIAL, 0 },
        { RESULTS_ROLE_ACCOUNT_OWNER, 403 },
        { RESULTS_ROLE_ACCOUNT_ADMIN, 403 },
        { RESULTS_ROLE_DEPARTMENT_ADMIN, 403 },
        { RESULTS_ROLE_CUSTOM, 403 }
    };

    (void) state;

    for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        start(&t);
        t.principal.role = roles[i].role;

        assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1),
                         roles[i].status);

        if (roles[i].status) {
            assert_string_equal(message(&t), "The caller is not a "
                                "StaffMember, Student or ProspectWithTrial.");
        }

        request_end(&t);
    }
}


static void
test_outcomes(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        results_outcome_e  outcome;
        int                status;
    } outcomes[] = {
        { RESULTS_OUTCOME_FORBIDDEN, 403 },
        { RESULTS_OUTCOME_CONFLICT, 422 },
        { RESULTS_OUTCOME_NONE, 500 }
    };

    (void) state;

    for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        assert_int_equal(post(&t, sample), 0);
        assert_int_equal(request_finish(&t, outcomes[i].outcome),
                         outcomes[i].status);
        assert_null(strstr(message(&t), STUDENT));
        request_end(&t);
    }
}


static void
test_errors(void **state)
{
    test_request_t  t;

    (void) state;

    start(&t);
    t.r.principal = NULL;
    assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1), 401);
    assert_string_equal(t.text, "{\"Message\":\"Authorization has been denied "
                                "for this request.\"}");
    assert_non_null(request_header(&t, "WWW-Authenticate"));
    request_end(&t);

    start(&t);
    t.r.method = RESULTS_METHOD_GET;
    t.r.method_name = results_str("GET");
    assert_int_equal(request_parse(&t, "", 0), 405);
    assert_string_equal(message(&t), "The requested resource does not support "
                                     "http method 'GET'.");
    assert_string_equal(request_header(&t, "Allow"), "POST, OPTIONS");
    request_end(&t);

    start(&t);
    t.r.content_type = results_str("text/plain; charset=utf-8");
    assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1), 415);
    assert_string_equal(message(&t), "The request entity's media type "
                                     "'text/plain' is not supported for this "
                                     "resource.");
    request_end(&t);

    start(&t);
    t.r.content_type = results_str("text/json; charset=latin1");
    assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1), 415);
    assert_string_equal(message(&t),
                        "The charset of the body must be utf-8.");
    request_end(&t);

    start(&t);
    t.r.accept = results_str("text/json");
    results_fail(&t.r, 503, "not stored; the same request may be sent again");
    assert_int_equal(request_error(&t), 503);
    assert_string_equal(message(&t), "Not stored; the same request may be "
                                     "sent again.");
    assert_non_null(request_header(&t, "Retry-After"));
    assert_str(t.r.reply.content_type, "text/json; charset=utf-8");
    request_end(&t);

    start(&t);
    t.r.path = results_str("other");
    assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1), 404);
    request_end(&t);

    /* below "location = /contentItemResult" */
    start(&t);
    t.r.path = results_str("");
    assert_int_equal(request_parse(&t, sample, sizeof(sample) - 1), 0);
    request_end(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_guids),
        cmocka_unit_test(test_all_errors),
        cmocka_unit_test(test_more_errors_than_fit),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_errors)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
