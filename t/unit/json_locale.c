
/*
 * Numbers under another locale, which a Perl module in the same nginx may
 * have set.  No locale need be installed for this: snprintf() and strtod()
 * are the test's own, with the Arabic decimal point U+066B, of two bytes.
 */

#define _GNU_SOURCE

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "results_json.h"


#define POINT  "\xd9\xab"


static unsigned  calls;


int __snprintf_chk(char *out, size_t size, int flag, size_t room,
    const char *fmt, ...);


static int
print(char *out, size_t size, const char *fmt, va_list args)
{
    int    n;
    char  *p;

    n = vsnprintf(out, size, fmt, args);

    p = (n >= 0 && (size_t) n + 2 < size) ? strchr(out, '.') : NULL;

    if (p != NULL) {
        memmove(p + 2, p + 1, strlen(p));
        memcpy(p, POINT, 2);
        calls++;
        n++;
    }

    return n;
}


int
snprintf(char *out, size_t size, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = print(out, size, fmt, args);
    va_end(args);

    return n;
}


/* what snprintf() becomes with _FORTIFY_SOURCE, some compilers' default */
int
__snprintf_chk(char *out, size_t size, int flag, size_t room, const char *fmt,
    ...)
{
    int      n;
    va_list  args;

    (void) flag;
    (void) room;

    va_start(args, fmt);
    n = print(out, size, fmt, args);
    va_end(args);

    return n;
}


double
strtod(const char *data, char **end)
{
    char            *p, text[64];
    static locale_t  c;

    if (c == NULL) {
        c = newlocale(LC_ALL_MASK, "C", NULL);
        assert_non_null(c);
    }

    p = strstr(data, POINT);

    if (p == NULL || strlen(data) >= sizeof(text)) {
        return strtod_l(data, end, c);
    }

    memcpy(text, data, (size_t) (p - data));
    text[p - data] = '.';
    strcpy(text + (p - data) + 1, p + 2);

    return strtod_l(text, NULL, c);
}


static void
assert_number(double value, const char *text)
{
    results_buf_t  buf;

    memset(&buf, 0, sizeof(buf));

    results_buf_json_number(&buf, value);

    assert_int_equal(buf.len, strlen(text));
    assert_memory_equal(buf.data, text, buf.len);

    results_buf_free(&buf);
}


static void
the_decimal_point_is_a_point(void **state)
{
    (void) state;

    assert_number(1.0 / 3, "0.3333333333333333");
    assert_number(-1.25e-30, "-1.25e-30");
    assert_number(1.7976931348623157e308, "1.7976931348623157e+308");

    /* or else none of this came to the functions above */

    assert_true(calls >= 3);
}


static void
numbers_without_one_stay(void **state)
{
    (void) state;

    assert_number(1e30, "1e+30");
    assert_number(-1e-30, "-1e-30");
    assert_number(85, "85");
    assert_number(85.5, "85.5");
    assert_number(-0.0, "-0.0");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_decimal_point_is_a_point),
        cmocka_unit_test(numbers_without_one_stay)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
