
/*
 * The JSON reader and the JSON writer, held against jansson and against a
 * reading of RFC 8259 of their own (fuzz_rfc8259.h): what is read is JSON, and
 * the tree that jansson reads; what is JSON is read, but for what is listed
 * here; it is written as a text that is read as that tree again, with the
 * same digits; every field reader gets every member.  The first byte says
 * which allocation fails.
 */

#include <math.h>

#include "fuzz_rfc8259.h"


static const char *const  words[] = { "active", "tobedeleted", "a", NULL };
static const char *const  names[] = { "a", "b", "sourcedId", NULL };


/* a JSON text, all of it, as a tree; NULL where it is none */
static json_t *
load(const char *data, size_t len)
{
    return json_loadb(data, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                                 |JSON_DECODE_INT_AS_REAL|JSON_ALLOW_NUL,
                      NULL);
}


/* jansson's tree and ours; jansson has doubles */
static int
same(json_t *a, const results_value_t *b)
{
    size_t                  i;
    json_t                 *value;
    const char             *key;
    results_str_t           text;
    const results_value_t  *child;

    static const results_value_e  types[] = {
        [JSON_TRUE] = RESULTS_VALUE_TRUE,
        [JSON_FALSE] = RESULTS_VALUE_FALSE,
        [JSON_NULL] = RESULTS_VALUE_NULL
    };

    if (b == NULL) {
        return 0;
    }

    child = results_value_first(b);

    switch (json_typeof(a)) {

    case JSON_OBJECT:
        if (!results_value_is_object(b)
            || json_object_size(a) != results_value_size(b))
        {
            return 0;
        }

        json_object_foreach(a, key, value) {
            if (child == NULL
                || !results_str_eq(child->name, results_str(key))
                || child->name.data[child->name.len] != '\0'
                || results_value_get(b, key) != child
                || !same(value, child))
            {
                return 0;
            }

            child = child->next;
        }

        return child == NULL;

    case JSON_ARRAY:
        if (!results_value_is_array(b)
            || json_array_size(a) != results_value_size(b))
        {
            return 0;
        }

        json_array_foreach(a, i, value) {
            if (child == NULL || !same(value, child)) {
                return 0;
            }

            child = child->next;
        }

        return child == NULL;

    case JSON_STRING:
        text.data = json_string_value(a);
        text.len = json_string_length(a);

        return results_value_is_string(b)
               && results_str_eq(results_value_text(b), text)
               && b->u.text.data[text.len] == '\0';

    case JSON_REAL:
        return results_value_is_number(b)
               && json_number_value(a) == results_value_number(b);

    default:
        return b->type == types[json_typeof(a)];
    }
}


/* the numbers of a tree, as those of fuzz_rfc8259() */
static void
numbers_of(results_buf_t *buf, const results_value_t *value)
{
    const results_value_t  *child;

    if (results_value_is_number(value)) {
        results_buf_str(buf, value->u.text);
        results_buf_append(buf, "\n", 1);
        return;
    }

    if (value->type >= RESULTS_VALUE_ARRAY) {
        for (child = results_value_first(value); child; child = child->next) {
            numbers_of(buf, child);
        }
    }
}


static int
same_numbers(const results_value_t *tree, const results_buf_t *numbers)
{
    int            rc;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));
    numbers_of(&buf, tree);

    rc = buf.len == numbers->len
         && (buf.len == 0 || memcmp(buf.data, numbers->data, buf.len) == 0);

    results_buf_free(&buf);

    return rc;
}


static int
numbers_fit(const results_buf_t *numbers)
{
    const char     *p, *end;
    results_str_t   number;

    end = numbers->data + numbers->len;

    for (p = numbers->data; p < end; p += number.len + 1) {
        number.data = p;
        number.len = (size_t) ((char *) memchr(p, '\n', (size_t) (end - p))
                               - p);

        if (!results_number_fits(number)) {
            return 0;
        }
    }

    return 1;
}


/*
 * What is scanned is JSON, with its digits, and the tree that jansson has.
 * What is not scanned is not JSON, or is one of what the module refuses.
 */
