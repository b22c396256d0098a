
/*
 * The empty record, the order of records, and the words for enums.  Each list
 * of words is indexed by its enum: a new number needs a word here.
 */

#include <math.h>
#include <string.h>

#include "results_record.h"


#define results_word(words, i)                                                \
    ((size_t) (i) < sizeof(words) / sizeof(words[0]) ? words[i] : NULL)


static const char *const  results_kinds[] = {
    NULL,
    "result",
    "assessment_result",
    "content_item_result",
    "learning_event",
    "module_result"
};


static const char *const  results_completions[] = {
    NULL,
    "not_started",
    "in_progress",
    "pending",
    "complete",
    "passed",
    "accepted",
    "incomplete",
    "failed",
    "declined"
};


static const char *const  results_outcomes[] = {
    NULL,
    "created",
    "updated",
    "deleted",
    "replayed",
    "superseded",
    "conflict",
    "not_found",
    "unknown_learner",
    "unknown_item",
    "forbidden",
    "precondition_failed"
};


void
results_record_init(results_record_t *record)
{
    memset(record, 0, sizeof(results_record_t));

    record->op = RESULTS_OP_PUT;
    record->status = RESULTS_STATUS_ACTIVE;

    record->score = NAN;
    record->score_max = NAN;
    record->progress = NAN;
    record->time_spent = RESULTS_INT_NULL;

    record->started_at = RESULTS_TIME_NULL;
    record->completed_at = RESULTS_TIME_NULL;
    record->scored_at = RESULTS_TIME_NULL;
    record->stamp = RESULTS_TIME_NULL;
    record->created_at = RESULTS_TIME_NULL;
}


void
results_record_written(results_record_t *record,
    const results_written_t *written)
{
    record->outcome = written->outcome;
    record->forgotten = written->forgotten;
    record->version = written->version;

    if (written->stamp != RESULTS_TIME_NULL) {
        record->stamp = written->stamp;
    }
}


int
results_record_compare(const results_record_t *a, const results_record_t *b)
{
    int     rc, space_a, space_b;
    size_t  len;

    if (a->institution_id != b->institution_id) {
        return (a->institution_id < b->institution_id) ? -1 : 1;
    }

    /* the id_space of sql/schema.sql */

    space_a = (a->kind == RESULTS_KIND_ASSESSMENT_RESULT);
    space_b = (b->kind == RESULTS_KIND_ASSESSMENT_RESULT);

    if (space_a != space_b) {
        return space_a - space_b;
    }

    /* as COLLATE "C" has it */

    len = (a->id.len < b->id.len) ? a->id.len : b->id.len;

    rc = (len != 0) ? memcmp(a->id.data, b->id.data, len) : 0;

    if (rc != 0) {
        return rc;
    }

    return (a->id.len > b->id.len) - (a->id.len < b->id.len);
}


const char *
results_kind_name(results_kind_e kind)
{
    return results_word(results_kinds, kind);
}


const char *
results_completion_name(results_completion_e completion)
{
    return results_word(results_completions, completion);
}


const char *
results_outcome_name(results_outcome_e outcome)
{
    return results_word(results_outcomes, outcome);
}
