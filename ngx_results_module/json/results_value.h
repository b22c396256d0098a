
/*
 * A JSON value as a tree, in an arena: what the dialects read bodies from and
 * make details of.  A value is made once and then read; what is put into
 * another value is copied there, its members and elements are shared.  So a
 * tree is changed by who made it, before anybody else has a part of it.
 *
 * Texts and names are UTF-8 without '\0', and have one behind them.  A number
 * is the text that it came as, with anything behind it: results_number.h tells
 * what it amounts to.
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
    unsigned                exact:1;   /* of a root: no number within has
                                          more digits than every double keeps */
    unsigned                gone:1;    /* a member that is being removed */
    unsigned                plain:1;   /* the text is in JSON as it is */
    unsigned                plain_name:1;
    unsigned                n;         /* members or elements */
    results_str_t           name;      /* of a member */
    results_value_t        *next;      /* member or element, in their order */

    union {
        results_str_t       text;      /* of a string or a number */

        struct {
            results_value_t  *first;
            results_value_t  *last;
        } children;
    } u;
};


/* 1 where it is of that type; NULL is of none */
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


/* value and all that are in it, at any level */
size_t results_value_count(const results_value_t *value);

/* how many members or elements; 0 of what has none, and of NULL */
unsigned results_value_size(const results_value_t *value);

/* the first of them, the others by ->next; NULL where there is none */
results_value_t *results_value_first(const results_value_t *value);

/* the member of that name; NULL where there is none, or object is none */
results_value_t *results_value_get(const results_value_t *object,
    const char *name);

/* of a string; no value of anything else */
results_str_t results_value_text(const results_value_t *value);

/* the double nearest to a number; 0 of anything else */
double results_value_number(const results_value_t *value);


/* a value of the type, empty; NULL without memory */
results_value_t *results_value_create(results_arena_t *arena,
    results_value_e type);

/* a string of a copy of text; NULL without memory */
results_value_t *results_value_string(results_arena_t *arena,
    results_str_t text);

/*
 * Puts a copy of value behind the others: as a member, whose name is not
 * copied and not looked for, or, without a name, as an element.  Returns the
 * copy; NULL without memory, and where value is NULL.
 */
results_value_t *results_value_add(results_arena_t *arena,
    results_value_t *parent, results_str_t name, const results_value_t *value);

/* puts a copy of value in the place of a member or element, which it returns */
results_value_t *results_value_replace(results_value_t *old,
    const results_value_t *value);

/* the same in the place of the member of that name, where there is one */
results_value_t *results_value_set(results_arena_t *arena,
    results_value_t *object, results_str_t name, const results_value_t *value);

void results_value_remove(results_value_t *object, const char *name);

/* removes the members that are marked as gone, all in one pass */
void results_value_sweep(results_value_t *object);

/* links a value of the caller's own behind the others: no copy */
void results_value_append(results_value_t *parent, results_value_t *value);


#endif /* RESULTS_VALUE_H */
