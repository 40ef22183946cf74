/* sim/world/cities.c - reads the table. */
#include "sim/world/cities.h"

#include <stddef.h>

#include "base/check.h"

static uint32_t digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26U;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52U;
    }
    return c == '+' ? 62U : 63U;
}

gn_time_us gn_cities_rtt(uint32_t a, uint32_t b)
{
    GN_CHECK(a < GN_CITIES && b < GN_CITIES);
    if (a == b) {
        return 0;
    }
    const char *pair = a > b ? gn_cities_table[a] + (size_t)b * 2U : gn_cities_table[b] + (size_t)a * 2U;
    return (gn_time_us)(digit(pair[0]) * 64U + digit(pair[1])) * 125U;
}
