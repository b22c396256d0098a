
/*
 * Counters in shared memory: one slot a process, so that no write needs a
 * lock or an atomic operation.  ngx_process_slot is unique among all living
 * children of a master, the workers of an older configuration included.
 *
 * The zone is kept over a reload; a worker that takes over the slot of one
 * that is gone goes on counting where that one stopped.  All slots are one
 * piece of memory, allocated when the zone is made.  No worker allocates from
 * the zone, since one that was killed while it did so would leave the slab
 * allocator's lists broken.  A slot that is never written takes no memory of
 * the system.
 */

#include "ngx_http_results_counters.h"


/* each slot has pages of its own, so no two share a cache line */
#define NGX_HTTP_RESULTS_SLOT_SIZE                                            \
    ngx_align(sizeof(ngx_http_results_counters_t), ngx_pagesize)

#define NGX_HTTP_RESULTS_OTHER_STORE  (NGX_HTTP_RESULTS_STORE_SLOTS - 1)

/* tries to read a text before it is taken for empty */
#define NGX_HTTP_RESULTS_TEXT_TRIES   1000


/* to be changed with what lies in the zone: init_zone() refuses another one */
#define NGX_HTTP_RESULTS_COUNTERS_LAYOUT  0x636e7432


/* what lies in the zone; pointers in it are set when their data is there */
typedef struct {
    ngx_uint_t                    layout;
    size_t                        slot_size;
    size_t                        history_size;
    time_t                        started;
    void                         *history;
    u_char                       *memory;   /* of all slots */
    ngx_str_t                    *names[NGX_HTTP_RESULTS_STORE_SLOTS];
    ngx_http_results_counters_t  *slots[NGX_MAX_PROCESSES];
} ngx_http_results_counters_sh_t;


/* the zone's data in a configuration */
typedef struct {
    ngx_http_results_counters_sh_t  *sh;
    ngx_array_t                     *stores;
    size_t                           history;
} ngx_http_results_counters_zone_t;


static ngx_int_t ngx_http_results_counters_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_http_results_counters_sh_t *ngx_http_results_counters_make(
    ngx_slab_pool_t *shpool, size_t history);
static ngx_int_t ngx_http_results_counters_place(ngx_shm_zone_t *zone,
    ngx_http_results_counters_sh_t *sh, ngx_http_results_counted_t *store);
static ngx_int_t ngx_http_results_counters_named(ngx_slab_pool_t *shpool,
    ngx_str_t **named, ngx_str_t *name);
static void ngx_http_results_counters_zero_gauges(void);


const ngx_uint_t  ngx_http_results_rows_bounds[] = {
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192
};

const ngx_uint_t  ngx_http_results_time_bounds[] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000
};


/* of a process that has no zone */
static ngx_http_results_counters_t  ngx_http_results_private;

ngx_http_results_counters_t  *ngx_http_results_counters =
                                                   &ngx_http_results_private;

static ngx_http_results_counters_sh_t  *ngx_http_results_sh;


ngx_shm_zone_t *
ngx_http_results_counters_add(ngx_conf_t *cf, ngx_array_t *stores,
    size_t history, void *tag)
{
    size_t                             size;
    ngx_str_t                          name;
    ngx_shm_zone_t                    *zone;
    ngx_http_results_counters_zone_t  *data;

    ngx_str_set(&name, "ngx_http_results_counters");

    data = ngx_pcalloc(cf->pool, sizeof(ngx_http_results_counters_zone_t));
    if (data == NULL) {
        return NULL;
    }

    data->stores = stores;
    data->history = history;

    /*
     * Room for as many processes as nginx can have; slots that are not used
     * take no memory.  The slab allocator needs some 1% for itself.
     */

    size = NGX_MAX_PROCESSES * NGX_HTTP_RESULTS_SLOT_SIZE + history;
    size += size / 64 + 16 * ngx_pagesize;

    zone = ngx_shared_memory_add(cf, &name, size, tag);

    if (zone != NULL) {
        zone->init = ngx_http_results_counters_init_zone;
        zone->data = data;
    }

    return zone;
}


