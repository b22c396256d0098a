
/*
 * jansson's tree as ours.  What comes here is small in number: the texts that
 * results_json_scan() declines.
 */

#include <string.h>

#include "results_json_jansson.h"


static int results_json_children(results_arena_t *arena, json_t *tree,
    results_value_t *value);
static int results_json_text(results_arena_t *arena, results_str_t *text,
    const char *data, size_t len);


results_value_t *
results_json_tree(results_arena_t *arena, const json_t *tree)
{
    int               rc;
    results_value_t  *value;

    static const results_value_e  types[] = {
        [JSON_OBJECT] = RESULTS_VALUE_OBJECT,
        [JSON_ARRAY] = RESULTS_VALUE_ARRAY,
        [JSON_STRING] = RESULTS_VALUE_STRING,
        [JSON_INTEGER] = RESULTS_VALUE_INTEGER,
        [JSON_REAL] = RESULTS_VALUE_REAL,
        [JSON_TRUE] = RESULTS_VALUE_TRUE,
        [JSON_FALSE] = RESULTS_VALUE_FALSE,
        [JSON_NULL] = RESULTS_VALUE_NULL
    };

    if (tree == NULL) {
        return NULL;
    }

    value = results_value_create(arena, types[json_typeof(tree)]);
    if (value == NULL) {
        return NULL;
    }

    rc = 0;

    switch (json_typeof(tree)) {

    case JSON_OBJECT:
    case JSON_ARRAY:

        /* iterators take no const */

        rc = results_json_children(arena, (json_t *) tree, value);
        break;

    case JSON_STRING:
        rc = results_json_text(arena, &value->u.text, json_string_value(tree),
                               json_string_length(tree));
        break;

    case JSON_INTEGER:
        value->u.integer = json_integer_value(tree);
        break;

    case JSON_REAL:
        value->u.real = json_real_value(tree);
        break;

    default:
        break;
    }

    return (rc == 0) ? value : NULL;
}


static int
results_json_children(results_arena_t *arena, json_t *tree,
    results_value_t *value)
{
    void             *iter;
    size_t            i;
    const char       *name;
    results_value_t  *child;

    for (i = 0; i < json_array_size(tree); i++) {
        child = results_json_tree(arena, json_array_get(tree, i));
        if (child == NULL) {
            return -1;
        }

        results_value_append(value, child);
    }

    for (iter = json_object_iter(tree);
         iter != NULL;
         iter = json_object_iter_next(tree, iter))
    {
        child = results_json_tree(arena, json_object_iter_value(iter));
        name = json_object_iter_key(iter);

        if (child == NULL
            || results_json_text(arena, &child->name, name, strlen(name)) != 0)
        {
            return -1;
        }

        results_value_append(value, child);
    }

    return 0;
}


static int
results_json_text(results_arena_t *arena, results_str_t *text,
    const char *data, size_t len)
{
    *text = results_arena_copy(arena, data, len);

    return text->data ? 0 : -1;
}
