
/*
 * The dialect `educacional`: grade2 and grade of the Educacional hub's Learning
 * Analytics (docs/api/educacional.md).  Its events use Caliper's terms, but are
 * not Caliper events.  results_educacional_fields.c has the table of fields.
 *
 * A record's id is the event's id.  Clients also send RESULTS_EDU_NO_ID, which
 * they copied from the example in the API's documentation: it counts as no id.
 * The whole body is the record's detail, with the default that the API has for
 * frequency_assigned.
 */

#include <math.h>
#include <string.h>

#include "results_educacional.h"
#include "results_uuid.h"


#define RESULTS_EDU_NO_ID    "12c05c4e-253f-4073-9f29-5786f3ff3f36"

#define RESULTS_EDU_REALM    "results"

/*
 * Microseconds.  A dateCreated that is more in the past or in the future is
 * counted as far (r->far_date): clients may send old events late, but a clock
 * should not be ahead.
 */
#define RESULTS_EDU_PAST    (INT64_C(366) * 86400 * 1000000)
#define RESULTS_EDU_FUTURE  (INT64_C(86400) * 1000000)


static results_next_e results_edu_parse(results_request_t *r);
static results_next_e results_edu_finish(results_request_t *r);
static void results_edu_error(results_request_t *r);

static results_value_t *results_edu_body(results_request_t *r);
static results_completion_e results_edu_completion(
    const results_edu_event_t *event);
static int results_edu_default_frequency(results_arena_t *arena,
    results_value_t *body);
static int results_edu_record(results_request_t *r, results_value_t *body,
    results_edu_event_t *event, results_record_t *record);
static int results_edu_id(results_request_t *r, results_value_t *body,
    const char *const *ids, results_edu_event_t *event,
    results_record_t *record);


static const char *const  results_edu_scopes[] = {
    "la-apiauthidentifier/authorization",
    NULL
};

static const char *const  results_edu_media_types[] = {
    "application/json",
    NULL
};


/* indexed by the words of object.completionType; the last one: it is absent */
static const results_completion_e  results_edu_completions[] = {
    RESULTS_COMPLETION_COMPLETE,
    RESULTS_COMPLETION_FAILED,
    RESULTS_COMPLETION_IN_PROGRESS,
    RESULTS_COMPLETION_COMPLETE,
    RESULTS_COMPLETION_DECLINED,
    RESULTS_COMPLETION_NULL
};


/* all accept every type of event; "" is for a location like "= /grade2" */

