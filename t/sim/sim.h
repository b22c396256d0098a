
/*
 * The simulation of the write path: batcher, batch and pool as they are in
 * store/, compiled unmodified, in a world of one process: a clock that only
 * the events move, connections and a server that are C structures, a table
 * that does what sql/write.sql does, workers and clients, all driven by one
 * number, the seed.  The same seed gives the same run.
 *
 *     client.c --group--> store/ --job--> connection.c --> server.c, table.c
 *         ^                  |
 *         +---- handler -----+        check.c looks at all of them
 *
 * Memory: whatever is the simulation's own lies in arrays that the next seed
 * uses again.  What the batcher is given (groups, records, ids) is malloc()ed
 * and freed in the moment in which it is the caller's again, so that
 * AddressSanitizer sees who touches it later; RESULTS_ARENA_MALLOC gives each
 * of them a block of its own.
 */

#ifndef SIM_H
#define SIM_H

#include "ngx_http_results_batcher.h"


#define SIM_NODES       6              /* workers at one time */
#define SIM_HOSTS       3              /* whose clocks differ */
#define SIM_KEYS        16
#define SIM_CLIENTS     32
#define SIM_INSTITUTIONS  4
#define SIM_ROWS        16             /* of a statement */
#define SIM_OPS         1024           /* of a seed */
#define SIM_ATTEMPTS    4096
#define SIM_STATEMENTS  8192
#define SIM_SESSIONS    2048
#define SIM_VERSIONS    8192

#define SIM_MS          INT64_C(1000)  /* the world counts microseconds */
#define SIM_SECOND      INT64_C(1000000)

/* the system's clock when a seed begins: 2026-01-01 */
#define SIM_EPOCH       INT64_C(1767225600000000)


/* what older sources have otherwise: see the Makefile */

#ifndef SIM_EXPECTED
#define SIM_EXPECTED  expected         /* a record's version before */
#endif

/* what sql/write.sql did: make SQL=20f787f */
#ifndef SIM_SQL_20F787F
#define SIM_SQL_20F787F  0
#endif

/* pools did not tell each other that a server is there */
#ifdef SIM_NOT_OPENED
#define SIM_OPENED(pool, handler)  (void) handler
#else
#define SIM_OPENED(pool, handler)  (pool)->opened = handler
#endif

#ifdef SIM_READY_NGX
#define SIM_FINAL(rc)  ((rc) == NGX_ERROR || (rc) == NGX_ABORT)
#define SIM_FULL(rc)   ((rc) == NGX_BUSY)
#else
#define SIM_FULL(rc)   ((rc) == NGX_HTTP_RESULTS_QUEUE_FULL)
#define SIM_FINAL(rc)  ((rc) == NGX_HTTP_RESULTS_TOO_LARGE                    \
                        || (rc) == NGX_HTTP_RESULTS_KEY_TWICE)
#endif


typedef struct sim_node_s       sim_node_t;
typedef struct sim_session_s    sim_session_t;
typedef struct sim_statement_s  sim_statement_t;

typedef void (*sim_event_pt)(void *data, uintptr_t n);


