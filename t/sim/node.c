
/*
 * Workers: each has a batcher, its own globals of nginx's, and a clock that is
 * its host's.  They start, exit gracefully, are cut short or killed.
 */

#include "sim.h"


sim_node_t  sim_nodes[SIM_NODES];


static void sim_node_doubt(ngx_http_results_pool_t *pool);
static void sim_node_opened(ngx_http_results_pool_t *pool);
static void sim_node_quit(void *data, uintptr_t shutdown);
static void sim_node_shutdown(void *data, uintptr_t n);
static void sim_node_free(sim_node_t *node);
static void sim_node_again(void *data, uintptr_t host);


void
sim_nodes_reset(void)
{
    ngx_uint_t  i, incarnation;

    for (i = 0; i < SIM_NODES; i++) {
        incarnation = sim_nodes[i].incarnation;
        ngx_memzero(&sim_nodes[i], sizeof(sim_node_t));
        sim_nodes[i].incarnation = incarnation + 1;
        sim_nodes[i].slot = i;
    }
}


sim_node_t *
sim_node_start(ngx_uint_t host)
{
    ngx_uint_t   i, slot, incarnation;
    sim_node_t  *node;

    node = NULL;

    for (i = 0; i < SIM_NODES; i++) {
        if (!sim_nodes[i].alive) {
            node = &sim_nodes[i];
            break;
        }
    }

    if (node == NULL) {
        return NULL;
    }

    slot = node->slot;
    incarnation = node->incarnation + 1;

    ngx_memzero(node, sizeof(sim_node_t));

    node->slot = slot;
    node->host = host;
    node->incarnation = incarnation;
    node->alive = 1;

    ngx_queue_init(&node->attempts);

    node->log.log_level = sim_tracing ? NGX_LOG_INFO : NGX_LOG_CRIT;
    node->cycle.log = &node->log;

    ngx_str_set(&node->conf.name, "sim");

    node->conf.connections = sim.connections;
    node->conf.batch = sim.batch;
    node->conf.queue = sim.queue;
    node->conf.queue_size = 1024 * 1024;
    node->conf.connect_timeout = sim.connect_timeout;
    node->conf.write_timeout = sim.write_timeout;

    sim_trace("worker %u starts on host %u", (unsigned) slot,
              (unsigned) host);

    sim_nginx_enter(node);

    if (ngx_http_results_batcher_init(&node->batcher, &node->cycle,
                                      &node->conf)
        != NGX_OK)
    {
        sim_failed("node", "no batcher");
    }

    node->batcher.pool.doubt = sim_node_doubt;
    SIM_OPENED(&node->batcher.pool, sim_node_opened);

    sim_nginx_posted();
    sim_node_after_pass(node);
    sim_nginx_leave();

    return node;
}


static void
sim_node_doubt(ngx_http_results_pool_t *pool)
{
    ngx_http_results_pool_doubt(pool);
}


/* a store's readers would hear of it */

static void
sim_node_opened(ngx_http_results_pool_t *pool)
{
    (void) pool;
}


sim_node_t *
sim_node_of(ngx_uint_t host)
{
    ngx_uint_t  i;

    for (i = 0; i < SIM_NODES; i++) {
        if (sim_nodes[i].alive && !sim_nodes[i].exiting
            && sim_nodes[i].host == host)
        {
            return &sim_nodes[i];
        }
    }

    return NULL;
}


/* a new worker first, then the old one takes no more requests */

void
sim_node_reload(void *data, uintptr_t shutdown)
{
    ngx_uint_t   host;
    sim_node_t  *node;

    (void) data;

    host = sim_random(sim.hosts);
    node = sim_node_of(host);

    if (node == NULL || sim_calm || sim_node_start(host) == NULL) {
        return;
    }

    sim_at(sim_now, node, sim_node_quit, node, shutdown);
}


static void
sim_node_quit(void *data, uintptr_t shutdown)
{
    sim_node_t  *node;

    node = data;

    if (node->exiting) {
        return;
    }

    sim_trace("worker %u exits", (unsigned) node->slot);

    node->exiting = 1;
    node->since = sim_now;
    ngx_exiting = 1;

    sim_session_closed_idle(node, 0);

    if (shutdown) {
        sim_at(sim_now + sim_between(1, sim.write_timeout * SIM_MS), node,
               sim_node_shutdown, node, 0);
    }
}


void
sim_node_quit_now(sim_node_t *node)
{
    sim_at(sim_now, node, sim_node_quit, node, 0);
}


/* worker_shutdown_timeout: connections of the database, then of clients */

static void
sim_node_shutdown(void *data, uintptr_t n)
{
    ngx_queue_t    *q;
    sim_node_t     *node;
    sim_attempt_t  *attempt;

    (void) n;

    node = data;

    sim_trace("worker %u is cut short", (unsigned) node->slot);

    sim_session_closed_idle(node, 1);

    while (!ngx_queue_empty(&node->attempts)) {
        q = ngx_queue_head(&node->attempts);
        attempt = ngx_queue_data(q, sim_attempt_t, queue);
        sim_client_left(attempt);
    }
}


/* kill -9 */

void
sim_node_kill(void *data, uintptr_t n)
{
    ngx_uint_t      host;
    ngx_queue_t    *q;
    sim_node_t     *node;
    sim_attempt_t  *attempt;

    (void) data;
    (void) n;

    host = sim_random(sim.hosts);
    node = sim_node_of(host);

    if (node == NULL || sim_calm) {
        return;
    }

    sim_trace("worker %u is killed", (unsigned) node->slot);

    /* what was sent goes on */

    sim_nginx_enter(node);

    node->ending = 1;

    while (!ngx_queue_empty(&node->attempts)) {
        q = ngx_queue_head(&node->attempts);
        attempt = ngx_queue_data(q, sim_attempt_t, queue);
        sim_client_left(attempt);
    }

    sim_node_free(node);

    sim_at(sim_now + sim_between(SIM_MS, 20 * SIM_MS), NULL, sim_node_again,
           NULL, host);
}


static void
sim_node_again(void *data, uintptr_t host)
{
    (void) data;

    if (sim_calm && sim_working == 0) {
        return;
    }

    if (sim_node_of(host) == NULL && sim_node_start(host) == NULL) {
        /* until one that exits has left its place */
        sim_at(sim_now + 10 * SIM_MS, NULL, sim_node_again, NULL, host);
    }
}


/* at the end of each pass of its loop */

void
sim_node_after_pass(sim_node_t *node)
{
    sim_check_deadlines(node);

    if (node->waiting == 0) {
        sim_check_idle(node);
    }

    if (node->exiting && !sim_nginx_keeps(node)) {
        sim_check_exit(node);
        sim_trace("worker %u is gone", (unsigned) node->slot);
        sim_node_free(node);
    }
}


static void
sim_node_free(sim_node_t *node)
{
    node->ending = 1;

    ngx_http_results_batcher_exit(&node->batcher);

    ngx_queue_init(&ngx_posted_events);

    if (node->timers.right != NULL) {
        sim_failed("exit", "a timer is left");
    }

    sim_nginx_free(node);
    sim_nginx_leave();

    node->alive = 0;
    node->incarnation++;
}
