/* sim/engine/wheel.c - slots are lists of chunks of five events; a bitmap finds the next slot that is not empty. */
#include "sim/engine/wheel.h"

#include <string.h>

#include "base/check.h"

#define NEAR_SHIFT 8U                 /* 256 us */
#define WIDE_SHIFT (NEAR_SHIFT + 12U) /* 2^20 us */
#define SLOT_MASK (GN_WHEEL_SLOTS - 1U)
#define CHUNK_EVENTS 5U
#define BLOCK_CHUNKS 256U
#define NO_SLOT GN_WHEEL_SLOTS

struct gn_wheel_chunk {
    uint32_t next; /* + 1 */
    uint32_t len;
    struct gn_event events[CHUNK_EVENTS];
};

/* ---- A binary heap of events ---- */

static enum gn_err heap_push(struct gn_wheel *w, struct gn_wheel_heap *h, const struct gn_event *e)
{
    if (h->len == h->cap) {
        size_t cap = h->cap ? h->cap * 2U : 64U;
        struct gn_event *events = gn_alloc_resize(w->alloc, h->events, cap * sizeof *events);
        if (!events) {
            return GN_E_NO_MEMORY;
        }
        h->events = events;
        h->cap = cap;
    }
    size_t i = h->len++;
    while (i > 0 && gn_event_before(e, &h->events[(i - 1U) / 2U])) {
        h->events[i] = h->events[(i - 1U) / 2U];
        i = (i - 1U) / 2U;
    }
    h->events[i] = *e;
    return GN_OK;
}

static struct gn_event heap_pop(struct gn_wheel_heap *h)
{
    struct gn_event top = h->events[0];
    const struct gn_event last = h->events[--h->len];
    size_t i = 0;

    for (;;) {
        size_t child = 2U * i + 1U;
        if (child >= h->len) {
            break;
        }
        if (child + 1U < h->len && gn_event_before(&h->events[child + 1U], &h->events[child])) {
            child++;
        }
        if (!gn_event_before(&h->events[child], &last)) {
            break;
        }
        h->events[i] = h->events[child];
        i = child;
    }
    h->events[i] = last;
    return top;
}

/* ---- Chunks ---- */

static struct gn_wheel_chunk *chunk_at(const struct gn_wheel *w, uint32_t number)
{
    return &w->blocks[(number - 1U) / BLOCK_CHUNKS][(number - 1U) % BLOCK_CHUNKS];
}

static bool grow_blocks(struct gn_wheel *w)
{
    if (w->blocks_len == w->blocks_cap) {
        uint32_t cap = w->blocks_cap ? w->blocks_cap * 2U : 16U;
        struct gn_wheel_chunk **blocks = gn_alloc_resize(w->alloc, w->blocks, cap * sizeof *blocks);
        if (!blocks) {
            return false;
        }
        w->blocks = blocks;
        w->blocks_cap = cap;
    }
    struct gn_wheel_chunk *block = gn_alloc_zeroed(w->alloc, BLOCK_CHUNKS, sizeof *block);
    if (!block) {
        return false;
    }
    w->blocks[w->blocks_len++] = block;
    return true;
}

/* 0: no memory. */
static uint32_t chunk_take(struct gn_wheel *w)
{
    uint32_t number = w->chunk_free;

    if (number != 0) {
        w->chunk_free = chunk_at(w, number)->next;
    } else {
        if (w->chunks_used == w->blocks_len * BLOCK_CHUNKS && !grow_blocks(w)) {
            return 0;
        }
        number = ++w->chunks_used;
    }
    struct gn_wheel_chunk *c = chunk_at(w, number);
    c->next = 0;
    c->len = 0;
    return number;
}

static enum gn_err slot_push(struct gn_wheel *w, struct gn_wheel_level *level, uint32_t slot, const struct gn_event *e)
{
    uint32_t first = level->slots[slot];

    if (first == 0 || chunk_at(w, first)->len == CHUNK_EVENTS) {
        uint32_t number = chunk_take(w);
        if (number == 0) {
            return GN_E_NO_MEMORY;
        }
        chunk_at(w, number)->next = first;
        level->slots[slot] = first = number;
        level->used[slot / 64U] |= UINT64_C(1) << (slot % 64U);
    }
    struct gn_wheel_chunk *c = chunk_at(w, first);
    c->events[c->len++] = *e;
    return GN_OK;
}

/* ---- The queue ---- */

void gn_wheel_init(struct gn_wheel *w, const struct gn_alloc *alloc)
{
    memset(w, 0, sizeof *w);
    w->alloc = alloc;
}

void gn_wheel_fini(struct gn_wheel *w)
{
    for (uint32_t i = 0; i < w->blocks_len; i++) {
        gn_alloc_free(w->alloc, w->blocks[i]);
    }
    gn_alloc_free(w->alloc, w->blocks);
    gn_alloc_free(w->alloc, w->now.events);
    gn_alloc_free(w->alloc, w->far.events);
    gn_wheel_init(w, w->alloc);
}

