
/*
 * From an object of a body to a record.  The record's texts point into the
 * arena or into the tree, which is in the arena as well.
 *
 * What has no column goes to `detail`, in the shape that it has in the body: so
 * nothing is lost when the record is read by the same dialect, and the renderer
 * can take either the body's object or the detail.
 */

#include <string.h>

#include "results_oneroster.h"


typedef struct {
    results_request_t      *r;
    results_reader_t       *object;
    results_record_t       *record;
    unsigned                strict;
    unsigned                ext;           /* scoreStatus may be "ext:..." */
    unsigned                optional;      /* reader flags of optional fields */
    int                     in_progress;
    int                     incomplete;
} results_oneroster_reading_t;


static int results_oneroster_read_field(results_oneroster_reading_t *rd,
    const results_oneroster_field_t *field);
static void results_oneroster_read_sourced_id(
    results_oneroster_reading_t *rd, const char *name);
static void results_oneroster_read_status(results_oneroster_reading_t *rd,
    const char *name);
static int results_oneroster_read_ref(results_oneroster_reading_t *rd,
    const results_oneroster_field_t *field, unsigned flags);
static void results_oneroster_read_score_status(
    results_oneroster_reading_t *rd, const char *name, unsigned flags);
static int results_oneroster_read_flag(results_oneroster_reading_t *rd,
    const char *name, unsigned flags);
static int results_oneroster_ext(results_str_t word);
static void results_oneroster_refuse_unknown(results_reader_t *object,
    const results_oneroster_model_t *model);


/*
 * Members that payload_hash does not cover: clients send a new dateLastModified
 * when they repeat a request, and the sourcedId is the record's key.
 */
static const char *const  results_oneroster_unhashed[] = {
    "sourcedId",
    "dateLastModified",
    NULL
};


int
results_oneroster_envelope(results_request_t *r,
    const results_oneroster_model_t *model, results_reader_t *object)
{
    const char       *names[2];
    results_value_t  *body;
    results_reader_t  root;

    body = results_json_parse(r->body, &r->errors);

    if (body == NULL) {
        r->failure.status = 400;
        return -1;
    }

    if (!results_value_is_object(body)) {
        results_errors_add(&r->errors, "", "expected an object");
        r->failure.status = 422;
        return -1;
    }

    root.object = body;
    root.path = "";
    root.errors = &r->errors;

    names[0] = model->name;
    names[1] = NULL;

    results_json_refuse_unknown(&root, names);

    if (results_json_object(&root, model->name, RESULTS_JSON_REQUIRED, object)
        != RESULTS_JSON_OK)
    {
        r->failure.status = 422;
        return -1;
    }

    return 0;
}


int
results_oneroster_read(results_request_t *r, results_reader_t *object,
    const results_oneroster_model_t *model, unsigned flags,
    results_record_t *record)
{
    const results_oneroster_field_t  *field;
    results_oneroster_reading_t       rd;

    rd.r = r;
    rd.object = object;
    rd.record = record;
    rd.strict = flags & RESULTS_ONEROSTER_STRICT;
    rd.ext = flags & (RESULTS_ONEROSTER_STRICT|RESULTS_ONEROSTER_STORED);
    rd.optional = rd.strict ? 0 : RESULTS_JSON_NULLABLE;
    rd.in_progress = 0;
    rd.incomplete = 0;

    record->institution_id = r->principal->institution_id;
    record->client_id = r->principal->client_id;
    record->kind = model->kind;

    for (field = model->fields; field->name; field++) {
        if (results_oneroster_read_field(&rd, field) != 0) {
            return -1;
        }
    }

    if (rd.strict) {
        results_oneroster_refuse_unknown(object, model);
    }

    if (r->errors.n) {
        return 0;
    }

    /* these take precedence over the scoreStatus: docs/records.md */

    if (rd.in_progress) {
        record->completion = RESULTS_COMPLETION_IN_PROGRESS;

    } else if (rd.incomplete) {
        record->completion = RESULTS_COMPLETION_INCOMPLETE;
    }

    return 0;
}


int
results_oneroster_keep(results_request_t *r, results_value_t *object,
    const results_oneroster_model_t *model, results_record_t *record)
{
    if (results_json_hash(object, results_oneroster_unhashed,
                          &record->payload_hash)
        != 0)
    {
        return -1;
    }

    record->detail = results_oneroster_detail(r->arena, object, model, record);

    return record->detail.data ? 0 : -1;
}


