/* sim/engine/wheel.h - the queue of events: two levels of slots, a far heap, and a small heap for the current slot.
 *
 * Life: gn_wheel_init .. gn_wheel_fini. Threads: one owner. Purity: pure.
 *
 * Level 0 has 4,096 slots of 256 us, level 1 has 4,096 slots of 2^20 us (1.05 s); what is later than 71 minutes waits
 * in a binary heap. Only the events of the current slot are sorted, by a heap that stays in the cache. An event for the
 * past is allowed: it comes next.
 */
#ifndef GN_SIM_ENGINE_WHEEL_H
#define GN_SIM_ENGINE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "sim/engine/event.h"

#define GN_WHEEL_SLOTS 4096U

struct gn_wheel_heap {
    struct gn_event *events;
    size_t len;
    size_t cap;
};

struct gn_wheel_level {
    uint32_t slots[GN_WHEEL_SLOTS]; /* first chunk of each, + 1; 0 = empty */
    uint64_t used[GN_WHEEL_SLOTS / 64U];
};

struct gn_wheel_chunk;

struct gn_wheel {
    const struct gn_alloc *alloc;
    struct gn_wheel_heap now; /* all events of ticks up to `tick` */
    struct gn_wheel_heap far;
    struct gn_wheel_level near, wide;
    uint64_t tick; /* current slot of level 0, counted from time 0 */
    struct gn_wheel_chunk **blocks;
    uint32_t blocks_len;
    uint32_t blocks_cap;
    uint32_t chunks_used; /* chunks ever taken */
    uint32_t chunk_free;  /* + 1 */
    size_t len;
};

/* Borrows alloc until gn_wheel_fini. */
void gn_wheel_init(struct gn_wheel *w, const struct gn_alloc *alloc);
void gn_wheel_fini(struct gn_wheel *w);
/* NO_MEMORY: the queue is unchanged. */
GN_MUST_CHECK enum gn_err gn_wheel_push(struct gn_wheel *w, const struct gn_event *event);
/* Takes the first event if it is due at or before `until`. False: there is none. NO_MEMORY is told in *err (else OK):
 * then nothing was taken, and the call may be repeated. */
bool gn_wheel_pop(struct gn_wheel *w, struct gn_event *out, gn_time_us until, enum gn_err *err);
size_t gn_wheel_len(const struct gn_wheel *w);

#endif
