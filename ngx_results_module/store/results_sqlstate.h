
/*
 * What an SQLSTATE means for the statement that met it: one table.
 */

#ifndef RESULTS_SQLSTATE_H
#define RESULTS_SQLSTATE_H


typedef enum {
    RESULTS_SQL_UNAVAILABLE = 0,  /* answer 503: nothing was stored, and at
                                     once again would not help */
    RESULTS_SQL_EVICT,            /* this connection (or server) is no good:
                                     close it, re-run on another */
    RESULTS_SQL_RETRY,            /* the same statement again */
    RESULTS_SQL_ISOLATE           /* the data of some group: find it */
} results_sql_action_e;


/* the action for a terminated SQLSTATE; "" (no code) evicts */
results_sql_action_e results_sqlstate_action(const char *sqlstate);


#endif /* RESULTS_SQLSTATE_H */
