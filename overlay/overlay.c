/* overlay/overlay.c - one step: an input goes to the part that wants it, then whatever is due by the clock. */
#include "overlay/overlay_state.h"

#include "base/check.h"
#include "overlay/kad/op.h"
#include "overlay/msg/msg.h"

#define BOOK_CONTACTS_MAX 65536U

_Static_assert(GN_OVERLAY_TABLE_BYTES == GN_TABLE_SAVE_BYTES, "the public size is that of the snapshot");

/* ---- What the answering side and the publisher ask for ---- */

static size_t view_closest(void *ctx, struct gn_contact *out, size_t cap, const struct gn_id *target,
                           const struct gn_id *exclude)
{
    struct gn_kad *k = &((struct gn_overlay *)ctx)->kad;
    struct gn_table_wish wish = {.target = target, .except = exclude, .which = GN_TABLE_LIVE, .now = k->now};
    gn_book_handle handles[GN_KAD_K];
    size_t n = gn_table_closest(&k->table, handles, cap < GN_KAD_K ? cap : GN_KAD_K, &wish);

    for (size_t i = 0; i < n; i++) {
        out[i] = *gn_book_get(k->book, handles[i]);
    }
    return n;
}

static enum gn_err view_probe(void *ctx, struct gn_outbox *box, const struct gn_server_probe *probe)
{
    struct gn_overlay *o = ctx;

    GN_CHECK(box == o->kad.out);
    return gn_probe_help(&o->kad, &o->probe, probe);
}

static enum gn_err publish_put(void *ctx, struct gn_outbox *box, const struct gn_publish_put *put)
{
    struct gn_kad *k = &((struct gn_overlay *)ctx)->kad;

    GN_CHECK(box == k->out);
    return gn_op_put_own(k, put->ticket, put->kind, &put->target, put->record);
}

static void publish_kept(void *ctx, uint8_t kind, const struct gn_id *target, enum gn_err err)
{
    gn_op_kept(&((struct gn_overlay *)ctx)->kad, kind, target, err);
}

/* ---- Life ---- */

static void init_kad(struct gn_kad *k, const struct gn_overlay_config *config, const struct gn_env *env)
{
    uint8_t hash_key[16];

    k->env = env;
    k->config = *config;
    k->self.id = config->self;
    gn_rng_bytes(env->rng, hash_key, sizeof hash_key);
    gn_book_init(&k->own_book, env->alloc, hash_key, BOOK_CONTACTS_MAX);
    k->book = config->book ? config->book : &k->own_book;
    gn_table_init(&k->table, env->alloc, k->book, &config->self, config->allow_private);
    gn_rtt_first_init(&k->first);
    gn_rpc_init(&k->rpc, env->alloc);
    gn_timer_queue_init(&k->timers);
    gn_slab_init(&k->ops, env->alloc, sizeof(struct gn_op), 1,
                 (config->lookups_max ? config->lookups_max : GN_OPS_MAX) + GN_OPS_OWN);
}

enum gn_err gn_overlay_new(struct gn_overlay **out, const struct gn_overlay_config *config, const struct gn_env *env,
                           gn_time_us now, gn_wall_s wall)
{
    struct gn_publish_config publish = {.self = config->self};
    struct gn_overlay *o = gn_alloc_zeroed(env->alloc, 1, sizeof *o);

    *out = NULL;
    if (!o) {
        return GN_E_NO_MEMORY;
    }
    o->kad.now = now;
    o->kad.wall = wall;
    init_kad(&o->kad, config, env);
    gn_observed_init(&o->observed, now);
    o->view = (struct gn_server_view){.closest = view_closest, .probe = view_probe, .ctx = o};
    o->publish_calls = (struct gn_publish_calls){.start_put = publish_put, .kept = publish_kept, .ctx = o};
    gn_candidates_init(&o->kad);
    gn_maintain_init(&o->kad, &o->maintain);
    gn_probe_init(&o->kad, &o->probe);
    enum gn_err err = gn_server_new(&o->server, config, env, &o->view, &o->kad.counters, now);
    if (err == GN_OK) {
        err = gn_publish_new(&o->kad.publish, &publish, env, &o->publish_calls, &o->kad.counters, now);
    }
    if (err != GN_OK) {
        gn_overlay_free(o);
        return err;
    }
    *out = o;
    return GN_OK;
}

