
/*
 * Arrays in PostgreSQL's binary format (array_recv() and array_send() in its
 * adt/arrayfuncs.c): the number of dimensions, a flag for nulls, the type of
 * the elements, length and lower bound of the one dimension; then each element
 * after its length, which is -1 for a null.  All integers are big-endian.
 *
 * results_columns[] is the table of the parameters of write_records().  They
 * are written to one buffer, which the caller keeps for the next batch.
 */

#include <string.h>

#include "results_encode.h"


#define RESULTS_ARRAY_HEADER  20

/* below the 1 GB of a message (MaxAllocSize), of which this is not all */
#define RESULTS_PARAMS_SIZE   ((size_t) 0x3fff0000)


/* OIDs of types and their array types: PostgreSQL's catalog/pg_type.dat */
#define RESULTS_OID_BYTEA           17
#define RESULTS_OID_INT8            20
#define RESULTS_OID_INT2            21
#define RESULTS_OID_INT4            23
#define RESULTS_OID_TEXT            25
#define RESULTS_OID_JSON            114
#define RESULTS_OID_FLOAT8          701
#define RESULTS_OID_TIMESTAMPTZ     1184

#define RESULTS_OID_JSONS           199
#define RESULTS_OID_INT2S           1005
#define RESULTS_OID_INT4S           1007
#define RESULTS_OID_TEXTS           1009
#define RESULTS_OID_INT8S           1016
#define RESULTS_OID_FLOAT8S         1022
#define RESULTS_OID_TIMESTAMPTZS    1185


typedef enum {
    RESULTS_COLUMN_ENUM,           /* int2, never null */
    RESULTS_COLUMN_NONZERO,        /* int2, 0 is null */
    RESULTS_COLUMN_INT,            /* int4 */
    RESULTS_COLUMN_EXPECTED,       /* int4, null unless op is REPLACE */
    RESULTS_COLUMN_HASH,           /* int8 */
    RESULTS_COLUMN_DOUBLE,         /* float8 */
    RESULTS_COLUMN_TIME,           /* timestamptz */
    RESULTS_COLUMN_TEXT,           /* text */
    RESULTS_COLUMN_JSON            /* json */
} results_column_e;


typedef struct {
    results_column_e        type;
    size_t                  offset;    /* in results_record_t */
} results_column_t;


typedef struct {
    uint32_t                oid;       /* of an element */
    size_t                  size;      /* of an element; 0: it varies */
} results_column_type_t;


/* an array of an answer that is being read */
typedef struct {
    const char             *pos;
    size_t                  left;
} results_array_t;


static size_t results_encode_size(const results_column_t *column,
    results_record_t *const *records, size_t n);
static char *results_encode_column(char *p, const results_column_t *column,
    results_record_t *const *records, size_t n);
static char *results_encode_header(char *p, uint32_t oid, size_t n);
static char *results_encode_int2(char *p, uint16_t value);
static char *results_encode_int4(char *p, uint32_t value);
static char *results_encode_int8(char *p, uint64_t value);
static int64_t results_decode_stamp(int64_t stamp);
static int results_decode_array(results_array_t *array, results_str_t answer,
    uint32_t oid, size_t n);
static int results_decode_element(results_array_t *array, size_t size,
    int64_t *value);
static uint64_t results_decode_bytes(const char *p, size_t size);


