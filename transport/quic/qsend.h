/* transport/quic/qsend.h - fills trains of packets: replies, closing packets, then connections in turn.
 *
 * Life: acts on one endpoint. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_QSEND_H
#define GN_QUIC_QSEND_H

#include "transport/quic/state.h"

/* See gn_quic_send. */
bool gn_qsend_train(struct gn_quic *q, struct gn_udp_train *out, uint8_t *buf, size_t cap, gn_time_us now);

#endif
