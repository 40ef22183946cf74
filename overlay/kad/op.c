/* overlay/kad/op.c - the life of an operation: start, lookup, deadline, DONE. */
#include "overlay/kad/op.h"

#include <string.h>

#include "base/check.h"
#include "overlay/kad/op_part.h"
#include "overlay/kad/publish.h"

#define WAKE_STARVED_US GN_MS(20)

static const struct gn_op_kind *kind_of(const struct gn_op *op)
{
    switch ((enum gn_command_type)op->type) {
    case GN_CMD_PING:
        return &gn_op_ping_kind;
    case GN_CMD_BOOTSTRAP:
        return &gn_op_bootstrap_kind;
    case GN_CMD_FIND:
        return &gn_op_find_kind;
    case GN_CMD_GET:
        return &gn_op_get_kind;
    case GN_CMD_GET_PROVIDERS:
        return &gn_op_providers_kind;
    case GN_CMD_PUT:
    case GN_CMD_PROVIDE:
        return &gn_op_put_kind;
    case GN_CMD_UNPROVIDE:
    case GN_CMD_REPUBLISH:
    case GN_CMD_FORGET:
        break; /* done at once, never an operation */
    }
    GN_CHECK(false);
    return NULL;
}

struct gn_op *gn_op_get(const struct gn_kad *k, uint32_t handle)
{
    return gn_slab_get(&k->ops, handle);
}

static struct gn_op *find_by_id(const struct gn_kad *k, gn_op_id id)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        struct gn_op *op = gn_op_get(k, h);

        if (op->id == id) {
            return op;
        }
    }
    return NULL;
}

size_t gn_op_len(const struct gn_kad *k)
{
    size_t n = 0;
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        n += gn_op_get(k, h)->id != 0;
    }
    return n;
}

bool gn_op_is_bootstrap(const struct gn_kad *k, uint32_t handle)
{
    const struct gn_op *op = gn_op_get(k, handle);

    return op && op->type == GN_CMD_BOOTSTRAP;
}

/* ---- Events ---- */

void gn_op_emit(struct gn_kad *k, const struct gn_op *op, struct gn_op_event *event)
{
    struct gn_effect fx = {.type = GN_FX_OP};

    if (op->id == 0) {
        return;
    }
    event->op = op->id;
    fx.u.op = *event;
    if (gn_outbox_push(k->out, &fx) != GN_OK) {
        k->counters.outbox_full++;
    }
}

void gn_op_report(struct gn_kad *k, gn_op_id id, enum gn_err err)
{
    struct gn_op_event event = {.type = GN_OPEV_DONE, .err = err};
    struct gn_op nobody = {.id = id};

    gn_op_emit(k, &nobody, &event);
}

void gn_op_tell_done(struct gn_kad *k, struct gn_op *op, enum gn_err err)
{
    const struct gn_lookup *l = &op->lookup;
    struct gn_contact closest[GN_KAD_K];
    struct gn_op_event event = {.type = GN_OPEV_DONE, .err = err};
    uint8_t slots[GN_KAD_K];

    if (op->told) {
        return;
    }
    if (kind_of(op)->has_lookup) {
        event.closest_len = gn_lookup_closest(l, slots, GN_KAD_K);
        for (size_t i = 0; i < event.closest_len; i++) {
            closest[i] = *gn_book_get(k->book, l->nodes[slots[i]].contact);
        }
        event.closest = closest;
        k->counters.lookups_done++;
        k->counters.lookups_failed += err != GN_OK;
    }
    event.stored = op->stored;
    event.conflicts = op->conflicts;
    event.queries = l->queries;
    event.answers = l->answers;
    event.timeouts = l->timeouts;
    event.hops_max = l->hops_max;
    event.elapsed_us = gn_time_sub(k->now, op->began);
    GN_LOG(k->env->log, GN_LOG_DEBUG, "kad.op.done", GN_F_U64("type", op->type), GN_F_ID("target", &op->target),
           GN_F_ERR("err", err), GN_F_U64("queries", l->queries), GN_F_U64("answers", l->answers),
           GN_F_U64("stored", op->stored), GN_F_U64("us", event.elapsed_us));
    event.rtt_us = op->rtt_us;
    gn_op_emit(k, op, &event);
    op->told = true;
    op->id = 0;
    op->lookup.goal.explain = 0;
}

