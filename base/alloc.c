/* base/alloc.c - the C library's allocator behind the interface. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"

static void *libc_calloc(void *ctx, size_t n, size_t size)
{
    (void)ctx;
    return calloc(n, size);
}

static void *libc_realloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    return realloc(p, size);
}

static void libc_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static const struct gn_alloc libc_alloc = {.calloc = libc_calloc, .realloc = libc_realloc, .free = libc_free};

const struct gn_alloc *gn_alloc_default(void)
{
    return &libc_alloc;
}

/* Sizes of 0 are not portable between allocators, so nobody asks for them. */
void *gn_alloc_zeroed(const struct gn_alloc *a, size_t n, size_t size)
{
    GN_CHECK(n > 0 && size > 0);
    return n > SIZE_MAX / size ? NULL : a->calloc(a->ctx, n, size);
}

void *gn_alloc_resize(const struct gn_alloc *a, void *p, size_t size)
{
    GN_CHECK(size > 0);
    return a->realloc(a->ctx, p, size);
}

void gn_alloc_free(const struct gn_alloc *a, void *p)
{
    if (p) {
        a->free(a->ctx, p);
    }
}
