
/*
 * What all others stand on: counted strings, an arena, a growing byte buffer.
 * Nothing in base/, json/, record/ and dialect/ needs nginx, so unit tests and
 * fuzz targets link these folders alone.
 *
 * Memory: one request owns one arena.  Everything a dialect or a record
 * points to lives in it and dies with it.  Only the buffers have a memory of
 * their own, freed by results_buf_free().
 */

#ifndef RESULTS_BASE_H
#define RESULTS_BASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    size_t                  len;
    const char             *data;      /* not terminated; NULL is "no value" */
} results_str_t;


#define results_string(text)  { sizeof(text) - 1, text }
#define results_str_is(s, text)                                               \
    results_str_eq((s), (results_str_t) results_string(text))

/* 1 where both have the same bytes (no value equals the empty string) */
int results_str_eq(results_str_t a, results_str_t b);

/* 1 where both have the same bytes but for the case of ASCII letters */
int results_str_caseeq(results_str_t a, results_str_t b);

/* the length-counted form of a terminated string; NULL becomes no value */
results_str_t results_str(const char *text);

/*
 * bytes of the UTF-8 character that data begins with; 0 where it begins with
 * none (RFC 3629: no surrogates, nothing overlong), or len is 0
 */
size_t results_utf8_len(const char *data, size_t len);


typedef struct results_arena_s  results_arena_t;

/* NULL when there is no memory */
results_arena_t *results_arena_create(void);

/* frees everything; NULL is fine */
void results_arena_destroy(results_arena_t *arena);

/* bytes that it has of malloc(), whether they are given out or not */
size_t results_arena_size(const results_arena_t *arena);

/* 1 where it had no memory once, or what was meant for it had none */
int results_arena_failed(const results_arena_t *arena);
void results_arena_fail(results_arena_t *arena);

/* 16-byte aligned, not zeroed; NULL when there is no memory */
void *results_arena_alloc(results_arena_t *arena, size_t size);

/* the same, zeroed */
void *results_arena_calloc(results_arena_t *arena, size_t size);

/* a copy with a '\0' behind it; data is NULL when there is no memory */
results_str_t results_arena_copy(results_arena_t *arena, const char *data,
    size_t len);

/* printf into the arena; data is NULL when there is no memory */
results_str_t results_arena_printf(results_arena_t *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
results_str_t results_arena_vprintf(results_arena_t *arena, const char *fmt,
    va_list args) __attribute__((format(printf, 2, 0)));


/*
 * A byte buffer that grows.  A failed allocation sets `failed` and makes all
 * later writes no-ops, so that writers check once, at the end.
 */
typedef struct {
    char                   *data;
    size_t                  len;
    size_t                  size;
    int                     failed;
} results_buf_t;

/* ready for use also when zeroed; frees what it held with results_buf_free() */
void results_buf_free(results_buf_t *buf);

void results_buf_printf(results_buf_t *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* room for len more bytes; -1 when it failed */
int results_buf_grow(results_buf_t *buf, size_t len);


/*
 * Writers call these for every few bytes: inline, so that the length of a
 * literal is known.
 */

/* room for len bytes behind the content, counted in; NULL when it failed */
static inline char *
results_buf_reserve(results_buf_t *buf, size_t len)
{
    char  *p;

    if (len > buf->size - buf->len || buf->data == NULL || buf->failed) {
        if (results_buf_grow(buf, len) != 0) {
            return NULL;
        }
    }

    p = buf->data + buf->len;
    buf->len += len;

    return p;
}


static inline void
results_buf_append(results_buf_t *buf, const void *data, size_t len)
{
    char  *p;

    if (len == 0) {
        return;
    }

    p = results_buf_reserve(buf, len);

    if (p != NULL) {
        memcpy(p, data, len);
    }
}


static inline void
results_buf_puts(results_buf_t *buf, const char *text)
{
    results_buf_append(buf, text, strlen(text));
}


static inline void
results_buf_str(results_buf_t *buf, results_str_t s)
{
    if (s.data != NULL) {
        results_buf_append(buf, s.data, s.len);
    }
}


/*
 * 1 where the 8 bytes of w stand in a JSON string as they are: ASCII, no
 * control character, quote or backslash
 */
static inline int
results_plain_word(uint64_t w)
{
    uint64_t  quote, backslash;

    const uint64_t  ones = UINT64_C(0x0101010101010101);

    quote = w ^ (ones * '"');
    backslash = w ^ (ones * '\\');

    /* a byte that is 0, or below a space, borrows from its highest bit */

    return ((w | (w - ones * ' ') | (quote - ones) | (backslash - ones))
            & (ones * 0x80))
           == 0;
}


/* the same of the len bytes at p */
static inline int
results_plain(const char *p, size_t len)
{
    uint32_t  half[2];
    uint64_t  w;

    if (len >= 8) {

        while (len > 8) {
            memcpy(&w, p, 8);

            if (!results_plain_word(w)) {
                return 0;
            }

            p += 8;
            len -= 8;

            if (len < 8) {
                p -= 8 - len;
                break;
            }
        }

        memcpy(&w, p, 8);

        return results_plain_word(w);
    }

    if (len >= 4) {
        memcpy(&half[0], p, 4);
        memcpy(&half[1], p + len - 4, 4);

        return results_plain_word(((uint64_t) half[0] << 32) | half[1]);
    }

    if (len == 0) {
        return 1;
    }

    w = UINT64_C(0x2020202020000000);
    w |= (unsigned char) p[0];
    w |= (uint64_t) (unsigned char) p[len / 2] << 8;
    w |= (uint64_t) (unsigned char) p[len - 1] << 16;

    return results_plain_word(w);
}


#endif /* RESULTS_BASE_H */
