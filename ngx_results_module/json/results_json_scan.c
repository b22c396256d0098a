
/*
 * The scanner: the only parser that makes trees.  It accepts the JSON texts of
 * RFC 8259, but no object with two members of one name and no U+0000, which
 * PostgreSQL's text can't hold, and within limits of depth, values and numbers.
 * When it refuses a text it reports the position, but not every reason:
 * results_json_parse() asks jansson for that.  t/fuzz/json.c compares the
 * scanner with jansson and with a third parser.
 *
 * The text is copied into the arena once, and strings are decoded there in
 * place: an escape is never shorter than its character, and the '\0' behind a
 * string replaces its closing quote.  Numbers are not changed.
 */

#include <string.h>

#include "results_json.h"


/*
 * Objects of at most so many members are checked for duplicate names one pair
 * at a time, larger ones by sorting
 */
#define RESULTS_SCAN_MEMBERS  64


typedef struct {
    results_arena_t        *arena;
    char                   *p;
    char                   *end;       /* where the copy's '\0' is */
    unsigned                depth;
    unsigned                exact;     /* becomes the root's */
    size_t                  values;    /* how many more there may be */
    results_json_stop_e     why;
} results_scan_t;


static int results_scan_value(results_scan_t *scan, results_value_t *value);
static int results_scan_object(results_scan_t *scan, results_value_t *value);
static int results_scan_array(results_scan_t *scan, results_value_t *value);
static int results_scan_twice(results_value_t *object, results_str_t name);
static int results_scan_members(results_scan_t *scan,
    const results_value_t *object);
static int results_scan_string(results_scan_t *scan, results_str_t *text,
    int *plain);
static char *results_scan_escape(results_scan_t *scan, char *out);
static int results_scan_code(const char *p, unsigned *code);
static int results_scan_number(results_scan_t *scan, results_value_t *value);
static int results_scan_word(results_scan_t *scan, const char *word);
static char results_scan_next(results_scan_t *scan);


/* 1 for ASCII that a string may contain without an escape */

static const unsigned char  results_scan_plain[256] = {
    [' '] = 1,
    ['!'] = 1,
    ['#' ... '['] = 1,
    [']' ... 0x7f] = 1
};


results_value_t *
results_json_scan(results_arena_t *arena, results_str_t text, size_t max,
    results_json_stop_t *stop)
{
    char             *start;
    results_scan_t    scan;
    results_value_t  *root;

    stop->why = RESULTS_JSON_NO_MEMORY;
    stop->position = 0;

    text = results_arena_copy(arena, text.data, text.len);
    root = results_value_create(arena, RESULTS_VALUE_NULL);

    if (text.data == NULL || root == NULL) {
        return NULL;
    }

    start = (char *) text.data;

    scan.arena = arena;
    scan.p = start;
    scan.end = start + text.len;
    scan.depth = 0;
    scan.exact = 1;
    scan.values = max;
    scan.why = RESULTS_JSON_NOT_JSON;

    if (results_scan_value(&scan, root) != 0
        || results_scan_next(&scan) != '\0'
        || scan.p != scan.end)
    {
        stop->why = scan.why;
        stop->position = (size_t) (scan.p - start);

        if (stop->position > text.len) {
            stop->position = text.len;
        }

        return NULL;
    }

    root->exact = scan.exact;

    return root;
}


static int
results_scan_value(results_scan_t *scan, results_value_t *value)
{
    int  plain;

    if (scan->values-- == 0) {
        scan->why = RESULTS_JSON_TOO_MANY;
        return -1;
    }

    switch (results_scan_next(scan)) {

    case '{':
        return results_scan_object(scan, value);

    case '[':
        return results_scan_array(scan, value);

    case '"':
        if (results_scan_string(scan, &value->u.text, &plain) != 0) {
            return -1;
        }

        value->type = RESULTS_VALUE_STRING;
        value->plain = plain;

        return 0;

    case 't':
        value->type = RESULTS_VALUE_TRUE;
        return results_scan_word(scan, "true");

    case 'f':
        value->type = RESULTS_VALUE_FALSE;
        return results_scan_word(scan, "false");

    case 'n':
        value->type = RESULTS_VALUE_NULL;
        return results_scan_word(scan, "null");

    default:
        return results_scan_number(scan, value);
    }
}


