
/*
 * What may share a statement: rows in the order of the primary key, or two
 * workers deadlock, and no two of one key, which PostgreSQL refuses (21000)
 * and which would lose an acknowledged write.
 */

#ifndef RESULTS_BATCH_H
#define RESULTS_BATCH_H

#include "results_record.h"


typedef struct {
    results_record_t       *record;
    void                   *group;          /* the record's, for the caller */
} results_batch_row_t;


/*
 * Sorts rows by key: 1 where a key is there twice, which can't be one
 * statement and so no group; else 0.
 */
int results_batch_twice(results_batch_row_t *rows, size_t n);

/*
 * Sorts rows by key.  Of those with one key the earliest stamp stays; the
 * others move behind, by stamp, to wait for another statement.  Returns how
 * many stay.  spare has room for n rows.
 */
size_t results_batch_sort(results_batch_row_t *rows, size_t n,
    results_batch_row_t *spare);


#endif /* RESULTS_BATCH_H */
