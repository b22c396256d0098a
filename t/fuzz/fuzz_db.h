
/*
 * The database of the dialects' fuzz target: what http/ and store/ do with a
 * request, in memory.  It is also where a request meets what PostgreSQL would
 * refuse.
 */

#ifndef FUZZ_DB_H
#define FUZZ_DB_H

#include "results_dialect.h"


void fuzz_db_open(void);
void fuzz_db_close(void);

/* the records get their outcomes, the letters of a text, in turn */
void fuzz_db_write(results_request_t *r, results_str_t outcomes);

/* gives the rows; -1 where there was no memory for the call */
int fuzz_db_read(results_request_t *r, results_str_t outcomes);


#endif /* FUZZ_DB_H */
