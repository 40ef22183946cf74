/* sim/engine/event.h - one thing that will happen: 24 bytes, and the order in which things happen.
 *
 * Life: plain values. Threads: any. Purity: pure.
 *
 * The order is (time, destination, source, number of the source), never one global counter: taking one event away does
 * not renumber the others, so that two runs that differ in one fault stay alike everywhere else.
 */
#ifndef GN_SIM_ENGINE_EVENT_H
#define GN_SIM_ENGINE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct gn_event {
    gn_time_us at;
    uint32_t to;   /* place of the node that it happens to */
    uint32_t from; /* place of the node that caused it */
    uint32_t seq;  /* counts the events of `from` */
    uint32_t ref;  /* kind and argument, see sim/world/world_state.h */
};

_Static_assert(sizeof(struct gn_event) == 24, "an event has 24 bytes");

static inline bool gn_event_before(const struct gn_event *a, const struct gn_event *b)
{
    if (a->at != b->at) {
        return a->at < b->at;
    }
    if (a->to != b->to) {
        return a->to < b->to;
    }
    return a->from != b->from ? a->from < b->from : a->seq < b->seq;
}

#endif
