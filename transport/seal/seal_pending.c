/* transport/seal/seal_pending.c - queries in flight. */
#include "transport/seal/seal_pending.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define CHUNK 8U /* queries allocated together */

static struct gn_seal_pending *of_node(struct gn_heap_node *n)
{
    return GN_CONTAINER_OF(n, struct gn_seal_pending, node);
}

static bool expires_before(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    const struct gn_seal_pending *x =
        (const struct gn_seal_pending *)(const void *)((const char *)a - offsetof(struct gn_seal_pending, node));
    const struct gn_seal_pending *y =
        (const struct gn_seal_pending *)(const void *)((const char *)b - offsetof(struct gn_seal_pending, node));

    /* the handle makes the order the same in every run */
    return x->expires_at != y->expires_at ? x->expires_at < y->expires_at : x->handle < y->handle;
}

void gn_seal_pendings_init(struct gn_seal_pendings *p, const struct gn_alloc *alloc, uint32_t limit)
{
    p->alloc = alloc;
    gn_slab_init(&p->slab, alloc, sizeof(struct gn_seal_pending), CHUNK, limit);
    gn_map_init(&p->by_cookie, alloc, sizeof(uint64_t), sizeof(uint32_t), limit);
    gn_map_init(&p->by_tag, alloc, GN_SEAL_REQ_TAG, sizeof(uint32_t), limit * GN_SEAL_PENDING_TAGS);
    gn_heap_init(&p->by_expiry, expires_before);
}

/* Wipes the contents, not the slab's own header in front of them. */
static void wipe(struct gn_seal_pendings *p, struct gn_seal_pending *q)
{
    if (q->body && q->body != q->body_inline) {
        sodium_memzero(q->body, q->body_len);
        gn_alloc_free(p->alloc, q->body);
    }
    sodium_memzero(q, sizeof *q);
}

void gn_seal_pendings_fini(struct gn_seal_pendings *p)
{
    uint32_t cursor = 0;

    for (uint32_t h = gn_slab_next(&p->slab, &cursor); h != 0; h = gn_slab_next(&p->slab, &cursor)) {
        wipe(p, gn_slab_get(&p->slab, h));
    }
    gn_slab_fini(&p->slab);
    gn_map_fini(&p->by_cookie);
    gn_map_fini(&p->by_tag);
    gn_heap_init(&p->by_expiry, expires_before);
}

static enum gn_err copy_body(struct gn_seal_pendings *p, struct gn_seal_pending *q, struct gn_slice body)
{
    q->body = q->body_inline;
    if (body.len > sizeof q->body_inline) {
        q->body = gn_alloc_zeroed(p->alloc, body.len, 1);
        if (!q->body) {
            return GN_E_NO_MEMORY;
        }
    }
    q->body_len = (uint16_t)body.len;
    if (body.len != 0) {
        memcpy(q->body, body.data, body.len);
    }
    return GN_OK;
}

enum gn_err gn_seal_pending_add(struct gn_seal_pendings *p, struct gn_seal_pending **out, uint64_t cookie,
                                struct gn_slice body, gn_time_us expires_at)
{
    void *object = NULL;
    uint32_t handle = 0;

    *out = NULL;
    enum gn_err err = gn_slab_take(&p->slab, &handle, &object);
    if (err != GN_OK) {
        return err;
    }
    struct gn_seal_pending *q = object;
    err = copy_body(p, q, body);
    if (err != GN_OK) {
        goto release;
    }
    err = gn_map_set(&p->by_cookie, &cookie, &handle);
    if (err != GN_OK) {
        goto release;
    }
    q->handle = handle;
    q->cookie = cookie;
    q->expires_at = expires_at;
    gn_heap_insert(&p->by_expiry, &q->node);
    *out = q;
    return GN_OK;
release:
    wipe(p, q);
    (void)gn_slab_release(&p->slab, handle);
    return err;
}

static struct gn_seal_pending *by_value(const struct gn_seal_pendings *p, const void *value)
{
    uint32_t handle = 0;

