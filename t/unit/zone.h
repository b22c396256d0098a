
/*
 * Shared memory without nginx: what a source of zone/ needs of it, for the
 * programs that include one (t/unit/tokens.c, bench/tokens.c).  A zone's
 * memory is shared memory and never freed, its mutex is the same atomic
 * operation, and what is logged is kept.  Once a program.
 */

#include <sys/mman.h>

#include <ngx_config.h>
#include <ngx_core.h>


/* the lines that were logged since zone_log[0] was last made empty */
static char            zone_log[4096];

static ngx_log_t       zone_logger;
static ngx_cycle_t     zone_cycle;
static ngx_slab_pool_t zone_pool;
static ngx_atomic_t    zone_mutex;

volatile ngx_cycle_t  *ngx_cycle = &zone_cycle;
ngx_uint_t             ngx_pagesize = 4096;
ngx_pid_t              ngx_pid = 1;


/* a zone of a size, without what the slab allocator itself takes */

static inline void
zone_make(ngx_shm_zone_t *zone, size_t size)
{
    memset(zone, 0, sizeof(ngx_shm_zone_t));
    memset(&zone_pool, 0, sizeof(ngx_slab_pool_t));

    zone_logger.log_level = NGX_LOG_INFO;
    zone_cycle.log = &zone_logger;
    zone->shm.log = &zone_logger;
    zone->shm.addr = (u_char *) &zone_pool;
    zone->shm.size = size;

    /* a descriptor a page */
    zone_pool.pfree = size / (ngx_pagesize + sizeof(ngx_slab_page_t)) - 1;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    (void) mtx;

    while (!ngx_atomic_cmp_set(&zone_mutex, 0, 1)) { /* void */ }
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    (void) mtx;
    (void) ngx_atomic_cmp_set(&zone_mutex, 1, 0);
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    void  *p;

    (void) pool;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    return p != MAP_FAILED ? p : NULL;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    /* that is zeros already */

    return ngx_slab_alloc(pool, size);
}


u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    (void) fmt;

    return buf;
}


/* the format alone: enough to tell one line from another */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) level;
    (void) log;
    (void) err;

    snprintf(zone_log + strlen(zone_log),
             sizeof(zone_log) - strlen(zone_log), "%s\n", fmt);
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    (void) cf;
    (void) name;
    (void) size;
    (void) tag;

    return NULL;
}
