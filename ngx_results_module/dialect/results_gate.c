
/*
 * Checks that need only the headers of a request, so http/ makes them before it
 * reads the body: scopes and the media type.  Also Accept, for dialects that
 * have several media types.
 */

#include <limits.h>
#include <string.h>

#include "results_dialect.h"


static int results_scope_base(const char *const *scopes);
static int results_scope_shared(unsigned dialect);
static results_str_t results_trim(const char *start, const char *end);
static int results_charset_utf8(const char *p, const char *end);
static const char *results_param_end(const char *p, const char *end,
    char separator);
static int results_quality(const char *p, const char *end);
static int results_range_matches(results_str_t range, const char *type);


/*
 * The bits of a token's scopes serve all dialects: their tables of scopes are
 * numbered one after the other, in the order of results_dialects[].  Dialects
 * that share a table share its bits.
 */

uint64_t
results_scope_bits(results_str_t scopes)
{
    int                 base, i;
    unsigned            d;
    uint64_t            bits;
    const char         *p, *end, *space;
    results_str_t       word;
    const char *const  *table;

    bits = 0;
    p = scopes.data;
    end = p + scopes.len;

    while (p < end) {
        space = memchr(p, ' ', end - p);
        if (space == NULL) {
            space = end;
        }

        word.data = p;
        word.len = space - p;

        for (d = 0; results_dialects[d]; d++) {
            table = results_dialects[d]->scopes;

            if (table == NULL || results_scope_shared(d)) {
                continue;
            }

            base = results_scope_base(table);

            for (i = 0; table[i]; i++) {
                if (results_str_eq(word, results_str(table[i]))) {
                    bits |= (uint64_t) 1 << (base + i);
                }
            }
        }

        p = space + 1;
    }

    return bits;
}


int
results_authorize(results_request_t *r)
{
    uint64_t  needed;

    if (r->dialect->auth == RESULTS_AUTH_CLIENT) {
        return 0;
    }

    needed = r->route->scopes;

    if (r->principal == NULL) {
        results_fail(r, 401, "an access token is needed");
        return -1;
    }

    if (needed == 0
        || (r->principal->scopes >> results_scope_base(r->dialect->scopes))
           & needed)
    {
        return 0;
    }

    results_fail(r, 403, "the access token lacks the scope this takes");

    /* one of them is enough: the client is told the first */
    r->failure.scope = r->dialect->scopes[__builtin_ctzll(needed)];

    return -1;
}


int
results_check_media_type(results_request_t *r)
{
    results_str_t  type;

    if (!(r->route->flags & RESULTS_ROUTE_BODY)) {
        return 0;
    }

    if (results_media_type(r, &type) < 0) {
        results_fail(r, 415, "the Content-Type of the body must be %s",
                     r->dialect->media_types[0]);
        return -1;
    }

    if (!results_charset_utf8(type.data + type.len,
                              r->content_type.data + r->content_type.len))
    {
        results_fail(r, 415, "the charset of the body must be utf-8");
        return -1;
    }

    return 0;
}


int
results_media_type(const results_request_t *r, results_str_t *type)
{
    int          i;
    const char  *p, *end;

    p = r->content_type.data;
    end = p + r->content_type.len;

    *type = results_trim(p, results_param_end(p, end, ';'));

    for (i = 0; r->dialect->media_types[i]; i++) {
        if (results_str_caseeq(*type, results_str(r->dialect->media_types[i])))
        {
            return i;
        }
    }

    return -1;
}


int
results_accept(results_str_t accept, const char *const *types)
{
    int             best, best_n, best_q, close, closest, i, n, q, range_n;
    const char     *p, *end, *comma, *semicolon;
    results_str_t   range;

    /* an empty header is as none: RFC 9110 12.5.1 */

    accept = results_trim(accept.data, accept.data + accept.len);

    if (accept.len == 0) {
        return 0;
    }

    end = accept.data + accept.len;

    best = -1;
    best_q = 0;
    best_n = INT_MAX;

    for (i = 0; types[i]; i++) {

        /* the quality of a type is that of the most specific range */

        closest = 0;
        q = 0;
        range_n = 0;

        for (p = accept.data, n = 0; p < end; p = comma + 1, n++) {

            comma = results_param_end(p, end, ',');
            semicolon = results_param_end(p, comma, ';');
            range = results_trim(p, semicolon);

            close = results_range_matches(range, types[i]);

            if (close > closest) {
                closest = close;
                q = results_quality(semicolon, comma);
                range_n = n;
            }
        }

        if (q > best_q || (q == best_q && q > 0 && range_n < best_n)) {
            best = i;
            best_q = q;
            best_n = range_n;
        }
    }

    return best;
}


