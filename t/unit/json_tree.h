
/*
 * A tree of a JSON text of any type, for tests of what is done with trees.
 */

#include "results_json.h"


static results_value_t *
json_tree(results_arena_t *arena, const char *text)
{
    results_value_t  *tree;

    tree = results_json_load(arena, results_str(text));
    assert_non_null(tree);

    return tree;
}
