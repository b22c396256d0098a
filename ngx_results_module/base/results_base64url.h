
/*
 * base64url without padding (RFC 7515 2): the parts of a JWT, the numbers of a
 * JWK.
 */

#ifndef RESULTS_BASE64URL_H
#define RESULTS_BASE64URL_H

#include "results_base.h"


/* bytes that text of this length decodes to, at most */
#define results_base64url_size(len)  ((len) / 4 * 3 + 2)

/*
 * Decodes text into out, which has results_base64url_size() bytes.  How many
 * they are; -1 where text is not base64url: another character, padding, a
 * length that no bytes have, or bits behind the last byte that are not 0 (one
 * value has one text).
 */
int64_t results_base64url_decode(results_str_t text, unsigned char *out);


#endif /* RESULTS_BASE64URL_H */