/* what a seed chose; chances are of 1000 */
typedef struct {
    ngx_uint_t              hosts;
    ngx_uint_t              clients;
    ngx_uint_t              ops;
    ngx_uint_t              keys;
    ngx_uint_t              institutions;
    ngx_uint_t              history;        /* bits: institutions that keep */
    ngx_uint_t              lopsided;       /* most clients are at host 0 */
    ngx_uint_t              flood;          /* ... of institution 0 */

    ngx_uint_t              connections;
    ngx_uint_t              batch;
    ngx_uint_t              queue;
    ngx_msec_t              write_timeout;
    ngx_msec_t              connect_timeout;

    int64_t                 think;          /* microseconds, at most */
    int64_t                 net;
    int64_t                 work;           /* of the server, a statement */

    ngx_uint_t              create;         /* ops, the rest are puts */
    ngx_uint_t              replace;
    ngx_uint_t              delete;
    ngx_uint_t              group;          /* of several rows */
    ngx_uint_t              twice;          /* a group has a key twice */
    ngx_uint_t              bad;            /* the database refuses it */
    ngx_uint_t              guarded;        /* its learner may be unknown */

    ngx_uint_t              leave;          /* clients that don't wait */
    ngx_uint_t              lost;           /* statements */
    ngx_uint_t              rolled_back;    /* behind their row */
    ngx_uint_t              refused;        /* with an SQLSTATE */
    ngx_uint_t              warned;
    ngx_uint_t              garbled;
    ngx_uint_t              stalled;

    ngx_uint_t              crashes;        /* of the server; numbers */
    ngx_uint_t              kills;          /* of workers */
    ngx_uint_t              reloads;
    ngx_uint_t              shutdowns;      /* reloads that are cut short */

    int64_t                 skew[SIM_HOSTS];
    ngx_uint_t              steps;          /* clocks that are set; number */
    int64_t                 future;         /* one stored stamp's, or 0 */
} sim_scenario_t;


/* what one client wants stored: the same in every attempt */
typedef struct {
    ngx_uint_t              id;
    ngx_uint_t              client;
    results_op_e            op;
    ngx_uint_t              nrows;
    ngx_uint_t              keys[SIM_ROWS];
    int64_t                 hash;
    int32_t                 expected;       /* of a REPLACE */
    ngx_uint_t              twice;          /* has a key twice */
    ngx_uint_t              guarded;
    const char             *bad;            /* SQLSTATE, or NULL */

    ngx_uint_t              attempts;
    int64_t                 began;
    int64_t                 acknowledged;   /* 0: not yet */
} sim_op_t;


typedef enum {
    SIM_WAITING = 0,                        /* for its answer */
    SIM_BUSY,                               /* 503 before it was taken */
    SIM_STORED,                             /* 2xx */
    SIM_DENIED,                             /* 4xx by its outcome */
    SIM_REFUSED,                            /* 4xx by its SQLSTATE */
    SIM_NOT_WRITTEN,
    SIM_UNKNOWN,
    SIM_LEFT                                /* the client, or its worker */
} sim_end_e;


/* one request that carries an op to a worker */
typedef struct {
    ngx_uint_t              id;             /* in the rows: time_spent */
    sim_op_t               *op;
    sim_node_t             *node;
    ngx_uint_t              incarnation;    /* of the node */
    ngx_http_results_group_t  *group;       /* NULL: it is not the batcher's */
    sim_end_e               end;
    int64_t                 began;
    int64_t                 ended;
    ngx_uint_t              rows;           /* that are stored */

    /* rounds are statements of its node's */
    ngx_uint_t              since;          /* the node's, when it began to
                                               wait for a statement */
    ngx_uint_t              excused;        /* the node's then */
    ngx_uint_t              ahead;          /* attempts then */
    ngx_uint_t              runs;           /* statements that it was in */
    ngx_uint_t              superseded;     /* of them */
    int64_t                 failed;         /* when the last one did */
    unsigned                flying:1;       /* it is in one */
    unsigned                suspect:1;      /* one failed, perhaps by it */
    unsigned                rests:1;        /* one more did */
    ngx_queue_t             queue;          /* its node's, by deadline */
} sim_attempt_t;


/* a version of a row, also of the history */
typedef struct {
    ngx_uint_t              attempt;        /* that wrote it */
    ngx_uint_t              op_id;
    int16_t                 op;
    int16_t                 deleted;
    int32_t                 version;
    int32_t                 client;
    int64_t                 hash;
    int64_t                 stamp;
    int64_t                 committed;      /* when; 0: not yet */
    ngx_uint_t              previous;       /* its place + 1 in the versions */
} sim_version_t;


/* one record of a statement, as the server has decoded it */
typedef struct {
    ngx_uint_t              key;
    int16_t                 op;
    int32_t                 attempt;
    int64_t                 hash;
    int32_t                 client;
    int64_t                 stamp;
    int32_t                 expected;
    int16_t                 guards;

    int16_t                 refusal;        /* 0: none */
    int16_t                 outcome;
    int32_t                 version;
    int64_t                 seen;           /* the stamp that is answered */
    unsigned                stored:1;
} sim_row_t;


