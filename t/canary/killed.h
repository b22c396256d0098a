/*
 * A worker that is killed at a store into shared memory: forced into every
 * source by t/lib/Results/Killed.pm, with -fsanitize=thread, whose library is
 * not linked.  The compiler then calls what is below before each store.
 *
 * RESULTS_KILLED names a file of three numbers: the size of the zone that is
 * watched, or 0; the store at which the worker dies, from 1; and how many
 * there have been.
 */

#ifndef RESULTS_KILLED_H
#define RESULTS_KILLED_H

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KILLED_DATA  __attribute__((weak, visibility("hidden")))
#define KILLED                                                                \
    __attribute__((weak, visibility("hidden"), noinline,                      \
                   no_sanitize("thread")))


typedef struct {
    volatile long   size;
    volatile long   at;
    volatile long   seen;
} results_killed_t;


KILLED_DATA results_killed_t  *results_killed_control;
KILLED_DATA uintptr_t          results_killed_zone;
KILLED_DATA long               results_killed_size;


/* nginx's shared memory of a size: no two zones of a test have the same */

KILLED void
results_killed_find(long size)
{
    char           line[512];
    FILE          *maps;
    unsigned long  from, to;

    results_killed_size = size;
    results_killed_zone = 0;

    maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof(line), maps)) {
        if (strstr(line, " rw-s ") && strstr(line, "/dev/zero")
            && sscanf(line, "%lx-%lx", &from, &to) == 2
            && (long) (to - from) == size)
        {
            results_killed_zone = from;
        }
    }

    if (maps) {
        fclose(maps);
    }
}


KILLED void
results_killed_store(void *p)
{
    int    fd;
    char  *name;

    if (results_killed_control == NULL) {
        name = getenv("RESULTS_KILLED");
        fd = name ? open(name, O_RDWR) : -1;

        if (fd == -1) {
            return;
        }

        results_killed_control = mmap(NULL, sizeof(results_killed_t),
                                      PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);

        if (results_killed_control == MAP_FAILED) {
            abort();
        }
    }

    if (results_killed_control->size == 0) {
        return;
    }

    if (results_killed_control->size != results_killed_size) {
        results_killed_find(results_killed_control->size);
    }

    if ((uintptr_t) p - results_killed_zone < (uintptr_t) results_killed_size
        && ++results_killed_control->seen == results_killed_control->at)
    {
        kill(getpid(), SIGKILL);
    }
}


/* half of it is there when the second store is met */

KILLED void *
results_killed_copy(void *to, const void *from, size_t n)
{
    results_killed_store(to);
    memcpy(to, from, n / 2);
    results_killed_store(to);
    memcpy((char *) to + n / 2, (const char *) from + n / 2, n - n / 2);

    return to;
}


KILLED void *
results_killed_set(void *to, int c, size_t n)
{
    results_killed_store(to);
    memset(to, c, n / 2);
    results_killed_store(to);
    memset((char *) to + n / 2, c, n - n / 2);

    return to;
}

#define memcpy(to, from, n)  results_killed_copy(to, from, n)
#define memset(to, c, n)     results_killed_set(to, c, n)


/* what the compiler calls, whose names are its own */

#define KILLED_SIZE(n)                                                        \
    KILLED void __tsan_read##n(void *p) { (void) p; }                         \
    KILLED void __tsan_unaligned_read##n(void *p) { (void) p; }               \
    KILLED void __tsan_volatile_read##n(void *p) { (void) p; }                \
    KILLED void __tsan_write##n(void *p) { results_killed_store(p); }         \
    KILLED void __tsan_unaligned_write##n(void *p)                            \
        { results_killed_store(p); }                                          \
    KILLED void __tsan_volatile_write##n(void *p) { results_killed_store(p); }

KILLED_SIZE(1)
KILLED_SIZE(2)
KILLED_SIZE(4)
KILLED_SIZE(8)
KILLED_SIZE(16)

KILLED void __tsan_init(void) { }
KILLED void __tsan_func_entry(void *p) { (void) p; }
KILLED void __tsan_func_exit(void *p) { (void) p; }
KILLED void __tsan_read_range(void *p, long n) { (void) p; (void) n; }

KILLED void
__tsan_write_range(void *p, long n)
{
    (void) n;
    results_killed_store(p);
}

KILLED void __tsan_atomic_signal_fence(int order) { (void) order; }

KILLED void
__tsan_atomic_thread_fence(int order)
{
    (void) order;
    __sync_synchronize();
}

KILLED _Bool
__tsan_atomic64_compare_exchange_strong(volatile void *p, void *expected,
    unsigned long desired, int order, int other)
{
    (void) order;
    (void) other;

    results_killed_store((void *) p);
    return __atomic_compare_exchange_n((volatile unsigned long *) p,
                                       (unsigned long *) expected, desired, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

KILLED unsigned long
__tsan_atomic64_fetch_add(volatile void *p, unsigned long n, int order)
{
    (void) order;

    results_killed_store((void *) p);
    return __atomic_fetch_add((volatile unsigned long *) p, n,
                              __ATOMIC_SEQ_CST);
}

KILLED unsigned long
__tsan_atomic64_fetch_sub(volatile void *p, unsigned long n, int order)
{
    return __tsan_atomic64_fetch_add(p, -n, order);
}

#endif
