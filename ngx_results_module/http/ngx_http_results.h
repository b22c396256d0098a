
/*
 * What the files of http/ share: the configuration, what a request keeps
 * while it is here, and the functions that one file has for the others.
 *
 * Memory: the context lies in the request's pool; what dialect/, record/ and
 * store/ work on (the dialect's request, its records, the group) lies in an
 * arena, which the pool's cleanup destroys.
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
    ngx_array_t                     passes;   /* of every results_pass */

    ngx_shm_zone_t                 *tokens;   /* NULL: none */
    time_t                          ttl;
    time_t                          negative_ttl;

    ngx_uint_t                      used;     /* by any directive */
    ngx_shm_zone_t                 *counters;
    ngx_uint_t                      apis;     /* that are served: bits */
    ngx_str_t                       policy;   /* of the status page */
} ngx_http_results_main_conf_t;


#define NGX_HTTP_RESULTS_REFERENCES_LOOSE   0
#define NGX_HTTP_RESULTS_REFERENCES_STRICT  1


typedef struct {
    ngx_http_results_store_conf_t  *store;
    ngx_uint_t                      pass;     /* has a results_pass */
    ngx_str_t                       institution;   /* empty: any */
    ngx_uint_t                      references;    /* ..._REFERENCES_... */
    ngx_http_complex_value_t       *base_url;      /* NULL: the request's */
    ngx_uint_t                      streams;       /* of a client */
    off_t                           max_temp_file_size;

    /* of results_api or results_token_endpoint; not inherited, as no handler
       is */
    const results_dialect_t        *dialect;
    ngx_str_t                      *directive;
    time_t                          token_ttl;
    ngx_str_t                       prefix;   /* the location's name */
    ngx_str_t                       base;     /* the same in a URI, and "/" */
    ngx_uint_t                      exact;    /* location = */
    ngx_uint_t                      api;      /* its place in the counters */

    ngx_int_t                       status_format;   /* NGX_ERROR: any */
    ngx_uint_t                      ready;    /* results_health ready */
    u_char                         *file;
    ngx_uint_t                      line;
} ngx_http_results_loc_conf_t;


typedef enum {
    NGX_HTTP_RESULTS_AUTH_NONE = 0,
    NGX_HTTP_RESULTS_AUTH_PENDING,
    NGX_HTTP_RESULTS_AUTH_OK,
    NGX_HTTP_RESULTS_AUTH_FOREIGN,            /* of another institution */
    NGX_HTTP_RESULTS_AUTH_UNKNOWN,            /* the token is nobody's */
    NGX_HTTP_RESULTS_AUTH_DOWN                /* the store could not tell */
} ngx_http_results_auth_e;


typedef struct ngx_http_results_ctx_s  ngx_http_results_ctx_t;

/* what is done after a step of a request */
typedef void (*ngx_http_results_after_pt)(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, results_next_e next);


struct ngx_http_results_ctx_s {
    ngx_http_request_t             *request;

    /* authentication */
    ngx_http_results_auth_e         auth;
    results_principal_t             principal;
    ngx_http_results_flight_t      *flight;   /* while waiting in it */
    ngx_queue_t                     queue;

    /* the arena and what lies in it; NULL before they are needed */
    results_arena_t                *arena;
    results_request_t              *req;
    ngx_http_results_group_t       *group;    /* while it is the store's */

    size_t                          held;     /* counted by the store */
    ngx_uint_t                      steps;    /* writes and reads so far */
    ngx_http_results_after_pt       after;    /* the read */

    ngx_http_results_read_t         read;
    ngx_buf_t                      *rows;     /* of the read, being sent */
    results_buf_t                   piece;    /* their memory, from the first
                                                 that the client left on */
    ngx_temp_file_t                *spool;    /* what follows; or NULL */
    ngx_queue_t                     stream;   /* while counted */
    unsigned                        reading:1;     /* read is the store's */
    unsigned                        streaming:1;   /* its header was sent */
    unsigned                        ended:1;       /* its last row as well */
    unsigned                        counted:1;     /* among its client's large
                                                      replies */

    ngx_http_event_handler_pt       read_body;   /* nginx's own */
    ngx_chain_t                    *body;     /* of an error of nginx's own */
    unsigned                        page:1;   /* it takes the place of one */
    unsigned                        replied:1;

    /* for counters and variables; texts are constants, NULL: there is none */
    ngx_http_results_loc_conf_t    *conf;     /* where it came in */
    const char                     *token;    /* what the cache knew */
    const char                     *outcome;  /* of its last write or read */
    const char                     *error;
    ngx_uint_t                      queue_time;   /* microseconds */
    ngx_uint_t                      commit_time;
    ngx_uint_t                      batch_rows;   /* 0: none was committed */
    char                            sqlstate[6];  /* "": none */
};


extern ngx_module_t  ngx_http_results_module;


/* conf_store.c: results_store {} */

