
/*
 * A JSON value and all that it contains, a tree in an arena.  Dialects read
 * bodies as trees and make details from them.
 *
 * results_value_add() and the like copy a value, but not its members or
 * elements: the copy shares them with the original.  So a tree may be changed
 * only as long as no other tree shares parts of it.
 *
 * Strings and names are UTF-8, contain no '\0' and are followed by one.  A
 * number is its text (results_number.h), which no '\0' follows.
 */

#ifndef RESULTS_VALUE_H
#define RESULTS_VALUE_H

#include "results_base.h"
#include "results_number.h"


typedef enum {
    RESULTS_VALUE_NULL = 0,
    RESULTS_VALUE_FALSE,
    RESULTS_VALUE_TRUE,
    RESULTS_VALUE_NUMBER,
    RESULTS_VALUE_STRING,
    RESULTS_VALUE_ARRAY,
    RESULTS_VALUE_OBJECT
} results_value_e;


typedef struct results_value_s  results_value_t;

struct results_value_s {
    results_value_e         type:8;
    unsigned                exact:1;   /* of a root that was parsed: no number
                                          in it would lose digits as a double */
    unsigned                gone:1;    /* for results_value_sweep() */
    unsigned                plain:1;   /* the text needs no escapes in JSON;
                                          0: not known */
    unsigned                plain_name:1;  /* the same for the name */
    unsigned                n;         /* number of members or elements */
    results_str_t           name;      /* of a member */
    results_value_t        *next;      /* the next member or element */

    union {
        results_str_t       text;      /* of a string or a number */

        struct {
            results_value_t  *first;
            results_value_t  *last;
        } children;
    } u;
};


/* 1 when the value has the type; a value may be NULL, which has none */
int results_value_is(const results_value_t *value, results_value_e type);

#define results_value_is_object(value)                                        \
    results_value_is(value, RESULTS_VALUE_OBJECT)
#define results_value_is_array(value)                                         \
    results_value_is(value, RESULTS_VALUE_ARRAY)
#define results_value_is_string(value)                                        \
    results_value_is(value, RESULTS_VALUE_STRING)
#define results_value_is_null(value)                                          \
    results_value_is(value, RESULTS_VALUE_NULL)
#define results_value_is_number(value)                                        \
    results_value_is(value, RESULTS_VALUE_NUMBER)


/* the number of values in the tree, its root included */
size_t results_value_count(const results_value_t *value);

/* the number of members or elements; 0 for any other value, and for NULL */
unsigned results_value_size(const results_value_t *value);

/* the first member or element, the others follow by ->next; NULL if none */
results_value_t *results_value_first(const results_value_t *value);

/*
 * The member with a name, found by a walk through all; NULL when there is none
 * or object is not an object
 */
results_value_t *results_value_get(const results_value_t *object,
    const char *name);

/* the text of a string; no value for anything else */
results_str_t results_value_text(const results_value_t *value);

/* the double nearest to a number; 0 for anything else */
double results_value_number(const results_value_t *value);


/* a value of a type, without text, members or elements; NULL without memory */
results_value_t *results_value_create(results_arena_t *arena,
    results_value_e type);

/* a string with a copy of the text; NULL when there is no memory */
results_value_t *results_value_string(results_arena_t *arena,
    results_str_t text);

/*
 * Appends a copy of value to parent, with a name to an object, without one to
 * an array.  The name is not copied.  The caller knows that the object has no
 * member of that name.  Returns the copy; NULL when value is NULL or there is
 * no memory.
 */
results_value_t *results_value_add(results_arena_t *arena,
    results_value_t *parent, results_str_t name, const results_value_t *value);

/*
 * Overwrites a member or element with value; its name and its place stay.
 * Returns old.
 */
results_value_t *results_value_replace(results_value_t *old,
    const results_value_t *value);

/*
 * Replaces the member with that name, or adds it when there is none.  The name
 * must be terminated.  Returns what results_value_add() does.
 */
results_value_t *results_value_set(results_arena_t *arena,
    results_value_t *object, results_str_t name, const results_value_t *value);

/* removes the member with that name, if there is one */
void results_value_remove(results_value_t *object, const char *name);

/* removes all members whose `gone` is set, in one pass */
void results_value_sweep(results_value_t *object);

/* appends the value itself, not a copy: it must be in no other tree */
void results_value_append(results_value_t *parent, results_value_t *value);


#endif /* RESULTS_VALUE_H */
