
/*
 * results_store {}: its parameters, their bounds and defaults, and the checks
 * that need no database.  Runs in the master only; nothing is freed but with
 * the configuration's pool.
 */

#include "ngx_http_results.h"


static char *ngx_http_results_store_parameter(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_results_store_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_results_store_defaults(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *store);
static char *ngx_http_results_store_timeout(ngx_conf_t *cf, void *post,
    void *data);


/* "connections 0": the store is only read, so its server may be a standby */

static ngx_conf_num_bounds_t  ngx_http_results_writers_bounds = {
    ngx_conf_check_num_bounds, 0, 64
};

static ngx_conf_num_bounds_t  ngx_http_results_readers_bounds = {
    ngx_conf_check_num_bounds, 1, 64
};

static ngx_conf_num_bounds_t  ngx_http_results_batch_bounds = {
    ngx_conf_check_num_bounds, 1, 10000
};

static ngx_conf_post_t  ngx_http_results_timeout_post = {
    ngx_http_results_store_timeout
};

static ngx_conf_enum_t  ngx_http_results_durability[] = {
    { ngx_string("full"), NGX_HTTP_RESULTS_DURABILITY_FULL },
    { ngx_string("local"), NGX_HTTP_RESULTS_DURABILITY_LOCAL },
    { ngx_null_string, 0 }
};


/* the parameters of results_store {}; of a type only NGX_CONF_TAKE... counts */

static ngx_command_t  ngx_http_results_store_parameters[] = {

    { ngx_string("conninfo"),
      NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, conninfo),
      NULL },

    { ngx_string("connections"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, connections),
      &ngx_http_results_writers_bounds },

    { ngx_string("readers"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, readers),
      &ngx_http_results_readers_bounds },

    { ngx_string("batch"),
      NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, batch),
      &ngx_http_results_batch_bounds },

    { ngx_string("queue"),
      NGX_CONF_TAKE12,
      ngx_http_results_store_queue,
      0,
      0,
      NULL },

    { ngx_string("connect_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, connect_timeout),
      &ngx_http_results_timeout_post },

    { ngx_string("write_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, write_timeout),
      &ngx_http_results_timeout_post },

    { ngx_string("read_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, read_timeout),
      &ngx_http_results_timeout_post },

    { ngx_string("prepare"),
      NGX_CONF_TAKE1,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, prepare),
      NULL },

    { ngx_string("durability"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_http_results_store_conf_t, durability),
      &ngx_http_results_durability },

      ngx_null_command
};


/* results_store NAME { ... } */

char *
ngx_http_results_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_main_conf_t  *mcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_conf_t                       save;
    ngx_http_results_store_conf_t   *store, **stores;

    (void) cmd;

    value = cf->args->elts;
    stores = mcf->stores.elts;

    for (i = 0; i < mcf->stores.nelts; i++) {
        if (stores[i]->name.len == value[1].len
            && ngx_strncmp(stores[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "results_store \"%V\" is already defined in "
                               "%s:%ui", &value[1], stores[i]->file,
                               stores[i]->line);
            return NGX_CONF_ERROR;
        }
    }

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_results_store_conf_t));
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    store->name = value[1];
    store->file = cf->conf_file->file.name.data;
    store->line = cf->conf_file->line;
    store->scope_bits = results_scope_bits;

    store->connections = NGX_CONF_UNSET_UINT;
    store->readers = NGX_CONF_UNSET_UINT;
    store->batch = NGX_CONF_UNSET_UINT;
    store->queue = NGX_CONF_UNSET_UINT;
    store->queue_size = NGX_CONF_UNSET_SIZE;
    store->connect_timeout = NGX_CONF_UNSET_MSEC;
    store->write_timeout = NGX_CONF_UNSET_MSEC;
    store->read_timeout = NGX_CONF_UNSET_MSEC;
    store->prepare = NGX_CONF_UNSET;
    store->durability = NGX_CONF_UNSET_UINT;

    save = *cf;
    cf->handler = ngx_http_results_store_parameter;
    cf->handler_conf = (char *) store;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_results_store_defaults(cf, store);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    stores = ngx_array_push(&mcf->stores);
    if (stores == NULL) {
        return NGX_CONF_ERROR;
    }

    *stores = store;
    mcf->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_results_store_parameter(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    char           *rv;
    ngx_str_t      *value;
    ngx_uint_t      takes;
    ngx_command_t  *cmd;

    (void) dummy;

    value = cf->args->elts;

    for (cmd = ngx_http_results_store_parameters; cmd->name.len; cmd++) {

        if (cmd->name.len != value[0].len
            || ngx_strncmp(cmd->name.data, value[0].data, value[0].len) != 0)
        {
            continue;
        }

        /* NGX_CONF_TAKE12 has the bits of NGX_CONF_TAKE1 and NGX_CONF_TAKE2 */

        takes = (cf->args->nelts == 2) ? NGX_CONF_TAKE1
                : (cf->args->nelts == 3) ? NGX_CONF_TAKE2 : 0;

        if ((cmd->type & takes) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "parameter of results_store", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = cmd->set(cf, cmd, conf);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" parameter of results_store %s",
                               &value[0], rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" in results_store", &value[0]);

    return NGX_CONF_ERROR;
}


/* queue ROWS [size=BYTES] */

static char *
ngx_http_results_store_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_results_store_conf_t  *store = conf;

    ssize_t     size;
    ngx_int_t   rows;
    ngx_str_t  *value, s;

    (void) cmd;

    if (store->queue != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    rows = ngx_atoi(value[1].data, value[1].len);

    if (rows < 1 || rows > 1000000) {
        return "must be from 1 to 1000000 rows";
    }

    store->queue = rows;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "size=", 5) != 0) {
        return "takes size= as its second argument";
    }

    s.data = value[2].data + 5;
    s.len = value[2].len - 5;

    size = ngx_parse_size(&s);

    if (size < 64 * 1024) {
        return "must have a size of 64k or more";
    }

    store->queue_size = size;

    return NGX_CONF_OK;
}


