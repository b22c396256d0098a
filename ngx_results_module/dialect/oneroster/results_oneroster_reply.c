
/*
 * Replies of the OneRoster dialects: one object in its envelope, the failures
 * that outcomes stand for, rows, pairs of ids, and the error payload.
 */

#include "results_oneroster.h"
#include "results_precondition.h"


#define RESULTS_OR_REALM  "results"


static const char *results_oneroster_code_minor(int status);


results_next_e
results_oneroster_reply(results_request_t *r, int status,
    const results_record_t *record, results_value_t *detail,
    const results_oneroster_model_t *model, unsigned flags)
{
    results_buf_t              *buf;
    results_oneroster_links_t   links;

    if (results_oneroster_links(r, &links) != 0) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    buf = &r->reply.body;

    results_buf_puts(buf, "{\"");
    results_buf_puts(buf, model->name);
    results_buf_puts(buf, "\":");
    results_oneroster_render(buf, record, detail, model, flags, &links);
    results_buf_puts(buf, "}");

    if (buf->failed) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    r->reply.status = status;
    r->reply.content_type = results_str("application/json");

    return RESULTS_NEXT_REPLY;
}


int
results_oneroster_outcome(results_request_t *r, const results_record_t *record)
{
    results_str_t  id;

    switch (record->outcome) {

    case RESULTS_OUTCOME_CREATED:
    case RESULTS_OUTCOME_UPDATED:
    case RESULTS_OUTCOME_DELETED:
    case RESULTS_OUTCOME_REPLAYED:
        return 0;

    case RESULTS_OUTCOME_CONFLICT:
        id = record->id;
        results_fail(r, 409, "the sourcedId \"%.*s\" is taken by another "
                     "record", (int) id.len, id.data);
        break;

    case RESULTS_OUTCOME_NOT_FOUND:
        results_oneroster_unknown(r, record->id);
        break;

    case RESULTS_OUTCOME_UNKNOWN_LEARNER:
    case RESULTS_OUTCOME_UNKNOWN_ITEM:
        results_fail_reference(r, record, "student",
                               record->kind == RESULTS_KIND_RESULT
                               ? "lineItem" : "assessmentLineItem");
        break;

    case RESULTS_OUTCOME_FORBIDDEN:
        results_fail(r, 403, "the caller may not write this record");
        break;

    case RESULTS_OUTCOME_PRECONDITION_FAILED:
        results_precondition_failed(r);
        break;

    case RESULTS_OUTCOME_NONE:
    case RESULTS_OUTCOME_SUPERSEDED:
        results_fail(r, 500, "the record came back without an outcome");
        break;
    }

    return -1;
}


void
results_oneroster_unknown(results_request_t *r, results_str_t id)
{
    results_fail(r, 404, "there is nothing of the sourcedId \"%.*s\"",
                 (int) id.len, id.data);
}


int
results_oneroster_row(results_request_t *r, results_arena_t *arena,
    const results_str_t *values, unsigned nvalues,
    const results_oneroster_model_t *model, results_record_t *record,
    results_value_t **detail)
{
    const char  *why;

    *detail = NULL;
    why = NULL;

    if (nvalues < RESULTS_RECORD_COLUMNS) {
        results_fail(r, 500, "the database answered in an unknown form");
        return -1;
    }

    if (results_read_record(values, nvalues, record) != 0) {
        why = "its columns are none of a record";

    } else if (record->stamp == RESULTS_TIME_NULL
               || record->created_at == RESULTS_TIME_NULL)
    {
        why = "its times are not in the years 1 to 9999";

    } else if (record->kind == model->kind && record->detail.data) {

        *detail = results_json_load(arena, record->detail);

        if (*detail == NULL) {

            /* when there is memory, the text must be wrong */

            if (results_arena_alloc(arena, record->detail.len) == NULL) {
                results_fail(r, 500, "out of memory");
                return -1;
            }

            why = "its detail is no JSON that a body may have";

        } else if (!results_value_is_object(*detail)) {
            why = "its detail is no object";
        }
    }

    if (why == NULL) {
        return 0;
    }

    r->left_out.why = why;
    r->left_out.kind = model->name;
    r->left_out.id = values[1];

    return 1;
}


void
results_oneroster_not_shown(results_request_t *r)
{
    results_fail(r, 500, "it is stored in a form that can not be shown");
}


void
results_oneroster_pair(results_buf_t *buf, results_str_t supplied,
    results_str_t allocated)
{
    results_buf_puts(buf, "{\"suppliedSourcedId\":");
    results_buf_json_string(buf, supplied);
    results_buf_puts(buf, ",\"allocatedSourcedId\":");
    results_buf_json_string(buf, allocated);
    results_buf_puts(buf, "}");
}


/*
 * imsx_StatusInfo is the root, without an envelope.  It has all four members:
 * the standard requires some of them, Timeback's clients all.
 */

void
results_oneroster_error(results_request_t *r)
{
    results_buf_t  *buf;
    results_str_t   text;

    results_reply_failure(r);
    results_reply_bearer(r, RESULTS_OR_REALM);

    text = results_failure_text(r);

    /* clients of the standard look for these words in a 404 */

    if (r->failure.status == 404) {
        text = results_arena_printf(r->arena, "Unknown Object: %.*s",
                                    (int) text.len, text.data);
    }

    r->reply.content_type = results_str("application/json");

    buf = &r->reply.body;

    results_buf_puts(buf, "{\"imsx_codeMajor\":\"failure\","
                          "\"imsx_severity\":\"error\","
                          "\"imsx_description\":");
    results_buf_json_string(buf, text);
    results_buf_puts(buf, ",\"imsx_CodeMinor\":{\"imsx_codeMinorField\":[{"
                          "\"imsx_codeMinorFieldName\":\"TargetEndSystem\","
                          "\"imsx_codeMinorFieldValue\":\"");
    results_buf_puts(buf, r->failure.word
                          ? r->failure.word
                          : results_oneroster_code_minor(r->failure.status));
    results_buf_puts(buf, "\"}]}}");
}


/* the Gradebook service has ten codes, and none of them is for a 405 */
static const char *
results_oneroster_code_minor(int status)
{
    switch (status) {

    case 401:
        return "unauthorisedrequest";

    case 403:
        return "forbidden";

    case 404:
        return "unknownobject";

    case 429:
    case 503:
        return "server_busy";

    default:
        return (status < 500) ? "invaliddata" : "internal_server_error";
    }
}
