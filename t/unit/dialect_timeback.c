
/*
 * PUT results/{sourcedId} of the dialect `timeback`: the seed's body to a
 * record and back, what is refused and in which words, what an outcome
 * answers.
 */

#include "dialect_request.h"


#define GUID        "0aef83c2-9a53-4e6b-8a24-6f8ea8fb7a11"
#define GUID_UPPER  "{0AEF83C2-9A53-4E6B-8A24-6F8EA8FB7A11}"


/* every field of the page, with the values it shows */
static const char  seed[] =
    "{\"result\": {"
    "\"status\": \"active\","
    "\"lineItem\": {\"sourcedId\": \"<string>\"},"
    "\"student\": {\"sourcedId\": \"<string>\"},"
    "\"scoreStatus\": \"exempt\","
    "\"scoreDate\": \"2023-11-07T05:31:56Z\","
    "\"sourcedId\": \"<string>\","
    "\"dateLastModified\": \"2023-11-07T05:31:56Z\","
    "\"metadata\": {},"
    "\"class\": {\"sourcedId\": \"<string>\"},"
    "\"scoreScale\": {\"sourcedId\": \"<string>\"},"
    "\"score\": 123,"
    "\"textScore\": \"<string>\","
    "\"comment\": \"<string>\","
    "\"learningObjectiveSet\": [{\"source\": \"<string>\","
    "\"learningObjectiveResults\": [{\"learningObjectiveId\": \"<string>\","
    "\"score\": 123, \"textScore\": \"<string>\"}]}],"
    "\"inProgress\": \"<string>\","
    "\"incomplete\": \"<string>\","
    "\"late\": \"<string>\","
    "\"missing\": \"<string>\"}}";


/* RESULT with one member more, or another value of one; for one request */
static char *
body_with(const char *name, const char *value)
{
    char    *text;
    json_t  *body, *member;

    body = json_loads(RESULT, 0, NULL);

    if (value) {
        member = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(member);

        json_object_set_new(json_object_get(body, "result"), name, member);

    } else {
        json_object_del(json_object_get(body, "result"), name);
    }

    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);

    return text;
}


/* a body with one member changed, as it was answered; the caller's to end */
static int
put_with(test_request_t *t, const char *name, const char *value)
{
    int    status;
    char  *body;

    body = body_with(name, value);
    status = request_put(t, "results/abc", body);
    free(body);

    return status;
}


