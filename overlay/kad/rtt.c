/* overlay/kad/rtt.c - round-trip time estimators in integers. */
#include "overlay/kad/rtt.h"

#include <string.h>

#define SAMPLE_MAX_US GN_MINUTES(1)
#define RING_UNIT_US 32U
#define SAMPLES_NEEDED 8U

void gn_rtt_sample(struct gn_rtt *r, gn_time_us sample_us)
{
    uint32_t s = (uint32_t)gn_time_min(sample_us, SAMPLE_MAX_US);

    if (s == 0) {
        s = 1;
    }
    if (r->srtt_us == 0) {
        r->srtt_us = s;
        r->rttvar_us = s / 2U;
        return;
    }
    uint32_t diff = s > r->srtt_us ? s - r->srtt_us : r->srtt_us - s;
    r->rttvar_us = r->rttvar_us - r->rttvar_us / 4U + diff / 4U;
    r->srtt_us = r->srtt_us - r->srtt_us / 8U + s / 8U;
    if (r->srtt_us == 0) {
        r->srtt_us = 1;
    }
}

gn_time_us gn_rtt_soft(const struct gn_rtt *r)
{
    gn_time_us soft = (gn_time_us)r->srtt_us + 4U * (gn_time_us)r->rttvar_us;

    return gn_time_min(gn_time_max(soft, GN_RTT_SOFT_MIN_US), GN_RTT_SOFT_MAX_US);
}

void gn_rtt_first_init(struct gn_rtt_first *f)
{
    memset(f, 0, sizeof *f);
    f->p95_us = (uint32_t)GN_RTT_FIRST_START_US;
}

/* The 95th percentile of at most 32 numbers: the second largest from 20 samples on, else the largest. */
static uint16_t percentile(const struct gn_rtt_first *f)
{
    uint16_t top = 0;
    uint16_t second = 0;

    for (unsigned i = 0; i < f->len; i++) {
        if (f->ring[i] > top) {
            second = top;
            top = f->ring[i];
        } else if (f->ring[i] > second) {
            second = f->ring[i];
        }
    }
    return f->len >= 20U ? second : top;
}

void gn_rtt_first_sample(struct gn_rtt_first *f, gn_time_us sample_us)
{
    gn_time_us units = sample_us / RING_UNIT_US;

    f->ring[f->next] = units > UINT16_MAX ? UINT16_MAX : (uint16_t)units;
    f->next = (uint8_t)((f->next + 1U) % GN_RTT_FIRST_SAMPLES);
    if (f->len < GN_RTT_FIRST_SAMPLES) {
        f->len++;
    }
    if (f->len >= SAMPLES_NEEDED) {
        f->p95_us = (uint32_t)percentile(f) * RING_UNIT_US;
    }
}

gn_time_us gn_rtt_first_soft(const struct gn_rtt_first *f)
{
    return gn_time_min(gn_time_max(f->p95_us, GN_RTT_FIRST_MIN_US), GN_RTT_FIRST_MAX_US);
}
