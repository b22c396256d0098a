
/*
 * JSON: a body is parsed into a tree, whose fields are then read one by one;
 * all errors are collected, each with its path.  Also sorting, hashing and
 * writing of trees.
 *
 * Everything that is made here lives in the arena that the caller gives, or in
 * that of its errors, unless a comment says otherwise.
 */

#ifndef RESULTS_JSON_H
#define RESULTS_JSON_H

#include "results_base.h"
#include "results_digest.h"
#include "results_id.h"
#include "results_time.h"
#include "results_value.h"


#define RESULTS_JSON_DEPTH_MAX  32     /* levels of objects and arrays */
#define RESULTS_ERRORS_MAX      64     /* what results_errors_init() sets as
                                          errors->max */


typedef struct {
    results_str_t           path;      /* a JSON Pointer (RFC 6901), as
                                          "/result/scoreStatus"; "": the root */
    results_str_t           text;      /* lower case, no full stop */
} results_error_t;


typedef struct {
    results_arena_t        *arena;
    results_error_t        *list;
    results_error_t         first;     /* the list's room for one error, there
                                          also without memory: n is never 0
                                          after an error */
    unsigned                n;         /* errors in list */
    unsigned                size;      /* the list's room */
    unsigned                max;       /* of n; the caller may change it */
    unsigned                dropped;   /* errors that are not in list */
    unsigned                not_json:1;    /* the body is not a JSON text; set
                                              by results_json_parse() */
} results_errors_t;


/* an empty list; errors and their texts will live in the arena */
void results_errors_init(results_errors_t *errors, results_arena_t *arena);

