
/*
 * JWTs: the vectors of the RFCs, keys and signatures that must not pass, the
 * header, and the claims by the rules of an issuer.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "results_base64url.h"
#include "results_jwt.h"


#define NOW  1700000000


/* the issuer's keys, made once for all tests */
static EVP_PKEY  *rsa, *ec, *ed;


static const char  A2_KEY[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJ"
    "cyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5r"
    "exMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9k"
    "G4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb"
    "54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}";

static const char  A2_DATA[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh"
    "0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

static const char  A2_SIGNATURE[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B"
    "h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZ"
    "LgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
    "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static const char  A3_KEY[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static const char  A3_DATA[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh"
    "0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

static const char  A3_SIGNATURE[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT"
    "UJqPP3-Kg6NU1Q";

static const char  A4_KEY[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl3"
    "53vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\","
    "\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4K"
    "kd0AZMaZmh9ubmf63e3kyMj2\"}]}";

static const char  A4_DATA[] = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";

static const char  A4_SIGNATURE[] =
    "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-K"
    "GDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKv"
    "U8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

static const char  ED_KEY[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static const char  ED_DATA[] =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";

static const char  ED_SIGNATURE[] =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7"
    "sVvpAr_MuM0KAg";


/* what the tests make, until the last of them has ended */
static results_arena_t  *made_here;


static char *
text(const char *fmt, ...)
{
    char     *p;
    va_list   args;

    p = results_arena_alloc(made_here, 16384);
    assert_non_null(p);

    va_start(args, fmt);
    (void) vsnprintf(p, 16384, fmt, args);
    va_end(args);

    return p;
}


static char *
encode(const unsigned char *data, size_t len)
{
    char    *out, *p;
    size_t   i;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    p = out = results_arena_alloc(made_here, len * 2 + 4);
    assert_non_null(out);

    for (i = 0; i < len; i += 3) {
        *p++ = digits[data[i] >> 2];
        *p++ = digits[((data[i] & 3) << 4)
                      | (i + 1 < len ? data[i + 1] >> 4 : 0)];

        if (i + 1 < len) {
            *p++ = digits[((data[i + 1] & 15) << 2)
                          | (i + 2 < len ? data[i + 2] >> 6 : 0)];
        }

        if (i + 2 < len) {
            *p++ = digits[data[i + 2] & 63];
        }
    }

    *p = '\0';

    return out;
}


static results_str_t
decode(results_arena_t *arena, const char *encoded)
{
    int64_t         len;
    results_str_t   s;
    unsigned char  *out;

    out = results_arena_alloc(arena, results_base64url_size(strlen(encoded)));
    len = results_base64url_decode(results_str(encoded), out);
    assert_true(len >= 0);

    s.data = (const char *) out;
    s.len = (size_t) len;

    return s;
}


/* r and s of libcrypto's signature, of 32 bytes each */
static size_t
flat(unsigned char *signature, size_t len)
{
    ECDSA_SIG            *sig;
    const unsigned char  *p;

    p = signature;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) len);
    assert_non_null(sig);

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32);
    ECDSA_SIG_free(sig);

    return 64;
}


/* a token, signed by a key as its header may or may not say */
static char *
token(EVP_PKEY *key, const char *header, const char *payload)
{
    int             pss;
    char           *data;
    size_t          len;
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    unsigned char   signature[1024];

    data = text("%s.%s", encode((const unsigned char *) header,
                                strlen(header)),
                encode((const unsigned char *) payload, strlen(payload)));
    pss = strstr(header, "\"PS256\"") != NULL;
    len = sizeof(signature);

    ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, &pctx,
                                        key == ed ? NULL : EVP_sha256(), NULL,
                                        key), 1);
    if (pss) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING)
                    > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32) > 0);
    }

    assert_int_equal(EVP_DigestSign(ctx, signature, &len,
                                    (unsigned char *) data, strlen(data)), 1);
    EVP_MD_CTX_free(ctx);

    if (key == ec) {
        len = flat(signature, len);
    }

    return text("%s.%s", data, encode(signature, len));
}


