
/*
 * The promises.  A statement is looked at when it is sent, a row when it is
 * committed, an attempt when it is answered, a worker after every pass of its
 * loop.
 */

#include <stdio.h>

#include "sim.h"


/*
 * Of a clock that differs nobody can say what is later: an attempt that
 * nobody waits for any more may still be stored over what came after it.
 */
#define sim_clocks_agree()                                                    \
    (sim.skew[0] == 0 && sim.skew[1] == 0 && sim.skew[2] == 0                 \
     && sim.steps == 0 && sim.future == 0)

/* between two attempts, for stamps that run ahead of the clock */
#define SIM_STAMP_SLACK  SIM_MS

/* what a write may be dated above the clocks, or above what it replaces */
#define SIM_LEAD         (5 * SIM_SECOND)

/* what a loop may be late */
#define SIM_LATE         (5 * SIM_MS)

/* times that a write may be superseded before it is starved */
#define SIM_SUPERSEDED   12

/*
 * Statements for each group that is before another: one of each kind (of
 * single rows, of a larger group, of those of which one is refused), in which
 * institutions take turns; and some for those that were superseded.
 */
#define SIM_TURNS        3
#define SIM_AGAIN        6

/* the shortest rest; the module counts in whole milliseconds */
#define SIM_REST         (19 * SIM_MS)


static void sim_check_rounds(sim_attempt_t *attempt);
static void sim_check_stored(sim_attempt_t *attempt);
static sim_version_t *sim_check_find(sim_op_t *op, ngx_uint_t key,
    int32_t version);


/* sorted, no key twice, groups whole, and somebody waits for each */

void
sim_check_statement(sim_node_t *node, sim_statement_t *s)
{
    ngx_uint_t      i, j, n, a, b;
    sim_attempt_t  *attempt;

    node->rounds++;

    sim_trace("worker %u sends statement %u: %u rows, fate %u",
              (unsigned) node->slot, (unsigned) s->id, (unsigned) s->nrows,
              (unsigned) s->fate);

    if (s->nrows > sim.batch) {
        sim_failed("statement", "%u rows", (unsigned) s->nrows);
    }

    for (i = 0; i < s->nrows; i++) {

        if (s->rows[i].attempt < 0
            || (ngx_uint_t) s->rows[i].attempt >= sim_nattempts)
        {
            sim_failed("statement", "a row that nobody wrote");
        }

        attempt = &sim_attempts[s->rows[i].attempt];

        sim_trace("  %s, attempt %u of op %u, stamp %+.3f ms",
                  sim_key_name(s->rows[i].key), (unsigned) attempt->id,
                  (unsigned) attempt->op->id,
                  (double) (s->rows[i].stamp - SIM_EPOCH - sim_now) / 1000);

        if (attempt->end != SIM_WAITING || attempt->node != node
            || attempt->incarnation != node->incarnation)
        {
            sim_failed("statement", "attempt %u is sent, and nobody waits "
                       "for it", (unsigned) attempt->id);
        }

        n = 0;

        for (j = 0; j < s->nrows; j++) {
            n += (s->rows[j].attempt == s->rows[i].attempt);
        }

        if (n != attempt->op->nrows) {
            sim_failed("part", "%u of %u rows of attempt %u are in a "
                       "statement", (unsigned) n,
                       (unsigned) attempt->op->nrows, (unsigned) attempt->id);
        }

        if (n > 1 && (n != s->nrows || !s->group)) {
            sim_failed("part", "attempt %u is not alone in its statement",
                       (unsigned) attempt->id);
        }

        if (attempt->op->twice) {
            sim_failed("part", "attempt %u has a key twice, and is sent",
                       (unsigned) attempt->id);
        }

        if (i > 0) {
            a = s->rows[i - 1].key % sim.institutions;
            b = s->rows[i].key % sim.institutions;

            if (a > b || (a == b && s->rows[i - 1].key >= s->rows[i].key)) {
                sim_failed("statement", "rows are not in the order of their "
                           "keys");
            }
        }

        if (!attempt->flying) {
            if (attempt->rests && sim_now - attempt->failed < SIM_REST) {
                sim_failed("hammered", "attempt %u failed just now, not for "
                           "the first time", (unsigned) attempt->id);
            }

            sim_check_rounds(attempt);
            attempt->flying = 1;
            attempt->runs++;
        }
    }
}


/* it begins to wait for a statement */

void
sim_check_waits(sim_attempt_t *attempt)
{
    attempt->flying = 0;
    attempt->since = attempt->node->rounds;
    attempt->excused = attempt->node->excused;
    attempt->ahead = attempt->node->waiting;
}


