
/*
 * What an operator is told of statements that fail: see
 * ngx_http_results_complaint.h.  Of connections that are lost the pool tells.
 */

#include "ngx_http_results_complaint.h"


/* ms in which the same is said once, where some fail and others do not */
#define NGX_HTTP_RESULTS_COMPLAINT_EVERY  60000


void
ngx_http_results_complaint_end(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end)
{
    u_char  why[sizeof("SQLSTATE 00000")];

    if (end->end == NGX_HTTP_RESULTS_JOB_OK) {

        if (complaint->failing) {
            complaint->failing = 0;

            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "results: store \"%V\": %s work again after %M s",
                          &complaint->conf->name, complaint->what,
                          (ngx_current_msec - complaint->told) / 1000);
        }

        return;
    }

    /* class 40, a deadlock and the like, is no news */

    if (end->end != NGX_HTTP_RESULTS_JOB_ERROR
        || (end->action != RESULTS_SQL_UNAVAILABLE
            && end->action != RESULTS_SQL_RETRY)
        || ngx_strncmp(end->sqlstate, "40", 2) == 0)
    {
        return;
    }

    (void) ngx_snprintf(why, sizeof(why), "SQLSTATE %s%Z", end->sqlstate);

    ngx_http_results_complain(complaint, (char *) why,
                              end->action == RESULTS_SQL_RETRY
                              ? "trying again" : "answered 503");
}


void
ngx_http_results_complain(ngx_http_results_complaint_t *complaint,
    const char *why, const char *next)
{
    ngx_uint_t  level;

    level = NGX_LOG_INFO;

    if (ngx_strcmp(complaint->why, why) != 0
        || (!complaint->failing
            && ngx_current_msec - complaint->told
               >= NGX_HTTP_RESULTS_COMPLAINT_EVERY))
    {
        level = NGX_LOG_ERR;

        (void) ngx_cpystrn((u_char *) complaint->why, (u_char *) why,
                           sizeof(complaint->why));
        complaint->told = ngx_current_msec;
        complaint->failing = 1;
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "results: store \"%V\": %s fail: %s; %s",
                  &complaint->conf->name, complaint->what, why, next);
}
