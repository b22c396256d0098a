
/*
 * JWK Sets: see results_jwk.h.  The arithmetic is libcrypto's; which key may be
 * used with which algorithm is decided here (RFC 8725 3.1: the algorithm is
 * fixed by the key as well, not by the token alone).
 */

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "results_base64url.h"
#include "results_json.h"
#include "results_jwk.h"


#define RESULTS_RSA_BITS_MIN    2048   /* RFC 7518 3.3 */
#define RESULTS_RSA_BYTES_MAX   1024   /* longer ones take milliseconds */
#define RESULTS_ED25519_BYTES   32
#define RESULTS_EC_WIDTH_MAX    66     /* P-521 */


typedef struct {
    EVP_PKEY               *pkey;
    unsigned                algs;      /* results_alg_e it verifies: bits */
    size_t                  width;     /* EC: bytes of a coordinate */
    results_str_t           kid;       /* in the set's arena */
} results_jwk_t;


struct results_jwks_s {
    results_arena_t        *arena;
    unsigned                n;
    results_jwk_t           keys[RESULTS_JWKS_KEYS];
};


typedef struct {
    results_alg_e           alg;
    const char             *name;
    const char             *md;        /* NULL: the key's own */
} results_alg_t;


typedef struct {
    const char             *crv;       /* RFC 7518 6.2.1.1 */
    const char             *group;     /* libcrypto's name */
    size_t                  width;
    results_alg_e           alg;
} results_curve_t;


#define RESULTS_ALGS_RS                                                       \
    (RESULTS_ALG_RS256|RESULTS_ALG_RS384|RESULTS_ALG_RS512)
#define RESULTS_ALGS_PS                                                       \
    (RESULTS_ALG_PS256|RESULTS_ALG_PS384|RESULTS_ALG_PS512)


static int results_jwk_parse(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object);
static int results_jwk_usable(results_value_t *object);
static void results_jwk_rsa(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object);
static void results_jwk_ec(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object);
static void results_jwk_okp(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object);
static EVP_PKEY *results_jwk_from_params(const char *type,
    OSSL_PARAM_BLD *build);
static results_str_t results_jwk_bytes(results_arena_t *arena,
    results_value_t *object, const char *name, size_t max);
static const results_alg_t *results_alg(results_alg_e alg);
static int results_jwk_verify(const results_jwk_t *key,
    const results_alg_t *alg, results_str_t data, results_str_t signature);
static unsigned char *results_jwk_ecdsa(const results_jwk_t *key,
    results_str_t signature, int *len);


static const results_alg_t  results_algs[] = {
    { RESULTS_ALG_RS256, "RS256", "SHA256" },
    { RESULTS_ALG_RS384, "RS384", "SHA384" },
    { RESULTS_ALG_RS512, "RS512", "SHA512" },
    { RESULTS_ALG_PS256, "PS256", "SHA256" },
    { RESULTS_ALG_PS384, "PS384", "SHA384" },
    { RESULTS_ALG_PS512, "PS512", "SHA512" },
    { RESULTS_ALG_ES256, "ES256", "SHA256" },
    { RESULTS_ALG_ES384, "ES384", "SHA384" },
    { RESULTS_ALG_ES512, "ES512", "SHA512" },
    { RESULTS_ALG_EDDSA, "EdDSA", NULL },
    { RESULTS_ALG_NONE, NULL, NULL }
};


static const results_curve_t  results_curves[] = {
    { "P-256", "P-256", 32, RESULTS_ALG_ES256 },
    { "P-384", "P-384", 48, RESULTS_ALG_ES384 },
    { "P-521", "P-521", 66, RESULTS_ALG_ES512 },
    { NULL, NULL, 0, RESULTS_ALG_NONE }
};


results_alg_e
results_alg_parse(results_str_t name)
{
    const results_alg_t  *alg;

    for (alg = results_algs; alg->name; alg++) {
        if (results_str_eq(results_str(alg->name), name)) {
            return alg->alg;
        }
    }

    return RESULTS_ALG_NONE;
}


const char *
results_alg_name(results_alg_e alg)
{
    return results_alg(alg)->name;
}


static const results_alg_t *
results_alg(results_alg_e alg)
{
    const results_alg_t  *row;

    for (row = results_algs; row->name && row->alg != alg; row++) {
        /* void */
    }

    return row;
}


results_jwks_t *
results_jwks_parse(results_str_t text, const char **error)
{
    results_jwks_t    *set;
    results_value_t   *root, *list, *object;
    results_arena_t   *scratch;
    results_errors_t   errors;

    if (text.len > RESULTS_JWKS_MAX) {
        *error = "the key set is too large";
        return NULL;
    }

    set = calloc(1, sizeof(results_jwks_t));
    scratch = results_arena_create();

    if (set == NULL || scratch == NULL
        || (set->arena = results_arena_create()) == NULL)
    {
        *error = "no memory";
        goto failed;
    }

    results_errors_init(&errors, scratch);

    root = results_json_parse(text, &errors);
    list = results_value_get(root, "keys");

    if (!results_value_is_array(list)) {
        *error = "the text is not a JWK Set";
        goto failed;
    }

    for (object = results_value_first(list);
         object && set->n < RESULTS_JWKS_KEYS;
         object = object->next)
    {
        switch (results_jwk_parse(&set->keys[set->n], set->arena, object)) {

        case 1:
            set->n++;
            break;

        case -1:
            *error = "no memory";
            goto failed;
        }
    }

    if (set->n == 0) {
        *error = "no key of the set can verify a signature here";
        goto failed;
    }

    results_arena_destroy(scratch);

    return set;

failed:

    results_arena_destroy(scratch);
    results_jwks_free(set);

    return NULL;
}