static int
results_scan_object(results_scan_t *scan, results_value_t *value)
{
    int               plain;
    char              c;
    results_str_t     name;
    results_value_t  *member;

    value->type = RESULTS_VALUE_OBJECT;

    if (++scan->depth > RESULTS_JSON_DEPTH_MAX) {
        return -1;
    }

    scan->p++;
    c = results_scan_next(scan);

    while (c != '}') {

        if (c != '"'
            || results_scan_string(scan, &name, &plain) != 0
            || results_scan_twice(value, name)
            || results_scan_next(scan) != ':')
        {
            return -1;
        }

        scan->p++;

        member = results_value_create(scan->arena, RESULTS_VALUE_NULL);

        if (member == NULL) {
            scan->why = RESULTS_JSON_NO_MEMORY;
            return -1;
        }

        if (results_scan_value(scan, member) != 0) {
            return -1;
        }

        member->name = name;
        member->plain_name = plain;
        results_value_append(value, member);

        c = results_scan_next(scan);

        if (c == ',') {
            scan->p++;
            c = results_scan_next(scan);

            if (c == '}') {
                return -1;
            }

        } else if (c != '}') {
            return -1;
        }
    }

    if (value->n > RESULTS_SCAN_MEMBERS
        && results_scan_members(scan, value) != 0)
    {
        return -1;
    }

    scan->p++;
    scan->depth--;

    return 0;
}


static int
results_scan_array(results_scan_t *scan, results_value_t *value)
{
    char              c;
    results_value_t  *element;

    value->type = RESULTS_VALUE_ARRAY;

    if (++scan->depth > RESULTS_JSON_DEPTH_MAX) {
        return -1;
    }

    scan->p++;
    c = results_scan_next(scan);

    while (c != ']') {

        element = results_value_create(scan->arena, RESULTS_VALUE_NULL);

        if (element == NULL) {
            scan->why = RESULTS_JSON_NO_MEMORY;
            return -1;
        }

        if (results_scan_value(scan, element) != 0) {
            return -1;
        }

        results_value_append(value, element);

        c = results_scan_next(scan);

        if (c == ',') {
            scan->p++;
            c = results_scan_next(scan);

            if (c == ']') {
                return -1;
            }

        } else if (c != ']') {
            return -1;
        }
    }

    scan->p++;
    scan->depth--;

    return 0;
}


/* of objects with more members, duplicates are found when all are read */
static int
results_scan_twice(results_value_t *object, results_str_t name)
{
    results_value_t  *member;

    if (object->n >= RESULTS_SCAN_MEMBERS) {
        return 0;
    }

    for (member = results_value_first(object); member; member = member->next) {
        if (results_str_eq(member->name, name)) {
            return 1;
        }
    }

    return 0;
}


static int
results_scan_members(results_scan_t *scan, const results_value_t *object)
{
    int  twice;

    twice = results_json_twice(object);

    if (twice < 0) {
        scan->why = RESULTS_JSON_NO_MEMORY;
    }

    return twice;
}


static int
results_scan_string(results_scan_t *scan, results_str_t *text, int *plain)
{
    char           *p, *out;
    size_t          n;
    unsigned char   c;

    p = ++scan->p;

    while (scan->end - p >= 8 && results_plain(p, 8)) {
        p += 8;
    }

    while (results_scan_plain[(unsigned char) *p]) {
        p++;
    }

    text->data = scan->p;
    *plain = (*p == '"');

    for (out = p; /* void */ ; /* void */ ) {
        c = (unsigned char) *p;

        if (results_scan_plain[c]) {
            *out++ = *p++;

        } else if (c == '"') {
            break;

        } else if (c == '\\') {
            scan->p = p + 1;
            out = results_scan_escape(scan, out);

            if (out == NULL) {
                return -1;
            }

            p = scan->p;

        } else {

            /* the copy's '\0' ends a character that is cut off */

            n = (c < 0x80) ? 0 : results_utf8_len(p, strnlen(p, 4));

            if (n == 0) {
                return -1;
            }

            memmove(out, p, n);
            out += n;
            p += n;
        }
    }

    *out = '\0';

    text->len = (size_t) (out - text->data);
    scan->p = p + 1;

    return 0;
}


