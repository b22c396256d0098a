
/*
 * Sorting of members by name: for the canonical form, to find duplicate names,
 * and for objects in which many members are looked up.  A client may send tens
 * of thousands of members whose names have a long common prefix.  So names are
 * sorted eight bytes at a time, and each byte is read a bounded number of
 * times; the keys that are compared lie side by side in memory.
 */

#include <stdlib.h>
#include <string.h>

#include "results_json.h"


/* up to so many members insertion sort is used: most objects have fewer */
#define RESULTS_SORT_FEW    24


typedef struct {
    uint64_t                key;       /* eight bytes of the name */
    const results_value_t  *member;
} results_sort_t;


static void results_sort_few(const results_value_t **members, size_t n);
static int results_sort_compare(const results_value_t *a,
    const results_value_t *b);
static void results_sort_many(results_sort_t *entries, results_sort_t *spare,
    size_t n, size_t depth);
static void results_sort_keys(results_sort_t *entries, size_t n, size_t depth);
static void results_sort_merge(results_sort_t *entries, results_sort_t *spare,
    size_t n);


int
results_json_sort(const results_value_t **members, size_t n)
{
    size_t           i;
    results_sort_t  *entries;

    if (n <= RESULTS_SORT_FEW) {
        results_sort_few(members, n);
        return 0;
    }

    entries = malloc(2 * n * sizeof(results_sort_t));
    if (entries == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        entries[i].member = members[i];
    }

    results_sort_many(entries, entries + n, n, 0);

    for (i = 0; i < n; i++) {
        members[i] = entries[i].member;
    }

    free(entries);

    return 0;
}


int
results_json_twice(const results_value_t *object)
{
    int                      twice;
    size_t                   i, n;
    const results_value_t  **members;

    members = results_json_members(object, &n);
    if (members == NULL) {
        return -1;
    }

    twice = 0;

    for (i = 1; i < n; i++) {
        if (results_str_eq(members[i - 1]->name, members[i]->name)) {
            twice = 1;
            break;
        }
    }

    free(members);

    return twice;
}


const results_value_t **
results_json_members(const results_value_t *object, size_t *n)
{
    size_t                   i;
    const results_value_t   *member, **members;

    members = malloc((results_value_size(object) + 1)
                     * sizeof(results_value_t *));
    if (members == NULL) {
        return NULL;
    }

    i = 0;

    for (member = results_value_first(object); member; member = member->next) {
        members[i++] = member;
    }

    *n = i;

    if (results_json_sort(members, i) != 0) {
        free(members);
        return NULL;
    }

    return members;
}


results_value_t *
results_json_find(const results_value_t **members, size_t n, const char *name)
{
    int     rc;
    size_t  low, middle;

    low = 0;

    while (low < n) {
        middle = low + (n - low) / 2;
        rc = strcmp(members[middle]->name.data, name);

        if (rc == 0) {
            return (results_value_t *) members[middle];
        }

        if (rc < 0) {
            low = middle + 1;

        } else {
            n = middle;
        }
    }

    return NULL;
}


static void
results_sort_few(const results_value_t **members, size_t n)
{
    size_t                  i, j;
    const results_value_t  *member;

    for (i = 1; i < n; i++) {
        member = members[i];

        for (j = i; j > 0; j--) {
            if (results_sort_compare(members[j - 1], member) < 0) {
                break;
            }

            members[j] = members[j - 1];
        }

        members[j] = member;
    }
}


static int
results_sort_compare(const results_value_t *a, const results_value_t *b)
{
    int  c, d;

    c = (unsigned char) a->name.data[0];
    d = (unsigned char) b->name.data[0];

    return (c != d) ? c - d : strcmp(a->name.data, b->name.data);
}


/* sorts entries whose names have the same first `depth` bytes */
static void
results_sort_many(results_sort_t *entries, results_sort_t *spare, size_t n,
    size_t depth)
{
    size_t  i, first;

    for ( ;; ) {

        results_sort_keys(entries, n, depth);
        results_sort_merge(entries, spare, n);

        /* a name contains no '\0': a key with one at its end is complete */

        if (entries[0].key != entries[n - 1].key
            || (entries[0].key & 0xff) == 0)
        {
            break;
        }

        depth += 8;
    }

    for (first = 0; first < n; first = i) {

        for (i = first + 1; i < n; i++) {
            if (entries[i].key != entries[first].key) {
                break;
            }
        }

        if (i - first > 1 && (entries[first].key & 0xff) != 0) {
            results_sort_many(entries + first, spare, i - first, depth + 8);
        }
    }
}


static void
results_sort_keys(results_sort_t *entries, size_t n, size_t depth)
{
    size_t          i, k;
    uint64_t        key;
    results_str_t   name;

    for (i = 0; i < n; i++) {
        name = entries[i].member->name;
        key = 0;

        for (k = depth; k < depth + 8; k++) {
            key = (key << 8)
                  | ((k < name.len) ? (unsigned char) name.data[k] : 0);
        }

        entries[i].key = key;
    }
}


/* a bottom-up merge sort by key; runs that are in order are not moved */
static void
results_sort_merge(results_sort_t *entries, results_sort_t *spare, size_t n)
{
    size_t  width, start, middle, end, i, j, k;

    for (width = 1; width < n; width *= 2) {

        for (start = 0; n - start > width; start = end) {

            middle = start + width;
            end = (n - middle > width) ? middle + width : n;

            if (entries[middle - 1].key <= entries[middle].key) {
                continue;
            }

            memcpy(spare, entries + start, width * sizeof(results_sort_t));

            i = 0;
            j = middle;

            for (k = start; i < width; k++) {
                if (j < end && entries[j].key < spare[i].key) {
                    entries[k] = entries[j++];

                } else {
                    entries[k] = spare[i++];
                }
            }
        }
    }
}
