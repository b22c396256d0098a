
/*
 * Reads a store's conninfo.  Everything that libpq would look up by itself
 * while a worker serves is decided here: workers have no environment and no
 * home directory, and may not block on name lookups.  The strings live in the
 * configuration's pool.
 */

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection_params.h"

#include <libpq-fe.h>


/* a file that is not there: libpq then goes on without one */
#define NGX_HTTP_RESULTS_NO_FILE  "/nonexistent"


typedef struct {
    const char             *keyword;
    const char             *value;
} ngx_http_results_default_t;


typedef struct {
    const char             *keyword;
    const char             *allowed[5];     /* ends with NULL */
    const char             *why;
    ngx_uint_t              writes;         /* a rule for those that write */
} ngx_http_results_rule_t;


static char *ngx_http_results_params_parse(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params);
static char *ngx_http_results_params_service(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    const char *service, const char *file);
static PQconninfoOption *ngx_http_results_params_libpq(ngx_conf_t *cf,
    const char *service, const char *file);
static char *ngx_http_results_params_env(ngx_conf_t *cf, const char *name,
    const char *value);
static char *ngx_http_results_params_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params);


/* set where the operator has not */
static const ngx_http_results_default_t  ngx_http_results_defaults[] = {
    { "user",                    "results_gateway" },
    { "dbname",                  "results" },
    { "application_name",        "nginx_results" },
    { "gssencmode",              "disable" },
    { "passfile",                NGX_HTTP_RESULTS_NO_FILE },
    { "sslcert",                 NGX_HTTP_RESULTS_NO_FILE },
    { "sslkey",                  NGX_HTTP_RESULTS_NO_FILE },
    { "sslrootcert",             NGX_HTTP_RESULTS_NO_FILE },
    { "sslcrl",                  NGX_HTTP_RESULTS_NO_FILE },
    { "target_session_attrs",    "read-write" },
    { "keepalives",              "1" },
    { "keepalives_idle",         "10" },
    { "keepalives_interval",     "3" },
    { "keepalives_count",        "3" },
    { NULL,                      NULL }
};


static const ngx_http_results_rule_t  ngx_http_results_rules[] = {

    { "sslmode", { "disable", "require", "verify-ca", "verify-full", NULL },
      "use disable, require, verify-ca or verify-full, as it would connect "
      "without TLS when TLS fails", 0 },

    { "gssencmode", { "disable", NULL },
      "use disable, as it would wait for a Kerberos server", 0 },

    { "target_session_attrs", { "read-write", "primary", "any", NULL },
      "use read-write, as results are written", 1 },

    { NULL, { NULL }, NULL, 0 }
};


