
/*
 * From a record to an object of its model, as JSON: the renderer of all replies
 * with objects.  A failed allocation sets buf->failed, which the caller checks.
 */

#include <math.h>
#include <string.h>

#include "results_oneroster.h"


static void results_oneroster_render_field(results_buf_t *buf,
    const results_record_t *record, results_value_t *value,
    const results_oneroster_field_t *field, unsigned flags,
    const results_oneroster_links_t *links);
static int results_oneroster_written(const results_oneroster_field_t *field,
    const results_value_t *value);
static int results_oneroster_listed(const char *word);
static void results_oneroster_render_status(results_buf_t *buf,
    const results_record_t *record, results_value_t *value, unsigned flags);
static void results_oneroster_render_date(results_buf_t *buf,
    const results_record_t *record, results_value_t *value, unsigned strict);
static void results_oneroster_render_ref(results_buf_t *buf,
    const results_record_t *record, results_value_t *ref,
    const results_oneroster_field_t *field, unsigned strict,
    const results_oneroster_links_t *links);
static void results_oneroster_render_unknown(results_buf_t *buf,
    results_value_t *object, const results_oneroster_model_t *model);
static void results_oneroster_render_path_id(results_buf_t *buf,
    results_str_t id);


void
results_oneroster_render(results_buf_t *buf, const results_record_t *record,
    results_value_t *detail, const results_oneroster_model_t *model,
    unsigned flags, const results_oneroster_links_t *links)
{
    size_t                            known;
    results_value_t                  *value;
    const results_oneroster_field_t  *field;

    known = 0;

    /* the detail of another kind does not have this model's fields */

    if (record->kind != model->kind) {
        detail = NULL;
    }

    results_buf_puts(buf, "{");

    for (field = model->fields; field->name; field++) {
        value = results_value_get(detail, field->name);
        known += (value != NULL);

        results_oneroster_render_field(buf, record, value, field, flags,
                                       links);
    }

    if (!(flags & (RESULTS_ONEROSTER_STRICT|RESULTS_ONEROSTER_SELECTED))
        && known != results_value_size(detail))
    {
        results_oneroster_render_unknown(buf, detail, model);
    }

    results_buf_puts(buf, "}");
}


static void
results_oneroster_render_field(results_buf_t *buf,
    const results_record_t *record, results_value_t *value,
    const results_oneroster_field_t *field, unsigned flags,
    const results_oneroster_links_t *links)
{
    char           time[RESULTS_TIME_MILLIS_LEN];
    unsigned       strict;
    results_str_t  text;

    strict = flags & RESULTS_ONEROSTER_STRICT;

    /*
     * null was accepted as absent, so it is not shown.  Nor is a value of a
     * wrong type, which SQL must have stored, since no body can have it.
     */

    if (results_value_is_null(value)
        || !results_oneroster_written(field, value))
    {
        value = NULL;
    }

    switch (field->type) {

    case RESULTS_ONEROSTER_SOURCED_ID:
        results_oneroster_name(buf, field->name);
        results_buf_json_string(buf, record->id);
        break;

    case RESULTS_ONEROSTER_STATUS:
        results_oneroster_name(buf, field->name);
        results_buf_puts(buf, record->status == RESULTS_STATUS_ACTIVE
                              ? "\"active\"" : "\"tobedeleted\"");
        break;

    case RESULTS_ONEROSTER_MODIFIED:
        results_time_format_millis(record->stamp, time);

        results_oneroster_name(buf, field->name);
        results_buf_puts(buf, "\"");
        results_buf_append(buf, time, RESULTS_TIME_MILLIS_LEN);
        results_buf_puts(buf, "\"");
        break;

    case RESULTS_ONEROSTER_REF:
        results_oneroster_render_ref(buf, record, value, field, strict, links);
        break;

    case RESULTS_ONEROSTER_SCORE_STATUS:
        results_oneroster_name(buf, field->name);
        results_oneroster_render_status(buf, record, value, flags);
        break;

    case RESULTS_ONEROSTER_SCORE_DATE:
        results_oneroster_name(buf, field->name);
        results_oneroster_render_date(buf, record, value, strict);
        break;

    case RESULTS_ONEROSTER_SCORE:
        if (isfinite(record->score)) {
            results_oneroster_name(buf, field->name);
            results_buf_json_number(buf, record->score);
        }

        break;

    case RESULTS_ONEROSTER_OBJECTIVES:
        if (value) {
            results_oneroster_render_objectives(buf, field->name, value,
                                                strict);
        }

        break;

    case RESULTS_ONEROSTER_IN_PROGRESS:
    case RESULTS_ONEROSTER_INCOMPLETE:
    case RESULTS_ONEROSTER_FLAG:
        text = results_value_text(value);

        if (strict && !results_str_is(text, "true")
            && !results_str_is(text, "false"))
        {
            break;
        }

        /* fall through */

    default:
        if (value) {
            results_oneroster_name(buf, field->name);
            results_buf_json(buf, value);
        }
    }
}


