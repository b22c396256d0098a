
/*
 * The routes of the OneRoster dialects that take more than one step: the
 * standard's POST of many, Timeback's POST of one and PATCH; and DELETE.
 */

#include "dialect_request.h"
#include "results_uuid.h"


#define MEMBER(id, more)                                                      \
    "{\"sourcedId\": \"" id "\", \"lineItem\": {\"sourcedId\": \"li\"},"      \
    " \"student\": {\"sourcedId\": \"st\"}, \"scoreStatus\": \"submitted\","  \
    " \"scoreDate\": \"2026-01-01\"" more "}"


static void
start(test_request_t *t, const char *dialect, results_method_e method,
    const char *path, const char *scope)
{
    request_start(t, method, path);

    t->r.dialect = results_dialect_find(results_str(dialect));
    t->principal.scopes = results_scope_bits(results_str(scope));
}


static int
parse(test_request_t *t, const char *body)
{
    return request_parse(t, body, strlen(body));
}


/* the write's outcome for each record */
static results_next_e
finish(test_request_t *t, const results_outcome_e *outcomes)
{
    unsigned  i;

    for (i = 0; i < t->r.nrecords; i++) {
        t->r.records[i].stamp = STAMP;
        t->r.records[i].version = 1;
        t->r.records[i].outcome = outcomes[i];
    }

    return t->r.route->finish(&t->r);
}


static const char *
pair(test_request_t *t, size_t i, const char *name)
{
    json_t  *pairs;

    pairs = json_object_get(t->json, "sourcedIdPairs");

    return json_string_value(json_object_get(json_array_get(pairs, i), name));
}


static void
test_bulk(void **state)
{
    char            id[RESULTS_UUID_LEN + 1];
    unsigned        again;
    test_request_t  t;

    static const results_outcome_e  taken[] = {
        RESULTS_OUTCOME_CREATED, RESULTS_OUTCOME_CONFLICT
    };
    static const results_outcome_e  created[] = {
        RESULTS_OUTCOME_CREATED, RESULTS_OUTCOME_REPLAYED
    };

    (void) state;

    for (again = 0; again < 2; again++) {

        start(&t, "oneroster", RESULTS_METHOD_POST, "lineItems/li/results",
              SCOPES "gradebook.createpost");

        assert_int_equal(parse(&t, "{\"results\": [" MEMBER("a", "") ","
                                   MEMBER("b", ",\"score\":1") "]}"), 0);

        assert_int_equal(t.r.nrecords, 2);
        assert_int_equal(t.r.records[0].op, RESULTS_OP_CREATE);
        assert_str(t.r.records[1].id, "b");
        assert_str(t.r.records[1].item_id, "li");
        assert_int_equal(t.r.repeatable, 1);

        /* b is taken: all of it again, with another id */

        assert_int_equal(finish(&t, taken), RESULTS_NEXT_WRITE);
        assert_str(t.r.records[0].id, "a");
        assert_int_equal(t.r.records[1].id.len, RESULTS_UUID_LEN);
        assert_int_equal(t.r.records[1].id.data[14], '8');

        /* which the same request finds again */

        if (again) {
            assert_memory_equal(t.r.records[1].id.data, id, RESULTS_UUID_LEN);
        }

        memcpy(id, t.r.records[1].id.data, RESULTS_UUID_LEN);
        id[RESULTS_UUID_LEN] = '\0';

        assert_int_equal(finish(&t, created), RESULTS_NEXT_REPLY);
        assert_int_equal(request_reply(&t), 201);

        assert_string_equal(pair(&t, 0, "suppliedSourcedId"), "a");
        assert_string_equal(pair(&t, 0, "allocatedSourcedId"), "a");
        assert_string_equal(pair(&t, 1, "suppliedSourcedId"), "b");
        assert_string_equal(pair(&t, 1, "allocatedSourcedId"), id);

        request_end(&t);
    }

    /* another client's, or on another path, it is another id */

    for (again = 0; again < 2; again++) {
        start(&t, "oneroster", RESULTS_METHOD_POST,
              again ? "classes/c/academicSessions/s/results"
                    : "lineItems/li/results",
              SCOPES "gradebook.createpost");

        t.principal.client_id += !again;

        assert_int_equal(parse(&t, "{\"results\": [" MEMBER("a", "") ","
                                   MEMBER("b", ",\"score\":1") "]}"), 0);
        assert_int_equal(finish(&t, taken), RESULTS_NEXT_WRITE);
        assert_memory_not_equal(t.r.records[1].id.data, id, RESULTS_UUID_LEN);

        request_end(&t);
    }
}