static void free_op(struct gn_kad *k, struct gn_op *op)
{
    gn_timer_cancel(&k->timers, &op->deadline);
    gn_timer_cancel(&k->timers, &op->wake);
    gn_rpc_disown(k, op->call);
    gn_lookup_end(k, &op->lookup);
    gn_book_drop(k->book, op->contact);
    gn_alloc_free(k->env->alloc, op->record);
    gn_alloc_free(k->env->alloc, op->providers);
    (void)gn_slab_release(&k->ops, op->handle);
}

void gn_op_done(struct gn_kad *k, struct gn_op *op, enum gn_err err)
{
    uint32_t ticket = op->ticket;
    unsigned stored = op->stored;

    gn_op_tell_done(k, op, err);
    free_op(k, op);
    if (ticket != 0) {
        gn_publish_finished(k->publish, ticket, err, stored, k->now);
    }
}

void gn_op_fini(struct gn_kad *k)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        free_op(k, gn_op_get(k, h));
    }
    gn_slab_fini(&k->ops);
}

/* ---- Start ---- */

static enum gn_err take_op(struct gn_kad *k, struct gn_op **out, enum gn_command_type type, gn_time_us timeout_us)
{
    void *object;
    uint32_t handle;
    enum gn_err err = gn_slab_take(&k->ops, &handle, &object);

    *out = object;
    if (err != GN_OK) {
        return err;
    }
    struct gn_op *op = object;
    op->handle = handle;
    op->type = (uint8_t)type;
    op->began = k->now;
    gn_timer_init(&op->deadline, GN_KAD_TIMER_OP_DEADLINE);
    gn_timer_init(&op->wake, GN_KAD_TIMER_OP_WAKE);
    gn_timer_set(&k->timers, &op->deadline, gn_time_add(k->now, timeout_us ? timeout_us : GN_OP_TIMEOUT_US));
    return GN_OK;
}

static enum gn_err do_at_once(struct gn_kad *k, const struct gn_command *c)
{
    enum gn_err err = GN_OK;

    if (c->type == GN_CMD_FORGET) {
        err = gn_table_forget(&k->table, &c->contact.id) ? GN_OK : GN_E_NOT_FOUND;
    } else if (c->type == GN_CMD_UNPROVIDE) {
        err = gn_publish_drop(k->publish, k->out, GN_RECORD_PROVIDER, &c->target);
    } else {
        gn_publish_all(k->publish, k->now);
    }
    gn_op_report(k, c->op, err);
    return GN_OK;
}

/* What the command asks for, into the operation. PUT and PROVIDE also bring their record. */
static enum gn_err take_command(struct gn_kad *k, struct gn_op *op, const struct gn_command *c)
{
    enum gn_err err = GN_OK;

    op->id = c->op;
    op->flags = c->flags;
    op->target = c->target;
    op->kind = c->kind;
    op->cas_seq = c->cas_seq;
    op->replies_min = c->replies_min ? c->replies_min : 3;
    if (c->type == GN_CMD_PING || c->type == GN_CMD_BOOTSTRAP) {
        if (!gn_addr_is_usable(&c->contact.addr)) {
            return GN_E_INVALID;
        }
        err = gn_book_take(k->book, &op->contact, &c->contact);
    } else if (c->type == GN_CMD_PUT) {
        err = gn_op_put_prepare(k, op, c->record);
    } else if (c->type == GN_CMD_GET && c->kind != GN_RECORD_IMMUTABLE && c->kind != GN_RECORD_MUTABLE) {
        err = GN_E_INVALID;
    }
    return err;
}

enum gn_err gn_op_command(struct gn_kad *k, const struct gn_command *c)
{
    struct gn_op *op;

