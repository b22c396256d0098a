
/*
 * Tokens of identity providers and their key sets.  The first byte chooses:
 * 'K' a key set; 'T' a token as it came; anything else a header and claims as
 * JSON, with an empty line between, which the target encodes.
 */

#include "fuzz.h"
#include "results_base64url.h"
#include "results_jwt.h"


static void
encode(results_buf_t *buf, const char *data, size_t len)
{
    size_t    i;
    unsigned  bits, n;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    for (i = 0, bits = 0, n = 0; i < len; i++) {
        bits = (bits << 8) | (unsigned char) data[i];

        for (n += 8; n >= 6; n -= 6) {
            results_buf_append(buf, &digits[(bits >> (n - 6)) & 63], 1);
        }
    }

    if (n) {
        results_buf_append(buf, &digits[(bits << (6 - n)) & 63], 1);
    }
}


/* a key set: what is left of it can be used */
static void
key_set(results_str_t text)
{
    unsigned         i;
    const char      *error;
    results_jwks_t  *set;

    error = NULL;
    set = results_jwks_parse(text, &error);

    if (set == NULL) {
        fuzz_assert(error != NULL);
        return;
    }

    fuzz_assert(results_jwks_size(set) > 0
                && results_jwks_size(set) <= RESULTS_JWKS_KEYS);

    for (i = 0; i < results_jwks_size(set); i++) {
        fuzz_assert(results_jwks_kid(set, i).len <= RESULTS_KID_MAX);
    }

    for (i = 1; i <= RESULTS_ALG_EDDSA; i <<= 1) {
        fuzz_assert(results_jwks_verify(set, i, results_str(NULL), text, text)
                    != RESULTS_JWKS_VALID);
    }

    results_jwks_free(set);
}


/* a token: by the rules of an issuer, what passes says who it is */
static void
token(results_str_t text)
{
    results_jwt_t         jwt;
    results_jwt_e         rc;
    results_arena_t      *arena;
    results_issuer_t      issuer;
    results_jwt_claims_t  claims;

    static const results_str_t  audience = results_string("api");
    static const results_str_t  client = results_string("client_id");
    static const results_str_t  scopes[] = { results_string("scope"),
                                             results_string("scp") };

    arena = results_arena_create();

    (void) results_jwt_shape(text);
    rc = results_jwt_parse(&jwt, arena, text);
    fuzz_assert(rc < RESULTS_JWT_REASONS);

    if (rc == RESULTS_JWT_OK) {
        fuzz_assert(text.len <= RESULTS_JWT_MAX);
        fuzz_assert(jwt.alg != RESULTS_ALG_NONE && jwt.signature.len > 0);
        fuzz_assert(results_alg_name(jwt.alg) != NULL);
        fuzz_assert(fuzz_is_text(jwt.issuer) && fuzz_is_text(jwt.kid));

        memset(&issuer, 0, sizeof(issuer));
        issuer.issuer = jwt.issuer;
        issuer.algorithms = ~0u;
        issuer.audiences = &audience;
        issuer.naudiences = 1;
        issuer.client_claims = &client;
        issuer.nclient_claims = 1;
        issuer.scope_claims = scopes;
        issuer.nscope_claims = 2;
        issuer.leeway = 30;

        rc = results_jwt_check(&jwt, &issuer, 1700000000, arena, &claims);

        if (rc == RESULTS_JWT_OK) {
            fuzz_assert(claims.client.len > 0 && fuzz_is_text(claims.client));
            fuzz_assert(fuzz_is_text(claims.scopes));
            fuzz_assert(claims.expires > 1700000000);
        }
    }

    results_arena_destroy(arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *copy, *payload;
    size_t          i;
    results_buf_t   buf;
    results_str_t   text;

    if (size < 2) {
        return 0;
    }

    copy = fuzz_copy(data + 1, size - 1);
    text.data = copy;
    text.len = size - 1;

    if (data[0] == 'K') {
        key_set(text);

    } else if (data[0] == 'T') {
        token(text);

    } else {
        payload = NULL;

        for (i = 0; i + 1 < text.len; i++) {
            if (memcmp(copy + i, "\n\n", 2) == 0) {
                payload = copy + i + 2;
                break;
            }
        }

        if (payload) {
            memset(&buf, 0, sizeof(buf));
            encode(&buf, copy, i);
            results_buf_puts(&buf, ".");
            encode(&buf, payload, text.len - i - 2);
            results_buf_puts(&buf, ".c2ln");

            text.data = buf.data;
            text.len = buf.len;
            token(text);
            results_buf_free(&buf);
        }
    }

    free(copy);

    return 0;
}
