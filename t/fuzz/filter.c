
/*
 * The grammar of filters: what was read points into what was given, and a
 * text is refused with one error or read without any.
 */

#include "fuzz.h"
#include "results_filter.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc;
    unsigned           i;
    results_str_t      text;
    results_arena_t   *arena;
    results_errors_t   errors;
    results_filter_t   filter;

    arena = results_arena_create();
    results_errors_init(&errors, arena);

    text.data = fuzz_copy(data, size);
    text.len = size;

    rc = results_filter_parse(text, &filter, &errors);

    fuzz_assert((rc == 0) == (errors.n == 0));

    if (rc == 0) {
        fuzz_assert(filter.n >= 1 && filter.n <= RESULTS_FILTER_TERMS);

        for (i = 0; i < filter.n; i++) {
            fuzz_assert(filter.terms[i].field.len > 0);
            fuzz_assert(filter.terms[i].value.data);
            fuzz_assert(filter.terms[i].value.len < size);
            fuzz_assert(filter.terms[i].operator >= RESULTS_OPERATOR_EQ
                        && filter.terms[i].operator
                           <= RESULTS_OPERATOR_CONTAINS);
        }
    }

    free((char *) text.data);
    results_arena_destroy(arena);

    return 0;
}
