
/*
 * Validators and preconditions of single objects (RFC 9110 8.8 and 13), called
 * by the parse(), row() and finish() of OneRoster's routes.
 *
 * The entity tag of a record is "FV-S": the first letter of the dialect's name,
 * since dialects show a record differently, its version, and its stamp in
 * microseconds since 1970.  It is a strong validator, since what a dialect
 * shows of a version never changes.  The version alone would not do: when an
 * operator has removed a record, and it is written again, its versions begin
 * at 1 again.
 */

#ifndef RESULTS_PRECONDITION_H
#define RESULTS_PRECONDITION_H

#include "results_dialect.h"


/*
 * Adds ETag and Last-Modified of a record that was read or written to the
 * reply, unless its status is tobedeleted: such a record is not shown.  0, or
 * -1 with r->failure set: 500.
 */
int results_validators(results_request_t *r, const results_record_t *record);

/*
 * Evaluates the preconditions of a GET, HEAD or PATCH for a record that was
 * read: 0 when the request goes on; else the status of the answer: 304 with
 * r->reply complete, or 400, 412 or 500 with r->failure set.
 */
int results_precondition_check(results_request_t *r,
    const results_record_t *stored);

/*
 * For a PATCH whose preconditions fail: 1 when it may be the repetition of one
 * that was done, but whose answer was lost.  stored is the record that was
 * read, merged what the PATCH makes of it: the same client wrote it, the merge
 * changes nothing, and If-Match, if there is one, names the version before.
 */
int results_precondition_was_met(const results_request_t *r,
    const results_record_t *stored, const results_record_t *merged);

/*
 * Hands the preconditions of a PUT or DELETE to the write statement, which
 * checks them against the row that it has locked: sets the record's guard and
 * actor_id.  0, or -1 with r->failure set: 400 for a malformed header, 500.
 */
int results_precondition_guard(results_request_t *r,
    results_record_t *record);

/* sets r->failure, 412, also for the outcome PRECONDITION_FAILED */
void results_precondition_failed(results_request_t *r);


#endif /* RESULTS_PRECONDITION_H */
