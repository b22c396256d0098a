
/*
 * What the files of http/ share with each other and with status/: the
 * configuration, the context of a request, and the functions that one file has
 * for the others.
 *
 * Memory: the context lies in the request's pool.  What dialect/, record/ and
 * store/ work on (the dialect's request, its records, the group) lies in an
 * arena, which the pool's cleanup destroys.
 *
 * Functions that take a request are called from the event loop.  Those that
 * return ngx_int_t return NGX_OK, or NGX_ERROR without memory, where nothing
 * else is said.
 */

#ifndef NGX_HTTP_RESULTS_H
#define NGX_HTTP_RESULTS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "results_dialect.h"
#include "ngx_http_results_counters.h"
#include "ngx_http_results_store.h"
#include "ngx_http_results_tokens.h"


#define NGX_HTTP_RESULTS_VERSION  "0.1.0"


typedef struct ngx_http_results_flight_s  ngx_http_results_flight_t;


typedef struct {
    ngx_array_t                     stores;   /* of ..._store_conf_t * */
    ngx_array_t                     passes;   /* each results_pass, until its
                                                 store is found */

    ngx_shm_zone_t                 *tokens;   /* NULL: no results_token_zone */
    time_t                          ttl;      /* seconds */
    time_t                          negative_ttl;

    ngx_uint_t                      used;     /* 0: no directive is used, and
                                                 the module does nothing */
    ngx_shm_zone_t                 *counters;
    ngx_uint_t                      apis;     /* bits 1 << api of those that
                                                 are served */
    ngx_str_t                       policy;   /* the status page's
                                                 Content-Security-Policy */
} ngx_http_results_main_conf_t;


#define NGX_HTTP_RESULTS_REFERENCES_LOOSE   0
#define NGX_HTTP_RESULTS_REFERENCES_STRICT  1


typedef struct {
    ngx_http_results_store_conf_t  *store;
    ngx_uint_t                      pass;     /* 1: has its own results_pass */
    ngx_str_t                       institution;   /* empty: any */
    ngx_uint_t                      references;    /* ..._REFERENCES_... */
    ngx_http_complex_value_t       *base_url;      /* NULL: by Host */
    ngx_uint_t                      streams;       /* large replies that one
                                                      client may leave unread */
    off_t                           max_temp_file_size;    /* bytes */

    /* of results_api or results_token_endpoint; NULL: neither.  Not inherited,
       as a location's handler is not either. */
    const results_dialect_t        *dialect;
    ngx_str_t                      *directive;     /* which of them, for logs */
    time_t                          token_ttl;     /* seconds */
    ngx_str_t                       prefix;   /* the location's name */
    ngx_str_t                       base;     /* the same as it stands in a
                                                 URI, with a slash at its end */
    ngx_uint_t                      exact;    /* location = */
    ngx_uint_t                      api;      /* its slot in the counters */

    ngx_int_t                       status_format;   /* NGX_ERROR: the request
                                                        asks for one */
    ngx_uint_t                      ready;    /* results_health ready */
    u_char                         *file;
    ngx_uint_t                      line;
} ngx_http_results_loc_conf_t;


typedef enum {
    NGX_HTTP_RESULTS_AUTH_NONE = 0,           /* no token was checked */
    NGX_HTTP_RESULTS_AUTH_PENDING,            /* waits for the store's answer */
    NGX_HTTP_RESULTS_AUTH_OK,                 /* ctx->principal is set */
    NGX_HTTP_RESULTS_AUTH_FOREIGN,            /* is not of the location's
                                                 results_institution */
    NGX_HTTP_RESULTS_AUTH_UNKNOWN,            /* the database does not know the
                                                 token */
    NGX_HTTP_RESULTS_AUTH_DOWN                /* the database could not be
                                                 asked */
} ngx_http_results_auth_e;


typedef struct ngx_http_results_ctx_s  ngx_http_results_ctx_t;

/* what goes on with a request when a read of it is over: next says with what */
typedef void (*ngx_http_results_after_pt)(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, results_next_e next);


struct ngx_http_results_ctx_s {
    ngx_http_request_t             *request;

    /* authentication */
    ngx_http_results_auth_e         auth;
    results_principal_t             principal;
    ngx_http_results_flight_t      *flight;   /* the lookup that it waits for,
                                                 or NULL */
    ngx_queue_t                     queue;    /* those who wait for it */

