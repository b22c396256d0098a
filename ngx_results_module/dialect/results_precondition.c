
/*
 * Preconditions: see results_precondition.h.  Those of a GET, HEAD or PATCH are
 * evaluated here, for a record that was read.  Those of a PUT or DELETE are
 * written as text for sql/write.sql, which evaluates them for the row that it
 * has locked.  If-Match takes precedence over If-Unmodified-Since, and
 * If-None-Match over If-Modified-Since; an invalid date is ignored (RFC 9110
 * 13.1, 13.2.2).
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "results_precondition.h"


#define RESULTS_SECOND  INT64_C(1000000)


typedef enum {
    RESULTS_TAGS_MALFORMED = -1,
    RESULTS_TAGS_NONE,             /* none of them is the record's */
    RESULTS_TAGS_MATCH,
    RESULTS_TAGS_ANY               /* the list is "*" */
} results_tags_e;


typedef struct {
    results_str_t           tag;       /* without its quotes */
    unsigned                weak:1;    /* W/"tag" */
} results_etag_t;


static results_str_t results_etag(results_request_t *r,
    const results_record_t *record);
static results_tags_e results_etags_match(results_str_t list,
    results_str_t etag, unsigned weak);
static int results_etags_write(results_request_t *r, results_str_t list,
    unsigned weak, results_buf_t *buf);
static int results_etag_next(results_str_t *list, results_etag_t *etag);
static int results_etag_ours(const results_request_t *r, results_str_t *tag);
static const char *results_etag_skip(results_str_t list);
static void results_etag_malformed(results_request_t *r, const char *name);


int
results_validators(results_request_t *r, const results_record_t *record)
{
    char           date[RESULTS_TIME_HTTP_LEN];
    int64_t        now, stamp;
    results_str_t  etag, modified;

    if (record->status != RESULTS_STATUS_ACTIVE) {
        return 0;
    }

    /* Last-Modified must not be later than Date: RFC 9110 8.8.2.1 */

    now = results_time_now();
    stamp = (record->stamp < now) ? record->stamp : now;

    results_time_format_http(stamp, date);

    etag = results_etag(r, record);
    modified = results_arena_copy(r->arena, date, RESULTS_TIME_HTTP_LEN);

    if (etag.data == NULL || modified.data == NULL) {
        results_fail(r, 500, "out of memory");
        return -1;
    }

    results_reply_header(r, "ETag", etag);
    results_reply_header(r, "Last-Modified", modified);

    return 0;
}


int
results_precondition_check(results_request_t *r,
    const results_record_t *stored)
{
    int             safe;
    int64_t         second, date;
    results_str_t   etag;
    results_tags_e  tags;

    if (r->if_match.data == NULL && r->if_none_match.data == NULL
        && r->if_modified_since.data == NULL
        && r->if_unmodified_since.data == NULL)
    {
        return 0;
    }

    etag = results_etag(r, stored);

    if (etag.data == NULL) {
        results_fail(r, 500, "out of memory");
        return 500;
    }

    safe = (r->method & (RESULTS_METHOD_GET|RESULTS_METHOD_HEAD)) != 0;
    second = stored->stamp - stored->stamp % RESULTS_SECOND;

    if (r->if_match.data) {
        tags = results_etags_match(r->if_match, etag, 0);

        if (tags == RESULTS_TAGS_MALFORMED) {
            results_etag_malformed(r, "If-Match");
            return 400;
        }

        if (tags == RESULTS_TAGS_NONE) {
            goto failed;
        }

    } else if (results_time_parse_http(r->if_unmodified_since, &date) == 0
               && second > date)
    {
        goto failed;
    }

    if (r->if_none_match.data) {
        tags = results_etags_match(r->if_none_match, etag, 1);

        if (tags == RESULTS_TAGS_MALFORMED && !safe) {
            results_etag_malformed(r, "If-None-Match");
            return 400;
        }

        if (tags < RESULTS_TAGS_MATCH) {
            return 0;
        }

        if (!safe) {
            goto failed;
        }

    } else if (!safe
               || results_time_parse_http(r->if_modified_since, &date) != 0
               || second > date)
    {
        return 0;
    }

    r->reply.status = 304;

    return results_validators(r, stored) == 0 ? 304 : 500;

failed:

    results_precondition_failed(r);
    return 412;
}