void gn_overlay_free(struct gn_overlay *o)
{
    if (!o) {
        return;
    }
    struct gn_kad *k = &o->kad;
    gn_op_fini(k);
    gn_rpc_fini(k);
    gn_candidates_fini(k);
    gn_maintain_fini(k, &o->maintain);
    gn_timer_cancel(&k->timers, &o->probe.timer);
    gn_publish_free(k->publish);
    gn_server_free(o->server);
    gn_table_fini(&k->table);
    gn_book_fini(&k->own_book);
    gn_alloc_free(k->env->alloc, o);
}

/* ---- Calls ---- */

/* The call has moved to its next stage, or is over: whoever made it hears of it. */
static void tell_stage(struct gn_overlay *o, struct gn_call *call)
{
    struct gn_kad *k = &o->kad;
    struct gn_call copy = *call;
    gn_book_handle to = gn_book_hold(k->book, call->to);

    if (call->stage == GN_CALL_DEAD) {
        gn_rpc_end(k, call);
        gn_table_missed(&k->table, &gn_book_get(k->book, to)->id, k->now);
    }
    if (copy.to_whom.op != 0) {
        gn_op_stalled(k, &copy);
    }
    gn_book_drop(k->book, to);
}

static void learn_from_answer(struct gn_overlay *o, const struct gn_call *call, const struct gn_input_reply *in)
{
    struct gn_kad *k = &o->kad;
    gn_time_us took = gn_time_sub(k->now, call->sent_at);
    gn_book_handle from;
    /* A client that is pinged by name, or dialled back, must not get into tables by that. */
    bool may_enter = call->to_whom.owner != GN_CALL_PROBE &&
                     (call->to_whom.owner != GN_CALL_PING || gn_op_is_bootstrap(k, call->to_whom.op));

    if (call->first && call->measured) {
        gn_rtt_first_sample(&k->first, took);
    }
    if ((may_enter || gn_table_find(&k->table, &in->from.id)) && gn_addr_is_usable(&in->from.addr) &&
        gn_book_take(k->book, &from, &in->from) == GN_OK) {
        (void)gn_table_answered(&k->table, from, call->measured ? took : 0, k->now);
        gn_book_drop(k->book, from);
    }
    gn_observed_vote(&o->observed,
                     k->config.allow_private ? gn_load_u64(in->from.id.b) : gn_addr_wide_group(&in->from.addr),
                     &in->observed, k->now);
}

static enum gn_err on_reply(struct gn_overlay *o, const struct gn_input *in)
{
    const struct gn_input_reply *r = &in->u.reply;
    struct gn_kad *k = &o->kad;
    struct gn_call *call = gn_rpc_match(k, r->txid, &r->from.id);
    struct gn_msg_reply reply;

    if (!call) {
        k->counters.replies_unknown++;
        return GN_E_NOT_FOUND;
    }
    struct gn_call copy = *call;
    gn_book_handle to = gn_book_hold(k->book, call->to);
    gn_rpc_end(k, call);
    k->counters.replies_received++;
    k->counters.replies_late += copy.stage != GN_CALL_WAITING;
    enum gn_err err = gn_msg_reply_decode(&reply, r->body);
    if (err == GN_OK && reply.txid != r->txid) {
        err = GN_E_MALFORMED;
    }
    if (err == GN_OK) {
        learn_from_answer(o, &copy, r);
    } else {
        k->counters.malformed++;
        gn_table_missed(&k->table, &r->from.id, k->now);
    }
    if (copy.to_whom.op != 0) {
        gn_op_replied(k, &copy, err == GN_OK ? &reply : NULL);
    }
    gn_book_drop(k->book, to);
    return err;
}

static enum gn_err on_query_failed(struct gn_overlay *o, const struct gn_input *in)
{
    struct gn_kad *k = &o->kad;
    struct gn_call *call = gn_rpc_by_txid(k, in->u.failed.txid);

    if (!call) {
        return GN_E_NOT_FOUND;
    }
    call->stage = GN_CALL_DEAD;
    call->err = (uint8_t)in->u.failed.err;
    tell_stage(o, call);
    return GN_OK;
}

/* ---- The other inputs ---- */

