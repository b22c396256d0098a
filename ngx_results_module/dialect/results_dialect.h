
/*
 * What a dialect is: one wire format as a table of routes, each of which
 * turns a request into records to write or a query to read, and the outcome
 * into a reply.  A new dialect is one folder beside this file, with one row in
 * results_dialects[].
 *
 * http/ drives a request through it:
 *
 *     results_route()          finds the route, decodes the path's ids
 *     route->parse()           body -> records; says what comes next
 *         RESULTS_NEXT_WRITE:  http/ commits r->records, fills the outcomes
 *         RESULTS_NEXT_READ:   http/ calls r->read, gives each row to row()
 *     route->finish()          outcome -> reply; may ask for another step
 *         RESULTS_NEXT_REPLY:  http/ sends r->reply
 *
 * and asks dialect->error() for the body of anything that went wrong.
 * Nothing here blocks, logs, or knows nginx.
 */

#ifndef RESULTS_DIALECT_H
#define RESULTS_DIALECT_H

#include "results_request.h"


/* how a dialect's callers show who they are */
typedef enum {
    RESULTS_AUTH_BEARER = 0,           /* RFC 6750 2.1 */
    RESULTS_AUTH_BARE,                 /* the word "Bearer" may be missing */
    RESULTS_AUTH_CLIENT                /* the dialect's own matter: RFC 6749
                                          2.3.1, a client and its secret */
} results_auth_e;


typedef enum {
    RESULTS_NEXT_REPLY,                /* r->reply is complete, or r->failure
                                          is set and error() makes it */
    RESULTS_NEXT_WRITE,                /* commit r->records, then finish() */
    RESULTS_NEXT_READ                  /* call r->read, row() for each row,
                                          then finish() */
} results_next_e;


#define RESULTS_ROUTE_BODY  1     /* has a body, of a media type of the
                                     dialect's */

struct results_route_s {
    unsigned                method;         /* one results_method_e */

    /*
     * segments below the location; "{name}" is an id, decoded into params[];
     * a trailing slash in a request is ignored; the first match counts
     */
    const char             *path;

    unsigned                flags;

    /* any one opens the route; bits by index in dialect->scopes; 0: no scope */
    uint64_t                scopes;

    results_next_e        (*parse)(results_request_t *r);
    results_next_e        (*finish)(results_request_t *r);

    /*
     * One row of r->read; the values are gone when it returns.  What it adds
     * to r->reply.body may be sent at once, and the buffer emptied: status,
     * type and headers have to be set before the body grows beyond
     * RESULTS_STREAM_SIZE; a failure set later cuts the reply off.
     *
     * values is NULL where the read was lost before anything was sent: the
     * rows so far are void, r->reply is empty again, and they come from the
     * first.
     */
    void                  (*row)(results_request_t *r,
                                 const results_str_t *values,
                                 unsigned nvalues);
};


#define RESULTS_STREAM_SIZE  32768


struct results_dialect_s {
    const char             *name;           /* the value of results_api */
    const results_route_t  *routes;         /* ends with a NULL path */
    const char *const      *scopes;         /* NULL-terminated; may be NULL */
    const char *const      *media_types;    /* of bodies; NULL-terminated,
                                               without parameters */
    results_auth_e          auth;

    /* renders r->failure (and r->errors) into r->reply, headers too */
    void                  (*error)(results_request_t *r);
};


/* every dialect there is, NULL-terminated */
extern const results_dialect_t *const  results_dialects[];

extern const results_dialect_t  results_educacional;
extern const results_dialect_t  results_ispring;
extern const results_dialect_t  results_oneroster;
extern const results_dialect_t  results_timeback;
extern const results_dialect_t  results_wse;

/* results_token_endpoint: no results_api, so not among them */
extern const results_dialect_t  results_token;

/* dialects.c: NULL when there is none of that name */
const results_dialect_t *results_dialect_find(results_str_t name);


/* route.c */

/*
 * Finds the route of r->method and r->path and decodes the path's ids.  0,
 * or -1 with r->failure set: 404, 405 with allow, 422 for an id that is none.
 * OPTIONS has no route: results_route_allow() is what answers it.
 */
int results_route(results_request_t *r);

/* the methods of the path, OPTIONS among them; 0 when no route has it */
unsigned results_route_allow(const results_request_t *r);


/* gate.c: what stands between a route and its parse() */

/* 0, or -1 with r->failure set: 403 and the scope that is missing */
int results_authorize(results_request_t *r);

/*
 * 0 where the Content-Type is one of the dialect's with no charset but
 * UTF-8, or -1 with r->failure set: 415
 */
int results_check_media_type(results_request_t *r);

/*
 * The Content-Type of the request without its parameters, and its index in
 * dialect->media_types; -1 where it is none of them.
 */
int results_media_type(const results_request_t *r, results_str_t *type);

/*
 * The one of a NULL-terminated list of media types that Accept likes best, by
 * its index (RFC 9110 12.5.1): of equals the one it names first, or the first
 * of the list; -1 where it takes none.
 */
int results_accept(results_str_t accept, const char *const *types);

/* the bits of a token's scopes, words separated by spaces; unknown: none */
uint64_t results_scope_bits(results_str_t scopes);


/* bearer.c */

/*
 * The token of an Authorization header: 1, 0 where there is none (another
 * scheme is none, RFC 6750 3.1), or -1 where it is malformed.
 */
int results_bearer(results_auth_e auth, results_str_t header,
    results_str_t *token);


#endif /* RESULTS_DIALECT_H */
