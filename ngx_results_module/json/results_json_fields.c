
/*
 * The field readers of results_json.h.  What they return points into the tree;
 * a path is made in the arena of the errors only when there is an error, or for
 * the reader of a child object.
 */

#include <string.h>

#include "results_json.h"


static int results_json_field(results_reader_t *r, const char *name,
    unsigned flags, results_value_t **value);
static int results_json_invalid(results_reader_t *r, const char *name,
    const char *text);
static size_t results_json_characters(const char *data, size_t len);


/*
 * Finds the member.  RESULTS_JSON_OK means that it is there and the caller has
 * to check its type.
 */
static int
results_json_field(results_reader_t *r, const char *name, unsigned flags,
    results_value_t **value)
{
    *value = results_value_get(r->object, name);

    if (*value == NULL) {
        if (!(flags & RESULTS_JSON_REQUIRED)) {
            return RESULTS_JSON_ABSENT;
        }

        return results_json_invalid(r, name, "required");
    }

    if (results_value_is_null(*value) && (flags & RESULTS_JSON_NULLABLE)) {
        return RESULTS_JSON_ABSENT;
    }

    return RESULTS_JSON_OK;
}


static int
results_json_invalid(results_reader_t *r, const char *name, const char *text)
{
    results_errors_add(r->errors, results_json_path(r, name), "%s", text);

    return RESULTS_JSON_INVALID;
}


int
results_json_object(results_reader_t *r, const char *name, unsigned flags,
    results_reader_t *child)
{
    int               rc;
    results_value_t  *value;

    rc = results_json_field(r, name, flags, &value);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    if (!results_value_is_object(value)) {
        return results_json_invalid(r, name, "expected an object");
    }

    child->object = value;
    child->path = results_json_path(r, name);
    child->errors = r->errors;

    return RESULTS_JSON_OK;
}


int
results_json_array(results_reader_t *r, const char *name, unsigned flags,
    results_value_t **array)
{
    int               rc;
    results_value_t  *value;

    rc = results_json_field(r, name, flags, &value);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    if (!results_value_is_array(value)) {
        return results_json_invalid(r, name, "expected an array");
    }

    if ((flags & RESULTS_JSON_NONEMPTY) && results_value_size(value) == 0) {
        return results_json_invalid(r, name, "must not be empty");
    }

    *array = value;

    return RESULTS_JSON_OK;
}


int
results_json_string(results_reader_t *r, const char *name, unsigned flags,
    size_t max, results_str_t *out)
{
    int               rc;
    results_str_t     s;
    results_value_t  *value;

    rc = results_json_field(r, name, flags, &value);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    if (!results_value_is_string(value)) {
        return results_json_invalid(r, name, "expected a string");
    }

    s = value->u.text;

    if (s.len == 0 && (flags & RESULTS_JSON_NONEMPTY)) {
        return results_json_invalid(r, name, "must not be empty");
    }

    if (max != 0 && s.len > max
        && results_json_characters(s.data, s.len) > max)
    {
        results_errors_add(r->errors, results_json_path(r, name),
                           "longer than %zu characters", max);
        return RESULTS_JSON_INVALID;
    }

    *out = s;

    return RESULTS_JSON_OK;
}


/* the number of characters in valid UTF-8 */
static size_t
results_json_characters(const char *data, size_t len)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        n += ((data[i] & 0xc0) != 0x80);
    }

    return n;
}


int
results_json_number(results_reader_t *r, const char *name, unsigned flags,
    double *out)
{
    int               rc;
    results_value_t  *value;

    rc = results_json_field(r, name, flags, &value);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    if (!results_value_is_number(value)) {
        return results_json_invalid(r, name, "expected a number");
    }

    *out = results_value_number(value);

    return RESULTS_JSON_OK;
}


int
results_json_integer(results_reader_t *r, const char *name, unsigned flags,
    int64_t min, int64_t max, int64_t *out)
{
    int               rc;
    int64_t           n;
    results_value_t  *value;

    rc = results_json_field(r, name, flags, &value);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    /* JSON has no integer type: 60.0 and 6e1 are integers, too */

    if (!results_value_is_number(value)
        || results_number_integer(value->u.text, &n) != 0)
    {
        return results_json_invalid(r, name, "expected an integer");
    }

    if (n < min || n > max) {
        results_errors_add(r->errors, results_json_path(r, name),
                           "expected an integer from %lld to %lld",
                           (long long) min, (long long) max);
        return RESULTS_JSON_INVALID;
    }

    *out = n;

    return RESULTS_JSON_OK;
}


int
results_json_time(results_reader_t *r, const char *name, unsigned flags,
    unsigned accepted, int64_t *out, results_str_t *raw)
{
    int             rc;
    int64_t         time;
    const char     *text;
    results_str_t   s;

    rc = results_json_string(r, name, flags, 0, &s);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    if (results_time_parse(s, accepted, &time) != 0) {

        if (accepted == RESULTS_TIME_DATE) {
            text = "expected a date as 2023-11-07";

        } else if (accepted & RESULTS_TIME_DATE) {
            text = "expected a date-time as 2023-11-07T05:31:56Z, or a date";

        } else {
            text = "expected a date-time as 2023-11-07T05:31:56Z";
        }

        return results_json_invalid(r, name, text);
    }

    *out = time;

    if (raw != NULL) {
        *raw = s;
    }

    return RESULTS_JSON_OK;
}


int
results_json_word(results_reader_t *r, const char *name, unsigned flags,
    const char *const *words, int *out)
{
    int             i, rc;
    results_buf_t   buf = { NULL, 0, 0, 0 };
    results_str_t   s;

    rc = results_json_string(r, name, flags, 0, &s);
    if (rc != RESULTS_JSON_OK) {
        return rc;
    }

    for (i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], s.data) == 0) {
            *out = i;
            return RESULTS_JSON_OK;
        }
    }

    for (i = 0; words[i] != NULL; i++) {
        results_buf_puts(&buf, (i != 0) ? ", " : "expected one of: ");
        results_buf_puts(&buf, words[i]);
    }

    results_errors_add(r->errors, results_json_path(r, name), "%.*s",
                       (int) buf.len, buf.data);

    results_buf_free(&buf);

    return RESULTS_JSON_INVALID;
}


void
results_json_refuse_unknown(results_reader_t *r, const char *const *names)
{
    const char       *key, *const *next, *const *first;
    results_str_t     name;
    results_value_t  *member;

    /*
     * Clients mostly send fields in the order of the list, so each search
     * begins behind the name that was found last.
     */

    next = names;

    for (member = results_value_first(r->object);
         member;
         member = member->next)
    {
        key = member->name.data;
        first = next;

        while (*next != NULL && strcmp(*next, key) != 0) {
            next++;
        }

        if (*next == NULL) {
            for (next = names; next < first; next++) {
                if (strcmp(*next, key) == 0) {
                    break;
                }
            }

            if (next == first) {
                name = results_json_short_name(r->errors->arena,
                                               member->name);
                (void) results_json_invalid(r, name.data ? name.data : "",
                                            "unknown field");
                continue;
            }
        }

        next++;
    }
}
