
/*
 * jansson's tree as ours: for the files of record/ that call jansson, the only
 * ones that know it.
 */

#ifndef RESULTS_JSON_JANSSON_H
#define RESULTS_JSON_JANSSON_H

#include <jansson.h>

#include "results_json.h"


/* a copy in the arena; NULL without memory, and where tree is NULL */
results_value_t *results_json_tree(results_arena_t *arena, const json_t *tree);


#endif /* RESULTS_JSON_JANSSON_H */
