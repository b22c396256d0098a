
/*
 * The standard's POSTs of many results at once: one group, stored as a whole
 * or not at all; the reply pairs the ids that were supplied with those that
 * were allocated.
 *
 * A supplied id is allocated when it is free, or holds the same body.  When it
 * holds another one, nothing is stored, and the group is written again with a
 * new id in its place: a UUIDv8 made from caller, route and body, so that a
 * repeated request finds it.  A request that supplies this new id for another
 * of its members is refused: two records of a group can't have one id.
 *
 *     read every member ──► write ──► pairs
 *                            ▲  │
 *                            └──┘ some ids were taken, once
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "results_oneroster.h"
#include "results_uuid.h"


/* errors that a reply lists, of all members together: some 300 KB */
#define RESULTS_BULK_ERRORS_MAX  4096


/* a member of the request; its record has the same index in r->records */
typedef struct {
    results_str_t           supplied;
    unsigned                moved:1;   /* a new id was allocated */
} results_oneroster_member_t;


static results_next_e results_oneroster_bulk(results_request_t *r,
    unsigned session);
static results_value_t *results_oneroster_bulk_array(results_request_t *r,
    const results_oneroster_model_t *model, results_reader_t *root);
static int results_oneroster_bulk_member(results_request_t *r,
    results_reader_t *object, results_record_t *record, unsigned session);
static int results_oneroster_bulk_parent(results_request_t *r,
    results_reader_t *object, const char *name, results_str_t stored,
    results_str_t id);
static int results_oneroster_bulk_parent_set(results_request_t *r,
    results_value_t *object, const char *name, results_str_t id);
static int results_oneroster_bulk_twice(results_request_t *r,
    results_reader_t *root, const results_record_t *records, size_t n);
static const results_record_t **results_oneroster_bulk_sorted(
    results_request_t *r, const results_record_t *records, size_t n);
static int results_oneroster_bulk_compare(const void *a, const void *b);
static unsigned results_oneroster_bulk_refused(results_request_t *r);
static int results_oneroster_bulk_move(results_request_t *r);
static int results_oneroster_bulk_meet(results_request_t *r);


/* POST lineItems/{lineItemSourcedId}/results */
results_next_e
results_oneroster_bulk_line_item(results_request_t *r)
{
    return results_oneroster_bulk(r, 0);
}


/* POST classes/{class}/academicSessions/{academicSession}/results */
results_next_e
results_oneroster_bulk_session(results_request_t *r)
{
    return results_oneroster_bulk(r, 1);
}


static results_next_e
results_oneroster_bulk(results_request_t *r, unsigned session)
{
    size_t                            i, n;
    results_value_t                  *array;
    results_reader_t                  root, object;
    results_record_t                 *records;
    results_oneroster_member_t       *members;
    const results_oneroster_model_t  *model;

    model = results_oneroster_route_model(r);

    array = results_oneroster_bulk_array(r, model, &root);
    if (array == NULL) {
        return RESULTS_NEXT_REPLY;
    }

    n = results_value_size(array);

    if (r->max_records && n > r->max_records) {
        results_fail(r, 413, "%zu %s, more than the %u that one request may "
                     "have", n, model->collection, r->max_records);
        return RESULTS_NEXT_REPLY;
    }

    r->errors.max = RESULTS_BULK_ERRORS_MAX;

    records = results_arena_alloc(r->arena, n * sizeof(results_record_t));
    members = results_arena_calloc(r->arena,
                                   n * sizeof(results_oneroster_member_t));

    if (records == NULL || members == NULL) {
        goto nomem;
    }

    object.object = results_value_first(array);

    for (i = 0; i < n; i++, object.object = object.object->next) {
        results_record_init(&records[i]);

        object.path = results_json_path_index(&root, model->collection, i);
        object.errors = &r->errors;

        if (!results_value_is_object(object.object)) {
            results_errors_add(&r->errors, object.path, "expected an object");
            continue;
        }

        if (results_oneroster_bulk_member(r, &object, &records[i], session)
            != 0)
        {
            goto nomem;
        }

        members[i].supplied = records[i].id;
    }

    if (results_oneroster_bulk_twice(r, &root, records, n) != 0) {
        goto nomem;
    }

    if (r->errors.n) {
        r->failure.status = 422;
        return RESULTS_NEXT_REPLY;
    }

    r->state = members;
    r->records = records;
    r->nrecords = n;
    r->repeatable = 1;

    return RESULTS_NEXT_WRITE;

nomem:

    results_fail(r, 500, "out of memory");
    return RESULTS_NEXT_REPLY;
}


