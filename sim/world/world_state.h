/* sim/world/world_state.h - the parts of a world; for its own files only.
 *
 * Life, Threads, Purity: as sim/world/world.h.
 */
#ifndef GN_SIM_WORLD_WORLD_STATE_H
#define GN_SIM_WORLD_WORLD_STATE_H

#include "base/rng.h"
#include "overlay/kad/book.h"
#include "sim/engine/meter.h"
#include "sim/engine/packets.h"
#include "sim/engine/wheel.h"
#include "sim/world/disk.h"
#include "sim/world/null_crypto.h"
#include "sim/world/world.h"

/* The upper 3 bits of an event's `ref`; the lower 29 are a packet's handle, or what an alarm is about. */
enum gn_world_kind {
    GN_WORLD_QUERY,
    GN_WORLD_REPLY,
    GN_WORLD_STORED, /* a write is durable: packet with the answer */
    GN_WORLD_TIMER,
    GN_WORLD_ALARM,
};
#define GN_WORLD_REF_BITS 29U
#define GN_WORLD_REF_MASK ((UINT32_C(1) << GN_WORLD_REF_BITS) - 1U)

struct gn_world_node {
    struct gn_overlay *overlay; /* NULL: nobody is here */
    struct gn_env env;
    struct gn_crypto crypto;
    struct gn_null_signer signer;
    struct gn_rng rng;
    struct gn_disk disk;
    gn_time_us timer_at; /* of the timer event that is queued; GN_TIME_NEVER: none */
    gn_time_us since;    /* up since */
    uint64_t hash;
    gn_book_handle contact;
    uint32_t seq;      /* events caused */
    uint32_t packets;  /* packets sent: the counter of the draws about them */
    uint32_t life;     /* starts so far */
    uint32_t identity; /* identities so far */
    uint16_t city;
    uint16_t access_us; /* one way, between the node and its city */
};

/* A query that was delivered and may be answered; the overlay knows its number. */
struct gn_world_asked {
    uint64_t txid;
    gn_time_us at;
    uint32_t place; /* who asked */
    uint32_t life;
    uint8_t via;
    bool open;
};

struct gn_world {
    struct gn_meter meter;
    struct gn_world_config config;
    struct gn_world_hooks hooks;
    struct gn_world_node *nodes;
    struct gn_wheel wheel;
    struct gn_packets packets;
    struct gn_book book;
    struct gn_outbox *out;
    struct gn_disk_scratch scratch;
    struct gn_store_request *reads; /* of the step that runs */
    size_t reads_len;
    size_t reads_cap;
    struct gn_world_asked *asked; /* ring, a power of two */
    uint64_t asked_first;         /* numbers of the oldest, and of the next */
    uint64_t asked_next;
    uint64_t asked_cap;
    uint64_t key; /* of the null crypto */
    gn_time_us now;
    uint64_t sum;    /* of the nodes' hashes */
    uint64_t fold;   /* of the sums of past seconds */
    uint64_t second; /* that `sum` belongs to */
    bool cut;
    enum gn_err err; /* the first that ends the run */
    struct gn_world_totals totals;
};

/* world.c */
void gn_world_note(struct gn_world *w, struct gn_world_node *n, uint64_t x);
void gn_world_fail(struct gn_world *w, enum gn_err err);
uint32_t gn_world_place(const struct gn_world *w, const struct gn_world_node *n);
/* Queues an event caused by `from`. */
void gn_world_queue(struct gn_world *w, gn_time_us at, uint32_t to, struct gn_world_node *from, uint32_t ref);
/* One step of one node, with everything that comes of it. Gives the overlay's error. */
enum gn_err gn_world_step(struct gn_world *w, struct gn_world_node *n, struct gn_input *in);

/* world_link.c */
struct gn_addr gn_world_addr(uint32_t place);
void gn_world_send_query(struct gn_world *w, struct gn_world_node *from, const struct gn_effect *fx);
void gn_world_send_reply(struct gn_world *w, struct gn_world_node *from, const struct gn_effect *fx);
void gn_world_take_packet(struct gn_world *w, struct gn_world_node *to, const struct gn_event *event);
void gn_world_drop_packet(struct gn_world *w, uint32_t handle);

#endif
