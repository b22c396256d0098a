
/*
 * Numbers by their digits: which text is one, what it amounts to, and the form
 * in which it is hashed, which is that of the time when numbers were doubles
 * wherever a double has all of a number.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_json.h"


static void
assert_canonical(const char *number, const char *expected)
{
    results_buf_t  buf;

    memset(&buf, 0, sizeof(buf));

    results_number_canonical(&buf, results_str(number));
    results_buf_append(&buf, "", 1);

    if (strcmp(buf.data, expected) != 0) {
        fail_msg("%s: %s, not %s", number, buf.data, expected);
    }

    results_buf_free(&buf);
}


static void
numbers_have_a_length(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        size_t       len;
    } cases[] = {
        { "0", 1 }, { "-0", 2 }, { "10", 2 }, { "1.5", 3 }, { "1e5", 3 },
        { "1E+05,", 5 }, { "-1.25e-30]", 9 }, { "0.0 ", 3 }, { "01", 1 },
        { "1x", 1 }, { "", 0 }, { "-", 0 }, { "+1", 0 }, { ".5", 0 },
        { "1.", 0 }, { "1.e5", 0 }, { "1e", 0 }, { "1e+", 0 }, { "-x", 0 },
        { "NaN", 0 }, { "0x10", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(results_number_len(cases[i].text), cases[i].len);
    }
}


static void
the_canonical_form_is_what_it_was(void **state)
{
    size_t  i;

    /* as the module wrote them when an integer was int64_t, else a double */

    static const char *const  cases[][2] = {
        { "0", "0" }, { "-0", "0" }, { "-0.0", "-0.0" }, { "-0e1", "-0.0" },
        { "0.000", "0" }, { "0e999", "0" }, { "1", "1" }, { "-17", "-17" },
        { "1.0", "1" }, { "1e2", "100" }, { "100e-2", "1" },
        { "87.50", "87.5" }, { "9007199254740993", "9007199254740993" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775807", "9223372036854775807" },
        { "1000000000000000", "1000000000000000" }, { "1e15", "1e+15" },
        { "1.5e15", "1.5e+15" }, { "1e14", "100000000000000" },
        { "100000000000000000000", "1e+20" }, { "0.0001", "0.0001" },
        { "0.00001", "0.00001" }, { "0.000012", "0.000012" },
        { "0.0000123", "1.23e-05" }, { "1e-6", "0.000001" },
        { "1e-7", "1e-07" }, { "-1.25e-30", "-1.25e-30" },
        { "1e300", "1e+300" }, { "123456789.012345", "123456789.012345" },
        { "0.30000000000000004", "0.30000000000000004" },
        { "66.66666666666667", "66.66666666666667" },
        { "1.7976931348623157e308", "1.7976931348623157e+308" },

        /* and what no double has */

        { "9223372036854775808", "9223372036854775808" },
        { "18446744073709551615", "18446744073709551615" },
        { "9007199254740993.0", "9007199254740993" },
        { "79228162514264337593543950335", "79228162514264337593543950335" },
        { "792281625142643375935439503350",
          "7.9228162514264337593543950335e+29" },
        { "0.1234567890123456789012345678", "0.1234567890123456789012345678" },
        { "0.10000000000000001", "0.10000000000000001" },
        { "1e-999", "1e-999" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_canonical(cases[i][0], cases[i][1]);
    }
}


/* of random decimals of up to 15 digits, against the writer of doubles */
static void
what_a_double_has_is_hashed_as_a_double(void **state)
{
    char           text[64];
    long           whole;
    unsigned       i;
    results_buf_t  buf;

    (void) state;

    memset(&buf, 0, sizeof(buf));
    srandom(1);

    for (i = 0; i < 200000; i++) {

        whole = random() % 1000000000;

        switch (i % 4) {

        case 0:
            (void) snprintf(text, sizeof(text), "%ld.%06ld", whole,
                            random() % 1000000);
            break;

        case 1:
            (void) snprintf(text, sizeof(text), "-%ld.%0*ld", whole % 1000,
                            (int) (random() % 3) + 9, random() % 1000000000);
            break;

        case 2:
            (void) snprintf(text, sizeof(text), "%ld.%ldE%ld", whole % 10,
                            random() % 100000, random() % 600 - 300);
            break;

        default:
            (void) snprintf(text, sizeof(text), "0.%0*ld",
                            (int) (random() % 10) + 5, whole % 100000);
        }

        buf.len = 0;
        results_buf_json_number(&buf, strtod(text, NULL));
        results_buf_append(&buf, "", 1);

        assert_canonical(text, buf.data);

        assert_true(results_number_double(results_str(text))
                    == strtod(text, NULL));
    }

    results_buf_free(&buf);
}


static void
integers(void **state)
{
    size_t   i;
    int64_t  n;

    static const struct {
        const char  *text;
        int          rc;
        int64_t      n;
    } cases[] = {
        { "0", 0, 0 }, { "-0", 0, 0 }, { "-0.0", 0, 0 }, { "60", 0, 60 },
        { "60.0", 0, 60 }, { "6e1", 0, 60 }, { "600e-1", 0, 60 },
        { "0e9999", 0, 0 },
        { "9223372036854775807", 0, INT64_MAX },
        { "9223372036854775807.0", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "9223372036854775808", -1, 0 }, { "-9223372036854775809", -1, 0 },
        { "9.3e18", -1, 0 }, { "1e19", -1, 0 }, { "1e300", -1, 0 },
        { "1e18", 0, INT64_C(1000000000000000000) },
        { "0.5", -1, 0 }, { "1e-1", -1, 0 }, { "1.00000000000000000001", -1, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = 0;

        if (results_number_integer(results_str(cases[i].text), &n)
            != cases[i].rc
            || n != cases[i].n)
        {
            fail_msg("%s: %lld", cases[i].text, (long long) n);
        }
    }
}


static void
what_fits(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        int          fits;
    } cases[] = {
        { "0", 1 }, { "1e308", 1 }, { "1.7976931348623157e308", 1 },
        { "1.7976931348623159e308", 0 }, { "-2e308", 0 }, { "1e309", 0 },
        { "1e400", 0 }, { "0.001e310", 1 }, { "0e9999", 1 }, { "0e10000", 0 },
        { "1e-9999", 1 }, { "1e-10000", 0 }, { "1e-99999999999999999999", 0 },
        { "1e0000000000000000000000001", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (results_number_fits(results_str(cases[i].text))
            != cases[i].fits)
        {
            fail_msg("%s", cases[i].text);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(numbers_have_a_length),
        cmocka_unit_test(the_canonical_form_is_what_it_was),
        cmocka_unit_test(what_a_double_has_is_hashed_as_a_double),
        cmocka_unit_test(integers),
        cmocka_unit_test(what_fits)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
