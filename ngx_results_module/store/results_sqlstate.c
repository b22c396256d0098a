
/*
 * The actions by SQLSTATE, in one table of prefixes.  The longest one that fits
 * wins; what is not in the table is answered 503.  Appendix A of PostgreSQL's
 * manual names the codes.
 */

#include <string.h>

#include "results_sqlstate.h"


typedef struct {
    const char             *prefix;
    results_sql_action_e    action;
} results_sqlstate_rule_t;


static const results_sqlstate_rule_t  results_sqlstate_rules[] = {

    { "08",    RESULTS_SQL_EVICT },     /* connection exception */
    { "0A000", RESULTS_SQL_EVICT },     /* cached plan must not change type */
    { "21000", RESULTS_SQL_ISOLATE },   /* one key twice in a group */
    { "22",    RESULTS_SQL_ISOLATE },   /* data exception */
    { "23",    RESULTS_SQL_ISOLATE },   /* constraint violation */
    { "25006", RESULTS_SQL_EVICT },     /* read-only: after a failover */
    { "26000", RESULTS_SQL_EVICT },     /* prepared statement is gone */
    /* of 3F000, 42501 and 42883 the next connection's check will say more */
    { "3F000", RESULTS_SQL_EVICT },     /* no such schema */
    { "40001", RESULTS_SQL_RETRY },     /* serialization failure */
    { "40P01", RESULTS_SQL_RETRY },     /* deadlock */
    { "42501", RESULTS_SQL_EVICT },     /* insufficient privilege */
    { "42883", RESULTS_SQL_EVICT },     /* no such function */
    { "42P05", RESULTS_SQL_EVICT },     /* prepared statement exists */
    { "53300", RESULTS_SQL_EVICT },     /* too many connections */
    { "54",    RESULTS_SQL_ISOLATE },   /* a key too long for its index */
    { "55P03", RESULTS_SQL_RETRY },     /* lock_timeout */
    { "57014", RESULTS_SQL_RETRY },     /* cancelled, statement_timeout */
    { "57P",   RESULTS_SQL_EVICT }      /* shutdown, crash, cannot connect */
};


results_sql_action_e
results_sqlstate_action(const char *sqlstate)
{
    size_t                n, len, best;
    results_sql_action_e  action;

    if (sqlstate[0] == '\0') {
        return RESULTS_SQL_EVICT;
    }

    best = 0;
    action = RESULTS_SQL_UNAVAILABLE;

    for (n = 0;
         n < sizeof(results_sqlstate_rules) / sizeof(results_sqlstate_rules[0]);
         n++)
    {
        len = strlen(results_sqlstate_rules[n].prefix);

        if (len > best
            && strncmp(sqlstate, results_sqlstate_rules[n].prefix, len) == 0)
        {
            best = len;
            action = results_sqlstate_rules[n].action;
        }
    }

    return action;
}
