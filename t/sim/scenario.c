
/*
 * What a seed chooses.  Every knob is off in many seeds: what only shows
 * without a fault beside it is found as well as what takes several.
 */

#include "sim.h"


static void sim_scenario_contention(void);
static void sim_scenario_flood(void);
static ngx_uint_t sim_scenario_some(ngx_uint_t most);


void
sim_scenario_choose(uint64_t seed)
{
    ngx_uint_t  i;

    static const ngx_msec_t  timeouts[] = { 40, 100, 300, 1000, 3000 };

    (void) seed;

    ngx_memzero(&sim, sizeof(sim_scenario_t));

    sim.hosts = 1 + sim_random(SIM_HOSTS);
    sim.clients = 1 + sim_random(12);
    sim.ops = 10 + sim_random(70);
    sim.institutions = 1 + sim_random(3);
    sim.keys = sim.institutions + sim_random(SIM_KEYS - sim.institutions + 1);
    sim.history = sim_random(1 << SIM_INSTITUTIONS);

    if (sim_random(2)) {
        sim.keys = ngx_min(sim.keys, sim.institutions * 2);
    }

    sim.connections = 1 + sim_random(3);
    sim.batch = 1 + sim_random(8);
    sim.queue = sim.batch + sim_random(40);
    sim.write_timeout = timeouts[sim_random(5)];
    sim.connect_timeout = 20 + sim_random(200);

    sim.think = 1 + sim_random(sim_random(2) ? 2 * SIM_MS : 20 * SIM_MS);
    sim.net = 1 + sim_random(SIM_MS);
    sim.work = 1 + sim_random(sim_random(4) ? 3 * SIM_MS : 30 * SIM_MS);

    sim.create = sim_scenario_some(300);
    sim.replace = sim_scenario_some(400);
    sim.delete = sim_scenario_some(200);
    sim.group = sim_scenario_some(500);
    sim.twice = sim_scenario_some(100);
    sim.bad = sim_scenario_some(200);
    sim.guarded = sim_scenario_some(500);

    sim.leave = sim_scenario_some(200);
    sim.lost = sim_scenario_some(200);
    sim.rolled_back = sim_scenario_some(200);
    sim.refused = sim_scenario_some(200);
    sim.warned = sim_scenario_some(50);
    sim.garbled = sim_scenario_some(20);
    sim.stalled = sim_scenario_some(50);

    sim.crashes = sim_scenario_some(3);
    sim.kills = sim_scenario_some(3);
    sim.reloads = sim_scenario_some(3);
    sim.shutdowns = sim_scenario_some(2);

    if (sim_random(3) == 0) {
        for (i = 0; i < SIM_HOSTS; i++) {
            sim.skew[i] = sim_between(-1, 1) * sim_between(0,
                             sim_random(2) ? 20 * SIM_MS : 10 * SIM_SECOND);
        }
    }

    if (sim_random(8) == 0) {
        sim.future = sim_between(SIM_SECOND, sim_random(2)
                                             ? 3600 * SIM_SECOND
                                             : 26645 * (86400 * SIM_SECOND));
    }

    if (sim_random(8) == 0) {
        sim.steps = 1 + sim_random(3);
    }

    if (sim_random(16) == 0) {
        sim_scenario_contention();
    }

    if (sim_random(16) == 0) {
        sim_scenario_flood();
    }
}


/* many clients on one host and a few on another write one key */

static void
sim_scenario_contention(void)
{
    sim.hosts = 2;
    sim.lopsided = 1;
    sim.clients = 18;
    sim.ops = 200;
    sim.institutions = 1;
    sim.keys = 1 + sim_random(3);

    sim.batch = 4 + sim_random(5);
    sim.queue = 64;
    sim.write_timeout = 1000;
    sim.think = SIM_MS;

    sim.work = ngx_min(sim.work, 3 * SIM_MS);

    sim.bad = 0;
    sim.guarded = 0;
    sim.lost = 0;
    sim.rolled_back = 0;
    sim.refused = 0;
    sim.stalled = 0;
    sim.crashes = 0;
    sim.kills = 0;
    sim.reloads = 0;
    sim.shutdowns = 0;
    sim.warned = 0;
}


/* more clients of one institution than the queue has room for */

static void
sim_scenario_flood(void)
{
    sim.hosts = 1 + sim_random(2);
    sim.clients = 24;
    sim.ops = 200;
    sim.institutions = 2 + sim_random(2);
    sim.keys = SIM_KEYS;
    sim.flood = 1;

    sim.batch = 1 + sim_random(4);
    sim.queue = 6 + sim_random(10);
    sim.write_timeout = 1000;
    sim.think = SIM_MS;
    sim.work = ngx_min(sim.work, 3 * SIM_MS);
}


/* in half of the seeds none */

static ngx_uint_t
sim_scenario_some(ngx_uint_t most)
{
    return sim_random(2) ? 1 + sim_random(most) : 0;
}
