/* overlay/kad/op_store.c - the second half of a PUT: one write to each of the closest nodes, and to our own store. */
#include "overlay/kad/op_part.h"

#include <string.h>

#include "base/check.h"
#include "overlay/kad/publish.h"
#include "overlay/kad/server.h"

/* ---- The end ---- */

static void count_stored(struct gn_kad *k, struct gn_op *op, const struct gn_contact *by)
{
    struct gn_op_event event = {.type = GN_OPEV_STORED, .stored_by = *by};

    op->stored++;
    gn_op_emit(k, op, &event);
}

static enum gn_err verdict(const struct gn_op *op)
{
    bool cas = (op->flags & GN_CMDF_CAS) != 0;

    if (op->conflicts > 0 && (op->stored == 0 || (cas && op->conflicts >= op->stored))) {
        return GN_E_CONFLICT;
    }
    if (op->stored > 0) {
        return GN_OK;
    }
    if (op->refusal != GN_OK) {
        return (enum gn_err)op->refusal;
    }
    return op->lookup.queries > 0 ? GN_E_TIMEOUT : GN_E_UNREACHABLE;
}

/* Sets waits_kept: does the publisher still wait for its disk? What is acknowledged must survive a crash. */
static bool is_keeping(const struct gn_kad *k, struct gn_op *op)
{
    op->waits_kept = (op->flags & GN_CMDF_KEEP) != 0 && gn_publish_is_keeping(k->publish, op->kind, &op->target);
    return op->waits_kept;
}

/* Compare-and-set is kept only after the others took it: their version decides. */
static enum gn_err keep_after_cas(struct gn_kad *k, struct gn_op *op)
{
    struct gn_slice record = gn_slice_of(op->record, op->record_len);
    struct gn_record r;
    enum gn_err err = gn_record_decode(&r, record, k->env->crypto);

    GN_CHECK(err == GN_OK);
    op->cas_kept = true;
    return gn_publish_keep(k->publish, k->out, record, r.expiry, k->now, k->wall);
}

static void end_if_settled(struct gn_kad *k, struct gn_op *op)
{
    if (op->puts_open > 0 || op->own_put_open || is_keeping(k, op)) {
        return;
    }
    if (op->own_counts && op->kept_err == GN_OK) {
        count_stored(k, op, &k->self);
    }
    op->own_counts = false;
    enum gn_err err = verdict(op);
    if (err == GN_OK && (op->flags & GN_CMDF_CAS) && (op->flags & GN_CMDF_KEEP) && !op->cas_kept) {
        err = keep_after_cas(k, op);
        if (err == GN_OK && is_keeping(k, op)) {
            return;
        }
    }
    gn_op_done(k, op, op->kept_err != GN_OK ? (enum gn_err)op->kept_err : err);
}

void gn_op_store_kept(struct gn_kad *k, struct gn_op *op)
{
    end_if_settled(k, op);
}

static void settle(struct gn_op *op, struct gn_lookup_node *n)
{
    GN_CHECK(op->puts_open > 0);
    n->holds = GN_LOOKUP_SETTLED;
    n->call = 0;
    op->puts_open--;
}

/* ---- Other nodes ---- */

static void fill_put(const struct gn_op *op, unsigned slot, struct gn_msg_query *q)
{
    memset(q, 0, sizeof *q);
    q->method = op->kind == GN_RECORD_PROVIDER ? GN_MSG_ADD_PROVIDER : GN_MSG_PUT;
    q->target = op->target;
    GN_CHECK(op->lookup.tokens != NULL);
    memcpy(q->token, op->lookup.tokens[slot], sizeof q->token);
    q->record = gn_slice_of(op->record, op->record_len);
    q->has_cas = (op->flags & GN_CMDF_CAS) != 0 && op->type == GN_CMD_PUT;
    q->cas_seq = op->cas_seq;
}

static void fill_token(const struct gn_op *op, struct gn_msg_query *q)
{
    memset(q, 0, sizeof *q);
    q->method = GN_MSG_FIND_NODE;
    q->flags = GN_MSG_WANT_TOKEN | GN_MSG_NO_CONTACTS;
    q->target = op->target;
}

static enum gn_err send(struct gn_kad *k, struct gn_op *op, unsigned slot, struct gn_msg_query *q)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];
    struct gn_call_for whom = {.owner = GN_CALL_STORE, .slot = (uint8_t)slot, .op = op->handle};
    enum gn_err err = gn_rpc_send(k, &n->call, n->contact, n->by_stream ? GN_VIA_STREAM : GN_VIA_DATAGRAM, q, whom);

    if (err == GN_OK) {
        op->lookup.queries++;
    }
    return err;
}

