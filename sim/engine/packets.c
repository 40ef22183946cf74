/* sim/engine/packets.c - blocks of 64 KiB (or one large packet), free packets linked by number. */
#include "sim/engine/packets.h"

#include <string.h>

#include "base/check.h"

#define SIZE_BITS 3U
#define NUMBER_BITS (GN_PACKETS_HANDLE_BITS - SIZE_BITS)
#define NUMBER_MASK ((UINT32_C(1) << NUMBER_BITS) - 1U)
#define BLOCK_BYTES 65536U

/* With the header. Most queries fit the second, full replies the fifth; the last holds a value of 64 KiB. */
static const uint32_t sizes[GN_PACKETS_SIZES] = {128, 192, 256, 512, 1280, 4096, 16384, 81920};

static uint32_t per_block(unsigned size)
{
    return sizes[size] < BLOCK_BYTES ? BLOCK_BYTES / sizes[size] : 1U;
}

void gn_packets_init(struct gn_packets *p, const struct gn_alloc *alloc)
{
    memset(p, 0, sizeof *p);
    p->alloc = alloc;
}

void gn_packets_fini(struct gn_packets *p)
{
    for (unsigned size = 0; size < GN_PACKETS_SIZES; size++) {
        for (uint32_t i = 0; i < p->slabs[size].blocks_len; i++) {
            gn_alloc_free(p->alloc, p->slabs[size].blocks[i]);
        }
        gn_alloc_free(p->alloc, p->slabs[size].blocks);
    }
    gn_packets_init(p, p->alloc);
}

static void *place_of(const struct gn_packets *p, unsigned size, uint32_t number)
{
    uint32_t n = per_block(size);

    return p->slabs[size].blocks[number / n] + (size_t)(number % n) * sizes[size];
}

static bool grow(struct gn_packets *p, unsigned size)
{
    struct gn_packets_slab *s = &p->slabs[size];

    if (s->blocks_len == s->blocks_cap) {
        uint32_t cap = s->blocks_cap ? s->blocks_cap * 2U : 4U;
        uint8_t **blocks = gn_alloc_resize(p->alloc, s->blocks, cap * sizeof *blocks);
        if (!blocks) {
            return false;
        }
        s->blocks = blocks;
        s->blocks_cap = cap;
    }
    uint8_t *block = gn_alloc_zeroed(p->alloc, per_block(size), sizes[size]);
    if (!block) {
        return false;
    }
    s->blocks[s->blocks_len++] = block;
    return true;
}

enum gn_err gn_packets_take(struct gn_packets *p, uint32_t *handle, struct gn_packet **out, size_t body_len)
{
    unsigned size = 0;
    uint32_t number;

    while (size < GN_PACKETS_SIZES && sizeof(struct gn_packet) + body_len > sizes[size]) {
        size++;
    }
    if (size == GN_PACKETS_SIZES) {
        return GN_E_LIMIT;
    }
    struct gn_packets_slab *s = &p->slabs[size];
    if (s->free != 0) {
        number = s->free - 1U;
        memcpy(&s->free, place_of(p, size, number), sizeof s->free);
    } else {
        if (s->used > NUMBER_MASK) {
            return GN_E_FULL;
        }
        if (s->used == s->blocks_len * per_block(size) && !grow(p, size)) {
            return GN_E_NO_MEMORY;
        }
        number = s->used++;
    }
    *handle = (uint32_t)size << NUMBER_BITS | number;
    *out = place_of(p, size, number);
    (*out)->refs = 1;
    (*out)->body_len = (uint32_t)body_len;
    p->len++;
    return GN_OK;
}

struct gn_packet *gn_packets_get(const struct gn_packets *p, uint32_t handle)
{
    return place_of(p, handle >> NUMBER_BITS, handle & NUMBER_MASK);
}

void gn_packets_hold(struct gn_packets *p, uint32_t handle)
{
    gn_packets_get(p, handle)->refs++;
}

bool gn_packets_drop(struct gn_packets *p, uint32_t handle)
{
    struct gn_packet *packet = gn_packets_get(p, handle);
    struct gn_packets_slab *s = &p->slabs[handle >> NUMBER_BITS];

    GN_CHECK(packet->refs > 0);
    if (--packet->refs > 0) {
        return false;
    }
    memcpy(packet, &s->free, sizeof s->free);
    s->free = (handle & NUMBER_MASK) + 1U;
    p->len--;
    return true;
}
