
/*
 * A store's conninfo, read once at configuration time, as the keyword and
 * value arrays that PQconnectStartParams() takes.  All of it lives in the
 * configuration's pool; only the order of the hosts changes later, in each
 * worker for itself.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_PARAMS_H
#define NGX_HTTP_RESULTS_CONNECTION_PARAMS_H

#include "ngx_http_results_store.h"


#define NGX_HTTP_RESULTS_PARAMS_MAX  64


/* the first places in the arrays are those of these three keywords */
enum {
    NGX_HTTP_RESULTS_PARAM_HOST = 0,
    NGX_HTTP_RESULTS_PARAM_HOSTADDR,
    NGX_HTTP_RESULTS_PARAM_PORT,
    NGX_HTTP_RESULTS_PARAM_HOSTS
};


/* host, hostaddr and port of one address, or of several with commas */
typedef struct {
    const char             *values[NGX_HTTP_RESULTS_PARAM_HOSTS];
} ngx_http_results_host_t;


typedef struct {
    const char            **keywords;       /* both end with NULL */
    const char            **values;

    ngx_http_results_host_t  *hosts;        /* nhosts, one by one */
    ngx_http_results_host_t  *orders;       /* nhosts lists of all hosts: the
                                               i-th begins with hosts[i] */
    ngx_uint_t              nhosts;
    ngx_uint_t              first;          /* the order that is in values */
} ngx_http_results_params_t;


/*
 * Parses and checks conf->conninfo and sets conf->params: NGX_CONF_OK, or
 * NGX_CONF_ERROR with the reason logged.  In the master only: it may ask DNS
 * and read libpq's service file.
 */
char *ngx_http_results_connection_params(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf);

/*
 * Sets a keyword's value, in place of the one that it had: NGX_OK, or
 * NGX_ERROR without memory or place.  The strings are copied.
 */
ngx_int_t ngx_http_results_params_set(ngx_conf_t *cf,
    ngx_http_results_params_t *params, const char *keyword,
    const char *value);

/* the keyword's value, or NULL where it has none */
const char *ngx_http_results_params_get(ngx_http_results_params_t *params,
    const char *keyword);


/*
 * connection_hosts.c: resolves every host name and sets params->hosts and
 * ->orders, so that libpq asks no DNS server.  *local: 1 where all hosts are
 * Unix sockets or loopback addresses.  NGX_CONF_OK, or NGX_CONF_ERROR with the
 * reason logged.
 */
char *ngx_http_results_connection_hosts(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    ngx_uint_t *local);

/*
 * An attempt to connect ended without success at that host, as PQhost(),
 * PQhostaddr() and PQport() name it: the next attempt of this worker begins
 * with the host after it.
 */
void ngx_http_results_connection_next_host(ngx_http_results_params_t *params,
    const char *host, const char *hostaddr, const char *port);


#endif /* NGX_HTTP_RESULTS_CONNECTION_PARAMS_H */
