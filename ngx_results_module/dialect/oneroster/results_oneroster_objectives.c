
/*
 * learningObjectiveSet, in and out: an array of {source,
 * learningObjectiveResults: [{learningObjectiveId, score, textScore}]}
 * (OneRoster 1.2 Gradebook, LearningObjectiveSet).  It has no column: detail
 * has it as it came.
 */

#include <string.h>

#include "results_oneroster.h"
#include "results_uuid.h"


static void results_oneroster_read_set(results_reader_t *set, unsigned flags,
    unsigned strict);
static void results_oneroster_read_objective(results_reader_t *objective,
    unsigned flags, unsigned strict, unsigned guid);
static int results_oneroster_element(results_reader_t *parent,
    const char *name, size_t i, results_value_t *value,
    results_reader_t *element);
static int results_oneroster_source_listed(results_str_t source);
static int results_oneroster_guid(results_str_t id);
static int results_oneroster_set_listed(results_value_t *set);
static void results_oneroster_render_set(results_buf_t *buf,
    results_value_t *set, unsigned strict);


static const char *const  results_oneroster_set_names[] = {
    "source", "learningObjectiveResults", NULL
};

static const char *const  results_oneroster_objective_names[] = {
    "learningObjectiveId", "score", "textScore", NULL
};


void
results_oneroster_read_objectives(results_reader_t *object, const char *name,
    unsigned flags, unsigned strict)
{
    size_t            i;
    results_value_t  *sets, *value;
    results_reader_t  set;

    if (results_json_array(object, name, flags, &sets) != RESULTS_JSON_OK) {
        return;
    }

    value = results_value_first(sets);

    for (i = 0; value; i++, value = value->next) {
        if (results_oneroster_element(object, name, i, value, &set) == 0) {
            results_oneroster_read_set(&set, flags, strict);
        }
    }
}


static void
results_oneroster_read_set(results_reader_t *set, unsigned flags,
    unsigned strict)
{
    size_t            i;
    unsigned          guid;
    const char       *name;
    results_str_t     source;
    results_value_t  *array, *value;
    results_reader_t  objective;

    name = "learningObjectiveResults";
    guid = 0;

    if (strict) {
        results_json_refuse_unknown(set, results_oneroster_set_names);
    }

    if (results_json_string(set, "source", RESULTS_JSON_REQUIRED, 0, &source)
        == RESULTS_JSON_OK
        && strict)
    {
        guid = results_str_is(source, "case");

        if (!results_oneroster_source_listed(source)) {
            results_errors_add(set->errors, results_json_path(set, "source"),
                               "expected case, unknown, or a slash and lower "
                               "case letters and digits");
        }
    }

    if (results_json_array(set, name,
                           RESULTS_JSON_REQUIRED|RESULTS_JSON_NONEMPTY, &array)
        != RESULTS_JSON_OK)
    {
        return;
    }

    value = results_value_first(array);

    for (i = 0; value; i++, value = value->next) {
        if (results_oneroster_element(set, name, i, value, &objective) == 0) {
            results_oneroster_read_objective(&objective, flags, strict, guid);
        }
    }
}


static void
results_oneroster_read_objective(results_reader_t *objective, unsigned flags,
    unsigned strict, unsigned guid)
{
    double         score;
    const char    *name;
    results_str_t  id, text;

    name = "learningObjectiveId";

    if (strict) {
        results_json_refuse_unknown(objective,
                                    results_oneroster_objective_names);
    }

    if (results_json_string(objective, name, RESULTS_JSON_REQUIRED, 0, &id)
        == RESULTS_JSON_OK
        && guid
        && !results_oneroster_guid(id))
    {
        results_errors_add(objective->errors,
                           results_json_path(objective, name),
                           "expected a UUID, as the source is case");
    }

    (void) results_json_number(objective, "score", flags, &score);
    (void) results_json_string(objective, "textScore", flags, 0, &text);
}


/*
 * Makes the reader of value, element i of an array: 0, or -1 with an error
 * added when it is not an object
 */
static int
results_oneroster_element(results_reader_t *parent, const char *name,
    size_t i, results_value_t *value, results_reader_t *element)
{
    element->object = value;
    element->path = results_json_path_index(parent, name, i);
    element->errors = parent->errors;

    if (results_value_is_object(element->object)) {
        return 0;
    }

    results_errors_add(parent->errors, element->path, "expected an object");
    return -1;
}


