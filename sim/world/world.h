/* sim/world/world.h - a network of production overlays under virtual time: nodes, links with faults, disks, alarms.
 *
 * Life: gn_world_new .. gn_world_free. Threads: one owner. Purity: pure; everything follows from the configuration.
 *
 * Nodes live at places, numbered from 0; a place has an address and a city for ever, and a node from time to time. The
 * hooks are called from inside of a step: they must not start, stop or command nodes, but may set alarms.
 */
#ifndef GN_SIM_WORLD_WORLD_H
#define GN_SIM_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/time.h"
#include "overlay/env.h"
#include "overlay/io.h"
#include "overlay/overlay.h"

#define GN_WORLD_PLACES_MAX (UINT32_C(1) << 20U)
#define GN_WORLD_WHAT_MAX ((UINT32_C(1) << 29U) - 1U)

struct gn_world_net {
    uint32_t loss_ppm; /* of datagrams; streams lose nothing */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;    /* these are held up for up to 50 ms more */
    uint32_t corrupt_ppm;    /* one bit of the body is turned over */
    uint32_t jitter_percent; /* of the way of each packet, up and down */
};

struct gn_world_config {
    uint64_t seed;
    uint32_t places; /* 1 .. GN_WORLD_PLACES_MAX */
    struct gn_world_net net;
    gn_time_us store_us; /* how long a write takes to be durable */
    bool keep_tables;    /* saved routing tables are kept for nodes that come back */
    uint64_t memory_max; /* bytes; 0 = no limit */
};

struct gn_world_hooks {
    void *ctx;
    void (*op)(void *ctx, uint32_t place, const struct gn_op_event *event);
    /* what: as given to gn_world_alarm. Called between steps: here nodes may be started, stopped and commanded. */
    enum gn_err (*alarm)(void *ctx, uint32_t place, uint32_t what);
};

struct gn_world_totals {
    uint64_t events; /* taken from the queue */
    uint64_t queries, replies, stream_queries;
    uint64_t bytes; /* of UDP payload of all packets sent, sealed and padded as on the wire, and 28 for IPv4 and UDP */
    uint64_t lost, duplicated, corrupted, refused, cut, nobody;
    uint64_t starts, stops;
    gn_time_us up_us; /* of all nodes together */
};

struct gn_world;

GN_MUST_CHECK enum gn_err gn_world_new(struct gn_world **out, const struct gn_world_config *config,
                                       const struct gn_world_hooks *hooks);
void gn_world_free(struct gn_world *w);

/* A node begins at an empty place. fresh: with a new identity and an empty disk; else those of the last one there, and
 * its saved table. */
GN_MUST_CHECK enum gn_err gn_world_start(struct gn_world *w, uint32_t place, bool fresh);
/* The node crashes: nothing is saved, nobody is told. */
void gn_world_stop(struct gn_world *w, uint32_t place);
/* Errors are the overlay's about the command. */
GN_MUST_CHECK enum gn_err gn_world_command(struct gn_world *w, uint32_t place, const struct gn_command *command);
/* Calls the hook `alarm` at this time with this place; what <= GN_WORLD_WHAT_MAX. */
GN_MUST_CHECK enum gn_err gn_world_alarm(struct gn_world *w, gn_time_us at, uint32_t place, uint32_t what);
/* While it is on, the places of the two halves (gn_world_side) do not reach each other. */
void gn_world_cut(struct gn_world *w, bool on);
unsigned gn_world_side(const struct gn_world *w, uint32_t place);
void gn_world_set_net(struct gn_world *w, const struct gn_world_net *net);

/* Runs all events up to `until`; now is `until` afterwards. NO_MEMORY: the limit or the machine's end is reached. Other
 * errors are those of the hook. After an error the world can only be looked at and freed. */
GN_MUST_CHECK enum gn_err gn_world_run(struct gn_world *w, gn_time_us until);

gn_time_us gn_world_now(const struct gn_world *w);
gn_wall_s gn_world_wall(const struct gn_world *w);
bool gn_world_is_up(const struct gn_world *w, uint32_t place);
/* Its node's, or the last one's; all zero before the first. Borrowed until the next start there. */
const struct gn_contact *gn_world_contact(const struct gn_world *w, uint32_t place);
/* NULL when nobody is there. */
const struct gn_overlay *gn_world_overlay(const struct gn_world *w, uint32_t place);
/* Crypto of the node, for encoding and signing records as it would. */
const struct gn_crypto *gn_world_crypto(const struct gn_world *w, uint32_t place);
bool gn_world_holds(const struct gn_world *w, uint32_t place, uint8_t kind, const struct gn_id *target);
void gn_world_totals(const struct gn_world *w, struct gn_world_totals *out);
/* A rolling hash of all that happened at every node, summed over the nodes, folded once per virtual second. */
uint64_t gn_world_hash(const struct gn_world *w);
/* Held by the world now, and at most so far. */
uint64_t gn_world_bytes(const struct gn_world *w);
uint64_t gn_world_bytes_most(const struct gn_world *w);
size_t gn_world_pending(const struct gn_world *w);

#endif
