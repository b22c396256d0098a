
/*
 * What is to be done with a statement that ended with an SQLSTATE.
 */

#ifndef RESULTS_SQLSTATE_H
#define RESULTS_SQLSTATE_H


typedef enum {
    RESULTS_SQL_UNAVAILABLE = 0,  /* answer 503: nothing was stored, and to
                                     send it again at once would not help */
    RESULTS_SQL_EVICT,            /* this connection, or its server, is no
                                     good: close it and send the statement
                                     over another one */
    RESULTS_SQL_RETRY,            /* send the same statement again */
    RESULTS_SQL_ISOLATE           /* an error of the data of one group in it:
                                     find that one, send the others again */
} results_sql_action_e;


/*
 * sqlstate is terminated.  EVICT for "" (the error has no code), UNAVAILABLE
 * for a code that is not in the table.
 */
results_sql_action_e results_sqlstate_action(const char *sqlstate);


#endif /* RESULTS_SQLSTATE_H */
