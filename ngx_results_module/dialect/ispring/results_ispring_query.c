
/*
 * The query string of the module report as a call of results_api.read_report().
 * All wrong parameters are reported.  An unknown one is wrong, too: with a
 * misspelt filter the report would show everybody's results.
 */

#include <string.h>

#include "results_ispring.h"


#define RESULTS_ISPRING_ROWS      1000
#define RESULTS_ISPRING_ROWS_MAX  10000

/* microseconds */
#define RESULTS_ISPRING_SECOND    INT64_C(1000000)

/* at most so many characters of a name or value are quoted in an error */
#define RESULTS_ISPRING_QUOTED    64

/* the API has the user statuses 1, 3 and 5 */
#define RESULTS_ISPRING_ACTIVE    1


typedef enum {
    RESULTS_ISPRING_IDS,               /* lists, with or without "[]" */
    RESULTS_ISPRING_COMPLETIONS,
    RESULTS_ISPRING_USER_STATUSES,
    RESULTS_ISPRING_DATE,              /* this and the next: once at most */
    RESULTS_ISPRING_SIZE,
    RESULTS_ISPRING_TOKEN
} results_ispring_kind_e;


typedef struct {
    const char              *name;
    results_ispring_kind_e   kind;
    unsigned                 place;    /* index among those of its kind */
} results_ispring_param_t;


#define RESULTS_ISPRING_LISTS  6
#define RESULTS_ISPRING_DATES  6
#define RESULTS_ISPRING_WORDS  9


typedef struct results_ispring_id_s  results_ispring_id_t;

struct results_ispring_id_s {
    results_str_t            id;
    results_ispring_id_t    *next;
};


typedef struct {
    results_ispring_id_t    *ids[RESULTS_ISPRING_LISTS];
    int64_t                  dates[RESULTS_ISPRING_DATES];
    int                      completions[RESULTS_ISPRING_WORDS];
    unsigned                 ncompletions;
    int                      user_statuses[RESULTS_ISPRING_WORDS];
    unsigned                 nuser_statuses;
    unsigned                 seen;     /* bits by index in the parameters */
    unsigned                 size;
    results_ispring_key_t    after;
    const unsigned char     *secret;   /* NULL: tokens are not opened yet */
    int                      failed;   /* no memory */
} results_ispring_params_t;


static void results_ispring_param(results_request_t *r,
    results_ispring_params_t *params, results_str_t name,
    results_str_t value);
static const results_ispring_param_t *results_ispring_find(
    results_str_t name);
static void results_ispring_add_id(results_request_t *r,
    results_ispring_params_t *params, const results_ispring_param_t *param,
    results_str_t value);
static void results_ispring_add_number(int *numbers, unsigned *n, int number);
static int results_ispring_word(results_str_t value);
static int results_ispring_date(results_request_t *r, results_str_t value,
    unsigned last, int64_t *out);
static int results_ispring_size(results_str_t value, unsigned *out);
static void results_ispring_wrong(results_request_t *r, const char *name,
    results_str_t value, const char *expected);
static const char *results_ispring_quote(results_request_t *r,
    results_str_t text);
static void results_ispring_call(results_request_t *r, results_str_t manager,
    const results_ispring_params_t *params);
static void results_ispring_read_ids(results_request_t *r,
    const results_ispring_id_t *ids);


/* lists and dates in the order of read_report()'s parameters */
static const results_ispring_param_t  results_ispring_params[] = {
    { "userIds", RESULTS_ISPRING_IDS, 0 },
    { "courseIds", RESULTS_ISPRING_IDS, 1 },
    { "moduleIds", RESULTS_ISPRING_IDS, 2 },
    { "courseItemIds", RESULTS_ISPRING_IDS, 3 },
    { "enrollmentIds", RESULTS_ISPRING_IDS, 4 },
    { "departmentIds", RESULTS_ISPRING_IDS, 5 },
    { "completionStatuses", RESULTS_ISPRING_COMPLETIONS, 0 },
    { "completionStatus", RESULTS_ISPRING_COMPLETIONS, 0 },
    { "userStatuses", RESULTS_ISPRING_USER_STATUSES, 0 },
    { "accessDate[startDate]", RESULTS_ISPRING_DATE, 0 },
    { "accessDate[endDate]", RESULTS_ISPRING_DATE, 1 },
    { "dueDate[startDate]", RESULTS_ISPRING_DATE, 2 },
    { "dueDate[endDate]", RESULTS_ISPRING_DATE, 3 },
    { "completionDate[startDate]", RESULTS_ISPRING_DATE, 4 },
    { "completionDate[endDate]", RESULTS_ISPRING_DATE, 5 },
    { "pageSize", RESULTS_ISPRING_SIZE, 0 },
    { "pageToken", RESULTS_ISPRING_TOKEN, 0 },
    { NULL, 0, 0 }
};


