/* transport/udp/demux.h - says which protocol a datagram on the shared port belongs to, by its first bytes.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 *
 * One port serves three protocols (RFC 9443 section 3):
 *   0x00-0x03  STUN, if the magic cookie and the length fit (RFC 8489 section 5)
 *   0x04-0x07  sealed datagrams: QUERY, REPLY, REKEY, RETRY
 *   0x40-0x7f  QUIC short header, 0xc0-0xff QUIC long header: the fixed bit must be set, we never grease it
 *   0x80-0xbf  QUIC Version Negotiation only (RFC 8999 section 6: it need not have the fixed bit)
 *   the rest   dropped and counted, never answered
 */
#ifndef GN_UDP_DEMUX_H
#define GN_UDP_DEMUX_H

#include <stddef.h>
#include <stdint.h>

enum gn_demux_kind { GN_DEMUX_DROP, GN_DEMUX_STUN, GN_DEMUX_SEALED, GN_DEMUX_QUIC };

enum gn_demux_reason {
    GN_DEMUX_ACCEPTED,
    GN_DEMUX_EMPTY,     /* no byte at all */
    GN_DEMUX_BAD_STUN,  /* first byte of STUN, but cookie or length do not fit */
    GN_DEMUX_SHORT,     /* shorter than any valid packet of its protocol */
    GN_DEMUX_FIXED_BIT, /* QUIC-like without the fixed bit, and not Version Negotiation */
    GN_DEMUX_UNKNOWN,   /* a byte that nobody here uses */
    GN_DEMUX_REASONS    /* how many reasons there are */
};

/* How many datagrams went each way; caller's memory, zeroed at the start. */
struct gn_demux_counters {
    uint64_t kinds[GN_DEMUX_QUIC + 1];
    uint64_t reasons[GN_DEMUX_REASONS];
};

/* Kind of the datagram. Fills *reason (may be NULL). Any bytes are fine; data may be NULL when len is 0. */
enum gn_demux_kind gn_demux_classify(enum gn_demux_reason *reason, const uint8_t *data, size_t len);
/* The same, counted. */
enum gn_demux_kind gn_demux_count(struct gn_demux_counters *counters, const uint8_t *data, size_t len);
/* "fixed_bit" and so on, for logs and metrics. Never NULL. */
const char *gn_demux_reason_name(enum gn_demux_reason reason);

#endif