static void
test_bulk_refusals(void **state)
{
    test_request_t  t;

    static const results_outcome_e  unknown[] = {
        RESULTS_OUTCOME_UNKNOWN_LEARNER, RESULTS_OUTCOME_CONFLICT,
        RESULTS_OUTCOME_UNKNOWN_ITEM
    };
    static const results_outcome_e  taken[] = {
        RESULTS_OUTCOME_CONFLICT, RESULTS_OUTCOME_CREATED,
        RESULTS_OUTCOME_CREATED
    };

    (void) state;

    start(&t, "oneroster", RESULTS_METHOD_POST, "lineItems/li/results",
          SCOPES "gradebook.createpost");

    assert_int_equal(parse(&t, "{\"results\": [" MEMBER("a", "") ","
                               MEMBER("b", "") "," MEMBER("c", "") "]}"), 0);

    /* no new id mends an unknown student */

    assert_int_equal(finish(&t, unknown), RESULTS_NEXT_REPLY);
    assert_int_equal(request_error(&t), 404);
    assert_string_equal(request_description(&t),
                        "Unknown Object: /results/0: the student \"st\" is "
                        "not known; /results/2: the lineItem \"li\" is not "
                        "known");
    request_end(&t);

    /* a new id that is taken as well is no reason to go on for ever */

    start(&t, "oneroster", RESULTS_METHOD_POST, "lineItems/li/results",
          SCOPES "gradebook.createpost");

    assert_int_equal(parse(&t, "{\"results\": [" MEMBER("a", "") ","
                               MEMBER("b", "") "," MEMBER("c", "") "]}"), 0);
    assert_int_equal(finish(&t, taken), RESULTS_NEXT_WRITE);
    assert_int_equal(finish(&t, taken), RESULTS_NEXT_REPLY);
    assert_int_equal(request_error(&t), 409);
    request_end(&t);
}


static void
test_bulk_session(void **state)
{
    json_t          *detail;
    test_request_t   t;

    (void) state;

    start(&t, "oneroster", RESULTS_METHOD_POST,
          "classes/c%2F1/academicSessions/s/results",
          SCOPES "gradebook.createpost");

    assert_int_equal(parse(&t, "{\"results\": [" MEMBER("a", "") ","
                MEMBER("b", ",\"class\": {\"sourcedId\": \"c/1\"}") "]}"), 0);

    assert_str(t.r.records[0].course_id, "c/1");
    assert_str(t.r.records[1].course_id, "c/1");

    detail = json_loads(t.r.records[0].detail.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(
                            detail, "academicSession"), "sourcedId")), "s");
    json_decref(detail);

    request_end(&t);
}


static void
test_post(void **state)
{
    test_request_t  t;

    static const results_outcome_e  created = RESULTS_OUTCOME_CREATED;
    static const results_outcome_e  conflict = RESULTS_OUTCOME_CONFLICT;

    (void) state;

    /* an id of its own */

    start(&t, "timeback", RESULTS_METHOD_POST, "results/",
          SCOPES "gradebook.createpost");
    assert_int_equal(parse(&t, "{\"result\": " MEMBER("a", "") "}"), 0);
    assert_str(t.r.records->id, "a");
    assert_int_equal(t.r.records->op, RESULTS_OP_CREATE);
    assert_int_equal(t.r.repeatable, 1);
    assert_int_equal(finish(&t, &conflict), RESULTS_NEXT_REPLY);
    assert_int_equal(request_error(&t), 409);
    request_end(&t);

    /* none: of the time, and not to be repeated */

    start(&t, "timeback", RESULTS_METHOD_POST, "results", SCOPES_1 "admin");
    assert_int_equal(parse(&t, RESULT), 0);
    assert_int_equal(t.r.records->id.len, RESULTS_UUID_LEN);
    assert_int_equal(t.r.records->id.data[14], '7');
    assert_int_equal(t.r.repeatable, 0);
    assert_int_equal(finish(&t, &created), RESULTS_NEXT_REPLY);
    assert_int_equal(request_reply(&t), 201);
    assert_contains(t.text, "{\"sourcedIdPairs\":{\"suppliedSourcedId\":\"");
    request_end(&t);

    /* of a key */

    start(&t, "timeback", RESULTS_METHOD_POST, "results", SCOPES "admin");
    t.r.idempotency_key = results_str("key");
    assert_int_equal(parse(&t, RESULT), 0);
    assert_int_equal(t.r.records->id.data[14], '8');
    assert_int_equal(t.r.repeatable, 1);
    assert_int_equal(finish(&t, &conflict), RESULTS_NEXT_REPLY);
    assert_int_equal(request_error(&t), 422);
    assert_contains(request_description(&t), "Idempotency-Key");
    request_end(&t);
}


static void
test_delete(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        results_outcome_e  outcome;
        int                status;
    } cases[] = {
        { RESULTS_OUTCOME_DELETED, 204 },
        { RESULTS_OUTCOME_NOT_FOUND, 404 },
        { RESULTS_OUTCOME_CONFLICT, 409 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&t, i % 2 ? "oneroster" : "timeback", RESULTS_METHOD_DELETE,
              "results/a", SCOPES "gradebook.delete");

        assert_int_equal(parse(&t, ""), 0);
        assert_int_equal(t.r.records->op, RESULTS_OP_DELETE);
        assert_int_equal(t.r.records->institution_id, 7);
        assert_int_equal(t.r.records->client_id, 3);
        assert_int_equal(t.r.records->kind, RESULTS_KIND_RESULT);
        assert_str(t.r.records->id, "a");

        assert_int_equal(finish(&t, &cases[i].outcome), RESULTS_NEXT_REPLY);

        if (cases[i].status == 204) {
            assert_int_equal(t.r.failure.status, 0);
            assert_int_equal(t.r.reply.status, 204);
            assert_int_equal(t.r.reply.body.len, 0);

        } else {
            assert_int_equal(request_error(&t), cases[i].status);
        }

        request_end(&t);
    }
}


