
/*
 * What goes wrong, by a seed: which flight, how often, in what way, in what
 * pieces.
 */

#include "peer.h"


static void peer_row(peer_lane_t *lane, peer_conn_t *c, unsigned columns);
static void peer_binary(peer_buf_t *row, unsigned column);
static void peer_outcomes(peer_lane_t *lane, peer_buf_t *row, int shape);
static void peer_array(peer_buf_t *row, int ndims, int oid, int n,
    size_t size, int64_t value, int left);
static void peer_insert(peer_conn_t *c, size_t at, const void *data,
    size_t len);
static void peer_notice(peer_buf_t *b, int type, const char *severity,
    const char *sqlstate);
static void peer_error(peer_lane_t *lane, peer_conn_t *c, unsigned msg,
    const char *severity);
static void peer_tell(peer_lane_t *lane, peer_conn_t *c, const char *what,
    size_t at, int committed);


static const char  *faults[] = {
    "good", "cut", "hang", "notice", "warning", "error", "fatal", "noise",
    "noise to the end", "length", "type", "twice", "rows", "columns",
    "shape", "huge"
};


/* xorshift*, by George Marsaglia and Sebastiano Vigna */

uint32_t
peer_random(peer_lane_t *lane, uint32_t n)
{
    lane->random ^= lane->random >> 12;
    lane->random ^= lane->random << 25;
    lane->random ^= lane->random >> 27;

    return (uint32_t) ((lane->random * 2685821657736338717ull) >> 33) % n;
}


void
peer_plan(peer_lane_t *lane, unsigned seed)
{
    static const int  some[] = { PEER_WRITE, PEER_WRITE, PEER_WRITE,
                                 PEER_WRITE, PEER_LOOKUP, PEER_GREETING,
                                 PEER_SETUP, PEER_READ };

    int  i;

    lane->seed = seed;
    lane->random = (seed + 1) * 0x9e3779b97f4a7c15ull;

    for (i = 0; i < 8; i++) {
        (void) peer_random(lane, 2);
    }

    lane->target = some[peer_random(lane, 8)];
    lane->armed = 1 + (peer_random(lane, 4) == 0);
    lane->attempt = 0;

    lane->committed = 0;
    lane->told = 0;
    lane->refused = 0;
    lane->empty = 0;
    lane->restamped = 0;
    lane->stamp = 0;
    lane->story[0] = '\0';

    if (lane->target == PEER_GREETING || lane->target == PEER_SETUP) {
        peer_close_all(lane);
    }
}


peer_fault_e
peer_fault(peer_lane_t *lane, int flight)
{
    peer_fault_e  fault;

    if (lane->armed == 0 || flight != lane->target) {
        return PEER_GOOD;
    }

    lane->armed--;
    lane->nfaults++;

    /* by seed and attempt alone */
    lane->random = ((uint64_t) lane->seed * 8 + ++lane->attempt)
                   * 0x9e3779b97f4a7c15ull;

    for (fault = 0; fault < 8; fault++) {
        (void) peer_random(lane, 2);
    }

    fault = peer_random(lane, flight == PEER_GREETING ? PEER_ROWS
                                                      : PEER_FAULTS);

    if ((fault == PEER_HANG && peer_random(lane, 8) > 0)
        || (fault == PEER_HUGE && peer_random(lane, 3) > 0))
    {
        return PEER_CUT;
    }

    return fault;
}


/* T is left out: libpq asks for it with D, and gets it here */

void
peer_rows(peer_lane_t *lane, peer_conn_t *c)
{
    static const unsigned  widths[] = { 6, 10, 3, 20 };
    static const unsigned  lengths[] = { 0, 0, 2, 3, 500 };
    static const unsigned  others[] = { 0, 1, 2, 4, 9, 11, 19, 21, 33, 40 };

    char        column[19];
    unsigned    i, n, width, rows;
    peer_buf_t  b;

    width = c->flight == PEER_WRITE ? widths[2]
            : c->flight == PEER_LOOKUP ? widths[1]
            : c->flight == PEER_READ ? widths[3] : widths[0];
    rows = 1;

    if (c->fault == PEER_ROWS) {
        rows = lengths[peer_random(lane, 5)];
        lane->empty |= rows == 0;

    } else if (c->fault == PEER_COLUMNS) {
        n = others[peer_random(lane, 10)];
        lane->empty |= c->flight == PEER_READ && n < width;
        width = n == width ? width + 1 : n;
    }

    memset(&b, 0, sizeof(b));
    memset(column, 0, sizeof(column));

    peer_int(&b, 2, width);

    for (i = 0; i < width; i++) {
        peer_add(&b, "c", 2);
        peer_add(&b, column, 10);
        peer_int(&b, 2, -1);
        peer_int(&b, 4, -1);
        peer_int(&b, 2, c->flight == PEER_WRITE || c->flight == PEER_READ);
    }

    peer_message(c, 'T', b.data, b.len);
    free(b.data);

    for (i = 0; i < rows; i++) {
        peer_row(lane, c, width);
    }

    peer_message(c, 'C', "SELECT 1", 9);
}


