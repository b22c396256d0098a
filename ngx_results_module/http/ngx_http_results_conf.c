
/*
 * The directives other than results_store {}: what they accept, how they are
 * inherited, which need each other.  All of this runs in the master while the
 * configuration is read; memory is that of the configuration's pool.
 *
 * Checks of the complete configuration log the file and line of the directive,
 * which was kept for that: nginx itself would log those of the end of http {}.
 */

#include "ngx_http_results.h"


/* 30 days in seconds; results.issue_token() issues tokens for longer */
#define NGX_HTTP_RESULTS_TOKEN_TTL_MAX  (30 * 86400)


typedef struct {
    ngx_str_t                       name;
    u_char                         *file;
    ngx_uint_t                      line;
    ngx_http_results_loc_conf_t    *conf;
} ngx_http_results_pass_t;


static char *ngx_http_results_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name, size_t *size);
static char *ngx_http_results_taken(ngx_command_t *cmd,
    ngx_http_results_loc_conf_t *lcf);
static char *ngx_http_results_serve(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_results_loc_conf_t *lcf);
static ngx_int_t ngx_http_results_set_base(ngx_conf_t *cf,
    ngx_http_results_loc_conf_t *lcf);


/* results_token_zone NAME:SIZE [ttl=TIME] [negative_ttl=TIME] */

char *
ngx_http_results_token_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_main_conf_t  *mcf = conf;

    char        *rv;
    size_t       size;
    time_t      *ttl;
    ngx_str_t   *value, name, s;
    ngx_uint_t   i;

    (void) cmd;

    if (mcf->tokens) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rv = ngx_http_results_zone_size(cf, &value[1], &name, &size);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "ttl=", 4) == 0) {
            ttl = &mcf->ttl;
            s.data = value[i].data + 4;

        } else if (ngx_strncmp(value[i].data, "negative_ttl=", 13) == 0) {
            ttl = &mcf->negative_ttl;
            s.data = value[i].data + 13;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        s.len = value[i].data + value[i].len - s.data;
        *ttl = ngx_parse_time(&s, 1);

        if (*ttl < 1 || *ttl > 86400) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time \"%V\": it must be from 1s to 1d",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    mcf->tokens = ngx_http_results_tokens_add(cf, &name, size,
                                              &ngx_http_results_module);

    return mcf->tokens ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_results_zone_size(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name,
    size_t *size)
{
    u_char     *p;
    ssize_t     n;
    ngx_str_t   s;

    p = (u_char *) ngx_strchr(value->data, ':');

    if (p == NULL || p == value->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\": it must be NAME:SIZE", value);
        return NGX_CONF_ERROR;
    }

    name->data = value->data;
    name->len = p - value->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    n = ngx_parse_size(&s);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    if (n < (ssize_t) (16 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", value);
        return NGX_CONF_ERROR;
    }

    *size = n;

    return NGX_CONF_OK;
}


/* results_pass STORE; the store may be defined further down */

char *
ngx_http_results_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    ngx_str_t                     *value;
    ngx_http_results_pass_t       *pass;
    ngx_http_results_main_conf_t  *mcf;

    (void) cmd;

    if (lcf->pass) {
        return "is duplicate";
    }

    lcf->pass = 1;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);

    pass = ngx_array_push(&mcf->passes);
    if (pass == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    pass->name = value[1];
    pass->file = cf->conf_file->file.name.data;
    pass->line = cf->conf_file->line;
    pass->conf = lcf;

    return NGX_CONF_OK;
}


/* results_institution NAME */

char *
ngx_http_results_institution(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    ngx_str_t  *value;

    (void) cmd;

    if (lcf->institution.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > RESULTS_INSTITUTION_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid institution \"%V\": a name has 1 to %d "
                           "bytes", &value[1], RESULTS_INSTITUTION_MAX);
        return NGX_CONF_ERROR;
    }

    lcf->institution = value[1];

    return NGX_CONF_OK;
}


/* results_base_url URL; the location's path comes behind it */

char *
ngx_http_results_base_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    while (value[1].len && value[1].data[value[1].len - 1] == '/') {
        value[1].data[--value[1].len] = '\0';
    }

    if (ngx_strncmp(value[1].data, "http://", 7) != 0
        && ngx_strncmp(value[1].data, "https://", 8) != 0
        && value[1].data[0] != '$')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\": it must begin with "
                           "\"http://\", \"https://\" or a variable",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_set_complex_value_slot(cf, cmd, conf);
}


/* results_api NAME */

char *
ngx_http_results_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    u_char         *p, known[256];
    ngx_str_t      *value;
    ngx_uint_t      i;
    results_str_t   name;

    if (lcf->dialect) {
        return ngx_http_results_taken(cmd, lcf);
    }

    value = cf->args->elts;

    name.data = (const char *) value[1].data;
    name.len = value[1].len;

    lcf->dialect = results_dialect_find(name);

    if (lcf->dialect == NULL) {
        p = known;

        for (i = 0; results_dialects[i]; i++) {
            p = ngx_slprintf(p, known + sizeof(known), "%s%s", i ? ", " : "",
                             results_dialects[i]->name);
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown API \"%V\", the known ones are: %*s",
                           &value[1], (size_t) (p - known), known);
        return NGX_CONF_ERROR;
    }

    return ngx_http_results_serve(cf, cmd, lcf);
}


/* results_token_endpoint [ttl=TIME] */

