
/*
 * Arrays for PostgreSQL and rows from it.  Records made of the input are
 * encoded, read back by a decoder of the fuzzer's own, sorted as a batch is;
 * the same bytes are then an answer and a row from the database, of which
 * nothing is known.
 */

#include <math.h>

#include "fuzz.h"
#include "results_batch.h"
#include "results_encode.h"
#include "results_read.h"
#include "results_sqlstate.h"


#define RECORDS  8


typedef struct {
    const uint8_t          *p;
    size_t                  left;
    int                     nulls;     /* as the header has it */
    int                     seen;
} array_t;


static results_record_t   records[RECORDS];
static results_record_t  *list[RECORDS];


static uint64_t
bits(const uint8_t **data, size_t *size)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | fuzz_byte(data, size);
    }

    return n;
}


static results_str_t
text(const uint8_t **data, size_t *size)
{
    size_t         len;
    results_str_t  s;

    len = fuzz_byte(data, size);

    s.data = NULL;
    s.len = 0;

    if (len == 0xff) {
        return s;
    }

    s.data = (const char *) *data;
    s.len = len < *size ? len : *size;

    *data += s.len;
    *size -= s.len;

    return s;
}


static void
record(results_record_t *r, const uint8_t **data, size_t *size)
{
    uint8_t   set;
    uint64_t  number;

    results_record_init(r);

    set = fuzz_byte(data, size);
    r->op = (results_op_e) (1 + set % 4);
    r->kind = (results_kind_e) (1 + set % 5);
    r->status = (results_status_e) (1 + set / 16 % 2);
    r->completion = (results_completion_e) (set % 10);
    r->guards = set % 4;
    r->institution_id = set % 3;
    r->id = text(data, size);
    r->learner_id = text(data, size);
    r->detail = text(data, size);
    r->actor_id = text(data, size);

    if (set & 0x20) {
        number = bits(data, size);
        memcpy(&r->score, &number, sizeof(double));
        r->payload_hash = (int64_t) number;
        r->expected = (int32_t) number;
    }

    if (set & 0x40) {
        r->time_spent = (int32_t) bits(data, size);
    }

    if (set & 0x80) {
        r->scored_at = (int64_t) (bits(data, size) >> 8);
    }

    r->stamp = set;
}


static int64_t
number(array_t *array, size_t size)
{
    int64_t  n;

    fuzz_assert(array->left >= size);

    n = (array->p[0] & 0x80) ? -1 : 0;
    array->left -= size;

    while (size--) {
        n = (int64_t) ((uint64_t) n << 8 | *array->p++);
    }

    return n;
}


static void
open_array(array_t *array, const results_params_t *params, unsigned column,
    size_t n)
{
    memset(array, 0, sizeof(array_t));

    if (params->value[column] == NULL) {
        return;
    }

    array->p = (const uint8_t *) params->value[column];
    array->left = (size_t) params->length[column];

    fuzz_assert(number(array, 4) == 1);
    array->nulls = (int) number(array, 4);
    fuzz_assert(number(array, 4) > 0);
    fuzz_assert(number(array, 4) == (int64_t) n);
    fuzz_assert(number(array, 4) == 1);
}


/* the bytes of an element, which has to have that size; NULL: null */
static const uint8_t *
element(array_t *array, size_t *size)
{
    int64_t  len;

    if (array->p == NULL) {
        return NULL;
    }

    len = number(array, 4);

    if (len == -1) {
        array->seen = 1;
        return NULL;
    }

    fuzz_assert(len >= 0 && (size_t) len <= array->left);

    *size = (size_t) len;
    array->p += len;
    array->left -= (size_t) len;

    return array->p - len;
}


static void
text_is(array_t *array, results_str_t s)
{
    size_t          size;
    const uint8_t  *p;

    p = element(array, &size);

    fuzz_assert((p == NULL) == (s.data == NULL));
    fuzz_assert(p == NULL
                || (size == s.len && memcmp(p, s.data, size) == 0));
}


static void
number_is(array_t *array, size_t width, int is_null, int64_t value)
{
    size_t    size;
    array_t   one;

    one.p = element(array, &size);

    fuzz_assert((one.p == NULL) == is_null);

    if (one.p) {
        fuzz_assert(size == width);
        one.left = width;
        fuzz_assert(number(&one, width) == value);
    }
}


