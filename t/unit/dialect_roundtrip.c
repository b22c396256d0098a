
/*
 * What goes in comes out equal, from the body's own tree as from the stored
 * detail; what the payload hash counts; what the standard's letter leaves
 * out of a record that the Timeback dialect took.
 */

#include "dialect_request.h"
#include "results_oneroster.h"


/* members of a result, each sent alone beside the required ones */
static const char *const  members[] = {
    "\"score\": 0",
    "\"score\": -0.0",
    "\"score\": 95.5",
    "\"score\": 0.1",
    "\"score\": 0.30000000000000004",
    "\"score\": 1e308",
    "\"score\": 5e-324",
    "\"score\": -123456789.125",
    "\"score\": 9007199254740991",
    "\"textScore\": \"\"",
    "\"textScore\": \"A+\"",
    "\"comment\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"",
    "\"comment\": \"\\u00e9\\ud83d\\ude00\\u202e\\u2028\\ufeff\\uffff\"",
    "\"comment\": \"'; DROP TABLE result; -- {,} $1 %s\"",
    "\"comment\": \"</script>\"",
    "\"metadata\": {}",
    "\"metadata\": {\"\": {\"a/b\": [null, true, false, 1, -1.5, \"\", [],"
    " {}]}, \"sourcedId\": \"x\", \"~\": 12345678901234567}",
    "\"metadata\": {\"a\": "
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
    "\"scoreDate\": \"2023-11-07T05:31:56Z\"",
    "\"scoreDate\": \"2023-11-07t05:31:56.123456789+01:30\"",
    "\"scoreDate\": \"0001-01-01T00:00:00Z\"",
    "\"scoreDate\": \"9999-12-31T23:59:59.999Z\"",
    "\"scoreDate\": \"2016-12-31T23:59:60Z\"",
    "\"inProgress\": \"\"",
    "\"inProgress\": \"TRUE\"",
    "\"incomplete\": \"maybe\"",
    "\"late\": \"true\"",
    "\"missing\": \"\\u00e9\"",
    "\"learningObjectiveSet\": []",
    "\"learningObjectiveSet\": [{\"source\": \"\", \"extra\": [1],"
    " \"learningObjectiveResults\": [{\"learningObjectiveId\": \"\","
    " \"score\": -1.5, \"textScore\": \"x\", \"more\": null},"
    " {\"learningObjectiveId\": \"2\"}]}, {\"source\": \"a\","
    " \"learningObjectiveResults\": [{\"learningObjectiveId\": \"b\"}]}]",

    /* fields that nobody knows are given back */
    "\"unknown\": null",
    "\"href\": \"x\", \"type\": 1, \"result\": {\"score\": 1}",
    "\"scorePercentile\": 99.5",
    "\"\": \"\"",
    "\"a\\\"b\\\\c\\u0001\": \"x\""
};


/* the members that a body has come back equal; what is added is the server's */
static void
assert_comes_back(const char *body, const char *reply)
{
    json_t      *sent, *got, *value;
    const char  *key;

    sent = json_loads(body, 0, NULL);
    got = json_loads(reply, 0, NULL);
    assert_non_null(sent);
    assert_non_null(got);

    json_object_foreach(json_object_get(sent, "result"), key, value) {
        json_t  *back;

        back = json_object_get(json_object_get(got, "result"), key);

        if (strcmp(key, "lineItem") == 0 || strcmp(key, "student") == 0) {
            json_object_del(back, "href");
            json_object_del(back, "type");
        }

        /* 95 and 95.0 are one number */

        if (json_is_number(value) && json_is_number(back)) {
            assert_true(json_number_value(value) == json_number_value(back));

        } else if (!json_equal(value, back)) {
            fail_msg("%s came back another: %s", key, reply);
        }
    }

    json_decref(sent);
    json_decref(got);
}


static void
test_members(void **state)
{
    char              body[2048];
    unsigned          i;
    results_buf_t     buf;
    test_request_t    t;
    results_value_t  *detail;

    results_oneroster_links_t  links;

    (void) state;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        snprintf(body, sizeof(body), "{\"result\": {"
                 "\"lineItem\": {\"sourcedId\": \"li-1\", \"name\": [\"x\"]},"
                 "\"student\": {\"sourcedId\":"
                 " \"URN:UUID:0AEF83C2-9A53-4E6B-8A24-6F8EA8FB7A11\"},"
                 "%s \"scoreStatus\": \"submitted\", %s}}",
                 strstr(members[i], "scoreDate")
                 ? "" : "\"scoreDate\": \"2023-11-07T00:00:00Z\",",
                 members[i]);

        if (request_put(&t, "results/abc", body) != 201) {
            fail_msg("%s: %s", body, t.text);
        }

        assert_comes_back(body, t.text);

        /* GET renders from the stored detail: the same, byte for byte */

        detail = results_json_load(t.r.arena, t.r.records->detail);
        assert_non_null(detail);

        assert_int_equal(results_oneroster_links(&t.r, &links), 0);

        memset(&buf, 0, sizeof(results_buf_t));
        results_buf_puts(&buf, "{\"result\":");
        results_oneroster_render(&buf, t.r.records, detail,
                                 &results_oneroster_result, 0, &links);
        results_buf_puts(&buf, "}");

        assert_int_equal(buf.len, strlen(t.text));
        assert_memory_equal(buf.data, t.text, buf.len);

        results_buf_free(&buf);
        request_end(&t);
    }
}


