
/*
 * A PostgreSQL that can not be trusted, and the client of nginx that sees
 * what becomes of it, in one process, so that it knows what was committed and
 * what was acknowledged:
 *
 *     peer PORT DIRECTORY LANES FIRST COUNT
 *
 * Each lane is a process with a server of its own, DIRECTORY/lane-N, which the
 * store of nginx's location /lane-N/ connects to.  It sends one request per
 * seed; the seed decides which answers of the server are bad, in what way, and
 * in what pieces they arrive.  A bad seed is told, with what it did:
 *
 *     peer PORT DIRECTORY 1 SEED 1     does the same again
 *
 * One line per bad seed: "bad SEED: ...", at the end one of each lane:
 * "done SEEDS FAULTS STATUS=N ...".  See peer_verdict() for what is bad.
 */

#include "peer.h"


static void peer_lane(peer_lane_t *lane, unsigned first, unsigned count,
    unsigned step);
static void peer_request(peer_lane_t *lane);
static int peer_wait(peer_lane_t *lane, int (*until)(peer_lane_t *lane),
    int ms);
static int peer_ready(peer_lane_t *lane);
static int peer_answered(peer_lane_t *lane);
static void peer_client(peer_lane_t *lane);
static int peer_status(const peer_lane_t *lane, int *complete);
static const char *peer_verdict(peer_lane_t *lane, int status, int complete);


static const char  *targets[] = { "write", "lookup", "greeting", "setup",
                                  "read" };


int
main(int argc, char **argv)
{
    int           i, lanes, status, rc;
    char          path[100];
    unsigned      first, count;
    peer_lane_t  *lane;

    if (argc != 6) {
        fprintf(stderr, "peer PORT DIRECTORY LANES FIRST COUNT\n");
        return 2;
    }

    lanes = atoi(argv[3]);
    first = (unsigned) atoi(argv[4]);
    count = (unsigned) atoi(argv[5]);

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);

    for (i = 0; i < lanes; i++) {

        if (fork() != 0) {
            continue;
        }

        prctl(PR_SET_PDEATHSIG, SIGKILL);

        lane = calloc(1, sizeof(peer_lane_t));

        lane->number = i;
        lane->port = atoi(argv[1]);
        lane->verbose = (count == 1);

        snprintf(path, sizeof(path), "%s/lane-%d/.s.PGSQL.5432", argv[2], i);
        lane->listener = peer_listen(path);
        lane->client = -1;

        peer_lane(lane, first + i, count, lanes);
        exit(0);
    }

    rc = 0;

    while (wait(&status) > 0) {
        rc |= status;
    }

    return rc != 0;
}


static void
peer_lane(peer_lane_t *lane, unsigned first, unsigned count, unsigned step)
{
    int          status, complete, n[600];
    unsigned     seed, done;
    const char  *wrong;

    memset(n, 0, sizeof(n));
    done = 0;

    for (seed = first; seed - (first - lane->number) < count; seed += step) {

        /* what a seed does must not depend on the one before */

        if (lane->dirty) {
            peer_close_all(lane);
        }

        lane->armed = 0;

        if (!peer_wait(lane, peer_ready, 20000)) {
            printf("bad %u: nginx does not connect any more\n", seed);
            break;
        }

        peer_plan(lane, seed);
        peer_request(lane);

        wrong = peer_wait(lane, peer_answered, 20000) ? NULL : "no answer";

        status = peer_status(lane, &complete);

        if (wrong == NULL) {
            wrong = peer_verdict(lane, status, complete);
        }

        if (wrong != NULL) {
            printf("bad %u: %s: status %d, target %s, %s\n", seed, wrong,
                   status, targets[lane->target], lane->story);
        }

        if (lane->verbose) {
            printf("seed %u: status %d, target %s, %s\n", seed, status,
                   targets[lane->target], lane->story);
        }

        close(lane->client);
        lane->client = -1;

        n[status < 600 ? status : 0]++;
        done++;
    }

    printf("done %u %u", done, lane->nfaults);

    for (status = 0; status < 600; status++) {
        if (n[status]) {
            printf(" %d=%d", status, n[status]);
        }
    }

    printf("\n");
}


