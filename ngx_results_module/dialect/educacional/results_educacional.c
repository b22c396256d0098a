
/*
 * The dialect `educacional`: grade2 and grade of the Educacional hub's
 * Learning Analytics (docs/api/educacional.md).  It has Caliper's words, but
 * an event of it is no Caliper event: its fields are a table here, in the
 * order in which errors name them.
 *
 * An event has an id of its own; the one that the page shows, which clients
 * copy, means that it has none.  The body is the record's detail as it came.
 */

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "results_dialect.h"
#include "results_uuid.h"


#define RESULTS_EDU_CONTEXT  "http://purl.imsglobal.org/ctx/caliper/v1p2"
#define RESULTS_EDU_NO_ID    "12c05c4e-253f-4073-9f29-5786f3ff3f36"

#define RESULTS_EDU_REALM    "results"
#define RESULTS_EDU_PLACES   4

/* integers up to here are all doubles */
#define RESULTS_EDU_INTEGER_MAX  0x1p53


/* words by their index */
#define RESULTS_EDU_VIEW_EVENT  1
#define RESULTS_EDU_SUBJECT     0

/* in results_edu_completions[] */
#define RESULTS_EDU_NO_COMPLETION  5


typedef enum {
    RESULTS_EDU_STRING = 0,
    RESULTS_EDU_LABEL,             /* a number or a string */
    RESULTS_EDU_ID,                /* an integer or a string */
    RESULTS_EDU_URN,
    RESULTS_EDU_TIME,
    RESULTS_EDU_NUMBER,            /* this and the next three: not negative,
                                      also as a string */
    RESULTS_EDU_INTEGER,
    RESULTS_EDU_SECONDS,
    RESULTS_EDU_PERCENT,
    RESULTS_EDU_WORD,
    RESULTS_EDU_FLAG               /* a boolean, or a word in any case */
} results_edu_type_e;


/* what is read of an event */
typedef struct {
    union {
        results_str_t       text;
        double              number;
        int64_t             time;
        int                 word;
    } unused;                      /* of fields that are checked only */

    results_str_t           id;        /* what the reply says */
    int                     own_id;
    int                     type;
    results_str_t           learner;
    results_str_t           item;
    results_str_t           part;
    int                     part_type;
    int64_t                 started;
    int64_t                 ended;
    double                  seconds;
    double                  percent;
    int                     completion;
    results_str_t           ed_app;
    double                  score_max;
    double                  score;
} results_edu_event_t;


typedef struct {
    /* the one of the page's table, by which errors name it, then others */
    const char             *places[RESULTS_EDU_PLACES];

    results_edu_type_e      type;
    unsigned                required;
    size_t                  member;    /* of the event; 0: unused */

    /* the page's, as errors list them, and behind "|" what is taken as well */
    const char             *words;
} results_edu_field_t;


static results_next_e results_edu_parse(results_request_t *r);
static results_next_e results_edu_finish(results_request_t *r);
static void results_edu_error(results_request_t *r);

static results_value_t *results_edu_body(results_request_t *r);
static void results_edu_read(results_request_t *r, results_value_t *body,
    results_edu_event_t *event);
static results_value_t *results_edu_find(results_value_t *body,
    const results_edu_field_t *field);
static int results_edu_value(results_arena_t *arena, results_value_t *value,
    const results_edu_field_t *field, void *out);
static int results_edu_word(results_str_t text, const char *words, int *out);
static int results_edu_number(results_value_t *value, double max, double *out);
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


/* by type, what errors say was expected; words list themselves */
static const char *const  results_edu_expected[] = {
    "a string",
    "a string or a number",
    "an integer, or a string of 1 to 255 characters",
    "urn:uuid: and a UUID",
    "an ISO 8601 date-time as 2022-07-19T19:36:12.117Z",
    "a number, not negative",
    "an integer, not negative",
    "a number from 0 to 2147483647",
    "a number from 0 to 100"
};


#define of(name)  offsetof(results_edu_event_t, name)

