
/*
 * Authenticated encryption, AES-256-GCM by libcrypto: only a holder of the key
 * can read a seal or make one.
 */

#ifndef RESULTS_SEAL_H
#define RESULTS_SEAL_H

#include "results_base.h"


#define RESULTS_SEAL_KEY    32
#define RESULTS_SEAL_EXTRA  28         /* bytes that a seal is longer than its
                                          content */


/*
 * Seals the len bytes of data into out, which has room for
 * len + RESULTS_SEAL_EXTRA bytes.  context is additional authenticated data:
 * it is not contained in the seal, which can be opened only with the same
 * context.  0, or -1 when the system gives no random bytes or libcrypto fails.
 */
int results_seal(const unsigned char key[RESULTS_SEAL_KEY],
    results_str_t context, const unsigned char *data, size_t len,
    unsigned char *out);

/*
 * Opens a seal of len bytes into out, which has room for
 * len - RESULTS_SEAL_EXTRA bytes.  0, or -1 when data is not a seal made with
 * this key and context, or libcrypto fails: then out must not be used.
 */
int results_unseal(const unsigned char key[RESULTS_SEAL_KEY],
    results_str_t context, const unsigned char *data, size_t len,
    unsigned char *out);


#endif /* RESULTS_SEAL_H */
