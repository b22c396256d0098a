
/*
 * The dialect `wse`: POST contentItemResult as Wall Street English's
 * LearningServices take it, an ASP.NET Web API (docs/api/wse.md).  Names may be
 * in any case, GUIDs in any form, enums are numbers or words.  Whether the
 * caller may write a result is decided by the write statement:
 * RESULTS_GUARD_STUDENT_OR_CENTER.
 *
 * `known` is the body with only its known members, under the names of the table
 * and without nulls.  What of it has no column is the record's detail.
 */

#include <stddef.h>
#include <string.h>

#include "results_dialect.h"
#include "results_uuid.h"


#define RESULTS_WSE_REALM  "results"

/* the default of .NET's DateTime: it was not set, whatever its zone */
#define RESULTS_WSE_NO_TIME  "0001-01-01T00:00:00"


typedef enum {
    RESULTS_WSE_GUID,
    RESULTS_WSE_SECONDS,
    RESULTS_WSE_DECIMAL,
    RESULTS_WSE_ENUM,
    RESULTS_WSE_STRING,
    RESULTS_WSE_TIME,
    RESULTS_WSE_CAN_DO_RESULTS
} results_wse_type_e;


typedef struct {
    const char             *name;
    results_wse_type_e      type;
    unsigned                required;
    size_t                  column;    /* of the record; 0: in detail only */
} results_wse_field_t;


static results_next_e results_wse_parse(results_request_t *r);
static results_next_e results_wse_finish(results_request_t *r);
static void results_wse_error(results_request_t *r);

static int results_wse_role(results_request_t *r);
static results_value_t *results_wse_known(results_arena_t *arena,
    results_value_t *object,    const results_wse_field_t *fields);
static int results_wse_unset(const results_value_t *time);
static results_value_t *results_wse_member(results_value_t *object,
    const char *name);
static results_value_t *results_wse_known_elements(results_arena_t *arena,
    results_value_t *array);
static int results_wse_read(results_request_t *r, results_value_t *known,
    results_record_t *record);
static int results_wse_read_guid(results_request_t *r,
    results_reader_t *reader, const results_wse_field_t *field,
    results_str_t *out);
static void results_wse_read_enum(results_reader_t *reader, const char *name);
static void results_wse_read_elements(results_reader_t *reader,
    const char *name);
static int results_wse_detail(results_request_t *r, results_value_t *body,
    results_value_t *known, results_record_t *record);
static void results_wse_model_state(const results_errors_t *errors,
    results_buf_t *buf);
static results_str_t results_wse_message(results_request_t *r);
static results_str_t results_wse_content_type(const results_request_t *r);


static const char *const  results_wse_media_types[] = {
    "application/json",
    "text/json",
    NULL
};


static const results_wse_field_t  results_wse_fields[] = {
    { "UserId", RESULTS_WSE_GUID, 0, 0 },
    { "Duration", RESULTS_WSE_SECONDS, 0,
      offsetof(results_record_t, time_spent) },
    { "CanDoResults", RESULTS_WSE_CAN_DO_RESULTS, 0, 0 },
    { "ActivityCapturedType", RESULTS_WSE_ENUM, 0, 0 },
    { "StudentId", RESULTS_WSE_GUID, 1,
      offsetof(results_record_t, learner_id) },
    { "ContentItemId", RESULTS_WSE_GUID, 1,
      offsetof(results_record_t, item_id) },
    { "ContentItemStateName", RESULTS_WSE_STRING, 0, 0 },
    { "Score", RESULTS_WSE_DECIMAL, 0, offsetof(results_record_t, score) },
    { "DateStarted", RESULTS_WSE_TIME, 0,
      offsetof(results_record_t, started_at) },
    { "DateCompleted", RESULTS_WSE_TIME, 0,
      offsetof(results_record_t, completed_at) },
    { "ContentItemResultTypeId", RESULTS_WSE_ENUM, 0, 0 },
    { "ContentItemState", RESULTS_WSE_ENUM, 0, 0 },
    { "StudyMode", RESULTS_WSE_ENUM, 0, 0 },
    { NULL, 0, 0, 0 }
};

