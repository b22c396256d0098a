
/*
 * Between the files of the dialect `ispring`: one page of the module report,
 * from the query that asks for it to the document that answers.
 */

#ifndef RESULTS_ISPRING_H
#define RESULTS_ISPRING_H

#include "results_dialect.h"
#include "results_seal.h"


/* the order of a report and where a page goes on; no value: all of what is
   left of it is behind */
typedef struct {
    results_str_t           learner;
    results_str_t           item;
    results_str_t           enrollment;
} results_ispring_key_t;


/* r->state */
typedef struct {
    int                     type;      /* of its media types */
    unsigned                json:1;    /* else XML */
    unsigned                more:1;    /* another page follows last */
    unsigned                keyed:1;   /* secret was read, or is none */
    unsigned char           secret[RESULTS_SEAL_KEY];   /* of page tokens */
    unsigned                size;      /* rows asked for */
    unsigned                rows;      /* written */
    results_ispring_key_t   last;
} results_ispring_page_t;


/* the columns of results_api.read_report(), in the order of its rows */
typedef enum {
    RESULTS_ISPRING_USER_ID = 0,
    RESULTS_ISPRING_COURSE_ITEM_ID = 4,
    RESULTS_ISPRING_ENROLLMENT_ID = 5,
    RESULTS_ISPRING_COMPLETION = 11,
    RESULTS_ISPRING_COLUMNS = 17
} results_ispring_column_e;


/*
 * Makes r->query a call of read_report() and sets page->size.  manager is the
 * person whose departments are all that is shown, no value for an account's
 * owner.  A pageToken is looked into when page->keyed is set, and else taken
 * for a good one.  0, or -1 with r->failure set.
 */
int results_ispring_query(results_request_t *r, results_str_t manager,
    results_ispring_page_t *page);

/*
 * A pageToken is a key, sealed for the institution with the secret that all
 * who ask this database share: no data where that fails.
 */
results_str_t results_ispring_token(results_arena_t *arena,
    int32_t institution_id, const unsigned char *secret,
    const results_ispring_key_t *key);

/* 0, or -1 where it is none of this institution's */
int results_ispring_token_parse(results_arena_t *arena,
    int32_t institution_id, const unsigned char *secret, results_str_t token,
    results_ispring_key_t *key);

/* the document, piece by piece */
void results_ispring_write_start(results_buf_t *buf, int json);
void results_ispring_write_row(results_buf_t *buf, int json, int first,
    const results_str_t *values);
void results_ispring_write_end(results_buf_t *buf, int json,
    results_str_t next_page_token);
void results_ispring_write_error(results_buf_t *buf, int json, int code,
    results_str_t message);


#endif /* RESULTS_ISPRING_H */
