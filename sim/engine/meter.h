/* sim/engine/meter.h - an allocator that counts, and refuses beyond a limit.
 *
 * Life: caller's memory, outlives what was allocated through it. Threads: one owner. Purity: memory only.
 */
#ifndef GN_SIM_ENGINE_METER_H
#define GN_SIM_ENGINE_METER_H

#include <stdint.h>

#include "base/alloc.h"

struct gn_meter {
    struct gn_alloc alloc; /* give this to whom is to be metered */
    uint64_t bytes;        /* held now, with 16 bytes for each block */
    uint64_t bytes_most;   /* the most that was held */
    uint64_t limit;
    uint64_t calls; /* allocations and resizings so far */
};

/* limit: bytes; 0 = none. A request past it is refused as if memory had run out. */
void gn_meter_init(struct gn_meter *m, uint64_t limit);

#endif
