/* overlay/kad/rpc.c - sending, matching and timing queries. */
#include "overlay/kad/rpc.h"

#include "base/check.h"
#include "overlay/kad/kad.h"
#include "overlay/msg/msg.h"

#define CHUNK_CALLS 8U
/* A write waits for the other end's disk. */
#define SOFT_WRITE_US GN_MS(500)
#define SOFT_STREAM_US GN_MS(1500)
/* From here on a lookup ends without it: twice the soft timeout, but not at once on a quick path. */
#define LATE_MIN_US GN_MS(300)
#define LATE_STREAM_US GN_MS(3000)

void gn_rpc_init(struct gn_rpc *rpc, const struct gn_alloc *alloc)
{
    gn_slab_init(&rpc->calls, alloc, sizeof(struct gn_call), CHUNK_CALLS, GN_RPC_CALLS_MAX);
}

void gn_rpc_fini(struct gn_kad *k)
{
    uint32_t cursor = 0;
    uint32_t h;

    while ((h = gn_slab_next(&k->rpc.calls, &cursor)) != 0) {
        gn_rpc_end(k, gn_slab_get(&k->rpc.calls, h));
    }
    gn_slab_fini(&k->rpc.calls);
}

static bool is_write(const struct gn_msg_query *q)
{
    return q->method == GN_MSG_PUT || q->method == GN_MSG_ADD_PROVIDER;
}

static enum gn_err push_query(struct gn_kad *k, const struct gn_call *call, struct gn_msg_query *q)
{
    uint8_t small[GN_DATAGRAM_BODY_MAX];
    uint8_t *body = small;
    size_t cap = sizeof small;
    size_t len = 0;
    enum gn_err err = GN_OK;

    q->txid = call->txid;
    if (call->via == GN_VIA_STREAM && q->record.len > 0) {
        cap = GN_MSG_QUERY_MAX;
        body = gn_alloc_zeroed(k->env->alloc, 1, cap); /* only for this call: large values are rare */
    }
    if (!body) {
        return GN_E_NO_MEMORY;
    }
    err = gn_msg_query_encode(body, &len, cap, q);
    if (err == GN_OK) {
        struct gn_effect fx = {.type = GN_FX_QUERY};

        fx.u.query.txid = call->txid;
        fx.u.query.to = *gn_book_get(k->book, call->to);
        fx.u.query.via = (enum gn_via)call->via;
        /* Whoever asks for a dial-back must say who it is, although it is no server yet. */
        fx.u.query.introduce = k->server || q->method == GN_MSG_PROBE_ME;
        fx.u.query.body = gn_slice_of(body, len);
        err = gn_outbox_push(k->out, &fx);
    }
    if (body != small) {
        gn_alloc_free(k->env->alloc, body);
    }
    if (err == GN_E_FULL) {
        k->counters.outbox_full++;
    }
    return err;
}

static void set_pace(struct gn_kad *k, struct gn_call *call, const struct gn_msg_query *q)
{
    const struct gn_table_entry *known = gn_table_find(&k->table, &gn_book_get(k->book, call->to)->id);
    gn_time_us soft;

    call->first = !known || known->rtt.srtt_us == 0;
    call->measured = call->via == GN_VIA_DATAGRAM && !is_write(q);
    if (call->via == GN_VIA_STREAM) {
        soft = SOFT_STREAM_US;
    } else {
        soft = call->first ? gn_rtt_first_soft(&k->first) : gn_rtt_soft(&known->rtt);
        soft = is_write(q) ? gn_time_max(soft, SOFT_WRITE_US) : soft;
    }
    call->soft_us = (uint32_t)soft;
}

enum gn_err gn_rpc_send(struct gn_kad *k, uint32_t *call, gn_book_handle to, enum gn_via via, struct gn_msg_query *q,
                        struct gn_call_for whom)
{
    void *object;
    enum gn_err err = gn_slab_take(&k->rpc.calls, call, &object);

    if (err != GN_OK) {
        return err;
    }
    struct gn_call *c = object;
    gn_timer_init(&c->timer, GN_KAD_TIMER_CALL);
    c->txid = (uint64_t)gn_rng_u32(k->env->rng) << 32U | *call;
    c->sent_at = k->now;
    c->to = gn_book_hold(k->book, to);
    c->to_whom = whom;
    c->via = (uint8_t)via;
    set_pace(k, c, q);
    err = push_query(k, c, q);
    if (err != GN_OK) {
        gn_rpc_end(k, c);
        *call = 0;
        return err;
    }
    gn_timer_set(&k->timers, &c->timer, gn_time_add(k->now, c->soft_us));
    k->counters.queries_sent++;
    return GN_OK;
}

enum gn_err gn_rpc_resend(struct gn_kad *k, uint32_t call, struct gn_msg_query *q)
{
    struct gn_call *c = gn_rpc_get(k, call);

    if (!c) {
        return GN_E_NOT_FOUND;
    }
    c->measured = false; /* which of the two was answered? (Karn) */
    k->counters.retransmits++;
    return push_query(k, c, q);
}

struct gn_call *gn_rpc_get(const struct gn_kad *k, uint32_t call)
{
    return gn_slab_get(&k->rpc.calls, call);
}

void gn_rpc_disown(struct gn_kad *k, uint32_t call)
{
    struct gn_call *c = gn_rpc_get(k, call);

    if (c) {
        c->to_whom = (struct gn_call_for){.owner = GN_CALL_NOBODY};
    }
}

void gn_rpc_advance(struct gn_kad *k, struct gn_call *call)
{
    bool stream = call->via == GN_VIA_STREAM;
    gn_time_us hard = stream ? GN_RTT_STREAM_US : GN_RTT_HARD_US;
    gn_time_us next = hard;

    if (call->stage == GN_CALL_WAITING) {
        k->counters.timeouts_soft++;
        call->stage = GN_CALL_SLOW;
        next = stream ? LATE_STREAM_US : gn_time_max(2U * (gn_time_us)call->soft_us, LATE_MIN_US);
    } else if (call->stage == GN_CALL_SLOW) {
        call->stage = GN_CALL_LATE;
    } else {
        k->counters.timeouts_hard++;
        call->stage = GN_CALL_DEAD;
        call->err = GN_E_TIMEOUT;
        return;
    }
    gn_timer_set(&k->timers, &call->timer, gn_time_add(call->sent_at, gn_time_min(next, hard)));
}

struct gn_call *gn_rpc_by_txid(const struct gn_kad *k, uint64_t txid)
{
    struct gn_call *c = gn_slab_get(&k->rpc.calls, (uint32_t)txid);

    return c && c->txid == txid ? c : NULL;
}

struct gn_call *gn_rpc_match(const struct gn_kad *k, uint64_t txid, const struct gn_id *from)
{
    struct gn_call *c = gn_rpc_by_txid(k, txid);

    if (!c) {
        return NULL;
    }
    const struct gn_id *wanted = &gn_book_get(k->book, c->to)->id;
    return gn_id_is_zero(wanted) || gn_id_eq(wanted, from) ? c : NULL;
}

void gn_rpc_end(struct gn_kad *k, struct gn_call *call)
{
    gn_timer_cancel(&k->timers, &call->timer);
    gn_book_drop(k->book, call->to);
    (void)gn_slab_release(&k->rpc.calls, gn_slab_handle(call));
}
