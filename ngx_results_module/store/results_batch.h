
/*
 * The rows of one statement.  They must be in the order of the primary key:
 * in any other order two workers that write the same rows could deadlock.  And
 * no two may have one key: PostgreSQL refuses such an INSERT ... ON CONFLICT
 * (SQLSTATE 21000), and one of two writes that are both acknowledged would be
 * lost.
 */

#ifndef RESULTS_BATCH_H
#define RESULTS_BATCH_H

#include "results_record.h"


typedef struct {
    results_record_t       *record;
    void                   *claim;          /* the caller's: moves with the
                                               record, not looked at */
} results_batch_row_t;


/*
 * Sorts n rows by results_record_compare(): 0, or -1 where two of them have one
 * key.
 */
int results_batch_sort(results_batch_row_t *rows, size_t n);


#endif /* RESULTS_BATCH_H */
