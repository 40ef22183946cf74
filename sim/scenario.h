/* sim/scenario.h - the built-in scenarios: what the network, its nodes and its users do.
 *
 * Life: constants. Threads: any. Purity: pure.
 */
#ifndef GN_SIM_SCENARIO_H
#define GN_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "sim/world/world.h"

struct gn_scenario {
    const char *name;
    const char *line; /* what it is, for `sim list` */
    uint32_t nodes;   /* defaults of --nodes and --duration */
    gn_time_us duration;
    struct gn_world_net net;

    gn_time_us lookup_every; /* mean time between two lookups of one node; 0 = none */
    gn_time_us put_every;    /* mean time between two values stored by one node; 0 = none */
    gn_time_us get_every;    /* mean time between two values read by one node */
    gn_time_us session;      /* mean time until a node crashes; 0 = never */
    gn_time_us offline;      /* mean time until its place is taken again; 0 = at once */
    bool fresh;              /* by a new node; else by the same one with its saved table */
    unsigned crash_percent;  /* so many crash at once after a quarter of the duration */
    gn_time_us cut;          /* so long the network is in two halves, from a quarter of the duration on */
    gn_time_us recover;      /* so long after the last fault lookups may go wrong; GN_TIME_NEVER: always */
    bool calm;               /* nothing fails: every lookup hears of all of the k closest */
};

extern const struct gn_scenario gn_scenarios[]; /* ended by a name of NULL */

/* NULL: there is none of this name. */
const struct gn_scenario *gn_scenario_find(const char *name);

#endif
