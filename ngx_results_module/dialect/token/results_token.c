
/*
 * The token endpoint: OAuth 2.0 client credentials (RFC 6749 2.3.1, 4.4 and
 * 5; docs/api/token.md).  A client and its secret, in the Authorization
 * header or in the body, are exchanged for an access token.  The token is
 * made here; the database checks the secret and keeps only the token's hash.
 *
 * No reply quotes the request, since that could be a secret.
 */

#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "results_dialect.h"
#include "results_digest.h"


#define RESULTS_TOKEN_BYTES   32
#define RESULTS_TOKEN_LEN     43       /* of them as base64url */
#define RESULTS_TOKEN_SCOPES  64       /* asked for at a time */


typedef enum {
    RESULTS_TOKEN_GRANT_TYPE = 0,
    RESULTS_TOKEN_CLIENT_ID,
    RESULTS_TOKEN_CLIENT_SECRET,
    RESULTS_TOKEN_SCOPE,
    RESULTS_TOKEN_PARAMS
} results_token_param_e;


typedef struct {
    results_str_t           params[RESULTS_TOKEN_PARAMS];
    results_str_t           client;
    results_str_t           secret;
    results_str_t           token;
    const char             *error;     /* RFC 6749 5.2; NULL: that of the HTTP
                                          status */
    results_str_t           status;    /* as issue_access_token() answers */
    results_str_t           granted;   /* scopes */
} results_token_request_t;


static results_next_e results_token_parse(results_request_t *r);
static void results_token_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
static results_next_e results_token_finish(results_request_t *r);
static void results_token_error(results_request_t *r);
static void results_token_refuse(results_request_t *r, int status,
    const char *error, const char *text);
static void results_token_unknown(results_request_t *r);
static void results_token_form(results_request_t *r,
    results_token_request_t *t);
static void results_token_json(results_request_t *r,
    results_token_request_t *t);
static int results_token_client(results_request_t *r,
    results_token_request_t *t);
static int results_token_basic(results_request_t *r,
    results_token_request_t *t);
static int results_token_scopes(results_request_t *r,
    results_token_request_t *t, results_str_t *scopes, unsigned *nscopes);
static int results_token_make(results_request_t *r,
    results_token_request_t *t);
static results_str_t results_token_hash(results_arena_t *arena,
    results_str_t secret);


static const char *const  results_token_names[] = {
    "grant_type", "client_id", "client_secret", "scope"
};

#define RESULTS_TOKEN_JSON  1      /* of: */

static const char *const  results_token_media_types[] = {
    "application/x-www-form-urlencoded", "application/json", NULL
};

