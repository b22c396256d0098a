
/*
 * The module report as XML or JSON, from one table of fields.  Rows are columns
 * in binary; a field without a value is left out.
 */

#include <inttypes.h>
#include <math.h>

#include "results_ispring.h"


typedef enum {
    RESULTS_ISPRING_TEXT,
    RESULTS_ISPRING_TIME,
    RESULTS_ISPRING_INTEGER,
    RESULTS_ISPRING_NUMBER,
    RESULTS_ISPRING_BOOLEAN,
    RESULTS_ISPRING_WORD               /* a completion */
} results_ispring_type_e;


typedef struct {
    const char              *name;
    results_ispring_type_e   type;
} results_ispring_field_t;


static int results_ispring_value(results_buf_t *buf, int json,
    results_ispring_type_e type, results_str_t value);
static void results_ispring_text(results_buf_t *buf, int json,
    results_str_t text);
static void results_ispring_xml_text(results_buf_t *buf, results_str_t text);
static int results_ispring_xml_char(const char *p, size_t n);


/* indexed by the columns of read_report() */
static const results_ispring_field_t
    results_ispring_fields[RESULTS_ISPRING_COLUMNS] =
{
    { "userId", RESULTS_ISPRING_TEXT },
    { "courseId", RESULTS_ISPRING_TEXT },
    { "moduleTitle", RESULTS_ISPRING_TEXT },
    { "moduleId", RESULTS_ISPRING_TEXT },
    { "courseItemId", RESULTS_ISPRING_TEXT },
    { "enrollmentId", RESULTS_ISPRING_TEXT },
    { "accessDate", RESULTS_ISPRING_TIME },
    { "dueDate", RESULTS_ISPRING_TIME },
    { "expirationDate", RESULTS_ISPRING_TIME },
    { "completionDate", RESULTS_ISPRING_TIME },
    { "timeSpent", RESULTS_ISPRING_INTEGER },
    { "completionStatus", RESULTS_ISPRING_WORD },
    { "progress", RESULTS_ISPRING_NUMBER },
    { "isOverdue", RESULTS_ISPRING_BOOLEAN },
    { "viewsCount", RESULTS_ISPRING_INTEGER },
    { "awardedScore", RESULTS_ISPRING_NUMBER },
    { "passingScore", RESULTS_ISPRING_NUMBER }
};


