/*
 * A module whose n-th allocation fails: forced into every source by
 * t/memory.t.  RESULTS_MEMORY names a file of one number, a long: how many
 * allocations are left to the one that fails; 0, and none does.
 */

#ifndef RESULTS_MEMORY_H
#define RESULTS_MEMORY_H

#include <ngx_config.h>
#include <ngx_core.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_ONCE  __attribute__((weak, visibility("hidden")))


MEMORY_ONCE volatile long  *results_memory_left;


MEMORY_ONCE int
results_memory_fails(void)
{
    int          fd;
    const char  *path;

    if (results_memory_left == NULL) {
        path = getenv("RESULTS_MEMORY");

        if (path == NULL) {
            return 0;
        }

        fd = open(path, O_RDWR);

        if (fd == -1) {
            return 0;
        }

        results_memory_left = mmap(NULL, sizeof(long), PROT_READ|PROT_WRITE,
                                   MAP_SHARED, fd, 0);
        close(fd);

        if ((void *) results_memory_left == MAP_FAILED) {
            results_memory_left = NULL;
            return 0;
        }
    }

    return *results_memory_left > 0 && --*results_memory_left == 0;
}


#define RESULTS_MEMORY(call)  (results_memory_fails() ? NULL : (call))

#define malloc(size)          RESULTS_MEMORY((malloc)(size))
#define realloc(p, size)      RESULTS_MEMORY((realloc)(p, size))
#define ngx_palloc(p, size)   RESULTS_MEMORY((ngx_palloc)(p, size))
#define ngx_pnalloc(p, size)  RESULTS_MEMORY((ngx_pnalloc)(p, size))
#define ngx_pcalloc(p, size)  RESULTS_MEMORY((ngx_pcalloc)(p, size))
#define ngx_array_push(a)     RESULTS_MEMORY((ngx_array_push)(a))
#define ngx_list_push(l)      RESULTS_MEMORY((ngx_list_push)(l))
#define ngx_alloc_chain_link(p)  RESULTS_MEMORY((ngx_alloc_chain_link)(p))
#define ngx_create_temp_buf(p, size)                                          \
    RESULTS_MEMORY((ngx_create_temp_buf)(p, size))
#define ngx_pool_cleanup_add(p, size)                                         \
    RESULTS_MEMORY((ngx_pool_cleanup_add)(p, size))


#endif /* RESULTS_MEMORY_H */
