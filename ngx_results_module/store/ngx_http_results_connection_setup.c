
/*
 * The statements of a connection, and its first flight, in one round trip: is
 * this the server we need, may we do what we are here for, and the
 * statements.  A missing function or right is found now and not when an exam
 * is on.
 */

#include "ngx_http_results_connection_libpq.h"
#include "results_encode.h"


#define NGX_HTTP_RESULTS_API_VERSION  1

/* a closed row's column for each placeholder of write_records() */
#define NGX_HTTP_RESULTS_WRITE_ARGS                                           \
    "$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,"     \
    "$20,$21,$22,$23"


typedef struct {
    const char             *name;
    const char             *sql;
    int                     nparams;
    const Oid              *types;          /* NULL: the function's, as text */
} ngx_http_results_sql_t;


static const Oid  ngx_http_results_lookup_types[] = { 1001 /* bytea[] */ };

/* in the order of ngx_http_results_statement_e */
static const ngx_http_results_sql_t  ngx_http_results_sql[] = {

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
      6, NULL }
};


static const char  ngx_http_results_no_right[] =
    "the role may not execute the functions of results_api: run "
    "sql/install.sql and connect as results_gateway";

static const char  ngx_http_results_greeting_sql[] =
    "SELECT results_api.api_version(),"
    " pg_catalog.current_setting('transaction_read_only'),"
    " pg_catalog.current_setting('fsync'),"
    " pg_catalog.current_setting('synchronous_commit'),"
    " (SELECT pg_catalog.bool_and("
        "pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))"
    " FROM pg_catalog.pg_proc p WHERE p.pronamespace ="
        " 'results_api'::pg_catalog.regnamespace)";


void
ngx_http_results_connection_setup(ngx_http_results_connection_t *hc)
{
    PGconn      *pg;
    ngx_uint_t   i;

    pg = hc->pg;

    if (PQsetnonblocking(pg, 1) != 0 || PQenterPipelineMode(pg) != 1) {
        goto failed;
    }

    /* the server's words may quote rows: only codes are wanted */
    (void) PQsetErrorVerbosity(pg, PQERRORS_SQLSTATE);
    (void) PQsetErrorContextVisibility(pg, PQSHOW_CONTEXT_NEVER);

    if (PQsendQueryParams(pg, ngx_http_results_greeting_sql, 0, NULL, NULL,
                          NULL, NULL, 0)
        != 1)
    {
        goto failed;
    }

    for (i = 0; i < NGX_HTTP_RESULTS_STATEMENTS; i++) {

        if (!(hc->statements & (1u << i))) {
            continue;
        }

        /* without "prepare" only to see that the server knows it */

        if (PQsendPrepare(pg, hc->conf->prepare ? ngx_http_results_sql[i].name
                                                : "",
                          ngx_http_results_sql[i].sql,
                          ngx_http_results_sql[i].nparams,
                          ngx_http_results_sql[i].types)
            != 1)
        {
            goto failed;
        }
    }

    if (PQpipelineSync(pg) != 1) {
        goto failed;
    }

    (void) ngx_http_results_connection_flush(hc);

    return;

failed:

    ngx_http_results_connection_close(hc, 0, PQerrorMessage(pg));
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


/* what the server is, from the row of ngx_http_results_greeting_sql */

void
ngx_http_results_connection_greeting(ngx_http_results_connection_t *hc,
    PGresult *res)
{
    char        *commit;
    ngx_int_t    version;
    ngx_flag_t   local;

    local = hc->conf->durability == NGX_HTTP_RESULTS_DURABILITY_LOCAL;

    version = ngx_atoi((u_char *) PQgetvalue(res, 0, 0),
                       PQgetlength(res, 0, 0));

    /* sql/ serves its version and the one before */

    if (version != NGX_HTTP_RESULTS_API_VERSION
        && version != NGX_HTTP_RESULTS_API_VERSION + 1)
    {
        (void) ngx_snprintf((u_char *) hc->reason, sizeof(hc->reason) - 1,
                   "results_api has version %i, this module needs %d or %d: "
                   "run sql/install.sql%Z", version,
                   NGX_HTTP_RESULTS_API_VERSION,
                   NGX_HTTP_RESULTS_API_VERSION + 1);
        return;
    }

    if (ngx_strcmp(PQgetvalue(res, 0, 4), "t") != 0) {
        ngx_http_results_connection_reason(hc, ngx_http_results_no_right);
        return;
    }

    if (ngx_strcmp(PQgetvalue(res, 0, 1), "off") != 0) {
        ngx_http_results_connection_reason(hc, "the server is read-only");
        return;
    }

    if (ngx_strcmp(PQgetvalue(res, 0, 2), "on") != 0 && !local) {
        ngx_http_results_connection_reason(hc, "fsync is off: a commit would "
                   "not survive a crash (see the directive \"durability\")");
        return;
    }

    commit = PQgetvalue(res, 0, 3);

    if ((ngx_strcmp(commit, "off") == 0 || ngx_strcmp(commit, "local") == 0)
        && !local)
    {
        ngx_http_results_connection_reason(hc, "synchronous_commit is off or "
                   "local: a commit would not be durable (see the directive "
                   "\"durability\")");
    }
}


/* the Sync of the first flight */

void
ngx_http_results_connection_set_up(ngx_http_results_connection_t *hc)
{
    const char  *text;

    if (hc->reason[0] != '\0') {
        ngx_http_results_connection_close(hc, 0, hc->reason);
        return;
    }

    if (hc->end.end != NGX_HTTP_RESULTS_JOB_OK) {

        if (ngx_strcmp(hc->end.sqlstate, "3F000") == 0
            || ngx_strcmp(hc->end.sqlstate, "42883") == 0)
        {
            text = "no function of results_api, or not this version's: run "
                   "sql/install.sql";

        } else if (ngx_strcmp(hc->end.sqlstate, "42501") == 0) {
            text = ngx_http_results_no_right;

        } else {
            text = "the server refused the first statements";
        }

        (void) ngx_snprintf((u_char *) hc->reason, sizeof(hc->reason) - 1,
                            "%s (SQLSTATE %s)%Z", text, hc->end.sqlstate);

        ngx_http_results_connection_close(hc, 0, hc->reason);
        return;
    }

    ngx_del_timer(&hc->timer);

    hc->ready = 1;

    hc->on_ready(hc);
}
