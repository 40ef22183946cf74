/* tests/fuzz/fuzz_overlay_step.c - one overlay against a driver, peers, a disk and a clock that do what the input says.
 *
 * The input is a list of actions: time jumps, commands, answers to what the overlay asked (well formed, odd, or raw
 * bytes), queries of strangers, store answers right and wrong, table snapshots. After each step the overlay must be
 * sound; at the end every operation has told its DONE once, after enough time has passed.
 */
#include "tests/support/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/record.h"
#include "overlay/overlay.h"

#define ASKED_MAX 64U
#define OPS_MAX 32U

struct asked {
    uint64_t txid;
    struct gn_contact to;
    enum gn_via via;
};

struct world {
    const uint8_t *data;
    size_t len, at;
    struct gn_overlay *o;
    struct gn_outbox *out;
    gn_time_us now;
    gn_wall_s wall;
    struct asked asked[ASKED_MAX];
    size_t asked_len;
    struct gn_store_request stores[ASKED_MAX];
    uint8_t store_bytes[ASKED_MAX][256];
    size_t stores_len;
    unsigned started[OPS_MAX], done[OPS_MAX];
    gn_op_id ops;
    bool time_ended; /* the clock jumped to the end of time once: nothing can be waited for any more */
};

static uint8_t u8(struct world *w)
{
    return w->at < w->len ? w->data[w->at++] : 0;
}

static struct gn_slice take(struct world *w, size_t n)
{
    size_t left = w->len - w->at;
    struct gn_slice s = gn_slice_of(w->data + w->at, n < left ? n : left);

    w->at += s.len;
    return s;
}

static void hash(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces, size_t pieces_len)
{
    (void)ctx;
    gn_hash_pieces(out->b, sizeof out->b, key, key ? 32 : 0, pieces, pieces_len);
}

/* A signature that the fuzzer can make, so that it gets past it: the first byte of the message, many times. */
static void sign(void *ctx, uint8_t sig[64], struct gn_slice message)
{
    (void)ctx;
    memset(sig, message.len > 0 ? message.data[0] : 0, 64);
}

static bool verify(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer)
{
    (void)ctx;
    return sig[0] != 0xee && message.len > 0 && signer->b[31] != 0xee;
}

static struct gn_contact some_contact(struct world *w)
{
    uint8_t n = u8(w);
    struct gn_contact c = {.addr = {.family = GN_ADDR_V4, .port = 4000}};

    c.id.b[0] = (uint8_t)(n * 37U);
    c.id.b[31] = n;
    c.epk[0] = n;
    c.addr.ip[0] = (uint8_t)(20U + n % 100U);
    c.addr.ip[2] = (uint8_t)(n / 16U);
    c.addr.ip[3] = n;
    return c;
}

static struct gn_id some_id(struct world *w)
{
    struct gn_id id = {{0}};

    id.b[0] = u8(w);
    id.b[31] = 1;
    return id;
}

static void note_effect(struct world *w, const struct gn_effect *fx)
{
    if (fx->type == GN_FX_QUERY) {
        struct gn_msg_query q;

        enum gn_err err = gn_msg_query_decode(&q, NULL, fx->u.query.body);
        GN_CHECK(err == GN_OK && q.txid == fx->u.query.txid);
        GN_CHECK(gn_addr_is_usable(&fx->u.query.to.addr));
        w->asked[w->asked_len++ % ASKED_MAX] =
            (struct asked){.txid = fx->u.query.txid, .to = fx->u.query.to, .via = fx->u.query.via};
    } else if (fx->type == GN_FX_STORE && fx->u.store.op != GN_STORE_SAVE_TABLE) {
        size_t i = w->stores_len++ % ASKED_MAX;
        size_t n = fx->u.store.entry.record.len < 256 ? fx->u.store.entry.record.len : 256;

        w->stores[i] = fx->u.store;
        if (n > 0) {
            memcpy(w->store_bytes[i], fx->u.store.entry.record.data, n);
        }
        w->stores[i].entry.record = gn_slice_of(w->store_bytes[i], n);
    } else if (fx->type == GN_FX_OP && fx->u.op.type == GN_OPEV_DONE) {
        GN_CHECK(fx->u.op.op >= 1 && fx->u.op.op <= w->ops);
        GN_CHECK(++w->done[fx->u.op.op - 1U] == 1);
    }
}

static enum gn_err step(struct world *w, struct gn_input *in)
{
    in->now = w->now;
    in->wall = w->wall;
    enum gn_err err = gn_overlay_step(w->o, w->out, in);
    for (size_t i = 0; i < gn_outbox_len(w->out); i++) {
        note_effect(w, gn_outbox_at(w->out, i));
    }
    gn_outbox_clear(w->out);
    return err;
}

/* ---- Actions ---- */