static ngx_int_t
ngx_http_results_counters_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *shpool;
    ngx_http_results_counted_t        *stores;
    ngx_http_results_counters_sh_t    *sh;
    ngx_http_results_counters_zone_t  *new, *old;

    new = zone->data;
    old = data;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (old) {
        sh = old->sh;

    } else if (zone->shm.exists) {
        sh = shpool->data;

    } else {
        sh = ngx_http_results_counters_make(shpool, new->history);
        if (sh == NULL) {
            return NGX_ERROR;
        }
    }

    if (sh->layout != NGX_HTTP_RESULTS_COUNTERS_LAYOUT
        || sh->slot_size != NGX_HTTP_RESULTS_SLOT_SIZE
        || sh->history_size != new->history)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "results: the zone \"%V\" is of another version of "
                      "this module: restart nginx", &zone->shm.name);
        return NGX_ERROR;
    }

    new->sh = sh;
    stores = new->stores->elts;

    for (i = 0; i < new->stores->nelts; i++) {
        if (ngx_http_results_counters_place(zone, sh, &stores[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_results_counters_sh_t *
ngx_http_results_counters_make(ngx_slab_pool_t *shpool, size_t history)
{
    ngx_str_t                        other;
    ngx_http_results_counters_sh_t  *sh;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_results_counters_sh_t));
    if (sh == NULL) {
        return NULL;
    }

    sh->layout = NGX_HTTP_RESULTS_COUNTERS_LAYOUT;
    sh->slot_size = NGX_HTTP_RESULTS_SLOT_SIZE;
    sh->history_size = history;
    sh->started = ngx_time();

    sh->history = ngx_slab_calloc(shpool, history);
    sh->memory = ngx_slab_alloc(shpool, NGX_MAX_PROCESSES
                                        * NGX_HTTP_RESULTS_SLOT_SIZE);

    ngx_str_set(&other, "other");

    if (sh->history == NULL || sh->memory == NULL
        || ngx_http_results_counters_named(shpool,
                      &sh->names[NGX_HTTP_RESULTS_OTHER_STORE], &other)
           != NGX_OK)
    {
        return NULL;
    }

    shpool->data = sh;

    return sh;
}


/* gives a store the slot of its name, else a free one, else the shared one */

static ngx_int_t
ngx_http_results_counters_place(ngx_shm_zone_t *zone,
    ngx_http_results_counters_sh_t *sh, ngx_http_results_counted_t *store)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = store->name;

    for (i = 0; i < NGX_HTTP_RESULTS_OTHER_STORE; i++) {

        if (sh->names[i] == NULL) {
            break;
        }

        if (sh->names[i]->len == name->len
            && ngx_strncmp(sh->names[i]->data, name->data, name->len) == 0)
        {
            break;
        }
    }

    *store->slot = i;

    if (i == NGX_HTTP_RESULTS_OTHER_STORE) {
        ngx_log_error(NGX_LOG_WARN, zone->shm.log, 0,
                      "results: store \"%V\" is counted as \"other\": there "
                      "are numbers of %d stores at most until nginx is "
                      "restarted", name, NGX_HTTP_RESULTS_OTHER_STORE);
    }

    if (sh->names[i] != NULL) {
        return NGX_OK;
    }

    return ngx_http_results_counters_named((ngx_slab_pool_t *) zone->shm.addr,
                                           &sh->names[i], name);
}


/*
 * Sets a name in the zone.  Workers of the old configuration may read it as
 * soon as its pointer is set, so that comes last.
 */

static ngx_int_t
ngx_http_results_counters_named(ngx_slab_pool_t *shpool, ngx_str_t **named,
    ngx_str_t *name)
{
    ngx_str_t  *copy;

    copy = ngx_slab_alloc(shpool, sizeof(ngx_str_t) + name->len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    copy->len = name->len;
    copy->data = (u_char *) (copy + 1);
    ngx_memcpy(copy->data, name->data, name->len);

    ngx_memory_barrier();
    *named = copy;

    return NGX_OK;
}


void
ngx_http_results_counters_init_process(ngx_shm_zone_t *zone)
{
    ngx_http_results_counters_t      **slot;
    ngx_http_results_counters_zone_t  *data;

    data = zone->data;

    ngx_http_results_sh = data->sh;
    slot = &data->sh->slots[ngx_process_slot];

    if (*slot == NULL) {
        ngx_http_results_counters = (ngx_http_results_counters_t *)
                                    (data->sh->memory + ngx_process_slot
                                     * NGX_HTTP_RESULTS_SLOT_SIZE);

        ngx_memzero(ngx_http_results_counters, NGX_HTTP_RESULTS_SLOT_SIZE);

        ngx_memory_barrier();
        *slot = ngx_http_results_counters;
    }

    ngx_http_results_counters = *slot;

    ngx_http_results_counters_zero_gauges();

    ngx_memory_barrier();
    ngx_http_results_counters->pid = ngx_pid;
}


void
ngx_http_results_counters_exit_process(void)
{
    ngx_http_results_counters_zero_gauges();
    ngx_http_results_counters->pid = 0;
}


static void
ngx_http_results_counters_zero_gauges(void)
{
    ngx_uint_t                          i;
    ngx_http_results_store_counters_t  *store;

    for (i = 0; i < NGX_HTTP_RESULTS_STORE_SLOTS; i++) {
        store = &ngx_http_results_counters->stores[i];

#define NGX_HTTP_RESULTS_FIELD(name)  store->name = 0;
        NGX_HTTP_RESULTS_STORE_GAUGES(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

        ngx_http_results_text_set(&store->server, "");
        ngx_http_results_text_set(&store->writer_trouble, "");
        ngx_http_results_text_set(&store->reader_trouble, "");
    }
}


void
ngx_http_results_observe(ngx_http_results_histogram_t *histogram,
    const ngx_uint_t *bounds, ngx_uint_t value)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS && value > bounds[i]; i++) {
        /* void */
    }

    histogram->buckets[i]++;
    histogram->sum += value;
}


void
ngx_http_results_count_sqlstate(ngx_http_results_store_counters_t *store,
    const char *sqlstate)
{
    uint64_t  word;

    if (sqlstate[0] == '\0') {
        return;
    }

    word = 0;
    ngx_memcpy(&word, sqlstate, ngx_min(ngx_strlen(sqlstate), 5));

    /* without a time while it is changed: nobody reads the time of one
       SQLSTATE with the code of another */

    store->error_time = 0;
    ngx_memory_barrier();
    store->sqlstate = word;
    ngx_memory_barrier();
    store->error_time = ngx_time();
}


void
ngx_http_results_text_set(ngx_http_results_text_t *text, const char *data)
{
    size_t  i;

    /* a process that was killed here has left an odd number already */

    text->sequence |= 1;
    ngx_memory_barrier();

    for (i = 0; i < sizeof(text->data) - 1 && *data; i++, data++) {
        text->data[i] = (*data >= ' ' && *data <= '~') ? *data : '?';
    }

    text->data[i] = '\0';

    ngx_memory_barrier();
    text->sequence++;
}


void
ngx_http_results_text_get(ngx_http_results_text_t *text, char *data)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  sequence;

    for (i = 0; i < NGX_HTTP_RESULTS_TEXT_TRIES; i++) {

        sequence = text->sequence;
        ngx_memory_barrier();

        ngx_memcpy(data, text->data, sizeof(text->data));
        data[sizeof(text->data) - 1] = '\0';

        ngx_memory_barrier();

        if ((sequence & 1) == 0 && text->sequence == sequence) {
            return;
        }
    }

    data[0] = '\0';
}