static void
encode(size_t n)
{
    int64_t           score;
    size_t            i, size;
    unsigned          column;
    array_t           array;
    results_params_t  params;

    memset(&params, 0, sizeof(results_params_t));

    if (results_encode_records(&params, list, n) != 0) {
        fuzz_assert(fuzz_allocation_failed());
        results_params_free(&params);
        return;
    }

    for (column = 0; column < RESULTS_WRITE_NPARAMS; column++) {
        open_array(&array, &params, column, n);

        for (i = 0; i < n; i++) {
            switch (column) {

            case 0:
                number_is(&array, 2, 0, records[i].op);
                break;

            case 3:
                text_is(&array, records[i].id);
                break;

            case 4:
                text_is(&array, records[i].learner_id);
                break;

            case 8:
                memcpy(&score, &records[i].score, sizeof(score));
                number_is(&array, 8, isnan(records[i].score), score);
                break;

            case 10:
                number_is(&array, 2, records[i].completion == 0,
                          records[i].completion);
                break;

            case 12:
                number_is(&array, 4,
                          records[i].time_spent == RESULTS_INT_NULL,
                          records[i].time_spent);
                break;

            case 15:
                number_is(&array, 8,
                          records[i].scored_at == RESULTS_TIME_NULL,
                          (int64_t) ((uint64_t) records[i].scored_at
                                     - RESULTS_TIME_PG_EPOCH));
                break;

            case 16:
                text_is(&array, records[i].detail);
                break;

            case 20:
                number_is(&array, 4, records[i].op != RESULTS_OP_REPLACE,
                          records[i].expected);
                break;

            default:
                (void) element(&array, &size);
            }
        }

        fuzz_assert(array.left == 0);
        fuzz_assert(array.nulls == array.seen);
    }

    results_params_free(&params);
}


static void
batch(size_t n)
{
    int                  rc, twice;
    size_t               i;
    results_batch_row_t  rows[RECORDS];

    for (i = 0; i < n; i++) {
        rows[i].record = list[i];
        rows[i].claim = NULL;
    }

    rc = results_batch_sort(rows, n);
    twice = 0;

    for (i = 1; i < n; i++) {
        fuzz_assert(results_record_compare(rows[i - 1].record,
                                           rows[i].record) <= 0);

        twice |= (results_record_compare(rows[i - 1].record, rows[i].record)
                  == 0);
    }

    fuzz_assert(rc == (twice ? -1 : 0));
}


static void
answer(results_str_t bytes, size_t n)
{
    size_t             i, third;
    results_str_t      parts[3];
    results_written_t  written[RECORDS];

    third = bytes.len / 3;

    for (i = 0; i < 3; i++) {
        parts[i].data = bytes.data + i * third;
        parts[i].len = third;
    }

    if (third == 0 || bytes.data[0] == 'n') {
        parts[2].data = NULL;
        parts[2].len = 0;
    }

    if (results_decode_outcomes(parts, written, n) == 0) {

        for (i = 0; i < n; i++) {
            fuzz_assert(results_outcome_name(written[i].outcome));
        }
    }
}


static void
row(const uint8_t *data, size_t size)
{
    unsigned          n;
    results_str_t     values[RESULTS_RECORD_COLUMNS];
    results_record_t  r;

    for (n = 0; n < RESULTS_RECORD_COLUMNS && size; n++) {
        values[n] = text(&data, &size);
    }

    if (results_read_record(values, n, &r) == 0) {
        fuzz_assert(n == RESULTS_RECORD_COLUMNS);
        fuzz_assert(results_kind_name(r.kind) && r.version > 0);
    }

    (void) results_completion_name(r.completion);
}


static void
digests(const uint8_t *data, size_t size)
{
    size_t                i, n;
    results_buf_t         buf;
    const unsigned char  *list_of[RECORDS];

    memset(&buf, 0, sizeof(results_buf_t));

    n = size / RESULTS_DIGEST_LEN;
    n = n < RECORDS ? n : RECORDS;

    for (i = 0; i < n; i++) {
        list_of[i] = data + i * RESULTS_DIGEST_LEN;
    }

    results_encode_digests(&buf, list_of, n);
    fuzz_assert(buf.failed || buf.len == 20 + n * (4 + RESULTS_DIGEST_LEN));

    results_buf_free(&buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            sqlstate[6];
    size_t          n, whole;
    unsigned        fail;
    results_str_t   bytes;
    const uint8_t  *start;

    if (size < 2) {
        return 0;
    }

    bytes.len = whole = size;
    bytes.data = fuzz_copy(data, size);
    start = data = (const uint8_t *) bytes.data;

    n = fuzz_byte(&data, &size) % (RECORDS + 1);
    fail = fuzz_byte(&data, &size) % 8;

    bytes.data += 2;
    bytes.len -= 2;

    memcpy(sqlstate, "00000", sizeof(sqlstate));
    memcpy(sqlstate, data, size < 5 ? size : 5);
    (void) results_sqlstate_action(sqlstate);

    for (whole = 0; whole < n; whole++) {
        record(&records[whole], &data, &size);
        list[whole] = &records[whole];
    }

    fuzz_fail_allocation(fail);
    encode(n);
    digests((const uint8_t *) bytes.data, bytes.len);
    fuzz_fail_allocation(0);

    batch(n);
    row((const uint8_t *) bytes.data, bytes.len);
    answer(bytes, n);

    free((uint8_t *) start);

    return 0;
}