/* the keys as a set; more is put into each object */
static char *
keys(const char *more)
{
    size_t          len;
    BIGNUM         *n, *e;
    unsigned char   modulus[256], exponent[3], point[65], x[32];

    n = e = NULL;
    len = sizeof(x);

    assert_int_equal(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_E, &e), 1);
    BN_bn2binpad(n, modulus, 256);
    BN_bn2binpad(e, exponent, 3);
    BN_free(n);
    BN_free(e);

    assert_int_equal(EVP_PKEY_get_octet_string_param(ec,
                         OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), NULL),
                     1);
    assert_int_equal(EVP_PKEY_get_raw_public_key(ed, x, &len), 1);

    return text("{\"keys\":["
                "{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"%s\",\"e\":\"%s\"%s},"
                "{\"kty\":\"EC\",\"kid\":\"e\",\"crv\":\"P-256\",\"x\":\"%s\","
                "\"y\":\"%s\"%s},"
                "{\"kty\":\"OKP\",\"kid\":\"d\",\"crv\":\"Ed25519\","
                "\"x\":\"%s\"%s}]}", encode(modulus, 256), encode(exponent, 3),
                more, encode(point + 1, 32), encode(point + 33, 32), more,
                encode(x, 32), more);
}


static results_jwks_t *
set_of(const char *json)
{
    const char      *error;
    results_jwks_t  *set;

    error = NULL;
    set = results_jwks_parse(results_str(json), &error);

    if (set == NULL) {
        fail_msg("%s", error);
    }

    return set;
}


static int
make_keys(void **state)
{
    (void) state;

    made_here = results_arena_create();
    rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    return rsa && ec && ed ? 0 : -1;
}


static int
free_keys(void **state)
{
    (void) state;

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);
    results_arena_destroy(made_here);

    return 0;
}


static results_jwks_e
vector(const char *key, results_alg_e alg, const char *data,
    const char *signature)
{
    results_jwks_e    rc;
    results_jwks_t   *set;
    results_arena_t  *arena;

    set = set_of(key);
    arena = results_arena_create();
    rc = results_jwks_verify(set, alg, results_str(NULL), results_str(data),
                             decode(arena, signature));
    results_arena_destroy(arena);
    results_jwks_free(set);

    return rc;
}


/* RFC 7515 A.2 to A.4, RFC 8037 A.4 */
static void
test_vectors(void **state)
{
    (void) state;

    assert_int_equal(vector(A2_KEY, RESULTS_ALG_RS256, A2_DATA, A2_SIGNATURE),
                     RESULTS_JWKS_VALID);
    assert_int_equal(vector(A3_KEY, RESULTS_ALG_ES256, A3_DATA, A3_SIGNATURE),
                     RESULTS_JWKS_VALID);
    assert_int_equal(vector(A4_KEY, RESULTS_ALG_ES512, A4_DATA, A4_SIGNATURE),
                     RESULTS_JWKS_VALID);
    assert_int_equal(vector(ED_KEY, RESULTS_ALG_EDDSA, ED_DATA, ED_SIGNATURE),
                     RESULTS_JWKS_VALID);

    /* another text, and the algorithm of another padding */

    assert_int_equal(vector(A2_KEY, RESULTS_ALG_RS256, A4_DATA, A2_SIGNATURE),
                     RESULTS_JWKS_BAD_SIGNATURE);
    assert_int_equal(vector(A2_KEY, RESULTS_ALG_PS256, A2_DATA, A2_SIGNATURE),
                     RESULTS_JWKS_BAD_SIGNATURE);
    assert_int_equal(vector(A2_KEY, RESULTS_ALG_RS384, A2_DATA, A2_SIGNATURE),
                     RESULTS_JWKS_BAD_SIGNATURE);

    /* an RS token for an EC key, and the other way round */

    assert_int_equal(vector(A3_KEY, RESULTS_ALG_RS256, A2_DATA, A2_SIGNATURE),
                     RESULTS_JWKS_NO_KEY);
    assert_int_equal(vector(A2_KEY, RESULTS_ALG_ES256, A3_DATA, A3_SIGNATURE),
                     RESULTS_JWKS_NO_KEY);
    assert_int_equal(vector(A4_KEY, RESULTS_ALG_ES256, A3_DATA, A3_SIGNATURE),
                     RESULTS_JWKS_NO_KEY);
}