void
results_jwks_free(results_jwks_t *set)
{
    unsigned  i;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->n; i++) {
        EVP_PKEY_free(set->keys[i].pkey);
    }

    results_arena_destroy(set->arena);
    free(set);
}


unsigned
results_jwks_size(const results_jwks_t *set)
{
    return set->n;
}


results_str_t
results_jwks_kid(const results_jwks_t *set, unsigned i)
{
    return set->keys[i].kid;
}


/* 1 and the key; 0 where it is passed over; -1 without memory */
static int
results_jwk_parse(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object)
{
    results_str_t     type, kid;
    results_value_t  *alg, *id;

    memset(key, 0, sizeof(results_jwk_t));

    if (!results_value_is_object(object) || !results_jwk_usable(object)) {
        return 0;
    }

    id = results_value_get(object, "kid");
    kid = results_value_text(id);

    if (kid.len > RESULTS_KID_MAX
        || (id && !results_value_is_string(id)))
    {
        return 0;
    }

    type = results_value_text(results_value_get(object, "kty"));

    if (results_str_is(type, "RSA")) {
        results_jwk_rsa(key, arena, object);

    } else if (results_str_is(type, "EC")) {
        results_jwk_ec(key, arena, object);

    } else if (results_str_is(type, "OKP")) {
        results_jwk_okp(key, arena, object);
    }

    alg = results_value_get(object, "alg");

    if (alg) {
        key->algs &= results_alg_parse(results_value_text(alg));
    }

    ERR_clear_error();

    if (key->pkey == NULL || key->algs == 0) {
        EVP_PKEY_free(key->pkey);
        key->pkey = NULL;
        return 0;
    }

    if (kid.data == NULL) {
        return 1;
    }

    key->kid = results_arena_copy(arena, kid.data, kid.len);

    if (key->kid.data == NULL) {
        EVP_PKEY_free(key->pkey);
        return -1;
    }

    return 1;
}


/* RFC 7517 4.2, 4.3: for signatures, where it says what it is for */
static int
results_jwk_usable(results_value_t *object)
{
    results_value_t  *use, *ops, *op;

    use = results_value_get(object, "use");

    if (use && !results_str_is(results_value_text(use), "sig")) {
        return 0;
    }

    ops = results_value_get(object, "key_ops");

    if (ops == NULL) {
        return 1;
    }

    for (op = results_value_first(ops); op; op = op->next) {
        if (results_str_is(results_value_text(op), "verify")) {
            return 1;
        }
    }

    return 0;
}


/* RFC 7518 6.3.1 */
static void
results_jwk_rsa(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object)
{
    BIGNUM          *n, *e;
    results_str_t    modulus, exponent;
    OSSL_PARAM_BLD  *build;

    modulus = results_jwk_bytes(arena, object, "n", RESULTS_RSA_BYTES_MAX);
    exponent = results_jwk_bytes(arena, object, "e", 8);

    if (modulus.len == 0 || exponent.len == 0) {
        return;
    }

    n = BN_bin2bn((const unsigned char *) modulus.data, (int) modulus.len,
                  NULL);
    e = BN_bin2bn((const unsigned char *) exponent.data, (int) exponent.len,
                  NULL);
    build = OSSL_PARAM_BLD_new();

    if (n && e && build
        && BN_num_bits(n) >= RESULTS_RSA_BITS_MIN
        && BN_is_odd(e) && !BN_is_one(e)
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        key->pkey = results_jwk_from_params("RSA", build);
        key->algs = RESULTS_ALGS_RS|RESULTS_ALGS_PS;
    }

    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
}


/* RFC 7518 6.2.1; libcrypto refuses a point that is not on its curve */
static void
results_jwk_ec(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object)
{
    results_str_t           crv, x, y;
    unsigned char           point[1 + 2 * RESULTS_EC_WIDTH_MAX];
    OSSL_PARAM_BLD         *build;
    const results_curve_t  *curve;

    crv = results_value_text(results_value_get(object, "crv"));

    for (curve = results_curves; curve->crv; curve++) {
        if (results_str_eq(results_str(curve->crv), crv)) {
            break;
        }
    }

    if (curve->crv == NULL) {
        return;
    }

    x = results_jwk_bytes(arena, object, "x", curve->width);
    y = results_jwk_bytes(arena, object, "y", curve->width);

    if (x.data == NULL || x.len != curve->width
        || y.data == NULL || y.len != curve->width)
    {
        return;
    }

    point[0] = 0x04;        /* uncompressed: SEC 1 2.3.3 */
    memcpy(point + 1, x.data, x.len);
    memcpy(point + 1 + x.len, y.data, y.len);

    build = OSSL_PARAM_BLD_new();

    if (build
        && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                           curve->group, 0) == 1
        && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, 1 + 2 * curve->width) == 1)
    {
        key->pkey = results_jwk_from_params("EC", build);
        key->algs = curve->alg;
        key->width = curve->width;
    }

    OSSL_PARAM_BLD_free(build);
}


