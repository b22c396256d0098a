
/*
 * Query strings and forms: every pair is decoded or refused, and what was
 * decoded comes back when it is encoded again.
 */

#include "fuzz.h"
#include "results_dialect.h"


static results_str_t
encode(results_arena_t *arena, results_str_t s)
{
    char           *out;
    size_t          i;
    results_str_t   text;

    text.len = 3 * s.len;
    text.data = out = results_arena_alloc(arena, text.len + 1);

    for (i = 0; i < s.len; i++) {
        snprintf(out + 3 * i, 4, "%%%02x", (unsigned char) s.data[i]);
    }

    return text;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned          i, n;
    results_str_t     form, pair[2], again;
    results_arena_t  *arena;

    arena = results_arena_create();

    form.data = fuzz_copy(data, size);
    form.len = size;

    data = (const uint8_t *) form.data;

    for (n = 0; results_form_next(arena, &form, &pair[0], &pair[1]); n++) {
        fuzz_assert(n <= size);

        for (i = 0; i < 2; i++) {

            if (pair[i].data == NULL) {
                continue;
            }

            fuzz_assert(pair[i].len <= size);

            again = encode(arena, pair[i]);
            again = results_form_decode(arena, again.data,
                                        again.data + again.len);
            fuzz_assert(results_str_eq(again, pair[i]));
        }
    }

    free((uint8_t *) data);
    results_arena_destroy(arena);

    return 0;
}
