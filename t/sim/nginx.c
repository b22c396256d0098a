
/*
 * What the batcher and its pool use of nginx: memory of a cycle's pool,
 * timers, posted events, log, strings, the counters of a process.  Everything
 * belongs to one worker, that of sim_nginx_enter().
 */

#include <stdio.h>
#include <stdlib.h>

#include "sim.h"


int64_t __wrap_results_time_now(void);
int64_t __wrap_results_time_monotonic(void);


/* a cycle's allocations, freed with it */
typedef struct sim_memory_s  sim_memory_t;

struct sim_memory_s {
    sim_memory_t           *next;
    void                   *data;
};


sim_node_t                   *sim_node;

/* nginx's own names */
volatile ngx_msec_t           ngx_current_msec;
volatile ngx_cycle_t         *ngx_cycle;
ngx_uint_t                    ngx_exiting;
ngx_queue_t                   ngx_posted_events;
ngx_rbtree_t                  ngx_event_timer_rbtree;
ngx_http_results_counters_t  *ngx_http_results_counters;

const ngx_uint_t  ngx_http_results_rows_bounds[NGX_HTTP_RESULTS_BOUNDS];
const ngx_uint_t  ngx_http_results_time_bounds[NGX_HTTP_RESULTS_BOUNDS];


/* a worker's turn begins: its clocks, its globals */

void
sim_nginx_enter(sim_node_t *node)
{
    sim_node = node;

    /* not 0, and about to wrap in nobody's lifetime */
    ngx_current_msec = (ngx_msec_t) (1000000 + sim_now / SIM_MS);
    ngx_cycle = &node->cycle;
    ngx_exiting = node->exiting;
    ngx_http_results_counters = &node->counters;

    ngx_queue_init(&ngx_posted_events);
}


void
sim_nginx_leave(void)
{
    if (!ngx_queue_empty(&ngx_posted_events)) {
        sim_failed("events", "a posted event was not run");
    }

    sim_node = NULL;
}


void
sim_nginx_posted(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    while (!ngx_queue_empty(&ngx_posted_events)) {
        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


void
sim_nginx_expire_timers(void)
{
    ngx_event_t        *ev;
    ngx_rbtree_node_t  *first;

    for ( ;; ) {
        first = sim_node->timers.right;

        if (first == NULL
            || (ngx_msec_int_t) (first->key - ngx_current_msec) > 0)
        {
            return;
        }

        ev = (ngx_event_t *) ((u_char *) first
                              - offsetof(ngx_event_t, timer));

        ngx_rbtree_delete(&ngx_event_timer_rbtree, first);

        ev->timer_set = 0;
        ev->timedout = 1;
        ev->handler(ev);
    }
}


int64_t
sim_nginx_next_timer(sim_node_t *node)
{
    if (node->timers.right == NULL) {
        return 0;
    }

    return ((int64_t) node->timers.right->key - 1000000) * SIM_MS;
}


/* as ngx_event_no_timers_left() */

ngx_uint_t
sim_nginx_keeps(sim_node_t *node)
{
    ngx_event_t        *ev;
    ngx_rbtree_node_t  *timer;

    for (timer = node->timers.right; timer != NULL; timer = timer->right) {
        ev = (ngx_event_t *) ((u_char *) timer
                              - offsetof(ngx_event_t, timer));

        if (!ev->cancelable) {
            return 1;
        }
    }

    return 0;
}


/* a list by time: a worker has few timers */

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *timer)
{
    ngx_rbtree_node_t  *before;

    (void) tree;

    before = &sim_node->timers;

    while (before->right != NULL
           && (ngx_msec_int_t) (before->right->key - timer->key) <= 0)
    {
        before = before->right;
    }

    timer->left = before;
    timer->right = before->right;

    if (timer->right != NULL) {
        timer->right->left = timer;
    }

    before->right = timer;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *timer)
{
    (void) tree;

    timer->left->right = timer->right;

    if (timer->right != NULL) {
        timer->right->left = timer->left;
    }
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    sim_memory_t  *memory;

    (void) pool;

    memory = malloc(sizeof(sim_memory_t));
    memory->data = malloc(size + !size);
    memory->next = sim_node->memory;
    sim_node->memory = memory;

    return memory->data;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    return memset(ngx_palloc(pool, size), 0, size);
}


void
sim_nginx_free(sim_node_t *node)
{
    sim_memory_t  *memory, *next;

    for (memory = node->memory; memory != NULL; memory = next) {
        next = memory->next;
        free(memory->data);
        free(memory);
    }

    node->memory = NULL;
}


u_char *
ngx_cpystrn(u_char *dst, u_char *src, size_t n)
{
    if (n == 0) {
        return dst;
    }

    while (--n) {
        *dst = *src;

        if (*dst == '\0') {
            return dst;
        }

        dst++;
        src++;
    }

    *dst = '\0';

    return dst;
}


/* %s and %Z are what the pool and the batcher give a text; others stay */

u_char *
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    u_char      *p, *last;
    va_list      args;
    const char  *s;

    p = buf;
    last = buf + max;

    va_start(args, fmt);

    for ( /* void */ ; *fmt && p < last; fmt++) {

        if (fmt[0] == '%' && fmt[1] == 's') {
            for (s = va_arg(args, const char *); *s && p < last; s++) {
                *p++ = *s;
            }

            fmt++;

        } else if (fmt[0] == '%' && fmt[1] == 'Z') {
            *p++ = '\0';
            fmt++;

        } else {
            *p++ = *fmt;
        }
    }

    va_end(args);

    return p;
}


/* of a line only what is always said: a trace has the rest */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) log;
    (void) err;

    if (level <= NGX_LOG_CRIT) {
        sim_failed("log", "an alert: %s", fmt);
    }

    sim_trace("worker %u logs: %s", (unsigned) sim_node->slot, fmt);
}


void
ngx_http_results_observe(ngx_http_results_histogram_t *histogram,
    const ngx_uint_t *bounds, ngx_uint_t value)
{
    (void) bounds;

    histogram->sum += value;
}


void
ngx_http_results_text_set(ngx_http_results_text_t *text, const char *data)
{
    (void) ngx_cpystrn((u_char *) text->data, (u_char *) data,
                       NGX_HTTP_RESULTS_TEXT_SIZE);
}


int64_t
__wrap_results_time_now(void)
{
    return SIM_EPOCH + sim_now + sim.skew[sim_node->host];
}


int64_t
__wrap_results_time_monotonic(void)
{
    return sim_now + 1;
}
