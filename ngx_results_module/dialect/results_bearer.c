
/*
 * The access token in an Authorization header (RFC 6750 2.1).  The header comes
 * from a caller who is not yet authenticated.
 */

#include <strings.h>

#include "results_dialect.h"


#define RESULTS_BEARER_TOKEN_MAX  4096


static int results_bearer_b64token(results_str_t token);


int
results_bearer(results_auth_e auth, results_str_t header,
    results_str_t *token)
{
    *token = header;

    if (header.len >= 6 && strncasecmp(header.data, "Bearer", 6) == 0
        && (header.len == 6 || header.data[6] == ' '))
    {
        token->data += 6;
        token->len -= 6;

        while (token->len && token->data[0] == ' ') {
            token->data++;
            token->len--;
        }

        return results_bearer_b64token(*token) ? 1 : -1;
    }

    return auth == RESULTS_AUTH_BARE && results_bearer_b64token(header);
}


/* RFC 6750 2.1: 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static int
results_bearer_b64token(results_str_t token)
{
    const unsigned char  *p, *first, *last;

    static const uint32_t  chars[] = {
        0x00000000, /* control characters */
        0x03ffe800, /* 9876 5432 10/. -+              */
        0x87fffffe, /* _    ZYXW VUTS RQPO NMLK JIHG FEDC BA  */
        0x47fffffe, /*  ~   zyxw vuts rqpo nmlk jihg fedc ba  */
    };

    if (token.len > RESULTS_BEARER_TOKEN_MAX) {
        return 0;
    }

    p = first = (const unsigned char *) token.data;
    last = p + token.len;

    while (p < last && *p < 0x80 && (chars[*p >> 5] & (1U << (*p & 0x1f)))) {
        p++;
    }

    if (p == first) {
        return 0;
    }

    while (p < last && *p == '=') {
        p++;
    }

    return p == last;
}
