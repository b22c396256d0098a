
/*
 * Ids: of results, and of the learners, items and courses that they refer to.
 * Which texts are valid ids, and the normal form in which a record has them.
 */

#ifndef RESULTS_ID_H
#define RESULTS_ID_H

#include "results_base.h"


#define RESULTS_ID_MAX  255    /* characters */


/*
 * 1 when the text is an id: 1 to RESULTS_ID_MAX characters (not bytes) of
 * valid UTF-8, none of them a control character (Unicode's category Cc).
 * results.valid_id() in sql/ is the same.
 */
int results_id_valid(results_str_t id);

/*
 * A valid id in its normal form: a GUID in the form of
 * results_uuid_normalize(), copied to the arena, any other text as it is, not
 * copied.  *changed tells whether the text became another one.  No value when
 * there is no memory.  results.normal_id() in sql/ is the same.
 */
results_str_t results_id_normalize(results_arena_t *arena, results_str_t id,
    int *changed);


#endif /* RESULTS_ID_H */
