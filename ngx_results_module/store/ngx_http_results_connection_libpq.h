
/*
 * What the files connection.c and connection_setup.c share.  No other file of
 * store/ knows libpq's types, but for connection_params.c.
 */

#ifndef NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H
#define NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection.h"

#include <libpq-fe.h>


/*
 * Functions of connection_setup.c.  They put statements into libpq's buffer and
 * judge the answer; connection.c, their caller, sends and closes.
 */

/*
 * Puts the first flight of a new connection into the buffer: the check, the
 * statements to prepare, and a Sync, to be sent together.  Sets hc->check, and
 * makes it the job in flight.  Returns 1, or 0 with libpq's error message, as
 * PQsendQuery() does.
 */
int ngx_http_results_connection_setup(ngx_http_results_connection_t *hc);

/*
 * Judges how hc->check ended, in the first flight or later: NGX_OK, or
 * NGX_ERROR with hc->reason set, where this server can not be used.
 */
ngx_int_t ngx_http_results_connection_accept(
    ngx_http_results_connection_t *hc, const ngx_http_results_end_t *end);

/*
 * Writes to the store's counters which server a ready connection has: the
 * name in hc->server, the version, whether it is a standby.
 */
void ngx_http_results_connection_server(ngx_http_results_connection_t *hc);

/*
 * Puts a statement with its parameters into the buffer, without a Sync:
 * values, lengths and binary are those of ngx_http_results_job_t.  1, or 0 with
 * libpq's error message.
 */
int ngx_http_results_connection_query(ngx_http_results_connection_t *hc,
    ngx_uint_t statement, const char *const *values, const int *lengths,
    int binary);

#endif /* NGX_HTTP_RESULTS_CONNECTION_LIBPQ_H */
