/* base/timer.c - a heap of timers ordered by (due time, number of the setting). */
#include "base/timer.h"

#include "base/check.h"

static bool comes_before(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    const struct gn_timer *x = GN_CONTAINER_OF_CONST(a, struct gn_timer, node);
    const struct gn_timer *y = GN_CONTAINER_OF_CONST(b, struct gn_timer, node);

    return x->due_us != y->due_us ? x->due_us < y->due_us : x->seq < y->seq;
}

void gn_timer_queue_init(struct gn_timers *q)
{
    gn_heap_init(&q->heap, comes_before);
    q->seq = 0;
}

void gn_timer_init(struct gn_timer *t, uint32_t kind)
{
    *t = (struct gn_timer){.kind = kind};
}

bool gn_timer_is_set(const struct gn_timer *t)
{
    return t->seq != 0;
}

void gn_timer_set(struct gn_timers *q, struct gn_timer *t, gn_time_us due_us)
{
    bool was_set = gn_timer_is_set(t);

    if (due_us == GN_TIME_NEVER) {
        gn_timer_cancel(q, t);
        return;
    }
    t->due_us = due_us;
    t->seq = ++q->seq;
    if (was_set) {
        gn_heap_rekey(&q->heap, &t->node);
    } else {
        gn_heap_insert(&q->heap, &t->node);
    }
}

void gn_timer_cancel(struct gn_timers *q, struct gn_timer *t)
{
    if (gn_timer_is_set(t)) {
        gn_heap_remove(&q->heap, &t->node);
        t->seq = 0;
    }
}

gn_time_us gn_timer_next(const struct gn_timers *q)
{
    const struct gn_heap_node *n = gn_heap_peek(&q->heap);

    return n ? GN_CONTAINER_OF_CONST(n, struct gn_timer, node)->due_us : GN_TIME_NEVER;
}

struct gn_timer *gn_timer_pop(struct gn_timers *q, gn_time_us now)
{
    struct gn_heap_node *n = gn_heap_peek(&q->heap);
    struct gn_timer *t;

    if (!n) {
        return NULL;
    }
    t = GN_CONTAINER_OF(n, struct gn_timer, node);
    if (t->due_us > now) {
        return NULL;
    }
    gn_timer_cancel(q, t);
    return t;
}

size_t gn_timer_count(const struct gn_timers *q)
{
    return q->heap.len;
}
