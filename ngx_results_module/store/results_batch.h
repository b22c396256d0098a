
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
    void                   *claim;          /* the record's, for the caller */
} results_batch_row_t;


/* sorts rows by key: 0, or -1 where two of them have one key */
int results_batch_sort(results_batch_row_t *rows, size_t n);


#endif /* RESULTS_BATCH_H */
