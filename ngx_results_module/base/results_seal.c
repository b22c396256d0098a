
/*
 * A seal is a random nonce of 12 bytes, the encrypted data, and the
 * authentication tag of 16 bytes.  Nothing is kept between calls.
 */

#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "results_seal.h"


#define RESULTS_SEAL_NONCE  12
#define RESULTS_SEAL_TAG    16


int
results_seal(const unsigned char key[RESULTS_SEAL_KEY], results_str_t context,
    const unsigned char *data, size_t len, unsigned char *out)
{
    int              n, ok;
    unsigned char   *text;
    EVP_CIPHER_CTX  *ctx;

    if (getrandom(out, RESULTS_SEAL_NONCE, 0) != RESULTS_SEAL_NONCE) {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return -1;
    }

    text = out + RESULTS_SEAL_NONCE;

    ok = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1
         && EVP_EncryptUpdate(ctx, NULL, &n,
                              (const unsigned char *) context.data,
                              (int) context.len)
            == 1
         && EVP_EncryptUpdate(ctx, text, &n, data, (int) len) == 1
         && EVP_EncryptFinal_ex(ctx, text + len, &n) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RESULTS_SEAL_TAG,
                                text + len)
            == 1;

    EVP_CIPHER_CTX_free(ctx);

    return ok ? 0 : -1;
}


int
results_unseal(const unsigned char key[RESULTS_SEAL_KEY],
    results_str_t context, const unsigned char *data, size_t len,
    unsigned char *out)
{
    int              n, ok;
    unsigned char    tag[RESULTS_SEAL_TAG];
    EVP_CIPHER_CTX  *ctx;

    if (len < RESULTS_SEAL_EXTRA) {
        return -1;
    }

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return -1;
    }

    len -= RESULTS_SEAL_EXTRA;
    memcpy(tag, data + RESULTS_SEAL_NONCE + len, RESULTS_SEAL_TAG);

    ok = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, data) == 1
         && EVP_DecryptUpdate(ctx, NULL, &n,
                              (const unsigned char *) context.data,
                              (int) context.len)
            == 1
         && EVP_DecryptUpdate(ctx, out, &n, data + RESULTS_SEAL_NONCE,
                              (int) len)
            == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RESULTS_SEAL_TAG,
                                tag)
            == 1
         && EVP_DecryptFinal_ex(ctx, out + len, &n) == 1;

    EVP_CIPHER_CTX_free(ctx);

    return ok ? 0 : -1;
}