static void
peer_row(peer_lane_t *lane, peer_conn_t *c, unsigned columns)
{
    static const char *const  check[] = { "2", "off", "on", "on", "t",
                                            NULL };
    static const char *const  token[] = {
        "1", "1", "school", "1", "client", NULL, NULL, NULL,
        "https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.createput "
        "https://purl.imsglobal.org/spec/or/v1p2/scope/gradebook.readonly",
        "3600"
    };
    static const char *const  odd[] = {
        NULL, "", "-1", "0", "99999999999999999999", "x", "\xff\xfe", "1e9",
        "2026-13-45 99:99:99", "{", "[]", "'"
    };

    char               *big;
    int                 shape, bad;
    size_t              size;
    unsigned            i, k, n;
    peer_buf_t          row;
    const char *const  *values;

    memset(&row, 0, sizeof(row));
    peer_int(&row, 2, columns);

    shape = c->fault == PEER_SHAPE ? 1 + (int) peer_random(lane, 10) : 0;

    values = c->flight == PEER_LOOKUP ? token : check;
    n = c->flight == PEER_LOOKUP ? 10 : c->flight == PEER_READ ? 20 : 6;
    bad = c->fault == PEER_SHAPE ? (int) peer_random(lane, n) : -1;

    i = 0;

    if (c->fault == PEER_HUGE && columns > 0) {
        size = (size_t) 1 << (16 + peer_random(lane, 9));
        big = calloc(1, size);
        memset(big, '1', size);
        peer_int(&row, 4, (int64_t) size);
        peer_add(&row, big, size);
        free(big);
        i++;

    } else if (c->flight == PEER_WRITE && columns >= 3) {
        peer_outcomes(lane, &row, shape);
        i = 3;
    }

    for ( /* void */ ; i < columns; i++) {
        if ((int) i != bad && i < n && c->flight == PEER_READ) {
            peer_binary(&row, i);
            continue;
        }

        if ((int) i == bad) {
            k = peer_random(lane, 12);
            peer_text(&row, odd[k]);

            /* the seconds that are left of a token: 0 */
            lane->empty |= c->flight == PEER_LOOKUP && i == 9 && k == 3;
            continue;
        }

        peer_text(&row, i < n ? values[i] : "more");
    }

    peer_message(c, 'D', row.data, row.len);
    free(row.data);
}


/* a column of a record */

static void
peer_binary(peer_buf_t *row, unsigned column)
{
    static const struct {
        unsigned      size;     /* 0: null, 1: text */
        int64_t       value;
        const char   *text;
    } values[] = {
        { 2, 1, NULL }, { 1, 0, "seed" }, { 1, 0, "student" },
        { 1, 0, "item" }, { 0, 0, NULL }, { 2, 1, NULL },
        { 8, 0x4055e00000000000, NULL }, { 0, 0, NULL }, { 0, 0, NULL },
        { 0, 0, NULL }, { 0, 0, NULL }, { 0, 0, NULL }, { 0, 0, NULL },
        { 8, 800000000000000, NULL },
        { 1, 0, "{\"scoreStatus\": \"fully graded\"}" }, { 8, 1, NULL },
        { 4, 1, NULL }, { 4, 1, NULL }, { 8, 800000000000000, NULL },
        { 8, 800000000000000, NULL }
    };

    if (values[column].size < 2) {
        peer_text(row, values[column].text);
        return;
    }

    peer_int(row, 4, values[column].size);
    peer_int(row, values[column].size, values[column].value);
}


/* outcomes, versions, no stamps; in one of ten other shapes */