static void
test_ids(void **state)
{
    char             body[4096], text[2048], *p;
    unsigned         i, n;
    test_request_t   t;

    static const char *const  ids[] = {
        "a", "a/b", "%2F", "..", " ", "\\\"", "\\\\", "{}", "a,b", "'",
        "\xf0\x9f\x98\x80", "\xe2\x80\xae", "\xc2\xa0", "NULL", "$1"
    };

    (void) state;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(body, sizeof(body), "{\"result\": {"
                 "\"lineItem\": {\"sourcedId\": \"%s\"},"
                 "\"student\": {\"sourcedId\": \"%s\"},"
                 "\"class\": {\"sourcedId\": \"x\"},"
                 "\"scoreScale\": {\"sourcedId\": \"x\"},"
                 "\"scoreStatus\": \"submitted\","
                 "\"scoreDate\": \"2023-11-07T00:00:00Z\"}}", ids[i], ids[i]);

        assert_int_equal(request_put(&t, "results/abc", body), 201);

        snprintf(text, sizeof(text), "\"sourcedId\":\"%s\",\"type\":\"user\"",
                 ids[i]);
        assert_contains(t.text, text);

        request_end(&t);
    }

    /* 255 characters of four bytes, and one more */

    for (n = 255; n <= 256; n++) {

        for (p = text, i = 0; i < n; i++, p += 4) {
            memcpy(p, "\xf0\x9f\x98\x80", 5);
        }

        snprintf(body, sizeof(body), "{\"result\": {"
                 "\"lineItem\": {\"sourcedId\": \"%s\"},"
                 "\"student\": {\"sourcedId\": \"x\"},"
                 "\"scoreStatus\": \"submitted\","
                 "\"scoreDate\": \"2023-11-07T00:00:00Z\"}}", text);

        assert_int_equal(request_put(&t, "results/abc", body),
                         n == 255 ? 201 : 422);
        request_end(&t);
    }
}


static void
test_large(void **state)
{
    char            *body, *p;
    test_request_t   t;

    (void) state;

    body = malloc((1 << 20) + 1024);

    p = body + sprintf(body, "{\"result\": {"
                       "\"lineItem\": {\"sourcedId\": \"li-1\"},"
                       "\"student\": {\"sourcedId\": \"st-1\"},"
                       "\"scoreStatus\": \"submitted\","
                       "\"scoreDate\": \"2023-11-07T00:00:00Z\","
                       " \"comment\": \"");
    memset(p, 'x', 1 << 20);
    strcpy(p + (1 << 20), "\"}}");

    assert_int_equal(request_put(&t, "results/abc", body), 201);
    assert_comes_back(body, t.text);

    request_end(&t);
    free(body);
}


static int64_t
hash_of(const char *more)
{
    char            body[1024];
    int64_t         hash;
    test_request_t  t;

    snprintf(body, sizeof(body), "{\"result\": {%s"
             "\"lineItem\": {\"sourcedId\": \"li-1\"},"
             "\"student\": {\"sourcedId\": \"st-1\"},"
             "\"scoreStatus\": \"submitted\","
             " \"scoreDate\": \"2023-11-07T00:00:00Z\"}}",
             more);

    assert_int_equal(request_put(&t, "results/abc", body), 201);

    hash = t.r.records->payload_hash;
    request_end(&t);

    return hash;
}


static void
test_hash(void **state)
{
    int64_t  hash;

    (void) state;

    hash = hash_of("");

    /* clients refresh it on a retry */
    assert_int_equal(hash_of("\"dateLastModified\":\"2023-11-07T05:31:56Z\","),
                     hash);
    assert_int_equal(hash_of("\"dateLastModified\":\"2024-11-07T05:31:56Z\","),
                     hash);

    /* only there */
    assert_int_not_equal(hash_of("\"metadata\":{\"dateLastModified\":\"1\"},"),
                         hash_of("\"metadata\":{\"dateLastModified\":\"2\"},"));

    assert_int_not_equal(hash_of("\"score\": 1,"), hash);
    assert_int_not_equal(hash_of("\"score\": 1,"), hash_of("\"score\": 2,"));

    /* the order of members is nothing */
    assert_int_equal(hash_of("\"score\": 1, \"late\": \"true\","),
                     hash_of("\"late\":\"true\",\"score\":1,"));
}


