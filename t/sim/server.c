
/*
 * The server: takes statements, decodes their arrays by itself, runs them row
 * by row as locks allow, commits, and answers; or does not, as the fate of a
 * statement has it.  Where a connection is lost the statement may go on.
 */

#include <stdlib.h>

#include "sim.h"


#define SIM_ARRAY_HEADER  20
#define SIM_BLOCKED       512

/* the parameters of write_records() that the table needs */
#define SIM_PARAM_OPS           0
#define SIM_PARAM_INSTITUTIONS  1
#define SIM_PARAM_IDS           3
#define SIM_PARAM_ATTEMPTS      12      /* times_spent */
#define SIM_PARAM_HASHES        17
#define SIM_PARAM_CLIENTS       18
#define SIM_PARAM_STAMPS        19
#define SIM_PARAM_EXPECTED      20
#define SIM_PARAM_GUARDS        21


ngx_uint_t  sim_server_down;

static sim_statement_t   sim_statements[SIM_STATEMENTS];
static ngx_uint_t        sim_nstatements;

static sim_statement_t  *sim_blocked[SIM_BLOCKED];
static ngx_uint_t        sim_nblocked;

static sim_statement_t  *sim_running[SIM_BLOCKED];
static ngx_uint_t        sim_nrunning;

/* that a server answers without the data's fault */
static const char *const  sim_sqlstates[] = {
    "40001", "40P01", "55P03", "57014",     /* again */
    "53100", "XX000",                       /* 503 */
    "57P01", "25006", "26000", "0A000"      /* another connection */
};


static void sim_server_fate(sim_statement_t *s);
static void sim_server_decode(sim_statement_t *s,
    ngx_http_results_job_t *job);
static int64_t sim_server_element(ngx_http_results_job_t *job,
    ngx_uint_t param, ngx_uint_t i, int64_t none);
static ngx_uint_t sim_server_key(ngx_http_results_job_t *job, ngx_uint_t i);
static void sim_server_step(sim_statement_t *s);
static ngx_uint_t sim_server_waits(sim_statement_t *s, sim_row_t *row);
static void sim_server_finish(void *data, uintptr_t n);
static void sim_server_over(sim_statement_t *s, ngx_uint_t commit);
static void sim_server_unblock(void);
static void sim_server_not_blocked(sim_statement_t *s);
static void sim_server_deliver(sim_statement_t *s, uintptr_t what,
    int64_t after);
static void sim_server_up(void *data, uintptr_t n);
static const char *sim_server_bad(sim_statement_t *s);
static char *sim_server_array(char *p, uint32_t oid, ngx_uint_t n,
    ngx_uint_t size, const int64_t *values);


void
sim_server_reset(void)
{
    sim_nstatements = 0;
    sim_nblocked = 0;
    sim_nrunning = 0;
    sim_server_down = 0;
}


/* what libpq has copied when a job is sent, on its way to the server */

sim_statement_t *
sim_server_statement(sim_session_t *session, ngx_http_results_job_t *job)
{
    sim_statement_t  *s;

    if (sim_nstatements == SIM_STATEMENTS) {
        sim_failed("room", "too many statements");
    }

    s = &sim_statements[sim_nstatements++];
    ngx_memzero(s, sizeof(sim_statement_t));

    s->id = sim_nstatements;
    s->session = session;
    s->group = (job->statement == NGX_HTTP_RESULTS_WRITE_GROUP);

    sim_server_decode(s, job);

    s->fate = SIM_FATE_OK;

    if (!sim_calm) {
        sim_server_fate(s);
    }

    return s;
}


static void
sim_server_fate(sim_statement_t *s)
{
    static const sim_fate_e  lost[] = {
        SIM_FATE_NEVER, SIM_FATE_UNSEEN, SIM_FATE_UNSEEN
    };

    if (sim_chance(sim.lost)) {
        s->fate = lost[sim_random(3)];

    } else if (sim_chance(sim.rolled_back)) {
        s->fate = sim_random(2) ? SIM_FATE_ROW_LOST : SIM_FATE_ROW_ERROR;

    } else if (sim_chance(sim.refused)) {
        s->fate = SIM_FATE_ERROR;

    } else if (sim_chance(sim.warned)) {
        s->fate = SIM_FATE_WARNED;

    } else if (sim_chance(sim.garbled)) {
        s->fate = SIM_FATE_GARBLED;

    } else if (sim_chance(sim.stalled)) {
        s->fate = SIM_FATE_STALLED;
    }

    if (s->fate == SIM_FATE_ERROR) {
        s->sqlstate = sim_sqlstates[sim_random(sizeof(sim_sqlstates)
                                               / sizeof(sim_sqlstates[0]))];

    } else if (s->fate == SIM_FATE_ROW_ERROR) {
        s->sqlstate = sim_sqlstates[sim_random(2)];
    }
}


