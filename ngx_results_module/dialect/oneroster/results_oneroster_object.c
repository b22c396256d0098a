
/*
 * PUT, GET and DELETE of one object, for both OneRoster dialects.  r->state of
 * a PUT is the body's object.
 */

#include "results_oneroster.h"
#include "results_precondition.h"


results_next_e
results_oneroster_put(results_request_t *r)
{
    results_reader_t                  object;
    const results_oneroster_model_t  *model;

    model = results_oneroster_route_model(r);

    if (results_oneroster_envelope(r, model, &object) != 0
        || results_oneroster_take(r, &object, model,
                                  results_oneroster_flags(r), r->params[0])
           == NULL
        || results_precondition_guard(r, r->records) != 0)
    {
        return RESULTS_NEXT_REPLY;
    }

    r->state = object.object;

    return RESULTS_NEXT_WRITE;
}


results_next_e
results_oneroster_put_finish(results_request_t *r)
{
    int                status;
    results_record_t  *record;

    record = r->records;

    if (results_oneroster_outcome(r, record) != 0
        || results_validators(r, record) != 0)
    {
        return RESULTS_NEXT_REPLY;
    }

    /* the standard has 201 without a body, also for a replacement */

    if (results_oneroster_flags(r) & RESULTS_ONEROSTER_STRICT) {
        r->reply.status = 201;
        return RESULTS_NEXT_REPLY;
    }

    status = (record->outcome == RESULTS_OUTCOME_CREATED) ? 201 : 200;

    return results_oneroster_reply(r, status, record, r->state,
                                   results_oneroster_route_model(r), 0);
}


results_next_e
results_oneroster_get(results_request_t *r)
{
    return results_oneroster_read_one(r);
}


results_next_e
results_oneroster_read_one(results_request_t *r)
{
    const results_oneroster_model_t  *model;

    model = results_oneroster_route_model(r);

    results_read_init(&r->read, r->arena, RESULTS_READ_RECORD);

    results_read_int(&r->read, r->principal->institution_id);
    results_read_ints(&r->read, model->kinds, model->nkinds);
    results_read_text(&r->read, r->params[0]);

    return RESULTS_NEXT_READ;
}


void
results_oneroster_get_row(results_request_t *r, const results_str_t *values,
    unsigned nvalues)
{
    int                               rc;
    results_value_t                  *detail;
    results_record_t                  record;
    const results_oneroster_model_t  *model;

    if (values == NULL) {
        return;
    }

    model = results_oneroster_route_model(r);

    rc = results_oneroster_row(r, r->arena, values, nvalues, model, &record,
                               &detail);

    /* a deleted record is answered as one that does not exist */

    if (rc < 0 || record.status != RESULTS_STATUS_ACTIVE) {
        return;
    }

    if (rc > 0) {
        results_oneroster_not_shown(r);
        return;
    }

    if (results_precondition_check(r, &record) != 0
        || results_validators(r, &record) != 0)
    {
        return;
    }

    (void) results_oneroster_reply(r, 200, &record, detail, model,
                                   results_oneroster_flags(r));
}


results_next_e
results_oneroster_get_finish(results_request_t *r)
{
    if (r->reply.status == 0 && r->failure.status == 0) {
        results_oneroster_unknown(r, r->params[0]);
    }

    return RESULTS_NEXT_REPLY;
}


/* the record has nothing but its key and the preconditions */
results_next_e
results_oneroster_delete(results_request_t *r)
{
    results_record_t                 *record;
    const results_oneroster_model_t  *model;

    record = results_arena_alloc(r->arena, sizeof(results_record_t));
    if (record == NULL) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    model = results_oneroster_route_model(r);

    results_record_init(record);

    record->op = RESULTS_OP_DELETE;
    record->institution_id = r->principal->institution_id;
    record->client_id = r->principal->client_id;
    record->kind = model->kind;
    record->id = r->params[0];

    if (results_precondition_guard(r, record) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    r->records = record;
    r->nrecords = 1;

    return RESULTS_NEXT_WRITE;
}


results_next_e
results_oneroster_delete_finish(results_request_t *r)
{
    if (results_oneroster_outcome(r, r->records) == 0) {
        r->reply.status = 204;
    }

    return RESULTS_NEXT_REPLY;
}
