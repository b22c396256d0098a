
/*
 * SipHash: a hash whose values nobody can tell who does not know its key.
 * Whoever chooses what is hashed can so not choose where in a table it falls.
 */

#ifndef RESULTS_SIPHASH_H
#define RESULTS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint64_t                k[2];           /* random */
} results_siphash_key_t;


/* makes a random key: 0, or -1 where the system gives no random bytes */
int results_siphash_key(results_siphash_key_t *key);

/*
 * SipHash-1-3 of n words, which are taken as the machine has them: of one
 * machine's memory and no other's.  Can not fail.
 */
uint64_t results_siphash(const results_siphash_key_t *key,
    const uint64_t *words, size_t n);


#endif /* RESULTS_SIPHASH_H */
