
/*
 * The rows of a read are rendered and sent as they come.  A single row, or a
 * page of less than RESULTS_STREAM_SIZE bytes, is sent at the end, with its
 * length.  A longer page is sent in pieces of about that size.  Where the
 * client does not take a piece at once, all further rows are spooled to a
 * temporary file, which is sent when the last row has come: so a client that
 * reads slowly, or not at all, occupies neither a connection to the database
 * nor memory for a whole page.
 *
 * Replies of at least RESULTS_STREAM_SIZE bytes are counted for each client
 * until their requests end.  A client that has as many as results_streams
 * allows is answered 503.
 */

#include "ngx_http_results.h"


/* bytes of a row's id that are logged */
#define NGX_HTTP_RESULTS_LOGGED_ID  255

/* slots of the hash table of counted replies, by client */
#define NGX_HTTP_RESULTS_STREAMS  64


static ngx_queue_t *ngx_http_results_streams_of(ngx_http_results_ctx_t *ctx);
static ngx_int_t ngx_http_results_stream_enter(ngx_http_results_ctx_t *ctx);
static ngx_uint_t ngx_http_results_streams_full(ngx_http_results_ctx_t *ctx);
static void ngx_http_results_row(ngx_http_results_read_t *read,
    const results_str_t *values, ngx_uint_t nvalues);
static void ngx_http_results_left_out(ngx_http_request_t *r,
    results_left_out_t *row);
static void ngx_http_results_again(ngx_http_results_read_t *read);
static ngx_int_t ngx_http_results_send_rows(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static ngx_int_t ngx_http_results_spool_start(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static ngx_int_t ngx_http_results_spool(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx);
static void ngx_http_results_rows_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_results_wait_writable(ngx_http_request_t *r);
static void ngx_http_results_read_done(ngx_http_results_read_t *read,
    ngx_http_results_read_end_e end);
static void ngx_http_results_read_over(ngx_http_results_ctx_t *ctx,
    results_next_e next);


static ngx_queue_t  ngx_http_results_streams[NGX_HTTP_RESULTS_STREAMS];


void
ngx_http_results_read_init_process(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_RESULTS_STREAMS; i++) {
        ngx_queue_init(&ngx_http_results_streams[i]);
    }
}


ngx_int_t
ngx_http_results_start_read(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx,
    ngx_http_results_after_pt after)
{
    ngx_int_t                     rc;
    results_request_t            *req;
    ngx_http_results_loc_conf_t  *lcf;

    req = ctx->req;

    if (req->read.failed) {
        return NGX_ERROR;
    }

    if ((req->read.function == RESULTS_READ_RECORDS
         || req->read.function == RESULTS_READ_REPORT)
        && ngx_http_results_streams_full(ctx))
    {
        return NGX_DECLINED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    ctx->read.call = &req->read;
    ctx->read.institution = ctx->principal.institution_id;
    ctx->read.goes_on = ctx->steps > 1;
    ctx->read.row = ngx_http_results_row;
    ctx->read.again = ngx_http_results_again;
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
    ctx->after = after;

    r->write_event_handler = ngx_http_request_empty_handler;

    return ngx_http_results_wait(r);
}


static ngx_queue_t *
ngx_http_results_streams_of(ngx_http_results_ctx_t *ctx)
{
    return &ngx_http_results_streams[(ngx_uint_t) ctx->principal.client_id
                                     % NGX_HTTP_RESULTS_STREAMS];
}


/* counts the reply among those of its client, until the request ends */

static ngx_int_t
ngx_http_results_stream_enter(ngx_http_results_ctx_t *ctx)
{
    if (ctx->counted) {
        return NGX_OK;
    }

    if (ngx_http_results_streams_full(ctx)) {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(ngx_http_results_streams_of(ctx), &ctx->stream);
    ctx->counted = 1;

    return NGX_OK;
}


/* 1, with the failure set, where the client has as many as it may have */

static ngx_uint_t
ngx_http_results_streams_full(ngx_http_results_ctx_t *ctx)
{
    ngx_uint_t                    n;
    ngx_queue_t                  *q, *list;
    ngx_http_results_ctx_t       *other;
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_results_module);

    n = 0;
    list = ngx_http_results_streams_of(ctx);

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_results_ctx_t, stream);

        if (other->principal.client_id == ctx->principal.client_id
            && other->conf->store == ctx->conf->store)
        {
            n++;
        }
    }

    if (n < lcf->streams) {
        return 0;
    }

    ctx->error = "too_many";
    results_fail(ctx->req, NGX_HTTP_SERVICE_UNAVAILABLE,
                 "%u large replies to this client are still being sent; the "
                 "same request may be sent again when they have been read",
                 (unsigned) n);
    ctx->req->failure.repeatable = 1;

    return 1;
}


