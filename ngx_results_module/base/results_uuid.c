
/*
 * UUIDs: new ones by time, ones made from other data, and those of clients in
 * their various spellings.  Nothing is kept between calls.
 */

#include <string.h>
#include <sys/random.h>

#include "results_digest.h"
#include "results_uuid.h"


#define RESULTS_UUID_BYTES  16


static void results_uuid_text(unsigned char *bytes, unsigned version,
    char *out);
static int results_uuid_hex(char c);


int
results_uuid_v7(int64_t time, char out[RESULTS_UUID_LEN])
{
    int            i;
    uint64_t       ms;
    unsigned char  bytes[RESULTS_UUID_BYTES];

    /* getrandom() is neither cut short nor interrupted below 256 bytes */

    if (getrandom(bytes + 6, sizeof(bytes) - 6, 0)
        != (ssize_t) sizeof(bytes) - 6)
    {
        return -1;
    }

    ms = (time > 0) ? (uint64_t) time / 1000 : 0;

    for (i = 5; i >= 0; i--) {
        bytes[i] = (unsigned char) (ms & 0xff);
        ms >>= 8;
    }

    results_uuid_text(bytes, 7, out);

    return 0;
}


int
results_uuid_v8(const results_str_t *parts, unsigned nparts,
    char out[RESULTS_UUID_LEN])
{
    int             rc;
    unsigned        i, k;
    uint64_t        len;
    results_buf_t   buf = { NULL, 0, 0, 0 };
    unsigned char   digest[RESULTS_DIGEST_LEN], prefix[8];

    for (i = 0; i < nparts; i++) {
        len = parts[i].len;

        for (k = sizeof(prefix); k > 0; k--) {
            prefix[k - 1] = (unsigned char) (len & 0xff);
            len >>= 8;
        }

        results_buf_append(&buf, prefix, sizeof(prefix));
        results_buf_str(&buf, parts[i]);
    }

    rc = buf.failed ? -1 : results_digest(buf.data, buf.len, digest);

    results_buf_free(&buf);

    if (rc != 0) {
        return -1;
    }

    results_uuid_text(digest, 8, out);

    return 0;
}


/* sets version and variant (RFC 9562 4.1, 4.2), writes the text */
static void
results_uuid_text(unsigned char *bytes, unsigned version, char *out)
{
    int                i;
    static const char  hex[] = "0123456789abcdef";

    bytes[6] = (unsigned char) ((bytes[6] & 0x0f) | (version << 4));
    bytes[8] = (unsigned char) ((bytes[8] & 0x3f) | 0x80);

    for (i = 0; i < RESULTS_UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }

        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 0x0f];
    }
}


int
results_uuid_normalize(results_str_t text, char out[RESULTS_UUID_LEN])
{
    int            hyphens;
    char           uuid[RESULTS_UUID_LEN];
    size_t         i;
    const char    *p;
    results_str_t  prefix;

    p = text.data;

    switch (text.len) {

    case RESULTS_UUID_LEN - 4:              /* .NET's "N" */
        hyphens = 0;
        break;

    case RESULTS_UUID_LEN:                  /* "D" */
        hyphens = 1;
        break;

    case RESULTS_UUID_LEN + 2:              /* "B" and "P" */
        if (!(p[0] == '{' && p[RESULTS_UUID_LEN + 1] == '}')
            && !(p[0] == '(' && p[RESULTS_UUID_LEN + 1] == ')'))
        {
            return -1;
        }

        p++;
        hyphens = 1;
        break;

    case RESULTS_UUID_LEN + sizeof("urn:uuid:") - 1:
        prefix.len = sizeof("urn:uuid:") - 1;
        prefix.data = p;

        /* neither "urn" nor the namespace has a case: RFC 8141 3.1 */

        if (!results_str_caseeq(prefix,
                                (results_str_t) results_string("urn:uuid:")))
        {
            return -1;
        }

        p += prefix.len;
        hyphens = 1;
        break;

    default:
        return -1;
    }

    for (i = 0; i < RESULTS_UUID_LEN; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            uuid[i] = '-';

            if (hyphens && *p++ != '-') {
                return -1;
            }

            continue;
        }

        if (!results_uuid_hex(*p)) {
            return -1;
        }

        uuid[i] = (char) ((*p >= 'A' && *p <= 'F') ? *p | 0x20 : *p);
        p++;
    }

    memcpy(out, uuid, RESULTS_UUID_LEN);

    return 0;
}


static int
results_uuid_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
           || (c >= 'A' && c <= 'F');
}
