
/*
 * A store's conninfo, read once at configuration time, as the keyword and
 * value arrays that PQconnectStartParams() takes.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_PARAMS_H
#define NGX_HTTP_RESULTS_CONNECTION_PARAMS_H

#include "ngx_http_results_store.h"


typedef struct {
    const char            **keywords;       /* both end with NULL */
    const char            **values;
} ngx_http_results_params_t;


/*
 * Parses and checks conf->conninfo and sets conf->params: NGX_CONF_OK, or
 * NGX_CONF_ERROR, logged.
 */
char *ngx_http_results_connection_params(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf);


#endif /* NGX_HTTP_RESULTS_CONNECTION_PARAMS_H */
