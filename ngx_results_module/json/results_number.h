
/*
 * A number of JSON as the text that it came as.  A double has 15 digits for
 * sure and no more than 17, while ids have 19 and decimals up to 29: so the
 * digits are what is kept, compared and sent back, and a double is made where
 * a column is one.
 *
 * A number here is a text that results_number_len() and results_number_fits()
 * accept.  Nothing is allocated but in results_number_digits().
 */

#ifndef RESULTS_NUMBER_H
#define RESULTS_NUMBER_H

#include "results_base.h"


/*
 * Characters of a number, and the largest exponent, of either sign.  With
 * them a number fits PostgreSQL's numeric, which filters make of it.
 */
#define RESULTS_NUMBER_MAX           1024
#define RESULTS_NUMBER_EXPONENT_MAX  9999

/* digits that every double keeps */
#define RESULTS_NUMBER_EXACT         15


/*
 * How long the number is that p begins with; 0 where it begins with none.
 * Behind it there must be a byte that belongs to no number, as '\0'.
 */
size_t results_number_len(const char *p);

/* 1 where it is within the limits above and the range of a double */
int results_number_fits(results_str_t number);

/* the nearest double, 0 for what is too small for one */
double results_number_double(results_str_t number);

/* 0 and *out where it is an integer of 64 bits, as 60, 60.0 and 6e1; or -1 */
int results_number_integer(results_str_t number, int64_t *out);

/*
 * The digits of an integer that has at most max of them, in the arena, "-"
 * before them; no value for any other number, and without memory
 */
results_str_t results_number_digits(results_arena_t *arena,
    results_str_t number, size_t max);

/* significant digits: none of the zeros at both ends */
size_t results_number_significant(results_str_t number);

/*
 * Appends the number in its canonical form, which equal numbers share: 1, 1.0
 * and 10e-1.  It is the form that was hashed when numbers were doubles, as
 * printf("%.15g") has it, with more digits where there are more; and so an
 * integer from 1e15 on differs from the same number with an exponent.
 */
void results_number_canonical(results_buf_t *buf, results_str_t number);


#endif /* RESULTS_NUMBER_H */
