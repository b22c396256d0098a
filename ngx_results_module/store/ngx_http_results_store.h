
/*
 * A store: one PostgreSQL behind a worker's batcher and pool.  http/ knows
 * only this header.
 */

#ifndef NGX_HTTP_RESULTS_STORE_H
#define NGX_HTTP_RESULTS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "results_principal.h"
#include "results_read.h"
#include "results_record.h"


typedef struct ngx_http_results_store_s   ngx_http_results_store_t;
typedef struct ngx_http_results_group_s   ngx_http_results_group_t;
typedef struct ngx_http_results_claim_s   ngx_http_results_claim_t;
typedef struct ngx_http_results_tenant_s  ngx_http_results_tenant_t;
typedef struct ngx_http_results_lookup_s  ngx_http_results_lookup_t;
typedef struct ngx_http_results_read_s    ngx_http_results_read_t;


/* a results_store block; set at configuration time, then read only */
typedef struct {
    ngx_str_t               name;
    ngx_str_t               conninfo;       /* terminated */
    u_char                 *file;           /* where the block stands */
    ngx_uint_t              line;

    ngx_uint_t              connections;
    ngx_uint_t              readers;
    ngx_uint_t              batch;          /* rows */
    ngx_uint_t              queue;          /* rows */
    size_t                  queue_size;     /* bytes */
    ngx_msec_t              connect_timeout;
    ngx_msec_t              write_timeout;
    ngx_msec_t              read_timeout;
    ngx_flag_t              prepare;
    ngx_uint_t              durability;     /* NGX_HTTP_RESULTS_DURABILITY_* */

    /* dialect/'s results_scope_bits(), for the principals of lookups */
    uint64_t              (*scope_bits)(results_str_t scopes);

    uint32_t                realm;          /* of the token cache */
    ngx_uint_t              counters;       /* its place among them */
    void                   *params;         /* connection.c's parsed conninfo */
    ngx_http_results_store_t  *store;       /* this worker's; NULL before */
} ngx_http_results_store_conf_t;


#define NGX_HTTP_RESULTS_DURABILITY_FULL   0
#define NGX_HTTP_RESULTS_DURABILITY_LOCAL  1


/* what becomes of a group that is handed over */
typedef enum {
    NGX_HTTP_RESULTS_TAKEN = 0,
    NGX_HTTP_RESULTS_QUEUE_FULL,      /* 503: too much waits */
    NGX_HTTP_RESULTS_KEY_BUSY,        /* 503: ... for one of its keys */
    NGX_HTTP_RESULTS_AWAY,            /* 503: the database has been away for so
                                         long that waiting makes no sense, or
                                         the store is only read */
    NGX_HTTP_RESULTS_TOO_LARGE,       /* no batch, or no queue, can hold it */
    NGX_HTTP_RESULTS_KEY_TWICE,       /* two of its records have one key */
    NGX_HTTP_RESULTS_NO_MEMORY
} ngx_http_results_taken_e;


typedef enum {
    NGX_HTTP_RESULTS_COMMITTED = 0,   /* every record has its outcome */
    NGX_HTTP_RESULTS_REFUSED,         /* the database will never take it */
    NGX_HTTP_RESULTS_NOT_WRITTEN,     /* 503: nothing was stored */
    NGX_HTTP_RESULTS_UNKNOWN          /* 503: it may have been stored */
} ngx_http_results_verdict_e;


/* the store's: a record's claim to its key, see ngx_http_results_queue.h */
struct ngx_http_results_claim_s {
    ngx_http_results_claim_t  *next;        /* a holder: in its slot */
    ngx_queue_t             behind;         /* a holder: those behind it; else
                                               its place among them */
    ngx_uint_t              nbehind;
    uint64_t                hash;
    results_record_t       *record;
    ngx_http_results_group_t  *group;
    ngx_uint_t              row;            /* of the batch it is in */
    unsigned                holds:1;
};


/*
 * One request's records, of one institution, committed or refused together.
 * Lives, like its records, in `arena`.  From ngx_http_results_store_write()
 * until handler() it is the store's; then the caller's again.  A caller that
 * leaves before calls ngx_http_results_store_abandon() and has it back at
 * once: what is in flight goes on without it.
 */
struct ngx_http_results_group_s {
    ngx_queue_t             queue;
    results_arena_t        *arena;
    results_record_t       *records;
    ngx_uint_t              nrecords;
    size_t                  size;           /* bytes, for queue_size */

    void                  (*handler)(ngx_http_results_group_t *group,
                                     ngx_http_results_verdict_e verdict);
    void                   *data;

    unsigned                follows:1;      /* an earlier step of the request
                                               was done: it waits its time,
                                               also for a database that is
                                               away */

    char                    sqlstate[6];    /* of a refusal; or "" */

    /* of what was committed; microseconds */
    ngx_uint_t              queue_time;
    ngx_uint_t              commit_time;
    ngx_uint_t              batch_rows;

    /* the store's */
    ngx_http_results_store_t  *store;
    ngx_queue_t             all;            /* of the store's, by deadline */
    ngx_msec_t              deadline;       /* ngx_current_msec it ends at */
    int64_t                 arrived;

    ngx_http_results_tenant_t  *tenant;
    ngx_queue_t             waiting;        /* its institution's, while waits */
    ngx_http_results_claim_t  *claims;      /* one a record */
    ngx_http_results_claim_t  claim;        /* that of a single one */
    ngx_uint_t              nclaims;        /* that it has still */
    ngx_uint_t              nblocked;       /* of them, that are behind; or 1
                                               while it rests */

