/* overlay/kad/kad.h - what the parts of one node's Kademlia share: services, table, calls, clock of the step.
 *
 * Life: embedded in the overlay. Threads: one owner. Purity: pure.
 *
 * `now`, `wall` and `out` are those of the step that runs; outside a step `out` is NULL.
 */
#ifndef GN_OVERLAY_KAD_KAD_H
#define GN_OVERLAY_KAD_KAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"
#include "base/timer.h"
#include "overlay/env.h"
#include "overlay/io.h"
#include "overlay/kad/book.h"
#include "overlay/kad/candidates.h"
#include "overlay/kad/rpc.h"
#include "overlay/kad/rtt.h"
#include "overlay/kad/table.h"
#include "overlay/overlay.h"

#define GN_KAD_ADDRS_MAX 8U

/* Kinds of timers in `timers`; overlay.c dispatches. */
enum gn_kad_timer {
    GN_KAD_TIMER_CALL,
    GN_KAD_TIMER_OP_DEADLINE,
    GN_KAD_TIMER_OP_WAKE,
    GN_KAD_TIMER_CANDIDATES,
    GN_KAD_TIMER_LIVENESS,
    GN_KAD_TIMER_SWEEP,
    GN_KAD_TIMER_REFRESH,
    GN_KAD_TIMER_SELF_LOOKUP,
    GN_KAD_TIMER_SAVE,
    GN_KAD_TIMER_BOOTSTRAP,
    GN_KAD_TIMER_PROBE,
    GN_KAD_TIMERS,
};

struct gn_publish;

struct gn_kad {
    const struct gn_env *env;
    struct gn_overlay_config config;
    struct gn_overlay_counters counters;
    struct gn_book own_book;
    struct gn_book *book; /* own_book, or one that is shared */
    struct gn_table table;
    struct gn_rtt_first first;
    struct gn_rpc rpc;
    struct gn_candidates candidates;
    struct gn_timers timers;
    struct gn_slab ops; /* struct gn_op */
    struct gn_publish *publish;
    struct gn_contact self;
    struct gn_addr addrs[GN_KAD_ADDRS_MAX];
    size_t addrs_len;
    bool all_private; /* our addresses are all private, and those are allowed: a network of our own */
    bool server;      /* we introduce ourselves and answer for keys */
    uint32_t next_req;
    gn_time_us now;
    gn_wall_s wall;
    struct gn_outbox *out;
};

#endif
