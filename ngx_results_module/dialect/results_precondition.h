
/*
 * Validators and preconditions of single objects (RFC 9110 8.8 and 13).
 *
 * The entity tag of a record is "FV-S": one letter for the form in which it is
 * shown, its version, its stamp in microseconds since 1970.  It is a strong
 * one: what a dialect shows of a version never changes.  A version alone would
 * come again where an operator has removed the record and it is written anew.
 */

#ifndef RESULTS_PRECONDITION_H
#define RESULTS_PRECONDITION_H

#include "results_dialect.h"


/*
 * Adds ETag and Last-Modified to the reply, of a record that was read or
 * written.  What is deleted has neither, since it is not shown.  -1 with
 * r->failure set when there is no memory.
 */
int results_validators(results_request_t *r, const results_record_t *record);

/*
 * Whether the preconditions let a GET, HEAD or PATCH do its work on a record
 * as it was read: 0, or the status that is the answer: 304, with r->reply
 * complete, or 412 or 400, with r->failure set.
 */
int results_precondition_check(results_request_t *r,
    const results_record_t *stored);

/*
 * Whether a record that fails the preconditions of a PATCH is, as far as can
 * be told, what the same request made of it when it was sent before:
 * merged is what it makes of it now.
 */
int results_precondition_was_met(const results_request_t *r,
    const results_record_t *stored, const results_record_t *merged);

/*
 * Leaves the preconditions of a PUT or DELETE to the write: as a guard of its
 * record.  0, or -1 with r->failure set: 400 where a header is malformed.
 */
int results_precondition_guard(results_request_t *r,
    results_record_t *record);

/* sets r->failure: 412 */
void results_precondition_failed(results_request_t *r);


#endif /* RESULTS_PRECONDITION_H */
