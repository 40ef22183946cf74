/* overlay/kad/trace.c - hop events. */
#include "overlay/kad/trace.h"

#include "overlay/kad/kad.h"
#include "overlay/kad/lookup.h"

void gn_trace_hop(struct gn_kad *k, const struct gn_lookup *l, unsigned slot, enum gn_hop_status status,
                  const struct gn_trace_answer *answer)
{
    const struct gn_lookup_node *n = &l->nodes[slot];
    struct gn_effect fx = {.type = GN_FX_OP};
    struct gn_hop *hop = &fx.u.op.hop;

    if (l->goal.explain == 0) {
        return;
    }
    fx.u.op.op = l->goal.explain;
    fx.u.op.type = GN_OPEV_HOP;
    hop->contact = *gn_book_get(k->book, n->contact);
    if (n->from != GN_LOOKUP_NO_SLOT) {
        hop->learned_from = gn_book_get(k->book, l->nodes[n->from].contact)->id;
    }
    hop->depth = n->depth;
    hop->common_bits = gn_id_common_bits(&hop->contact.id, &l->goal.target);
    hop->status = status;
    hop->reason = n->from == GN_LOOKUP_NO_SLOT ? GN_HOP_FROM_TABLE : GN_HOP_FROM_REPLY;
    if (n->by_stream || n->moved || n->resent) {
        hop->reason = GN_HOP_RETRY;
    }
    hop->at_us = gn_time_sub(k->now, l->began);
    if (answer) {
        hop->rtt_us = answer->rtt_us > 0 ? answer->rtt_us : 1;
        hop->contacts = answer->contacts;
        hop->closer = answer->closer;
        hop->has_value = answer->has_value;
    }
    if (gn_outbox_push(k->out, &fx) != GN_OK) {
        k->counters.outbox_full++; /* a trace with a gap is better than a lookup that fails */
    }
}
