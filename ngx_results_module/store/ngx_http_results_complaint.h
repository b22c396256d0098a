
/*
 * What the log says of statements that fail although their connection works:
 * one line when that begins and one when they work again, not one for each
 * statement.  The same reason is told at most once a minute as an error; in
 * between it is logged at the level info.
 *
 * There is one complaint for each kind of statement of a store: writes, reads,
 * token lookups.  Nothing here decides what becomes of a statement.
 */

#ifndef NGX_HTTP_RESULTS_COMPLAINT_H
#define NGX_HTTP_RESULTS_COMPLAINT_H

#include "ngx_http_results_connection.h"


#define NGX_HTTP_RESULTS_FOREIGN_ANSWER                                       \
    "an answer of another version's form, run sql/install.sql"


/* the reasons whose last line is remembered */
#define NGX_HTTP_RESULTS_REASONS  8


/*
 * Zeroed by its owner, who then sets conf and what: the plural that the lines
 * begin with, "writes", "reads".
 */
typedef struct {
    ngx_http_results_store_conf_t  *conf;
    const char             *what;

    struct {
        char                why[80];        /* "": a place not used yet */
        ngx_msec_t          told;           /* the last time */
    }                       reasons[NGX_HTTP_RESULTS_REASONS];

    ngx_msec_t              since;          /* while `failing`: when that
                                               began */
    unsigned                failing:1;      /* the log was told that they fail,
                                               and not yet that they work */
} ngx_http_results_complaint_t;


/*
 * To be called with the end of each statement.  OK ends a failure.  An error
 * counts as one if its action is UNAVAILABLE or RETRY; class 40 (a deadlock and
 * the like) does not, and the others are told by _data(), or by the pool, which
 * closes the connection.
 */
void ngx_http_results_complaint_end(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end);

/*
 * In place of _end() for a statement that is answered 503 and not sent again:
 * an ERROR is told whatever its code.
 */
void ngx_http_results_complaint_refused(
    ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end);

/*
 * One statement was refused for its data, and its caller is told so: others go
 * on, so this begins and ends no failure.
 */
void ngx_http_results_complaint_data(ngx_http_results_complaint_t *complaint,
    const char *sqlstate);

/*
 * One failed: why, and what is done about it next ("trying again", "answered
 * 503").  Both are copied, or used, before it returns.
 */
void ngx_http_results_complain(ngx_http_results_complaint_t *complaint,
    const char *why, const char *next);


#endif /* NGX_HTTP_RESULTS_COMPLAINT_H */
