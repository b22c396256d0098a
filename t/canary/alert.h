/*
 * A module that logs an alert: forced into every source by t/harness.t.
 */

#include <libpq-fe.h>

#define PQpipelineSync(conn)                                                  \
    (ngx_log_error_core(NGX_LOG_ALERT, ngx_cycle->log, 0,                     \
                        "results: a deliberate alert"),                       \
     (PQpipelineSync)(conn))
