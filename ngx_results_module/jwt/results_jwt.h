
/*
 * A JWT as an access token (RFC 7519, 8725, 9068), in three steps, so that
 * nothing is asked for and no signature is checked because of what somebody
 * merely wrote:
 *
 *     results_jwt_parse()    the compact form, the header and the claims
 *     results_jwt_check()    the claims against an issuer's rules
 *     results_jwks_verify()  the signature, by a key of that issuer
 *
 * What a token says is believed after the last of them and not before.
 * Everything points into the arena or the token.
 */

#ifndef RESULTS_JWT_H
#define RESULTS_JWT_H

#include "results_base.h"
#include "results_jwk.h"
#include "results_value.h"


#define RESULTS_JWT_MAX  8192          /* bytes: nginx's header buffers */


/* why a token is refused; results_jwt_reason() has the words */
typedef enum {
    RESULTS_JWT_OK = 0,
    RESULTS_JWT_MALFORMED,
    RESULTS_JWT_ALGORITHM,
    RESULTS_JWT_TYPE,
    RESULTS_JWT_CRITICAL,
    RESULTS_JWT_ISSUER,
    RESULTS_JWT_EXPIRED,
    RESULTS_JWT_NOT_YET,
    RESULTS_JWT_AUDIENCE,
    RESULTS_JWT_USE,
    RESULTS_JWT_CLIENT,
    RESULTS_JWT_CLAIM,
    RESULTS_JWT_KEY,
    RESULTS_JWT_SIGNATURE,
    RESULTS_JWT_MEMORY,                /* not refused: 500 */
    RESULTS_JWT_REASONS
} results_jwt_e;


typedef struct {
    results_str_t           signed_part;   /* header and payload, as sent */
    results_str_t           signature;     /* decoded */
    results_alg_e           alg;
    results_str_t           kid;           /* no value: none */
    results_str_t           typ;           /* no value: none */
    results_str_t           issuer;
    results_value_t        *claims;        /* the payload: an object */
} results_jwt_t;


/* one issuer, as the configuration has it; lists end with n of them */
typedef struct {
    results_str_t           issuer;        /* equal to "iss", byte by byte */
    unsigned                algorithms;    /* results_alg_e: bits */

    const results_str_t    *audiences;     /* one of them is in "aud" */
    unsigned                naudiences;    /* 0: "aud" is not looked at */

    const results_str_t    *client_claims; /* the first there is names it */
    unsigned                nclient_claims;

    const results_str_t    *scope_claims;  /* all there are count */
    unsigned                nscope_claims;
    results_str_t           scope_prefix;  /* taken off; no value: none */

    results_str_t           token_use;     /* "token_use" equals it; no value:
                                              is not looked at */
    int64_t                 leeway;        /* seconds */
} results_issuer_t;


/* what a token says of its bearer, by an issuer's rules */
typedef struct {
    results_str_t           client;        /* never no value */
    results_str_t           subject;       /* no value: none */
    results_str_t           scopes;        /* words between spaces; may be
                                              empty */
    int64_t                 expires;       /* seconds since 1970, with leeway */
} results_jwt_claims_t;


/* 1 where a token has the shape of a JWT: three parts; nothing is decoded */
int results_jwt_shape(results_str_t token);

/*
 * MALFORMED, ALGORITHM, TYPE, CRITICAL, ISSUER or MEMORY where it is no token
 * to go on with
 */
results_jwt_e results_jwt_parse(results_jwt_t *jwt, results_arena_t *arena,
    results_str_t token);

/*
 * The token's claims by the rules of an issuer; now in seconds since 1970.
 * claims is complete for RESULTS_JWT_OK only.
 */
results_jwt_e results_jwt_check(const results_jwt_t *jwt,
    const results_issuer_t *issuer, int64_t now, results_arena_t *arena,
    results_jwt_claims_t *claims);

/* for error_description and the log, as "the token has expired" */
const char *results_jwt_reason(results_jwt_e reason);

/* for counters and variables, as "expired" */
const char *results_jwt_word(results_jwt_e reason);


#endif /* RESULTS_JWT_H */
