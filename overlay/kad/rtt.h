/* overlay/kad/rtt.h - how long an answer takes: estimators per contact, and one for peers never met.
 *
 * Life: plain values. Threads: one owner. Purity: pure, integers only.
 * Smoothing after RFC 6298 section 2 (alpha 1/8, beta 1/4).
 */
#ifndef GN_OVERLAY_KAD_RTT_H
#define GN_OVERLAY_KAD_RTT_H

#include <stdint.h>

#include "base/time.h"

#define GN_RTT_HARD_US GN_MS(1500)     /* a datagram query is dead after this */
#define GN_RTT_STREAM_US GN_SECONDS(5) /* a query on a stream, which may first need a handshake */
#define GN_RTT_FIRST_START_US GN_MS(350)
#define GN_RTT_FIRST_MIN_US GN_MS(150)
#define GN_RTT_FIRST_MAX_US GN_MS(1000)
/* A known peer's soft timeout stays within these: below the first a scheduling delay would look like a loss. */
#define GN_RTT_SOFT_MIN_US GN_MS(20)
#define GN_RTT_SOFT_MAX_US GN_MS(1000)

struct gn_rtt {
    uint32_t srtt_us; /* 0 = nothing measured */
    uint32_t rttvar_us;
};

/* A sample above one minute counts as one minute, one of 0 as 1 us. */
void gn_rtt_sample(struct gn_rtt *r, gn_time_us sample_us);
/* srtt + 4 rttvar within the limits; r must have a sample. */
gn_time_us gn_rtt_soft(const struct gn_rtt *r);

#define GN_RTT_FIRST_SAMPLES 32U

/* The rolling 95th percentile of how long first contacts took. */
struct gn_rtt_first {
    uint16_t ring[GN_RTT_FIRST_SAMPLES]; /* in units of 32 us: up to 2 s */
    uint8_t len;
    uint8_t next;
    uint32_t p95_us;
};

void gn_rtt_first_init(struct gn_rtt_first *f);
void gn_rtt_first_sample(struct gn_rtt_first *f, gn_time_us sample_us);
/* The soft timeout for a peer never met: the percentile within its clamp; 350 ms before 8 samples. */
gn_time_us gn_rtt_first_soft(const struct gn_rtt_first *f);

#endif
