/* sim/sim_op.c - operations that were given to nodes, and what the nodes tell about them. */
#include <string.h>

#include "base/check.h"
#include "base/slice.h"
#include "sim/sim_state.h"

#define TIMEOUT GN_SECONDS(10) /* the overlay's own, when none is asked for */
#define OVERDUE GN_SECONDS(1)

static bool grow(struct gn_sim *s)
{
    uint32_t cap = s->ops_cap ? s->ops_cap * 2U : 64U;
    struct gn_sim_op **ops = gn_alloc_resize(&s->meter.alloc, s->ops, cap * sizeof(struct gn_sim_op *));

    if (!ops) {
        return false;
    }
    s->ops = ops;
    s->ops_cap = cap;
    return true;
}

struct gn_sim_op *gn_sim_op_take(struct gn_sim *s, enum gn_sim_op_type type, uint32_t place, gn_time_us timeout)
{
    struct gn_sim_op *op;

    if (s->op_free != 0) {
        op = s->ops[s->op_free - 1U];
        s->op_free = op->next_free;
    } else {
        if (s->ops_len == s->ops_cap && !grow(s)) {
            return NULL;
        }
        op = gn_alloc_zeroed(&s->meter.alloc, 1, sizeof *op);
        if (!op) {
            return NULL;
        }
        op->number = s->ops_len;
        s->ops[s->ops_len++] = op;
    }
    op->type = type;
    op->running = true;
    op->strict = gn_sim_is_calm(s);
    op->found = false;
    op->place = place;
    op->value = 0;
    op->asked_len = 0;
    op->began = gn_world_now(s->world);
    op->deadline = op->began + (timeout > 0 ? timeout : TIMEOUT);
    return op;
}

static void release(struct gn_sim *s, struct gn_sim_op *op)
{
    op->running = false;
    op->next_free = s->op_free;
    s->op_free = op->number + 1U;
}

enum gn_err gn_sim_op_start(struct gn_sim *s, struct gn_sim_op *op, struct gn_command *command)
{
    enum gn_err err;

    command->op = op->number + 1U;
    err = gn_world_command(s->world, op->place, command);
    if (err == GN_OK || !op->running) {
        return s->err;
    }
    (void)gn_sim_holds(s, false, "op.accepted", "node %u refuses a command: %s", op->place, gn_err_text(err));
    release(s, op);
    return err == GN_E_NO_MEMORY ? err : s->err;
}

void gn_sim_op_forget(struct gn_sim *s, uint32_t place)
{
    for (uint32_t i = 0; i < s->ops_len; i++) {
        if (s->ops[i]->running && s->ops[i]->place == place) {
            release(s, s->ops[i]);
        }
    }
}

void gn_sim_op_overdue(struct gn_sim *s)
{
    gn_time_us now = gn_world_now(s->world);

    for (uint32_t i = 0; i < s->ops_len; i++) {
        struct gn_sim_op *op = s->ops[i];
        if (op->running && op->deadline + OVERDUE < now) {
            (void)gn_sim_holds(s, false, "op.ends", "node %u: an operation of type %u has not ended after %u ms",
                               op->place, (unsigned)op->type, (unsigned)((now - op->began) / 1000U));
            op->deadline = GN_TIME_NEVER - OVERDUE; /* told once */
        }
    }
}

static void note_hop(struct gn_sim *s, struct gn_sim_op *op, const struct gn_hop *hop)
{
    uint64_t head = gn_load_u64(hop->contact.id.b);
    bool twice = false;

    if (hop->status != GN_HOP_ASKED) {
        return;
    }
    for (uint32_t i = 0; hop->reason != GN_HOP_RETRY && i < op->asked_len; i++) {
        twice |= op->asked[i].head == head && gn_addr_eq(&op->asked[i].addr, &hop->contact.addr);
    }
    (void)gn_sim_holds(s, !twice, "lookup.asks_once", "node %u asks one node twice in one lookup", op->place);
    if (op->asked_len < GN_SIM_ASKED_MAX) {
        op->asked[op->asked_len++] =
            (struct gn_sim_asked){.head = head, .addr = hop->contact.addr, .depth = hop->depth};
    }
}

static void op_done(struct gn_sim *s, struct gn_sim_op *op, const struct gn_op_event *event)
{
    gn_time_us now = gn_world_now(s->world);

    (void)gn_sim_holds(s, now <= op->deadline, "op.in_time", "node %u: an operation of type %u took %u ms", op->place,
                       (unsigned)op->type, (unsigned)((now - op->began) / 1000U));
    switch (op->type) {
    case GN_SIM_OP_JOIN:
        gn_sim_joined(s, op->place, event->err);
        break;
    case GN_SIM_OP_LOOKUP:
        gn_sim_judge(s, op, event);
        break;
    case GN_SIM_OP_PUT:
        gn_sim_put_done(s, op, event);
        break;
    case GN_SIM_OP_GET:
        gn_sim_get_done(s, op);
        break;
    }
    release(s, op);
}

void gn_sim_on_op(void *ctx, uint32_t place, const struct gn_op_event *event)
{
    struct gn_sim *s = ctx;

    GN_CHECK(event->op > 0 && event->op <= s->ops_len);
    struct gn_sim_op *op = s->ops[event->op - 1U];
    if (!gn_sim_holds(s, op->running && op->place == place, "op.done_is_last", "node %u: an event after the end",
                      place)) {
        return;
    }
    switch (event->type) {
    case GN_OPEV_HOP:
        note_hop(s, op, &event->hop);
        break;
    case GN_OPEV_RECORD:
        op->found = true;
        break;
    case GN_OPEV_STORED:
        break;
    case GN_OPEV_DONE:
        op_done(s, op, event);
        break;
    }
}
