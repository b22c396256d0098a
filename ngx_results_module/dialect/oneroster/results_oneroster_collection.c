
/*
 * GET of a collection, for both OneRoster dialects: parse() makes a call of the
 * query string, row() writes an object for each row, finish() ends the list.
 * What row() has written may be sent before the next row (results_dialect.h),
 * so the headers are set with the first one.
 *
 * r->state is a results_oneroster_page_t.
 */

#include <inttypes.h>
#include <string.h>

#include "results_oneroster_collection.h"


static results_next_e results_oneroster_collection(results_request_t *r,
    const results_oneroster_owner_t *owner);
static void results_oneroster_list_start(results_request_t *r);
static results_str_t results_oneroster_list_links(results_request_t *r);
static void results_oneroster_list_link(results_request_t *r,
    results_buf_t *buf, const char *relation, int64_t offset);
static void results_oneroster_list_query(results_request_t *r,
    results_buf_t *buf);
static void results_oneroster_list_uri(results_buf_t *buf,
    results_str_t text);


results_next_e
results_oneroster_list(results_request_t *r)
{
    results_oneroster_owner_t  owner;

    memset(&owner, 0, sizeof(results_oneroster_owner_t));

    return results_oneroster_collection(r, &owner);
}


/* classes/{classSourcedId}/... */
results_next_e
results_oneroster_list_class(results_request_t *r)
{
    results_oneroster_owner_t  owner;

    memset(&owner, 0, sizeof(results_oneroster_owner_t));

    owner.course = r->params[0];

    return results_oneroster_collection(r, &owner);
}


results_next_e
results_oneroster_list_student(results_request_t *r)
{
    results_oneroster_owner_t  owner;

    memset(&owner, 0, sizeof(results_oneroster_owner_t));

    owner.course = r->params[0];
    owner.learner = r->params[1];

    return results_oneroster_collection(r, &owner);
}


results_next_e
results_oneroster_list_line_item(results_request_t *r)
{
    results_oneroster_owner_t  owner;

    memset(&owner, 0, sizeof(results_oneroster_owner_t));

    owner.course = r->params[0];
    owner.item = r->params[1];

    return results_oneroster_collection(r, &owner);
}


static results_next_e
results_oneroster_collection(results_request_t *r,
    const results_oneroster_owner_t *owner)
{
    results_oneroster_page_t  *page;

    page = results_arena_calloc(r->arena, sizeof(results_oneroster_page_t));

    if (page == NULL || results_oneroster_links(r, &page->links) != 0) {
        results_fail(r, 500, "out of memory");
        return RESULTS_NEXT_REPLY;
    }

    page->model = *results_oneroster_route_model(r);
    page->flags = results_oneroster_flags(r);
    page->total = -1;

    if (results_oneroster_query(r, owner, page) != 0) {
        return RESULTS_NEXT_REPLY;
    }

    r->state = page;

    return RESULTS_NEXT_READ;
}


void
results_oneroster_list_row(results_request_t *r, const results_str_t *values,
    unsigned nvalues)
{
    results_arena_t           *arena;
    results_value_t           *detail;
    results_record_t           record;
    results_oneroster_page_t  *page;

    page = r->state;

    if (values == NULL) {
        page->total = -1;
        page->more = 0;
        return;
    }

    if (nvalues <= RESULTS_RECORD_COLUMNS) {
        results_fail(r, 500, "the database answered in an unknown form");
        return;
    }

    if (page->total < 0) {
        page->total = results_read_int_column(values[RESULTS_RECORD_COLUMNS],
                                              -1);
        results_oneroster_list_start(r);
    }

    /* an empty page is one row, which has nothing but the total */

    if (values[0].data == NULL) {
        return;
    }

    /* a page may have thousands of rows, so each has an arena of its own */

    arena = results_arena_create();

    if (arena == NULL) {
        results_fail(r, 500, "out of memory");
        return;
    }

    /* a row that can't be shown is left out, but counts for the total */

    if (results_oneroster_row(r, arena, values, nvalues, &page->model,
                              &record, &detail)
        != 0)
    {
        results_arena_destroy(arena);
        return;
    }

    if (page->more) {
        results_buf_puts(&r->reply.body, ",");
    }

    page->more = 1;

    results_oneroster_render(&r->reply.body, &record, detail, &page->model,
                             page->flags, &page->links);
    results_arena_destroy(arena);
}


