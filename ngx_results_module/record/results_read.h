
/*
 * A call of one of results_api's reading functions: which, with what
 * parameters; and its rows back as records.  The parameters are text, typed
 * by the function: no byte of a request reaches SQL.
 */

#ifndef RESULTS_READ_H
#define RESULTS_READ_H

#include "results_record.h"


/* sql/ and store/'s table of statements have these in the same order */
typedef enum {
    RESULTS_READ_RECORD = 0,       /* one id, of some kinds */
    RESULTS_ISSUE_TOKEN,           /* for results_token_endpoint */
    RESULTS_READ_RECORDS,          /* a page of a collection */
    RESULTS_READ_REPORT,           /* a page of the module report */
    RESULTS_READ_PAGE_KEY,         /* what its page tokens are sealed with */
    RESULTS_READS
} results_function_e;


/*
 * What READ_RECORDS filters and sorts by, and how it compares.  These numbers
 * are the wire between the module and sql/, too.
 */

typedef enum {
    RESULTS_FIELD_ID = 1,
    RESULTS_FIELD_LEARNER,
    RESULTS_FIELD_ITEM,
    RESULTS_FIELD_COURSE,
    RESULTS_FIELD_STATUS,          /* EQ and NE only */
    RESULTS_FIELD_UPDATED,         /* EQ, NE, GE, LT only */
    RESULTS_FIELD_SCORE_DATE,      /* the same */
    RESULTS_FIELD_SCORE,
    RESULTS_FIELD_SCORE_STATUS,
    RESULTS_FIELD_TEXT,            /* in detail, by its path */
    RESULTS_FIELD_NUMBER,
    RESULTS_FIELD_VALUE,           /* a number where it is one, else a text */
    RESULTS_FIELD_SCORE_WORD       /* SCORE_STATUS without its "ext:" ones */
} results_field_e;


typedef enum {
    RESULTS_OPERATOR_EQ = 1,
    RESULTS_OPERATOR_NE,
    RESULTS_OPERATOR_GT,
    RESULTS_OPERATOR_GE,
    RESULTS_OPERATOR_LT,
    RESULTS_OPERATOR_LE,
    RESULTS_OPERATOR_CONTAINS
} results_operator_e;


#define RESULTS_ARGS_MAX  24


typedef struct {
    results_function_e      function;
    results_arena_t        *arena;
    const char             *args[RESULTS_ARGS_MAX];   /* NULL is null */
    unsigned                nargs;
    int                     failed;    /* no memory, or too many */
} results_read_t;


void results_read_init(results_read_t *read, results_arena_t *arena,
    results_function_e function);

/* each adds the next parameter */
void results_read_int(results_read_t *read, int64_t value);
void results_read_bool(results_read_t *read, int value);
void results_read_text(results_read_t *read, results_str_t value);
void results_read_null(results_read_t *read);

/* RESULTS_TIME_NULL is null; _times: timestamptz[] */
void results_read_time(results_read_t *read, int64_t time);
void results_read_times(results_read_t *read, const int64_t *times,
    unsigned n);

/* text[]; an element without data is null */
void results_read_texts(results_read_t *read, const results_str_t *values,
    unsigned n);

/* int[], for smallint[] too */
void results_read_ints(results_read_t *read, const int *values, unsigned n);


/*
 * The columns in which every reading function answers a record, in binary:
 * kind int2, id, learner_id, item_id, course_id text, status int2, score,
 * score_max float8, completion int2, progress float8, time_spent int4,
 * started_at, completed_at, scored_at timestamptz, detail text,
 * payload_hash int8, version, client_id int4, created_at, updated_at
 * timestamptz.  The codes are those of results_record.h.
 */
#define RESULTS_RECORD_COLUMNS  20

/*
 * Reads them into record, whose texts then point into values.  0, or -1 when
 * they are not of that form.
 */
int results_read_record(const results_str_t *values, unsigned nvalues,
    results_record_t *record);

/* single binary columns; the null value where there is none: 0, INT_NULL ... */
int64_t results_read_int_column(results_str_t value, int64_t null);
double results_read_double_column(results_str_t value);
int64_t results_read_time_column(results_str_t value);


#endif /* RESULTS_READ_H */
