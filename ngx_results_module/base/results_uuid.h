
/*
 * UUIDs: RFC 9562.  Text is always the 36-character lower-case form.
 */

#ifndef RESULTS_UUID_H
#define RESULTS_UUID_H

#include "results_base.h"


#define RESULTS_UUID_LEN  36

/*
 * A time-ordered UUIDv7 for `time` (microseconds since the Unix epoch), rest
 * random.  0, or -1 when the system gave no random bytes.
 */
int results_uuid_v7(int64_t time, char out[RESULTS_UUID_LEN]);

/*
 * A UUIDv8 of the SHA-256 of the parts, each with its length before it, so
 * that ("ab","c") and ("a","bc") differ.  Equal parts give equal UUIDs.
 */
int results_uuid_v8(const results_str_t *parts, unsigned nparts,
    char out[RESULTS_UUID_LEN]);

/*
 * 0 and the lower-case hyphened form where text is a GUID in any of the
 * usual forms: 32 digits, hyphens, {braces}, (parentheses), urn:uuid:, any
 * case.  -1 where it is none; out is then untouched.
 */
int results_uuid_normalize(results_str_t text, char out[RESULTS_UUID_LEN]);


#endif /* RESULTS_UUID_H */