static void
sim_server_decode(sim_statement_t *s, ngx_http_results_job_t *job)
{
    ngx_uint_t  i, n;
    sim_row_t  *row;

    n = 0;

    for (i = 12; i < 16; i++) {
        n = (n << 8) | (u_char) job->values[SIM_PARAM_IDS][i];
    }

    if (n < 1 || n > SIM_ROWS) {
        sim_failed("statement", "%u rows in a statement", (unsigned) n);
    }

    s->nrows = n;

    for (i = 0; i < n; i++) {
        row = &s->rows[i];

        row->key = sim_server_key(job, i);
        row->op = sim_server_element(job, SIM_PARAM_OPS, i, 0);
        row->attempt = sim_server_element(job, SIM_PARAM_ATTEMPTS, i, -1);
        row->hash = sim_server_element(job, SIM_PARAM_HASHES, i, 0);
        row->client = sim_server_element(job, SIM_PARAM_CLIENTS, i, 0);
        row->stamp = sim_server_element(job, SIM_PARAM_STAMPS, i, 0)
                     + RESULTS_TIME_PG_EPOCH;
        row->expected = sim_server_element(job, SIM_PARAM_EXPECTED, i, -1);
        row->guards = sim_server_element(job, SIM_PARAM_GUARDS, i, 0);
    }
}


/* of an array of numbers; none: it is null, or the whole array is */

static int64_t
sim_server_element(ngx_http_results_job_t *job, ngx_uint_t param,
    ngx_uint_t i, int64_t none)
{
    int32_t      len;
    uint64_t     bits;
    ngx_uint_t   k;
    const char  *p;

    p = job->values[param];

    if (p == NULL) {
        return none;
    }

    p += SIM_ARRAY_HEADER;

    for ( ;; ) {
        len = 0;

        for (k = 0; k < 4; k++) {
            len = (int32_t) ((uint32_t) len << 8 | (u_char) *p++);
        }

        if (i-- == 0) {
            break;
        }

        p += ngx_max(len, 0);
    }

    if (len < 0) {
        return none;
    }

    bits = 0;

    for (k = 0; k < (ngx_uint_t) len; k++) {
        bits = bits << 8 | (u_char) *p++;
    }

    return (len == 8) ? (int64_t) bits
           : (len == 4) ? (int32_t) (uint32_t) bits
                        : (int16_t) (uint16_t) bits;
}


/* an id is "k" and two digits; the institution goes with it */

static ngx_uint_t
sim_server_key(ngx_http_results_job_t *job, ngx_uint_t i)
{
    ngx_uint_t   key;
    const char  *p;

    p = job->values[SIM_PARAM_IDS] + SIM_ARRAY_HEADER + i * 7 + 4;

    key = (p[1] - '0') * 10 + (p[2] - '0');

    if (p[0] != 'k' || key >= SIM_KEYS
        || sim_server_element(job, SIM_PARAM_INSTITUTIONS, i, -1)
           != (int64_t) (key % sim.institutions))
    {
        sim_failed("statement", "a key that nobody wrote");
    }

    return key;
}


void
sim_server_arrive(void *data, uintptr_t n)
{
    sim_statement_t  *s;

    (void) n;

    s = data;

    if (s->over || s->session->gone) {
        s->over = 1;
        return;
    }

    s->arrived = 1;
    s->began = sim_now;

    if (s->fate == SIM_FATE_ERROR) {
        s->over = 1;
        sim_server_deliver(s, SIM_DELIVER_ERROR, 0);
        return;
    }

    if (s->fate == SIM_FATE_STALLED) {
        /* once: then it is run, whether or not anybody waits */
        s->fate = SIM_FATE_OK;
        s->arrived = 0;
        sim_at(sim_now + sim_between(1, 2 * sim.write_timeout * SIM_MS), NULL,
               sim_server_arrive, s, 0);
        return;
    }

    if (sim_nrunning == SIM_BLOCKED) {
        sim_failed("room", "too many statements at once");
    }

    sim_running[sim_nrunning++] = s;

    sim_table_refusals(s);
    sim_server_step(s);
}


/* goes through the rows, as far as their locks are free */