int
results_ispring_query(results_request_t *r, results_str_t manager,
    results_ispring_page_t *page)
{
    unsigned                   i;
    results_str_t              query, name, value;
    results_ispring_params_t   params;

    memset(&params, 0, sizeof(results_ispring_params_t));

    params.size = RESULTS_ISPRING_ROWS;
    params.secret = page->keyed ? page->secret : NULL;

    for (i = 0; i < RESULTS_ISPRING_DATES; i++) {
        params.dates[i] = RESULTS_TIME_NULL;
    }

    query = r->query;

    while (results_form_next(r->arena, &query, &name, &value)) {

        if (name.data == NULL || value.data == NULL) {
            results_errors_add(&r->errors, "query",
                               "malformed percent-encoding");

        } else if (name.len || value.len) {
            results_ispring_param(r, &params, name, value);
        }
    }

    if (r->errors.n) {
        r->failure.status = 400;
        return -1;
    }

    page->size = params.size;

    results_ispring_call(r, manager, &params);

    if (params.failed || r->read.failed) {
        results_fail(r, 500, "out of memory");
        return -1;
    }

    return 0;
}


static void
results_ispring_param(results_request_t *r, results_ispring_params_t *params,
    results_str_t name, results_str_t value)
{
    int                             n;
    unsigned                        bit;
    const results_ispring_param_t  *param;

    param = results_ispring_find(name);

    if (param == NULL) {
        results_errors_add(&r->errors, results_ispring_quote(r, name),
                           "there is no such parameter");
        return;
    }

    bit = 1u << (param - results_ispring_params);

    if (param->kind >= RESULTS_ISPRING_DATE && (params->seen & bit)) {
        results_errors_add(&r->errors, param->name, "given twice");
        return;
    }

    params->seen |= bit;

    switch (param->kind) {

    case RESULTS_ISPRING_IDS:
        results_ispring_add_id(r, params, param, value);
        break;

    case RESULTS_ISPRING_COMPLETIONS:
        n = results_ispring_word(value);

        if (n == 0) {
            results_ispring_wrong(r, param->name, value, "not_started, "
                                  "in_progress, pending, complete, passed, "
                                  "accepted, incomplete, failed or declined");
            break;
        }

        results_ispring_add_number(params->completions, &params->ncompletions,
                                   n);
        break;

    case RESULTS_ISPRING_USER_STATUSES:

        if (value.len != 1 || strchr("135", value.data[0]) == NULL) {
            results_ispring_wrong(r, param->name, value, "1, 3 or 5");
            break;
        }

        results_ispring_add_number(params->user_statuses,
                                   &params->nuser_statuses,
                                   value.data[0] - '0');
        break;

    case RESULTS_ISPRING_DATE:

        if (results_ispring_date(r, value, param->place % 2,
                                 &params->dates[param->place])
            != 0)
        {
            results_ispring_wrong(r, param->name, value, "a date-time as "
                                  "2026-03-01T10:00:00Z");
        }

        break;

    case RESULTS_ISPRING_SIZE:

        if (results_ispring_size(value, &params->size) != 0) {
            results_ispring_wrong(r, param->name, value,
                                  "a number from 1 to 10000");
        }

        break;

    case RESULTS_ISPRING_TOKEN:

        if (value.len && params->secret
            && results_ispring_token_parse(r->arena,
                                           r->principal->institution_id,
                                           params->secret, value,
                                           &params->after)
               != 0)
        {
            results_ispring_wrong(r, param->name, value,
                                  "the nextPageToken of a page before");
        }
    }
}


static const results_ispring_param_t *
results_ispring_find(results_str_t name)
{
    results_str_t                   bare;
    const results_ispring_param_t  *param;

    bare = name;

    if (name.len > 2 && memcmp(name.data + name.len - 2, "[]", 2) == 0) {
        bare.len -= 2;
    }

    for (param = results_ispring_params; param->name; param++) {

        if (results_str_eq(param->kind < RESULTS_ISPRING_DATE ? bare : name,
                           results_str(param->name)))
        {
            return param;
        }
    }

    return NULL;
}


static void
results_ispring_add_id(results_request_t *r, results_ispring_params_t *params,
    const results_ispring_param_t *param, results_str_t value)
{
    int                    changed;
    results_ispring_id_t  *id;

    if (!results_id_valid(value)) {
        results_ispring_wrong(r, param->name, value,
                              "an id of 1 to 255 characters, none of them a "
                              "control character");
        return;
    }

    id = results_arena_alloc(r->arena, sizeof(results_ispring_id_t));

    if (id == NULL) {
        params->failed = 1;
        return;
    }

    id->id = results_id_normalize(r->arena, value, &changed);

    if (id->id.data == NULL) {
        params->failed = 1;
        return;
    }

    id->next = params->ids[param->place];
    params->ids[param->place] = id;
}