static void
test_seed(void **state)
{
    char              *text;
    results_record_t  *record;
    test_request_t     t;

    (void) state;

    assert_int_equal(request_put(&t, "results/%3Cstring%3E", seed), 201);

    record = t.r.records;

    assert_int_equal(t.r.nrecords, 1);
    assert_int_equal(record->institution_id, 7);
    assert_int_equal(record->client_id, 3);
    assert_int_equal(record->kind, RESULTS_KIND_RESULT);
    assert_int_equal(record->op, RESULTS_OP_PUT);
    assert_str(record->id, "<string>");
    assert_str(record->learner_id, "<string>");
    assert_str(record->item_id, "<string>");
    assert_str(record->course_id, "<string>");
    assert_int_equal(record->status, RESULTS_STATUS_ACTIVE);
    assert_true(record->score == 123);
    assert_int_equal(record->completion, RESULTS_COMPLETION_ACCEPTED);
    assert_int_equal(record->scored_at, INT64_C(1699335116000000));

    /* nothing is invented */
    assert_true(isnan(record->score_max));
    assert_true(isnan(record->progress));
    assert_int_equal(record->time_spent, RESULTS_INT_NULL);
    assert_int_equal(record->started_at, RESULTS_TIME_NULL);
    assert_int_equal(record->completed_at, RESULTS_TIME_NULL);
    assert_int_equal(record->guards, 0);
    assert_null(record->actor_id.data);

    assert_str(record->detail,
               "{\"scoreStatus\":\"exempt\","
               "\"scoreDate\":\"2023-11-07T05:31:56Z\","
               "\"metadata\":{},"
               "\"scoreScale\":{\"sourcedId\":\"<string>\"},"
               "\"textScore\":\"<string>\","
               "\"comment\":\"<string>\","
               "\"learningObjectiveSet\":[{\"source\":\"<string>\","
               "\"learningObjectiveResults\":[{\"learningObjectiveId\":"
               "\"<string>\",\"score\":123,\"textScore\":\"<string>\"}]}],"
               "\"inProgress\":\"<string>\","
               "\"incomplete\":\"<string>\","
               "\"late\":\"<string>\","
               "\"missing\":\"<string>\"}");

    assert_str(t.r.reply.content_type, "application/json");

    text = json_dumps(t.json, JSON_COMPACT);
    assert_string_equal(text,
        "{\"result\":{\"sourcedId\":\"<string>\",\"status\":\"active\","
        "\"dateLastModified\":\"2023-11-07T05:31:56.123Z\",\"metadata\":{},"
        "\"lineItem\":{\"href\":\"" BASE "lineItems/%3Cstring%3E\","
        "\"sourcedId\":\"<string>\",\"type\":\"lineItem\"},"
        "\"student\":{\"href\":\"https://h.test/ims/oneroster/rostering/v1p2/"
        "users/%3Cstring%3E\",\"sourcedId\":\"<string>\",\"type\":\"user\"},"
        "\"class\":{\"href\":\"https://h.test/ims/oneroster/rostering/v1p2/"
        "classes/%3Cstring%3E\",\"sourcedId\":\"<string>\","
        "\"type\":\"class\"},"
        "\"scoreScale\":{\"href\":\"" BASE "scoreScales/%3Cstring%3E\","
        "\"sourcedId\":\"<string>\",\"type\":\"scoreScale\"},"
        "\"scoreStatus\":\"exempt\",\"scoreDate\":\"2023-11-07T05:31:56Z\","
        "\"score\":123,\"textScore\":\"<string>\",\"comment\":\"<string>\","
        "\"learningObjectiveSet\":[{\"source\":\"<string>\","
        "\"learningObjectiveResults\":[{\"learningObjectiveId\":\"<string>\","
        "\"score\":123,\"textScore\":\"<string>\"}]}],"
        "\"inProgress\":\"<string>\",\"incomplete\":\"<string>\","
        "\"late\":\"<string>\",\"missing\":\"<string>\"}}");
    free(text);

    request_end(&t);
}


static void
test_least(void **state)
{
    json_t          *result;
    test_request_t   t;

    (void) state;

    assert_int_equal(request_put(&t, "results/abc", RESULT), 201);

    assert_str(t.r.records->id, "abc");
    assert_true(isnan(t.r.records->score));
    assert_null(t.r.records->course_id.data);
    assert_int_equal(t.r.records->scored_at, INT64_C(1699315200000000));
    assert_str(t.r.records->detail, "{\"scoreStatus\":\"fully graded\","
                                    "\"scoreDate\":\"2023-11-07\"}");

    /* what is absent is left out */
    result = json_object_get(t.json, "result");
    assert_int_equal(json_object_size(result), 7);
    assert_string_equal(json_string_value(json_object_get(result,
                                                          "scoreDate")),
                        "2023-11-07T00:00:00.000Z");

    request_end(&t);
}


static void
test_completion(void **state)
{
    char            *body;
    unsigned         i;
    test_request_t   t;

    static const struct {
        const char            *word;
        results_completion_e   completion;
    } words[] = {
        { "exempt", RESULTS_COMPLETION_ACCEPTED },
        { "fully graded", RESULTS_COMPLETION_COMPLETE },
        { "not submitted", RESULTS_COMPLETION_NOT_STARTED },
        { "partially graded", RESULTS_COMPLETION_PENDING },
        { "submitted", RESULTS_COMPLETION_PENDING }
    };

    (void) state;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        body = malloc(512);
        snprintf(body, 512, "\"%s\"", words[i].word);

        assert_int_equal(put_with(&t, "scoreStatus", body), 201);
        assert_int_equal(t.r.records->completion, words[i].completion);

        request_end(&t);
        free(body);
    }

    assert_int_equal(put_with(&t, "inProgress", "\"true\""), 201);
    assert_int_equal(t.r.records->completion, RESULTS_COMPLETION_IN_PROGRESS);
    request_end(&t);

    assert_int_equal(put_with(&t, "inProgress", "\"false\""), 201);
    assert_int_equal(t.r.records->completion, RESULTS_COMPLETION_COMPLETE);
    request_end(&t);

    assert_int_equal(put_with(&t, "inProgress", "\"True\""), 201);
    assert_int_equal(t.r.records->completion, RESULTS_COMPLETION_COMPLETE);
    request_end(&t);
}


