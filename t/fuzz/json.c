
/*
 * The JSON reader and the JSON writer: what is read is written as a text that
 * jansson reads as the same tree; every field reader gets every member.  The
 * first byte says which allocation fails.
 */

#include <math.h>

#include "fuzz.h"


static const char *const  words[] = { "active", "tobedeleted", "a", NULL };
static const char *const  names[] = { "a", "b", "sourcedId", NULL };


/* a JSON text, all of it, as a tree; NULL where it is none */
static json_t *
load(const char *data, size_t len)
{
    return json_loadb(data, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                                 |JSON_ALLOW_NUL, NULL);
}


/* one with reals where an integer is too large, as the reader has them */
static int
same(json_t *a, json_t *b)
{
    size_t       i;
    json_t      *value;
    const char  *key;

    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b);
    }

    if (json_typeof(a) != json_typeof(b)) {
        return 0;
    }

    if (json_is_object(a)) {
        json_object_foreach(a, key, value) {
            if (json_object_get(b, key) == NULL
                || !same(value, json_object_get(b, key)))
            {
                return 0;
            }
        }

        return json_object_size(a) == json_object_size(b);
    }

    if (json_is_array(a)) {
        json_array_foreach(a, i, value) {
            if (i >= json_array_size(b) || !same(value, json_array_get(b, i)))
            {
                return 0;
            }
        }

        return json_array_size(a) == json_array_size(b);
    }

    return json_equal(a, b);
}


static void
is_written(results_arena_t *arena, json_t *tree)
{
    json_t         *again;
    results_buf_t   buf;
    results_str_t   text;

    text = results_json_dump(arena, tree);
    memset(&buf, 0, sizeof(results_buf_t));
    results_buf_json(&buf, tree);

    if (fuzz_allocation_failed()) {
        results_buf_free(&buf);
        return;
    }

    fuzz_assert(text.data && !buf.failed);
    fuzz_pause();

    again = load(text.data, text.len);
    fuzz_assert(again && same(tree, again));
    json_decref(again);

    again = load(buf.data, buf.len);
    fuzz_assert(again && same(tree, again));
    json_decref(again);
    results_buf_free(&buf);

    fuzz_resume();
}


static void
fields(results_arena_t *arena, results_reader_t *r, unsigned depth)
{
    int                rc, word;
    double             d;
    json_t            *value, *array;
    int64_t            n;
    unsigned           flags, errors;
    const char        *name;
    results_str_t      s, raw;
    results_reader_t   child;

    json_object_foreach(r->object, name, value) {

        for (flags = 0; flags < 8; flags += depth ? 5 : 1) {
            errors = r->errors->n + r->errors->dropped;

            rc = results_json_string(r, name, flags, 255, &s);
            fuzz_assert(rc != RESULTS_JSON_OK
                        || (json_is_string(value) && fuzz_is_text(s)
                            && s.len <= 255 * 4));

            rc = results_json_number(r, name, flags, &d);
            fuzz_assert(rc != RESULTS_JSON_OK || isfinite(d));

            rc = results_json_integer(r, name, flags, -5, 60, &n);
            fuzz_assert(rc != RESULTS_JSON_OK || (n >= -5 && n <= 60));

            rc = results_json_time(r, name, flags, 7, &n, &raw);
            fuzz_assert(rc != RESULTS_JSON_OK
                        || (n >= RESULTS_TIME_MIN && n <= RESULTS_TIME_MAX));

            rc = results_json_word(r, name, flags, words, &word);
            fuzz_assert(rc != RESULTS_JSON_OK || (word >= 0 && word < 3));

            rc = results_json_array(r, name, flags, &array);
            fuzz_assert(rc != RESULTS_JSON_OK || json_is_array(array));

            rc = results_json_object(r, name, flags, &child);
            fuzz_assert(rc != RESULTS_JSON_OK || json_is_object(value));

            if (rc == RESULTS_JSON_OK && flags == 0 && depth < 3) {
                fields(arena, &child, depth + 1);
            }

            /* no value is all of these */

            fuzz_assert(r->errors->n + r->errors->dropped > errors
                        || fuzz_allocation_failed() || json_is_null(value));
        }

        (void) results_json_at(r->object, name);

        if (results_json_id(arena, value, &s) == 0) {
            fuzz_assert(results_id_valid(s));
        }

        if (results_json_numeric(value, &d) == 0) {
            fuzz_assert(isfinite(d));
        }

        s = results_json_short_name(arena, results_str(name));
        (void) results_json_path_index(r, name, 7);
    }

    results_json_refuse_unknown(r, names);
}


