
/*
 * Reads a store's conninfo.  Everything that libpq would look up by itself
 * while a worker serves is decided here: workers have no environment and no
 * home directory, and may not block on name lookups.  The strings live in the
 * configuration's pool.
 */

/* nginx's headers come first: they choose what the system's declare */
#include "ngx_http_results_connection_params.h"

#include <libpq-fe.h>


#define NGX_HTTP_RESULTS_PARAMS_MAX  64

/* a file that is not there: libpq then goes on without one */
#define NGX_HTTP_RESULTS_NO_FILE  "/nonexistent"


typedef struct {
    const char             *keyword;
    const char             *value;
} ngx_http_results_default_t;


static ngx_int_t ngx_http_results_params_set(ngx_conf_t *cf,
    ngx_http_results_params_t *params, const char *keyword,
    const char *value);
static const char *ngx_http_results_params_get(
    ngx_http_results_params_t *params, const char *keyword);
static char *ngx_http_results_params_hosts(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    ngx_uint_t *local);
static char *ngx_http_results_params_resolve(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_str_t *host, ngx_str_t *port,
    ngx_array_t *hosts, ngx_array_t *addrs, ngx_array_t *ports);
static ngx_int_t ngx_http_results_params_push(ngx_conf_t *cf,
    ngx_array_t *list, u_char *data, size_t len);
static char *ngx_http_results_params_join(ngx_conf_t *cf,
    ngx_array_t *list);
static void ngx_http_results_params_next(const char **list, ngx_str_t *item);


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


