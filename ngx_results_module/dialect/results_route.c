
/*
 * Routing: the route of a request's method and path, and the ids in the path.
 */

#include <string.h>

#include "results_dialect.h"


#define RESULTS_SEGMENTS_MAX  8


/* a path split at its slashes; the segments are still percent-encoded */
typedef struct {
    results_str_t           segment[RESULTS_SEGMENTS_MAX];
    unsigned                n;
} results_path_t;


static int results_path_split(results_str_t text, results_path_t *path);
static int results_path_matches(const results_path_t *path,
    const char *pattern);
static unsigned results_path_methods(const results_request_t *r,
    const results_path_t *path);
static int results_path_params(results_request_t *r,
    const results_path_t *path);
static results_str_t results_path_decode(results_arena_t *arena,
    results_str_t segment, const char **error);
static int results_hex(char c);


int
results_route(results_request_t *r)
{
    unsigned                method;
    results_path_t          path;
    const results_route_t  *route;

    results_errors_init(&r->errors, r->arena);

    method = (r->method == RESULTS_METHOD_HEAD) ? RESULTS_METHOD_GET
                                                : r->method;

    if (results_path_split(r->path, &path) == 0) {

        for (route = r->dialect->routes; route->path; route++) {

            if (route->method == method
                && results_path_matches(&path, route->path))
            {
                r->route = route;
                return results_path_params(r, &path);
            }
        }

        r->failure.allow = results_path_methods(r, &path);

        if (r->failure.allow) {
            results_fail(r, 405, "the method is not allowed here");
            return -1;
        }
    }

    results_fail(r, 404, "there is no such resource");
    return -1;
}


unsigned
results_route_allow(const results_request_t *r)
{
    results_path_t  path;

    if (results_path_split(r->path, &path) != 0) {
        return 0;
    }

    return results_path_methods(r, &path);
}


/* 0, or -1 for a path with more segments than any route has */
static int
results_path_split(results_str_t text, results_path_t *path)
{
    const char  *p, *end, *slash;

    path->n = 0;

    p = text.data;
    end = p + text.len;

    /* when the location does not end with a slash, the path begins with one */

    if (p < end && *p == '/') {
        p++;
    }

    while (p < end) {

        if (path->n == RESULTS_SEGMENTS_MAX) {
            return -1;
        }

        slash = memchr(p, '/', end - p);
        if (slash == NULL) {
            slash = end;
        }

        path->segment[path->n].data = p;
        path->segment[path->n].len = slash - p;
        path->n++;

        p = slash + 1;
    }

    return 0;
}


static int
results_path_matches(const results_path_t *path, const char *pattern)
{
    size_t    len;
    unsigned  i;

    for (i = 0; *pattern; i++) {

        len = strcspn(pattern, "/");

        if (i == path->n) {
            return 0;
        }

        if (*pattern != '{'
            && (path->segment[i].len != len
                || memcmp(path->segment[i].data, pattern, len) != 0))
        {
            return 0;
        }

        pattern += len;

        if (*pattern == '/') {
            pattern++;
        }
    }

    return i == path->n;
}


static unsigned
results_path_methods(const results_request_t *r, const results_path_t *path)
{
    unsigned                methods;
    const results_route_t  *route;

    methods = 0;

    for (route = r->dialect->routes; route->path; route++) {
        if (results_path_matches(path, route->path)) {
            methods |= route->method;
        }
    }

    if (methods & RESULTS_METHOD_GET) {
        methods |= RESULTS_METHOD_HEAD;
    }

    return methods ? (methods | RESULTS_METHOD_OPTIONS) : 0;
}


/*
 * Decodes the ids of the path into r->params: 0, or -1 with r->failure set, and
 * with an error for each that is not an id
 */
static int
results_path_params(results_request_t *r, const results_path_t *path)
{
    size_t          len;
    unsigned        i, n;
    const char     *pattern, *error;
    results_str_t   name;

    n = 0;
    pattern = r->route->path;

    for (i = 0; i < path->n; i++) {

        len = strcspn(pattern, "/");

        if (*pattern == '{') {
            r->params[n] = results_path_decode(r->arena, path->segment[i],
                                               &error);
            if (error) {
                name = results_arena_copy(r->arena, pattern, len);
                results_errors_add(&r->errors, name.data ? name.data : "",
                                   "%s", error);

            } else if (r->params[n].data == NULL) {
                results_fail(r, 500, "out of memory");
                return -1;
            }

            n++;
        }

        pattern += len + 1;
    }

    if (r->errors.n) {
        r->failure.status = 422;
        return -1;
    }

    return 0;
}


/*
 * Decodes a segment.  "%2F" is part of the id, since the path has been split
 * before.  *error is set when it is not an id.
 */
static results_str_t
results_path_decode(results_arena_t *arena, results_str_t segment,
    const char **error)
{
    int            high, low;
    char          *out;
    size_t         i;
    results_str_t  id;

    *error = NULL;

    id.len = 0;
    id.data = out = results_arena_alloc(arena, segment.len + 1);

    if (out == NULL) {
        return id;
    }

    for (i = 0; i < segment.len; i++) {

        if (segment.data[i] != '%') {
            out[id.len++] = segment.data[i];
            continue;
        }

        high = (i + 2 < segment.len) ? results_hex(segment.data[i + 1]) : -1;
        low = (i + 2 < segment.len) ? results_hex(segment.data[i + 2]) : -1;

        if (high < 0 || low < 0) {
            *error = "malformed percent-encoding";
            return id;
        }

        out[id.len++] = (char) (high << 4 | low);
        i += 2;
    }

    out[id.len] = '\0';

    if (!results_id_valid(id)) {
        *error = "expected 1 to 255 characters of UTF-8, no control "
                 "characters";
    }

    return id;
}


static int
results_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
