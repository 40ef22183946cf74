/* tests/support/step_net.c - the event loop of the network and what its packets meet. */
#include "tests/support/step_net_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "overlay/msg/msg.h"
#include "tests/support/step_lie.h"

#define DATAGRAM_REPLY_MAX 1150U

/* ---- Events, by time and number ---- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void push(struct step_net *n, struct event ev)
{
    size_t i = n->heap_len++;

    if (n->heap_len > n->heap_cap) {
        n->heap_cap = n->heap_cap ? n->heap_cap * 2U : 1024U;
        n->heap = realloc(n->heap, n->heap_cap * sizeof *n->heap);
        GN_CHECK(n->heap != NULL);
    }
    ev.seq = n->seq++;
    while (i > 0 && is_before(&ev, &n->heap[(i - 1U) / 2U])) {
        n->heap[i] = n->heap[(i - 1U) / 2U];
        i = (i - 1U) / 2U;
    }
    n->heap[i] = ev;
}

static struct event pop(struct step_net *n)
{
    struct event top = n->heap[0];
    struct event last = n->heap[--n->heap_len];
    size_t i = 0;

    for (;;) {
        size_t child = 2U * i + 1U;

        if (child >= n->heap_len) {
            break;
        }
        if (child + 1U < n->heap_len && is_before(&n->heap[child + 1U], &n->heap[child])) {
            child++;
        }
        if (!is_before(&n->heap[child], &last)) {
            break;
        }
        n->heap[i] = n->heap[child];
        i = child;
    }
    if (n->heap_len > 0) {
        n->heap[i] = last;
    }
    return top;
}

static void note(struct step_net *n, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) {
        n->hash = (n->hash ^ p[i]) * UINT64_C(0x100000001b3);
    }
}

static uint8_t *copy_bytes(struct gn_slice s)
{
    uint8_t *p = malloc(s.len + 1U);

    GN_CHECK(p != NULL);
    if (s.len > 0) {
        memcpy(p, s.data, s.len);
    }
    return p;
}

/* ---- Links ---- */

static gn_time_us latency(struct step_net *n, unsigned a, unsigned b)
{
    uint32_t pair[3] = {(uint32_t)n->config.seed, a < b ? a : b, a < b ? b : a};
    gn_time_us span = n->config.latency_max_us - n->config.latency_min_us;
    gn_time_us t = n->config.latency_min_us + gn_hash_table(pair, sizeof pair) % (span + 1U);

    return n->config.jitter_percent > 0 ? gn_rng_jitter(&n->links, t, n->config.jitter_percent) : t;
}

static bool is_lost(struct step_net *n, unsigned a, unsigned b, enum gn_via via)
{
    if (n->nodes[a].mute || n->nodes[b].mute) {
        return true;
    }
    return via == GN_VIA_DATAGRAM && gn_rng_below(&n->links, 100) < n->config.loss_percent;
}

static struct node *find_by_addr(struct step_net *n, const struct gn_addr *a)
{
    for (unsigned i = 0; i < n->config.nodes; i++) {
        if (n->nodes[i].up && gn_addr_eq(&n->nodes[i].contact.addr, a)) {
            return &n->nodes[i];
        }
    }
    return NULL;
}

static void send_query(struct step_net *n, struct node *from, const struct gn_effect *fx)
{
    struct node *to = find_by_addr(n, &fx->u.query.to.addr);

    n->queries++;
    if (!to || to->closed || is_lost(n, from->index, to->index, fx->u.query.via)) {
        return;
    }
    push(n, (struct event){
                .at = n->now + latency(n, from->index, to->index) * (fx->u.query.via == GN_VIA_STREAM ? 3U : 1U),
                .type = EV_QUERY,
                .node = to->index,
                .from = from->index,
                .life = to->lives,
                .via = fx->u.query.via,
                .txid = fx->u.query.txid,
                .introduce = fx->u.query.introduce,
                .to_id = fx->u.query.to.id,
                .from_contact = from->contact,
                .body = copy_bytes(fx->u.query.body),
                .body_len = fx->u.query.body.len,
            });
}