/* reads an object by the standard's letter; the number of errors */
static unsigned
strict_errors(test_request_t *t, const char *object,
    const results_oneroster_model_t *model)
{
    results_record_t  record;
    results_reader_t  reader;

    request_start(t, RESULTS_METHOD_PUT, "results/abc");
    results_errors_init(&t->r.errors, t->r.arena);
    results_record_init(&record);

    reader.object = results_json_parse(results_str(object), &t->r.errors);
    reader.path = "/x";
    reader.errors = &t->r.errors;

    assert_non_null(reader.object);
    assert_int_equal(results_oneroster_read(&t->r, &reader, model,
                                            RESULTS_ONEROSTER_STRICT, &record),
                     0);

    return t->r.errors.n;
}


static void
test_strict_in(void **state)
{
    char            object[1024];
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *members;
        const char  *error;
    } objects[] = {
        { "\"scoreStatus\": \"submitted\"", NULL },
        { "\"scoreStatus\": \"ext:my.own-word_1\"", NULL },
        { "\"scoreStatus\": \"ext:\"", "/x/scoreStatus" },
        { "\"scoreStatus\": \"ext:a b\"", "/x/scoreStatus" },
        { "\"scoreStatus\": \"xext:ab\"", "/x/scoreStatus" },
        { "\"scoreStatus\": 1", "/x/scoreStatus" },
        { "\"scoreStatus\": \"submitted\", \"score\": null", "/x/score" },
        { "\"scoreStatus\": \"submitted\", \"status\": null", "/x/status" },
        { "\"scoreStatus\": \"submitted\", \"class\": null", "/x/class" },
        { "\"scoreStatus\": \"submitted\", \"more\": 1", "/x/more" },
        { "\"scoreStatus\": \"submitted\", \"scorePercentile\": 1",
          "/x/scorePercentile" },
        { "\"scoreStatus\": \"submitted\", \"metadata\": {\"more\": null}",
          NULL },
        { "\"scoreStatus\": \"submitted\", \"class\": {\"sourcedId\": \"c\","
          "\"name\": \"n\"}", "/x/class/name" },
        { "\"scoreStatus\": \"submitted\", \"late\": \"true\"", NULL },
        { "\"scoreStatus\": \"submitted\", \"late\": \"yes\"", "/x/late" },
        { "\"scoreStatus\": \"submitted\", \"inProgress\": \"\"",
          "/x/inProgress" },
#define OBJECTIVES(source, id, more)                                          \
          "\"scoreStatus\": \"submitted\", \"learningObjectiveSet\":"         \
          "[{\"source\": \"" source "\", \"learningObjectiveResults\":"       \
          "[{\"learningObjectiveId\": \"" id "\"" more "}]}]"
        { OBJECTIVES("unknown", "x", ""), NULL },
        { OBJECTIVES("/abc1", "x", ""), NULL },
        { OBJECTIVES("/unknowns", "x", ""), NULL },
        { OBJECTIVES("case", "0aef83c2-9a53-4e6b-8a24-6f8ea8fb7a11", ""),
          NULL },
        { OBJECTIVES("case", "x", ""), "/learningObjectiveId" },
        { OBJECTIVES("case", "0aef83c29a534e6b8a246f8ea8fb7a11", ""),
          "/learningObjectiveId" },
        { OBJECTIVES("", "x", ""), "/source" },
        { OBJECTIVES("/", "x", ""), "/source" },
        { OBJECTIVES("/case", "x", ""), "/source" },
        { OBJECTIVES("/unknown", "x", ""), "/source" },
        { OBJECTIVES("abc", "x", ""), "/source" },
        { OBJECTIVES("/Abc", "x", ""), "/source" },
        { OBJECTIVES("unknown", "x", ", \"score\": null"), "/0/score" },
        { OBJECTIVES("unknown", "x", ", \"more\": 1"), "/0/more" }
    };

    (void) state;

    for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        snprintf(object, sizeof(object), "{%s,"
                 "\"lineItem\": {\"sourcedId\": \"li-1\"},"
                 "\"student\": {\"sourcedId\": \"st-1\"},"
                 "\"sourcedId\": \"abc\", \"scoreDate\": \"2023-11-07\"}",
                 objects[i].members);

        if (strict_errors(&t, object, &results_oneroster_result)
            != (objects[i].error != NULL))
        {
            fail_msg("%s: %u errors", object, t.r.errors.n);
        }

        if (objects[i].error) {
            assert_contains(t.r.errors.list[0].path.data, objects[i].error);
        }

        request_end(&t);
    }
}


