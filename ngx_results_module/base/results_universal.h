
/*
 * A universal hash of digests.  Whoever makes up what is digested can look
 * for many digests that agree in some of their bits; but not for such as
 * agree here, since that depends on a random key that he does not know.
 */

#ifndef RESULTS_UNIVERSAL_H
#define RESULTS_UNIVERSAL_H

#include "results_digest.h"


#define RESULTS_UNIVERSAL_WORDS  (RESULTS_DIGEST_LEN / 4)


typedef struct {
    uint64_t                words[RESULTS_UNIVERSAL_WORDS + 1];
} results_universal_key_t;


/* makes a random key: 0, or -1 where the system gives no random bytes */
int results_universal_key(results_universal_key_t *key);

/*
 * The hash of a digest, of one machine's memory: the order of its bytes goes
 * into it.  Over all keys, two digests have the same one once in 2^32.  It
 * hides neither the digest nor the key, so nobody may be told what it is.
 */
uint32_t results_universal_hash(const results_universal_key_t *key,
    const unsigned char digest[RESULTS_DIGEST_LEN]);


#endif /* RESULTS_UNIVERSAL_H */