    /* the arena and what lies in it; NULL before they are needed */
    results_arena_t                *arena;
    results_request_t              *req;
    ngx_http_results_group_t       *group;    /* while it is the store's, else
                                                 NULL */

    size_t                          held;     /* bytes, by _store_hold() */
    ngx_uint_t                      steps;    /* writes and reads so far */
    ngx_http_results_after_pt       after;    /* called when the read is over */

    ngx_http_results_read_t         read;
    ngx_buf_t                      *rows;     /* the last piece of the reply
                                                 that was sent, or NULL */
    results_buf_t                   piece;    /* its memory, once the client did
                                                 not take all of it */
    ngx_temp_file_t                *spool;    /* the file that all further rows
                                                 go to; NULL: none is needed */
    ngx_queue_t                     stream;   /* its client's large replies, if
                                                 `counted` */
    unsigned                        reading:1;     /* read is the store's */
    unsigned                        streaming:1;   /* the header was sent before
                                                      the last row came */
    unsigned                        ended:1;       /* the reply is complete */
    unsigned                        counted:1;

    ngx_http_event_handler_pt       read_body;   /* nginx's read handler, while
                                                    the body is read */

    /* set by filter.c, where an error that nginx raises is rendered */
    ngx_chain_t                    *body;     /* to be sent in place of nginx's
                                                 page; NULL: it was */
    unsigned                        page:1;   /* nginx's page is dropped */

    unsigned                        replied:1;   /* the reply is the dialect's
                                                    already */

    /* for counters and variables; texts are constants, NULL: there is none */
    ngx_http_results_loc_conf_t    *conf;     /* of its first location */
    const char                     *token;    /* "HIT", "MISS", "NEGATIVE" */
    const char                     *outcome;  /* of its last write */
    const char                     *error;    /* $results_error */
    ngx_uint_t                      queue_time;   /* microseconds */
    ngx_uint_t                      commit_time;
    ngx_uint_t                      batch_rows;   /* 0: none was committed */
    char                            sqlstate[6];  /* "": none */
};


extern ngx_module_t  ngx_http_results_module;


/* conf_store.c: results_store {} */

char *ngx_http_results_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Checks that the pools leave enough of worker_connections to clients.
 * NGX_ERROR, logged, where they do not.
 */
ngx_int_t ngx_http_results_check_connections(ngx_conf_t *cf);


/* conf.c: the other directives */

