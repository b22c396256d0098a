
/*
 * A tree of a JSON text of any type, as jansson reads it: for tests of what is
 * done with trees.
 */

#include "results_json_jansson.h"


static results_value_t *
json_tree(results_arena_t *arena, const char *text)
{
    json_t           *parsed;
    results_value_t  *tree;

    parsed = json_loads(text, JSON_DECODE_ANY, NULL);
    tree = results_json_tree(arena, parsed);
    assert_non_null(tree);

    json_decref(parsed);

    return tree;
}