/* an ECDSA signature has one length, and neither r nor s is 0 */
static void
test_ecdsa(void **state)
{
    int              i;
    char             bad[3][128];
    results_str_t    s;
    results_arena_t *arena;
    unsigned char    raw[66];

    (void) state;

    arena = results_arena_create();
    s = decode(arena, A3_SIGNATURE);
    assert_int_equal(s.len, 64);
    memset(raw, 0, sizeof(raw));
    memcpy(raw, s.data, 64);

    strcpy(bad[0], encode(raw, 63));
    strcpy(bad[1], encode(raw, 65));

    memset(raw, 0, 32);
    strcpy(bad[2], encode(raw, 64));

    for (i = 0; i < 3; i++) {
        assert_int_equal(vector(A3_KEY, RESULTS_ALG_ES256, A3_DATA, bad[i]),
                         RESULTS_JWKS_BAD_SIGNATURE);
    }

    memcpy(raw, s.data, 32);
    memset(raw + 32, 0, 32);
    assert_int_equal(vector(A3_KEY, RESULTS_ALG_ES256, A3_DATA,
                            encode(raw, 64)), RESULTS_JWKS_BAD_SIGNATURE);

    results_arena_destroy(arena);
}


/* sets, and keys that are passed over */
static void
test_sets(void **state)
{
    unsigned         i;
    const char      *error;
    results_jwks_t  *set;

    static const char *const  unusable[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[1]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"RS256\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"key_ops\":[\"sign\"],"
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":7,"
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"}]}"
    };

    (void) state;

    for (i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        error = NULL;
        set = results_jwks_parse(results_str(unusable[i]), &error);

        if (set != NULL || error == NULL) {
            fail_msg("%s", unusable[i]);
        }
    }

    set = set_of(keys(",\"use\":\"sig\",\"key_ops\":[\"verify\"]"));
    assert_int_equal(results_jwks_size(set), 3);
    assert_true(results_str_is(results_jwks_kid(set, 1), "e"));
    results_jwks_free(set);

    results_jwks_free(NULL);
}


/* kid picks a key; without one each that fits is tried */
static void
test_kid(void **state)
{
    results_jwt_t     jwt;
    results_jwks_t   *set;
    results_arena_t  *arena;

    (void) state;

    set = set_of(keys(""));
    arena = results_arena_create();

#define verify(key, header)                                                   \
    (assert_int_equal(results_jwt_parse(&jwt, arena,                          \
                results_str(token(key, header, "{\"iss\":\"i\"}"))),          \
            RESULTS_JWT_OK),                                                  \
     results_jwks_verify(set, jwt.alg, jwt.kid, jwt.signed_part,              \
                         jwt.signature))

    assert_int_equal(verify(rsa, "{\"alg\":\"RS256\",\"kid\":\"r\"}"),
                     RESULTS_JWKS_VALID);
    assert_int_equal(verify(rsa, "{\"alg\":\"PS256\",\"kid\":\"r\"}"),
                     RESULTS_JWKS_VALID);
    assert_int_equal(verify(rsa, "{\"alg\":\"RS256\"}"), RESULTS_JWKS_VALID);
    assert_int_equal(verify(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}"),
                     RESULTS_JWKS_VALID);
    assert_int_equal(verify(ed, "{\"alg\":\"EdDSA\",\"kid\":\"d\"}"),
                     RESULTS_JWKS_VALID);

    assert_int_equal(verify(rsa, "{\"alg\":\"RS256\",\"kid\":\"x\"}"),
                     RESULTS_JWKS_NO_KEY);
    assert_int_equal(verify(rsa, "{\"alg\":\"RS256\",\"kid\":\"e\"}"),
                     RESULTS_JWKS_NO_KEY);
    assert_int_equal(verify(rsa, "{\"alg\":\"RS256\",\"kid\":\"\"}"),
                     RESULTS_JWKS_NO_KEY);
    assert_int_equal(verify(rsa, "{\"alg\":\"ES256\",\"kid\":\"e\"}"),
                     RESULTS_JWKS_BAD_SIGNATURE);

    results_arena_destroy(arena);
    results_jwks_free(set);
}


