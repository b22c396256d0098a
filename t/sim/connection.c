
/*
 * The functions of ngx_http_results_connection.h, with a server of the
 * simulation at the other end.  What the pool and the batcher are told, and
 * in which order, is what the connection with libpq does.
 */

#include "sim.h"


static sim_session_t  sim_sessions[SIM_SESSIONS];
static ngx_uint_t     sim_nsessions;


static void sim_connection_timer_handler(ngx_event_t *ev);
static void sim_connection_refused(void *data, uintptr_t n);
static ngx_int_t sim_connection_check_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
static void sim_connection_check_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end);
static void sim_connection_done(ngx_http_results_connection_t *hc,
    uintptr_t what);


void
sim_sessions_reset(void)
{
    sim_nsessions = 0;
}


void
ngx_http_results_connection_open(ngx_http_results_connection_t *hc)
{
    sim_session_t  *session;

    if (sim_nsessions == SIM_SESSIONS) {
        sim_failed("room", "too many sessions");
    }

    session = &sim_sessions[sim_nsessions++];
    ngx_memzero(session, sizeof(sim_session_t));

    session->id = sim_nsessions;
    session->node = sim_node;
    session->hc = hc;

    hc->pg = (struct pg_conn *) session;
    hc->ready = 0;
    hc->leaving = 0;
    hc->job = NULL;
    hc->reason[0] = '\0';

    hc->timer.handler = sim_connection_timer_handler;
    hc->timer.data = hc;
    hc->timer.log = ngx_cycle->log;

    ngx_add_timer(&hc->timer, hc->conf->connect_timeout);

    sim_trace("worker %u connects: session %u", (unsigned) sim_node->slot,
              (unsigned) session->id);

    if (sim_server_down) {

        switch (sim_random(3)) {

        case 0:
            ngx_http_results_connection_close(hc, 0, "refused at once");
            return;

        case 1:
            /* nobody answers: the timer ends it */
            return;

        default:
            sim_at(sim_now + sim.net, sim_node, sim_connection_refused,
                   session, 0);
            return;
        }
    }

    sim_at(sim_now + 3 * sim.net + sim_between(1, SIM_MS), sim_node,
           sim_session_deliver, session, SIM_DELIVER_READY);
}


static void
sim_connection_refused(void *data, uintptr_t n)
{
    sim_session_t  *session;

    (void) n;

    session = data;

    if (session->hc != NULL) {
        ngx_http_results_connection_close(session->hc, 0, "refused");
    }
}


static void
sim_connection_timer_handler(ngx_event_t *ev)
{
    ngx_http_results_connection_t  *hc;

    hc = ev->data;

    ngx_http_results_connection_close(hc, 1, hc->ready ? "no answer in time"
                                                       : "connect timed out");
}


void
ngx_http_results_connection_send(ngx_http_results_connection_t *hc,
    ngx_http_results_job_t *job)
{
    sim_session_t    *session;
    sim_statement_t  *s;

    session = (sim_session_t *) hc->pg;

    if (session == NULL || !hc->ready || hc->job != NULL) {
        sim_failed("connection", "a job for one that can't take it");
    }

    hc->job = job;
    job->connection = hc;

    ngx_memzero(&hc->end, sizeof(ngx_http_results_end_t));
    ngx_add_timer(&hc->timer, job->timeout);

    s = sim_server_statement(session, job);
    session->statement = s;

    sim_check_statement(sim_node, s);

    if (session->gone) {
        /* its end is on the way already */
        s->over = 1;
        return;
    }

    switch (s->fate) {

    case SIM_FATE_NEVER:
        s->over = 1;
        session->gone = 1;
        sim_at(sim_now + sim_between(0, 2 * sim.net), sim_node,
               sim_session_deliver, session, SIM_DELIVER_LOST);
        return;

    case SIM_FATE_UNSEEN:

        if (sim_random(2)) {
            sim_at(sim_now + sim_between(0, 2 * sim.net + sim.work), sim_node,
                   sim_session_deliver, session, SIM_DELIVER_LOST);
        }

        break;

    default:
        break;
    }

    sim_at(sim_now + sim_between(1, sim.net), NULL, sim_server_arrive, s, 0);
}


void
ngx_http_results_connection_check(ngx_http_results_connection_t *hc)
{
    sim_session_t  *session;

    session = (sim_session_t *) hc->pg;

    hc->check.timeout = hc->conf->connect_timeout;
    hc->check.row = sim_connection_check_row;
    hc->check.done = sim_connection_check_done;
    hc->check.data = hc;
    hc->check.connection = hc;
    hc->job = &hc->check;

    session->statement = NULL;

    ngx_memzero(&hc->end, sizeof(ngx_http_results_end_t));
    ngx_add_timer(&hc->timer, hc->check.timeout);

    if (!session->gone) {
        sim_at(sim_now + 2 * sim.net, sim_node, sim_session_deliver, session,
               SIM_DELIVER_CHECKED);
    }
}


static ngx_int_t
sim_connection_check_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    (void) job;
    (void) values;
    (void) nvalues;

    return NGX_OK;
}


static void
sim_connection_check_done(ngx_http_results_job_t *job,
    const ngx_http_results_end_t *end)
{
    (void) job;
    (void) end;
}


