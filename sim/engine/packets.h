/* sim/engine/packets.h - messages on their way, in slabs of eight sizes, counted by reference.
 *
 * Life: gn_packets_init .. gn_packets_fini. Threads: one owner. Purity: pure.
 *
 * A packet that the network duplicates is stored once. A handle has 29 bits, so that it fits an event beside its kind.
 */
#ifndef GN_SIM_ENGINE_PACKETS_H
#define GN_SIM_ENGINE_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

#define GN_PACKETS_SIZES 8U
#define GN_PACKETS_HANDLE_BITS 29U

/* What the simulated transport knows about a message; its body follows in memory. */
struct gn_packet {
    uint32_t refs;
    uint32_t body_len;
    uint64_t txid;
    uint64_t tag;     /* keyed, over everything that counts: a changed packet is refused */
    uint64_t to_id;   /* first 8 bytes of the id it is sealed for; 0 = whoever answers */
    uint32_t contact; /* of the sender, a reference into the shared book */
    uint32_t life;    /* of the node that asked */
    uint8_t via;      /* enum gn_via */
    uint8_t introduce;
    uint8_t body[];
};

struct gn_packets_slab {
    uint8_t **blocks;
    uint32_t blocks_len;
    uint32_t blocks_cap;
    uint32_t used;
    uint32_t free; /* + 1 */
};

struct gn_packets {
    const struct gn_alloc *alloc;
    struct gn_packets_slab slabs[GN_PACKETS_SIZES];
    uint32_t len;
};

void gn_packets_init(struct gn_packets *p, const struct gn_alloc *alloc);
void gn_packets_fini(struct gn_packets *p);
/* Gives a packet for a body of body_len bytes, with one reference; the fields but refs and body_len are not set.
 * LIMIT: longer than the largest size. NO_MEMORY. FULL: no handle is left. */
GN_MUST_CHECK enum gn_err gn_packets_take(struct gn_packets *p, uint32_t *handle, struct gn_packet **out,
                                          size_t body_len);
struct gn_packet *gn_packets_get(const struct gn_packets *p, uint32_t handle);
/* One reference more. */
void gn_packets_hold(struct gn_packets *p, uint32_t handle);
/* One reference less; true: it was the last one, and the packet is gone. */
bool gn_packets_drop(struct gn_packets *p, uint32_t handle);

#endif
