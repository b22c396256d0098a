
/*
 * Ids and UUIDs: the normal form is one, and is its own.
 */

#include "fuzz.h"
#include "results_uuid.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               changed;
    char              uuid[RESULTS_UUID_LEN], other[RESULTS_UUID_LEN];
    results_str_t     id, normal, parts[2];
    results_arena_t  *arena;

    arena = results_arena_create();

    id.data = fuzz_copy(data, size);
    id.len = size;

    if (results_uuid_normalize(id, uuid) == 0) {
        normal.data = uuid;
        normal.len = RESULTS_UUID_LEN;

        fuzz_assert(results_uuid_normalize(normal, other) == 0);
        fuzz_assert(memcmp(uuid, other, RESULTS_UUID_LEN) == 0);
        fuzz_assert(results_id_valid(id));
    }

    if (results_id_valid(id)) {
        fuzz_assert(fuzz_is_text(id) && id.len && id.len <= 4 * 255);

        normal = results_id_normalize(arena, id, &changed);
        fuzz_assert(results_id_valid(normal));
        fuzz_assert(changed == !results_str_eq(id, normal));

        normal = results_id_normalize(arena, normal, &changed);
        fuzz_assert(!changed);
    }

    /* parts that are one text differ from those that are another */

    parts[0].data = id.data;
    parts[0].len = id.len / 2;
    parts[1].data = id.data + id.len / 2;
    parts[1].len = id.len - id.len / 2;

    fuzz_assert(results_uuid_v8(parts, 2, uuid) == 0);
    fuzz_assert(results_uuid_v8(&id, 1, other) == 0);
    fuzz_assert(memcmp(uuid, other, RESULTS_UUID_LEN) != 0);

    normal.data = uuid;
    normal.len = RESULTS_UUID_LEN;
    fuzz_assert(results_uuid_normalize(normal, other) == 0);
    fuzz_assert(memcmp(uuid, other, RESULTS_UUID_LEN) == 0);

    fuzz_assert(results_uuid_v7(RESULTS_TIME_PG_EPOCH, uuid) == 0);
    fuzz_assert(results_uuid_normalize(normal, other) == 0);

    free((char *) id.data);
    results_arena_destroy(arena);

    return 0;
}
