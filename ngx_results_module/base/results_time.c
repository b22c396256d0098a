
/*
 * RFC 3339 and ISO 8601 text to microseconds and back.  strptime(), strftime()
 * and mktime() would do with the locale and the time zone of the process what
 * a protocol must not depend on.
 */

#include <time.h>

#include "results_time.h"


#define RESULTS_SECOND    INT64_C(1000000)
#define RESULTS_DAY       (INT64_C(86400) * RESULTS_SECOND)

/* minutes: the largest offset in use, that of the Line Islands */
#define RESULTS_ZONE_MAX  (14 * 60)


static int results_time_date(const char **p, const char *end, unsigned iso,
    int64_t *out);
static int results_time_clock(const char **p, const char *end, unsigned iso,
    int *second, int *fraction);
static int results_time_zone(const char **p, const char *end, unsigned iso,
    int *minutes);
static int results_time_digits(const char **p, const char *end, int n);
static int results_time_is(const char **p, const char *end, char c);
static int64_t results_time_days(int year, int month, int day);
static void results_time_civil(int64_t days, int *year, int *month, int *day);
static void results_time_write(char *out, int value, int digits);


int
results_time_parse(results_str_t text, unsigned accepted, int64_t *out)
{
    int          second, fraction, zone;
    int64_t      time;
    unsigned     iso;
    const char  *p, *end;

    if (text.data == NULL) {
        return -1;
    }

    p = text.data;
    end = p + text.len;
    iso = accepted & RESULTS_TIME_ISO;

    if (results_time_date(&p, end, iso, &time) != 0) {
        return -1;
    }

    if (p == end) {
        if (!(accepted & RESULTS_TIME_DATE)) {
            return -1;
        }

        *out = time;
        return 0;
    }

    if (!results_time_is(&p, end, 'T') && !results_time_is(&p, end, 't')
        && !results_time_is(&p, end, ' '))
    {
        return -1;
    }

    if (results_time_clock(&p, end, iso, &second, &fraction) != 0) {
        return -1;
    }

    zone = 0;

    if (p == end) {
        if (!(accepted & RESULTS_TIME_NOZONE)) {
            return -1;
        }

    } else if (!(accepted & RESULTS_TIME_DATETIME)
               || results_time_zone(&p, end, iso, &zone) != 0
               || p != end)
    {
        return -1;
    }

    time += (second - zone * INT64_C(60)) * RESULTS_SECOND;

    if (fraction < 0) {

        /* RFC 3339 5.7: at the end of a day in UTC, whatever the zone */

        if (time % RESULTS_DAY != 0) {
            return -1;
        }

        time--;

    } else {
        time += fraction;
    }

    if (time < RESULTS_TIME_MIN || time > RESULTS_TIME_MAX) {
        return -1;
    }

    *out = time;

    return 0;
}


/*
 * YYYY-MM-DD, with iso also YYYYMMDD: 0 and in *out the start of the day, UTC,
 * or -1
 */
static int
results_time_date(const char **p, const char *end, unsigned iso, int64_t *out)
{
    int  year, month, day, leap, extended;

    static const int  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    year = results_time_digits(p, end, 4);
    extended = results_time_is(p, end, '-');
    month = results_time_digits(p, end, 2);

    if ((!extended && !iso)
        || (extended && !results_time_is(p, end, '-')))
    {
        return -1;
    }

    day = results_time_digits(p, end, 2);

    if (year < 1 || month < 1 || month > 12 || day < 1) {
        return -1;
    }

    leap = (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return -1;
    }

    *out = results_time_days(year, month, day) * RESULTS_DAY;

    return 0;
}


/*
 * hh:mm:ss and a fraction, with iso also hhmmss, hh:mm, hhmm and a comma: 0 and
 * the second of the day and the fraction in microseconds, or -1.  A fraction of
 * -1 means a leap second.
 */
static int
results_time_clock(const char **p, const char *end, unsigned iso, int *second,
    int *fraction)
{
    int  hour, minute, unit, extended;

    *second = 0;
    *fraction = 0;

    hour = results_time_digits(p, end, 2);
    extended = results_time_is(p, end, ':');
    minute = results_time_digits(p, end, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59
        || (!extended && !iso))
    {
        return -1;
    }

    if (extended ? results_time_is(p, end, ':')
                 : (*p != end && **p >= '0' && **p <= '9'))
    {
        *second = results_time_digits(p, end, 2);

        if (*second < 0 || *second > 60) {
            return -1;
        }

        if (results_time_is(p, end, '.')
            || (iso && results_time_is(p, end, ',')))
        {
            if (*p == end || **p < '0' || **p > '9') {
                return -1;
            }

            for (unit = 100000;
                 *p != end && **p >= '0' && **p <= '9';
                 (*p)++)
            {
                *fraction += (**p - '0') * unit;
                unit /= 10;
            }
        }

    } else if (!iso) {
        return -1;
    }

    if (*second == 60) {
        *fraction = -1;
    }

    *second += (hour * 60 + minute) * 60;

    return 0;
}