char *
ngx_http_results_connection_params(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf)
{
    char                              *rc;
    u_char                            *timeout;
    ngx_uint_t                         local;
    ngx_http_results_params_t         *params;
    const ngx_http_results_default_t  *def;

    params = ngx_pcalloc(cf->pool, sizeof(ngx_http_results_params_t));
    if (params == NULL) {
        return NGX_CONF_ERROR;
    }

    params->keywords = ngx_pcalloc(cf->pool, NGX_HTTP_RESULTS_PARAMS_MAX
                                             * sizeof(char *));
    params->values = ngx_pcalloc(cf->pool, NGX_HTTP_RESULTS_PARAMS_MAX
                                           * sizeof(char *));

    if (params->keywords == NULL || params->values == NULL) {
        return NGX_CONF_ERROR;
    }

    /* the first places; where one has no value, libpq ignores it */

    params->keywords[NGX_HTTP_RESULTS_PARAM_HOST] = "host";
    params->keywords[NGX_HTTP_RESULTS_PARAM_HOSTADDR] = "hostaddr";
    params->keywords[NGX_HTTP_RESULTS_PARAM_PORT] = "port";

    rc = ngx_http_results_params_parse(cf, conf, params);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    rc = ngx_http_results_connection_hosts(cf, conf, params, &local);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    if (ngx_http_results_params_get(params, "sslmode") == NULL
        && ngx_http_results_params_set(cf, params, "sslmode",
                                       local ? "disable" : "require")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_results_params_check(cf, conf, params);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    /* a write that is not acknowledged by then is answered 503 anyway */

    timeout = ngx_pnalloc(cf->pool, NGX_INT_T_LEN + 1);
    if (timeout == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_sprintf(timeout, "%M%Z", conf->write_timeout);

    if (ngx_http_results_params_get(params, "tcp_user_timeout") == NULL
        && ngx_http_results_params_set(cf, params, "tcp_user_timeout",
                                       (char *) timeout)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* a store that is only read may have a standby as its server */

    if (conf->connections == 0
        && ngx_http_results_params_get(params, "target_session_attrs") == NULL
        && ngx_http_results_params_set(cf, params, "target_session_attrs",
                                       "any")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (def = ngx_http_results_defaults; def->keyword != NULL; def++) {

        if (ngx_http_results_params_get(params, def->keyword) == NULL
            && ngx_http_results_params_set(cf, params, def->keyword,
                                           def->value)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    /* the module's own, not to be changed */

    if (ngx_http_results_params_set(cf, params, "client_encoding", "UTF8")
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->params = params;

    return NGX_CONF_OK;
}


/* the keywords of the conninfo, and then those that its service adds */

static char *
ngx_http_results_params_parse(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params)
{
    char              *error, *rc;
    const char        *service, *file;
    PQconninfoOption  *options, *opt;

    error = NULL;
    options = PQconninfoParse((char *) conf->conninfo.data, &error);

    if (options == NULL) {

        if (error != NULL) {
            error[strcspn(error, "\n")] = '\0';
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid conninfo of results_store \"%V\": %s in %s:%ui",
                      &conf->name, error ? error : "no memory",
                      conf->file, conf->line);
        PQfreemem(error);
        return NGX_CONF_ERROR;
    }

    rc = NGX_CONF_OK;
    service = NULL;
    file = getenv("PGSERVICEFILE");

    for (opt = options; opt->keyword != NULL && rc == NGX_CONF_OK; opt++) {

        if (opt->val == NULL) {
            continue;
        }

        if (ngx_strcmp(opt->keyword, "service") == 0) {
            service = opt->val;

        } else if (ngx_strcmp(opt->keyword, "servicefile") == 0) {
            file = opt->val;

        } else if (ngx_http_results_params_set(cf, params, opt->keyword,
                                               opt->val)
                   != NGX_OK)
        {
            rc = NGX_CONF_ERROR;
        }
    }

    if (ngx_http_results_params_get(params, "password") != NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "the password of results_store \"%V\" can be read with "
                      "\"nginx -T\": use peer authentication, passfile or "
                      "service in %s:%ui",
                      &conf->name, conf->file, conf->line);
    }

    if (rc == NGX_CONF_OK && service != NULL) {
        rc = ngx_http_results_params_service(cf, conf, params, service, file);
    }

    PQconninfoFree(options);

    return rc;
}


/*
 * Adds the keywords of a service of libpq's service file.  libpq has no call
 * that reads a service, but its defaults do: what they have with the service
 * and not without it is the service's.  This is done in the master, since the
 * workers have another user and no environment, and since the hosts in the file
 * must be resolved before.
 */

static char *
ngx_http_results_params_service(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    const char *service, const char *file)
{
    char              *rc;
    ngx_uint_t         i, found;
    PQconninfoOption  *with, *without;

    rc = NGX_CONF_ERROR;
    found = 0;

    with = ngx_http_results_params_libpq(cf, service, file);
    without = ngx_http_results_params_libpq(cf, NULL, NULL);

    if (with == NULL || without == NULL) {
        goto done;
    }

    for (i = 0; with[i].keyword != NULL; i++) {

        if (with[i].val == NULL
            || (without[i].val != NULL
                && ngx_strcmp(with[i].val, without[i].val) == 0)
            || ngx_strcmp(with[i].keyword, "service") == 0
            || ngx_strcmp(with[i].keyword, "servicefile") == 0)
        {
            continue;
        }

        found = 1;

        if (ngx_http_results_params_get(params, with[i].keyword) == NULL
            && ngx_http_results_params_set(cf, params, with[i].keyword,
                                           with[i].val)
               != NGX_OK)
        {
            goto done;
        }
    }

    if (!found) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "libpq finds no service \"%s\" of results_store \"%V\" "
                      "in its service file in %s:%ui",
                      service, &conf->name, conf->file, conf->line);
        goto done;
    }

    rc = NGX_CONF_OK;

done:

    PQconninfoFree(with);
    PQconninfoFree(without);

    return rc;
}


/*
 * libpq's defaults in an environment that has no PG... variable but those that
 * name the service and its file.  NULL without memory.
 */

static PQconninfoOption *
ngx_http_results_params_libpq(ngx_conf_t *cf, const char *service,
    const char *file)
{
    char              *env[4], **saved;
    ngx_uint_t         n;
    PQconninfoOption  *options;

    n = 0;

    /* else libpq's default is the system's user, and a service that has this
       very user would not be seen to change it */
    env[n++] = (char *) "PGUSER=";

    if (service != NULL) {
        env[n++] = ngx_http_results_params_env(cf, "PGSERVICE=", service);
    }

    if (file != NULL) {
        env[n++] = ngx_http_results_params_env(cf, "PGSERVICEFILE=", file);
    }

    env[n] = NULL;

    saved = environ;
    environ = env;

    options = PQconndefaults();

    environ = saved;

    return options;
}


static char *
ngx_http_results_params_env(ngx_conf_t *cf, const char *name,
    const char *value)
{
    char    *env;
    size_t   len;

    len = ngx_strlen(name) + ngx_strlen(value) + 1;

    env = ngx_pnalloc(cf->temp_pool, len);

    if (env != NULL) {
        (void) ngx_snprintf((u_char *) env, len, "%s%s%Z", name, value);
    }

    return env;
}


static char *
ngx_http_results_params_check(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params)
{
    ngx_uint_t                      i;
    const char                     *value;
    const ngx_http_results_rule_t  *rule;

    for (rule = ngx_http_results_rules; rule->keyword != NULL; rule++) {

        value = ngx_http_results_params_get(params, rule->keyword);

        if (value == NULL
            || (rule->writes && conf->connections == 0))
        {
            continue;
        }

        for (i = 0; rule->allowed[i] != NULL; i++) {
            if (ngx_strcmp(value, rule->allowed[i]) == 0) {
                break;
            }
        }

        if (rule->allowed[i] == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "%s=%s of results_store \"%V\" can not be used: "
                          "%s in %s:%ui",
                          rule->keyword, value, &conf->name, rule->why,
                          conf->file, conf->line);
            return NGX_CONF_ERROR;
        }
    }

    /* libpq's own default is a file in a home directory */

    value = ngx_http_results_params_get(params, "sslmode");

    if (ngx_strncmp(value, "verify-", 7) == 0
        && ngx_http_results_params_get(params, "sslrootcert") == NULL)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "sslmode=%s of results_store \"%V\" needs sslrootcert "
                      "in %s:%ui", value, &conf->name, conf->file,
                      conf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_results_params_set(ngx_conf_t *cf, ngx_http_results_params_t *params,
    const char *keyword, const char *value)
{
    ngx_uint_t  i;
    ngx_str_t   k, v;

    k.data = (u_char *) keyword;
    k.len = ngx_strlen(keyword) + 1;
    v.data = (u_char *) value;
    v.len = ngx_strlen(value) + 1;

    for (i = 0; params->keywords[i] != NULL; i++) {
        if (ngx_strcmp(params->keywords[i], keyword) == 0) {
            break;
        }
    }

    if (i == NGX_HTTP_RESULTS_PARAMS_MAX - 1) {
        return NGX_ERROR;
    }

    params->keywords[i] = (char *) ngx_pstrdup(cf->pool, &k);
    params->values[i] = (char *) ngx_pstrdup(cf->pool, &v);

    if (params->keywords[i] == NULL || params->values[i] == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


const char *
ngx_http_results_params_get(ngx_http_results_params_t *params,
    const char *keyword)
{
    ngx_uint_t  i;

    for (i = 0; params->keywords[i] != NULL; i++) {
        if (ngx_strcmp(params->keywords[i], keyword) == 0) {
            return params->values[i];
        }
    }

    return NULL;
}
