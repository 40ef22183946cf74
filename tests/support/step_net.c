/* tests/support/step_net.c - the event loop of the network and what its packets meet. */
#include "tests/support/step_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/rng.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/record.h"
#include "tests/support/step_store.h"

#define WALL_START 1700000000U
#define DATAGRAM_REPLY_MAX 1150U

struct meter {
    struct gn_alloc alloc;
    uint64_t calls, fail_at;
    size_t bytes;
    bool failed;
};

struct node {
    struct step_net *net;
    unsigned index;
    struct gn_overlay *overlay;
    struct gn_env env;
    struct gn_crypto crypto;
    struct gn_rng rng;
    struct meter meter;
    struct gn_contact contact;
    struct step_store store;
    uint8_t *table;
    size_t table_len;
    gn_time_us timer_at; /* a timer event is queued for then */
    gn_time_us extra_us;
    enum step_net_lie lie;
    unsigned lives; /* generation: events of an earlier life are void */
    bool up, mute, closed;
};

enum event_type { EV_QUERY, EV_REPLY, EV_STORE, EV_TIMER };

struct event {
    gn_time_us at;
    uint64_t seq;
    enum event_type type;
    unsigned node, from, life;
    enum gn_via via;
    uint64_t txid;
    bool introduce;
    struct gn_id to_id;
    struct gn_contact from_contact;
    struct gn_addr observed;
    uint8_t *body;
    size_t body_len;
    struct step_store_answer *answer;
};

struct asked {
    unsigned node, life;
    uint64_t txid;
    enum gn_via via;
    struct gn_addr addr;
    bool open;
};

struct step_net {
    struct step_net_config config;
    struct node nodes[STEP_NET_NODES_MAX];
    struct event *heap;
    size_t heap_len, heap_cap;
    struct asked *asked;
    size_t asked_len, asked_cap;
    struct gn_outbox *out;
    struct gn_rng links, lies;
    gn_time_us now;
    uint64_t seq, hash, queries, soft_errors;
    struct step_net_op *ops[STEP_NET_OPS_MAX];
    gn_op_id ops_len;
};

/* ---- Memory that is counted and may fail ---- */

static bool fails(struct meter *m)
{
    m->calls++;
    if (m->fail_at != 0 && m->calls == m->fail_at) {
        m->failed = true;
        return true;
    }
    return false;
}

static void *meter_calloc(void *ctx, size_t n, size_t size)
{
    struct meter *m = ctx;

    if (fails(m)) {
        return NULL;
    }
    size_t *p = calloc(1, n * size + 16U);
    if (!p) {
        return NULL;
    }
    *p = n * size;
    m->bytes += n * size;
    return p + 2;
}

static void meter_free(void *ctx, void *ptr)
{
    struct meter *m = ctx;

    if (ptr) {
        size_t *p = (size_t *)ptr - 2;

        m->bytes -= *p;
        free(p);
    }
}

static void *meter_realloc(void *ctx, void *ptr, size_t size)
{
    struct meter *m = ctx;

    if (!ptr) {
        return meter_calloc(ctx, 1, size);
    }
    if (fails(m)) {
        return NULL;
    }
    size_t *old = (size_t *)ptr - 2;
    size_t was = *old;
    size_t *p = realloc(old, size + 16U);
    if (!p) {
        return NULL;
    }
    m->bytes += size - was;
    *p = size;
    return p + 2;
}

/* ---- Crypto that refuses tampering, at the price of a hash ---- */

static void net_hash(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces,
                     size_t pieces_len)
{
    (void)ctx;
    gn_hash_pieces(out->b, sizeof out->b, key, key ? 32 : 0, pieces, pieces_len);
}

static void signature(uint8_t sig[64], const struct gn_id *signer, struct gn_slice message)
{
    struct gn_slice pieces[] = {gn_slice_of("step", 4), gn_slice_of(signer->b, sizeof signer->b), message};

    gn_hash_pieces(sig, 64, NULL, 0, pieces, 3);
}

static void net_sign(void *ctx, uint8_t sig[64], struct gn_slice message)
{
    signature(sig, &((struct node *)ctx)->contact.id, message);
}

static bool net_verify(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer)
{
    uint8_t right[64];

    (void)ctx;
    signature(right, signer, message);
    return memcmp(sig, right, sizeof right) == 0;
}

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

/* ---- Lies ---- */