static void
test_assessment_result(void **state)
{
    test_request_t  t;

    (void) state;

    assert_int_equal(strict_errors(&t,
        "{\"assessmentLineItem\": {\"sourcedId\": \"li-1\","
        " \"type\": \"assessmentLineItem\"},"
        "\"student\": {\"sourcedId\": \"st-1\"}, \"scorePercentile\": -1.5,"
        "\"scoreStatus\": \"exempt\", \"scoreDate\": \"2023-11-07\"}",
        &results_oneroster_assessment_result), 0);
    request_end(&t);

    /* no class, no lineItem; and they are all named */
    assert_int_equal(strict_errors(&t,
        "{\"lineItem\": {\"sourcedId\": \"li-1\"},"
        "\"student\": {\"sourcedId\": \"st-1\"}, \"scorePercentile\": \"1\","
        "\"class\": {\"sourcedId\": \"li-1\"},"
        "\"scoreStatus\": \"exempt\", \"scoreDate\": \"2023-11-07\"}",
        &results_oneroster_assessment_result), 4);
    request_end(&t);
}


static void
test_strict_out(void **state)
{
    results_buf_t     buf;
    test_request_t    t;
    results_value_t  *result, *set;

    results_oneroster_links_t  links;

    (void) state;

    request_start(&t, RESULTS_METHOD_PUT, "results/abc");

    t.r.body = results_str("{\"result\": {"
        "\"lineItem\": {\"sourcedId\": \"li-1\", \"name\": \"x\"},"
        "\"student\": {\"sourcedId\": \"st-1\"}, \"score\": null,"
        "\"scoreStatus\": \"submitted\", \"scoreDate\": \"2023-11-07\","
        "\"more\": 1, \"late\": \"true\", \"missing\": \"maybe\","
        "\"inProgress\": \"\", \"metadata\": {\"more\": null},"
        "\"learningObjectiveSet\": ["
        "{\"source\": \"mine\", \"learningObjectiveResults\":"
        "[{\"learningObjectiveId\": \"1\"}]},"
        "{\"source\": \"case\", \"learningObjectiveResults\":"
        "[{\"learningObjectiveId\": \"2\"}]},"
        "{\"source\": \"/mine\", \"more\": 1, \"learningObjectiveResults\":"
        "[{\"learningObjectiveId\": \"3\", \"more\": 1, \"score\": null}]}]"
        "}}");

    assert_int_equal(request_parse(&t, t.r.body.data, t.r.body.len), 0);
    assert_int_equal(results_oneroster_links(&t.r, &links), 0);

    result = results_value_get(results_json_load(t.r.arena, t.r.body),
                               "result");
    t.r.records->stamp = STAMP;

    memset(&buf, 0, sizeof(results_buf_t));
    results_oneroster_render(&buf, t.r.records, result,
                             &results_oneroster_result,
                             RESULTS_ONEROSTER_STRICT, &links);
    results_buf_append(&buf, "", 1);

    assert_string_equal(buf.data,
        "{\"sourcedId\":\"abc\",\"status\":\"active\","
        "\"dateLastModified\":\"2023-11-07T05:31:56.123Z\","
        "\"metadata\":{\"more\":null},"
        "\"lineItem\":{\"href\":\"" BASE "lineItems/li-1\","
        "\"sourcedId\":\"li-1\",\"type\":\"lineItem\"},"
        "\"student\":{\"href\":\"https://h.test/ims/oneroster/rostering/v1p2/"
        "users/st-1\",\"sourcedId\":\"st-1\",\"type\":\"user\"},"
        "\"scoreStatus\":\"submitted\",\"scoreDate\":\"2023-11-07\","
        "\"learningObjectiveSet\":[{\"source\":\"/mine\","
        "\"learningObjectiveResults\":[{\"learningObjectiveId\":\"3\"}]}],"
        "\"late\":\"true\"}");

    results_buf_free(&buf);

    /* where no set is left, nor is the field */

    set = results_value_get(result, "learningObjectiveSet");
    set->n = 2;
    set->u.children.first->next->next = NULL;

    results_oneroster_render(&buf, t.r.records, result,
                             &results_oneroster_result,
                             RESULTS_ONEROSTER_STRICT, &links);
    results_buf_append(&buf, "", 1);

    assert_null(strstr(buf.data, "learningObjectiveSet"));
    assert_contains(buf.data, "\"scoreDate\":\"2023-11-07\",\"late\":");

    results_buf_free(&buf);
    request_end(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_strict_in),
        cmocka_unit_test(test_assessment_result),
        cmocka_unit_test(test_strict_out)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
