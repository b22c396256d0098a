
/*
 * Records as the binary array parameters of results_api.write_records(), one
 * array a column, and its binary answer back.  PostgreSQL's array format:
 * array_recv() and array_send().
 */

#ifndef RESULTS_ENCODE_H
#define RESULTS_ENCODE_H

#include "results_record.h"


/* the parameters in the order of sql/'s write_records() */
#define RESULTS_WRITE_NPARAMS  23

/*
 * The types' OIDs, RESULTS_WRITE_NPARAMS of them, in that order, for PREPARE.
 */
extern const uint32_t  results_write_types[RESULTS_WRITE_NPARAMS];


typedef struct {
    const char             *value[RESULTS_WRITE_NPARAMS];
    int                     length[RESULTS_WRITE_NPARAMS];
    results_buf_t           buf;       /* what the values point into */
} results_params_t;


/*
 * Encodes n records, at least one, column by column; a column without values
 * is NULL, not an array of nulls.  0, or -1 when there is no memory or the
 * parameters would exceed 1 GB.  params may be used again for the next batch;
 * results_params_free() at the end.
 */
int results_encode_records(results_params_t *params,
    results_record_t *const *records, size_t n);

void results_params_free(results_params_t *params);


/*
 * Reads the one row that write_records() answers: outcomes smallint[],
 * versions int[], stamps timestamptz[], each with one element a record, in
 * the order they were sent.  Stamps may be NULL as a whole (the fast path:
 * every record was stored with its own).  A negative outcome, of what was not
 * stored, is the same, forgotten.  0, or -1 when the answer is not of that
 * form (another number of elements, an unknown outcome): then written, of n
 * elements, holds nothing that counts.
 */
int results_decode_outcomes(const results_str_t answer[3],
    results_written_t *written, size_t n);

/*
 * A bytea[] of n digests of 32 bytes, behind what buf holds: the parameter of
 * results_api.lookup_tokens().
 */
void results_encode_digests(results_buf_t *buf,
    const unsigned char *const *digests, size_t n);


#endif /* RESULTS_ENCODE_H */