static enum gn_err on_query(struct gn_overlay *o, const struct gn_input *in)
{
    const struct gn_input_query *in_query = &in->u.query;
    struct gn_kad *k = &o->kad;
    struct gn_msg_query q;
    enum gn_err err = gn_server_query(o->server, k->out, &q, in_query, k->now, k->wall);

    if (err != GN_OK) {
        return err;
    }
    if (q.method == GN_MSG_PING && q.has_nonce) {
        gn_probe_pinged(k, &o->probe, &o->observed, q.nonce, &in_query->addr);
    }
    if (in_query->has_self && q.method != GN_MSG_PROBE_ME) {
        struct gn_contact self = in_query->self;

        self.addr = in_query->addr; /* where it can be seen to be, whatever it says */
        gn_candidates_offer(k, &self);
    }
    return GN_OK;
}

static enum gn_err on_store(struct gn_overlay *o, const struct gn_input *in)
{
    const struct gn_store_answer *answer = &in->u.store;
    struct gn_kad *k = &o->kad;
    enum gn_err err = GN_OK;

    switch (GN_REQ_OWNER(answer->req)) {
    case GN_REQ_SERVER:
        return gn_server_store(o->server, k->out, answer, k->now, k->wall);
    case GN_REQ_PUBLISH:
        err = gn_publish_store(k->publish, k->out, answer, k->now, k->wall);
        gn_op_settle_kept(k);
        return err;
    case GN_REQ_CORE:
        gn_op_stored(k, answer);
        return GN_OK;
    default:
        return GN_OK; /* SAVE_TABLE has no owner: nobody waits */
    }
}

static enum gn_err on_command(struct gn_overlay *o, const struct gn_input *in)
{
    const struct gn_command *c = &in->u.command;

    if (c->type == GN_CMD_BOOTSTRAP && gn_addr_is_usable(&c->contact.addr)) {
        gn_maintain_remember(&o->kad, &o->maintain, &c->contact);
    }
    return gn_op_command(&o->kad, c);
}

static enum gn_err on_cancel(struct gn_overlay *o, const struct gn_input *in)
{
    return gn_op_cancel(&o->kad, in->u.cancel);
}

static enum gn_err on_self(struct gn_overlay *o, const struct gn_input *in)
{
    struct gn_kad *k = &o->kad;
    size_t n = in->u.self.addrs_len < GN_KAD_ADDRS_MAX ? in->u.self.addrs_len : GN_KAD_ADDRS_MAX;

    if (!gn_id_eq(&in->u.self.contact.id, &k->config.self)) {
        return GN_E_INVALID;
    }
    k->self = in->u.self.contact;
    k->all_private = k->config.allow_private && n > 0;
    for (size_t i = 0; i < n; i++) {
        k->addrs[i] = in->u.self.addrs[i];
        k->all_private = k->all_private && gn_addr_is_private(&k->addrs[i]);
    }
    k->addrs_len = n;
    gn_maintain_addrs(k, &o->maintain);
    gn_probe_addrs(k, &o->probe);
    gn_publish_set_addrs(k->publish, k->addrs, k->addrs_len, k->now);
    return GN_OK;
}

static enum gn_err on_table(struct gn_overlay *o, const struct gn_input *in)
{
    return gn_maintain_restore(&o->kad, &o->maintain, in->u.table);
}

static enum gn_err on_net_changed(struct gn_overlay *o, const struct gn_input *in)
{
    (void)in;
    gn_maintain_net_changed(&o->kad, &o->maintain);
    gn_probe_reset(&o->kad, &o->probe);
    gn_observed_init(&o->observed, o->kad.now);
    return GN_OK;
}

static enum gn_err on_timer(struct gn_overlay *o, const struct gn_input *in)
{
    (void)o;
    (void)in; /* every step looks at the clock */
    return GN_OK;
}

/* ---- The clock ---- */

