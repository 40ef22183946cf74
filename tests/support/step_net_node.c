/* tests/support/step_net_node.c - nodes begin, move, lie and die; commands; looking in. */
#include "tests/support/step_net_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "overlay/msg/record.h"
#include "tests/support/step_crypto.h"

#define WALL_START 1700000000U

/* ---- Nodes ---- */

static bool start(struct step_net *n, struct node *node)
{
    struct gn_overlay_config config = {.self = node->contact.id, .mode = GN_MODE_SERVER};
    struct gn_input in = {.type = GN_IN_SELF};
    enum gn_err err;

    config.allow_private = n->config.local;
    config.book = n->config.shared_book ? &n->book : NULL;
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
    err = step_net_step(n, node, &in);
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
    step_meter_init(&node->meter, n->config.fail_node == index ? n->config.fail_at : 0);
    step_crypto_init(&node->crypto, &node->contact.id);
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
    gn_book_init(&n->book, gn_alloc_default(), (const uint8_t[16]){1}, 100000);
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
    GN_CHECK(gn_book_len(&n->book) == 0); /* every reference was given back */
    gn_book_fini(&n->book);
    for (size_t i = 0; i < n->heap_len; i++) {
        free(n->heap[i].body);
        step_store_answer_free(n->heap[i].answer);
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
        return step_net_step(n, x, &in) == GN_OK;
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
    err = step_net_step(n, x, &in);
    GN_CHECK(err == GN_OK);
    in = (struct gn_input){.type = GN_IN_NET_CHANGED};
    err = step_net_step(n, x, &in);
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
    enum gn_err err = step_net_step(n, &n->nodes[node], &in);
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
    enum gn_err err = step_net_step(n, &n->nodes[node], &in);
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

size_t step_net_record(struct step_net *n, unsigned node, uint8_t *out, uint64_t seq, const char *text, gn_wall_s ttl)
{
    struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .value = gn_slice_str(text)};
    size_t len = 0;

    r.expiry = step_net_wall(n) + ttl;
    if (seq > 0) {
        r.kind = GN_RECORD_MUTABLE;
        r.seq = seq;
        r.owner = n->nodes[node].contact.id;
        r.salt = gn_slice_str("s");
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

uint32_t step_net_book_len(const struct step_net *n)
{
    return gn_book_len(&n->book);
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