results_record_t *
results_oneroster_take(results_request_t *r, results_reader_t *object,
    const results_oneroster_model_t *model, unsigned flags, results_str_t id)
{
    results_record_t  *record;

    record = results_arena_alloc(r->arena, sizeof(results_record_t));
    if (record == NULL) {
        goto nomem;
    }

    results_record_init(record);

    record->id = id;

    if (results_oneroster_read(r, object, model, flags, record) != 0) {
        goto nomem;
    }

    if (r->errors.n) {
        r->failure.status = 422;
        return NULL;
    }

    if (results_oneroster_keep(r, object->object, model, record) != 0) {
        goto nomem;
    }

    r->records = record;
    r->nrecords = 1;

    return record;

nomem:

    results_fail(r, 500, "out of memory");
    return NULL;
}


static int
results_oneroster_read_field(results_oneroster_reading_t *rd,
    const results_oneroster_field_t *field)
{
    double             number;
    int64_t            time;
    unsigned           flags;
    results_str_t      text;
    results_reader_t   child;

    flags = field->required ? RESULTS_JSON_REQUIRED : rd->optional;

    switch (field->type) {

    case RESULTS_ONEROSTER_SOURCED_ID:
        results_oneroster_read_sourced_id(rd, field->name);
        break;

    case RESULTS_ONEROSTER_STATUS:
        results_oneroster_read_status(rd, field->name);
        break;

    case RESULTS_ONEROSTER_MODIFIED:
        (void) results_json_time(rd->object, field->name, flags,
                                 RESULTS_TIME_DATETIME, &time, NULL);
        break;

    case RESULTS_ONEROSTER_METADATA:
        (void) results_json_object(rd->object, field->name, flags, &child);
        break;

    case RESULTS_ONEROSTER_REF:
        return results_oneroster_read_ref(rd, field, flags);

    case RESULTS_ONEROSTER_SCORE_STATUS:
        results_oneroster_read_score_status(rd, field->name, flags);
        break;

    case RESULTS_ONEROSTER_SCORE_DATE:
        (void) results_json_time(rd->object, field->name, flags,
                                 RESULTS_TIME_DATE|RESULTS_TIME_DATETIME,
                                 &rd->record->scored_at, NULL);
        break;

    case RESULTS_ONEROSTER_SCORE:
        (void) results_json_number(rd->object, field->name, flags,
                                   &rd->record->score);
        break;

    case RESULTS_ONEROSTER_NUMBER:
        (void) results_json_number(rd->object, field->name, flags, &number);
        break;

    case RESULTS_ONEROSTER_STRING:
        (void) results_json_string(rd->object, field->name, flags, 0, &text);
        break;

    case RESULTS_ONEROSTER_IN_PROGRESS:
        rd->in_progress = results_oneroster_read_flag(rd, field->name, flags);
        break;

    case RESULTS_ONEROSTER_INCOMPLETE:
        rd->incomplete = results_oneroster_read_flag(rd, field->name, flags);
        break;

    case RESULTS_ONEROSTER_FLAG:
        (void) results_oneroster_read_flag(rd, field->name, flags);
        break;

    case RESULTS_ONEROSTER_OBJECTIVES:
        results_oneroster_read_objectives(rd->object, field->name, flags,
                                          rd->strict);
        break;
    }

    return 0;
}


static void
results_oneroster_read_sourced_id(results_oneroster_reading_t *rd,
    const char *name)
{
    results_str_t  id;

    if (results_json_string(rd->object, name, rd->optional, 0, &id)
        != RESULTS_JSON_OK)
    {
        return;
    }

    if (rd->record->id.data == NULL) {

        if (results_id_valid(id)) {
            rd->record->id = id;
            return;
        }

        results_errors_add(&rd->r->errors,
                           results_json_path(rd->object, name),
                           "expected 1 to 255 characters, no control "
                           "characters");
        return;
    }

    if (!results_str_eq(id, rd->record->id)) {
        results_errors_add(&rd->r->errors,
                           results_json_path(rd->object, name),
                           "differs from the id in the path");
    }
}


