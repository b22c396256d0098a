
/*
 * POST grade2 and grade of the dialect `educacional`: the page's events to
 * records, its two shapes, which fields are named in which order, and the id
 * of an event that has none.
 */

#include "dialect_request.h"


#define OWN_ID   "urn:uuid:7b0c5f5e-3c1d-4f43-9c70-2d2f6f0d1a01"
#define NO_ID    "urn:uuid:12c05c4e-253f-4073-9f29-5786f3ff3f36"
#define LEARNER  "0b0c1e5e-6a4b-4a56-9d2b-0d6f3a1d9c11"
#define ED_APP   "5f2c6d0a-1111-4222-8333-944455556666"
#define CONTEXT  "http://purl.imsglobal.org/ctx/caliper/v1p2"


/* an event with an id of its own; `more` goes into its object */
#define EVENT(id, type, more, generated)                                      \
    "{\"@context\":\"" CONTEXT "\",\"id\":\"" id "\",\"type\":\"" type "\","  \
    "\"profile\":\"GradingProfile\",\"actor\":{\"type\":"                     \
    "\"SoftwareApplication\",\"host\":\"https://h.test\"},"                   \
    "\"action\":\"Graded\",\"object\":{\"type\":\"Attempt\","                 \
    "\"assignee\":{\"id\":\"urn:uuid:" LEARNER "\",\"type\":\"Person\"},"     \
    "\"assignable\":{\"id\":3899,\"type\":\"Activity\","                      \
    "\"skillCode\":\"EF15LP01\"},"                                            \
    "\"dateCreated\":\"2022-07-19T19:36:12.117Z\","                           \
    "\"startedAtTime\":\"2022-07-19T19:30:00.000Z\","                         \
    "\"totalTime\":372" more "},\"edApp\":\"urn:uuid:" ED_APP "\"" generated "}"

#define GRADED                                                                \
    ",\"generated\":{\"type\":\"Score\",\"maxScore\":10.0,"                   \
    "\"scoreGiven\":8.5,\"proficiencyLevel\":\"avancado\",\"trys\":2}"


/* a body up to its write; 0 or the status of the refusal */
static int
post_as(test_request_t *t, const char *body, const char *key)
{
    request_start(t, RESULTS_METHOD_POST, "grade");

    t->r.dialect = results_dialect_find(results_str("educacional"));
    t->r.idempotency_key = results_str(key);

    t->principal.scopes = results_scope_bits(
        results_str("la-apiauthidentifier/authorization"));

    return request_parse(t, body, strlen(body));
}


static int
post(test_request_t *t, const char *body)
{
    return post_as(t, body, NULL);
}


/* the text of an error, by its place among them; NULL behind the last */
static const char *
message(const test_request_t *t, size_t i)
{
    return json_string_value(
               json_array_get(json_object_get(t->json, "message"), i));
}


static void
test_graded(void **state)
{
    results_record_t  *record;
    test_request_t     t;

    static const char  body[] =
        EVENT(OWN_ID, "GradeEvent",
              ",\"endedAtTime\":\"2022-07-19T19:36:12.117\","
              "\"percentReading\":25.91,\"completionType\":\"SUCCESSFULL\","
              "\"finished\":\"True\"", GRADED);

    (void) state;

    assert_int_equal(post(&t, body), 0);

    record = t.r.records;

    assert_int_equal(t.r.nrecords, 1);
    assert_int_equal(record->institution_id, 7);
    assert_int_equal(record->client_id, 3);
    assert_int_equal(record->kind, RESULTS_KIND_LEARNING_EVENT);
    assert_int_equal(record->op, RESULTS_OP_CREATE);
    assert_str(record->id, &OWN_ID[sizeof("urn:uuid:") - 1]);
    assert_str(record->learner_id, LEARNER);
    assert_str(record->item_id, "3899");
    assert_null(record->course_id.data);
    assert_int_equal(record->status, RESULTS_STATUS_ACTIVE);
    assert_true(record->score == 8.5);
    assert_true(record->score_max == 10);
    assert_int_equal(record->completion, RESULTS_COMPLETION_COMPLETE);
    assert_true(record->progress == 25.91);
    assert_int_equal(record->time_spent, 372);
    assert_int_equal(record->started_at, INT64_C(1658259000000000));
    assert_int_equal(record->completed_at, INT64_C(1658259372117000));
    assert_int_equal(record->scored_at, RESULTS_TIME_NULL);
    assert_int_equal(record->guards, 0);
    assert_int_equal(t.r.repeatable, 1);

    /* all of it, with numbers as they came */
    assert_contains(record->detail.data, "\"maxScore\":10.0,");
    assert_contains(record->detail.data, "\"finished\":\"True\"");
    assert_contains(record->detail.data, "\"id\":\"" OWN_ID "\"");

    assert_int_equal(request_finish(&t, RESULTS_OUTCOME_REPLAYED), 200);
    assert_string_equal(t.text, "{\"@context\":\"" CONTEXT "\",\"id\":\""
                                OWN_ID "\"}");

    request_end(&t);
}