static const results_wse_field_t  results_wse_can_do_fields[] = {
    { "CanDoCode", RESULTS_WSE_STRING, 0, 0 },
    { "Score", RESULTS_WSE_DECIMAL, 0, 0 },
    { NULL, 0, 0, 0 }
};


/* "" is for a location like "= /contentItemResult" */

static const results_route_t  results_wse_routes[] = {

    { RESULTS_METHOD_POST, "", RESULTS_ROUTE_BODY, 0,
      results_wse_parse, results_wse_finish, NULL },

    { RESULTS_METHOD_POST, "contentItemResult", RESULTS_ROUTE_BODY, 0,
      results_wse_parse, results_wse_finish, NULL },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_wse = {
    "wse",
    results_wse_routes,
    NULL,
    results_wse_media_types,
    RESULTS_AUTH_BEARER,
    results_wse_error
};


static results_next_e
results_wse_parse(results_request_t *r)
{
    results_value_t   *body, *known;
    results_record_t  *record;

    if (results_wse_role(r) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    body = results_json_parse(r->body, &r->errors);

    if (body && !results_value_is_object(body)) {
        results_errors_add(&r->errors, "", "expected an object");
    }

    if (r->errors.n) {
        r->failure.status = 400;
        return RESULTS_NEXT_REPLY;
    }

    record = results_arena_alloc(r->arena, sizeof(results_record_t));
    if (record == NULL) {
        goto nomem;
    }

    known = results_wse_known(r->arena, body, results_wse_fields);

    if (known == NULL) {
        goto nomem;
    }

    results_record_init(record);

    if (results_wse_read(r, known, record) != 0) {
        goto nomem;
    }

    if (r->errors.n) {
        r->failure.status = 400;
        return RESULTS_NEXT_REPLY;
    }

    record->institution_id = r->principal->institution_id;
    record->client_id = r->principal->client_id;
    record->kind = RESULTS_KIND_CONTENT_ITEM_RESULT;
    record->op = RESULTS_OP_CREATE;

    record->completion = (record->completed_at != RESULTS_TIME_NULL)
                         ? RESULTS_COMPLETION_COMPLETE
                         : RESULTS_COMPLETION_IN_PROGRESS;

    record->guards = RESULTS_GUARD_STUDENT_OR_CENTER;
    record->actor_id.data = r->principal->person;
    record->actor_id.len = r->principal->person_len;

    record->id = results_idempotency_id(r, "wse/contentItemResult", 0);

    if (record->id.data == NULL
        || results_wse_detail(r, body, known, record) != 0)
    {
        goto nomem;
    }

    r->records = record;
    r->nrecords = 1;

    return RESULTS_NEXT_WRITE;

nomem:

    results_fail(r, 500, "out of memory");
    return RESULTS_NEXT_REPLY;
}


static results_next_e
results_wse_finish(results_request_t *r)
{
    results_record_t  *record;

    record = r->records;

    switch (record->outcome) {

    case RESULTS_OUTCOME_CREATED:
    case RESULTS_OUTCOME_REPLAYED:
        break;

    case RESULTS_OUTCOME_FORBIDDEN:
        results_fail(r, 403, "the caller is neither the student of the "
                     "content item result nor a staff member of the "
                     "student's center");
        return RESULTS_NEXT_REPLY;

    case RESULTS_OUTCOME_CONFLICT:
        results_idempotency_conflict(r);
        return RESULTS_NEXT_REPLY;

    case RESULTS_OUTCOME_UNKNOWN_LEARNER:
    case RESULTS_OUTCOME_UNKNOWN_ITEM:
        results_fail_reference(r, r->records, "StudentId", "ContentItemId");
        return RESULTS_NEXT_REPLY;

    default:
        results_fail(r, 500, "the record came back without an outcome");
        return RESULTS_NEXT_REPLY;
    }

    results_buf_json_string(&r->reply.body, record->id);

    if (r->reply.body.failed) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    r->reply.status = 200;
    r->reply.content_type = results_wse_content_type(r);

    return RESULTS_NEXT_REPLY;
}


/* checks the caller's role: 0, or -1 with r->failure set */
static int
results_wse_role(results_request_t *r)
{
    switch (r->principal->role) {

    case RESULTS_ROLE_STUDENT:
    case RESULTS_ROLE_STAFF:
    case RESULTS_ROLE_PROSPECT_WITH_TRIAL:
        return 0;

    default:
        results_fail(r, 403, "the caller is not a StaffMember, Student or "
                     "ProspectWithTrial");
        return -1;
    }
}


/* makes `known` of a body; NULL without memory */
static results_value_t *
results_wse_known(results_arena_t *arena, results_value_t *object,
    const results_wse_field_t *fields)
{
    results_value_t  *known, *value;

    known = results_value_create(arena, RESULTS_VALUE_OBJECT);

    for ( /* void */ ; known && fields->name; fields++) {

        value = results_wse_member(object, fields->name);

        if (value == NULL || results_value_is_null(value)
            || (fields->type == RESULTS_WSE_TIME && results_wse_unset(value)))
        {
            continue;
        }

        if (fields->type == RESULTS_WSE_CAN_DO_RESULTS
            && results_value_is_array(value))
        {
            value = results_wse_known_elements(arena, value);
        }

        if (results_value_add(arena, known, results_str(fields->name), value)
            == NULL)
        {
            known = NULL;
        }
    }

    return known;
}


static int
results_wse_unset(const results_value_t *time)
{
    results_str_t  text;

    text = results_value_text(time);

    return text.len >= sizeof(RESULTS_WSE_NO_TIME) - 1
           && memcmp(text.data, RESULTS_WSE_NO_TIME,
                     sizeof(RESULTS_WSE_NO_TIME) - 1)
              == 0;
}


/* the member of a name, else, as in .NET, of that name in any case */
static results_value_t *
results_wse_member(results_value_t *object, const char *name)
{
    results_value_t  *value;

    value = results_value_get(object, name);

    if (value) {
        return value;
    }

    for (value = results_value_first(object); value; value = value->next) {
        if (results_str_caseeq(value->name, results_str(name))) {
            break;
        }
    }

    return value;
}


static results_value_t *
results_wse_known_elements(results_arena_t *arena, results_value_t *array)
{
    results_value_t  *known, *value, *element;

    known = results_value_create(arena, RESULTS_VALUE_ARRAY);

    for (value = results_value_first(array);
         value && known;
         value = value->next)
    {
        element = value;

        if (results_value_is_object(value)) {
            element = results_wse_known(arena, value,
                                        results_wse_can_do_fields);
        }

        if (results_value_add(arena, known, results_str(NULL), element)
            == NULL)
        {
            known = NULL;
        }
    }

    return known;
}


/* reads the fields; what is wrong is added to r->errors.  -1 without memory */
static int
results_wse_read(results_request_t *r, results_value_t *known,
    results_record_t *record)
{
    void                       *column;
    int64_t                     seconds;
    results_str_t               text;
    results_reader_t            reader;
    const results_wse_field_t  *field;

    reader.object = known;
    reader.path = "";
    reader.errors = &r->errors;

    for (field = results_wse_fields; field->name; field++) {

        column = (char *) record + field->column;

        switch (field->type) {

        case RESULTS_WSE_GUID:
            if (results_wse_read_guid(r, &reader, field,
                                      field->column ? column : &text)
                != 0)
            {
                return -1;
            }

            break;

        case RESULTS_WSE_SECONDS:
            if (results_json_integer(&reader, field->name, 0, 0, INT32_MAX,
                                     &seconds)
                == RESULTS_JSON_OK)
            {
                *(int32_t *) column = (int32_t) seconds;
            }

            break;

        case RESULTS_WSE_DECIMAL:
            (void) results_json_number(&reader, field->name, 0, column);
            break;

        case RESULTS_WSE_ENUM:
            results_wse_read_enum(&reader, field->name);
            break;

        case RESULTS_WSE_STRING:
            (void) results_json_string(&reader, field->name, 0, 0, &text);
            break;

        case RESULTS_WSE_TIME:

            /* a DateTime may have no zone: it is read as UTC */

            (void) results_json_time(&reader, field->name, 0,
                                     RESULTS_TIME_DATE|RESULTS_TIME_DATETIME
                                     |RESULTS_TIME_NOZONE|RESULTS_TIME_ISO,
                                     column, NULL);
            break;

        case RESULTS_WSE_CAN_DO_RESULTS:
            results_wse_read_elements(&reader, field->name);
            break;
        }
    }

    return 0;
}


static int
results_wse_read_guid(results_request_t *r, results_reader_t *reader,
    const results_wse_field_t *field, results_str_t *out)
{
    int               changed;
    char              uuid[RESULTS_UUID_LEN];
    results_str_t     text;
    results_value_t  *value;

    value = results_value_get(reader->object, field->name);

    if (value == NULL && !field->required) {
        return 0;
    }

    text = results_value_text(value);

    if (text.data == NULL || results_uuid_normalize(text, uuid) != 0) {
        results_errors_add(&r->errors,
                           results_json_path(reader, field->name),
                           "%sexpected a GUID as "
                           "e37e973c-f410-4ed5-9dfd-b1446441072b",
                           value ? "" : "required, ");
        return 0;
    }

    *out = results_id_normalize(r->arena, text, &changed);

    return out->data ? 0 : -1;
}


/* the API's enums are not published, so any number or word is accepted */
static void
results_wse_read_enum(results_reader_t *reader, const char *name)
{
    int64_t           number;
    results_value_t  *value;

    value = results_value_get(reader->object, name);

    if (!results_value_is_string(value)) {
        (void) results_json_integer(reader, name, 0, INT32_MIN, INT32_MAX,
                                    &number);
        return;
    }

    if (!results_id_valid(value->u.text)) {
        results_errors_add(reader->errors, results_json_path(reader, name),
                           "expected an integer, or a word of 1 to 255 "
                           "characters");
    }
}


static void
results_wse_read_elements(results_reader_t *reader, const char *name)
{
    size_t            i;
    double            score;
    const char       *path;
    results_str_t     code;
    results_value_t  *array, *value;
    results_reader_t  element;

    if (results_json_array(reader, name, 0, &array) != RESULTS_JSON_OK) {
        return;
    }

    value = results_value_first(array);

    for (i = 0; value; i++, value = value->next) {

        path = results_json_path_index(reader, name, i);

        if (!results_value_is_object(value)) {
            results_errors_add(reader->errors, path, "expected an object");
            continue;
        }

        element.object = value;
        element.path = path;
        element.errors = reader->errors;

        (void) results_json_string(&element, "CanDoCode", 0, 0, &code);
        (void) results_json_number(&element, "Score", 0, &score);
    }
}


/*
 * Sets payload_hash and detail, which has what no column has in full: dates,
 * since .NET has seven decimals of a second and PostgreSQL six; and the text of
 * a decimal, which has up to 29 digits, when a double would lose some.
 */
static int
results_wse_detail(results_request_t *r, results_value_t *body,
    results_value_t *known, results_record_t *record)
{
    int                         n;
    results_str_t               text, column;
    results_value_t            *value;
    const results_wse_field_t  *field;

    n = results_json_keep_digits(r->arena, body);

    if (n < 0) {
        return -1;
    }

    if (n > 0) {
        known = results_wse_known(r->arena, body, results_wse_fields);

        if (known == NULL) {
            return -1;
        }
    }

    if (results_json_hash(known, NULL, &record->payload_hash) != 0) {
        return -1;
    }

    for (field = results_wse_fields; field->name; field++) {

        if (field->column == 0) {
            continue;
        }

        value = results_value_get(known, field->name);

        if (field->type == RESULTS_WSE_GUID) {

            column = *(results_str_t *) ((char *) record + field->column);
            text = results_value_text(value);

            if (!results_str_eq(text, column)) {
                continue;
            }

        } else if (!results_value_is_number(value)) {
            continue;
        }

        results_value_remove(known, field->name);
    }

    record->detail = results_json_dump(r->arena, known);

    return record->detail.data ? 0 : -1;
}


/* dialect->error(): the HttpError of ASP.NET Web API */
static void
results_wse_error(results_request_t *r)
{
    results_buf_t  *buf;

    results_reply_failure(r);
    results_reply_bearer(r, RESULTS_WSE_REALM);

    r->reply.content_type = results_wse_content_type(r);

    buf = &r->reply.body;

    results_buf_puts(buf, "{\"Message\":");

    if (r->failure.text.data == NULL && r->errors.n) {
        results_buf_puts(buf, "\"The request is invalid.\","
                              "\"ModelState\":{");
        results_wse_model_state(&r->errors, buf);
        results_buf_puts(buf, "}");

    } else {
        results_buf_json_string(buf, results_wse_message(r));
    }

    results_buf_puts(buf, "}");
}


/* each error as a member, named by its field, which has one at most */
static void
results_wse_model_state(const results_errors_t *errors, results_buf_t *buf)
{
    unsigned                i;
    results_buf_t           name = { NULL, 0, 0, 0 };
    results_str_t           text;
    const results_error_t  *error;

    for (i = 0; i < errors->n; i++) {
        error = &errors->list[i];

        name.len = 0;
        results_buf_puts(&name, "parameters.");
        results_buf_dotted(&name, error->path);

        if (name.failed) {
            break;
        }

        text.data = name.data;
        text.len = error->path.len ? name.len : sizeof("parameters") - 1;

        results_buf_puts(buf, i ? "," : "");
        results_buf_json_string(buf, text);
        results_buf_puts(buf, ":[");
        results_buf_json_string(buf, error->text);
        results_buf_puts(buf, "]");
    }

    if (errors->dropped) {
        results_buf_printf(buf, ",\"parameters\":[\"and %u more\"]",
                           errors->dropped);
    }

    buf->failed |= name.failed;

    results_buf_free(&name);
}


static results_str_t
results_wse_message(results_request_t *r)
{
    char           first;
    results_str_t  text;

    switch (r->failure.status) {

    case 401:
        return results_str("Authorization has been denied for this request.");

    case 405:
        return results_arena_printf(r->arena, "The requested resource does "
                                    "not support http method '%.*s'.",
                                    (int) r->method_name.len,
                                    r->method_name.data);

    case 415:
        if (results_media_type(r, &text) < 0) {
            return results_arena_printf(r->arena, "The request entity's media "
                                        "type '%.*s' is not supported for "
                                        "this resource.",
                                        (int) text.len, text.data);
        }

        break;                  /* the charset or the Content-Encoding */
    }

    text = results_failure_text(r);

    /* the text is in lower case, but this API writes sentences */

    first = text.data[0];

    if (first >= 'a' && first <= 'z') {
        first &= ~0x20;
    }

    return results_arena_printf(r->arena, "%c%.*s.", first,
                                (int) text.len - 1, text.data + 1);
}


static results_str_t
results_wse_content_type(const results_request_t *r)
{
    if (results_accept(r->accept, results_wse_media_types) == 1) {
        return results_str("text/json; charset=utf-8");
    }

    return results_str("application/json; charset=utf-8");
}
