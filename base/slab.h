/* base/slab.h - objects of one size, addressed by 32-bit handles instead of pointers.
 *
 * Life: caller's memory for the slab; gn_slab_fini frees all chunks. An empty slab has allocated nothing.
 * Threads: one owner. Purity: pure.
 *
 * A handle is 24 bits of place and 8 bits of generation; 0 is no object. A handle of a released object is refused until
 * its place has been reused 256 times; places are reused in the order of their release, to make that late.
 * Objects never move: a pointer is valid until the release of its object.
 */
#ifndef GN_BASE_SLAB_H
#define GN_BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

#define GN_SLAB_LIMIT_MAX UINT32_C(0x00fffffe)

struct gn_slab {
    const struct gn_alloc *alloc;
    uint8_t **chunks;
    size_t object_len; /* with its header, rounded to 8 */
    uint32_t chunks_len;
    uint32_t chunks_cap;
    uint32_t chunk_objects;
    uint32_t limit;
    uint32_t used; /* places ever taken */
    uint32_t len;
    uint32_t free_first; /* place + 1, oldest release */
    uint32_t free_last;
};

/* Objects are aligned to 8. chunk_objects: how many are allocated together, at least 1.
 * limit: the greatest number of objects, 1..GN_SLAB_LIMIT_MAX; 0 = GN_SLAB_LIMIT_MAX. Borrows alloc until gn_slab_fini.
 */
void gn_slab_init(struct gn_slab *s, const struct gn_alloc *alloc, size_t object_len, uint32_t chunk_objects,
                  uint32_t limit);
/* Frees all objects at once. The slab is as after gn_slab_init, so old handles may be given out again. */
void gn_slab_fini(struct gn_slab *s);
/* Gives a zeroed object in *object (may be NULL) and its handle. FULL: limit reached. NO_MEMORY. After an error the
 * slab is unchanged and the outputs are 0 and NULL. */
GN_MUST_CHECK enum gn_err gn_slab_take(struct gn_slab *s, uint32_t *handle, void **object);
/* The object; NULL for 0, for a handle whose object was released, and for any other number. */
void *gn_slab_get(const struct gn_slab *s, uint32_t handle);
/* The handle of a live object of this slab. */
uint32_t gn_slab_handle(const void *object);
/* Ends the object. INVALID: the handle has no object (nothing happens). */
enum gn_err gn_slab_release(struct gn_slab *s, uint32_t handle);
uint32_t gn_slab_len(const struct gn_slab *s);
/* Goes through the live objects by place: start with *cursor 0; returns 0 at the end. Objects may be released during
 * the walk; one that is taken during the walk may or may not be visited. */
uint32_t gn_slab_next(const struct gn_slab *s, uint32_t *cursor);

#endif
