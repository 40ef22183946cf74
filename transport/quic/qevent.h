/* transport/quic/qevent.h - turns what connections and streams have noted into events, one at a time.
 *
 * Life: acts on one endpoint. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_QEVENT_H
#define GN_QUIC_QEVENT_H

#include "transport/quic/state.h"

/* See gn_quic_next_event. */
bool gn_qevent_next(struct gn_quic *q, struct gn_quic_event *out);
/* Takes back what the last event lent. */
void gn_qevent_take_back(struct gn_quic *q);

#endif
