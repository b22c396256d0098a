
/*
 * SHA-256, by libcrypto: of access tokens and client secrets, of what ids are
 * made from, of a body's canonical form.
 */

#ifndef RESULTS_DIGEST_H
#define RESULTS_DIGEST_H

#include "results_base.h"


#define RESULTS_DIGEST_LEN  32


/*
 * Writes the digest of len bytes to out: 0, or -1 when libcrypto fails.  It
 * keeps a static context between calls, so only one thread may call it.
 */
int results_digest(const void *data, size_t len,
    unsigned char out[RESULTS_DIGEST_LEN]);


#endif /* RESULTS_DIGEST_H */
