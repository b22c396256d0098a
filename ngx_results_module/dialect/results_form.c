
/*
 * application/x-www-form-urlencoded: "name=value&name=value", in a body or a
 * query string.
 */

#include <string.h>

#include "results_request.h"


static int results_form_hex(char c);


int
results_form_next(results_arena_t *arena, results_str_t *form,
    results_str_t *name, results_str_t *value)
{
    const char  *p, *end, *next, *equals;

    if (form->len == 0) {
        return 0;
    }

    p = form->data;
    end = p + form->len;

    next = memchr(p, '&', end - p);
    if (next == NULL) {
        next = end;
    }

    equals = memchr(p, '=', next - p);
    if (equals == NULL) {
        equals = next;
    }

    *name = results_form_decode(arena, p, equals);
    *value = results_form_decode(arena, equals < next ? equals + 1 : next,
                                 next);

    form->data = (next < end) ? next + 1 : end;
    form->len = end - form->data;

    return 1;
}


results_str_t
results_form_decode(results_arena_t *arena, const char *p, const char *end)
{
    int             high, low;
    char           *out;
    results_str_t   text, none = { 0, NULL };

    out = results_arena_alloc(arena, end - p + 1);
    if (out == NULL) {
        return none;
    }

    text.data = out;

    for ( /* void */ ; p < end; p++) {

        if (*p != '%') {
            *out++ = (*p == '+') ? ' ' : *p;
            continue;
        }

        high = (end - p > 2) ? results_form_hex(p[1]) : -1;
        low = (end - p > 2) ? results_form_hex(p[2]) : -1;

        if (high < 0 || low < 0) {
            return none;
        }

        *out++ = (char) (high << 4 | low);
        p += 2;
    }

    text.len = out - text.data;

    return text;
}


static int
results_form_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
