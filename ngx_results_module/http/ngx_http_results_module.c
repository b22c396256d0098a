
/*
 * The module as nginx sees it: its directives, its place in the phases, and
 * what a worker does when it starts and ends.
 */

#include "ngx_http_results.h"


static ngx_int_t ngx_http_results_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_results_add_counters(ngx_conf_t *cf,
    ngx_http_results_main_conf_t *mcf);
static ngx_int_t ngx_http_results_init_process(ngx_cycle_t *cycle);
static void ngx_http_results_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_results_references[] = {
    { ngx_string("loose"), NGX_HTTP_RESULTS_REFERENCES_LOOSE },
    { ngx_string("strict"), NGX_HTTP_RESULTS_REFERENCES_STRICT },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_results_streams_bounds = {
    ngx_conf_check_num_bounds, 1, 1024
};


static ngx_command_t  ngx_http_results_commands[] = {

    { ngx_string("results_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_results_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_token_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_results_token_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_pass"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_results_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_institution"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_results_institution,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_references"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_results_loc_conf_t, references),
      &ngx_http_results_references },

    { ngx_string("results_base_url"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_results_base_url,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_results_loc_conf_t, base_url),
      NULL },

    { ngx_string("results_streams"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_results_loc_conf_t, streams),
      &ngx_http_results_streams_bounds },

    { ngx_string("results_max_temp_file_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_results_loc_conf_t, max_temp_file_size),
      NULL },

    { ngx_string("results_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_results_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_token_endpoint"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_results_token_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_results_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("results_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_results_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_results_module_ctx = {
    ngx_http_results_add_variables,        /* preconfiguration */
    ngx_http_results_postconfiguration,    /* postconfiguration */

    ngx_http_results_create_main_conf,     /* create main configuration */
    ngx_http_results_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_results_create_loc_conf,      /* create location configuration */
    ngx_http_results_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_results_module = {
    NGX_MODULE_V1,
    &ngx_http_results_module_ctx,          /* module context */
    ngx_http_results_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_results_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_results_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_results_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_results_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_results_module);

    ngx_http_results_filter_init();

    if (!mcf->used) {
        return NGX_OK;
    }

    if (ngx_http_results_add_counters(cf, mcf) != NGX_OK
        || ngx_http_results_check_connections(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_results_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_results_log_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_results_add_counters(ngx_conf_t *cf,
    ngx_http_results_main_conf_t *mcf)
{
    ngx_uint_t                       i;
    ngx_array_t                     *counted;
    ngx_http_results_counted_t      *store;
    ngx_http_results_store_conf_t  **stores;

    counted = ngx_array_create(cf->pool, ngx_max(mcf->stores.nelts, 1),
                               sizeof(ngx_http_results_counted_t));
    if (counted == NULL) {
        return NGX_ERROR;
    }

    stores = mcf->stores.elts;

    for (i = 0; i < mcf->stores.nelts; i++) {

        store = ngx_array_push(counted);
        if (store == NULL) {
            return NGX_ERROR;
        }

        store->name = &stores[i]->name;
        store->slot = &stores[i]->counters;
    }

    mcf->counters = ngx_http_results_counters_add(cf, counted,
                                                ngx_http_results_history_size,
                                                &ngx_http_results_module);

    return mcf->counters ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_results_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_results_main_conf_t    *mcf;
    ngx_http_results_store_conf_t  **stores;

    /* nginx calls this in the cache manager and loader as well, which serve
       nothing; and there may be no http {} */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_results_module);

    if (mcf == NULL || mcf->counters == NULL) {
        return NGX_OK;
    }

    ngx_http_results_counters_init_process(mcf->counters);

    ngx_http_results_history_init_process(cycle, mcf);

    ngx_http_results_lookup_init_process();
    ngx_http_results_read_init_process();

    stores = mcf->stores.elts;

    for (i = 0; i < mcf->stores.nelts; i++) {
        if (ngx_http_results_store_init_process(cycle, stores[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_results_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_results_main_conf_t    *mcf;
    ngx_http_results_store_conf_t  **stores;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_results_module);

    if (mcf == NULL || mcf->counters == NULL) {
        return;
    }

    stores = mcf->stores.elts;

    for (i = 0; i < mcf->stores.nelts; i++) {
        if (stores[i]->store) {
            ngx_http_results_store_exit_process(stores[i]);
        }
    }

    ngx_http_results_history_exit_process();
    ngx_http_results_counters_exit_process();
}
