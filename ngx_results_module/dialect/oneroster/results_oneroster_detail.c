
/*
 * The record's detail: what of a body's object has no column, as JSON text of
 * the same shape.  Called for objects without errors.
 */

#include <string.h>

#include "results_oneroster.h"


static void results_oneroster_detail_ref(results_buf_t *buf,
    const results_oneroster_field_t *field, const results_value_t *ref,
    const results_record_t *record);
static int results_oneroster_detail_ref_id(
    const results_oneroster_field_t *field, const results_value_t *id,
    const results_record_t *record);


results_str_t
results_oneroster_detail(results_arena_t *arena, results_value_t *object,
    const results_oneroster_model_t *model, const results_record_t *record)
{
    results_buf_t                     buf;
    results_str_t                     detail;
    const results_value_t            *member;
    const results_oneroster_field_t  *field;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_puts(&buf, "{");

    for (member = results_value_first(object); member; member = member->next) {

        field = results_oneroster_field(model, member->name.data);

        if (field == NULL) {
            results_oneroster_member(&buf, member);
            continue;
        }

        if (results_value_is_null(member)) {
            continue;
        }

        switch (field->type) {

        case RESULTS_ONEROSTER_SOURCED_ID:
        case RESULTS_ONEROSTER_STATUS:
        case RESULTS_ONEROSTER_MODIFIED:
        case RESULTS_ONEROSTER_SCORE:
            break;

        case RESULTS_ONEROSTER_REF:
            results_oneroster_detail_ref(&buf, field, member, record);
            break;

        default:
            results_oneroster_member(&buf, member);
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


/* appends a reference if it has more than its column, which is rare */
static void
results_oneroster_detail_ref(results_buf_t *buf,
    const results_oneroster_field_t *field, const results_value_t *ref,
    const results_record_t *record)
{
    size_t                  start, empty;
    const results_value_t  *member;

    start = buf->len;

    results_oneroster_name(buf, field->name);
    results_buf_puts(buf, "{");

    empty = buf->len;

    for (member = results_value_first(ref); member; member = member->next) {

        /* the renderer makes these */

        if (results_str_is(member->name, "href")
            || results_str_is(member->name, "type"))
        {
            continue;
        }

        if (results_str_is(member->name, "sourcedId")
            && !results_oneroster_detail_ref_id(field, member, record))
        {
            continue;
        }

        results_oneroster_member(buf, member);
    }

    if (buf->len == empty) {
        buf->len = start;
        return;
    }

    results_buf_puts(buf, "}");
}


/* 1 when the id has no column, or the column has it in another form */
static int
results_oneroster_detail_ref_id(const results_oneroster_field_t *field,
    const results_value_t *id, const results_record_t *record)
{
    if (field->column == 0) {
        return 1;
    }

    return !results_str_eq(results_value_text(id),
                           results_oneroster_column(record, field));
}
