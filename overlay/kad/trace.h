/* overlay/kad/trace.h - a lookup's hops as events, for whoever asked to have it explained.
 *
 * Life: plain calls. Threads: one owner. Purity: pure.
 */
#ifndef GN_OVERLAY_KAD_TRACE_H
#define GN_OVERLAY_KAD_TRACE_H

#include <stdbool.h>

#include "overlay/io.h"

struct gn_kad;
struct gn_lookup;

struct gn_trace_answer {
    gn_time_us rtt_us;
    unsigned contacts;
    unsigned closer; /* of them nearer than any node known before */
    bool has_value;
};

/* Emits GN_OPEV_HOP for the node in `slot` when the lookup is explained. answer may be NULL. */
void gn_trace_hop(struct gn_kad *k, const struct gn_lookup *l, unsigned slot, enum gn_hop_status status,
                  const struct gn_trace_answer *answer);

#endif
