
/*
 * Clients: each wants one thing stored after the other, sends it until it has
 * an answer that is final, to whichever worker there is, and leaves now and
 * then without waiting.  What of it lies in a worker's memory (the group, its
 * records, their ids) is freed in the moment in which it is the client's
 * again.
 */

#include <stdio.h>
#include <stdlib.h>

#include "sim.h"


typedef struct {
    ngx_uint_t              id;
    ngx_uint_t              host;
    ngx_uint_t              institution;
    sim_op_t               *op;             /* at work on it, or NULL */
} sim_client_t;


sim_op_t       sim_ops[SIM_OPS];
ngx_uint_t     sim_nops;
sim_attempt_t  sim_attempts[SIM_ATTEMPTS];
ngx_uint_t     sim_nattempts;
ngx_uint_t     sim_working;

static sim_client_t  sim_clients[SIM_CLIENTS];

static const char *const  sim_refusals[] = { "22P05", "23514", "54000" };


static void sim_client_next(void *data, uintptr_t n);
static sim_op_t *sim_client_op(sim_client_t *client);
static void sim_client_keys(sim_client_t *client, sim_op_t *op);
static void sim_client_send(void *data, uintptr_t n);
static void sim_client_arrive(void *data, uintptr_t n);
static void sim_client_handler(ngx_http_results_group_t *group,
    ngx_http_results_verdict_e verdict);
static sim_end_e sim_client_outcome(sim_attempt_t *attempt);
static void sim_client_leave(void *data, uintptr_t n);
static void sim_client_ended(sim_attempt_t *attempt, sim_end_e end);
static void sim_client_goes_on(sim_attempt_t *attempt);
static void sim_client_others(sim_node_t *node);


const char *
sim_key_name(ngx_uint_t key)
{
    static char  names[SIM_KEYS][4];

    (void) snprintf(names[key], 4, "k%02u", (unsigned) key);

    return names[key];
}


void
sim_clients_start(void)
{
    ngx_uint_t     i;
    sim_client_t  *client;

    sim_nops = 0;
    sim_nattempts = 0;
    sim_working = 0;

    for (i = 0; i < sim.clients; i++) {
        client = &sim_clients[i];

        client->id = i;
        client->op = NULL;
        client->institution = (sim.flood && i >= sim.institutions)
                              ? 0 : i % sim.institutions;
        client->host = (sim.lopsided && i % 8 != 7) ? 0
                                                    : sim_random(sim.hosts);

        sim_working++;
        sim_at(sim_between(20 * SIM_MS, 20 * SIM_MS + sim.think), NULL,
               sim_client_next, client, 0);
    }
}


/* the next thing it wants; none, and it has done its work */

static void
sim_client_next(void *data, uintptr_t n)
{
    sim_client_t  *client;

    (void) n;

    client = data;

    if (sim_nops >= sim.ops) {
        sim_working--;
        return;
    }

    client->op = sim_client_op(client);

    sim_client_send(client, 0);
}


static sim_op_t *
sim_client_op(sim_client_t *client)
{
    sim_op_t       *op;
    ngx_uint_t      kind;
    sim_version_t  *row;

    op = &sim_ops[sim_nops++];
    ngx_memzero(op, sizeof(sim_op_t));

    op->id = sim_nops;
    op->client = client->id;
    op->hash = (int64_t) op->id * 1000003;
    op->began = sim_now;
    op->nrows = 1;
    op->op = RESULTS_OP_PUT;

    sim_client_keys(client, op);

    kind = sim_random(1000);

    if (kind < sim.create) {
        op->op = RESULTS_OP_CREATE;

    } else if (kind < sim.create + sim.delete && op->nrows == 1) {
        op->op = RESULTS_OP_DELETE;

    } else if (kind < sim.create + sim.delete + sim.replace
               && op->nrows == 1)
    {
        /* made of what it has read */

        row = sim_table_row(op->keys[0]);

        if (row != NULL) {
            op->op = RESULTS_OP_REPLACE;
            op->expected = row->version;
        }
    }

    op->guarded = sim_chance(sim.guarded);

    if (sim_chance(sim.bad)) {
        op->bad = sim_refusals[sim_random(3)];
    }

    return op;
}


/* of its institution, the first ones most of the time */

static void
sim_client_keys(sim_client_t *client, sim_op_t *op)
{
    ngx_uint_t  i, n, key, first;

    n = (sim.keys - client->institution + sim.institutions - 1)
        / sim.institutions;

    if (n > 1 && sim.batch > 1 && sim_chance(sim.group)) {
        op->nrows = 2 + sim_random(ngx_min(ngx_min(n, sim.batch), 6) - 1);
    }

    first = (op->nrows == 1 && sim_random(3)) ? sim_random((n + 2) / 3)
                                              : sim_random(n);

    for (i = 0; i < op->nrows; i++) {
        key = (first + i) % n;
        op->keys[i] = key * sim.institutions + client->institution;
    }

    if (op->nrows > 1 && sim_chance(sim.twice)) {
        op->keys[op->nrows - 1] = op->keys[0];
        op->twice = 1;
    }
}


