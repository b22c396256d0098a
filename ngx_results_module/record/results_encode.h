
/*
 * Records as the binary parameters of results_api.write_records() and
 * write_group(), one array for each column, and their binary answer back; also
 * the parameter of lookup_tokens().  Called by store/.  The format is that of
 * PostgreSQL's array_recv() and array_send().
 */

#ifndef RESULTS_ENCODE_H
#define RESULTS_ENCODE_H

#include "results_record.h"


/* how many parameters write_records() has: docs/wire.md lists them */
#define RESULTS_WRITE_NPARAMS  23

/* the OIDs of their types, in their order, for PQsendPrepare() */
extern const uint32_t  results_write_types[RESULTS_WRITE_NPARAMS];


typedef struct {
    const char             *value[RESULTS_WRITE_NPARAMS];   /* NULL is null */
    int                     length[RESULTS_WRITE_NPARAMS];  /* bytes */
    results_buf_t           buf;       /* the memory of the values */
} results_params_t;


/*
 * Encodes n records, at least one, in their order.  A column in which no record
 * has a value is NULL, not an array of nulls.  params is zeroed before its
 * first use; its values point into params->buf, stay until the next call, and
 * their memory is used again by it.  0, or -1 when there is no memory or the
 * parameters would exceed the 1 GB that PostgreSQL takes.
 */
int results_encode_records(results_params_t *params,
    results_record_t *const *records, size_t n);

/* frees the memory of the values */
void results_params_free(results_params_t *params);


/*
 * Reads the one row that write_records() answers: outcomes smallint[], versions
 * int[], stamps timestamptz[], each with one element for each record in the
 * order in which they were sent.  stamps may be null, when every record was
 * stored with its own stamp.  A negative outcome sets `forgotten`.
 *
 * written has room for n elements.  0, or -1 when the answer has another form,
 * such as another number of elements or an unknown outcome; then written must
 * not be used.
 */
int results_decode_outcomes(const results_str_t answer[3],
    results_written_t *written, size_t n);

/*
 * Appends a bytea[] of n SHA-256 digests: the parameter of
 * results_api.lookup_tokens()
 */
void results_encode_digests(results_buf_t *buf,
    const unsigned char *const *digests, size_t n);


#endif /* RESULTS_ENCODE_H */
