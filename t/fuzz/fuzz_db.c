
/*
 * See fuzz_db.h.  Records are kept as the rows they would be read as, in an
 * arena that lives as long as the input.
 */

#include <math.h>

#include "fuzz.h"
#include "fuzz_db.h"
#include "results_batch.h"
#include "results_encode.h"


#define ROWS     16
#define COLUMNS  (RESULTS_RECORD_COLUMNS + 1)    /* the total */

#define REPORT_COLUMNS  17


typedef struct {
    results_str_t           values[COLUMNS];
} row_t;


static results_arena_t  *arena;
static row_t             rows[ROWS];
static unsigned          nrows;


void
fuzz_db_open(void)
{
    arena = results_arena_create();
    nrows = 0;
}


void
fuzz_db_close(void)
{
    results_arena_destroy(arena);
}


static results_str_t
number(int64_t value, unsigned size)
{
    char      bytes[8];
    unsigned  i;

    for (i = 0; i < size; i++) {
        bytes[i] = (char) (value >> 8 * (size - 1 - i));
    }

    return results_arena_copy(arena, bytes, size);
}


static results_str_t
real(double value)
{
    int64_t  bits;

    memcpy(&bits, &value, sizeof(bits));

    return isnan(value) ? results_str(NULL) : number(bits, 8);
}


static results_str_t
moment(int64_t time)
{
    return time == RESULTS_TIME_NULL
           ? results_str(NULL) : number(time - RESULTS_TIME_PG_EPOCH, 8);
}


static results_str_t
text(results_str_t s)
{
    return s.data ? results_arena_copy(arena, s.data, s.len) : s;
}


static void
keep(const results_record_t *r)
{
    results_str_t  *v;

    v = rows[nrows++].values;

    v[0] = number(r->kind, 2);
    v[1] = text(r->id);
    v[2] = text(r->learner_id);
    v[3] = text(r->item_id);
    v[4] = text(r->course_id);
    v[5] = number(r->status, 2);
    v[6] = real(r->score);
    v[7] = real(r->score_max);
    v[8] = r->completion ? number(r->completion, 2) : results_str(NULL);
    v[9] = real(r->progress);
    v[10] = r->time_spent == RESULTS_INT_NULL ? results_str(NULL)
                                              : number(r->time_spent, 4);
    v[11] = moment(r->started_at);
    v[12] = moment(r->completed_at);
    v[13] = moment(r->scored_at);
    v[14] = text(r->detail);
    v[15] = number(r->payload_hash, 8);
    v[16] = number(1, 4);
    v[17] = number(r->client_id, 4);
    v[18] = moment(r->stamp);
    v[19] = moment(r->stamp);
}


static int
in_range(int64_t time)
{
    return time == RESULTS_TIME_NULL
           || (time >= RESULTS_TIME_MIN && time <= RESULTS_TIME_MAX);
}


/* what sql/ and PostgreSQL's types want of a record */
static void
check(const results_record_t *r)
{
    json_t  *detail;

    fuzz_assert(r->op >= RESULTS_OP_PUT && r->op <= RESULTS_OP_REPLACE);
    fuzz_assert(results_kind_name(r->kind));
    fuzz_assert(results_id_valid(r->id));
    fuzz_assert(r->status == RESULTS_STATUS_ACTIVE
                || r->status == RESULTS_STATUS_TOBEDELETED);

    fuzz_assert(!isinf(r->score) && !isinf(r->score_max)
                && !isinf(r->progress));
    fuzz_assert(r->completion <= RESULTS_COMPLETION_DECLINED);
    fuzz_assert(in_range(r->started_at) && in_range(r->completed_at)
                && in_range(r->scored_at));

    fuzz_assert(fuzz_is_text(r->learner_id) && fuzz_is_text(r->item_id)
                && fuzz_is_text(r->course_id) && fuzz_is_text(r->actor_id));

    if (r->detail.data) {
        fuzz_assert(fuzz_is_text(r->detail));

        /* without JSON_ALLOW_NUL, as PostgreSQL reads it */

        detail = json_loadb(r->detail.data, r->detail.len,
                            JSON_REJECT_DUPLICATES, NULL);
        fuzz_assert(json_is_object(detail));
        json_decref(detail);
    }
}


/* what sql/ answers to an operation, and a dialect gets to see */
static int
is_possible(const results_record_t *record)
{
    results_op_e  op;

    op = record->op;

    switch (record->outcome) {

    case RESULTS_OUTCOME_NONE:
    case RESULTS_OUTCOME_SUPERSEDED:
        return 0;

    case RESULTS_OUTCOME_CREATED:
        return op == RESULTS_OP_PUT || op == RESULTS_OP_CREATE;

    case RESULTS_OUTCOME_UPDATED:
        return op == RESULTS_OP_PUT || op == RESULTS_OP_REPLACE;

    case RESULTS_OUTCOME_DELETED:
        return op == RESULTS_OP_DELETE;

    case RESULTS_OUTCOME_REPLAYED:
    case RESULTS_OUTCOME_CONFLICT:
        return op != RESULTS_OP_DELETE;

    case RESULTS_OUTCOME_NOT_FOUND:
        return op == RESULTS_OP_DELETE || op == RESULTS_OP_REPLACE;

    case RESULTS_OUTCOME_FORBIDDEN:
        return (record->guards & RESULTS_GUARD_STUDENT_OR_CENTER) != 0;

    case RESULTS_OUTCOME_PRECONDITION_FAILED:
        return (record->guards & RESULTS_GUARD_PRECONDITIONS) != 0;

    default:
        return 1;
    }
}


