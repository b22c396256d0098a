
/*
 * See fuzz_xml.h: XML 1.0, 2.2 (characters), 2.4 (no bare "<" and "&"), 3 (a
 * root, tags that match), 3.1 (attributes).
 */

#define _GNU_SOURCE

#include <string.h>

#include "fuzz_xml.h"


#define DEPTH  32


int
fuzz_is_xml_type(results_str_t content_type)
{
    return memmem(content_type.data, content_type.len, "xml", 3) != NULL;
}


static int
is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || (c && strchr("_-.:", c));
}


/* behind "&...;", NULL where it is none */
static const char *
entity(const char *p, const char *end)
{
    size_t       i, n;

    static const char *const  known[] = {
        "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#9;", "&#10;", "&#13;",
        "&#xA;", "&#xD;", "&#x9;", "&#39;", "&#34;", NULL
    };

    for (i = 0; known[i]; i++) {
        n = strlen(known[i]);

        if ((size_t) (end - p) >= n && memcmp(p, known[i], n) == 0) {
            return p + n;
        }
    }

    return NULL;
}


/* behind the character at p, NULL where there may be none such */
static const char *
character(const char *p, const char *end)
{
    size_t         n;
    unsigned char  c;

    c = (unsigned char) *p;

    if (c == '&') {
        return entity(p, end);
    }

    n = results_utf8_len(p, (size_t) (end - p));

    if (n == 0 || c == '<'
        || (c < ' ' && c != '\t' && c != '\n' && c != '\r')
        || (n == 3 && memcmp(p, "\xef\xbf\xbe", 3) >= 0
            && memcmp(p, "\xef\xbf\xbf", 3) <= 0))
    {
        return NULL;
    }

    return p + n;
}


/* behind the ">" of a start tag; *empty: it was "/>" */
static const char *
attributes(const char *p, const char *end, int *empty)
{
    char  quote;

    for ( ;; ) {

        while (p < end && (*p == ' ' || *p == '\n')) {
            p++;
        }

        *empty = (end - p >= 2 && p[0] == '/' && p[1] == '>');

        if (*empty) {
            return p + 2;
        }

        if (p < end && *p == '>') {
            return p + 1;
        }

        if (p == end || !is_name(*p)) {
            return NULL;
        }

        while (p < end && is_name(*p)) {
            p++;
        }

        if (end - p < 3 || *p++ != '=' || (*p != '"' && *p != '\'')) {
            return NULL;
        }

        quote = *p++;

        while (p && p < end && *p != quote) {
            p = character(p, end);
        }

        if (p == NULL || p++ == end) {
            return NULL;
        }
    }
}


int
fuzz_is_xml(const char *data, size_t len)
{
    int            empty, depth, roots;
    const char    *p, *end, *name;
    results_str_t  open[DEPTH], tag;

    p = data;
    end = data + len;
    depth = 0;
    roots = 0;

    if (len >= 5 && memcmp(p, "<?xml", 5) == 0) {
        p = memmem(p, len, "?>", 2);

        if (p == NULL) {
            return 0;
        }

        p += 2;
    }

    while (p && p < end) {

        if (*p != '<') {

            if (depth == 0 && *p != '\n') {
                return 0;
            }

            p = character(p, end);
            continue;
        }

        p++;
        empty = (p < end && *p == '/');
        name = p += empty;

        while (p < end && is_name(*p)) {
            p++;
        }

        tag.data = name;
        tag.len = (size_t) (p - name);

        if (tag.len == 0) {
            return 0;
        }

        if (empty) {

            if (depth == 0 || p == end || *p++ != '>'
                || !results_str_eq(open[--depth], tag))
            {
                return 0;
            }

            continue;
        }

        roots += (depth == 0);
        p = attributes(p, end, &empty);

        if (!empty) {

            if (depth == DEPTH) {
                return 0;
            }

            open[depth++] = tag;
        }
    }

    return p && depth == 0 && roots == 1;
}
