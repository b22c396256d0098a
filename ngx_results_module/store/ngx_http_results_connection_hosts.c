
/*
 * The hosts of a store.  Names are resolved when the configuration is read, as
 * those of "upstream" are, and libpq is given addresses: one entry of host,
 * hostaddr and port for each address, which it tries in turn.  All strings live
 * in the configuration's pool.
 *
 * libpq has no time limit for one host of several that we could use, and after
 * some errors it does not try the next one.  So after an attempt that failed
 * at one host, the next attempt begins with the host after it.  The lists of
 * hosts for this, one beginning with each host, are made when the configuration
 * is read.
 */

#include "ngx_http_results_connection_params.h"


static char *ngx_http_results_hosts_bad(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, const char *why, ngx_str_t *host);
static char *ngx_http_results_hosts_resolve(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_array_t *hosts,
    ngx_str_t *host, ngx_str_t *port);
static ngx_int_t ngx_http_results_hosts_push(ngx_conf_t *cf,
    ngx_array_t *hosts, ngx_str_t *host, ngx_str_t *addr, ngx_str_t *port);
static ngx_int_t ngx_http_results_hosts_orders(ngx_conf_t *cf,
    ngx_http_results_params_t *params);
static ngx_uint_t ngx_http_results_hosts_local(
    ngx_http_results_params_t *params);
static void ngx_http_results_hosts_use(ngx_http_results_params_t *params,
    ngx_uint_t first);
static ngx_uint_t ngx_http_results_hosts_count(const char *list);
static void ngx_http_results_hosts_next(const char **list, ngx_str_t *item);


