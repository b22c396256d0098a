
/*
 * One request on its way through a dialect, and its reply: what http/ fills in,
 * what the dialect makes of it, and why it is refused.  Everything that it
 * points to lives in its arena, but for the reply's body, which http/ frees.
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


/* bits, so that a set of them is what Allow lists */
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
    int                     status;
    results_str_t           content_type;   /* no value: no body */
    results_buf_t           body;           /* freed by http/ */
    results_header_t        headers[RESULTS_HEADERS_MAX];
    unsigned                nheaders;
} results_reply_t;


/* why a request is refused, in words that every dialect can render */
typedef struct {
    int                     status;         /* 0: it is not */
    results_str_t           text;           /* lower case, no full stop; no
                                               value: r->errors say it */
    const char             *word;           /* the dialect's own, where the
                                               status says too little */
    const char             *scope;          /* 403: the scope it takes */
    unsigned                allow;          /* 405: the methods there are */
    unsigned                token_sent:1;   /* 401: there was a token */
    unsigned                repeatable:1;   /* 503: the same request again is
                                               safe */
} results_failure_t;


/*
 * A row that is stored in a form that can't be shown, as SQL or a restored
 * backup may have left it: a page goes on without it, and http/ logs its key
 * and counts it.
 */
typedef struct {
    const char             *why;            /* NULL: there is none */
    const char             *kind;
    results_str_t           id;             /* one of the row's values */
} results_left_out_t;


struct results_request_s {
    /* set before results_route() */
    results_arena_t           *arena;
    const results_dialect_t   *dialect;
    results_method_e           method;
    results_str_t              method_name;
    results_str_t              path;        /* below the location, as sent,
                                               without the query */
    results_str_t              query;       /* as sent, without '?' */
    results_str_t              base;        /* "https://host/location/" */
    results_str_t              content_type;
    results_str_t              accept;
    results_str_t              idempotency_key;
    results_str_t              if_match;
    results_str_t              if_none_match;
    results_str_t              if_modified_since;
    results_str_t              if_unmodified_since;
    int64_t                    received;    /* microseconds since 1970 */
    unsigned                   max_records; /* of one write; 0: any */
    size_t                     max_object;  /* bytes that a merge may come
                                               to; 0: any */
    const results_principal_t *principal;   /* NULL before authentication */
    results_str_t              authorization;   /* RESULTS_AUTH_CLIENT only */
    results_str_t              institution;     /* results_institution, or no
                                                   value */
    int                        token_ttl;   /* results_token_endpoint's, in
                                               seconds */

    /* set by results_route() */
    const results_route_t     *route;
    results_str_t              params[RESULTS_PARAMS_MAX];  /* decoded */

    /* set before parse() */
    results_str_t              body;

    /* set by parse() */
    results_errors_t           errors;
    results_record_t          *records;     /* one group: all or nothing */
    unsigned                   nrecords;
    results_read_t             read;
    unsigned                   repeatable:1;  /* POST: the same request again
                                               is the same record */
    unsigned                   far_date:1;  /* a date of it is far from now */
    void                      *state;       /* the route's own */

    /* set by anyone, rendered by dialect->error() */
    results_failure_t          failure;

    /* set by row(), taken by http/ when it returns */
    results_left_out_t         left_out;

    results_reply_t            reply;
};


/*
 * failure.c: refusals, and the parts of their replies that are the same in
 * every dialect
 */

/* sets r->failure; the text is copied */
void results_fail(results_request_t *r, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Sets r->failure for a record of the outcome UNKNOWN_LEARNER or
 * UNKNOWN_ITEM: 404, with the API's word for that one (results_references).
 */
void results_fail_reference(results_request_t *r,
    const results_record_t *record, const char *learner, const char *item);

/* adds a header to r->reply; the value is not copied */
void results_reply_header(results_request_t *r, const char *name,
    results_str_t value);

/* what r->failure says, or r->errors where it has no words; never no value */
results_str_t results_failure_text(const results_request_t *r);

/* an error's path "/object/list/0/name" as "object.list[0].name" */
void results_buf_dotted(results_buf_t *buf, results_str_t path);

/*
 * Starts the reply to r->failure, for every error(): the status, Allow of a
 * 405, Retry-After of a 429 or 503; what the reply held before is dropped.
 */
void results_reply_failure(results_request_t *r);

/*
 * Adds WWW-Authenticate (RFC 6750 3) for a 401 or 403 failure, for the
 * error() of dialects that authenticate by bearer token.
 */
void results_reply_bearer(results_request_t *r, const char *realm);

/* "GET, PUT, OPTIONS" */
results_str_t results_allow_text(results_arena_t *arena, unsigned methods);


/* idempotency.c: the ids of what a POST creates */

/*
 * 0 where a POST has no Idempotency-Key or a valid one, or -1 with r->failure
 * set: 400
 */
int results_check_idempotency_key(results_request_t *r);

/*
 * The id of the n-th record (from 0) that a POST creates: a UUIDv8 of the
 * caller, the route and the Idempotency-Key, and then r->repeatable is set;
 * without a key a new UUIDv7.  route names what the key is unique within, as
 * "wse/contentItemResult".  data is NULL when it can't be made.
 *
 * The same key with another body is found by the write: its outcome is
 * CONFLICT, if payload_hash covers all that makes the body another one.
 */
results_str_t results_idempotency_id(results_request_t *r, const char *route,
    unsigned n);

/* sets r->failure for that: 422 */
void results_idempotency_conflict(results_request_t *r);


/* form.c: a form, or a query */

/*
 * The next pair of a form or a query, decoded; 0 at the end.  A name or value
 * without data is malformed.
 */
int results_form_next(results_arena_t *arena, results_str_t *form,
    results_str_t *name, results_str_t *value);

/* one of them: "+" is a space; no value where it is malformed */
results_str_t results_form_decode(results_arena_t *arena, const char *p,
    const char *end);


#endif /* RESULTS_REQUEST_H */