static void
sim_server_step(sim_statement_t *s)
{
    sim_row_t  *row;

    /* results.wait_for_refused() */

    for ( /* void */ ; s->waited < s->nrows; s->waited++) {
        row = &s->rows[s->waited];

        if (row->refusal >= RESULTS_OUTCOME_UNKNOWN_LEARNER
            && !SIM_SQL_20F787F && sim_server_waits(s, row))
        {
            return;
        }
    }

    for ( /* void */ ; s->locked < s->nrows; s->locked++) {
        row = &s->rows[s->locked];

        if (row->refusal) {
            continue;
        }

        if (sim_server_waits(s, row)) {
            return;
        }

        sim_table_write(s, row);
    }

    s->sqlstate = s->sqlstate ? s->sqlstate : sim_server_bad(s);

    if (s->sqlstate != NULL && s->fate != SIM_FATE_ROW_ERROR) {
        sim_server_over(s, 0);
        sim_server_deliver(s, SIM_DELIVER_ERROR, 0);
        return;
    }

    sim_table_outcomes(s);

    if (s->undone) {
        sim_server_unblock();
    }

    if (s->fate == SIM_FATE_ROW_LOST || s->fate == SIM_FATE_ROW_ERROR) {
        sim_server_deliver(s, SIM_DELIVER_ROW, 0);
    }

    sim_at(sim_now + sim_between(1, sim.work), NULL, sim_server_finish, s, 0);
}


/* for the lock of a row's key, where somebody else has it */

static ngx_uint_t
sim_server_waits(sim_statement_t *s, sim_row_t *row)
{
    sim_statement_t  *other;

    other = sim_table_locked(row->key);

    if (other == NULL || other == s) {
        return 0;
    }

    sim_trace("statement %u waits for %u", (unsigned) s->id,
              (unsigned) other->id);

    if (sim_nblocked == SIM_BLOCKED) {
        sim_failed("room", "too many statements wait");
    }

    s->waits = row->key + 1;
    sim_blocked[sim_nblocked++] = s;

    return 1;
}


/* the commit, or what comes in its place */

static void
sim_server_finish(void *data, uintptr_t n)
{
    sim_statement_t  *s;

    (void) n;

    s = data;

    if (s->over) {
        return;
    }

    switch (s->fate) {

    case SIM_FATE_ROW_LOST:
        sim_server_over(s, 0);
        sim_server_deliver(s, SIM_DELIVER_LOST, 0);
        break;

    case SIM_FATE_ROW_ERROR:
        sim_server_over(s, 0);
        sim_server_deliver(s, SIM_DELIVER_ERROR, 0);
        break;

    case SIM_FATE_GARBLED:
        sim_server_over(s, 1);
        sim_server_deliver(s, SIM_DELIVER_GARBLED, 0);
        break;

    case SIM_FATE_UNSEEN:
        sim_server_over(s, 1);

        if (sim_random(2)) {
            sim_server_deliver(s, SIM_DELIVER_ROW, 0);
        }

        sim_server_deliver(s, SIM_DELIVER_LOST, 1);
        break;

    default:
        sim_server_over(s, 1);
        sim_server_deliver(s, SIM_DELIVER_ROW, 0);
        sim_server_deliver(s, s->fate == SIM_FATE_WARNED ? SIM_DELIVER_WARNED
                                                         : SIM_DELIVER_SYNC,
                           sim_random(4) ? 1 : sim_between(1, SIM_MS));
    }
}


static void
sim_server_over(sim_statement_t *s, ngx_uint_t commit)
{
    ngx_uint_t  i;

    s->over = 1;

    if (s->sqlstate == NULL || !commit) {
        sim_trace("statement %u %s", (unsigned) s->id,
                  commit ? "is committed" : "is rolled back");
    }

    for (i = 0; i < sim_nrunning; i++) {
        if (sim_running[i] == s) {
            sim_running[i] = sim_running[--sim_nrunning];
            break;
        }
    }

    sim_server_not_blocked(s);

    sim_table_end(s, commit);
    sim_server_unblock();
}


/* whoever waits for a lock that is free now goes on, the first one first */

static void
sim_server_unblock(void)
{
    ngx_uint_t        i;
    sim_statement_t  *s;

    for (i = 0; i < sim_nblocked; i++) {
        s = sim_blocked[i];

        if (sim_table_locked(s->waits - 1) == NULL) {
            sim_server_not_blocked(s);
            sim_server_step(s);

            /* all is different now */
            i = (ngx_uint_t) -1;
        }
    }
}


