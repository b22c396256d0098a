
/*
 * Numbers by their digits: see results_number.h.  What has to be told of a
 * number is told of its decimal, the significant digits and a power of ten.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results_number.h"


/* more digits than an int64_t has for sure */
#define RESULTS_NUMBER_INTEGER   18

/* of a double: 10^308 is the largest power of ten */
#define RESULTS_NUMBER_POWER     308

/* decimals that small numbers have without an exponent, too */
#define RESULTS_NUMBER_DECIMALS  6


/* digits * 10^exponent; the first and the last digit are no zeros */
typedef struct {
    int                     negative;
    int                     integer;   /* has neither point nor exponent */
    int                     written;   /* the exponent that stands there */
    int                     exponent;
    size_t                  n;         /* digits; 0: the number is zero */
    char                    digits[RESULTS_NUMBER_MAX];
} results_decimal_t;


static void results_decimal(results_str_t number, results_decimal_t *decimal);
static int results_decimal_exponent(const char *p, const char *end);
static double results_decimal_double(results_decimal_t *decimal);
static int results_number_simple(results_str_t number, int64_t *out);
static void results_decimal_scientific(results_buf_t *buf,
    const results_decimal_t *decimal, int power);
static void results_decimal_plain(results_buf_t *buf,
    const results_decimal_t *decimal, int power);
static void results_number_zeros(results_buf_t *buf, int n);


