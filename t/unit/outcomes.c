
/*
 * The answer of write_records(): what of it a record takes over, and that an
 * answer of any other form changes none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_encode.h"


static results_record_t  records[8], *list[8];


static void
prepare(size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        results_record_init(&records[i]);
        records[i].stamp = RESULTS_TIME_PG_EPOCH;
        list[i] = &records[i];
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

    assert_int_equal(results_decode_outcomes(a, list, 4), 0);

    assert_int_equal(list[0]->outcome, RESULTS_OUTCOME_CREATED);
    assert_int_equal(list[0]->version, 1);
    assert_int_equal(list[1]->outcome, RESULTS_OUTCOME_UPDATED);
    assert_int_equal(list[2]->outcome, RESULTS_OUTCOME_DELETED);
    assert_int_equal(list[2]->version, 300);
    assert_int_equal(list[3]->outcome, RESULTS_OUTCOME_REPLAYED);
    assert_int_equal(list[3]->version, INT32_MAX);

    assert_true(list[0]->stamp == RESULTS_TIME_PG_EPOCH);
    assert_true(list[3]->stamp == RESULTS_TIME_PG_EPOCH);

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

    assert_int_equal(results_decode_outcomes(a, list, 3), 0);

    assert_true(list[0]->stamp == RESULTS_TIME_PG_EPOCH + 5);
    assert_true(list[1]->stamp == RESULTS_TIME_PG_EPOCH - 5);
    assert_true(list[2]->stamp == RESULTS_TIME_PG_EPOCH);

    answers_free(a);
}


/* it may be written again, with a later stamp */
static void
what_was_not_stored_keeps_its_version(void **state)
{
    size_t         i;
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 5, 6, 7, 8, 9, 10 };
    static const int64_t  versions[] = { 9, 9, INT64_MIN, INT64_MIN, 9, 9 };

    (void) state;

    prepare(6);

    for (i = 0; i < 6; i++) {
        list[i]->op = RESULTS_OP_REPLACE;
        list[i]->version = 4;
    }

    a[0] = answer(21, 2, 6, outcomes);
    a[1] = answer(23, 4, 6, versions);
    a[2] = results_str(NULL);

    assert_int_equal(results_decode_outcomes(a, list, 6), 0);

    for (i = 0; i < 6; i++) {
        assert_int_equal(list[i]->outcome, outcomes[i]);
        assert_int_equal(list[i]->version, 4);
    }

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

    assert_int_equal(results_decode_outcomes(a, list, 4), 0);

    assert_int_equal(list[0]->outcome, RESULTS_OUTCOME_SUPERSEDED);
    assert_true(list[0]->forgotten);
    assert_int_equal(list[1]->outcome, RESULTS_OUTCOME_SUPERSEDED);
    assert_false(list[1]->forgotten);
    assert_int_equal(list[2]->outcome, RESULTS_OUTCOME_FORBIDDEN);
    assert_true(list[2]->forgotten);
    assert_int_equal(list[3]->outcome, RESULTS_OUTCOME_REPLAYED);
    assert_false(list[3]->forgotten);

    answers_free(a);
}


/* its request has gone meanwhile */
static void
missing_records_are_passed_over(void **state)
{
    results_str_t  a[3];

    static const int64_t  outcomes[] = { 1, 2 };
    static const int64_t  versions[] = { 1, 2 };

    (void) state;

    prepare(2);
    list[0] = NULL;

    a[0] = answer(21, 2, 2, outcomes);
    a[1] = answer(23, 4, 2, versions);
    a[2] = results_str(NULL);

    assert_int_equal(results_decode_outcomes(a, list, 2), 0);
    assert_int_equal(records[0].outcome, RESULTS_OUTCOME_NONE);
    assert_int_equal(records[1].outcome, RESULTS_OUTCOME_UPDATED);

    answers_free(a);
}


static void
other_answers_touch_no_record(void **state)
{
    char             *copy;
    size_t            i, k, len;
    results_str_t     a[3], cut[3];
    results_record_t  before[2];

    static const int64_t  good[] = { 1, 2 };

    static const int64_t  bad[][2] = {
        { 1, 0 }, { 1, 11 }, { 1, -1 }, { 1, -4 }, { 1, -11 },
        { 1, INT64_MIN }
    };

    (void) state;

    prepare(2);
    memcpy(before, records, sizeof(before));

    /* outcomes there are not, always in the last record */

    for (i = 0; i < 4; i++) {
        a[0] = answer(21, 2, 2, bad[i]);
        a[1] = answer(23, 4, 2, good);
        a[2] = results_str(NULL);

        assert_int_equal(results_decode_outcomes(a, list, 2), -1);
        answers_free(a);
    }

    /* stored, but as no version */

    a[0] = answer(21, 2, 2, good);
    a[1] = answer(23, 4, 2, bad[0]);
    a[2] = results_str(NULL);
    assert_int_equal(results_decode_outcomes(a, list, 2), -1);
    answers_free(a);

    /* another number of elements */

    for (i = 0; i < 3; i++) {
        a[0] = answer(21, 2, (i == 0) ? 1 : 2, good);
        a[1] = answer(23, 4, (i == 1) ? 1 : 2, good);
        a[2] = answer(1184, 8, (i == 2) ? 1 : 2, good);

        assert_int_equal(results_decode_outcomes(a, list, 2), -1);
        answers_free(a);
    }

    a[0] = answer(21, 2, 2, good);
    a[1] = answer(23, 4, 2, good);
    a[2] = answer(1184, 8, 2, good);

    assert_int_equal(results_decode_outcomes(a, list, 1), -1);

    /* nulls, other types, cut off anywhere, or more behind */

    for (i = 0; i < 3; i++) {
        memcpy(cut, a, sizeof(a));

        if (i != 2) {
            cut[i] = results_str(NULL);
            assert_int_equal(results_decode_outcomes(cut, list, 2), -1);
        }

        cut[i] = a[(i + 1) % 3];
        assert_int_equal(results_decode_outcomes(cut, list, 2), -1);

        for (len = 0; len < a[i].len; len++) {
            copy = malloc(len + (len == 0));
            assert_non_null(copy);
            memcpy(copy, a[i].data, len);
            cut[i].data = copy;
            cut[i].len = len;

            assert_int_equal(results_decode_outcomes(cut, list, 2), -1);

            free(copy);
        }

        cut[i].len = a[i].len + 4;
        cut[i].data = calloc(1, cut[i].len);
        assert_non_null(cut[i].data);
        memcpy((char *) cut[i].data, a[i].data, a[i].len);

        assert_int_equal(results_decode_outcomes(cut, list, 2), -1);

        free((char *) cut[i].data);

        /* an element's length that is none of the type's */

        for (k = 0; k < 4; k++) {
            ((char *) a[i].data)[20 + k] ^= 0x40;
            assert_int_equal(results_decode_outcomes(a, list, 2), -1);
            ((char *) a[i].data)[20 + k] ^= 0x40;
        }
    }

    assert_memory_equal(before, records, sizeof(before));

    assert_int_equal(results_decode_outcomes(a, list, 2), 0);

    answers_free(a);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(outcomes_are_taken_over),
        cmocka_unit_test(stored_stamps_replace_the_records),
        cmocka_unit_test(what_was_not_stored_keeps_its_version),
        cmocka_unit_test(negative_outcomes_are_forgotten),
        cmocka_unit_test(missing_records_are_passed_over),
        cmocka_unit_test(other_answers_touch_no_record)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
