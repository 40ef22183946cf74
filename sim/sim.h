/* sim/sim.h - one run of a scenario: nodes join, users work, faults happen, invariants are checked, figures are kept.
 *
 * Life: gn_sim_new .. gn_sim_free. Threads: one owner. Purity: pure: the caller measures real time.
 *
 *     gn_sim_new(&sim, &options);
 *     while (!gn_sim_is_over(sim) && gn_sim_run(sim, gn_sim_now(sim) + GN_SECONDS(1)) == GN_OK) { show progress }
 *     gn_sim_report(sim, &report);
 */
#ifndef GN_SIM_SIM_H
#define GN_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "sim/scenario.h"

#define GN_SIM_NODES_MIN 20U
#define GN_SIM_DURATION_MIN GN_MINUTES(1)
#define GN_SIM_DURATION_MAX GN_HOURS(24 * 14)
#define GN_SIM_FAILURES 8U /* so many violations are told in full */
#define GN_SIM_FAILURE_TEXT 240U

struct gn_sim_options {
    const struct gn_scenario *scenario;
    uint32_t nodes; /* 0 = the scenario's; GN_SIM_NODES_MIN .. GN_WORLD_PLACES_MAX */
    uint64_t seed;
    gn_time_us duration; /* of the measured part; 0 = the scenario's */
    uint64_t memory_max; /* bytes; 0 = no limit */
};

struct gn_sim_failure {
    const char *invariant;
    gn_time_us at; /* virtual time since the beginning */
    char text[GN_SIM_FAILURE_TEXT];
};

struct gn_sim_report {
    const struct gn_scenario *scenario;
    uint32_t nodes;
    uint32_t nodes_up;
    uint64_t seed;
    gn_time_us virtual_us; /* so far, joining included */
    uint64_t events;
    uint64_t trace_hash;
    uint64_t bytes_per_node; /* at most, everything that the simulation holds */
    uint64_t checked, violated;
    uint64_t lookups_started, lookups_succeeded, lookups_judged;
    uint64_t lookups_exact; /* where nothing fails: found all of the 16 closest, though some answer late */
    gn_time_us p50_us, p95_us;
    uint64_t mean_hops_milli;
    uint64_t traffic_bytes_per_node_s; /* while measured */
    uint64_t puts_started, gets_started, gets_succeeded;
    uint64_t values_acknowledged, values_lost;
    uint64_t starts, stops, lost, duplicated, corrupted, refused, cut;
    size_t failures_len;
    struct gn_sim_failure failures[GN_SIM_FAILURES];
};

struct gn_sim;

/* INVALID: nodes or duration outside of their limits. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_sim_new(struct gn_sim **out, const struct gn_sim_options *options);
void gn_sim_free(struct gn_sim *s);
/* Runs until this virtual time, or the end. Times are since the beginning. NO_MEMORY: the limit is reached; the report
 * so far can still be read. */
GN_MUST_CHECK enum gn_err gn_sim_run(struct gn_sim *s, gn_time_us until);
gn_time_us gn_sim_now(const struct gn_sim *s);
gn_time_us gn_sim_end(const struct gn_sim *s);
bool gn_sim_is_over(const struct gn_sim *s);
void gn_sim_report(struct gn_sim *s, struct gn_sim_report *out);

#endif