static const char  results_ispring_xml[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";


void
results_ispring_write_start(results_buf_t *buf, int json)
{
    if (json) {
        results_buf_puts(buf, "{\"results\":[");
        return;
    }

    results_buf_puts(buf, results_ispring_xml);
    results_buf_puts(buf, "<response><results>");
}


void
results_ispring_write_row(results_buf_t *buf, int json, int first,
    const results_str_t *values)
{
    size_t                          len;
    unsigned                        i;
    const char                     *separator;
    const results_ispring_field_t  *field;

    results_buf_puts(buf, json ? (first ? "{" : ",{") : "<result>");

    separator = "";

    for (i = 0; i < RESULTS_ISPRING_COLUMNS; i++) {

        field = &results_ispring_fields[i];

        if (values[i].data == NULL) {
            continue;
        }

        len = buf->len;

        results_buf_printf(buf, json ? "%s\"%s\":" : "%s<%s>", separator,
                           field->name);

        if (results_ispring_value(buf, json, field->type, values[i]) != 0) {
            buf->len = len;
            continue;
        }

        if (json) {
            separator = ",";

        } else {
            results_buf_printf(buf, "</%s>", field->name);
        }
    }

    results_buf_puts(buf, json ? "}" : "</result>");
}


void
results_ispring_write_end(results_buf_t *buf, int json,
    results_str_t next_page_token)
{
    results_buf_puts(buf, json ? "]" : "</results>");

    if (next_page_token.data) {
        results_buf_puts(buf, json ? ",\"nextPageToken\":\""
                                   : "<nextPageToken>");
        results_buf_str(buf, next_page_token);
        results_buf_puts(buf, json ? "\"" : "</nextPageToken>");
    }

    results_buf_puts(buf, json ? "}" : "</response>\n");
}


void
results_ispring_write_error(results_buf_t *buf, int json, int code,
    results_str_t message)
{
    if (json) {
        results_buf_printf(buf, "{\"code\":%d,\"message\":", code);

    } else {
        results_buf_puts(buf, results_ispring_xml);
        results_buf_printf(buf, "<response><code>%d</code><message>", code);
    }

    results_ispring_text(buf, json, message);

    results_buf_puts(buf, json ? "}" : "</message></response>\n");
}


/*
 * Writes a value: 0, or -1 when it can't be shown, as a time that is not in the
 * years 1 to 9999
 */

static int
results_ispring_value(results_buf_t *buf, int json,
    results_ispring_type_e type, results_str_t value)
{
    char         text[RESULTS_TIME_MILLIS_LEN];
    double       number;
    int64_t      integer;
    const char  *word;

    switch (type) {

    case RESULTS_ISPRING_TEXT:
        results_ispring_text(buf, json, value);
        return 0;

    case RESULTS_ISPRING_TIME:
        integer = results_read_time_column(value);

        if (integer < RESULTS_TIME_MIN || integer > RESULTS_TIME_MAX) {
            return -1;
        }

        /* the text without its ".mmmZ" */

        results_time_format_millis(integer, text);
        results_buf_printf(buf, json ? "\"%.19s+00:00\"" : "%.19s+00:00",
                           text);
        return 0;

    case RESULTS_ISPRING_INTEGER:
        results_buf_printf(buf, "%" PRId64,
                           results_read_int_column(value, 0));
        return 0;

    case RESULTS_ISPRING_NUMBER:
        number = results_read_double_column(value);

        if (!isfinite(number)) {
            return -1;
        }

        results_buf_json_number(buf, number);
        return 0;

    case RESULTS_ISPRING_BOOLEAN:
        integer = results_read_int_column(value, 0);

        results_buf_puts(buf, json ? (integer ? "true" : "false")
                                   : (integer ? "1" : "0"));
        return 0;

    default: /* RESULTS_ISPRING_WORD */
        integer = results_read_int_column(value, 0);
        word = results_completion_name((results_completion_e) integer);

        if (word == NULL) {
            return -1;
        }

        results_buf_printf(buf, json ? "\"%s\"" : "%s", word);
        return 0;
    }
}


static void
results_ispring_text(results_buf_t *buf, int json, results_str_t text)
{
    if (json) {
        results_buf_json_string(buf, text);

    } else {
        results_ispring_xml_text(buf, text);
    }
}


/* escapes a text; what XML 1.0 can't contain (2.2) becomes U+FFFD */

static void
results_ispring_xml_text(results_buf_t *buf, results_str_t text)
{
    size_t       n;
    const char  *p, *end, *plain, *escape;

    p = plain = text.data;
    end = p + text.len;

    while (p < end) {

        n = 1;

        switch (*p) {

        case '&':
            escape = "&amp;";
            break;

        case '<':
            escape = "&lt;";
            break;

        case '>':
            escape = "&gt;";
            break;

        case '\r':
            escape = "&#13;";     /* a parser reads "\r" as "\n" (2.11) */
            break;

        default:
            n = results_utf8_len(p, end - p);
            escape = results_ispring_xml_char(p, n) ? NULL : "\xef\xbf\xbd";
            n = n ? n : 1;
        }

        if (escape) {
            results_buf_append(buf, plain, p - plain);
            results_buf_puts(buf, escape);
            plain = p + n;
        }

        p += n;
    }

    results_buf_append(buf, plain, end - plain);
}


/* 1 when XML may contain the character of n bytes at p; n 0: it is invalid */

static int
results_ispring_xml_char(const char *p, size_t n)
{
    if (n == 1) {
        return (unsigned char) *p >= 0x20 || *p == '\t' || *p == '\n';
    }

    /* U+FFFE and U+FFFF */

    return n && !(n == 3 && (unsigned char) p[0] == 0xef
                  && (unsigned char) p[1] == 0xbf
                  && (unsigned char) p[2] >= 0xbe);
}