/*
 * Decodes an escape from behind its backslash to out: the end of what was
 * written, or NULL when it is not an escape, or is \u0000
 */
static char *
results_scan_escape(results_scan_t *scan, char *out)
{
    unsigned  code, low;

    switch (*scan->p++) {

    case '"':
        *out++ = '"';
        return out;

    case '\\':
        *out++ = '\\';
        return out;

    case '/':
        *out++ = '/';
        return out;

    case 'b':
        *out++ = '\b';
        return out;

    case 'f':
        *out++ = '\f';
        return out;

    case 'n':
        *out++ = '\n';
        return out;

    case 'r':
        *out++ = '\r';
        return out;

    case 't':
        *out++ = '\t';
        return out;

    case 'u':
        break;

    default:
        return NULL;
    }

    if (results_scan_code(scan->p, &code) != 0 || code == 0) {
        return NULL;
    }

    scan->p += 4;

    if (code >= 0xd800 && code <= 0xdfff) {

        if (code >= 0xdc00
            || scan->p[0] != '\\'
            || scan->p[1] != 'u'
            || results_scan_code(scan->p + 2, &low) != 0
            || low < 0xdc00
            || low > 0xdfff)
        {
            return NULL;
        }

        scan->p += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);

        *out++ = (char) (0xf0 | (code >> 18));
        *out++ = (char) (0x80 | ((code >> 12) & 0x3f));
        *out++ = (char) (0x80 | ((code >> 6) & 0x3f));
        *out++ = (char) (0x80 | (code & 0x3f));

    } else if (code >= 0x800) {
        *out++ = (char) (0xe0 | (code >> 12));
        *out++ = (char) (0x80 | ((code >> 6) & 0x3f));
        *out++ = (char) (0x80 | (code & 0x3f));

    } else if (code >= 0x80) {
        *out++ = (char) (0xc0 | (code >> 6));
        *out++ = (char) (0x80 | (code & 0x3f));

    } else {
        *out++ = (char) code;
    }

    return out;
}


/* four hexadecimal digits */
static int
results_scan_code(const char *p, unsigned *code)
{
    int   i;
    char  c;

    *code = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            *code = *code * 16 + (unsigned) (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        *code = *code * 16 + (unsigned) (c - 'a' + 10);
    }

    return 0;
}


static int
results_scan_number(results_scan_t *scan, results_value_t *value)
{
    char           *p;
    results_str_t   number;

    number.data = scan->p;
    number.len = results_number_len(scan->p);

    if (number.len == 0) {
        return -1;
    }

    scan->p += number.len;

    /* a short number without an exponent fits every limit and is exact */

    p = scan->p - 1;

    while (p > number.data && *p >= '0' && *p <= '9') {
        p--;
    }

    if (number.len > RESULTS_NUMBER_EXACT || (*p != '.' && p != number.data)) {
        scan->exact = 0;

        if (!results_number_fits(number)) {
            scan->why = RESULTS_JSON_RANGE;
            return -1;
        }
    }

    value->type = RESULTS_VALUE_NUMBER;
    value->u.text = number;

    return 0;
}


static int
results_scan_word(results_scan_t *scan, const char *word)
{
    while (*word) {
        if (*scan->p++ != *word++) {
            return -1;
        }
    }

    return 0;
}


/* skips white space: the next byte, which is not consumed */
static char
results_scan_next(results_scan_t *scan)
{
    while (*scan->p == ' ' || *scan->p == '\n' || *scan->p == '\r'
           || *scan->p == '\t')
    {
        scan->p++;
    }

    return *scan->p;
}