size_t
results_number_len(const char *p)
{
    const char  *start;

    start = p;
    p += (*p == '-');

    if (*p == '0') {
        p++;

    } else if (*p >= '1' && *p <= '9') {
        while (*p >= '0' && *p <= '9') {
            p++;
        }

    } else {
        return 0;
    }

    if (*p == '.') {
        p++;

        if (*p < '0' || *p > '9') {
            return 0;
        }

        while (*p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (*p == 'e' || *p == 'E') {
        p++;
        p += (*p == '+' || *p == '-');

        if (*p < '0' || *p > '9') {
            return 0;
        }

        while (*p >= '0' && *p <= '9') {
            p++;
        }
    }

    return (size_t) (p - start);
}


int
results_number_fits(results_str_t number)
{
    int                power;
    results_decimal_t  decimal;

    if (number.len > RESULTS_NUMBER_MAX) {
        return 0;
    }

    results_decimal(number, &decimal);

    if (abs(decimal.written) > RESULTS_NUMBER_EXPONENT_MAX) {
        return 0;
    }

    power = (int) decimal.n + decimal.exponent - 1;

    if (decimal.n == 0 || power < RESULTS_NUMBER_POWER) {
        return 1;
    }

    return power == RESULTS_NUMBER_POWER
           && !__builtin_isinf(results_decimal_double(&decimal));
}


double
results_number_double(results_str_t number)
{
    int                negative;
    double             value, scale;
    int64_t            n;
    const char        *p, *end;
    results_decimal_t  decimal;

    p = number.data;
    end = p + number.len;
    negative = (*p == '-');

    if (number.len > RESULTS_NUMBER_EXACT + 1) {
        results_decimal(number, &decimal);
        return results_decimal_double(&decimal);
    }

    /*
     * Both the digits, as an integer, and the power of ten are exact doubles,
     * so that their quotient is the double nearest to the decimal, which is
     * what strtod() returns.
     */

    n = 0;
    scale = 0;

    for (p += negative; p < end; p++) {

        if (*p == '.') {
            scale = 1;
            continue;
        }

        if (*p < '0' || *p > '9') {
            results_decimal(number, &decimal);
            return results_decimal_double(&decimal);
        }

        n = n * 10 + (*p - '0');
        scale *= 10;
    }

    /* an integer has no negative zero */

    if (scale == 0) {
        return (double) (negative ? -n : n);
    }

    value = (double) n / scale;

    return negative ? -value : value;
}


int
results_number_integer(results_str_t number, int64_t *out)
{
    int                i;
    size_t             k;
    uint64_t           n, limit;
    unsigned           digit;
    results_decimal_t  decimal;

    if (results_number_simple(number, out)) {
        return 0;
    }

    results_decimal(number, &decimal);

    if (decimal.n != 0
        && (decimal.exponent < 0
            || decimal.exponent > RESULTS_NUMBER_INTEGER
            || decimal.n > RESULTS_NUMBER_INTEGER + 1))
    {
        return -1;
    }

    n = 0;
    limit = (uint64_t) INT64_MAX + (unsigned) decimal.negative;

    for (k = 0, i = 0; decimal.n; /* void */ ) {

        if (k < decimal.n) {
            digit = (unsigned) (decimal.digits[k++] - '0');

        } else if (i++ < decimal.exponent) {
            digit = 0;

        } else {
            break;
        }

        if (n > (limit - digit) / 10) {
            return -1;
        }

        n = n * 10 + digit;
    }

    *out = decimal.negative ? (int64_t) (0 - n) : (int64_t) n;

    return 0;
}


results_str_t
results_number_digits(results_arena_t *arena, results_str_t number, size_t max)
{
    int64_t            n;
    results_buf_t      buf;
    results_str_t      text = { 0, NULL };
    results_decimal_t  decimal;

    if (results_number_simple(number, &n) && n != 0 && number.len <= max) {
        return results_arena_copy(arena, number.data, number.len);
    }

    results_decimal(number, &decimal);

    if (decimal.n == 0) {
        return results_arena_copy(arena, "0", 1);
    }

    if (decimal.exponent < 0
        || decimal.n + (size_t) decimal.exponent > max)
    {
        return text;
    }

    memset(&buf, 0, sizeof(results_buf_t));

    results_decimal_plain(&buf, &decimal,
                          (int) decimal.n + decimal.exponent - 1);

    if (!buf.failed) {
        text = results_arena_copy(arena, buf.data, buf.len);
    }

    results_buf_free(&buf);

    return text;
}


size_t
results_number_significant(results_str_t number)
{
    results_decimal_t  decimal;

    results_decimal(number, &decimal);

    return decimal.n;
}


void
results_number_canonical(results_buf_t *buf, results_str_t number)
{
    int                power, digits;
    int64_t            n;
    results_decimal_t  decimal;

    if (results_number_simple(number, &n) && n != 0) {
        results_buf_append(buf, number.data, number.len);
        return;
    }

    results_decimal(number, &decimal);

    if (decimal.n == 0) {
        results_buf_puts(buf, (decimal.negative && !decimal.integer)
                              ? "-0.0" : "0");
        return;
    }

    if (decimal.integer && results_number_integer(number, &n) == 0) {
        results_buf_append(buf, number.data, number.len);
        return;
    }

    power = (int) decimal.n + decimal.exponent - 1;
    digits = (decimal.n > RESULTS_NUMBER_EXACT) ? (int) decimal.n
                                                : RESULTS_NUMBER_EXACT;

    if (power >= digits
        || (power < -4 && decimal.exponent < -RESULTS_NUMBER_DECIMALS))
    {
        results_decimal_scientific(buf, &decimal, power);
        return;
    }

    results_decimal_plain(buf, &decimal, power);
}


/* an integer that is written as one, of 18 digits at most */
static int
results_number_simple(results_str_t number, int64_t *out)
{
    int          negative;
    int64_t      n;
    const char  *p, *end;

    p = number.data;
    end = p + number.len;

    negative = (*p == '-');
    p += negative;

    if (end - p > RESULTS_NUMBER_INTEGER) {
        return 0;
    }

    for (n = 0; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return 0;
        }

        n = n * 10 + (*p - '0');
    }

    *out = negative ? -n : n;

    return 1;
}


static void
results_decimal(results_str_t number, results_decimal_t *decimal)
{
    int          fraction;
    char         c;
    size_t       n;
    const char  *p, *end;

    p = number.data;
    end = p + number.len;

    decimal->negative = (*p == '-');
    decimal->integer = 1;
    decimal->written = 0;
    decimal->exponent = 0;

    p += decimal->negative;
    fraction = 0;

    for (n = 0; p < end; p++) {
        c = *p;

        if (c == '.') {
            decimal->integer = 0;
            fraction = 1;
            continue;
        }

        if (c < '0' || c > '9') {
            decimal->integer = 0;
            decimal->written = results_decimal_exponent(p + 1, end);
            break;
        }

        decimal->exponent -= fraction;

        /* what is longer fits nowhere, and its digits are not asked for */

        if ((n != 0 || c != '0') && n < RESULTS_NUMBER_MAX) {
            decimal->digits[n++] = c;
        }
    }

    while (n != 0 && decimal->digits[n - 1] == '0') {
        decimal->exponent++;
        n--;
    }

    decimal->exponent += decimal->written;
    decimal->n = n;
}


/* beyond the limit any number does */
static int
results_decimal_exponent(const char *p, const char *end)
{
    int  n, negative;

    negative = (*p == '-');
    n = 0;

    for (p += (*p == '-' || *p == '+'); p < end; p++) {
        if (n <= RESULTS_NUMBER_EXPONENT_MAX) {
            n = n * 10 + (*p - '0');
        }
    }

    return negative ? -n : n;
}


/*
 * Without a point, since strtod() takes the locale's, which may be another
 * one.
 */
static double
results_decimal_double(results_decimal_t *decimal)
{
    char    text[RESULTS_NUMBER_MAX + 32];
    double  value;

    if (decimal->n == 0) {
        return (decimal->negative && !decimal->integer) ? -0.0 : 0;
    }

    memcpy(text, decimal->digits, decimal->n);

    (void) snprintf(text + decimal->n, sizeof(text) - decimal->n, "e%d",
                    decimal->exponent);

    value = strtod(text, NULL);

    return decimal->negative ? -value : value;
}


/* power is that of the first digit */
static void
results_decimal_scientific(results_buf_t *buf,
    const results_decimal_t *decimal, int power)
{
    if (decimal->negative) {
        results_buf_append(buf, "-", 1);
    }

    results_buf_append(buf, decimal->digits, 1);

    if (decimal->n > 1) {
        results_buf_append(buf, ".", 1);
        results_buf_append(buf, decimal->digits + 1, decimal->n - 1);
    }

    results_buf_printf(buf, "e%c%02d", (power < 0) ? '-' : '+', abs(power));
}


static void
results_decimal_plain(results_buf_t *buf, const results_decimal_t *decimal,
    int power)
{
    int  before;

    if (decimal->negative) {
        results_buf_append(buf, "-", 1);
    }

    if (power < 0) {
        results_buf_append(buf, "0.", 2);
        results_number_zeros(buf, -power - 1);
        results_buf_append(buf, decimal->digits, decimal->n);
        return;
    }

    if (decimal->exponent >= 0) {
        results_buf_append(buf, decimal->digits, decimal->n);
        results_number_zeros(buf, decimal->exponent);
        return;
    }

    before = power + 1;

    results_buf_append(buf, decimal->digits, (size_t) before);
    results_buf_append(buf, ".", 1);
    results_buf_append(buf, decimal->digits + before,
                       decimal->n - (size_t) before);
}


static void
results_number_zeros(results_buf_t *buf, int n)
{
    while (n-- > 0) {
        results_buf_append(buf, "0", 1);
    }
}
