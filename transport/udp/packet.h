/* transport/udp/packet.h - one datagram received, and one train of equal datagrams to send, as plain values.
 *
 * Life: plain values; data is borrowed. Threads: none shared. Purity: pure.
 */
#ifndef GN_UDP_PACKET_H
#define GN_UDP_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* One datagram as it arrived (already split when the kernel had coalesced several). */
struct gn_udp_packet {
    struct gn_addr local;  /* where it arrived: address from IP_PKTINFO, port of the socket */
    struct gn_addr remote; /* who sent it */
    const uint8_t *data;   /* borrowed for the call that gets it */
    size_t len;
    uint8_t ecn; /* the two ECN bits of the IP header (RFC 3168 section 5) */
};

/* Datagrams to one address, laid end to end: each has `segment` bytes, only the last may be shorter. */
struct gn_udp_train {
    struct gn_addr local; /* source address; family NONE or an unspecified IP: the kernel chooses */
    struct gn_addr remote;
    size_t len;     /* bytes of all datagrams together */
    size_t segment; /* bytes of each; >= len means one datagram */
    uint8_t ecn;
};

#endif