/* adds a number that is not there yet, so there is room for each */

static void
results_ispring_add_number(int *numbers, unsigned *n, int number)
{
    unsigned  i;

    for (i = 0; i < *n; i++) {
        if (numbers[i] == number) {
            return;
        }
    }

    numbers[(*n)++] = number;
}


/* the number of a completion's word; 0 when it is not one */

static int
results_ispring_word(results_str_t value)
{
    int          n;
    const char  *name;

    for (n = 1; (name = results_completion_name((results_completion_e) n));
         n++)
    {
        if (results_str_eq(value, results_str(name))) {
            return n;
        }
    }

    return 0;
}


/*
 * One end of a range of dates: 0 and *out, or -1.  The report shows times in
 * seconds, so a range includes the whole second of its last one.  A "+" that
 * was not percent-encoded has been decoded as a space: " 03:00" is "+03:00".
 */

static int
results_ispring_date(results_request_t *r, results_str_t value, unsigned last,
    int64_t *out)
{
    char     *p;
    int64_t   rest;

    if (value.len > 16 && value.data[value.len - 6] == ' ') {

        value = results_arena_copy(r->arena, value.data, value.len);

        if (value.data == NULL) {
            return -1;
        }

        p = (char *) value.data;
        p[value.len - 6] = '+';
    }

    if (results_time_parse(value, RESULTS_TIME_DATETIME, out) != 0) {
        return -1;
    }

    rest = (*out - RESULTS_TIME_MIN) % RESULTS_ISPRING_SECOND;
    *out += last ? RESULTS_ISPRING_SECOND - 1 - rest : -rest;

    return 0;
}


static int
results_ispring_size(results_str_t value, unsigned *out)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] < '0' || value.data[i] > '9') {
            return -1;
        }

        n = n * 10 + (value.data[i] - '0');

        if (n > RESULTS_ISPRING_ROWS_MAX) {
            return -1;
        }
    }

    if (n == 0) {
        return -1;
    }

    *out = n;

    return 0;
}


static void
results_ispring_wrong(results_request_t *r, const char *name,
    results_str_t value, const char *expected)
{
    results_errors_add(&r->errors, name, "\"%s\" is not %s",
                       results_ispring_quote(r, value), expected);
}


/* a client's text for an error: its printable ASCII, cut when it is long */

static const char *
results_ispring_quote(results_request_t *r, results_str_t text)
{
    char    *out;
    size_t   i, n;

    n = text.len;

    if (n > RESULTS_ISPRING_QUOTED) {
        n = RESULTS_ISPRING_QUOTED;
    }

    out = results_arena_alloc(r->arena, n + sizeof("..."));

    if (out == NULL) {
        return "";
    }

    for (i = 0; i < n; i++) {
        out[i] = (text.data[i] >= ' ' && text.data[i] <= '~') ? text.data[i]
                                                              : '?';
    }

    memcpy(out + n, n < text.len ? "..." : "", n < text.len ? 4 : 1);

    return out;
}


static void
results_ispring_call(results_request_t *r, results_str_t manager,
    const results_ispring_params_t *params)
{
    unsigned  i;

    static const int  active = RESULTS_ISPRING_ACTIVE;

    results_read_init(&r->read, r->arena, RESULTS_READ_REPORT);

    results_read_int(&r->read, r->principal->institution_id);
    results_read_text(&r->read, manager);

    for (i = 0; i < RESULTS_ISPRING_LISTS; i++) {
        results_ispring_read_ids(r, params->ids[i]);
    }

    for (i = 0; i < RESULTS_ISPRING_DATES; i++) {
        results_read_time(&r->read, params->dates[i]);
    }

    if (params->ncompletions) {
        results_read_ints(&r->read, params->completions,
                          params->ncompletions);

    } else {
        results_read_null(&r->read);
    }

    if (params->nuser_statuses) {
        results_read_ints(&r->read, params->user_statuses,
                          params->nuser_statuses);

    } else {
        results_read_ints(&r->read, &active, 1);
    }

    results_read_text(&r->read, params->after.learner);
    results_read_text(&r->read, params->after.item);
    results_read_text(&r->read, params->after.enrollment);

    results_read_int(&r->read, (int64_t) params->size + 1);
}


static void
results_ispring_read_ids(results_request_t *r,
    const results_ispring_id_t *ids)
{
    unsigned                     n;
    results_str_t               *values;
    const results_ispring_id_t  *id;

    if (ids == NULL) {
        results_read_null(&r->read);
        return;
    }

    n = 0;

    for (id = ids; id; id = id->next) {
        n++;
    }

    values = results_arena_alloc(r->arena, n * sizeof(results_str_t));

    if (values == NULL) {
        r->read.failed = 1;
        return;
    }

    for (n = 0, id = ids; id; id = id->next) {
        values[n++] = id->id;
    }

    results_read_texts(&r->read, values, n);
}
