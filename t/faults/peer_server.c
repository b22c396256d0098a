
/*
 * The server's side of protocol 3: as much of it as libpq's pipelines need.
 * What comes is answered when its Sync is there.
 */

#include "peer.h"


static int peer_take(peer_lane_t *lane, peer_conn_t *c);
static void peer_startup(peer_lane_t *lane, peer_conn_t *c);
static void peer_bind(peer_lane_t *lane, peer_conn_t *c, const char *body,
    size_t len);
static void peer_stamp(peer_lane_t *lane, const char *p, const char *end);
static void peer_setting(peer_conn_t *c, const char *name, const char *value);
static void peer_end(peer_lane_t *lane, peer_conn_t *c);
static uint32_t peer_get(const char *p, size_t size);


double
peer_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


int
peer_listen(const char *path)
{
    int                 fd;
    struct sockaddr_un  to;

    memset(&to, 0, sizeof(to));
    to.sun_family = AF_UNIX;
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);

    (void) unlink(path);
    (void) umask(0);

    fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *) &to, sizeof(to)) != 0
        || listen(fd, 16) != 0)
    {
        perror(path);
        exit(2);
    }

    return fd;
}


void
peer_accept(peer_lane_t *lane)
{
    int           i, fd;
    peer_conn_t  *c;

    fd = accept(lane->listener, NULL, NULL);

    if (fd < 0) {
        return;
    }

    for (i = 0; i < PEER_CONNS; i++) {
        c = &lane->conns[i];

        if (c->fd == 0) {
            memset(c, 0, sizeof(peer_conn_t));
            fcntl(fd, F_SETFL, O_NONBLOCK);
            c->fd = fd;
            return;
        }
    }

    close(fd);
}


void
peer_close(peer_conn_t *c)
{
    close(c->fd);
    free(c->in.data);
    free(c->out.data);
    free(c->answer.data);
    memset(c, 0, sizeof(peer_conn_t));
}


void
peer_close_all(peer_lane_t *lane)
{
    int  i;

    for (i = 0; i < PEER_CONNS; i++) {
        if (lane->conns[i].fd != 0) {
            peer_close(&lane->conns[i]);
        }
    }

    lane->dirty = 0;
}


void
peer_serve(peer_lane_t *lane, peer_conn_t *c, int readable)
{
    int      unread;
    char     bytes[65536];
    size_t   size;
    ssize_t  n;

    if (c->fd == 0) {
        return;
    }

    if (readable) {
        n = read(c->fd, bytes, sizeof(bytes));

        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            peer_close(c);
            return;
        }

        if (n > 0 && !c->deaf) {
            peer_add(&c->in, bytes, n);

            while (peer_take(lane, c)) { /* void */ }
        }
    }

    if (c->out_pos < c->out.len) {
        size = c->out.len - c->out_pos;

        if (c->pieces) {

            if (ioctl(c->fd, SIOCOUTQ, &unread) == 0 && unread > 0) {
                return;
            }

            size = size < c->pieces ? size : c->pieces;
        }

        n = write(c->fd, c->out.data + c->out_pos, size);

        if (n < 0 && errno != EAGAIN) {
            peer_close(c);
            return;
        }

        c->out_pos += n > 0 ? n : 0;
    }

    if (c->out_pos == c->out.len) {
        c->out.len = 0;
        c->out_pos = 0;

        if (c->closing) {
            peer_close(c);
        }
    }
}


/* one message, if it is there */

static int
peer_take(peer_lane_t *lane, peer_conn_t *c)
{
    int     type;
    char   *p;
    size_t  len;

    p = c->in.data;

    if (c->deaf || c->in.len < (c->started ? 5u : 4u)) {
        return 0;
    }

    type = c->started ? *p++ : 0;
    len = peer_get(p, 4);

    if (c->in.len < len + (c->started ? 1 : 0)) {
        return 0;
    }

    if (c->nmsgs == 0 && type != 'S') {
        c->flight = c->ready ? PEER_CHECK : PEER_SETUP;
        c->fault = PEER_GOOD;
    }

    switch (type) {

    case 0:
        peer_startup(lane, c);
        break;

    case 'P':

        /* name and text end with a zero byte each */

        c->writer |= strstr(p + 4 + strlen(p + 4) + 1, "write_records(")
                     != NULL;

        if (c->nmsgs == 0) {
            c->fault = peer_fault(lane, PEER_SETUP);
        }

        peer_message(c, '1', "", 0);
        break;

    case 'B':
        peer_bind(lane, c, p + 4, len - 4);
        peer_message(c, '2', "", 0);
        break;

    case 'E':
        peer_rows(lane, c);
        break;

    case 'S':
        peer_message(c, 'Z', "I", 1);
        c->ready |= c->flight == PEER_SETUP;
        peer_end(lane, c);
        break;

    case 'X':
        c->deaf = 1;
        break;

    default:
        break;
    }

    len += c->started ? 1 : 0;
    c->started = 1;

    memmove(c->in.data, c->in.data + len, c->in.len - len);
    c->in.len -= len;

    return 1;
}


