
/*
 * The order of a statement's rows: see results_batch.h.
 */

#include <stdlib.h>

#include "results_batch.h"


static int results_batch_by_key(const void *one, const void *two);


int
results_batch_sort(results_batch_row_t *rows, size_t n)
{
    size_t  i;

    if (n < 2) {
        return 0;
    }

    qsort(rows, n, sizeof(results_batch_row_t), results_batch_by_key);

    for (i = 1; i < n; i++) {
        if (results_record_compare(rows[i - 1].record, rows[i].record) == 0) {
            return -1;
        }
    }

    return 0;
}


static int
results_batch_by_key(const void *one, const void *two)
{
    const results_batch_row_t  *a, *b;

    a = one;
    b = two;

    return results_record_compare(a->record, b->record);
}