results_next_e
results_oneroster_list_finish(results_request_t *r)
{
    int64_t                    count;
    results_buf_t             *buf;
    results_oneroster_page_t  *page;

    page = r->state;
    buf = &r->reply.body;

    if (r->failure.status) {
        return RESULTS_NEXT_REPLY;
    }

    if (page->total < 0) {
        results_fail(r, 500, "the database answered in an unknown form");
        return RESULTS_NEXT_REPLY;
    }

    results_buf_puts(buf, "]");

    if (!(page->flags & RESULTS_ONEROSTER_STRICT)) {
        count = (page->total + page->limit - 1) / page->limit;

        results_buf_printf(buf, ",\"totalCount\":%" PRId64
                                ",\"pageCount\":%" PRId64
                                ",\"pageNumber\":%" PRId64
                                ",\"offset\":%" PRId64 ",\"limit\":%" PRId64,
                           page->total, count,
                           page->offset / page->limit + 1, page->offset,
                           page->limit);
    }

    results_buf_puts(buf, "}");

    return RESULTS_NEXT_REPLY;
}


static void
results_oneroster_list_start(results_request_t *r)
{
    results_oneroster_page_t  *page;

    page = r->state;

    r->reply.status = 200;
    r->reply.content_type = results_str("application/json");

    results_reply_header(r, "X-Total-Count",
                         results_arena_printf(r->arena, "%" PRId64,
                                              page->total));
    results_reply_header(r, "Link", results_oneroster_list_links(r));

    results_buf_printf(&r->reply.body, "{\"%s\":[", page->model.collection);
}


/* the Link header (RFC 8288); behind the end "prev" is the last page */
static results_str_t
results_oneroster_list_links(results_request_t *r)
{
    int64_t                    last;
    results_buf_t              buf;
    results_str_t              links;
    results_oneroster_page_t  *page;

    page = r->state;

    memset(&buf, 0, sizeof(results_buf_t));

    last = (page->total > 0)
           ? (page->total - 1) / page->limit * page->limit : 0;

    if (page->offset + page->limit < page->total) {
        results_oneroster_list_link(r, &buf, "next",
                                    page->offset + page->limit);
    }

    results_oneroster_list_link(r, &buf, "last", last);
    results_oneroster_list_link(r, &buf, "first", 0);

    if (page->offset > page->total) {
        results_oneroster_list_link(r, &buf, "prev", last);

    } else if (page->offset > 0) {
        results_oneroster_list_link(r, &buf, "prev",
                                    (page->offset > page->limit)
                                    ? page->offset - page->limit : 0);
    }

    links = buf.failed ? results_str(NULL)
                       : results_arena_copy(r->arena, buf.data, buf.len);

    results_buf_free(&buf);

    return links;
}


static void
results_oneroster_list_link(results_request_t *r, results_buf_t *buf,
    const char *relation, int64_t offset)
{
    results_oneroster_page_t  *page;

    page = r->state;

    results_buf_puts(buf, buf->len ? ", <" : "<");
    results_oneroster_list_uri(buf, r->base);
    results_oneroster_list_uri(buf, r->path);
    results_buf_printf(buf, "?limit=%" PRId64 "&offset=%" PRId64,
                       page->limit, offset);
    results_oneroster_list_query(r, buf);
    results_buf_printf(buf, ">; rel=\"%s\"", relation);
}


/* appends the query string without limit and offset, as it came */
static void
results_oneroster_list_query(results_request_t *r, results_buf_t *buf)
{
    const char     *p, *end, *next;
    results_str_t   pair, form, name, value;

    end = r->query.data + r->query.len;

    for (p = r->query.data; p < end; p = next + 1) {

        next = memchr(p, '&', (size_t) (end - p));
        if (next == NULL) {
            next = end;
        }

        pair.data = p;
        pair.len = (size_t) (next - p);
        form = pair;

        if (!results_form_next(r->arena, &form, &name, &value)
            || results_str_is(name, "limit") || results_str_is(name, "offset"))
        {
            continue;
        }

        results_buf_puts(buf, "&");
        results_oneroster_list_uri(buf, pair);
    }
}


/*
 * What is no character of a URI (RFC 3986) is percent-encoded, and so are
 * commas, at which clients split the header.
 */
static void
results_oneroster_list_uri(results_buf_t *buf, results_str_t text)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < text.len; i++) {
        c = (unsigned char) text.data[i];

        if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9')
            || (c && strchr("-._~:/?@!$&'()*+;=%[]", c)))
        {
            results_buf_append(buf, &text.data[i], 1);

        } else {
            results_buf_printf(buf, "%%%02X", c);
        }
    }
}
