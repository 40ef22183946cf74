/* sim/engine/meter.c - each block is preceded by its length. */
#include "sim/engine/meter.h"

#include <stdbool.h>
#include <stddef.h>

#define HEAD 16U /* keeps the alignment of the block */

static bool take(struct gn_meter *m, uint64_t more)
{
    if (m->limit != 0 && more > m->limit - m->bytes) {
        return false;
    }
    m->calls++;
    m->bytes += more;
    m->bytes_most = m->bytes > m->bytes_most ? m->bytes : m->bytes_most;
    return true;
}

static void *meter_calloc(void *ctx, size_t n, size_t size)
{
    struct gn_meter *m = ctx;
    size_t len;

    if (__builtin_mul_overflow(n, size, &len) || len > SIZE_MAX - HEAD || !take(m, len + HEAD)) {
        return NULL;
    }
    size_t *head = gn_alloc_zeroed(gn_alloc_default(), 1, len + HEAD);
    if (!head) {
        m->bytes -= len + HEAD;
        return NULL;
    }
    *head = len;
    return (uint8_t *)head + HEAD;
}

static void meter_free(void *ctx, void *p)
{
    struct gn_meter *m = ctx;

    if (p) {
        size_t *head = (size_t *)(void *)((uint8_t *)p - HEAD);
        m->bytes -= *head + HEAD;
        gn_alloc_free(gn_alloc_default(), head);
    }
}

static void *meter_realloc(void *ctx, void *p, size_t size)
{
    struct gn_meter *m = ctx;

    if (!p) {
        return meter_calloc(ctx, 1, size);
    }
    size_t *head = (size_t *)(void *)((uint8_t *)p - HEAD);
    size_t was = *head;
    if (size > SIZE_MAX - HEAD || (size > was && !take(m, size - was))) {
        return NULL;
    }
    size_t *moved = gn_alloc_resize(gn_alloc_default(), head, size + HEAD);
    if (!moved) {
        m->bytes -= size > was ? size - was : 0;
        return NULL;
    }
    m->bytes -= size < was ? was - size : 0;
    *moved = size;
    return (uint8_t *)moved + HEAD;
}

void gn_meter_init(struct gn_meter *m, uint64_t limit)
{
    *m = (struct gn_meter){.limit = limit};
    m->alloc = (struct gn_alloc){.calloc = meter_calloc, .realloc = meter_realloc, .free = meter_free, .ctx = m};
}
