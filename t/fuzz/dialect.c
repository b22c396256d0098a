
/*
 * Requests through a dialect and back, as http/ drives them.  The input is
 * text, so that a corpus can be read and written by hand:
 *
 *     [NAME: value] lines, then METHOD path?query, an empty line, a body;
 *     a line "---", and another request
 *
 * NAME is a header's, or one of those of headers[] below.  What requests
 * write is kept, and is what those after them read.  Which dialect it is says
 * the program's name, dialect_NAME.  With FUZZ_SHOW in the environment replies
 * are printed.
 */

#define _GNU_SOURCE

#include "fuzz.h"
#include "fuzz_db.h"
#include "fuzz_xml.h"
#include "results_dialect.h"


#define STAMP     INT64_C(1699335116123456)
#define REQUESTS  4
#define STEPS     20     /* http/ has a limit of its own */


typedef struct {
    results_str_t           type;
    results_str_t           accept;
    results_str_t           key;
    results_str_t           match;
    results_str_t           none_match;
    results_str_t           modified;
    results_str_t           unmodified;
    results_str_t           authorization;
    results_str_t           institution;
    results_str_t           scopes;    /* of the token; all without it */
    results_str_t           role;
    results_str_t           person;
    results_str_t           outcomes;  /* of records, a letter each: "d" is
                                          RESULTS_OUTCOME_CREATED; for
                                          reports the rows: "a,b;c,d" */
    results_str_t           status;    /* http/ fails with it: "429" */
    results_str_t           memory;    /* "9": the ninth allocation fails */
    results_str_t           dialect;   /* another for this request */
} headers_t;


static const struct {
    const char             *name;
    size_t                  offset;
} headers[] = {
    { "Content-Type", offsetof(headers_t, type) },
    { "Accept", offsetof(headers_t, accept) },
    { "Idempotency-Key", offsetof(headers_t, key) },
    { "If-Match", offsetof(headers_t, match) },
    { "If-None-Match", offsetof(headers_t, none_match) },
    { "If-Modified-Since", offsetof(headers_t, modified) },
    { "If-Unmodified-Since", offsetof(headers_t, unmodified) },
    { "Authorization", offsetof(headers_t, authorization) },
    { "Institution", offsetof(headers_t, institution) },
    { "Scopes", offsetof(headers_t, scopes) },
    { "Role", offsetof(headers_t, role) },
    { "Person", offsetof(headers_t, person) },
    { "Outcomes", offsetof(headers_t, outcomes) },
    { "Status", offsetof(headers_t, status) },
    { "Memory", offsetof(headers_t, memory) },
    { "Dialect", offsetof(headers_t, dialect) },
    { NULL, 0 }
};


static const struct {
    const char             *name;
    results_method_e        method;
} methods[] = {
    { "GET", RESULTS_METHOD_GET },
    { "HEAD", RESULTS_METHOD_HEAD },
    { "POST", RESULTS_METHOD_POST },
    { "PUT", RESULTS_METHOD_PUT },
    { "PATCH", RESULTS_METHOD_PATCH },
    { "DELETE", RESULTS_METHOD_DELETE },
    { "OPTIONS", RESULTS_METHOD_OPTIONS },
    { NULL, RESULTS_METHOD_OTHER }
};


static const results_dialect_t  *fuzzed;


static const results_dialect_t *
find(results_str_t name)
{
    if (results_str_is(name, "token")) {
        return &results_token;
    }

    return results_dialect_find(name);
}


/* the next line, without its end */
static results_str_t
line(results_str_t *text)
{
    const char     *end;
    results_str_t   s;

    s = *text;
    end = memchr(s.data, '\n', s.len);

    if (end) {
        s.len = (size_t) (end - s.data);
        text->data = end + 1;
        text->len -= s.len + 1;

    } else {
        text->data += s.len;
        text->len = 0;
    }

    return s;
}


