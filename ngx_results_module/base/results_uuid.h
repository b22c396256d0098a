
/*
 * UUIDs (RFC 9562).  What is written is the text of RESULTS_UUID_LEN lower-case
 * characters with hyphens, without a '\0'.
 */

#ifndef RESULTS_UUID_H
#define RESULTS_UUID_H

#include "results_base.h"


#define RESULTS_UUID_LEN  36

/*
 * A UUIDv7: ordered by `time`, in microseconds since 1970, the rest random.
 * 0, or -1 when the system gives no random bytes.
 */
int results_uuid_v7(int64_t time, char out[RESULTS_UUID_LEN]);

/*
 * A UUIDv8 made from a SHA-256 of the parts: equal parts give equal UUIDs.
 * Each part is hashed with its length, so that ("ab", "c") and ("a", "bc")
 * differ.  What is made here is stored as ids: the recipe must not change.
 * 0, or -1 when there is no memory or libcrypto fails.
 */
int results_uuid_v8(const results_str_t *parts, unsigned nparts,
    char out[RESULTS_UUID_LEN]);

/*
 * Reads a GUID in any of the usual forms: 32 digits, with hyphens, in {braces}
 * or (parentheses), as urn:uuid:, in either case.  0, or -1 when the text is
 * not a GUID: then out is unchanged.
 */
int results_uuid_normalize(results_str_t text, char out[RESULTS_UUID_LEN]);


#endif /* RESULTS_UUID_H */
