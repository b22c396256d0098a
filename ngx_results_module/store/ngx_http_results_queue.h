
/*
 * The groups that wait for a statement, and who of them is next.
 *
 * It is fair.  The three kinds of statement take turns, and within a kind the
 * institutions take turns, one group each: an institution that sends much
 * delays the others by its share of the statements and no more.  Where the
 * queue is full and a group of an institution comes that has less than its
 * share of it, the latest groups of those that have more are evicted.
 *
 * It keeps two groups that write one key apart.  A group claims the keys of its
 * records when it enters.  The first claim to a key is its holder; later ones
 * wait behind it in order.  A group can be sent while it holds all its keys;
 * one that does not is on no line, so that nobody has to skip it.
 *
 * A group whose statement failed for a reason that passes may rest before it is
 * sent again.  It is on no line then, and has given up its keys.
 *
 *     institution -+- groups of one record -+- take turns -> a batch
 *                  +- larger groups --------+
 *                  +- suspects -------------+
 *
 *     key -- its holder -- claims behind it ...
 *
 *     rests of 20 ms, 40 ms, ... -- groups, the one that ends first is first
 *
 * Each function takes O(1) for each record, however much waits.
 */

#ifndef NGX_HTTP_RESULTS_QUEUE_H
#define NGX_HTTP_RESULTS_QUEUE_H

#include "ngx_http_results_store.h"
#include "results_siphash.h"


/*
 * How many groups may wait for one key.  Each of them needs a commit of its
 * own, one after the other.  Where a commit takes 70 ms, as with a synchronous
 * standby far away, this many take about the default write_timeout of 5 s.
 */
#define NGX_HTTP_RESULTS_KEY_WAITING  64


/* milliseconds of the shortest rest; how many there are, each twice as long */
#define NGX_HTTP_RESULTS_REST   20
#define NGX_HTTP_RESULTS_RESTS  7


/* the kinds of statement: groups of different kinds never share one */
typedef enum {
    NGX_HTTP_RESULTS_SINGLES = 0,     /* groups of one record */
    NGX_HTTP_RESULTS_LARGER,          /* groups of more: each goes alone */
    NGX_HTTP_RESULTS_SUSPECTS,        /* groups of one record with a limit: the
                                         data of one of them was refused */
    NGX_HTTP_RESULTS_LINES
} ngx_http_results_line_e;


/* the groups of an institution and a kind that can be sent, the first first */
typedef struct {
    ngx_queue_t             queue;          /* in turns[kind], if not empty */
    ngx_queue_t             groups;
} ngx_http_results_line_t;


/*
 * An institution while a group of it waits or is in flight, so that a group
 * which is sent again needs no memory.
 */
struct ngx_http_results_tenant_s {
    ngx_http_results_tenant_t  *next;       /* in its slot of the table */
    ngx_queue_t             queue;          /* in `tenants` if rows wait; in
                                               `spare` if it is not in use */
    int32_t                 institution_id;
    ngx_uint_t              ngroups;        /* that wait or are in flight */
    ngx_uint_t              rows;           /* of the groups that wait */
    size_t                  bytes;          /* of those as well */
    ngx_queue_t             waiting;        /* groups; the last is evicted
                                               first */
    ngx_http_results_line_t  lines[NGX_HTTP_RESULTS_LINES];
};


typedef struct {
    ngx_http_results_store_conf_t  *conf;
    ngx_pool_t             *pool;           /* of the cycle: for tenants */

    ngx_uint_t              rows;           /* of the groups that wait */
    size_t                  bytes;          /* of those as well */

    ngx_queue_t             tenants;        /* those with rows that wait */
    ngx_uint_t              ntenants;       /* how many they are */
    ngx_queue_t             spare;          /* tenants that are not in use */
    ngx_http_results_tenant_t  **slots;     /* hash table by institution */

    ngx_http_results_claim_t  **holders;    /* hash table by key */
    ngx_uint_t              mask;           /* slots of holders - 1 */
    results_siphash_key_t   key;            /* of holders' hash */

    ngx_queue_t             resting[NGX_HTTP_RESULTS_RESTS];  /* groups, by the
                                               rest's length and its end */
    ngx_queue_t             turns[NGX_HTTP_RESULTS_LINES];    /* of lines: the
                                               first has the next turn */
    ngx_uint_t              line;           /* the kind that was sent last */
} ngx_http_results_queue_t;


