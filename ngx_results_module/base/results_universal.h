
/*
 * A universal hash of SHA-256 digests, for the token cache.  Whoever chooses
 * tokens can search for many whose digests agree in some bits, and so fall
 * into one chain of a table.  Which ones agree in this hash depends on a
 * random key that no client knows.
 */

#ifndef RESULTS_UNIVERSAL_H
#define RESULTS_UNIVERSAL_H

#include "results_digest.h"


#define RESULTS_UNIVERSAL_WORDS  (RESULTS_DIGEST_LEN / 4)


typedef struct {
    uint64_t                words[RESULTS_UNIVERSAL_WORDS + 1];
} results_universal_key_t;


/* fills *key: 0, or -1 when the system gives no random bytes */
int results_universal_key(results_universal_key_t *key);

/*
 * The hash of a digest.  For a random key, two different digests have the same
 * hash with a probability of 2^-32.  It depends on the machine's byte order,
 * so it must not be stored or sent to another machine; and it must not be
 * shown to anybody, since hashes tell about the key.
 */
uint32_t results_universal_hash(const results_universal_key_t *key,
    const unsigned char digest[RESULTS_DIGEST_LEN]);


#endif /* RESULTS_UNIVERSAL_H */
