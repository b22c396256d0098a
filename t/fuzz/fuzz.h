
/*
 * What every fuzz target has: assertions that a fuzzer understands, inputs
 * in memory of their own, and allocations that fail when asked to.
 *
 * A target is one file with an LLVMFuzzerTestOneInput(); bin/test --fuzz
 * builds and runs it.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "results_json.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* without its directory */
extern const char  *fuzz_program;


/* what does not hold is a finding, as a crash is */
#define fuzz_assert(holds)                                                    \
    do {                                                                      \
        if (!(holds)) {                                                       \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,           \
                    __LINE__, #holds);                                        \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* the n-th allocation from now on fails, and all after it; 0: none does */
void fuzz_fail_allocation(unsigned long n);

/* 1 where one has failed since then */
int fuzz_allocation_failed(void);

/* between them the fuzzer's own work: no allocation fails, or is counted */
void fuzz_pause(void);
void fuzz_resume(void);

/*
 * A copy without a terminator, so that AddressSanitizer sees who reads beyond
 * it; for free()
 */
char *fuzz_copy(const void *data, size_t len);

/* 1 for UTF-8 without the character that PostgreSQL has not: U+0000 */
int fuzz_is_text(results_str_t s);

/* the next byte; 0 at the end */
uint8_t fuzz_byte(const uint8_t **data, size_t *size);


#endif /* FUZZ_H */
