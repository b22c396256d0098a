
/*
 * A request as a dialect sees it, and its reply; and what all
 * dialects use to read and answer it.
 *
 * http/ creates it, and sets the members that come first; the dialect sets the
 * others.  All that it points to lives at least as long as the request, in its
 * arena or in nginx's pool.  The body of the reply is a buffer, which http/
 * frees.
 */

#ifndef RESULTS_REQUEST_H
#define RESULTS_REQUEST_H

#include "results_base.h"
#include "results_json.h"
#include "results_principal.h"
#include "results_read.h"
#include "results_record.h"


typedef struct results_dialect_s  results_dialect_t;
typedef struct results_route_s    results_route_t;
typedef struct results_request_s  results_request_t;


/* bits: a set of methods is what Allow lists */
typedef enum {
    RESULTS_METHOD_OTHER   = 0,
    RESULTS_METHOD_GET     = 1,
    RESULTS_METHOD_HEAD    = 2,        /* served by the GET routes */
    RESULTS_METHOD_POST    = 4,
    RESULTS_METHOD_PUT     = 8,
    RESULTS_METHOD_PATCH   = 16,
    RESULTS_METHOD_DELETE  = 32,
    RESULTS_METHOD_OPTIONS = 64
} results_method_e;


#define RESULTS_PARAMS_MAX   4
#define RESULTS_HEADERS_MAX  6


typedef struct {
    results_str_t           name;
    results_str_t           value;
} results_header_t;


typedef struct {
    int                     status;         /* 0: no reply has been made */
    results_str_t           content_type;   /* no value: no body */
    results_buf_t           body;           /* freed by http/ */
    results_header_t        headers[RESULTS_HEADERS_MAX];   /* of the dialect:
                                               http/ adds its own */
    unsigned                nheaders;
} results_reply_t;


/* why a request is refused, or has failed; each dialect renders it */
typedef struct {
    int                     status;         /* HTTP; 0: no failure */
    results_str_t           text;           /* lower case, no full stop; no
                                               value: r->errors has the texts */
    const char             *word;           /* an error code of the dialect,
                                               used by its error() only */
    const char             *scope;          /* of 403: a scope to ask for */
    unsigned                allow;          /* of 405: results_method_e bits */
    unsigned                token_sent:1;   /* of 401: there was a token */
    unsigned                repeatable:1;   /* of 503: nothing was stored, or
                                               sending the request again does
                                               no harm */
} results_failure_t;


/*
 * A row that can't be shown, since SQL or a restored backup has stored what the
 * module would not.  row() sets this and leaves the row out of the page; http/
 * logs its kind and id and counts it.
 */
typedef struct {
    const char             *why;            /* NULL: the row was shown */
    const char             *kind;
    results_str_t           id;             /* may point into the values */
} results_left_out_t;


struct results_request_s {
    /* set before results_route() */
    results_arena_t           *arena;
    const results_dialect_t   *dialect;
    results_method_e           method;
    results_str_t              method_name;
    results_str_t              path;        /* below the location, still
                                               percent-encoded */
    results_str_t              query;       /* without '?', still encoded */
    results_str_t              base;        /* "https://host/location/"; the
                                               host is the client's text */
    results_str_t              content_type;
    results_str_t              accept;
    results_str_t              idempotency_key;
    results_str_t              if_match;
    results_str_t              if_none_match;
    results_str_t              if_modified_since;
    results_str_t              if_unmodified_since;
    int64_t                    received;    /* microseconds since 1970 */
    unsigned                   max_records; /* that one write can have; 0: no
                                               limit */
    size_t                     max_object;  /* bytes of an object after a PATCH;
                                               0: no limit */
    const results_principal_t *principal;   /* NULL before authentication, and
                                               with RESULTS_AUTH_CLIENT */
    results_str_t              authorization;   /* the header, for
                                                   RESULTS_AUTH_CLIENT only */
    results_str_t              institution;     /* of results_institution, or
                                                   no value */
    int                        token_ttl;   /* seconds, of
                                               results_token_endpoint */

    /* set by results_route() */
    const results_route_t     *route;
    results_str_t              params[RESULTS_PARAMS_MAX];  /* ids, decoded */

