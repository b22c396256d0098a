
/*
 * Replies: a dialect's reply becomes nginx's headers and body.  Nothing is
 * copied: the headers lie in the request's arena and the body in a buffer of
 * its own, and both live until the pool is destroyed.
 */

#include "ngx_http_results.h"


static ngx_int_t ngx_http_results_private(ngx_http_request_t *r,
    ngx_uint_t validated);


static ngx_str_t  ngx_http_results_expect = ngx_string("expect");


ngx_int_t
ngx_http_results_send(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_buf_t               *b;
    ngx_chain_t              out;
    results_reply_t         *reply;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    reply = &ctx->req->reply;

    if (reply->body.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_results_unread_body(r);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_results_send_header(r, reply->body.len);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) reply->body.data;
    b->last = b->pos + reply->body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_results_send_header(ngx_http_request_t *r, off_t length)
{
    results_reply_t         *reply;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    reply = &ctx->req->reply;

    /* else an "error_page ... =200" that has led here would set the status */

    r->err_status = 0;
    r->headers_out.status = reply->status;

    if (ngx_http_results_set_headers(r, reply) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a 304 has no body, and its Content-Length would have to be that of the
       200 it stands for */

    r->headers_out.content_length_n = (reply->status == 304) ? -1 : length;

    /* preconditions were evaluated against the database: nginx's filter must
       not turn the reply into a 304 or 412 */

    r->disable_not_modified = 1;
    r->header_only = (length == 0);

    ctx->replied = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_results_send_error(ngx_http_request_t *r)
{
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    ctx->req->dialect->error(ctx->req);

    return ngx_http_results_send(r);
}


ngx_int_t
ngx_http_results_set_headers(ngx_http_request_t *r, results_reply_t *reply)
{
    unsigned           i;
    ngx_str_t          value;
    ngx_uint_t         validated;
    results_header_t  *header;

    validated = 0;

    r->headers_out.content_length_n = reply->body.len;
    r->headers_out.content_type.data = (u_char *) reply->content_type.data;
    r->headers_out.content_type.len = reply->content_type.len;
    r->headers_out.content_type_len = reply->content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    for (i = 0; i < reply->nheaders; i++) {
        header = &reply->headers[i];

        value.data = (u_char *) header->value.data;
        value.len = header->value.len;

        if (ngx_http_results_push_header(r, header->name.data, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        validated |= results_str_is(header->name, "ETag");
    }

    return ngx_http_results_private(r, validated);
}


/*
 * A reply is for its caller only, so no shared cache may keep it.  With an ETag
 * (validated) the caller's own cache may, and asks before each use.
 */

static ngx_int_t
ngx_http_results_private(ngx_http_request_t *r, ngx_uint_t validated)
{
    ngx_str_t  control, vary;

    ngx_str_set(&control, "private, no-store");
    ngx_str_set(&vary, "Accept, Authorization");

    if (validated) {
        ngx_str_set(&control, "private, no-cache");
    }

    if (ngx_http_results_push_header(r, "Cache-Control", &control) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_results_push_header(r, "Vary", &vary);
}


ngx_int_t
ngx_http_results_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, const results_buf_t *text)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    b = text->failed ? NULL : ngx_create_temp_buf(r->pool, text->len);

    if (b == NULL || ngx_http_results_private(r, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->pos, text->data, text->len);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;
    r->headers_out.content_type = *type;

    /* without "; charset=...", as gzip_types compares it */

    r->headers_out.content_type_len = strcspn((char *) type->data, ";");
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_results_push_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    /* nginx's filters that change a body, as gzip, weaken or remove these
       two: they find them here */

    if (ngx_strcmp(name, "ETag") == 0) {
        r->headers_out.etag = h;

    } else if (ngx_strcmp(name, "Last-Modified") == 0) {
        r->headers_out.last_modified = h;
    }

    return NGX_OK;
}


/*
 * The body of a request that is refused is discarded, so that the connection
 * can be used again.  But a chunked body could go on for ever, and after
 * "Expect: 100-continue" nobody knows whether it comes at all: then the
 * connection is closed after the reply.
 */

void
ngx_http_results_unread_body(ngx_http_request_t *r)
{
    if (r->request_body || r->discard_body) {
        return;
    }

    if (r->headers_in.chunked) {
        r->keepalive = 0;
    }

    if (!r->expect_tested && ngx_http_results_expects(r)) {
        r->expect_tested = 1;
        r->keepalive = 0;
    }
}


ngx_uint_t
ngx_http_results_expects(ngx_http_request_t *r)
{
    ngx_str_t  value;

    return ngx_http_results_header(r, &ngx_http_results_expect, &value);
}
