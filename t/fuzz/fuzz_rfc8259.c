
/*
 * The grammar of RFC 8259, rule by rule: each function reads what its rule
 * says and returns what is behind it, or NULL.
 */

#include "fuzz_rfc8259.h"


typedef struct {
    const char             *end;
    fuzz_rfc8259_t         *found;
    unsigned                depth;
} reading_t;


static const char *value(reading_t *r, const char *p);


/* ws = *( %x20 / %x09 / %x0A / %x0D ) */
static const char *
ws(reading_t *r, const char *p)
{
    while (p < r->end && memchr(" \t\n\r", *p, 4)) {
        p++;
    }

    return p;
}


static const char *
byte(reading_t *r, const char *p, char c)
{
    return (p && p < r->end && *p == c) ? p + 1 : NULL;
}


static const char *
word(reading_t *r, const char *p, const char *text)
{
    size_t  len;

    len = strlen(text);

    return ((size_t) (r->end - p) >= len && memcmp(p, text, len) == 0)
           ? p + len : NULL;
}


/* 1*DIGIT */
static const char *
digits(reading_t *r, const char *p)
{
    const char  *first;

    first = p;

    while (p < r->end && *p >= '0' && *p <= '9') {
        p++;
    }

    return (p > first) ? p : NULL;
}


/* number = [ minus ] int [ frac ] [ exp ] */
static const char *
number(reading_t *r, const char *p)
{
    const char  *first;

    first = p;

    if (p < r->end && *p == '-') {
        p++;
    }

    if (p < r->end && *p == '0') {
        p++;

    } else {
        p = digits(r, p);
    }

    if (p && p < r->end && *p == '.') {
        p = digits(r, p + 1);
    }

    if (p && p < r->end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < r->end && (*p == '+' || *p == '-')) {
            p++;
        }

        p = digits(r, p);
    }

    if (p) {
        results_buf_append(&r->found->numbers, first, (size_t) (p - first));
        results_buf_append(&r->found->numbers, "\n", 1);
    }

    return p;
}


/* 4HEXDIG; the code is -1 where they are none */
static int
hexadecimal(reading_t *r, const char *p)
{
    char  text[5], *end;
    long  code;

    if (r->end - p < 4) {
        return -1;
    }

    memcpy(text, p, 4);
    text[4] = '\0';

    if (strspn(text, "0123456789abcdefABCDEF") != 4) {
        return -1;
    }

    code = strtol(text, &end, 16);

    return (int) code;
}


/* what is behind the backslash */
static const char *
escape(reading_t *r, const char *p)
{
    int  code, low;

    if (p == r->end) {
        return NULL;
    }

    if (*p != 'u') {
        return memchr("\"\\/bfnrt", *p, 8) ? p + 1 : NULL;
    }

    code = hexadecimal(r, ++p);

    if (code < 0) {
        return NULL;
    }

    p += 4;
    r->found->nul += (code == 0);

    if (code >= 0xd800 && code < 0xdc00
        && r->end - p >= 6 && p[0] == '\\' && p[1] == 'u')
    {
        low = hexadecimal(r, p + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            return p + 6;
        }
    }

    r->found->surrogates += (code >= 0xd800 && code < 0xe000);

    return p;
}


/* string = quotation-mark *char quotation-mark */
static const char *
string(reading_t *r, const char *p)
{
    p = byte(r, p, '"');

    while (p && p < r->end && *p != '"') {

        if (*p == '\\') {
            p = escape(r, p + 1);

        } else if ((unsigned char) *p < 0x20) {
            return NULL;

        } else {
            p++;
        }
    }

    return byte(r, p, '"');
}


/* member = string name-separator value */
static const char *
member(reading_t *r, const char *p)
{
    p = string(r, ws(r, p));
    p = p ? byte(r, ws(r, p), ':') : NULL;

    return p ? value(r, p) : NULL;
}


/* begin [ item *( value-separator item ) ] end */
static const char *
list(reading_t *r, const char *p, char end,
    const char *(*item)(reading_t *r, const char *p))
{
    const char  *next;

    if (++r->depth > FUZZ_RFC8259_DEPTH) {
        return NULL;
    }

    if (r->depth > r->found->depth) {
        r->found->depth = r->depth;
    }

    next = byte(r, ws(r, p), end);

    while (next == NULL) {
        p = item(r, p);

        if (p == NULL) {
            return NULL;
        }

        p = ws(r, p);
        next = byte(r, p, end);

        if (next == NULL) {
            p = byte(r, p, ',');

            if (p == NULL) {
                return NULL;
            }
        }
    }

    r->depth--;

    return next;
}


/* with the white space that the rules of what is around it have */
static const char *
value(reading_t *r, const char *p)
{
    p = ws(r, p);

    if (p == r->end) {
        return NULL;
    }

    r->found->values++;

    switch (*p) {

    case '{':
        p = list(r, p + 1, '}', member);
        break;

    case '[':
        p = list(r, p + 1, ']', value);
        break;

    case '"':
        p = string(r, p);
        break;

    case 't':
        p = word(r, p, "true");
        break;

    case 'f':
        p = word(r, p, "false");
        break;

    case 'n':
        p = word(r, p, "null");
        break;

    default:
        p = number(r, p);
    }

    return p ? ws(r, p) : NULL;
}


/* RFC 3629, by its table of well-formed sequences */
static int
utf8(const unsigned char *p, const unsigned char *end)
{
    int       k, row;
    unsigned  n;

    static const unsigned char  rows[][4] = {

        /* first byte, second byte: from, to */

        { 0xc2, 0xdf, 0x80, 0xbf }, { 0xe0, 0xe0, 0xa0, 0xbf },
        { 0xe1, 0xec, 0x80, 0xbf }, { 0xed, 0xed, 0x80, 0x9f },
        { 0xee, 0xef, 0x80, 0xbf }, { 0xf0, 0xf0, 0x90, 0xbf },
        { 0xf1, 0xf3, 0x80, 0xbf }, { 0xf4, 0xf4, 0x80, 0x8f }
    };

    while (p < end) {

        if (*p < 0x80) {
            p++;
            continue;
        }

        for (row = 0; row < 8; row++) {
            if (*p >= rows[row][0] && *p <= rows[row][1]) {
                break;
            }
        }

        if (row == 8) {
            return 0;
        }

        n = (*p >= 0xf0) ? 3 : (*p >= 0xe0) ? 2 : 1;

        if ((size_t) (end - p) < n + 1
            || p[1] < rows[row][2] || p[1] > rows[row][3])
        {
            return 0;
        }

        for (k = 2; k <= (int) n; k++) {
            if (p[k] < 0x80 || p[k] > 0xbf) {
                return 0;
            }
        }

        p += n + 1;
    }

    return 1;
}


int
fuzz_rfc8259(const char *data, size_t len, fuzz_rfc8259_t *found)
{
    reading_t  r;

    memset(found, 0, sizeof(fuzz_rfc8259_t));

    r.end = data + len;
    r.found = found;
    r.depth = 0;

    return value(&r, data) == r.end
           && utf8((const unsigned char *) data,
                   (const unsigned char *) r.end);
}