    if (c->op == 0 || (unsigned)c->type > GN_CMD_FORGET) {
        return GN_E_INVALID;
    }
    if (find_by_id(k, c->op)) {
        return GN_E_EXISTS;
    }
    if (c->type == GN_CMD_FORGET || c->type == GN_CMD_UNPROVIDE || c->type == GN_CMD_REPUBLISH) {
        return do_at_once(k, c);
    }
    if (gn_op_len(k) >= (k->config.lookups_max ? k->config.lookups_max : GN_OPS_MAX)) {
        return GN_E_FULL;
    }
    enum gn_err err = take_op(k, &op, c->type, c->timeout_us);
    if (err != GN_OK) {
        return err;
    }
    uint32_t handle = op->handle;
    err = take_command(k, op, c);
    if (err == GN_OK) {
        err = kind_of(op)->start(k, op);
    }
    if (err != GN_OK && gn_op_get(k, handle)) {
        free_op(k, op);
    }
    return err;
}

enum gn_err gn_op_find_own(struct gn_kad *k, const struct gn_id *target)
{
    struct gn_op *op;
    enum gn_err err = take_op(k, &op, GN_CMD_FIND, 0);

    if (err == GN_OK) {
        op->target = *target;
        op->flags = GN_CMDF_BACKGROUND;
        err = gn_op_find_kind.start(k, op);
    }
    return err;
}

enum gn_err gn_op_bootstrap_own(struct gn_kad *k, gn_book_handle contact)
{
    struct gn_op *op;
    enum gn_err err = take_op(k, &op, GN_CMD_BOOTSTRAP, 0);

    if (err == GN_OK) {
        op->contact = gn_book_hold(k->book, contact);
        err = gn_op_bootstrap_kind.start(k, op);
    }
    return err;
}

enum gn_err gn_op_put_own(struct gn_kad *k, uint32_t ticket, uint8_t kind, const struct gn_id *target,
                          struct gn_slice record)
{
    struct gn_op *op;
    enum gn_err err = take_op(k, &op, GN_CMD_PUT, 2U * GN_OP_TIMEOUT_US);

    if (err != GN_OK) {
        return err;
    }
    op->target = *target;
    op->flags = GN_CMDF_BACKGROUND;
    op->kind = kind;
    err = gn_op_set_record(k, op, record);
    if (err != GN_OK) {
        free_op(k, op);
        return err;
    }
    gn_op_begin_lookup(k, op, GN_MSG_FIND_NODE, true);
    /* The publisher must not be called while it calls: an operation that can end at once ends at its next event. */
    op->ticket = ticket;
    gn_timer_set(&k->timers, &op->wake, k->now);
    return GN_OK;
}

enum gn_err gn_op_cancel(struct gn_kad *k, gn_op_id id)
{
    struct gn_op *op = id != 0 ? find_by_id(k, id) : NULL;

    if (!op) {
        return GN_E_NOT_FOUND;
    }
    gn_op_done(k, op, GN_E_CANCELLED);
    return GN_OK;
}

enum gn_err gn_op_set_record(struct gn_kad *k, struct gn_op *op, struct gn_slice record)
{
    uint8_t *copy = gn_alloc_zeroed(k->env->alloc, 1, record.len > 0 ? record.len : 1U);

    if (!copy) {
        return GN_E_NO_MEMORY;
    }
    if (record.len > 0) {
        memcpy(copy, record.data, record.len);
    }
    gn_alloc_free(k->env->alloc, op->record);
    op->record = copy;
    op->record_len = record.len;
    return GN_OK;
}

/* ---- The lookup ---- */

void gn_op_begin_lookup(struct gn_kad *k, struct gn_op *op, uint8_t method, bool want_token)
{
    struct gn_lookup_goal goal = {.target = op->target, .method = method, .kind = op->kind, .want_token = want_token};

    goal.alpha = (op->flags & GN_CMDF_FAST) ? GN_LOOKUP_ALPHA_FAST : GN_LOOKUP_ALPHA;
    goal.alpha = (op->flags & GN_CMDF_BACKGROUND) ? GN_LOOKUP_ALPHA_BACKGROUND : goal.alpha;
    if (method == GN_MSG_GET && !(op->flags & GN_CMDF_FAST) && gn_lookup_is_near(k, &op->target)) {
        goal.alpha_first = GN_LOOKUP_ALPHA_NEAR;
    }
    goal.explain = (op->flags & GN_CMDF_EXPLAIN) ? op->id : 0;
    goal.op = op->handle;
    op->state = GN_OP_LOOKUP;
    k->counters.lookups_started++;
    gn_lookup_start(k, &op->lookup, &goal);
}

