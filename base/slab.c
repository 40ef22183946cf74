/* base/slab.c - chunks of objects, each behind an 8-byte header that knows its handle. */
#include "base/slab.h"

#include <string.h>

#include "base/check.h"

#define PLACE_BITS 24U
#define PLACE_MASK ((UINT32_C(1) << PLACE_BITS) - 1U)
#define LIVE UINT32_MAX

struct header {
    uint32_t handle; /* of the living object, or of the next one to live here */
    uint32_t next;   /* LIVE, or place + 1 of the next free one (0: the last) */
};

static struct header *header_at(const struct gn_slab *s, uint32_t place)
{
    uint8_t *chunk = s->chunks[place / s->chunk_objects];

    return (struct header *)(void *)(chunk + place % s->chunk_objects * s->object_len);
}

void gn_slab_init(struct gn_slab *s, const struct gn_alloc *alloc, size_t object_len, uint32_t chunk_objects,
                  uint32_t limit)
{
    GN_CHECK(object_len >= 1 && object_len <= UINT32_MAX && chunk_objects >= 1 && limit <= GN_SLAB_LIMIT_MAX);
    *s = (struct gn_slab){
        .alloc = alloc,
        .object_len = (sizeof(struct header) + object_len + 7U) & ~(size_t)7U,
        .chunk_objects = chunk_objects,
        .limit = limit ? limit : GN_SLAB_LIMIT_MAX,
    };
}

void gn_slab_fini(struct gn_slab *s)
{
    for (uint32_t i = 0; i < s->chunks_len; i++) {
        gn_alloc_free(s->alloc, s->chunks[i]);
    }
    gn_alloc_free(s->alloc, s->chunks);
    s->chunks = NULL;
    s->chunks_len = 0;
    s->chunks_cap = 0;
    s->used = 0;
    s->len = 0;
    s->free_first = 0;
    s->free_last = 0;
}

static enum gn_err add_chunk(struct gn_slab *s)
{
    uint8_t *chunk;

    if (s->chunks_len == s->chunks_cap) {
        uint32_t cap = s->chunks_cap ? s->chunks_cap * 2U : 4U;
        uint8_t **chunks = (uint8_t **)gn_alloc_resize(s->alloc, s->chunks, cap * sizeof *chunks);

        if (!chunks) {
            return GN_E_NO_MEMORY;
        }
        s->chunks = chunks;
        s->chunks_cap = cap;
    }
    chunk = (uint8_t *)gn_alloc_zeroed(s->alloc, s->chunk_objects, s->object_len);
    if (!chunk) {
        return GN_E_NO_MEMORY;
    }
    s->chunks[s->chunks_len++] = chunk;
    return GN_OK;
}

enum gn_err gn_slab_take(struct gn_slab *s, uint32_t *handle, void **object)
{
    struct header *h;

    *handle = 0;
    if (object) {
        *object = NULL;
    }
    if (s->len == s->limit) {
        return GN_E_FULL;
    }
    if (s->free_first) {
        h = header_at(s, s->free_first - 1U);
        s->free_first = h->next;
        if (s->free_first == 0) {
            s->free_last = 0;
        }
        memset(h + 1, 0, s->object_len - sizeof *h);
    } else {
        if (s->used / s->chunk_objects == s->chunks_len) {
            enum gn_err err = add_chunk(s);

            if (err) {
                return err;
            }
        }
        h = header_at(s, s->used);
        s->used++;
        h->handle = s->used;
    }
    h->next = LIVE;
    s->len++;
    *handle = h->handle;
    if (object) {
        *object = h + 1;
    }
    return GN_OK;
}

static struct header *live_header(const struct gn_slab *s, uint32_t handle)
{
    uint32_t place = (handle & PLACE_MASK) - 1U; /* handle 0 gives a place beyond every limit */
    struct header *h;

    if (place >= s->used) {
        return NULL;
    }
    h = header_at(s, place);
    return h->next == LIVE && h->handle == handle ? h : NULL;
}

void *gn_slab_get(const struct gn_slab *s, uint32_t handle)
{
    struct header *h = live_header(s, handle);

    return h ? h + 1 : NULL;
}

uint32_t gn_slab_handle(const void *object)
{
    const struct header *h = (const struct header *)object - 1;

    GN_CHECK(h->next == LIVE);
    return h->handle;
}

enum gn_err gn_slab_release(struct gn_slab *s, uint32_t handle)
{
    struct header *h = live_header(s, handle);
    uint32_t number = handle & PLACE_MASK;

    if (!h) {
        return GN_E_INVALID;
    }
    h->handle += UINT32_C(1) << PLACE_BITS; /* the generation wraps within its 8 bits */
    h->next = 0;
    if (s->free_last) {
        header_at(s, s->free_last - 1U)->next = number;
    } else {
        s->free_first = number;
    }
    s->free_last = number;
    s->len--;
    return GN_OK;
}

uint32_t gn_slab_len(const struct gn_slab *s)
{
    return s->len;
}

uint32_t gn_slab_next(const struct gn_slab *s, uint32_t *cursor)
{
    while (*cursor < s->used) {
        const struct header *h = header_at(s, (*cursor)++);

        if (h->next == LIVE) {
            return h->handle;
        }
    }
    return 0;
}
