
/*
 * Parsing of bodies.  results_json_scan() makes the tree, or refuses the text.
 * Only then is jansson asked, for the reason and the place: it knows more
 * reasons than the scanner.  Its own messages are not used, as they quote the
 * body, and its tree is freed at once.
 */

#include <string.h>

#include <jansson.h>

#include "results_json.h"


/*
 * The values that any body may have; one that is longer than as many times
 * RESULTS_JSON_VALUE_BYTES may have one for each RESULTS_JSON_VALUE_BYTES
 */
#define RESULTS_JSON_VALUES       65536
#define RESULTS_JSON_VALUE_BYTES  16


static const char *results_json_deep(results_str_t body);
static void results_json_refuse(results_errors_t *errors, results_str_t body,
    const results_json_stop_t *stop);
static void results_json_refuse_text(results_errors_t *errors,
    results_str_t body, const results_json_stop_t *stop);
static const char *results_json_why(results_errors_t *errors,
    const json_error_t *error);
static void results_json_refuse_at(results_errors_t *errors,
    results_str_t body, size_t position, const char *path, const char *what);


results_value_t *
results_json_parse(results_str_t body, results_errors_t *errors)
{
    results_value_t      *tree;
    results_json_stop_t   stop;

    tree = results_json_scan(errors->arena, body,
                             results_json_values_max(body.len), &stop);

    if (tree == NULL) {
        results_json_refuse(errors, body, &stop);
    }

    return tree;
}


results_value_t *
results_json_load(results_arena_t *arena, results_str_t text)
{
    results_json_stop_t  stop;

    return results_json_scan(arena, text, SIZE_MAX, &stop);
}


size_t
results_json_values_max(size_t len)
{
    len /= RESULTS_JSON_VALUE_BYTES;

    return (len > RESULTS_JSON_VALUES) ? len : RESULTS_JSON_VALUES;
}


static void
results_json_refuse(results_errors_t *errors, results_str_t body,
    const results_json_stop_t *stop)
{
    size_t        i;
    const char   *path;

    switch (stop->why) {

    case RESULTS_JSON_NO_MEMORY:
        results_errors_add(errors, "", "out of memory");
        return;

    case RESULTS_JSON_RANGE:
        path = results_json_path_at(errors, body, stop->position);
        results_json_refuse_at(errors, body, stop->position, path,
                               "number out of range");
        return;

    case RESULTS_JSON_TOO_MANY:
        results_errors_add(errors, "",
                           "more than %zu values, members and elements "
                           "counted", results_json_values_max(body.len));
        return;

    default: /* RESULTS_JSON_NOT_JSON */
        break;
    }

    errors->not_json = 1;

    if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) {
        results_errors_add(errors, "",
                           "the body begins with a byte order mark, which "
                           "JSON must not have");     /* RFC 8259 8.1 */
        return;
    }

    if (body.len >= 2 && (memcmp(body.data, "\xfe\xff", 2) == 0
                          || memcmp(body.data, "\xff\xfe", 2) == 0))
    {
        results_errors_add(errors, "",
                           "the body is in UTF-16, JSON must be in UTF-8");
        return;
    }

    for (i = 0; i < body.len; i++) {
        if (body.data[i] != ' ' && body.data[i] != '\t'
            && body.data[i] != '\n' && body.data[i] != '\r')
        {
            break;
        }
    }

    if (i == body.len) {
        results_errors_add(errors, "", "expected an object, the body is empty");
        return;
    }

    results_json_refuse_text(errors, body, stop);
}


/*
 * The bracket that opens one level too many, or NULL.  It is right up to the
 * first syntax error, where jansson stops anyway.
 */
static const char *
results_json_deep(results_str_t body)
{
    unsigned     depth;
    const char  *p, *q, *end;

    depth = 0;
    end = body.data + body.len;

    for (p = body.data; p < end; p++) {

        switch (*p) {

        case '{':
        case '[':
            if (++depth > RESULTS_JSON_DEPTH_MAX) {
                return p;
            }

            break;

        case '}':
        case ']':
            if (depth != 0) {
                depth--;
            }

            break;

        case '"':
            do {
                p = memchr(p + 1, '"', (size_t) (end - p) - 1);
                if (p == NULL) {
                    return NULL;
                }

                for (q = p; q[-1] == '\\'; q--) { /* void */ }

            } while ((p - q) % 2 != 0);

            break;
        }
    }

    return NULL;
}


static void
results_json_refuse_text(results_errors_t *errors, results_str_t body,
    const results_json_stop_t *stop)
{
    size_t         position;
    json_t        *root;
    const char    *deep, *path, *what;
    json_error_t   error;

    /* checked first, since jansson recurses, up to 2048 levels */

    deep = results_json_deep(body);

    if (deep) {
        errors->not_json = 0;
        results_errors_add(errors,
                           results_json_path_at(errors, body,
                                                (size_t) (deep - body.data)),
                           "more than %d levels of objects and arrays",
                           RESULTS_JSON_DEPTH_MAX);
        return;
    }

    /* read as doubles, integers of more than 64 bits are not an error */

    root = json_loadb(body.data, body.len,
                      JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                      |JSON_DECODE_INT_AS_REAL, &error);

    if (root) {

        /* jansson accepts a raw U+0000 after a number, which is not JSON */

        json_decref(root);
        what = "invalid JSON";
        position = stop->position;

    } else {
        what = results_json_why(errors, &error);
        position = (size_t) error.position;
    }

    if (what == NULL) {
        results_errors_add(errors, "", "out of memory");
        return;
    }

    path = results_json_path_at(errors, body, position);

    if (root == NULL
        && json_error_code(&error) == json_error_premature_end_of_input)
    {
        path = "";
    }

    results_json_refuse_at(errors, body, position, path, what);
}


/* what to say for an error of jansson's; NULL when it had no memory */
static const char *
results_json_why(results_errors_t *errors, const json_error_t *error)
{
    switch (json_error_code(error)) {

    case json_error_premature_end_of_input:
        return "the JSON text ends too early";

    case json_error_end_of_input_expected:
        return "more text behind the JSON value";

    case json_error_duplicate_key:
        errors->not_json = 0;
        return "duplicate field";

    case json_error_numeric_overflow:
        errors->not_json = 0;
        return "number out of range";

    case json_error_invalid_utf8:
        errors->not_json = 0;
        return "invalid UTF-8";

    case json_error_null_character:
    case json_error_null_byte_in_key:
        errors->not_json = 0;
        return "\\u0000 is not supported";

    case json_error_out_of_memory:
        return NULL;

    default:
        return "invalid JSON";
    }
}


/*
 * Adds an error with the line and column of a byte of the body, both from 1 for
 * the first; columns are characters, counted by the bytes that begin one
 */
static void
results_json_refuse_at(results_errors_t *errors, results_str_t body,
    size_t position, const char *path, const char *what)
{
    size_t    i;
    unsigned  line, column;

    line = 1;
    column = 0;

    for (i = 0; i < position && i < body.len; i++) {

        if (body.data[i] == '\n') {
            line++;
            column = 0;

        } else if ((body.data[i] & 0xc0) != 0x80) {
            column++;
        }
    }

    results_errors_add(errors, path, "%s, at line %u, column %u", what, line,
                       column);
}