static void
sim_server_not_blocked(sim_statement_t *s)
{
    ngx_uint_t  i, kept;

    kept = 0;

    for (i = 0; i < sim_nblocked; i++) {
        if (sim_blocked[i] != s) {
            sim_blocked[kept++] = sim_blocked[i];
        }
    }

    sim_nblocked = kept;
}


static void
sim_server_deliver(sim_statement_t *s, uintptr_t what, int64_t after)
{
    if (s->session->statement != s || s->session->hc == NULL) {
        return;
    }

    if (what == SIM_DELIVER_LOST) {
        s->session->gone = 1;
    }

    sim_at(sim_now + sim.net + after, s->session->node, sim_session_deliver,
           s->session, what);
}


/* all connections are lost; what was being committed may be, or not */

void
sim_server_crash(void *data, uintptr_t n)
{
    sim_statement_t  *s;

    (void) data;
    (void) n;

    if (sim_calm || sim_server_down) {
        return;
    }

    sim_trace("the server crashes");

    sim_server_down = 1;

    while (sim_nrunning > 0) {
        s = sim_running[sim_nrunning - 1];

        if (s->locked == s->nrows && sim_random(2)) {
            sim_server_over(s, s->sqlstate == NULL);

        } else {
            sim_server_over(s, 0);
        }
    }

    for (n = 0; n < SIM_NODES; n++) {
        if (sim_nodes[n].alive) {
            sim_sessions_of_dead(&sim_nodes[n]);
        }
    }

    sim_at(sim_now + sim_between(SIM_MS, sim_random(4) ? 300 * SIM_MS
                                                       : 4 * SIM_SECOND),
           NULL, sim_server_up, NULL, 0);
}


static void
sim_server_up(void *data, uintptr_t n)
{
    (void) data;
    (void) n;

    sim_trace("the server is back");

    sim_server_down = 0;
}


/* some record of it can't be stored: which error that is */

static const char *
sim_server_bad(sim_statement_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nrows; i++) {

        if (sim_attempts[s->rows[i].attempt].op->bad != NULL
            && !s->rows[i].refusal)
        {
            return sim_attempts[s->rows[i].attempt].op->bad;
        }
    }

    return NULL;
}


/* the one row that write_records() returns; valid until the next one */

void
sim_server_answer(sim_statement_t *s, results_str_t values[3])
{
    int64_t      outcomes[SIM_ROWS], versions[SIM_ROWS], stamps[SIM_ROWS];
    ngx_uint_t   i;

    static char  answer[3][SIM_ARRAY_HEADER + SIM_ROWS * 12];

    for (i = 0; i < s->nrows; i++) {
        outcomes[i] = s->rows[i].outcome;
        versions[i] = s->rows[i].version ? s->rows[i].version
                                         : RESULTS_TIME_NULL;
        stamps[i] = s->rows[i].seen;

        if (stamps[i] != RESULTS_TIME_NULL) {
            stamps[i] -= RESULTS_TIME_PG_EPOCH;
        }
    }

    values[0].data = answer[0];
    values[0].len = sim_server_array(answer[0], 21, s->nrows, 2, outcomes)
                    - answer[0];
    values[1].data = answer[1];
    values[1].len = sim_server_array(answer[1], 23, s->nrows, 4, versions)
                    - answer[1];
    values[2].data = NULL;
    values[2].len = 0;

    if (s->stamped) {
        values[2].data = answer[2];
        values[2].len = sim_server_array(answer[2], 1184, s->nrows, 8, stamps)
                        - answer[2];
    }
}


static char *
sim_server_array(char *p, uint32_t oid, ngx_uint_t n, ngx_uint_t size,
    const int64_t *values)
{
    int         shift;
    uint32_t    header[5];
    ngx_uint_t  i;

    header[0] = 1;
    header[1] = 1;
    header[2] = oid;
    header[3] = (uint32_t) n;
    header[4] = 1;

    for (i = 0; i < 5; i++) {
        for (shift = 24; shift >= 0; shift -= 8) {
            *p++ = (char) (header[i] >> shift);
        }
    }

    for (i = 0; i < n; i++) {

        if (values[i] == RESULTS_TIME_NULL) {
            ngx_memset(p, 0xff, 4);
            p += 4;
            continue;
        }

        ngx_memzero(p, 3);
        p[3] = (char) size;
        p += 4;

        for (shift = 8 * (int) size - 8; shift >= 0; shift -= 8) {
            *p++ = (char) ((uint64_t) values[i] >> shift);
        }
    }

    return p;
}