static void
results_oneroster_read_status(results_oneroster_reading_t *rd,
    const char *name)
{
    int  word;

    /* "inactive" is the word of OneRoster 1.1 */
    static const char *const  words[] = {
        "active", "tobedeleted", "inactive", NULL
    };

    if (results_json_word(rd->object, name, rd->optional, words, &word)
        == RESULTS_JSON_OK)
    {
        rd->record->status = (word == 0) ? RESULTS_STATUS_ACTIVE
                                         : RESULTS_STATUS_TOBEDELETED;
    }
}


/* reads a GUIDRef; only its sourcedId is needed, the renderer makes the rest */
static int
results_oneroster_read_ref(results_oneroster_reading_t *rd,
    const results_oneroster_field_t *field, unsigned flags)
{
    int                changed, word;
    const char        *words[2];
    results_str_t      id, href;
    results_reader_t   ref;

    static const char *const  names[] = {
        "href", "sourcedId", "type", NULL
    };

    if (results_json_object(rd->object, field->name, flags, &ref)
        != RESULTS_JSON_OK)
    {
        return 0;
    }

    words[0] = field->ref;
    words[1] = NULL;

    (void) results_json_string(&ref, "href", rd->optional, 0, &href);
    (void) results_json_word(&ref, "type", rd->optional, words, &word);

    if (rd->strict) {
        results_json_refuse_unknown(&ref, names);
    }

    if (results_json_string(&ref, "sourcedId", RESULTS_JSON_REQUIRED, 0, &id)
        != RESULTS_JSON_OK)
    {
        return 0;
    }

    if (!results_id_valid(id)) {
        results_errors_add(&rd->r->errors,
                           results_json_path(&ref, "sourcedId"),
                           "expected 1 to 255 characters, no control "
                           "characters");
        return 0;
    }

    if (field->column) {
        id = results_id_normalize(rd->r->arena, id, &changed);
        results_oneroster_column(rd->record, field) = id;
    }

    return id.data ? 0 : -1;
}


/* docs/records.md says which completion each word is */
static void
results_oneroster_read_score_status(results_oneroster_reading_t *rd,
    const char *name, unsigned flags)
{
    int            word;
    results_str_t  text;

    static const char *const  words[] = {
        "exempt", "fully graded", "not submitted", "partially graded",
        "submitted", NULL
    };

    static const results_completion_e  completions[] = {
        RESULTS_COMPLETION_ACCEPTED,
        RESULTS_COMPLETION_COMPLETE,
        RESULTS_COMPLETION_NOT_STARTED,
        RESULTS_COMPLETION_PENDING,
        RESULTS_COMPLETION_PENDING
    };

    if (rd->ext) {
        text = results_value_text(
                               results_value_get(rd->object->object, name));

        if (text.data && results_oneroster_ext(text)) {
            return;
        }
    }

    if (results_json_word(rd->object, name, flags, words, &word)
        == RESULTS_JSON_OK)
    {
        rd->record->completion = completions[word];
    }
}


/* 1 when the field is "true"; only the standard refuses other strings */
static int
results_oneroster_read_flag(results_oneroster_reading_t *rd,
    const char *name, unsigned flags)
{
    int            word;
    results_str_t  text;

    static const char *const  words[] = { "true", "false", NULL };

    if (rd->strict) {
        return results_json_word(rd->object, name, flags, words, &word)
               == RESULTS_JSON_OK
               && word == 0;
    }

    return results_json_string(rd->object, name, flags, 0, &text)
           == RESULTS_JSON_OK
           && results_str_is(text, "true");
}


/* 1 when all of the word matches the standard's (ext:)[a-zA-Z0-9.\-_]+ */
static int
results_oneroster_ext(results_str_t word)
{
    size_t  i;
    char    c;

    if (word.len < 5 || memcmp(word.data, "ext:", 4) != 0) {
        return 0;
    }

    for (i = 4; i < word.len; i++) {
        c = word.data[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
              || c == '.' || c == '-' || c == '_'))
        {
            return 0;
        }
    }

    return 1;
}


static void
results_oneroster_refuse_unknown(results_reader_t *object,
    const results_oneroster_model_t *model)
{
    unsigned     i;
    const char  *names[RESULTS_OR_FIELDS_MAX];

    i = 0;

    do {
        names[i] = model->fields[i].name;
    } while (names[i++]);

    results_json_refuse_unknown(object, names);
}
