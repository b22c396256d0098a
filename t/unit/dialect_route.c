
/*
 * From a request to its route: paths and their ids, methods, scopes, media
 * types, and the headers of a refusal.
 */

#include "dialect_request.h"


/* 0, or the status of results_route(); the id is in t->r.params[0] */
static int
route(test_request_t *t, results_method_e method, const char *path)
{
    request_start(t, method, path);

    return results_route(&t->r) == 0 ? 0 : request_error(t);
}


static void
test_paths(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *path;
        int          status;
    } paths[] = {
        { "results/abc", 0 },
        { "/results/abc", 0 },
        { "results/abc/", 0 },
        { "results/..", 0 },
        { "results/.", 0 },
        { "results", 405 },
        { "results/", 405 },
        { "", 404 },
        { "/", 404 },
        { "Results/abc", 404 },
        { "resultsabc", 404 },
        { "results%2Fabc", 404 },
        { "results/abc/def", 404 },
        { "results/abc//", 404 },
        { "other/abc", 404 },
        { "a/b/c/d/e/f/g/h/i/j/k", 404 }
    };

    (void) state;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(route(&t, RESULTS_METHOD_PUT, paths[i].path),
                         paths[i].status);

        assert_int_equal(t.r.route != NULL, paths[i].status == 0);
        request_end(&t);
    }
}


static void
test_ids(void **state)
{
    size_t          n;
    unsigned        i;
    char            path[2048];
    test_request_t  t;

    static const struct {
        const char  *sent;
        const char  *id;
    } ids[] = {
        { "abc", "abc" },
        { "a%2Fb", "a/b" },
        { "a%2fb", "a/b" },
        { "%2E%2E", ".." },
        { "..", ".." },
        { "a+b", "a+b" },
        { "%25", "%" },
        { "%2525", "%25" },
        { "a%20b", "a b" },
        { "%22%27%5C%7B%2C", "\"'\\{," },
        { "%F0%9F%98%80", "\xf0\x9f\x98\x80" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "%E2%80%AEabc", "\xe2\x80\xae" "abc" },
        { "%C3%A9", "\xc3\xa9" },

        /* a record's id is kept as it is */
        { "{0AEF83C2-9A53-4E6B-8A24-6F8EA8FB7A11}",
          "{0AEF83C2-9A53-4E6B-8A24-6F8EA8FB7A11}" },

        { "%", NULL },
        { "a%2", NULL },
        { "%2", NULL },
        { "%zz", NULL },
        { "%2g", NULL },
        { "%g2", NULL },
        { "%%32", NULL },
        { "%00", NULL },
        { "a%0Ab", NULL },
        { "%7F", NULL },
        { "%1f", NULL },
        { "%C2%85", NULL },
        { "%FF", NULL },
        { "%C0%AF", NULL },
        { "%ED%A0%80", NULL },
        { "%F0%9F%98", NULL },
        { "\xff", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(path, sizeof(path), "results/%s", ids[i].sent);

        if (ids[i].id) {
            assert_int_equal(route(&t, RESULTS_METHOD_PUT, path), 0);
            assert_str(t.r.params[0], ids[i].id);

        } else {
            assert_int_equal(route(&t, RESULTS_METHOD_PUT, path), 422);
            assert_string_equal(request_code_minor(&t), "invaliddata");
            assert_contains(request_description(&t), "{sourcedId}: ");
        }

        request_end(&t);
    }

    /* characters count, not bytes */

    for (n = 255; n <= 256; n++) {
        strcpy(path, "results/");

        for (i = 0; i < n; i++) {
            strcat(path, "\xc3\xa9");
        }

        assert_int_equal(route(&t, RESULTS_METHOD_PUT, path),
                         n == 255 ? 0 : 422);
        request_end(&t);
    }
}


static void
test_methods(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const results_method_e  others[] = {
        RESULTS_METHOD_OTHER, RESULTS_METHOD_POST, RESULTS_METHOD_PATCH
    };

    (void) state;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(route(&t, others[i], "results/abc"), 405);
        assert_string_equal(request_header(&t, "Allow"),
                            "GET, HEAD, PUT, DELETE, OPTIONS");
        assert_string_equal(request_code_minor(&t), "invaliddata");
        request_end(&t);
    }

    request_start(&t, RESULTS_METHOD_OPTIONS, "results/%zz");
    assert_int_equal(results_route_allow(&t.r),
                     RESULTS_METHOD_GET|RESULTS_METHOD_HEAD
                     |RESULTS_METHOD_PUT|RESULTS_METHOD_DELETE
                     |RESULTS_METHOD_OPTIONS);
    request_end(&t);

    request_start(&t, RESULTS_METHOD_OPTIONS, "nothing/here");
    assert_int_equal(results_route_allow(&t.r), 0);
    request_end(&t);
}