#define results_column(type, field)                                           \
    { RESULTS_COLUMN_##type, offsetof(results_record_t, field) }

static const results_column_t  results_columns[RESULTS_WRITE_NPARAMS] = {
    results_column(ENUM, op),
    results_column(INT, institution_id),
    results_column(ENUM, kind),
    results_column(TEXT, id),
    results_column(TEXT, learner_id),
    results_column(TEXT, item_id),
    results_column(TEXT, course_id),
    results_column(ENUM, status),
    results_column(DOUBLE, score),
    results_column(DOUBLE, score_max),
    results_column(NONZERO, completion),
    results_column(DOUBLE, progress),
    results_column(INT, time_spent),
    results_column(TIME, started_at),
    results_column(TIME, completed_at),
    results_column(TIME, scored_at),
    results_column(JSON, detail),
    results_column(HASH, payload_hash),
    results_column(INT, client_id),
    results_column(TIME, stamp),
    results_column(EXPECTED, expected),
    results_column(NONZERO, guards),
    results_column(TEXT, actor_id)
};


const uint32_t  results_write_types[RESULTS_WRITE_NPARAMS] = {
    RESULTS_OID_INT2S,             /* ops */
    RESULTS_OID_INT4S,             /* institution_ids */
    RESULTS_OID_INT2S,             /* kinds */
    RESULTS_OID_TEXTS,             /* ids */
    RESULTS_OID_TEXTS,             /* learner_ids */
    RESULTS_OID_TEXTS,             /* item_ids */
    RESULTS_OID_TEXTS,             /* course_ids */
    RESULTS_OID_INT2S,             /* statuses */
    RESULTS_OID_FLOAT8S,           /* scores */
    RESULTS_OID_FLOAT8S,           /* score_maxes */
    RESULTS_OID_INT2S,             /* completions */
    RESULTS_OID_FLOAT8S,           /* progresses */
    RESULTS_OID_INT4S,             /* times_spent */
    RESULTS_OID_TIMESTAMPTZS,      /* started */
    RESULTS_OID_TIMESTAMPTZS,      /* completed */
    RESULTS_OID_TIMESTAMPTZS,      /* scored */
    RESULTS_OID_JSONS,             /* details */
    RESULTS_OID_INT8S,             /* hashes */
    RESULTS_OID_INT4S,             /* clients */
    RESULTS_OID_TIMESTAMPTZS,      /* stamps */
    RESULTS_OID_INT4S,             /* versions */
    RESULTS_OID_INT2S,             /* guards */
    RESULTS_OID_TEXTS              /* actors */
};


/* indexed by results_column_e */
static const results_column_type_t  results_column_types[] = {
    { RESULTS_OID_INT2, 2 },
    { RESULTS_OID_INT2, 2 },
    { RESULTS_OID_INT4, 4 },
    { RESULTS_OID_INT4, 4 },
    { RESULTS_OID_INT8, 8 },
    { RESULTS_OID_FLOAT8, 8 },
    { RESULTS_OID_TIMESTAMPTZ, 8 },
    { RESULTS_OID_TEXT, 0 },
    { RESULTS_OID_JSON, 0 }
};


int
results_encode_records(results_params_t *params,
    results_record_t *const *records, size_t n)
{
    char           *p, *end;
    size_t          i, size;
    results_buf_t  *buf;

    buf = &params->buf;
    buf->len = 0;
    buf->failed = 0;

    size = 0;

    for (i = 0; i < RESULTS_WRITE_NPARAMS; i++) {
        size += results_encode_size(&results_columns[i], records, n);

        if (size > RESULTS_PARAMS_SIZE) {
            return -1;
        }
    }

    /* the buffer must not move when the values point into it */

    p = results_buf_reserve(buf, size);
    if (p == NULL) {
        return -1;
    }

    for (i = 0; i < RESULTS_WRITE_NPARAMS; i++) {
        end = results_encode_column(p, &results_columns[i], records, n);

        params->value[i] = (end != p) ? p : NULL;
        params->length[i] = (int) (end - p);

        p = end;
    }

    buf->len = (size_t) (p - buf->data);

    return 0;
}


void
results_params_free(results_params_t *params)
{
    results_buf_free(&params->buf);
    memset(params, 0, sizeof(results_params_t));
}


/* the largest size of a column: it is less where there are nulls */
static size_t
results_encode_size(const results_column_t *column,
    results_record_t *const *records, size_t n)
{
    size_t                i, size;
    const char           *field;
    const results_str_t  *s;

    size = results_column_types[column->type].size;

    if (size != 0) {
        return RESULTS_ARRAY_HEADER + n * (4 + size);
    }

    size = RESULTS_ARRAY_HEADER + n * 4;

    for (i = 0; i < n && size <= RESULTS_PARAMS_SIZE; i++) {
        field = (const char *) records[i] + column->offset;
        s = (const results_str_t *) field;

        if (s->data != NULL) {
            size += s->len;
        }
    }

    return size;
}


/*
 * Writes a column: its end, or p itself when no record has a value, since
 * PostgreSQL spends more on reading an array of nulls than on storing them.
 */
static char *
results_encode_column(char *p, const results_column_t *column,
    results_record_t *const *records, size_t n)
{
    int                    is_null;
    char                  *header;
    size_t                 i, size, nulls;
    int64_t                value;
    const void            *field;
    const results_str_t   *s;
    results_column_e       type;

    type = column->type;
    size = results_column_types[type].size;

    header = p;
    p = results_encode_header(p, results_column_types[type].oid, n);

    nulls = 0;

    for (i = 0; i < n; i++) {
        field = (const char *) records[i] + column->offset;

        if (size == 0) {
            s = field;

            if (s->data == NULL) {
                p = results_encode_int4(p, UINT32_MAX);
                nulls++;
                continue;
            }

            p = results_encode_int4(p, (uint32_t) s->len);

            memcpy(p, s->data, s->len);
            p += s->len;

            continue;
        }

        switch (type) {

        case RESULTS_COLUMN_NONZERO:
            value = *(const int *) field;
            is_null = (value == 0);
            break;

        case RESULTS_COLUMN_INT:
            value = *(const int32_t *) field;
            is_null = (value == RESULTS_INT_NULL);
            break;

        case RESULTS_COLUMN_EXPECTED:
            value = *(const int32_t *) field;
            is_null = (records[i]->op != RESULTS_OP_REPLACE);
            break;

        case RESULTS_COLUMN_HASH:
            value = *(const int64_t *) field;
            is_null = 0;
            break;

        case RESULTS_COLUMN_DOUBLE:
            memcpy(&value, field, sizeof(value));
            is_null = __builtin_isnan(*(const double *) field);
            break;

        case RESULTS_COLUMN_TIME:
            value = *(const int64_t *) field;
            is_null = (value == RESULTS_TIME_NULL);

            if (!is_null) {
                value -= RESULTS_TIME_PG_EPOCH;
            }

            break;

        default: /* RESULTS_COLUMN_ENUM */
            value = *(const int *) field;
            is_null = 0;
            break;
        }

        if (is_null) {
            p = results_encode_int4(p, UINT32_MAX);
            nulls++;
            continue;
        }

        p = results_encode_int4(p, (uint32_t) size);

        if (size == 8) {
            p = results_encode_int8(p, (uint64_t) value);

        } else if (size == 4) {
            p = results_encode_int4(p, (uint32_t) value);

        } else {
            p = results_encode_int2(p, (uint16_t) value);
        }
    }

    header[7] = (nulls != 0);

    return (nulls != n) ? p : header;
}


void
results_encode_digests(results_buf_t *buf,
    const unsigned char *const *digests, size_t n)
{
    char    *p;
    size_t   i;

    p = results_buf_reserve(buf, RESULTS_ARRAY_HEADER + n * (4 + 32));
    if (p == NULL) {
        return;
    }

    p = results_encode_header(p, RESULTS_OID_BYTEA, n);

    for (i = 0; i < n; i++) {
        p = results_encode_int4(p, 32);
        memcpy(p, digests[i], 32);
        p += 32;
    }
}


/* the header of an array of n elements; the flag for nulls is set later */
static char *
results_encode_header(char *p, uint32_t oid, size_t n)
{
    p = results_encode_int4(p, 1);
    p = results_encode_int4(p, 0);
    p = results_encode_int4(p, oid);
    p = results_encode_int4(p, (uint32_t) n);
    p = results_encode_int4(p, 1);

    return p;
}


static char *
results_encode_int2(char *p, uint16_t value)
{
    p[0] = (char) (value >> 8);
    p[1] = (char) value;

    return p + 2;
}


static char *
results_encode_int4(char *p, uint32_t value)
{
    p = results_encode_int2(p, (uint16_t) (value >> 16));

    return results_encode_int2(p, (uint16_t) value);
}


static char *
results_encode_int8(char *p, uint64_t value)
{
    p = results_encode_int4(p, (uint32_t) (value >> 32));

    return results_encode_int4(p, (uint32_t) value);
}


int
results_decode_outcomes(const results_str_t answer[3],
    results_written_t *written, size_t n)
{
    int              stamped, forgotten;
    size_t           i;
    int64_t          outcome, version, stamp;
    results_array_t  outcomes, versions, stamps;

    stamped = (answer[2].data != NULL);

    if (results_decode_array(&outcomes, answer[0], RESULTS_OID_INT2, n)
        || results_decode_array(&versions, answer[1], RESULTS_OID_INT4, n)
        || (stamped
            && results_decode_array(&stamps, answer[2],
                                    RESULTS_OID_TIMESTAMPTZ, n)))
    {
        return -1;
    }

    for (i = 0; i < n; i++, written++) {
        outcome = 0;
        version = 0;
        stamp = RESULTS_TIME_NULL;

        if (results_decode_element(&outcomes, 2, &outcome) < 0
            || results_decode_element(&versions, 4, &version) < 0
            || (stamped
                && results_decode_element(&stamps, 8, &stamp) < 0))
        {
            return -1;
        }

        forgotten = (outcome < 0);

        if (forgotten) {
            outcome = -outcome;
        }

        if (outcome <= (forgotten ? RESULTS_OUTCOME_REPLAYED
                                  : RESULTS_OUTCOME_NONE)
            || outcome > RESULTS_OUTCOME_PRECONDITION_FAILED
            || (outcome <= RESULTS_OUTCOME_REPLAYED && version <= 0))
        {
            return -1;
        }

        written->outcome = (results_outcome_e) outcome;
        written->forgotten = forgotten;
        written->version = (outcome <= RESULTS_OUTCOME_REPLAYED)
                           ? (int32_t) version : 0;
        written->stamp = results_decode_stamp(stamp);
    }

    if (outcomes.left != 0 || versions.left != 0
        || (stamped && stamps.left != 0))
    {
        return -1;
    }

    return 0;
}


/*
 * A row that SQL stored may have a stamp outside the years 1 to 9999, or
 * "infinity".  It is limited to them, so that the answer is valid for the other
 * rows of the batch.
 */
static int64_t
results_decode_stamp(int64_t stamp)
{
    if (stamp == RESULTS_TIME_NULL) {
        return RESULTS_TIME_NULL;
    }

    if (stamp > RESULTS_TIME_MAX - RESULTS_TIME_PG_EPOCH) {
        return RESULTS_TIME_MAX;
    }

    if (stamp < RESULTS_TIME_MIN - RESULTS_TIME_PG_EPOCH) {
        return RESULTS_TIME_MIN;
    }

    return stamp + RESULTS_TIME_PG_EPOCH;
}


static int
results_decode_array(results_array_t *array, results_str_t answer,
    uint32_t oid, size_t n)
{
    const char  *p;

    p = answer.data;

    if (p == NULL || answer.len < RESULTS_ARRAY_HEADER
        || results_decode_bytes(p, 4) != 1
        || results_decode_bytes(p + 8, 4) != oid
        || results_decode_bytes(p + 12, 4) != n)
    {
        return -1;
    }

    array->pos = p + RESULTS_ARRAY_HEADER;
    array->left = answer.len - RESULTS_ARRAY_HEADER;

    return 0;
}


/*
 * The next element: 1, 0 for a null, which does not set *value, or -1 when the
 * element has another size
 */
static int
results_decode_element(results_array_t *array, size_t size, int64_t *value)
{
    uint64_t  len, bits;

    if (array->left < 4) {
        return -1;
    }

    len = results_decode_bytes(array->pos, 4);
    array->pos += 4;
    array->left -= 4;

    if (len == UINT32_MAX) {
        return 0;
    }

    if (len != size || array->left < size) {
        return -1;
    }

    bits = results_decode_bytes(array->pos, size);
    array->pos += size;
    array->left -= size;

    *value = (size == 8) ? (int64_t) bits
             : (size == 4) ? (int32_t) (uint32_t) bits
             : (int16_t) (uint16_t) bits;

    return 1;
}


static uint64_t
results_decode_bytes(const char *p, size_t size)
{
    size_t    i;
    uint64_t  bits;

    bits = 0;

    for (i = 0; i < size; i++) {
        bits = (bits << 8) | (unsigned char) p[i];
    }

    return bits;
}
