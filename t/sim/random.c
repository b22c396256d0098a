
/*
 * Numbers that a seed decides: all that happens by chance asks here, nginx's
 * own random() included.
 */

#include "sim.h"


long __wrap_random(void);
ssize_t __wrap_getrandom(void *buf, size_t size, unsigned flags);


static uint64_t  sim_random_state;


void
sim_random_seed(uint64_t seed)
{
    sim_random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}


/* splitmix64 */

static uint64_t
sim_random_next(void)
{
    uint64_t  z;

    sim_random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = sim_random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}


uint64_t
sim_random(uint64_t below)
{
    return (below > 1) ? sim_random_next() % below : 0;
}


int64_t
sim_between(int64_t low, int64_t high)
{
    return (high > low) ? low + (int64_t) sim_random(high - low + 1) : low;
}


ngx_uint_t
sim_chance(ngx_uint_t of_1000)
{
    return of_1000 > 0 && sim_random(1000) < of_1000;
}


long
__wrap_random(void)
{
    return (long) (sim_random_next() >> 33);
}


ssize_t
__wrap_getrandom(void *buf, size_t size, unsigned flags)
{
    size_t  i;

    (void) flags;

    for (i = 0; i < size; i++) {
        ((u_char *) buf)[i] = (u_char) sim_random_next();
    }

    return (ssize_t) size;
}
