
/*
 * The statements of a connection, and the first flight: what is sent as soon as
 * libpq is connected, in one round trip.  It is the check (is this a server
 * that can be written to, may the role do what is needed, do its settings
 * fit), and the statements to prepare.  So a missing function or right is found
 * when nginx starts, and not while an exam is on.
 *
 * The check is sent again from time to time: a server that a failover has made
 * read-only keeps its sessions, and one that a network has cut off says
 * nothing.
 */

#include "ngx_http_results_connection_libpq.h"
#include "ngx_http_results_counters.h"
#include "results_encode.h"


#define NGX_HTTP_RESULTS_API_VERSION  2

/* the parameters of write_records(): one array for each column of a row */
#define NGX_HTTP_RESULTS_WRITE_ARGS                                           \
    "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,"     \
    "$20,$21,$22,$23"


/*
 * The settings of a session that would change what a statement means, each
 * with the values that do not, the usual one first.  sql/roles.sql sets those
 * that the role may have; a database, PgBouncer or an ALTER ROLE ... IN
 * DATABASE may have others.
 *
 * server_encoding, client_encoding: texts are UTF-8, of any script.
 * array_nulls: else NULL in an array is a text.
 * standard_conforming_strings: functions have backslashes in their texts.
 * client_min_messages: it is a WARNING that says that a commit was not waited
 *     for; a session without them acknowledges what may be lost.
 * session_replication_role: else no trigger keeps the history.
 * transaction_isolation: write_records() looks, after its INSERT, at what
 *     others have committed meanwhile.
 * exit_on_error: else one refused row ends the session.
 *
 * TimeZone, DateStyle, IntervalStyle, extra_float_digits, bytea_output and
 * xmlbinary change nothing: times, numbers and bytes go in binary, or as text
 * that is read in one way only.  Names are written with their schema, and
 * functions have a search_path of their own.
 */
#define NGX_HTTP_RESULTS_SETTINGS                                             \
    "('server_encoding','UTF8'),"                                             \
    "('client_encoding','UTF8'),"                                             \
    "('array_nulls','on'),"                                                   \
    "('standard_conforming_strings','on'),"                                   \
    "('client_min_messages',"                                                 \
        "'notice|warning|log|debug1|debug2|debug3|debug4|debug5'),"           \
    "('session_replication_role','origin|local'),"                            \
    "('transaction_isolation','read committed'),"                             \
    "('exit_on_error','off')"


typedef struct {
    const char             *name;
    const char             *sql;
    int                     nparams;
    const Oid              *types;          /* NULL: the function's, as text */
} ngx_http_results_sql_t;


static ngx_int_t ngx_http_results_check_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues);
static ngx_uint_t ngx_http_results_check_is(const results_str_t *value,
    const char *text);


/* the columns of the check */
enum {
    NGX_HTTP_RESULTS_CHECK_VERSION = 0,
    NGX_HTTP_RESULTS_CHECK_READ_ONLY,
    NGX_HTTP_RESULTS_CHECK_FSYNC,
    NGX_HTTP_RESULTS_CHECK_COMMIT,
    NGX_HTTP_RESULTS_CHECK_RIGHTS,
    NGX_HTTP_RESULTS_CHECK_SETTING,
    NGX_HTTP_RESULTS_CHECK_COLUMNS
};


static const Oid  ngx_http_results_lookup_types[] = { 1001 /* bytea[] */ };

