/* overlay/kad/op_ping.c - PING, and BOOTSTRAP: one query to a given contact, then a lookup of our own id. */
#include "overlay/kad/op_part.h"

#include <string.h>

#define RETRY_FIRST_US GN_MS(500)
#define RETRY_CAP_US GN_SECONDS(4)

static void fill(const struct gn_kad *k, const struct gn_op *op, struct gn_msg_query *q)
{
    memset(q, 0, sizeof *q);
    q->method = op->type == GN_CMD_PING ? GN_MSG_PING : GN_MSG_FIND_NODE;
    if (op->type == GN_CMD_BOOTSTRAP) {
        q->target = k->config.self;
    }
}

static enum gn_err send(struct gn_kad *k, struct gn_op *op)
{
    struct gn_msg_query q;
    struct gn_call_for whom = {.owner = GN_CALL_PING, .op = op->handle};

    fill(k, op, &q);
    op->lookup.queries++;
    return gn_rpc_send(k, &op->call, op->contact, GN_VIA_DATAGRAM, &q, whom);
}

static enum gn_err ping_start(struct gn_kad *k, struct gn_op *op)
{
    op->state = GN_OP_SINGLE;
    return send(k, op);
}

/* Once more when the first one is slow. */
static void on_slow(struct gn_kad *k, struct gn_op *op, const struct gn_call *call)
{
    struct gn_msg_query q;

    if (call->stage == GN_CALL_SLOW) {
        fill(k, op, &q);
        (void)gn_rpc_resend(k, op->call, &q); /* if it cannot be sent, the first one still counts */
    }
}

static void ping_single(struct gn_kad *k, struct gn_op *op, const struct gn_call *call,
                        const struct gn_msg_reply *reply)
{
    if (!call) {
        return;
    }
    if (reply) {
        op->lookup.answers = 1;
        op->rtt_us = gn_time_max(gn_time_sub(k->now, call->sent_at), 1);
        gn_op_done(k, op, GN_OK);
    } else if (op->call != 0) {
        on_slow(k, op, call);
    } else {
        op->lookup.timeouts = 1;
        gn_op_done(k, op, call->stage == GN_CALL_DEAD ? (enum gn_err)call->err : GN_E_MALFORMED);
    }
}

const struct gn_op_kind gn_op_ping_kind = {.start = ping_start, .single = ping_single};

/* ---- Bootstrap ---- */

static void try_later(struct gn_kad *k, struct gn_op *op)
{
    gn_timer_set(&k->timers, &op->wake, gn_time_add(k->now, gn_backoff_next(&op->backoff, k->env->rng)));
}

static enum gn_err bootstrap_start(struct gn_kad *k, struct gn_op *op)
{
    op->state = GN_OP_SINGLE;
    op->target = k->config.self;
    gn_backoff_init(&op->backoff, RETRY_FIRST_US, RETRY_CAP_US);
    if (send(k, op) != GN_OK) {
        try_later(k, op);
    }
    return GN_OK;
}

/* `call` NULL: the backoff is over. */
static void bootstrap_single(struct gn_kad *k, struct gn_op *op, const struct gn_call *call,
                             const struct gn_msg_reply *reply)
{
    if (reply) {
        op->replies = 1;
        gn_op_begin_lookup(k, op, GN_MSG_FIND_NODE, false);
        for (size_t i = 0; i < reply->contacts_len; i++) {
            gn_lookup_offer(k, &op->lookup, &reply->contacts[i]);
        }
        gn_op_advance(k, op);
    } else if (!call) {
        if (send(k, op) != GN_OK) {
            try_later(k, op);
        }
    } else if (op->call != 0) {
        on_slow(k, op, call);
    } else {
        try_later(k, op);
    }
}

static void bootstrap_found(struct gn_kad *k, struct gn_op *op)
{
    gn_op_done(k, op, GN_OK); /* somebody answered, be it only the one we began with */
}

static bool bootstrap_has_result(const struct gn_op *op)
{
    return op->replies > 0;
}

const struct gn_op_kind gn_op_bootstrap_kind = {
    .start = bootstrap_start,
    .single = bootstrap_single,
    .found = bootstrap_found,
    .has_result = bootstrap_has_result,
    .has_lookup = true,
};
