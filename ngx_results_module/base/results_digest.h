
/*
 * SHA-256: of tokens, of a request's identity, of a body.
 */

#ifndef RESULTS_DIGEST_H
#define RESULTS_DIGEST_H

#include "results_base.h"


#define RESULTS_DIGEST_LEN  32


/*
 * 0, or -1 when libcrypto fails.  For one thread: it keeps its state between
 * calls.
 */
int results_digest(const void *data, size_t len,
    unsigned char out[RESULTS_DIGEST_LEN]);


#endif /* RESULTS_DIGEST_H */