void
fuzz_db_write(results_request_t *r, results_str_t outcomes)
{
    size_t            i;
    results_params_t  params;
    results_record_t *record, *one;

    fuzz_assert(r->nrecords > 0);

    for (i = 0; i < r->nrecords; i++) {
        record = one = &r->records[i];

        fuzz_pause();
        check(record);
        fuzz_resume();

        memset(&params, 0, sizeof(results_params_t));
        fuzz_assert(results_encode_records(&params, &one, 1) == 0
                    || fuzz_allocation_failed());
        results_params_free(&params);

        record->stamp = r->received;
        record->version = 1;
        record->outcome = RESULTS_OUTCOME_CREATED;

        if (outcomes.len) {
            record->outcome = (results_outcome_e)
                ((unsigned char) (outcomes.data[i % outcomes.len] - 'c')
                 % (RESULTS_OUTCOME_PRECONDITION_FAILED + 1));
        }

        if (!is_possible(record)) {
            record->outcome = (record->op == RESULTS_OP_DELETE)
                              ? RESULTS_OUTCOME_DELETED
                              : (record->op == RESULTS_OP_REPLACE)
                              ? RESULTS_OUTCOME_UPDATED
                              : RESULTS_OUTCOME_CREATED;
        }

        if (record->outcome <= RESULTS_OUTCOME_DELETED && nrows < ROWS) {
            fuzz_pause();
            keep(record);
            fuzz_resume();
        }
    }
}


static void
check_call(const results_read_t *read)
{
    unsigned  i;

    fuzz_assert(read->function < RESULTS_READS);
    fuzz_assert(read->nargs <= RESULTS_ARGS_MAX);

    for (i = 0; i < read->nargs; i++) {
        fuzz_assert(read->args[i] == NULL
                    || fuzz_is_text(results_str(read->args[i])));
    }
}


static int
is_asked_for(const results_read_t *read, results_str_t id)
{
    unsigned  i;

    for (i = 0; i < read->nargs; i++) {
        if (read->args[i] && results_str_eq(results_str(read->args[i]), id)) {
            return 1;
        }
    }

    return 0;
}


/* up to the separator, which is passed over */
static results_str_t
part(results_str_t *rest, char separator)
{
    const char     *end;
    results_str_t   s;

    s = *rest;
    end = memchr(s.data, separator, s.len);

    if (end) {
        s.len = (size_t) (end - s.data);
        rest->data = end + 1;
        rest->len -= s.len + 1;

    } else {
        rest->data += s.len;
        rest->len = 0;
    }

    return s;
}


/* a row of results_api.read_report(), of values with commas between */
static void
report_row(results_request_t *r, results_str_t line)
{
    char            digits[24];
    unsigned        i;
    results_str_t   s, values[REPORT_COLUMNS];

    /* text, time, integer, word, double, boolean */

    static const char  types[] = "ssssssttttiwdbidd";

    for (i = 0; i < REPORT_COLUMNS; i++) {
        s = part(&line, ',');

        snprintf(digits, sizeof(digits), "%.*s", (int) (s.len & 0xff),
                 s.data);

        fuzz_pause();

        if (s.len == 0) {
            values[i] = results_str(NULL);

        } else if (types[i] == 's') {
            values[i] = fuzz_is_text(s) ? text(s) : results_str("");

        } else if (types[i] == 'd') {
            values[i] = real(strtod(digits, NULL));

        } else {
            values[i] = number(atoll(digits), types[i] == 'w' ? 2
                                              : types[i] == 'b' ? 1 : 8);
        }

        fuzz_resume();
    }

    r->route->row(r, values, REPORT_COLUMNS);
}


static void
report(results_request_t *r, results_str_t lines)
{
    unsigned  n;

    for (n = 0; n < ROWS && lines.len && r->failure.status == 0; n++) {
        report_row(r, part(&lines, ';'));
    }
}


int
fuzz_db_read(results_request_t *r, results_str_t outcomes)
{
    unsigned       i, shown;
    results_str_t  pair[2], total, empty[COLUMNS];

    static const char *const  answers[] = {
        "granted", "invalid_client", "invalid_scope"
    };

    if (r->read.failed) {
        fuzz_assert(fuzz_allocation_failed());
        return -1;
    }

    check_call(&r->read);

    if (r->read.function == RESULTS_ISSUE_TOKEN) {
        i = outcomes.len ? (unsigned char) outcomes.data[0] : 0;
        pair[0] = results_str(answers[i % 3]);
        pair[1] = outcomes;

        if (!fuzz_is_text(pair[1])) {
            pair[1].len = 0;
        }

        r->route->row(r, pair, 2);
        return 0;
    }

    if (r->read.function == RESULTS_READ_PAGE_KEY) {
        pair[0] = results_str("a key of thirty-two bytes in all");
        r->route->row(r, pair, 1);
        return 0;
    }

    fuzz_pause();
    total = number(nrows, 8);
    fuzz_resume();

    if (r->read.function == RESULTS_READ_REPORT) {
        report(r, outcomes);
        return 0;
    }

    /* one row, or a page that may be empty */

    shown = 0;

    for (i = 0; i < nrows && r->failure.status == 0; i++) {

        if (r->read.function == RESULTS_READ_RECORD
            && !is_asked_for(&r->read, rows[i].values[1]))
        {
            continue;
        }

        shown++;
        rows[i].values[RESULTS_RECORD_COLUMNS] = total;
        r->route->row(r, rows[i].values, COLUMNS);

        if (r->read.function == RESULTS_READ_RECORD) {
            break;
        }
    }

    if (shown == 0 && r->read.function != RESULTS_READ_RECORD) {
        memset(empty, 0, sizeof(empty));
        empty[RESULTS_RECORD_COLUMNS] = total;
        r->route->row(r, empty, COLUMNS);
    }

    return 0;
}