char *
ngx_http_results_connection_hosts(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_http_results_params_t *params,
    ngx_uint_t *local)
{
    char         *rc;
    ngx_str_t     host, addr, port;
    ngx_uint_t    i, n, nhosts, naddrs, nports;
    const char   *hostlist, *addrlist, *portlist;
    ngx_array_t   hosts;

    hostlist = params->values[NGX_HTTP_RESULTS_PARAM_HOST];
    addrlist = params->values[NGX_HTTP_RESULTS_PARAM_HOSTADDR];
    portlist = params->values[NGX_HTTP_RESULTS_PARAM_PORT];

    nhosts = ngx_http_results_hosts_count(hostlist);
    naddrs = ngx_http_results_hosts_count(addrlist);
    nports = ngx_http_results_hosts_count(portlist);

    n = ngx_max(nhosts, naddrs);

    if (n == 0) {
        return ngx_http_results_hosts_bad(cf, conf, "no host", NULL);
    }

    if (nhosts && naddrs && nhosts != naddrs) {
        return ngx_http_results_hosts_bad(cf, conf,
                                   "not as many addresses as hosts", NULL);
    }

    /* one port serves all hosts */

    if (nports > 1 && nports != n) {
        return ngx_http_results_hosts_bad(cf, conf,
                                       "not as many ports as hosts", NULL);
    }

    if (ngx_array_init(&hosts, cf->pool, n, sizeof(ngx_http_results_host_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&port);

    for (i = 0; i < n; i++) {

        ngx_http_results_hosts_next(&hostlist, &host);
        ngx_http_results_hosts_next(&addrlist, &addr);

        if (i == 0 || nports > 1) {
            ngx_http_results_hosts_next(&portlist, &port);
        }

        if (addr.len == 0) {
            rc = ngx_http_results_hosts_resolve(cf, conf, &hosts, &host,
                                                &port);
            if (rc != NGX_CONF_OK) {
                return rc;
            }

        } else if (ngx_http_results_hosts_push(cf, &hosts, &host, &addr,
                                               &port)
                   != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    params->hosts = hosts.elts;
    params->nhosts = hosts.nelts;

    *local = ngx_http_results_hosts_local(params);

    if (ngx_http_results_hosts_orders(cf, params) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_results_hosts_use(params, 0);

    return NGX_CONF_OK;
}


static char *
ngx_http_results_hosts_bad(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, const char *why, ngx_str_t *host)
{
    ngx_str_t  none = ngx_null_string;

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "%s%s%V%s in the conninfo of results_store \"%V\" in %s:%ui",
                  why, host ? " \"" : "", host ? host : &none,
                  host ? "\"" : "", &conf->name, conf->file, conf->line);

    return NGX_CONF_ERROR;
}


/* adds a host: a name, once for each address; an address; a socket's path */

static char *
ngx_http_results_hosts_resolve(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *conf, ngx_array_t *hosts,
    ngx_str_t *host, ngx_str_t *port)
{
    u_char      text[NGX_SOCKADDR_STRLEN];
    ngx_int_t   rc;
    ngx_str_t   addr;
    ngx_url_t   u;
    ngx_uint_t  i;

    ngx_str_null(&addr);

    if (host->len == 0) {
        return ngx_http_results_hosts_bad(cf, conf, "an empty host", NULL);
    }

    if (host->data[0] == '/' || host->data[0] == '@') {
        rc = ngx_http_results_hosts_push(cf, hosts, host, &addr, port);
        return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    /* an address needs no lookup; "nginx -t" must not wait for DNS */

    if (ngx_inet_addr(host->data, host->len) != INADDR_NONE
        || ngx_strlchr(host->data, host->data + host->len, ':') != NULL
        || ngx_test_config)
    {
        rc = ngx_http_results_hosts_push(cf, hosts, host, host, port);
        return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.host = *host;
    u.default_port = 5432;

    if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
        return ngx_http_results_hosts_bad(cf, conf,
                                          u.err ? u.err : "no memory for",
                                          host);
    }

    for (i = 0; i < u.naddrs; i++) {

        addr.data = text;
        addr.len = ngx_sock_ntop(u.addrs[i].sockaddr, u.addrs[i].socklen,
                                 text, NGX_SOCKADDR_STRLEN, 0);

        if (ngx_http_results_hosts_push(cf, hosts, host, &addr, port)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_results_hosts_push(ngx_conf_t *cf, ngx_array_t *hosts,
    ngx_str_t *host, ngx_str_t *addr, ngx_str_t *port)
{
    u_char                   *text;
    ngx_str_t                *part;
    ngx_uint_t                i;
    ngx_http_results_host_t  *entry;

    entry = ngx_array_push(hosts);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_RESULTS_PARAM_HOSTS; i++) {

        part = (i == NGX_HTTP_RESULTS_PARAM_HOST) ? host
               : (i == NGX_HTTP_RESULTS_PARAM_HOSTADDR) ? addr : port;

        text = ngx_pnalloc(cf->pool, part->len + 1);
        if (text == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_sprintf(text, "%V%Z", part);

        entry->values[i] = (char *) text;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_hosts_orders(ngx_conf_t *cf,
    ngx_http_results_params_t *params)
{
    u_char                   *p, *text;
    size_t                    len;
    ngx_uint_t                i, k, n, first;
    ngx_http_results_host_t  *host;

    n = params->nhosts;

    params->orders = ngx_palloc(cf->pool,
                                n * sizeof(ngx_http_results_host_t));
    if (params->orders == NULL) {
        return NGX_ERROR;
    }

    for (k = 0; k < NGX_HTTP_RESULTS_PARAM_HOSTS; k++) {

        len = 0;

        for (i = 0; i < n; i++) {
            len += ngx_strlen(params->hosts[i].values[k]) + 1;
        }

        for (first = 0; first < n; first++) {

            text = ngx_pnalloc(cf->pool, len);
            if (text == NULL) {
                return NGX_ERROR;
            }

            p = text;

            for (i = 0; i < n; i++) {
                host = &params->hosts[(first + i) % n];
                p = ngx_sprintf(p, "%s,", host->values[k]);
            }

            p[-1] = '\0';

            params->orders[first].values[k] = (char *) text;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_results_hosts_local(ngx_http_results_params_t *params)
{
    ngx_uint_t   i;
    in_addr_t    inaddr;
    const char  *addr;

    for (i = 0; i < params->nhosts; i++) {

        addr = params->hosts[i].values[NGX_HTTP_RESULTS_PARAM_HOSTADDR];

        if (*addr == '\0' || ngx_strcmp(addr, "::1") == 0) {
            continue;
        }

        inaddr = ngx_inet_addr((u_char *) addr, ngx_strlen(addr));

        if (inaddr == INADDR_NONE || (ntohl(inaddr) >> 24) != 127) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_results_connection_next_host(ngx_http_results_params_t *params,
    const char *host, const char *hostaddr, const char *port)
{
    ngx_uint_t                i, k, n;
    const char               *addr;
    ngx_http_results_host_t  *entry;

    n = params->nhosts;

    for (k = 0; k < n; k++) {

        i = (params->first + k) % n;
        entry = &params->hosts[i];
        addr = entry->values[NGX_HTTP_RESULTS_PARAM_HOSTADDR];

        /* PQhost() of one that has no name is its address */

        if ((ngx_strcmp(entry->values[NGX_HTTP_RESULTS_PARAM_HOST], host)
             == 0
             || ngx_strcmp(addr, host) == 0)
            && (*addr == '\0' || ngx_strcmp(addr, hostaddr) == 0)
            && (*port == '\0'
                || *entry->values[NGX_HTTP_RESULTS_PARAM_PORT] == '\0'
                || ngx_strcmp(entry->values[NGX_HTTP_RESULTS_PARAM_PORT],
                              port)
                   == 0))
        {
            ngx_http_results_hosts_use(params, (i + 1) % n);
            return;
        }
    }

    /* conninfo names one at least: NOLINTNEXTLINE(*-core.DivideZero) */
    ngx_http_results_hosts_use(params, (params->first + 1) % n);
}


static void
ngx_http_results_hosts_use(ngx_http_results_params_t *params,
    ngx_uint_t first)
{
    ngx_uint_t  k;

    params->first = first;

    for (k = 0; k < NGX_HTTP_RESULTS_PARAM_HOSTS; k++) {
        params->values[k] = params->orders[first].values[k];
    }
}


static ngx_uint_t
ngx_http_results_hosts_count(const char *list)
{
    ngx_uint_t  n;

    if (list == NULL || *list == '\0') {
        return 0;
    }

    for (n = 1; *list != '\0'; list++) {
        n += (*list == ',');
    }

    return n;
}


/* the next item of a list with commas; *list then points behind its comma */

static void
ngx_http_results_hosts_next(const char **list, ngx_str_t *item)
{
    const char  *p;

    ngx_str_null(item);

    if (*list == NULL) {
        return;
    }

    p = *list;
    item->data = (u_char *) p;

    while (*p != '\0' && *p != ',') {
        p++;
    }

    item->len = p - *list;
    *list = (*p == ',') ? p + 1 : p;
}
