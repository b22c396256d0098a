
/*
 * Reading a JSON body field by field, with every error collected, each with
 * its path; and writing JSON.
 *
 * Every reader takes the object, the field's name and where the value goes,
 * and returns RESULTS_JSON_OK, _ABSENT or _INVALID; the last one has already
 * been added to the errors of the reader.  The value is written for _OK only,
 * so that a default stays.
 */

#ifndef RESULTS_JSON_H
#define RESULTS_JSON_H

#include "results_base.h"
#include "results_digest.h"
#include "results_id.h"
#include "results_time.h"
#include "results_value.h"


#define RESULTS_JSON_DEPTH_MAX  32
#define RESULTS_ERRORS_MAX      64     /* unless errors->max says other */


typedef struct {
    results_str_t           path;      /* "/result/scoreStatus"; the root: "" */
    results_str_t           text;      /* lower case, no full stop */
} results_error_t;


typedef struct {
    results_arena_t        *arena;
    results_error_t        *list;      /* grows */
    results_error_t         first;     /* needs no memory: what has an error
                                          never passes for valid */
    unsigned                n;         /* in list */
    unsigned                size;
    unsigned                max;       /* of n; further ones are counted */
    unsigned                dropped;   /* found, but not in list */
    unsigned                not_json:1;    /* of a body: it is no JSON text */
} results_errors_t;


void results_errors_init(results_errors_t *errors, results_arena_t *arena);

