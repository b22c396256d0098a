
/*
 * Strings, the arena and the byte buffer of results_base.h.
 *
 * The arena is a list of chunks.  The first one comes with the arena itself,
 * in one malloc(); a large allocation gets a chunk of its own.  Built with
 * RESULTS_ARENA_MALLOC every allocation does, so that AddressSanitizer and
 * valgrind see where each of them ends.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results_base.h"


#define RESULTS_ARENA_FIRST  4000   /* with malloc's own words below a page */
#define RESULTS_ARENA_NEXT   16000
#define RESULTS_ARENA_LARGE  2000
#define RESULTS_ARENA_ALIGN  ((size_t) 16)

#define RESULTS_BUF_MIN      1024   /* the largest that malloc() is fast at */
#define RESULTS_PRINTF_MAX   512    /* longer text is formatted twice */

#define results_align(n)                                                      \
    (((n) + RESULTS_ARENA_ALIGN - 1) & ~(RESULTS_ARENA_ALIGN - 1))


typedef struct results_chunk_s  results_chunk_t;


struct results_chunk_s {
    results_chunk_t        *next;
};


struct results_arena_s {
    char                   *pos;       /* free bytes of the newest chunk */
    char                   *end;
    results_chunk_t        *chunks;
    size_t                  size;
    int                     failed;    /* an allocation has failed */
};


static void *results_arena_chunk(results_arena_t *arena, size_t size);


int
results_str_eq(results_str_t a, results_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


int
results_str_caseeq(results_str_t a, results_str_t b)
{
    size_t         i;
    unsigned char  c, d;

    if (a.len != b.len) {
        return 0;
    }

    /* not strncasecmp(): that one depends on the locale */

    for (i = 0; i < a.len; i++) {
        c = (unsigned char) a.data[i];
        d = (unsigned char) b.data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (d >= 'A' && d <= 'Z') {
            d |= 0x20;
        }

        if (c != d) {
            return 0;
        }
    }

    return 1;
}


results_str_t
results_str(const char *text)
{
    results_str_t  s;

    s.len = (text != NULL) ? strlen(text) : 0;
    s.data = text;

    return s;
}


size_t
results_utf8_len(const char *data, size_t len)
{
    size_t                i, n;
    uint32_t              code;
    const unsigned char  *p;

    p = (const unsigned char *) data;

    if (len == 0) {
        return 0;
    }

    if (p[0] < 0x80) {
        return 1;
    }

    /* 0x80 to 0xbf only continue a character, 0xc0 and 0xc1 are overlong */

    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }

    n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    if (n > len) {
        return 0;
    }

    code = p[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = (code << 6) | (p[i] & 0x3f);
    }

    if (n == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) {
        return 0;
    }

    if (n == 4 && (code < 0x10000 || code > 0x10ffff)) {
        return 0;
    }

    return n;
}


results_arena_t *
results_arena_create(void)
{
    char             *p;
    size_t            size;
    results_arena_t  *arena;

    size = results_align(sizeof(results_arena_t));

#ifndef RESULTS_ARENA_MALLOC
    size += RESULTS_ARENA_FIRST;
#endif

    p = malloc(size);
    if (p == NULL) {
        return NULL;
    }

    arena = (results_arena_t *) p;

    arena->pos = p + results_align(sizeof(results_arena_t));
    arena->end = p + size;
    arena->chunks = NULL;
    arena->size = size;
    arena->failed = 0;

    return arena;
}


void
results_arena_destroy(results_arena_t *arena)
{
    results_chunk_t  *chunk, *next;

    if (arena == NULL) {
        return;
    }

    for (chunk = arena->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }

    free(arena);
}


size_t
results_arena_size(const results_arena_t *arena)
{
    return arena->size;
}


int
results_arena_failed(const results_arena_t *arena)
{
    return arena->failed;
}


void
results_arena_fail(results_arena_t *arena)
{
    arena->failed = 1;
}


