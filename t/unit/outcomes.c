
/*
 * The answer of write_records(): it is read aside, and no record knows of it
 * before it is taken over; what then is a record's own.  An answer of any
 * other form is none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_encode.h"


static results_record_t   records[8];
static results_written_t  written[8];


static void
prepare(size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        results_record_init(&records[i]);
        records[i].stamp = RESULTS_TIME_PG_EPOCH;
    }

    memset(written, 0xff, sizeof(written));
}


/* the answer read, and taken over by the records */
static void
take_over(const results_str_t *a, size_t n)
{
    size_t            i;
    results_record_t  before[8];

    memcpy(before, records, sizeof(before));

    assert_int_equal(results_decode_outcomes(a, written, n), 0);

    /* it may be rolled back yet */
    assert_memory_equal(before, records, sizeof(before));

    for (i = 0; i < n; i++) {
        results_record_written(&records[i], &written[i]);
    }
}


/* an answer's array, in memory of exactly its size */
static results_str_t
answer(uint32_t oid, int size, size_t n, const int64_t *values)
{
    char          *data, *p;
    int            k;
    size_t         i;
    uint32_t       header[5];
    results_str_t  s;

    data = malloc(20 + n * (4 + (size_t) size));
    assert_non_null(data);

    header[0] = 1;
    header[1] = 1;
    header[2] = oid;
    header[3] = (uint32_t) n;
    header[4] = 1;

    p = data;

    for (i = 0; i < 5; i++) {
        for (k = 3; k >= 0; k--) {
            *p++ = (char) (header[i] >> (k * 8));
        }
    }

    for (i = 0; i < n; i++) {
        if (values[i] == INT64_MIN) {
            memset(p, 0xff, 4);
            p += 4;
            continue;
        }

        memset(p, 0, 3);
        p[3] = (char) size;
        p += 4;

        for (k = size - 1; k >= 0; k--) {
            *p++ = (char) ((uint64_t) values[i] >> (k * 8));
        }
    }

    s.len = (size_t) (p - data);
    s.data = realloc(data, s.len);
    assert_non_null(s.data);

    return s;
}


static void
answers_free(results_str_t *answers)
{
    int  i;

    for (i = 0; i < 3; i++) {
        free((char *) answers[i].data);
        answers[i].data = NULL;
    }
}


static void
outcomes_are_taken_over(void **state)
{
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 1, 2, 3, 4 };
    static const int64_t  versions[] = { 1, 2, 300, INT32_MAX };

    (void) state;

    prepare(4);

    a[0] = answer(21, 2, 4, outcomes);
    a[1] = answer(23, 4, 4, versions);
    a[2] = results_str(NULL);

    take_over(a, 4);

    assert_int_equal(records[0].outcome, RESULTS_OUTCOME_CREATED);
    assert_int_equal(records[0].version, 1);
    assert_int_equal(records[1].outcome, RESULTS_OUTCOME_UPDATED);
    assert_int_equal(records[2].outcome, RESULTS_OUTCOME_DELETED);
    assert_int_equal(records[2].version, 300);
    assert_int_equal(records[3].outcome, RESULTS_OUTCOME_REPLAYED);
    assert_int_equal(records[3].version, INT32_MAX);

    assert_true(records[0].stamp == RESULTS_TIME_PG_EPOCH);
    assert_true(records[3].stamp == RESULTS_TIME_PG_EPOCH);

    answers_free(a);
}


static void
stored_stamps_replace_the_records(void **state)
{
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 4, 5, 7 };
    static const int64_t  versions[] = { 1, 9, INT64_MIN };
    static const int64_t  stamps[] = { 5, -5, INT64_MIN };

    (void) state;

    prepare(3);

    a[0] = answer(21, 2, 3, outcomes);
    a[1] = answer(23, 4, 3, versions);
    a[2] = answer(1184, 8, 3, stamps);

    take_over(a, 3);

    assert_true(records[0].stamp == RESULTS_TIME_PG_EPOCH + 5);
    assert_true(records[1].stamp == RESULTS_TIME_PG_EPOCH - 5);
    assert_true(records[2].stamp == RESULTS_TIME_PG_EPOCH);

    answers_free(a);
}


/* it may be written again, with a later stamp */
static void
what_was_not_stored_has_no_version(void **state)
{
    size_t         i;
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 5, 6, 7, 8, 9, 10, 11 };
    static const int64_t  versions[] = { 9, 9, INT64_MIN, INT64_MIN, 9, 9, 9 };

    (void) state;

    prepare(7);

    a[0] = answer(21, 2, 7, outcomes);
    a[1] = answer(23, 4, 7, versions);
    a[2] = results_str(NULL);

    take_over(a, 7);

    for (i = 0; i < 7; i++) {
        assert_int_equal(records[i].outcome, outcomes[i]);
        assert_int_equal(records[i].version, 0);
    }

    answers_free(a);
}