static void false_contacts(struct step_net *n, struct gn_msg_reply *r, const struct gn_id *target, bool swapped)
{
    if (swapped) {
        for (size_t i = 0; i < r->contacts_len; i++) {
            r->contacts[i].addr.ip[3] = 99;
            r->contacts[i].addr.port = 9;
        }
        return;
    }
    for (size_t i = 0; i < GN_MSG_CONTACTS_MAX; i++) {
        struct gn_contact *c = &r->contacts[i];

        memset(c, 0, sizeof *c);
        c->id = *target;
        gn_rng_bytes(&n->lies, c->id.b + 4, sizeof c->id.b - 4U);
        c->addr = (struct gn_addr){.family = GN_ADDR_V4, .port = 4000};
        c->addr.ip[0] = 90;
        gn_rng_bytes(&n->lies, c->addr.ip + 1, 3);
    }
    r->contacts_len = GN_MSG_CONTACTS_MAX;
}

/* What a liar makes of its own overlay's reply. Takes and gives heap memory. */
static uint8_t *lie(struct step_net *n, const struct node *liar, uint8_t *body, size_t *len)
{
    struct gn_msg_reply r;
    struct gn_id target;
    uint8_t *out = malloc(2048);

    GN_CHECK(out != NULL);
    gn_rng_bytes(&n->lies, target.b, sizeof target.b);
    if (liar->lie == STEP_NET_GARBAGE) {
        *len = gn_rng_below(&n->lies, 200);
        gn_rng_bytes(&n->lies, out, *len);
        free(body);
        return out;
    }
    if (gn_msg_reply_decode(&r, gn_slice_of(body, *len)) != GN_OK) {
        free(out);
        return body;
    }
    uint8_t wrong[64] = {0x93, 1, 1, 0xc4, 1, 'x'};
    if (liar->lie == STEP_NET_FALSE_RECORDS) {
        r.status = GN_MSG_OK;
        r.values[0] = gn_slice_of(wrong, 6);
        r.values_len = 1;
        r.values_is_list = false;
    } else {
        false_contacts(n, &r, r.contacts_len > 0 ? &r.contacts[0].id : &target, liar->lie == STEP_NET_SWAPPED);
    }
    enum gn_err err = gn_msg_reply_encode(out, len, 2048, &r);
    GN_CHECK(err == GN_OK);
    free(body);
    return out;
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
        body = lie(n, from, body, &len);
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

static enum gn_err step(struct step_net *n, struct node *node, struct gn_input *in)
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
    (void)step(n, node, &in); /* refusals are the answering side's own business */
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
    (void)step(n, node, &in); /* unknown txids of late answers */
}

