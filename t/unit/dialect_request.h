
/*
 * One request through a dialect, without nginx and without a database: what
 * http/ does, in a few lines.  Included by the dialect tests only.
 */

#ifndef DIALECT_REQUEST_H
#define DIALECT_REQUEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "results_dialect.h"


#define SCOPES    "https://purl.imsglobal.org/spec/or/v1p2/scope/"
#define SCOPES_1  "https://purl.imsglobal.org/spec/or/v1p1/scope/"
#define BASE      "https://h.test/ims/oneroster/gradebook/v1p2/"

/* 2023-11-07T05:31:56.123456Z */
#define STAMP     INT64_C(1699335116123456)

#define RESULT                                                                \
    "{\"result\": {\"lineItem\": {\"sourcedId\": \"li-1\"},"                  \
    " \"student\": {\"sourcedId\": \"st-1\"},"                                \
    " \"scoreStatus\": \"fully graded\", \"scoreDate\": \"2023-11-07\"}}"


typedef struct {
    results_request_t       r;
    results_principal_t     principal;
    const char             *text;      /* the reply's body, terminated */
    json_t                 *json;      /* ... and parsed */
} test_request_t;


static inline void
request_start(test_request_t *t, results_method_e method, const char *path)
{
    char  *copy;

    memset(t, 0, sizeof(test_request_t));

    t->principal.institution_id = 7;
    t->principal.client_id = 3;
    t->principal.scopes =
        results_scope_bits(results_str(SCOPES "gradebook.createput"));

    t->r.arena = results_arena_create();
    t->r.dialect = results_dialect_find(results_str("timeback"));
    t->r.method = method;

    /* not terminated, so that AddressSanitizer sees who reads beyond it */
    t->r.path.len = strlen(path);
    t->r.path.data = copy = results_arena_alloc(t->r.arena, t->r.path.len);
    memcpy(copy, path, t->r.path.len);

    t->r.base = results_str(BASE);
    t->r.content_type = results_str("application/json");
    t->r.received = STAMP;
    t->r.principal = &t->principal;
}


static inline void
request_end(test_request_t *t)
{
    json_decref(t->json);
    results_buf_free(&t->r.reply.body);
    results_arena_destroy(t->r.arena);
}


static inline int
request_reply(test_request_t *t)
{
    t->text = results_arena_copy(t->r.arena, t->r.reply.body.data,
                                 t->r.reply.body.len).data;

    json_decref(t->json);
    t->json = json_loads(t->text, 0, NULL);
    assert_non_null(t->json);

    return t->r.reply.status;
}


/* r->failure as a reply; its status */
static inline int
request_error(test_request_t *t)
{
    t->r.dialect->error(&t->r);

    return request_reply(t);
}


/* up to the write: 0, or the status of the refusal */
static inline int
request_parse(test_request_t *t, const char *body, size_t len)
{
    results_next_e  next;

    t->r.body.data = body;
    t->r.body.len = len;

    if (results_route(&t->r) != 0 || results_authorize(&t->r) != 0
        || results_check_idempotency_key(&t->r) != 0
        || results_check_media_type(&t->r) != 0)
    {
        return request_error(t);
    }

    next = t->r.route->parse(&t->r);

    if (next == RESULTS_NEXT_REPLY) {
        assert_int_not_equal(t->r.failure.status, 0);
        return request_error(t);
    }

    assert_int_equal(t->r.failure.status, 0);
    assert_true(t->r.nrecords > 0);

    return 0;
}


/* what the write came to, for all its records; the reply's status */
static inline int
request_finish(test_request_t *t, results_outcome_e outcome)
{
    unsigned  i;

    for (i = 0; i < t->r.nrecords; i++) {
        t->r.records[i].stamp = STAMP;
        t->r.records[i].version = 1;
        t->r.records[i].outcome = outcome;
    }

    assert_int_equal(t->r.route->finish(&t->r), RESULTS_NEXT_REPLY);

    return t->r.failure.status ? request_error(t) : request_reply(t);
}


/* PUT of a body that is created */
static inline int
request_put(test_request_t *t, const char *path, const char *body)
{
    int  status;

    request_start(t, RESULTS_METHOD_PUT, path);

    status = request_parse(t, body, strlen(body));

    return status ? status : request_finish(t, RESULTS_OUTCOME_CREATED);
}


static inline const char *
request_description(const test_request_t *t)
{
    const char  *text;

    text = json_string_value(json_object_get(t->json, "imsx_description"));
    assert_non_null(text);

    return text;
}


static inline const char *
request_code_minor(const test_request_t *t)
{
    json_t  *field;

    field = json_object_get(json_object_get(t->json, "imsx_CodeMinor"),
                            "imsx_codeMinorField");

    return json_string_value(json_object_get(json_array_get(field, 0),
                                             "imsx_codeMinorFieldValue"));
}


/* the value of a header of the reply; NULL when it has none */
static inline const char *
request_header(const test_request_t *t, const char *name)
{
    unsigned  i;

    for (i = 0; i < t->r.reply.nheaders; i++) {
        if (results_str_eq(t->r.reply.headers[i].name, results_str(name))) {
            return t->r.reply.headers[i].value.data;
        }
    }

    return NULL;
}


/* the first record, `str` of which a test wants to compare */
#define assert_str(str, text)                                                 \
    do {                                                                      \
        assert_non_null((str).data);                                          \
        assert_int_equal((str).len, strlen(text));                            \
        assert_memory_equal((str).data, text, (str).len);                     \
    } while (0)

#define assert_contains(text, part)                                           \
    do {                                                                      \
        if (strstr(text, part) == NULL) {                                     \
            fail_msg("no \"%s\" in \"%s\"", part, text);                      \
        }                                                                     \
    } while (0)


#endif /* DIALECT_REQUEST_H */