static void
scan_agrees(results_arena_t *arena, results_str_t body)
{
    int                   valid;
    json_t               *tree;
    fuzz_rfc8259_t        found;
    results_value_t      *scanned;
    results_json_stop_t   stop;

    scanned = results_json_scan(arena, body, results_json_values_max(body.len),
                                &stop);

    fuzz_pause();

    valid = fuzz_rfc8259(body.data, body.len, &found);

    tree = json_loadb(body.data, body.len,
                      JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                      |JSON_DECODE_INT_AS_REAL, NULL);

    if (scanned) {
        fuzz_assert(valid);
        fuzz_assert(same_numbers(scanned, &found.numbers));
        fuzz_assert(results_value_count(scanned) == found.values);
        fuzz_assert(tree && same(tree, scanned));

    } else {
        fuzz_assert(stop.position <= body.len);

        /* jansson refuses names that come twice, as the module does */

        fuzz_assert(!valid || tree == NULL
                    || stop.why == RESULTS_JSON_NO_MEMORY
                    || found.depth > RESULTS_JSON_DEPTH_MAX
                    || found.values > results_json_values_max(body.len)
                    || found.nul || found.surrogates
                    || !numbers_fit(&found.numbers));
    }

    json_decref(tree);
    results_buf_free(&found.numbers);

    fuzz_resume();
}


static void
is_written(results_arena_t *arena, results_value_t *tree)
{
    json_t          *again;
    results_buf_t    buf;
    results_str_t    text;
    fuzz_rfc8259_t   found;

    text = results_json_dump(arena, tree);
    memset(&buf, 0, sizeof(results_buf_t));
    results_buf_json(&buf, tree);

    if (fuzz_allocation_failed()) {
        results_buf_free(&buf);
        return;
    }

    fuzz_assert(text.data && !buf.failed);
    fuzz_assert(text.len == buf.len
                && memcmp(text.data, buf.data, buf.len) == 0);

    fuzz_pause();

    again = load(text.data, text.len);
    fuzz_assert(again && same(again, tree));
    json_decref(again);

    fuzz_assert(fuzz_rfc8259(text.data, text.len, &found));
    fuzz_assert(same_numbers(tree, &found.numbers));

    results_buf_free(&found.numbers);
    results_buf_free(&buf);

    fuzz_resume();
}


static void
fields(results_arena_t *arena, results_reader_t *r, unsigned depth)
{
    int                rc, word;
    double             d;
    int64_t            n;
    unsigned           flags, errors;
    const char        *name;
    results_str_t      s, raw;
    results_value_t   *value, *array;
    results_reader_t   child;

    for (value = results_value_first(r->object); value; value = value->next) {

        name = value->name.data;

        for (flags = 0; flags < 8; flags += depth ? 5 : 1) {
            errors = r->errors->n + r->errors->dropped;

            rc = results_json_string(r, name, flags, 255, &s);
            fuzz_assert(rc != RESULTS_JSON_OK
                        || (results_value_is_string(value) && fuzz_is_text(s)
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
            fuzz_assert(rc != RESULTS_JSON_OK || results_value_is_array(array));

            rc = results_json_object(r, name, flags, &child);
            fuzz_assert(rc != RESULTS_JSON_OK
                        || results_value_is_object(value));

            if (rc == RESULTS_JSON_OK && flags == 0 && depth < 3) {
                fields(arena, &child, depth + 1);
            }

            /* no value is all of these */

            fuzz_assert(r->errors->n + r->errors->dropped > errors
                        || fuzz_allocation_failed()
                        || results_value_is_null(value));
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
    int64_t           hash[2];
    const char       *path;
    results_str_t     text;
    results_value_t  *tree, *again;
    results_errors_t  errors;
    results_reader_t  r;

    scan_agrees(arena, body);

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
    path = results_json_path_at(&errors, body, body.len / 2);
    fuzz_assert(path);

    if (results_json_hash(tree, names, &hash[0]) == 0
        && results_json_hash(tree, names, &hash[1]) == 0)
    {
        fuzz_assert(hash[0] == hash[1]);
    }

    is_written(arena, tree);

    /* what was valid once is read again */

    again = results_json_load(arena, body);
    fuzz_assert(again || fuzz_allocation_failed());

    r.object = tree;
    r.path = "";
    r.errors = &errors;

    if (results_value_is_object(tree)) {
        fields(arena, &r, 0);

        text = results_errors_join(&errors);
        fuzz_assert(text.data || fuzz_allocation_failed());
        fuzz_assert(text.data == NULL || fuzz_is_text(text));
    }

    if (results_json_keep_digits(arena, tree) >= 0) {
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