    void                   *batch;          /* it is in flight with, or NULL */
    int64_t                 stamp;          /* of all its records */
    int64_t                 lead;           /* of its stamps before the clock,
                                               as a later one is stored */
    ngx_uint_t              superseded;     /* times */
    ngx_uint_t              limit;          /* rows of a batch it may join,
                                               while a bad group is looked
                                               for; or 0 */
    ngx_uint_t              rests;          /* it has had, that grew */
    ngx_msec_t              again;          /* while it rests: until when */
    unsigned                waits:1;
    unsigned                resting:1;      /* it waits, on no line */
    unsigned                dropped:1;      /* to be told that it failed */
    unsigned                unsure:1;       /* an earlier run may have stored
                                               it, with its stamp */
};


/* one token's lookup; the caller's memory until handler() or _cancel() */
struct ngx_http_results_lookup_s {
    ngx_queue_t             queue;
    u_char                  digest[32];

    /*
     * principal and the seconds its token has left; NULL and 0 for a token
     * that is nobody's; NULL and -1 when the store could not tell
     */
    void                  (*handler)(ngx_http_results_lookup_t *lookup,
                                     const results_principal_t *principal,
                                     ngx_int_t ttl);
    void                   *data;

    /* the store's */
    ngx_msec_t              deadline;
    ngx_msec_t              again;          /* while it rests: until when */
    ngx_uint_t              limit;          /* tokens it may be asked with, or
                                               0: some statement was refused */
    ngx_uint_t              rests;          /* it has had */
    void                   *query;          /* it is in flight with, or NULL */
};


typedef enum {
    NGX_HTTP_RESULTS_READ_DONE = 0,   /* every row was given */
    NGX_HTTP_RESULTS_READ_REFUSED,    /* the database will never answer it */
    NGX_HTTP_RESULTS_READ_UNAVAILABLE,   /* 503: nothing has left */
    NGX_HTTP_RESULTS_READ_BROKEN      /* something has, the rest is lost */
} ngx_http_results_read_end_e;


/* one call; the caller's memory until handler() or _cancel_read() */
struct ngx_http_results_read_s {
    ngx_queue_t             queue;
    const results_read_t   *call;
    int32_t                 institution;    /* whose turn it takes; 0: none */
    unsigned                goes_on:1;      /* the request has waited for the
                                               store before: it is not turned
                                               away while that is down */

    /*
     * Set by row() or its caller: something of the rows has left to the
     * client, so that they can't come again from the first.
     */
    unsigned                left:1;

    /* once a row, in binary, valid only during the call */
    void                  (*row)(ngx_http_results_read_t *read,
                                 const results_str_t *values,
                                 ngx_uint_t nvalues);

    /* the rows so far are void: they come again from the first */
    void                  (*again)(ngx_http_results_read_t *read);

    void                  (*handler)(ngx_http_results_read_t *read,
                                     ngx_http_results_read_end_e end);
    void                   *data;

    char                    sqlstate[6];    /* of a refusal; or "" */

    /* the store's */
    ngx_http_results_store_t  *store;
    void                   *lane;
    ngx_uint_t              place;          /* among the institutions */
    ngx_rbtree_node_t       turn;           /* in its lane, while queued */
    void                   *slot;           /* it is in flight in, or NULL */
    ngx_msec_t              deadline;
    unsigned                queued:1;
    unsigned                started:1;      /* a row was given */
};


/*
 * Checks what can be checked without a database and keeps the parsed
 * conninfo: NGX_CONF_OK, or NGX_CONF_ERROR with file and line logged.
 */
char *ngx_http_results_store_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf);

/* a worker's part: no connection is opened before this */
ngx_int_t ngx_http_results_store_init_process(ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf);

/* closes every connection and deletes every timer */
void ngx_http_results_store_exit_process(ngx_http_results_store_conf_t *conf);


/* whether a group of that size would be taken now, but for its keys */
ngx_http_results_taken_e ngx_http_results_store_ready(
    ngx_http_results_store_t *store, int32_t institution_id,
    ngx_uint_t nrecords, size_t size);

/*
 * NGX_HTTP_RESULTS_TAKEN: handler() follows, never from within this call.
 * Each run sets the stamps of its records.  Else the group stays the caller's.
 */
ngx_http_results_taken_e ngx_http_results_store_write(
    ngx_http_results_store_t *store, ngx_http_results_group_t *group);

/* nobody waits for the group any more: no handler(); it is the caller's */
void ngx_http_results_store_abandon(ngx_http_results_group_t *group);

/* handler() follows, never from within this call */
void ngx_http_results_store_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup);

/* no handler() will be called; the memory is the caller's again */
void ngx_http_results_store_cancel_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup);

/*
 * row() and handler() follow, never from within this call.  NGX_BUSY where too
 * many wait, NGX_DECLINED where the database has been away for long: then
 * nothing follows.
 */
ngx_int_t ngx_http_results_store_read(ngx_http_results_store_t *store,
    ngx_http_results_read_t *read);

/*
 * Counts memory of a request that reads before it writes: _TAKEN, to be given
 * back by _release() when the request ends; _QUEUE_FULL where all of them
 * would have more than queue_size, _TOO_LARGE where this one has.
 */
ngx_http_results_taken_e ngx_http_results_store_hold(
    ngx_http_results_store_t *store, size_t size);
void ngx_http_results_store_release(ngx_http_results_store_t *store,
    size_t size);

/* no row() and no handler() will be called; the memory is the caller's */
void ngx_http_results_store_cancel_read(ngx_http_results_read_t *read);

/*
 * Why this worker can not write and read now; NULL: it can, or it is exiting
 * and has closed what it does not need any more.
 */
const char *ngx_http_results_store_unready(
    ngx_http_results_store_conf_t *conf);


#endif /* NGX_HTTP_RESULTS_STORE_H */
