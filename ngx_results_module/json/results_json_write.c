
/*
 * Writing JSON: strings, numbers, trees, and the canonical form of which
 * payload_hash is a hash.  jansson's json_dumps() wrote 0.1 as
 * 0.10000000000000001 and took three times as long.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results_json.h"


/* up to so many members are sorted in an array on the stack */
#define RESULTS_JSON_MEMBERS  24

/* smaller integers have at most 15 digits */
#define RESULTS_JSON_EXACT    1e15


static size_t results_json_plain(const char *data, size_t len);
static void results_json_escape_string(results_buf_t *buf, results_str_t s);
static void results_json_integer_text(results_buf_t *buf, int64_t value);
static int results_json_decimal(results_buf_t *buf, double value);
static void results_json_quoted(results_buf_t *buf, results_str_t s,
    unsigned plain);
static void results_json_canonical(results_buf_t *buf,
    const results_value_t *value, const char *const *without);


/* results_json_escapes[]: one of these, or the letter of a short escape */

#define RESULTS_JSON_PLAIN    0
#define RESULTS_JSON_CONTROL  1
#define RESULTS_JSON_UTF8     2    /* may begin a character */

static const unsigned char  results_json_escapes[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 'b', 't', 'n', 1, 'f', 'r', 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['"'] = '"',
    ['\\'] = '\\',
    [0x80 ... 0xff] = RESULTS_JSON_UTF8
};