/* Z or +hh:mm, with iso also +hhmm and +hh: 0 and the minutes ahead of UTC */
static int
results_time_zone(const char **p, const char *end, unsigned iso, int *minutes)
{
    int  hour, minute, sign;

    if (results_time_is(p, end, 'Z') || results_time_is(p, end, 'z')) {
        *minutes = 0;
        return 0;
    }

    if (results_time_is(p, end, '-')) {
        sign = -1;

    } else if (results_time_is(p, end, '+')) {
        sign = 1;

    } else {
        return -1;
    }

    hour = results_time_digits(p, end, 2);

    if (iso && *p == end) {
        minute = 0;

    } else if (results_time_is(p, end, ':') || iso) {
        minute = results_time_digits(p, end, 2);

    } else {
        return -1;
    }

    if (hour < 0 || minute < 0 || minute > 59
        || hour * 60 + minute > RESULTS_ZONE_MAX)
    {
        return -1;
    }

    *minutes = sign * (hour * 60 + minute);

    return 0;
}


/* reads n digits and moves *p past them: their number, or -1 */
static int
results_time_digits(const char **p, const char *end, int n)
{
    int  value;

    for (value = 0; n > 0; n--, (*p)++) {

        if (*p == end || **p < '0' || **p > '9') {
            return -1;
        }

        value = value * 10 + (**p - '0');
    }

    return value;
}


/* whether the next character is c; moves *p past it */
static int
results_time_is(const char **p, const char *end, char c)
{
    if (*p == end || **p != c) {
        return 0;
    }

    (*p)++;

    return 1;
}


/*
 * Days from 1970-01-01, in the Gregorian calendar.  Years begin in March here,
 * so that the leap day is the last of its year.  March to December have 306
 * days; from 0000-03-01 to 1970-01-01 there are 719468.
 */
static int64_t
results_time_days(int year, int month, int day)
{
    if (month <= 2) {
        year--;
        month += 12;
    }

    return INT64_C(365) * year + year / 4 - year / 100 + year / 400
           + (306 * (month - 3) + 5) / 10 + day - 1 - 719468;
}


static void
results_time_civil(int64_t days, int *year, int *month, int *day)
{
    int  era, y, n;

    days += 719468;

    /* 400 years have 146097 days; days is not negative, as the year is not */

    era = (int) (days / 146097);
    n = (int) (days % 146097);

    y = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    n -= 365 * y + y / 4 - y / 100;

    *month = (10 * n + 5) / 306;
    *day = n - (306 * *month + 5) / 10 + 1;
    *month += 3;
    *year = era * 400 + y;

    if (*month > 12) {
        *month -= 12;
        (*year)++;
    }
}


void
results_time_format_date(int64_t time, char *out)
{
    int      year, month, day;
    int64_t  days;

    days = time / RESULTS_DAY;

    if (time % RESULTS_DAY < 0) {
        days--;
    }

    results_time_civil(days, &year, &month, &day);

    results_time_write(out, year, 4);
    out[4] = '-';
    results_time_write(out + 5, month, 2);
    out[7] = '-';
    results_time_write(out + 8, day, 2);
}


void
results_time_format_millis(int64_t time, char *out)
{
    int      seconds;
    int64_t  rest;

    results_time_format_date(time, out);

    rest = time % RESULTS_DAY;

    if (rest < 0) {
        rest += RESULTS_DAY;
    }

    seconds = (int) (rest / RESULTS_SECOND);

    out[10] = 'T';
    results_time_write(out + 11, seconds / 3600, 2);
    out[13] = ':';
    results_time_write(out + 14, seconds / 60 % 60, 2);
    out[16] = ':';
    results_time_write(out + 17, seconds % 60, 2);
    out[19] = '.';
    results_time_write(out + 20, (int) (rest % RESULTS_SECOND / 1000), 3);
    out[23] = 'Z';
}


static void
results_time_write(char *out, int value, int digits)
{
    while (digits > 0) {
        out[--digits] = (char) ('0' + value % 10);
        value /= 10;
    }
}


int64_t
results_time_now(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    return now.tv_sec * RESULTS_SECOND + now.tv_nsec / 1000;
}


int64_t
results_time_monotonic(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return now.tv_sec * RESULTS_SECOND + now.tv_nsec / 1000;
}