static unsigned long
digits(results_str_t s)
{
    size_t         i;
    unsigned long  n;

    n = 0;

    for (i = 0; i < s.len && i < 6 && s.data[i] >= '0' && s.data[i] <= '9';
         i++)
    {
        n = 10 * n + (unsigned long) (s.data[i] - '0');
    }

    return n;
}


/* 1 where it was one */
static int
header(headers_t *h, results_str_t s)
{
    size_t          i;
    results_str_t  *value, name;

    for (i = 0; headers[i].name; i++) {
        name.data = s.data;
        name.len = strlen(headers[i].name);

        if (s.len >= name.len + 2
            && results_str_eq(name, results_str(headers[i].name))
            && memcmp(s.data + name.len, ": ", 2) == 0)
        {
            value = (results_str_t *) ((char *) h + headers[i].offset);
            value->data = s.data + name.len + 2;
            value->len = s.len - name.len - 2;
            return 1;
        }
    }

    return 0;
}


static void
start(results_request_t *r, results_str_t s)
{
    size_t       i;
    const char  *space, *mark;

    space = memchr(s.data, ' ', s.len);

    r->method_name = s;
    r->path = results_str("");

    if (space) {
        r->method_name.len = (size_t) (space - s.data);
        r->path.data = space + 1;
        r->path.len = s.len - r->method_name.len - 1;
    }

    for (i = 0; methods[i].name; i++) {
        if (results_str_eq(r->method_name, results_str(methods[i].name))) {
            r->method = methods[i].method;
        }
    }

    mark = memchr(r->path.data, '?', r->path.len);

    if (mark) {
        r->query.data = mark + 1;
        r->query.len = r->path.len - (size_t) (mark + 1 - r->path.data);
        r->path.len = (size_t) (mark - r->path.data);
    }
}


static void
who(results_principal_t *principal, const headers_t *h)
{
    memset(principal, 0, sizeof(results_principal_t));

    principal->institution_id = 7;
    principal->client_id = 3;
    principal->scopes = h->scopes.data ? results_scope_bits(h->scopes)
                                       : UINT64_MAX;
    principal->role = (uint8_t) results_role_parse(h->role);
    principal->client_len = 4;
    memcpy(principal->client, "fuzz", 4);

    /* the database gives valid ids only */

    if (results_id_valid(h->person) && h->person.len <= RESULTS_PERSON_MAX) {
        principal->person_len = (uint8_t) h->person.len;
        memcpy(principal->person, h->person.data, h->person.len);
    }
}


static void
check_body(const results_reply_t *reply)
{
    json_t  *tree;

    if (reply->content_type.data == NULL) {
        fuzz_assert(reply->body.len == 0);

    } else if (fuzz_is_xml_type(reply->content_type)) {
        fuzz_assert(fuzz_is_xml(reply->body.data, reply->body.len));

    } else {
        tree = json_loadb(reply->body.data, reply->body.len,
                          JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, NULL);
        fuzz_assert(tree);
        json_decref(tree);
    }
}


static void
check_reply(const results_request_t *r, int failed)
{
    size_t                  k;
    unsigned                i;
    const results_str_t    *value;
    const results_reply_t  *reply;

    reply = &r->reply;

    if (getenv("FUZZ_SHOW")) {
        fprintf(stderr, "%d %.*s\n", reply->status, (int) reply->body.len,
                reply->body.data ? reply->body.data : "");
    }

    if (reply->body.failed) {
        fuzz_assert(fuzz_allocation_failed());
        return;
    }

    fuzz_assert(reply->status >= 200 && reply->status < 600);
    fuzz_assert((reply->status >= 400) == failed);
    fuzz_assert(reply->status < 500 || r->failure.repeatable
                || reply->status == 503 || fuzz_allocation_failed());

    /* what would end a header, or begin another */

    for (i = 0; i < reply->nheaders; i++) {
        value = &reply->headers[i].value;

        for (k = 0; k < value->len; k++) {
            fuzz_assert((unsigned char) value->data[k] >= ' '
                        && (unsigned char) value->data[k] < 0x7f);
        }
    }

    if (!fuzz_allocation_failed()) {
        fuzz_pause();
        check_body(reply);
        fuzz_resume();
    }
}