void *
results_arena_alloc(results_arena_t *arena, size_t size)
{
#ifndef RESULTS_ARENA_MALLOC

    char  *p;

    if (size <= (size_t) (arena->end - arena->pos)) {
        /* the chunks' sizes are multiples of the alignment */

        p = arena->pos;
        arena->pos += results_align(size);

        return p;
    }

    if (size <= RESULTS_ARENA_LARGE) {
        p = results_arena_chunk(arena, RESULTS_ARENA_NEXT);
        if (p == NULL) {
            return NULL;
        }

        arena->pos = p + results_align(size);
        arena->end = p + RESULTS_ARENA_NEXT;

        return p;
    }

#endif

    return results_arena_chunk(arena, size);
}


static void *
results_arena_chunk(results_arena_t *arena, size_t size)
{
    size_t            header;
    results_chunk_t  *chunk;

    header = results_align(sizeof(results_chunk_t));

    if (size > SIZE_MAX - header) {
        arena->failed = 1;
        return NULL;
    }

    chunk = malloc(header + size);
    if (chunk == NULL) {
        arena->failed = 1;
        return NULL;
    }

    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->size += header + size;

    return (char *) chunk + header;
}


void *
results_arena_calloc(results_arena_t *arena, size_t size)
{
    void  *p;

    p = results_arena_alloc(arena, size);
    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


results_str_t
results_arena_copy(results_arena_t *arena, const char *data, size_t len)
{
    char           *p;
    results_str_t   s = { 0, NULL };

    if (len == SIZE_MAX) {
        return s;
    }

    p = results_arena_alloc(arena, len + 1);
    if (p == NULL) {
        return s;
    }

    if (len != 0) {
        memcpy(p, data, len);
    }

    p[len] = '\0';

    s.len = len;
    s.data = p;

    return s;
}


results_str_t
results_arena_printf(results_arena_t *arena, const char *fmt, ...)
{
    va_list        args;
    results_str_t  s;

    va_start(args, fmt);
    s = results_arena_vprintf(arena, fmt, args);
    va_end(args);

    return s;
}


results_str_t
results_arena_vprintf(results_arena_t *arena, const char *fmt, va_list args)
{
    int             n;
    char           *p;
    va_list         again;
    results_str_t   s = { 0, NULL };
    char            text[RESULTS_PRINTF_MAX];

    va_copy(again, args);

    n = vsnprintf(text, sizeof(text), fmt, args);

    if (n >= 0 && (size_t) n < sizeof(text)) {
        s = results_arena_copy(arena, text, (size_t) n);

    } else if (n >= 0) {
        p = results_arena_alloc(arena, (size_t) n + 1);

        if (p != NULL) {
            (void) vsnprintf(p, (size_t) n + 1, fmt, again);

            s.len = (size_t) n;
            s.data = p;
        }
    }

    va_end(again);

    return s;
}


void
results_buf_free(results_buf_t *buf)
{
    free(buf->data);
    memset(buf, 0, sizeof(results_buf_t));
}


int
results_buf_grow(results_buf_t *buf, size_t len)
{
    char    *p;
    size_t   size;

    if (buf->failed) {
        return -1;
    }

    /* the size doubles each time, and must not overflow */

    if (len > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4) {
        buf->failed = 1;
        return -1;
    }

    size = (buf->size != 0) ? buf->size * 2 : RESULTS_BUF_MIN;

    if (size < buf->len + len) {
        size = buf->len + len;
    }

    p = realloc(buf->data, size);
    if (p == NULL) {
        buf->failed = 1;
        return -1;
    }

    buf->data = p;
    buf->size = size;

    return 0;
}


void
results_buf_printf(results_buf_t *buf, const char *fmt, ...)
{
    int      n;
    char    *p;
    char     text[RESULTS_PRINTF_MAX];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0) {
        buf->failed = 1;
        return;
    }

    if ((size_t) n < sizeof(text)) {
        results_buf_append(buf, text, (size_t) n);
        return;
    }

    p = results_buf_reserve(buf, (size_t) n + 1);
    if (p == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    buf->len--;
}