static void
test_status(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char        *sent;
        results_status_e   status;
        const char        *answered;
    } statuses[] = {
        { "\"active\"", RESULTS_STATUS_ACTIVE, "active" },
        { "\"tobedeleted\"", RESULTS_STATUS_TOBEDELETED, "tobedeleted" },
        { "\"inactive\"", RESULTS_STATUS_TOBEDELETED, "tobedeleted" },
        { "null", RESULTS_STATUS_ACTIVE, "active" },
        { NULL, RESULTS_STATUS_ACTIVE, "active" }
    };

    (void) state;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        assert_int_equal(put_with(&t, "status", statuses[i].sent), 201);
        assert_int_equal(t.r.records->status, statuses[i].status);
        assert_int_equal(t.r.records->op, RESULTS_OP_PUT);
        assert_string_equal(json_string_value(
                                json_object_get(json_object_get(t.json,
                                                                "result"),
                                                "status")),
                            statuses[i].answered);
        request_end(&t);
    }
}


/* one member wrong: the text names it, and the status is 422 */
static void
test_wrong_members(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *name;
        const char  *value;
        const char  *error;
    } members[] = {
        { "sourcedId", "1", "/result/sourcedId: " },
        { "sourcedId", "\"abd\"", "/result/sourcedId: differs" },
        { "sourcedId", "\"ABC\"", "/result/sourcedId: differs" },
        { "sourcedId", "\"\"", "/result/sourcedId: differs" },
        { "sourcedId", "{}", "/result/sourcedId: " },
        { "status", "\"deleted\"", "/result/status: expected one of" },
        { "status", "\"ACTIVE\"", "/result/status: " },
        { "status", "true", "/result/status: " },
        { "dateLastModified", "\"yesterday\"", "/result/dateLastModified: " },
        { "dateLastModified", "\"2023-11-07\"", "/result/dateLastModified: " },
        { "dateLastModified", "1699335116", "/result/dateLastModified: " },
        { "metadata", "[]", "/result/metadata: expected an object" },
        { "metadata", "\"x\"", "/result/metadata: " },
        { "lineItem", NULL, "/result/lineItem: required" },
        { "lineItem", "null", "/result/lineItem: " },
        { "lineItem", "\"li-1\"", "/result/lineItem: expected an object" },
        { "lineItem", "[]", "/result/lineItem: " },
        { "lineItem", "{}", "/result/lineItem/sourcedId: required" },
        { "lineItem", "{\"sourcedId\": null}", "/result/lineItem/sourcedId: " },
        { "lineItem", "{\"sourcedId\": 1}", "/result/lineItem/sourcedId: " },
        { "lineItem", "{\"sourcedId\": \"\"}", "/result/lineItem/sourcedId: " },
        { "lineItem", "{\"sourcedId\": \"a\\u0007\"}",
          "/result/lineItem/sourcedId: " },
        { "lineItem", "{\"sourcedId\": \"x\", \"type\": \"user\"}",
          "/result/lineItem/type: expected one of: lineItem" },
        { "lineItem", "{\"sourcedId\": \"x\", \"type\": 1}",
          "/result/lineItem/type: " },
        { "lineItem", "{\"sourcedId\": \"x\", \"href\": 1}",
          "/result/lineItem/href: " },
        { "student", NULL, "/result/student: required" },
        { "student", "{\"sourcedId\": \"\\u0085\"}",
          "/result/student/sourcedId: " },
        { "student", "{\"sourcedId\": \"x\", \"type\": \"student\"}",
          "/result/student/type: " },
        { "class", "\"class-1\"", "/result/class: " },
        { "class", "{\"type\": \"class\"}", "/result/class/sourcedId: " },
        { "scoreScale", "1", "/result/scoreScale: " },
        { "scoreScale", "{}", "/result/scoreScale/sourcedId: required" },
        { "scoreScale", "{\"sourcedId\": \"\"}",
          "/result/scoreScale/sourcedId: " },
        { "scoreStatus", NULL, "/result/scoreStatus: required" },
        { "scoreStatus", "null", "/result/scoreStatus: " },
        { "scoreStatus", "\"graded\"", "/result/scoreStatus: expected one of: "
          "exempt, fully graded, not submitted, partially graded, submitted" },
        { "scoreStatus", "\"fully graded \"", "/result/scoreStatus: " },
        { "scoreStatus", "\"ext:mine\"", "/result/scoreStatus: " },
        { "scoreStatus", "2", "/result/scoreStatus: " },
        { "scoreDate", NULL, "/result/scoreDate: required" },
        { "scoreDate", "null", "/result/scoreDate: " },
        { "scoreDate", "\"\"", "/result/scoreDate: " },
        { "scoreDate", "\"2023-02-30\"", "/result/scoreDate: " },
        { "scoreDate", "\"2023-11-07T05:31:56\"", "/result/scoreDate: " },
        { "scoreDate", "\"2023-11-07T24:00:00Z\"", "/result/scoreDate: " },
        { "scoreDate", "\"2023-11-07T05:31:56+15:00\"", "/result/scoreDate: " },
        { "scoreDate", "\"0000-01-01\"", "/result/scoreDate: " },
        { "scoreDate", "\"10000-01-01\"", "/result/scoreDate: " },
        { "scoreDate", "20231107", "/result/scoreDate: " },
        { "score", "\"95\"", "/result/score: expected a number" },
        { "score", "true", "/result/score: " },
        { "score", "[1]", "/result/score: " },
        { "textScore", "95", "/result/textScore: expected a string" },
        { "comment", "{}", "/result/comment: " },
        { "learningObjectiveSet", "{}", "/result/learningObjectiveSet: " },
        { "learningObjectiveSet", "[1]", "/result/learningObjectiveSet/0: " },
        { "learningObjectiveSet", "[{\"learningObjectiveResults\":"
          "[{\"learningObjectiveId\": \"x\"}]}]",
          "/result/learningObjectiveSet/0/source: required" },
        { "learningObjectiveSet", "[{\"source\": null,"
          "\"learningObjectiveResults\": [{\"learningObjectiveId\": \"x\"}]}]",
          "/result/learningObjectiveSet/0/source: " },
        { "learningObjectiveSet", "[{\"source\": \"case\"}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults: " },
        { "learningObjectiveSet", "[{\"source\": \"case\","
          "\"learningObjectiveResults\": []}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults: " },
        { "learningObjectiveSet", "[{\"source\": \"case\","
          "\"learningObjectiveResults\": [{\"learningObjectiveId\": \"x\"},"
          " \"y\"]}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults/1: " },
        { "learningObjectiveSet", "[{\"source\": \"case\","
          "\"learningObjectiveResults\": [{\"score\": 1}]}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults/0"
          "/learningObjectiveId: required" },
        { "learningObjectiveSet", "[{\"source\": \"case\","
          "\"learningObjectiveResults\": [{\"learningObjectiveId\": \"x\","
          "\"score\": \"1\"}]}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults/0"
          "/score: " },
        { "learningObjectiveSet", "[{\"source\": \"case\","
          "\"learningObjectiveResults\": [{\"learningObjectiveId\": \"x\","
          "\"textScore\": 1}]}]",
          "/result/learningObjectiveSet/0/learningObjectiveResults/0"
          "/textScore: " },
        { "inProgress", "true", "/result/inProgress: expected a string" },
        { "incomplete", "1", "/result/incomplete: " },
        { "late", "false", "/result/late: " },
        { "missing", "[]", "/result/missing: " }
    };

    (void) state;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        if (put_with(&t, members[i].name, members[i].value) != 422) {
            fail_msg("%s: %s is taken", members[i].name, members[i].value);
        }

        assert_contains(request_description(&t), members[i].error);
        assert_null(strchr(request_description(&t), ';'));
        assert_string_equal(request_code_minor(&t), "invaliddata");
        assert_null(t.r.records);

        request_end(&t);
    }
}


