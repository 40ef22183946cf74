/* sim/sim_check.c - invariants of tables, and how violations are counted and told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "overlay/kad/table.h"
#include "sim/sim_state.h"

#define ROUND 300U /* seconds in which every table is checked once */

bool gn_sim_holds(struct gn_sim *s, bool claim, const char *invariant, const char *format, ...)
{
    va_list args;

    s->checked++;
    if (claim) {
        return true;
    }
    s->violated++;
    if (s->failures_len < GN_SIM_FAILURES) {
        struct gn_sim_failure *f = &s->failures[s->failures_len++];
        f->invariant = invariant;
        f->at = gn_world_now(s->world) - s->origin;
        va_start(args, format);
        (void)vsnprintf(f->text, sizeof f->text, format, args);
        va_end(args);
    }
    return false;
}

static int by_id(const void *a, const void *b)
{
    const struct gn_peer_info *x = a, *y = b;

    return gn_id_cmp(&x->contact.id, &y->contact.id);
}

static void check_table(struct gn_sim *s, uint32_t place)
{
    const struct gn_overlay *o = gn_world_overlay(s->world, place);
    const struct gn_id *self = &gn_world_contact(s->world, place)->id;
    size_t len = gn_overlay_peers(o, s->peers, GN_SIM_PEERS_MAX), wrong = 0, twice = 0, own = 0, crowded = 0;
    unsigned count[GN_ID_BITS + 1U] = {0};

    len = len < GN_SIM_PEERS_MAX ? len : GN_SIM_PEERS_MAX;
    for (size_t i = 0; i < len; i++) {
        wrong += s->peers[i].bucket != gn_id_common_bits(self, &s->peers[i].contact.id);
        own += gn_id_eq(self, &s->peers[i].contact.id);
        if (!s->peers[i].replacement && s->peers[i].bucket <= GN_ID_BITS) {
            crowded += ++count[s->peers[i].bucket] > gn_table_bucket_cap(s->peers[i].bucket);
        }
    }
    qsort(s->peers, len, sizeof *s->peers, by_id);
    for (size_t i = 1; i < len; i++) {
        twice += gn_id_eq(&s->peers[i].contact.id, &s->peers[i - 1U].contact.id);
    }
    (void)gn_sim_holds(s, wrong == 0, "table.right_bucket", "node %u: %zu contacts in a wrong bucket", place, wrong);
    (void)gn_sim_holds(s, crowded == 0, "table.bucket_size", "node %u: %zu contacts more than buckets may have", place,
                       crowded);
    (void)gn_sim_holds(s, own == 0, "table.no_self", "node %u has itself in its table", place);
    (void)gn_sim_holds(s, twice == 0, "table.no_duplicate", "node %u: %zu contacts are there twice", place, twice);
    (void)gn_sim_holds(s, gn_overlay_is_sound(o), "table.sound", "node %u: the table or its timers do not hold", place);
}

void gn_sim_check_tables(struct gn_sim *s)
{
    for (uint32_t i = 0; i < s->options.nodes / ROUND + 1U; i++) {
        s->check_at = s->check_at + 1U < s->options.nodes ? s->check_at + 1U : 0;
        if (gn_world_is_up(s->world, s->check_at)) {
            check_table(s, s->check_at);
        }
    }
}
