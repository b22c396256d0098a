
/*
 * The groups that wait for a statement, and who of them is next.
 *
 * Fair: institutions take turns, a group each, so that what one of them sends
 * delays the others by its share and no more; and so do the three kinds of
 * statement.  Where the queue is full, room for whoever has less than its
 * share of it is made by those who have more.
 *
 * Of one key one group may be sent at a time: the one that claimed it first.
 * The others are behind it, and on no line: they cost nobody a look.  Nor is
 * one that rests, since its statement failed, before it is sent again.
 *
 *     institution -+- groups of one record -+- take turns -> a batch
 *                  +- larger groups --------+
 *                  +- suspects -------------+
 *
 *     key -- its holder -- claims behind it ...
 *
 *     rests of 20 ms, 40 ms, ... -- groups, the one that ends first is first
 *
 * All of it is O(1) for a record, whatever waits.
 */

#ifndef NGX_HTTP_RESULTS_QUEUE_H
#define NGX_HTTP_RESULTS_QUEUE_H

#include "ngx_http_results_store.h"
#include "results_siphash.h"


/*
 * The groups that may wait for one key.  Each takes a commit of its own: at
 * 70 ms, those of a standby far away, so many take the default write_timeout.
 */
#define NGX_HTTP_RESULTS_KEY_WAITING  64


/* ms of the shortest rest, and how many there are, each twice as long */
#define NGX_HTTP_RESULTS_REST   20
#define NGX_HTTP_RESULTS_RESTS  7


/* what can't share a statement */
typedef enum {
    NGX_HTTP_RESULTS_SINGLES = 0,     /* groups of one record */
    NGX_HTTP_RESULTS_LARGER,          /* goes alone */
    NGX_HTTP_RESULTS_SUSPECTS,        /* one of them is refused: group->limit */
    NGX_HTTP_RESULTS_LINES
} ngx_http_results_line_e;


typedef struct {
    ngx_queue_t             queue;          /* among those that take turns */
    ngx_queue_t             groups;         /* that may be sent */
} ngx_http_results_line_t;


/* an institution while something of it waits or is in flight */
struct ngx_http_results_tenant_s {
    ngx_http_results_tenant_t  *next;       /* in its slot of the table */
    ngx_queue_t             queue;          /* among those with rows that wait;
                                               or the spare ones */
    int32_t                 institution_id;
    ngx_uint_t              ngroups;
    ngx_uint_t              rows;           /* that wait */
    size_t                  bytes;
    ngx_queue_t             waiting;        /* groups: the latest is last */
    ngx_http_results_line_t  lines[NGX_HTTP_RESULTS_LINES];
};


typedef struct {
    ngx_http_results_store_conf_t  *conf;
    ngx_pool_t             *pool;           /* of the cycle: for tenants */

    ngx_uint_t              rows;           /* that wait */
    size_t                  bytes;

    ngx_queue_t             tenants;        /* with rows that wait */
    ngx_uint_t              ntenants;
    ngx_queue_t             spare;          /* tenants */
    ngx_http_results_tenant_t  **slots;     /* by institution */

    ngx_http_results_claim_t  **holders;    /* of keys, by their hash */
    ngx_uint_t              mask;           /* slots of holders - 1 */
    results_siphash_key_t   key;            /* of the hash */

    ngx_queue_t             resting[NGX_HTTP_RESULTS_RESTS];  /* groups */
    ngx_queue_t             turns[NGX_HTTP_RESULTS_LINES];    /* lines */
    ngx_uint_t              line;           /* the kind that was sent last */
} ngx_http_results_queue_t;


ngx_int_t ngx_http_results_queue_init(ngx_http_results_queue_t *q,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf);

/*
 * NGX_HTTP_RESULTS_TAKEN, where a group of the institution has room, or can be
 * made room for; else _TOO_LARGE or _QUEUE_FULL
 */
ngx_http_results_taken_e ngx_http_results_queue_room(
    ngx_http_results_queue_t *q, int32_t institution_id, ngx_uint_t nrecords,
    size_t size);

/*
 * Lets a group of a caller's wait: TAKEN; or nothing has changed.  Where there
 * must be room for it first, evict() is called with groups that have to go,
 * and takes each out by ngx_http_results_queue_leave().
 */
ngx_http_results_taken_e ngx_http_results_queue_enter(
    ngx_http_results_queue_t *q, ngx_http_results_group_t *group,
    void (*evict)(void *data, ngx_http_results_group_t *group), void *data);

/* the kind of statement whose turn it is; NULL: no group can be sent now */
ngx_queue_t *ngx_http_results_queue_turn(ngx_http_results_queue_t *q);

/* the group of that kind that is next, or NULL */
ngx_http_results_group_t *ngx_http_results_queue_first(ngx_queue_t *turns);

/* it is sent: it waits no more, and holds its keys still */
void ngx_http_results_queue_take(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/* it was sent, and has to be sent again: it waits, behind all others */
void ngx_http_results_queue_back(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/*
 * The same, and it is not sent before the nth rest is over, 0 being the
 * shortest and all from the longest on alike.  Meanwhile others have its keys.
 */
void ngx_http_results_queue_rest(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group, ngx_uint_t nth);

/* ends the rests that are over; ms until the next one is, or 0: none rests */
ngx_msec_t ngx_http_results_queue_wake(ngx_http_results_queue_t *q);

/* its keys are for those behind it now; safe to call again */
void ngx_http_results_queue_unclaim(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/* takes it out, wherever in the queue it is, with its keys */
void ngx_http_results_queue_leave(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);


/* whether some group can be sent now */
#define ngx_http_results_queue_ready(q)                                       \
    (!ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_SINGLES])                  \
     || !ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_LARGER])                \
     || !ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_SUSPECTS]))


#endif /* NGX_HTTP_RESULTS_QUEUE_H */
