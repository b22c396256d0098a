
/*
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the id of a
 * record that a POST creates is made from the key, so a repeated request finds
 * its record by the primary key, and no table of keys is needed.
 */

#include "results_request.h"
#include "results_uuid.h"


#define RESULTS_KEY_MAX  255


int
results_check_idempotency_key(results_request_t *r)
{
    size_t                i;
    const unsigned char  *p;

    if (r->method != RESULTS_METHOD_POST || r->idempotency_key.data == NULL) {
        return 0;
    }

    p = (const unsigned char *) r->idempotency_key.data;

    for (i = 0; i < r->idempotency_key.len; i++) {
        if (p[i] <= ' ' || p[i] > '~') {
            break;
        }
    }

    if (i == 0 || i > RESULTS_KEY_MAX || i != r->idempotency_key.len) {
        results_fail(r, 400, "the Idempotency-Key must be 1 to %d visible "
                     "ASCII characters", RESULTS_KEY_MAX);
        return -1;
    }

    return 0;
}


results_str_t
results_idempotency_id(results_request_t *r, const char *route, unsigned n)
{
    int                         rc;
    char                        id[RESULTS_UUID_LEN];
    results_str_t               parts[4];
    const results_principal_t  *principal;

    if (r->idempotency_key.data) {
        principal = r->principal;

        /* two callers may have chosen the same key */

        parts[0] = results_arena_printf(r->arena, "%d %d %u",
                                        (int) principal->institution_id,
                                        (int) principal->client_id, n);
        parts[1].data = principal->person;
        parts[1].len = principal->person_len;
        parts[2] = results_str(route);
        parts[3] = r->idempotency_key;

        r->repeatable = 1;

        rc = parts[0].data ? results_uuid_v8(parts, 4, id) : -1;

    } else {
        rc = results_uuid_v7(r->received, id);
    }

    if (rc != 0) {
        return results_str(NULL);
    }

    return results_arena_copy(r->arena, id, RESULTS_UUID_LEN);
}


void
results_idempotency_conflict(results_request_t *r)
{
    results_fail(r, 422, "the Idempotency-Key was used before, with another "
                 "body");
}