static results_value_t *
results_oneroster_bulk_array(results_request_t *r,
    const results_oneroster_model_t *model, results_reader_t *root)
{
    const char       *names[2];
    results_value_t  *array;

    root->object = results_json_parse(r->body, &r->errors);
    root->path = "";
    root->errors = &r->errors;

    if (root->object == NULL) {
        r->failure.status = 400;
        return NULL;
    }

    names[0] = model->collection;
    names[1] = NULL;

    if (!results_value_is_object(root->object)) {
        results_errors_add(&r->errors, "", "expected an object");

    } else {
        results_json_refuse_unknown(root, names);

        if (results_json_array(root, model->collection,
                               RESULTS_JSON_REQUIRED|RESULTS_JSON_NONEMPTY,
                               &array)
            == RESULTS_JSON_OK)
        {
            return array;
        }
    }

    r->failure.status = 422;

    return NULL;
}


/* reads a member; without a class of its own it gets that of the path */
static int
results_oneroster_bulk_member(results_request_t *r, results_reader_t *object,
    results_record_t *record, unsigned session)
{
    unsigned                          n;
    const results_oneroster_model_t  *model;

    model = results_oneroster_route_model(r);
    n = r->errors.n + r->errors.dropped;

    if (session && results_value_get(object->object, "class") == NULL
        && results_oneroster_bulk_parent_set(r, object->object, "class",
                                             r->params[0])
           != 0)
    {
        return -1;
    }

    if (results_oneroster_read(r, object, model, results_oneroster_flags(r),
                               record)
        != 0)
    {
        return -1;
    }

    if (results_value_get(object->object, "sourcedId") == NULL) {
        results_errors_add(&r->errors, results_json_path(object, "sourcedId"),
                           "required");
    }

    if (session ? results_oneroster_bulk_parent(r, object, "class",
                                                record->course_id,
                                                r->params[0])
                : results_oneroster_bulk_parent(r, object, "lineItem",
                                                record->item_id,
                                                r->params[0]))
    {
        return -1;
    }

    if (n != r->errors.n + r->errors.dropped) {
        return 0;
    }

    record->op = RESULTS_OP_CREATE;

    /* a result has no such field: it is kept in detail */

    if (session
        && results_oneroster_bulk_parent_set(r, object->object,
                                             "academicSession", r->params[1])
           != 0)
    {
        return -1;
    }

    return results_oneroster_keep(r, object->object, model, record);
}


/* a parent that a member names must be the one in the path */
static int
results_oneroster_bulk_parent(results_request_t *r, results_reader_t *object,
    const char *name, results_str_t stored, results_str_t id)
{
    int                changed;
    results_reader_t   ref;

    id = results_id_normalize(r->arena, id, &changed);

    if (id.data == NULL) {
        return -1;
    }

    if (stored.data && !results_str_eq(stored, id)) {
        ref = *object;
        ref.path = results_json_path(object, name);

        results_errors_add(&r->errors, results_json_path(&ref, "sourcedId"),
                           "differs from the id in the path");
    }

    return 0;
}


/* sets a member of the object to {"sourcedId": id} */
static int
results_oneroster_bulk_parent_set(results_request_t *r,
    results_value_t *object, const char *name, results_str_t id)
{
    results_value_t  *ref;

    ref = results_value_create(r->arena, RESULTS_VALUE_OBJECT);

    if (ref == NULL
        || results_value_add(r->arena, ref, results_str("sourcedId"),
                             results_value_string(r->arena, id))
           == NULL)
    {
        return -1;
    }

    return results_value_set(r->arena, object, results_str(name), ref) ? 0 : -1;
}


/* adds an error for each id that more than one member has */
static int
results_oneroster_bulk_twice(results_request_t *r, results_reader_t *root,
    const results_record_t *records, size_t n)
{
    size_t                    i, later;
    results_reader_t          object;
    const results_record_t  **sorted;

    sorted = results_oneroster_bulk_sorted(r, records, n);
    if (sorted == NULL) {
        return -1;
    }

    for (i = 1; i < n; i++) {

        if (sorted[i]->id.data == NULL
            || !results_str_eq(sorted[i - 1]->id, sorted[i]->id))
        {
            continue;
        }

        later = (size_t) (sorted[i] - records);

        object = *root;
        object.path = results_json_path_index(root,
                                  results_oneroster_route_model(r)->collection,
                                  later);

        results_errors_add(&r->errors, results_json_path(&object, "sourcedId"),
                           "is that of a result before it");
    }

    return 0;
}


static const results_record_t **
results_oneroster_bulk_sorted(results_request_t *r,
    const results_record_t *records, size_t n)
{
    size_t                    i;
    const results_record_t  **sorted;

    sorted = results_arena_alloc(r->arena, n * sizeof(results_record_t *));
    if (sorted == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        sorted[i] = &records[i];
    }

    qsort(sorted, n, sizeof(results_record_t *),
          results_oneroster_bulk_compare);

    return sorted;
}


/* orders records by id, those with the same id by their place in the request */
static int
results_oneroster_bulk_compare(const void *a, const void *b)
{
    int                      rc;
    const results_record_t  *x, *y;

    x = *(const results_record_t *const *) a;
    y = *(const results_record_t *const *) b;

    rc = strcmp(x->id.data ? x->id.data : "", y->id.data ? y->id.data : "");

    return rc ? rc : (x > y) - (x < y);
}


