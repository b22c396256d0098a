
/*
 * Points in time: an int64_t with the microseconds since 1970-01-01 UTC.
 * PostgreSQL's timestamptz is the same, but counts from 2000-01-01.
 */

#ifndef RESULTS_TIME_H
#define RESULTS_TIME_H

#include "results_base.h"


#define RESULTS_TIME_NULL  INT64_MIN   /* no value */

/* the years 0001 to 9999: what RFC 3339 can write */
#define RESULTS_TIME_MIN  INT64_C(-62135596800000000)
#define RESULTS_TIME_MAX  INT64_C(253402300799999999)

/* microseconds from 1970-01-01 to 2000-01-01 */
#define RESULTS_TIME_PG_EPOCH  INT64_C(946684800000000)

/* bits: the forms that results_time_parse() accepts */
#define RESULTS_TIME_DATE     1   /* YYYY-MM-DD */
#define RESULTS_TIME_DATETIME 2   /* YYYY-MM-DDThh:mm:ss[.fraction]zone */
#define RESULTS_TIME_NOZONE   4   /* a date-time without a zone: UTC */
#define RESULTS_TIME_ISO      8   /* with the others: ISO 8601 spellings, too */

/*
 * Reads RFC 3339 text in one of the forms of `accepted`: 0 and *out, or -1.
 * The fraction may have any number of digits and is rounded down to
 * microseconds.  Date and time are separated by "T", "t" or a space; the zone
 * is "Z", "z" or an offset of at most 14:00.  A leap second, 23:59:60 UTC, is
 * read as the last microsecond before it; 24:00 is refused.
 *
 * RESULTS_TIME_ISO also accepts, as ISO 8601 does: no seconds, a zone of +hhmm
 * or +hh, a comma before the fraction, the basic form 20231107T053156Z.
 */
int results_time_parse(results_str_t text, unsigned accepted, int64_t *out);

#define RESULTS_TIME_MILLIS_LEN  (sizeof("2023-11-07T05:31:56.123Z") - 1)

/*
 * Writes YYYY-MM-DDThh:mm:ss.mmmZ, RESULTS_TIME_MILLIS_LEN bytes without a
 * '\0'; rounds down.  time must be between RESULTS_TIME_MIN and _MAX, for all
 * functions that write one.
 */
void results_time_format_millis(int64_t time, char *out);

/* writes YYYY-MM-DD, the day in UTC, 10 bytes without a '\0' */
void results_time_format_date(int64_t time, char *out);

/*
 * Reads an HTTP-date in any of its three forms (RFC 9110 5.6.7): 0 and *out,
 * or -1 when the text is not an HTTP-date or has no value.
 */
int results_time_parse_http(results_str_t text, int64_t *out);

#define RESULTS_TIME_HTTP_LEN  (sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1)

/*
 * Writes the IMF-fixdate form, the one that may be sent: RESULTS_TIME_HTTP_LEN
 * bytes without a '\0', rounded down to a second.
 */
void results_time_format_http(int64_t time, char *out);

/* now, by the system's clock; unlike nginx's cached time it costs a call */
int64_t results_time_now(void);

/*
 * Now, by a monotonic clock, in microseconds: for durations only, since its
 * start is undefined
 */
int64_t results_time_monotonic(void);


#endif /* RESULTS_TIME_H */
