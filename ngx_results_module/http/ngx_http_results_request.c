
/*
 * A request as a dialect sees it, and what lives as long as a request of this
 * module: its context and its arena; and how it waits for the store.
 *
 * A context has two cleanups.  That of the request (ngx_http_cleanup_add) runs
 * first, also when the client has left: it takes back from the store what the
 * request waits for.  That of the pool (ngx_pool_cleanup_add) runs last and
 * frees the arena and the reply: before, HTTP/2 may still be sending the
 * reply.
 */

#include "ngx_http_results.h"


/* bytes that a merge may come to where client_max_body_size sets no limit */
#define NGX_HTTP_RESULTS_OBJECT_MAX  (16 * 1024 * 1024)


static void ngx_http_results_cleanup_request(void *data);
static void ngx_http_results_cleanup_pool(void *data);
static void ngx_http_results_precondition(results_str_t *value,
    ngx_table_elt_t *header);
static results_method_e ngx_http_results_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_set_path(ngx_http_request_t *r,
    results_request_t *req);
static ngx_int_t ngx_http_results_raw_path(ngx_http_request_t *r,
    ngx_str_t *prefix, ngx_str_t *path);
static ngx_uint_t ngx_http_results_dot_segments(ngx_str_t *path);
static u_char *ngx_http_results_skip_prefix(ngx_str_t *path,
    ngx_str_t *prefix);
static ngx_int_t ngx_http_results_set_base(ngx_http_request_t *r,
    results_request_t *req);
static results_str_t ngx_http_results_header_str(results_request_t *req,
    ngx_http_request_t *r, const ngx_str_t *name);
static ngx_table_elt_t *ngx_http_results_next_header(ngx_list_part_t **part,
    ngx_uint_t *i, const ngx_str_t *name);


static ngx_str_t  ngx_http_results_accept = ngx_string("accept");
static ngx_str_t  ngx_http_results_idempotency_key =
                                               ngx_string("idempotency-key");


ngx_http_results_ctx_t *
ngx_http_results_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_cleanup_t      *hcln;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_results_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_results_ctx_t));
    cln->handler = ngx_http_results_cleanup_pool;

    hcln = ngx_http_cleanup_add(r, 0);
    if (hcln == NULL) {
        return NULL;
    }

    hcln->handler = ngx_http_results_cleanup_request;
    hcln->data = ctx;

    ctx->request = r;
    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    ngx_http_set_ctx(r, ctx, ngx_http_results_module);

    return ctx;
}


/* an internal redirect, as for error_page, clears the contexts of a request */