ngx_uint_t
ngx_http_results_counters_sum(ngx_http_results_counters_t *sum)
{
    ngx_uint_t                       i, n, alive;
    ngx_http_results_counters_t     *slot;
    ngx_http_results_api_counters_t *api, *total;

    ngx_memzero(sum, sizeof(ngx_http_results_counters_t));

    alive = 0;

    if (ngx_http_results_sh == NULL) {
        return 0;
    }

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        slot = ngx_http_results_sh->slots[i];

        if (slot == NULL) {
            continue;
        }

#define NGX_HTTP_RESULTS_FIELD(name)  sum->name += slot->name;
        NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD

        for (n = 0; n < NGX_HTTP_RESULTS_API_SLOTS; n++) {
            api = &slot->apis[n];
            total = &sum->apis[n];

#define NGX_HTTP_RESULTS_FIELD(name)  total->name += api->name;
            NGX_HTTP_RESULTS_API_COUNTERS(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD
        }

        slot = ngx_http_results_counters_of(i);
        alive += (slot != NULL);

        for (n = 0; n < NGX_HTTP_RESULTS_STORE_SLOTS; n++) {
            ngx_http_results_store_counters_add(&sum->stores[n],
                                  &ngx_http_results_sh->slots[i]->stores[n],
                                  slot != NULL);
        }
    }

    return alive;
}