static char *
ngx_http_results_store_defaults(ngx_conf_t *cf,
    ngx_http_results_store_conf_t *store)
{
    if (store->conninfo.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"conninfo\" in results_store \"%V\"",
                           &store->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(store->connections, 2);
    ngx_conf_init_uint_value(store->readers, 3);
    ngx_conf_init_uint_value(store->batch, 512);
    ngx_conf_init_uint_value(store->queue, 8192);
    ngx_conf_init_size_value(store->queue_size, 64 * 1024 * 1024);
    ngx_conf_init_msec_value(store->connect_timeout, 3000);
    ngx_conf_init_msec_value(store->write_timeout, 5000);
    ngx_conf_init_msec_value(store->read_timeout, 10000);
    ngx_conf_init_value(store->prepare, 1);
    ngx_conf_init_uint_value(store->durability,
                             NGX_HTTP_RESULTS_DURABILITY_FULL);

    if (store->queue < store->batch) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "results_store \"%V\" has a queue of %ui rows, so a "
                           "batch has never more, though it may have %ui",
                           &store->name, store->queue, store->batch);
    }

    return ngx_http_results_store_check(cf, store);
}


static char *
ngx_http_results_store_timeout(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t  *timeout = data;

    (void) cf;
    (void) post;

    return *timeout ? NGX_CONF_OK : "must not be zero";
}


/*
 * The pools of a worker may take an eighth of worker_connections at most.
 * Where events {} comes after http {} the number is not known yet, and the
 * check is left out: an error in any later step of a reload would end the
 * master.
 */

ngx_int_t
ngx_http_results_check_connections(ngx_conf_t *cf)
{
    void                           **events;
    ngx_uint_t                       i, n;
    ngx_event_conf_t                *ecf;
    ngx_http_results_main_conf_t    *mcf;
    ngx_http_results_store_conf_t  **stores;

    events = (void **) ngx_get_conf(cf->cycle->conf_ctx, ngx_events_module);

    if (events == NULL) {
        return NGX_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);
    ecf = ngx_event_get_conf(cf->cycle->conf_ctx, ngx_event_core_module);

    n = 0;
    stores = mcf->stores.elts;

    for (i = 0; i < mcf->stores.nelts; i++) {
        n += stores[i]->connections + stores[i]->readers;

        if (n > ecf->connections / 8) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "%ui connections of results_store are more than "
                          "an eighth of the %ui \"worker_connections\" "
                          "in %s:%ui", n, ecf->connections,
                          stores[i]->file, stores[i]->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
