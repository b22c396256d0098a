
/*
 * A JSON text back from the database.  It was checked when it came in; but
 * jsonb writes every number without an exponent, so that a double comes back
 * as an integer of up to 309 digits, which jansson refuses.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results_json_jansson.h"


static void results_json_mend(results_buf_t *buf, results_str_t text);
static const char *results_json_number_end(const char *p, const char *end);
static int results_json_fits(const char *p, size_t len);


results_value_t *
results_json_load(results_arena_t *arena, results_str_t text)
{
    json_t           *root;
    json_error_t      error;
    results_buf_t     buf;
    results_value_t  *tree;

    tree = results_json_scan(arena, text);

    if (tree) {
        return tree;
    }

    root = json_loadb(text.data, text.len, 0, &error);

    if (root == NULL
        && json_error_code(&error) == json_error_numeric_overflow)
    {
        memset(&buf, 0, sizeof(results_buf_t));

        results_json_mend(&buf, text);

        if (!buf.failed) {
            root = json_loadb(buf.data, buf.len, 0, &error);
        }

        results_buf_free(&buf);
    }

    tree = results_json_tree(arena, root);

    json_decref(root);

    return tree;
}


/* an integer of more than 64 bits gets an exponent, which makes it a double */
static void
results_json_mend(results_buf_t *buf, results_str_t text)
{
    int          quoted;
    const char  *p, *end, *from;

    from = text.data;
    end = text.data + text.len;
    quoted = 0;

    for (p = text.data; p < end; p++) {

        if (quoted) {
            if (*p == '\\') {
                p++;

            } else {
                quoted = (*p != '"');
            }

            continue;
        }

        quoted = (*p == '"');

        if (*p != '-' && (*p < '0' || *p > '9')) {
            continue;
        }

        results_buf_append(buf, from, (size_t) (p - from));

        from = p;
        p = results_json_number_end(p, end);

        results_buf_append(buf, from, (size_t) (p - from));

        if (!results_json_fits(from, (size_t) (p - from))) {
            results_buf_puts(buf, "e0");
        }

        from = p--;
    }

    results_buf_append(buf, from, (size_t) (end - from));
}


static const char *
results_json_number_end(const char *p, const char *end)
{
    while (p < end && ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+'
                       || *p == '.' || *p == 'e' || *p == 'E'))
    {
        p++;
    }

    return p;
}


/* 1 for what is no integer, too */
static int
results_json_fits(const char *p, size_t len)
{
    char  digits[sizeof("-9223372036854775808")];

    if (memchr(p, '.', len) || memchr(p, 'e', len) || memchr(p, 'E', len)) {
        return 1;
    }

    if (len >= sizeof(digits)) {
        return 0;
    }

    memcpy(digits, p, len);
    digits[len] = '\0';

    errno = 0;
    (void) strtoll(digits, NULL, 10);

    return errno == 0;
}
