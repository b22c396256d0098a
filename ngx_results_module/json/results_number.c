
/*
 * JSON numbers as text: see results_number.h.  All but the shortest numbers are
 * taken apart first: into their significant digits and a power of ten.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results_number.h"


/* any integer of so many digits fits an int64_t */
#define RESULTS_NUMBER_INTEGER   18

/* 10^308 is the largest power of ten that is a double */
#define RESULTS_NUMBER_POWER     308

/* a small number of at most so many decimals is written without exponent */
#define RESULTS_NUMBER_DECIMALS  6


/* digits * 10^exponent; neither the first nor the last digit is 0 */
typedef struct {
    int                     negative;
    int                     integer;   /* the text has no point, no exponent */
    int                     written;   /* the exponent in the text */
    int                     exponent;
    size_t                  n;         /* of digits; 0: the number is zero */
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
     * The digits as an integer and the power of ten are both exact as doubles,
     * so their quotient is correctly rounded: the same double that strtod()
     * returns.
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

    /* -0 is an integer: 0 */

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


/* reads a number that is at most 18 digits and a sign: 1, or 0 */
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

        /* results_number_fits() refuses longer numbers by their length */

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


/* the exponent; beyond RESULTS_NUMBER_EXPONENT_MAX any value that exceeds it */
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
 * The double, by strtod() of a text without a decimal point, since strtod()
 * expects that of the locale.
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


/* writes d.ddde+xx; power is the exponent of the first digit */
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