/*
 * A statement is over, with that end, or lost where it is NULL; whoever is not
 * answered now waits for another.
 */

void
sim_check_back(sim_statement_t *s, const ngx_http_results_end_t *end)
{
    ngx_uint_t      i, committed, later, refused;
    sim_attempt_t  *attempt;

    committed = (end != NULL && end->end == NGX_HTTP_RESULTS_JOB_OK);
    refused = 0;
    later = 0;

    if (end != NULL && end->end == NGX_HTTP_RESULTS_JOB_ERROR) {
        refused = (end->action == RESULTS_SQL_ISOLATE);
        later = (end->action == RESULTS_SQL_RETRY);

    } else if (end != NULL && end->end == NGX_HTTP_RESULTS_JOB_WARNED) {
        later = 1;
    }

    if (!committed) {
        sim_node->excused++;
    }

    for (i = 0; i < s->nrows; i++) {
        attempt = &sim_attempts[s->rows[i].attempt];

        if (attempt->end != SIM_WAITING || attempt->node != sim_node
            || !attempt->flying)
        {
            continue;
        }

        sim_check_waits(attempt);

        attempt->failed = sim_now;
        attempt->rests = (later && attempt->suspect);
        attempt->suspect = !committed
                           && (later || refused || attempt->suspect);

        if (committed && s->rows[i].outcome == RESULTS_OUTCOME_SUPERSEDED
            && ++attempt->superseded > SIM_SUPERSEDED)
        {
            sim_failed("superseded", "attempt %u was superseded %u times",
                       (unsigned) attempt->id,
                       (unsigned) attempt->superseded);
        }
    }
}


/* a row is about to be another version */

void
sim_check_commit(sim_statement_t *s, sim_row_t *row, sim_version_t *old)
{
    int64_t         lead;
    sim_op_t       *op;
    ngx_uint_t      key;
    sim_attempt_t  *attempt, *other;

    attempt = &sim_attempts[row->attempt];
    op = attempt->op;
    key = row->key;

    attempt->rows++;

    switch (attempt->end) {

    case SIM_DENIED:

        /*
         * A run that the server had not begun when another was refused, and
         * whose guard is met now: only its network can have kept it so long.
         */

        if (s->began > attempt->ended) {
            break;
        }

        /* fall through */

    case SIM_BUSY:
    case SIM_NOT_WRITTEN:
    case SIM_REFUSED:
        sim_failed("stored", "attempt %u was answered \"not stored\"",
                   (unsigned) attempt->id);

    default:
        break;
    }

    if (attempt->rows > op->nrows) {
        sim_failed("doubled", "attempt %u is stored twice",
                   (unsigned) attempt->id);
    }

    /* rows of a group have one stamp, ahead for the sake of one of them */

    lead = sim_ahead - sim_behind + SIM_LEAD;

    if (op->nrows == 1
        && row->stamp - SIM_EPOCH - sim_now > lead
        && (old == NULL || row->stamp - old->stamp > lead))
    {
        sim_failed("spread", "attempt %u dates %s %.0f s ahead, and what it "
                   "replaces was not", (unsigned) attempt->id,
                   sim_key_name(key),
                   (double) (row->stamp - SIM_EPOCH - sim_now) / SIM_SECOND);
    }

    if (old == NULL || old->client < 0) {
        return;
    }

    if (op->op == RESULTS_OP_REPLACE && old->version != op->expected) {
        sim_failed("unseen", "attempt %u replaces version %d of %s, and "
                   "was made of version %d", (unsigned) attempt->id,
                   (int) old->version, sim_key_name(key), (int) op->expected);
    }

    other = &sim_attempts[old->attempt];

    if (attempt->end != SIM_WAITING && other->op != op
        && other->op->began > attempt->ended + SIM_STAMP_SLACK
        && sim_clocks_agree())
    {
        sim_failed("older", "attempt %u of %s replaces attempt %u, which "
                   "began after it had ended", (unsigned) attempt->id,
                   sim_key_name(key), (unsigned) other->id);
    }
}


/* the handler was called, and has set the attempt's end */

void
sim_check_answer(sim_attempt_t *attempt)
{
    if (!attempt->flying) {
        sim_check_rounds(attempt);
    }

    switch (attempt->end) {

    case SIM_STORED:
        sim_check_stored(attempt);
        break;

    case SIM_DENIED:
    case SIM_REFUSED:
    case SIM_NOT_WRITTEN:

        if (attempt->rows > 0) {
            sim_failed("stored", "attempt %u is answered \"not stored\", "
                       "and is", (unsigned) attempt->id);
        }

        break;

    default:
        break;
    }
}


/* the queue is full, and not of others who have more than their share */