/* in the order of ngx_http_results_statement_e */
static const ngx_http_results_sql_t  ngx_http_results_sql[] = {

    { "results_check",
      "SELECT results_api.api_version(),"
      " pg_catalog.current_setting('transaction_read_only'),"
      " pg_catalog.current_setting('fsync'),"
      " pg_catalog.current_setting('synchronous_commit'),"
      " (SELECT pg_catalog.bool_and("
          "pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))"
      " FROM pg_catalog.pg_proc p WHERE p.pronamespace ="
          " 'results_api'::pg_catalog.regnamespace),"
      " (SELECT pg_catalog.format('the setting %s is \"%s\", not \"%s\"',"
          " s.name, pg_catalog.current_setting(s.name),"
          " pg_catalog.split_part(s.fit, '|', 1))"
      " FROM (VALUES " NGX_HTTP_RESULTS_SETTINGS ") AS s (name, fit)"
      " WHERE pg_catalog.current_setting(s.name)"
          " <> ALL (pg_catalog.string_to_array(s.fit, '|')) LIMIT 1)",
      0, NULL },

    { "results_write_records",
      "SELECT * FROM results_api.write_records("
          NGX_HTTP_RESULTS_WRITE_ARGS ")",
      RESULTS_WRITE_NPARAMS, results_write_types },

    { "results_write_group",
      "SELECT * FROM results_api.write_group("
          NGX_HTTP_RESULTS_WRITE_ARGS ")",
      RESULTS_WRITE_NPARAMS, results_write_types },

    { "results_lookup_tokens",
      "SELECT * FROM results_api.lookup_tokens($1)",
      1, ngx_http_results_lookup_types },

    /* results_function_e */

    { "results_read_record",
      "SELECT * FROM results_api.read_record($1,$2,$3)",
      3, NULL },

    { "results_issue_access_token",
      "SELECT * FROM results_api.issue_access_token($1,$2,$3,$4,$5,$6)",
      6, NULL },

    { "results_read_records",
      "SELECT * FROM results_api.read_records($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,"
          "$11,$12,$13,$14,$15,$16,$17,$18,$19)",
      19, NULL },

    { "results_read_report",
      "SELECT * FROM results_api.read_report($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,"
          "$11,$12,$13,$14,$15,$16,$17,$18,$19,$20)",
      20, NULL },

    { "results_page_key",
      "SELECT results_api.page_key()",
      0, NULL }
};


static const char  ngx_http_results_no_right[] =
    "the role may not execute the functions of results_api: run "
    "sql/install.sql and connect as results_gateway";


int
ngx_http_results_connection_setup(ngx_http_results_connection_t *hc)
{
    PGconn      *pg;
    ngx_uint_t   i;

    pg = hc->pg;

    if (PQsetnonblocking(pg, 1) != 0 || PQenterPipelineMode(pg) != 1) {
        return 0;
    }

    /* PostgreSQL's messages may quote a row: only codes are to be logged */
    (void) PQsetErrorVerbosity(pg, PQERRORS_SQLSTATE);
    (void) PQsetErrorContextVisibility(pg, PQSHOW_CONTEXT_NEVER);

    hc->check.statement = NGX_HTTP_RESULTS_CHECK;
    hc->check.timeout = hc->conf->connect_timeout;
    hc->check.row = ngx_http_results_check_row;
    hc->check.data = hc;

    for (i = 0; i < NGX_HTTP_RESULTS_STATEMENTS; i++) {

        if (i != NGX_HTTP_RESULTS_CHECK && !(hc->statements & (1u << i))) {
            continue;
        }

        /* with "prepare off" only to see whether the server accepts it: the
           name is empty, and the next one replaces it */

        if (PQsendPrepare(pg, hc->conf->prepare ? ngx_http_results_sql[i].name
                                                : "",
                          ngx_http_results_sql[i].sql,
                          ngx_http_results_sql[i].nparams,
                          ngx_http_results_sql[i].types)
            != 1)
        {
            return 0;
        }

        if (i == NGX_HTTP_RESULTS_CHECK) {

            /* run before the others are prepared, which may fail: its answer
               tells why */

            hc->job = &hc->check;

            if (ngx_http_results_connection_query(hc, i, NULL, NULL, 0)
                != 1)
            {
                return 0;
            }
        }
    }

    return PQpipelineSync(pg);
}


int
ngx_http_results_connection_query(ngx_http_results_connection_t *hc,
    ngx_uint_t statement, const char *const *values, const int *lengths,
    int binary)
{
    static const int  formats[RESULTS_WRITE_NPARAMS] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    };

    const int                     *fmt;
    const ngx_http_results_sql_t  *sql;

    sql = &ngx_http_results_sql[statement];
    fmt = lengths ? formats : NULL;

    if (hc->conf->prepare) {
        return PQsendQueryPrepared(hc->pg, sql->name, sql->nparams, values,
                                   lengths, fmt, binary);
    }

    return PQsendQueryParams(hc->pg, sql->sql, sql->nparams, sql->types,
                             values, lengths, fmt, binary);
}