/* to the worker of its host, or of another one */

static void
sim_client_send(void *data, uintptr_t n)
{
    ngx_uint_t      host;
    sim_node_t     *node;
    sim_client_t   *client;
    sim_attempt_t  *attempt;

    (void) n;

    client = data;
    host = client->host;

    if (client->op->attempts > 0 && sim_random(3) == 0) {
        host = sim_random(sim.hosts);
    }

    node = sim_node_of(host);

    if (node == NULL) {
        sim_at(sim_now + sim_between(SIM_MS, 10 * SIM_MS), NULL,
               sim_client_send, client, 0);
        return;
    }

    if (sim_nattempts == SIM_ATTEMPTS) {
        sim_failed("room", "too many attempts");
    }

    attempt = &sim_attempts[sim_nattempts];
    ngx_memzero(attempt, sizeof(sim_attempt_t));

    attempt->id = sim_nattempts++;
    attempt->op = client->op;
    attempt->node = node;
    attempt->incarnation = node->incarnation;
    attempt->began = sim_now;
    attempt->ended = sim_now;
    attempt->end = SIM_LEFT;

    client->op->attempts++;

    sim_at(sim_now, node, sim_client_arrive, attempt, 0);

    /* the worker may be gone before that, and with it the connection */
    sim_at(sim_now + sim.write_timeout * SIM_MS * 2, NULL,
           sim_client_leave, attempt, 1);
}


/* all of it in an arena, as a request has it */

static ngx_http_results_group_t *
sim_client_group(sim_attempt_t *attempt)
{
    ngx_uint_t                 i;
    sim_op_t                  *op;
    results_arena_t           *arena;
    results_record_t          *record;
    ngx_http_results_group_t  *group;

    op = attempt->op;

    arena = results_arena_create();

    group = results_arena_calloc(arena, sizeof(ngx_http_results_group_t));

    group->arena = arena;
    group->records = results_arena_alloc(arena,
                                       op->nrows * sizeof(results_record_t));
    group->nrecords = op->nrows;
    group->size = 100 + op->nrows * sizeof(results_record_t);
    group->handler = sim_client_handler;
    group->data = attempt;

    for (i = 0; i < op->nrows; i++) {
        record = &group->records[i];

        results_record_init(record);

        record->institution_id = op->keys[i] % sim.institutions;
        record->kind = RESULTS_KIND_RESULT;
        record->id = results_arena_copy(arena, sim_key_name(op->keys[i]), 3);
        record->op = op->op;
        record->payload_hash = op->hash;
        record->client_id = op->client;
        record->time_spent = attempt->id;
        record->SIM_EXPECTED = op->expected;
        record->guards = op->guarded ? RESULTS_GUARD_STRICT_REFERENCES : 0;
    }

    return group;
}


static void
sim_client_free(sim_attempt_t *attempt)
{
    results_arena_destroy(attempt->group->arena);
    attempt->group = NULL;
}


/* its body is read, in a pass of the worker's loop */

static void
sim_client_arrive(void *data, uintptr_t n)
{
    int             rc;
    sim_node_t     *node;
    sim_attempt_t  *attempt;

    (void) n;

    attempt = data;
    node = sim_node;

    attempt->began = sim_now;
    attempt->group = sim_client_group(attempt);
    attempt->end = SIM_WAITING;

    sim_check_waits(attempt);

    rc = ngx_http_results_batcher_write(&node->batcher, attempt->group);

    sim_trace("worker %u: attempt %u of op %u (client %u, op %u, %u rows from "
              "%s%s%s) %s", (unsigned) node->slot, (unsigned) attempt->id,
              (unsigned) attempt->op->id, (unsigned) attempt->op->client,
              (unsigned) attempt->op->op, (unsigned) attempt->op->nrows,
              sim_key_name(attempt->op->keys[0]),
              attempt->op->twice ? ", twice" : "",
              attempt->op->bad ? ", bad" : "",
              rc == 0 ? "waits" : "is not taken");

    if (rc != 0) {

        if (SIM_FULL(rc)) {
            sim_check_full(attempt);
        }

        sim_client_free(attempt);
        sim_client_ended(attempt, SIM_FINAL(rc) ? SIM_REFUSED : SIM_BUSY);
        sim_client_goes_on(attempt);
        return;
    }

    node->waiting++;
    ngx_queue_insert_tail(&node->attempts, &attempt->queue);

    if (sim_chance(sim.leave)) {
        sim_at(sim_now + sim_between(0, 2 * sim.net + 2 * sim.work), node,
               sim_client_leave, attempt, 0);
    }
}


