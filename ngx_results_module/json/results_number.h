
/*
 * JSON numbers as text.  A double keeps any 15 significant digits, but clients
 * send ids of 19 digits and decimals of 29.  So the text of a number is what is
 * stored, hashed and sent back; it becomes a double only for a column that is
 * one.
 *
 * `number` is always a text that results_number_len() and
 * results_number_fits() accept.  Memory is allocated only by
 * results_number_digits(), and by the buffer of results_number_canonical().
 */

#ifndef RESULTS_NUMBER_H
#define RESULTS_NUMBER_H

#include "results_base.h"


/*
 * The largest number of characters, and the largest absolute value of an
 * exponent: numbers within these limits are valid for PostgreSQL's numeric,
 * to which filters of a collection cast them
 */
#define RESULTS_NUMBER_MAX           1024
#define RESULTS_NUMBER_EXPONENT_MAX  9999

/* significant digits that survive a conversion to double and back */
#define RESULTS_NUMBER_EXACT         15


/*
 * The length of the JSON number (RFC 8259 6) at p, or 0 when there is none.
 * The text must end with a byte that can't be part of a number, such as '\0'.
 */
size_t results_number_len(const char *p);

/* 1 when the number is within the limits above and the range of a double */
int results_number_fits(results_str_t number);

/* the nearest double; 0 for a number that is too small for one */
double results_number_double(results_str_t number);

/* the number as a 64-bit integer, also of 60.0 and 6e1: 0 and *out, or -1 */
int results_number_integer(results_str_t number, int64_t *out);

/*
 * All digits of a number that is an integer, with "-" when it is negative,
 * without point or exponent.  No value when the number is not an integer or has
 * more than max digits, or when there is no memory.
 */
results_str_t results_number_digits(results_arena_t *arena,
    results_str_t number, size_t max);

/* how many significant digits: zeros at both ends do not count */
size_t results_number_significant(results_str_t number);

/*
 * Appends the canonical form, which is hashed: equal numbers, as 1, 1.0 and
 * 10e-1, have the same.  Numbers of up to 15 digits look as printf("%.15g")
 * writes them, as in earlier versions, so that stored hashes stay valid.  For
 * the same reason there are two exceptions: -0.0 is not 0, and an integer from
 * 1e15 on that is written in digits is not the one with an exponent or a point.
 */
void results_number_canonical(results_buf_t *buf, results_str_t number);


#endif /* RESULTS_NUMBER_H */
