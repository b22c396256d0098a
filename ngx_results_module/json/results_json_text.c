
/*
 * The text that a tree was parsed from, for what the tree does not tell: in
 * which member an error is, and the digits of a number that is a double in
 * the tree.  The text is walked once, from its start; it is valid JSON, or is
 * up to the position of the error.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "results_json.h"


/* digits that every double keeps */
#define RESULTS_DIGITS_EXACT  15


/* an object or array that is open where the walk is */
typedef struct {
    int                     array;
    size_t                  index;
    results_str_t           key;       /* no value: before or behind one */
} results_json_level_t;


/* the values of an object or array, one after the other */
typedef struct {
    const char             *p;
    const char             *end;
    int                     object;
} results_json_values_t;


static int results_json_long(results_value_t *value, results_str_t text);
static void results_json_values(results_json_values_t *values,
    results_str_t text);
static results_str_t results_json_next_value(results_json_values_t *values);
static const char *results_json_string_end(const char *p, const char *end);
static const char *results_json_value_end(const char *p, const char *end);
static const char *results_json_skip(const char *p, const char *end);


const char *
results_json_path_at(results_errors_t *errors, results_str_t body,
    size_t position)
{
    unsigned               i, n;
    const char            *p, *end, *key;
    results_str_t          s;
    results_reader_t       reader;
    results_json_level_t  *level, levels[RESULTS_JSON_DEPTH_MAX];

    n = 0;
    level = NULL;

    p = body.data;
    end = p + ((position < body.len) ? position : body.len);

    while (p < end) {

        switch (*p++) {

        case '{':
        case '[':
            if (n == RESULTS_JSON_DEPTH_MAX) {
                return "";
            }

            level = &levels[n++];
            memset(level, 0, sizeof(*level));
            level->array = (p[-1] == '[');
            break;

        case '}':
        case ']':
            if (n > 0) {
                n--;
            }

            level = (n > 0) ? &levels[n - 1] : NULL;
            break;

        case ',':
            if (level) {
                level->index++;
                level->key.data = NULL;
            }

            break;

        case '"':
            key = p;
            p = results_json_string_end(p, end);

            if (level && !level->array && level->key.data == NULL) {
                level->key.data = key;
                level->key.len = (size_t) (p - key);
            }

            p += (p < end);
            break;
        }
    }

    reader.path = "";
    reader.errors = errors;

    for (i = 0; i < n; i++) {
        level = &levels[i];

        if (level->array) {
            s = results_arena_printf(errors->arena, "%s/%zu", reader.path,
                                     level->index);
            reader.path = (s.data != NULL) ? s.data : "";
            continue;
        }

        if (level->key.data != NULL) {
            s = results_json_short_name(errors->arena, level->key);
            reader.path = results_json_path(&reader, s.data ? s.data : "");
        }
    }

    return reader.path;
}


int
results_json_keep_digits(results_arena_t *arena, results_value_t *tree,
    results_str_t text)
{
    int                    n, rc;
    results_value_t       *value;
    results_json_values_t  values;

    n = 0;

    if (tree->exact || tree->type < RESULTS_VALUE_ARRAY) {
        return 0;
    }

    results_json_values(&values, text);

    /* members are in the order of the text */

    for (value = results_value_first(tree); value; value = value->next) {

        text = results_json_next_value(&values);

        if (results_value_is_number(value)) {
            rc = results_json_long(value, text);

            if (rc) {
                value->type = RESULTS_VALUE_STRING;
                value->u.text = results_arena_copy(arena, text.data, text.len);
                rc = value->u.text.data ? 1 : -1;
            }

        } else {
            rc = results_json_keep_digits(arena, value, text);
        }

        if (rc < 0) {
            return -1;
        }

        n += rc;
    }

    return n;
}


/* whether a number has more digits than its double */
static int
results_json_long(results_value_t *value, results_str_t text)
{
    size_t  i, zeros, digits;

    digits = 0;
    zeros = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == 'e' || text.data[i] == 'E') {
            break;
        }

        if (text.data[i] == '0') {
            zeros++;

        } else if (text.data[i] > '0' && text.data[i] <= '9') {

            /* zeros count between other digits only */

            digits += (digits ? zeros : 0) + 1;
            zeros = 0;
        }
    }

    return digits > RESULTS_DIGITS_EXACT
           || (digits && fabs(results_value_number(value)) < DBL_MIN);
}


static void
results_json_values(results_json_values_t *values, results_str_t text)
{
    values->end = text.data + text.len;
    values->p = results_json_skip(text.data, values->end);
    values->object = (values->p < values->end && *values->p == '{');

    if (values->p < values->end) {
        values->p++;
    }
}


/* the text of the next value of the object or array */
static results_str_t
results_json_next_value(results_json_values_t *values)
{
    const char     *p, *end;
    results_str_t   text;

    end = values->end;
    p = results_json_skip(values->p, end);

    if (p < end && *p == ',') {
        p = results_json_skip(p + 1, end);
    }

    if (values->object && p < end && *p == '"') {
        p = results_json_string_end(p + 1, end);
        p = results_json_skip(p + (p < end), end);

        if (p < end && *p == ':') {
            p = results_json_skip(p + 1, end);
        }
    }

    text.data = p;
    p = results_json_value_end(p, end);
    text.len = (size_t) (p - text.data);

    values->p = p;

    return text;
}


/* from behind a string's first quote to its last one, or to the end */
static const char *
results_json_string_end(const char *p, const char *end)
{
    while (p < end && *p != '"') {
        p += (*p == '\\' && p + 1 < end) ? 2 : 1;
    }

    return p;
}


/* behind the value that begins at p */
static const char *
results_json_value_end(const char *p, const char *end)
{
    unsigned  depth;

    depth = 0;

    while (p < end) {

        switch (*p) {

        case '"':
            p = results_json_string_end(p + 1, end);
            p += (p < end);
            break;

        case '{':
        case '[':
            depth++;
            p++;
            continue;

        case '}':
        case ']':
            if (depth == 0) {
                return p;
            }

            depth--;
            p++;
            break;

        case ',':
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            if (depth == 0) {
                return p;
            }

            p++;
            continue;

        default:
            p++;
            continue;
        }

        /* behind a string or a bracket */

        if (depth == 0) {
            return p;
        }
    }

    return p;
}


static const char *
results_json_skip(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }

    return p;
}