char *ngx_http_results_token_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_results_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_results_institution(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_results_base_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_results_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_results_token_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

void *ngx_http_results_create_main_conf(ngx_conf_t *cf);
char *ngx_http_results_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_results_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_results_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


/* auth.c: the access phase */

ngx_int_t ngx_http_results_access_handler(ngx_http_request_t *r);

/*
 * Finds the bearer token in the request's Authorization header.  NGX_OK with
 * the token, which points into the header; NGX_DECLINED without one, also where
 * the header has another scheme (RFC 6750 3.1); NGX_ERROR for a malformed one;
 * NGX_BUSY where there are several headers.
 */
ngx_int_t ngx_http_results_token(ngx_http_request_t *r, results_auth_e auth,
    ngx_str_t *token);


/* lookup.c: tokens that are not in the cache */

/*
 * Joins the lookup of the digest that is in flight, or starts one, and sets
 * ctx->auth to PENDING.  NGX_OK: the caller calls ngx_http_results_wait(), and
 * the request's phases run again once the answer is in ctx->auth.  NGX_BUSY
 * where too many requests wait, NGX_ERROR without memory.
 */
ngx_int_t ngx_http_results_lookup(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, const u_char *digest);

void ngx_http_results_lookup_init_process(void);


/* handler.c: the content phase */

ngx_int_t ngx_http_results_handler(ngx_http_request_t *r);


/* read.c: replies whose rows are sent as they come */

/*
 * Starts the read in ctx->req->read.  NGX_OK: the request waits, each row is
 * given to route->row(), and when the read is over after() is called, with what
 * comes next.  NGX_DECLINED with ctx->req->failure set, or NGX_ERROR: nothing
 * was started.
 */
ngx_int_t ngx_http_results_start_read(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, ngx_http_results_after_pt after);

/*
 * Sends the rest of a reply whose header and first rows were sent
 * (ctx->streaming).  Returns what the request is to be finalized with;
 * NGX_ERROR cuts the reply off.
 */
ngx_int_t ngx_http_results_send_rest(ngx_http_request_t *r);

void ngx_http_results_read_init_process(void);


/* request.c: a request as a dialect sees it, and its life */

/*
 * The request's context, made at the first call, with the cleanups that free it
 * and take it back from the store; NULL without memory.
 */
ngx_http_results_ctx_t *ngx_http_results_ctx(ngx_http_request_t *r);

/* the context, also after an internal redirect; NULL where there is none */
ngx_http_results_ctx_t *ngx_http_results_find_ctx(ngx_http_request_t *r);

/*
 * The dialect's request, filled in from nginx's at the first call; NULL without
 * memory.  Only in locations with a dialect.
 */
results_request_t *ngx_http_results_request(ngx_http_request_t *r);

/* the store counts the body no more; safe to call again */
void ngx_http_results_release(ngx_http_results_ctx_t *ctx);

/*
 * How often the request has a header.  *value is set to the first one's value,
 * if there is one, and points into the request.  name is in lower case.
 */
ngx_uint_t ngx_http_results_header(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_str_t *value);

/*
 * _wait(): from now on the request waits for the store; where its client closes
 * the connection meanwhile the request is finalized.
 * _resume(): the answer has come, and the request goes on.  To be called first
 * in the store's handlers.
 */
ngx_int_t ngx_http_results_wait(ngx_http_request_t *r);
ngx_int_t ngx_http_results_resume(ngx_http_request_t *r);


/* reply.c: replies */

/*
 * Sends req->reply with its body.  Returns what the request is to be finalized
 * with, or what its content handler is to return; _send_error() and
 * _send_text() do the same.
 */
ngx_int_t ngx_http_results_send(ngx_http_request_t *r);

/* renders req->failure and sends it */
ngx_int_t ngx_http_results_send_error(ngx_http_request_t *r);

/*
 * Sends the status and headers of req->reply, for a body of length bytes (-1:
 * unknown).  Returns what ngx_http_send_header() does.
 */
ngx_int_t ngx_http_results_send_header(ngx_http_request_t *r, off_t length);

/*
 * Makes a reply's length, type and headers those of the request, and adds
 * Cache-Control and Vary.  The values are not copied.
 */
ngx_int_t ngx_http_results_set_headers(ngx_http_request_t *r,
    results_reply_t *reply);

/*
 * Answers a GET or HEAD with a text of results_status or results_health, which
 * is copied; any other method with 405.
 */
ngx_int_t ngx_http_results_send_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, const results_buf_t *text);

/*
 * Adds a header to the response.  name is a constant; the value is not copied
 * and must live as long as the request's pool.
 */
ngx_int_t ngx_http_results_push_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/*
 * To be called before a reply to a request whose body may not have been read:
 * decides whether the connection can be kept after it.
 */
void ngx_http_results_unread_body(ngx_http_request_t *r);

/* whether the request has an Expect header: its body may never come */
ngx_uint_t ngx_http_results_expects(ngx_http_request_t *r);


/* filter.c: errors that nginx raises, in the API's form */

/* adds the module's header filter and body filter; for postconfiguration */
void ngx_http_results_filter_init(void);


/* outcome.c: what became of requests, for the counters */

/* an API's slot in the counters, and the name of a slot */
ngx_uint_t ngx_http_results_api_slot(const results_dialect_t *dialect);
const char *ngx_http_results_api_name(ngx_uint_t slot);

/* the counter of a request that is over: "created", "invalid", ... */
const char *ngx_http_results_class(ngx_http_request_t *r);

/* calls step(ctx->req) and counts the time it took; returns what it returned */
results_next_e ngx_http_results_step(ngx_http_results_ctx_t *ctx,
    results_next_e (*step)(results_request_t *req));

/* counts the time since begun, which is of results_time_monotonic() */
void ngx_http_results_worked(ngx_http_results_ctx_t *ctx, int64_t begun);

ngx_int_t ngx_http_results_log_handler(ngx_http_request_t *r);


/* variables.c: $results_... */

ngx_int_t ngx_http_results_add_variables(ngx_conf_t *cf);


/* health.c: whether this worker is alive, and whether it can store results */

char *ngx_http_results_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* history.c: samples of the last minutes, for the status page */

typedef struct ngx_http_results_history_s  ngx_http_results_history_t;

extern const size_t  ngx_http_results_history_size;

void ngx_http_results_history_init_process(ngx_cycle_t *cycle,
    ngx_http_results_main_conf_t *mcf);
void ngx_http_results_history_exit_process(void);


/* status.c: the counters */

char *ngx_http_results_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_RESULTS_H */
