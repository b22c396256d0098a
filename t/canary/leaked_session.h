/*
 * A module that forgets to close its sessions: forced into every source by
 * t/harness.t.
 */

#include <sys/socket.h>
#include <libpq-fe.h>

#define PQfinish(conn)  ((void) (conn))

/* nor is the other end told that it may go: this is no way to shut down */
#undef SHUT_WR
#define SHUT_WR  99