static enum gn_err place(struct gn_wheel *w, const struct gn_event *e)
{
    uint64_t near = e->at >> NEAR_SHIFT, wide = e->at >> WIDE_SHIFT;
    uint64_t wide_now = w->tick / GN_WHEEL_SLOTS;

    if (near <= w->tick) {
        return heap_push(w, &w->now, e);
    }
    if (wide == wide_now) {
        return slot_push(w, &w->near, (uint32_t)(near & SLOT_MASK), e);
    }
    if (wide - wide_now < GN_WHEEL_SLOTS) {
        return slot_push(w, &w->wide, (uint32_t)(wide & SLOT_MASK), e);
    }
    return heap_push(w, &w->far, e);
}

enum gn_err gn_wheel_push(struct gn_wheel *w, const struct gn_event *event)
{
    enum gn_err err = place(w, event);

    w->len += err == GN_OK;
    return err;
}

/* The first slot that is not empty, from `from` on, not going round; NO_SLOT when there is none. */
static uint32_t next_slot(const struct gn_wheel_level *level, uint32_t from)
{
    for (uint32_t word = from / 64U; word < GN_WHEEL_SLOTS / 64U; word++) {
        uint64_t bits = level->used[word];
        if (word == from / 64U) {
            bits &= UINT64_MAX << (from % 64U);
        }
        if (bits != 0) {
            uint32_t bit = 0;
            while ((bits & 1U) == 0) {
                bits >>= 1U;
                bit++;
            }
            return word * 64U + bit;
        }
    }
    return NO_SLOT;
}

/* Moves the events of a slot to where they belong now that the tick has advanced. What could not be moved stays. */
static enum gn_err empty_slot(struct gn_wheel *w, struct gn_wheel_level *level, uint32_t slot)
{
    while (level->slots[slot] != 0) {
        uint32_t number = level->slots[slot];
        struct gn_wheel_chunk *c = chunk_at(w, number);
        while (c->len > 0) {
            enum gn_err err = place(w, &c->events[c->len - 1U]);
            if (err != GN_OK) {
                return err;
            }
            c->len--;
        }
        level->slots[slot] = c->next;
        c->next = w->chunk_free;
        w->chunk_free = number;
    }
    level->used[slot / 64U] &= ~(UINT64_C(1) << (slot % 64U));
    return GN_OK;
}

/* Where level 1 goes on: its next slot that is not empty, or the first far event, whichever comes first. */
static uint64_t next_wide(const struct gn_wheel *w)
{
    uint64_t wide_now = w->tick / GN_WHEEL_SLOTS, best = UINT64_MAX;
    uint32_t here = (uint32_t)(wide_now & SLOT_MASK);
    uint32_t slot = next_slot(&w->wide, here);

    if (slot == NO_SLOT) {
        slot = next_slot(&w->wide, 0);
    }
    if (slot != NO_SLOT) {
        best = wide_now + ((slot - here) & SLOT_MASK);
    }
    if (w->far.len > 0 && w->far.events[0].at >> WIDE_SHIFT < best) {
        best = w->far.events[0].at >> WIDE_SHIFT;
    }
    return best;
}

/* Advances to the next slot with events. Called when nothing is left up to `tick`. */
static enum gn_err advance(struct gn_wheel *w)
{
    uint64_t wide_now = w->tick / GN_WHEEL_SLOTS;
    uint32_t slot = next_slot(&w->near, (uint32_t)(w->tick & SLOT_MASK));
    enum gn_err err;

    if (slot != NO_SLOT) {
        w->tick = wide_now * GN_WHEEL_SLOTS + slot;
        return empty_slot(w, &w->near, slot);
    }
    uint64_t wide = next_wide(w);
    GN_CHECK(wide != UINT64_MAX);
    w->tick = wide * GN_WHEEL_SLOTS;
    err = empty_slot(w, &w->wide, (uint32_t)(wide & SLOT_MASK));
    while (err == GN_OK && w->far.len > 0 && (w->far.events[0].at >> WIDE_SHIFT) - wide < GN_WHEEL_SLOTS) {
        err = place(w, &w->far.events[0]);
        if (err == GN_OK) {
            (void)heap_pop(&w->far);
        }
    }
    return err;
}

bool gn_wheel_pop(struct gn_wheel *w, struct gn_event *out, gn_time_us until, enum gn_err *err)
{
    *err = GN_OK;
    while (w->now.len == 0 && w->len > 0) {
        *err = advance(w);
        if (*err != GN_OK) {
            return false;
        }
    }
    if (w->now.len == 0 || w->now.events[0].at > until) {
        return false;
    }
    *out = heap_pop(&w->now);
    w->len--;
    return true;
}

size_t gn_wheel_len(const struct gn_wheel *w)
{
    return w->len;
}