static void drop_event(struct event *ev)
{
    free(ev->body);
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

/* ---- Nodes ---- */

static bool start(struct step_net *n, struct node *node)
{
    struct gn_overlay_config config = {.self = node->contact.id, .mode = GN_MODE_SERVER};
    struct gn_input in = {.type = GN_IN_SELF};
    enum gn_err err;

    config.allow_private = n->config.local;
    if (n->config.local) {
        config.mode = n->config.mode;
    } else if (n->config.first_auto > 0 && node->index >= n->config.first_auto) {
        config.mode = GN_MODE_AUTO;
    }
    node->lives++;
    node->timer_at = 0;
    if (gn_overlay_new(&node->overlay, &config, &node->env, n->now, step_net_wall(n)) != GN_OK) {
        return false;
    }
    node->up = true;
    in.u.self.contact = node->contact;
    in.u.self.addrs = &node->contact.addr;
    in.u.self.addrs_len = 1;
    err = step(n, node, &in);
    GN_CHECK(err == GN_OK || err == GN_E_NO_MEMORY);
    return true;
}

static void set_addr(const struct step_net *n, struct node *node, unsigned number)
{
    struct gn_addr *a = &node->contact.addr;

    memset(a, 0, sizeof *a);
    a->family = GN_ADDR_V4;
    if (n->config.local) {
        a->ip[0] = 127;
        a->ip[3] = 1;
        a->port = (uint16_t)(20000U + number);
        return;
    }
    a->ip[0] = (uint8_t)(20U + number % 60U); /* another /16 for each, nearly */
    a->ip[1] = (uint8_t)(number / 60U);
    a->ip[2] = (uint8_t)(number % 250U);
    a->ip[3] = 7;
    a->port = 4000;
}

static void prepare(struct step_net *n, struct node *node, unsigned index)
{
    struct gn_rng ids;

    node->net = n;
    node->index = index;
    node->meter.alloc =
        (struct gn_alloc){.calloc = meter_calloc, .realloc = meter_realloc, .free = meter_free, .ctx = &node->meter};
    node->meter.fail_at = n->config.fail_node == index ? n->config.fail_at : 0;
    node->crypto = (struct gn_crypto){.hash = net_hash, .sign = net_sign, .verify = net_verify, .ctx = node};
    gn_rng_init_test(&node->rng, n->config.seed, 1000U + index);
    gn_rng_init_test(&ids, n->config.seed, 5000000U + index);
    gn_rng_bytes(&ids, node->contact.id.b, sizeof node->contact.id.b);
    gn_rng_bytes(&ids, node->contact.epk, sizeof node->contact.epk);
    set_addr(n, node, index);
    node->env = (struct gn_env){.alloc = &node->meter.alloc, .crypto = &node->crypto, .rng = &node->rng};
}

struct step_net *step_net_new(const struct step_net_config *config)
{
    struct step_net *n = calloc(1, sizeof *n);

    GN_CHECK(n != NULL && config->nodes <= STEP_NET_NODES_MAX);
    n->config = *config;
    n->hash = UINT64_C(0xcbf29ce484222325);
    n->now = GN_SECONDS(100);
    if (n->config.latency_max_us == 0) {
        n->config.latency_min_us = GN_MS(5);
        n->config.latency_max_us = GN_MS(100);
    }
    gn_rng_init_test(&n->links, config->seed, 1);
    gn_rng_init_test(&n->lies, config->seed, 2);
    enum gn_err err = gn_outbox_new(&n->out, gn_alloc_default());
    GN_CHECK(err == GN_OK);
    for (unsigned i = 0; i < config->nodes; i++) {
        prepare(n, &n->nodes[i], i);
        (void)start(n, &n->nodes[i]);
    }
    return n;
}

void step_net_free(struct step_net *n)
{
    for (unsigned i = 0; i < n->config.nodes; i++) {
        struct node *node = &n->nodes[i];

        gn_overlay_free(node->overlay);
        GN_CHECK(node->meter.bytes == 0); /* nothing leaks, whatever failed */
        step_store_fini(&node->store);
        free(node->table);
    }
    for (size_t i = 0; i < n->heap_len; i++) {
        drop_event(&n->heap[i]);
    }
    for (gn_op_id i = 0; i < n->ops_len; i++) {
        free(n->ops[i]->record);
        free(n->ops[i]);
    }
    gn_outbox_free(n->out);
    free(n->heap);
    free(n->asked);
    free(n);
}

void step_net_kill(struct step_net *n, unsigned node)
{
    struct node *x = &n->nodes[node];

    gn_overlay_free(x->overlay);
    x->overlay = NULL;
    GN_CHECK(x->meter.bytes == 0);
    x->up = false;
    x->lives++;
}

bool step_net_restart(struct step_net *n, unsigned node, bool with_table)
{
    struct node *x = &n->nodes[node];
    struct gn_input in = {.type = GN_IN_TABLE};

    if (!start(n, x)) {
        return false;
    }
    if (with_table && x->table_len > 0) {
        in.u.table = gn_slice_of(x->table, x->table_len);
        return step(n, x, &in) == GN_OK;
    }
    return !with_table;
}

void step_net_move(struct step_net *n, unsigned node)
{
    struct node *x = &n->nodes[node];
    struct gn_input in = {.type = GN_IN_SELF};
    enum gn_err err;

    set_addr(n, x, STEP_NET_NODES_MAX + node);
    in.u.self.contact = x->contact;
    in.u.self.addrs = &x->contact.addr;
    in.u.self.addrs_len = 1;
    err = step(n, x, &in);
    GN_CHECK(err == GN_OK);
    in = (struct gn_input){.type = GN_IN_NET_CHANGED};
    err = step(n, x, &in);
    GN_CHECK(err == GN_OK);
}

struct step_net_op *step_net_command(struct step_net *n, unsigned node, struct gn_command *command)
{
    struct step_net_op *op = calloc(1, sizeof *op);
    struct gn_input in = {.type = GN_IN_COMMAND};

    GN_CHECK(op != NULL && n->ops_len < STEP_NET_OPS_MAX);
    n->ops[n->ops_len++] = op;
    command->op = n->ops_len;
    op->node = node;
    op->started = n->now;
    op->deadline = n->now + (command->timeout_us ? command->timeout_us : GN_SECONDS(10));
    in.u.command = *command;
    enum gn_err err = step(n, &n->nodes[node], &in);
    if (err != GN_OK) {
        GN_CHECK(!op->done);
        op->done = true;
        op->err = err;
    }
    return op;
}

void step_net_cancel(struct step_net *n, unsigned node, const struct step_net_op *op)
{
    struct gn_input in = {.type = GN_IN_CANCEL};

    for (gn_op_id i = 0; i < n->ops_len; i++) {
        if (n->ops[i] == op) {
            in.u.cancel = i + 1U;
        }
    }
    enum gn_err err = step(n, &n->nodes[node], &in);
    GN_CHECK(err == GN_OK);
}

void step_net_join_all(struct step_net *n, gn_time_us apart_us)
{
    struct step_net_op *ops[STEP_NET_NODES_MAX] = {NULL};

    for (unsigned i = 1; i < n->config.nodes; i++) {
        struct gn_command c = {.type = GN_CMD_BOOTSTRAP, .contact = n->nodes[0].contact};

        if (n->nodes[i].up) {
            ops[i] = step_net_command(n, i, &c);
            step_net_run(n, apart_us);
        }
    }
    for (unsigned i = 1; i < n->config.nodes; i++) {
        GN_CHECK(!ops[i] || step_net_finish(n, ops[i], GN_SECONDS(20)));
    }
}

size_t step_net_record(struct step_net *n, unsigned node, uint8_t *out, uint8_t kind, const char *salt, uint64_t seq,
                       struct gn_slice value, gn_wall_s ttl)
{
    struct gn_record r = {.kind = kind, .expiry = step_net_wall(n) + ttl, .seq = seq, .value = value};
    size_t len = 0;

    if (kind == GN_RECORD_MUTABLE) {
        r.owner = n->nodes[node].contact.id;
        r.salt = gn_slice_str(salt);
    } else {
        r.seq = 0;
    }
    enum gn_err err = gn_record_sign(&r, out, &len, GN_RECORD_BYTES_MAX, &n->nodes[node].crypto);
    GN_CHECK(err == GN_OK);
    return len;
}

/* ---- Looking in ---- */

size_t step_net_oracle(const struct step_net *n, struct gn_id *out, size_t cap, const struct gn_id *target,
                       unsigned except)
{
    size_t len = 0;

    for (unsigned i = 0; i < n->config.nodes; i++) {
        const struct gn_id *id = &n->nodes[i].contact.id;
        size_t at = len;

        if (!n->nodes[i].up || i == except || n->nodes[i].mute) {
            continue;
        }
        while (at > 0 && gn_id_closer(target, id, &out[at - 1U]) < 0) {
            if (at < cap) {
                out[at] = out[at - 1U];
            }
            at--;
        }
        if (at < cap) {
            out[at] = *id;
            len += len < cap;
        }
    }
    return len;
}

bool step_net_is_up(const struct step_net *n, unsigned node)
{
    return n->nodes[node].up;
}

struct gn_overlay *step_net_overlay(struct step_net *n, unsigned node)
{
    return n->nodes[node].overlay;
}

struct gn_contact step_net_contact(const struct step_net *n, unsigned node)
{
    return n->nodes[node].contact;
}

void step_net_crypto(const struct step_net *n, unsigned node, struct gn_crypto *out)
{
    *out = n->nodes[node].crypto;
}

void step_net_set_store_delay(struct step_net *n, gn_time_us delay_us)
{
    n->config.store_us = delay_us;
}

gn_time_us step_net_now(const struct step_net *n)
{
    return n->now;
}

gn_wall_s step_net_wall(const struct step_net *n)
{
    return WALL_START + n->now / GN_SECONDS(1);
}

size_t step_net_bytes(const struct step_net *n, unsigned node)
{
    return n->nodes[node].meter.bytes;
}

uint64_t step_net_allocs(const struct step_net *n, unsigned node)
{
    return n->nodes[node].meter.calls;
}

bool step_net_failed(const struct step_net *n)
{
    return n->nodes[n->config.fail_node].meter.failed;
}

uint64_t step_net_hash(const struct step_net *n)
{
    return n->hash;
}

uint64_t step_net_queries(const struct step_net *n)
{
    return n->queries;
}

uint64_t step_net_soft_errors(const struct step_net *n)
{
    return n->soft_errors;
}

void step_net_mute(struct step_net *n, unsigned node, bool mute)
{
    n->nodes[node].mute = mute;
}

void step_net_block_queries(struct step_net *n, unsigned node, bool block)
{
    n->nodes[node].closed = block;
}

void step_net_lie(struct step_net *n, unsigned node, enum step_net_lie what)
{
    n->nodes[node].lie = what;
}

void step_net_set_loss(struct step_net *n, unsigned percent)
{
    n->config.loss_percent = percent;
}

void step_net_slow_down(struct step_net *n, unsigned node, gn_time_us extra_us)
{
    n->nodes[node].extra_us = extra_us;
}

void step_net_drop_store(struct step_net *n, unsigned node)
{
    step_store_fini(&n->nodes[node].store);
}

size_t step_net_stored(const struct step_net *n, unsigned node)
{
    return n->nodes[node].store.len;
}

bool step_net_holds(const struct step_net *n, unsigned node, const struct gn_id *target)
{
    return step_store_has(&n->nodes[node].store, target);
}