int
results_precondition_was_met(const results_request_t *r,
    const results_record_t *stored, const results_record_t *merged)
{
    char            version[16];
    results_str_t   list, text;
    results_etag_t  etag;

    if (stored->client_id != merged->client_id
        || stored->payload_hash != merged->payload_hash
        || r->if_none_match.data)
    {
        return 0;
    }

    if (r->if_match.data == NULL) {
        return 1;
    }

    text.data = version;
    text.len = (size_t) snprintf(version, sizeof(version), "%" PRId32 "-",
                                 stored->version - 1);

    list = r->if_match;

    while (results_etag_next(&list, &etag) > 0) {
        if (!etag.weak && results_etag_ours(r, &etag.tag)
            && etag.tag.len > text.len
            && memcmp(etag.tag.data, text.data, text.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


int
results_precondition_guard(results_request_t *r, results_record_t *record)
{
    int64_t        date;
    results_buf_t  buf;

    memset(&buf, 0, sizeof(results_buf_t));

    if (r->if_match.data) {

        if (results_etags_write(r, r->if_match, 0, &buf) != 0) {
            results_etag_malformed(r, "If-Match");
            goto failed;
        }

    } else if (results_time_parse_http(r->if_unmodified_since, &date) == 0) {
        results_buf_printf(&buf, "<%" PRId64, date + RESULTS_SECOND);
    }

    results_buf_puts(&buf, ";");

    if (r->if_none_match.data
        && results_etags_write(r, r->if_none_match, 1, &buf) != 0)
    {
        results_etag_malformed(r, "If-None-Match");
        goto failed;
    }

    if (buf.len > 1) {
        record->guards |= RESULTS_GUARD_PRECONDITIONS;
        record->actor_id = results_arena_copy(r->arena, buf.data, buf.len);
    }

    if (buf.failed || (buf.len > 1 && record->actor_id.data == NULL)) {
        results_fail(r, 500, "out of memory");
        goto failed;
    }

    results_buf_free(&buf);

    return 0;

failed:

    results_buf_free(&buf);

    return -1;
}


void
results_precondition_failed(results_request_t *r)
{
    results_fail(r, 412, "it is not, or no longer, what the precondition of "
                 "this request names");
}


/* the entity tag of a record, in its quotes; no value without memory */
static results_str_t
results_etag(results_request_t *r, const results_record_t *record)
{
    return results_arena_printf(r->arena, "\"%c%" PRId32 "-%" PRId64 "\"",
                                r->dialect->name[0], record->version,
                                record->stamp);
}


static results_tags_e
results_etags_match(results_str_t list, results_str_t etag, unsigned weak)
{
    int             rc;
    results_etag_t  one;
    results_tags_e  found;

    if (results_str_is(list, "*")) {
        return RESULTS_TAGS_ANY;
    }

    etag.data++;
    etag.len -= 2;

    found = RESULTS_TAGS_NONE;

    while ((rc = results_etag_next(&list, &one)) > 0) {
        if ((weak || !one.weak) && results_str_eq(one.tag, etag)) {
            found = RESULTS_TAGS_MATCH;
        }
    }

    return (rc < 0) ? RESULTS_TAGS_MALFORMED : found;
}


/*
 * Appends the tags of a list that this dialect may have made, in the form of
 * sql/write.sql: 0, or -1 when the list is malformed.  weak: weak tags count.
 */
static int
results_etags_write(results_request_t *r, results_str_t list, unsigned weak,
    results_buf_t *buf)
{
    int             rc;
    const char     *before;
    results_etag_t  etag;

    if (results_str_is(list, "*")) {
        results_buf_puts(buf, "*");
        return 0;
    }

    before = "=";

    if (!weak) {
        results_buf_puts(buf, before);
        before = "";
    }

    while ((rc = results_etag_next(&list, &etag)) > 0) {
        if ((weak || !etag.weak) && results_etag_ours(r, &etag.tag)) {
            results_buf_puts(buf, before);
            results_buf_str(buf, etag.tag);
            before = ",";
        }
    }

    return rc;
}


/* takes the next tag off a list: 1, 0 at its end, -1 when it is malformed */
static int
results_etag_next(results_str_t *list, results_etag_t *etag)
{
    const char  *p, *end;

    end = list->data + list->len;
    p = results_etag_skip(*list);

    if (p == end) {
        return 0;
    }

    etag->weak = (end - p > 2 && p[0] == 'W' && p[1] == '/');

    if (etag->weak) {
        p += 2;
    }

    if (*p != '"') {
        return -1;
    }

    etag->tag.data = ++p;

    /* RFC 9110 8.8.3, etagc: no space, no control character */

    while (p < end && *p != '"' && (unsigned char) *p > ' ' && *p != 0x7f) {
        p++;
    }

    if (p == end || *p != '"') {
        return -1;
    }

    etag->tag.len = (size_t) (p++ - etag->tag.data);

    list->data = p;
    list->len = (size_t) (end - p);

    /* a tag is followed by a comma or the end */

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return (p == end || *p == ',') ? 1 : -1;
}


/* 1 when a tag has the form of results_etag(): removes its letter */
static int
results_etag_ours(const results_request_t *r, results_str_t *tag)
{
    size_t    i;
    unsigned  dashes;

    dashes = 0;

    if (tag->len < 4 || tag->data[0] != r->dialect->name[0]) {
        return 0;
    }

    for (i = 1; i < tag->len; i++) {
        if (tag->data[i] == '-') {
            dashes++;

        } else if (tag->data[i] < '0' || tag->data[i] > '9') {
            return 0;
        }
    }

    tag->data++;
    tag->len--;

    return dashes == 1;
}


/* skips white space and empty list elements */
static const char *
results_etag_skip(results_str_t list)
{
    const char  *p, *end;

    p = list.data;
    end = p + list.len;

    while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
        p++;
    }

    return p;
}


static void
results_etag_malformed(results_request_t *r, const char *name)
{
    results_fail(r, 400, "%s must be \"*\" or a list of entity tags in "
                 "quotes", name);
}