static void send_reply(struct step_net *n, struct node *from, const struct gn_effect *fx)
{
    GN_CHECK(fx->u.reply.reply_to < n->asked_len);
    struct asked *a = &n->asked[fx->u.reply.reply_to];
    size_t len = fx->u.reply.body.len;
    uint8_t *body;

    GN_CHECK(a->open); /* a query is answered once */
    a->open = false;
    if (is_lost(n, from->index, a->node, a->via)) {
        return;
    }
    GN_CHECK(a->via == GN_VIA_STREAM || len <= DATAGRAM_REPLY_MAX);
    body = copy_bytes(fx->u.reply.body);
    if (from->lie != STEP_NET_HONEST) {
        body = step_lie(&n->lies, from->lie, body, &len);
    }
    push(n, (struct event){
                .at = n->now + latency(n, from->index, a->node) + from->extra_us,
                .type = EV_REPLY,
                .node = a->node,
                .from = from->index,
                .life = a->life,
                .via = a->via,
                .txid = a->txid,
                .from_contact = from->contact,
                .observed = a->addr,
                .body = body,
                .body_len = len,
            });
}

/* ---- Operations ---- */

static void note_hop(struct step_net_op *op, const struct gn_hop *hop)
{
    op->hops++;
    op->hop_status[hop->status]++;
    if (hop->status != GN_HOP_ASKED) {
        return;
    }
    for (unsigned i = 0; i < op->asked_len; i++) {
        if (hop->reason != GN_HOP_RETRY && gn_id_eq(&op->asked[i].id, &hop->contact.id) &&
            gn_addr_eq(&op->asked[i].addr, &hop->contact.addr)) {
            op->asked_twice++;
        }
    }
    if (op->asked_len < GN_ARRAY_LEN(op->asked)) {
        op->asked[op->asked_len++] = hop->contact;
    }
}

static void take_op_event(struct step_net *n, const struct gn_op_event *e)
{
    GN_CHECK(e->op > 0 && e->op <= n->ops_len);
    struct step_net_op *op = n->ops[e->op - 1U];

    GN_CHECK(!op->done); /* DONE is the last event */
    if (e->type == GN_OPEV_HOP) {
        note_hop(op, &e->hop);
    } else if (e->type == GN_OPEV_RECORD) {
        free(op->record);
        op->record = copy_bytes(e->record);
        op->record_len = e->record.len;
        op->records++;
    } else if (e->type == GN_OPEV_STORED) {
        op->stored_events++;
    } else {
        op->done = true;
        op->err = e->err;
        op->stored = e->stored;
        op->conflicts = e->conflicts;
        op->queries = e->queries;
        op->answers = e->answers;
        op->timeouts = e->timeouts;
        op->hops_max = e->hops_max;
        op->elapsed_us = e->elapsed_us;
        op->rtt_us = e->rtt_us;
        op->closest_len = e->closest_len;
        GN_CHECK(e->closest_len <= 16);
        if (e->closest_len > 0) {
            memcpy(op->closest, e->closest, e->closest_len * sizeof *e->closest);
        }
        GN_CHECK(n->now <= op->deadline); /* every operation ends by its deadline */
    }
}

/* ---- Steps ---- */

static void ask_store(struct step_net *n, struct node *node, const struct gn_store_request *r)
{
    if (r->op == GN_STORE_SAVE_TABLE) {
        free(node->table);
        node->table = copy_bytes(r->data);
        node->table_len = r->data.len;
        return;
    }
    push(n, (struct event){.at = n->now + n->config.store_us,
                           .type = EV_STORE,
                           .node = node->index,
                           .life = node->lives,
                           .answer = step_store_do(&node->store, r)});
}

static void take_effect(struct step_net *n, struct node *node, const struct gn_effect *fx)
{
    uint64_t mark[3] = {n->now, node->index, (uint64_t)fx->type};

    note(n, mark, sizeof mark);
    switch (fx->type) {
    case GN_FX_QUERY:
        note(n, fx->u.query.body.data, fx->u.query.body.len);
        send_query(n, node, fx);
        break;
    case GN_FX_REPLY:
        note(n, fx->u.reply.body.data, fx->u.reply.body.len);
        send_reply(n, node, fx);
        break;
    case GN_FX_STORE:
        note(n, fx->u.store.entry.target.b, sizeof fx->u.store.entry.target.b);
        ask_store(n, node, &fx->u.store);
        break;
    case GN_FX_OP:
        note(n, &fx->u.op.err, sizeof fx->u.op.err);
        take_op_event(n, &fx->u.op);
        break;
    }
}