static void
peer_request(peer_lane_t *lane)
{
    int                 n, len;
    char                body[400];
    struct sockaddr_in  to;

    memset(&to, 0, sizeof(to));
    to.sin_family = AF_INET;
    to.sin_port = htons(lane->port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    lane->client = socket(AF_INET, SOCK_STREAM, 0);
    lane->in_len = 0;
    lane->eof = 0;

    if (connect(lane->client, (struct sockaddr *) &to, sizeof(to)) != 0) {
        return;
    }

    len = snprintf(body, sizeof(body),
                   "{\"result\":{\"status\":\"active\","
                   "\"lineItem\":{\"sourcedId\":\"item\"},"
                   "\"student\":{\"sourcedId\":\"student\"},"
                   "\"scoreStatus\":\"fully graded\","
                   "\"scoreDate\":\"2026-03-01T10:00:00Z\",\"score\":%u}}",
                   lane->seed % 1000);

    n = snprintf(lane->in, sizeof(lane->in),
                 "%s /lane-%d/results/seed-%u HTTP/1.1\r\n"
                 "Host: peer\r\nConnection: close\r\n"
                 "Authorization: Bearer lane-%d-%u\r\n",
                 lane->target == PEER_READ ? "GET" : "PUT",
                 lane->number, lane->seed, lane->number,
                 lane->target == PEER_LOOKUP ? lane->seed : 0);

    n += lane->target == PEER_READ
         ? snprintf(lane->in + n, sizeof(lane->in) - n, "\r\n")
         : snprintf(lane->in + n, sizeof(lane->in) - n,
                    "Content-Type: application/json\r\n"
                    "Content-Length: %d\r\n\r\n%s", len, body);

    if (write(lane->client, lane->in, n) != n) {
        return;
    }
}


/* serves until something is so: whether it is */

static int
peer_wait(peer_lane_t *lane, int (*until)(peer_lane_t *lane), int ms)
{
    int              i, n;
    double           end;
    peer_conn_t     *conns[PEER_CONNS];
    struct pollfd    fds[PEER_CONNS + 2];
    struct timespec  ts;

    end = peer_now() + ms / 1000.0;

    while (!until(lane)) {

        if (peer_now() > end) {
            return 0;
        }

        fds[0].fd = lane->listener;
        fds[0].events = POLLIN;
        fds[1].fd = lane->eof ? -1 : lane->client;
        fds[1].events = POLLIN;
        fds[0].revents = fds[1].revents = 0;
        n = 2;
        ts.tv_sec = 0;
        ts.tv_nsec = 100000000;

        for (i = 0; i < PEER_CONNS; i++) {

            if (lane->conns[i].fd == 0) {
                continue;
            }

            /* a piece is sent when nginx has taken the one before */

            if (lane->conns[i].out_pos < lane->conns[i].out.len) {
                ts.tv_nsec = 30000;
            }

            conns[n - 2] = &lane->conns[i];
            fds[n].fd = lane->conns[i].fd;
            fds[n].events = POLLIN;
            fds[n++].revents = 0;
        }

        ppoll(fds, n, &ts, NULL);

        if (fds[0].revents) {
            peer_accept(lane);
        }

        if (fds[1].revents) {
            peer_client(lane);
        }

        for (i = 2; i < n; i++) {
            peer_serve(lane, conns[i - 2], fds[i].revents != 0);
        }
    }

    return 1;
}


/* a writer and a reader wait for statements */

static int
peer_ready(peer_lane_t *lane)
{
    int  i, writers, readers;

    writers = 0;
    readers = 0;

    for (i = 0; i < PEER_CONNS; i++) {
        if (lane->conns[i].fd != 0 && lane->conns[i].ready
            && lane->conns[i].out_pos == lane->conns[i].out.len)
        {
            writers += lane->conns[i].writer;
            readers += !lane->conns[i].writer;
        }
    }

    return writers && readers;
}


static int
peer_answered(peer_lane_t *lane)
{
    return lane->eof;
}


static void
peer_client(peer_lane_t *lane)
{
    ssize_t  n;

    n = read(lane->client, lane->in + lane->in_len,
             sizeof(lane->in) - 1 - lane->in_len);

    if (n > 0) {
        lane->in_len += n;
        return;
    }

    lane->eof = 1;
}


/* 0: nginx has closed without an answer */

static int
peer_status(const peer_lane_t *lane, int *complete)
{
    char  *end, *length, *in;

    in = (char *) lane->in;
    in[lane->in_len] = '\0';

    *complete = 0;

    if (strncmp(in, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }

    end = strstr(in, "\r\n\r\n");
    length = strstr(in, "\r\nContent-Length: ");

    if (end != NULL && length != NULL && length < end) {
        *complete = lane->in_len - (end + 4 - in) == (size_t) atoi(length + 18);

    } else if (end != NULL && strstr(in, "\r\nTransfer-Encoding: chunked")) {
        *complete = lane->in_len >= 5
                    && memcmp(in + lane->in_len - 5, "0\r\n\r\n", 5) == 0;
    }

    return atoi(in + 9);
}


/* what may not be: NULL where all is well */

static const char *
peer_verdict(peer_lane_t *lane, int status, int complete)
{
    if (lane->restamped) {
        return "one write came with two stamps";
    }

    if (status == 0) {
        return "nginx closed without an answer";
    }

    if (status >= 200 && status < 300) {

        if (lane->target == PEER_READ) {
            return (complete && !lane->told)
                   ? "a whole answer, and the database gave none" : NULL;
        }

        return lane->told && lane->committed ? NULL : "a false 2xx";
    }

    if (!complete) {
        return "half an answer";
    }

    if (status == 503) {
        /* in the words of every dialect */
        return (lane->committed && lane->target == PEER_WRITE
                && strstr(lane->in, "outcome unknown") == NULL)
               ? "stored, and said not to be" : NULL;
    }

    if (status == 401 && lane->target == PEER_LOOKUP && lane->empty) {
        return NULL;
    }

    if (status == 404 && lane->target == PEER_READ && lane->empty) {
        return NULL;
    }

    if (status >= 400 && status <= 500 && status != 401 && lane->refused) {
        return NULL;
    }

    return "a status that nothing calls for";
}
