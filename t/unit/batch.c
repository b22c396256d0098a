
/*
 * Batch building: which rows may share a statement, and in which order; and
 * what an SQLSTATE means for a batch.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_batch.h"
#include "results_sqlstate.h"


#define ROWS  64


static results_record_t     records[ROWS];
static results_batch_row_t  rows[ROWS];


static void
row(size_t i, int32_t institution_id, results_kind_e kind, const char *id,
    int64_t stamp)
{
    results_record_init(&records[i]);

    records[i].institution_id = institution_id;
    records[i].kind = kind;
    records[i].id = results_str(id);
    records[i].stamp = stamp;

    rows[i].record = &records[i];
    rows[i].claim = &records[i];
}


static void
sorts_by_primary_key(void **state)
{
    size_t  i;

    (void) state;

    row(0, 2, RESULTS_KIND_RESULT, "a", 1);
    row(1, 1, RESULTS_KIND_ASSESSMENT_RESULT, "a", 2);
    row(2, 1, RESULTS_KIND_RESULT, "b", 3);
    row(3, 1, RESULTS_KIND_RESULT, "a\xC3\xA9", 4);
    row(4, 1, RESULTS_KIND_RESULT, "aa", 5);
    row(5, 1, RESULTS_KIND_RESULT, "a", 6);
    row(6, 1, RESULTS_KIND_RESULT, "B", 7);

    assert_int_equal(results_batch_sort(rows, 7), 0);

    /* bytes, as COLLATE "C" has it: "B" < "a" < "aa" < "a<C3>" < "b" */

    assert_ptr_equal(rows[0].record, &records[6]);
    assert_ptr_equal(rows[1].record, &records[5]);
    assert_ptr_equal(rows[2].record, &records[4]);
    assert_ptr_equal(rows[3].record, &records[3]);
    assert_ptr_equal(rows[4].record, &records[2]);
    assert_ptr_equal(rows[5].record, &records[1]);
    assert_ptr_equal(rows[6].record, &records[0]);

    for (i = 0; i < 7; i++) {
        assert_ptr_equal(rows[i].claim, rows[i].record);
    }
}


static void
same_id_of_another_tenant_or_space_is_another_key(void **state)
{
    (void) state;

    row(0, 1, RESULTS_KIND_RESULT, "k", 1);
    row(1, 2, RESULTS_KIND_RESULT, "k", 2);
    row(2, 1, RESULTS_KIND_ASSESSMENT_RESULT, "k", 3);

    assert_int_equal(results_batch_sort(rows, 3), 0);
}


static void
same_id_of_another_api_is_the_same_key(void **state)
{
    (void) state;

    row(0, 1, RESULTS_KIND_RESULT, "k", 1);
    row(1, 1, RESULTS_KIND_LEARNING_EVENT, "k", 2);

    assert_int_equal(results_batch_sort(rows, 2), -1);
}


static void
none_and_one(void **state)
{
    (void) state;

    row(0, 1, RESULTS_KIND_RESULT, "k", 1);

    assert_int_equal(results_batch_sort(rows, 0), 0);
    assert_int_equal(results_batch_sort(rows, 1), 0);
}


static void
any_order_gives_one_batch(void **state)
{
    size_t               i, j;
    unsigned             round;
    results_batch_row_t  row_i;

    static const char  *ids[] = {
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"
    };

    (void) state;

    srand(1);

    for (round = 0; round < 1000; round++) {

        for (i = 0; i < 12; i++) {
            row(i, 1, RESULTS_KIND_RESULT, ids[i], (int64_t) i);
        }

        /* one of them twice in every other round */

        if (round % 2) {
            records[11].id = records[round % 11].id;
        }

        for (i = 11; i > 0; i--) {
            j = (size_t) rand() % (i + 1);
            row_i = rows[i];
            rows[i] = rows[j];
            rows[j] = row_i;
        }

        if (round % 2) {
            assert_int_equal(results_batch_sort(rows, 12), -1);
            continue;
        }

        assert_int_equal(results_batch_sort(rows, 12), 0);

        for (i = 0; i < 12; i++) {
            assert_ptr_equal(rows[i].record, &records[i]);
        }
    }
}


static void
sqlstates(void **state)
{
    (void) state;

    assert_int_equal(results_sqlstate_action("25006"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("57P01"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("57P03"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("08006"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("53300"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("26000"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("0A000"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("42P05"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("42501"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("42883"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action("3F000"), RESULTS_SQL_EVICT);
    assert_int_equal(results_sqlstate_action(""), RESULTS_SQL_EVICT);

    assert_int_equal(results_sqlstate_action("40001"), RESULTS_SQL_RETRY);
    assert_int_equal(results_sqlstate_action("40P01"), RESULTS_SQL_RETRY);
    assert_int_equal(results_sqlstate_action("57014"), RESULTS_SQL_RETRY);

    assert_int_equal(results_sqlstate_action("22P05"), RESULTS_SQL_ISOLATE);
    assert_int_equal(results_sqlstate_action("23514"), RESULTS_SQL_ISOLATE);
    assert_int_equal(results_sqlstate_action("54000"), RESULTS_SQL_ISOLATE);

    assert_int_equal(results_sqlstate_action("53100"),
                     RESULTS_SQL_UNAVAILABLE);
    assert_int_equal(results_sqlstate_action("25001"),
                     RESULTS_SQL_UNAVAILABLE);
    assert_int_equal(results_sqlstate_action("XX000"),
                     RESULTS_SQL_UNAVAILABLE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(sorts_by_primary_key),
        cmocka_unit_test(same_id_of_another_tenant_or_space_is_another_key),
        cmocka_unit_test(same_id_of_another_api_is_the_same_key),
        cmocka_unit_test(none_and_one),
        cmocka_unit_test(any_order_gives_one_batch),
        cmocka_unit_test(sqlstates)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
