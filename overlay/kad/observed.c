/* overlay/kad/observed.c - majority of the latest votes. */
#include "overlay/kad/observed.h"

#include <string.h>

void gn_observed_init(struct gn_observed *o, gn_time_us now)
{
    memset(o, 0, sizeof *o);
    o->since = now;
}

/* At least three equal votes, and more than half of all. */
static const struct gn_addr *count(const struct gn_observed *o)
{
    for (unsigned i = 0; i < o->len; i++) {
        unsigned equal = 0;

        for (unsigned j = 0; j < o->len; j++) {
            equal += gn_addr_eq(&o->votes[i].addr, &o->votes[j].addr);
        }
        if (equal >= GN_OBSERVED_MIN && equal * 2U > o->len) {
            return &o->votes[i].addr;
        }
    }
    return NULL;
}

void gn_observed_vote(struct gn_observed *o, uint64_t voter, const struct gn_addr *addr, gn_time_us now)
{
    unsigned at = 0;

    if (!gn_addr_is_usable(addr)) {
        return;
    }
    while (at < o->len && o->votes[at].voter != voter) {
        at++;
    }
    if (at == o->len && o->len < GN_OBSERVED_VOTES) {
        o->len++;
    } else if (at == o->len) {
        at = o->next;
        o->next = (uint8_t)((o->next + 1U) % GN_OBSERVED_VOTES);
    }
    o->votes[at].voter = voter;
    o->votes[at].addr = *addr;
    const struct gn_addr *winner = count(o);
    if (winner && !gn_addr_eq(winner, &o->majority)) { /* without a winner the last one stays until another wins */
        o->majority = *winner;
        o->since = now;
    }
}