static void
ngx_http_results_row(ngx_http_results_read_t *read,
    const results_str_t *values, ngx_uint_t nvalues)
{
    int64_t                  begun;
    ngx_connection_t        *c;
    results_request_t       *req;
    ngx_http_request_t      *r;
    ngx_http_results_ctx_t  *ctx;

    ctx = read->data;
    req = ctx->req;

    begun = results_time_monotonic();

    req->route->row(req, values, nvalues);

    if (req->read.function == RESULTS_READ_RECORD) {
        ngx_http_results_worked(ctx, begun);
    }

    if (req->left_out.why) {
        ngx_http_results_left_out(ctx->request, &req->left_out);
        ngx_memzero(&req->left_out, sizeof(results_left_out_t));
    }

    if (req->reply.body.len < RESULTS_STREAM_SIZE) {
        return;
    }

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (ngx_http_results_stream_enter(ctx) != NGX_OK) {

        ngx_http_results_store_cancel_read(read);
        ngx_http_results_read_over(ctx, RESULTS_NEXT_REPLY);
        return;
    }

    /* nothing follows a single row: it is sent at the end, with its length */

    if (req->read.function == RESULTS_READ_RECORD) {
        return;
    }

    if (ngx_http_results_send_rows(r, ctx) != NGX_OK) {
        /* its cleanup cancels the read */
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
    }
}


/*
 * Logs the key of a row that can not be rendered, so that whoever administers
 * the database can find and correct it, and nothing else of the row.  SQL may
 * have put anything into an id, so only printable ASCII is logged.
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


/* the rows will come again: drops the reply so far, and tells the dialect */

static void
ngx_http_results_again(ngx_http_results_read_t *read)
{
    results_request_t       *req;
    ngx_http_results_ctx_t  *ctx;

    ctx = read->data;
    req = ctx->req;

    req->reply.status = 0;
    req->reply.nheaders = 0;
    req->reply.body.len = 0;
    req->reply.body.failed = 0;

    ngx_memzero(&req->failure, sizeof(results_failure_t));

    req->route->row(req, NULL, 0);
}


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

        ctx->read.left = 1;

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

    if (ctx->spool) {
        return ngx_http_results_spool(r, ctx);
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

    return ngx_http_results_spool_start(r, ctx);
}


/*
 * The client did not take all of a piece: from now on rows are spooled.  The
 * piece keeps its memory until it is sent; the rows that follow get another
 * buffer.
 */

static ngx_int_t
ngx_http_results_spool_start(ngx_http_request_t *r,
    ngx_http_results_ctx_t *ctx)
{
    ngx_temp_file_t           *spool;
    ngx_http_core_loc_conf_t  *clcf;

    spool = ngx_pcalloc(r->pool, sizeof(ngx_temp_file_t));
    if (spool == NULL) {
        return NGX_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    spool->file.fd = NGX_INVALID_FILE;
    spool->file.log = r->connection->log;
    spool->path = clcf->client_body_temp_path;
    spool->pool = r->pool;
    spool->log_level = NGX_LOG_INFO;
    spool->warn = "results: a reply is buffered to a temporary file";
    spool->clean = 1;

    ctx->spool = spool;
    ctx->piece = ctx->req->reply.body;
    ngx_memzero(&ctx->req->reply.body, sizeof(results_buf_t));

    r->write_event_handler = ngx_http_results_rows_writer;

    return ngx_http_results_wait_writable(r);
}


/* writes the rows that were rendered since to the temporary file */

static ngx_int_t
ngx_http_results_spool(ngx_http_request_t *r, ngx_http_results_ctx_t *ctx)
{
    ssize_t                       n;
    ngx_buf_t                     b;
    ngx_chain_t                   out;
    results_reply_t              *reply;
    ngx_http_results_loc_conf_t  *lcf;

    reply = &ctx->req->reply;

    if (reply->body.len == 0) {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_results_module);

    if (ctx->spool->offset + (off_t) reply->body.len
        > lcf->max_temp_file_size)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "results: a client does not read its reply, which is "
                      "larger than results_max_temp_file_size");
        return NGX_ERROR;
    }

    ngx_memzero(&b, sizeof(ngx_buf_t));

    b.pos = (u_char *) reply->body.data;
    b.last = b.pos + reply->body.len;
    b.memory = 1;

    out.buf = &b;
    out.next = NULL;

    n = ngx_write_chain_to_temp_file(ctx->spool, &out);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    ctx->spool->offset += n;
    reply->body.len = 0;

    return NGX_OK;
}


/* the write event handler: sends what is left of the piece */

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

    /* while limit_rate delays the reply, the timer is that of the delay */

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    r->write_event_handler = ngx_http_request_empty_handler;
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
    results_request_t       *req;
    ngx_http_results_ctx_t  *ctx;

    ctx = read->data;
    req = ctx->req;

    next = RESULTS_NEXT_REPLY;

    ngx_memcpy(ctx->sqlstate, read->sqlstate, sizeof(ctx->sqlstate));

    switch (end) {

    case NGX_HTTP_RESULTS_READ_DONE:
        next = ngx_http_results_step(ctx, req->route->finish);
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

        /* drops what was rendered and not sent */
        req->reply.body.len = 0;
        req->reply.nheaders = 0;
    }

    ngx_http_results_read_over(ctx, next);
}


/* the read is over, or was taken back: the request goes on */

static void
ngx_http_results_read_over(ngx_http_results_ctx_t *ctx, results_next_e next)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    ctx->reading = 0;

    r = ctx->request;
    c = r->connection;

    if (ngx_http_results_resume(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ctx->after(r, ctx, next);
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

    /* the status was sent: the client must see that the reply is cut off */

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

    if (ctx->spool) {

        if (ngx_http_results_spool(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        results_buf_free(&reply->body);

        b->file = &ctx->spool->file;
        b->file_last = ctx->spool->offset;
        b->in_file = (b->file_last != 0);

    } else {
        b->pos = (u_char *) reply->body.data;
        b->last = b->pos + reply->body.len;
        b->memory = (reply->body.len != 0);
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
