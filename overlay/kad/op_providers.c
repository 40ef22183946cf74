/* overlay/kad/op_providers.c - GET_PROVIDERS: every distinct provider once, as soon as it is known. */
#include "overlay/kad/op_part.h"

#define LOCAL_WAIT_US GN_MS(50)

/* The provider's place among those told; NULL: there is none free, or no memory. */
static struct gn_op_provider *place_of(struct gn_kad *k, struct gn_op *op, const struct gn_id *node)
{
    uint64_t tag = gn_load_u64(node->b);

    for (unsigned i = 0; i < op->providers_len; i++) {
        if (op->providers[i].tag == tag) {
            return &op->providers[i];
        }
    }
    if (!op->providers) {
        op->providers = gn_alloc_zeroed(k->env->alloc, GN_OP_PROVIDERS_MAX, sizeof *op->providers);
    }
    if (!op->providers || op->providers_len == GN_OP_PROVIDERS_MAX) {
        return NULL;
    }
    op->providers[op->providers_len] = (struct gn_op_provider){.tag = tag};
    return &op->providers[op->providers_len];
}

/* False: it is no provider record for this content. One that is known or over is skipped. */
static bool take_provider(struct gn_kad *k, struct gn_op *op, struct gn_slice bytes)
{
    struct gn_record r;
    struct gn_op_event event = {.type = GN_OPEV_RECORD, .record = bytes};

    if (gn_record_decode(&r, bytes, k->env->crypto) != GN_OK || r.kind != GN_RECORD_PROVIDER ||
        !gn_id_eq(&r.target, &op->target)) {
        return false;
    }
    struct gn_op_provider *p = place_of(k, op, &r.owner);
    if (!p || p->expiry >= r.expiry) {
        return true; /* before its signature costs anything */
    }
    enum gn_err err = gn_record_verify(&r, k->env->crypto, k->wall);
    if (err != GN_OK) {
        return err == GN_E_EXPIRED;
    }
    if (p->expiry == 0) {
        op->providers_len++;
    }
    p->expiry = r.expiry;
    gn_op_emit(k, op, &event);
    return true;
}

static void providers_local(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer)
{
    for (size_t i = 0; answer && answer->err == GN_OK && i < answer->entries_len; i++) {
        (void)take_provider(k, op, answer->entries[i].record); /* a broken copy of ours is no copy */
    }
    gn_op_begin_lookup(k, op, GN_MSG_GET_PROVIDERS, false);
    gn_op_advance(k, op);
}

static enum gn_err providers_start(struct gn_kad *k, struct gn_op *op)
{
    struct gn_store_request request = {.op = GN_STORE_LIST, .limit = GN_OP_PROVIDERS_MAX};

    op->kind = GN_RECORD_PROVIDER;
    request.entry.kind = op->kind;
    request.entry.target = op->target;
    op->state = GN_OP_LOCAL;
    if (gn_op_ask_store(k, op, &request) != GN_OK) {
        providers_local(k, op, NULL);
        return GN_OK;
    }
    gn_timer_set(&k->timers, &op->wake, gn_time_add(k->now, LOCAL_WAIT_US));
    return GN_OK;
}

static enum gn_op_value providers_value(struct gn_kad *k, struct gn_op *op, unsigned slot,
                                        const struct gn_msg_reply *reply)
{
    (void)slot;
    if (reply->status == GN_MSG_TOO_BIG) {
        return GN_OP_VALUE_BIG;
    }
    for (size_t i = 0; i < reply->values_len; i++) {
        if (!take_provider(k, op, reply->values[i])) {
            k->counters.records_bad++;
            return GN_OP_VALUE_FALSE;
        }
    }
    return reply->values_len > 0 ? GN_OP_VALUE_GOOD : GN_OP_VALUE_NONE;
}

static bool providers_is_enough(const struct gn_op *op)
{
    return op->providers_len == GN_OP_PROVIDERS_MAX;
}

static bool providers_has_result(const struct gn_op *op)
{
    return op->providers_len > 0;
}

static void providers_found(struct gn_kad *k, struct gn_op *op)
{
    const struct gn_lookup *l = &op->lookup;
    enum gn_err missing = l->answers > 0 ? GN_E_NOT_FOUND : GN_E_TIMEOUT;

    if (providers_has_result(op)) {
        gn_op_done(k, op, GN_OK);
    } else {
        gn_op_done(k, op, l->queries > 0 ? missing : GN_E_UNREACHABLE);
    }
}

const struct gn_op_kind gn_op_providers_kind = {
    .start = providers_start,
    .value = providers_value,
    .is_enough = providers_is_enough,
    .found = providers_found,
    .local = providers_local,
    .has_result = providers_has_result,
    .has_lookup = true,
};
