
/*
 * Ids of what results are about, and of results: which text is one, and the
 * one form in which the record keeps it.
 */

#ifndef RESULTS_ID_H
#define RESULTS_ID_H

#include "results_base.h"


#define RESULTS_ID_MAX  255    /* characters */


/* an id: 1 to 255 characters (not bytes), valid UTF-8, no control characters */
int results_id_valid(results_str_t id);

/*
 * an id as the record keeps it: a GUID in its normal form, anything else as
 * it is; *changed tells whether the text became another one
 */
results_str_t results_id_normalize(results_arena_t *arena, results_str_t id,
    int *changed);


#endif /* RESULTS_ID_H */
