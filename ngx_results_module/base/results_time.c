
/*
 * Timestamps: RFC 3339 text to microseconds and back, by arithmetic of our
 * own, since strptime() and timegm() know locales and time zones.
 */

#include <time.h>

#include "results_time.h"


#define RESULTS_SECOND    INT64_C(1000000)
#define RESULTS_DAY       (INT64_C(86400) * RESULTS_SECOND)

/* hours of a zone at most: Line Islands */
#define RESULTS_ZONE_MAX  (14 * 60)


static int results_time_digits(const char *p, size_t n);
static int64_t results_time_days(int year, int month, int day);
static void results_time_civil(int64_t days, int *year, int *month, int *day);
static void results_time_write(char *out, int value, int digits);


int
results_time_parse(results_str_t text, unsigned accepted, int64_t *out)
{
    int          year, month, day, hour, minute, second, fraction, zone, unit;
    int          leap, zone_hour, zone_minute;
    int64_t      time;
    const char  *p, *end;

    static const int  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    p = text.data;
    end = p + text.len;

    if (text.len < 10 || p[4] != '-' || p[7] != '-') {
        return -1;
    }

    year = results_time_digits(p, 4);
    month = results_time_digits(p + 5, 2);
    day = results_time_digits(p + 8, 2);

    if (year < 1 || month < 1 || month > 12 || day < 1) {
        return -1;
    }

    leap = (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return -1;
    }

    time = results_time_days(year, month, day) * RESULTS_DAY;

    p += 10;

    if (p == end) {
        if (!(accepted & RESULTS_TIME_DATE)) {
            return -1;
        }

        *out = time;
        return 0;
    }

    if (end - p < 9 || (*p != 'T' && *p != 't' && *p != ' ')
        || p[3] != ':' || p[6] != ':')
    {
        return -1;
    }

    hour = results_time_digits(p + 1, 2);
    minute = results_time_digits(p + 4, 2);
    second = results_time_digits(p + 7, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59
        || second < 0 || second > 60)
    {
        return -1;
    }

    p += 9;
    fraction = 0;

    if (p != end && *p == '.') {
        p++;

        if (p == end || *p < '0' || *p > '9') {
            return -1;
        }

        for (unit = 100000; p != end && *p >= '0' && *p <= '9'; p++) {
            fraction += (*p - '0') * unit;
            unit /= 10;
        }
    }

    zone = 0;

    if (p == end) {
        if (!(accepted & RESULTS_TIME_NOZONE)) {
            return -1;
        }

    } else {
        if (!(accepted & RESULTS_TIME_DATETIME)) {
            return -1;
        }

        if (*p == 'Z' || *p == 'z') {
            p++;

        } else {
            if (end - p < 6 || (*p != '+' && *p != '-') || p[3] != ':') {
                return -1;
            }

            zone_hour = results_time_digits(p + 1, 2);
            zone_minute = results_time_digits(p + 4, 2);

            if (zone_hour < 0 || zone_minute < 0 || zone_minute > 59) {
                return -1;
            }

            zone = zone_hour * 60 + zone_minute;

            if (zone > RESULTS_ZONE_MAX) {
                return -1;
            }

            if (*p == '-') {
                zone = -zone;
            }

            p += 6;
        }

        if (p != end) {
            return -1;
        }
    }

    time += ((hour * 60 + minute - zone) * INT64_C(60) + second)
            * RESULTS_SECOND;

    if (second == 60) {

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


/* n digits as a number; -1 where they are none */
static int
results_time_digits(const char *p, size_t n)
{
    int  value;

    for (value = 0; n > 0; n--, p++) {
        if (*p < '0' || *p > '9') {
            return -1;
        }

        value = value * 10 + (*p - '0');
    }

    return value;
}


/*
 * Days from 1970-01-01, in the Gregorian calendar.  Years begin in March
 * here, so that the leap day is the last one; 306 days are March to December
 * and 719468 those from 0000-03-01 to the epoch.
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

    /* 146097 days are 400 years; days is not negative from year 0001 on */

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