/* A token is bound to the path it came on, so a write on a stream first asks for one there. */
static enum gn_err ask_token(struct gn_kad *k, struct gn_op *op, unsigned slot)
{
    struct gn_msg_query q;

    fill_token(op, &q);
    op->lookup.nodes[slot].holds = GN_LOOKUP_TOKEN_ASKED;
    return send(k, op, slot, &q);
}

static enum gn_err send_put(struct gn_kad *k, struct gn_op *op, unsigned slot)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];
    struct gn_msg_query q;

    fill_put(op, slot, &q);
    n->holds = GN_LOOKUP_PUT_SENT;
    enum gn_err err = send(k, op, slot, &q);
    if (err == GN_E_LIMIT && !n->by_stream) {
        n->by_stream = true;
        err = ask_token(k, op, slot);
    }
    return err;
}

static void begin_node(struct gn_kad *k, struct gn_op *op, unsigned slot)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];

    op->puts_open++;
    gn_rpc_disown(k, n->call);
    n->call = 0;
    n->by_stream = false;
    n->resent = false;
    enum gn_err err = n->has_token ? send_put(k, op, slot) : ask_token(k, op, slot);
    if (err != GN_OK) {
        op->refusal = (uint8_t)err;
        settle(op, n);
    }
}

static void judge(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_msg_reply *reply)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];

    if (reply->status == GN_MSG_OK) {
        count_stored(k, op, gn_book_get(k->book, n->contact));
    } else if (reply->status == GN_MSG_STALE || reply->status == GN_MSG_CONFLICT) {
        op->conflicts++;
    } else {
        op->refusal = (uint8_t)gn_msg_status_err(reply->status);
    }
    settle(op, n);
}

void gn_op_store_replied(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_msg_reply *reply)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];
    enum gn_err err = GN_OK;

    op->lookup.answers++;
    if (!reply) {
        op->refusal = GN_E_MALFORMED;
        settle(op, n);
    } else if (n->holds == GN_LOOKUP_TOKEN_ASKED && reply->has_token) {
        gn_lookup_set_token(k, &op->lookup, slot, reply->token);
        err = n->has_token ? send_put(k, op, slot) : GN_E_NO_MEMORY;
    } else if (reply->status == GN_MSG_BAD_TOKEN && !n->retold) {
        n->retold = true; /* our address or client key changed since the lookup */
        err = ask_token(k, op, slot);
    } else if (reply->status == GN_MSG_TOO_BIG && !n->by_stream) {
        n->by_stream = true;
        err = ask_token(k, op, slot);
    } else if (n->holds == GN_LOOKUP_TOKEN_ASKED) {
        op->refusal = GN_E_REFUSED; /* no token, no write */
        settle(op, n);
    } else {
        judge(k, op, slot, reply);
    }
    if (err != GN_OK) {
        op->refusal = (uint8_t)err;
        settle(op, n);
    }
    end_if_settled(k, op);
}

void gn_op_store_stalled(struct gn_kad *k, struct gn_op *op, unsigned slot, const struct gn_call *call)
{
    struct gn_lookup_node *n = &op->lookup.nodes[slot];
    struct gn_msg_query q;

    if (call->stage == GN_CALL_SLOW && call->via == GN_VIA_DATAGRAM) {
        if (n->holds == GN_LOOKUP_TOKEN_ASKED) {
            fill_token(op, &q);
        } else {
            fill_put(op, slot, &q);
        }
        (void)gn_rpc_resend(k, n->call, &q); /* a write is idempotent: the same record under the same token */
    } else if (call->stage == GN_CALL_DEAD) {
        bool too_long = call->err == GN_E_LIMIT && !n->by_stream;

        n->by_stream = n->by_stream || too_long;
        op->lookup.timeouts++;
        if (!too_long || ask_token(k, op, slot) != GN_OK) {
            settle(op, n);
        }
        end_if_settled(k, op);
    }
}

/* ---- Our own store ---- */

enum gn_err gn_op_ask_store(struct gn_kad *k, struct gn_op *op, struct gn_store_request *request)
{
    struct gn_effect fx = {.type = GN_FX_STORE};

    k->next_req = (k->next_req + 1U) & GN_REQ_NUMBER_MAX;
    request->req = GN_REQ_MAKE(GN_REQ_CORE, k->next_req);
    request->wall = k->wall;
    fx.u.store = *request;
    enum gn_err err = gn_outbox_push(k->out, &fx);
    op->req = err == GN_OK ? request->req : 0;
    return err;
}

void gn_op_kept(struct gn_kad *k, uint8_t kind, const struct gn_id *target, enum gn_err err)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        struct gn_op *op = gn_op_get(k, h);

        if ((op->flags & GN_CMDF_KEEP) && op->kind == kind && gn_id_eq(&op->target, target)) {
            op->kept_err = (uint8_t)err;
        }
    }
}