static void
test_viewed(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *body;
        int          graded;
    } cases[] = {
        { EVENT(OWN_ID, "ViewEvent", "", GRADED), 0 },
        { EVENT(OWN_ID, "GradeViewEvent", "", GRADED), 1 },
        { EVENT(OWN_ID, "ViewGradeEvent", "", GRADED), 1 },
        { EVENT(OWN_ID, "GradeEvent", "", ""), 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(post(&t, cases[i].body), 0);
        assert_int_equal(!isnan(t.r.records->score), cases[i].graded);
        assert_int_equal(!isnan(t.r.records->score_max), cases[i].graded);
        assert_int_equal(t.r.records->completion, RESULTS_COMPLETION_NULL);
        assert_true(isnan(t.r.records->progress));
        request_end(&t);
    }
}


static void
test_completions(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char            *body;
        results_completion_e   completion;
    } cases[] = {
#define WITH(word)  EVENT(OWN_ID, "GradeEvent", ",\"completionType\":" word, "")
        { WITH("\"SUCCESSFULL\""), RESULTS_COMPLETION_COMPLETE },
        { WITH("\"EXTRA\""), RESULTS_COMPLETION_COMPLETE },
        { WITH("\"FAILURE\""), RESULTS_COMPLETION_FAILED },
        { WITH("\"ONGOING\""), RESULTS_COMPLETION_IN_PROGRESS },
        { WITH("\"CANCEL\""), RESULTS_COMPLETION_DECLINED },
        { WITH("\"\""), RESULTS_COMPLETION_NULL },
        { WITH("null"), RESULTS_COMPLETION_NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(post(&t, cases[i].body), 0);
        assert_int_equal(t.r.records->completion, cases[i].completion);
        request_end(&t);
    }
}


/* a field in the place of the page's sample, and of its table */
static void
test_places(void **state)
{
    char            body[2048];
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *object;      /* members of `object`, and of the root */
        const char  *root;
        int32_t      time_spent;
        int64_t      started_at;
    } cases[] = {
        { "\"dateCreated\":\"2022-01-01\",\"startedAtTime\":\"2022-01-02\","
          "\"totalTime\":1", "", 1, INT64_C(1641081600000000) },
        { "\"x\":1", "\"dateCreated\":\"2022-01-01\","
          "\"startedAtTime\":\"2022-01-02\",\"duration\":2", 2,
          INT64_C(1641081600000000) },
        { "\"duration\":\"3\"", "\"dateCreated\":\"2022-01-01\","
          "\"startedAtTime\":\"2022-01-02T00:00:00\",\"totalTime\":9", 3,
          INT64_C(1641081600000000) },
        { "\"totalTime\":4.9,\"duration\":5,\"startedAtTime\":\"2022-01-02\"",
          "\"dateCreated\":\"2022-01-01\",\"totalTime\":6,\"duration\":7,"
          "\"startedAtTime\":\"2021-01-02\"", 4, INT64_C(1641081600000000) },
        { "\"totalTime\":null,\"dateCreated\":\"\"",
          "\"dateCreated\":\"2022-01-01\",\"totalTime\":8,"
          "\"startedAtTime\":\"2022-01-02\"", 8, INT64_C(1641081600000000) }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(body, sizeof(body),
            "{\"@context\":\"" CONTEXT "\",\"Id\":\"" OWN_ID "\","
            "\"type\":\"ViewEvent\",\"profile\":\"ReadingProfile\","
            "\"actor\":{\"type\":\"a\",\"host\":\"b\"},\"action\":\"Viewed\","
            "\"object\":{\"type\":\"Reading\",\"assignee\":{\"id\":"
            "\"urn:uuid:" LEARNER "\",\"type\":\"Person\"},\"assignable\":"
            "{\"id\":\"3899\",\"type\":\"Book Activity\",\"skillCode\":\"c\"},"
            "%s},%s%s\"edApp\":\"urn:uuid:" ED_APP "\"}", cases[i].object,
            cases[i].root, cases[i].root[0] ? "," : "");

        if (post(&t, body) != 0) {
            fail_msg("%s: %s", cases[i].root, t.text);
        }

        assert_int_equal(t.r.records->time_spent, cases[i].time_spent);
        assert_int_equal(t.r.records->started_at, cases[i].started_at);
        assert_str(t.r.records->item_id, "3899");
        request_end(&t);
    }
}


