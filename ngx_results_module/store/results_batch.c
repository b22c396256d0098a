
/*
 * Batch building, without nginx: see results_batch.h.
 */

#include <stdlib.h>
#include <string.h>

#include "results_batch.h"


static int results_batch_by_key(const void *one, const void *two);
static int results_batch_by_stamp(const void *one, const void *two);


int
results_batch_twice(results_batch_row_t *rows, size_t n)
{
    size_t  i;

    if (n < 2) {
        return 0;
    }

    qsort(rows, n, sizeof(results_batch_row_t), results_batch_by_key);

    for (i = 1; i < n; i++) {
        if (results_record_compare(rows[i - 1].record, rows[i].record) == 0) {
            return 1;
        }
    }

    return 0;
}


size_t
results_batch_sort(results_batch_row_t *rows, size_t n,
    results_batch_row_t *spare)
{
    size_t  i, kept, later;

    if (n < 2) {
        return n;
    }

    qsort(rows, n, sizeof(results_batch_row_t), results_batch_by_key);

    kept = 1;
    later = 0;

    for (i = 1; i < n; i++) {

        if (results_record_compare(rows[kept - 1].record, rows[i].record)
            == 0)
        {
            spare[later++] = rows[i];

        } else {
            rows[kept++] = rows[i];
        }
    }

    if (later > 0) {
        qsort(spare, later, sizeof(results_batch_row_t),
              results_batch_by_stamp);
        memcpy(rows + kept, spare, later * sizeof(results_batch_row_t));
    }

    return kept;
}


static int
results_batch_by_key(const void *one, const void *two)
{
    int                         rc;
    const results_batch_row_t  *a, *b;

    a = one;
    b = two;

    rc = results_record_compare(a->record, b->record);

    return rc ? rc : results_batch_by_stamp(one, two);
}


static int
results_batch_by_stamp(const void *one, const void *two)
{
    const results_batch_row_t  *a, *b;

    a = one;
    b = two;

    return (a->record->stamp > b->record->stamp)
           - (a->record->stamp < b->record->stamp);
}