static const results_route_t  results_token_routes[] = {

    { RESULTS_METHOD_POST, "", RESULTS_ROUTE_BODY, 0,
      results_token_parse, results_token_finish, results_token_row },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_token = {
    "token",
    results_token_routes,
    NULL,
    results_token_media_types,
    RESULTS_AUTH_CLIENT,
    results_token_error
};


static results_next_e
results_token_parse(results_request_t *r)
{
    unsigned                  nscopes;
    results_str_t             type, grant, scopes[RESULTS_TOKEN_SCOPES];
    results_token_request_t  *t;

    t = results_arena_calloc(r->arena, sizeof(results_token_request_t));
    if (t == NULL) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    r->state = t;

    if (results_media_type(r, &type) == RESULTS_TOKEN_JSON) {
        results_token_json(r, t);

    } else {
        results_token_form(r, t);
    }

    if (r->errors.n) {
        r->failure.status = 400;
        return RESULTS_NEXT_REPLY;
    }

    grant = t->params[RESULTS_TOKEN_GRANT_TYPE];

    if (grant.data == NULL) {
        results_token_refuse(r, 400, "invalid_request",
                             "grant_type is missing");
        return RESULTS_NEXT_REPLY;
    }

    if (!results_str_is(grant, "client_credentials")) {
        results_token_refuse(r, 400, "unsupported_grant_type",
                             "the grant_type must be client_credentials");
        return RESULTS_NEXT_REPLY;
    }

    if (results_token_client(r, t) != 0
        || results_token_scopes(r, t, scopes, &nscopes) != 0
        || results_token_make(r, t) != 0)
    {
        return RESULTS_NEXT_REPLY;
    }

    results_read_init(&r->read, r->arena, RESULTS_ISSUE_TOKEN);
    results_read_text(&r->read, t->client);
    results_read_text(&r->read, results_token_hash(r->arena, t->secret));
    results_read_texts(&r->read, scopes, nscopes);
    results_read_text(&r->read, results_token_hash(r->arena, t->token));
    results_read_int(&r->read, r->token_ttl);
    results_read_text(&r->read, r->institution);

    return RESULTS_NEXT_READ;
}


static void
results_token_row(results_request_t *r, const results_str_t *values,
    unsigned nvalues)
{
    results_token_request_t  *t;

    t = r->state;

    if (nvalues < 2) {
        return;
    }

    t->status = results_arena_copy(r->arena, values[0].data, values[0].len);
    t->granted = results_arena_copy(r->arena, values[1].data, values[1].len);
}


static results_next_e
results_token_finish(results_request_t *r)
{
    results_buf_t            *buf;
    results_token_request_t  *t;

    t = r->state;

    if (results_str_is(t->status, "invalid_client")) {
        results_token_unknown(r);
        return RESULTS_NEXT_REPLY;
    }

    if (results_str_is(t->status, "invalid_scope")) {
        results_token_refuse(r, 400, "invalid_scope",
                             "the client does not have all of these scopes");
        return RESULTS_NEXT_REPLY;
    }

    if (!results_str_is(t->status, "granted")) {
        results_fail(r, 500, "the database gave no answer that is known");
        return RESULTS_NEXT_REPLY;
    }

    buf = &r->reply.body;

    /* RFC 6749 5.1; token_type is case-insensitive */

    results_buf_puts(buf, "{\"access_token\":\"");
    results_buf_str(buf, t->token);
    results_buf_printf(buf, "\",\"token_type\":\"Bearer\",\"expires_in\":%d",
                       r->token_ttl);

    if (t->granted.len) {
        results_buf_puts(buf, ",\"scope\":");
        results_buf_json_string(buf, t->granted);
    }

    results_buf_puts(buf, "}");

    r->reply.status = 200;
    r->reply.content_type = results_str("application/json");

    results_reply_header(r, "Pragma", results_str("no-cache"));

    return RESULTS_NEXT_REPLY;
}


/* dialect->error(): codes of RFC 6749 5.2, or of 4.1.2.1 when 5.2 has none */
static void
results_token_error(results_request_t *r)
{
    char                     *p;
    size_t                    i;
    const char               *error;
    results_buf_t            *buf;
    results_str_t             text;
    results_token_request_t  *t;

    results_reply_failure(r);

    t = r->state;
    error = (t && t->error) ? t->error : "invalid_request";

    switch (r->failure.status) {

    case 401:
        error = "invalid_client";
        results_reply_header(r, "WWW-Authenticate",
                             results_str("Basic realm=\"results\", "
                                         "charset=\"UTF-8\""));
        break;

    case 403:
        error = "access_denied";
        break;

    case 429:
    case 503:
        error = "temporarily_unavailable";
        break;

    default:
        if (r->failure.status >= 500) {
            error = "server_error";
        }
    }

    results_reply_header(r, "Pragma", results_str("no-cache"));

    r->reply.content_type = results_str("application/json");

    /* RFC 6749 5.2: error_description is ASCII without '"' and '\\' */

    text = results_failure_text(r);
    text = results_arena_copy(r->arena, text.data, text.len);

    for (p = (char *) text.data, i = 0; p && i < text.len; i++) {
        if (p[i] == '"') {
            p[i] = '\'';

        } else if (p[i] < ' ' || p[i] > '~' || p[i] == '\\') {
            p[i] = '?';
        }
    }

    buf = &r->reply.body;

    results_buf_puts(buf, "{\"error\":\"");
    results_buf_puts(buf, error);
    results_buf_puts(buf, "\",\"error_description\":");
    results_buf_json_string(buf, text);
    results_buf_puts(buf, "}");
}


static void
results_token_refuse(results_request_t *r, int status, const char *error,
    const char *text)
{
    results_token_request_t  *t;

    t = r->state;
    t->error = error;

    results_fail(r, status, "%s", text);
}


/* the same failure for all reasons, which a caller must not learn */
static void
results_token_unknown(results_request_t *r)
{
    results_token_refuse(r, 401, "invalid_client",
                         "the client is unknown, or its secret is wrong");
}


/*
 * Reads a form.  Empty parameters are as absent, unknown ones are ignored, and
 * none may come twice: RFC 6749 3.2.
 */
static void
results_token_form(results_request_t *r, results_token_request_t *t)
{
    unsigned        i, seen;
    results_str_t   form, name, value;

    seen = 0;
    form = r->body;

    while (results_form_next(r->arena, &form, &name, &value)) {

        for (i = 0; i < RESULTS_TOKEN_PARAMS; i++) {
            if (results_str_eq(name, results_str(results_token_names[i]))) {
                break;
            }
        }

        if (i == RESULTS_TOKEN_PARAMS) {
            continue;
        }

        if (value.data == NULL) {
            results_errors_add(&r->errors, results_token_names[i],
                               "malformed percent-encoding");

        } else if (seen & (1u << i)) {
            results_errors_add(&r->errors, results_token_names[i],
                               "it is there more than once");

        } else if (value.len) {
            t->params[i] = value;
        }

        seen |= 1u << i;
    }
}


static void
results_token_json(results_request_t *r, results_token_request_t *t)
{
    unsigned          i;
    results_str_t     value;
    results_reader_t  reader;

    reader.object = results_json_parse(r->body, &r->errors);
    reader.path = "";
    reader.errors = &r->errors;

    if (reader.object == NULL) {
        return;
    }

    if (!results_value_is_object(reader.object)) {
        results_errors_add(&r->errors, "", "expected an object");
        return;
    }

    for (i = 0; i < RESULTS_TOKEN_PARAMS; i++) {
        if (results_json_string(&reader, results_token_names[i],
                                RESULTS_JSON_NULLABLE, 0, &value)
            == RESULTS_JSON_OK
            && value.len)
        {
            t->params[i] = value;
        }
    }
}


/* reads id and secret from the header or the body, not both: RFC 6749 2.3.1 */
static int
results_token_client(results_request_t *r, results_token_request_t *t)
{
    results_str_t  id, secret;

    id = t->params[RESULTS_TOKEN_CLIENT_ID];
    secret = t->params[RESULTS_TOKEN_CLIENT_SECRET];

    if (r->authorization.data == NULL) {
        t->client = id;
        t->secret = secret;

    } else {

        if (results_token_basic(r, t) != 0) {
            results_token_refuse(r, 401, "invalid_client",
                                 "the Authorization header is not of the "
                                 "Basic scheme, or malformed");
            return -1;
        }

        if (secret.data || (id.data && !results_str_eq(id, t->client))) {
            results_token_refuse(r, 400, "invalid_request",
                                 "a client in the Authorization header and "
                                 "another, or a secret, in the body");
            return -1;
        }
    }

    if (t->client.len == 0 || t->secret.len == 0) {
        results_token_refuse(r, 401, "invalid_client",
                             "the client's id and secret are needed");
        return -1;
    }

    /* no client can have this id (sql/schema.sql): the database is not asked */

    if (t->client.len > RESULTS_CLIENT_MAX || !results_id_valid(t->client)) {
        results_token_unknown(r);
        return -1;
    }

    return 0;
}


/* HTTP Basic: base64 of id ":" secret, both of them form-encoded before */
static int
results_token_basic(results_request_t *r, results_token_request_t *t)
{
    int             pad, n;
    char           *text;
    size_t          len;
    const char     *p, *end, *colon;
    results_str_t   scheme;

    p = r->authorization.data;
    end = p + r->authorization.len;

    scheme.data = p;
    scheme.len = 6;

    if (r->authorization.len < 6
        || !results_str_caseeq(scheme, results_str("Basic ")))
    {
        return -1;
    }

    for (p += 6; p < end && *p == ' '; p++) { /* void */ }

    len = end - p;

    for (pad = 0; pad < 2 && len && end[-1] == '='; pad++) {
        end--;
    }

    /* EVP_DecodeBlock() decodes "=" as if it were a letter */

    text = results_arena_alloc(r->arena, len + 1);

    if (text == NULL || len % 4 != 0 || memchr(p, '=', end - p)) {
        return -1;
    }

    n = EVP_DecodeBlock((unsigned char *) text, (const unsigned char *) p,
                        (int) len);
    if (n < pad) {
        return -1;
    }

    end = text + n - pad;

    colon = memchr(text, ':', end - text);
    if (colon == NULL) {
        return -1;
    }

    t->client = results_form_decode(r->arena, text, colon);
    t->secret = results_form_decode(r->arena, colon + 1, end);

    return (t->client.data && t->secret.data) ? 0 : -1;
}


/* reads the scopes that are asked for, separated by spaces: RFC 6749 3.3 */
static int
results_token_scopes(results_request_t *r, results_token_request_t *t,
    results_str_t *scopes, unsigned *nscopes)
{
    unsigned        i, n;
    const char     *p, *end;
    results_str_t   word;

    n = 0;
    p = t->params[RESULTS_TOKEN_SCOPE].data;
    end = p + t->params[RESULTS_TOKEN_SCOPE].len;

    while (p < end) {

        if (*p == ' ') {
            p++;
            continue;
        }

        word.data = p;

        while (p < end && *p > ' ' && *p <= '~' && *p != '"' && *p != '\\') {
            p++;
        }

        word.len = p - word.data;

        if (p < end && *p != ' ') {
            results_token_refuse(r, 400, "invalid_scope",
                                 "the scope is malformed");
            return -1;
        }

        for (i = 0; i < n && !results_str_eq(scopes[i], word); i++) {
            /* void */
        }

        if (i == RESULTS_TOKEN_SCOPES) {
            results_token_refuse(r, 400, "invalid_scope",
                                 "there are too many scopes");
            return -1;
        }

        scopes[i] = word;
        n = (i == n) ? n + 1 : n;
    }

    *nscopes = n;

    return 0;
}


static int
results_token_make(results_request_t *r, results_token_request_t *t)
{
    char           *p;
    unsigned        i;
    unsigned char   bytes[RESULTS_TOKEN_BYTES];

    p = results_arena_alloc(r->arena, RESULTS_TOKEN_LEN + 2);

    if (p == NULL
        || getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
    {
        results_fail(r, 500, "no token can be made");
        return -1;
    }

    /* it also writes one "=" and a '\0' */

    (void) EVP_EncodeBlock((unsigned char *) p, bytes, RESULTS_TOKEN_BYTES);

    for (i = 0; i < RESULTS_TOKEN_LEN; i++) {
        if (p[i] == '+') {
            p[i] = '-';

        } else if (p[i] == '/') {
            p[i] = '_';
        }
    }

    t->token.data = p;
    t->token.len = RESULTS_TOKEN_LEN;

    return 0;
}


/* the SHA-256 of a secret as the text of a bytea; no value when it fails */
static results_str_t
results_token_hash(results_arena_t *arena, results_str_t secret)
{
    char            text[2 + 2 * RESULTS_DIGEST_LEN];
    unsigned        i;
    results_str_t   none = { 0, NULL };
    unsigned char   digest[RESULTS_DIGEST_LEN];

    static const char  hex[] = "0123456789abcdef";

    if (results_digest(secret.data, secret.len, digest) != 0) {
        return none;
    }

    text[0] = '\\';
    text[1] = 'x';

    for (i = 0; i < RESULTS_DIGEST_LEN; i++) {
        text[2 + 2 * i] = hex[digest[i] >> 4];
        text[3 + 2 * i] = hex[digest[i] & 0xf];
    }

    return results_arena_copy(arena, text, sizeof(text));
}
