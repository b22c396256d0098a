
/*
 * SipHash: a keyed hash for hash tables.  A client that does not know the key
 * can't send keys of records that all fall into one slot.
 */

#ifndef RESULTS_SIPHASH_H
#define RESULTS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint64_t                k[2];           /* random */
} results_siphash_key_t;


/* fills *key: 0, or -1 when the system gives no random bytes */
int results_siphash_key(results_siphash_key_t *key);

/*
 * SipHash-1-3 of n words.  Their bytes are hashed in the machine's order, so a
 * hash must not be stored or sent to another machine.  It can't fail.
 */
uint64_t results_siphash(const results_siphash_key_t *key,
    const uint64_t *words, size_t n);


#endif /* RESULTS_SIPHASH_H */
