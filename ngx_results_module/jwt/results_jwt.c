
/*
 * The compact form of a JWT (RFC 7515 7.1) and its header.  The header is an
 * attacker's text: "jku", "jwk", "x5u" and "x5c" are never followed (RFC 8725
 * 3.10), and "kid" only picks one of the issuer's keys.
 */

#include <string.h>

#include "results_base64url.h"
#include "results_json.h"
#include "results_jwt.h"


static results_value_t *results_jwt_object(results_arena_t *arena,
    results_str_t part, results_jwt_e *error);
static results_jwt_e results_jwt_header(results_jwt_t *jwt,
    results_value_t *header);
static int results_jwt_member(results_value_t *object, const char *name,
    results_str_t *text);
static int results_jwt_typ(results_str_t typ);


static const struct {
    const char             *word;
    const char             *reason;
} results_jwt_reasons[RESULTS_JWT_REASONS] = {
    { "ok", "the token is valid" },
    { "malformed", "the token is not a JWT" },
    { "algorithm", "the token is signed by an algorithm that is not accepted" },
    { "type", "the token is not an access token" },
    { "critical", "the token has a critical extension that is not known" },
    { "issuer", "the token is of another issuer" },
    { "expired", "the token has expired" },
    { "not_yet", "the token is not valid yet" },
    { "audience", "the token is for another audience" },
    { "use", "the token is not an access token" },
    { "client", "the token names no client" },
    { "claim", "a claim of the token is missing or of the wrong type" },
    { "key", "the token is signed by a key that is not known" },
    { "signature", "the token's signature is wrong" },
    { "memory", "out of memory" }
};


int
results_jwt_shape(results_str_t token)
{
    size_t    i;
    unsigned  dots;

    for (i = 0, dots = 0; i < token.len; i++) {
        dots += (token.data[i] == '.');
    }

    return dots == 2 && token.len > 2 && memcmp(token.data, "ey", 2) == 0;
}


results_jwt_e
results_jwt_parse(results_jwt_t *jwt, results_arena_t *arena,
    results_str_t token)
{
    int64_t           len;
    const char       *dot, *second, *end;
    results_str_t     part;
    results_jwt_e     rc;
    unsigned char    *signature;
    results_value_t  *header;

    memset(jwt, 0, sizeof(results_jwt_t));

    if (token.len == 0 || token.len > RESULTS_JWT_MAX) {
        return RESULTS_JWT_MALFORMED;
    }

    end = token.data + token.len;
    dot = memchr(token.data, '.', token.len);
    second = dot ? memchr(dot + 1, '.', (size_t) (end - dot - 1)) : NULL;

    if (second == NULL
        || memchr(second + 1, '.', (size_t) (end - second - 1)) != NULL)
    {
        return RESULTS_JWT_MALFORMED;
    }

    jwt->signed_part.data = token.data;
    jwt->signed_part.len = (size_t) (second - token.data);

    part.data = token.data;
    part.len = (size_t) (dot - token.data);
    header = results_jwt_object(arena, part, &rc);

    if (header == NULL) {
        return rc;
    }

    rc = results_jwt_header(jwt, header);

    if (rc != RESULTS_JWT_OK) {
        return rc;
    }

    part.data = dot + 1;
    part.len = (size_t) (second - dot - 1);
    jwt->claims = results_jwt_object(arena, part, &rc);

    if (jwt->claims == NULL) {
        return rc;
    }

    part.data = second + 1;
    part.len = (size_t) (end - second - 1);
    signature = results_arena_alloc(arena, results_base64url_size(part.len));

    if (signature == NULL) {
        return RESULTS_JWT_MEMORY;
    }

    len = results_base64url_decode(part, signature);

    if (len <= 0) {
        return RESULTS_JWT_MALFORMED;
    }

    jwt->signature.data = (const char *) signature;
    jwt->signature.len = (size_t) len;

    return results_jwt_member(jwt->claims, "iss", &jwt->issuer) == 0
               && jwt->issuer.len
           ? RESULTS_JWT_OK : RESULTS_JWT_ISSUER;
}


/* a part as the object it is, in strict JSON; NULL, and why */
static results_value_t *
results_jwt_object(results_arena_t *arena, results_str_t part,
    results_jwt_e *error)
{
    int64_t            len;
    results_str_t      text;
    unsigned char     *out;
    results_value_t   *object;
    results_errors_t   errors;

    *error = RESULTS_JWT_MALFORMED;

    out = results_arena_alloc(arena, results_base64url_size(part.len));

    if (out == NULL) {
        *error = RESULTS_JWT_MEMORY;
        return NULL;
    }

    len = results_base64url_decode(part, out);

    if (len <= 0) {
        return NULL;
    }

    text.data = (const char *) out;
    text.len = (size_t) len;

    results_errors_init(&errors, arena);
    object = results_json_parse(text, &errors);

    return results_value_is_object(object) ? object : NULL;
}


static results_jwt_e
results_jwt_header(results_jwt_t *jwt, results_value_t *header)
{
    results_str_t  alg;

    if (results_value_get(header, "crit")) {
        return RESULTS_JWT_CRITICAL;       /* RFC 7515 4.1.11 */
    }

    if (results_jwt_member(header, "alg", &alg) != 0) {
        return RESULTS_JWT_ALGORITHM;
    }

    jwt->alg = results_alg_parse(alg);

    if (jwt->alg == RESULTS_ALG_NONE) {
        return RESULTS_JWT_ALGORITHM;
    }

    if (results_jwt_member(header, "kid", &jwt->kid) != 0
        || jwt->kid.len > RESULTS_KID_MAX)
    {
        return RESULTS_JWT_MALFORMED;
    }

    if (results_jwt_member(header, "typ", &jwt->typ) != 0
        || !results_jwt_typ(jwt->typ))
    {
        return RESULTS_JWT_TYPE;
    }

    return RESULTS_JWT_OK;
}


/* 0 and the text, no value where it is absent; -1 where it is no string */
static int
results_jwt_member(results_value_t *object, const char *name,
    results_str_t *text)
{
    results_value_t  *value;

    value = results_value_get(object, name);

    text->len = 0;
    text->data = NULL;

    if (value == NULL) {
        return 0;
    }

    if (!results_value_is_string(value)) {
        return -1;
    }

    *text = results_value_text(value);

    return 0;
}


/*
 * RFC 9068 4 takes "at+jwt" alone; the issuers there are also send "JWT" or
 * nothing.  A token of any other type is for something else (RFC 8725 3.11).
 */
static int
results_jwt_typ(results_str_t typ)
{
    return typ.data == NULL
           || results_str_caseeq(typ, results_str("JWT"))
           || results_str_caseeq(typ, results_str("at+jwt"))
           || results_str_caseeq(typ, results_str("application/at+jwt"));
}


const char *
results_jwt_reason(results_jwt_e reason)
{
    return results_jwt_reasons[reason].reason;
}


const char *
results_jwt_word(results_jwt_e reason)
{
    return results_jwt_reasons[reason].word;
}
