#include "transport/quic/qticket.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

void gn_qticket_init(struct gn_qticket_store *s, const struct gn_alloc *alloc, uint32_t max)
{
    s->alloc = alloc;
    s->max = max;
    gn_map_init(&s->by_id, alloc, GN_ID_BYTES, sizeof(struct gn_qticket *), max);
    gn_list_init(&s->ages);
}

void gn_qticket_free(struct gn_qticket_store *s, struct gn_qticket *t)
{
    if (t) {
        sodium_memzero(t->bytes, t->len);
        gn_alloc_free(s->alloc, t);
    }
}

static struct gn_qticket *unlink_ticket(struct gn_qticket_store *s, struct gn_qticket *t)
{
    gn_list_remove(&t->age);
    (void)gn_map_remove(&s->by_id, t->id.b);
    return t;
}

struct gn_qticket *gn_qticket_take(struct gn_qticket_store *s, const struct gn_id *id)
{
    struct gn_qticket **found = gn_map_get(&s->by_id, id->b);

    return found ? unlink_ticket(s, *found) : NULL;
}

static void forget_oldest(struct gn_qticket_store *s)
{
    struct gn_list_node *n = gn_list_first(&s->ages);

    if (n) {
        gn_qticket_free(s, unlink_ticket(s, GN_CONTAINER_OF(n, struct gn_qticket, age)));
    }
}

void gn_qticket_fini(struct gn_qticket_store *s)
{
    while (!gn_list_is_empty(&s->ages)) {
        forget_oldest(s);
    }
    gn_map_fini(&s->by_id);
}

enum gn_err gn_qticket_put(struct gn_qticket_store *s, const struct gn_id *id, struct gn_slice bytes)
{
    if (bytes.len == 0 || bytes.len > GN_QTICKET_BYTES_MAX) {
        return GN_E_LIMIT;
    }
    struct gn_qticket *t = gn_alloc_zeroed(s->alloc, 1, sizeof *t + bytes.len);

    if (!t) {
        return GN_E_NO_MEMORY;
    }
    t->id = *id;
    t->len = bytes.len;
    memcpy(t->bytes, bytes.data, bytes.len);
    gn_qticket_free(s, gn_qticket_take(s, id));
    if (gn_map_len(&s->by_id) >= s->max) {
        forget_oldest(s);
    }
    const enum gn_err err = gn_map_set(&s->by_id, id->b, &t);

    if (err != GN_OK) {
        gn_qticket_free(s, t);
        return err;
    }
    gn_list_push_back(&s->ages, &t->age);
    return GN_OK;
}

uint32_t gn_qticket_len(const struct gn_qticket_store *s)
{
    return gn_map_len(&s->by_id);
}
