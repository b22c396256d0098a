
/*
 * Counters in shared memory: one slot a process, so that no write needs a
 * lock or an atomic operation.  ngx_process_slot is unique among all living
 * children of a master, the workers of an older configuration included.
 *
 * The zone is kept over a reload; a worker that takes over the slot of one
 * that is gone goes on counting where that one stopped.
 */

#include "ngx_http_results_counters.h"


/* slots do not share a cache line */
#define NGX_HTTP_RESULTS_SLOT_SIZE                                            \
    ngx_align(sizeof(ngx_http_results_counters_t), 256)

#define ngx_http_results_slot(slots, i)                                       \
    ((ngx_http_results_counters_t *)                                          \
     ((slots) + (i) * NGX_HTTP_RESULTS_SLOT_SIZE))


static ngx_int_t ngx_http_results_counters_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_results_counters_zero_gauges(void);


/* of a process that has no zone */
static ngx_http_results_counters_t  ngx_http_results_private;

ngx_http_results_counters_t  *ngx_http_results_counters =
                                                   &ngx_http_results_private;

static u_char  *ngx_http_results_slots;


ngx_shm_zone_t *
ngx_http_results_counters_add(ngx_conf_t *cf, void *tag)
{
    size_t           size;
    ngx_str_t        name = ngx_string("ngx_http_results_counters");
    ngx_shm_zone_t  *zone;

    /* the slab pool's own pages come on top: some 1% of the zone */

    size = NGX_MAX_PROCESSES * NGX_HTTP_RESULTS_SLOT_SIZE;
    size += size / 16 + 8 * ngx_pagesize;

    zone = ngx_shared_memory_add(cf, &name, size, tag);

    if (zone != NULL) {
        zone->init = ngx_http_results_counters_init_zone;
    }

    return zone;
}


static ngx_int_t
ngx_http_results_counters_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        zone->data = shpool->data;
        return NGX_OK;
    }

    zone->data = ngx_slab_calloc(shpool,
                              NGX_MAX_PROCESSES * NGX_HTTP_RESULTS_SLOT_SIZE);
    if (zone->data == NULL) {
        return NGX_ERROR;
    }

    shpool->data = zone->data;

    return NGX_OK;
}


void
ngx_http_results_counters_init_process(ngx_shm_zone_t *zone)
{
    ngx_http_results_slots = zone->data;
    ngx_http_results_counters = ngx_http_results_slot(ngx_http_results_slots,
                                                      ngx_process_slot);

    ngx_http_results_counters_zero_gauges();
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
    ngx_http_results_counters_t  *slot;

    slot = ngx_http_results_counters;

#define NGX_HTTP_RESULTS_FIELD(name)  slot->name = 0;
    NGX_HTTP_RESULTS_GAUGES(NGX_HTTP_RESULTS_FIELD)
#undef NGX_HTTP_RESULTS_FIELD
}


void
ngx_http_results_count_batch(ngx_uint_t n)
{
    ngx_uint_t  i, max;

    max = 1;

    for (i = 0; i < NGX_HTTP_RESULTS_BATCH_BUCKETS - 1 && n > max; i++) {
        max *= 2;
    }

    ngx_http_results_counters->batch_rows[i]++;
    ngx_http_results_counters->batches++;
    ngx_http_results_counters->rows += n;
}


void
ngx_http_results_counters_sum(ngx_http_results_counters_t *sum)
{
    ngx_uint_t                    i, n;
    ngx_http_results_counters_t  *slot;

    ngx_memzero(sum, sizeof(ngx_http_results_counters_t));

    if (ngx_http_results_slots == NULL) {
        return;
    }

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        slot = ngx_http_results_slot(ngx_http_results_slots, i);

#define NGX_HTTP_RESULTS_FIELD(name)  sum->name += slot->name;

        NGX_HTTP_RESULTS_COUNTERS(NGX_HTTP_RESULTS_FIELD)

        for (n = 0; n < NGX_HTTP_RESULTS_BATCH_BUCKETS; n++) {
            sum->batch_rows[n] += slot->batch_rows[n];
        }

        /* a worker that was killed could not zero its gauges */

        if (slot->pid == 0
            || (kill(slot->pid, 0) == -1 && ngx_errno == NGX_ESRCH))
        {
            continue;
        }

        NGX_HTTP_RESULTS_GAUGES(NGX_HTTP_RESULTS_FIELD)

#undef NGX_HTTP_RESULTS_FIELD
    }
}