ngx_http_results_ctx_t *
ngx_http_results_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (ctx || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_results_cleanup_pool) {
            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_http_results_cleanup_request(void *data)
{
    ngx_http_results_ctx_t  *ctx = data;

    if (ctx->group) {
        ngx_http_results_store_abandon(ctx->group);
        ctx->group = NULL;
    }

    if (ctx->reading) {
        ngx_http_results_store_cancel_read(&ctx->read);
        ctx->reading = 0;
    }

    if (ctx->counted) {
        ngx_queue_remove(&ctx->stream);
        ctx->counted = 0;
    }

    ngx_http_results_release(ctx);
}


void
ngx_http_results_release(ngx_http_results_ctx_t *ctx)
{
    if (ctx->held) {
        ngx_http_results_store_release(ctx->conf->store->store, ctx->held);
        ctx->held = 0;
    }
}


static void
ngx_http_results_cleanup_pool(void *data)
{
    ngx_http_results_ctx_t  *ctx = data;

    if (ctx->req) {
        results_buf_free(&ctx->req->reply.body);
    }

    results_buf_free(&ctx->piece);

    results_arena_destroy(ctx->arena);
}


results_request_t *
ngx_http_results_request(ngx_http_request_t *r)
{
    results_request_t            *req;
    ngx_http_results_ctx_t       *ctx;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_results_loc_conf_t  *lcf;

    ctx = ngx_http_results_ctx(r);

    if (ctx == NULL || ctx->req) {
        return ctx ? ctx->req : NULL;
    }

    if (ctx->arena == NULL) {
        ctx->arena = results_arena_create();
        if (ctx->arena == NULL) {
            return NULL;
        }
    }

    req = results_arena_calloc(ctx->arena, sizeof(results_request_t));
    if (req == NULL) {
        return NULL;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    req->arena = ctx->arena;
    req->dialect = lcf->dialect;
    req->method = ngx_http_results_method(r);
    req->received = results_time_now();
    req->max_records = ngx_min(lcf->store->batch, lcf->store->queue);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* client_max_body_size 0: no limit */

    req->max_object = clcf->client_max_body_size
                      ? (size_t) clcf->client_max_body_size
                      : NGX_HTTP_RESULTS_OBJECT_MAX;

    results_errors_init(&req->errors, ctx->arena);

    req->method_name = results_arena_copy(ctx->arena,
                                          (char *) r->method_name.data,
                                          r->method_name.len);
    req->query = results_arena_copy(ctx->arena, (char *) r->args.data,
                                    r->args.len);

    if (r->headers_in.content_type) {
        req->content_type.data =
                            (char *) r->headers_in.content_type->value.data;
        req->content_type.len = r->headers_in.content_type->value.len;
    }

    req->accept = ngx_http_results_header_str(req, r,
                                              &ngx_http_results_accept);
    req->idempotency_key = ngx_http_results_header_str(req, r,
                                           &ngx_http_results_idempotency_key);

    ngx_http_results_precondition(&req->if_match, r->headers_in.if_match);
    ngx_http_results_precondition(&req->if_none_match,
                                  r->headers_in.if_none_match);
    ngx_http_results_precondition(&req->if_modified_since,
                                  r->headers_in.if_modified_since);
    ngx_http_results_precondition(&req->if_unmodified_since,
                                  r->headers_in.if_unmodified_since);

    if (lcf->dialect->auth == RESULTS_AUTH_CLIENT) {
        req->token_ttl = (int) lcf->token_ttl;

        if (r->headers_in.authorization) {
            req->authorization.data =
                            (char *) r->headers_in.authorization->value.data;
            req->authorization.len = r->headers_in.authorization->value.len;
        }
    }

    if (lcf->institution.len) {
        req->institution.data = (char *) lcf->institution.data;
        req->institution.len = lcf->institution.len;
    }

    if (ngx_http_results_set_path(r, req) != NGX_OK
        || ngx_http_results_set_base(r, req) != NGX_OK)
    {
        return NULL;
    }

    ctx->req = req;

    return req;
}


/* nginx refuses requests that have one of these headers twice */

static void
ngx_http_results_precondition(results_str_t *value, ngx_table_elt_t *header)
{
    if (header) {
        value->data = (const char *) header->value.data;
        value->len = header->value.len;
    }
}


static results_method_e
ngx_http_results_method(ngx_http_request_t *r)
{
    switch (r->method) {

    case NGX_HTTP_GET:
        return RESULTS_METHOD_GET;

    case NGX_HTTP_HEAD:
        return RESULTS_METHOD_HEAD;

    case NGX_HTTP_POST:
        return RESULTS_METHOD_POST;

    case NGX_HTTP_PUT:
        return RESULTS_METHOD_PUT;

    case NGX_HTTP_PATCH:
        return RESULTS_METHOD_PATCH;

    case NGX_HTTP_DELETE:
        return RESULTS_METHOD_DELETE;

    case NGX_HTTP_OPTIONS:
        return RESULTS_METHOD_OPTIONS;

    default:
        return RESULTS_METHOD_OTHER;
    }
}


/*
 * The path below the location, still percent-encoded: "%2F" in an id is no
 * separator.  Where the request line does not literally begin with the
 * location's name (dot segments, a rewrite), r->uri, by which nginx found the
 * location, is encoded again.
 */

static ngx_int_t
ngx_http_results_set_path(ngx_http_request_t *r, results_request_t *req)
{
    u_char                       *p;
    ngx_str_t                     path;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->exact) {
        ngx_str_null(&path);

    } else if (ngx_http_results_raw_path(r, &lcf->prefix, &path) != NGX_OK) {

        path = r->uri;

        /* a "rewrite ... break" may have led to any path */

        if (path.len >= lcf->prefix.len
            && ngx_strncmp(path.data, lcf->prefix.data, lcf->prefix.len) == 0)
        {
            path.data += lcf->prefix.len;
            path.len -= lcf->prefix.len;
        }

        p = ngx_pnalloc(r->pool, path.len
                        + 2 * ngx_escape_uri(NULL, path.data, path.len,
                                             NGX_ESCAPE_URI));
        if (p == NULL) {
            return NGX_ERROR;
        }

        path.len = (u_char *) ngx_escape_uri(p, path.data, path.len,
                                             NGX_ESCAPE_URI)
                   - p;
        path.data = p;
    }

    /* "/results" is below "/v1p2", while "/v1p2results" only looks like it */

    if (path.len && path.data[0] == '/') {
        path.data++;
        path.len--;

    } else if (path.len && lcf->prefix.data[lcf->prefix.len - 1] != '/') {
        path.data = lcf->prefix.data;
        path.len = lcf->prefix.len;
    }

    req->path = results_arena_copy(req->arena, (char *) path.data, path.len);

    return req->path.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_results_raw_path(ngx_http_request_t *r, ngx_str_t *prefix,
    ngx_str_t *path)
{
    u_char  *p, *last;

    if (!r->valid_unparsed_uri) {
        return NGX_DECLINED;
    }

    path->data = r->unparsed_uri.data;
    last = path->data + r->unparsed_uri.len;

    for (p = path->data; p < last && *p != '?' && *p != '#'; p++) {
        /* void */
    }

    path->len = p - path->data;

    if (ngx_http_results_dot_segments(path)) {
        return NGX_DECLINED;
    }

    last = p;
    p = ngx_http_results_skip_prefix(path, prefix);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    path->data = p;
    path->len = last - p;

    return NGX_OK;
}


/* whether some segment is ".", "..", or empty and not the last one */

static ngx_uint_t
ngx_http_results_dot_segments(ngx_str_t *path)
{
    size_t   len;
    u_char  *p, *last, *slash;

    p = path->data;
    last = p + path->len;

    while (p < last && *p == '/') {
        p++;

        slash = ngx_strlchr(p, last, '/');
        len = (slash ? slash : last) - p;

        if ((len == 0 && slash)
            || (len == 1 && p[0] == '.')
            || (len == 2 && p[0] == '.' && p[1] == '.'))
        {
            return 1;
        }

        p += len;
    }

    return 0;
}


/*
 * The rest of a percent-encoded path after a prefix that is not encoded; NULL
 * where the path does not begin with it.
 */

static u_char *
ngx_http_results_skip_prefix(ngx_str_t *path, ngx_str_t *prefix)
{
    u_char      *p, *last;
    ngx_int_t    ch;
    ngx_uint_t   i;

    p = path->data;
    last = p + path->len;

    for (i = 0; i < prefix->len; i++) {

        if (p == last) {
            return NULL;
        }

        ch = *p++;

        if (ch == '%') {

            if (last - p < 2) {
                return NULL;
            }

            ch = ngx_hextoi(p, 2);
            p += 2;
        }

        if (ch != prefix->data[i]) {
            return NULL;
        }
    }

    return p;
}


/*
 * Sets req->base to "https://host:port/location/": the scheme and host of
 * results_base_url, else those by which the client has reached us.
 */

static ngx_int_t
ngx_http_results_set_base(ngx_http_request_t *r, results_request_t *req)
{
    ngx_str_t                    *host, url;
    const char                   *scheme;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    scheme = "http://";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        scheme = "https://";
    }
#endif

    ngx_str_null(&url);

    if (lcf->base_url
        && ngx_http_complex_value(r, lcf->base_url, &url) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (url.len) {
        scheme = "";
        host = &url;

    } else if (r->headers_in.host && r->headers_in.host->value.len) {
        host = &r->headers_in.host->value;

    } else if (r->headers_in.server.len) {
        host = &r->headers_in.server;

    } else {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        host = &cscf->server_name;
    }

    req->base = results_arena_printf(req->arena, "%s%.*s%.*s", scheme,
                                     (int) host->len, (char *) host->data,
                                     (int) lcf->base.len,
                                     (char *) lcf->base.data);

    return req->base.data ? NGX_OK : NGX_ERROR;
}


/* a header's value; several lines are one list with commas (RFC 9110 5.3) */

static results_str_t
ngx_http_results_header_str(results_request_t *req, ngx_http_request_t *r,
    const ngx_str_t *name)
{
    ngx_uint_t        i;
    results_str_t     str;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    str.len = 0;
    str.data = NULL;

    i = 0;
    part = &r->headers_in.headers.part;

    while ((header = ngx_http_results_next_header(&part, &i, name)) != NULL) {

        if (str.data == NULL) {
            str.len = header->value.len;
            str.data = (const char *) header->value.data;
            continue;
        }

        str = results_arena_printf(req->arena, "%.*s, %.*s",
                                   (int) str.len, str.data,
                                   (int) header->value.len,
                                   (char *) header->value.data);
        if (str.data == NULL) {
            break;
        }
    }

    return str;
}


ngx_uint_t
ngx_http_results_header(ngx_http_request_t *r, const ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    i = 0;
    n = 0;
    part = &r->headers_in.headers.part;

    while ((header = ngx_http_results_next_header(&part, &i, name)) != NULL) {
        if (n++ == 0) {
            *value = header->value;
        }
    }

    return n;
}


static ngx_table_elt_t *
ngx_http_results_next_header(ngx_list_part_t **part, ngx_uint_t *i,
    const ngx_str_t *name)
{
    ngx_table_elt_t  *header;

    for ( ;; ) {

        if (*i >= (*part)->nelts) {
            if ((*part)->next == NULL) {
                return NULL;
            }

            *part = (*part)->next;
            *i = 0;
            continue;
        }

        header = (ngx_table_elt_t *) (*part)->elts + (*i)++;

        if (header->key.len == name->len
            && ngx_strncmp(header->lowcase_key, name->data, name->len) == 0)
        {
            return header;
        }
    }
}


ngx_int_t
ngx_http_results_wait(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    rev = r->connection->read;

    r->read_event_handler = ngx_http_test_reading;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
        return NGX_OK;
    }

    return ngx_handle_read_event(rev, 0);
}


ngx_int_t
ngx_http_results_resume(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    return ngx_handle_read_event(c->read, 0);
}