typedef enum {
    SIM_FATE_OK = 0,
    SIM_FATE_NEVER,              /* the connection is lost, nothing arrives */
    SIM_FATE_UNSEEN,             /* lost at some time, the statement goes on */
    SIM_FATE_ROW_LOST,           /* the row comes, rolled back, lost */
    SIM_FATE_ROW_ERROR,          /* the row comes, rolled back, an SQLSTATE */
    SIM_FATE_ERROR,              /* an SQLSTATE in the row's place */
    SIM_FATE_WARNED,
    SIM_FATE_GARBLED,            /* stored; the answer has no such form */
    SIM_FATE_STALLED             /* it takes longer than anybody waits */
} sim_fate_e;


struct sim_statement_s {
    ngx_uint_t              id;
    sim_session_t          *session;
    ngx_uint_t              group;          /* write_group() */
    sim_row_t               rows[SIM_ROWS];
    ngx_uint_t              nrows;
    sim_fate_e              fate;
    const char             *sqlstate;       /* of an error */

    int64_t                 began;          /* when the server ran it */
    ngx_uint_t              waited;         /* rows that are refused, and whose
                                               keys nobody else writes */
    ngx_uint_t              locked;         /* rows that it went through */
    ngx_uint_t              undone;         /* the group's rows are not kept */
    ngx_uint_t              stamped;        /* the answer has stamps */
    ngx_uint_t              waits;          /* for a key's lock + 1 */
    unsigned                arrived:1;
    unsigned                over:1;         /* committed, or rolled back */
};


/* one connection, both of its ends */
struct sim_session_s {
    ngx_uint_t              id;
    sim_node_t             *node;
    ngx_http_results_connection_t  *hc;     /* NULL: the client's is closed */
    sim_statement_t        *statement;      /* in flight, or NULL */
    unsigned                gone:1;         /* the server's end is closed */
};


struct sim_node_s {
    ngx_uint_t              slot;
    ngx_uint_t              host;
    ngx_uint_t              incarnation;    /* one more with each worker */
    unsigned                alive:1;
    unsigned                exiting:1;
    unsigned                ending:1;       /* its memory is being freed */

    ngx_http_results_batcher_t  batcher;
    ngx_http_results_store_conf_t  conf;
    ngx_cycle_t             cycle;
    ngx_log_t               log;
    ngx_http_results_counters_t  counters;

    ngx_rbtree_node_t       timers;         /* a list: left, right */
    void                   *memory;         /* of its pool: a list */

    int64_t                 busy;           /* with a pass, until then */
    int64_t                 wake;           /* for a timer; 0: none */
    int64_t                 since;          /* it exits */

    ngx_uint_t              rounds;         /* statements sent */
    ngx_uint_t              excused;        /* of them, that failed */
    ngx_uint_t              waiting;        /* attempts */
    ngx_queue_t             attempts;       /* by deadline */
};


/* world.c: the clock, the events, a seed from its beginning to its end */
extern int64_t              sim_now;
extern uint64_t             sim_seed;
extern sim_scenario_t       sim;
extern ngx_uint_t           sim_calm;       /* no more faults */
extern int64_t              sim_ahead;      /* of clocks: the most and */
extern int64_t              sim_behind;     /* the least, up to now */

void sim_world_run(uint64_t seed);

/* at that time, in a pass of the node's loop where there is a node */
void sim_at(int64_t when, sim_node_t *node, sim_event_pt handler, void *data,
    uintptr_t n);


/* random.c */
void sim_random_seed(uint64_t seed);
uint64_t sim_random(uint64_t below);
int64_t sim_between(int64_t low, int64_t high);
ngx_uint_t sim_chance(ngx_uint_t of_1000);


/* scenario.c */
void sim_scenario_choose(uint64_t seed);


/* nginx.c: what the batcher and the pool use of nginx, of the node that
   sim_nginx_enter() was told */
extern sim_node_t          *sim_node;       /* NULL: none is at work */