/* a row of read_record() as PostgreSQL sends it */
static void
row(test_request_t *t, char status, const char *detail, char version)
{
    results_str_t  values[RESULTS_RECORD_COLUMNS];

    static const char  kind[] = { 0, RESULTS_KIND_ASSESSMENT_RESULT };
    static const char  client[] = { 0, 0, 0, 9 };
    static const char  zero[8] = { 0 };

    char  status_code[2] = { 0, 0 };
    char  version_code[4] = { 0, 0, 0, 0 };

    memset(values, 0, sizeof(values));

    status_code[1] = status;
    version_code[3] = version;

    values[0].data = kind;
    values[0].len = 2;
    values[1] = results_str("ar");
    values[2] = results_str("st");
    values[3] = results_str("ali");
    values[5].data = status_code;
    values[5].len = 2;
    values[14] = results_str(detail);
    values[15].data = zero;
    values[15].len = 8;
    values[16].data = version_code;
    values[16].len = 4;
    values[17].data = client;
    values[17].len = 4;
    values[18] = values[15];
    values[19] = values[15];

    t->r.route->row(&t->r, values, RESULTS_RECORD_COLUMNS);
}


static results_next_e
start_patch(test_request_t *t, const char *body)
{
    start(t, "timeback", RESULTS_METHOD_PATCH, "assessmentResults/ar",
          SCOPES "assessment.createput");

    t->r.body = results_str(body);

    assert_int_equal(results_route(&t->r), 0);
    assert_int_equal(results_authorize(&t->r), 0);

    return t->r.route->parse(&t->r);
}


static void
test_patch(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const char  detail[] =
        "{\"scoreStatus\": \"submitted\", \"scoreDate\": \"2026-01-01\","
        " \"metadata\": {\"a\": {\"b\": 1}}}";

    static const results_outcome_e  conflict = RESULTS_OUTCOME_CONFLICT;
    static const results_outcome_e  updated = RESULTS_OUTCOME_UPDATED;

    (void) state;

    assert_int_equal(start_patch(&t, "{\"assessmentResult\": {\"score\": 5,"
                                 " \"metadata\": {\"a\": {\"c\": 2}}}}"),
                     RESULTS_NEXT_READ);
    assert_int_equal(t.r.read.function, RESULTS_READ_RECORD);
    assert_string_equal(t.r.read.args[0], "7");
    assert_string_equal(t.r.read.args[1], "{2}");
    assert_string_equal(t.r.read.args[2], "ar");

    /* another write comes between the read and ours: again, from the start */

    for (i = 1; i < 4; i++) {
        row(&t, RESULTS_STATUS_ACTIVE, detail, (char) i);
        assert_int_equal(t.r.route->finish(&t.r), RESULTS_NEXT_WRITE);

        assert_int_equal(t.r.records->op, RESULTS_OP_REPLACE);
        assert_int_equal(t.r.records->expected, i);
        assert_true(t.r.records->score == 5);
        assert_str(t.r.records->learner_id, "st");
        assert_str(t.r.records->item_id, "ali");

        if (i < 3) {
            assert_int_equal(finish(&t, &conflict), RESULTS_NEXT_READ);
        }
    }

    assert_int_equal(finish(&t, &updated), RESULTS_NEXT_REPLY);
    assert_int_equal(request_reply(&t), 200);
    assert_contains(t.text, "\"metadata\":{\"a\":{\"b\":1,\"c\":2}}");
    assert_contains(t.text, "\"score\":5");
    request_end(&t);

    /* but not for ever */

    assert_int_equal(start_patch(&t, "{\"assessmentResult\": {}}"),
                     RESULTS_NEXT_READ);

    for (i = 1; /* void */ ; i++) {
        row(&t, RESULTS_STATUS_ACTIVE, detail, (char) i);
        assert_int_equal(t.r.route->finish(&t.r), RESULTS_NEXT_WRITE);

        if (finish(&t, &conflict) == RESULTS_NEXT_REPLY) {
            break;
        }

        assert_true(i < 20);
    }

    assert_int_equal(request_error(&t), 503);
    assert_string_equal(request_header(&t, "Retry-After"), "1");
    request_end(&t);

    /* none, or a deleted one */

    for (i = 0; i < 2; i++) {
        assert_int_equal(start_patch(&t, "{\"assessmentResult\": {}}"),
                         RESULTS_NEXT_READ);

        if (i) {
            row(&t, RESULTS_STATUS_TOBEDELETED, detail, 1);
        }

        assert_int_equal(t.r.route->finish(&t.r), RESULTS_NEXT_REPLY);
        assert_int_equal(request_error(&t), 404);
        request_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_bulk_refusals),
        cmocka_unit_test(test_bulk_session),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_patch)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
