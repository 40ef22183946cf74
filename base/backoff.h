/* base/backoff.h - exponential backoff with full jitter.
 *
 * Life: plain value. Threads: one owner. Purity: pure.
 *
 * Full jitter: the delay is uniform in [1 us, ceiling], the ceiling doubles with each try up to the cap. This spreads
 * many clients that failed at the same moment better than a jitter around the ceiling does.
 */
#ifndef GN_BASE_BACKOFF_H
#define GN_BASE_BACKOFF_H

#include <stdint.h>

#include "base/rng.h"
#include "base/time.h"

struct gn_backoff {
    gn_time_us first_us; /* ceiling of the first delay */
    gn_time_us cap_us;
    uint32_t tries; /* delays given since the last reset */
};

/* first_us and cap_us at least 1; a cap below first_us counts as first_us. */
void gn_backoff_init(struct gn_backoff *b, gn_time_us first_us, gn_time_us cap_us);
/* Gives the delay before the next try and doubles the ceiling. */
gn_time_us gn_backoff_next(struct gn_backoff *b, struct gn_rng *rng);
/* The ceiling that the next delay is drawn below. */
gn_time_us gn_backoff_ceiling(const struct gn_backoff *b);
/* After a success. */
void gn_backoff_reset(struct gn_backoff *b);

#endif