void sim_nginx_enter(sim_node_t *node);
void sim_nginx_leave(void);
void sim_nginx_expire_timers(void);
void sim_nginx_posted(void);
int64_t sim_nginx_next_timer(sim_node_t *node);   /* 0: none */
ngx_uint_t sim_nginx_keeps(sim_node_t *node);     /* a timer keeps it alive */
void sim_nginx_free(sim_node_t *node);


/* node.c */
extern sim_node_t           sim_nodes[SIM_NODES];

void sim_nodes_reset(void);
sim_node_t *sim_node_start(ngx_uint_t host);
sim_node_t *sim_node_of(ngx_uint_t host);   /* that takes requests, or NULL */
void sim_node_reload(void *data, uintptr_t shutdown);
void sim_node_quit_now(sim_node_t *node);
void sim_node_kill(void *data, uintptr_t n);
void sim_node_after_pass(sim_node_t *node);


/* connection.c */
void sim_sessions_reset(void);
void sim_session_closed_idle(sim_node_t *node, ngx_uint_t all);
void sim_session_deliver(void *data, uintptr_t what);
void sim_sessions_of_dead(sim_node_t *node);

#define SIM_DELIVER_ROW       0
#define SIM_DELIVER_SYNC      1
#define SIM_DELIVER_ERROR     2
#define SIM_DELIVER_WARNED    3
#define SIM_DELIVER_GARBLED   4
#define SIM_DELIVER_LOST      5
#define SIM_DELIVER_READY     6
#define SIM_DELIVER_CHECKED   7


/* server.c */
extern ngx_uint_t           sim_server_down;

void sim_server_reset(void);
sim_statement_t *sim_server_statement(sim_session_t *session,
    ngx_http_results_job_t *job);
void sim_server_arrive(void *data, uintptr_t n);
void sim_server_crash(void *data, uintptr_t n);
void sim_server_answer(sim_statement_t *statement, results_str_t values[3]);


/* table.c: keys, their versions, who locks them */
void sim_table_reset(void);
sim_version_t *sim_table_row(ngx_uint_t key);           /* committed */
sim_version_t *sim_table_previous(sim_version_t *row);
sim_statement_t *sim_table_locked(ngx_uint_t key);
ngx_uint_t sim_table_known(ngx_uint_t key);     /* its learner is */
void sim_table_future(void);
void sim_table_roster(void *data, uintptr_t n);

void sim_table_refusals(sim_statement_t *s);
void sim_table_write(sim_statement_t *s, sim_row_t *row);
void sim_table_outcomes(sim_statement_t *s);
void sim_table_end(sim_statement_t *s, ngx_uint_t commit);


/* client.c */
extern sim_op_t             sim_ops[SIM_OPS];
extern ngx_uint_t           sim_nops;
extern sim_attempt_t        sim_attempts[SIM_ATTEMPTS];
extern ngx_uint_t           sim_nattempts;
extern ngx_uint_t           sim_working;        /* clients */

void sim_clients_start(void);
void sim_client_left(sim_attempt_t *attempt);   /* with its worker */
const char *sim_key_name(ngx_uint_t key);


/* check.c: the promises; each ends the seed where it does not hold */
void sim_check_waits(sim_attempt_t *attempt);
void sim_check_statement(sim_node_t *node, sim_statement_t *s);
void sim_check_back(sim_statement_t *s, const ngx_http_results_end_t *end);
void sim_check_commit(sim_statement_t *s, sim_row_t *row, sim_version_t *old);
void sim_check_answer(sim_attempt_t *attempt);
void sim_check_full(sim_attempt_t *attempt);
void sim_check_deadlines(sim_node_t *node);
void sim_check_exit(sim_node_t *node);
void sim_check_idle(sim_node_t *node);

void sim_failed(const char *check, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));


/* main.c */
extern ngx_uint_t           sim_tracing;

void sim_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define sim_trace(...)                                                        \
    do { if (sim_tracing) { sim_print(__VA_ARGS__); } } while (0)


#endif /* SIM_H */
