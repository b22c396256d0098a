
/*
 * A store: one PostgreSQL, as a worker writes to it and reads from it.  This
 * is all of store/ that http/ and status/ use.
 *
 * A caller hands over a structure of its own: a group of records to write, a
 * token to look up, a read.  From then on the structure and what it points to
 * belong to the store, until the store calls handler(), once, or the caller
 * takes it back with _abandon() or _cancel_...().  Handlers are called from
 * the event loop, never from within the call that handed the structure over.
 * A handler may call any function here, and may end the request.
 *
 * All of it runs in one worker's event loop: nothing blocks, and nothing may
 * be called from another thread.  Times are in milliseconds of
 * ngx_current_msec where nothing else is said.
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


/*
 * A results_store block.  Set when the configuration is read, and not changed
 * later, but for `store`, which each worker sets for itself.
 */
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
    ngx_uint_t              counters;       /* its slot in zone/'s counters */
    void                   *params;         /* ngx_http_results_params_t: the
                                               parsed conninfo */
    ngx_http_results_store_t  *store;       /* NULL before _init_process() */
} ngx_http_results_store_conf_t;


#define NGX_HTTP_RESULTS_DURABILITY_FULL   0
#define NGX_HTTP_RESULTS_DURABILITY_LOCAL  1


/*
 * Whether a group that is handed over is taken, and if not, why.  "503" marks
 * what passes by itself: the client may send the same request again.
 */
typedef enum {
    NGX_HTTP_RESULTS_TAKEN = 0,
    NGX_HTTP_RESULTS_QUEUE_FULL,      /* 503: the queue has no room, and the
                                         institution has its share of it */
    NGX_HTTP_RESULTS_KEY_BUSY,        /* 503: too many groups wait to write a
                                         record with one of its keys */
    NGX_HTTP_RESULTS_AWAY,            /* 503: no connection for 2 s or longer,
                                         or "connections 0": the store is only
                                         read */
    NGX_HTTP_RESULTS_TOO_LARGE,       /* larger than a batch or than the whole
                                         queue: it will never be taken */
    NGX_HTTP_RESULTS_KEY_TWICE,       /* two of its records have one key */
    NGX_HTTP_RESULTS_NO_MEMORY
} ngx_http_results_taken_e;


typedef enum {
    NGX_HTTP_RESULTS_COMMITTED = 0,   /* committed: each record has its outcome
                                         and what the database answered */
    NGX_HTTP_RESULTS_REFUSED,         /* an error of its data: nothing was
                                         stored, and to send it again would end
                                         the same; group->sqlstate says why */
    NGX_HTTP_RESULTS_NOT_WRITTEN,     /* 503: nothing was stored */
    NGX_HTTP_RESULTS_UNKNOWN          /* 503: all of it may have been stored,
                                         or nothing */
} ngx_http_results_verdict_e;


/*
 * The store's own: a record's claim to its key, by which only one group at a
 * time writes it.  See ngx_http_results_queue.h.
 */
struct ngx_http_results_claim_s {
    ngx_http_results_claim_t  *next;        /* of a holder: the next one in its
                                               hash slot */
    ngx_queue_t             behind;         /* of a holder: the claims that
                                               wait for it; of one that waits:
                                               its place among them */
    ngx_uint_t              nbehind;        /* of a holder: how many wait */
    uint64_t                hash;
    results_record_t       *record;
    ngx_http_results_group_t  *group;
    ngx_uint_t              row;            /* of the batch it is in */
    unsigned                holds:1;        /* it is the holder of its key */
};


/*
 * One request's records, which are stored together or not at all.  There is at
 * least one, and all are of one institution.  The group lies, like its records,
 * in `arena`.  The caller zeroes it and sets what stands above "the store's".
 *
 * From ngx_http_results_store_write() until handler() the group is the
 * store's: nobody else may change it, its records or its arena.  A caller whose
 * client leaves before that calls ngx_http_results_store_abandon() and has it
 * back at once; a statement that is in flight goes on without it, and may
 * still store the records.
 */
struct ngx_http_results_group_s {
    ngx_queue_t             queue;
    results_arena_t        *arena;
    results_record_t       *records;
    ngx_uint_t              nrecords;
    size_t                  size;           /* bytes of memory that it keeps
                                               while it waits: counted against
                                               the queue's size= */

    void                  (*handler)(ngx_http_results_group_t *group,
                                     ngx_http_results_verdict_e verdict);
    void                   *data;

    unsigned                follows:1;      /* the request has waited for the
                                               store before: it is taken, and
                                               waits until its deadline, also
                                               while the database is away */

    /* set before handler() */

    char                    sqlstate[6];    /* of the error, or "" */