void
ngx_http_results_connection_server(ngx_http_results_connection_t *hc)
{
    const char                         *standby;
    ngx_http_results_store_counters_t  *counters;

    counters = ngx_http_results_store_counters(hc->conf);

    /* reported by PostgreSQL 14 and later; NULL before */
    standby = PQparameterStatus(hc->pg, "in_hot_standby");

    counters->server_standby = standby && ngx_strcmp(standby, "on") == 0;
    counters->server_version = PQserverVersion(hc->pg);

    ngx_http_results_text_set(&counters->server, hc->server);
}


/* row() of the check: sets hc->reason where this server can not be used */

static ngx_int_t
ngx_http_results_check_row(ngx_http_results_job_t *job,
    const results_str_t *values, ngx_uint_t nvalues)
{
    ngx_int_t                       version;
    const char                     *reason;
    ngx_flag_t                      local, writes;
    const results_str_t            *commit;
    ngx_http_results_connection_t  *hc;

    hc = job->data;

    if (nvalues != NGX_HTTP_RESULTS_CHECK_COLUMNS) {
        return NGX_OK;
    }

    writes = hc->conf->connections > 0;
    local = hc->conf->durability == NGX_HTTP_RESULTS_DURABILITY_LOCAL
            || !writes;
    commit = &values[NGX_HTTP_RESULTS_CHECK_COMMIT];

    version = ngx_atoi((u_char *) values[NGX_HTTP_RESULTS_CHECK_VERSION].data,
                       values[NGX_HTTP_RESULTS_CHECK_VERSION].len);

    /* sql/ serves its version and the one before */

    if (version != NGX_HTTP_RESULTS_API_VERSION
        && version != NGX_HTTP_RESULTS_API_VERSION + 1)
    {
        (void) ngx_snprintf((u_char *) hc->reason, sizeof(hc->reason) - 1,
                   "results_api has version %i, this module needs %d or %d: "
                   "run sql/install.sql%Z", version,
                   NGX_HTTP_RESULTS_API_VERSION,
                   NGX_HTTP_RESULTS_API_VERSION + 1);
        return NGX_OK;
    }

    reason = NULL;

    if (!ngx_http_results_check_is(&values[NGX_HTTP_RESULTS_CHECK_RIGHTS],
                                   "t"))
    {
        reason = ngx_http_results_no_right;

    } else if (values[NGX_HTTP_RESULTS_CHECK_SETTING].data != NULL) {
        reason = values[NGX_HTTP_RESULTS_CHECK_SETTING].data;

    } else if (writes
               && !ngx_http_results_check_is(
                                   &values[NGX_HTTP_RESULTS_CHECK_READ_ONLY],
                                   "off"))
    {
        reason = "the server is read-only";

    } else if (!local
               && !ngx_http_results_check_is(
                                       &values[NGX_HTTP_RESULTS_CHECK_FSYNC],
                                       "on"))
    {
        reason = "fsync is off: a commit would not survive a crash (see the "
                 "directive \"durability\")";

    } else if (!local
               && (ngx_http_results_check_is(commit, "off")
                   || ngx_http_results_check_is(commit, "local")))
    {
        reason = "synchronous_commit is off or local: a commit would not be "
                 "durable (see the directive \"durability\")";
    }

    if (reason != NULL) {
        ngx_cpystrn((u_char *) hc->reason, (u_char *) reason,
                    sizeof(hc->reason));
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_results_check_is(const results_str_t *value, const char *text)
{
    return value->data != NULL && ngx_strcmp(value->data, text) == 0;
}


ngx_int_t
ngx_http_results_connection_accept(ngx_http_results_connection_t *hc,
    const ngx_http_results_end_t *end)
{
    const char  *text;

    if (hc->reason[0] == '\0' && end->end != NGX_HTTP_RESULTS_JOB_ERROR) {
        return NGX_OK;
    }

    if (hc->reason[0] == '\0') {

        if (ngx_strcmp(end->sqlstate, "3F000") == 0
            || ngx_strcmp(end->sqlstate, "42883") == 0)
        {
            text = "no function of results_api, or not this version's: run "
                   "sql/install.sql";

        } else if (ngx_strcmp(end->sqlstate, "42501") == 0) {
            text = ngx_http_results_no_right;

        } else {
            text = "the server refused the first statements";
        }

        (void) ngx_snprintf((u_char *) hc->reason, sizeof(hc->reason) - 1,
                            "%s (SQLSTATE %s)%Z", text, end->sqlstate);
    }

    return NGX_ERROR;
}