static void do_time(struct world *w)
{
    static const gn_time_us units[] = {1000,           20000,          300000,      GN_SECONDS(2),
                                       GN_SECONDS(60), GN_MINUTES(15), GN_HOURS(20)};
    struct gn_input in = {.type = GN_IN_TIMER};
    uint8_t what = u8(w);
    gn_time_us by = units[what % 7U] * (1U + u8(w));

    if (what >= 0xf0) {
        w->now = what == 0xff ? UINT64_MAX - 1000U : gn_time_sub(w->now, by); /* a clock that jumps */
        w->time_ended = w->time_ended || what == 0xff;
    } else {
        w->now = gn_time_add(w->now, by);
        w->wall += by / GN_SECONDS(1);
    }
    (void)step(w, &in);
}

static void do_command(struct world *w)
{
    struct gn_input in = {.type = GN_IN_COMMAND};
    struct gn_command *c = &in.u.command;
    uint8_t record[512];
    size_t len = 0;

    if (w->ops == OPS_MAX) {
        return;
    }
    c->type = (enum gn_command_type)(u8(w) % 11U);
    c->flags = u8(w) & 0xfU;
    c->contact = some_contact(w);
    c->target = some_id(w);
    c->kind = u8(w) % 4U;
    c->cas_seq = u8(w) % 4U;
    c->timeout_us = u8(w) % 2U ? 0 : GN_SECONDS(1U + u8(w) % 60U);
    if (c->type == GN_CMD_PUT && u8(w) % 4U != 0) {
        struct gn_record r = {.kind = (uint8_t)(1U + u8(w) % 3U), .expiry = w->wall + 3600U, .seq = u8(w) % 4U};
        struct gn_crypto crypto = {.hash = hash, .sign = sign, .verify = verify};

        r.value = r.kind == GN_RECORD_PROVIDER ? gn_slice_of(NULL, 0) : take(w, u8(w));
        if (gn_record_sign(&r, record, &len, sizeof record, &crypto) != GN_OK) {
            len = 0;
        }
        c->record = gn_slice_of(record, len);
    } else {
        c->record = take(w, u8(w));
    }
    c->op = ++w->ops;
    enum gn_err err = step(w, &in);
    w->started[c->op - 1U] = err == GN_OK;
    GN_CHECK(err == GN_OK || w->done[c->op - 1U] == 0);
}

static size_t make_reply(struct world *w, uint8_t *body, size_t cap, uint64_t txid, uint8_t *values)
{
    struct gn_msg_reply r = {.txid = txid, .status = u8(w) % 12U, .has_token = u8(w) % 2U};
    size_t len = 0;
    size_t value_len = 0;

    r.contacts_len = u8(w) % (GN_MSG_CONTACTS_MAX + 1U);
    for (size_t i = 0; i < r.contacts_len; i++) {
        r.contacts[i] = some_contact(w);
    }
    if (u8(w) % 3U == 0) {
        struct gn_record record = {.kind = (uint8_t)(1U + u8(w) % 3U), .expiry = w->wall + u8(w), .seq = u8(w) % 4U};
        struct gn_crypto crypto = {.hash = hash, .sign = sign, .verify = verify};

        record.owner = some_id(w);
        record.target = some_id(w);
        if (record.kind != GN_RECORD_PROVIDER) {
            record.value = take(w, u8(w) % 64U);
        }
        if (gn_record_sign(&record, values, &value_len, 512, &crypto) == GN_OK) {
            r.values[0] = gn_slice_of(values, value_len);
            r.values_len = 1;
            r.values_is_list = record.kind == GN_RECORD_PROVIDER;
        }
    }
    return gn_msg_reply_encode(body, &len, cap, &r) == GN_OK ? len : 0;
}

static void do_reply(struct world *w)
{
    struct gn_input in = {.type = GN_IN_REPLY};
    uint8_t body[4096];
    uint8_t values[512];
    uint8_t how = u8(w);

    if (w->asked_len == 0) {
        return;
    }
    struct asked *a = &w->asked[how % (w->asked_len < ASKED_MAX ? w->asked_len : ASKED_MAX)];
    in.u.reply.txid = a->txid ^ (uint64_t)(how == 0xff);
    in.u.reply.from = a->to;
    if (gn_id_is_zero(&a->to.id) || how >= 0xf8) {
        in.u.reply.from = some_contact(w);
    }
    in.u.reply.via = a->via;
    in.u.reply.observed = some_contact(w).addr;
    if (u8(w) % 8U == 0) {
        in.u.reply.body = take(w, u8(w));
    } else {
        in.u.reply.body = gn_slice_of(body, make_reply(w, body, sizeof body, in.u.reply.txid, values));
    }
    (void)step(w, &in);
}