static void
peer_outcomes(peer_lane_t *lane, peer_buf_t *row, int shape)
{
    static const int  outcomes[] = { 0, -1, 12, 32767, -32768 };

    int  n, version;

    version = 1;
    n = 1;

    switch (shape) {

    case 1:
        peer_int(row, 4, -1);
        break;

    case 2:
        peer_array(row, peer_random(lane, 2) ? 0 : 2, 21, 1, 2, 1, 0);
        break;

    case 3:
        peer_array(row, 1, 23, 1, 2, 1, 0);
        break;

    case 4:
        n = peer_random(lane, 2) ? 0 : 1 << peer_random(lane, 30);
        peer_array(row, 1, 21, n == 1 ? 2 : n, 2, 1, 0);
        break;

    case 5:
        peer_array(row, 1, 21, 1, 2, outcomes[peer_random(lane, 5)], 0);
        break;

    case 6:
        peer_array(row, 1, 21, 1, 2, 1, -1 - (int) peer_random(lane, 20));
        break;

    case 7:
        peer_array(row, 1, 21, 1, 2, 1, 1 + (int) peer_random(lane, 20));
        break;

    case 8:
        peer_array(row, 1, 21, 1, 4, 1, 0);
        break;

    default:
        peer_array(row, 1, 21, 1, 2, 1, 0);
        version = shape == 9 ? 0 : shape == 10 ? -7 : 1;
    }

    peer_array(row, 1, 23, 1, 4, version, 0);
    peer_int(row, 4, -1);
}


/* left: bytes more, or fewer, than there should be */

static void
peer_array(peer_buf_t *row, int ndims, int oid, int n, size_t size,
    int64_t value, int left)
{
    size_t      len;
    peer_buf_t  b;

    memset(&b, 0, sizeof(b));

    peer_int(&b, 4, ndims);
    peer_int(&b, 4, 0);
    peer_int(&b, 4, oid);
    peer_int(&b, 4, n);
    peer_int(&b, 4, 1);
    peer_int(&b, 4, (int64_t) size);
    peer_int(&b, size, value);

    len = b.len + (left < 0 ? left : 0);

    peer_int(row, 4, (int64_t) len + (left > 0 ? left : 0));
    peer_add(row, b.data, len);

    for ( /* void */ ; left > 0; left--) {
        peer_add(row, "", 1);
    }

    free(b.data);
}


/*
 * Changes the answer by its fault, and remembers what nginx may believe:
 * whether it is stored, and whether it was told so in due form.
 */

void
peer_spoil(peer_lane_t *lane, peer_conn_t *c)
{
    static const char  types[] = "GHWsInVcdRKtvEDTCZ12\0\xff";

    int           committed, told, i;
    char          noise[300], type;
    size_t        at, msg, len;
    unsigned      n;
    peer_buf_t    b;

    /* how it goes out, good or not; of greetings as well */

    if (c->flight == lane->target && lane->attempt > 0) {
        n = peer_random(lane, 4);
        c->pieces = n == 0 ? 0 : n == 1 ? 1 : 1 + peer_random(lane, 40);

        if (c->answer.len > 3000 && c->pieces) {
            c->pieces += c->answer.len / 100;
        }
    }

    /* between two messages, but after the first and before the last */

    n = peer_random(lane, c->nmsgs);
    msg = c->msgs[n];
    at = msg;
    len = c->answer.len;

    memset(&b, 0, sizeof(b));
    committed = 0;
    told = 0;

    switch (c->fault) {

    case PEER_CUT:
    case PEER_HANG:
        committed = peer_random(lane, 2);
        at = peer_random(lane, 2) ? msg : peer_random(lane, (uint32_t) len);
        c->answer.len = at;
        c->closing = c->fault == PEER_CUT;
        c->deaf = 1;
        break;

    case PEER_NOTICE:
        committed = told = 1;

        if (peer_random(lane, 3) == 0) {
            peer_int(&b, 1, 'S');
            peer_int(&b, 4, 4 + 4);
            peer_add(&b, "a\0b", 4);

        } else if (peer_random(lane, 3) == 0) {
            peer_int(&b, 1, 'A');
            peer_int(&b, 4, 4 + 8);
            peer_int(&b, 4, 7);
            peer_add(&b, "a\0b", 4);

        } else {
            peer_notice(&b, 'N', peer_random(lane, 2) ? "NOTICE" : "INFO",
                        "00000");
        }

        peer_insert(c, at, b.data, b.len);
        break;

    case PEER_WARNING:
        committed = peer_random(lane, 2);
        peer_notice(&b, 'N', "WARNING", "01000");
        peer_insert(c, at, b.data, b.len);
        break;

    case PEER_ERROR:
        peer_error(lane, c, n, "ERROR");
        break;

    case PEER_FATAL:
        committed = peer_random(lane, 2);
        peer_error(lane, c, n, "FATAL");
        c->answer.len -= 6;     /* no Z */
        c->closing = 1;
        c->deaf = 1;
        break;

    case PEER_NOISE:
    case PEER_NOISE_END:

        for (i = 0; i < (int) sizeof(noise); i++) {
            noise[i] = (char) peer_random(lane, 256);
        }

        lane->dirty = 1;
        n = 1 + peer_random(lane, sizeof(noise));

        if (c->fault == PEER_NOISE) {
            /* bytes may happen to mean nothing */
            committed = told = 1;
            peer_insert(c, at, noise, n);
            break;
        }

        committed = peer_random(lane, 2);
        c->answer.len = at;
        peer_add(&c->answer, noise, n);
        c->closing = peer_random(lane, 8) > 0;
        c->deaf = 1;
        break;

    case PEER_LENGTH:
        committed = peer_random(lane, 2);
        lane->dirty = 1;

        for (i = 1; i < 5; i++) {
            if (peer_random(lane, 3) == 0) {
                c->answer.data[at + i] ^= (char) (1 + peer_random(lane, 255));
            }
        }

        c->answer.data[at + 4] ^= (char) (1 + peer_random(lane, 7));
        c->closing = peer_random(lane, 8) > 0;
        c->deaf = c->closing;
        break;

    case PEER_TYPE:
        committed = told = 1;
        lane->dirty = 1;
        type = types[peer_random(lane, sizeof(types) - 1)];
        n = 4 * peer_random(lane, 3);
        peer_add(&b, &type, 1);
        peer_int(&b, 4, 4 + n);
        peer_add(&b, "\0\0\0\0\0\0\0\0", n);
        peer_insert(c, at, b.data, b.len);
        break;

    case PEER_TWICE:
        committed = told = 1;
        lane->dirty = 1;
        len = c->answer.len;
        peer_add(&b, c->answer.data, len);
        peer_add(&c->answer, b.data, len);
        c->closing = 1;
        c->deaf = 1;
        break;

    case PEER_ROWS:
    case PEER_COLUMNS:
    case PEER_SHAPE:
    case PEER_HUGE:
        committed = 1;

        /* a record may have more columns; a text is a text */
        told = c->flight == PEER_READ && !lane->empty;
        lane->refused |= c->flight == PEER_READ || c->flight == PEER_LOOKUP;
        break;

    default:
        committed = told = 1;
    }

    free(b.data);

    if (c->fault != PEER_GOOD) {
        peer_tell(lane, c, faults[c->fault], at, committed);
    }

    if (c->flight == PEER_WRITE) {
        lane->committed |= committed;
        lane->told |= told;

    } else if (c->flight == PEER_READ) {
        lane->told |= told;
    }
}


