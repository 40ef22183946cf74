/* tests/support/step_meter.c - each block knows its length. */
#include "tests/support/step_meter.h"

#include <stdlib.h>

static bool fails(struct step_meter *m)
{
    m->calls++;
    if (m->fail_at != 0 && m->calls == m->fail_at) {
        m->failed = true;
        return true;
    }
    return false;
}

static void *meter_calloc(void *ctx, size_t n, size_t size)
{
    struct step_meter *m = ctx;

    if (fails(m)) {
        return NULL;
    }
    size_t *p = calloc(1, n * size + 16U);
    if (!p) {
        return NULL;
    }
    *p = n * size;
    m->bytes += n * size;
    return p + 2;
}

static void meter_free(void *ctx, void *ptr)
{
    struct step_meter *m = ctx;

    if (ptr) {
        size_t *p = (size_t *)ptr - 2;

        m->bytes -= *p;
        free(p);
    }
}

static void *meter_realloc(void *ctx, void *ptr, size_t size)
{
    struct step_meter *m = ctx;

    if (!ptr) {
        return meter_calloc(ctx, 1, size);
    }
    if (fails(m)) {
        return NULL;
    }
    size_t *old = (size_t *)ptr - 2;
    size_t was = *old;
    size_t *p = realloc(old, size + 16U);
    if (!p) {
        return NULL;
    }
    m->bytes += size - was;
    *p = size;
    return p + 2;
}

void step_meter_init(struct step_meter *m, uint64_t fail_at)
{
    *m = (struct step_meter){.fail_at = fail_at};
    m->alloc = (struct gn_alloc){.calloc = meter_calloc, .realloc = meter_realloc, .free = meter_free, .ctx = m};
}
