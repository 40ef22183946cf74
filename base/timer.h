/* base/timer.h - timers in a stable order, without callbacks: the owner takes the due ones and dispatches by kind.
 *
 * Life: queue and timers are caller's memory; cancel a timer before its memory ends. A zeroed timer is a valid, unset
 * one. Threads: one owner. Purity: pure; time is an argument.
 *
 *     while ((t = gn_timer_pop(&queue, now))) {
 *         switch (t->kind) { ... GN_CONTAINER_OF(t, struct lookup, timer) ... }
 *     }
 * Whoever handles a timer sets it to a time after `now`, or this loop does not end.
 */
#ifndef GN_BASE_TIMER_H
#define GN_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/time.h"

struct gn_timer {
    struct gn_heap_node node;
    gn_time_us due_us;
    uint64_t seq;  /* number of the setting, breaks ties; 0 = not set */
    uint32_t kind; /* the owner's */
};

struct gn_timers {
    struct gn_heap heap;
    uint64_t seq;
};

void gn_timer_queue_init(struct gn_timers *q);
/* Makes t an unset timer of this kind; t must not be set. */
void gn_timer_init(struct gn_timer *t, uint32_t kind);
bool gn_timer_is_set(const struct gn_timer *t);
/* Sets or moves t. Of equal due times the one set first comes first. GN_TIME_NEVER cancels. Borrows t until popped. */
void gn_timer_set(struct gn_timers *q, struct gn_timer *t, gn_time_us due_us);
/* Nothing happens when t is not set. */
void gn_timer_cancel(struct gn_timers *q, struct gn_timer *t);
/* When the first timer is due; GN_TIME_NEVER when none is set. */
gn_time_us gn_timer_next(const struct gn_timers *q);
/* Takes out and returns the first timer with due_us <= now; NULL when there is none. The timer is unset afterwards. */
struct gn_timer *gn_timer_pop(struct gn_timers *q, gn_time_us now);
/* Number of timers that are set. */
size_t gn_timer_count(const struct gn_timers *q);

#endif
