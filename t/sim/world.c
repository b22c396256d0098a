
/*
 * The clock and the events, and a seed from its beginning to its end.  An
 * event of a worker's runs in a pass of its loop: those that are due together
 * share one, behind them come timers, then posted events, as in nginx.
 */

#include "sim.h"


#define SIM_EVENTS  8192

/* of a seed, in its own time */
#define SIM_END     (120 * SIM_SECOND)


typedef struct {
    int64_t                 when;
    uint64_t                number;         /* those of one time, in order */
    sim_node_t             *node;           /* NULL: nobody's pass */
    ngx_uint_t              incarnation;
    sim_event_pt            handler;        /* NULL: a timer of the node's */
    void                   *data;
    uintptr_t               n;
} sim_event_t;


int64_t         sim_now;
uint64_t        sim_seed;
sim_scenario_t  sim;
ngx_uint_t      sim_calm;
int64_t         sim_ahead;
int64_t         sim_behind;

static sim_event_t  sim_heap[SIM_EVENTS];
static ngx_uint_t   sim_nevents;
static uint64_t     sim_number;


static void sim_world_push(sim_event_t *event);
static sim_event_t sim_world_pop(void);
static ngx_uint_t sim_world_before(sim_event_t *a, sim_event_t *b);
static void sim_world_pass(sim_event_t *event);
static void sim_world_wake(sim_node_t *node);
static void sim_world_faults(void);
static void sim_world_step(void *data, uintptr_t n);
static void sim_world_until(ngx_uint_t (*over)(void));
static ngx_uint_t sim_world_quiet(void);
static ngx_uint_t sim_world_empty(void);
static ngx_uint_t sim_world_up(void);


void
sim_world_run(uint64_t seed)
{
    ngx_uint_t  i;

    sim_seed = seed;
    sim_now = 0;
    sim_calm = 0;
    sim_nevents = 0;
    sim_number = 0;

    sim_random_seed(seed);
    sim_scenario_choose(seed);

    sim_table_reset();
    sim_server_reset();
    sim_sessions_reset();
    sim_nodes_reset();

    sim_ahead = 0;
    sim_behind = 0;

    for (i = 0; i < SIM_HOSTS; i++) {
        sim_ahead = ngx_max(sim_ahead, sim.skew[i]);
        sim_behind = ngx_min(sim_behind, sim.skew[i]);
    }

    if (sim.future) {
        sim_table_future();
    }

    for (i = 0; i < sim.hosts; i++) {
        (void) sim_node_start(i);
    }

    sim_clients_start();
    sim_world_faults();

    sim_world_until(sim_world_quiet);

    /* the faults are over: all that works exits, and answers before */

    sim_calm = 1;

    sim_world_until(sim_world_up);

    for (i = 0; i < SIM_NODES; i++) {
        if (sim_nodes[i].alive && !sim_nodes[i].exiting) {
            sim_node_quit_now(&sim_nodes[i]);
        }
    }

    sim_world_until(sim_world_empty);
}


/* what goes wrong at some time, whatever is done then */

static void
sim_world_faults(void)
{
    int64_t     most;
    ngx_uint_t  i;

    most = ngx_max(sim.ops * (sim.think + sim.work) / sim.clients,
                   100 * SIM_MS);

    for (i = 0; i < sim.crashes; i++) {
        sim_at(sim_between(0, most), NULL, sim_server_crash, NULL, 0);
    }

    for (i = 0; i < sim.kills; i++) {
        sim_at(sim_between(0, most), NULL, sim_node_kill, NULL, 0);
    }

    for (i = 0; i < sim.reloads; i++) {
        sim_at(sim_between(0, most), NULL, sim_node_reload, NULL, 0);
    }

    for (i = 0; i < sim.shutdowns; i++) {
        sim_at(sim_between(0, most), NULL, sim_node_reload, NULL, 1);
    }

    for (i = 0; i < sim.steps; i++) {
        sim_at(sim_between(0, most), NULL, sim_world_step, NULL, 0);
    }

    if (sim.guarded) {
        for (i = 0; i < sim.keys; i++) {
            sim_at(sim_between(0, 100 * SIM_MS), NULL, sim_table_roster, NULL,
                   i);
        }
    }
}


/* a host's clock is set */

static void
sim_world_step(void *data, uintptr_t n)
{
    ngx_uint_t  host;

    (void) data;
    (void) n;

    host = sim_random(sim.hosts);

    sim.skew[host] = sim_between(-1, 1)
                     * sim_between(0, sim_random(2) ? 50 * SIM_MS
                                                    : 20 * SIM_SECOND);

    sim_ahead = ngx_max(sim_ahead, sim.skew[host]);
    sim_behind = ngx_min(sim_behind, sim.skew[host]);

    sim_trace("the clock of host %u is set to %+.3f ms", (unsigned) host,
              (double) sim.skew[host] / 1000);
}