void
sim_check_full(sim_attempt_t *attempt)
{
    ngx_uint_t      rows, sharers, seen, institution, own;
    ngx_queue_t    *q;
    sim_node_t     *node;
    sim_attempt_t  *other;

    node = attempt->node;
    own = attempt->op->keys[0] % sim.institutions;

    rows = attempt->op->nrows;
    seen = 1 << own;
    sharers = 1;

    for (q = ngx_queue_head(&node->attempts);
         q != ngx_queue_sentinel(&node->attempts);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, sim_attempt_t, queue);
        institution = other->op->keys[0] % sim.institutions;

        if (other->flying) {
            continue;
        }

        if (institution == own) {
            rows += other->op->nrows;
        }

        if (!(seen & (1 << institution))) {
            seen |= 1 << institution;
            sharers++;
        }
    }

    if (rows * sharers <= sim.queue) {
        sim_failed("crowded", "attempt %u finds the queue full, and its "
                   "institution would have %u rows of %u, among %u",
                   (unsigned) attempt->id, (unsigned) rows,
                   (unsigned) sim.queue, (unsigned) sharers);
    }
}


/* what is acknowledged is there */

static void
sim_check_stored(sim_attempt_t *attempt)
{
    sim_op_t               *op;
    ngx_uint_t              i;
    sim_version_t          *row;
    results_record_t       *record;

    op = attempt->op;

    for (i = 0; i < op->nrows; i++) {
        record = &attempt->group->records[i];
        row = sim_check_find(op, op->keys[i],
                             record->outcome <= RESULTS_OUTCOME_UPDATED
                             ? record->version : 0);

        if (row == NULL) {
            sim_failed("acknowledged", "attempt %u, %s: outcome %d, version "
                       "%d, and it is not there", (unsigned) attempt->id,
                       sim_key_name(op->keys[i]), (int) record->outcome,
                       (int) record->version);
        }
    }
}


/* a version that says what op wanted; version 0: any */

static sim_version_t *
sim_check_find(sim_op_t *op, ngx_uint_t key, int32_t version)
{
    sim_version_t  *row;

    for (row = sim_table_row(key); row != NULL; row = sim_table_previous(row))
    {
        if (version != 0 && row->version != version) {
            continue;
        }

        if ((op->op == RESULTS_OP_DELETE) ? row->deleted
            : (row->op == (int16_t) op->op && row->hash == op->hash))
        {
            return row;
        }
    }

    return NULL;
}


/*
 * Whatever comes after it, a group is sent when those that were there before
 * it have been: for each of them a statement, or a few, as kinds of statements
 * and institutions take turns.  Statements that failed don't count.  One that
 * failed again and again rests meanwhile.
 */

static void
sim_check_rounds(sim_attempt_t *attempt)
{
    ngx_int_t    rounds, bound;
    sim_node_t  *node;

    if (attempt->rests) {
        return;
    }

    node = attempt->node;

    rounds = node->rounds - attempt->since
             - 2 * (node->excused - attempt->excused);

    bound = SIM_TURNS * sim.institutions * (attempt->ahead + 1)
            * (sim_clocks_agree() ? 1 : 2) + SIM_AGAIN;

    if (rounds > bound) {
        sim_failed(attempt->op->nrows > 1 ? "unsent group" : "unsent",
                   "attempt %u waits for a statement since %d others, and %u "
                   "were before it", (unsigned) attempt->id, (int) rounds,
                   (unsigned) attempt->ahead);
    }
}


void
sim_check_deadlines(sim_node_t *node)
{
    sim_attempt_t  *attempt;

    if (ngx_queue_empty(&node->attempts)) {
        return;
    }

    attempt = ngx_queue_data(ngx_queue_head(&node->attempts), sim_attempt_t,
                             queue);

    if (sim_now > attempt->began + (int64_t) sim.write_timeout * SIM_MS
                  + SIM_LATE)
    {
        sim_failed("deadline", "attempt %u has no answer",
                   (unsigned) attempt->id);
    }
}


/* whoever exits has answered everybody */

void
sim_check_exit(sim_node_t *node)
{
    if (node->waiting > 0) {
        sim_failed("exit", "worker %u is gone, and %u wait for it",
                   (unsigned) node->slot, (unsigned) node->waiting);
    }
}


/* nobody waits: the queue is empty */

void
sim_check_idle(sim_node_t *node)
{
    ngx_http_results_store_counters_t  *counters;

    counters = &node->counters.stores[0];

    if (counters->queue_rows != 0 || counters->queue_bytes != 0) {
        sim_failed("queue", "%ld rows and %ld bytes are in an empty queue",
                   (long) counters->queue_rows, (long) counters->queue_bytes);
    }
}
