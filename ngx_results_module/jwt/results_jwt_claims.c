
/*
 * The claims of a JWT by the rules of an issuer: RFC 7519 4.1, RFC 9068 4, and
 * what Cognito, Keycloak, Entra ID and Okta do otherwise.
 */

#include <math.h>
#include <string.h>

#include "results_jwt.h"


#define RESULTS_JWT_TIME_MAX  9007199254740992.0     /* 2^53 */


static results_jwt_e results_jwt_times(const results_jwt_t *jwt,
    const results_issuer_t *issuer, int64_t now, int64_t *expires);
static int results_jwt_time(const results_jwt_t *jwt, const char *name,
    double *time);
static int results_jwt_audience(const results_jwt_t *jwt,
    const results_issuer_t *issuer);
static int results_jwt_is_audience(const results_issuer_t *issuer,
    const results_value_t *value);
static results_str_t results_jwt_client(const results_jwt_t *jwt,
    const results_issuer_t *issuer);
static results_jwt_e results_jwt_scopes(const results_jwt_t *jwt,
    const results_issuer_t *issuer, results_arena_t *arena,
    results_str_t *scopes);
static void results_jwt_add_scopes(results_buf_t *buf,
    const results_issuer_t *issuer, results_str_t words);


results_jwt_e
results_jwt_check(const results_jwt_t *jwt, const results_issuer_t *issuer,
    int64_t now, results_arena_t *arena, results_jwt_claims_t *claims)
{
    results_jwt_e     rc;
    results_value_t  *value;

    if (!results_str_eq(jwt->issuer, issuer->issuer)) {
        return RESULTS_JWT_ISSUER;
    }

    if (!(jwt->alg & issuer->algorithms)) {
        return RESULTS_JWT_ALGORITHM;
    }

    rc = results_jwt_times(jwt, issuer, now, &claims->expires);

    if (rc != RESULTS_JWT_OK) {
        return rc;
    }

    if (issuer->naudiences && !results_jwt_audience(jwt, issuer)) {
        return RESULTS_JWT_AUDIENCE;
    }

    if (issuer->token_use.data
        && !results_str_eq(results_value_text(results_value_get(jwt->claims,
                                                                "token_use")),
                           issuer->token_use))
    {
        return RESULTS_JWT_USE;
    }

    claims->client = results_jwt_client(jwt, issuer);

    if (claims->client.len == 0) {
        return RESULTS_JWT_CLIENT;
    }

    value = results_value_get(jwt->claims, "sub");

    if (value && !results_value_is_string(value)) {
        return RESULTS_JWT_CLAIM;
    }

    claims->subject = results_value_text(value);

    return results_jwt_scopes(jwt, issuer, arena, &claims->scopes);
}


/* RFC 7519 4.1.4 to 4.1.6; numbers that may have a fraction */
static results_jwt_e
results_jwt_times(const results_jwt_t *jwt, const results_issuer_t *issuer,
    int64_t now, int64_t *expires)
{
    double  exp, nbf, iat, leeway;

    leeway = (double) issuer->leeway;
    nbf = iat = 0;

    if (results_jwt_time(jwt, "exp", &exp) != 1
        || results_jwt_time(jwt, "nbf", &nbf) < 0
        || results_jwt_time(jwt, "iat", &iat) < 0)
    {
        return RESULTS_JWT_CLAIM;
    }

    if ((double) now >= exp + leeway) {
        return RESULTS_JWT_EXPIRED;
    }

    if ((double) now < nbf - leeway || (double) now < iat - leeway) {
        return RESULTS_JWT_NOT_YET;
    }

    *expires = (int64_t) (exp + leeway);

    return RESULTS_JWT_OK;
}


