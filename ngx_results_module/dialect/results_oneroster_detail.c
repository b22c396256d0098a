
/*
 * The record's detail: what of a body has no column, as JSON text in the
 * body's own shape.  Called by the reader once the object is known to be
 * right; the text is in the arena.
 */

#include <string.h>

#include "results_oneroster.h"


static void results_oneroster_detail_member(results_buf_t *buf,
    const char *key, json_t *value);
static void results_oneroster_detail_ref(results_buf_t *buf,
    const results_oneroster_field_t *field, json_t *ref,
    const results_record_t *record);
static int results_oneroster_detail_ref_id(
    const results_oneroster_field_t *field, json_t *id,
    const results_record_t *record);


results_str_t
results_oneroster_detail(results_arena_t *arena, json_t *object,
    const results_oneroster_model_t *model, const results_record_t *record)
{
    json_t                           *value;
    const char                       *key;
    results_buf_t                     buf;
    results_str_t                     detail;
    const results_oneroster_field_t  *field;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_puts(&buf, "{");

    json_object_foreach(object, key, value) {

        field = results_oneroster_field(model, key);

        if (field == NULL) {
            results_oneroster_detail_member(&buf, key, value);
            continue;
        }

        if (json_is_null(value)) {
            continue;
        }

        switch (field->type) {

        case RESULTS_ONEROSTER_SOURCED_ID:
        case RESULTS_ONEROSTER_STATUS:
        case RESULTS_ONEROSTER_MODIFIED:
        case RESULTS_ONEROSTER_SCORE:
            break;

        case RESULTS_ONEROSTER_REF:
            results_oneroster_detail_ref(&buf, field, value, record);
            break;

        default:
            results_oneroster_detail_member(&buf, key, value);
        }
    }

    results_buf_puts(&buf, "}");

    if (buf.failed) {
        detail = results_str(NULL);

    } else {
        detail = results_arena_copy(arena, buf.data, buf.len);
    }

    results_buf_free(&buf);

    return detail;
}


static void
results_oneroster_detail_member(results_buf_t *buf, const char *key,
    json_t *value)
{
    results_oneroster_name(buf, key);
    results_buf_json(buf, value);
}


/* nothing at all where the column says it, which is the rule */
static void
results_oneroster_detail_ref(results_buf_t *buf,
    const results_oneroster_field_t *field, json_t *ref,
    const results_record_t *record)
{
    size_t       start, empty;
    json_t      *value;
    const char  *key;

    start = buf->len;

    results_oneroster_name(buf, field->name);
    results_buf_puts(buf, "{");

    empty = buf->len;

    json_object_foreach(ref, key, value) {

        /* the server's own on the way out */

        if (strcmp(key, "href") == 0 || strcmp(key, "type") == 0) {
            continue;
        }

        if (strcmp(key, "sourcedId") == 0
            && !results_oneroster_detail_ref_id(field, value, record))
        {
            continue;
        }

        results_oneroster_detail_member(buf, key, value);
    }

    if (buf->len == empty) {
        buf->len = start;
        return;
    }

    results_buf_puts(buf, "}");
}


/* whether the column is another text than the one received, or none */
static int
results_oneroster_detail_ref_id(const results_oneroster_field_t *field,
    json_t *id, const results_record_t *record)
{
    results_str_t  text;

    if (field->column == 0) {
        return 1;
    }

    text.data = json_string_value(id);
    text.len = json_string_length(id);

    return !results_str_eq(text, results_oneroster_column(record, field));
}
