
/*
 * Counted strings, an arena and a growing byte buffer: every other file uses
 * them.  Nothing in base/, json/, record/ and dialect/ needs nginx, so unit
 * tests and fuzz targets link these folders alone.
 *
 * Memory: each request has one arena, which http/ creates and destroys.
 * Whatever a dialect makes for the request, its records included, is allocated
 * from it and freed with it.  Only a results_buf_t has heap memory of its own,
 * which whoever owns the buffer frees by results_buf_free().
 *
 * None of this is for use by several threads at once.
 */

#ifndef RESULTS_BASE_H
#define RESULTS_BASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    size_t                  len;
    const char             *data;      /* not terminated by '\0'; NULL means
                                          "no value" */
} results_str_t;


#define results_string(text)  { sizeof(text) - 1, text }
#define results_str_is(s, text)                                               \
    results_str_eq((s), (results_str_t) results_string(text))

/* 1 when both have the same bytes; no value equals the empty string */
int results_str_eq(results_str_t a, results_str_t b);

/* the same, but the case of ASCII letters is ignored, whatever the locale */
int results_str_caseeq(results_str_t a, results_str_t b);

/* a counted string that points to a terminated one; NULL becomes no value */
results_str_t results_str(const char *text);

/*
 * The number of bytes of the UTF-8 character at the start of data, 1 to 4.
 * 0 when len is 0, or when no valid character starts there (RFC 3629: no
 * surrogates, no overlong forms).
 */
size_t results_utf8_len(const char *data, size_t len);


typedef struct results_arena_s  results_arena_t;

/* an empty arena; NULL when there is no memory */
results_arena_t *results_arena_create(void);

/* frees the arena and all that was allocated from it; does nothing for NULL */
void results_arena_destroy(results_arena_t *arena);

/* bytes that the arena has obtained from malloc(), used or not */
size_t results_arena_size(const results_arena_t *arena);

/*
 * 1 when an allocation has failed since the arena was created.  A refusal of a
 * request whose arena has failed is answered 500 (results_reply_failure()):
 * without memory a valid request can look like an invalid one.
 */
int results_arena_failed(const results_arena_t *arena);

/*
 * For code that allocates the request's data by malloc(): tells the arena that
 * this failed
 */
void results_arena_fail(results_arena_t *arena);

/* 16-byte aligned, not zeroed; NULL when there is no memory */
void *results_arena_alloc(results_arena_t *arena, size_t size);

/* the same, zeroed */
void *results_arena_calloc(results_arena_t *arena, size_t size);

/* a copy with a '\0' added; no value when there is no memory */
results_str_t results_arena_copy(results_arena_t *arena, const char *data,
    size_t len);

/* printf into the arena, with a '\0' added; no value when there is no memory */
results_str_t results_arena_printf(results_arena_t *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
results_str_t results_arena_vprintf(results_arena_t *arena, const char *fmt,
    va_list args) __attribute__((format(printf, 2, 0)));


/*
 * A byte buffer that grows by realloc(), so its data may move with any write.
 * It is empty and ready for use when all its bytes are zero.  A failed
 * allocation sets `failed`, and later writes do nothing: a writer checks
 * `failed` once, at the end.
 */
typedef struct {
    char                   *data;
    size_t                  len;
    size_t                  size;
    int                     failed;
} results_buf_t;

/* frees the data; the buffer is empty then and may be used again */
void results_buf_free(results_buf_t *buf);

/* appends formatted text, without a '\0' */
void results_buf_printf(results_buf_t *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Makes room for len more bytes: 0, or -1 with buf->failed set.  Called by
 * results_buf_reserve().
 */
int results_buf_grow(results_buf_t *buf, size_t len);


/*
 * Writers call the following functions for every few bytes.  They are inline,
 * so that the compiler knows the length of a literal.
 */

/*
 * Lengthens the content by len bytes, which the caller fills: their address,
 * or NULL with buf->failed set
 */
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
 * 1 when a JSON string can hold the 8 bytes of w without an escape: all are
 * ASCII, and none is a control character, a quote or a backslash
 */
static inline int
results_plain_word(uint64_t w)
{
    uint64_t  quote, backslash;

    const uint64_t  ones = UINT64_C(0x0101010101010101);

    quote = w ^ (ones * '"');
    backslash = w ^ (ones * '\\');

    /*
     * A subtraction that borrows sets the highest bit of a byte: of w where it
     * is below a space, of the other two where it is 0, which is a match.
     */

    return ((w | (w - ones * ' ') | (quote - ones) | (backslash - ones))
            & (ones * 0x80))
           == 0;
}


/* the same for the len bytes at p */
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
