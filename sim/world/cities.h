/* sim/world/cities.h - where nodes are: 217 cities and the round-trip times between them.
 *
 * Life: constants. Threads: any. Purity: pure.
 */
#ifndef GN_SIM_WORLD_CITIES_H
#define GN_SIM_WORLD_CITIES_H

#include <stdint.h>

#include "base/time.h"

#define GN_CITIES 217U

/* Round trip between two cities, 0 within one. */
gn_time_us gn_cities_rtt(uint32_t a, uint32_t b);

/* cities_table.c: two base-64 digits for each b < a. */
extern const char *const gn_cities_table[GN_CITIES];

#endif