static const results_edu_field_t  results_edu_fields[] = {

    { { "@context" }, RESULTS_EDU_WORD, 1, 0, RESULTS_EDU_CONTEXT },
    { { "id", "Id" }, RESULTS_EDU_URN, 1, of(id), NULL },
    { { "type" }, RESULTS_EDU_WORD, 1, of(type),
      "GradeEvent, ViewEvent, GradeViewEvent|ViewGradeEvent" },
    { { "profile" }, RESULTS_EDU_WORD, 1, 0,
      "GradingProfile, ReadingProfile, ReadingGradingProfile" },
    { { "actor.type" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "actor.host" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "action" }, RESULTS_EDU_WORD, 1, 0,
      "Viewed, Graded, ViewdGraded|ViewedGraded" },
    { { "object.type" }, RESULTS_EDU_WORD, 1, 0,
      "Attempt, Reading, Reading/Listen" },
    { { "object.assignee.id" }, RESULTS_EDU_URN, 1, of(learner), NULL },
    { { "object.assignee.type" }, RESULTS_EDU_WORD, 1, 0, "Person" },
    { { "object.assignable.id" }, RESULTS_EDU_ID, 1, of(item), NULL },
    { { "object.assignable.type" }, RESULTS_EDU_WORD, 1, 0,
      "Activity, Book Activity" },
    { { "object.assignable.skillCode" }, RESULTS_EDU_STRING, 1, 0, NULL },
    { { "object.dateCreated", "dateCreated" }, RESULTS_EDU_TIME, 1, 0, NULL },
    { { "object.startedAtTime", "startedAtTime" }, RESULTS_EDU_TIME, 1,
      of(started), NULL },
    { { "object.totalTime", "object.duration", "totalTime", "duration" },
      RESULTS_EDU_SECONDS, 1, of(seconds), NULL },
    { { "edApp" }, RESULTS_EDU_URN, 1, of(ed_app), NULL },

    { { "object.assignable.extension.name" }, RESULTS_EDU_STRING, 0, 0, NULL },
    { { "object.assignable.extension.bookLevel" }, RESULTS_EDU_LABEL, 0, 0,
      NULL },
    { { "object.assignable.isPartOf.id" }, RESULTS_EDU_ID, 0, of(part), NULL },
    { { "object.assignable.isPartOf.name" }, RESULTS_EDU_STRING, 0, 0, NULL },
    { { "object.assignable.isPartOf.type" }, RESULTS_EDU_WORD, 0,
      of(part_type), "Subject, GroupStudy, Task" },
    { { "object.assignable.frequency_assigned", "object.frequency_assigned" },
      RESULTS_EDU_INTEGER, 0, 0, NULL },
    { { "object.endedAtTime" }, RESULTS_EDU_TIME, 0, of(ended), NULL },
    { { "object.lastTime" }, RESULTS_EDU_TIME, 0, 0, NULL },
    { { "object.percentReading" }, RESULTS_EDU_PERCENT, 0, of(percent), NULL },
    { { "object.completionType" }, RESULTS_EDU_WORD, 0, of(completion),
      "SUCCESSFULL, FAILURE, ONGOING, EXTRA, CANCEL" },
    { { "object.finished" }, RESULTS_EDU_FLAG, 0, 0, "TRUE, FALSE" },
    { { "generated.type" }, RESULTS_EDU_WORD, 0, 0, "Score" },
    { { "generated.maxScore" }, RESULTS_EDU_NUMBER, 0, of(score_max), NULL },
    { { "generated.scoreGiven" }, RESULTS_EDU_NUMBER, 0, of(score), NULL },
    { { "generated.proficiencyLevel" }, RESULTS_EDU_LABEL, 0, 0, NULL },
    { { "generated.trys" }, RESULTS_EDU_INTEGER, 0, 0, NULL },

    { { NULL }, 0, 0, 0, NULL }
};


/* by the words of object.completionType; the one behind them: none */
static const results_completion_e  results_edu_completions[] = {
    RESULTS_COMPLETION_COMPLETE,
    RESULTS_COMPLETION_FAILED,
    RESULTS_COMPLETION_IN_PROGRESS,
    RESULTS_COMPLETION_COMPLETE,
    RESULTS_COMPLETION_DECLINED,
    RESULTS_COMPLETION_NULL
};


/* each takes every type of event; the first is below "location = /grade2" */

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


/* NULL with r->failure set */
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


/* what is wrong is added to r->errors, in the order of the table */
static void
results_edu_read(results_request_t *r, results_value_t *body,
    results_edu_event_t *event)
{
    results_value_t            *value;
    const results_edu_field_t  *field;

    event->score = event->score_max = event->percent = NAN;
    event->started = event->ended = RESULTS_TIME_NULL;
    event->completion = RESULTS_EDU_NO_COMPLETION;

    for (field = results_edu_fields; field->places[0]; field++) {

        value = results_edu_find(body, field);

        if (value == NULL) {
            if (field->required) {
                results_errors_add(&r->errors, "", "Field %s not informed",
                                   field->places[0]);
            }

            continue;
        }

        if (results_edu_value(r->arena, value, field,
                              (char *) event + field->member)
            == 0)
        {
            continue;
        }

        if (field->words) {
            results_errors_add(&r->errors, "",
                               "Field %s invalid: expected one of %.*s",
                               field->places[0],
                               (int) strcspn(field->words, "|"),
                               field->words);
        } else {
            results_errors_add(&r->errors, "",
                               "Field %s invalid: expected %s",
                               field->places[0],
                               results_edu_expected[field->type]);
        }
    }
}


