/* base/backoff.c - exponential backoff. */
#include "base/backoff.h"

#include "base/check.h"

void gn_backoff_init(struct gn_backoff *b, gn_time_us first_us, gn_time_us cap_us)
{
    GN_CHECK(first_us > 0 && cap_us > 0);
    *b = (struct gn_backoff){.first_us = first_us, .cap_us = gn_time_max(first_us, cap_us)};
}

gn_time_us gn_backoff_ceiling(const struct gn_backoff *b)
{
    if (b->tries >= 64U || b->first_us > (b->cap_us >> b->tries)) {
        return b->cap_us;
    }
    return b->first_us << b->tries;
}

gn_time_us gn_backoff_next(struct gn_backoff *b, struct gn_rng *rng)
{
    gn_time_us delay = 1U + gn_rng_below(rng, gn_backoff_ceiling(b));

    if (b->tries < UINT32_MAX) {
        b->tries++;
    }
    return delay;
}

void gn_backoff_reset(struct gn_backoff *b)
{
    b->tries = 0;
}
