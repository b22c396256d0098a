
/*
 * A second reading of JSON texts, straight from the grammar of RFC 8259, for
 * the target json.  It makes no tree, takes its time, and shares nothing with
 * what it is held against.
 */

#ifndef FUZZ_RFC8259_H
#define FUZZ_RFC8259_H

#include "fuzz.h"


#define FUZZ_RFC8259_DEPTH  64    /* what is deeper is not read */


/* what of a text the module refuses though it is JSON */
typedef struct {
    unsigned                depth;     /* levels of objects and arrays */
    unsigned                nul;       /* \u0000 */
    unsigned                surrogates;    /* one without the other */
    size_t                  values;
    results_buf_t           numbers;   /* each with a '\n' behind it */
} fuzz_rfc8259_t;


/*
 * 1 where data is a JSON text in UTF-8, with *found filled; 0 where it is
 * none, or too deep.  The buffer is to be freed in either case.
 */
int fuzz_rfc8259(const char *data, size_t len, fuzz_rfc8259_t *found);


#endif /* FUZZ_RFC8259_H */
