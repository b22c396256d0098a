
/*
 * A read's rows become the reply as they come.  One row, or what fits into
 * RESULTS_STREAM_SIZE, leaves as one reply with its length; a longer one leaves
 * in pieces of about that size, each of which has gone to the client before
 * the next rows are taken from the database: a client that does not read
 * stops the rows, and no page is held in memory.
 */

#include "ngx_http_results.h"


/* bytes of an id that the log shows */
#define NGX_HTTP_RESULTS_LOGGED_ID  255


static ngx_int_t ngx_http_results_row(ngx_http_results_read_t *read,
    const results_str_t *values, ngx_uint_t nvalues);
static void ngx_http_results_left_out(ngx_http_request_t *r,
    results_left_out_t *row);
static ngx_int_t ngx_http_results_send_rows(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static void ngx_http_results_rows_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_wait_writable(ngx_http_request_t *r);
static void ngx_http_results_read_done(ngx_http_results_read_t *read,
    ngx_http_results_read_end_e end);


ngx_int_t
ngx_http_results_start_read(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx)
{
    ngx_int_t                     rc;
    results_request_t            *req;
    ngx_http_results_loc_conf_t  *lcf;

    req = ctx->req;

    if (req->read.failed) {
        return NGX_ERROR;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    ctx->read.call = &req->read;
    ctx->read.row = ngx_http_results_row;
    ctx->read.handler = ngx_http_results_read_done;
    ctx->read.data = ctx;

    rc = ngx_http_results_store_read(lcf->store->store, &ctx->read);

    if (rc != NGX_OK) {
        ctx->error = (rc == NGX_BUSY) ? "queue_full" : "store_away";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "the database can not be asked now; the same request may "
                     "be sent again");
        req->failure.repeatable = 1;
        return NGX_DECLINED;
    }

    ctx->reading = 1;

    r->write_event_handler = ngx_http_request_empty_handler;

    return ngx_http_results_wait(r);
}


static ngx_int_t
ngx_http_results_row(ngx_http_results_read_t *read,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    results_request_t       *req;
    ngx_http_request_t      *r;
    ngx_http_results_ctx_t  *ctx;

    ctx = read->data;
    req = ctx->req;

    req->route->row(req, values, nvalues);

    if (req->left_out.why) {
        ngx_http_results_left_out(ctx->request, &req->left_out);
        ngx_memzero(&req->left_out, sizeof(results_left_out_t));
    }

    /* nothing follows a single row: a reader would wait for its client */

    if (req->reply.body.len < RESULTS_STREAM_SIZE
        || req->read.function == RESULTS_READ_RECORD)
    {
        return NGX_OK;
    }

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_results_send_rows(r, ctx);

    if (rc == NGX_ERROR) {
        /* its cleanup cancels the read */
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return NGX_OK;
    }

    return rc;
}


/*
 * The key of a row, and nothing else of it: who administers the database can
 * find and mend it.  SQL may have put anything into an id.
 */

static void
ngx_http_results_left_out(ngx_http_request_t *r, results_left_out_t *row)
{
    size_t                        i, n;
    u_char                        id[NGX_HTTP_RESULTS_LOGGED_ID];
    results_request_t            *req;
    ngx_http_results_loc_conf_t  *lcf;

    req = ngx_http_results_request(r);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    n = ngx_min(row->id.len, sizeof(id));

    for (i = 0; i < n; i++) {
        id[i] = (row->id.data[i] > ' ' && row->id.data[i] <= '~')
                ? (u_char) row->id.data[i] : '?';
    }

    ngx_http_results_store_count(lcf->store, rows_left_out);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "results: the %s \"%*s\" of institution %d is left out: %s",
                  row->kind, n, id, (int) req->principal->institution_id,
                  row->why);
}


/* NGX_AGAIN: the client has to take them first */

static ngx_int_t
ngx_http_results_send_rows(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    results_reply_t  *reply;

    reply = &ctx->req->reply;

    if (reply->body.failed || ctx->req->failure.status) {
        return NGX_ERROR;
    }

    if (!ctx->streaming) {

        rc = ngx_http_results_send_header(r, -1);

        if (rc == NGX_ERROR || rc > NGX_OK) {
            return NGX_ERROR;
        }

        ctx->streaming = 1;
    }

    if (r->header_only) {
        reply->body.len = 0;
        return NGX_OK;
    }

    b = ctx->rows;

    if (b == NULL) {
        b = ngx_calloc_buf(r->pool);
        if (b == NULL) {
            return NGX_ERROR;
        }

        ctx->rows = b;
    }

    b->pos = (u_char *) reply->body.data;
    b->last = b->pos + reply->body.len;
    b->memory = 1;
    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    if (ngx_http_output_filter(r, &out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (b->pos == b->last) {
        reply->body.len = 0;
        return NGX_OK;
    }

    r->write_event_handler = ngx_http_results_rows_writer;

    return ngx_http_results_wait_writable(r) == NGX_OK ? NGX_AGAIN
                                                       : NGX_ERROR;
}


static void
ngx_http_results_rows_writer(ngx_http_request_t *r)
{
    ngx_event_t             *wev;
    ngx_http_results_ctx_t  *ctx;

    wev = r->connection->write;
    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "results: the client does not read its reply");
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (ctx->rows->pos != ctx->rows->last) {

        if (ngx_http_results_wait_writable(r) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    /* the timer of limit_rate ends the delay */

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    r->write_event_handler = ngx_http_request_empty_handler;
    ctx->req->reply.body.len = 0;

    ngx_http_results_store_go_on(&ctx->read);
}


static ngx_int_t
ngx_http_results_wait_writable(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


static void
ngx_http_results_read_done(ngx_http_results_read_t *read,
    ngx_http_results_read_end_e end)
{
    results_next_e           next;
    ngx_connection_t        *c;
    results_request_t       *req;
    ngx_http_request_t      *r;
    ngx_http_results_ctx_t  *ctx;

    ctx = read->data;
    ctx->reading = 0;

    req = ctx->req;
    r = ctx->request;
    c = r->connection;

    next = RESULTS_NEXT_REPLY;

    ngx_memcpy(ctx->sqlstate, read->sqlstate, sizeof(ctx->sqlstate));

    switch (end) {

    case NGX_HTTP_RESULTS_READ_DONE:
        next = req->route->finish(req);
        break;

    case NGX_HTTP_RESULTS_READ_REFUSED:
        ctx->error = "refused";
        results_fail(req, NGX_HTTP_BAD_REQUEST, "the database can not answer "
                     "this (SQLSTATE %s)", read->sqlstate);
        break;

    default:
        ctx->error = "not_read";
        results_fail(req, NGX_HTTP_SERVICE_UNAVAILABLE,
                     "the database can not be asked now; the same request may "
                     "be sent again");
        req->failure.repeatable = 1;

        /* of a reply that was begun and not sent nothing is left */
        req->reply.body.len = 0;
        req->reply.nheaders = 0;
    }

    if (ngx_http_results_resume(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ngx_http_results_next(r, ctx, next);
    }

    /* r may be gone, c is not */

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_results_send_rest(ngx_http_request_t *r)
{
    ngx_buf_t               *b;
    ngx_chain_t              out;
    results_reply_t         *reply;
    ngx_http_results_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_results_module);
    reply = &ctx->req->reply;

    /* too late for another status: the client must see that it is cut off */

    if (ctx->req->failure.status || reply->body.failed) {
        return NGX_ERROR;
    }

    ctx->ended = 1;

    if (r->header_only) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) reply->body.data;
    b->last = b->pos + reply->body.len;
    b->memory = (reply->body.len != 0);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