void
results_buf_json_string(results_buf_t *buf, results_str_t s)
{
    char  *p;

    if (!results_plain(s.data, s.len)) {
        results_json_escape_string(buf, s);
        return;
    }

    p = results_buf_reserve(buf, s.len + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    p[s.len] = '"';
}


/* the number of bytes before the first one that needs an escape */
static size_t
results_json_plain(const char *data, size_t len)
{
    size_t  i, n;

    for (i = 0; i < len; i += n) {
        n = results_json_escapes[(unsigned char) data[i]];

        if (n == RESULTS_JSON_PLAIN) {
            n = 1;
            continue;
        }

        n = (n == RESULTS_JSON_UTF8) ? results_utf8_len(data + i, len - i)
                                     : 0;
        if (n == 0) {
            break;
        }
    }

    return i;
}


static void
results_json_escape_string(results_buf_t *buf, results_str_t s)
{
    char           control[] = "\\u00xx";
    size_t         i, n;
    unsigned char  c, escape;

    static const char  hex[] = "0123456789abcdef";

    results_buf_append(buf, "\"", 1);

    for (i = 0; /* void */ ; /* void */ ) {

        n = results_json_plain(s.data + i, s.len - i);
        results_buf_append(buf, s.data + i, n);
        i += n;

        if (i == s.len) {
            break;
        }

        c = (unsigned char) s.data[i++];
        escape = results_json_escapes[c];

        switch (escape) {

        case RESULTS_JSON_CONTROL:
            control[4] = hex[c >> 4];
            control[5] = hex[c & 0xf];
            results_buf_append(buf, control, 6);
            break;

        case RESULTS_JSON_UTF8:

            /* invalid UTF-8 may come from a request's path: U+FFFD */

            results_buf_append(buf, "\xef\xbf\xbd", 3);
            break;

        default:
            results_buf_append(buf, "\\", 1);
            results_buf_append(buf, &escape, 1);
            break;
        }
    }

    results_buf_append(buf, "\"", 1);
}


void
results_buf_json_number(results_buf_t *buf, double value)
{
    int    precision;
    char  *p, *point, text[32];

    if (value == 0 && __builtin_signbit(value)) {
        results_buf_append(buf, "-0.0", 4);     /* many read "-0" as integer */
        return;
    }

    if (results_json_decimal(buf, value)) {
        return;
    }

    if (__builtin_isnan(value) || __builtin_isinf(value)) {
        results_buf_append(buf, "null", 4);
        return;
    }

    for (precision = 15; precision < 18; precision++) {
        (void) snprintf(text, sizeof(text), "%.*g", precision, value);

        if (strtod(text, NULL) == value) {
            break;
        }
    }

    /* the locale's decimal point may be another one, even of several bytes */

    p = text + strspn(text, "-0123456789");

    if (*p != '\0' && *p != 'e') {
        point = p;
        p += strcspn(p, "0123456789");

        *point++ = '.';
        memmove(point, p, strlen(p) + 1);
    }

    results_buf_append(buf, text, strlen(text));
}


/*
 * Writes integers and numbers of up to six decimals, as scores and times are,
 * without printf(): 1, or 0 when the value is another one.  When i / 10^6 is
 * the value, where i is an integer of at most 15 digits, the decimal i * 10^-6
 * reads back as the value, and no other decimal of 15 digits does.
 */
static int
results_json_decimal(results_buf_t *buf, double value)
{
    int      n;
    char    *p;
    double   magnitude;
    int64_t  i;

    magnitude = (value < 0) ? -value : value;

    if (!(magnitude < RESULTS_JSON_EXACT)) {
        return 0;
    }

    i = (int64_t) value;

    if ((double) i == value) {
        results_json_integer_text(buf, i);
        return 1;
    }

    if (magnitude >= RESULTS_JSON_EXACT / 1000000) {
        return 0;
    }

    i = (int64_t) (magnitude * 1000000 + 0.5);

    if ((double) i / 1000000 != magnitude) {
        return 0;
    }

    if (value < 0) {
        results_buf_append(buf, "-", 1);
    }

    results_json_integer_text(buf, i / 1000000);
    i %= 1000000;

    for (n = 6; i % 10 == 0; n--) {
        i /= 10;
    }

    p = results_buf_reserve(buf, (size_t) n + 1);
    if (p == NULL) {
        return 1;
    }

    for ( /* void */ ; n > 0; n--) {
        p[n] = (char) ('0' + i % 10);
        i /= 10;
    }

    p[0] = '.';

    return 1;
}


static void
results_json_integer_text(results_buf_t *buf, int64_t value)
{
    char       text[sizeof("-9223372036854775808")], *p;
    uint64_t   n;

    p = text + sizeof(text);
    n = (value < 0) ? 0 - (uint64_t) value : (uint64_t) value;

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    if (value < 0) {
        *--p = '-';
    }

    results_buf_append(buf, p, (size_t) (text + sizeof(text) - p));
}


/* a string or name; plain is that of its value */
static void
results_json_quoted(results_buf_t *buf, results_str_t s, unsigned plain)
{
    char  *p;

    if (!plain) {
        results_buf_json_string(buf, s);
        return;
    }

    p = results_buf_reserve(buf, s.len + 2);

    if (p != NULL) {
        *p++ = '"';
        memcpy(p, s.data, s.len);
        p[s.len] = '"';
    }
}


void
results_buf_json(results_buf_t *buf, const results_value_t *value)
{
    const char             *comma;
    const results_value_t  *child;

    switch (value->type) {

    case RESULTS_VALUE_OBJECT:
        comma = "{";

        for (child = results_value_first(value); child; child = child->next) {
            results_buf_append(buf, comma, 1);
            results_buf_json_member(buf, child);
            comma = ",";
        }

        results_buf_puts(buf, (*comma == '{') ? "{}" : "}");
        break;

    case RESULTS_VALUE_ARRAY:
        comma = "[";

        for (child = results_value_first(value); child; child = child->next) {
            results_buf_append(buf, comma, 1);
            results_buf_json(buf, child);
            comma = ",";
        }

        results_buf_puts(buf, (*comma == '[') ? "[]" : "]");
        break;

    case RESULTS_VALUE_STRING:
        results_json_quoted(buf, value->u.text, value->plain);
        break;

    case RESULTS_VALUE_NUMBER:
        results_buf_str(buf, value->u.text);
        break;

    case RESULTS_VALUE_TRUE:
        results_buf_append(buf, "true", 4);
        break;

    case RESULTS_VALUE_FALSE:
        results_buf_append(buf, "false", 5);
        break;

    case RESULTS_VALUE_NULL:
        results_buf_append(buf, "null", 4);
        break;
    }
}


void
results_buf_json_member(results_buf_t *buf, const results_value_t *member)
{
    results_json_quoted(buf, member->name, member->plain_name);
    results_buf_append(buf, ":", 1);
    results_buf_json(buf, member);
}


results_str_t
results_json_dump(results_arena_t *arena, results_value_t *value)
{
    results_buf_t  buf = { NULL, 0, 0, 0 };
    results_str_t  s = { 0, NULL };

    results_buf_json(&buf, value);

    if (buf.failed) {
        results_arena_fail(arena);

    } else {
        s = results_arena_copy(arena, buf.data, buf.len);
    }

    results_buf_free(&buf);

    return s;
}


int
results_json_digest(results_value_t *value, const char *const *without,
    unsigned char digest[RESULTS_DIGEST_LEN])
{
    int            rc;
    results_buf_t  buf = { NULL, 0, 0, 0 };

    results_json_canonical(&buf, value, without);

    rc = buf.failed ? -1 : results_digest(buf.data, buf.len, digest);

    results_buf_free(&buf);

    return rc;
}


int
results_json_hash(results_value_t *value, const char *const *without,
    int64_t *hash)
{
    int            i;
    uint64_t       bits;
    unsigned char  digest[RESULTS_DIGEST_LEN];

    if (results_json_digest(value, without, digest) != 0) {
        return -1;
    }

    bits = 0;

    for (i = 0; i < 8; i++) {
        bits = (bits << 8) | digest[i];
    }

    *hash = (int64_t) bits;

    return 0;
}


/* results_buf_json() with sorted members and canonical numbers */
static void
results_json_canonical(results_buf_t *buf, const results_value_t *value,
    const char *const *without)
{
    size_t                   i, n;
    const char              *comma;
    const char *const       *name;
    const results_value_t   *child, **members;
    const results_value_t   *few[RESULTS_JSON_MEMBERS];

    if (results_value_is_array(value)) {
        comma = "[";

        for (child = results_value_first(value); child; child = child->next) {
            results_buf_append(buf, comma, 1);
            results_json_canonical(buf, child, NULL);
            comma = ",";
        }

        results_buf_puts(buf, (*comma == '[') ? "[]" : "]");
        return;
    }

    if (results_value_is_number(value)) {
        results_number_canonical(buf, value->u.text);
        return;
    }

    if (!results_value_is_object(value)) {
        results_buf_json(buf, value);
        return;
    }

    members = few;

    if (results_value_size(value) > RESULTS_JSON_MEMBERS) {
        members = malloc(results_value_size(value)
                         * sizeof(results_value_t *));
        if (members == NULL) {
            buf->failed = 1;
            return;
        }
    }

    n = 0;

    for (child = results_value_first(value); child; child = child->next) {

        for (name = without; name != NULL && *name != NULL; name++) {
            if (**name == child->name.data[0]
                && strcmp(*name, child->name.data) == 0)
            {
                break;
            }
        }

        if (name == NULL || *name == NULL) {
            members[n++] = child;
        }
    }

    if (results_json_sort(members, n) != 0) {
        buf->failed = 1;
        n = 0;
    }

    results_buf_append(buf, "{", 1);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            results_buf_append(buf, ",", 1);
        }

        results_json_quoted(buf, members[i]->name, members[i]->plain_name);
        results_buf_append(buf, ":", 1);
        results_json_canonical(buf, members[i], NULL);
    }

    results_buf_append(buf, "}", 1);

    if (members != few) {
        free(members);
    }
}