void gn_op_advance(struct gn_kad *k, struct gn_op *op)
{
    const struct gn_op_kind *kind = kind_of(op);

    if (op->state == GN_OP_BEHIND) {
        if (gn_lookup_is_quiet(&op->lookup)) {
            gn_op_repair_begin(k, op);
        }
        return;
    }
    if (op->state != GN_OP_LOOKUP) {
        return;
    }
    if (kind->is_enough && kind->is_enough(op)) {
        kind->found(k, op);
        return;
    }
    gn_lookup_pump(k, &op->lookup);
    if (op->lookup.starved) {
        gn_timer_set(&k->timers, &op->wake, gn_time_add(k->now, WAKE_STARVED_US));
    } else if (gn_lookup_is_finished(&op->lookup)) {
        kind->found(k, op);
    }
}

static void lookup_replied(struct gn_kad *k, struct gn_op *op, const struct gn_call *call,
                           const struct gn_msg_reply *reply)
{
    const struct gn_op_kind *kind = kind_of(op);
    struct gn_lookup *l = &op->lookup;
    unsigned slot = call->to_whom.slot;
    enum gn_op_value value = GN_OP_VALUE_FALSE;

    if (reply) {
        value = kind->value ? kind->value(k, op, slot, reply) : GN_OP_VALUE_NONE;
    }
    if (value == GN_OP_VALUE_FALSE) {
        gn_lookup_lied(k, l, slot);
    } else if (value != GN_OP_VALUE_BIG || !gn_lookup_by_stream(k, l, slot)) {
        gn_lookup_answered(k, l, slot, call, reply, value == GN_OP_VALUE_GOOD);
    }
    gn_op_advance(k, op);
}

void gn_op_replied(struct gn_kad *k, const struct gn_call *call, const struct gn_msg_reply *reply)
{
    struct gn_op *op = gn_op_get(k, call->to_whom.op);

    GN_CHECK(op != NULL);
    if (call->to_whom.owner == GN_CALL_LOOKUP) {
        lookup_replied(k, op, call, reply);
    } else if (call->to_whom.owner == GN_CALL_STORE) {
        gn_op_store_replied(k, op, call->to_whom.slot, reply);
    } else {
        op->call = 0;
        kind_of(op)->single(k, op, call, reply);
    }
}

void gn_op_stalled(struct gn_kad *k, const struct gn_call *call)
{
    struct gn_op *op = gn_op_get(k, call->to_whom.op);

    GN_CHECK(op != NULL);
    if (call->to_whom.owner == GN_CALL_LOOKUP) {
        gn_lookup_stalled(k, &op->lookup, call->to_whom.slot, call);
        gn_op_advance(k, op);
    } else if (call->to_whom.owner == GN_CALL_STORE) {
        gn_op_store_stalled(k, op, call->to_whom.slot, call);
    } else {
        if (call->stage == GN_CALL_DEAD) {
            op->call = 0;
        }
        kind_of(op)->single(k, op, call, NULL);
    }
}

/* ---- Time and store ---- */

void gn_op_deadline(struct gn_kad *k, struct gn_op *op)
{
    const struct gn_op_kind *kind = kind_of(op);

    gn_op_done(k, op, kind->has_result && kind->has_result(op) ? GN_OK : GN_E_TIMEOUT);
}

void gn_op_wake(struct gn_kad *k, struct gn_op *op)
{
    if (op->state == GN_OP_LOCAL) {
        op->req = 0; /* a slow disk does not hold up the search; its answer comes too late */
        kind_of(op)->local(k, op, NULL);
    } else if (op->state == GN_OP_SINGLE) {
        kind_of(op)->single(k, op, NULL, NULL);
    } else {
        gn_op_advance(k, op);
    }
}

void gn_op_stored(struct gn_kad *k, const struct gn_store_answer *answer)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        struct gn_op *op = gn_op_get(k, h);

        if (op->req == answer->req) {
            op->req = 0;
            if (op->state == GN_OP_LOCAL) {
                gn_timer_cancel(&k->timers, &op->wake);
                kind_of(op)->local(k, op, answer);
            } else {
                gn_op_store_local(k, op, answer);
            }
            return;
        }
    }
}
