
/*
 * The $results_... variables: who has asked, and what became of it.  None holds
 * a token or text of a body.  What they show of a request is a part of its
 * token's digest, and the names that the database has for the principal.
 */

#include "ngx_http_results.h"
#include "results_digest.h"


/* bytes of a token's SHA-256 that $results_token_key shows, in hex */
#define NGX_HTTP_RESULTS_TOKEN_KEY  8


typedef struct {
    ngx_uint_t              status;
    const char             *error;
} ngx_http_results_error_t;


static ngx_int_t ngx_http_results_api_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_token_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_principal_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_word_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_outcome_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_error_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_batch_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_sqlstate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_results_text_value(ngx_http_variable_value_t *v,
    const char *text, size_t len);
static ngx_http_results_loc_conf_t *ngx_http_results_asked(
    ngx_http_request_t *r);


/* not cacheable where the value changes while a request goes on */

static ngx_http_variable_t  ngx_http_results_variables[] = {

    { ngx_string("results_api"), NULL, ngx_http_results_api_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_token_key"), NULL,
      ngx_http_results_token_key_variable, 0, 0, 0 },

    { ngx_string("results_token"), NULL, ngx_http_results_word_variable,
      offsetof(ngx_http_results_ctx_t, token), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_institution"), NULL,
      ngx_http_results_principal_variable,
      offsetof(results_principal_t, institution), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("results_client"), NULL,
      ngx_http_results_principal_variable,
      offsetof(results_principal_t, client), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_subject"), NULL,
      ngx_http_results_principal_variable,
      offsetof(results_principal_t, person), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_outcome"), NULL, ngx_http_results_outcome_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_error"), NULL, ngx_http_results_error_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_queue_time"), NULL, ngx_http_results_time_variable,
      offsetof(ngx_http_results_ctx_t, queue_time), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("results_commit_time"), NULL, ngx_http_results_time_variable,
      offsetof(ngx_http_results_ctx_t, commit_time), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("results_batch"), NULL, ngx_http_results_batch_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("results_sqlstate"), NULL,
      ngx_http_results_sqlstate_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* $results_error by status, where ctx->error is not set */

static const ngx_http_results_error_t  ngx_http_results_errors[] = {
    { 0,                                  "client_left" },
    { NGX_HTTP_CLIENT_CLOSED_REQUEST,     "client_left" },
    { NGX_HTTP_UNAUTHORIZED,              "unauthorized" },
    { NGX_HTTP_FORBIDDEN,                 "forbidden" },
    { NGX_HTTP_NOT_FOUND,                 "not_found" },
    { NGX_HTTP_NOT_ALLOWED,               "method" },
    { NGX_HTTP_REQUEST_TIME_OUT,          "timeout" },
    { NGX_HTTP_CONFLICT,                  "conflict" },
    { NGX_HTTP_PRECONDITION_FAILED,       "precondition" },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,  "too_large" },
    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,    "media_type" },
    { NGX_HTTP_TOO_MANY_REQUESTS,         "too_many" },
    { NGX_HTTP_SERVICE_UNAVAILABLE,       "unavailable" }
};


ngx_int_t
ngx_http_results_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_results_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_api_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_results_loc_conf_t  *lcf;

    (void) data;

    lcf = ngx_http_results_asked(r);

    if (lcf->dialect == NULL) {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    return ngx_http_results_text_value(v, lcf->dialect->name,
                                       ngx_strlen(lcf->dialect->name));
}


/*
 * Set in every phase, so that limit_req and limit_conn can count by token.
 * Without a well-formed token it is empty, and they do not count the request.
 */

static ngx_int_t
ngx_http_results_token_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                       *p, digest[RESULTS_DIGEST_LEN];
    ngx_str_t                     token;
    results_auth_e                auth;
    ngx_http_results_loc_conf_t  *lcf;

    (void) data;

    lcf = ngx_http_results_asked(r);
    auth = lcf->dialect ? lcf->dialect->auth : RESULTS_AUTH_BEARER;

    if (ngx_http_results_token(r, auth, &token) != NGX_OK) {
        return ngx_http_results_text_value(v, "", 0);
    }

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_RESULTS_TOKEN_KEY);

    if (p == NULL || results_digest(token.data, token.len, digest) != 0) {
        return NGX_ERROR;
    }

    ngx_hex_dump(p, digest, NGX_HTTP_RESULTS_TOKEN_KEY);

    return ngx_http_results_text_value(v, (char *) p,
                                       2 * NGX_HTTP_RESULTS_TOKEN_KEY);
}