static void
sim_client_handler(ngx_http_results_group_t *group,
    ngx_http_results_verdict_e verdict)
{
    sim_end_e       end;
    sim_node_t     *node;
    sim_attempt_t  *attempt;

    attempt = group->data;
    node = attempt->node;

    if (attempt->group != group || attempt->end != SIM_WAITING
        || node != sim_node)
    {
        sim_failed("handler", "attempt %u is answered twice",
                   (unsigned) attempt->id);
    }

    switch (verdict) {

    case NGX_HTTP_RESULTS_COMMITTED:
        end = sim_client_outcome(attempt);
        break;

    case NGX_HTTP_RESULTS_REFUSED:
        end = SIM_REFUSED;
        break;

    case NGX_HTTP_RESULTS_NOT_WRITTEN:
        end = SIM_NOT_WRITTEN;
        break;

    default:
        end = SIM_UNKNOWN;
    }

    ngx_queue_remove(&attempt->queue);
    node->waiting--;

    sim_client_ended(attempt, end);
    sim_check_answer(attempt);
    sim_client_free(attempt);

    /* what a reply sets off is done before the handler returns */

    if (sim_random(16) == 0) {
        sim_client_others(node);
    }

    sim_client_goes_on(attempt);
}


/* of a group that is committed: 2xx, or what refused it */

static sim_end_e
sim_client_outcome(sim_attempt_t *attempt)
{
    sim_end_e           end;
    ngx_uint_t          i;
    results_outcome_e   outcome;

    end = SIM_STORED;

    for (i = 0; i < attempt->op->nrows; i++) {
        outcome = attempt->group->records[i].outcome;

        if (outcome <= RESULTS_OUTCOME_NONE
            || outcome == RESULTS_OUTCOME_SUPERSEDED
            || outcome > RESULTS_OUTCOME_FORBIDDEN)
        {
            sim_failed("handler", "attempt %u has outcome %d",
                       (unsigned) attempt->id, (int) outcome);
        }

        if (outcome > RESULTS_OUTCOME_SUPERSEDED) {
            end = SIM_DENIED;
        }
    }

    return end;
}


static void
sim_client_ended(sim_attempt_t *attempt, sim_end_e end)
{
    static const char *const  words[] = {
        "waits", "busy", "stored", "denied", "refused", "not written",
        "unknown", "left"
    };

    attempt->end = end;
    attempt->ended = sim_now;

    if (end == SIM_STORED && attempt->op->acknowledged == 0) {
        attempt->op->acknowledged = sim_now;
    }

    sim_trace("attempt %u: %s", (unsigned) attempt->id, words[end]);
}


/* now another op, or the same one again */

static void
sim_client_goes_on(sim_attempt_t *attempt)
{
    sim_client_t  *client;

    client = &sim_clients[attempt->op->client];

    switch (attempt->end) {

    case SIM_STORED:
    case SIM_DENIED:
    case SIM_REFUSED:
        break;

    default:

        /* some give up */

        if (attempt->op->attempts < 20 && sim_random(16)) {
            sim_at(sim_now + sim_between(SIM_MS, 20 * SIM_MS + sim.think),
                   NULL, sim_client_send, client, 0);
            return;
        }
    }

    sim_at(sim_now + sim_between(1, sim.think), NULL, sim_client_next, client,
           0);
}


/* without its answer; gone: its worker is, and may be before it came */

static void
sim_client_leave(void *data, uintptr_t gone)
{
    sim_attempt_t  *attempt;

    attempt = data;

    if (gone) {
        if (attempt->group == NULL && attempt->end == SIM_LEFT
            && attempt->began == attempt->ended)
        {
            attempt->ended = sim_now;
            sim_client_goes_on(attempt);
        }

        return;
    }

    if (attempt->end != SIM_WAITING) {
        return;
    }

    sim_client_left(attempt);
}


void
sim_client_left(sim_attempt_t *attempt)
{
    sim_node_t  *node;

    node = attempt->node;

    ngx_queue_remove(&attempt->queue);
    node->waiting--;

    if (!node->ending) {
        ngx_http_results_batcher_abandon(&node->batcher, attempt->group);
    }

    sim_client_free(attempt);
    sim_client_ended(attempt, SIM_LEFT);

    if (attempt->ended == attempt->began) {
        /* not to be taken for one that never came */
        attempt->ended++;
    }

    sim_client_goes_on(attempt);
}


/* another connection of the same client's is closed, or brings a request */

static void
sim_client_others(sim_node_t *node)
{
    ngx_queue_t    *q;
    ngx_uint_t      n;
    sim_attempt_t  *attempt;

    if (sim.leave == 0) {
        return;
    }

    n = sim_random(node->waiting + 1);

    for (q = ngx_queue_head(&node->attempts);
         q != ngx_queue_sentinel(&node->attempts);
         q = ngx_queue_next(q))
    {
        if (n-- == 0) {
            attempt = ngx_queue_data(q, sim_attempt_t, queue);
            sim_client_left(attempt);
            return;
        }
    }
}