static void
test_all_errors(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const char *const  errors[] = {
        "more: unknown field",
        "/result/status: ",
        "/result/lineItem/sourcedId: ",
        "/result/lineItem/type: ",
        "/result/student: required",
        "/result/scoreStatus: ",
        "/result/scoreDate: ",
        "/result/score: ",
        "/result/learningObjectiveSet/0/source: ",
        "/result/learningObjectiveSet/1: ",
        "/result/late: "
    };

    (void) state;

    assert_int_equal(request_put(&t, "results/abc",
        "{\"more\": 1, \"result\": {\"status\": 1, \"lineItem\": {\"type\": 2},"
        "\"scoreStatus\": \"x\", \"scoreDate\": \"x\", \"score\": \"x\","
        "\"learningObjectiveSet\": [{\"learningObjectiveResults\":"
        "[{\"learningObjectiveId\": \"1\"}]}, 2], \"late\": true}}"), 422);

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        assert_contains(request_description(&t), errors[i]);
    }

    assert_int_equal(t.r.errors.n, sizeof(errors) / sizeof(errors[0]));

    request_end(&t);
}


static void
test_bodies(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *body;
        int          status;
    } bodies[] = {
        { "", 400 },
        { "{", 400 },
        { "{\"result\":", 400 },
        { "<result/>", 400 },
        { "null", 422 },
        { "\"result\"", 422 },
        { "1", 422 },
        { RESULT "x", 400 },
        { "\xef\xbb\xbf" RESULT, 400 },
        { "{\"result\": {}, \"result\": {}}", 400 },
        { "{\"result\": {\"score\": 1, \"score\": 1}}", 400 },
        { "{\"result\": {\"comment\": \"\\u0000\"}}", 400 },
        { "{\"result\": {\"comment\": \"\\ud800\"}}", 400 },
        { "{\"result\": {\"comment\": \"\xff\"}}", 400 },
        { "{\"result\": {\"score\": 1e400}}", 400 },
        { "{\"result\": {\"score\": 9223372036854775808}}", 422 },
        { "{\"result\": {\"score\": NaN}}", 400 },
        { "[]", 422 },
        { "[" RESULT "]", 422 },
        { "{}", 422 },
        { "{\"result\": null}", 422 },
        { "{\"result\": []}", 422 },
        { "{\"result\": {}}", 422 },
        { "{\"results\": []}", 422 },
        { "{\"assessmentResult\": {}}", 422 }
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(request_put(&t, "results/abc", bodies[i].body),
                         bodies[i].status);
        assert_string_equal(request_code_minor(&t), "invaliddata");
        assert_true(strlen(request_description(&t)) > 0);
        request_end(&t);
    }
}


