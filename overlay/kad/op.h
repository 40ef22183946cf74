/* overlay/kad/op.h - operations: what somebody asked for, from its start to its one DONE event.
 *
 * Life: in the slab of struct gn_kad, from start to DONE (a GET may go on behind to repair old replicas).
 * Threads: one owner. Purity: pure.
 *
 * An operation without id (0) is our own upkeep or republishing: it makes no events.
 */
#ifndef GN_OVERLAY_KAD_OP_H
#define GN_OVERLAY_KAD_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/timer.h"
#include "overlay/io.h"
#include "overlay/kad/lookup.h"

struct gn_kad;

#define GN_OPS_MAX 256U /* default of running operations that have an id */
#define GN_OPS_OWN 32U  /* places beyond, for our own */
#define GN_OP_TIMEOUT_US GN_SECONDS(10)
#define GN_OP_PROVIDERS_MAX 64U

enum gn_op_state {
    GN_OP_LOCAL,  /* waits for our own store */
    GN_OP_SINGLE, /* one query: PING, the first of BOOTSTRAP */
    GN_OP_LOOKUP,
    GN_OP_STORE,  /* PUTs are on their way */
    GN_OP_BEHIND, /* DONE was told; last answers are awaited, then old replicas are repaired */
};

/* Providers told so far: an identifying part of the node id, and the expiry told. */
struct gn_op_provider {
    uint64_t tag;
    gn_wall_s expiry;
};

struct gn_op {
    struct gn_timer deadline;
    struct gn_timer wake; /* starved lookup, slow store, bootstrap retry */
    gn_op_id id;
    uint32_t handle;
    uint32_t flags; /* enum gn_command_flags */
    uint8_t type;   /* enum gn_command_type */
    uint8_t state;  /* enum gn_op_state */
    uint8_t kind;   /* enum gn_record_kind */
    uint8_t replies_min;
    uint8_t replies;   /* distinct nodes that gave a valid record */
    uint8_t puts_open; /* nodes that have not settled */
    uint8_t refusal;   /* enum gn_err: why the last one refused to store */
    bool own_put_open; /* our own store has not answered */
    bool own_compared; /* it said what it holds; now it is writing */
    bool own_counts;   /* the publisher keeps it: one more that stored it, once it is durable */
    bool waits_kept;   /* all nodes have settled, our own disk has not */
    bool cas_kept;     /* given to the publisher after the others took it */
    uint8_t kept_err;  /* enum gn_err: why our own disk did not keep it */
    bool told;         /* DONE was told */
    uint16_t stored, conflicts;
    gn_time_us began;
    gn_time_us rtt_us; /* PING */
    struct gn_id target;
    uint32_t req;           /* store request that is awaited, 0 = none */
    uint32_t call;          /* SINGLE */
    uint32_t ticket;        /* of the publisher, 0 = none */
    gn_book_handle contact; /* SINGLE: whom */
    struct gn_backoff backoff;
    uint64_t cas_seq;
    uint8_t *record; /* PUT: what to store; GET: the best so far; owned */
    size_t record_len;
    struct gn_op_provider *providers; /* owned; NULL before the first */
    uint8_t providers_len;
    struct gn_lookup lookup;
};

/* Starts what the command asks for, or does it at once. INVALID: the command makes no sense. EXISTS: an operation with
 * that id runs. FULL: too many run. NO_MEMORY. Errors of the record (PUT). After an error there is no DONE event. */
GN_MUST_CHECK enum gn_err gn_op_command(struct gn_kad *k, const struct gn_command *c);
/* A background FIND of our own, as good as may be. FULL, NO_MEMORY. */
enum gn_err gn_op_find_own(struct gn_kad *k, const struct gn_id *target);
/* A BOOTSTRAP of our own, as good as may be. FULL, NO_MEMORY. */
enum gn_err gn_op_bootstrap_own(struct gn_kad *k, gn_book_handle contact);
/* A background PUT for the publisher, who is told the end under `ticket`. FULL, NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_op_put_own(struct gn_kad *k, uint32_t ticket, uint8_t kind, const struct gn_id *target,
                                        struct gn_slice record);
/* Its DONE event says CANCELLED. NOT_FOUND: no such operation. */
GN_MUST_CHECK enum gn_err gn_op_cancel(struct gn_kad *k, gn_op_id id);

/* ---- Events, from overlay.c ---- */
/* `reply` NULL: the answer was false. `call` has not ended yet, but is over. */
void gn_op_replied(struct gn_kad *k, const struct gn_call *call, const struct gn_msg_reply *reply);
/* The call moved to its next stage. */
void gn_op_stalled(struct gn_kad *k, const struct gn_call *call);
void gn_op_deadline(struct gn_kad *k, struct gn_op *op);
void gn_op_wake(struct gn_kad *k, struct gn_op *op);
void gn_op_stored(struct gn_kad *k, const struct gn_store_answer *answer);
/* What the publisher keeps is durable, or not; ends nothing yet. */
void gn_op_kept(struct gn_kad *k, uint8_t kind, const struct gn_id *target, enum gn_err err);
/* After gn_op_kept: ends the operations that waited for it. */
void gn_op_settle_kept(struct gn_kad *k);

/* Is this a BOOTSTRAP that still runs? Whoever answers it may enter the table. */
bool gn_op_is_bootstrap(const struct gn_kad *k, uint32_t handle);
/* Operations with an id. */
size_t gn_op_len(const struct gn_kad *k);
/* Frees all of them, without events. */
void gn_op_fini(struct gn_kad *k);

#endif