static const results_route_t  test_routes[] = {
    { RESULTS_METHOD_GET, "", 0, 0, NULL, NULL, NULL },
    { RESULTS_METHOD_GET, "a/me", 0, 0, NULL, NULL, NULL },
    { RESULTS_METHOD_GET, "a/{one}", 0, 0, NULL, NULL, NULL },
    { RESULTS_METHOD_POST, "a/{one}", 0, 0, NULL, NULL, NULL },
    { RESULTS_METHOD_DELETE, "a/me", 0, 0, NULL, NULL, NULL },
    { RESULTS_METHOD_POST, "a/{one}/b/{two}", 0, 0, NULL, NULL, NULL },
    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


/* routes as the dialects to come have them */
static void
test_table(void **state)
{
    test_request_t     t;
    results_dialect_t  dialect;

    (void) state;

    request_start(&t, RESULTS_METHOD_HEAD, "");

    dialect = *t.r.dialect;
    dialect.routes = test_routes;
    t.r.dialect = &dialect;

    /* HEAD goes the way of GET; an exact location has an empty path */
    assert_int_equal(results_route(&t.r), 0);
    assert_ptr_equal(t.r.route, &test_routes[0]);

    /* the first match counts */
    t.r.path = results_str("a/me");
    assert_int_equal(results_route(&t.r), 0);
    assert_ptr_equal(t.r.route, &test_routes[1]);

    t.r.path = results_str("a/you");
    assert_int_equal(results_route(&t.r), 0);
    assert_ptr_equal(t.r.route, &test_routes[2]);
    assert_str(t.r.params[0], "you");

    t.r.method = RESULTS_METHOD_POST;
    t.r.path = results_str("a/x%2Fy/b/z");
    assert_int_equal(results_route(&t.r), 0);
    assert_str(t.r.params[0], "x/y");
    assert_str(t.r.params[1], "z");

    /* every id that is none is named */
    t.r.path = results_str("a/%00/b/%");
    assert_int_equal(results_route(&t.r), -1);
    assert_int_equal(request_error(&t), 422);
    assert_contains(request_description(&t), "{one}: ");
    assert_contains(request_description(&t), "{two}: ");

    assert_int_equal(results_route_allow(&t.r),
                     RESULTS_METHOD_POST|RESULTS_METHOD_OPTIONS);

    t.r.path = results_str("a/me");
    assert_str(results_allow_text(t.r.arena, results_route_allow(&t.r)),
               "GET, HEAD, POST, DELETE, OPTIONS");

    request_end(&t);
}


static void
test_dialects(void **state)
{
    (void) state;

    assert_non_null(results_dialect_find(results_str("timeback")));
    assert_null(results_dialect_find(results_str("Timeback")));
    assert_null(results_dialect_find(results_str("")));
    assert_null(results_dialect_find(results_str("timeback2")));
}


static void
test_scopes(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *scopes;
        int          status;
    } scopes[] = {
        { SCOPES "gradebook.createput", 0 },
        { SCOPES_1 "gradebook.createput", 0 },
        { SCOPES "admin", 0 },
        { SCOPES_1 "admin", 0 },
        { "x " SCOPES "admin  y", 0 },
        { SCOPES "gradebook.readonly " SCOPES "gradebook.createput", 0 },
        { "", 403 },
        { " ", 403 },
        { "gradebook.createput", 403 },
        { SCOPES "gradebook.createpu", 403 },
        { SCOPES "gradebook.createputs", 403 },
        { SCOPES "gradebook.createpost " SCOPES "gradebook.delete", 403 },
        { SCOPES "gradebook.readonly " SCOPES "gradebook-core.readonly", 403 },
        { SCOPES "assessment.createput", 403 },
        { SCOPES_1 "gradebook.readonly", 403 }
    };

    (void) state;

    for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        request_start(&t, RESULTS_METHOD_PUT, "results/abc");

        t.principal.scopes = results_scope_bits(results_str(scopes[i].scopes));

        assert_int_equal(request_parse(&t, RESULT, strlen(RESULT)),
                         scopes[i].status);

        if (scopes[i].status) {
            assert_string_equal(request_code_minor(&t), "forbidden");
            assert_string_equal(request_header(&t, "WWW-Authenticate"),
                                "Bearer realm=\"results\", "
                                "error=\"insufficient_scope\", scope=\""
                                SCOPES "gradebook.createput\"");
        }

        request_end(&t);
    }

    /* no scope at all is no word of it */
    assert_int_equal(results_scope_bits(results_str(NULL)), 0);
}