void
ngx_http_results_store_counters_add(ngx_http_results_store_counters_t *sum,
    ngx_http_results_store_counters_t *store, ngx_uint_t gauges)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  error_time;

#define NGX_HTTP_RESULTS_FIELD(name)  sum->name += store->name;

    NGX_HTTP_RESULTS_STORE_COUNTERS(NGX_HTTP_RESULTS_FIELD)

    if (gauges) {
        NGX_HTTP_RESULTS_STORE_GAUGES(NGX_HTTP_RESULTS_FIELD)
    }

#undef NGX_HTTP_RESULTS_FIELD

    sum->batch_rows.sum += store->batch_rows.sum;
    sum->queue_time.sum += store->queue_time.sum;
    sum->commit_time.sum += store->commit_time.sum;
    sum->work_time.sum += store->work_time.sum;

    for (i = 0; i < NGX_HTTP_RESULTS_BOUNDS + 1; i++) {
        sum->batch_rows.buckets[i] += store->batch_rows.buckets[i];
        sum->queue_time.buckets[i] += store->queue_time.buckets[i];
        sum->commit_time.buckets[i] += store->commit_time.buckets[i];
        sum->work_time.buckets[i] += store->work_time.buckets[i];
    }

    sum->queue_rows_max = ngx_max(sum->queue_rows_max, store->queue_rows_max);

    error_time = store->error_time;
    ngx_memory_barrier();

    if (error_time > sum->error_time) {
        sum->error_time = error_time;
        sum->sqlstate = store->sqlstate;
    }
}


/* asks the system: a worker that was killed has left its pid in the slot */

ngx_http_results_counters_t *
ngx_http_results_counters_of(ngx_uint_t i)
{
    ngx_http_results_counters_t  *slot;

    slot = ngx_http_results_sh ? ngx_http_results_sh->slots[i] : NULL;

    if (slot == NULL
        || slot->pid == 0
        || (kill(slot->pid, 0) == -1 && ngx_errno == NGX_ESRCH))
    {
        return NULL;
    }

    return slot;
}


ngx_str_t
ngx_http_results_counters_name(ngx_uint_t slot)
{
    ngx_str_t  *name;
    ngx_str_t   none = ngx_null_string;

    name = ngx_http_results_sh->names[slot];

    return name ? *name : none;
}


void *
ngx_http_results_counters_history(void)
{
    return ngx_http_results_sh ? ngx_http_results_sh->history : NULL;
}


time_t
ngx_http_results_counters_started(void)
{
    return ngx_http_results_sh->started;
}