/*
 * q is zeroed.  NGX_OK; NGX_ERROR without memory, or without random bytes,
 * logged.  The memory is the cycle's.
 */
ngx_int_t ngx_http_results_queue_init(ngx_http_results_queue_t *q,
    ngx_cycle_t *cycle, ngx_http_results_store_conf_t *conf);

/*
 * Whether a group of so many records and bytes could enter: _TAKEN, also where
 * others would have to be evicted for it; _TOO_LARGE where no time will make
 * room for it; _QUEUE_FULL where its institution would have more than its share
 * of a full queue.  Changes nothing.
 */
ngx_http_results_taken_e ngx_http_results_queue_room(
    ngx_http_results_queue_t *q, int32_t institution_id, ngx_uint_t nrecords,
    size_t size);

/*
 * Lets a new group wait.  _TAKEN; or _TOO_LARGE, _QUEUE_FULL, _KEY_BUSY,
 * _KEY_TWICE, _NO_MEMORY, and then nothing has changed.  Where room must be
 * made, evict(data, group) is called for each group that has to go, and must
 * take it out by ngx_http_results_queue_leave() before it returns.
 */
ngx_http_results_taken_e ngx_http_results_queue_enter(
    ngx_http_results_queue_t *q, ngx_http_results_group_t *group,
    void (*evict)(void *data, ngx_http_results_group_t *group), void *data);

/*
 * The lines of the kind of statement whose turn it is, for _first(); each call
 * goes on to the next kind.  NULL where no group can be sent now.
 */
ngx_queue_t *ngx_http_results_queue_turn(ngx_http_results_queue_t *q);

/* the next group of those lines, which stays where it is; or NULL */
ngx_http_results_group_t *ngx_http_results_queue_first(ngx_queue_t *turns);

/*
 * Takes out a group that is going to be sent; it must be the one of _first().
 * It keeps its keys, and its institution has had its turn.
 */
void ngx_http_results_queue_take(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/*
 * Lets a group wait that was taken and has to be sent again: as the last one on
 * its line.  Needs no memory and always succeeds, also beyond the queue's size.
 */
void ngx_http_results_queue_back(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/*
 * As _back(), but the group is not sent before its rest is over, and until then
 * others may have its keys.  nth: 0 for the shortest rest, 1 for one of twice
 * its length, and so on up to the longest.
 */
void ngx_http_results_queue_rest(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group, ngx_uint_t nth);

/*
 * Ends the rests that are over.  Returns the milliseconds until the next one
 * is, when it is to be called again; 0 where no group rests.
 */
ngx_msec_t ngx_http_results_queue_wake(ngx_http_results_queue_t *q);

/*
 * Gives up the keys of a group in flight: those behind it may be sent.  May be
 * called again.
 */
void ngx_http_results_queue_unclaim(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);

/*
 * Takes a group out for good, whether it waits or is in flight, and gives up
 * its keys.
 */
void ngx_http_results_queue_leave(ngx_http_results_queue_t *q,
    ngx_http_results_group_t *group);


/* whether some group can be sent now */
#define ngx_http_results_queue_ready(q)                                       \
    (!ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_SINGLES])                  \
     || !ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_LARGER])                \
     || !ngx_queue_empty(&(q)->turns[NGX_HTTP_RESULTS_SUSPECTS]))


#endif /* NGX_HTTP_RESULTS_QUEUE_H */
