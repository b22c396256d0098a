
/*
 * A kind of statement that fails although its connection works, in the log: a
 * line when that begins and one when it is over, not one for each statement.
 * The same reason is told once a minute, however many others there are.
 */

#ifndef NGX_HTTP_RESULTS_COMPLAINT_H
#define NGX_HTTP_RESULTS_COMPLAINT_H

#include "ngx_http_results_connection.h"


#define NGX_HTTP_RESULTS_FOREIGN_ANSWER                                       \
    "an answer of another version's form, run sql/install.sql"


#define NGX_HTTP_RESULTS_REASONS  8


/* conf and what ("writes", "reads") are set by its owner */
typedef struct {
    ngx_http_results_store_conf_t  *conf;
    const char             *what;

    struct {
        char                why[80];        /* or "" */
        ngx_msec_t          told;
    }                       reasons[NGX_HTTP_RESULTS_REASONS];

    ngx_msec_t              since;          /* while `failing` */
    unsigned                failing:1;      /* that was the last line */
} ngx_http_results_complaint_t;


/* how a statement ended: tells what is new */
void ngx_http_results_complaint_end(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end);

/* the same of an ERROR of one that is not sent again, whatever its code */
void ngx_http_results_complaint_refused(
    ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end);

/* one is refused for its data, of which its caller is told */
void ngx_http_results_complaint_data(ngx_http_results_complaint_t *complaint,
    const char *sqlstate);

/* one failed, and what is done about it */
void ngx_http_results_complain(ngx_http_results_complaint_t *complaint,
    const char *why, const char *next);


#endif /* NGX_HTTP_RESULTS_COMPLAINT_H */
