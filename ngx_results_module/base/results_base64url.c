
/*
 * base64url: see results_base64url.h.
 */

#include "results_base64url.h"


static int results_base64url_digit(char c);


int64_t
results_base64url_decode(results_str_t text, unsigned char *out)
{
    int             digit;
    size_t          i;
    uint32_t        bits;
    unsigned        nbits;
    unsigned char  *p;

    if (text.len % 4 == 1) {
        return -1;
    }

    p = out;
    bits = 0;
    nbits = 0;

    for (i = 0; i < text.len; i++) {
        digit = results_base64url_digit(text.data[i]);

        if (digit < 0) {
            return -1;
        }

        bits = (bits << 6) | (uint32_t) digit;
        nbits += 6;

        if (nbits >= 8) {
            nbits -= 8;
            *p++ = (unsigned char) (bits >> nbits);
            bits &= (1u << nbits) - 1;
        }
    }

    return bits ? -1 : p - out;
}


static int
results_base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '-') ? 62 : (c == '_') ? 63 : -1;
}
