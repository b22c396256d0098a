
/*
 * Reading what clients of looser formats send: members by a dotted path,
 * numbers in strings, ids that are numbers.  No errors are added, as these
 * formats have words of their own for them.
 */

#include <string.h>

#include "results_json_jansson.h"


/* names of formats, not of bodies */
#define RESULTS_NAME_MAX  32

/* up to here a double is an integer for sure */
#define RESULTS_INTEGER_MAX  0x1p53


results_value_t *
results_json_at(results_value_t *object, const char *path)
{
    char    name[RESULTS_NAME_MAX];
    size_t  len;

    while (object) {

        len = strcspn(path, ".");

        if (len >= RESULTS_NAME_MAX) {
            return NULL;
        }

        memcpy(name, path, len);
        name[len] = '\0';

        object = results_value_get(object, name);

        if (path[len] == '\0') {
            break;
        }

        path += len + 1;
    }

    return object;
}


int
results_json_numeric(results_value_t *value, double *out)
{
    results_value_t  number;

    if (results_value_is_string(value)) {

        if (results_json_number_text(value->u.text, &number) != 0) {
            return -1;
        }

        value = &number;
    }

    if (!results_value_is_number(value)) {
        return -1;
    }

    *out = results_value_number(value);

    return 0;
}


int
results_json_number_text(results_str_t text, results_value_t *number)
{
    int            rc;
    json_t        *parsed;
    json_error_t   error;

    /* jansson would skip white space around it */

    if (text.len == 0 || text.data[0] <= ' ' || text.data[text.len - 1] <= ' ')
    {
        return -1;
    }

    /* not strtod(): it knows hexadecimal, "nan" and the locale's comma */

    parsed = json_loadb(text.data, text.len, JSON_DECODE_ANY, &error);

    if (parsed == NULL
        && json_error_code(&error) == json_error_numeric_overflow)
    {
        parsed = json_loadb(text.data, text.len,
                            JSON_DECODE_ANY|JSON_DECODE_INT_AS_REAL, &error);
    }

    rc = 0;

    if (json_is_integer(parsed)) {
        number->type = RESULTS_VALUE_INTEGER;
        number->u.integer = json_integer_value(parsed);

    } else if (json_is_real(parsed)) {
        number->type = RESULTS_VALUE_REAL;
        number->u.real = json_real_value(parsed);

    } else {
        rc = -1;
    }

    json_decref(parsed);

    return rc;
}


int
results_json_id(results_arena_t *arena, results_value_t *value,
    results_str_t *out)
{
    int            changed;
    double         number;
    results_str_t  id;

    if (results_value_is_string(value)) {
        id = value->u.text;

        if (!results_id_valid(id)) {
            return -1;
        }

        id = results_id_normalize(arena, id, &changed);

    } else if (results_value_is(value, RESULTS_VALUE_INTEGER)) {
        id = results_arena_printf(arena, "%lld",
                                  (long long) value->u.integer);

    } else {

        /* 3899.0: JSON has one type of numbers */

        number = results_value_number(value);

        if (!results_value_is(value, RESULTS_VALUE_REAL)
            || number < -RESULTS_INTEGER_MAX || number > RESULTS_INTEGER_MAX
            || number != (double) (int64_t) number)
        {
            return -1;
        }

        id = results_arena_printf(arena, "%lld", (long long) number);
    }

    if (id.data == NULL) {
        return -1;
    }

    *out = id;

    return 0;
}
