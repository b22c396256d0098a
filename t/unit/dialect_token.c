
/*
 * The token endpoint: what of a request becomes a question to the database,
 * and what of its answer becomes a reply.  And forms, which it reads.
 */

#include "dialect_request.h"
#include "results_digest.h"


#define GRANT  "grant_type=client_credentials"


/* on the heap and not terminated, so that ASan sees who reads beyond it */
static results_str_t
exact(test_request_t *t, const char *text, size_t len)
{
    char           *copy;
    results_str_t   s;

    s.len = len;
    s.data = copy = results_arena_alloc(t->r.arena, len ? len : 1);
    memcpy(copy, text, len);

    return s;
}


static results_next_e
ask(test_request_t *t, const char *authorization, const char *type,
    const char *body)
{
    request_start(t, RESULTS_METHOD_POST, "");

    t->r.dialect = &results_token;
    t->r.principal = NULL;
    t->r.content_type = results_str(type);
    t->r.token_ttl = 60;
    t->r.body = exact(t, body, strlen(body));

    if (authorization) {
        t->r.authorization = exact(t, authorization, strlen(authorization));
    }

    assert_int_equal(results_route(&t->r), 0);
    assert_int_equal(results_authorize(&t->r), 0);
    assert_int_equal(results_check_media_type(&t->r), 0);

    return t->r.route->parse(&t->r);
}


static const char *
hash_of(test_request_t *t, const char *text)
{
    unsigned        i;
    char           *hex;
    unsigned char   digest[RESULTS_DIGEST_LEN];

    assert_int_equal(results_digest(text, strlen(text), digest), 0);

    hex = results_arena_alloc(t->r.arena, 2 * RESULTS_DIGEST_LEN + 3);
    strcpy(hex, "\\x");

    for (i = 0; i < RESULTS_DIGEST_LEN; i++) {
        snprintf(hex + 2 + 2 * i, 3, "%02x", digest[i]);
    }

    return hex;
}


static void
test_question(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const char *const  form = "application/x-www-form-urlencoded";

    static const struct {
        const char  *authorization;
        const char  *type;      /* NULL: a form */
        const char  *body;
        const char  *scopes;
    } requests[] = {
        { "Basic YSBiOmMrZA==", NULL, GRANT, "{}" },
        { "BASIC   YSBiOmMrZA==", NULL, "&&" GRANT "&=&x&scope=", "{}" },
        { "Basic YSUyMGI6YyUyQmQ=", NULL, GRANT "&scope=x+y+x",
          "{\"x\",\"y\"}" },
        { NULL, NULL, GRANT "&client_id=a%20b&client_secret=c%2bd", "{}" },
        { NULL, NULL, "client_secret=c%2Bd&client_id=a+b&" GRANT
          "&scope=%20x", "{\"x\"}" },
        { NULL, "application/json; charset=utf-8",
          "{\"grant_type\": \"client_credentials\", \"client_id\": \"a b\","
          " \"client_secret\": \"c+d\", \"scope\": \"{,} NULL\"}",
          "{\"{,}\",\"NULL\"}" }
    };

    (void) state;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {

        assert_int_equal(ask(&t, requests[i].authorization,
                             requests[i].type ? requests[i].type : form,
                             requests[i].body),
                         RESULTS_NEXT_READ);

        assert_int_equal(t.r.read.function, RESULTS_ISSUE_TOKEN);
        assert_false(t.r.read.failed);
        assert_int_equal(t.r.read.nargs, 6);
        assert_string_equal(t.r.read.args[0], "a b");

        /* "c+d" in Basic is "c d", as it was encoded as a form before */

        assert_string_equal(t.r.read.args[1],
                            hash_of(&t, i < 2 ? "c d" : "c+d"));
        assert_string_equal(t.r.read.args[2], requests[i].scopes);
        assert_int_equal(strlen(t.r.read.args[3]), 66);
        assert_string_equal(t.r.read.args[4], "60");
        assert_null(t.r.read.args[5]);

        request_end(&t);
    }
}


