/* sim/sim_judge.c - a lookup against the truth.
 *
 * Right is a lookup whose first contact is the nearest of the nodes that had joined when it began or when it ended, or
 * one still nearer that is just joining: it did answer. The asker itself does not count, nor, during a partition, the
 * other half.
 */
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "sim/sim_state.h"

bool gn_sim_is_calm(const struct gn_sim *s)
{
    return s->measuring && s->scenario->recover != GN_TIME_NEVER && s->calm_from != GN_TIME_NEVER &&
           gn_world_now(s->world) >= gn_time_add(s->calm_from, s->scenario->recover);
}

/* Fills out with those nearest to target that `asker` can reach; returns how many, at most cap. */
static size_t reachable(struct gn_sim *s, uint32_t *out, size_t cap, uint32_t asker, const struct gn_id *target)
{
    uint32_t places[GN_ORACLE_MOST];
    size_t found = gn_oracle_nearest(&s->oracle, places, GN_ORACLE_MOST, target), len = 0;
    bool cut = s->calm_from == GN_TIME_NEVER;

    for (size_t i = 0; i < found && len < cap; i++) {
        bool other_half = cut && gn_world_side(s->world, places[i]) != gn_world_side(s->world, asker);
        if (places[i] != asker && !other_half) {
            out[len++] = places[i];
        }
    }
    return len;
}

void gn_sim_nearest(struct gn_sim *s, struct gn_id *out, uint32_t asker, const struct gn_id *target)
{
    uint32_t place;

    memset(out, 0, sizeof *out);
    if (reachable(s, &place, 1, asker, target) == 1) {
        *out = gn_world_contact(s->world, place)->id;
    }
}

static bool is_right(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event)
{
    struct gn_id nearest;

    if (event->err != GN_OK || event->closest_len == 0) {
        return false;
    }
    const struct gn_id *first = &event->closest[0].id;
    gn_sim_nearest(s, &nearest, op->place, &op->target);
    return gn_id_eq(first, &op->nearest) || gn_id_is_zero(&nearest) || gn_id_closer(&op->target, first, &nearest) <= 0;
}

static bool was_asked(const struct gn_sim_op *op, const struct gn_id *id)
{
    uint64_t head = gn_load_u64(id->b);

    for (uint32_t i = 0; i < op->asked_len; i++) {
        if (op->asked[i].head == head) {
            return true;
        }
    }
    return false;
}

/* Are the k closest all found? An answer that takes longer than twice the soft timeout is not waited for
 * (docs/PROTOCOL.md, "Lookup"), so a node may be missing because it was late; never because nobody named it. */
static void check_true_k(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event)
{
    uint32_t places[GN_SIM_K];
    size_t len = reachable(s, places, GN_SIM_K, op->place, &op->target), found = 0, late = 0;

    for (size_t i = 0; i < len; i++) {
        const struct gn_id *id = &gn_world_contact(s->world, places[i])->id;
        bool there = false;
        for (size_t j = 0; j < event->closest_len && !there; j++) {
            there = gn_id_eq(&event->closest[j].id, id);
        }
        found += there;
        late += !there && was_asked(op, id);
    }
    s->lookups_exact += found == len;
    (void)gn_sim_holds(s, found + late == len, "lookup.true_k", "node %u never hears of %zu of the %zu closest nodes",
                       op->place, len - found - late, len);
}

static bool keep_latency(struct gn_sim *s, gn_time_us elapsed)
{
    if (s->latencies_len == s->latencies_cap) {
        size_t cap = s->latencies_cap ? s->latencies_cap * 2U : 1024U;
        uint32_t *latencies = gn_alloc_resize(&s->meter.alloc, s->latencies, cap * sizeof *latencies);
        if (!latencies) {
            return false;
        }
        s->latencies = latencies;
        s->latencies_cap = cap;
    }
    s->latencies[s->latencies_len++] = (uint32_t)gn_time_min(elapsed, UINT32_MAX);
    return true;
}

static void count_hops(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event)
{
    uint64_t head = event->closest_len > 0 ? gn_load_u64(event->closest[0].id.b) : 0;

    for (uint32_t i = 0; i < op->asked_len; i++) {
        if (op->asked[i].head == head && event->closest_len > 0) {
            s->hops += op->asked[i].depth;
            s->hops_of++;
            return;
        }
    }
}

void gn_sim_judge(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event)
{
    bool right = is_right(s, op, event);
    bool calm = op->strict && gn_sim_is_calm(s);

    s->lookups_judged++;
    s->lookups_succeeded += right;
    count_hops(s, op, event);
    if (!keep_latency(s, event->elapsed_us)) {
        s->err = GN_E_NO_MEMORY;
    }
    if (calm) {
        (void)gn_sim_holds(s, right, "lookup.right", "node %u does not find the node nearest to its target: %s",
                           op->place, gn_err_text(event->err));
    }
    if (calm && s->scenario->calm) {
        check_true_k(s, op, event);
    }
}
