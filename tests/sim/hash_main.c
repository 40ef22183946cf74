/* tests/sim/hash_main.c - prints hash, events, violations and the first one of a run: SCENARIO NODES SEED SECONDS.
 *
 * For compilers.sh and mutants.sh. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

int main(int argc, char **argv)
{
    struct gn_sim_options o = {.scenario = argc == 5 ? gn_scenario_find(argv[1]) : NULL};
    struct gn_sim_report report;
    struct gn_sim *s = NULL;

    if (!o.scenario) {
        return 2;
    }
    o.nodes = (uint32_t)strtoul(argv[2], NULL, 10);
    o.seed = strtoull(argv[3], NULL, 10);
    o.duration = GN_SECONDS(strtoull(argv[4], NULL, 10));
    if (gn_sim_new(&s, &o) != GN_OK || gn_sim_run(s, GN_TIME_NEVER / 2U) != GN_OK) {
        return 1;
    }
    gn_sim_report(s, &report);
    (void)printf("%016" PRIx64 " %" PRIu64 " %" PRIu64 " %s\n", report.trace_hash, report.events, report.violated,
                 report.failures_len > 0 ? report.failures[0].invariant : "-");
    gn_sim_free(s);
    return 0;
}