    /* only of a group that was COMMITTED */
    ngx_uint_t              queue_time;     /* microseconds until it was sent
                                               in the statement that stored
                                               it */
    ngx_uint_t              commit_time;    /* microseconds from then on */
    ngx_uint_t              batch_rows;     /* rows of that statement */

    /* the store's */
    ngx_http_results_store_t  *store;
    ngx_queue_t             all;            /* all groups, by deadline */
    ngx_msec_t              deadline;       /* when it is answered 503 */
    int64_t                 arrived;        /* results_time_monotonic() */

    ngx_http_results_tenant_t  *tenant;     /* its institution */
    ngx_queue_t             waiting;        /* the institution's, if `waits` */
    ngx_http_results_claim_t  *claims;      /* one for each record */
    ngx_http_results_claim_t  claim;        /* that of a group of one */
    ngx_uint_t              nclaims;        /* claims not given up yet */
    ngx_uint_t              nblocked;       /* of those, the ones that wait for
                                               another group; 1 while it
                                               rests */

    void                   *batch;          /* the ngx_http_results_batch_t
                                               that it is in, or NULL */
    int64_t                 stamp;          /* that of all its records,
                                               microseconds since 1970 */
    int64_t                 lead;           /* microseconds added to the clock
                                               for `stamp`, since the database
                                               has a later one */
    ngx_uint_t              superseded;     /* how often that was so */
    ngx_uint_t              limit;          /* rows that a batch with it may
                                               have while a group with bad data
                                               is searched for; 0: no limit */
    ngx_uint_t              rests;          /* rests so far after it failed
                                               alone */
    ngx_msec_t              again;          /* when its rest ends */
    unsigned                waits:1;        /* in the queue, in no batch */
    unsigned                resting:1;      /* waits, and may not be sent yet */
    unsigned                dropped:1;      /* on the list of those to be told
                                               that they failed */
    unsigned                unsure:1;       /* an earlier statement may have
                                               stored it, with this stamp */
};


/*
 * The lookup of one access token.  The memory is the caller's, and must stay
 * until handler() or ngx_http_results_store_cancel_lookup().
 */
struct ngx_http_results_lookup_s {
    ngx_queue_t             queue;          /* the store's */
    u_char                  digest[32];     /* SHA-256 of the token */

    /*
     * Who the token stands for, valid during the call, and for how many more
     * seconds; or NULL, with 0 where the database knows no such token, and -1
     * where it could not be asked, so that nothing is known.
     */
    void                  (*handler)(ngx_http_results_lookup_t *lookup,
                                     const results_principal_t *principal,
                                     ngx_int_t ttl);
    void                   *data;

    /* the store's */
    ngx_msec_t              deadline;
    ngx_msec_t              again;          /* when its rest ends */
    ngx_uint_t              limit;          /* tokens that a statement with it
                                               may have, since one with more
                                               failed; 0: no limit */
    ngx_uint_t              rests;          /* rests so far */
    void                   *query;          /* the one in flight that asks for
                                               it, or NULL */
};


typedef enum {
    NGX_HTTP_RESULTS_READ_DONE = 0,   /* row() has been given every row */
    NGX_HTTP_RESULTS_READ_REFUSED,    /* an error of the parameters: to ask
                                         again would end the same; read->
                                         sqlstate says why */
    NGX_HTTP_RESULTS_READ_UNAVAILABLE,   /* 503: `left` is not set: the reply
                                            can be another one */
    NGX_HTTP_RESULTS_READ_BROKEN      /* `left` is set, and the rest of the
                                         rows is lost: cut the reply off */
} ngx_http_results_read_end_e;


/*
 * One call of a reading function.  The memory, and that of `call`, is the
 * caller's, and must stay until handler() or
 * ngx_http_results_store_cancel_read().  The caller sets what stands above
 * "the store's".
 */
struct ngx_http_results_read_s {
    ngx_queue_t             queue;          /* the store's */
    const results_read_t   *call;
    int32_t                 institution;    /* that it is read for: those of
                                               different institutions take
                                               turns; 0: of none */
    unsigned                goes_on:1;      /* as group->follows */

    /*
     * Set by the caller's row() as soon as something of the rows has been sent
     * to the client: from then on the read is not started again.
     */
    unsigned                left:1;

    /*
     * Called for each row, with the columns in binary: they are valid during
     * the call, and one without data is null.  It may cancel the read.
     */
    void                  (*row)(ngx_http_results_read_t *read,
                                 const results_str_t *values,
                                 ngx_uint_t nvalues);

    /*
     * The read is started again: forget the rows so far, they come again from
     * the first.  Only called if row() was, and never once `left` is set.
     */
    void                  (*again)(ngx_http_results_read_t *read);

