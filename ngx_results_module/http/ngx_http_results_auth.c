
/*
 * The access phase: a request's bearer token becomes its principal (RFC 6750,
 * formats in docs/api), from the cache or from the store.  A refusal leaves
 * as nginx's own status, so that "satisfy", "auth_delay" and "error_page"
 * mean here what they mean everywhere; the filter gives it the API's shape.
 *
 * A token in the query string is never read: it would end in logs.
 */

#include "ngx_http_results.h"
#include "results_digest.h"


static ngx_int_t ngx_http_results_authenticate(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, ngx_str_t *token);
static ngx_int_t ngx_http_results_auth_result(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static ngx_uint_t ngx_http_results_foreign(ngx_http_request_t *r,
    results_principal_t *principal);
static ngx_int_t ngx_http_results_refuse(ngx_http_request_t *r,
    ngx_uint_t status, ngx_uint_t token_sent, const char *error,
    const char *text);


static ngx_str_t  ngx_http_results_authorization = ngx_string("authorization");


ngx_int_t
ngx_http_results_access_handler(ngx_http_request_t *r)
{
    ngx_str_t                     token;
    ngx_http_results_ctx_t       *ctx;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->dialect == NULL) {
        return NGX_DECLINED;
    }

    /* the dialect checks the client itself, in the content phase: here neither
       allowed nor refused */

    if (lcf->dialect->auth == RESULTS_AUTH_CLIENT) {
        return NGX_DECLINED;
    }

    /* OPTIONS needs no token: its reply says only which methods there are */

    if (r->method == NGX_HTTP_OPTIONS) {
        return NGX_OK;
    }

    ctx = ngx_http_results_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->auth != NGX_HTTP_RESULTS_AUTH_NONE) {
        return ngx_http_results_auth_result(r, ctx);
    }

    switch (ngx_http_results_token(r, lcf->dialect->auth, &token)) {

    case NGX_OK:
        return ngx_http_results_authenticate(r, ctx, &token);

    case NGX_DECLINED:
        return ngx_http_results_refuse(r, NGX_HTTP_UNAUTHORIZED, 0,
                                       "token_missing",
                                       "an access token is required");

    case NGX_BUSY:
        return ngx_http_results_refuse(r, NGX_HTTP_BAD_REQUEST, 0,
                                       "token_malformed",
                                       "more than one Authorization header");

    default:
        return ngx_http_results_refuse(r, NGX_HTTP_UNAUTHORIZED, 1,
                                       "token_malformed",
                                       "the access token is malformed");
    }
}


ngx_int_t
ngx_http_results_token(ngx_http_request_t *r, results_auth_e auth,
    ngx_str_t *token)
{
    ngx_int_t      n;
    results_str_t  header, bearer;

    n = ngx_http_results_header(r, &ngx_http_results_authorization, token);

    if (n != 1) {
        return n ? NGX_BUSY : NGX_DECLINED;
    }

    header.data = (char *) token->data;
    header.len = token->len;

    n = results_bearer(auth, header, &bearer);

    token->data = (u_char *) bearer.data;
    token->len = bearer.len;

    return n > 0 ? NGX_OK : n == 0 ? NGX_DECLINED : NGX_ERROR;
}


static ngx_int_t
ngx_http_results_authenticate(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, ngx_str_t *token)
{
    u_char                         digest[NGX_HTTP_RESULTS_DIGEST_LEN];
    ngx_int_t                      rc;
    ngx_http_results_loc_conf_t   *lcf;
    ngx_http_results_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_results_module);

    if (results_digest(token->data, token->len, digest) != 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_results_tokens_find(mcf->tokens, lcf->store->realm,
                                         digest, ngx_http_results_tokens_now(),
                                         &ctx->principal))
    {

    case NGX_HTTP_RESULTS_TOKEN_HIT:
        ngx_http_results_count(token_hits);
        ctx->token = "HIT";
        ctx->auth = NGX_HTTP_RESULTS_AUTH_OK;
        break;

    case NGX_HTTP_RESULTS_TOKEN_NEGATIVE:
        ngx_http_results_count(token_negative);
        ctx->token = "NEGATIVE";
        ctx->auth = NGX_HTTP_RESULTS_AUTH_UNKNOWN;
        break;

    default: /* NGX_HTTP_RESULTS_TOKEN_MISS */
        ngx_http_results_count(token_misses);
        ctx->token = "MISS";

        rc = ngx_http_results_lookup(r, ctx, digest);

        if (rc == NGX_BUSY) {
            ctx->auth = NGX_HTTP_RESULTS_AUTH_DOWN;
            break;
        }

        if (rc != NGX_OK || ngx_http_results_wait(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_results_auth_result(r, ctx);
}


/*
 * What the access phase returns for ctx->auth.  The phase may be run again
 * while a lookup is in flight, and is when the answer has come.
 */

static ngx_int_t
ngx_http_results_auth_result(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx)
{
    switch (ctx->auth) {

    case NGX_HTTP_RESULTS_AUTH_PENDING:
        return NGX_AGAIN;

    case NGX_HTTP_RESULTS_AUTH_OK:

        if (!ngx_http_results_foreign(r, &ctx->principal)) {
            return NGX_OK;
        }

        /* where "satisfy any" lets it in nevertheless, the content phase must
           not take it for authenticated */

        ctx->auth = NGX_HTTP_RESULTS_AUTH_FOREIGN;

        /* fall through */

    case NGX_HTTP_RESULTS_AUTH_FOREIGN:
        return ngx_http_results_refuse(r, NGX_HTTP_FORBIDDEN, 1,
                                       "token_foreign",
                                       "the access token is of another "
                                       "institution");

    case NGX_HTTP_RESULTS_AUTH_UNKNOWN:
        return ngx_http_results_refuse(r, NGX_HTTP_UNAUTHORIZED, 1,
                                       "token_unknown",
                                       "the access token is unknown, expired "
                                       "or revoked");

    default: /* NGX_HTTP_RESULTS_AUTH_DOWN */
        return ngx_http_results_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE, 1,
                                       "token_unchecked",
                                       "the access token can not be checked "
                                       "now, nothing was stored; the same "
                                       "request may be sent again");
    }
}


/* whether results_institution names another institution than the token's */

static ngx_uint_t
ngx_http_results_foreign(ngx_http_request_t *r, results_principal_t *principal)
{
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    return lcf->institution.len
           && (lcf->institution.len != principal->institution_len
               || ngx_memcmp(lcf->institution.data, principal->institution,
                             principal->institution_len)
                  != 0);
}


static ngx_int_t
ngx_http_results_refuse(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t token_sent, const char *error, const char *text)
{
    results_request_t       *req;
    ngx_http_results_ctx_t  *ctx;

    req = ngx_http_results_request(r);
    if (req == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    ctx->error = error;

    results_fail(req, status, "%s", text);

    req->failure.token_sent = token_sent;
    req->failure.repeatable = 1;

    /* that a store is away was logged once, and is not for each request */

    if (status != NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "results: %s",
                      text);
    }

    ngx_http_results_unread_body(r);

    return status;
}
