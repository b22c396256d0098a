
/*
 * Parameters to text, and rows from binary: see results_read.h.
 */

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "results_read.h"


static void results_read_push(results_read_t *read, const char *value);
static results_str_t results_read_time_text(results_arena_t *arena,
    int64_t time);
static void results_read_array(results_read_t *read, results_buf_t *buf);


void
results_read_init(results_read_t *read, results_arena_t *arena,
    results_function_e function)
{
    memset(read, 0, sizeof(results_read_t));

    read->arena = arena;
    read->function = function;
}


static void
results_read_push(results_read_t *read, const char *value)
{
    if (value == NULL || read->nargs == RESULTS_ARGS_MAX) {
        read->failed = 1;
        return;
    }

    read->args[read->nargs++] = value;
}


void
results_read_null(results_read_t *read)
{
    if (read->nargs == RESULTS_ARGS_MAX) {
        read->failed = 1;
        return;
    }

    read->args[read->nargs++] = NULL;
}


void
results_read_int(results_read_t *read, int64_t value)
{
    results_read_push(read, results_arena_printf(read->arena, "%" PRId64,
                                                 value).data);
}


void
results_read_bool(results_read_t *read, int value)
{
    results_read_push(read, value ? "t" : "f");
}


void
results_read_text(results_read_t *read, results_str_t value)
{
    if (value.data == NULL) {
        results_read_null(read);
        return;
    }

    results_read_push(read, results_arena_copy(read->arena, value.data,
                                               value.len).data);
}


void
results_read_time(results_read_t *read, int64_t time)
{
    if (time == RESULTS_TIME_NULL) {
        results_read_null(read);
        return;
    }

    results_read_push(read, results_read_time_text(read->arena, time).data);
}


void
results_read_times(results_read_t *read, const int64_t *times, unsigned n)
{
    unsigned       i;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_puts(&buf, "{");

    for (i = 0; i < n; i++) {

        results_buf_puts(&buf, i ? "," : "");

        if (times[i] == RESULTS_TIME_NULL) {
            results_buf_puts(&buf, "NULL");

        } else {
            results_buf_str(&buf, results_read_time_text(read->arena,
                                                         times[i]));
        }
    }

    results_read_array(read, &buf);
}


static results_str_t
results_read_time_text(results_arena_t *arena, int64_t time)
{
    int64_t  micros;
    char     text[RESULTS_TIME_MILLIS_LEN];

    micros = time % 1000000;

    if (micros < 0) {
        micros += 1000000;
    }

    results_time_format_millis(time, text);

    /* the text without its ".mmmZ", since microseconds are wanted */

    return results_arena_printf(arena, "%.19s.%06" PRId64 "Z", text, micros);
}


void
results_read_texts(results_read_t *read, const results_str_t *values,
    unsigned n)
{
    size_t         k;
    unsigned       i;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_puts(&buf, "{");

    for (i = 0; i < n; i++) {

        results_buf_puts(&buf, i ? "," : "");

        if (values[i].data == NULL) {
            results_buf_puts(&buf, "NULL");
            continue;
        }

        results_buf_puts(&buf, "\"");

        for (k = 0; k < values[i].len; k++) {

            if (values[i].data[k] == '"' || values[i].data[k] == '\\') {
                results_buf_puts(&buf, "\\");
            }

            results_buf_append(&buf, &values[i].data[k], 1);
        }

        results_buf_puts(&buf, "\"");
    }

    results_read_array(read, &buf);
}


void
results_read_ints(results_read_t *read, const int *values, unsigned n)
{
    unsigned       i;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_puts(&buf, "{");

    for (i = 0; i < n; i++) {
        results_buf_printf(&buf, i ? ",%d" : "%d", values[i]);
    }

    results_read_array(read, &buf);
}


static void
results_read_array(results_read_t *read, results_buf_t *buf)
{
    results_buf_puts(buf, "}");

    results_read_push(read, buf->failed
                            ? NULL
                            : results_arena_copy(read->arena, buf->data,
                                                 buf->len).data);
    results_buf_free(buf);
}


int
results_read_record(const results_str_t *values, unsigned nvalues,
    results_record_t *record)
{
    if (nvalues < RESULTS_RECORD_COLUMNS) {
        return -1;
    }

    results_record_init(record);

    record->kind = (results_kind_e) results_read_int_column(values[0], 0);
    record->id = values[1];
    record->learner_id = values[2];
    record->item_id = values[3];
    record->course_id = values[4];
    record->status = (results_status_e)
                     results_read_int_column(values[5],
                                             RESULTS_STATUS_ACTIVE);
    record->score = results_read_double_column(values[6]);
    record->score_max = results_read_double_column(values[7]);
    record->completion = (results_completion_e)
                         results_read_int_column(values[8],
                                                 RESULTS_COMPLETION_NULL);
    record->progress = results_read_double_column(values[9]);
    record->time_spent = (int32_t) results_read_int_column(values[10],
                                                        RESULTS_INT_NULL);
    record->started_at = results_read_time_column(values[11]);
    record->completed_at = results_read_time_column(values[12]);
    record->scored_at = results_read_time_column(values[13]);
    record->detail = values[14];
    record->payload_hash = results_read_int_column(values[15], 0);
    record->version = (int32_t) results_read_int_column(values[16], 0);
    record->client_id = (int32_t) results_read_int_column(values[17], 0);
    record->created_at = results_read_time_column(values[18]);
    record->stamp = results_read_time_column(values[19]);

    if (results_kind_name(record->kind) == NULL
        || record->id.data == NULL || record->version < 1)
    {
        return -1;
    }

    return 0;
}


int64_t
results_read_int_column(results_str_t value, int64_t null)
{
    size_t    i;
    uint64_t  n;

    if (value.data == NULL || value.len == 0 || value.len > 8) {
        return null;
    }

    n = (value.data[0] & 0x80) ? UINT64_MAX : 0;

    for (i = 0; i < value.len; i++) {
        n = n << 8 | (unsigned char) value.data[i];
    }

    return (int64_t) n;
}


double
results_read_double_column(results_str_t value)
{
    double   d;
    int64_t  bits;

    if (value.data == NULL || value.len != sizeof(double)) {
        return NAN;
    }

    bits = results_read_int_column(value, 0);
    memcpy(&d, &bits, sizeof(double));

    return d;
}


int64_t
results_read_time_column(results_str_t value)
{
    int64_t  time;

    if (value.data == NULL || value.len != 8) {
        return RESULTS_TIME_NULL;
    }

    time = results_read_int_column(value, 0);

    /* such a time can't be shown; "infinity" is INT64_MAX */

    if (time < RESULTS_TIME_MIN - RESULTS_TIME_PG_EPOCH
        || time > RESULTS_TIME_MAX - RESULTS_TIME_PG_EPOCH)
    {
        return RESULTS_TIME_NULL;
    }

    return time + RESULTS_TIME_PG_EPOCH;
}
