
/*
 * Request headers, each read by its own rules: Authorization, Accept,
 * Content-Type, Idempotency-Key; and the scopes of a token.
 */

#include <ctype.h>

#include "fuzz.h"
#include "results_dialect.h"


static void
authorization(results_auth_e auth, results_str_t header)
{
    int            rc;
    size_t         i;
    results_str_t  token;

    rc = results_bearer(auth, header, &token);

    fuzz_assert(rc >= -1 && rc <= 1);

    if (rc != 1) {
        return;
    }

    fuzz_assert(token.len > 0 && token.len <= 4096);
    fuzz_assert(token.data + token.len == header.data + header.len);

    for (i = 0; i < token.len; i++) {
        fuzz_assert(isalnum((unsigned char) token.data[i])
                    || strchr("-._~+/=", token.data[i]));
    }

    fuzz_assert(token.data[0] != '=');
}


static void
others(results_str_t header)
{
    int                 i, rc;
    results_str_t       type, id;
    results_request_t   r;
    results_principal_t principal;

    static const results_route_t  post = { .method = RESULTS_METHOD_POST };

    memset(&r, 0, sizeof(results_request_t));
    memset(&principal, 0, sizeof(results_principal_t));

    r.arena = results_arena_create();
    r.principal = &principal;
    r.received = RESULTS_TIME_PG_EPOCH;
    results_errors_init(&r.errors, r.arena);

    r.content_type = header;
    r.idempotency_key = header;

    for (i = 0; results_dialects[i]; i++) {
        r.dialect = results_dialects[i];
        r.route = &post;

        if (r.dialect->media_types == NULL) {
            continue;                  /* it takes no bodies */
        }

        rc = results_accept(header, r.dialect->media_types);
        fuzz_assert(rc == -1 || r.dialect->media_types[rc]);

        rc = results_media_type(&r, &type);
        fuzz_assert(rc == -1 || r.dialect->media_types[rc]);
        fuzz_assert(type.len <= header.len);

        r.failure.status = 0;
        rc = results_check_media_type(&r);
        fuzz_assert(r.failure.status == (rc ? 415 : 0));

        r.failure.status = 0;
        rc = results_check_idempotency_key(&r);
        fuzz_assert(r.failure.status == (rc ? 400 : 0));

        if (rc == 0) {
            id = results_idempotency_id(&r, "fuzz", 0);
            fuzz_assert(id.len == 36 && results_id_valid(id));
            fuzz_assert(r.repeatable);
        }
    }

    (void) results_scope_bits(header);

    results_arena_destroy(r.arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    results_str_t  header;

    header.data = fuzz_copy(data, size);
    header.len = size;

    authorization(RESULTS_AUTH_BEARER, header);
    authorization(RESULTS_AUTH_BARE, header);
    others(header);

    free((char *) header.data);

    return 0;
}
