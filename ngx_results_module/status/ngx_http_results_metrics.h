
/*
 * What results_status reports: one table of numbers for its three formats,
 * and a snapshot of all of them.  A number that is added to a table is in
 * JSON, in Prometheus's text and on the page.
 */

#ifndef NGX_HTTP_RESULTS_METRICS_H
#define NGX_HTTP_RESULTS_METRICS_H

#include "ngx_http_results.h"


typedef enum {
    NGX_HTTP_RESULTS_COUNTER = 0,
    NGX_HTTP_RESULTS_GAUGE
} ngx_http_results_metric_e;


/*
 * A number in a structure of counters.  Those of a group stand together, and
 * those of a family: `help` is the family's, at its first.
 */
typedef struct {
    const char             *group;          /* in JSON; "": of none */
    const char             *name;           /* in JSON and on the page */
    const char             *family;         /* Prometheus, without prefix and
                                               "_total"; NULL: not there */
    const char             *label;          /* name="value", or NULL */
    ngx_http_results_metric_e  type;
    const char             *help;
    size_t                  offset;
} ngx_http_results_metric_t;


typedef struct {
    const char             *name;
    const char             *family;
    const char             *help;
    const ngx_uint_t       *bounds;
    ngx_uint_t              scale;          /* of bounds and sum, to one */
    size_t                  offset;
} ngx_http_results_distribution_t;


/* of the zone of tokens and of those who ask it */
typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

    ngx_http_results_tokens_stat_t  zone;
} ngx_http_results_token_counters_t;


/* all of it at one moment */
typedef struct {
    ngx_http_results_main_conf_t       *mcf;
    ngx_uint_t                          workers;
    ngx_http_results_counters_t         sum;
    ngx_http_results_api_counters_t     apis;     /* all of them */
    ngx_http_results_store_counters_t   stores;
    ngx_http_results_token_counters_t   tokens;
} ngx_http_results_report_t;


/* one of the APIs or stores that are configured, and its counters */
typedef struct {
    ngx_uint_t              slot;
    results_str_t           name;
    void                   *counters;
} ngx_http_results_part_t;


/* the next one that is configured, from *slot on; 0 when there is none */
typedef ngx_uint_t (*ngx_http_results_next_pt)(
    ngx_http_results_report_t *report, ngx_uint_t *slot,
    ngx_http_results_part_t *part);


/* a server that workers are connected to */
typedef struct {
    char                    name[NGX_HTTP_RESULTS_TEXT_SIZE];
    ngx_uint_t              version;
    ngx_uint_t              standby;
    ngx_uint_t              workers;
} ngx_http_results_server_t;

#define NGX_HTTP_RESULTS_SERVERS_MAX  8


/* each ends with a NULL name */
extern const ngx_http_results_metric_t  ngx_http_results_api_metrics[];
extern const ngx_http_results_metric_t  ngx_http_results_store_metrics[];
extern const ngx_http_results_metric_t  ngx_http_results_token_metrics[];
extern const ngx_http_results_distribution_t  ngx_http_results_distributions[];

#define ngx_http_results_metric_value(metric, counters)                       \
    ((unsigned long) *(ngx_atomic_uint_t *)                                   \
        ((u_char *) (counters) + (metric)->offset))

#define ngx_http_results_histogram(distribution, counters)                    \
    ((ngx_http_results_histogram_t *)                                         \
        ((u_char *) (counters) + (distribution)->offset))


void ngx_http_results_report(ngx_http_results_report_t *report,
    ngx_http_results_main_conf_t *mcf);

/* as ngx_http_results_next_pt says */
ngx_uint_t ngx_http_results_next_api(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);
ngx_uint_t ngx_http_results_next_store(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);

/* of the tokens there is one part, without a name */
ngx_uint_t ngx_http_results_next_tokens(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);

/*
 * Fills the servers that live workers are connected to, returns how many; and
 * copies what keeps the first worker that has trouble from connecting, "" for
 * none, to NGX_HTTP_RESULTS_TEXT_SIZE bytes.
 */
ngx_uint_t ngx_http_results_servers(ngx_uint_t slot,
    ngx_http_results_server_t *servers, char *trouble);

/* "primary" or "standby"; "15.4" of 150004, in a buffer of 16 bytes */
const char *ngx_http_results_server_role(ngx_http_results_server_t *server);
char *ngx_http_results_server_version(ngx_http_results_server_t *server,
    char *version);


/* a report in its three formats */
void ngx_http_results_status_json(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t history);
void ngx_http_results_status_prometheus(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t openmetrics);
void ngx_http_results_status_page(ngx_http_results_report_t *report,
    results_buf_t *buf);

/* a member of the JSON: samples of the last minutes */
void ngx_http_results_history_json(results_buf_t *buf);

/* the page's Content-Security-Policy */
ngx_int_t ngx_http_results_page_policy(ngx_conf_t *cf, ngx_str_t *policy);


#endif /* NGX_HTTP_RESULTS_METRICS_H */