static results_jwt_e
parsed(const char *raw)
{
    results_jwt_t     jwt;
    results_jwt_e     rc;
    results_arena_t  *arena;

    arena = results_arena_create();
    rc = results_jwt_parse(&jwt, arena, results_str(raw));
    results_arena_destroy(arena);

    return rc;
}


/* header and payload as they stand, with a signature of some bytes */
static char *
made(const char *header, const char *payload)
{
    return text("%s.%s.AAAA", encode((const unsigned char *) header,
                                     strlen(header)),
                encode((const unsigned char *) payload, strlen(payload)));
}


static void
test_form(void **state)
{
    char             *good;
    unsigned          i;
    unsigned char     zero[7000];

    static const struct {
        const char     *header;
        results_jwt_e   expected;
    } headers[] = {
        { "{\"alg\":\"RS256\"}", RESULTS_JWT_OK },
        { "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", RESULTS_JWT_OK },
        { "{\"alg\":\"RS256\",\"typ\":\"application/AT+JWT\"}",
          RESULTS_JWT_OK },
        { "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"jku\":\"http://evil\"}",
          RESULTS_JWT_OK },
        { "{\"alg\":\"none\"}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":\"None\"}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":\"nOnE\"}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":\"HS256\"}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":\"rs256\"}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":256}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":[\"RS256\"]}", RESULTS_JWT_ALGORITHM },
        { "{}", RESULTS_JWT_ALGORITHM },
        { "{\"alg\":\"RS256\",\"alg\":\"none\"}", RESULTS_JWT_MALFORMED },
        { "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", RESULTS_JWT_CRITICAL },
        { "{\"alg\":\"RS256\",\"crit\":[]}", RESULTS_JWT_CRITICAL },
        { "{\"alg\":\"RS256\",\"kid\":1}", RESULTS_JWT_MALFORMED },
        { "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", RESULTS_JWT_TYPE },
        { "{\"alg\":\"RS256\",\"typ\":null}", RESULTS_JWT_TYPE },
        { "[\"RS256\"]", RESULTS_JWT_MALFORMED },
        { "{\"alg\":\"RS256\"", RESULTS_JWT_MALFORMED },
        { "{\"alg\":\"RS256\"}x", RESULTS_JWT_MALFORMED },
        { "{\"alg\":\"\xff\"}", RESULTS_JWT_MALFORMED }
    };

    (void) state;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (parsed(made(headers[i].header, "{\"iss\":\"i\"}"))
            != headers[i].expected)
        {
            fail_msg("%s", headers[i].header);
        }
    }

    good = made("{\"alg\":\"RS256\"}", "{\"iss\":\"i\"}");
    assert_int_equal(parsed(good), RESULTS_JWT_OK);
    assert_int_equal(parsed(text("%s.AAAA.AAAA", good)),
                     RESULTS_JWT_MALFORMED);       /* five parts: a JWE */
    assert_int_equal(parsed(text("%s.", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(text("%s=", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(text("%s==", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(text("%s ", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(text("=%s", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(""), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed("."), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(".."), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed("e30.e30."), RESULTS_JWT_ALGORITHM);
    assert_int_equal(parsed("a.b.c"), RESULTS_JWT_MALFORMED);

    /* bits behind the last byte: another text of the same bytes */

    good[strlen(good) - 1] = 'B';
    good[strlen(good) - 4] = '\0';
    assert_int_equal(parsed(text("%sAB", good)), RESULTS_JWT_MALFORMED);
    assert_int_equal(parsed(text("%sAA", good)), RESULTS_JWT_OK);

    /* too long for a header */

    memset(zero, 0, sizeof(zero));
    assert_int_equal(parsed(text("%s%s", good, encode(zero, 6300))),
                     RESULTS_JWT_MALFORMED);

    assert_int_equal(parsed(made("{\"alg\":\"RS256\"}", "{}")),
                     RESULTS_JWT_ISSUER);
    assert_int_equal(parsed(made("{\"alg\":\"RS256\"}", "{\"iss\":[]}")),
                     RESULTS_JWT_ISSUER);
    assert_int_equal(parsed(made("{\"alg\":\"RS256\"}", "[]")),
                     RESULTS_JWT_MALFORMED);

    assert_true(results_jwt_shape(results_str("eyJ.e.s")));
    assert_false(results_jwt_shape(results_str("eyJ.e.s.x.y")));
    assert_false(results_jwt_shape(results_str("opaque.to.ken")));
    assert_false(results_jwt_shape(results_str("")));
}


static results_str_t  audiences[] = { results_string("https://results.example"),
                                      results_string("api") };
static results_str_t  client_claims[] = { results_string("client_id"),
                                          results_string("azp") };
static results_str_t  scope_claims[] = { results_string("scope"),
                                         results_string("scp") };


static results_jwt_e
check(const char *payload, const results_issuer_t *issuer, char *out)
{
    results_jwt_t         jwt;
    results_jwt_e         rc;
    results_arena_t      *arena;
    results_jwt_claims_t  claims;

    arena = results_arena_create();
    rc = results_jwt_parse(&jwt, arena,
                           results_str(made("{\"alg\":\"ES256\"}", payload)));

    if (rc == RESULTS_JWT_OK) {
        rc = results_jwt_check(&jwt, issuer, NOW, arena, &claims);
    }

    if (rc == RESULTS_JWT_OK && out) {
        (void) snprintf(out, 256, "%.*s|%.*s|%.*s|%lld",
                        (int) claims.client.len, claims.client.data,
                        (int) claims.subject.len,
                        claims.subject.data ? claims.subject.data : "",
                        (int) claims.scopes.len, claims.scopes.data,
                        (long long) claims.expires);
    }

    results_arena_destroy(arena);

    return rc;
}


static void
test_claims(void **state)
{
    char              out[256];
    unsigned          i;
    results_issuer_t  issuer;

#define ISS  "{\"iss\":\"https://i\",\"client_id\":\"c\","
#define AUD  "\"aud\":\"api\","
#define EXP  "\"exp\":1700000100"

    static const struct {
        const char     *payload;
        results_jwt_e   expected;
    } claims[] = {
        { ISS AUD EXP "}", RESULTS_JWT_OK },
        { ISS AUD "\"exp\":1699999971}", RESULTS_JWT_OK },
        { ISS AUD "\"exp\":1699999970}", RESULTS_JWT_EXPIRED },
        { ISS AUD "\"exp\":1699999970.5}", RESULTS_JWT_OK },
        { ISS AUD "\"exp\":\"1700000100\"}", RESULTS_JWT_CLAIM },
        { ISS AUD "\"exp\":null}", RESULTS_JWT_CLAIM },
        { ISS AUD "\"exp\":-1}", RESULTS_JWT_CLAIM },
        { ISS AUD "\"exp\":1e300}", RESULTS_JWT_CLAIM },
        { ISS AUD "\"exp\":9007199254740993000}", RESULTS_JWT_CLAIM },
        { ISS AUD "\"nbf\":1}", RESULTS_JWT_CLAIM },
        { ISS AUD EXP ",\"nbf\":1700000030}", RESULTS_JWT_OK },
        { ISS AUD EXP ",\"nbf\":1700000031}", RESULTS_JWT_NOT_YET },
        { ISS AUD EXP ",\"nbf\":\"1\"}", RESULTS_JWT_CLAIM },
        { ISS AUD EXP ",\"iat\":1700000031}", RESULTS_JWT_NOT_YET },
        { ISS AUD EXP ",\"iat\":true}", RESULTS_JWT_CLAIM },
        { ISS "\"aud\":[\"x\",\"https://results.example\"]," EXP "}",
          RESULTS_JWT_OK },
        { ISS "\"aud\":[]," EXP "}", RESULTS_JWT_AUDIENCE },
        { ISS "\"aud\":{}," EXP "}", RESULTS_JWT_AUDIENCE },
        { ISS "\"aud\":[[\"api\"]]," EXP "}", RESULTS_JWT_AUDIENCE },
        { ISS "\"aud\":\"apis\"," EXP "}", RESULTS_JWT_AUDIENCE },
        { ISS "\"aud\":\"\"," EXP "}", RESULTS_JWT_AUDIENCE },
        { ISS EXP "}", RESULTS_JWT_AUDIENCE },
        { "{\"iss\":\"https://i/\",\"client_id\":\"c\"," AUD EXP "}",
          RESULTS_JWT_ISSUER },
        { "{\"iss\":\"https://i\"," AUD EXP "}", RESULTS_JWT_CLIENT },
        { "{\"iss\":\"https://i\",\"client_id\":7," AUD EXP "}",
          RESULTS_JWT_CLIENT },
        { ISS AUD EXP ",\"sub\":7}", RESULTS_JWT_CLAIM },
        { ISS AUD EXP ",\"scope\":7}", RESULTS_JWT_CLAIM },
        { ISS AUD EXP ",\"scp\":[7]}", RESULTS_JWT_CLAIM }
    };

    (void) state;

    memset(&issuer, 0, sizeof(issuer));
    issuer.issuer = results_str("https://i");
    issuer.algorithms = RESULTS_ALG_ES256|RESULTS_ALG_RS256;
    issuer.audiences = audiences;
    issuer.naudiences = 2;
    issuer.client_claims = client_claims;
    issuer.nclient_claims = 2;
    issuer.scope_claims = scope_claims;
    issuer.nscope_claims = 2;
    issuer.leeway = 30;

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (check(claims[i].payload, &issuer, NULL) != claims[i].expected) {
            fail_msg("%s: %s", claims[i].payload,
                     results_jwt_word(check(claims[i].payload, &issuer,
                                            NULL)));
        }
    }

    assert_int_equal(check(ISS AUD EXP ",\"sub\":\"s\",\"scope\":\" a  b\","
                           "\"scp\":[\"c\",\"d e\"]}", &issuer, out), 0);
    assert_string_equal(out, "c|s|a b c d e|1700000130");

    assert_int_equal(check("{\"iss\":\"https://i\",\"azp\":\"z\"," AUD EXP "}",
                           &issuer, out), 0);
    assert_string_equal(out, "z|||1700000130");

    issuer.scope_prefix = results_str("g/");
    assert_int_equal(check(ISS AUD EXP ",\"scope\":\"g/a b g/ g/c\"}", &issuer,
                           out), 0);
    assert_string_equal(out, "c||a c|1700000130");

    issuer.algorithms = RESULTS_ALG_RS256;
    assert_int_equal(check(ISS AUD EXP "}", &issuer, NULL),
                     RESULTS_JWT_ALGORITHM);
}


/* Cognito: no audience, and an ID token of the same keys must not pass */
static void
test_cognito(void **state)
{
    results_issuer_t  issuer;

    (void) state;

    memset(&issuer, 0, sizeof(issuer));
    issuer.issuer =
        results_str("https://cognito-idp.us-east-1.amazonaws.com/p");
    issuer.algorithms = RESULTS_ALG_ES256;
    issuer.client_claims = client_claims;
    issuer.nclient_claims = 1;
    issuer.token_use = results_str("access");

#define POOL  "{\"iss\":\"https://cognito-idp.us-east-1.amazonaws.com/p\","   \
              "\"sub\":\"s\",\"exp\":1700000100,"

    assert_int_equal(check(POOL "\"token_use\":\"access\","
                           "\"client_id\":\"c\"}", &issuer, NULL),
                     RESULTS_JWT_OK);
    assert_int_equal(check(POOL "\"token_use\":\"id\",\"aud\":\"c\"}", &issuer,
                           NULL), RESULTS_JWT_USE);
    assert_int_equal(check(POOL "\"client_id\":\"c\"}", &issuer, NULL),
                     RESULTS_JWT_USE);
    assert_int_equal(check(POOL "\"token_use\":true,\"client_id\":\"c\"}",
                           &issuer, NULL), RESULTS_JWT_USE);
}


static void
test_words(void **state)
{
    int  i;

    (void) state;

    for (i = 0; i < RESULTS_JWT_REASONS; i++) {
        assert_true(strlen(results_jwt_word(i)) > 1);
        assert_true(strlen(results_jwt_reason(i)) > 10);
    }

    assert_int_equal(results_alg_parse(results_str("EdDSA")),
                     RESULTS_ALG_EDDSA);
    assert_string_equal(results_alg_name(RESULTS_ALG_PS384), "PS384");
    assert_null(results_alg_name(RESULTS_ALG_NONE));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_cognito),
        cmocka_unit_test(test_words)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
