
/*
 * Timestamps: RFC 3339 text in, milliseconds out, microseconds between.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "results_time.h"


#define DATE      RESULTS_TIME_DATE
#define DATETIME  RESULTS_TIME_DATETIME
#define NOZONE    RESULTS_TIME_NOZONE
#define ANY       (DATE|DATETIME|NOZONE)


/* 0 and the time of an exact copy, so that a read beyond it is seen */
static int
parse(const char *text, unsigned accepted, int64_t *out)
{
    int             rc;
    char           *copy;
    results_str_t   s;

    s = results_str(text);
    copy = malloc(s.len + (s.len == 0));
    assert_non_null(copy);

    if (s.len != 0) {
        memcpy(copy, s.data, s.len);
    }

    s.data = copy;
    rc = results_time_parse(s, accepted, out);

    free(copy);

    return rc;
}


static void
texts_become_microseconds(void **state)
{
    size_t   i;
    int64_t  time;

    static const struct {
        const char  *text;
        int64_t      time;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01", 0 },
        { "1970-01-01T00:00:00", 0 },
        { "1969-12-31T23:59:59.999999Z", -1 },
        { "2000-01-01T00:00:00Z", INT64_C(946684800000000) },
        { "2023-11-07T05:31:56Z", INT64_C(1699335116000000) },
        { "2023-11-07t05:31:56z", INT64_C(1699335116000000) },
        { "2023-11-07 05:31:56Z", INT64_C(1699335116000000) },
        { "2023-11-07T05:31:56.123Z", INT64_C(1699335116123000) },
        { "2023-11-07T05:31:56.1Z", INT64_C(1699335116100000) },
        { "2023-11-07T05:31:56.000001Z", INT64_C(1699335116000001) },
        { "2023-11-07T05:31:56.1234567Z", INT64_C(1699335116123456) },
        { "2023-11-07T05:31:56.9999999999999999Z",
          INT64_C(1699335116999999) },
        { "2023-11-07T05:31:56.5", INT64_C(1699335116500000) },
        { "2023-11-07T05:31:56+00:00", INT64_C(1699335116000000) },
        { "2023-11-07T05:31:56-00:00", INT64_C(1699335116000000) },
        { "2023-11-07T07:31:56+02:00", INT64_C(1699335116000000) },
        { "2023-11-07T02:31:56.25-03:00", INT64_C(1699335116250000) },
        { "2023-11-07T11:01:56+05:30", INT64_C(1699335116000000) },
        { "2023-11-07T19:31:56+14:00", INT64_C(1699335116000000) },
        { "2023-11-06T15:31:56-14:00", INT64_C(1699335116000000) },
        { "2024-02-29", INT64_C(1709164800000000) },
        { "2000-02-29", INT64_C(951782400000000) },
        { "0001-01-01T00:00:00Z", RESULTS_TIME_MIN },
        { "0001-01-01", RESULTS_TIME_MIN },
        { "0001-01-01T14:00:00+14:00", RESULTS_TIME_MIN },
        { "9999-12-31T23:59:59.999999Z", RESULTS_TIME_MAX },
        { "9999-12-31T09:59:59.999999-14:00", RESULTS_TIME_MAX },
        { "9999-12-31T23:59:60Z", RESULTS_TIME_MAX },

        /* leap seconds: RFC 3339 5.8 has the first and the last one */
        { "1990-12-31T23:59:60Z", INT64_C(662687999999999) },
        { "1990-12-31T23:59:60.7Z", INT64_C(662687999999999) },
        { "1990-12-31T15:59:60-08:00", INT64_C(662687999999999) }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        time = 42;

        if (parse(cases[i].text, ANY, &time) != 0
            || time != cases[i].time
            || parse(cases[i].text, ANY|RESULTS_TIME_ISO, &time) != 0
            || time != cases[i].time)
        {
            fail_msg("%s: %lld, expected %lld", cases[i].text,
                     (long long) time, (long long) cases[i].time);
        }
    }
}