/* RFC 8037 2 */
static void
results_jwk_okp(results_jwk_t *key, results_arena_t *arena,
    results_value_t *object)
{
    results_str_t  crv, x;

    crv = results_value_text(results_value_get(object, "crv"));
    x = results_jwk_bytes(arena, object, "x", RESULTS_ED25519_BYTES);

    if (!results_str_is(crv, "Ed25519")
        || x.data == NULL || x.len != RESULTS_ED25519_BYTES)
    {
        return;
    }

    key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                            (const unsigned char *) x.data,
                                            x.len);
    key->algs = RESULTS_ALG_EDDSA;
}


static EVP_PKEY *
results_jwk_from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(build);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}


/* a member in base64url; empty where it is none, or has more than max bytes */
static results_str_t
results_jwk_bytes(results_arena_t *arena, results_value_t *object,
    const char *name, size_t max)
{
    int64_t         len;
    results_str_t   text, bytes;
    unsigned char  *out;

    bytes.len = 0;
    bytes.data = NULL;

    text = results_value_text(results_value_get(object, name));

    if (text.len == 0 || text.len > (max + 2) / 3 * 4) {
        return bytes;
    }

    out = results_arena_alloc(arena, results_base64url_size(text.len));

    if (out == NULL) {
        return bytes;
    }

    len = results_base64url_decode(text, out);

    if (len > 0 && (size_t) len <= max) {
        bytes.len = (size_t) len;
        bytes.data = (const char *) out;
    }

    return bytes;
}


results_jwks_e
results_jwks_verify(const results_jwks_t *set, results_alg_e alg,
    results_str_t kid, results_str_t data, results_str_t signature)
{
    int                   rc;
    unsigned              i, tries;
    const results_jwk_t  *key;

    tries = 0;

    for (i = 0; i < set->n && tries < RESULTS_JWKS_TRIES; i++) {
        key = &set->keys[i];

        if (!(key->algs & alg)
            || (kid.data && (key->kid.data == NULL
                             || !results_str_eq(key->kid, kid))))
        {
            continue;
        }

        tries++;
        rc = results_jwk_verify(key, results_alg(alg), data, signature);

        if (rc != 0) {
            return (rc > 0) ? RESULTS_JWKS_VALID : RESULTS_JWKS_FAILED;
        }
    }

    return tries ? RESULTS_JWKS_BAD_SIGNATURE : RESULTS_JWKS_NO_KEY;
}


/* 1, 0 where it is not its signature, or -1 without memory */
static int
results_jwk_verify(const results_jwk_t *key, const results_alg_t *alg,
    results_str_t data, results_str_t signature)
{
    int             rc, len;
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    unsigned char  *der;

    der = NULL;

    if (key->width) {

        if (signature.len != 2 * key->width) {
            return 0;
        }

        der = results_jwk_ecdsa(key, signature, &len);

        if (der == NULL) {
            return len;
        }

        signature.data = (const char *) der;
        signature.len = (size_t) len;
    }

    rc = -1;
    ctx = EVP_MD_CTX_new();

    if (ctx
        && EVP_DigestVerifyInit_ex(ctx, &pctx, alg->md, NULL, NULL, key->pkey,
                                   NULL) == 1
        && (!(alg->alg & RESULTS_ALGS_PS)
            || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                                    RSA_PSS_SALTLEN_DIGEST)
                   > 0)))
    {
        rc = EVP_DigestVerify(ctx, (const unsigned char *) signature.data,
                              signature.len,
                              (const unsigned char *) data.data, data.len)
             == 1;
    }

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ERR_clear_error();

    return rc;
}


/*
 * r and s side by side (RFC 7518 3.4) as libcrypto wants them.  NULL, with *len
 * 0 where one of them is 0, or -1 without memory.
 */
static unsigned char *
results_jwk_ecdsa(const results_jwk_t *key, results_str_t signature, int *len)
{
    BIGNUM               *r, *s;
    ECDSA_SIG            *sig;
    unsigned char        *der;
    const unsigned char  *p;

    p = (const unsigned char *) signature.data;

    der = NULL;
    *len = -1;

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(p, (int) key->width, NULL);
    s = BN_bin2bn(p + key->width, (int) key->width, NULL);

    if (sig && r && s) {

        if (BN_is_zero(r) || BN_is_zero(s)) {
            *len = 0;

        } else if (ECDSA_SIG_set0(sig, r, s) == 1) {

            /* they are its own now */

            r = NULL;
            s = NULL;
            *len = i2d_ECDSA_SIG(sig, &der);

            if (*len <= 0) {
                *len = -1;
            }
        }
    }

    ECDSA_SIG_free(sig);
    BN_free(r);
    BN_free(s);

    return der;
}
