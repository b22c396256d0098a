
/*
 * POST of one object to a collection, which the standard does not have.  The id
 * is the body's sourcedId, or is made here before the write, so that the
 * primary key finds a repeated request.  r->state is not NULL when the id was
 * made here.
 */

#include "results_oneroster.h"
#include "results_precondition.h"


results_next_e
results_oneroster_post(results_request_t *r)
{
    results_str_t                     none, route;
    results_record_t                 *record;
    results_reader_t                  object;
    const results_oneroster_model_t  *model;

    model = results_oneroster_route_model(r);
    none = results_str(NULL);

    if (results_oneroster_envelope(r, model, &object) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    record = results_oneroster_take(r, &object, model,
                                    results_oneroster_flags(r), none);
    if (record == NULL) {
        return RESULTS_NEXT_REPLY;
    }

    record->op = RESULTS_OP_CREATE;

    if (record->id.data) {
        r->repeatable = 1;
        return RESULTS_NEXT_WRITE;
    }

    route = results_arena_printf(r->arena, "oneroster/%s", model->collection);

    if (route.data) {
        record->id = results_idempotency_id(r, route.data, 0);
    }

    if (record->id.data == NULL) {
        results_fail(r, 500, "no id could be made");
        return RESULTS_NEXT_REPLY;
    }

    r->state = record;

    return RESULTS_NEXT_WRITE;
}


results_next_e
results_oneroster_post_finish(results_request_t *r)
{
    results_buf_t     *buf;
    results_record_t  *record;

    record = r->records;

    if (record->outcome == RESULTS_OUTCOME_CONFLICT && r->state) {
        results_idempotency_conflict(r);
        return RESULTS_NEXT_REPLY;
    }

    if (results_oneroster_outcome(r, record) != 0
        || results_validators(r, record) != 0)
    {
        return RESULTS_NEXT_REPLY;
    }

    buf = &r->reply.body;

    /* the reply has an id that was made here as the supplied one, too */

    results_buf_puts(buf, "{\"sourcedIdPairs\":");
    results_oneroster_pair(buf, record->id, record->id);
    results_buf_puts(buf, "}");

    r->reply.status = 201;
    r->reply.content_type = results_str("application/json");

    return RESULTS_NEXT_REPLY;
}
