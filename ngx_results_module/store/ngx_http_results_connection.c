
/*
 * One libpq connection and the nginx connection that waits for its socket.
 *
 *  - Its events are level-triggered, since PQconsumeInput() reads once and may
 *    leave bytes in the socket.
 *  - While connecting, the socket is taken out of the event loop before every
 *    PQconnectPoll(), which may close it and open another one with the same
 *    number.
 *  - A job is over at its Sync and not before: a commit may still fail after
 *    the statement's own result.
 *  - libpq owns the socket.  nginx's connection is "shared", so that
 *    ngx_close_connection() leaves the socket to PQfinish().
 */

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection_libpq.h"
#include "ngx_http_results_connection_params.h"
#include "ngx_http_results_counters.h"

#include <openssl/ssl.h>


static void ngx_http_results_connection_poll(
    ngx_http_results_connection_t *hc, PostgresPollingStatusType status);
static ngx_int_t ngx_http_results_connection_attach(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_detach(
    ngx_http_results_connection_t *hc);
static ngx_int_t ngx_http_results_connection_want(
    ngx_http_results_connection_t *hc, ngx_uint_t rd, ngx_uint_t wr);
static void ngx_http_results_connection_event_handler(ngx_event_t *ev);
static void ngx_http_results_connection_timer_handler(ngx_event_t *ev);
static void ngx_http_results_connection_first_flight(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_set_up(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_check_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);
static ngx_int_t ngx_http_results_connection_flush(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_drain(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_result(
    ngx_http_results_connection_t *hc, PGresult *res);
static void ngx_http_results_connection_rows(
    ngx_http_results_connection_t *hc, PGresult *res);
static void ngx_http_results_connection_done(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_notice(void *data,
    const PGresult *res);
static void ngx_http_results_connection_name(
    ngx_http_results_connection_t *hc);
static void ngx_http_results_connection_reason(
    ngx_http_results_connection_t *hc, const char *text);


void
ngx_http_results_connection_open(ngx_http_results_connection_t *hc)
{
    ngx_http_results_params_t  *params;

    params = hc->conf->params;

    hc->ready = 0;
    hc->warned = 0;
    hc->broken = 0;
    hc->leaving = 0;
    hc->job = NULL;

    ngx_memzero(&hc->end, sizeof(ngx_http_results_end_t));
    ngx_memzero(hc->reason, sizeof(hc->reason));
    ngx_memzero(hc->server, sizeof(hc->server));

    hc->timer.handler = ngx_http_results_connection_timer_handler;
    hc->timer.data = hc;
    hc->timer.log = ngx_cycle->log;

    ngx_add_timer(&hc->timer, hc->conf->connect_timeout);

    hc->pg = PQconnectStartParams(params->keywords, params->values, 0);

    if (hc->pg == NULL) {
        ngx_http_results_connection_close(hc, 0, "no memory");
        return;
    }

    if (PQstatus(hc->pg) == CONNECTION_BAD) {
        ngx_http_results_connection_close(hc, 0, PQerrorMessage(hc->pg));
        return;
    }

    (void) PQsetNoticeReceiver(hc->pg, ngx_http_results_connection_notice,
                               hc);

    ngx_http_results_connection_poll(hc, PGRES_POLLING_WRITING);
}


/* goes on connecting: status is what PQconnectPoll() last returned */

static void
ngx_http_results_connection_poll(ngx_http_results_connection_t *hc,
    PostgresPollingStatusType status)
{
    switch (status) {

    case PGRES_POLLING_OK:

        if (ngx_http_results_connection_attach(hc) == NGX_OK) {
            ngx_http_results_connection_first_flight(hc);
        }

        return;

    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:

        if (ngx_http_results_connection_attach(hc) == NGX_OK
            && ngx_http_results_connection_want(hc,
                                         status == PGRES_POLLING_READING,
                                         status == PGRES_POLLING_WRITING)
               != NGX_OK)
        {
            ngx_http_results_connection_close(hc, 0, "no event");
        }

        return;

    default:
        ngx_http_results_connection_close(hc, 0, PQerrorMessage(hc->pg));
    }
}


static void
ngx_http_results_connection_first_flight(ngx_http_results_connection_t *hc)
{
    hc->check.done = ngx_http_results_check_done;

    if (ngx_http_results_connection_setup(hc) != 1
        || ngx_http_results_connection_flush(hc) != NGX_OK)
    {
        ngx_http_results_connection_close(hc, 0, PQerrorMessage(hc->pg));
    }
}


/* the Sync of the first flight has come: the connection is ready, or closed */

static void
ngx_http_results_connection_set_up(ngx_http_results_connection_t *hc)
{
    hc->job = NULL;

    if (ngx_http_results_connection_accept(hc, &hc->end) != NGX_OK) {
        ngx_http_results_connection_close(hc, 0, hc->reason);
        return;
    }

    ngx_del_timer(&hc->timer);

    hc->ready = 1;

    ngx_http_results_connection_name(hc);
    ngx_http_results_connection_server(hc);

    hc->on_ready(hc);
}


void
ngx_http_results_connection_check(ngx_http_results_connection_t *hc)
{
    ngx_http_results_connection_send(hc, &hc->check);
}


static void
ngx_http_results_check_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end)
{
    ngx_http_results_connection_t  *hc;

    hc = job->data;

    /* where the job was lost the connection is closed already */

    if (hc->pg != NULL
        && ngx_http_results_connection_accept(hc, end) != NGX_OK)
    {
        ngx_http_results_connection_close(hc, 0, hc->reason);
    }
}


/*
 * Gives the socket that libpq has now an nginx connection.  NGX_ERROR: the
 * connection has been closed.
 */

static ngx_int_t
ngx_http_results_connection_attach(ngx_http_results_connection_t *hc)
{
    int                fd;
    ngx_connection_t  *c;

    fd = PQsocket(hc->pg);

    if (hc->connection != NULL && hc->connection->fd == fd) {
        return NGX_OK;
    }

    ngx_http_results_connection_detach(hc);

    if (fd < 0) {
        ngx_http_results_connection_close(hc, 0, "no socket");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        ngx_http_results_connection_close(hc, 0,
                                          "worker_connections are not enough");
        return NGX_ERROR;
    }

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->data = hc;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_results_connection_event_handler;
    c->write->handler = ngx_http_results_connection_event_handler;
    c->shared = 1;
    c->idle = 1;

    hc->connection = c;

    return NGX_OK;
}


static void
ngx_http_results_connection_detach(ngx_http_results_connection_t *hc)
{
    ngx_connection_t  *c;

    if (hc->connection == NULL) {
        return;
    }

    c = hc->connection;

    if (PQsocket(hc->pg) == c->fd) {
        (void) ngx_http_results_connection_want(hc, 0, 0);

    } else {
        /* libpq has closed the socket, and with it the kernel its events */
        if (c->read->active) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        }

        if (c->write->active) {
            (void) ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
        }
    }

    ngx_close_connection(c);
    hc->connection = NULL;
}


static ngx_int_t
ngx_http_results_connection_want(ngx_http_results_connection_t *hc,
    ngx_uint_t rd, ngx_uint_t wr)
{
    ngx_event_t  *rev, *wev;

    rev = hc->connection->read;
    wev = hc->connection->write;

    if (!rd && rev->active
        && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!wr && wev->active
        && ngx_del_event(wev, NGX_WRITE_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rd && !rev->active
        && ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wr && !wev->active
        && ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_results_connection_send(ngx_http_results_connection_t *hc,
    ngx_http_results_job_t *job)
{
    hc->job = job;
    job->connection = hc;

    hc->warned = 0;
    hc->connection->idle = 0;

    ngx_memzero(&hc->end, sizeof(ngx_http_results_end_t));

    /* not cancelable: a worker that exits lives until the job is over */
    ngx_add_timer(&hc->timer, job->timeout);

    if (ngx_http_results_connection_query(hc, job->statement, job->values,
                                          job->lengths, job->binary)
        != 1
        || (job->stream && PQsetSingleRowMode(hc->pg) != 1)
        || PQpipelineSync(hc->pg) != 1
        || ngx_http_results_connection_flush(hc) != NGX_OK)
    {
        /* done() must not be called from within the owner's call: the event
           handler closes the connection */
        hc->broken = 1;
        ngx_post_event(hc->connection->read, &ngx_posted_events);
    }
}


/* NGX_ERROR: the connection is no good, but not closed yet */

static ngx_int_t
ngx_http_results_connection_flush(ngx_http_results_connection_t *hc)
{
    int  rc;

    rc = PQflush(hc->pg);

    if (rc < 0) {
        return NGX_ERROR;
    }

    /* always read as well: a server whose answers are not read stops reading */

    return ngx_http_results_connection_want(hc, 1, rc == 1);
}


static void
ngx_http_results_connection_event_handler(ngx_event_t *ev)
{
    int                             alive;
    ngx_connection_t               *c;
    ngx_http_results_connection_t  *hc;

    c = ev->data;
    hc = c->data;

    if (c->close) {
        /* nginx asks us to close: an idle connection at a graceful exit, or,
           with c->error set, any one when worker_shutdown_timeout is over */
        hc->leaving = 1;
        hc->shutdown = c->error;
        ngx_http_results_connection_close(hc, hc->job != NULL, "exiting");
        return;
    }

    if (hc->broken) {
        ngx_http_results_connection_close(hc, 1, PQerrorMessage(hc->pg));
        return;
    }

    if (PQpipelineStatus(hc->pg) == PQ_PIPELINE_OFF) {
        /* connecting: see above why it leaves the event loop first */
        (void) ngx_http_results_connection_want(hc, 0, 0);
        ngx_http_results_connection_poll(hc, PQconnectPoll(hc->pg));
        return;
    }

    do {
        alive = ev->write || PQconsumeInput(hc->pg);

        if (alive && ngx_http_results_connection_flush(hc) != NGX_OK) {
            alive = 0;
        }

        /* what came before the connection died may end with a Sync */
        ngx_http_results_connection_drain(hc);

        if (hc->pg == NULL) {
            return;
        }

        /*
         * the event loop can not see bytes that OpenSSL has decrypted already,
         * and not every version of libpq takes all of them at once
         */

    } while (alive && !ev->write
             && PQsslInUse(hc->pg)
             && SSL_pending(PQsslStruct(hc->pg, "OpenSSL")) > 0);

    if (!alive) {
        ngx_http_results_connection_close(hc, 1,
                              hc->reason[0] ? hc->reason
                                            : PQerrorMessage(hc->pg));
    }
}


static void
ngx_http_results_connection_drain(ngx_http_results_connection_t *hc)
{
    PGresult        *res;
    ngx_uint_t       nulls;
    ExecStatusType   status;

    nulls = 0;

    /* a NULL ends each statement; two in a row say that nothing is left */

    while (nulls < 2 && !PQisBusy(hc->pg)) {

        res = PQgetResult(hc->pg);

        if (res == NULL) {
            nulls++;
            continue;
        }

        nulls = 0;
        status = PQresultStatus(res);

        if (status != PGRES_PIPELINE_SYNC) {
            ngx_http_results_connection_result(hc, res);
            PQclear(res);
            continue;
        }

        PQclear(res);

        if (hc->ready) {
            ngx_http_results_connection_done(hc);

        } else {
            ngx_http_results_connection_set_up(hc);
        }

        if (hc->pg == NULL) {
            return;
        }
    }
}


static void
ngx_http_results_connection_result(ngx_http_results_connection_t *hc,
    PGresult *res)
{
    char  *state;

    switch (PQresultStatus(res)) {

    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:

        if (hc->job != NULL && hc->job->row != NULL) {
            ngx_http_results_connection_rows(hc, res);
        }

        return;

    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_PIPELINE_ABORTED:
        return;

    default:
        break;
    }

    /* the first error is the cause of those that follow */

    if (hc->end.end == NGX_HTTP_RESULTS_JOB_OK) {
        hc->end.end = NGX_HTTP_RESULTS_JOB_ERROR;

        state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        if (state != NULL) {
            ngx_cpystrn((u_char *) hc->end.sqlstate, (u_char *) state,
                        sizeof(hc->end.sqlstate));
            ngx_http_results_count_sqlstate(
                       ngx_http_results_store_counters(hc->conf), state);
        }
    }
}


static void
ngx_http_results_connection_rows(ngx_http_results_connection_t *hc,
    PGresult *res)
{
    int            i, j, n;
    results_str_t  values[NGX_HTTP_RESULTS_COLUMNS_MAX];

    n = ngx_min(PQnfields(res), NGX_HTTP_RESULTS_COLUMNS_MAX);

    for (i = 0; i < PQntuples(res); i++) {

        for (j = 0; j < n; j++) {
            values[j].data = PQgetisnull(res, i, j) ? NULL
                                                    : PQgetvalue(res, i, j);
            values[j].len = PQgetlength(res, i, j);
        }

        (void) hc->job->row(hc->job, values, n);
    }
}


/* the Sync of a job has come: all of it is committed, or nothing */

static void
ngx_http_results_connection_done(ngx_http_results_connection_t *hc)
{
    ngx_http_results_job_t  *job;
    ngx_http_results_end_t   end;

    job = hc->job;

    if (job == NULL) {
        return;
    }

    if (hc->end.end == NGX_HTTP_RESULTS_JOB_ERROR
        && hc->end.sqlstate[0] == '\0')
    {
        /* an error of libpq, which did not understand the server: the server
           has not said that nothing was stored */

        ngx_http_results_connection_close(hc, 1, "an error without SQLSTATE");
        return;
    }

    if (hc->timer.timer_set) {
        ngx_del_timer(&hc->timer);
    }

    end = hc->end;

    if (end.end == NGX_HTTP_RESULTS_JOB_ERROR) {
        end.action = results_sqlstate_action(end.sqlstate);

    } else if (hc->warned) {
        end.end = NGX_HTTP_RESULTS_JOB_WARNED;
    }

    hc->job = NULL;
    job->connection = NULL;
    hc->connection->idle = 1;

    if (end.end == NGX_HTTP_RESULTS_JOB_ERROR
        && end.action == RESULTS_SQL_EVICT)
    {
        (void) ngx_snprintf((u_char *) hc->reason, sizeof(hc->reason) - 1,
                            "SQLSTATE %s%Z", end.sqlstate);
        ngx_http_results_connection_close(hc, 0, hc->reason);

    } else {
        hc->on_idle(hc);
    }

    job->done(job, &end);
}


void
ngx_http_results_connection_close(ngx_http_results_connection_t *hc,
    ngx_uint_t hard, const char *reason)
{
    struct linger            linger;
    ngx_http_results_job_t  *job;
    ngx_http_results_end_t   end;

    if (reason != hc->reason) {
        ngx_http_results_connection_reason(hc, reason);
    }

    if (hc->timer.timer_set) {
        ngx_del_timer(&hc->timer);
    }

    if (hc->timer.posted) {
        ngx_delete_posted_event(&hc->timer);
    }

    if (hc->pg != NULL) {

        ngx_http_results_connection_name(hc);

        if (hard && PQsocket(hc->pg) >= 0) {
            /*
             * A statement whose owner is told that it was lost must not arrive
             * later.  Else PQfinish() would still try to send what libpq has
             * of it, and the kernel what is in the socket's buffer.
             */
            linger.l_onoff = 1;
            linger.l_linger = 0;

            (void) setsockopt(PQsocket(hc->pg), SOL_SOCKET, SO_LINGER,
                              (const void *) &linger, sizeof(struct linger));
            (void) shutdown(PQsocket(hc->pg), SHUT_WR);
        }

        if (!hc->ready && !hc->leaving) {
            ngx_http_results_connection_next_host(hc->conf->params,
                            PQhost(hc->pg), PQhostaddr(hc->pg),
                            PQport(hc->pg));
        }

        ngx_http_results_connection_detach(hc);

        PQfinish(hc->pg);
        hc->pg = NULL;
    }

    hc->ready = 0;

    job = hc->job;
    hc->job = NULL;

    end = hc->end;
    end.end = NGX_HTTP_RESULTS_JOB_LOST;

    hc->on_closed(hc, hc->reason);

    if (job != NULL) {
        job->connection = NULL;
        job->done(job, &end);
    }
}


static void
ngx_http_results_connection_timer_handler(ngx_event_t *ev)
{
    ngx_http_results_connection_t  *hc;

    hc = ev->data;

    if (hc->ready) {
        ngx_http_results_connection_close(hc, 1, "no answer in time");

    } else {
        ngx_http_results_connection_close(hc, 1, "connect timed out");
    }
}


/*
 * A WARNING during a write means that it may not be durable: by one PostgreSQL
 * tells that a commit's wait for the synchronous standby was cancelled, and the
 * statement then ends as a success.
 */

static void
ngx_http_results_connection_notice(void *data, const PGresult *res)
{
    char                           *severity, *state;
    ngx_http_results_connection_t  *hc;

    hc = data;

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (severity != NULL && ngx_strcmp(severity, "WARNING") == 0) {
        hc->warned = 1;
    }

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "results: store \"%V\": %s %s from the server",
                  &hc->conf->name, severity ? severity : "notice",
                  state ? state : "");
}


/* sets hc->server to the server that libpq has, or tries, now */

static void
ngx_http_results_connection_name(ngx_http_results_connection_t *hc)
{
    const char  *host, *port;

    host = PQhost(hc->pg);
    port = PQport(hc->pg);

    (void) ngx_snprintf((u_char *) hc->server, sizeof(hc->server) - 1,
                        "%s:%s%Z", host ? host : "", port ? port : "");

    hc->server[sizeof(hc->server) - 1] = '\0';
}


/*
 * Sets hc->reason to the text as one line.  libpq's messages have a line for
 * each host that was tried, and hints on lines that begin with a tab, which are
 * left out.
 */

static void
ngx_http_results_connection_reason(ngx_http_results_connection_t *hc,
    const char *text)
{
    u_char      *p, *last;
    ngx_uint_t   hint;

    p = (u_char *) hc->reason;
    last = p + sizeof(hc->reason) - 3;
    hint = 0;

    for ( /* void */ ; *text != '\0' && p < last; text++) {

        if (*text == '\n') {
            hint = (text[1] == '\t');

            if (!hint && text[1] != '\0') {
                *p++ = ';';
                *p++ = ' ';
            }

        } else if (!hint) {
            *p++ = (u_char) *text < ' ' ? ' ' : *text;
        }
    }

    *p = '\0';

    if (p == (u_char *) hc->reason) {
        (void) ngx_cpystrn(p, (u_char *) "the connection was lost",
                           sizeof(hc->reason));
    }
}