/* the number of the first bit of a table */
static int
results_scope_base(const char *const *scopes)
{
    int                 base;
    unsigned            d;
    const char *const  *table;

    base = 0;

    for (d = 0; results_dialects[d]; d++) {
        table = results_dialects[d]->scopes;

        if (table == scopes) {
            break;
        }

        if (table == NULL || results_scope_shared(d)) {
            continue;
        }

        while (*table++) {
            base++;
        }
    }

    return base;
}


/* whether a dialect before this one has the same table */
static int
results_scope_shared(unsigned dialect)
{
    unsigned  i;

    for (i = 0; i < dialect; i++) {
        if (results_dialects[i]->scopes == results_dialects[dialect]->scopes) {
            return 1;
        }
    }

    return 0;
}


static results_str_t
results_trim(const char *start, const char *end)
{
    results_str_t  s;

    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }

    while (start < end && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    s.data = start;
    s.len = end - start;

    return s;
}


/*
 * 1 unless the parameters of a Content-Type, from p to end, have a charset that
 * is not UTF-8 (RFC 9110 8.3.1)
 */
static int
results_charset_utf8(const char *p, const char *end)
{
    const char     *semicolon, *equals;
    results_str_t   name, value;

    while (p < end) {
        p++;

        semicolon = results_param_end(p, end, ';');

        equals = (p < end) ? memchr(p, '=', semicolon - p) : NULL;

        if (equals) {
            name = results_trim(p, equals);
            value = results_trim(equals + 1, semicolon);

            if (value.len >= 2 && value.data[0] == '"'
                && value.data[value.len - 1] == '"')
            {
                value.data++;
                value.len -= 2;
            }

            if (results_str_caseeq(name, results_str("charset"))
                && !results_str_caseeq(value, results_str("utf-8")))
            {
                return 0;
            }
        }

        p = semicolon;
    }

    return 1;
}


/* the next separator outside a quoted string, or end */
static const char *
results_param_end(const char *p, const char *end, char separator)
{
    int  quoted;

    for (quoted = 0; p < end; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (*p == '\\' && quoted && p + 1 < end) {
            p++;

        } else if (*p == separator && !quoted) {
            break;
        }
    }

    return p;
}


/* the quality of a media range in thousandths, from its parameters */
static int
results_quality(const char *p, const char *end)
{
    int             i, q;
    const char     *semicolon;
    results_str_t   param;

    while (p < end) {
        p++;

        semicolon = results_param_end(p, end, ';');
        param = results_trim(p, semicolon);

        if (param.len >= 3 && (param.data[0] | 0x20) == 'q'
            && param.data[1] == '=')
        {
            if (param.data[2] == '1') {
                return 1000;
            }

            /* "0", "." and up to three digits */

            for (q = 0, i = 4; i < 7; i++) {
                q = q * 10;

                if ((size_t) i < param.len
                    && param.data[i] >= '0' && param.data[i] <= '9')
                {
                    q += param.data[i] - '0';
                }
            }

            return q;
        }

        p = semicolon;
    }

    return 1000;
}


/* 0: no match; 1: by any type, 2: by any subtype, 3: by the type itself */
static int
results_range_matches(results_str_t range, const char *type)
{
    size_t         main_len;
    results_str_t  main_type;

    if (results_str_is(range, "*/*")) {
        return 1;
    }

    if (results_str_caseeq(range, results_str(type))) {
        return 3;
    }

    main_len = strcspn(type, "/") + 1;

    if (range.len == main_len + 1 && range.data[main_len] == '*') {
        main_type.data = type;
        main_type.len = main_len;
        range.len = main_len;

        return results_str_caseeq(range, main_type) ? 2 : 0;
    }

    return 0;
}
