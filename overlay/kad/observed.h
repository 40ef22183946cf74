/* overlay/kad/observed.h - how others see our address: a vote, because each one may lie.
 *
 * Life: plain value. Threads: one owner. Purity: pure.
 */
#ifndef GN_OVERLAY_KAD_OBSERVED_H
#define GN_OVERLAY_KAD_OBSERVED_H

#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

#define GN_OBSERVED_VOTES 8U
#define GN_OBSERVED_MIN 3U

struct gn_observed {
    struct {
        struct gn_addr addr;
        uint64_t voter;
    } votes[GN_OBSERVED_VOTES]; /* the latest ones, one per voter */
    uint8_t len;
    uint8_t next;
    struct gn_addr majority; /* family NONE: none yet */
    gn_time_us since;        /* the majority is what it is since then */
};

void gn_observed_init(struct gn_observed *o, gn_time_us now);
/* A voter is a wide address group, so that one network has one voice. Addresses that cannot be ours are ignored. */
void gn_observed_vote(struct gn_observed *o, uint64_t voter, const struct gn_addr *addr, gn_time_us now);

#endif