static void
sim_world_until(ngx_uint_t (*over)(void))
{
    sim_event_t  event;

    while (!over()) {

        if (sim_nevents == 0 || sim_now > SIM_END) {
            sim_failed("progress", "%u clients still wait",
                       (unsigned) sim_working);
        }

        event = sim_world_pop();
        sim_now = ngx_max(sim_now, event.when);

        if (event.node == NULL) {
            event.handler(event.data, event.n);

        } else {
            sim_world_pass(&event);
        }
    }
}


static ngx_uint_t
sim_world_quiet(void)
{
    return sim_working == 0;
}


static ngx_uint_t
sim_world_up(void)
{
    return !sim_server_down;
}


static ngx_uint_t
sim_world_empty(void)
{
    ngx_uint_t  i;

    for (i = 0; i < SIM_NODES; i++) {
        if (sim_nodes[i].alive) {
            return 0;
        }
    }

    return 1;
}


static void
sim_world_pass(sim_event_t *event)
{
    sim_node_t   *node;
    sim_event_t   next;

    node = event->node;

    if (!node->alive || node->incarnation != event->incarnation) {
        return;
    }

    if (event->handler == NULL && node->wake != event->when) {
        return;
    }

    if (node->busy > sim_now) {
        /* it is still at the last pass; its place among others stays */

        if (event->handler == NULL) {
            node->wake = node->busy;
        }

        event->when = node->busy;
        sim_world_push(event);
        return;
    }

    sim_nginx_enter(node);

    if (event->handler != NULL) {
        event->handler(event->data, event->n);
    }

    while (sim_nevents > 0 && sim_heap[0].node == node
           && sim_heap[0].incarnation == node->incarnation
           && sim_heap[0].when <= sim_now)
    {
        next = sim_world_pop();

        if (next.handler != NULL) {
            next.handler(next.data, next.n);
        }
    }

    sim_nginx_expire_timers();
    sim_nginx_posted();

    node->busy = sim_now + sim_between(5, 100);

    sim_node_after_pass(node);

    if (sim_node != NULL) {
        sim_world_wake(node);
        sim_nginx_leave();
    }
}


static void
sim_world_wake(sim_node_t *node)
{
    int64_t      timer;
    sim_event_t  event;

    timer = sim_nginx_next_timer(node);

    if (timer == 0) {
        node->wake = 0;
        return;
    }

    timer = ngx_max(timer, sim_now + 1);

    if (node->wake > sim_now && node->wake <= timer) {
        return;
    }

    node->wake = timer;

    event.when = timer;
    event.number = sim_number++;
    event.node = node;
    event.incarnation = node->incarnation;
    event.handler = NULL;
    event.data = NULL;
    event.n = 0;

    sim_world_push(&event);
}


void
sim_at(int64_t when, sim_node_t *node, sim_event_pt handler, void *data,
    uintptr_t n)
{
    sim_event_t  event;

    event.when = ngx_max(when, sim_now);
    event.number = sim_number++;
    event.node = node;
    event.incarnation = node ? node->incarnation : 0;
    event.handler = handler;
    event.data = data;
    event.n = n;

    sim_world_push(&event);
}


static ngx_uint_t
sim_world_before(sim_event_t *a, sim_event_t *b)
{
    return a->when < b->when
           || (a->when == b->when && a->number < b->number);
}


static void
sim_world_push(sim_event_t *event)
{
    ngx_uint_t   i, parent;
    sim_event_t  moved;

    if (sim_nevents == SIM_EVENTS) {
        sim_failed("room", "too many events");
    }

    moved = *event;

    for (i = sim_nevents++; i > 0; i = parent) {
        parent = (i - 1) / 2;

        if (!sim_world_before(&moved, &sim_heap[parent])) {
            break;
        }

        sim_heap[i] = sim_heap[parent];
    }

    sim_heap[i] = moved;
}


static sim_event_t
sim_world_pop(void)
{
    ngx_uint_t   i, child;
    sim_event_t  first, last;

    first = sim_heap[0];
    last = sim_heap[--sim_nevents];

    for (i = 0; (child = 2 * i + 1) < sim_nevents; i = child) {

        if (child + 1 < sim_nevents
            && sim_world_before(&sim_heap[child + 1], &sim_heap[child]))
        {
            child++;
        }

        if (!sim_world_before(&sim_heap[child], &last)) {
            break;
        }

        sim_heap[i] = sim_heap[child];
    }

    sim_heap[i] = last;

    return first;
}
