
/*
 * Bytes that nobody but a holder of the key can read or make: AES-256-GCM.
 */

#ifndef RESULTS_SEAL_H
#define RESULTS_SEAL_H

#include "results_base.h"


#define RESULTS_SEAL_KEY    32
#define RESULTS_SEAL_EXTRA  28         /* bytes that a seal adds */


/*
 * out has room for len + RESULTS_SEAL_EXTRA bytes.  context is not in the
 * seal, and it opens with the same one only.  0, or -1 without random bytes or
 * when libcrypto fails.
 */
int results_seal(const unsigned char key[RESULTS_SEAL_KEY],
    results_str_t context, const unsigned char *data, size_t len,
    unsigned char *out);

/*
 * The same backwards: len bytes of a seal, out has room for
 * len - RESULTS_SEAL_EXTRA.  0, or -1 where it is none of this key's and
 * context's: then out has nothing that may be used.
 */
int results_unseal(const unsigned char key[RESULTS_SEAL_KEY],
    results_str_t context, const unsigned char *data, size_t len,
    unsigned char *out);


#endif /* RESULTS_SEAL_H */