/* what clients write who follow ISO 8601 and not RFC 3339 */
static void
iso_8601_is_read_where_it_is_accepted(void **state)
{
    size_t   i;
    int64_t  time;

    static const struct {
        const char  *text;
        int64_t      time;
    } cases[] = {
        { "2026-02-28T19:30Z", INT64_C(1772307000000000) },
        { "2026-02-28T19:30", INT64_C(1772307000000000) },
        { "2026-02-28T16:30-03:00", INT64_C(1772307000000000) },
        { "2026-02-28T16:30:00-0300", INT64_C(1772307000000000) },
        { "2026-02-28T19:30:00+0000", INT64_C(1772307000000000) },
        { "2026-02-28T16:30:00-03", INT64_C(1772307000000000) },
        { "2026-02-28T16:30-03", INT64_C(1772307000000000) },
        { "2026-02-29T01:00+0530", -1 },
        { "2026-03-01T01:00+0530", INT64_C(1772307000000000) },
        { "2026-02-28T19:30:00,5Z", INT64_C(1772307000500000) },
        { "2026-02-28T19:30:00,1234567", INT64_C(1772307000123456) },
        { "20260228T193000Z", INT64_C(1772307000000000) },
        { "20260228T193000.25Z", INT64_C(1772307000250000) },
        { "20260228T193000,25-0000", INT64_C(1772307000250000) },
        { "20260228T1930Z", INT64_C(1772307000000000) },
        { "20260228T1630-03", INT64_C(1772307000000000) },
        { "20260228T193000", INT64_C(1772307000000000) },
        { "20260228", INT64_C(1772236800000000) },
        { "19901231T235960Z", INT64_C(662687999999999) }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        time = -1;

        assert_int_equal(parse(cases[i].text, ANY, &time), -1);

        if (parse(cases[i].text, ANY|RESULTS_TIME_ISO, &time)
            != (cases[i].time == -1 ? -1 : 0)
            || time != cases[i].time)
        {
            fail_msg("%s: %lld, expected %lld", cases[i].text,
                     (long long) time, (long long) cases[i].time);
        }
    }
}


static void
no_other_text_is_iso_8601(void **state)
{
    size_t   i;
    int64_t  time;

    static const char *const  cases[] = {
        "", "2026", "2026-02", "202602", "2026022", "2026-0228", "202602-28",
        "2026-2-28", "20260229", "2026-02-28T", "2026-02-28T19",
        "2026-02-28T19Z", "2026-02-28T19:3Z", "2026-02-28T193Z",
        "2026-02-28T19:30:Z", "2026-02-28T19:30:0Z", "2026-02-28T19:3000Z",
        "2026-02-28T1930:00Z", "2026-02-28T19:30.5Z", "2026-02-28T19:30,5Z",
        "2026-02-28T19:30:00,Z", "2026-02-28T19:30:00.,5Z",
        "2026-02-28T24:00Z", "2026-02-28T19:60Z", "2026-02-28T19:30:00+",
        "2026-02-28T19:30:00+3", "2026-02-28T19:30:00+030",
        "2026-02-28T19:30:00+03:", "2026-02-28T19:30:00+03:0",
        "2026-02-28T19:30:00+03000", "2026-02-28T19:30:00+1401",
        "2026-02-28T19:30:00+15", "2026-02-28T19:30:00+0060",
        "2026-02-28T19:30ZZ", "2026-02-28T19:30 Z", "2026-W09-6", "2026-059",
        "+002026-02-28T19:30Z", "20260228193000Z"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        time = 42;

        if (parse(cases[i], ANY|RESULTS_TIME_ISO, &time) == 0) {
            fail_msg("\"%s\" was read as %lld", cases[i], (long long) time);
        }

        assert_int_equal(time, 42);
    }
}


