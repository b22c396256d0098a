
/*
 * Page tokens: base64url of a seal that contains the key of a row.  Its holder
 * learns nothing from it, nor much from its length.  Any version may change
 * what it contains.
 */

#include <string.h>

#include <openssl/evp.h>

#include "results_ispring.h"


/*
 * The content of a seal is two bytes with the length of the key, and the key,
 * padded to a multiple of this block size.  With RESULTS_SEAL_EXTRA that is a
 * multiple of 3 bytes, which base64 encodes without "=".
 */
#define RESULTS_ISPRING_BLOCK  144


static void results_ispring_translate(char *text, size_t len,
    const char *from, const char *to);
static results_str_t results_ispring_context(results_arena_t *arena,
    int32_t institution_id);
static int results_ispring_part(results_str_t *rest, results_str_t *part);


/* the ids, which contain no '\0', are separated by it; an empty one is none */

results_str_t
results_ispring_token(results_arena_t *arena, int32_t institution_id,
    const unsigned char *secret, const results_ispring_key_t *key)
{
    char           *text;
    size_t          len;
    results_str_t   token, parts, context;
    unsigned char  *plain, *sealed;

    token = results_str(NULL);

    parts = results_arena_printf(arena, "%.*s%c%.*s%c%.*s",
                                 (int) key->learner.len,
                                 key->learner.data ? key->learner.data : "",
                                 '\0', (int) key->item.len,
                                 key->item.data ? key->item.data : "", '\0',
                                 (int) key->enrollment.len,
                                 key->enrollment.data ? key->enrollment.data
                                                      : "");
    context = results_ispring_context(arena, institution_id);

    if (parts.data == NULL || context.data == NULL || parts.len > 0xffff) {
        return token;
    }

    len = 2 + (parts.len / RESULTS_ISPRING_BLOCK + 1) * RESULTS_ISPRING_BLOCK;

    plain = results_arena_calloc(arena, len);
    sealed = results_arena_alloc(arena, len + RESULTS_SEAL_EXTRA);
    text = results_arena_alloc(arena, (len + RESULTS_SEAL_EXTRA) / 3 * 4 + 1);

    if (plain == NULL || sealed == NULL || text == NULL) {
        return token;
    }

    plain[0] = (unsigned char) (parts.len >> 8);
    plain[1] = (unsigned char) parts.len;
    memcpy(plain + 2, parts.data, parts.len);

    if (results_seal(secret, context, plain, len, sealed) != 0) {
        return token;
    }

    token.data = text;
    token.len = EVP_EncodeBlock((unsigned char *) text, sealed,
                                (int) (len + RESULTS_SEAL_EXTRA));

    results_ispring_translate(text, token.len, "+/", "-_");

    return token;
}


int
results_ispring_token_parse(results_arena_t *arena, int32_t institution_id,
    const unsigned char *secret, results_str_t token,
    results_ispring_key_t *key)
{
    int             n;
    char           *text;
    results_str_t   parts, context;
    unsigned char  *sealed, *plain;

    if (token.len % 4 != 0) {
        return -1;
    }

    text = results_arena_alloc(arena, token.len + 1);
    sealed = results_arena_alloc(arena, token.len + 1);
    plain = results_arena_alloc(arena, token.len + 1);
    context = results_ispring_context(arena, institution_id);

    if (text == NULL || sealed == NULL || plain == NULL
        || context.data == NULL)
    {
        return -1;
    }

    memcpy(text, token.data, token.len);
    text[token.len] = '\0';

    results_ispring_translate(text, token.len, "+/=-_", "???+/");

    n = EVP_DecodeBlock(sealed, (unsigned char *) text, (int) token.len);

    if (n < RESULTS_SEAL_EXTRA + 2
        || results_unseal(secret, context, sealed, (size_t) n, plain) != 0)
    {
        return -1;
    }

    parts.data = (char *) plain + 2;
    parts.len = (size_t) plain[0] << 8 | plain[1];

    if (parts.len > (size_t) n - RESULTS_SEAL_EXTRA - 2
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


/* the context of the seal: no other institution can open it */

static results_str_t
results_ispring_context(results_arena_t *arena, int32_t institution_id)
{
    return results_arena_printf(arena, "ispring page %d",
                                (int) institution_id);
}


/*
 * Takes the text up to the next '\0' off *rest, which has no value after the
 * last part: 0, or -1 when there is no part or it is not UTF-8
 */

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
