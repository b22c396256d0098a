
/*
 * PATCH of one object: Timeback's, "with metadata merge".  The members that
 * are sent take the place of those that are stored, null removes one; within
 * metadata this goes on at every level (RFC 7396).
 *
 *     read ──► merge ──► replace, if nobody else has meanwhile
 *      ▲                    │
 *      └── changed: again ──┘
 *
 * Many small bodies can make a large object.  So what a merge comes to is
 * bounded as a body is: r->max_object bytes of detail, and as many values.
 */

#include <stdlib.h>
#include <string.h>

#include "results_oneroster.h"
#include "results_precondition.h"


/* so many times a replaced object is read again; then the answer is 503 */
#define RESULTS_PATCH_ROUNDS   8

/*
 * The members of a body of at most so many are looked up one by one in the
 * stored object, more of them among its sorted members
 */
#define RESULTS_PATCH_MEMBERS  16


typedef struct {
    results_reader_t        patch;     /* the body's object */
    results_value_t        *object;    /* the stored object, then the merged */
    results_record_t        stored;    /* that was read, without its texts */
    unsigned                rounds;
    unsigned                written:1; /* finish() follows the write */
} results_oneroster_patch_t;


static results_next_e results_oneroster_patch_write(results_request_t *r,
    results_oneroster_patch_t *patch);
static results_next_e results_oneroster_patch_reply(results_request_t *r,
    results_oneroster_patch_t *patch);
static int results_oneroster_merge(results_arena_t *arena,
    results_value_t *object, results_value_t *patch, unsigned deep);
static int results_oneroster_merge_members(results_arena_t *arena,
    results_value_t *object, results_value_t *patch, unsigned deep,
    const results_value_t **members, size_t n);
static results_value_t *results_oneroster_merge_put(results_arena_t *arena,
    results_value_t *object, results_value_t *old, results_str_t name,
    const results_value_t *value);
static int results_oneroster_patch_large(results_request_t *r, size_t len);


