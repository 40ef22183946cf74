/* sim/engine/draw.h - random numbers that are counted, not consumed: draw(seed, node, purpose, counter).
 *
 * Life: plain calls. Threads: any. Purity: pure, integers only: the same on every machine and compiler.
 *
 * A draw does not depend on which draws were made before it: another fault leaves all other draws as they were.
 */
#ifndef GN_SIM_ENGINE_DRAW_H
#define GN_SIM_ENGINE_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum gn_draw_purpose {
    GN_DRAW_IDENTITY = 1,
    GN_DRAW_PROTOCOL,
    GN_DRAW_LATENCY,
    GN_DRAW_LOSS,
    GN_DRAW_CHURN,
    GN_DRAW_WORKLOAD,
    GN_DRAW_FAULT,
};

/* 64 bits, uniform. */
uint64_t gn_draw(uint64_t seed, uint32_t node, enum gn_draw_purpose purpose, uint64_t counter);
/* A draw as a number in [0, bound); bound > 0. */
uint32_t gn_draw_below(uint64_t draw, uint32_t bound);
/* True in `ppm` of a million draws. */
bool gn_draw_hit(uint64_t draw, uint32_t ppm);
/* A draw as an exponentially distributed time: -mean * ln(draw / 2^64), exact to about a millionth; at most 45 means.
 * mean_us up to 30 days. */
gn_time_us gn_draw_exponential(uint64_t draw, gn_time_us mean_us);
/* One of the 64-bit mixing steps: a bijection that spreads every bit over all. */
uint64_t gn_draw_mix(uint64_t x);

#endif