/* 1, 0 where it is absent, or -1 where it is no time */
static int
results_jwt_time(const results_jwt_t *jwt, const char *name, double *time)
{
    double            number;
    results_value_t  *value;

    value = results_value_get(jwt->claims, name);

    if (value == NULL) {
        return 0;
    }

    if (!results_value_is_number(value)) {
        return -1;
    }

    number = results_value_number(value);

    if (!isfinite(number) || number < 0 || number > RESULTS_JWT_TIME_MAX) {
        return -1;
    }

    *time = number;

    return 1;
}


static int
results_jwt_audience(const results_jwt_t *jwt, const results_issuer_t *issuer)
{
    results_value_t  *value;

    value = results_value_get(jwt->claims, "aud");

    if (!results_value_is_array(value)) {
        return results_jwt_is_audience(issuer, value);
    }

    for (value = results_value_first(value); value; value = value->next) {
        if (results_jwt_is_audience(issuer, value)) {
            return 1;
        }
    }

    return 0;
}


static int
results_jwt_is_audience(const results_issuer_t *issuer,
    const results_value_t *value)
{
    unsigned  i;

    if (!results_value_is_string(value)) {
        return 0;
    }

    for (i = 0; i < issuer->naudiences; i++) {
        if (results_str_eq(results_value_text(value), issuer->audiences[i])) {
            return 1;
        }
    }

    return 0;
}


static results_str_t
results_jwt_client(const results_jwt_t *jwt, const results_issuer_t *issuer)
{
    unsigned          i;
    results_value_t  *value;

    for (i = 0; i < issuer->nclient_claims; i++) {
        value = results_value_get(jwt->claims, issuer->client_claims[i].data);

        if (value) {
            return results_value_text(value);
        }
    }

    return results_str(NULL);
}


/* words in one string (RFC 8693 4.2); Okta's "scp", Entra's "roles": a list */
static results_jwt_e
results_jwt_scopes(const results_jwt_t *jwt, const results_issuer_t *issuer,
    results_arena_t *arena, results_str_t *scopes)
{
    unsigned          i;
    results_buf_t     buf;
    results_value_t  *value;

    memset(&buf, 0, sizeof(results_buf_t));

    for (i = 0; i < issuer->nscope_claims; i++) {
        value = results_value_get(jwt->claims, issuer->scope_claims[i].data);

        if (results_value_is_string(value)) {
            results_jwt_add_scopes(&buf, issuer, results_value_text(value));
            continue;
        }

        if (value && !results_value_is_array(value)) {
            results_buf_free(&buf);
            return RESULTS_JWT_CLAIM;
        }

        for (value = results_value_first(value); value; value = value->next) {

            if (!results_value_is_string(value)) {
                results_buf_free(&buf);
                return RESULTS_JWT_CLAIM;
            }

            results_jwt_add_scopes(&buf, issuer, results_value_text(value));
        }
    }

    *scopes = buf.failed ? results_str(NULL)
                         : results_arena_copy(arena, buf.len ? buf.data : "",
                                              buf.len);
    results_buf_free(&buf);

    return scopes->data ? RESULTS_JWT_OK : RESULTS_JWT_MEMORY;
}


/* the words that have the issuer's prefix, without it; others are of others */
static void
results_jwt_add_scopes(results_buf_t *buf, const results_issuer_t *issuer,
    results_str_t words)
{
    const char     *p, *end, *space;
    results_str_t   word, prefix;

    prefix = issuer->scope_prefix;
    end = words.data + words.len;

    for (p = words.data; p < end; p = space + 1) {
        space = memchr(p, ' ', (size_t) (end - p));

        if (space == NULL) {
            space = end;
        }

        word.data = p;
        word.len = (size_t) (space - p);

        if (prefix.len) {

            if (word.len <= prefix.len
                || memcmp(word.data, prefix.data, prefix.len) != 0)
            {
                continue;
            }

            word.data += prefix.len;
            word.len -= prefix.len;
        }

        if (word.len == 0) {
            continue;
        }

        if (buf->len) {
            results_buf_puts(buf, " ");
        }

        results_buf_str(buf, word);
    }
}
