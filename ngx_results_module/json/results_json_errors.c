
/*
 * The list of errors of a body, and the paths in them (JSON Pointers, RFC
 * 6901).  All of it lives in the arena of the errors.
 */

#include <stdarg.h>
#include <string.h>

#include "results_json.h"


/* bytes of a client's name that an error shows */
#define RESULTS_NAME_MAX  64


static int results_errors_grow(results_errors_t *errors);
static size_t results_json_escape(char *out, const char *name, size_t len);


void
results_errors_init(results_errors_t *errors, results_arena_t *arena)
{
    errors->arena = arena;
    errors->list = &errors->first;
    errors->n = 0;
    errors->size = 1;
    errors->max = RESULTS_ERRORS_MAX;
    errors->dropped = 0;
    errors->not_json = 0;
}


void
results_errors_add(results_errors_t *errors, const char *path,
    const char *fmt, ...)
{
    va_list           args;
    results_error_t  *error;

    if (errors->n == errors->max
        || (errors->n == errors->size && results_errors_grow(errors) != 0))
    {
        errors->dropped++;
        return;
    }

    error = &errors->list[errors->n++];

    error->path = results_arena_copy(errors->arena, path, strlen(path));

    va_start(args, fmt);
    error->text = results_arena_vprintf(errors->arena, fmt, args);
    va_end(args);
}


static int
results_errors_grow(results_errors_t *errors)
{
    unsigned          size;
    results_error_t  *list;

    size = errors->size * 8;

    list = results_arena_alloc(errors->arena, size * sizeof(results_error_t));
    if (list == NULL) {
        return -1;
    }

    memcpy(list, errors->list, errors->n * sizeof(results_error_t));

    errors->list = list;
    errors->size = size;

    return 0;
}


results_str_t
results_errors_join(const results_errors_t *errors)
{
    unsigned                i;
    results_str_t           s;
    results_buf_t           buf = { NULL, 0, 0, 0 };
    const results_error_t  *error;

    for (i = 0; i < errors->n; i++) {
        error = &errors->list[i];

        if (i != 0) {
            results_buf_puts(&buf, "; ");
        }

        if (error->path.len != 0) {
            results_buf_str(&buf, error->path);
            results_buf_puts(&buf, ": ");
        }

        results_buf_str(&buf, error->text);
    }

    if (errors->dropped != 0) {
        results_buf_printf(&buf, "; and %u more", errors->dropped);
    }

    s = results_arena_copy(errors->arena, buf.data, buf.len);

    results_buf_free(&buf);

    return s;
}


const char *
results_json_path(results_reader_t *r, const char *name)
{
    char    *p;
    size_t   n, len;

    n = strlen(r->path);
    len = strlen(name);

    p = results_arena_alloc(r->errors->arena, n + 1 + len * 2 + 1);
    if (p == NULL) {
        return "";
    }

    memcpy(p, r->path, n);
    p[n++] = '/';
    n += results_json_escape(p + n, name, len);
    p[n] = '\0';

    return p;
}


const char *
results_json_path_index(results_reader_t *r, const char *name, size_t i)
{
    results_str_t  s;

    s = results_arena_printf(r->errors->arena, "%s/%zu",
                             results_json_path(r, name), i);

    return (s.data != NULL) ? s.data : "";
}


results_str_t
results_json_short_name(results_arena_t *arena, results_str_t name)
{
    size_t  len;

    if (name.len <= RESULTS_NAME_MAX) {
        return results_arena_copy(arena, name.data, name.len);
    }

    len = RESULTS_NAME_MAX;

    while (len > 0 && (name.data[len] & 0xc0) == 0x80) {
        len--;              /* a continuation byte: it begins no character */
    }

    return results_arena_printf(arena, "%.*s...", (int) len, name.data);
}


static size_t
results_json_escape(char *out, const char *name, size_t len)
{
    char        *p;
    const char  *end;

    p = out;

    for (end = name + len; name < end; name++) {

        if (*name == '~' || *name == '/') {
            *p++ = '~';
            *p++ = (*name == '~') ? '0' : '1';
            continue;
        }

        *p++ = *name;
    }

    return (size_t) (p - out);
}
