
/*
 * The keys of an issuer: a JWK Set (RFC 7517) as keys of libcrypto, public
 * ones only, and which algorithm each may be used with.  A set is on the
 * heap; whoever parses it frees it.
 */

#ifndef RESULTS_JWK_H
#define RESULTS_JWK_H

#include "results_base.h"


/* RFC 7518 3.1, RFC 8037; bits, so that a configuration has a set of them */
typedef enum {
    RESULTS_ALG_NONE  = 0,             /* none that is known, "none" included */
    RESULTS_ALG_RS256 = 1,
    RESULTS_ALG_RS384 = 2,
    RESULTS_ALG_RS512 = 4,
    RESULTS_ALG_PS256 = 8,
    RESULTS_ALG_PS384 = 16,
    RESULTS_ALG_PS512 = 32,
    RESULTS_ALG_ES256 = 64,
    RESULTS_ALG_ES384 = 128,
    RESULTS_ALG_ES512 = 256,
    RESULTS_ALG_EDDSA = 512            /* with Ed25519 */
} results_alg_e;


typedef enum {
    RESULTS_JWKS_VALID = 0,
    RESULTS_JWKS_NO_KEY,               /* no key fits: another set may */
    RESULTS_JWKS_BAD_SIGNATURE,        /* a key fits, and did not sign it */
    RESULTS_JWKS_FAILED                /* no memory */
} results_jwks_e;


#define RESULTS_JWKS_MAX      262144   /* bytes of a set's text */
#define RESULTS_JWKS_KEYS     64       /* that are read of a set */
#define RESULTS_JWKS_TRIES    8        /* keys tried for a token without kid */
#define RESULTS_KID_MAX       255


typedef struct results_jwks_s  results_jwks_t;


/* the algorithm of that name (case matters); RESULTS_ALG_NONE for any other */
results_alg_e results_alg_parse(results_str_t name);

/* "RS256"; NULL for none */
const char *results_alg_name(results_alg_e alg);

/*
 * The set of a text.  Keys that can't verify a signature here are passed over:
 * other types, encryption keys, RSA below 2048 bits, points off their curve.
 * NULL where none is left or the text is no set; *error is then a constant that
 * says why.
 */
results_jwks_t *results_jwks_parse(results_str_t text, const char **error);

/* NULL is fine */
void results_jwks_free(results_jwks_t *set);

/* how many keys it has; the kid of one, no value where it has none */
unsigned results_jwks_size(const results_jwks_t *set);
results_str_t results_jwks_kid(const results_jwks_t *set, unsigned i);

/*
 * Whether signature is one of data by a key of the set.  A key fits by its
 * type, its "alg" where it has one, and kid; without kid (no value) each that
 * fits is tried.
 */
results_jwks_e results_jwks_verify(const results_jwks_t *set,
    results_alg_e alg, results_str_t kid, results_str_t data,
    results_str_t signature);


#endif /* RESULTS_JWK_H */
