
/*
 * What the files ngx_http_results_connection*.c share: libpq's types stay
 * among them.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H
#define NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection.h"

#include <libpq-fe.h>


/* connection_setup.c: sends the first flight, or closes */
void ngx_http_results_connection_setup(ngx_http_results_connection_t *hc);

/* its Sync: on_ready(), or closes and says why */
void ngx_http_results_connection_set_up(ngx_http_results_connection_t *hc);

/* runs a statement: 1, or 0 as libpq's PQsend functions do */
int ngx_http_results_connection_query(ngx_http_results_connection_t *hc,
    ngx_uint_t statement, const char *const *values, const int *lengths,
    int binary);

/* connection.c: NGX_ERROR: the connection is no good, but not closed yet */
ngx_int_t ngx_http_results_connection_flush(
    ngx_http_results_connection_t *hc);

/* keeps the name of the server that libpq has, or tries, now */
void ngx_http_results_connection_name(ngx_http_results_connection_t *hc);

/* keeps text as the one line that says why it failed */
void ngx_http_results_connection_reason(ngx_http_results_connection_t *hc,
    const char *text);


#endif /* NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H */
