
/*
 * What results_status reports: tables of numbers that its three formats share
 * (JSON, Prometheus's text, the page), and a report, which is a copy of all
 * counters at one moment.  A number that is added to a table is in all three.
 */

#ifndef NGX_HTTP_RESULTS_METRICS_H
#define NGX_HTTP_RESULTS_METRICS_H

#include "ngx_http_results.h"


typedef enum {
    NGX_HTTP_RESULTS_COUNTER = 0,
    NGX_HTTP_RESULTS_GAUGE
} ngx_http_results_metric_e;


/*
 * A number in a structure of counters.  In a table the numbers of a group stand
 * together, and so do those of a family, the first of which has its `help`.
 */
typedef struct {
    const char             *group;          /* the JSON object that it is in;
                                               "": in none of its own */
    const char             *name;           /* in JSON and on the page */
    const char             *family;         /* Prometheus's name without prefix
                                               and "_total"; NULL: it is not
                                               there */
    const char             *label;          /* Prometheus's, as name="value";
                                               or NULL */
    ngx_http_results_metric_e  type;
    const char             *help;
    size_t                  offset;         /* in the structure: an
                                               ngx_atomic_uint_t */
} ngx_http_results_metric_t;


/* a histogram in a structure of counters; the names are as above */
typedef struct {
    const char             *name;
    const char             *family;
    const char             *help;
    const ngx_uint_t       *bounds;
    ngx_uint_t              scale;          /* bounds and sum are divided by
                                               it: 1000000 for microseconds */
    size_t                  offset;         /* in the structure: an
                                               ngx_http_results_histogram_t */
} ngx_http_results_distribution_t;


/* what the table of tokens points into: counters, and the zone's sizes */
typedef struct {
#define NGX_HTTP_RESULTS_FIELD(name)  ngx_atomic_uint_t  name;
    NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

    ngx_http_results_tokens_stat_t  zone;
} ngx_http_results_token_counters_t;


/* a report: copies and sums of all workers' counters */
typedef struct {
    ngx_http_results_main_conf_t       *mcf;
    ngx_uint_t                          workers;  /* that are alive */
    ngx_http_results_counters_t         sum;      /* of all workers */
    ngx_http_results_api_counters_t     apis;     /* the sum of all APIs */
    ngx_http_results_store_counters_t   stores;   /* the sum of all stores */
    ngx_http_results_token_counters_t   tokens;
} ngx_http_results_report_t;


/* an API or a store that is configured, and its counters in a report */
typedef struct {
    ngx_uint_t              slot;
    results_str_t           name;
    void                   *counters;       /* what its table points into */
} ngx_http_results_part_t;


/*
 * Sets *part to the next one that is configured and returns 1; 0 where there is
 * none.  *slot is 0 at first and is moved on by each call.
 */
typedef ngx_uint_t (*ngx_http_results_next_pt)(
    ngx_http_results_report_t *report, ngx_uint_t *slot,
    ngx_http_results_part_t *part);


/* a server that workers are connected to */
typedef struct {
    char                    name[NGX_HTTP_RESULTS_TEXT_SIZE];   /* host:port */
    ngx_uint_t              version;        /* of PQserverVersion() */
    ngx_uint_t              standby;        /* 1: a standby */
    ngx_uint_t              workers;        /* how many */
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


/* fills in a report; large, so it does not belong on the stack */
void ngx_http_results_report(ngx_http_results_report_t *report,
    ngx_http_results_main_conf_t *mcf);

/* see ngx_http_results_next_pt */
ngx_uint_t ngx_http_results_next_api(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);
ngx_uint_t ngx_http_results_next_store(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);

/* of the tokens there is one part, without a name */
ngx_uint_t ngx_http_results_next_tokens(ngx_http_results_report_t *report,
    ngx_uint_t *slot, ngx_http_results_part_t *part);

/*
 * Fills in the servers that the workers that are alive have for the store of a
 * slot, NGX_HTTP_RESULTS_SERVERS_MAX at most, and returns how many there are.
 * Copies to trouble, of NGX_HTTP_RESULTS_TEXT_SIZE bytes, why the first worker
 * that has no connection has none; "" where all have some.
 */
ngx_uint_t ngx_http_results_servers(ngx_uint_t slot,
    ngx_http_results_server_t *servers, char *trouble);

/*
 * _role(): "primary" or "standby".  _version(): "15.4" for 150004, written to
 * version, of 16 bytes at least.
 */
const char *ngx_http_results_server_role(ngx_http_results_server_t *server);
char *ngx_http_results_server_version(ngx_http_results_server_t *server,
    char *version);


/*
 * Append a report to buf in one of the formats.  history: with the samples of
 * the last minutes; openmetrics: in OpenMetrics, else in Prometheus's format.
 */
void ngx_http_results_status_json(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t history);
void ngx_http_results_status_prometheus(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t openmetrics);
void ngx_http_results_status_page(ngx_http_results_report_t *report,
    results_buf_t *buf);

/* appends `,"history":{...}`: the samples of the last minutes */
void ngx_http_results_history_json(results_buf_t *buf);

/* sets the page's Content-Security-Policy; once, at configuration time */
ngx_int_t ngx_http_results_page_policy(ngx_conf_t *cf, ngx_str_t *policy);


#endif /* NGX_HTTP_RESULTS_METRICS_H */