/* 1 when a value is NULL or has the type of its field */
static int
results_oneroster_written(const results_oneroster_field_t *field,
    const results_value_t *value)
{
    if (value == NULL) {
        return 1;
    }

    switch (field->type) {

    case RESULTS_ONEROSTER_METADATA:
    case RESULTS_ONEROSTER_REF:
        return results_value_is_object(value);

    case RESULTS_ONEROSTER_NUMBER:
        return results_value_is_number(value);

    case RESULTS_ONEROSTER_OBJECTIVES:
        return results_oneroster_objectives_written(value);

    default:
        return results_value_is_string(value);
    }
}


/* 1 for a word that the standard lists for scoreStatus */
static int
results_oneroster_listed(const char *word)
{
    unsigned  i;

    static const char *const  words[] = {
        "exempt", "fully graded", "not submitted", "partially graded",
        "submitted", NULL
    };

    for (i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * scoreStatus is required: for a record of another API, and for a word that the
 * dialect does not have, docs/records.md says which word is shown
 */
static void
results_oneroster_render_status(results_buf_t *buf,
    const results_record_t *record, results_value_t *value, unsigned flags)
{
    int          scored;
    const char  *word;

    word = results_value_text(value).data;

    if (word && strncmp(word, "ext:", 4) != 0
        && !results_oneroster_listed(word))
    {
        word = NULL;
    }

    if (word
        && ((flags & (RESULTS_ONEROSTER_STRICT|RESULTS_ONEROSTER_STORED))
            || strncmp(word, "ext:", 4) != 0))
    {
        results_buf_json(buf, value);
        return;
    }

    scored = isfinite(record->score);

    switch (record->completion) {

    case RESULTS_COMPLETION_COMPLETE:
    case RESULTS_COMPLETION_PASSED:
    case RESULTS_COMPLETION_ACCEPTED:
    case RESULTS_COMPLETION_FAILED:
        word = scored ? "fully graded" : "submitted";
        break;

    case RESULTS_COMPLETION_PENDING:
        word = "submitted";
        break;

    case RESULTS_COMPLETION_NULL:
        word = scored ? "fully graded" : "not submitted";
        break;

    default:
        word = "not submitted";
    }

    results_buf_printf(buf, "\"%s\"", word);
}


static void
results_oneroster_render_date(results_buf_t *buf,
    const results_record_t *record, results_value_t *value, unsigned strict)
{
    char     text[RESULTS_TIME_MILLIS_LEN];
    int64_t  time;

    /*
     * The standard has a date, Timeback a date-time.  The client's text is
     * shown when it is one; else the column is, in the dialect's form.
     */

    if (value) {
        if (results_time_parse(results_value_text(value),
                               strict ? RESULTS_TIME_DATE
                                      : RESULTS_TIME_DATETIME, &time)
            == 0)
        {
            results_buf_json(buf, value);
            return;
        }

        time = record->scored_at;

    } else {
        time = RESULTS_TIME_NULL;
    }

    if (time == RESULTS_TIME_NULL) {
        time = record->completed_at;
    }

    if (time == RESULTS_TIME_NULL) {
        time = record->started_at;
    }

    if (time == RESULTS_TIME_NULL) {
        time = record->created_at;
    }

    results_time_format_millis(time, text);

    results_buf_puts(buf, "\"");
    results_buf_append(buf, text, strict ? 10 : RESULTS_TIME_MILLIS_LEN);
    results_buf_puts(buf, "\"");
}


/* a GUIDRef; an id whose column is normalized is shown as the client sent it */
static void
results_oneroster_render_ref(results_buf_t *buf,
    const results_record_t *record, results_value_t *ref,
    const results_oneroster_field_t *field, unsigned strict,
    const results_oneroster_links_t *links)
{
    results_str_t     id;
    results_value_t  *value;

    static const char *const  names[] = {
        "href", "sourcedId", "type", NULL
    };

    value = results_value_get(ref, "sourcedId");

    if (results_value_is_string(value)) {
        id = results_value_text(value);

    } else if (field->column) {
        id = results_oneroster_column(record, field);

    } else {
        return;
    }

    if (id.data == NULL) {
        return;
    }

    results_oneroster_name(buf, field->name);

    results_buf_puts(buf, "{\"href\":\"");
    results_buf_str(buf, field->rostering ? links->rostering
                                          : links->gradebook);
    results_buf_puts(buf, field->collection);
    results_oneroster_render_path_id(buf, id);
    results_buf_puts(buf, "\",\"sourcedId\":");
    results_buf_json_string(buf, id);
    results_buf_puts(buf, ",\"type\":\"");
    results_buf_puts(buf, field->ref);
    results_buf_puts(buf, "\"");

    if (!strict) {
        results_oneroster_rest(buf, ref, names);
    }

    results_buf_puts(buf, "}");
}


static void
results_oneroster_render_unknown(results_buf_t *buf, results_value_t *object,
    const results_oneroster_model_t *model)
{
    const results_value_t  *member;

    for (member = results_value_first(object); member; member = member->next) {
        if (results_oneroster_field(model, member->name.data) == NULL) {
            results_oneroster_member(buf, member);
        }
    }
}


/* appends an id as one segment of a path, percent-encoded (RFC 3986 2.3) */
static void
results_oneroster_render_path_id(results_buf_t *buf, results_str_t id)
{
    char           *p;
    size_t          i, n;
    unsigned        dots;
    unsigned char   c;

    static const char  hex[] = "0123456789ABCDEF";

    /* as segments they would be resolved, so their dots are encoded */

    dots = results_str_is(id, ".") || results_str_is(id, "..");

    for (i = 0, n = 0; i < id.len; i++) {
        c = (unsigned char) id.data[i];

        if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9')
            || c == '-' || c == '_' || c == '~' || (c == '.' && !dots))
        {
            n++;
            continue;
        }

        results_buf_append(buf, id.data + i - n, n);
        n = 0;

        p = results_buf_reserve(buf, 3);

        if (p) {
            p[0] = '%';
            p[1] = hex[c >> 4];
            p[2] = hex[c & 0x0f];
        }
    }

    results_buf_append(buf, id.data + i - n, n);
}


/*
 * hrefs of line items and score scales are below this location.  Users and
 * classes belong to the rostering service: when the path of this location has a
 * segment gradebook/, as the standard's has, theirs has rostering/ in its
 * place; else they are below this location, too.
 */

int
results_oneroster_links(results_request_t *r, results_oneroster_links_t *links)
{
    size_t          len;
    const char     *p, *after, *end;
    results_str_t   base;
    results_buf_t   buf;

    static const char  gradebook[] = "/gradebook/";

    memset(&buf, 0, sizeof(results_buf_t));

    /* the host is a client's text and is escaped like one */

    results_buf_json_string(&buf, r->base);

    base = buf.failed ? results_str(NULL)
                      : results_arena_copy(r->arena, buf.data + 1,
                                           buf.len - 2);
    links->gradebook = base;
    links->rostering = base;

    if (base.data == NULL) {
        results_buf_free(&buf);
        return -1;
    }

    len = sizeof(gradebook) - 1;
    end = base.data + base.len;

    for (after = end; (size_t) (after - base.data) > len; after--) {
        p = after - len;

        /* behind "//" it is the name of the host */

        if (*p != '/' || memcmp(p, gradebook, len) != 0 || p[-1] == '/') {
            continue;
        }

        buf.len = 0;

        results_buf_append(&buf, base.data, (size_t) (p - base.data));
        results_buf_puts(&buf, "/rostering/");
        results_buf_append(&buf, after, (size_t) (end - after));

        links->rostering = buf.failed ? results_str(NULL)
                                      : results_arena_copy(r->arena, buf.data,
                                                           buf.len);
        break;
    }

    results_buf_free(&buf);

    return links->rostering.data ? 0 : -1;
}
