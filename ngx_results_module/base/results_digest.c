
/*
 * SHA-256 by libcrypto.  The context and, with OpenSSL 3, the algorithm are
 * created by the first call and kept until the process ends: looking them up
 * takes longer than hashing a short text.
 */

#include <openssl/evp.h>

#include "results_digest.h"


int
results_digest(const void *data, size_t len,
    unsigned char out[RESULTS_DIGEST_LEN])
{
    static EVP_MD_CTX    *ctx;
    static const EVP_MD  *sha256;

    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
        if (ctx == NULL) {
            return -1;
        }
    }

    if (sha256 == NULL) {
#if (OPENSSL_VERSION_NUMBER >= 0x30000000L)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
#else
        sha256 = EVP_sha256();
#endif
        if (sha256 == NULL) {
            return -1;
        }
    }

    if (EVP_DigestInit_ex(ctx, sha256, NULL) != 1
        || EVP_DigestUpdate(ctx, data, len) != 1
        || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
    {
        return -1;
    }

    return 0;
}