/* data says which of the principal's texts */

static ngx_int_t
ngx_http_results_principal_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                   len;
    results_principal_t     *principal;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_results_find_ctx(r);

    if (ctx == NULL
        || (ctx->auth != NGX_HTTP_RESULTS_AUTH_OK
            && ctx->auth != NGX_HTTP_RESULTS_AUTH_FOREIGN))
    {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    principal = &ctx->principal;

    switch (data) {

    case offsetof(results_principal_t, institution):
        len = principal->institution_len;
        break;

    case offsetof(results_principal_t, client):
        len = principal->client_len;
        break;

    default: /* person */
        len = principal->person_len;
    }

    return ngx_http_results_text_value(v, len ? (char *) principal + data
                                              : NULL,
                                       len);
}


/* data says which of the context's words */

static ngx_int_t
ngx_http_results_word_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char              *word;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_results_find_ctx(r);
    word = ctx ? *(const char **) ((u_char *) ctx + data) : NULL;

    return ngx_http_results_text_value(v, word, word ? ngx_strlen(word) : 0);
}


static ngx_int_t
ngx_http_results_outcome_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char              *word;
    ngx_http_results_ctx_t  *ctx;

    (void) data;

    if (ngx_http_results_asked(r)->dialect == NULL) {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    ctx = ngx_http_results_find_ctx(r);
    word = (ctx && ctx->outcome) ? ctx->outcome : ngx_http_results_class(r);

    return ngx_http_results_text_value(v, word, ngx_strlen(word));
}


static ngx_int_t
ngx_http_results_error_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t               i, n, status;
    const char              *word;
    ngx_http_results_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_results_find_ctx(r);
    status = r->err_status ? r->err_status : r->headers_out.status;

    if (ngx_http_results_asked(r)->dialect == NULL
        || (status >= 200 && status < 400))
    {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    if (ctx && ctx->error) {
        word = ctx->error;

    } else if (status == NGX_HTTP_FORBIDDEN
               && ctx && ctx->req && ctx->req->failure.scope)
    {
        word = "scope";

    } else {
        word = (status < 500) ? "invalid" : "internal";
        n = sizeof(ngx_http_results_errors)
            / sizeof(ngx_http_results_errors[0]);

        for (i = 0; i < n; i++) {
            if (ngx_http_results_errors[i].status == status) {
                word = ngx_http_results_errors[i].error;
                break;
            }
        }
    }

    return ngx_http_results_text_value(v, word, ngx_strlen(word));
}


/* data says which of the context's times; in seconds with six decimals */

static ngx_int_t
ngx_http_results_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p, *last;
    ngx_uint_t               time;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_results_find_ctx(r);

    if (ctx == NULL || ctx->batch_rows == 0) {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN + sizeof(".000000") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    time = *(ngx_uint_t *) ((u_char *) ctx + data);
    last = ngx_sprintf(p, "%ui.%06ui", time / 1000000, time % 1000000);

    return ngx_http_results_text_value(v, (char *) p, last - p);
}


static ngx_int_t
ngx_http_results_batch_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p, *last;
    ngx_http_results_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_results_find_ctx(r);

    if (ctx == NULL || ctx->batch_rows == 0) {
        return ngx_http_results_text_value(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, "%ui", ctx->batch_rows);

    return ngx_http_results_text_value(v, (char *) p, last - p);
}


static ngx_int_t
ngx_http_results_sqlstate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                   len;
    ngx_http_results_ctx_t  *ctx;

    (void) data;

    ctx = ngx_http_results_find_ctx(r);
    len = ctx ? ngx_strlen(ctx->sqlstate) : 0;

    return ngx_http_results_text_value(v, len ? ctx->sqlstate : NULL, len);
}


/* sets v to text; NULL: to "not found", which a log shows as "-" */

static ngx_int_t
ngx_http_results_text_value(ngx_http_variable_value_t *v, const char *text,
    size_t len)
{
    if (text == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) text;

    return NGX_OK;
}


/* the configuration of the location that the request was for at first */

static ngx_http_results_loc_conf_t *
ngx_http_results_asked(ngx_http_request_t *r)
{
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_results_find_ctx(r);

    return ctx ? ctx->conf
               : ngx_http_get_module_loc_conf(r, ngx_http_results_module);
}