void gn_op_settle_kept(struct gn_kad *k)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->ops, &cursor)) != 0) {
        struct gn_op *op = gn_op_get(k, h);

        if (op->waits_kept) {
            gn_op_store_kept(k, op);
        }
    }
}

static bool are_we_among(const struct gn_kad *k, const struct gn_op *op, const uint8_t *slots, size_t len)
{
    if (!k->server || op->ticket != 0 || op->told) {
        return false;
    }
    return len < GN_KAD_K || gn_id_closer(&op->target, &k->config.self,
                                          &gn_book_get(k->book, op->lookup.nodes[slots[len - 1U]].contact)->id) < 0;
}

static enum gn_err own_request(struct gn_kad *k, struct gn_op *op, enum gn_store_op what)
{
    struct gn_store_request request = {.op = what, .limit = 1};
    struct gn_store_entry *e = &request.entry;
    struct gn_slice record = gn_slice_of(op->record, op->record_len);
    struct gn_record r;
    enum gn_err err = gn_record_decode(&r, record, k->env->crypto);

    GN_CHECK(err == GN_OK);
    e->kind = op->kind;
    e->target = op->target;
    if (op->kind == GN_RECORD_PROVIDER) {
        e->sub = r.owner;
    }
    if (what == GN_STORE_PUT) {
        e->seq = r.seq;
        e->expires_at = gn_record_expiry(&r, k->wall);
        e->stored_at = k->wall;
        e->record = record;
    }
    return gn_op_ask_store(k, op, &request);
}

static void begin_own(struct gn_kad *k, struct gn_op *op)
{
    if (gn_publish_owns(k->publish, op->kind, &op->target)) {
        op->own_counts = true;
        return;
    }
    op->own_compared = false;
    op->own_put_open = own_request(k, op, GN_STORE_GET) == GN_OK;
}

/* May our record take the place of what we hold? CAS as another node would judge it. */
static bool may_replace(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer, bool *same)
{
    bool held = answer->err == GN_OK && answer->entries_len > 0;
    bool cas = (op->flags & GN_CMDF_CAS) != 0;
    struct gn_record ours;
    struct gn_record theirs;

    *same = false;
    if (!held || gn_record_decode(&theirs, answer->entries[0].record, k->env->crypto) != GN_OK) {
        return !cas || op->cas_seq == 0;
    }
    enum gn_err err = gn_record_decode(&ours, gn_slice_of(op->record, op->record_len), k->env->crypto);
    GN_CHECK(err == GN_OK);
    int order = gn_record_compare(&ours, &theirs, k->env->crypto);
    *same = order == 0 || (order < 0 && op->kind == GN_RECORD_IMMUTABLE);
    return order > 0 && (!cas || theirs.seq == op->cas_seq);
}

void gn_op_store_local(struct gn_kad *k, struct gn_op *op, const struct gn_store_answer *answer)
{
    bool same = false;

    if (!op->own_put_open) {
        return;
    }
    if (!op->own_compared) {
        bool wins = may_replace(k, op, answer, &same);

        op->own_compared = true;
        if (wins && own_request(k, op, GN_STORE_PUT) == GN_OK) {
            return; /* the next answer says whether it is written */
        }
        if (!wins && !same) {
            op->conflicts++;
        }
    } else {
        same = answer->err == GN_OK;
        op->refusal = same ? op->refusal : (uint8_t)answer->err;
    }
    op->own_put_open = false;
    if (same) {
        count_stored(k, op, &k->self);
    }
    end_if_settled(k, op);
}

/* ---- Beginning ---- */

void gn_op_store_begin(struct gn_kad *k, struct gn_op *op)
{
    uint8_t slots[GN_KAD_K];
    size_t n = gn_lookup_closest(&op->lookup, slots, GN_KAD_K);

    op->state = GN_OP_STORE;
    if (are_we_among(k, op, slots, n)) {
        begin_own(k, op);
    }
    for (size_t i = 0; i < n; i++) {
        begin_node(k, op, slots[i]);
    }
    end_if_settled(k, op);
}

void gn_op_repair_begin(struct gn_kad *k, struct gn_op *op)
{
    uint8_t slots[GN_KAD_K];
    size_t n = gn_lookup_closest(&op->lookup, slots, GN_KAD_K);

    op->state = GN_OP_STORE;
    for (size_t i = 0; i < n; i++) {
        const struct gn_lookup_node *node = &op->lookup.nodes[slots[i]];

        if (node->holds == GN_LOOKUP_HOLDS_OLDER || node->holds == GN_LOOKUP_HOLDS_NOTHING) {
            begin_node(k, op, slots[i]);
        }
    }
    end_if_settled(k, op);
}
