
/*
 * A call of one of the reading functions of results_api: which function, and
 * its parameters; and how its rows become records.  A dialect makes the call,
 * store/ sends it.  The parameters are bind parameters in text format, whose
 * types the prepared statement has: nothing of a request becomes SQL text.
 */

#ifndef RESULTS_READ_H
#define RESULTS_READ_H

#include "results_record.h"


/* store/ has its statements in the same order */
typedef enum {
    RESULTS_READ_RECORD = 0,       /* read_record(): a record by its id */
    RESULTS_ISSUE_TOKEN,           /* issue_access_token() */
    RESULTS_READ_RECORDS,          /* read_records(): a page of a collection */
    RESULTS_READ_REPORT,           /* read_report(): a page of the report */
    RESULTS_READ_PAGE_KEY,         /* page_key(): seals its page tokens */
    RESULTS_READS
} results_function_e;


/*
 * By what read_records() filters and sorts, and how it compares.  The numbers
 * are those of sql/read_collection.sql (docs/wire.md).
 */

typedef enum {
    RESULTS_FIELD_ID = 1,
    RESULTS_FIELD_LEARNER,
    RESULTS_FIELD_ITEM,
    RESULTS_FIELD_COURSE,
    RESULTS_FIELD_STATUS,          /* EQ and NE only */
    RESULTS_FIELD_UPDATED,         /* EQ, NE, GE, LT only */
    RESULTS_FIELD_SCORE_DATE,      /* EQ, NE, GE, LT only */
    RESULTS_FIELD_SCORE,
    RESULTS_FIELD_SCORE_STATUS,
    RESULTS_FIELD_TEXT,            /* a text in detail, by its path */
    RESULTS_FIELD_NUMBER,          /* a number in detail, by its path */
    RESULTS_FIELD_VALUE,           /* any value in detail, by its path: compared
                                      as a number if it is one, else as text */
    RESULTS_FIELD_SCORE_WORD       /* SCORE_STATUS without "ext:" words */
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
    const char             *args[RESULTS_ARGS_MAX];   /* terminated; NULL is
                                                         null */
    unsigned                nargs;
    int                     failed;    /* no memory, or too many parameters:
                                          http/ answers 500 */
} results_read_t;


/* begins a call; its parameters will be allocated from the arena */
void results_read_init(results_read_t *read, results_arena_t *arena,
    results_function_e function);

/*
 * Each function adds the next parameter, of the type in its name, as a copy.
 * The caller adds all that the SQL function has, in its order.  Failures are
 * kept in read->failed.
 */
void results_read_int(results_read_t *read, int64_t value);
void results_read_bool(results_read_t *read, int value);

/* a text without '\0' in it; no value is null */
void results_read_text(results_read_t *read, results_str_t value);
void results_read_null(results_read_t *read);

/* timestamptz and timestamptz[]; RESULTS_TIME_NULL is null */
void results_read_time(results_read_t *read, int64_t time);
void results_read_times(results_read_t *read, const int64_t *times,
    unsigned n);

/* text[]; no value is a null element */
void results_read_texts(results_read_t *read, const results_str_t *values,
    unsigned n);

/* int[], or smallint[] */
void results_read_ints(results_read_t *read, const int *values, unsigned n);


/*
 * The columns of a record in the rows of read_record() and read_records(), in
 * binary: kind int2, id, learner_id, item_id, course_id text, status int2,
 * score, score_max float8, completion int2, progress float8, time_spent int4,
 * started_at, completed_at, scored_at timestamptz, detail text, payload_hash
 * int8, version, client_id int4, created_at, updated_at timestamptz.  The codes
 * are those of results_record.h.
 */
#define RESULTS_RECORD_COLUMNS  20

/*
 * Reads the columns into record, whose texts then point into values.  A time
 * that is outside the years 1 to 9999 is read as null.  0, or -1 when these are
 * not the columns of a record.
 */
int results_read_record(const results_str_t *values, unsigned nvalues,
    results_record_t *record);

/*
 * A single binary column of an integer type, float8 or timestamptz.  A null is
 * read as `null`, NaN or RESULTS_TIME_NULL.
 */
int64_t results_read_int_column(results_str_t value, int64_t null);
double results_read_double_column(results_str_t value);
int64_t results_read_time_column(results_str_t value);


#endif /* RESULTS_READ_H */