/* the first place that informs; null and "" do not */
static results_value_t *
results_edu_find(results_value_t *body, const results_edu_field_t *field)
{
    int               i;
    results_value_t  *value;

    for (i = 0; i < RESULTS_EDU_PLACES && field->places[i]; i++) {

        value = results_json_at(body, field->places[i]);

        if (value && !results_value_is_null(value)
            && !(results_value_is_string(value) && value->u.text.len == 0))
        {
            return value;
        }
    }

    return NULL;
}


/* 0, or -1 where the value is none of the field's type */
static int
results_edu_value(results_arena_t *arena, results_value_t *value,
    const results_edu_field_t *field, void *out)
{
    char            uuid[RESULTS_UUID_LEN];
    double          number;
    results_str_t   text;

    text = results_value_text(value);

    switch (field->type) {

    case RESULTS_EDU_STRING:
        return text.data ? 0 : -1;

    case RESULTS_EDU_LABEL:
        return (text.data || results_value_is_number(value)) ? 0 : -1;

    case RESULTS_EDU_ID:
        return results_json_id(arena, value, out);

    case RESULTS_EDU_URN:
        if (text.len != sizeof("urn:uuid:") - 1 + RESULTS_UUID_LEN
            || results_uuid_normalize(text, uuid) != 0)
        {
            return -1;
        }

        *(results_str_t *) out = text;
        return 0;

    case RESULTS_EDU_TIME:
        if (text.data == NULL) {
            return -1;
        }

        return results_time_parse(text, RESULTS_TIME_DATE
                                        |RESULTS_TIME_DATETIME
                                        |RESULTS_TIME_NOZONE, out);

    case RESULTS_EDU_NUMBER:
        return results_edu_number(value, INFINITY, out);

    case RESULTS_EDU_INTEGER:
        if (results_edu_number(value, RESULTS_EDU_INTEGER_MAX, &number) != 0
            || number != (double) (int64_t) number)
        {
            return -1;
        }

        return 0;

    case RESULTS_EDU_SECONDS:
        return results_edu_number(value, INT32_MAX, out);

    case RESULTS_EDU_PERCENT:
        return results_edu_number(value, 100, out);

    case RESULTS_EDU_WORD:
        return results_edu_word(text, field->words, out);

    default: /* RESULTS_EDU_FLAG */
        if (results_value_is(value, RESULTS_VALUE_TRUE)
            || results_value_is(value, RESULTS_VALUE_FALSE)
            || results_str_caseeq(text, results_str("TRUE"))
            || results_str_caseeq(text, results_str("FALSE")))
        {
            return 0;
        }

        return -1;
    }
}


/* one of words; *out is its index */
static int
results_edu_word(results_str_t text, const char *words, int *out)
{
    int            i;
    results_str_t  word;

    for (i = 0; *words; i++) {
        word.data = words;
        word.len = strcspn(words, ",|");

        if (results_str_eq(word, text)) {
            *out = i;
            return 0;
        }

        words += word.len;
        words += strspn(words, ",| ");
    }

    return -1;
}


static int
results_edu_number(results_value_t *value, double max, double *out)
{
    double  number;

    if (results_json_numeric(value, &number) != 0
        || number < 0 || number > max)
    {
        return -1;
    }

    *out = number;
    return 0;
}


/* -1 without memory */
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

    record->completion = results_edu_completions[event->completion];

    /* a ViewEvent may bring a score, but grades nothing */

    if (event->type != RESULTS_EDU_VIEW_EVENT) {
        record->score = event->score;
        record->score_max = event->score_max;
    }

    /* two spellings of an id are one id */

    if (results_json_hash(body, ids, &record->payload_hash) != 0) {
        return -1;
    }

    record->detail = results_json_dump(r->arena, body);

    if (record->learner_id.data == NULL || record->item_id.data == NULL
        || record->detail.data == NULL)
    {
        return -1;
    }

    return results_edu_id(r, body, ids, event, record);
}


/*
 * Each of the three ids is the same when the request comes again: the event's
 * own one, one of the Idempotency-Key, one of who sends what.
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
