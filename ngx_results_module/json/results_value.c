
/*
 * The tree of results_value.h.  Members are a linked list and are found by
 * walking it: objects of results have about a dozen.
 */

#include <string.h>

#include "results_value.h"


static results_value_t *results_value_copy(results_arena_t *arena,
    results_str_t name, const results_value_t *value);


int
results_value_is(const results_value_t *value, results_value_e type)
{
    return value != NULL && value->type == type;
}


unsigned
results_value_size(const results_value_t *value)
{
    return (value != NULL) ? value->n : 0;
}


results_value_t *
results_value_first(const results_value_t *value)
{
    return results_value_size(value) ? value->u.children.first : NULL;
}


results_value_t *
results_value_get(const results_value_t *object, const char *name)
{
    size_t            len;
    results_value_t  *value;

    if (!results_value_is_object(object)) {
        return NULL;
    }

    len = strlen(name);

    for (value = results_value_first(object); value; value = value->next) {
        if (value->name.len == len
            && memcmp(value->name.data, name, len) == 0)
        {
            break;
        }
    }

    return value;
}


results_str_t
results_value_text(const results_value_t *value)
{
    return results_value_is_string(value) ? value->u.text : results_str(NULL);
}


double
results_value_number(const results_value_t *value)
{
    return results_value_is_number(value)
           ? results_number_double(value->u.text) : 0;
}


size_t
results_value_count(const results_value_t *value)
{
    size_t                  n;
    const results_value_t  *child;

    n = 1;

    if (value->type >= RESULTS_VALUE_ARRAY) {
        for (child = results_value_first(value); child; child = child->next) {
            n += results_value_count(child);
        }
    }

    return n;
}


results_value_t *
results_value_create(results_arena_t *arena, results_value_e type)
{
    results_value_t  *value;

    value = results_arena_calloc(arena, sizeof(results_value_t));

    if (value) {
        value->type = type;
    }

    return value;
}


results_value_t *
results_value_string(results_arena_t *arena, results_str_t text)
{
    results_value_t  *value;

    value = results_value_create(arena, RESULTS_VALUE_STRING);

    if (value) {
        value->u.text = results_arena_copy(arena, text.data, text.len);

        if (value->u.text.data == NULL) {
            return NULL;
        }
    }

    return value;
}


results_value_t *
results_value_add(results_arena_t *arena, results_value_t *parent,
    results_str_t name, const results_value_t *value)
{
    results_value_t  *copy;

    copy = results_value_copy(arena, name, value);

    if (copy) {
        results_value_append(parent, copy);
    }

    return copy;
}


results_value_t *
results_value_replace(results_value_t *old, const results_value_t *value)
{
    unsigned          plain_name;
    results_str_t     name;
    results_value_t  *next;

    next = old->next;
    name = old->name;
    plain_name = old->plain_name;

    *old = *value;
    old->name = name;
    old->plain_name = plain_name;
    old->next = next;

    return old;
}


results_value_t *
results_value_set(results_arena_t *arena, results_value_t *object,
    results_str_t name, const results_value_t *value)
{
    results_value_t  *old;

    old = results_value_get(object, name.data);

    if (old == NULL || value == NULL) {
        return results_value_add(arena, object, name, value);
    }

    return results_value_replace(old, value);
}


void
results_value_remove(results_value_t *object, const char *name)
{
    results_value_t  *value;

    value = results_value_get(object, name);

    if (value) {
        value->gone = 1;
        results_value_sweep(object);
    }
}


void
results_value_sweep(results_value_t *object)
{
    results_value_t  *value, *next;

    value = results_value_first(object);

    object->n = 0;

    for ( /* void */ ; value; value = next) {
        next = value->next;

        if (!value->gone) {
            results_value_append(object, value);
        }
    }
}


void
results_value_append(results_value_t *parent, results_value_t *value)
{
    if (parent->n++) {
        parent->u.children.last->next = value;

    } else {
        parent->u.children.first = value;
    }

    parent->u.children.last = value;
    value->next = NULL;
}


static results_value_t *
results_value_copy(results_arena_t *arena, results_str_t name,
    const results_value_t *value)
{
    results_value_t  *copy;

    if (value == NULL) {
        return NULL;
    }

    copy = results_arena_alloc(arena, sizeof(results_value_t));

    if (copy) {
        *copy = *value;
        copy->name = name;
        copy->plain_name = 0;
    }

    return copy;
}