    /* set before parse() */
    results_str_t              body;        /* all of it */

    /* set by parse() */
    results_errors_t           errors;      /* of the body or the query */
    results_record_t          *records;     /* an array: written all or none */
    unsigned                   nrecords;
    results_read_t             read;
    unsigned                   repeatable:1;  /* sending the same POST or PATCH
                                               again does not create another
                                               record or another change */
    unsigned                   far_date:1;  /* a date of it is far from now: it
                                               is counted */
    void                      *state;       /* of the route, for its finish()
                                               and row() */

    /* set by http/ and the dialect, rendered by dialect->error() */
    results_failure_t          failure;

    /* set by row(); http/ clears it after each row */
    results_left_out_t         left_out;

    results_reply_t            reply;
};


/*
 * results_failure.c: failures, and the parts of their replies that are the same
 * in all dialects
 */

/* sets r->failure; the text is made in the arena */
void results_fail(results_request_t *r, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Sets r->failure, 404, for a record with the outcome UNKNOWN_LEARNER or
 * UNKNOWN_ITEM (results_references); learner and item are what the API calls
 * them.
 */
void results_fail_reference(results_request_t *r,
    const results_record_t *record, const char *learner, const char *item);

/*
 * Adds a header to r->reply; neither name nor value is copied.  Nothing is
 * added when there is no value, or are RESULTS_HEADERS_MAX headers already.
 */
void results_reply_header(results_request_t *r, const char *name,
    results_str_t value);

/*
 * The text of r->failure, or of r->errors when it has none; never empty.  In
 * lower case and without a full stop.
 */
results_str_t results_failure_text(const results_request_t *r);

/* appends an error's path "/object/list/0/name" as "object.list[0].name" */
void results_buf_dotted(results_buf_t *buf, results_str_t path);

/*
 * Starts the reply to r->failure: every error() calls this first.  Discards
 * what r->reply contains, and sets the status, Allow for a 405, Retry-After for
 * a 429 or 503.  A status below 500 becomes 500 when the arena has failed.
 */
void results_reply_failure(results_request_t *r);

/*
 * Adds WWW-Authenticate (RFC 6750 3) for a 401, and for a 403 for want of a
 * scope.  Called by the error() of dialects that authenticate by bearer token.
 */
void results_reply_bearer(results_request_t *r, const char *realm);

/* results_method_e bits as the value of Allow, "GET, PUT, OPTIONS" */
results_str_t results_allow_text(results_arena_t *arena, unsigned methods);


/* results_idempotency.c: the ids of records that a POST creates */

/*
 * 0 when a POST has no Idempotency-Key or a valid one, or -1 with r->failure
 * set: 400.  Called by http/ before parse().
 */
int results_check_idempotency_key(results_request_t *r);

/*
 * The id of record n, from 0, that a POST creates.  With an Idempotency-Key it
 * is a UUIDv8 made from the caller, the route and the key, so that a repeated
 * request has the same id, and r->repeatable is set; without one it is a new
 * UUIDv7.  route is what keys are unique within, as "wse/contentItemResult".
 * No value when it can't be made: answer 500.
 *
 * The record must be written with RESULTS_OP_CREATE, and its payload_hash must
 * cover all that makes two bodies different: then the same key with another
 * body has the outcome CONFLICT.
 */
results_str_t results_idempotency_id(results_request_t *r, const char *route,
    unsigned n);

/* sets r->failure for such a CONFLICT: 422 */
void results_idempotency_conflict(results_request_t *r);


/* results_form.c: application/x-www-form-urlencoded, and query strings */

/*
 * Takes the next name and value off *form and decodes them into the arena: 1,
 * or 0 at the end.  One that is malformed has no value.
 */
int results_form_next(results_arena_t *arena, results_str_t *form,
    results_str_t *name, results_str_t *value);

/*
 * Decodes the text from p to end: "+" is a space, "%" begins a byte.  No value
 * when it is malformed or there is no memory.
 */
results_str_t results_form_decode(results_arena_t *arena, const char *p,
    const char *end);


#endif /* RESULTS_REQUEST_H */