    void                  (*handler)(ngx_http_results_read_t *read,
                                     ngx_http_results_read_end_e end);
    void                   *data;

    char                    sqlstate[6];    /* set before handler(): of the
                                               error, or "" */

    /* the store's; see ngx_http_results_reads.h */
    ngx_http_results_store_t  *store;
    void                   *lane;           /* ngx_http_results_lane_t */
    ngx_uint_t              place;          /* its institution's in the lane */
    ngx_rbtree_node_t       turn;           /* in the lane's tree if `queued` */
    void                   *slot;           /* that it is in flight in, or
                                               NULL */
    ngx_msec_t              deadline;
    unsigned                queued:1;       /* waits, and may be sent */
    unsigned                started:1;      /* row() has been called */
};


/*
 * Checks what can be checked without a database and sets conf->params and
 * conf->realm: NGX_CONF_OK, or NGX_CONF_ERROR with file and line logged.
 * Called once for each block, in the master, when it is complete.
 */
char *ngx_http_results_store_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf);

/*
 * Called once in each worker that serves requests.  Sets conf->store and
 * begins to connect; no connection is opened before.  NGX_ERROR without
 * memory: the worker can not start.
 */
ngx_int_t ngx_http_results_store_init_process(ngx_cycle_t *cycle,
    ngx_http_results_store_conf_t *conf);

/*
 * Called once when the process ends: closes every connection and deletes every
 * timer.  No handler() is called any more.  conf->store may be NULL.
 */
void ngx_http_results_store_exit_process(ngx_http_results_store_conf_t *conf);


/*
 * Whether _write() would take a group of so many records and bytes now, as far
 * as that can be told without its keys: _TAKEN, _AWAY, _TOO_LARGE or
 * _QUEUE_FULL.  Reserves nothing.  For refusing a request before its body is
 * read.
 */
ngx_http_results_taken_e ngx_http_results_store_ready(
    ngx_http_results_store_t *store, int32_t institution_id,
    ngx_uint_t nrecords, size_t size);

/*
 * Hands a group over.  NGX_HTTP_RESULTS_TAKEN: the group waits for a statement,
 * and handler() follows within write_timeout.  Whenever it is sent the stamps
 * of its records are set.  Any other value: the group was not taken and stays
 * the caller's, and handler() will not be called.
 */
ngx_http_results_taken_e ngx_http_results_store_write(
    ngx_http_results_store_t *store, ngx_http_results_group_t *group);

/*
 * Takes back a group that _write() has taken and whose handler() has not been
 * called: it will not be, and the memory may be freed at once.  A group that
 * still waits is not written.
 */
void ngx_http_results_store_abandon(ngx_http_results_group_t *group);

/*
 * Asks for a token.  handler() follows, whether or not there is a database: a
 * lookup waits 2 s at most until it is sent, and 2 s more for an answer.
 */
void ngx_http_results_store_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup);

/*
 * Takes back a lookup whose handler() has not been called: it will not be, and
 * the memory may be freed at once.
 */
void ngx_http_results_store_cancel_lookup(ngx_http_results_store_t *store,
    ngx_http_results_lookup_t *lookup);

/*
 * Starts a read.  NGX_OK: row() for each row and then handler() follow.  A read
 * that is not sent within read_timeout ends as UNAVAILABLE; one that is sent
 * has as long again for its answer.  NGX_BUSY where too many reads wait,
 * NGX_DECLINED where there has been no connection for 2 s or the worker exits:
 * then the read stays the caller's and nothing follows.
 */
ngx_int_t ngx_http_results_store_read(ngx_http_results_store_t *store,
    ngx_http_results_read_t *read);

/*
 * Counts the bytes of a request that has a body and reads before it writes:
 * while it reads it is in no queue, whose size= would bound it.  _TAKEN: call
 * _release() with the same size when the request ends.  _QUEUE_FULL where all
 * such requests of the worker would have more than queue_size, _TOO_LARGE
 * where this one alone has: nothing was counted.
 */
ngx_http_results_taken_e ngx_http_results_store_hold(
    ngx_http_results_store_t *store, size_t size);
void ngx_http_results_store_release(ngx_http_results_store_t *store,
    size_t size);

/*
 * Takes back a read whose handler() has not been called, also from within
 * row(): no row() and no handler() will be called, and the memory may be freed
 * at once.
 */
void ngx_http_results_store_cancel_read(ngx_http_results_read_t *read);

/*
 * Why this worker can not write or can not read now, in words that stay valid
 * until the event loop goes on; NULL where it can do both, or where it exits
 * gracefully and has only closed what it does not need any more.
 */
const char *ngx_http_results_store_unready(
    ngx_http_results_store_conf_t *conf);


#endif /* NGX_HTTP_RESULTS_STORE_H */