char *ngx_http_results_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* that the pools leave enough of worker_connections to clients */
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
 * NGX_OK and the token; NGX_DECLINED where there is none, nor a malformed one
 * (RFC 6750 3.1: another scheme is no token); NGX_BUSY for two headers.
 */
ngx_int_t ngx_http_results_token(ngx_http_request_t *r, results_auth_e auth,
    ngx_str_t *token);


/* lookup.c: tokens that are not in the cache */

/*
 * Joins the lookup of the digest, or starts it: the request then waits, and
 * its phases run again once ctx->auth is set.  NGX_BUSY where too many wait.
 */
ngx_int_t ngx_http_results_lookup(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, const u_char *digest);

void ngx_http_results_lookup_init_process(void);


/* handler.c: the content phase */

ngx_int_t ngx_http_results_handler(ngx_http_request_t *r);


/* read.c: rows that leave as they come */

/*
 * Begins req->read; after() is called when it is over, with what comes next.
 * NGX_DECLINED with a failure, or NGX_ERROR: it is not.
 */
ngx_int_t ngx_http_results_start_read(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, ngx_http_results_after_pt after);

/* the rest of a reply whose header was sent; returns what finalizes it */
ngx_int_t ngx_http_results_send_rest(ngx_http_request_t *r);

void ngx_http_results_read_init_process(void);


/* request.c: a request as a dialect sees it, and its life */

/* the context, made at the first call; NULL without memory */
ngx_http_results_ctx_t *ngx_http_results_ctx(ngx_http_request_t *r);

/* the context if there is one, also after a redirect to another location */
ngx_http_results_ctx_t *ngx_http_results_find_ctx(ngx_http_request_t *r);

/* the dialect's request, made at the first call; NULL without memory */
results_request_t *ngx_http_results_request(ngx_http_request_t *r);

/*
 * How often the request has a header, and its first value.  The name is in
 * lower case.
 */
ngx_uint_t ngx_http_results_header(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_str_t *value);

/*
 * The request waits for something that is no event of its own; a client that
 * leaves meanwhile ends it.  ngx_http_results_resume() ends the wait.
 */
ngx_int_t ngx_http_results_wait(ngx_http_request_t *r);
ngx_int_t ngx_http_results_resume(ngx_http_request_t *r);


/* reply.c: what leaves */

/* sends req->reply; returns what finalizes the request */
ngx_int_t ngx_http_results_send(ngx_http_request_t *r);

/* renders req->failure and sends it */
ngx_int_t ngx_http_results_send_error(ngx_http_request_t *r);

/* sends the header of req->reply, for a body of that length; -1: unknown */
ngx_int_t ngx_http_results_send_header(ngx_http_request_t *r, off_t length);

/* req->reply's status, type and headers become the request's */
ngx_int_t ngx_http_results_set_headers(ngx_http_request_t *r,
    results_reply_t *reply);

/* answers a GET with what is no API's reply; the text is copied */
ngx_int_t ngx_http_results_send_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, const results_buf_t *text);

/* adds a header to the response; the value is not copied */
ngx_int_t ngx_http_results_push_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* an answer is about to be sent to a request whose body was not read */
void ngx_http_results_unread_body(ngx_http_request_t *r);

/* whether the client waits with its body until it is asked for it */
ngx_uint_t ngx_http_results_expects(ngx_http_request_t *r);


/* filter.c: errors that nginx raises, in the dialect's shape */

void ngx_http_results_filter_init(void);


/* outcome.c: what became of requests */

/* an API's place in the counters, and its name */
ngx_uint_t ngx_http_results_api_slot(const results_dialect_t *dialect);
const char *ngx_http_results_api_name(ngx_uint_t slot);

/* the class that a request is counted in: "created", "invalid", ... */
const char *ngx_http_results_class(ngx_http_request_t *r);

/* runs a step of the dialect, and counts how long it took the worker */
results_next_e ngx_http_results_step(ngx_http_results_ctx_t *ctx,
    results_next_e (*step)(results_request_t *req));

/* counts work that began then, by results_time_monotonic() */
void ngx_http_results_worked(ngx_http_results_ctx_t *ctx, int64_t begun);

ngx_int_t ngx_http_results_log_handler(ngx_http_request_t *r);


/* variables.c: $results_... */

ngx_int_t ngx_http_results_add_variables(ngx_conf_t *cf);


/* health.c: is this worker alive, can it store */

char *ngx_http_results_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* history.c: the last minutes, for the status page */

typedef struct ngx_http_results_history_s  ngx_http_results_history_t;

extern const size_t  ngx_http_results_history_size;

void ngx_http_results_history_init_process(ngx_cycle_t *cycle,
    ngx_http_results_main_conf_t *mcf);
void ngx_http_results_history_exit_process(void);


/* status.c: the counters */

char *ngx_http_results_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_RESULTS_H */