/* adds an error; path and text are copied to the arena */
void results_errors_add(results_errors_t *errors, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* all of them as one text: "path: text; path: text; and 3 more" */
results_str_t results_errors_join(const results_errors_t *errors);


#define RESULTS_JSON_OK       0
#define RESULTS_JSON_ABSENT   1
#define RESULTS_JSON_INVALID  (-1)

/* flags of the field readers */
#define RESULTS_JSON_REQUIRED  1   /* absent is an error */
#define RESULTS_JSON_NULLABLE  2   /* null reads as absent, not as an error */
#define RESULTS_JSON_NONEMPTY  4   /* "" is an error, or [] */


/*
 * Parses a body: a JSON text of RFC 8259 in UTF-8 (no BOM), whatever is at its
 * root.  Names that come twice and \u0000 are refused, and what is beyond
 * these limits: RESULTS_JSON_DEPTH_MAX levels, as many values as
 * results_json_values_max() says, numbers that results_number_fits() refuses.
 * NULL with one error added, whose text never quotes the body, and whose path
 * is that of the member it is in.
 */
results_value_t *results_json_parse(results_str_t body,
    results_errors_t *errors);

/*
 * How many values, members and elements counted, a text of that length may
 * have.  A value takes 48 bytes and some 100 ns wherever it is walked: a text
 * of nothing but "1,1,1" would take 24 times its length.
 */
size_t results_json_values_max(size_t len);


typedef enum {
    RESULTS_JSON_NOT_JSON = 0,     /* or a name that comes twice, or U+0000 */
    RESULTS_JSON_NO_MEMORY,
    RESULTS_JSON_RANGE,
    RESULTS_JSON_TOO_MANY
} results_json_stop_e;


/* why and where a text was not taken */
typedef struct {
    results_json_stop_e     why;
    size_t                  position;
} results_json_stop_t;


/* the same of at most max values, without an error: NULL with *stop filled */
results_value_t *results_json_scan(results_arena_t *arena,
    results_str_t text, size_t max, results_json_stop_t *stop);

/*
 * Puts its text, as a string, in place of each number of a tree that has more
 * digits than every double keeps, or is too small for a double.  How many
 * they were; -1 without memory.
 */
int results_json_keep_digits(results_arena_t *arena, results_value_t *tree);

/* the path of the member that is read at a position of a body */
const char *results_json_path_at(results_errors_t *errors, results_str_t body,
    size_t position);


/* an object being read, and the path that leads to it */
typedef struct {
    results_value_t        *object;
    const char             *path;      /* "/result" */
    results_errors_t       *errors;
} results_reader_t;


/* "path/name" in the arena of the errors, "~" and "/" escaped (RFC 6901) */
const char *results_json_path(results_reader_t *r, const char *name);
const char *results_json_path_index(results_reader_t *r, const char *name,
    size_t i);

/* a name that came in a body, cut where it would make an error unreadable */
results_str_t results_json_short_name(results_arena_t *arena,
    results_str_t name);

/* a child object: *child reads it */
int results_json_object(results_reader_t *r, const char *name, unsigned flags,
    results_reader_t *child);

/* an array, which the caller walks */
int results_json_array(results_reader_t *r, const char *name, unsigned flags,
    results_value_t **array);

/* UTF-8 text; points into the tree, max is in characters, 0 for no limit */
int results_json_string(results_reader_t *r, const char *name, unsigned flags,
    size_t max, results_str_t *out);

/* a finite JSON number */
int results_json_number(results_reader_t *r, const char *name, unsigned flags,
    double *out);

/* a JSON integer within min..max; 60.0 is one */
int results_json_integer(results_reader_t *r, const char *name,
    unsigned flags, int64_t min, int64_t max, int64_t *out);

/* text that results_time_parse() accepts; raw may be NULL */
int results_json_time(results_reader_t *r, const char *name, unsigned flags,
    unsigned accepted, int64_t *out, results_str_t *raw);

/* one of a NULL-terminated list of words; *out is its index */
int results_json_word(results_reader_t *r, const char *name, unsigned flags,
    const char *const *words, int *out);

/*
 * Of formats that are less strict, without errors added.  The member at a
 * path as "object.assignee.id", NULL where there is none.  A number, also as
 * a string of one: 0, or -1.  An id, also as an integer, in the record's form:
 * 0, or -1 where it is none, or without memory.
 */
results_value_t *results_json_at(results_value_t *object, const char *path);
int results_json_numeric(results_value_t *value, double *out);
int results_json_id(results_arena_t *arena, results_value_t *value,
    results_str_t *out);

/*
 * adds "unknown field" for every member that is not in the NULL-terminated
 * list
 */
void results_json_refuse_unknown(results_reader_t *r,
    const char *const *names);


/*
 * The SHA-256 of the canonical form (members sorted) of value, and 64 bits of
 * it.  Members named in the NULL-terminated `without`, at the first level, do
 * not count.  0 or -1 when there is no memory.
 */
int results_json_digest(results_value_t *value, const char *const *without,
    unsigned char digest[RESULTS_DIGEST_LEN]);
int results_json_hash(results_value_t *value, const char *const *without,
    int64_t *hash);

/*
 * The tree of a JSON text that came from this module, also where it has been
 * jsonb since: in a table from before detail was json.  However large it is.
 * NULL without memory.
 */
results_value_t *results_json_load(results_arena_t *arena,
    results_str_t text);

/*
 * A text that is a JSON number and nothing else: 0, or -1.  The number points
 * to the text.
 */
int results_json_number_text(results_str_t text, results_value_t *number);


/*
 * Sorts members by their names' bytes, in a time that grows with the length
 * of the names, whatever they are.  0, or -1 without memory.
 */
int results_json_sort(const results_value_t **members, size_t n);

/* the members of an object, sorted, to be freed; NULL without memory */
const results_value_t **results_json_members(const results_value_t *object,
    size_t *n);

/* the member of that name, of n that are sorted; NULL where there is none */
results_value_t *results_json_find(const results_value_t **members, size_t n,
    const char *name);

/* 1 where two members of an object have one name; -1 without memory */
int results_json_twice(const results_value_t *object);


/* value as compact JSON text in the arena; data is NULL without memory */
results_str_t results_json_dump(results_arena_t *arena, results_value_t *value);

/* s as a JSON string with its quotes, the control characters escaped */
void results_buf_json_string(results_buf_t *buf, results_str_t s);

/* shortest form that reads back as the same double; integers have no ".0" */
void results_buf_json_number(results_buf_t *buf, double value);

/* value as compact JSON; a member with its name before it */
void results_buf_json(results_buf_t *buf, const results_value_t *value);
void results_buf_json_member(results_buf_t *buf,
    const results_value_t *member);


#endif /* RESULTS_JSON_H */