static void dispatch_timer(struct gn_overlay *o, struct gn_timer *t)
{
    struct gn_kad *k = &o->kad;

    switch ((enum gn_kad_timer)t->kind) {
    case GN_KAD_TIMER_CALL: {
        struct gn_call *call = GN_CONTAINER_OF(t, struct gn_call, timer);

        gn_rpc_advance(k, call);
        tell_stage(o, call);
        return;
    }
    case GN_KAD_TIMER_OP_DEADLINE:
        gn_op_deadline(k, GN_CONTAINER_OF(t, struct gn_op, deadline));
        return;
    case GN_KAD_TIMER_OP_WAKE:
        gn_op_wake(k, GN_CONTAINER_OF(t, struct gn_op, wake));
        return;
    case GN_KAD_TIMER_CANDIDATES:
        gn_candidates_timer(k);
        return;
    case GN_KAD_TIMER_PROBE:
        gn_probe_timer(k, &o->probe, &o->observed);
        return;
    case GN_KAD_TIMER_LIVENESS:
    case GN_KAD_TIMER_SWEEP:
    case GN_KAD_TIMER_REFRESH:
    case GN_KAD_TIMER_SELF_LOOKUP:
    case GN_KAD_TIMER_SAVE:
    case GN_KAD_TIMER_BOOTSTRAP:
        gn_maintain_timer(k, &o->maintain, t);
        return;
    case GN_KAD_TIMERS:
        break;
    }
    GN_CHECK(false);
}

/* The outbox refused something: the owner of the deadline tries again, the step goes on. */
static void note(struct gn_kad *k, enum gn_err err)
{
    if (err == GN_E_FULL) {
        k->counters.outbox_full++;
    }
}

static void run_clock(struct gn_overlay *o)
{
    struct gn_kad *k = &o->kad;
    struct gn_timer *t;

    while ((t = gn_timer_pop(&k->timers, k->now)) != NULL) {
        dispatch_timer(o, t);
    }
    if (gn_server_deadline(o->server) <= k->now) {
        note(k, gn_server_timer(o->server, k->out, k->now));
    }
    if (gn_publish_deadline(k->publish) <= k->now) {
        note(k, gn_publish_timer(k->publish, k->out, k->now, k->wall));
    }
}

static void collect_counters(struct gn_kad *k)
{
    k->counters.contacts_added = k->table.counters.added;
    k->counters.contacts_replaced = k->table.counters.replaced;
    k->counters.contacts_dropped = k->table.counters.dropped;
    k->counters.contacts_refused_diversity = k->table.counters.refused_diversity;
}

static enum gn_err on_stop(struct gn_overlay *o, const struct gn_input *in)
{
    (void)in;
    gn_maintain_save(&o->kad, &o->maintain);
    return GN_OK;
}

static enum gn_err (*const inputs[])(struct gn_overlay *o, const struct gn_input *in) = {
    [GN_IN_TIMER] = on_timer,   [GN_IN_QUERY] = on_query,
    [GN_IN_REPLY] = on_reply,   [GN_IN_QUERY_FAILED] = on_query_failed,
    [GN_IN_STORE] = on_store,   [GN_IN_COMMAND] = on_command,
    [GN_IN_CANCEL] = on_cancel, [GN_IN_SELF] = on_self,
    [GN_IN_TABLE] = on_table,   [GN_IN_NET_CHANGED] = on_net_changed,
    [GN_IN_STOP] = on_stop,
};

enum gn_err gn_overlay_step(struct gn_overlay *o, struct gn_outbox *out, const struct gn_input *in)
{
    struct gn_kad *k = &o->kad;
    bool was_server = k->server;

    if ((size_t)in->type >= GN_ARRAY_LEN(inputs)) {
        return GN_E_INVALID;
    }
    if (gn_time_add(in->now, o->skew) < k->now) { /* a clock that jumped back: time goes on from where it was */
        o->skew = k->now - in->now;
    }
    k->now = gn_time_add(in->now, o->skew);
    k->wall = in->wall;
    k->out = out;
    if (!o->started) {
        o->started = gn_publish_start(k->publish, out, k->now) == GN_OK; /* else the next step tries again */
    }
    enum gn_err err = inputs[in->type](o, in);
    run_clock(o);
    if (k->server && !was_server) {
        gn_maintain_introduce(k, &o->maintain);
    }
    collect_counters(k);
    k->out = NULL;
    GN_CHECK_SLOW(k->table.len <= gn_book_len(k->book));
    return err;
}

gn_time_us gn_overlay_deadline(const struct gn_overlay *o)
{
    gn_time_us t = gn_timer_next(&o->kad.timers);

    t = gn_time_min(t, gn_server_deadline(o->server));
    t = gn_time_min(t, gn_publish_deadline(o->kad.publish));
    return t == GN_TIME_NEVER ? t : gn_time_sub(t, o->skew);
}
