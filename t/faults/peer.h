
/*
 * A server that can not be trusted, see peer.c: peer_server.c speaks the
 * protocol, peer_faults.c spoils what it says.
 */

#ifndef PEER_H
#define PEER_H

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define PEER_CONNS  16
#define PEER_MSGS   2048


/* whose answer is bad */
enum { PEER_WRITE, PEER_LOOKUP, PEER_GREETING, PEER_SETUP, PEER_READ,
       PEER_CHECK };

/* in what way */
typedef enum {
    PEER_GOOD,
    PEER_CUT,               /* it ends, and so does the connection */
    PEER_HANG,              /* it ends, and the connection stays */
    PEER_NOTICE,            /* something harmless in between */
    PEER_WARNING,
    PEER_ERROR,             /* the statement fails, or its commit */
    PEER_FATAL,
    PEER_NOISE,             /* random bytes in between */
    PEER_NOISE_END,         /* random bytes instead of the rest */
    PEER_LENGTH,            /* a message with the length of another */
    PEER_TYPE,              /* a message that does not belong there */
    PEER_TWICE,             /* the whole answer twice */
    PEER_ROWS,              /* none, or too many */
    PEER_COLUMNS,           /* none, fewer, more */
    PEER_SHAPE,             /* values that are not of their type */
    PEER_HUGE,              /* a row of megabytes */
    PEER_FAULTS
} peer_fault_e;


typedef struct {
    char                   *data;
    size_t                  len;
    size_t                  size;
} peer_buf_t;


typedef struct {
    int                     fd;         /* 0: none */
    peer_buf_t              in;
    peer_buf_t              out;
    size_t                  out_pos;
    unsigned                pieces;     /* at most so many bytes; 0: all */

    peer_buf_t              answer;     /* to a flight, before it is spoilt */
    size_t                  msgs[PEER_MSGS];    /* where each begins */
    unsigned                nmsgs;
    int                     flight;     /* PEER_WRITE... */
    peer_fault_e            fault;

    unsigned                started:1;  /* the startup packet was there */
    unsigned                ready:1;    /* statements are prepared */
    unsigned                writer:1;
    unsigned                closing:1;  /* when all is sent */
    unsigned                deaf:1;     /* nothing more is answered */
} peer_conn_t;


typedef struct {
    int                     number;
    int                     port;
    int                     listener;
    int                     client;
    int                     verbose;

    char                    in[65536];  /* nginx's answer */
    size_t                  in_len;
    int                     eof;

    peer_conn_t             conns[PEER_CONNS];

    /* the plan of a seed */
    unsigned                seed;
    uint64_t                random;
    int                     target;
    int                     armed;      /* so many bad answers are to come */
    int                     attempt;

    /* what has happened */
    unsigned                nfaults;
    int                     dirty;      /* a connection is out of step */
    int                     committed;
    int                     told;       /* a good answer was sent in full */
    int                     refused;    /* it was said that data is bad */
    int                     empty;      /* no row, in due form */
    int                     restamped;
    int64_t                 stamp;
    char                    story[1000];
} peer_lane_t;


double peer_now(void);

int peer_listen(const char *path);
void peer_accept(peer_lane_t *lane);
void peer_serve(peer_lane_t *lane, peer_conn_t *c, int readable);
void peer_close(peer_conn_t *c);
void peer_close_all(peer_lane_t *lane);

/* one more message of the answer to a flight */
void peer_message(peer_conn_t *c, int type, const void *body, size_t len);
void peer_add(peer_buf_t *b, const void *data, size_t len);
void peer_int(peer_buf_t *b, size_t size, int64_t value);
void peer_text(peer_buf_t *b, const char *text);

void peer_plan(peer_lane_t *lane, unsigned seed);
uint32_t peer_random(peer_lane_t *lane, uint32_t n);
peer_fault_e peer_fault(peer_lane_t *lane, int flight);
void peer_rows(peer_lane_t *lane, peer_conn_t *c);
void peer_spoil(peer_lane_t *lane, peer_conn_t *c);


#endif /* PEER_H */