static void do_query(struct world *w)
{
    struct gn_input in = {.type = GN_IN_QUERY};
    struct gn_input_query *iq = &in.u.query;
    struct gn_msg_query q = {.txid = 7, .flags = u8(w) % 4U};
    uint8_t body[1024];
    size_t len = 0;

    iq->self = some_contact(w);
    iq->addr = iq->self.addr;
    iq->has_self = u8(w) % 2U;
    iq->addr_proved = true;
    iq->via = u8(w) % 2U ? GN_VIA_STREAM : GN_VIA_DATAGRAM;
    iq->reply_max = iq->via == GN_VIA_STREAM ? GN_MSG_REPLY_MAX : 1150U;
    q.method = (uint16_t)(1U + u8(w) % 8U);
    q.target = some_id(w);
    q.kind = u8(w) % 4U;
    q.has_nonce = q.method == GN_MSG_PROBE_ME || u8(w) % 2U;
    q.hops = u8(w) % 2U;
    q.has_subject = u8(w) % 2U;
    q.subject = some_contact(w);
    q.record = take(w, 1U + u8(w) % 64U);
    if (u8(w) % 8U == 0 || gn_msg_query_encode(body, &len, sizeof body, &q) != GN_OK) {
        iq->body = take(w, u8(w));
    } else {
        iq->body = gn_slice_of(body, len);
    }
    (void)step(w, &in);
}

static void do_store(struct world *w)
{
    struct gn_input in = {.type = GN_IN_STORE};
    struct gn_store_entry entry;
    uint8_t how = u8(w);

    if (w->stores_len == 0) {
        return;
    }
    const struct gn_store_request *r = &w->stores[how % (w->stores_len < ASKED_MAX ? w->stores_len : ASKED_MAX)];
    in.u.store.req = how == 0xff ? u8(w) : r->req;
    in.u.store.err = how % 3U == 0 ? GN_E_NOT_FOUND : GN_OK;
    if (how % 3U == 1) {
        entry = r->entry;
        if (entry.record.len == 0) {
            entry.record = take(w, u8(w));
        }
        entry.expires_at = w->wall + u8(w);
        in.u.store.entries = &entry;
        in.u.store.entries_len = 1;
    }
    (void)step(w, &in);
}

static void do_other(struct world *w)
{
    struct gn_input in = {.type = GN_IN_NET_CHANGED};
    struct gn_addr addr = some_contact(w).addr;
    uint8_t table[3 + 83 * 2];

    switch (u8(w) % 6U) {
    case 0:
        in.type = GN_IN_QUERY_FAILED;
        in.u.failed.txid = w->asked[u8(w) % ASKED_MAX].txid;
        in.u.failed.err = u8(w) % 2U ? GN_E_LIMIT : GN_E_UNREACHABLE;
        break;
    case 1:
        in.type = GN_IN_CANCEL;
        in.u.cancel = u8(w) % OPS_MAX;
        break;
    case 2:
        in.type = GN_IN_SELF;
        in.u.self.contact.id.b[0] = 0x80;
        in.u.self.addrs = &addr;
        in.u.self.addrs_len = u8(w) % 2U;
        break;
    case 3:
        in.type = GN_IN_TABLE;
        in.u.table = take(w, u8(w));
        break;
    case 4: /* a well-formed snapshot of two contacts, their bytes from the input */
        memset(table, 0, sizeof table);
        table[0] = 1;
        table[2] = 2;
        for (size_t i = 3; i < sizeof table; i += 7) {
            table[i] = u8(w);
        }
        table[3 + 64] = GN_ADDR_V4;
        table[3 + 83 + 64] = GN_ADDR_V4;
        in.type = GN_IN_TABLE;
        in.u.table = gn_slice_of(table, sizeof table);
        break;
    default:
        break;
    }
    (void)step(w, &in);
}

/* A little time after a little time until everything has come to its end. */
static void let_all_end(struct world *w)
{
    struct gn_input in = {.type = GN_IN_TIMER};

    for (unsigned i = 0; i < 500 && gn_overlay_ops_len(w->o) > 0; i++) {
        w->now = gn_time_add(w->now, GN_MS(200));
        (void)step(w, &in);
    }
    if (!w->time_ended) {
        for (gn_op_id i = 0; i < w->ops; i++) {
            GN_CHECK(w->done[i] == w->started[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const actions[])(struct world *) = {do_time,  do_command, do_reply, do_reply,
                                                      do_query, do_store,   do_other, do_time};
    struct world *w = calloc(1, sizeof *w);
    struct gn_crypto crypto = {.hash = hash, .sign = sign, .verify = verify};
    struct gn_rng rng;
    struct gn_env env = {.alloc = gn_alloc_default(), .crypto = &crypto, .rng = &rng};
    struct gn_overlay_config config = {.self = {{0x80}}, .lookups_max = OPS_MAX};

    GN_CHECK(w != NULL);
    w->data = data;
    w->len = size;
    w->now = GN_SECONDS(1000);
    w->wall = 1700000000;
    gn_rng_init_test(&rng, size, u8(w));
    config.mode = (enum gn_overlay_mode)(u8(w) % 3U);
    config.allow_private = u8(w) % 2U;
    if (gn_outbox_new(&w->out, env.alloc) == GN_OK && gn_overlay_new(&w->o, &config, &env, w->now, w->wall) == GN_OK) {
        for (unsigned i = 0; i < 500 && w->at < w->len; i++) {
            actions[u8(w) % 8U](w);
            GN_CHECK(gn_overlay_is_sound(w->o));
        }
        let_all_end(w);
        gn_overlay_free(w->o);
    }
    gn_outbox_free(w->out);
    free(w);
    return 0;
}