char *
ngx_http_results_connection_params(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf)
{
    char                              *error, *rc;
    u_char                            *timeout;
    const char                        *sslmode;
    ngx_uint_t                         local;
    PQconninfoOption                  *options, *opt;
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

    for (opt = options; opt->keyword != NULL; opt++) {

        if (opt->val != NULL
            && ngx_http_results_params_set(cf, params, opt->keyword, opt->val)
               != NGX_OK)
        {
            PQconninfoFree(options);
            return NGX_CONF_ERROR;
        }
    }

    PQconninfoFree(options);

    if (ngx_http_results_params_get(params, "password") != NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "the password of results_store \"%V\" can be read with "
                      "\"nginx -T\": use peer authentication, passfile or "
                      "service in %s:%ui",
                      &conf->name, conf->file, conf->line);
    }

    local = 1;

    rc = ngx_http_results_params_hosts(cf, conf, params, &local);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    sslmode = ngx_http_results_params_get(params, "sslmode");

    if (sslmode != NULL
        && (ngx_strcmp(sslmode, "prefer") == 0
            || ngx_strcmp(sslmode, "allow") == 0))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "sslmode=%s of results_store \"%V\" would connect "
                      "without TLS when TLS fails: use disable, require, "
                      "verify-ca or verify-full in %s:%ui",
                      sslmode, &conf->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    /* a service file may set it; what it leaves open is libpq's "prefer" */

    if (sslmode == NULL
        && ngx_http_results_params_set(cf, params, "sslmode",
                                       local ? "disable" : "require")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* what the server did not acknowledge by then is lost anyway */

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


/* replaces what keyword had */

static ngx_int_t
ngx_http_results_params_set(ngx_conf_t *cf, ngx_http_results_params_t *params,
    const char *keyword, const char *value)
{
    ngx_uint_t   i;
    ngx_str_t    k, v;

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


static const char *
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


/*
 * Gives every host name its addresses, so that libpq looks up none: one
 * entry of host, hostaddr and port an address.  *local: nothing leaves this
 * machine.
 */

static char *
ngx_http_results_params_hosts(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    ngx_uint_t *local)
{
    char         *rc;
    in_addr_t     inaddr;
    ngx_str_t     host, port, *addr;
    ngx_uint_t    i;
    ngx_array_t   hosts, addrs, ports;
    const char   *hostlist, *portlist, *list;

    list = ngx_http_results_params_get(params, "hostaddr");
    hostlist = ngx_http_results_params_get(params, "host");
    portlist = ngx_http_results_params_get(params, "port");

    if (list != NULL) {

        while (*list != '\0') {
            ngx_http_results_params_next(&list, &host);

            if (ngx_strncmp(host.data, "127.", 4) != 0
                && !(host.len == 3 && ngx_strncmp(host.data, "::1", 3) == 0))
            {
                *local = 0;
            }
        }

        return NGX_CONF_OK;
    }

    if (hostlist == NULL) {

        if (ngx_http_results_params_get(params, "service") != NULL) {
            *local = 0;
            return NGX_CONF_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no host in the conninfo of results_store \"%V\" "
                      "in %s:%ui", &conf->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&hosts, cf->temp_pool, 4, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&addrs, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&ports, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&port, "");

    while (*hostlist != '\0') {

        ngx_http_results_params_next(&hostlist, &host);

        /* one port serves all hosts */
        if (portlist != NULL && *portlist != '\0') {
            ngx_http_results_params_next(&portlist, &port);
        }

        rc = ngx_http_results_params_resolve(cf, conf, &host, &port, &hosts,
                                             &addrs, &ports);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    addr = addrs.elts;

    for (i = 0; i < addrs.nelts; i++) {

        if (addr[i].len == 0) {
            continue;
        }

        inaddr = ngx_inet_addr(addr[i].data, addr[i].len);

        if ((inaddr == INADDR_NONE
             || (ntohl(inaddr) >> 24) != 127)
            && !(addr[i].len == 3
                 && ngx_strncmp(addr[i].data, "::1", 3) == 0))
        {
            *local = 0;
        }
    }

    hostlist = ngx_http_results_params_join(cf, &hosts);
    list = ngx_http_results_params_join(cf, &addrs);
    portlist = ngx_http_results_params_join(cf, &ports);

    if (hostlist == NULL || list == NULL || portlist == NULL
        || ngx_http_results_params_set(cf, params, "host", hostlist)
           != NGX_OK
        || ngx_http_results_params_set(cf, params, "hostaddr", list)
           != NGX_OK
        || ngx_http_results_params_set(cf, params, "port", portlist)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_results_params_resolve(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_str_t *host, ngx_str_t *port,
    ngx_array_t *hosts, ngx_array_t *addrs, ngx_array_t *ports)
{
    u_char      text[NGX_SOCKADDR_STRLEN];
    size_t      len;
    ngx_url_t   u;
    ngx_uint_t  i;

    if (host->len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "an empty host in the conninfo of results_store \"%V\" "
                      "in %s:%ui", &conf->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (host->data[0] == '/' || host->data[0] == '@') {

        if (ngx_http_results_params_push(cf, hosts, host->data, host->len)
            != NGX_OK
            || ngx_http_results_params_push(cf, addrs, NULL, 0) != NGX_OK
            || ngx_http_results_params_push(cf, ports, port->data, port->len)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.host = *host;

    /* an address needs no lookup; "nginx -t" must not wait for DNS */

    if (ngx_inet_addr(host->data, host->len) != INADDR_NONE
        || ngx_strlchr(host->data, host->data + host->len, ':') != NULL
        || ngx_test_config)
    {
        if (ngx_http_results_params_push(cf, hosts, host->data, host->len)
            != NGX_OK
            || ngx_http_results_params_push(cf, addrs, host->data, host->len)
               != NGX_OK
            || ngx_http_results_params_push(cf, ports, port->data, port->len)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    u.default_port = 5432;

    if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s in the host \"%V\" of results_store \"%V\" "
                      "in %s:%ui", u.err ? u.err : "no memory", host,
                      &conf->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < u.naddrs; i++) {

        len = ngx_sock_ntop(u.addrs[i].sockaddr, u.addrs[i].socklen, text,
                            NGX_SOCKADDR_STRLEN, 0);

        if (ngx_http_results_params_push(cf, hosts, host->data, host->len)
            != NGX_OK
            || ngx_http_results_params_push(cf, addrs, text, len) != NGX_OK
            || ngx_http_results_params_push(cf, ports, port->data, port->len)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_results_params_push(ngx_conf_t *cf, ngx_array_t *list, u_char *data,
    size_t len)
{
    ngx_str_t  *item, text;

    item = ngx_array_push(list);
    if (item == NULL) {
        return NGX_ERROR;
    }

    text.data = data;
    text.len = len;

    item->len = len;
    item->data = len ? ngx_pstrdup(cf->temp_pool, &text) : data;

    return (len && item->data == NULL) ? NGX_ERROR : NGX_OK;
}


static char *
ngx_http_results_params_join(ngx_conf_t *cf, ngx_array_t *list)
{
    u_char      *p, *text;
    size_t       len;
    ngx_str_t   *item;
    ngx_uint_t   i;

    item = list->elts;
    len = 1;

    for (i = 0; i < list->nelts; i++) {
        len += item[i].len + 1;
    }

    text = ngx_pnalloc(cf->pool, len);
    if (text == NULL) {
        return NULL;
    }

    p = text;

    for (i = 0; i < list->nelts; i++) {

        if (i > 0) {
            *p++ = ',';
        }

        /* an empty one has no data, which memcpy() must not be given */

        if (item[i].len > 0) {
            p = ngx_cpymem(p, item[i].data, item[i].len);
        }
    }

    *p = '\0';

    return (char *) text;
}


/* the next item of a list with commas; *list goes behind its comma */

static void
ngx_http_results_params_next(const char **list, ngx_str_t *item)
{
    const char  *p;

    p = *list;
    item->data = (u_char *) p;

    while (*p != '\0' && *p != ',') {
        p++;
    }

    item->len = p - *list;
    *list = *p == ',' ? p + 1 : p;
}
