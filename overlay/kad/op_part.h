/* overlay/kad/op_part.h - what the kinds of operations (op_*.c) share with op.c, and with nobody else.
 *
 * Life, Threads, Purity: as overlay/kad/op.h.
 *
 * A function that ends the operation frees it: `op` must not be used afterwards. gn_op_get tells.
 */
#ifndef GN_OVERLAY_KAD_OP_PART_H
#define GN_OVERLAY_KAD_OP_PART_H

#include "overlay/kad/kad.h"
#include "overlay/kad/op.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/record.h"

/* The answer of a node during a lookup, looked at by the operation before its contacts are taken. */
enum gn_op_value {
    GN_OP_VALUE_NONE,
    GN_OP_VALUE_GOOD,
    GN_OP_VALUE_FALSE, /* it lied */
    GN_OP_VALUE_BIG,   /* to be asked again on a stream */
};

struct gn_op_kind {
    enum gn_err (*start)(struct gn_kad *k, struct gn_op *op);
    enum gn_op_value (*value)(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_msg_reply *reply);
    /* After each answer and timeout of the lookup: may it end early? NULL: never */
    bool (*is_enough)(const struct gn_op *op);
    void (*found)(struct gn_kad *k, struct gn_op *op); /* the lookup is over */
    void (*local)(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer);
    void (*single)(struct gn_kad *k, struct gn_op *op, const struct gn_call *call, const struct gn_msg_reply *reply);
    bool (*has_result)(const struct gn_op *op); /* at the deadline: OK instead of TIMEOUT? */
    bool has_lookup;                            /* its DONE names the closest */
};

/* op.c */
struct gn_op *gn_op_get(const struct gn_kad *k, uint32_t handle);
/* Emits the DONE event (once), tells the publisher, frees the operation. */
void gn_op_done(struct gn_kad *k, struct gn_op *op, enum gn_err err);
/* The DONE event alone; the operation goes on without an id. */
void gn_op_tell_done(struct gn_kad *k, struct gn_op *op, enum gn_err err);
/* DONE of a command that needed no operation. */
void gn_op_report(struct gn_kad *k, gn_op_id id, enum gn_err err);
/* An event of the operation, dropped if it has no id; sets its op field. */
void gn_op_emit(struct gn_kad *k, const struct gn_op *op, struct gn_op_event *event);
/* Begins the lookup of op->target. */
void gn_op_begin_lookup(struct gn_kad *k, struct gn_op *op, uint8_t method, bool want_token);
/* Asks the next ones, or ends the lookup. */
void gn_op_advance(struct gn_kad *k, struct gn_op *op);
/* Keeps a copy of the record in place of the one before. NO_MEMORY: the old one stays. */
GN_MUST_CHECK enum gn_err gn_op_set_record(struct gn_kad *k, struct gn_op *op, struct gn_slice record);

/* op_store.c: storing op->record on the nodes that the lookup found, and asking our own store */
/* Sends a store request of the operation; op->req is its number. FULL, NO_MEMORY: not sent. */
enum gn_err gn_op_ask_store(struct gn_kad *k, struct gn_op *op, struct gn_store_request *request);
/* Sends to the nearest k that answered; ends the operation when all have settled. */
void gn_op_store_begin(struct gn_kad *k, struct gn_op *op);
/* Only to nodes of the nearest k that hold nothing or an older seq. */
void gn_op_repair_begin(struct gn_kad *k, struct gn_op *op);
void gn_op_store_replied(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_msg_reply *reply);
void gn_op_store_stalled(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_call *call);
void gn_op_store_local(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer);
/* The publisher heard of its disk. */
void gn_op_store_kept(struct gn_kad *k, struct gn_op *op);

extern const struct gn_op_kind gn_op_ping_kind;      /* op_ping.c */
extern const struct gn_op_kind gn_op_bootstrap_kind; /* op_ping.c */
extern const struct gn_op_kind gn_op_find_kind;      /* op_find.c */
extern const struct gn_op_kind gn_op_get_kind;       /* op_get.c */
extern const struct gn_op_kind gn_op_providers_kind; /* op_providers.c */
extern const struct gn_op_kind gn_op_put_kind;       /* op_put.c */

/* Checks the record and copies what the operation needs of it. Errors of decoding and verifying. */
GN_MUST_CHECK enum gn_err gn_op_put_prepare(struct gn_kad *k, struct gn_op *op, struct gn_slice record);

#endif
