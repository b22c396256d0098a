
/*
 * results_status as a page: every number in a table, which needs no script, and
 * a script that draws charts and keeps the numbers up to date.  The page loads
 * nothing from other servers.  Its Content-Security-Policy lets a browser run
 * and use only the script and the style that are in it, by their hashes.
 */

#include "ngx_http_results_metrics.h"
#include "ngx_http_results_page.h"
#include "results_digest.h"


/* a table of the page */
typedef struct {
    const char                       *in;       /* the JSON member that has its
                                                   numbers; NULL: the root */
    ngx_http_results_next_pt          next;
    const ngx_http_results_metric_t  *metrics;
    void                             *sums;     /* or NULL: has no sums */
} ngx_http_results_table_t;


static ngx_int_t ngx_http_results_page_hash(const unsigned char *text,
    size_t len, u_char *hash);
static void ngx_http_results_page_troubles(ngx_http_results_report_t *report,
    results_buf_t *buf);
static void ngx_http_results_page_table(ngx_http_results_report_t *report,
    results_buf_t *buf, const char *title, ngx_http_results_table_t *table);
static void ngx_http_results_page_head(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_http_results_table_t *table, ngx_uint_t sums);
static void ngx_http_results_page_cell(results_buf_t *buf, const char *in,
    results_str_t part, const ngx_http_results_metric_t *m, void *counters);
static void ngx_http_results_page_servers(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t sums);
static void ngx_http_results_page_errors(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t sums);
static void ngx_http_results_page_text(results_buf_t *buf, results_str_t s);


/* bytes of a SHA-256 in base64, with a terminator */
#define NGX_HTTP_RESULTS_HASH_LEN                                             \
    (ngx_base64_encoded_length(RESULTS_DIGEST_LEN) + 1)