static void
other_texts_are_refused(void **state)
{
    size_t   i;
    int64_t  time;

    static const char *const  cases[] = {
        "", " ", "2", "now", "2023", "2023-11", "2023-11-7", "2023-1-07",
        "20231107", "2023-11-07T", "2023-11-07Z", " 2023-11-07",
        "2023-11-07 ", "2023/11/07", "07-11-2023", "+2023-11-07",
        "-023-11-07", "2023-11-07T05:31Z", "2023-11-07T05:31:56 Z",
        "2023-11-07T5:31:56Z", "2023-11-07T05:31:56,5Z",
        "2023-11-07T05:31:56.Z", "2023-11-07T05:31:56.", "2023-11-07T05:31:5",
        "2023-11-07T05:31:56ZZ", "2023-11-07T05:31:56Z ",
        "2023-11-07  05:31:56Z", "2023-11-07_05:31:56Z",
        "2023-11-07T05-31-56Z", "2023-11-07T053156Z",
        "2023-11-07T-5:31:56Z", "2023-11-07T05:31:56+0200",
        "2023-11-07T05:31:56+02", "2023-11-07T05:31:56+2:00",
        "2023-11-07T05:31:56+02:00Z", "2023-11-07T05:31:56+02:60",
        "2023-11-07T05:31:56+14:01", "2023-11-07T05:31:56-15:00",
        "2023-11-07T05:31:56UTC", "2023-11-07T05:31:56+",
        ("2023-11-07T05:31:56\xe2\x88\x92" "02:00"),    /* a true minus */

        "0000-01-01", "2023-00-07", "2023-13-07", "2023-11-00", "2023-11-31",
        "2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30",
        "2023-11-07T24:00:00Z", "2023-11-07T05:60:00Z",
        "2023-11-07T05:31:61Z", "2023-11-07T99:31:00Z",
        "2023-11-07T23:58:60Z", "2023-11-07T05:31:60Z",
        "1990-12-31T23:59:60-08:00", "1990-12-31T23:59:60+01:00",

        /* outside of years 1 to 9999 in UTC */
        "0001-01-01T00:00:00+00:01", "0001-01-01T13:59:59+14:00",
        "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60-00:01"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        time = 42;

        if (parse(cases[i], ANY, &time) == 0) {
            fail_msg("\"%s\" was read as %lld", cases[i], (long long) time);
        }

        assert_int_equal(time, 42);
    }

    assert_int_equal(results_time_parse(results_str(NULL), ANY, &time), -1);
}


static void
only_accepted_forms_are_read(void **state)
{
    size_t    i;
    int64_t   time;
    unsigned  accepted;

    static const struct {
        const char  *text;
        unsigned     form;
    } cases[] = {
        { "2023-11-07", DATE },
        { "2023-11-07T05:31:56", NOZONE },
        { "2023-11-07T05:31:56.5", NOZONE },
        { "2023-11-07T05:31:56Z", DATETIME },
        { "2023-11-07T05:31:56.5+02:00", DATETIME }
    };

    (void) state;

    for (accepted = 0; accepted <= ANY; accepted++) {
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            assert_int_equal(parse(cases[i].text, accepted, &time),
                             (accepted & cases[i].form) ? 0 : -1);
        }
    }
}


static void
a_nul_is_no_digit(void **state)
{
    int64_t        time;
    results_str_t  s = results_string("2023-11-07T05:31:56\0Z");

    (void) state;

    assert_int_equal(results_time_parse(s, ANY, &time), -1);
}