static void
peer_insert(peer_conn_t *c, size_t at, const void *data, size_t len)
{
    peer_add(&c->answer, data, len);
    memmove(c->answer.data + at + len, c->answer.data + at,
            c->answer.len - len - at);
    memcpy(c->answer.data + at, data, len);
}


static void
peer_notice(peer_buf_t *b, int type, const char *severity,
    const char *sqlstate)
{
    char  body[100];
    int   n;

    n = snprintf(body, sizeof(body), "S%s%cV%s%cC%s%cMsomething%c", severity,
                 0, severity, 0, sqlstate, 0, 0);

    peer_int(b, 1, type);
    peer_int(b, 4, 4 + n + 1);
    peer_add(b, body, n);
    peer_add(b, "", 1);
}


/* what follows that message, but for the Sync's, is an error instead */

static void
peer_error(peer_lane_t *lane, peer_conn_t *c, unsigned msg,
    const char *severity)
{
    static const char *const  states[] = {
        "40001", "40P01", "57014", "57P01", "57P03", "25006", "53100",
        "53200", "53300", "23505", "22P02", "54000", "42883", "26000",
        "0A000", "XX000", "00000", "", "?????", "99999999", "08006"
    };

    int          row;
    unsigned     i;
    const char  *state;

    state = states[peer_random(lane, 21)];

    if ((state[0] == '2' && (state[1] == '2' || state[1] == '3'))
        || state[0] == '5')
    {
        lane->refused = 1;
    }

    if (msg > c->nmsgs - 1) {
        msg = c->nmsgs - 1;
    }

    /* an error with no row before it: not stored, the next run may be later */

    for (i = 0, row = 0; i < msg; i++) {
        row |= (c->answer.data[c->msgs[i]] == 'D');
    }

    if (!row) {
        lane->stamp = 0;
    }

    c->answer.len = c->msgs[msg];

    peer_notice(&c->answer, 'E', severity, state);
    peer_message(c, 'Z', "I", 1);

    peer_tell(lane, c, state, 0, 0);
}


static void
peer_tell(peer_lane_t *lane, peer_conn_t *c, const char *what, size_t at,
    int committed)
{
    size_t  len;

    len = strlen(lane->story);

    snprintf(lane->story + len, sizeof(lane->story) - len,
             "[%s at %zu of %zu, pieces %u%s] ", what, at, c->answer.len,
             c->pieces, committed ? ", committed" : "");
}