static void arm_timer(struct step_net *n, struct node *node)
{
    gn_time_us due = gn_overlay_deadline(node->overlay);

    if (due < n->now) {
        due = n->now;
    }
    if (due != GN_TIME_NEVER && (node->timer_at == 0 || due < node->timer_at)) {
        node->timer_at = due;
        push(n, (struct event){.at = due, .type = EV_TIMER, .node = node->index, .life = node->lives});
    }
}

enum gn_err step_net_step(struct step_net *n, struct node *node, struct gn_input *in)
{
    in->now = n->now;
    in->wall = step_net_wall(n);
    enum gn_err err = gn_overlay_step(node->overlay, n->out, in);
    for (size_t i = 0; i < gn_outbox_len(n->out); i++) {
        take_effect(n, node, gn_outbox_at(n->out, i));
    }
    gn_outbox_clear(n->out);
    n->soft_errors += err == GN_E_NO_MEMORY;
    arm_timer(n, node);
    return err;
}

static void deliver_query(struct step_net *n, struct node *node, struct event *ev)
{
    struct gn_input in = {.type = GN_IN_QUERY};
    struct gn_input_query *q = &in.u.query;

    if (!gn_id_is_zero(&ev->to_id) && !gn_id_eq(&ev->to_id, &node->contact.id)) {
        return; /* sealed for somebody else: it cannot be opened */
    }
    if (n->asked_len == n->asked_cap) {
        n->asked_cap = n->asked_cap ? n->asked_cap * 2U : 1024U;
        n->asked = realloc(n->asked, n->asked_cap * sizeof *n->asked);
        GN_CHECK(n->asked != NULL);
    }
    n->asked[n->asked_len] = (struct asked){.node = ev->from,
                                            .life = n->nodes[ev->from].lives,
                                            .txid = ev->txid,
                                            .via = ev->via,
                                            .addr = ev->from_contact.addr,
                                            .open = true};
    q->reply_to = n->asked_len++;
    q->via = ev->via;
    q->addr = ev->from_contact.addr;
    q->addr_proved = true;
    q->has_self = ev->introduce;
    q->self = ev->from_contact;
    memcpy(q->client_key, ev->from_contact.id.b, sizeof q->client_key);
    q->client_key[0] ^= ev->via == GN_VIA_STREAM ? 0U : 0xffU; /* the two paths have different keys */
    q->reply_max = ev->via == GN_VIA_STREAM ? GN_MSG_REPLY_MAX : DATAGRAM_REPLY_MAX;
    q->body = gn_slice_of(ev->body, ev->body_len);
    (void)step_net_step(n, node, &in); /* refusals are the answering side's own business */
}

static void deliver(struct step_net *n, struct event *ev)
{
    struct node *node = &n->nodes[ev->node];
    struct gn_input in = {.type = GN_IN_TIMER};

    if (!node->up || ev->life != node->lives) {
        return;
    }
    if (ev->type == EV_QUERY) {
        deliver_query(n, node, ev);
        return;
    }
    if (ev->type == EV_REPLY) {
        in.type = GN_IN_REPLY;
        in.u.reply.txid = ev->txid;
        in.u.reply.from = ev->from_contact;
        in.u.reply.observed = ev->observed;
        in.u.reply.via = ev->via;
        in.u.reply.body = gn_slice_of(ev->body, ev->body_len);
    } else if (ev->type == EV_STORE) {
        in.type = GN_IN_STORE;
        in.u.store = ev->answer->answer;
    } else {
        if (ev->at != node->timer_at) {
            return; /* an earlier one was set since */
        }
        node->timer_at = 0;
    }
    (void)step_net_step(n, node, &in); /* unknown txids of late answers */
}

static void drop_event(struct event *ev)
{
    free(ev->body); /* NOLINT(clang-analyzer-unix.Malloc): each event is popped once; ASan agrees */
    step_store_answer_free(ev->answer);
}

static bool run_one(struct step_net *n, gn_time_us until)
{
    if (n->heap_len == 0 || n->heap[0].at > until) {
        return false;
    }
    struct event ev = pop(n);
    n->now = ev.at > n->now ? ev.at : n->now;
    deliver(n, &ev);
    drop_event(&ev);
    return true;
}

void step_net_run(struct step_net *n, gn_time_us for_us)
{
    gn_time_us until = n->now + for_us;

    while (run_one(n, until)) {
    }
    n->now = until;
}

bool step_net_finish(struct step_net *n, const struct step_net_op *op, gn_time_us most_us)
{
    gn_time_us until = n->now + most_us;

    while (!op->done && run_one(n, until)) {
    }
    return op->done;
}