results_next_e
results_oneroster_bulk_finish(results_request_t *r)
{
    int                          rc;
    unsigned                     i;
    results_buf_t               *buf;
    results_oneroster_member_t  *members;

    if (results_oneroster_bulk_refused(r)) {
        return RESULTS_NEXT_REPLY;
    }

    rc = results_oneroster_bulk_move(r);

    if (rc != 0) {
        return (rc > 0) ? RESULTS_NEXT_WRITE : RESULTS_NEXT_REPLY;
    }

    members = r->state;
    buf = &r->reply.body;

    results_buf_puts(buf, "{\"sourcedIdPairs\":[");

    for (i = 0; i < r->nrecords; i++) {
        results_buf_puts(buf, i ? "," : "");
        results_oneroster_pair(buf, members[i].supplied, r->records[i].id);
    }

    results_buf_puts(buf, "]}");

    r->reply.status = 201;
    r->reply.content_type = results_str("application/json");

    return RESULTS_NEXT_REPLY;
}


/*
 * 1 when some members are refused for another reason than their id: adds an
 * error for each
 */
static unsigned
results_oneroster_bulk_refused(results_request_t *r)
{
    unsigned           i, refused;
    results_str_t      path;
    results_record_t  *record;

    refused = 0;

    for (i = 0; i < r->nrecords; i++) {
        record = &r->records[i];

        if (record->outcome == RESULTS_OUTCOME_CONFLICT
            || results_oneroster_outcome(r, record) == 0)
        {
            continue;
        }

        refused = 1;

        path = results_arena_printf(r->arena, "/results/%u", i);

        results_errors_add(&r->errors, path.data ? path.data : "", "%.*s",
                           (int) r->failure.text.len, r->failure.text.data);
    }

    if (refused) {
        r->failure.text = results_str(NULL);
    }

    return refused;
}


/*
 * Allocates new ids for the members whose id is taken: 1 when there were any, 0
 * when there were none, or -1 with r->failure set
 */
static int
results_oneroster_bulk_move(results_request_t *r)
{
    int                          moved;
    char                         id[RESULTS_UUID_LEN];
    unsigned                     i;
    results_str_t                parts[6];
    results_record_t            *record;
    results_oneroster_member_t  *member;

    moved = 0;

    for (i = 0; i < r->nrecords; i++) {
        record = &r->records[i];
        member = (results_oneroster_member_t *) r->state + i;

        if (record->outcome != RESULTS_OUTCOME_CONFLICT) {
            continue;
        }

        if (member->moved) {
            return results_oneroster_outcome(r, record);
        }

        parts[0] = results_arena_printf(r->arena, "%d %d",
                                        (int) record->institution_id,
                                        (int) record->client_id);
        parts[1] = results_str(r->route->path);
        parts[2] = r->params[0];
        parts[3] = r->params[1];
        parts[4] = member->supplied;
        parts[5] = results_arena_printf(r->arena, "%" PRId64,
                                        record->payload_hash);

        if (parts[0].data == NULL || parts[5].data == NULL
            || results_uuid_v8(parts, 6, id) != 0)
        {
            results_fail(r, 500, "no id could be made");
            return -1;
        }

        record->id = results_arena_copy(r->arena, id, RESULTS_UUID_LEN);

        if (record->id.data == NULL) {
            results_fail(r, 500, "out of memory");
            return -1;
        }

        member->moved = 1;
        moved = 1;
    }

    if (moved && results_oneroster_bulk_meet(r) != 0) {
        return -1;
    }

    return moved;
}


/* 0, or -1 with r->failure set when a new id is also supplied by the request */
static int
results_oneroster_bulk_meet(results_request_t *r)
{
    size_t                      i, one, other;
    results_str_t               path;
    results_oneroster_member_t  *members;
    const results_record_t    **sorted;

    members = r->state;

    sorted = results_oneroster_bulk_sorted(r, r->records, r->nrecords);
    if (sorted == NULL) {
        results_fail(r, 500, "out of memory");
        return -1;
    }

    for (i = 1; i < r->nrecords; i++) {

        if (!results_str_eq(sorted[i - 1]->id, sorted[i]->id)) {
            continue;
        }

        one = (size_t) (sorted[i - 1] - r->records);
        other = (size_t) (sorted[i] - r->records);

        if (!members[one].moved) {
            one = other;
            other = (size_t) (sorted[i - 1] - r->records);
        }

        path = results_arena_printf(r->arena, "/results/%zu/sourcedId", one);

        results_errors_add(&r->errors, path.data ? path.data : "",
                           "holds another result, and the id that it would "
                           "get is that of /results/%zu", other);
    }

    if (r->errors.n || r->errors.dropped) {
        r->failure.status = 422;
        return -1;
    }

    return 0;
}