static void
tree_is_read(results_arena_t *arena, results_str_t body)
{
    json_t           *tree, *again;
    int64_t           hash[2];
    const char       *path;
    results_str_t     text;
    results_errors_t  errors;
    results_reader_t  r;

    results_errors_init(&errors, arena);

    tree = results_json_parse(body, &errors);

    if (tree == NULL) {
        fuzz_assert(errors.n == 1 || fuzz_allocation_failed());

        /* a name of a text that is no UTF-8 is in it as it came */

        text = results_errors_join(&errors);
        fuzz_assert(text.data || fuzz_allocation_failed());
        return;
    }

    fuzz_assert(errors.n == 0);
    fuzz_assert(json_is_object(tree) || json_is_array(tree));

    path = results_json_path_at(&errors, body, body.len / 2);
    fuzz_assert(path);

    if (results_json_hash(tree, names, &hash[0]) == 0
        && results_json_hash(tree, names, &hash[1]) == 0)
    {
        fuzz_assert(hash[0] == hash[1]);
    }

    is_written(arena, tree);

    /* what was valid once is read again, whatever numbers it has */

    again = results_json_load(body);
    fuzz_assert((again && same(tree, again)) || fuzz_allocation_failed());
    json_decref(again);

    r.object = tree;
    r.path = "";
    r.errors = &errors;

    if (json_is_object(tree)) {
        fields(arena, &r, 0);

        text = results_errors_join(&errors);
        fuzz_assert(text.data || fuzz_allocation_failed());
        fuzz_assert(text.data == NULL || fuzz_is_text(text));
    }

    if (results_json_keep_digits(tree, body) >= 0) {
        is_written(arena, tree);
    }
}


/* a text and a double alone */
static void
scalars_are_written(results_str_t text)
{
    char           *end;
    double          d;
    json_t         *value;
    results_buf_t   buf;

    memset(&buf, 0, sizeof(results_buf_t));

    if (fuzz_is_text(text)) {
        results_buf_json_string(&buf, text);
        value = load(buf.data, buf.len);
        fuzz_assert(value && json_string_length(value) == text.len);
        fuzz_assert(memcmp(json_string_value(value), text.data, text.len)
                    == 0);
        json_decref(value);
        buf.len = 0;
    }

    if (text.len >= sizeof(double)) {
        memcpy(&d, text.data, sizeof(double));

        if (isfinite(d)) {
            results_buf_json_number(&buf, d);
            results_buf_append(&buf, "", 1);
            fuzz_assert(strtod(buf.data, &end) == d && *end == '\0');
            value = load(buf.data, buf.len - 1);
            fuzz_assert(value && json_is_number(value));
            json_decref(value);
        }
    }

    results_buf_free(&buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    results_str_t     body;
    results_arena_t  *arena;

    if (size == 0) {
        return 0;
    }

    body.data = fuzz_copy(data + 1, size - 1);
    body.len = size - 1;

    scalars_are_written(body);

    /* a space: none fails */

    fuzz_fail_allocation(data[0] < ' ' ? 0 : data[0] - ' ');

    arena = results_arena_create();

    if (arena) {
        tree_is_read(arena, body);
    }

    fuzz_fail_allocation(0);

    results_arena_destroy(arena);
    free((char *) body.data);

    return 0;
}