ngx_int_t
ngx_http_results_page_policy(ngx_conf_t *cf, ngx_str_t *policy)
{
    u_char  *p, style[NGX_HTTP_RESULTS_HASH_LEN];
    u_char   script[NGX_HTTP_RESULTS_HASH_LEN];

    static const char  format[] =
        "default-src 'none'; connect-src 'self'; img-src data:; "
        "style-src 'sha256-%s'; script-src 'sha256-%s'; "
        "base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";

    if (ngx_http_results_page_hash(ngx_http_results_page_style,
                                   ngx_http_results_page_style_len, style)
        != NGX_OK
        || ngx_http_results_page_hash(ngx_http_results_page_script,
                                      ngx_http_results_page_script_len, script)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    policy->data = ngx_pnalloc(cf->pool, sizeof(format)
                                         + 2 * NGX_HTTP_RESULTS_HASH_LEN);
    if (policy->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(policy->data, format, style, script);
    policy->len = p - policy->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_page_hash(const unsigned char *text, size_t len,
    u_char *hash)
{
    u_char     digest[RESULTS_DIGEST_LEN];
    ngx_str_t  from, to;

    if (results_digest(text, len, digest) != 0) {
        return NGX_ERROR;
    }

    from.len = RESULTS_DIGEST_LEN;
    from.data = digest;
    to.data = hash;

    ngx_encode_base64(&to, &from);

    hash[to.len] = '\0';

    return NGX_OK;
}


void
ngx_http_results_status_page(ngx_http_results_report_t *report,
    results_buf_t *buf)
{
    ngx_http_results_table_t  table;

    results_buf_puts(buf,
        "<!doctype html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n"
        "<title>nginx results</title>\n"
        "<style>");
    results_buf_append(buf, ngx_http_results_page_style,
                       ngx_http_results_page_style_len);
    results_buf_printf(buf,
        "</style>\n"
        "</head>\n"
        "<body>\n"
        "<header>\n"
        "<h1>nginx results</h1>\n"
        "<p id=\"about\">module %s, nginx %s, %lu workers</p>\n"
        "<nav><a href=\"?format=json\">JSON</a> "
        "<a href=\"?format=prometheus\">Prometheus</a></nav>\n"
        "</header>\n"
        "<main>\n",
        NGX_HTTP_RESULTS_VERSION, NGINX_VERSION,
        (unsigned long) report->workers);

    ngx_http_results_page_troubles(report, buf);

    results_buf_puts(buf, "<div id=\"plots\"></div>\n<div id=\"tables\">\n");

    table.in = "apis";
    table.next = ngx_http_results_next_api;
    table.metrics = ngx_http_results_api_metrics;
    table.sums = &report->apis;
    ngx_http_results_page_table(report, buf, "Requests", &table);

    table.in = "stores";
    table.next = ngx_http_results_next_store;
    table.metrics = ngx_http_results_store_metrics;
    table.sums = &report->stores;
    ngx_http_results_page_table(report, buf, "Stores", &table);

    table.in = "tokens";
    table.next = ngx_http_results_next_tokens;
    table.metrics = ngx_http_results_token_metrics;
    table.sums = NULL;
    ngx_http_results_page_table(report, buf, "Tokens", &table);

    results_buf_puts(buf, "</div>\n</main>\n<script>");
    results_buf_append(buf, ngx_http_results_page_script,
                       ngx_http_results_page_script_len);
    results_buf_puts(buf, "</script>\n</body>\n</html>\n");
}


static void
ngx_http_results_page_troubles(ngx_http_results_report_t *report,
    results_buf_t *buf)
{
    char                       trouble[NGX_HTTP_RESULTS_TEXT_SIZE];
    ngx_uint_t                 slot;
    ngx_http_results_part_t    part;
    ngx_http_results_server_t  servers[NGX_HTTP_RESULTS_SERVERS_MAX];

    results_buf_puts(buf, "<ul id=\"troubles\">\n");

    slot = 0;

    while (ngx_http_results_next_store(report, &slot, &part)) {

        (void) ngx_http_results_servers(part.slot, servers, trouble);

        if (trouble[0]) {
            results_buf_puts(buf, "<li>");
            ngx_http_results_page_text(buf, part.name);
            results_buf_puts(buf, ": ");
            ngx_http_results_page_text(buf, results_str(trouble));
            results_buf_puts(buf, "</li>\n");
        }
    }

    results_buf_puts(buf, "</ul>\n");
}


/* a row for each number, a column for each part, and one for several's sum */

static void
ngx_http_results_page_table(ngx_http_results_report_t *report,
    results_buf_t *buf, const char *title, ngx_http_results_table_t *table)
{
    const char                       *group;
    ngx_uint_t                        slot, sums;
    ngx_http_results_part_t           part;
    const ngx_http_results_metric_t  *m;

    slot = 0;
    sums = 0;

    while (table->sums && table->next(report, &slot, &part)) {
        sums++;
    }

    sums = (sums > 1);

    results_buf_printf(buf, "<section>\n<h2>%s</h2>\n<table>\n", title);
    ngx_http_results_page_head(report, buf, table, sums);

    group = "";

    for (m = table->metrics; m->name; m++) {

        if (*m->group && ngx_strcmp(m->group, group) != 0) {
            results_buf_printf(buf, "<tr class=\"group\"><th>%s</th></tr>\n",
                               m->group);
        }

        group = m->group;

        results_buf_printf(buf, "<tr><th%s title=\"%s\">%s</th>",
                           *group ? " class=\"of\"" : "",
                           m->help ? m->help : "", m->name);

        if (sums) {
            ngx_http_results_page_cell(buf, NULL, results_str(NULL), m,
                                       table->sums);
        }

        slot = 0;

        while (table->next(report, &slot, &part)) {
            ngx_http_results_page_cell(buf, table->in, part.name, m,
                                       part.counters);
        }

        results_buf_puts(buf, "</tr>\n");
    }

    if (table->next == ngx_http_results_next_store) {
        ngx_http_results_page_servers(report, buf, sums);
        ngx_http_results_page_errors(report, buf, sums);
    }

    results_buf_puts(buf, "</table>\n</section>\n");
}


static void
ngx_http_results_page_head(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_http_results_table_t *table, ngx_uint_t sums)
{
    ngx_uint_t               slot;
    ngx_http_results_part_t  part;

    if (table->sums == NULL) {
        return;
    }

    results_buf_printf(buf, "<tr class=\"head\"><td></td>%s",
                       sums ? "<th>all</th>" : "");

    slot = 0;

    while (table->next(report, &slot, &part)) {
        results_buf_puts(buf, "<th>");
        ngx_http_results_page_text(buf, part.name);
        results_buf_puts(buf, "</th>");
    }

    results_buf_puts(buf, "</tr>\n");
}


/* a number, with its path in the JSON as an array, for the script */

static void
ngx_http_results_page_cell(results_buf_t *buf, const char *in,
    results_str_t part, const ngx_http_results_metric_t *m, void *counters)
{
    results_str_t  path;
    results_buf_t  json;

    ngx_memzero(&json, sizeof(results_buf_t));

    results_buf_puts(&json, "[");

    if (in) {
        results_buf_printf(&json, "\"%s\",", in);
    }

    if (part.data) {
        results_buf_json_string(&json, part);
        results_buf_puts(&json, ",");
    }

    if (*m->group) {
        results_buf_printf(&json, "\"%s\",", m->group);
    }

    results_buf_printf(&json, "\"%s\"]", m->name);

    path.len = json.len;
    path.data = json.data;

    results_buf_puts(buf, "<td data-at=\"");
    ngx_http_results_page_text(buf, path);
    results_buf_printf(buf, "\">%lu</td>",
                       ngx_http_results_metric_value(m, counters));

    buf->failed |= json.failed;
    results_buf_free(&json);
}


static void
ngx_http_results_page_servers(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t sums)
{
    char                       version[16];
    char                       trouble[NGX_HTTP_RESULTS_TEXT_SIZE];
    ngx_uint_t                 i, n, slot;
    ngx_http_results_part_t    part;
    ngx_http_results_server_t  servers[NGX_HTTP_RESULTS_SERVERS_MAX];

    results_buf_printf(buf, "<tr><th>server</th>%s", sums ? "<td></td>" : "");

    slot = 0;

    while (ngx_http_results_next_store(report, &slot, &part)) {

        n = ngx_http_results_servers(part.slot, servers, trouble);

        results_buf_puts(buf, "<td>");

        for (i = 0; i < n; i++) {
            results_buf_puts(buf, i ? "<br>" : "");
            ngx_http_results_page_text(buf, results_str(servers[i].name));
            results_buf_printf(buf, " %s %s",
                               ngx_http_results_server_role(&servers[i]),
                               ngx_http_results_server_version(&servers[i],
                                                               version));
        }

        results_buf_puts(buf, "</td>");
    }

    results_buf_puts(buf, "</tr>\n");
}


static void
ngx_http_results_page_errors(ngx_http_results_report_t *report,
    results_buf_t *buf, ngx_uint_t sums)
{
    ngx_tm_t                            tm;
    ngx_uint_t                          slot;
    ngx_http_results_part_t             part;
    ngx_http_results_store_counters_t  *store;

    results_buf_printf(buf, "<tr><th>last error</th>%s",
                       sums ? "<td></td>" : "");

    slot = 0;

    while (ngx_http_results_next_store(report, &slot, &part)) {

        store = part.counters;

        if (store->error_time == 0) {
            results_buf_puts(buf, "<td></td>");
            continue;
        }

        ngx_gmtime(store->error_time, &tm);

        results_buf_printf(buf, "<td>%.5s<br>%d-%02d-%02d %02d:%02d:%02d UTC"
                           "</td>", (char *) &store->sqlstate,
                           tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                           tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
    }

    results_buf_puts(buf, "</tr>\n");
}


static void
ngx_http_results_page_text(results_buf_t *buf, results_str_t s)
{
    size_t   len;
    char    *p;

    len = s.len + ngx_escape_html(NULL, (u_char *) s.data, s.len);

    p = results_buf_reserve(buf, len);

    if (p) {
        (void) ngx_escape_html((u_char *) p, (u_char *) s.data, s.len);
    }
}
