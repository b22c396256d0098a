
/*
 * The content phase: one request from its route to its reply.  What can be
 * refused by its headers is refused before its body is read.  A write belongs
 * to the store until the store calls back; where the client leaves before, the
 * context's cleanup (request.c) takes it back.
 */

#include "ngx_http_results.h"


/* writes and reads that one request may need, one after the other */
#define NGX_HTTP_RESULTS_STEPS_MAX  20


static ngx_int_t ngx_http_results_check(ngx_http_request_t *r,
    results_request_t *req);
static ngx_int_t ngx_http_results_principal(ngx_http_results_ctx_t *ctx);
static ngx_int_t ngx_http_results_options(ngx_http_request_t *r,
    results_request_t *req);
static void ngx_http_results_body_reader(ngx_http_request_t *r);
static void ngx_http_results_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_read_body(ngx_http_request_t *r,
    results_request_t *req);
static ngx_int_t ngx_http_results_read_buf(ngx_buf_t *b, u_char *p);
static size_t ngx_http_results_held(ngx_http_results_ctx_t *ctx);
static ngx_int_t ngx_http_results_hold(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static void ngx_http_results_next(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx, results_next_e next);
static ngx_int_t ngx_http_results_write(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static void ngx_http_results_not_taken(ngx_http_request_t *r,
    unsigned nrecords, ngx_http_results_taken_e why);
static void ngx_http_results_written(ngx_http_results_group_t *group,
    ngx_http_results_verdict_e verdict);
static results_next_e ngx_http_results_verdict(ngx_http_results_ctx_t *ctx,
    ngx_http_results_group_t *group, ngx_http_results_verdict_e verdict);
static const char *ngx_http_results_outcome(ngx_http_results_group_t *group);


static ngx_str_t  ngx_http_results_encoding = ngx_string("content-encoding");


ngx_int_t
ngx_http_results_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    results_request_t       *req;
    ngx_http_results_ctx_t  *ctx;

    /* a subrequest (mirror, SSI) does not pass the access phase */

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    req = ngx_http_results_request(r);
    if (req == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (req->method == RESULTS_METHOD_OPTIONS) {
        return ngx_http_results_options(r, req);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (req->dialect->auth == RESULTS_AUTH_CLIENT) {
        /* the dialect checks the client's id and secret itself */

    } else if (ctx->auth != NGX_HTTP_RESULTS_AUTH_OK) {

        /* let in by its address under "satisfy any", but without a principal
           there is nobody whose results these could be */

        if (req->failure.status == 0) {
            results_fail(req, NGX_HTTP_UNAUTHORIZED,
                         "an access token is required");
        }

        return ngx_http_results_send_error(r);

    } else if (ngx_http_results_principal(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_results_check(r, req) != NGX_OK) {
        return ngx_http_results_send_error(r);
    }

    if ((req->route->flags & RESULTS_ROUTE_BODY) == 0) {

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        r->main->count++;
        ngx_http_results_body_handler(r);

        return NGX_DONE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_results_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    if (rc == NGX_AGAIN) {
        ctx->read_body = r->read_event_handler;
        r->read_event_handler = ngx_http_results_body_reader;
    }

    return NGX_DONE;
}


/*
 * All checks that need no body: the route, the principal's rights, headers, and
 * whether the store would take a write.  NGX_DECLINED with req->failure set.
 */

static ngx_int_t
ngx_http_results_check(ngx_http_request_t *r, results_request_t *req)
{
    size_t                        size;
    ngx_str_t                     encoding;
    ngx_http_results_taken_e      rc;
    ngx_http_results_loc_conf_t  *lcf;

    if (results_route(req) != 0 || results_authorize(req) != 0
        || results_check_idempotency_key(req) != 0)
    {
        return NGX_DECLINED;
    }

    if (req->route->flags & RESULTS_ROUTE_BODY) {

        if (ngx_http_results_header(r, &ngx_http_results_encoding, &encoding)
            && (encoding.len != 8
                || ngx_strncasecmp(encoding.data, (u_char *) "identity", 8)
                   != 0))
        {
            results_fail(req, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                         "a body with a Content-Encoding is not accepted");
            return NGX_DECLINED;
        }

        if (results_check_media_type(req) != 0) {
            return NGX_DECLINED;
        }
    }

    /* only requests that write records need room in the queue */

    if (req->method & (RESULTS_METHOD_GET|RESULTS_METHOD_HEAD)
        || req->dialect->auth == RESULTS_AUTH_CLIENT)
    {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    size = ngx_max(r->headers_in.content_length_n, 0);

    rc = ngx_http_results_store_ready(lcf->store->store,
                                      req->principal->institution_id, 1, size);

    if (rc == NGX_HTTP_RESULTS_TAKEN) {
        return NGX_OK;
    }

    ngx_http_results_not_taken(r, 1, rc);

    return NGX_DECLINED;
}


/* copies the principal to the arena, as records may point to its texts */

static ngx_int_t
ngx_http_results_principal(ngx_http_results_ctx_t *ctx)
{
    results_principal_t  *principal;

    principal = results_arena_alloc(ctx->arena, sizeof(results_principal_t));
    if (principal == NULL) {
        return NGX_ERROR;
    }

    *principal = ctx->principal;
    ctx->req->principal = principal;

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_options(ngx_http_request_t *r, results_request_t *req)
{
    unsigned  methods;

    methods = results_route_allow(req);

    if (methods == 0) {
        (void) results_route(req);
        return ngx_http_results_send_error(r);
    }

    req->reply.status = NGX_HTTP_NO_CONTENT;
    results_reply_header(req, "Allow",
                         results_allow_text(req->arena, methods));

    return ngx_http_results_send(r);
}


/*
 * The read event handler while the body is read.  Where a body does not come in
 * time nginx would close the connection without a reply; here the client gets a
 * 408.
 */

static void
ngx_http_results_body_reader(ngx_http_request_t *r)
{
    ngx_connection_t        *c;
    ngx_http_results_ctx_t  *ctx;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (!c->read->timedout) {
        ctx->read_body(r);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "results: the client does not send its body");

    c->read->timedout = 0;

    r->read_event_handler = ngx_http_block_reading;
    r->keepalive = 0;
    r->lingering_close = 1;

#if (NGX_HTTP_V2)
    if (r->stream) {
        r->stream->skip_data = 1;
    }
#endif

    ngx_http_finalize_request(r,
            ngx_http_special_response_handler(r, NGX_HTTP_REQUEST_TIME_OUT));
}


static void
ngx_http_results_body_handler(ngx_http_request_t *r)
{
    results_next_e           next;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (ngx_http_results_read_body(r, ctx->req) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    next = ngx_http_results_step(ctx, ctx->req->route->parse);

    ngx_http_results_next(r, ctx, next);
}


/* sets req->body: memory as it is, or a copy if it is in parts or in a file */

static ngx_int_t
ngx_http_results_read_body(ngx_http_request_t *r, results_request_t *req)
{
    off_t         size;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *bufs;

    bufs = r->request_body ? r->request_body->bufs : NULL;

    if (bufs == NULL) {
        return NGX_OK;
    }

    b = bufs->buf;

    if (bufs->next == NULL && ngx_buf_in_memory(b)) {
        req->body.data = (char *) b->pos;
        req->body.len = b->last - b->pos;
        return NGX_OK;
    }

    size = 0;

    for (cl = bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    req->body.data = (char *) p;
    req->body.len = size;

    for (cl = bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_http_results_read_buf(b, p) != NGX_OK) {
            return NGX_ERROR;
        }

        p += ngx_buf_size(b);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_read_buf(ngx_buf_t *b, u_char *p)
{
    off_t    offset;
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, b->last - b->pos);
        return NGX_OK;
    }

    for (offset = b->file_pos; offset < b->file_last; offset += n) {

        n = ngx_read_file(b->file, p, b->file_last - offset, offset);

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/* bytes of memory that a request keeps while it waits for the store */

static size_t
ngx_http_results_held(ngx_http_results_ctx_t *ctx)
{
    return results_arena_size(ctx->arena) + ctx->req->body.len;
}


/*
 * Counts the memory of a request with a body that is about to read, so that
 * there is a bound for these as for those that wait to be written.
 */

static ngx_int_t
ngx_http_results_hold(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx)
{
    size_t                        size;
    ngx_http_results_taken_e      rc;
    ngx_http_results_loc_conf_t  *lcf;

    if (ctx->req->body.len == 0 || ctx->held
        || ctx->req->dialect->auth == RESULTS_AUTH_CLIENT)
    {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);
    size = ngx_http_results_held(ctx);

    rc = ngx_http_results_store_hold(lcf->store->store, size);

    if (rc != NGX_HTTP_RESULTS_TAKEN) {
        ngx_http_results_not_taken(r, 1, rc);
        return NGX_DECLINED;
    }

    ctx->held = size;

    return NGX_OK;
}


/* does what parse(), or the last finish(), said comes next */

static void
ngx_http_results_next(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx,
    results_next_e next)
{
    ngx_int_t  rc;

    if (next != RESULTS_NEXT_REPLY
        && ctx->steps++ == NGX_HTTP_RESULTS_STEPS_MAX)
    {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "results: a request does not come to its end");
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (next != RESULTS_NEXT_REPLY) {

        if (next == RESULTS_NEXT_WRITE) {
            rc = ngx_http_results_write(r, ctx);

        } else {
            rc = ngx_http_results_hold(r, ctx);

            if (rc == NGX_OK) {
                rc = ngx_http_results_start_read(r, ctx,
                                                 ngx_http_results_next);
            }
        }

        if (rc == NGX_OK) {
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        /* NGX_DECLINED: the failure says why */
    }

    /* a client may take its time with the reply: nothing waits for it */

    ngx_http_results_release(ctx);

    if (ctx->streaming) {
        rc = ngx_http_results_send_rest(r);

    } else {
        rc = ctx->req->failure.status ? ngx_http_results_send_error(r)
                                      : ngx_http_results_send(r);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_results_write(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx)
{
    unsigned                      i;
    results_request_t            *req;
    ngx_http_results_group_t     *group;
    ngx_http_results_taken_e      rc;
    ngx_http_results_loc_conf_t  *lcf;

    req = ctx->req;

    group = results_arena_calloc(ctx->arena, sizeof(ngx_http_results_group_t));
    if (group == NULL) {
        return NGX_ERROR;
    }

    group->arena = ctx->arena;
    group->records = req->records;
    group->nrecords = req->nrecords;
    group->size = ngx_http_results_held(ctx);
    group->handler = ngx_http_results_written;
    group->data = ctx;
    group->follows = (ctx->steps > 1);

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (lcf->references == NGX_HTTP_RESULTS_REFERENCES_STRICT) {
        for (i = 0; i < req->nrecords; i++) {
            req->records[i].guards |= RESULTS_GUARD_STRICT_REFERENCES;
        }
    }

    rc = ngx_http_results_store_write(lcf->store->store, group);

    if (rc != NGX_HTTP_RESULTS_TAKEN) {
        ngx_http_results_not_taken(r, req->nrecords, rc);
        return NGX_DECLINED;
    }

    ctx->group = group;

    /* the queue counts it from here on */

    ngx_http_results_release(ctx);

    r->write_event_handler = ngx_http_request_empty_handler;

    return ngx_http_results_wait(r);
}


/* sets the failure for a write that the store has not taken */

static void
ngx_http_results_not_taken(ngx_http_request_t *r, unsigned nrecords,
    ngx_http_results_taken_e why)
{
    results_request_t              *req;
    ngx_http_results_ctx_t         *ctx;
    ngx_http_results_loc_conf_t    *lcf;
    ngx_http_results_store_conf_t  *store;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    req = ctx->req;
    store = lcf->store;

    switch (why) {

    case NGX_HTTP_RESULTS_TOO_LARGE:

        if (nrecords > ngx_min(store->batch, store->queue)) {
            results_fail(req, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                         "%u results, more than the %u that one request may "
                         "have", nrecords,
                         (unsigned) ngx_min(store->batch, store->queue));
            return;
        }

        results_fail(req, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                     "larger than what may wait to be stored: no time will "
                     "make it fit");
        return;

    case NGX_HTTP_RESULTS_KEY_TWICE:
        results_fail(req, 422, "two results of the request have one id");
        return;

    case NGX_HTTP_RESULTS_NO_MEMORY:
        results_fail(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
        return;

    case NGX_HTTP_RESULTS_AWAY:
        ngx_http_results_store_count(store, away);
        ctx->error = "store_away";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "the database is away, this result was not stored; the "
                     "same request may be sent again");
        break;

    case NGX_HTTP_RESULTS_KEY_BUSY:
        ngx_http_results_store_count(store, queue_key_refused);
        ctx->error = "key_busy";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "too many others wait to write the same result, this one "
                     "was not stored; the same request may be sent again");
        break;

    default: /* NGX_HTTP_RESULTS_QUEUE_FULL */
        ngx_http_results_store_count(store, queue_refused);
        ctx->error = "queue_full";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "too many results are waiting to be stored, this one was "
                     "not stored; the same request may be sent again");
    }

    req->failure.repeatable = 1;
}


static void
ngx_http_results_written(ngx_http_results_group_t *group,
    ngx_http_results_verdict_e verdict)
{
    results_next_e           next;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_results_ctx_t  *ctx;

    ctx = group->data;
    ctx->group = NULL;

    r = ctx->request;
    c = r->connection;

    if (ngx_http_results_resume(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        next = ngx_http_results_verdict(ctx, group, verdict);
        ngx_http_results_next(r, ctx, next);
    }

    /* r may be gone, c is not */

    ngx_http_run_posted_requests(c);
}


static results_next_e
ngx_http_results_verdict(ngx_http_results_ctx_t *ctx,
    ngx_http_results_group_t *group, ngx_http_results_verdict_e verdict)
{
    results_request_t  *req;

    req = ctx->req;

    ngx_memcpy(ctx->sqlstate, group->sqlstate, sizeof(ctx->sqlstate));

    switch (verdict) {

    case NGX_HTTP_RESULTS_COMMITTED:
        ctx->outcome = ngx_http_results_outcome(group);
        ctx->queue_time = group->queue_time;
        ctx->commit_time = group->commit_time;
        ctx->batch_rows = group->batch_rows;

        return ngx_http_results_step(ctx, req->route->finish);

    case NGX_HTTP_RESULTS_REFUSED:
        ctx->outcome = "refused";
        ctx->error = "refused";
        results_fail(req, 422, "the database refused the record "
                     "(SQLSTATE %s)", group->sqlstate);
        break;

    case NGX_HTTP_RESULTS_NOT_WRITTEN:
        ctx->outcome = "not_written";
        ctx->error = "not_written";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "not stored; the same request may be sent again");
        req->failure.repeatable = 1;
        break;

    default: /* NGX_HTTP_RESULTS_UNKNOWN */

        ctx->outcome = "unknown";
        ctx->error = "outcome_unknown";

        /* a POST without an Idempotency-Key or an id of the client's would
           create a second record */

        req->failure.repeatable =
                    (req->method & (RESULTS_METHOD_PUT|RESULTS_METHOD_DELETE))
                    || req->repeatable;

        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE, "outcome unknown; %s",
                     req->failure.repeatable
                     ? "the same request may be sent again"
                     : "it may have been stored, the same request could store "
                       "it twice");
    }

    return RESULTS_NEXT_REPLY;
}


/* the outcome of its records in a word; "mixed" where they differ */

static const char *
ngx_http_results_outcome(ngx_http_results_group_t *group)
{
    ngx_uint_t  i;

    for (i = 1; i < group->nrecords; i++) {
        if (group->records[i].outcome != group->records[0].outcome) {
            return "mixed";
        }
    }

    return results_outcome_name(group->records[0].outcome);
}
