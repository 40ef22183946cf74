/* sim/sim_report.c - the figures of a run. */
#include <stdlib.h>
#include <string.h>

#include "sim/sim_state.h"

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static gn_time_us percentile(const struct gn_sim *s, unsigned percent)
{
    return s->latencies_len > 0 ? s->latencies[(s->latencies_len - 1U) * percent / 100U] : 0;
}

/* Bytes per second of time that nodes were up. */
static uint64_t traffic(const struct gn_sim *s, const struct gn_world_totals *totals)
{
    gn_time_us up = totals->up_us - s->up_at_begin;
    uint64_t up_ms = up / 1000U;

    return s->measuring && up_ms > 0 ? (totals->bytes - s->bytes_at_begin) * 1000U / up_ms : 0;
}

void gn_sim_report(struct gn_sim *s, struct gn_sim_report *out)
{
    struct gn_world_totals totals;

    gn_world_totals(s->world, &totals);
    if (s->latencies_len > 0) {
        qsort(s->latencies, s->latencies_len, sizeof *s->latencies, by_value);
    }
    *out = (struct gn_sim_report){
        .scenario = s->scenario,
        .nodes = s->options.nodes,
        .nodes_up = s->joined,
        .seed = s->options.seed,
        .virtual_us = gn_sim_now(s),
        .events = totals.events,
        .trace_hash = gn_world_hash(s->world),
        .bytes_per_node = (gn_world_bytes_most(s->world) + s->meter.bytes_most) / s->options.nodes,
        .checked = s->checked,
        .violated = s->violated,
        .lookups_started = s->lookups_started,
        .lookups_judged = s->lookups_judged,
        .lookups_succeeded = s->lookups_succeeded,
        .lookups_exact = s->lookups_exact,
        .p50_us = percentile(s, 50),
        .p95_us = percentile(s, 95),
        .mean_hops_milli = s->hops_of > 0 ? s->hops * 1000U / s->hops_of : 0,
        .traffic_bytes_per_node_s = traffic(s, &totals),
        .puts_started = s->puts_started,
        .gets_started = s->gets_started,
        .gets_succeeded = s->gets_succeeded,
        .values_acknowledged = s->values_acknowledged,
        .values_lost = s->values_lost,
        .starts = totals.starts,
        .stops = totals.stops,
        .lost = totals.lost,
        .duplicated = totals.duplicated,
        .corrupted = totals.corrupted,
        .refused = totals.refused,
        .cut = totals.cut,
        .failures_len = s->failures_len,
    };
    memcpy(out->failures, s->failures, sizeof out->failures);
}
