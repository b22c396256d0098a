
/*
 * The dialect `timeback`: the OneRoster 1.2 Gradebook resources as Timeback
 * serves them (docs/api/oneroster.md).  A PUT answers with the object; 201
 * where it was created, 200 where it was replaced.
 */

#include "results_oneroster.h"


typedef struct {
    json_t                           *object;   /* the body's */
    const results_oneroster_model_t  *model;
} results_timeback_put_t;


static results_next_e results_timeback_put_result(results_request_t *r);
static results_next_e results_timeback_put(results_request_t *r,
    const results_oneroster_model_t *model);
static results_next_e results_timeback_put_finish(results_request_t *r);


static const results_route_t  results_timeback_routes[] = {

    { RESULTS_METHOD_PUT, "results/{sourcedId}", RESULTS_ROUTE_BODY,
      RESULTS_OR_GRADEBOOK_CREATEPUT
      |RESULTS_OR_V1P1(RESULTS_OR_GRADEBOOK_CREATEPUT)
      |RESULTS_OR_ADMIN,
      results_timeback_put_result,
      results_timeback_put_finish, NULL },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_timeback = {
    "timeback",
    results_timeback_routes,
    results_oneroster_scopes,
    results_oneroster_media_types,
    0,
    results_oneroster_error
};


static results_next_e
results_timeback_put_result(results_request_t *r)
{
    return results_timeback_put(r, &results_oneroster_result);
}


static results_next_e
results_timeback_put(results_request_t *r,
    const results_oneroster_model_t *model)
{
    results_reader_t         object;
    results_record_t        *record;
    results_timeback_put_t  *put;

    if (results_oneroster_envelope(r, model, &object) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    record = results_arena_alloc(r->arena, sizeof(results_record_t));
    put = results_arena_alloc(r->arena, sizeof(results_timeback_put_t));

    if (record == NULL || put == NULL) {
        goto nomem;
    }

    results_record_init(record);

    record->id = r->params[0];

    if (results_oneroster_read(r, &object, model, 0, record) != 0) {
        goto nomem;
    }

    if (r->errors.n) {
        r->failure.status = 422;
        return RESULTS_NEXT_REPLY;
    }

    put->object = object.object;
    put->model = model;

    r->state = put;
    r->records = record;
    r->nrecords = 1;

    return RESULTS_NEXT_WRITE;

nomem:

    results_fail(r, 500, "out of memory");
    return RESULTS_NEXT_REPLY;
}


static results_next_e
results_timeback_put_finish(results_request_t *r)
{
    int                      status;
    results_record_t        *record;
    results_timeback_put_t  *put;

    put = r->state;
    record = r->records;

    if (results_oneroster_outcome(r, record) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    status = (record->outcome == RESULTS_OUTCOME_CREATED) ? 201 : 200;

    return results_oneroster_reply(r, status, record, put->object, put->model,
                                   0);
}