/* adds an error; path and text are copied */
void results_errors_add(results_errors_t *errors, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * All errors as one text, "path: text; path: text; and 3 more"; no value when
 * there is no memory
 */
results_str_t results_errors_join(const results_errors_t *errors);


/*
 * What the field readers (results_json_object() to results_json_word())
 * return.  Each takes the reader of an object, the name of the field, flags and
 * where the value goes.  Only with RESULTS_JSON_OK is the value written, so a
 * default that was set before stays.
 */
#define RESULTS_JSON_OK       0
#define RESULTS_JSON_ABSENT   1
#define RESULTS_JSON_INVALID  (-1)     /* an error has been added */

/* flags of the field readers */
#define RESULTS_JSON_REQUIRED  1   /* a field that is absent is an error */
#define RESULTS_JSON_NULLABLE  2   /* null is read as absent; without this flag
                                      it is an error */
#define RESULTS_JSON_NONEMPTY  4   /* "" and [] are errors */


/*
 * Parses a body: a JSON text of RFC 8259, in UTF-8 without a byte order mark,
 * with any value at its root.  Refused are objects with two members of one
 * name, \u0000, more levels than RESULTS_JSON_DEPTH_MAX, more values than
 * results_json_values_max() and numbers that results_number_fits() refuses.
 *
 * The body may be freed when this returns.  NULL with one error added: its path
 * is that of the member in which the error is, its text never quotes the body.
 */
results_value_t *results_json_parse(results_str_t body,
    results_errors_t *errors);

/*
 * The number of values (the root, members and elements at all levels) that a
 * text of len bytes may have.  It is limited because each takes 48 bytes: a
 * text like "1,1,1" would take 24 times its length.
 */
size_t results_json_values_max(size_t len);


typedef enum {
    RESULTS_JSON_NOT_JSON = 0,     /* or too deep, a name twice, or U+0000 */
    RESULTS_JSON_NO_MEMORY,
    RESULTS_JSON_RANGE,            /* results_number_fits() refuses a number */
    RESULTS_JSON_TOO_MANY          /* values */
} results_json_stop_e;


/* why a text was refused, and at which byte of it */
typedef struct {
    results_json_stop_e     why;
    size_t                  position;
} results_json_stop_t;


/*
 * The parser under results_json_parse() and results_json_load(): the tree of a
 * text of at most max values, or NULL with *stop filled.  It adds no error.
 */
results_value_t *results_json_scan(results_arena_t *arena,
    results_str_t text, size_t max, results_json_stop_t *stop);

/*
 * Turns each number in the objects and arrays of a tree that would lose digits
 * as a double, or is too small for one, into a string of its text.  For formats
 * whose numbers are decimals (wse).  Returns how many there were, or -1 when
 * there is no memory.
 */
int results_json_keep_digits(results_arena_t *arena, results_value_t *tree);

/*
 * The path of the member or element that a byte of a body is in; "" without
 * memory.  The body must be valid JSON up to that position.
 */
const char *results_json_path_at(results_errors_t *errors, results_str_t body,
    size_t position);


/* an object that is being read, and its path */
typedef struct {
    results_value_t        *object;
    const char             *path;      /* "/result"; "" for the root */
    results_errors_t       *errors;
} results_reader_t;


/*
 * The path of a member, and of element i of a member that is an array, with "~"
 * and "/" of the name escaped (RFC 6901); "" when there is no memory
 */
const char *results_json_path(results_reader_t *r, const char *name);
const char *results_json_path_index(results_reader_t *r, const char *name,
    size_t i);

/*
 * A copy of a name from a body for an error's path; a long one is cut and ends
 * with "...".  No value when there is no memory.
 */
results_str_t results_json_short_name(results_arena_t *arena,
    results_str_t name);

/* an object: *child becomes its reader, with the same errors */
int results_json_object(results_reader_t *r, const char *name, unsigned flags,
    results_reader_t *child);

/* an array, whose elements the caller reads */
int results_json_array(results_reader_t *r, const char *name, unsigned flags,
    results_value_t **array);

/* a string; it points into the tree.  max is in characters, 0 is no limit */
int results_json_string(results_reader_t *r, const char *name, unsigned flags,
    size_t max, results_str_t *out);

/* a number, as the nearest double */
int results_json_number(results_reader_t *r, const char *name, unsigned flags,
    double *out);

/* a number from min to max that is an integer, 60.0 and 6e1 included */
int results_json_integer(results_reader_t *r, const char *name,
    unsigned flags, int64_t min, int64_t max, int64_t *out);

/*
 * A string that results_time_parse() reads, whose forms `accepted` has: *out
 * is in microseconds since 1970, *raw is the string.  raw may be NULL.
 */
int results_json_time(results_reader_t *r, const char *name, unsigned flags,
    unsigned accepted, int64_t *out, results_str_t *raw);

/* a string from a NULL-terminated list of words; *out is its index */
int results_json_word(results_reader_t *r, const char *name, unsigned flags,
    const char *const *words, int *out);

/*
 * Readers for formats that accept more; they add no errors.
 */

/* the member at a path of names like "object.assignee.id"; NULL if none */
results_value_t *results_json_at(results_value_t *object, const char *path);

/* a number, or a string that is a JSON number: 0 and *out, or -1 */
int results_json_numeric(results_value_t *value, double *out);

/*
 * An id that is a string or an integer, as results_id_normalize() has it: 0 and
 * *out, or -1 when it is not an id or there is no memory
 */
int results_json_id(results_arena_t *arena, results_value_t *value,
    results_str_t *out);

/* adds an error for each member that is not in a NULL-terminated list */
void results_json_refuse_unknown(results_reader_t *r,
    const char *const *names);


/*
 * The SHA-256 of the canonical form of a value: members sorted by name, numbers
 * as results_number_canonical() writes them.  Members of the value itself whose
 * names are in `without`, which is NULL-terminated or NULL, are left out.
 * results_json_hash() returns the first 64 bits: the record's payload_hash.
 * 0, or -1 when there is no memory or libcrypto fails.
 */
int results_json_digest(results_value_t *value, const char *const *without,
    unsigned char digest[RESULTS_DIGEST_LEN]);
int results_json_hash(results_value_t *value, const char *const *without,
    int64_t *hash);

/*
 * The tree of a record's detail as the database returned it, without a limit on
 * the number of values.  NULL when results_json_parse() would refuse the text,
 * as SQL may have stored it, or when there is no memory.
 */
results_value_t *results_json_load(results_arena_t *arena,
    results_str_t text);

/*
 * A text that is a JSON number within the limits of results_number_fits(): 0
 * and a value that points to the text, or -1
 */
int results_json_number_text(results_str_t text, results_value_t *number);


/*
 * Sorts pointers to members by the bytes of their names.  No choice of names
 * makes it slow: each byte of them is read a bounded number of times.  0, or
 * -1 when there is no memory.
 */
int results_json_sort(const results_value_t **members, size_t n);

/*
 * The members of an object, sorted, and in *n their number.  The caller frees
 * the list by free().  NULL when there is no memory.
 */
const results_value_t **results_json_members(const results_value_t *object,
    size_t *n);

/* the member of a name among n sorted ones, by binary search; NULL if none */
results_value_t *results_json_find(const results_value_t **members, size_t n,
    const char *name);

/* 1 when two members of an object have the same name; -1 without memory */
int results_json_twice(const results_value_t *object);


/* a value as compact JSON text; no value when there is no memory */
results_str_t results_json_dump(results_arena_t *arena, results_value_t *value);

/*
 * Writers, which append to a buffer.
 */

/* a text as a JSON string in quotes, with the escapes that JSON requires */
void results_buf_json_string(results_buf_t *buf, results_str_t s);

/* the shortest text that reads back as this double; an integer has no ".0" */
void results_buf_json_number(results_buf_t *buf, double value);

/* a value as compact JSON, and the same with `"name":` before it */
void results_buf_json(results_buf_t *buf, const results_value_t *value);
void results_buf_json_member(results_buf_t *buf,
    const results_value_t *member);


#endif /* RESULTS_JSON_H */