void
ngx_http_results_connection_go_on(ngx_http_results_connection_t *hc)
{
    (void) hc;
}


/* what the socket brings */

void
sim_session_deliver(void *data, uintptr_t what)
{
    sim_session_t                  *session;
    results_str_t                   values[3];
    ngx_http_results_connection_t  *hc;

    session = data;
    hc = session->hc;

    if (hc == NULL) {
        return;
    }

    switch (what) {

    case SIM_DELIVER_READY:

        if (sim_server_down) {
            ngx_http_results_connection_close(hc, 0, "it crashed");
            return;
        }

        ngx_del_timer(&hc->timer);
        hc->ready = 1;
        hc->on_ready(hc);
        return;

    case SIM_DELIVER_LOST:
        session->gone = 1;
        ngx_http_results_connection_close(hc, 1, "lost");
        return;

    case SIM_DELIVER_CHECKED:
        sim_connection_done(hc, SIM_DELIVER_CHECKED);
        return;

    case SIM_DELIVER_ROW:
    case SIM_DELIVER_GARBLED:

        sim_trace("the row of statement %u comes",
                  (unsigned) session->statement->id);

        sim_server_answer(session->statement, values);

        (void) hc->job->row(hc->job, values,
                            what == SIM_DELIVER_ROW ? 3 : 2);

        if (what == SIM_DELIVER_GARBLED) {
            sim_connection_done(hc, what);
        }

        return;

    default:
        sim_connection_done(hc, what);
    }
}


/* the Sync: as ngx_http_results_connection_done() */

static void
sim_connection_done(ngx_http_results_connection_t *hc, uintptr_t what)
{
    sim_session_t           *session;
    ngx_http_results_job_t  *job;
    ngx_http_results_end_t   end;

    session = (sim_session_t *) hc->pg;

    if (hc->timer.timer_set) {
        ngx_del_timer(&hc->timer);
    }

    end = hc->end;

    if (what == SIM_DELIVER_ERROR) {
        end.end = NGX_HTTP_RESULTS_JOB_ERROR;
        ngx_memcpy(end.sqlstate, session->statement->sqlstate, 6);
        end.action = results_sqlstate_action(end.sqlstate);

        sim_trace("statement %u: SQLSTATE %s",
                  (unsigned) session->statement->id, end.sqlstate);

    } else if (what == SIM_DELIVER_WARNED) {
        end.end = NGX_HTTP_RESULTS_JOB_WARNED;
    }

    if (what != SIM_DELIVER_CHECKED) {
        sim_check_back(session->statement, &end);
    }

    job = hc->job;
    hc->job = NULL;
    job->connection = NULL;
    session->statement = NULL;

    if (end.end == NGX_HTTP_RESULTS_JOB_ERROR
        && end.action == RESULTS_SQL_EVICT)
    {
        ngx_http_results_connection_close(hc, 0, end.sqlstate);

    } else {
        hc->on_idle(hc);
    }

    job->done(job, &end);
}


void
ngx_http_results_connection_close(ngx_http_results_connection_t *hc,
    ngx_uint_t hard, const char *reason)
{
    sim_session_t           *session;
    ngx_http_results_job_t  *job;
    ngx_http_results_end_t   end;

    (void) ngx_cpystrn((u_char *) hc->reason, (u_char *) reason,
                       sizeof(hc->reason));

    if (hc->timer.timer_set) {
        ngx_del_timer(&hc->timer);
    }

    session = (sim_session_t *) hc->pg;

    if (session != NULL) {
        sim_trace("worker %u: session %u is closed: %s",
                  (unsigned) sim_node->slot, (unsigned) session->id, reason);

        session->hc = NULL;

        if (session->statement != NULL) {
            sim_check_back(session->statement, NULL);
        }

        if (hard && session->statement != NULL
            && !session->statement->arrived && !session->gone)
        {
            /* what was not sent yet will not be; what was sent may be read */
            session->gone = sim_random(2);
        }

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


/* nginx exits: ngx_close_idle_connections(), or the shutdown's timer */

void
sim_session_closed_idle(sim_node_t *node, ngx_uint_t all)
{
    ngx_uint_t                      i;
    ngx_http_results_connection_t  *hc;

    for (i = 0; i < node->batcher.pool.nconnections; i++) {
        hc = &node->batcher.pool.connections[i];

        if (hc->pg == NULL || (hc->job != NULL && !all)) {
            continue;
        }

        hc->leaving = 1;
        hc->shutdown = all;
        ngx_http_results_connection_close(hc, hc->job != NULL, "exiting");
    }
}


/* the server's ends of a worker's sessions are gone */

void
sim_sessions_of_dead(sim_node_t *node)
{
    ngx_uint_t                      i;
    sim_session_t                  *session;
    ngx_http_results_connection_t  *hc;

    for (i = 0; i < node->batcher.pool.nconnections; i++) {
        hc = &node->batcher.pool.connections[i];
        session = (sim_session_t *) hc->pg;

        if (session == NULL || session->gone) {
            continue;
        }

        session->gone = 1;

        if (session->statement != NULL && !session->statement->arrived) {
            session->statement->over = 1;
        }

        sim_at(sim_now + sim_between(0, 2 * sim.net), node,
               sim_session_deliver, session, SIM_DELIVER_LOST);
    }
}