/* null is "absent" where a field is optional, and goes out as absent */
static void
test_nulls(void **state)
{
    json_t          *result;
    unsigned         i;
    test_request_t   t;

    static const char *const  names[] = {
        "sourcedId", "status", "dateLastModified", "metadata", "class",
        "scoreScale", "score", "textScore", "comment", "learningObjectiveSet",
        "inProgress", "incomplete", "late", "missing"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(put_with(&t, names[i], "null"), 201);
        assert_str(t.r.records->detail, "{\"scoreStatus\":\"fully graded\","
                                        "\"scoreDate\":\"2023-11-07\"}");

        result = json_object_get(t.json, "result");
        assert_int_equal(json_object_size(result), 7);
        request_end(&t);
    }

    assert_int_equal(put_with(&t, "lineItem", "{\"sourcedId\": \"li-1\","
                              "\"href\": null, \"type\": null}"), 201);
    request_end(&t);

    assert_int_equal(put_with(&t, "learningObjectiveSet",
                              "[{\"source\": \"x\","
                              "\"learningObjectiveResults\":"
                              "[{\"learningObjectiveId\": \"y\","
                              "\"score\": null, \"textScore\": null}]}]"),
                     201);
    assert_contains(t.text, "[{\"learningObjectiveId\":\"y\"}]");
    request_end(&t);
}


