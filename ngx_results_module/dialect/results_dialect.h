
/*
 * The interface of a dialect.  A dialect is one wire format: a table of routes,
 * whose functions turn a request into records to write or a call to read, and
 * the outcome into a reply.  A new one is a folder beside this file and a row
 * in results_dialects[]; CONTRIBUTING.md shows how it is made.
 *
 * http/ fills in a results_request_t and drives it:
 *
 *     results_route()          finds the route, decodes the ids of the path
 *     results_authorize()      and the other checks of results_gate.c
 *     route->parse()           reads the body, and says what comes next:
 *         RESULTS_NEXT_WRITE:  http/ writes r->records, sets their outcomes
 *         RESULTS_NEXT_READ:   http/ calls r->read, and row() for each row
 *         RESULTS_NEXT_REPLY:  http/ sends r->reply, or the reply to r->failure
 *     route->finish()          called after each write or read: makes the
 *                              reply, or asks for another write or read
 *
 * When r->failure.status is set, http/ calls dialect->error() for the reply.
 * These functions run in the worker's event loop: they must not block, sleep or
 * log, and know nothing of nginx.  While one runs, the worker serves nobody
 * else.
 */

#ifndef RESULTS_DIALECT_H
#define RESULTS_DIALECT_H

#include "results_request.h"


/* how the callers of a dialect authenticate */
typedef enum {
    RESULTS_AUTH_BEARER = 0,           /* a bearer token: RFC 6750 2.1 */
    RESULTS_AUTH_BARE,                 /* the same; "Bearer" may be missing */
    RESULTS_AUTH_CLIENT                /* the dialect authenticates the client
                                          (RFC 6749 2.3.1): it has
                                          r->authorization and no principal */
} results_auth_e;


/* what parse() and finish() ask http/ to do */
typedef enum {
    RESULTS_NEXT_REPLY,                /* send r->reply; or, when r->failure is
                                          set, what error() makes */
    RESULTS_NEXT_WRITE,                /* write r->records, call finish() when
                                          they are committed; any other end of
                                          the write http/ answers by itself */
    RESULTS_NEXT_READ                  /* make the call r->read, row() for each
                                          row, then finish() */
} results_next_e;


#define RESULTS_ROUTE_BODY  1     /* flags: the request has a body, of one of
                                     the dialect's media types */

struct results_route_s {
    unsigned                method;         /* one results_method_e */

    /*
     * The segments of the path below the location, without slashes at its ends.
     * "{name}" matches any segment, an id, which is decoded into r->params.  A
     * trailing slash of a request is ignored.  The first route that matches is
     * taken.
     */
    const char             *path;

    unsigned                flags;

    /*
     * The scopes of which a token must have one: bits by their index in
     * dialect->scopes; 0 requires none
     */
    uint64_t                scopes;

    /*
     * Called once, when the whole body is in r->body.  It sets r->records and
     * r->nrecords, or r->read, or r->reply, or r->failure.
     */
    results_next_e        (*parse)(results_request_t *r);

    /*
     * Called after each write or read.  After a write, each record has its
     * outcome, which may be a refusal.  A request may take 20 steps.
     */
    results_next_e        (*finish)(results_request_t *r);

    /*
     * Called for each row of r->read, in binary; the values are valid only
     * until it returns.  What it appends to r->reply.body may be sent before
     * the next row, and the buffer is empty then.  So status, content type and
     * headers must be set before the body reaches RESULTS_STREAM_SIZE, and a
     * failure that is set after that cuts the reply off.
     *
     * With values NULL the read has been lost before anything was sent, and is
     * made again: row() forgets the rows so far.  http/ has emptied r->reply
     * and r->failure.
     */
    void                  (*row)(results_request_t *r,
                                 const results_str_t *values,
                                 unsigned nvalues);
};


#define RESULTS_STREAM_SIZE  32768     /* bytes of a reply that are sent without
                                          waiting for more rows */


struct results_dialect_s {
    const char             *name;           /* the value of results_api; its
                                               first letter is that of entity
                                               tags */
    const results_route_t  *routes;         /* ends with a NULL path */
    const char *const      *scopes;         /* NULL-terminated; may be NULL.
                                               Dialects may share a table */
    const char *const      *media_types;    /* of bodies; NULL-terminated,
                                               without parameters */
    results_auth_e          auth;

    /*
     * Makes the reply to r->failure, body and headers included: begins with
     * results_reply_failure().  It is also called when there was no route, no
     * principal or no body.
     */
    void                  (*error)(results_request_t *r);
};


/* all dialects but results_token, NULL-terminated */
extern const results_dialect_t *const  results_dialects[];

extern const results_dialect_t  results_educacional;
extern const results_dialect_t  results_ispring;
extern const results_dialect_t  results_oneroster;
extern const results_dialect_t  results_timeback;
extern const results_dialect_t  results_wse;

/* the dialect of results_token_endpoint: it is no value of results_api */
extern const results_dialect_t  results_token;

/* results_dialects.c: the dialect of a name; NULL when there is none */
const results_dialect_t *results_dialect_find(results_str_t name);


/* results_route.c */

/*
 * Finds the route of r->method and r->path, decodes the ids of the path, and
 * initializes r->errors.  Called by http/, not for OPTIONS.  0, or -1 with
 * r->failure set: 404, 405 with its methods, 422 for a segment that is not an
 * id.
 */
int results_route(results_request_t *r);

/*
 * The methods of r->path as results_method_e bits, with OPTIONS; 0 when no
 * route has this path
 */
unsigned results_route_allow(const results_request_t *r);


/* results_gate.c: checks of a request before parse() */

/*
 * Whether the caller has one of the scopes of the route.  0, or -1 with
 * r->failure set: 401 without a principal, 403 with a scope to ask for.
 */
int results_authorize(results_request_t *r);

/*
 * Whether the Content-Type of a body is one of the dialect's media types, and
 * its charset, if it has one, UTF-8.  0, also for a route without a body, or -1
 * with r->failure set: 415.
 */
int results_check_media_type(results_request_t *r);

/*
 * Sets *type to the Content-Type of the request without its parameters.
 * Returns its index in dialect->media_types, or -1 when it is not there.
 */
int results_media_type(const results_request_t *r, results_str_t *type);

/*
 * Content negotiation (RFC 9110 12.5.1): the index of the type that an Accept
 * header prefers, from a NULL-terminated list; -1 when it accepts none.  Of
 * types with the same quality it is the one whose range comes first in the
 * header, then the first one of the list; so it is 0 without the header.
 */
int results_accept(results_str_t accept, const char *const *types);

/*
 * The scopes of a token, words separated by spaces, as the bits that a
 * principal has; unknown words are ignored.  Called by store/ when a token has
 * been looked up.
 */
uint64_t results_scope_bits(results_str_t scopes);


/* results_bearer.c */

/*
 * The access token of an Authorization header, which *token then points into:
 * 1, 0 when the header has none (also with another scheme, RFC 6750 3.1), or -1
 * when it is malformed.  Called by http/ before the token is looked up.
 */
int results_bearer(results_auth_e auth, results_str_t header,
    results_str_t *token);


#endif /* RESULTS_DIALECT_H */
