/*
 * A module that writes behind a buffer: forced into every source by
 * t/harness.t.
 */

#include <stdlib.h>
#include <libpq-fe.h>

#define PQpipelineSync(conn)                                                  \
    (results_fault_overflow(), (PQpipelineSync)(conn))


static inline void
results_fault_overflow(void)
{
    char          *buf;
    volatile int   len;

    len = 8;
    buf = malloc(len);

    if (buf) {
        ((volatile char *) buf)[len] = 1;
        free(buf);
    }
}
