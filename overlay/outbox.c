/* overlay/outbox.c - the effects of a step, in order, with an arena for the bytes they point to. */
#include "overlay/io.h"

#include <string.h>

#include "base/check.h"

/* A step of a busy node makes tens of effects; a driver that collects many steps stays within this. */
#define EFFECTS_MAX 8192U
#define ARENA_MAX ((size_t)8 << 20)
/* What gn_outbox_clear keeps, so that the steady state allocates nothing. */
#define EFFECTS_KEPT 64U
#define ARENA_KEPT ((size_t)16 << 10)
#define CHUNK_BYTES ((size_t)4 << 10) /* some queries; a large value gets a chunk of its own */

/* Chunks never move, so that slices into them stay valid while the arena grows. */
struct chunk {
    struct chunk *next;
    size_t cap;
    size_t len;
    uint64_t bytes[]; /* aligned for everything that is copied here */
};

struct gn_outbox {
    const struct gn_alloc *alloc;
    struct gn_effect *effects;
    size_t len;
    size_t cap;
    struct chunk *first;
    struct chunk *last; /* the one that is being filled */
    size_t arena_cap;   /* of all chunks */
};

enum gn_err gn_outbox_new(struct gn_outbox **out, const struct gn_alloc *alloc)
{
    struct gn_outbox *box = gn_alloc_zeroed(alloc, 1, sizeof *box);

    *out = box;
    if (!box) {
        return GN_E_NO_MEMORY;
    }
    box->alloc = alloc;
    return GN_OK;
}

static void free_chunks(struct gn_outbox *box, struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;

        box->arena_cap -= c->cap;
        gn_alloc_free(box->alloc, c);
        c = next;
    }
}

void gn_outbox_free(struct gn_outbox *box)
{
    if (!box) {
        return;
    }
    free_chunks(box, box->first);
    gn_alloc_free(box->alloc, box->effects);
    gn_alloc_free(box->alloc, box);
}

size_t gn_outbox_len(const struct gn_outbox *box)
{
    return box->len;
}

const struct gn_effect *gn_outbox_at(const struct gn_outbox *box, size_t index)
{
    GN_CHECK(index < box->len);
    return &box->effects[index];
}

void gn_outbox_clear(struct gn_outbox *box)
{
    size_t kept = 0;
    struct chunk **at = &box->first;

    while (*at && kept + (*at)->cap <= ARENA_KEPT) {
        kept += (*at)->cap;
        (*at)->len = 0;
        at = &(*at)->next;
    }
    struct chunk *rest = *at;
    *at = NULL;
    free_chunks(box, rest);
    box->last = box->first;
    box->len = 0;
    if (box->cap > EFFECTS_KEPT) {
        gn_alloc_free(box->alloc, box->effects);
        box->effects = NULL;
        box->cap = 0;
    }
}

/* Gives room for `size` bytes, aligned to 8. */
static enum gn_err arena_take(struct gn_outbox *box, uint8_t **out, size_t size)
{
    size_t rounded = (size + 7U) & ~(size_t)7U;
    struct chunk *c = box->last;

    *out = NULL;
    while (c && c->cap - c->len < rounded && c->next) {
        c = c->next; /* chunks kept by the last clear */
    }
    if (!c || c->cap - c->len < rounded) {
        size_t cap = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;

        if (size > ARENA_MAX || box->arena_cap + cap > ARENA_MAX) {
            return GN_E_FULL;
        }
        struct chunk *fresh = gn_alloc_zeroed(box->alloc, 1, sizeof *fresh + cap);
        if (!fresh) {
            return GN_E_NO_MEMORY;
        }
        fresh->cap = cap;
        if (c) {
            c->next = fresh;
        } else {
            box->first = fresh;
        }
        box->arena_cap += cap;
        c = fresh;
    }
    box->last = c;
    *out = (uint8_t *)c->bytes + c->len;
    c->len += rounded;
    return GN_OK;
}

static enum gn_err copy_slice(struct gn_outbox *box, struct gn_slice *s)
{
    uint8_t *to;

    if (s->len == 0) {
        s->data = NULL;
        return GN_OK;
    }
    enum gn_err err = arena_take(box, &to, s->len);
    if (err == GN_OK) {
        memcpy(to, s->data, s->len);
        s->data = to;
    }
    return err;
}

static enum gn_err copy_contacts(struct gn_outbox *box, const struct gn_contact **contacts, size_t len)
{
    struct gn_slice s = gn_slice_of(*contacts, len * sizeof **contacts);
    enum gn_err err = copy_slice(box, &s);

    *contacts = err == GN_OK ? (const struct gn_contact *)(const void *)s.data : NULL;
    return err;
}

static enum gn_err grow_effects(struct gn_outbox *box)
{
    size_t cap = box->cap ? box->cap * 2U : 16U;

    if (box->len == EFFECTS_MAX) {
        return GN_E_FULL;
    }
    struct gn_effect *grown = gn_alloc_resize(box->alloc, box->effects, cap * sizeof *grown);
    if (!grown) {
        return GN_E_NO_MEMORY;
    }
    box->effects = grown;
    box->cap = cap;
    return GN_OK;
}

/* Copies what the effect points to; the pointers then lead into the arena. */
static enum gn_err copy_parts(struct gn_outbox *box, struct gn_effect *e)
{
    enum gn_err err = GN_E_INVALID;

    switch (e->type) {
    case GN_FX_QUERY:
        return copy_slice(box, &e->u.query.body);
    case GN_FX_REPLY:
        return copy_slice(box, &e->u.reply.body);
    case GN_FX_STORE:
        err = copy_slice(box, &e->u.store.entry.record);
        return err == GN_OK ? copy_slice(box, &e->u.store.data) : err;
    case GN_FX_OP:
        err = copy_slice(box, &e->u.op.record);
        return err == GN_OK ? copy_contacts(box, &e->u.op.closest, e->u.op.closest_len) : err;
    }
    return err;
}

enum gn_err gn_outbox_push(struct gn_outbox *box, const struct gn_effect *effect)
{
    enum gn_err err = GN_OK;

    if (box->len == box->cap) {
        err = grow_effects(box);
    }
    if (err == GN_OK) {
        box->effects[box->len] = *effect;
        err = copy_parts(box, &box->effects[box->len]);
    }
    if (err == GN_OK) {
        box->len++;
    }
    return err;
}