results_next_e
results_oneroster_patch(results_request_t *r)
{
    results_oneroster_patch_t        *patch;
    const results_oneroster_model_t  *model;

    patch = results_arena_calloc(r->arena, sizeof(results_oneroster_patch_t));
    if (patch == NULL) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    model = results_oneroster_route_model(r);

    if (results_oneroster_envelope(r, model, &patch->patch) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    if (r->errors.n) {
        r->failure.status = 422;
        return RESULTS_NEXT_REPLY;
    }

    /* repeating a merge changes nothing more */

    r->repeatable = 1;
    r->state = patch;

    return results_oneroster_read_one(r);
}


void
results_oneroster_patch_row(results_request_t *r, const results_str_t *values,
    unsigned nvalues)
{
    int                               rc;
    unsigned                          i;
    results_buf_t                     buf;
    results_str_t                     text;
    results_value_t                  *detail;
    results_record_t                  record;
    results_oneroster_links_t         links;
    results_oneroster_patch_t        *patch;
    const results_oneroster_model_t  *model;

    patch = r->state;
    patch->object = NULL;

    if (values == NULL) {
        return;
    }

    /* stored before there was this limit: not worth parsing */

    for (i = 0; i < nvalues; i++) {
        if (results_oneroster_patch_large(r, values[i].len)) {
            return;
        }
    }

    model = results_oneroster_route_model(r);

    rc = results_oneroster_row(r, r->arena, values, nvalues, model, &record,
                               &detail);

    if (rc < 0 || record.status != RESULTS_STATUS_ACTIVE) {
        return;
    }

    patch->stored = record;

    if (rc > 0) {
        results_oneroster_not_shown(r);
        return;
    }

    if (results_oneroster_links(r, &links) != 0) {
        results_fail(r, 500, "out of memory");
        return;
    }

    memset(&buf, 0, sizeof(results_buf_t));

    results_oneroster_render(&buf, &record, detail, model,
                             RESULTS_ONEROSTER_STORED, &links);
    text.data = buf.data;
    text.len = buf.len;

    patch->object = buf.failed ? NULL : results_json_load(r->arena, text);

    results_buf_free(&buf);

    if (patch->object == NULL) {
        results_fail(r, 500, "out of memory");
    }
}


results_next_e
results_oneroster_patch_finish(results_request_t *r)
{
    results_oneroster_patch_t  *patch;

    patch = r->state;

    if (!patch->written) {

        if (r->failure.status) {
            return RESULTS_NEXT_REPLY;
        }

        if (patch->object == NULL) {
            results_oneroster_unknown(r, r->params[0]);
            return RESULTS_NEXT_REPLY;
        }

        return results_oneroster_patch_write(r, patch);
    }

    if (r->records->outcome == RESULTS_OUTCOME_CONFLICT) {

        if (++patch->rounds < RESULTS_PATCH_ROUNDS) {
            patch->written = 0;
            patch->object = NULL;
            return results_oneroster_read_one(r);
        }

        results_fail(r, 503, "others write to this object all the time, "
                     "nothing was stored; the same request may be sent again");
        r->failure.repeatable = 1;
        return RESULTS_NEXT_REPLY;
    }

    if (results_oneroster_outcome(r, r->records) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    return results_oneroster_patch_reply(r, patch);
}


static results_next_e
results_oneroster_patch_reply(results_request_t *r,
    results_oneroster_patch_t *patch)
{
    if (results_validators(r, r->records) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    return results_oneroster_reply(r, 200, r->records, patch->object,
                                   results_oneroster_route_model(r), 0);
}


static results_next_e
results_oneroster_patch_write(results_request_t *r,
    results_oneroster_patch_t *patch)
{
    int                status;
    unsigned           flags;
    results_reader_t   merged;
    results_record_t  *record;

    if (results_oneroster_merge(r->arena, patch->object, patch->patch.object,
                                0)
        != 0)
    {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    if (results_value_count(patch->object)
        > results_json_values_max(r->max_object))
    {
        results_fail(r, 413, "the object would have more than %zu values",
                     results_json_values_max(r->max_object));
        return RESULTS_NEXT_REPLY;
    }

    merged = patch->patch;
    merged.object = patch->object;

    /* a word that the client did not send is accepted, as it is stored */

    flags = results_value_get(patch->patch.object, "scoreStatus")
            ? 0 : RESULTS_ONEROSTER_STORED;

    record = results_oneroster_take(r, &merged,
                                    results_oneroster_route_model(r), flags,
                                    r->params[0]);
    if (record == NULL) {
        return RESULTS_NEXT_REPLY;
    }

    if (results_oneroster_patch_large(r, record->detail.len)) {
        return RESULTS_NEXT_REPLY;
    }

    /* for the version that was read: REPLACE refuses any other one */

    status = results_precondition_check(r, &patch->stored);

    if (status == 412
        && results_precondition_was_met(r, &patch->stored, record))
    {
        r->failure.status = 0;

        record->version = patch->stored.version;
        record->stamp = patch->stored.stamp;

        return results_oneroster_patch_reply(r, patch);
    }

    if (status != 0) {
        return RESULTS_NEXT_REPLY;
    }

    record->op = RESULTS_OP_REPLACE;
    record->expected = patch->stored.version;

    patch->written = 1;

    return RESULTS_NEXT_WRITE;
}


static int
results_oneroster_patch_large(results_request_t *r, size_t len)
{
    if (r->max_object == 0 || len <= r->max_object) {
        return 0;
    }

    results_fail(r, 413, "with what is stored the object has %zu bytes, more "
                 "than the %zu that one may have; a PUT can replace it", len,
                 r->max_object);

    return 1;
}


/*
 * Merges a patch into an object: 0, or -1 without memory.  deep: null members
 * and objects are merged at all levels.  The patch is not changed, since it may
 * be merged again in the next round.
 */
static int
results_oneroster_merge(results_arena_t *arena, results_value_t *object,
    results_value_t *patch, unsigned deep)
{
    int                      rc;
    size_t                   n;
    const results_value_t  **members;

    if (results_value_size(patch) <= RESULTS_PATCH_MEMBERS) {
        return results_oneroster_merge_members(arena, object, patch, deep,
                                               NULL, 0);
    }

    members = results_json_members(object, &n);
    if (members == NULL) {
        return -1;
    }

    rc = results_oneroster_merge_members(arena, object, patch, deep, members,
                                         n);
    free(members);

    return rc;
}


/* members are those of the object, sorted, or NULL: then it walks them */
static int
results_oneroster_merge_members(results_arena_t *arena,
    results_value_t *object, results_value_t *patch, unsigned deep,
    const results_value_t **members, size_t n)
{
    unsigned          gone;
    results_value_t  *value, *old;

    gone = 0;

    for (value = results_value_first(patch); value; value = value->next) {

        old = members ? results_json_find(members, n, value->name.data)
                      : results_value_get(object, value->name.data);

        if (results_value_is_null(value)) {

            if (old) {
                old->gone = 1;
                gone = 1;
            }

            continue;
        }

        if (!results_value_is_object(value)
            || !(deep || results_str_is(value->name, "metadata")))
        {
            if (results_oneroster_merge_put(arena, object, old, value->name,
                                            value)
                == NULL)
            {
                return -1;
            }

            continue;
        }

        if (!results_value_is_object(old)) {
            old = results_oneroster_merge_put(arena, object, old, value->name,
                                  results_value_create(arena,
                                                       RESULTS_VALUE_OBJECT));
        }

        if (old == NULL || results_oneroster_merge(arena, old, value, 1) != 0) {
            return -1;
        }
    }

    if (gone) {
        results_value_sweep(object);
    }

    return 0;
}


/* replaces old, or adds the value when old is NULL; NULL without memory */
static results_value_t *
results_oneroster_merge_put(results_arena_t *arena, results_value_t *object,
    results_value_t *old, results_str_t name, const results_value_t *value)
{
    return (old && value) ? results_value_replace(old, value)
                          : results_value_add(arena, object, name, value);
}
