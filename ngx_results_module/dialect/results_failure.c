
/*
 * Failures, and what is the same in the reply to them in every dialect: status,
 * headers and text.  The body is written by the dialect's error().
 */

#include <stdarg.h>
#include <string.h>

#include "results_request.h"


void
results_fail(results_request_t *r, int status, const char *fmt, ...)
{
    va_list  args;

    r->failure.status = status;

    va_start(args, fmt);
    r->failure.text = results_arena_vprintf(r->arena, fmt, args);
    va_end(args);
}


void
results_fail_reference(results_request_t *r, const results_record_t *record,
    const char *learner, const char *item)
{
    results_str_t  id;

    id = record->item_id;

    if (record->outcome == RESULTS_OUTCOME_UNKNOWN_LEARNER) {
        id = record->learner_id;
        item = learner;
    }

    results_fail(r, 404, "the %s \"%.*s\" is not known", item, (int) id.len,
                 id.data);
}


results_str_t
results_failure_text(const results_request_t *r)
{
    results_str_t  text;

    text = r->failure.text;

    if (text.data == NULL && r->errors.n) {
        text = results_errors_join(&r->errors);
    }

    if (text.len == 0) {
        text = results_str("the request failed");
    }

    return text;
}


results_str_t
results_allow_text(results_arena_t *arena, unsigned methods)
{
    size_t    len;
    unsigned  i;
    char      text[64];

    static const char *const  names[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
    };

    len = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (!(methods & (1u << i))) {
            continue;
        }

        if (len) {
            memcpy(text + len, ", ", 2);
            len += 2;
        }

        memcpy(text + len, names[i], strlen(names[i]));
        len += strlen(names[i]);
    }

    return results_arena_copy(arena, text, len);
}


void
results_reply_failure(results_request_t *r)
{
    /*
     * Without memory a valid request may look like an invalid one, and for a
     * 4xx clients do not send it again.
     */

    if (r->failure.status < 500 && results_arena_failed(r->arena)) {
        r->failure.status = 500;
        r->failure.text = results_str("out of memory");
    }

    r->reply.status = r->failure.status;
    r->reply.nheaders = 0;
    r->reply.body.len = 0;
    r->reply.body.failed = 0;

    switch (r->failure.status) {

    case 405:
        results_reply_header(r, "Allow",
                             results_allow_text(r->arena, r->failure.allow));
        break;

    case 429:
    case 503:
        results_reply_header(r, "Retry-After", results_str("1"));
        break;
    }
}


void
results_reply_header(results_request_t *r, const char *name,
    results_str_t value)
{
    results_header_t  *header;

    if (r->reply.nheaders == RESULTS_HEADERS_MAX || value.data == NULL) {
        return;
    }

    header = &r->reply.headers[r->reply.nheaders++];

    header->name = results_str(name);
    header->value = value;
}


/*
 * RFC 6750 3: there is no error code when no token was sent.  A 403 for another
 * reason than a scope gets no challenge, as another token would not help.
 */
void
results_reply_bearer(results_request_t *r, const char *realm)
{
    results_str_t  value;

    if (r->failure.status == 401) {
        value = results_arena_printf(r->arena, "Bearer realm=\"%s\"%s", realm,
                                     r->failure.token_sent
                                     ? ", error=\"invalid_token\"" : "");

    } else if (r->failure.status == 403 && r->failure.scope) {
        value = results_arena_printf(r->arena, "Bearer realm=\"%s\", "
                                     "error=\"insufficient_scope\", "
                                     "scope=\"%s\"", realm, r->failure.scope);

    } else {
        return;
    }

    results_reply_header(r, "WWW-Authenticate", value);
}


void
results_buf_dotted(results_buf_t *buf, results_str_t path)
{
    size_t       start;
    const char  *p, *end, *name;

    start = buf->len;
    end = path.data + path.len;

    for (p = path.data; p < end; /* void */ ) {

        name = ++p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p > name && (p == end || *p == '/')) {
            results_buf_puts(buf, "[");
            results_buf_append(buf, name, (size_t) (p - name));
            results_buf_puts(buf, "]");
            continue;
        }

        if (buf->len > start) {
            results_buf_puts(buf, ".");
        }

        for (p = name; p < end && *p != '/'; p++) {

            if (*p == '~' && p + 1 < end) {
                p++;
                results_buf_puts(buf, (*p == '1') ? "/" : "~");
                continue;
            }

            results_buf_append(buf, p, 1);
        }
    }
}