static void
test_part(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *part;
        const char  *course;
    } cases[] = {
        { "{\"id\":\"MAT\",\"name\":\"x\"}", "MAT" },
        { "{\"id\":12,\"type\":\"Subject\"}", "12" },
        { "{\"id\":12,\"type\":\"GroupStudy\"}", NULL },
        { "{\"id\":12,\"type\":\"Task\"}", NULL },
        { "{\"type\":\"Subject\"}", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char     *text;
        json_t   *body;

        body = json_loads(EVENT(OWN_ID, "GradeEvent", "", ""), 0, NULL);
        json_object_set_new(json_object_get(json_object_get(body, "object"),
                                            "assignable"),
                            "isPartOf", json_loads(cases[i].part, 0, NULL));
        text = json_dumps(body, 0);
        json_decref(body);

        assert_int_equal(post(&t, text), 0);
        assert_true(results_str_eq(t.r.records->course_id,
                                   results_str(cases[i].course)));
        request_end(&t);
        free(text);
    }
}


static void
test_all_missing(void **state)
{
    unsigned        i;
    char            text[128];
    test_request_t  t;

    static const char *const  fields[] = {
        "@context", "id", "type", "profile", "actor.type", "actor.host",
        "action", "object.type", "object.assignee.id", "object.assignee.type",
        "object.assignable.id", "object.assignable.type",
        "object.assignable.skillCode", "object.dateCreated",
        "object.startedAtTime", "object.totalTime", "edApp"
    };

    (void) state;

    assert_int_equal(post(&t, "{}"), 400);
    assert_int_equal(json_array_size(json_object_get(t.json, "message")), 17);

    for (i = 0; i < 17; i++) {
        (void) snprintf(text, sizeof(text), "Field %s not informed",
                        fields[i]);
        assert_string_equal(message(&t, i), text);
    }

    request_end(&t);

    /* null and "" inform of nothing, nor does an object that is none */

    assert_int_equal(post(&t, "{\"@context\":null,\"id\":\"\",\"actor\":7,"
                              "\"object\":[],\"edApp\":\"\"}"), 400);
    assert_int_equal(json_array_size(json_object_get(t.json, "message")), 17);
    request_end(&t);
}