/* the schema's words, or its pattern ^/(?!case$)(?!unknown$)[a-z0-9]+$ */
static int
results_oneroster_source_listed(results_str_t source)
{
    size_t  i;
    char    c;

    if (results_str_is(source, "case") || results_str_is(source, "unknown")) {
        return 1;
    }

    if (source.len < 2 || source.data[0] != '/'
        || results_str_is(source, "/case")
        || results_str_is(source, "/unknown"))
    {
        return 0;
    }

    for (i = 1; i < source.len; i++) {
        c = source.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return 0;
        }
    }

    return 1;
}


static int
results_oneroster_guid(results_str_t id)
{
    char  out[RESULTS_UUID_LEN];

    return id.len == RESULTS_UUID_LEN && results_uuid_normalize(id, out) == 0;
}


int
results_oneroster_objectives_written(const results_value_t *sets)
{
    const results_value_t  *set, *objective;

    if (!results_value_is_array(sets)) {
        return 0;
    }

    for (set = results_value_first(sets); set; set = set->next) {

        if (!results_value_is_string(results_value_get(set, "source"))) {
            return 0;
        }

        objective = results_value_get(set, "learningObjectiveResults");

        if (!results_value_is_array(objective)) {
            return 0;
        }

        objective = results_value_first(objective);

        for ( /* void */ ; objective; objective = objective->next) {

            if (!results_value_is_string(
                                results_value_get(objective,
                                                  "learningObjectiveId")))
            {
                return 0;
            }
        }
    }

    return 1;
}


void
results_oneroster_render_objectives(results_buf_t *buf, const char *name,
    results_value_t *sets, unsigned strict)
{
    size_t            n, start;
    results_value_t  *set;

    start = buf->len;
    n = 0;

    results_oneroster_name(buf, name);
    results_buf_puts(buf, "[");

    for (set = results_value_first(sets); set; set = set->next) {

        if (strict && !results_oneroster_set_listed(set)) {
            continue;
        }

        if (n++) {
            results_buf_puts(buf, ",");
        }

        results_oneroster_render_set(buf, set, strict);
    }

    results_buf_puts(buf, "]");

    /* all sets have been left out, so the member is, too */

    if (n == 0 && results_value_size(sets) != 0) {
        buf->len = start;
    }
}


static int
results_oneroster_set_listed(results_value_t *set)
{
    results_str_t     source, id;
    results_value_t  *objective;

    source = results_value_text(results_value_get(set, "source"));

    if (!results_oneroster_source_listed(source)) {
        return 0;
    }

    if (!results_str_is(source, "case")) {
        return 1;
    }

    objective = results_value_first(
                            results_value_get(set,
                                              "learningObjectiveResults"));

    for ( /* void */ ; objective; objective = objective->next) {
        id = results_value_text(results_value_get(objective,
                                                  "learningObjectiveId"));

        if (!results_oneroster_guid(id)) {
            return 0;
        }
    }

    return 1;
}


static void
results_oneroster_render_set(results_buf_t *buf, results_value_t *set,
    unsigned strict)
{
    const char         *comma;
    results_value_t    *objective, *value;
    const char *const  *name;

    objective = results_value_first(
                            results_value_get(set,
                                              "learningObjectiveResults"));
    comma = "{";

    results_buf_puts(buf, "{\"source\":");
    results_buf_json(buf, results_value_get(set, "source"));
    results_buf_puts(buf, ",\"learningObjectiveResults\":[");

    for ( /* void */ ; objective; objective = objective->next) {

        results_buf_puts(buf, comma);
        comma = ",{";

        for (name = results_oneroster_objective_names; *name; name++) {
            value = results_value_get(objective, *name);

            if (value && !results_value_is_null(value)) {
                results_oneroster_name(buf, *name);
                results_buf_json(buf, value);
            }
        }

        if (!strict) {
            results_oneroster_rest(buf, objective,
                                   results_oneroster_objective_names);
        }

        results_buf_puts(buf, "}");
    }

    results_buf_puts(buf, "]");

    if (!strict) {
        results_oneroster_rest(buf, set, results_oneroster_set_names);
    }

    results_buf_puts(buf, "}");
}
