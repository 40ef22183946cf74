/* transport/quic/qreceive.h - where a datagram belongs: to a connection, to a new one, or to nobody.
 *
 * Life: acts on one endpoint. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_QRECEIVE_H
#define GN_QUIC_QRECEIVE_H

#include "transport/quic/state.h"

void gn_qreceive_packet(struct gn_quic *q, const struct gn_udp_packet *packet, gn_time_us now);

/* A packet that belongs to no connection, waiting in q->replies. */
struct gn_qreceive_reply {
    struct gn_list_node node;
    struct gn_udp_train train;
    uint8_t bytes[];
};

#endif
