
/*
 * A call's parameters, and the columns of a row, where they are not as they
 * should be.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "results_read.h"


static results_str_t
column(const char *bytes, size_t len)
{
    results_str_t  s;

    s.data = bytes;
    s.len = len;

    return s;
}


/* as PostgreSQL sends them: from 2000 on, the ends of the type for infinity */
static void
times(void **state)
{
    (void) state;

    assert_true(results_read_time_column(column("\0\0\0\0\0\0\0\0", 8))
                == RESULTS_TIME_PG_EPOCH);
    assert_true(results_read_time_column(column("\xff\xff\xff\xff"
                                                "\xff\xff\xff\xff", 8))
                == RESULTS_TIME_PG_EPOCH - 1);

    assert_true(results_read_time_column(column("\x7f\xff\xff\xff"
                                                "\xff\xff\xff\xff", 8))
                == RESULTS_TIME_NULL);
    assert_true(results_read_time_column(column("\x80\0\0\0\0\0\0\0", 8))
                == RESULTS_TIME_NULL);

    assert_true(results_read_time_column(column(NULL, 0))
                == RESULTS_TIME_NULL);
    assert_true(results_read_time_column(column("\0\0\0\0", 4))
                == RESULTS_TIME_NULL);
}


static void
numbers(void **state)
{
    (void) state;

    assert_true(results_read_int_column(column("\xff\xfe", 2), 7) == -2);
    assert_true(results_read_int_column(column("\x01", 1), 7) == 1);
    assert_true(results_read_int_column(column(NULL, 0), 7) == 7);
    assert_true(results_read_int_column(column("", 0), 7) == 7);
    assert_true(results_read_int_column(column("123456789", 9), 7) == 7);

    assert_true(results_read_double_column(column("\xbf\xf0\0\0\0\0\0\0", 8))
                == -1);
    assert_true(isnan(results_read_double_column(column("\0\0\0\0", 4))));
}


static void
rows_of_another_form(void **state)
{
    results_str_t     values[RESULTS_RECORD_COLUMNS];
    results_record_t  record;

    (void) state;

    memset(values, 0, sizeof(values));

    values[0] = column("\0\1", 2);
    values[1] = column("id", 2);
    values[16] = column("\0\0\0\1", 4);

    assert_int_equal(results_read_record(values, RESULTS_RECORD_COLUMNS,
                                         &record), 0);
    assert_int_equal(record.kind, RESULTS_KIND_RESULT);
    assert_true(isnan(record.score));
    assert_int_equal(record.time_spent, RESULTS_INT_NULL);

    assert_int_equal(results_read_record(values, RESULTS_RECORD_COLUMNS - 1,
                                         &record), -1);

    values[0] = column("\0\77", 2);
    assert_int_equal(results_read_record(values, RESULTS_RECORD_COLUMNS,
                                         &record), -1);

    values[0] = column("\0\1", 2);
    values[16] = column("\0\0\0\0", 4);
    assert_int_equal(results_read_record(values, RESULTS_RECORD_COLUMNS,
                                         &record), -1);

    values[16] = column("\0\0\0\1", 4);
    values[1].data = NULL;
    assert_int_equal(results_read_record(values, RESULTS_RECORD_COLUMNS,
                                         &record), -1);
}


static void
more_parameters_than_there_is_room(void **state)
{
    unsigned          i, null;
    results_read_t    read;
    results_arena_t  *arena;

    (void) state;

    arena = results_arena_create();

    for (null = 0; null < 2; null++) {
        results_read_init(&read, arena, RESULTS_READ_RECORD);

        for (i = 0; i < RESULTS_ARGS_MAX; i++) {
            results_read_int(&read, i);
        }

        assert_int_equal(read.failed, 0);

        if (null) {
            results_read_null(&read);

        } else {
            results_read_int(&read, i);
        }

        assert_int_equal(read.failed, 1);
        assert_int_equal(read.nargs, RESULTS_ARGS_MAX);
    }

    results_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(numbers),
        cmocka_unit_test(rows_of_another_form),
        cmocka_unit_test(more_parameters_than_there_is_room)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
