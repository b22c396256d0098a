
/*
 * Reading what clients of looser formats send: members by a dotted path,
 * numbers in strings, ids that are numbers.  No errors are added, as these
 * formats have words of their own for them.
 */

#include <string.h>

#include "results_json.h"


/* names of formats, not of bodies */
#define RESULTS_NAME_MAX  32

/* up to here a double is an integer for sure */
#define RESULTS_INTEGER_MAX  0x1p53


json_t *
results_json_at(json_t *object, const char *path)
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

        object = json_object_get(object, name);

        if (path[len] == '\0') {
            break;
        }

        path += len + 1;
    }

    return object;
}


int
results_json_numeric(json_t *value, double *out)
{
    int          rc;
    size_t       len;
    json_t      *parsed;
    const char  *text;

    if (json_is_number(value)) {
        *out = json_number_value(value);
        return 0;
    }

    text = json_string_value(value);
    len = json_string_length(value);

    /* jansson would skip white space around it */

    if (len == 0 || text[0] <= ' ' || text[len - 1] <= ' ') {
        return -1;
    }

    /* not strtod(): it knows hexadecimal, "nan" and the locale's comma */

    parsed = json_loadb(text, len, JSON_DECODE_ANY|JSON_DECODE_INT_AS_REAL,
                        NULL);
    rc = -1;

    if (json_is_number(parsed)) {
        *out = json_number_value(parsed);
        rc = 0;
    }

    json_decref(parsed);

    return rc;
}


int
results_json_id(results_arena_t *arena, json_t *value, results_str_t *out)
{
    int            changed;
    double         number;
    results_str_t  id;

    if (json_is_string(value)) {
        id.data = json_string_value(value);
        id.len = json_string_length(value);

        if (!results_id_valid(id)) {
            return -1;
        }

        id = results_id_normalize(arena, id, &changed);

    } else if (json_is_integer(value)) {
        id = results_arena_printf(arena, "%" JSON_INTEGER_FORMAT,
                                  json_integer_value(value));

    } else {

        /* 3899.0: JSON has one type of numbers */

        number = json_number_value(value);

        if (!json_is_real(value)
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