static void
test_references(void **state)
{
    test_request_t  t;

    (void) state;

    /* the client's own href and type are the server's on the way out */

    assert_int_equal(put_with(&t, "lineItem", "{\"sourcedId\": \"a/b c\","
                              "\"href\": \"https://other/x\","
                              "\"type\": \"lineItem\"}"), 201);
    assert_str(t.r.records->item_id, "a/b c");
    assert_null(strstr(t.r.records->detail.data, "lineItem"));
    assert_contains(t.text,
                    "\"lineItem\":{\"href\":\"" BASE "lineItems/a%2Fb%20c\","
                    "\"sourcedId\":\"a/b c\",\"type\":\"lineItem\"}");
    request_end(&t);

    /* one learner in every dialect; the text as received comes back */

    assert_int_equal(put_with(&t, "student",
                              "{\"sourcedId\": \"" GUID_UPPER "\"}"), 201);
    assert_str(t.r.records->learner_id, GUID);
    assert_contains(t.r.records->detail.data,
                    "\"student\":{\"sourcedId\":\"" GUID_UPPER "\"}");
    assert_contains(t.text, "\"sourcedId\":\"" GUID_UPPER "\"");
    request_end(&t);

    assert_int_equal(put_with(&t, "class",
                              "{\"sourcedId\": \"" GUID "\"}"), 201);
    assert_str(t.r.records->course_id, GUID);
    assert_null(strstr(t.r.records->detail.data, "class"));
    request_end(&t);

    /* a scale has no column: it is told as it came */

    assert_int_equal(put_with(&t, "scoreScale", "{\"type\": \"scoreScale\","
                              "\"sourcedId\": \"" GUID_UPPER "\"}"), 201);
    assert_contains(t.r.records->detail.data,
                    "\"scoreScale\":{\"sourcedId\":\"" GUID_UPPER "\"}");
    request_end(&t);

    assert_int_equal(put_with(&t, "student", "{\"sourcedId\": \"..\"}"), 201);
    assert_contains(t.text, "users/%2E%2E\"");
    request_end(&t);

    assert_int_equal(put_with(&t, "student",
                              "{\"sourcedId\": \"A.z-_~9\\u00e9\"}"), 201);
    assert_contains(t.text, "users/A.z-_~9%C3%A9\"");
    request_end(&t);
}


static void
test_base(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *base;
        const char  *href;
    } bases[] = {
        { "http://h/v1/", "http://h/v1/users/st-1" },
        { "http://h/gradebook/", "http://h/rostering/users/st-1" },
        { "http://h/gradebook/a/gradebook/b/",
          "http://h/gradebook/a/rostering/b/users/st-1" },
        { "http://gradebook/", "http://gradebook/users/st-1" },
        { "http://a\"b\\/", "http://a\\\"b\\\\/users/st-1" },
        { "", "users/st-1" }
    };

    (void) state;

    for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        request_start(&t, RESULTS_METHOD_PUT, "results/abc");
        t.r.base = results_str(bases[i].base);

        assert_int_equal(request_parse(&t, RESULT, strlen(RESULT)), 0);
        assert_int_equal(request_finish(&t, RESULTS_OUTCOME_CREATED), 201);
        assert_contains(t.text, bases[i].href);
        request_end(&t);
    }
}


static void
test_outcomes(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        results_outcome_e   outcome;
        int                 status;
        const char         *minor;
        const char         *text;
    } outcomes[] = {
        { RESULTS_OUTCOME_CREATED, 201, NULL, NULL },
        { RESULTS_OUTCOME_UPDATED, 200, NULL, NULL },
        { RESULTS_OUTCOME_REPLAYED, 200, NULL, NULL },
        { RESULTS_OUTCOME_CONFLICT, 409, "invaliddata", "\"abc\"" },
        { RESULTS_OUTCOME_NOT_FOUND, 404, "unknownobject", "\"abc\"" },
        { RESULTS_OUTCOME_UNKNOWN_LEARNER, 404, "unknownobject",
          "Unknown Object: the student \"st-1\" is not known" },
        { RESULTS_OUTCOME_UNKNOWN_ITEM, 404, "unknownobject",
          "Unknown Object: the lineItem \"li-1\" is not known" },
        { RESULTS_OUTCOME_FORBIDDEN, 403, "forbidden", "may not" },
        { RESULTS_OUTCOME_PRECONDITION_FAILED, 412, "invaliddata",
          "no longer" },
        { RESULTS_OUTCOME_SUPERSEDED, 500, "internal_server_error", "" },
        { RESULTS_OUTCOME_NONE, 500, "internal_server_error", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        request_start(&t, RESULTS_METHOD_PUT, "results/abc");

        assert_int_equal(request_parse(&t, RESULT, strlen(RESULT)), 0);
        assert_int_equal(request_finish(&t, outcomes[i].outcome),
                         outcomes[i].status);

        if (outcomes[i].minor) {
            assert_string_equal(request_code_minor(&t), outcomes[i].minor);
            assert_contains(request_description(&t), outcomes[i].text);
            assert_null(request_header(&t, "WWW-Authenticate"));

        } else {
            assert_non_null(json_object_get(t.json, "result"));
        }

        request_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_wrong_members),
        cmocka_unit_test(test_all_errors),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_outcomes)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