static void
test_wrong(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const char *const  texts[] = {
        "Field @context invalid: expected one of " CONTEXT,
        "Field id invalid: expected urn:uuid: and a UUID",
        "Field type invalid: expected one of GradeEvent, ViewEvent, "
            "GradeViewEvent",
        "Field profile not informed",
        "Field actor.type invalid: expected a string",
        "Field actor.host not informed",
        "Field action invalid: expected one of Viewed, Graded, ViewdGraded",
        "Field object.type invalid: expected one of Attempt, Reading, "
            "Reading/Listen",
        "Field object.assignee.id invalid: expected urn:uuid: and a UUID",
        "Field object.assignee.type invalid: expected one of Person",
        "Field object.assignable.id invalid: expected an integer, or a "
            "string of 1 to 255 characters",
        "Field object.assignable.type invalid: expected one of Activity, "
            "Book Activity",
        "Field object.assignable.skillCode invalid: expected a string",
        "Field object.dateCreated invalid: expected an ISO 8601 date-time as "
            "2022-07-19T19:36:12.117Z",
        "Field object.startedAtTime invalid: expected an ISO 8601 date-time "
            "as 2022-07-19T19:36:12.117Z",
        "Field object.totalTime invalid: expected a number from 0 to "
            "2147483647",
        "Field edApp invalid: expected urn:uuid: and a UUID",
        "Field object.assignable.extension.name invalid: expected a string",
        "Field object.assignable.extension.bookLevel invalid: expected a "
            "string or a number",
        "Field object.assignable.isPartOf.type invalid: expected one of "
            "Subject, GroupStudy, Task",
        "Field object.assignable.frequency_assigned invalid: expected an "
            "integer, not negative",
        "Field object.endedAtTime invalid: expected an ISO 8601 date-time as "
            "2022-07-19T19:36:12.117Z",
        "Field object.percentReading invalid: expected a number from 0 to "
            "100",
        "Field object.completionType invalid: expected one of SUCCESSFULL, "
            "FAILURE, ONGOING, EXTRA, CANCEL",
        "Field object.finished invalid: expected one of TRUE, FALSE",
        "Field generated.type invalid: expected one of Score",
        "Field generated.maxScore invalid: expected a number, not negative",
        "Field generated.trys invalid: expected an integer, not negative",
        NULL
    };

    (void) state;

    assert_int_equal(post(&t,
        "{\"@context\":\"http://example.com\",\"id\":\"" LEARNER "\","
        "\"type\":\"gradeEvent\",\"actor\":{\"type\":7},\"action\":\"View\","
        "\"object\":{\"type\":1,\"assignee\":{\"id\":\"urn:uuid" LEARNER "\","
        "\"type\":\"person\"},\"assignable\":{\"id\":1.5,\"type\":\"Book\","
        "\"skillCode\":[],\"extension\":{\"name\":1,\"bookLevel\":true},"
        "\"isPartOf\":{\"type\":\"Subject, GroupStudy\"},"
        "\"frequency_assigned\":-1},\"dateCreated\":\"19/07/2022\","
        "\"startedAtTime\":0,\"totalTime\":-1,\"endedAtTime\":\"24:00\","
        "\"percentReading\":\"100.1\",\"completionType\":\"SUCCESSFUL\","
        "\"finished\":1},\"edApp\":\"x\",\"generated\":{\"type\":\"score\","
        "\"maxScore\":\"ten\",\"scoreGiven\":\"8.5\",\"trys\":1.5}}"), 400);

    for (i = 0; texts[i]; i++) {
        assert_non_null(message(&t, i));
        assert_string_equal(message(&t, i), texts[i]);
    }

    assert_null(message(&t, i));
    request_end(&t);
}


static void
test_bodies(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *body;
        const char  *text;
    } bodies[] = {
        { "", "Body is not JSON" },
        { "x", "Body is not JSON" },
        { "5", "Body is not a JSON object" },
        { "null", "Body is not a JSON object" },
        { "{\"id\": <STRING>}", "Body is not JSON" },
        { "{\"id\": 1", "Body is not JSON" },
        { "[]", "Body is not a JSON object" },
        { "{\"generated\":{\"scoreGiven\":1e400}}",
          "Field generated.scoreGiven invalid: number out of range" },
        { "{\"id\":1,\"id\":2}", "Field id invalid: duplicate field" },
        { "{\"object\":{\"assignable\":{\"skillCode\":\"\\u0000\"}}}",
          "Field object.assignable.skillCode invalid: \\u0000 is not" },
        { "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]"
          "]]]]]]]]}", "Field a[0][0][0][0][0][0]" }
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(post(&t, bodies[i].body), 400);
        assert_non_null(message(&t, 0));
        assert_null(message(&t, 1));

        if (strncmp(message(&t, 0), bodies[i].text, strlen(bodies[i].text))) {
            fail_msg("%s: %s", bodies[i].body, message(&t, 0));
        }

        request_end(&t);
    }
}


/* the id of a body's record, in a buffer of 37 bytes */
static int64_t
id_of(const char *body, const char *key, int32_t client, char *id)
{
    int64_t         hash;
    test_request_t  t;

    request_start(&t, RESULTS_METHOD_POST, "grade2");

    t.r.dialect = results_dialect_find(results_str("educacional"));
    t.r.idempotency_key = results_str(key);
    t.principal.client_id = client;
    t.principal.scopes = results_scope_bits(
        results_str("la-apiauthidentifier/authorization"));

    assert_int_equal(request_parse(&t, body, strlen(body)), 0);
    assert_int_equal(t.r.repeatable, 1);

    memcpy(id, t.r.records->id.data, 36);
    id[36] = '\0';
    hash = t.r.records->payload_hash;

    assert_int_equal(request_finish(&t, RESULTS_OUTCOME_CREATED), 200);
    assert_string_equal(json_string_value(json_object_get(t.json, "id"))
                        + sizeof("urn:uuid:") - 1, id);
    request_end(&t);

    return hash;
}