    if (!value) {
        return NULL;
    }
    memcpy(&handle, value, sizeof handle);
    return gn_slab_get(&p->slab, handle);
}

struct gn_seal_pending *gn_seal_pending_by_cookie(const struct gn_seal_pendings *p, uint64_t cookie)
{
    return by_value(p, gn_map_get(&p->by_cookie, &cookie));
}

struct gn_seal_pending *gn_seal_pending_by_tag(const struct gn_seal_pendings *p, const uint8_t tag[GN_SEAL_REQ_TAG])
{
    return by_value(p, gn_map_get(&p->by_tag, tag));
}

/* Forgets the tags of all transmissions but the newest `keep`. */
static void forget(struct gn_seal_pendings *p, struct gn_seal_pending *q, unsigned keep)
{
    unsigned drop = q->tags_len > keep ? q->tags_len - keep : 0;

    for (unsigned i = 0; i < drop; i++) {
        (void)gn_map_remove(&p->by_tag, q->tags[i]);
    }
    memmove(q->tags[0], q->tags[drop], (size_t)(q->tags_len - drop) * GN_SEAL_REQ_TAG);
    q->tags_len = (uint8_t)(q->tags_len - drop);
}

enum gn_err gn_seal_pending_note(struct gn_seal_pendings *p, struct gn_seal_pending *q,
                                 const uint8_t tag[GN_SEAL_REQ_TAG])
{
    void *value = NULL;

    if (gn_map_get(&p->by_tag, tag)) {
        return GN_E_EXISTS;
    }
    /* The oldest goes only when the new one is in, except when the map is full of exactly these. */
    if (gn_map_len(&p->by_tag) == p->by_tag.limit) {
        forget(p, q, GN_SEAL_PENDING_TAGS - 1U);
    }
    enum gn_err err = gn_map_add(&p->by_tag, &value, tag);
    if (err != GN_OK) {
        return err;
    }
    memcpy(value, &q->handle, sizeof q->handle);
    forget(p, q, GN_SEAL_PENDING_TAGS - 1U);
    memcpy(q->tags[q->tags_len], tag, GN_SEAL_REQ_TAG);
    q->tags_len++;
    return GN_OK;
}

void gn_seal_pending_set_expiry(struct gn_seal_pendings *p, struct gn_seal_pending *q, gn_time_us expires_at)
{
    q->expires_at = expires_at;
    gn_heap_rekey(&p->by_expiry, &q->node);
}

void gn_seal_pending_remove(struct gn_seal_pendings *p, struct gn_seal_pending *q)
{
    uint32_t handle = q->handle;

    forget(p, q, 0);
    (void)gn_map_remove(&p->by_cookie, &q->cookie);
    gn_heap_remove(&p->by_expiry, &q->node);
    wipe(p, q);
    (void)gn_slab_release(&p->slab, handle);
}

void gn_seal_pendings_expire(struct gn_seal_pendings *p, gn_time_us now)
{
    struct gn_heap_node *first = gn_heap_peek(&p->by_expiry);

    while (first && of_node(first)->expires_at <= now) {
        gn_seal_pending_remove(p, of_node(first));
        first = gn_heap_peek(&p->by_expiry);
    }
}

void gn_seal_pendings_drop_before(struct gn_seal_pendings *p, uint32_t generation)
{
    uint32_t cursor = 0;

    for (uint32_t h = gn_slab_next(&p->slab, &cursor); h != 0; h = gn_slab_next(&p->slab, &cursor)) {
        struct gn_seal_pending *q = gn_slab_get(&p->slab, h);
        if (q->generation != 0 && q->generation < generation) {
            gn_seal_pending_remove(p, q);
        }
    }
}

gn_time_us gn_seal_pendings_deadline(const struct gn_seal_pendings *p)
{
    struct gn_heap_node *first = gn_heap_peek(&p->by_expiry);

    return first ? of_node(first)->expires_at : GN_TIME_NEVER;
}

uint32_t gn_seal_pendings_len(const struct gn_seal_pendings *p)
{
    return gn_slab_len(&p->slab);
}
