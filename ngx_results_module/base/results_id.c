
/*
 * Ids: which texts are valid, and the normal form of a GUID, without which a
 * learner whose GUID two dialects spell differently would be two learners.
 */

#include <string.h>

#include "results_id.h"
#include "results_uuid.h"


int
results_id_valid(results_str_t id)
{
    size_t                n, characters;
    const char           *p, *end;
    const unsigned char  *c;

    if (id.len == 0 || id.len > RESULTS_ID_MAX * 4) {
        return 0;
    }

    characters = 0;
    end = id.data + id.len;

    for (p = id.data; p < end; p += n) {

        if (*p >= ' ' && *p < 0x7f) {
            n = 1;
            characters++;
            continue;
        }

        n = results_utf8_len(p, (size_t) (end - p));

        if (n == 0 || ++characters > RESULTS_ID_MAX) {
            return 0;
        }

        c = (const unsigned char *) p;

        /* Unicode's Cc: below U+0020, and U+007F to U+009F */

        if (c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0)) {
            return 0;
        }
    }

    return characters <= RESULTS_ID_MAX;
}


results_str_t
results_id_normalize(results_arena_t *arena, results_str_t id, int *changed)
{
    char  uuid[RESULTS_UUID_LEN];

    *changed = 0;

    if (results_uuid_normalize(id, uuid) != 0
        || (id.len == RESULTS_UUID_LEN
            && memcmp(id.data, uuid, RESULTS_UUID_LEN) == 0))
    {
        return id;
    }

    *changed = 1;

    return results_arena_copy(arena, uuid, RESULTS_UUID_LEN);
}
