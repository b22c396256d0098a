
/*
 * The dialect `ispring`: GET learners/modules/results as iSpring Learn serves
 * it, in XML or JSON (docs/api/ispring.md).  A request reads the key of page
 * tokens first, then the page.  sql/report.sql decides which rows there are;
 * each is written to the reply as it comes.
 */

#include <string.h>

#include "results_ispring.h"


#define RESULTS_ISPRING_REALM  "results"


static results_next_e results_ispring_parse(results_request_t *r);
static results_str_t results_ispring_manager(const results_request_t *r);
static void results_ispring_start(results_request_t *r);
static void results_ispring_row(results_request_t *r,
    const results_str_t *values, unsigned nvalues);
static int results_ispring_keep(results_request_t *r,
    results_ispring_page_t *page, const results_str_t *values);
static results_next_e results_ispring_finish(results_request_t *r);
static void results_ispring_error(results_request_t *r);


/* the first is the default, without an Accept header */
static const char *const  results_ispring_types[] = {
    "application/xml",
    "text/xml",
    "application/json",
    NULL
};

#define RESULTS_ISPRING_JSON  2


static const results_route_t  results_ispring_routes[] = {

    { RESULTS_METHOD_GET, "", 0, 0,
      results_ispring_parse, results_ispring_finish, results_ispring_row },

    { RESULTS_METHOD_GET, "learners/modules/results", 0, 0,
      results_ispring_parse, results_ispring_finish, results_ispring_row },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_ispring = {
    "ispring",
    results_ispring_routes,
    NULL,
    NULL,
    RESULTS_AUTH_BARE,
    results_ispring_error
};


static results_next_e
results_ispring_parse(results_request_t *r)
{
    int                      type;
    results_ispring_page_t  *page;

    switch (r->principal->role) {

    case RESULTS_ROLE_ACCOUNT_OWNER:
    case RESULTS_ROLE_ACCOUNT_ADMIN:
    case RESULTS_ROLE_DEPARTMENT_ADMIN:
    case RESULTS_ROLE_CUSTOM:
        break;

    default:
        results_fail(r, 403, "the caller's role does not allow it to see the "
                     "results of others");
        return RESULTS_NEXT_REPLY;
    }

    type = results_accept(r->accept, results_ispring_types);

    if (type < 0) {
        results_fail(r, 406, "the report is there as application/xml, "
                     "text/xml and application/json");
        return RESULTS_NEXT_REPLY;
    }

    page = results_arena_calloc(r->arena, sizeof(results_ispring_page_t));

    if (page == NULL) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    page->type = type;
    page->json = (type == RESULTS_ISPRING_JSON);

    /* a wrong query is refused before anything is read */

    if (results_ispring_query(r, results_ispring_manager(r), page) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    r->state = page;

    results_read_init(&r->read, r->arena, RESULTS_READ_PAGE_KEY);

    return RESULTS_NEXT_READ;
}


/* the person whose departments limit the report; no value: nothing does */

static results_str_t
results_ispring_manager(const results_request_t *r)
{
    results_str_t  manager;

    manager = results_str(NULL);

    if (r->principal->role == RESULTS_ROLE_DEPARTMENT_ADMIN
        || r->principal->role == RESULTS_ROLE_CUSTOM)
    {
        manager.data = r->principal->person;
        manager.len = r->principal->person_len;
    }

    return manager;
}


/* begins the document; called again when the read is made again */

static void
results_ispring_start(results_request_t *r)
{
    results_ispring_page_t  *page;

    page = r->state;

    page->more = 0;
    page->rows = 0;

    r->reply.status = 200;
    r->reply.content_type = results_str(results_ispring_types[page->type]);

    results_ispring_write_start(&r->reply.body, page->json);
}


/*
 * Another page follows when there is one row more than the page holds, or a row
 * without a completion: that one is the key at which the database stopped.
 */

static void
results_ispring_row(results_request_t *r, const results_str_t *values,
    unsigned nvalues)
{
    results_ispring_page_t  *page;

    page = r->state;

    if (r->read.function == RESULTS_READ_PAGE_KEY) {

        if (nvalues == 1 && values[0].len == RESULTS_SEAL_KEY) {
            memcpy(page->secret, values[0].data, RESULTS_SEAL_KEY);
            page->keyed = 1;
        }

        return;
    }

    if (values == NULL) {
        results_ispring_start(r);
        return;
    }

    if (nvalues != RESULTS_ISPRING_COLUMNS) {
        results_fail(r, 500, "a row of another form came back");
        return;
    }

    if (page->rows == page->size) {
        page->more = 1;
        return;
    }

    if (values[RESULTS_ISPRING_COMPLETION].data == NULL) {
        page->more = 1;

    } else {
        results_ispring_write_row(&r->reply.body, page->json, page->rows == 0,
                                  values);
        page->rows++;
    }

    if ((page->more || page->rows == page->size)
        && results_ispring_keep(r, page, values) != 0)
    {
        results_fail(r, 500, "out of memory");
    }
}


static int
results_ispring_keep(results_request_t *r, results_ispring_page_t *page,
    const results_str_t *values)
{
    unsigned        i;
    results_str_t  *part;

    static const results_ispring_column_e  columns[] = {
        RESULTS_ISPRING_USER_ID, RESULTS_ISPRING_COURSE_ITEM_ID,
        RESULTS_ISPRING_ENROLLMENT_ID
    };

    results_str_t *const  parts[] = {
        &page->last.learner, &page->last.item, &page->last.enrollment
    };

    for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {

        part = parts[i];
        *part = values[columns[i]];

        if (part->data == NULL) {
            continue;
        }

        *part = results_arena_copy(r->arena, part->data, part->len);

        if (part->data == NULL) {
            return -1;
        }
    }

    return 0;
}


static results_next_e
results_ispring_finish(results_request_t *r)
{
    results_str_t            token;
    results_ispring_page_t  *page;

    page = r->state;
    token = results_str(NULL);

    if (r->failure.status) {
        return RESULTS_NEXT_REPLY;
    }

    if (r->read.function == RESULTS_READ_PAGE_KEY) {

        if (!page->keyed) {
            results_fail(r, 500, "the key of page tokens is not there");
            return RESULTS_NEXT_REPLY;
        }

        if (results_ispring_query(r, results_ispring_manager(r), page) != 0) {
            return RESULTS_NEXT_REPLY;
        }

        results_ispring_start(r);

        return RESULTS_NEXT_READ;
    }

    if (page->more) {
        token = results_ispring_token(r->arena, r->principal->institution_id,
                                      page->secret, &page->last);

        if (token.data == NULL) {
            results_fail(r, 500, "out of memory");
            return RESULTS_NEXT_REPLY;
        }
    }

    results_ispring_write_end(&r->reply.body, page->json, token);

    return RESULTS_NEXT_REPLY;
}


/* dialect->error(): in the format that Accept asks for, or XML */

static void
results_ispring_error(results_request_t *r)
{
    int  type;

    results_reply_failure(r);
    results_reply_bearer(r, RESULTS_ISPRING_REALM);

    type = results_accept(r->accept, results_ispring_types);

    if (type < 0) {
        type = 0;
    }

    r->reply.content_type = results_str(results_ispring_types[type]);

    results_ispring_write_error(&r->reply.body, type == RESULTS_ISPRING_JSON,
                                r->failure.status, results_failure_text(r));
}
