/* base/alloc.h - the allocator an object was given, so that tests can make the n-th allocation fail.
 *
 * Life: borrowed by objects, outlives them. Threads: as the implementation says (the default: any).
 * Purity: memory only.
 */
#ifndef GN_BASE_ALLOC_H
#define GN_BASE_ALLOC_H

#include <stddef.h>

struct gn_alloc {
    void *(*calloc)(void *ctx, size_t n, size_t size);
    void *(*realloc)(void *ctx, void *p, size_t size);
    void (*free)(void *ctx, void *p); /* NULL is fine */
    void *ctx;
};

/* The C library's. Never NULL. */
const struct gn_alloc *gn_alloc_default(void);
/* n * size zeroed bytes, neither 0; NULL without memory, also when the product overflows. */
void *gn_alloc_zeroed(const struct gn_alloc *a, size_t n, size_t size);
/* As realloc, size not 0; NULL without memory, p is then unchanged. */
void *gn_alloc_resize(const struct gn_alloc *a, void *p, size_t size);
/* NULL is fine. */
void gn_alloc_free(const struct gn_alloc *a, void *p);

#endif
