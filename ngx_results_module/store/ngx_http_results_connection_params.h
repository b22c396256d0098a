
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


/* the places of these in the arrays; what else there is comes behind */
enum {
    NGX_HTTP_RESULTS_PARAM_HOST = 0,
    NGX_HTTP_RESULTS_PARAM_HOSTADDR,
    NGX_HTTP_RESULTS_PARAM_PORT,
    NGX_HTTP_RESULTS_PARAM_HOSTS
};


/* an address that a connection may have, or such addresses with commas */
typedef struct {
    const char             *values[NGX_HTTP_RESULTS_PARAM_HOSTS];
} ngx_http_results_host_t;


typedef struct {
    const char            **keywords;       /* both end with NULL */
    const char            **values;

    ngx_http_results_host_t  *hosts;        /* one by one */
    ngx_http_results_host_t  *orders;       /* all, from each of them on */
    ngx_uint_t              nhosts;
    ngx_uint_t              first;          /* the order in use */
} ngx_http_results_params_t;


/*
 * Parses and checks conf->conninfo and sets conf->params: NGX_CONF_OK, or
 * NGX_CONF_ERROR, logged.
 */
char *ngx_http_results_connection_params(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf);

/* replaces what the keyword had */
ngx_int_t ngx_http_results_params_set(ngx_conf_t *cf,
    ngx_http_results_params_t *params, const char *keyword,
    const char *value);

/* NULL where there is none */
const char *ngx_http_results_params_get(ngx_http_results_params_t *params,
    const char *keyword);


/*
 * connection_hosts.c: gives every host name its addresses, so that libpq
 * looks up none.  *local: nothing leaves this machine.
 */
char *ngx_http_results_connection_hosts(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    ngx_uint_t *local);

/*
 * An attempt ended in vain at that host (as libpq names it): the next one
 * begins with the one behind it.
 */
void ngx_http_results_connection_next_host(ngx_http_results_params_t *params,
    const char *host, const char *hostaddr, const char *port);


#endif /* NGX_HTTP_RESULTS_CONNECTION_PARAMS_H */
