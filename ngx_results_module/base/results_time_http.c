
/*
 * HTTP-dates (RFC 9110 5.6.7).  They are rewritten as RFC 3339 text, or made
 * from it, so that the calendar is in results_time.c only.
 */

#include <string.h>

#include "results_time.h"


#define RESULTS_SECOND  INT64_C(1000000)
#define RESULTS_DAY     (INT64_C(86400) * RESULTS_SECOND)
#define RESULTS_YEARS   (INT64_C(50 * 365) * RESULTS_DAY)


static int results_time_word(const char *words, const char *p);
static int results_time_year(const char *rfc3339, const char *digits,
    int64_t *out);


static const char  results_time_weekdays[] = "MonTueWedThuFriSatSun";
static const char  results_time_months[] =
                                       "JanFebMarAprMayJunJulAugSepOctNovDec";


int
results_time_parse_http(results_str_t text, int64_t *out)
{
    int          n;
    char         rfc3339[] = "YYYY-MM-DDThh:mm:ssZ";
    const char  *p, *day, *month, *year, *time;

    p = text.data;

    if (text.len < 24 || results_time_word(results_time_weekdays, p) < 0) {
        return -1;
    }

    if (text.len == 24) {

        /* Sun Nov  6 08:49:37 1994 */

        if (p[3] != ' ' || p[7] != ' ' || p[10] != ' ' || p[19] != ' ') {
            return -1;
        }

        month = p + 4;
        day = p + 8;
        time = p + 11;
        year = p + 20;

    } else if (text.len == 29 && p[3] == ',') {

        /* Sun, 06 Nov 1994 08:49:37 GMT */

        if (p[4] != ' ' || p[7] != ' ' || p[11] != ' ' || p[16] != ' '
            || memcmp(p + 25, " GMT", 4) != 0)
        {
            return -1;
        }

        day = p + 5;
        month = p + 8;
        year = p + 12;
        time = p + 17;

    } else {

        /* Sunday, 06-Nov-94 08:49:37 GMT */

        p += text.len - 24;

        if (text.len > 33 || p[0] != ',' || p[1] != ' ' || p[4] != '-'
            || p[8] != '-' || p[11] != ' ' || memcmp(p + 20, " GMT", 4) != 0)
        {
            return -1;
        }

        day = p + 2;
        month = p + 5;
        year = NULL;
        time = p + 12;
    }

    n = results_time_word(results_time_months, month) + 1;

    rfc3339[5] = (char) ('0' + n / 10);
    rfc3339[6] = (char) ('0' + n % 10);
    memcpy(rfc3339 + 8, day, 2);
    memcpy(rfc3339 + 11, time, 8);

    if (text.len == 24 && rfc3339[8] == ' ') {
        rfc3339[8] = '0';
    }

    if (year == NULL) {
        return results_time_year(rfc3339, p + 9, out);
    }

    memcpy(rfc3339, year, 4);

    return results_time_parse(results_str(rfc3339), RESULTS_TIME_DATETIME,
                              out);
}


/*
 * A date whose year has two digits: it is at most 50 years in the future
 * (RFC 9110 5.6.7)
 */
static int
results_time_year(const char *rfc3339, const char *digits, int64_t *out)
{
    int          i;
    char         text[] = "YYYY-MM-DDThh:mm:ssZ";
    const char  *century;

    for (i = 0, century = "2019"; i < 2; i++, century += 2) {
        memcpy(text, rfc3339, sizeof(text));
        memcpy(text, century, 2);
        memcpy(text + 2, digits, 2);

        if (results_time_parse(results_str(text), RESULTS_TIME_DATETIME, out)
            == 0
            && *out < results_time_now() + RESULTS_YEARS)
        {
            return 0;
        }
    }

    return -1;
}


void
results_time_format_http(int64_t time, char *out)
{
    int      month;
    char     text[RESULTS_TIME_MILLIS_LEN];
    int64_t  day;

    results_time_format_millis(time, text);

    /* the year 1 began with a Monday */

    day = (time - RESULTS_TIME_MIN) / RESULTS_DAY;
    month = (text[5] - '0') * 10 + text[6] - '1';

    memcpy(out, results_time_weekdays + day % 7 * 3, 3);
    memcpy(out + 3, ", ", 2);
    memcpy(out + 5, text + 8, 2);
    out[7] = ' ';
    memcpy(out + 8, results_time_months + month * 3, 3);
    out[11] = ' ';
    memcpy(out + 12, text, 4);
    out[16] = ' ';
    memcpy(out + 17, text + 11, 8);
    memcpy(out + 25, " GMT", 4);
}


/* the index of three letters in a list of words of three; -1 when not in it */
static int
results_time_word(const char *words, const char *p)
{
    int  i;

    for (i = 0; words[i * 3] != '\0'; i++) {
        if (memcmp(words + i * 3, p, 3) == 0) {
            return i;
        }
    }

    return -1;
}
