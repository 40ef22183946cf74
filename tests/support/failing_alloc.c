/* tests/support/failing_alloc.c - calloc, realloc and free behind a count. */
#include "tests/support/failing_alloc.h"

#include <stdlib.h>

static bool fails(struct gn_failing_alloc *f)
{
    f->calls++;
    if (f->fail_at != 0 && (f->calls == f->fail_at || (f->forever && f->calls > f->fail_at))) {
        f->failed++;
        return true;
    }
    return false;
}

static void *counted_calloc(void *ctx, size_t n, size_t size)
{
    struct gn_failing_alloc *f = (struct gn_failing_alloc *)ctx;
    void *p = fails(f) ? NULL : calloc(n, size);

    f->live += p ? 1U : 0U;
    return p;
}

static void *counted_realloc(void *ctx, void *old, size_t size)
{
    struct gn_failing_alloc *f = (struct gn_failing_alloc *)ctx;
    void *p = fails(f) ? NULL : realloc(old, size);

    f->live += p && !old ? 1U : 0U;
    return p;
}

static void counted_free(void *ctx, void *p)
{
    struct gn_failing_alloc *f = (struct gn_failing_alloc *)ctx;

    f->live -= p ? 1U : 0U;
    free(p);
}

void gn_failing_alloc_init(struct gn_failing_alloc *f, uint64_t fail_at)
{
    *f = (struct gn_failing_alloc){
        .alloc = {.calloc = counted_calloc, .realloc = counted_realloc, .free = counted_free, .ctx = f},
        .fail_at = fail_at,
    };
}
