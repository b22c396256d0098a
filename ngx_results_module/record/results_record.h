
/*
 * The record: what every dialect turns a body into, and what every write
 * carries (docs/records.md).  A record and all that it points to live in the
 * arena of its request.  No dialect may change it while the write is queued or
 * in flight: store/ encodes it again for each run.
 */

#ifndef RESULTS_RECORD_H
#define RESULTS_RECORD_H

#include "results_base.h"
#include "results_time.h"


/*
 * The numbers of these enums are sent to the functions of sql/ and come back
 * from them: docs/wire.md lists them.  New ones are added at the end.
 */

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
    RESULTS_OP_CREATE,             /* create only */
    RESULTS_OP_DELETE,             /* set the status to tobedeleted; of the
                                      record only the key is used */
    RESULTS_OP_REPLACE             /* replace the version `expected`, and no
                                      other one */
} results_op_e;


typedef enum {
    RESULTS_OUTCOME_NONE = 0,      /* no answer yet */
    RESULTS_OUTCOME_CREATED,
    RESULTS_OUTCOME_UPDATED,
    RESULTS_OUTCOME_DELETED,
    RESULTS_OUTCOME_REPLAYED,      /* of CREATE: the same body is stored */
    RESULTS_OUTCOME_SUPERSEDED,    /* a later stamp is stored: store/ sends the
                                      record again, no dialect sees this */
    RESULTS_OUTCOME_CONFLICT,      /* another record has the id, or REPLACE
                                      found another version */
    RESULTS_OUTCOME_NOT_FOUND,     /* of DELETE and REPLACE */
    RESULTS_OUTCOME_UNKNOWN_LEARNER,
    RESULTS_OUTCOME_UNKNOWN_ITEM,
    RESULTS_OUTCOME_FORBIDDEN,
    RESULTS_OUTCOME_PRECONDITION_FAILED
} results_outcome_e;


/* bits: conditions that the write statement checks */
#define RESULTS_GUARD_STRICT_REFERENCES  1  /* learner and item must exist */
#define RESULTS_GUARD_STUDENT_OR_CENTER  2  /* the actor must be the learner, or
                                               staff of the learner's center */
#define RESULTS_GUARD_PRECONDITIONS      4  /* preconditions of a PUT or DELETE
                                               (RFC 9110 13) must hold: they are
                                               in actor_id, in the form that
                                               sql/write.sql describes, so this
                                               excludes STUDENT_OR_CENTER */

#define RESULTS_INT_NULL  INT32_MIN         /* no value, of time_spent */


typedef struct {
    int32_t                 institution_id;
    results_kind_e          kind;
    results_str_t           id;

    results_op_e            op;

    /* each may have no value */
    results_str_t           learner_id;
    results_str_t           item_id;
    results_str_t           course_id;

    results_status_e        status;

    double                  score;          /* NaN: no value; so below */
    double                  score_max;
    results_completion_e    completion;
    double                  progress;       /* percent */
    int32_t                 time_spent;     /* seconds */

    int64_t                 started_at;     /* microseconds since 1970, or
                                               RESULTS_TIME_NULL; so are all
                                               times below */
    int64_t                 completed_at;
    int64_t                 scored_at;

    results_str_t           detail;         /* a JSON object as text: what has
                                               no column */
    int64_t                 payload_hash;   /* of the body, without what differs
                                               when a request is repeated:
                                               results_json_hash() */

    int32_t                 client_id;      /* who writes: api_client.id */
    int64_t                 stamp;          /* updated_at: store/ sets it when
                                               it sends the record */
    int64_t                 created_at;     /* set by reads only */
    int32_t                 expected;       /* of REPLACE: a version */

    unsigned                guards;         /* RESULTS_GUARD_ bits */
    results_str_t           actor_id;       /* person.id of the actor, or the
                                               preconditions */

    /* set by a read, or when a write has been committed */
    int32_t                 version;        /* the one that is stored */
    results_outcome_e       outcome;        /* of the write */
    unsigned                forgotten:1;    /* the outcome was negative: this
                                               run stored nothing, but an
                                               earlier one may have been stored
                                               and replaced since, and there is
                                               no history that would tell */
} results_record_t;


/*
 * What a run of the write statement answered for one record.  The answer comes
 * before the commit, so store/ keeps it apart from the record until the commit
 * is confirmed: a run that is rolled back leaves no trace in the record.
 */
typedef struct {
    int64_t                 stamp;          /* of the stored row; TIME_NULL: the
                                               record's own */
    int32_t                 version;        /* that was stored; else 0 */
    results_outcome_e       outcome;
    unsigned                forgotten:1;
} results_written_t;


/* no values, op PUT, status active; the caller sets the kind and the key */
void results_record_init(results_record_t *record);

/*
 * Takes over the answer of a run that has been committed.  Called by store/
 * only.
 */
void results_record_written(results_record_t *record,
    const results_written_t *written);

/*
 * Compares two records by their primary key, in PostgreSQL's order: by
 * institution, id space, and the bytes of the id.  Assessment results have an
 * id space of their own, all other kinds share one.  Less than, equal to or
 * greater than 0, as memcmp().
 */
int results_record_compare(const results_record_t *a,
    const results_record_t *b);

/* the words of docs/wire.md for a number; NULL for any other number */
const char *results_kind_name(results_kind_e kind);
const char *results_completion_name(results_completion_e completion);
const char *results_outcome_name(results_outcome_e outcome);


#endif /* RESULTS_RECORD_H */
