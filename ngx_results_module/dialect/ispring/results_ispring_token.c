
/*
 * Page tokens: base64url of a digest and a key.  Opaque to clients; what they
 * hold may change with any version.
 */

#include <string.h>

#include <openssl/evp.h>

#include "results_digest.h"
#include "results_ispring.h"


/* bytes of the digest; a multiple of three is encoded by itself */
#define RESULTS_ISPRING_DIGEST  9


static void results_ispring_translate(char *text, size_t len,
    const char *from, const char *to);
static int results_ispring_digest(int32_t institution_id, results_str_t key,
    unsigned char *out);
static int results_ispring_part(results_str_t *rest, results_str_t *part);


/* no id has a '\0', and none is empty: that is one that is not there */

results_str_t
results_ispring_token(results_arena_t *arena, int32_t institution_id,
    const results_ispring_key_t *key)
{
    char            *text;
    results_buf_t    buf;
    results_str_t    token, parts;
    unsigned char    digest[RESULTS_DIGEST_LEN];

    token = results_str(NULL);

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_str(&buf, key->learner);
    results_buf_append(&buf, "", 1);
    results_buf_str(&buf, key->item);
    results_buf_append(&buf, "", 1);
    results_buf_str(&buf, key->enrollment);

    parts.data = buf.data;
    parts.len = buf.len;

    text = results_arena_alloc(arena, 4 * (RESULTS_ISPRING_DIGEST + buf.len + 2)
                                      / 3 + 5);

    if (text && !buf.failed
        && results_ispring_digest(institution_id, parts, digest) == 0)
    {
        token.data = text;
        token.len = EVP_EncodeBlock((unsigned char *) text, digest,
                                    RESULTS_ISPRING_DIGEST);
        token.len += EVP_EncodeBlock((unsigned char *) text + token.len,
                                     (unsigned char *) parts.data,
                                     (int) parts.len);

        while (text[token.len - 1] == '=') {
            token.len--;
        }

        results_ispring_translate(text, token.len, "+/", "-_");
    }

    results_buf_free(&buf);

    return token;
}


int
results_ispring_token_parse(results_arena_t *arena, int32_t institution_id,
    results_str_t token, results_ispring_key_t *key)
{
    int             n;
    char           *text;
    size_t          padding;
    results_str_t   parts;
    unsigned char  *p, digest[RESULTS_DIGEST_LEN];

    padding = (4 - token.len % 4) % 4;

    text = results_arena_alloc(arena, token.len + padding + 1);
    p = results_arena_alloc(arena, token.len + padding + 1);

    if (text == NULL || p == NULL) {
        return -1;
    }

    memcpy(text, token.data, token.len);
    memcpy(text + token.len, "===", padding);

    results_ispring_translate(text, token.len, "+/=-_", "???+/");

    n = EVP_DecodeBlock(p, (unsigned char *) text,
                        (int) (token.len + padding));

    if (n < 0 || (size_t) n <= RESULTS_ISPRING_DIGEST + padding) {
        return -1;
    }

    parts.data = (char *) p + RESULTS_ISPRING_DIGEST;
    parts.len = n - RESULTS_ISPRING_DIGEST - padding;

    if (results_ispring_digest(institution_id, parts, digest) != 0
        || memcmp(digest, p, RESULTS_ISPRING_DIGEST) != 0
        || results_ispring_part(&parts, &key->learner) != 0
        || results_ispring_part(&parts, &key->item) != 0
        || results_ispring_part(&parts, &key->enrollment) != 0)
    {
        return -1;
    }

    return (parts.data == NULL && key->learner.data
            && (key->item.data || key->enrollment.data == NULL))
           ? 0 : -1;
}


static void
results_ispring_translate(char *text, size_t len, const char *from,
    const char *to)
{
    size_t       i;
    const char  *c;

    for (i = 0; i < len; i++) {
        c = text[i] ? strchr(from, text[i]) : NULL;

        if (c) {
            text[i] = to[c - from];
        }
    }
}


static int
results_ispring_digest(int32_t institution_id, results_str_t key,
    unsigned char *out)
{
    int            rc;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));

    results_buf_printf(&buf, "ispring page %d ", (int) institution_id);
    results_buf_str(&buf, key);

    rc = buf.failed ? -1 : results_digest(buf.data, buf.len, out);

    results_buf_free(&buf);

    return rc;
}


/* up to the next '\0'; behind the last one rest is no value */

static int
results_ispring_part(results_str_t *rest, results_str_t *part)
{
    size_t       i, n;
    const char  *end;

    if (rest->data == NULL) {
        return -1;
    }

    *part = *rest;

    end = memchr(rest->data, '\0', rest->len);

    if (end) {
        part->len = end - rest->data;
        rest->len -= part->len + 1;
        rest->data = end + 1;

    } else {
        *rest = results_str(NULL);
    }

    for (i = 0; i < part->len; i += n) {
        n = results_utf8_len(part->data + i, part->len - i);

        if (n == 0) {
            return -1;
        }
    }

    if (part->len == 0) {
        part->data = NULL;
    }

    return 0;
}