static void
peer_startup(peer_lane_t *lane, peer_conn_t *c)
{
    c->flight = PEER_GREETING;
    c->fault = peer_fault(lane, PEER_GREETING);

    peer_message(c, 'R', "\0\0\0\0", 4);
    peer_setting(c, "server_version", "15.4");
    peer_setting(c, "client_encoding", "UTF8");
    peer_setting(c, "integer_datetimes", "on");
    peer_setting(c, "standard_conforming_strings", "on");
    peer_setting(c, "default_transaction_read_only", "off");
    peer_setting(c, "in_hot_standby", "off");
    peer_message(c, 'K', "\0\0\0\1\0\0\0\2", 8);
    peer_message(c, 'Z', "I", 1);
    peer_end(lane, c);
}


static void
peer_setting(peer_conn_t *c, const char *name, const char *value)
{
    char  body[100];
    int   n;

    n = snprintf(body, sizeof(body), "%s%c%s", name, 0, value);
    peer_message(c, 'S', body, n + 1);
}


static void
peer_bind(peer_lane_t *lane, peer_conn_t *c, const char *p, size_t len)
{
    uint32_t     size;
    unsigned     i, n;
    const char  *end, *statement;

    end = p + len;
    statement = p + strlen(p) + 1;
    p = statement + strlen(statement) + 1;

    if (strcmp(statement, "results_check") == 0) {
        return;
    }

    c->flight = strncmp(statement, "results_write_", 14) == 0 ? PEER_WRITE
                : strcmp(statement, "results_lookup_tokens") == 0
                  ? PEER_LOOKUP : PEER_READ;

    c->fault = peer_fault(lane, c->flight);

    if (c->flight != PEER_WRITE) {
        return;
    }

    p += 2 + 2 * peer_get(p, 2);
    n = peer_get(p, 2);
    p += 2;

    for (i = 0; i < n && p + 4 <= end; i++) {
        size = peer_get(p, 4);
        p += 4;

        if (i == 19) {
            peer_stamp(lane, p, end);
        }

        p += size == UINT32_MAX ? 0 : size;
    }
}


/* a write that is sent again has the stamp it had */

static void
peer_stamp(peer_lane_t *lane, const char *p, const char *end)
{
    int64_t  stamp;

    if (end - p < 32) {
        return;
    }

    p += 24;
    stamp = ((int64_t) peer_get(p, 4) << 32) | peer_get(p + 4, 4);

    if (lane->stamp != 0 && stamp != lane->stamp) {
        lane->restamped = 1;
    }

    lane->stamp = stamp;
}


/* the answer to a flight is whole: now it is spoilt, and sent */

static void
peer_end(peer_lane_t *lane, peer_conn_t *c)
{
    c->pieces = 0;

    peer_spoil(lane, c);
    peer_add(&c->out, c->answer.data, c->answer.len);

    c->answer.len = 0;
    c->nmsgs = 0;
}


void
peer_message(peer_conn_t *c, int type, const void *body, size_t len)
{
    char  byte;

    if (c->nmsgs < PEER_MSGS) {
        c->msgs[c->nmsgs++] = c->answer.len;
    }

    byte = (char) type;

    peer_add(&c->answer, &byte, 1);
    peer_int(&c->answer, 4, (int64_t) len + 4);
    peer_add(&c->answer, body, len);
}


void
peer_add(peer_buf_t *b, const void *data, size_t len)
{
    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len) + 64;
        b->data = realloc(b->data, b->size);
    }

    if (len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}


void
peer_int(peer_buf_t *b, size_t size, int64_t value)
{
    char  byte;

    while (size-- > 0) {
        byte = (char) ((uint64_t) value >> (8 * size));
        peer_add(b, &byte, 1);
    }
}


void
peer_text(peer_buf_t *b, const char *text)
{
    peer_int(b, 4, text ? (int64_t) strlen(text) : -1);
    peer_add(b, text ? text : "", text ? strlen(text) : 0);
}


static uint32_t
peer_get(const char *p, size_t size)
{
    uint32_t  value;

    for (value = 0; size-- > 0; p++) {
        value = (value << 8) | (unsigned char) *p;
    }

    return value;
}