/* whatever came of it: the next run must ask for the same */
static void
what_a_record_expects_stays(void **state)
{
    size_t         i;
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 2, 5, 6 };
    static const int64_t  versions[] = { 5, 9, 9 };

    (void) state;

    prepare(3);

    for (i = 0; i < 3; i++) {
        records[i].op = RESULTS_OP_REPLACE;
        records[i].expected = 4;
    }

    a[0] = answer(21, 2, 3, outcomes);
    a[1] = answer(23, 4, 3, versions);
    a[2] = results_str(NULL);

    take_over(a, 3);

    for (i = 0; i < 3; i++) {
        assert_int_equal(records[i].expected, 4);
    }

    assert_int_equal(records[0].version, 5);

    answers_free(a);
}


static void
negative_outcomes_are_forgotten(void **state)
{
    results_str_t  a[3];

    static const int64_t  outcomes[] = { -5, 5, -10, 4 };
    static const int64_t  versions[] = { 9, 9, INT64_MIN, 3 };

    (void) state;

    prepare(4);

    a[0] = answer(21, 2, 4, outcomes);
    a[1] = answer(23, 4, 4, versions);
    a[2] = results_str(NULL);

    take_over(a, 4);

    assert_int_equal(records[0].outcome, RESULTS_OUTCOME_SUPERSEDED);
    assert_true(records[0].forgotten);
    assert_int_equal(records[1].outcome, RESULTS_OUTCOME_SUPERSEDED);
    assert_false(records[1].forgotten);
    assert_int_equal(records[2].outcome, RESULTS_OUTCOME_FORBIDDEN);
    assert_true(records[2].forgotten);
    assert_int_equal(records[3].outcome, RESULTS_OUTCOME_REPLAYED);
    assert_false(records[3].forgotten);

    answers_free(a);
}


static void
other_answers_are_none(void **state)
{
    char           *copy;
    size_t          i, k, len;
    results_str_t   a[3], cut[3];

    static const int64_t  good[] = { 1, 2 };

    static const int64_t  bad[][2] = {
        { 1, 0 }, { 1, 12 }, { 1, -1 }, { 1, -4 }, { 1, -12 },
        { 1, INT64_MIN }
    };

    (void) state;

    prepare(2);

    /* outcomes there are not, always in the last record */

    for (i = 0; i < 6; i++) {
        a[0] = answer(21, 2, 2, bad[i]);
        a[1] = answer(23, 4, 2, good);
        a[2] = results_str(NULL);

        assert_int_equal(results_decode_outcomes(a, written, 2), -1);
        answers_free(a);
    }

    /* stored, but as no version */

    a[0] = answer(21, 2, 2, good);
    a[1] = answer(23, 4, 2, bad[0]);
    a[2] = results_str(NULL);
    assert_int_equal(results_decode_outcomes(a, written, 2), -1);
    answers_free(a);

    /* another number of elements */

    for (i = 0; i < 3; i++) {
        a[0] = answer(21, 2, (i == 0) ? 1 : 2, good);
        a[1] = answer(23, 4, (i == 1) ? 1 : 2, good);
        a[2] = answer(1184, 8, (i == 2) ? 1 : 2, good);

        assert_int_equal(results_decode_outcomes(a, written, 2), -1);
        answers_free(a);
    }

    a[0] = answer(21, 2, 2, good);
    a[1] = answer(23, 4, 2, good);
    a[2] = answer(1184, 8, 2, good);

    assert_int_equal(results_decode_outcomes(a, written, 1), -1);

    /* nulls, other types, cut off anywhere, or more behind */

    for (i = 0; i < 3; i++) {
        memcpy(cut, a, sizeof(a));

        if (i != 2) {
            cut[i] = results_str(NULL);
            assert_int_equal(results_decode_outcomes(cut, written, 2), -1);
        }

        cut[i] = a[(i + 1) % 3];
        assert_int_equal(results_decode_outcomes(cut, written, 2), -1);

        for (len = 0; len < a[i].len; len++) {
            copy = malloc(len + (len == 0));
            assert_non_null(copy);
            memcpy(copy, a[i].data, len);
            cut[i].data = copy;
            cut[i].len = len;

            assert_int_equal(results_decode_outcomes(cut, written, 2), -1);

            free(copy);
        }

        cut[i].len = a[i].len + 4;
        cut[i].data = calloc(1, cut[i].len);
        assert_non_null(cut[i].data);
        memcpy((char *) cut[i].data, a[i].data, a[i].len);

        assert_int_equal(results_decode_outcomes(cut, written, 2), -1);

        free((char *) cut[i].data);

        /* an element's length that is none of the type's */

        for (k = 0; k < 4; k++) {
            ((char *) a[i].data)[20 + k] ^= 0x40;
            assert_int_equal(results_decode_outcomes(a, written, 2), -1);
            ((char *) a[i].data)[20 + k] ^= 0x40;
        }
    }

    take_over(a, 2);

    answers_free(a);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(outcomes_are_taken_over),
        cmocka_unit_test(stored_stamps_replace_the_records),
        cmocka_unit_test(what_was_not_stored_has_no_version),
        cmocka_unit_test(what_a_record_expects_stays),
        cmocka_unit_test(negative_outcomes_are_forgotten),
        cmocka_unit_test(other_answers_are_none)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
