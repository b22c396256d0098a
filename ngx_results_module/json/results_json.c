
/*
 * A body's way into a tree: what is refused before jansson sees it, and
 * jansson's errors in words of our own.  Trees live as long as the arena of
 * the errors.  The fields of a tree are read in results_json_fields.c.
 */

#include <string.h>

#include "results_json_jansson.h"


static const char *results_json_deep(results_str_t body);
static void results_json_refuse_text(results_errors_t *errors,
    results_str_t body, const json_error_t *error);


results_value_t *
results_json_parse(results_str_t body, results_errors_t *errors)
{
    size_t            i;
    json_t           *root;
    const char       *deep;
    json_error_t      error;
    results_value_t  *tree;

    tree = results_json_scan(errors->arena, body);

    if (tree) {
        return tree;
    }

    errors->not_json = 1;

    if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) {
        results_errors_add(errors, "",
                           "the body begins with a byte order mark, which "
                           "JSON must not have");     /* RFC 8259 8.1 */
        return NULL;
    }

    if (body.len >= 2 && (memcmp(body.data, "\xfe\xff", 2) == 0
                          || memcmp(body.data, "\xff\xfe", 2) == 0))
    {
        results_errors_add(errors, "",
                           "the body is in UTF-16, JSON must be in UTF-8");
        return NULL;
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
        return NULL;
    }

    if (body.data[i] != '{' && body.data[i] != '[') {
        results_errors_add(errors, "", "expected an object");
        return NULL;
    }

    /* before jansson, which is recursive and stops at 2048 levels only */

    deep = results_json_deep(body);

    if (deep) {
        errors->not_json = 0;
        results_errors_add(errors,
                           results_json_path_at(errors, body,
                                                (size_t) (deep - body.data)),
                           "more than %d levels of objects and arrays",
                           RESULTS_JSON_DEPTH_MAX);
        return NULL;
    }

    root = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL
        && json_error_code(&error) == json_error_numeric_overflow)
    {
        /* JSON sets integers no limit: beyond 64 bits they are doubles */

        root = json_loadb(body.data, body.len,
                          JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL,
                          &error);
    }

    if (root == NULL) {
        results_json_refuse_text(errors, body, &error);
        return NULL;
    }

    errors->not_json = 0;

    tree = results_json_tree(errors->arena, root);

    if (tree == NULL) {
        results_errors_add(errors, "", "out of memory");
    }

    json_decref(root);

    return tree;
}


/*
 * The bracket that opens one level too many, or NULL.  Up to the first syntax
 * error this sees the same strings and brackets as jansson does, and behind
 * it jansson does not go.
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


/* jansson's own texts quote the body */
static void
results_json_refuse_text(results_errors_t *errors, results_str_t body,
    const json_error_t *error)
{
    const char  *what, *path;

    path = results_json_path_at(errors, body, (size_t) error->position);

    switch (json_error_code(error)) {

    case json_error_premature_end_of_input:
        what = "the JSON text ends too early";
        path = "";
        break;

    case json_error_end_of_input_expected:
        what = "more text behind the JSON value";
        break;

    case json_error_duplicate_key:
        what = "duplicate field";
        errors->not_json = 0;
        break;

    case json_error_numeric_overflow:
        what = "number out of range";
        errors->not_json = 0;
        break;

    case json_error_invalid_utf8:
        what = "invalid UTF-8";
        errors->not_json = 0;
        break;

    case json_error_null_character:
    case json_error_null_byte_in_key:
        what = "\\u0000 is not supported";
        errors->not_json = 0;
        break;

    case json_error_out_of_memory:
        results_errors_add(errors, "", "out of memory");
        return;

    default:
        what = "invalid JSON";
        break;
    }

    results_errors_add(errors, path, "%s, at line %d, column %d", what,
                       error->line, error->column);
}
