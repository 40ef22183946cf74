/* overlay/kad/op_get.c - GET: an immutable record ends with the first valid copy; of a mutable one several distinct
 * copies are compared, the best is told, and replicas that hold less are repaired behind.
 */
#include "overlay/kad/op_part.h"

#include "base/check.h"

#define LOCAL_WAIT_US GN_MS(50)

static void tell_record(struct gn_kad *k, struct gn_op *op, struct gn_slice record)
{
    struct gn_op_event event = {.type = GN_OPEV_RECORD, .record = record};

    gn_op_emit(k, op, &event);
}

static bool is_best(const struct gn_op *op, struct gn_slice bytes)
{
    return op->record && gn_slice_eq(gn_slice_of(op->record, op->record_len), bytes);
}

/* All copies seen so far are older now. */
static void outdate_nodes(struct gn_lookup *l)
{
    for (unsigned i = 0; i < l->len; i++) {
        struct gn_lookup_node *n = &l->nodes[l->order[i]];

        if (n->holds == GN_LOOKUP_HOLDS_BEST) {
            n->holds = GN_LOOKUP_HOLDS_OLDER;
        }
    }
}

/* A valid record: better than the best? Then it is told and becomes it. */
static bool improve(struct gn_kad *k, struct gn_op *op, const struct gn_record *r, struct gn_slice bytes)
{
    struct gn_record best;

    if (op->record) {
        enum gn_err err = gn_record_decode(&best, gn_slice_of(op->record, op->record_len), k->env->crypto);

        GN_CHECK(err == GN_OK);
        if (gn_record_compare(r, &best, k->env->crypto) <= 0) {
            return false;
        }
    }
    if (gn_op_set_record(k, op, bytes) != GN_OK) {
        return false; /* no memory: the one before stays the best */
    }
    outdate_nodes(&op->lookup);
    tell_record(k, op, bytes);
    return true;
}

/* OK: counted. Otherwise what gn_record_open says. */
static enum gn_err take_record(struct gn_kad *k, struct gn_op *op, struct gn_slice bytes, uint8_t *holds)
{
    struct gn_record r;

    *holds = GN_LOOKUP_HOLDS_BEST;
    if (!is_best(op, bytes)) {
        enum gn_err err = gn_record_open(&r, bytes, op->kind, &op->target, k->env->crypto, k->wall);

        if (err != GN_OK) {
            *holds = GN_LOOKUP_HOLDS_UNKNOWN;
            return err;
        }
        if (!improve(k, op, &r, bytes)) {
            *holds = GN_LOOKUP_HOLDS_OLDER;
        }
    }
    op->replies++;
    return GN_OK;
}

static bool get_is_enough(const struct gn_op *op)
{
    return op->kind == GN_RECORD_IMMUTABLE ? op->replies > 0 : op->replies >= op->replies_min;
}

static void get_local(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer)
{
    uint8_t holds;

    if (answer && answer->err == GN_OK && answer->entries_len > 0) {
        (void)take_record(k, op, answer->entries[0].record, &holds); /* a stale or broken copy of ours is no copy */
    }
    gn_op_begin_lookup(k, op, GN_MSG_GET, op->kind == GN_RECORD_MUTABLE);
    gn_op_advance(k, op);
}

static enum gn_err get_start(struct gn_kad *k, struct gn_op *op)
{
    struct gn_store_request request = {.op = GN_STORE_GET, .limit = 1};

    request.entry.kind = op->kind;
    request.entry.target = op->target;
    op->state = GN_OP_LOCAL;
    if (gn_op_ask_store(k, op, &request) != GN_OK) {
        get_local(k, op, NULL);
        return GN_OK;
    }
    gn_timer_set(&k->timers, &op->wake, gn_time_add(k->now, LOCAL_WAIT_US));
    return GN_OK;
}

static enum gn_op_value get_value(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_msg_reply *reply)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];
    uint8_t holds;

    if (reply->status == GN_MSG_TOO_BIG) {
        return GN_OP_VALUE_BIG;
    }
    if (reply->values_len == 0) {
        n->holds = reply->status == GN_MSG_NOT_FOUND ? GN_LOOKUP_HOLDS_NOTHING : GN_LOOKUP_HOLDS_UNKNOWN;
        return GN_OP_VALUE_NONE;
    }
    enum gn_err err = take_record(k, op, reply->values[0], &holds);
    n->holds = holds;
    if (err == GN_OK) {
        return GN_OP_VALUE_GOOD;
    }
    if (err == GN_E_EXPIRED) { /* our clocks differ, or it did not look yet */
        return GN_OP_VALUE_NONE;
    }
    k->counters.records_bad++;
    return GN_OP_VALUE_FALSE;
}

static void get_found(struct gn_kad *k, struct gn_op *op)
{
    const struct gn_lookup *l = &op->lookup;

    if (!op->record) {
        enum gn_err missing = l->answers > 0 ? GN_E_NOT_FOUND : GN_E_TIMEOUT;

        gn_op_done(k, op, l->queries > 0 ? missing : GN_E_UNREACHABLE);
        return;
    }
    if (op->kind == GN_RECORD_IMMUTABLE) {
        gn_op_done(k, op, GN_OK);
        return;
    }
    gn_op_tell_done(k, op, GN_OK);
    op->state = GN_OP_BEHIND;
    gn_op_advance(k, op);
}

static bool get_has_result(const struct gn_op *op)
{
    return op->record != NULL;
}

const struct gn_op_kind gn_op_get_kind = {
    .start = get_start,
    .value = get_value,
    .is_enough = get_is_enough,
    .found = get_found,
    .local = get_local,
    .has_result = get_has_result,
    .has_lookup = true,
};
