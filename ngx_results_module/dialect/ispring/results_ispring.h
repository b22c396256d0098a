
/*
 * Shared by the files of the dialect `ispring`: one page of the module report,
 * from the query string to the document that is the reply.
 */

#ifndef RESULTS_ISPRING_H
#define RESULTS_ISPRING_H

#include "results_dialect.h"
#include "results_seal.h"


/*
 * The key of a row, by which the report is ordered and pages continue.  A
 * member without a value sorts before all ids.
 */
typedef struct {
    results_str_t           learner;
    results_str_t           item;
    results_str_t           enrollment;
} results_ispring_key_t;


/* r->state */
typedef struct {
    int                     type;      /* index of the reply's media type */
    unsigned                json:1;    /* the reply is JSON, else XML */
    unsigned                more:1;    /* another page follows */
    unsigned                keyed:1;   /* secret has been read */
    unsigned char           secret[RESULTS_SEAL_KEY];   /* seals page tokens */
    unsigned                size;      /* rows that a page has at most */
    unsigned                rows;      /* rows written so far */
    results_ispring_key_t   last;      /* after which the next page begins */
} results_ispring_page_t;


/* indexes of columns in the rows of results_api.read_report() */
typedef enum {
    RESULTS_ISPRING_USER_ID = 0,
    RESULTS_ISPRING_COURSE_ITEM_ID = 4,
    RESULTS_ISPRING_ENROLLMENT_ID = 5,
    RESULTS_ISPRING_COMPLETION = 11,
    RESULTS_ISPRING_COLUMNS = 17
} results_ispring_column_e;


/*
 * Checks r->query and makes the call of read_report(), r->read, from it; sets
 * page->size.  manager is the person whose departments limit what is shown; no
 * value: nothing does.  A pageToken is opened only when page->keyed is set.  So
 * this is called before the key has been read, to refuse a wrong query at once,
 * and after it.  0, or -1 with r->failure set.
 */
int results_ispring_query(results_request_t *r, results_str_t manager,
    results_ispring_page_t *page);

/*
 * Page tokens.  A token is the key of a row, sealed with the secret that the
 * database has, so every node can open it; and bound to the institution.
 */

/* the token of a key; no value when there is no memory or libcrypto fails */
results_str_t results_ispring_token(results_arena_t *arena,
    int32_t institution_id, const unsigned char *secret,
    const results_ispring_key_t *key);

/*
 * Opens a token: 0 and *key, which points into the arena, or -1 when it is not
 * a token of this institution
 */
int results_ispring_token_parse(results_arena_t *arena,
    int32_t institution_id, const unsigned char *secret, results_str_t token,
    results_ispring_key_t *key);

/*
 * The parts of the document, appended in this order.  A row is the columns of
 * read_report(); first is 1 for the first one.  The last page has no next page
 * token: no value.  _error() is a whole document, for a failure.
 */
void results_ispring_write_start(results_buf_t *buf, int json);
void results_ispring_write_row(results_buf_t *buf, int json, int first,
    const results_str_t *values);
void results_ispring_write_end(results_buf_t *buf, int json,
    results_str_t next_page_token);
void results_ispring_write_error(results_buf_t *buf, int json, int code,
    results_str_t message);


#endif /* RESULTS_ISPRING_H */