char *
ngx_http_results_token_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_loc_conf_t  *lcf = conf;

    ngx_str_t  *value, s;

    if (lcf->dialect) {
        return ngx_http_results_taken(cmd, lcf);
    }

    lcf->dialect = &results_token;
    lcf->token_ttl = 3600;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (ngx_strncmp(value[1].data, "ttl=", 4) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        s.data = value[1].data + 4;
        s.len = value[1].len - 4;

        lcf->token_ttl = ngx_parse_time(&s, 1);

        if (lcf->token_ttl < 1
            || lcf->token_ttl > NGX_HTTP_RESULTS_TOKEN_TTL_MAX)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time \"%V\": it must be from 1s to "
                               "30d", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_results_serve(cf, cmd, lcf);
}


static char *
ngx_http_results_taken(ngx_command_t *cmd, ngx_http_results_loc_conf_t *lcf)
{
    return (lcf->directive == &cmd->name)
           ? "is duplicate" : "can not share its location with another API";
}


/* makes the location one that is served by lcf->dialect */

static char *
ngx_http_results_serve(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_results_loc_conf_t *lcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* a request's path is taken relative to the location's name */

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" can not be used in the %s location \"%V\"",
                           &cmd->name,
                           clcf->named ? "named" : "regular expression",
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_results_handler;

    lcf->prefix = clcf->name;
    lcf->exact = clcf->exact_match;

    if (ngx_http_results_set_base(cf, lcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->directive = &cmd->name;
    lcf->file = cf->conf_file->file.name.data;
    lcf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/* the location's name as it stands in a URI, with a slash at its end */

static ngx_int_t
ngx_http_results_set_base(ngx_conf_t *cf, ngx_http_results_loc_conf_t *lcf)
{
    size_t      len;
    u_char     *p;
    ngx_str_t  *name;

    name = &lcf->prefix;

    len = name->len + 2 * ngx_escape_uri(NULL, name->data, name->len,
                                         NGX_ESCAPE_URI);

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    lcf->base.data = p;

    p = (u_char *) ngx_escape_uri(p, name->data, name->len, NGX_ESCAPE_URI);

    if (p[-1] != '/') {
        *p++ = '/';
    }

    lcf->base.len = p - lcf->base.data;

    return NGX_OK;
}


void *
ngx_http_results_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_results_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_results_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->stores, cf->pool, 1,
                       sizeof(ngx_http_results_store_conf_t *))
        != NGX_OK
        || ngx_array_init(&mcf->passes, cf->pool, 4,
                          sizeof(ngx_http_results_pass_t))
           != NGX_OK)
    {
        return NULL;
    }

    mcf->ttl = 30;
    mcf->negative_ttl = 5;

    return mcf;
}


/* called when all of http {} has been read, and before locations are merged */

char *
ngx_http_results_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_results_main_conf_t  *mcf = conf;

    ngx_uint_t                       i, n;
    ngx_http_results_pass_t         *pass;
    ngx_http_results_store_conf_t  **stores;

    pass = mcf->passes.elts;
    stores = mcf->stores.elts;

    for (i = 0; i < mcf->passes.nelts; i++) {

        for (n = 0; n < mcf->stores.nelts; n++) {
            if (stores[n]->name.len == pass[i].name.len
                && ngx_strncmp(stores[n]->name.data, pass[i].name.data,
                               pass[i].name.len)
                   == 0)
            {
                pass[i].conf->store = stores[n];
                break;
            }
        }

        if (n == mcf->stores.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown store \"%V\" in \"results_pass\" in %s:%ui",
                          &pass[i].name, pass[i].file, pass[i].line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


void *
ngx_http_results_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_results_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_results_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->references = NGX_CONF_UNSET_UINT;
    lcf->streams = NGX_CONF_UNSET_UINT;
    lcf->max_temp_file_size = NGX_CONF_UNSET;

    return lcf;
}


char *
ngx_http_results_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_results_loc_conf_t  *prev = parent;
    ngx_http_results_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_results_main_conf_t  *mcf;

    if (conf->store == NULL) {
        conf->store = prev->store;
    }

    if (conf->base_url == NULL) {
        conf->base_url = prev->base_url;
    }

    ngx_conf_merge_str_value(conf->institution, prev->institution, "");
    ngx_conf_merge_uint_value(conf->streams, prev->streams, 16);
    ngx_conf_merge_off_value(conf->max_temp_file_size,
                             prev->max_temp_file_size, 1024 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->references, prev->references,
                              NGX_HTTP_RESULTS_REFERENCES_LOOSE);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except" blocks serve what their location does */

    if (conf->dialect == NULL && clcf->noname && prev->dialect) {
        conf->dialect = prev->dialect;
        conf->directive = prev->directive;
        conf->token_ttl = prev->token_ttl;
        conf->prefix = prev->prefix;
        conf->base = prev->base;
        conf->exact = prev->exact;
        conf->file = prev->file;
        conf->line = prev->line;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_results_handler;
        }
    }

    if (conf->dialect == NULL && !conf->ready) {
        return NGX_CONF_OK;
    }

    if (conf->store == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"results_pass\" for \"%V\" in %s:%ui",
                      conf->directive, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (conf->dialect == NULL) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);

    conf->api = ngx_http_results_api_slot(conf->dialect);
    mcf->apis |= (ngx_uint_t) 1 << conf->api;

    if (mcf->tokens == NULL && conf->dialect->auth != RESULTS_AUTH_CLIENT) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"results_token_zone\" for \"%V\" in %s:%ui",
                      conf->directive, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    /* to issue a token is a write, although readers do it */

    if (conf->store->connections == 0
        && conf->dialect->auth == RESULTS_AUTH_CLIENT)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the store \"%V\" is only read (\"connections 0\"), "
                      "which will not do for \"%V\" in %s:%ui",
                      &conf->store->name, conf->directive, conf->file,
                      conf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
