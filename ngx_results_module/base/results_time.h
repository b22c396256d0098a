
/*
 * Points in time: microseconds since the Unix epoch, UTC, in an int64_t, as
 * PostgreSQL's timestamptz holds them (which counts from 2000).
 */

#ifndef RESULTS_TIME_H
#define RESULTS_TIME_H

#include "results_base.h"


#define RESULTS_TIME_NULL  INT64_MIN

/* years 0001 to 9999 */
#define RESULTS_TIME_MIN  INT64_C(-62135596800000000)
#define RESULTS_TIME_MAX  INT64_C(253402300799999999)

/* between the epochs of Unix and PostgreSQL */
#define RESULTS_TIME_PG_EPOCH  INT64_C(946684800000000)

/* what results_time_parse() accepts */
#define RESULTS_TIME_DATE     1   /* YYYY-MM-DD */
#define RESULTS_TIME_DATETIME 2   /* YYYY-MM-DDThh:mm:ss[.fraction]zone */
#define RESULTS_TIME_NOZONE   4   /* ... and without the zone: then UTC */
#define RESULTS_TIME_ISO      8   /* each of them as ISO 8601 has it, too */

/*
 * Reads RFC 3339 text (any number of fractional digits, rounded down to
 * microseconds; "T" or "t" or one space between; "Z", "z" or +hh:mm up to
 * 14:00; a leap second 23:59:60 UTC is the last microsecond before it, and
 * 24:00 is refused).  With RESULTS_TIME_ISO it also reads what clients write
 * who follow ISO 8601: no seconds, a zone of +hhmm or +hh, a comma before the
 * fraction, and the basic form 20231107T053156Z.  0 and *out, or -1 when the
 * text is none of `accepted`.
 */
int results_time_parse(results_str_t text, unsigned accepted, int64_t *out);

#define RESULTS_TIME_MILLIS_LEN  (sizeof("2023-11-07T05:31:56.123Z") - 1)

/*
 * Writes YYYY-MM-DDThh:mm:ss.mmmZ, RESULTS_TIME_MILLIS_LEN bytes, not
 * terminated; time is between RESULTS_TIME_MIN and _MAX.
 */
void results_time_format_millis(int64_t time, char *out);

/* YYYY-MM-DD, 10 bytes, not terminated */
void results_time_format_date(int64_t time, char *out);

/*
 * Reads an HTTP-date in any of its three forms (RFC 9110 5.6.7).  0 and *out,
 * or -1 when the text is none.
 */
int results_time_parse_http(results_str_t text, int64_t *out);

#define RESULTS_TIME_HTTP_LEN  (sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1)

/*
 * Writes the form that is to be sent, RESULTS_TIME_HTTP_LEN bytes, not
 * terminated; rounded down to a second.
 */
void results_time_format_http(int64_t time, char *out);

/* the system's clock, now: not nginx's cached time */
int64_t results_time_now(void);

/* microseconds of a clock that nobody sets; what it counts from is unknown */
int64_t results_time_monotonic(void);


#endif /* RESULTS_TIME_H */