static const results_route_t  results_edu_routes[] = {

    { RESULTS_METHOD_POST, "", RESULTS_ROUTE_BODY, 1,
      results_edu_parse, results_edu_finish, NULL },

    { RESULTS_METHOD_POST, "grade2", RESULTS_ROUTE_BODY, 1,
      results_edu_parse, results_edu_finish, NULL },

    { RESULTS_METHOD_POST, "grade", RESULTS_ROUTE_BODY, 1,
      results_edu_parse, results_edu_finish, NULL },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_educacional = {
    "educacional",
    results_edu_routes,
    results_edu_scopes,
    results_edu_media_types,
    RESULTS_AUTH_BARE,
    results_edu_error
};


static results_next_e
results_edu_parse(results_request_t *r)
{
    char                  ed_app[RESULTS_UUID_LEN];
    results_value_t      *body;
    results_record_t     *record;
    results_edu_event_t  *event;

    body = results_edu_body(r);

    if (body == NULL) {
        return RESULTS_NEXT_REPLY;
    }

    record = results_arena_alloc(r->arena, sizeof(results_record_t));
    event = results_arena_calloc(r->arena, sizeof(results_edu_event_t));

    if (record == NULL || event == NULL) {
        goto nomem;
    }

    results_edu_read(r, body, event);

    if (r->errors.n) {
        r->failure.status = 400;
        return RESULTS_NEXT_REPLY;
    }

    if (r->principal->ed_app_set
        && (results_uuid_normalize(event->ed_app, ed_app) != 0
            || memcmp(ed_app, r->principal->ed_app, RESULTS_UUID_LEN) != 0))
    {
        results_fail(r, 403, "the client may not report for this edApp");
        return RESULTS_NEXT_REPLY;
    }

    if (results_edu_record(r, body, event, record) != 0) {
        goto nomem;
    }

    r->state = event;
    r->records = record;
    r->nrecords = 1;

    return RESULTS_NEXT_WRITE;

nomem:

    results_fail(r, 500, "out of memory");
    return RESULTS_NEXT_REPLY;
}


static results_next_e
results_edu_finish(results_request_t *r)
{
    results_buf_t        *buf;
    results_edu_event_t  *event;

    event = r->state;
    buf = &r->reply.body;

    switch (r->records->outcome) {

    case RESULTS_OUTCOME_CREATED:
    case RESULTS_OUTCOME_REPLAYED:
        break;

    case RESULTS_OUTCOME_CONFLICT:

        if (event->own_id) {
            results_fail(r, 400, "Field id already used by a different event");

        } else {
            results_idempotency_conflict(r);
        }

        return RESULTS_NEXT_REPLY;

    case RESULTS_OUTCOME_UNKNOWN_LEARNER:
    case RESULTS_OUTCOME_UNKNOWN_ITEM:
        results_fail_reference(r, r->records, "assignee", "assignable");
        return RESULTS_NEXT_REPLY;

    default:
        results_fail(r, 500, "the record came back without an outcome");
        return RESULTS_NEXT_REPLY;
    }

    results_buf_puts(buf, "{\"@context\":\"" RESULTS_EDU_CONTEXT "\","
                          "\"id\":");
    results_buf_json_string(buf, event->id);
    results_buf_puts(buf, "}");

    if (buf->failed) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    r->reply.status = 200;
    r->reply.content_type = results_str("application/json");

    return RESULTS_NEXT_REPLY;
}


/* the body as an object; NULL with r->failure set */
static results_value_t *
results_edu_body(results_request_t *r)
{
    results_buf_t           field = { NULL, 0, 0, 0 };
    results_value_t        *body;
    const results_error_t  *error;

    body = results_json_parse(r->body, &r->errors);

    if (results_value_is_object(body)) {
        return body;
    }

    error = &r->errors.list[0];

    if (body) {
        results_fail(r, 400, "Body is not a JSON object");

    } else if (r->errors.not_json) {
        results_fail(r, 400, "Body is not JSON");

    } else if (error->path.len == 0) {
        results_fail(r, 400, "Body invalid: %.*s", (int) error->text.len,
                     error->text.data);

    } else {
        results_buf_dotted(&field, error->path);
        results_fail(r, 400, "Field %.*s invalid: %.*s",
                     (int) field.len, field.data,
                     (int) error->text.len, error->text.data);
        results_buf_free(&field);
    }

    return NULL;
}


/* fields may contradict each other: the first that is there decides */
static results_completion_e
results_edu_completion(const results_edu_event_t *event)
{
    if (event->completion != RESULTS_EDU_NO_COMPLETION) {
        return results_edu_completions[event->completion];
    }

    if (event->finished == RESULTS_EDU_FINISHED) {
        return RESULTS_COMPLETION_COMPLETE;
    }

    if (event->finished == RESULTS_EDU_UNFINISHED) {
        return RESULTS_COMPLETION_IN_PROGRESS;
    }

    return event->ended == RESULTS_TIME_NULL ? RESULTS_COMPLETION_NULL
                                             : RESULTS_COMPLETION_COMPLETE;
}


/* adds the API's default of frequency_assigned, 1: 0, or -1 without memory */
static int
results_edu_default_frequency(results_arena_t *arena, results_value_t *body)
{
    results_value_t  *value;

    value = results_value_create(arena, RESULTS_VALUE_NUMBER);

    if (value == NULL) {
        return -1;
    }

    value->u.text = results_str("1");

    return results_value_set(arena, results_json_at(body, "object.assignable"),
                             results_str("frequency_assigned"), value)
           ? 0 : -1;
}


/* makes the record of an event that was read: 0, or -1 without memory */
static int
results_edu_record(results_request_t *r, results_value_t *body,
    results_edu_event_t *event, results_record_t *record)
{
    int  changed;

    static const char *const  ids[] = { "id", "Id", NULL };

    results_record_init(record);

    record->institution_id = r->principal->institution_id;
    record->client_id = r->principal->client_id;
    record->kind = RESULTS_KIND_LEARNING_EVENT;
    record->op = RESULTS_OP_CREATE;

    record->learner_id = results_id_normalize(r->arena, event->learner,
                                              &changed);
    record->item_id = event->item;

    if (event->part_type == RESULTS_EDU_SUBJECT) {
        record->course_id = event->part;
    }

    record->started_at = event->started;
    record->completed_at = event->ended;
    record->time_spent = (int32_t) event->seconds;
    record->progress = event->percent;

    record->completion = results_edu_completion(event);

    /* a ViewEvent may contain a score, but does not grade */

    if (event->type != RESULTS_EDU_VIEW_EVENT) {
        record->score = event->score;
        record->score_max = event->score_max;
    }

    /* without the id, whose spelling may differ: it is the record's key */

    if (results_json_hash(body, ids, &record->payload_hash) != 0) {
        return -1;
    }

    r->far_date = (event->created < r->received - RESULTS_EDU_PAST
                   || event->created > r->received + RESULTS_EDU_FUTURE);

    if (results_edu_id(r, body, ids, event, record) != 0) {
        return -1;
    }

    /* after the hashes, which are of the body as it came */

    if (isnan(event->frequency)
        && results_edu_default_frequency(r->arena, body) != 0)
    {
        return -1;
    }

    record->detail = results_json_dump(r->arena, body);

    if (record->learner_id.data == NULL || record->item_id.data == NULL
        || record->detail.data == NULL)
    {
        return -1;
    }

    return 0;
}


/*
 * Sets the record's id and event->id: 0, or -1 without memory.  The id is the
 * event's own, or made from the Idempotency-Key, or made from client and body.
 * It is the same when the request is repeated.
 */
static int
results_edu_id(results_request_t *r, results_value_t *body,
    const char *const *ids, results_edu_event_t *event,
    results_record_t *record)
{
    char            uuid[RESULTS_UUID_LEN];
    results_str_t   parts[2];
    unsigned char   digest[RESULTS_DIGEST_LEN];

    if (results_uuid_normalize(event->id, uuid) != 0) {
        return -1;
    }

    r->repeatable = 1;

    if (memcmp(uuid, RESULTS_EDU_NO_ID, RESULTS_UUID_LEN) != 0) {
        event->own_id = 1;
        record->id = results_arena_copy(r->arena, uuid, RESULTS_UUID_LEN);

        return record->id.data ? 0 : -1;
    }

    if (r->idempotency_key.data) {
        record->id = results_idempotency_id(r, "educacional", 0);

    } else {
        parts[0] = results_arena_printf(r->arena, "%d %d",
                                        (int) record->institution_id,
                                        (int) record->client_id);

        if (parts[0].data == NULL
            || results_json_digest(body, ids, digest) != 0)
        {
            return -1;
        }

        parts[1].data = (char *) digest;
        parts[1].len = RESULTS_DIGEST_LEN;

        if (results_uuid_v8(parts, 2, uuid) != 0) {
            return -1;
        }

        record->id = results_arena_copy(r->arena, uuid, RESULTS_UUID_LEN);
    }

    if (record->id.data == NULL) {
        return -1;
    }

    event->id = results_arena_printf(r->arena, "urn:uuid:%.*s",
                                     RESULTS_UUID_LEN, record->id.data);

    return event->id.data ? 0 : -1;
}


/* dialect->error() */
static void
results_edu_error(results_request_t *r)
{
    unsigned        i;
    results_buf_t  *buf;

    results_reply_failure(r);
    results_reply_bearer(r, RESULTS_EDU_REALM);

    r->reply.content_type = results_str("application/json");

    buf = &r->reply.body;

    if (r->failure.status == 401) {
        results_buf_puts(buf, "{\"message\":\"Unauthorized\"}");
        return;
    }

    results_buf_puts(buf, "{\"message\":[");

    if (r->failure.text.data || r->errors.n == 0) {
        results_buf_json_string(buf, results_failure_text(r));

    } else {
        for (i = 0; i < r->errors.n; i++) {
            results_buf_puts(buf, i ? "," : "");
            results_buf_json_string(buf, r->errors.list[i].text);
        }
    }

    results_buf_puts(buf, "]}");
}
