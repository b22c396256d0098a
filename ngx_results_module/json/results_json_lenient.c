
/*
 * Readers for formats that accept more than one type: members by a dotted path,
 * numbers in strings, ids that are numbers.  They add no errors, since these
 * formats have error messages of their own.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "results_json.h"


/* bytes of one name in a path, '\0' included; paths are the module's own */
#define RESULTS_NAME_MAX  32


static int results_json_keep_number(results_arena_t *arena,
    results_value_t *value);


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
    char  copy[RESULTS_NUMBER_MAX + 1];

    if (text.len == 0 || text.len > RESULTS_NUMBER_MAX) {
        return -1;
    }

    /* results_number_len() needs a '\0', which not every text has */

    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';

    if (results_number_len(copy) != text.len || !results_number_fits(text)) {
        return -1;
    }

    number->type = RESULTS_VALUE_NUMBER;
    number->u.text = text;

    return 0;
}


int
results_json_id(results_arena_t *arena, results_value_t *value,
    results_str_t *out)
{
    int            changed;
    results_str_t  id;

    if (results_value_is_string(value)) {
        id = value->u.text;

        if (!results_id_valid(id)) {
            return -1;
        }

        id = results_id_normalize(arena, id, &changed);

    } else if (results_value_is_number(value)) {

        /* JSON has no integer type: 3899.0 is the id 3899 */

        id = results_number_digits(arena, value->u.text,
                                   RESULTS_ID_MAX - 1);
    } else {
        return -1;
    }

    if (id.data == NULL) {
        return -1;
    }

    *out = id;

    return 0;
}


int
results_json_keep_digits(results_arena_t *arena, results_value_t *tree)
{
    int               n, rc;
    results_value_t  *value;

    n = 0;

    if (tree->exact || tree->type < RESULTS_VALUE_ARRAY) {
        return 0;
    }

    for (value = results_value_first(tree); value; value = value->next) {

        rc = results_value_is_number(value)
             ? results_json_keep_number(arena, value)
             : results_json_keep_digits(arena, value);

        if (rc < 0) {
            return -1;
        }

        n += rc;
    }

    return n;
}


/* 1 when the number became a string, 0 when it stays, -1 without memory */
static int
results_json_keep_number(results_arena_t *arena, results_value_t *value)
{
    size_t         digits;
    results_str_t  text;

    text = value->u.text;
    digits = results_number_significant(text);

    if (digits <= RESULTS_NUMBER_EXACT
        && (digits == 0 || fabs(results_value_number(value)) >= DBL_MIN))
    {
        return 0;
    }

    /* copied, as a string must be followed by '\0' */

    value->type = RESULTS_VALUE_STRING;
    value->u.text = results_arena_copy(arena, text.data, text.len);

    return value->u.text.data ? 1 : -1;
}