static void
test_answer(void **state)
{
    char            token[64];
    unsigned        i;
    results_str_t   values[2];
    test_request_t  t;

    static const struct {
        const char  *status;
        const char  *scopes;
        int          reply;
        const char  *error;
    } answers[] = {
        { "granted", "x y", 200, NULL },
        { "granted", "", 200, NULL },
        { "invalid_client", NULL, 401, "invalid_client" },
        { "invalid_scope", NULL, 400, "invalid_scope" },
        { "granted ", NULL, 500, "server_error" },
        { NULL, NULL, 500, "server_error" }
    };

    (void) state;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {

        (void) ask(&t, "Basic YTpi", "application/x-www-form-urlencoded",
                   GRANT);

        if (answers[i].status) {
            values[0] = results_str(answers[i].status);
            values[1] = results_str(answers[i].scopes);
            t.r.route->row(&t.r, values, 2);
        }

        assert_int_equal(t.r.route->finish(&t.r), RESULTS_NEXT_REPLY);

        if (answers[i].error) {
            assert_int_equal(request_error(&t), answers[i].reply);
            assert_string_equal(json_string_value(json_object_get(t.json,
                                                                  "error")),
                                answers[i].error);
            request_end(&t);
            continue;
        }

        assert_int_equal(request_reply(&t), answers[i].reply);
        assert_string_equal(request_header(&t, "Pragma"), "no-cache");

        snprintf(token, sizeof(token), "%s",
                 json_string_value(json_object_get(t.json, "access_token")));
        assert_int_equal(strlen(token), 43);
        assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk"
                                       "lmnopqrstuvwxyz0123456789-_"), 43);
        assert_string_equal(t.r.read.args[3], hash_of(&t, token));

        if (*answers[i].scopes) {
            assert_string_equal(json_string_value(json_object_get(t.json,
                                                                  "scope")),
                                answers[i].scopes);
        } else {
            assert_null(json_object_get(t.json, "scope"));
        }

        request_end(&t);
    }
}


static void
test_authorization(void **state)
{
    unsigned        i;
    test_request_t  t;

    static const char *const  headers[] = {
        "", "B", "Basic", "Basic ", "Basic =", "Basic ==", "Basic ===",
        "Basic YTpi=", "Basic YTp", "Basic Y", "Basic YT=i", "Basic YTpi YTpi",
        "Basic Og==", "Basic YTo=", "Basic OmI=", "Basic YWI=", "Basic YTol",
        "Basic YTolMQ==", "Basic JSU6Yg==", "Basic \xff\xff\xff\xff",
        "BasicYTpi", "Bearer YTpi", "Basic\tYTpi"
    };

    (void) state;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        if (ask(&t, headers[i], "application/x-www-form-urlencoded", GRANT)
            != RESULTS_NEXT_REPLY
            || request_error(&t) != 401)
        {
            fail_msg("\"%s\" is taken", headers[i]);
        }

        assert_string_equal(request_header(&t, "WWW-Authenticate"),
                            "Basic realm=\"results\", charset=\"UTF-8\"");
        request_end(&t);
    }
}


static void
test_forms(void **state)
{
    char            text[128];
    unsigned        i;
    results_str_t   form, name, value;
    test_request_t  t;

    /* as name=value; each, "!" for what is malformed */

    static const struct {
        const char  *form;
        const char  *pairs;
    } forms[] = {
        { "", "" },
        { "a=b", "a=b;" },
        { "a", "a=;" },
        { "=b", "=b;" },
        { "&", "=;" },
        { "a=b&", "a=b;" },
        { "a=b=c&d", "a=b=c;d=;" },
        { "a+b=%2B%2b%20", "a b=++ ;" },
        { "a%5B%5d=1&a[]=2", "a[]=1;a[]=2;" },
        { "%=%", "!=!;" },
        { "a=%4", "a=!;" },
        { "a=%4g&%g4=b", "a=!;!=b;" },
        { "a=%", "a=!;" },
        { "a=%%41", "a=!;" }
    };

    (void) state;

    request_start(&t, RESULTS_METHOD_POST, "");

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {

        form = exact(&t, forms[i].form, strlen(forms[i].form));
        text[0] = '\0';

        while (results_form_next(t.r.arena, &form, &name, &value)) {
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     "%.*s=%.*s;",
                     name.data ? (int) name.len : 1,
                     name.data ? name.data : "!",
                     value.data ? (int) value.len : 1,
                     value.data ? value.data : "!");
        }

        assert_string_equal(text, forms[i].pairs);
    }

    form = exact(&t, "a%00b", 5);
    form = results_form_decode(t.r.arena, form.data, form.data + form.len);

    assert_int_equal(form.len, 3);
    assert_memory_equal(form.data, "a\0b", 3);

    request_end(&t);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_authorization),
        cmocka_unit_test(test_forms)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
