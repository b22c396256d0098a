
/*
 * The record: the one shape every dialect maps to and every write carries
 * (DESIGN 3, docs/records.md).  A record and all it points to live in the
 * arena of its request.
 */

#ifndef RESULTS_RECORD_H
#define RESULTS_RECORD_H

#include "results_base.h"
#include "results_time.h"


/* The numbers of these enums are the wire between the module and sql/. */

typedef enum {
    RESULTS_KIND_RESULT = 1,
    RESULTS_KIND_ASSESSMENT_RESULT,
    RESULTS_KIND_CONTENT_ITEM_RESULT,
    RESULTS_KIND_LEARNING_EVENT,
    RESULTS_KIND_MODULE_RESULT
} results_kind_e;


typedef enum {
    RESULTS_STATUS_ACTIVE = 1,
    RESULTS_STATUS_TOBEDELETED
} results_status_e;


typedef enum {
    RESULTS_COMPLETION_NULL = 0,
    RESULTS_COMPLETION_NOT_STARTED,
    RESULTS_COMPLETION_IN_PROGRESS,
    RESULTS_COMPLETION_PENDING,
    RESULTS_COMPLETION_COMPLETE,
    RESULTS_COMPLETION_PASSED,
    RESULTS_COMPLETION_ACCEPTED,
    RESULTS_COMPLETION_INCOMPLETE,
    RESULTS_COMPLETION_FAILED,
    RESULTS_COMPLETION_DECLINED
} results_completion_e;


typedef enum {
    RESULTS_OP_PUT = 1,            /* create or replace */
    RESULTS_OP_CREATE,             /* create; the same again is a replay */
    RESULTS_OP_DELETE,             /* mark tobedeleted; only the key is read */
    RESULTS_OP_REPLACE             /* replace, if it has `expected` still */
} results_op_e;


typedef enum {
    RESULTS_OUTCOME_NONE = 0,      /* not written yet */
    RESULTS_OUTCOME_CREATED,
    RESULTS_OUTCOME_UPDATED,
    RESULTS_OUTCOME_DELETED,
    RESULTS_OUTCOME_REPLAYED,      /* stored before, by this same request */
    RESULTS_OUTCOME_SUPERSEDED,    /* a later stamp is stored; never answered */
    RESULTS_OUTCOME_CONFLICT,
    RESULTS_OUTCOME_NOT_FOUND,
    RESULTS_OUTCOME_UNKNOWN_LEARNER,
    RESULTS_OUTCOME_UNKNOWN_ITEM,
    RESULTS_OUTCOME_FORBIDDEN,
    RESULTS_OUTCOME_PRECONDITION_FAILED
} results_outcome_e;


/* conditions that the write statement itself decides; 0 costs nothing */
#define RESULTS_GUARD_STRICT_REFERENCES  1  /* learner and item must exist */
#define RESULTS_GUARD_STUDENT_OR_CENTER  2  /* actor is the learner, or staff
                                               of the learner's center */
#define RESULTS_GUARD_PRECONDITIONS      4  /* in the actor's place: If-Match
                                               and the like of a PUT or DELETE,
                                               as sql/write.sql has them */

#define RESULTS_INT_NULL  INT32_MIN         /* time_spent: no value */


typedef struct {
    int32_t                 institution_id;
    results_kind_e          kind;
    results_str_t           id;

    results_op_e            op;

    /* no value: data is NULL */
    results_str_t           learner_id;
    results_str_t           item_id;
    results_str_t           course_id;

    results_status_e        status;

    double                  score;          /* no value: NaN */
    double                  score_max;
    results_completion_e    completion;
    double                  progress;       /* percent */
    int32_t                 time_spent;     /* seconds */

    int64_t                 started_at;     /* no value: RESULTS_TIME_NULL */
    int64_t                 completed_at;
    int64_t                 scored_at;

    results_str_t           detail;         /* a JSON object as text */
    int64_t                 payload_hash;

    int32_t                 client_id;      /* who writes: api_client.id */
    int64_t                 stamp;          /* updated_at */
    int64_t                 created_at;     /* set by reads only */
    int32_t                 expected;       /* REPLACE: this version of it */

    unsigned                guards;
    results_str_t           actor_id;       /* the person whom guards concern,
                                               or the preconditions */

    /* set by a read, and by a write when it is committed: nothing above is */
    int32_t                 version;        /* the stored one */
    results_outcome_e       outcome;
    unsigned                forgotten:1;    /* not stored, but for an earlier
                                               run of which no history tells */
} results_record_t;


/*
 * What a run of the write statement answered of one record.  It is kept aside
 * until the run is known to be committed: one that is rolled back may have
 * answered all the same.
 */
typedef struct {
    int64_t                 stamp;          /* the stored one; none: TIME_NULL,
                                               it is the record's own */
    int32_t                 version;        /* of what was stored; else 0 */
    results_outcome_e       outcome;
    unsigned                forgotten:1;
} results_written_t;


/* all values null, op PUT, status active */
void results_record_init(results_record_t *record);

/* a committed run's answer; what the record asks for stays as it is */
void results_record_written(results_record_t *record,
    const results_written_t *written);

/*
 * Orders by institution, space of ids, id (bytes): the order of the primary
 * key.  Assessment results have a space of their own, all other kinds share
 * one.
 */
int results_record_compare(const results_record_t *a,
    const results_record_t *b);

/* the words of docs/records.md; NULL for a number that is none */
const char *results_kind_name(results_kind_e kind);
const char *results_completion_name(results_completion_e completion);
const char *results_outcome_name(results_outcome_e outcome);


#endif /* RESULTS_RECORD_H */
