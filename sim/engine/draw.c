/* sim/engine/draw.c - a finaliser of the xor-shift-multiply kind, applied once per argument. */
#include "sim/engine/draw.h"

#define FRACTION 20U                        /* bits after the point */
#define LN2 UINT64_C(726817)                /* ln 2 * 2^20 */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio */

uint64_t gn_draw_mix(uint64_t x)
{
    x = (x ^ (x >> 32U)) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ (x >> 32U)) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32U);
}

uint64_t gn_draw(uint64_t seed, uint32_t node, enum gn_draw_purpose purpose, uint64_t counter)
{
    uint64_t x = gn_draw_mix(seed + GOLDEN);

    x = gn_draw_mix(x ^ ((uint64_t)node << 8U | (uint64_t)purpose));
    return gn_draw_mix(x + GOLDEN * (counter + 1U));
}

uint32_t gn_draw_below(uint64_t draw, uint32_t bound)
{
    return (uint32_t)(((draw >> 32U) * bound) >> 32U);
}

bool gn_draw_hit(uint64_t draw, uint32_t ppm)
{
    return gn_draw_below(draw, 1000000U) < ppm;
}

/* log2(x) with 20 bits after the point, x > 0: the whole part is the place of the highest bit, each further bit tells
 * whether the square of what is left passes 2. */
static uint64_t log2_fixed(uint64_t x)
{
    uint64_t whole = 63;
    uint64_t result;

    while ((x >> whole) == 0) {
        whole--;
    }
    x = whole > 31U ? x >> (whole - 31U) : x << (31U - whole); /* in [2^31, 2^32): 1 to 2 with 31 bits */
    result = whole << FRACTION;
    for (uint64_t bit = UINT64_C(1) << (FRACTION - 1U); bit != 0; bit >>= 1U) {
        x = (x * x) >> 31U;
        if (x >> 32U != 0) {
            result |= bit;
            x >>= 1U;
        }
    }
    return result;
}

gn_time_us gn_draw_exponential(uint64_t draw, gn_time_us mean_us)
{
    uint64_t bits = (UINT64_C(64) << FRACTION) - log2_fixed(draw | 1U); /* -log2(draw / 2^64) */
    uint64_t nats = (bits * LN2) >> FRACTION;
    uint64_t ms = mean_us / 1000U, rest = mean_us % 1000U;
    uint64_t product = ms * nats;
    uint64_t below_ms = product & ((UINT64_C(1) << FRACTION) - 1U);

    return (product >> FRACTION) * 1000U + ((below_ms * 1000U + rest * nats) >> FRACTION);
}
