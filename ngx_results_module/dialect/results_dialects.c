
/*
 * The table of dialects.  Its order is that of the bits of scopes
 * (results_gate.c) and of the counters of APIs.
 */

#include "results_dialect.h"


const results_dialect_t *const  results_dialects[] = {
    &results_oneroster,
    &results_timeback,
    &results_ispring,
    &results_wse,
    &results_educacional,
    NULL
};


const results_dialect_t *
results_dialect_find(results_str_t name)
{
    unsigned  i;

    for (i = 0; results_dialects[i]; i++) {
        if (results_str_eq(results_str(results_dialects[i]->name), name)) {
            return results_dialects[i];
        }
    }

    return NULL;
}
