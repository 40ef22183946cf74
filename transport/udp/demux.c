#include "transport/udp/demux.h"

#include <stdbool.h>

#include "base/slice.h"

#define STUN_HEADER 20U
#define STUN_COOKIE UINT32_C(0x2112A442)
#define QUIC_SHORT_MIN 21U /* 1 + 8 of our connection ids + packet number and sample as header protection needs */
#define QUIC_LONG_MIN 7U   /* first byte, version, two empty connection ids */
#define SEALED_MIN 16U     /* no sealed packet is shorter than its tag */

static enum gn_demux_reason check_stun(const uint8_t *data, size_t len)
{
    if (len < STUN_HEADER || gn_load_u32(data + 4) != STUN_COOKIE) {
        return GN_DEMUX_BAD_STUN;
    }
    /* RFC 8489 section 5: attributes are padded, so the length is a multiple of 4, and the message fills the datagram.
     */
    const size_t body = gn_load_u16(data + 2);

    return body % 4 == 0 && body == len - STUN_HEADER ? GN_DEMUX_ACCEPTED : GN_DEMUX_BAD_STUN;
}

static enum gn_demux_reason check_quic(const uint8_t *data, size_t len)
{
    const bool is_long = (data[0] & 0x80U) != 0;
    const bool fixed = (data[0] & 0x40U) != 0;

    if (!is_long) {
        return len >= QUIC_SHORT_MIN ? GN_DEMUX_ACCEPTED : GN_DEMUX_SHORT;
    }
    if (len < QUIC_LONG_MIN) {
        return GN_DEMUX_SHORT;
    }
    if (!fixed && gn_load_u32(data + 1) != 0) {
        return GN_DEMUX_FIXED_BIT;
    }
    return GN_DEMUX_ACCEPTED;
}

enum gn_demux_kind gn_demux_classify(enum gn_demux_reason *reason, const uint8_t *data, size_t len)
{
    enum gn_demux_kind kind = GN_DEMUX_DROP;
    enum gn_demux_reason why;

    if (len == 0) {
        why = GN_DEMUX_EMPTY;
    } else if (data[0] < 0x04) {
        kind = GN_DEMUX_STUN;
        why = check_stun(data, len);
    } else if (data[0] < 0x08) {
        kind = GN_DEMUX_SEALED;
        why = len >= SEALED_MIN ? GN_DEMUX_ACCEPTED : GN_DEMUX_SHORT;
    } else if (data[0] < 0x40) {
        why = GN_DEMUX_UNKNOWN;
    } else {
        kind = GN_DEMUX_QUIC;
        why = check_quic(data, len);
    }
    if (reason) {
        *reason = why;
    }
    return why == GN_DEMUX_ACCEPTED ? kind : GN_DEMUX_DROP;
}

enum gn_demux_kind gn_demux_count(struct gn_demux_counters *counters, const uint8_t *data, size_t len)
{
    enum gn_demux_reason why;
    const enum gn_demux_kind kind = gn_demux_classify(&why, data, len);

    counters->kinds[kind]++;
    counters->reasons[why]++;
    return kind;
}

const char *gn_demux_reason_name(enum gn_demux_reason reason)
{
    static const char *const names[GN_DEMUX_REASONS] = {
        [GN_DEMUX_ACCEPTED] = "accepted", [GN_DEMUX_EMPTY] = "empty",         [GN_DEMUX_BAD_STUN] = "bad_stun",
        [GN_DEMUX_SHORT] = "short",       [GN_DEMUX_FIXED_BIT] = "fixed_bit", [GN_DEMUX_UNKNOWN] = "unknown",
    };

    return (unsigned)reason < GN_DEMUX_REASONS ? names[reason] : "unknown";
}