static void
test_no_principal(void **state)
{
    test_request_t  t;

    (void) state;

    request_start(&t, RESULTS_METHOD_PUT, "results/abc");
    t.r.principal = NULL;

    assert_int_equal(request_parse(&t, RESULT, strlen(RESULT)), 401);
    assert_string_equal(request_code_minor(&t), "unauthorisedrequest");
    assert_string_equal(request_header(&t, "WWW-Authenticate"),
                        "Bearer realm=\"results\"");

    t.r.failure.token_sent = 1;

    assert_int_equal(request_error(&t), 401);
    assert_string_equal(request_header(&t, "WWW-Authenticate"),
                        "Bearer realm=\"results\", error=\"invalid_token\"");

    request_end(&t);
}


static void
test_media_types(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const struct {
        const char  *type;
        int          status;
    } types[] = {
        { "application/json", 0 },
        { "Application/JSON", 0 },
        { " application/json ", 0 },
        { "application/json;charset=utf-8", 0 },
        { "application/json; charset=UTF-8", 0 },
        { "application/json; charset=\"utf-8\"", 0 },
        { "application/json ; Charset = \"Utf-8\" ", 0 },
        { "application/json; a=\"x;charset=latin1\"; charset=utf-8", 0 },
        { "application/json; a=\"\\\";charset=latin1\"", 0 },
        { "application/json;", 0 },
        { "application/json; odata", 0 },

        { NULL, 415 },
        { "", 415 },
        { "text/json", 415 },
        { "application/jsonx", 415 },
        { "application/json, text/plain", 415 },
        { "application/x-www-form-urlencoded", 415 },
        { "application/json; charset=iso-8859-1", 415 },
        { "application/json; charset=\"utf-16\"", 415 },
        { "application/json; charset=", 415 },
        { "application/json; charset=\"", 415 },
        { "application/json; charset=utf-8; charset=latin1", 415 },
        { "; charset=utf-8", 415 }
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        request_start(&t, RESULTS_METHOD_PUT, "results/abc");
        t.r.content_type = results_str(types[i].type);

        assert_int_equal(request_parse(&t, RESULT, strlen(RESULT)),
                         types[i].status);

        if (types[i].status) {
            assert_string_equal(request_code_minor(&t), "invaliddata");
        }

        request_end(&t);
    }
}


/* what http/ refuses itself goes out in the dialect's shape as well */
static void
test_payloads(void **state)
{
    json_t         *minor;
    unsigned        i;
    test_request_t  t;

    static const struct {
        int          status;
        const char  *minor;
    } statuses[] = {
        { 400, "invaliddata" },
        { 401, "unauthorisedrequest" },
        { 403, "forbidden" },
        { 404, "unknownobject" },
        { 405, "invaliddata" },
        { 409, "invaliddata" },
        { 413, "invaliddata" },
        { 415, "invaliddata" },
        { 422, "invaliddata" },
        { 429, "server_busy" },
        { 500, "internal_server_error" },
        { 502, "internal_server_error" },
        { 503, "server_busy" }
    };

    (void) state;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        request_start(&t, RESULTS_METHOD_PUT, "results/abc");

        /* a reply that was begun is dropped */
        results_buf_puts(&t.r.reply.body, "{\"result\":");

        results_fail(&t.r, statuses[i].status, "text %d \"%s\"\n", 1, "x");

        assert_int_equal(request_error(&t), statuses[i].status);
        assert_str(t.r.reply.content_type, "application/json");

        assert_int_equal(json_object_size(t.json), 4);
        assert_string_equal(json_string_value(
                                json_object_get(t.json, "imsx_codeMajor")),
                            "failure");
        assert_string_equal(json_string_value(
                                json_object_get(t.json, "imsx_severity")),
                            "error");
        assert_string_equal(request_description(&t),
                            statuses[i].status == 404
                            ? "Unknown Object: text 1 \"x\"\n"
                            : "text 1 \"x\"\n");

        minor = json_object_get(t.json, "imsx_CodeMinor");
        assert_int_equal(json_object_size(minor), 1);
        minor = json_object_get(minor, "imsx_codeMinorField");
        assert_int_equal(json_array_size(minor), 1);
        minor = json_array_get(minor, 0);
        assert_int_equal(json_object_size(minor), 2);
        assert_string_equal(json_string_value(
                                json_object_get(minor,
                                                "imsx_codeMinorFieldName")),
                            "TargetEndSystem");
        assert_string_equal(request_code_minor(&t), statuses[i].minor);

        assert_int_equal(request_header(&t, "Retry-After") != NULL,
                         statuses[i].status == 503
                         || statuses[i].status == 429);

        /* without words of its own it still says something */
        t.r.failure.text = results_str(NULL);
        assert_int_equal(request_error(&t), statuses[i].status);
        assert_true(strlen(request_description(&t)) > 0);

        request_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_no_principal),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_payloads)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
