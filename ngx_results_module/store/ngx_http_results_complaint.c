
/*
 * What the log says of statements that fail: see
 * ngx_http_results_complaint.h.  Lost connections are the pool's to tell.
 */

#include "ngx_http_results_complaint.h"


/* milliseconds in which the same reason is told once */
#define NGX_HTTP_RESULTS_COMPLAINT_EVERY  60000


static ngx_uint_t ngx_http_results_complaint_news(
    ngx_http_results_complaint_t *complaint, const char *why);
static void ngx_http_results_complaint_sqlstate(
    ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end, const char *next);


void
ngx_http_results_complaint_end(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end)
{
    if (end->end == NGX_HTTP_RESULTS_JOB_OK) {

        if (complaint->failing) {
            complaint->failing = 0;

            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "results: store \"%V\": %s work again after %M s",
                          &complaint->conf->name, complaint->what,
                          (ngx_current_msec - complaint->since) / 1000);
        }

        return;
    }

    /* class 40, a deadlock and the like, is a part of normal work */

    if (end->end != NGX_HTTP_RESULTS_JOB_ERROR
        || (end->action != RESULTS_SQL_UNAVAILABLE
            && end->action != RESULTS_SQL_RETRY)
        || ngx_strncmp(end->sqlstate, "40", 2) == 0)
    {
        return;
    }

    ngx_http_results_complaint_sqlstate(complaint, end,
                                        end->action == RESULTS_SQL_RETRY
                                        ? "trying again" : "answered 503");
}


void
ngx_http_results_complaint_refused(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end)
{
    if (end->end == NGX_HTTP_RESULTS_JOB_ERROR) {
        ngx_http_results_complaint_sqlstate(complaint, end, "answered 503");
    }
}


/* `failing` is not set: other statements work */

void
ngx_http_results_complaint_data(ngx_http_results_complaint_t *complaint,
    const char *sqlstate)
{
    ngx_uint_t  level;

    level = ngx_http_results_complaint_news(complaint, sqlstate)
            ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "results: store \"%V\": %s are refused for their data: "
                  "SQLSTATE %s", &complaint->conf->name, complaint->what,
                  sqlstate);
}


static void
ngx_http_results_complaint_sqlstate(ngx_http_results_complaint_t *complaint,
    const ngx_http_results_end_t *end, const char *next)
{
    u_char  why[sizeof("SQLSTATE 00000")];

    (void) ngx_snprintf(why, sizeof(why), "SQLSTATE %s%Z", end->sqlstate);

    ngx_http_results_complain(complaint, (char *) why, next);
}


void
ngx_http_results_complain(ngx_http_results_complaint_t *complaint,
    const char *why, const char *next)
{
    ngx_uint_t  level;

    level = NGX_LOG_INFO;

    if (ngx_http_results_complaint_news(complaint, why)) {
        level = NGX_LOG_ERR;

        if (!complaint->failing) {
            complaint->failing = 1;
            complaint->since = ngx_current_msec;
        }
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "results: store \"%V\": %s fail: %s; %s",
                  &complaint->conf->name, complaint->what, why, next);
}


/*
 * Whether a reason was not told for a minute: 1, and it counts as told now, in
 * the place of the reason that was told longest ago.
 */

static ngx_uint_t
ngx_http_results_complaint_news(ngx_http_results_complaint_t *complaint,
    const char *why)
{
    ngx_uint_t  i, oldest;

    oldest = 0;

    for (i = 0; i < NGX_HTTP_RESULTS_REASONS; i++) {

        if (ngx_strcmp(complaint->reasons[i].why, why) == 0) {

            if (ngx_current_msec - complaint->reasons[i].told
                < NGX_HTTP_RESULTS_COMPLAINT_EVERY)
            {
                return 0;
            }

            oldest = i;
            break;
        }

        if (complaint->reasons[i].why[0] == '\0'
            || (complaint->reasons[oldest].why[0] != '\0'
                && (ngx_msec_int_t) (complaint->reasons[i].told
                                     - complaint->reasons[oldest].told) < 0))
        {
            oldest = i;
        }
    }

    (void) ngx_cpystrn((u_char *) complaint->reasons[oldest].why,
                       (u_char *) why,
                       sizeof(complaint->reasons[oldest].why));
    complaint->reasons[oldest].told = ngx_current_msec;

    return 1;
}