/* r->failure as a reply */
static void
refuse(results_request_t *r)
{
    fuzz_assert(r->failure.status >= 400 && r->failure.status < 600);
    fuzz_assert(r->failure.status != 500 || fuzz_allocation_failed());

    r->dialect->error(r);
    check_reply(r, 1);
}


static void
run(results_request_t *r, const headers_t *h)
{
    unsigned        steps;
    results_next_e  next;

    if (results_route(r) != 0 || results_authorize(r) != 0
        || results_check_idempotency_key(r) != 0
        || ((r->route->flags & RESULTS_ROUTE_BODY)
            && results_check_media_type(r) != 0))
    {
        refuse(r);
        return;
    }

    if (digits(h->status) >= 400 && digits(h->status) < 600
        && digits(h->status) != 500)
    {
        results_fail(r, (int) digits(h->status), "the fuzzer's own");
        r->failure.repeatable = 1;
        refuse(r);
        return;
    }

    next = r->route->parse(r);

    for (steps = 0; next != RESULTS_NEXT_REPLY; steps++) {
        fuzz_assert(steps < STEPS);
        fuzz_assert(r->failure.status == 0);

        if (next == RESULTS_NEXT_WRITE) {
            fuzz_db_write(r, h->outcomes);

        } else if (fuzz_db_read(r, h->outcomes) != 0) {
            return;                    /* http/ answers 500 by itself */
        }

        next = r->route->finish(r);
    }

    if (r->failure.status) {
        refuse(r);

    } else {
        check_reply(r, 0);
    }
}


static void
request(results_str_t text)
{
    headers_t            h;
    results_str_t        s;
    results_request_t    r;
    results_principal_t  principal;

    memset(&h, 0, sizeof(headers_t));
    memset(&r, 0, sizeof(results_request_t));

    h.type = results_str("application/json");

    do {
        s = line(&text);
    } while (header(&h, s));

    r.dialect = h.dialect.data ? find(h.dialect) : fuzzed;

    if (r.dialect == NULL) {
        return;
    }

    start(&r, s);
    who(&principal, &h);

    if (text.len && text.data[0] == '\n') {
        text.data++;
        text.len--;
    }

    r.body.data = fuzz_copy(text.data, text.len);
    r.body.len = text.len;

    r.base = results_str("https://h.test/a/");
    r.content_type = h.type;
    r.accept = h.accept;
    r.idempotency_key = h.key;
    r.if_match = h.match;
    r.if_none_match = h.none_match;
    r.if_modified_since = h.modified;
    r.if_unmodified_since = h.unmodified;
    r.authorization = h.authorization;
    r.institution = h.institution;
    r.token_ttl = 3600;
    r.max_records = 3;
    r.received = STAMP;
    r.principal = &principal;

    fuzz_fail_allocation(digits(h.memory));

    r.arena = results_arena_create();

    if (r.arena) {
        run(&r, &h);
    }

    fuzz_fail_allocation(0);

    results_buf_free(&r.reply.body);
    results_arena_destroy(r.arena);
    free((char *) r.body.data);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *copy;
    size_t          n;
    const char     *p;
    results_str_t   text, rest;

    if (fuzzed == NULL) {
        fuzzed = find(results_str(fuzz_program + strlen("dialect_")));
        fuzz_assert(fuzzed);
    }

    fuzz_db_open();

    copy = fuzz_copy(data, size);
    rest.data = copy;
    rest.len = size;

    for (n = 0; n < REQUESTS; n++) {
        text = rest;
        p = memmem(text.data, text.len, "\n---\n", 5);

        if (p) {
            text.len = (size_t) (p - text.data);
            rest.data = p + 5;
            rest.len -= text.len + 5;
        }

        request(text);

        if (p == NULL) {
            break;
        }
    }

    free(copy);
    fuzz_db_close();

    return 0;
}