static void
test_ids(void **state)
{
    char     ids[6][37];
    int64_t  hash;

    static const char  body[] = EVENT(NO_ID, "GradeEvent", "", GRADED);
    static const char  other[] = EVENT(NO_ID, "GradeEvent", "", "");
    static const char  own[] = EVENT(OWN_ID, "GradeEvent", "", "");

    (void) state;

    /* none: one of who sends what, or of the key */

    hash = id_of(body, NULL, 3, ids[0]);
    assert_int_equal(ids[0][14], '8');
    assert_true(id_of(body, NULL, 3, ids[1]) == hash);
    assert_string_equal(ids[0], ids[1]);

    assert_true(id_of(other, NULL, 3, ids[1]) != hash);
    assert_string_not_equal(ids[0], ids[1]);

    (void) id_of(body, NULL, 4, ids[1]);
    assert_string_not_equal(ids[0], ids[1]);

    (void) id_of(body, "key", 3, ids[2]);
    assert_string_not_equal(ids[0], ids[2]);
    (void) id_of(other, "key", 3, ids[3]);
    assert_string_equal(ids[2], ids[3]);

    /* its own one counts, whatever the key */

    hash = id_of(own, NULL, 3, ids[4]);
    assert_string_equal(ids[4], &OWN_ID[sizeof("urn:uuid:") - 1]);
    assert_true(id_of(own, "key", 4, ids[5]) == hash);
    assert_string_equal(ids[4], ids[5]);
}


static void
test_outcomes(void **state)
{
    test_request_t  t;

    (void) state;

    assert_int_equal(post(&t, EVENT(OWN_ID, "GradeEvent", "", "")), 0);
    assert_int_equal(request_finish(&t, RESULTS_OUTCOME_CONFLICT), 400);
    assert_string_equal(t.text, "{\"message\":[\"Field id already used by a "
                                "different event\"]}");
    request_end(&t);

    assert_int_equal(post_as(&t, EVENT(NO_ID, "GradeEvent", "", ""), "k"), 0);
    assert_int_equal(request_finish(&t, RESULTS_OUTCOME_CONFLICT), 422);
    assert_contains(message(&t, 0), "Idempotency-Key");
    request_end(&t);

    assert_int_equal(post(&t, EVENT(OWN_ID, "GradeEvent", "", "")), 0);
    assert_int_equal(request_finish(&t, RESULTS_OUTCOME_NONE), 500);
    request_end(&t);
}


static void
test_refusals(void **state)
{
    test_request_t  t;

    static const char  body[] = EVENT(OWN_ID, "GradeEvent", "", "");

    (void) state;

    request_start(&t, RESULTS_METHOD_POST, "grade");
    t.r.dialect = results_dialect_find(results_str("educacional"));
    assert_int_equal(request_parse(&t, body, sizeof(body) - 1), 403);
    assert_contains(message(&t, 0), "scope");
    assert_contains(request_header(&t, "WWW-Authenticate"),
                    "la-apiauthidentifier/authorization");
    request_end(&t);

    request_start(&t, RESULTS_METHOD_POST, "grade");
    t.r.dialect = results_dialect_find(results_str("educacional"));
    t.r.principal = NULL;
    assert_int_equal(request_parse(&t, body, sizeof(body) - 1), 401);
    assert_string_equal(t.text, "{\"message\":\"Unauthorized\"}");
    request_end(&t);

    /* an edApp of its own */

    assert_int_equal(post(&t, body), 0);
    t.principal.ed_app_set = 1;
    memcpy(t.principal.ed_app, ED_APP, 36);
    assert_int_equal(t.r.route->parse(&t.r), RESULTS_NEXT_WRITE);
    t.principal.ed_app[0] = '0';
    assert_int_equal(t.r.route->parse(&t.r), RESULTS_NEXT_REPLY);
    assert_int_equal(t.r.failure.status, 403);
    request_end(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_graded),
        cmocka_unit_test(test_viewed),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_all_missing),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_refusals)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