static void
milliseconds_are_rounded_down(void **state)
{
    size_t  i;
    char    text[RESULTS_TIME_MILLIS_LEN + 1];

    static const struct {
        int64_t      time;
        const char  *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 999, "1970-01-01T00:00:00.000Z" },
        { 1000, "1970-01-01T00:00:00.001Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -1001, "1969-12-31T23:59:59.998Z" },
        { INT64_C(1699335116123999), "2023-11-07T05:31:56.123Z" },
        { INT64_C(1709251199999999), "2024-02-29T23:59:59.999Z" },
        { RESULTS_TIME_MIN, "0001-01-01T00:00:00.000Z" },
        { RESULTS_TIME_MAX, "9999-12-31T23:59:59.999Z" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(text, '#', sizeof(text));

        results_time_format_millis(cases[i].time, text);

        assert_int_equal(text[RESULTS_TIME_MILLIS_LEN], '#');
        assert_memory_equal(text, cases[i].text, RESULTS_TIME_MILLIS_LEN);

        memset(text, '#', sizeof(text));

        results_time_format_date(cases[i].time, text);

        assert_int_equal(text[10], '#');
        assert_memory_equal(text, cases[i].text, 10);
    }
}


/* every day there is, against the C library's calendar */
static void
the_calendar_is_the_gregorian(void **state)
{
    time_t     seconds;
    int64_t    day, time, back;
    struct tm  tm;
    char       expected[16], text[11];

    (void) state;

    for (day = RESULTS_TIME_MIN / 86400000000;
         day <= RESULTS_TIME_MAX / 86400000000;
         day++)
    {
        seconds = day * 86400;
        assert_non_null(gmtime_r(&seconds, &tm));
        expected[0] = (char) ('0' + (tm.tm_year + 1900) / 1000);
        expected[1] = (char) ('0' + (tm.tm_year + 1900) / 100 % 10);
        assert_int_equal(strftime(expected + 2, sizeof(expected) - 2,
                                  "%y-%m-%d", &tm), 8);

        time = day * 86400000000;
        results_time_format_date(time, text);
        text[10] = '\0';

        if (strcmp(text, expected) != 0) {
            fail_msg("%s, expected %s", text, expected);
        }

        if (results_time_parse(results_str(text), DATE, &back) != 0
            || back != time)
        {
            fail_msg("%s is read as another day", text);
        }
    }
}


static void
milliseconds_read_back(void **state)
{
    char           text[RESULTS_TIME_MILLIS_LEN];
    int64_t        time, back;
    results_str_t  s;

    (void) state;

    s.data = text;
    s.len = sizeof(text);

    for (time = RESULTS_TIME_MIN;
         time < RESULTS_TIME_MAX;
         time += INT64_C(1234567891011000))
    {
        results_time_format_millis(time, text);

        assert_int_equal(results_time_parse(s, DATETIME, &back), 0);
        assert_true(back == time);
    }
}


static void
http_dates_are_read(void **state)
{
    int64_t  time;
    size_t   i;

    static const struct {
        const char  *text;
        int64_t      seconds;
    } dates[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Wed Nov 16 08:49:37 1994", 784975777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Wednesday, 31-Dec-69 23:59:59 GMT", 3155759999 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
        { "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 }
    };

    static const char *const  others[] = {
        "", "yesterday", "2024-02-29T12:00:00Z", "1709208000",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 19 4 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-9x 08:49:37 GMT",
        "Sunday, 31-Feb-94 08:49:37 GMT", "Sun Nov 31 08:49:37 1994",
        "Sun Nov -6 08:49:37 1994", "Sun Xyz  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"
    };

    (void) state;

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(results_time_parse_http(results_str(dates[i].text),
                                                 &time), 0);
        assert_true(time == dates[i].seconds * 1000000);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(results_time_parse_http(results_str(others[i]),
                                                 &time), -1);
    }

    assert_int_equal(results_time_parse_http(results_str(NULL), &time), -1);
}


static void
http_dates_are_written(void **state)
{
    char     text[RESULTS_TIME_HTTP_LEN + 1];
    char     expected[64];
    time_t   seconds;
    int64_t  back;

    (void) state;

    text[RESULTS_TIME_HTTP_LEN] = '\0';

    for (seconds = 1; seconds < 250000000000; seconds += 12345678901) {
        results_time_format_http(seconds * INT64_C(1000000) + 999999, text);

        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT",
                 gmtime(&seconds));
        assert_string_equal(text, expected);

        assert_int_equal(results_time_parse_http(results_str(text), &back),
                         0);
        assert_true(back == seconds * INT64_C(1000000));
    }

    results_time_format_http(RESULTS_TIME_MIN, text);
    assert_string_equal(text, "Mon, 01 Jan 0001 00:00:00 GMT");
}


static void
the_clock_is_the_systems(void **state)
{
    int64_t  before, now;

    (void) state;

    before = (int64_t) time(NULL) * 1000000;
    now = results_time_now();

    /* time() may lag behind by a tick */

    assert_true(now >= before);
    assert_true(now < before + INT64_C(3600000000));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(texts_become_microseconds),
        cmocka_unit_test(iso_8601_is_read_where_it_is_accepted),
        cmocka_unit_test(no_other_text_is_iso_8601),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(only_accepted_forms_are_read),
        cmocka_unit_test(a_nul_is_no_digit),
        cmocka_unit_test(milliseconds_are_rounded_down),
        cmocka_unit_test(the_calendar_is_the_gregorian),
        cmocka_unit_test(milliseconds_read_back),
        cmocka_unit_test(http_dates_are_read),
        cmocka_unit_test(http_dates_are_written),
        cmocka_unit_test(the_clock_is_the_systems)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
