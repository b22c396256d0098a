
/*
 * What the files ngx_http_results_connection*.c share: libpq's types stay
 * among them.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H
#define NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection.h"

#include <libpq-fe.h>


/*
 * connection_setup.c, which connection.c stands on: it queues and judges, and
 * leaves sending and closing to its caller.
 */

/*
 * Queues the first flight of a connection that libpq has made, up to its
 * Sync: hc->check, and the statements to prepare.  1, or 0 as libpq's PQsend
 * functions do.
 */
int ngx_http_results_connection_setup(ngx_http_results_connection_t *hc);

/*
 * Judges how hc->check ended, in the first flight or later: NGX_OK, or
 * NGX_ERROR with hc->reason set, where the server will not do.
 */
ngx_int_t ngx_http_results_connection_accept(
    ngx_http_results_connection_t *hc, const ngx_http_results_end_t *end);

/* tells the counters which server it is, by libpq and hc->server */
void ngx_http_results_connection_server(ngx_http_results_connection_t *hc);

/* queues a statement: 1, or 0 as libpq's PQsend functions do */
int ngx_http_results_connection_query(ngx_http_results_connection_t *hc,
    ngx_uint_t statement, const char *const *values, const int *lengths,
    int binary);

#endif /* NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H */
