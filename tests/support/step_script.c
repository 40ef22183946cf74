/* tests/support/step_script.c - plays the world around one overlay. */
#include "tests/support/step_script.h"

#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/step_crypto.h"

static void take_effect(struct script *s, const struct gn_effect *fx)
{
    if (fx->type == GN_FX_QUERY) {
        struct script_sent *q = &s->sent[s->sent_len++];

        assert_true(s->sent_len < SCRIPT_SENT_MAX);
        *q = (struct script_sent){.txid = fx->u.query.txid, .to = fx->u.query.to, .via = fx->u.query.via, .open = true};
        assert_int_equal(gn_msg_query_decode(&q->q, NULL, fx->u.query.body), GN_OK);
        q->q.record.data = NULL; /* does not outlive the outbox */
    } else if (fx->type == GN_FX_STORE) {
        assert_true(s->stores_len < 64);
        s->stores[s->stores_len++] = fx->u.store;
    } else if (fx->type == GN_FX_OP && fx->u.op.type == GN_OPEV_DONE) {
        assert_false(s->done);
        s->done = true;
        s->end = fx->u.op;
    } else if (fx->type == GN_FX_OP) {
        s->records += fx->u.op.type == GN_OPEV_RECORD;
        s->stored += fx->u.op.type == GN_OPEV_STORED;
        if (fx->u.op.type == GN_OPEV_HOP) {
            s->hops[fx->u.op.hop.status]++;
        }
        if (fx->u.op.type == GN_OPEV_RECORD) {
            memcpy(s->record, fx->u.op.record.data, fx->u.op.record.len);
            s->record_len = fx->u.op.record.len;
        }
    }
}

enum gn_err script_step(struct script *s, struct gn_input *in)
{
    in->now = s->now;
    in->wall = 1700000000U + s->now / GN_SECONDS(1);
    enum gn_err err = gn_overlay_step(s->o, s->out, in);
    for (size_t i = 0; i < gn_outbox_len(s->out); i++) {
        take_effect(s, gn_outbox_at(s->out, i));
    }
    gn_outbox_clear(s->out);
    return err;
}

void script_begin(struct script *s, enum gn_overlay_mode mode)
{
    struct gn_overlay_config config = {.mode = mode};

    memset(s, 0, sizeof *s);
    step_meter_init(&s->meter, 0);
    s->self.b[0] = 0x11;
    config.self = s->self;
    step_crypto_init(&s->crypto, &s->self);
    gn_rng_init_test(&s->rng, 1, 1);
    s->env = (struct gn_env){.alloc = &s->meter.alloc, .crypto = &s->crypto, .rng = &s->rng};
    s->now = GN_SECONDS(50);
    assert_int_equal(gn_outbox_new(&s->out, &s->meter.alloc), GN_OK);
    assert_int_equal(gn_overlay_new(&s->o, &config, &s->env, s->now, 1700000050), GN_OK);
    struct gn_input in = {.type = GN_IN_SELF};
    struct gn_addr addr = {.family = GN_ADDR_V4, .ip = {77, 1, 1, 1}, .port = 4000};
    in.u.self.contact.id = s->self;
    in.u.self.addrs = &addr;
    in.u.self.addrs_len = 1;
    assert_int_equal(script_step(s, &in), GN_OK);
}

void script_end(struct script *s)
{
    assert_true(gn_overlay_is_sound(s->o));
    gn_overlay_free(s->o);
    gn_outbox_free(s->out);
    assert_int_equal(s->meter.bytes, 0);
}

struct gn_contact script_peer(unsigned n)
{
    struct gn_contact c = {.addr = {.family = GN_ADDR_V4, .port = 4000}};

    c.id.b[0] = (uint8_t)(n * 5U);
    c.id.b[1] = (uint8_t)n;
    c.addr.ip[0] = (uint8_t)(20U + n);
    c.addr.ip[3] = 1;
    return c;
}

void script_wait_us(struct script *s, gn_time_us us)
{
    struct gn_input in = {.type = GN_IN_TIMER};
    gn_time_us until = s->now + us;

    while (gn_overlay_deadline(s->o) <= until) {
        gn_time_us due = gn_overlay_deadline(s->o);

        s->now = due > s->now ? due : s->now;
        assert_int_equal(script_step(s, &in), GN_OK);
    }
    s->now = until;
}

enum gn_err script_answer_as(struct script *s, struct script_sent *q, struct gn_contact from, struct gn_msg_reply *r)
{
    struct gn_input in = {.type = GN_IN_REPLY};
    uint8_t body[4096];
    size_t len = 0;

    r->txid = q->txid;
    assert_int_equal(gn_msg_reply_encode(body, &len, sizeof body, r), GN_OK);
    in.u.reply.txid = q->txid;
    in.u.reply.from = from;
    in.u.reply.via = q->via;
    in.u.reply.body = gn_slice_of(body, len);
    for (size_t i = 0; i < s->sent_len; i++) { /* a retransmission is the same query */
        s->sent[i].open = s->sent[i].open && s->sent[i].txid != q->txid;
    }
    return script_step(s, &in);
}

void script_answer(struct script *s, struct script_sent *q, struct gn_msg_reply *r)
{
    assert_int_equal(script_answer_as(s, q, q->to, r), GN_OK);
}

void script_answer_all(struct script *s)
{
    for (size_t i = 0; i < s->sent_len; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK, .has_token = true};

        if (s->sent[i].open) {
            script_answer(s, &s->sent[i], &r);
        }
    }
}

void script_give_up(struct script *s, struct script_sent *q, enum gn_err err)
{
    struct gn_input in = {.type = GN_IN_QUERY_FAILED};

    in.u.failed.txid = q->txid;
    in.u.failed.err = err;
    q->open = false;
    assert_int_equal(script_step(s, &in), GN_OK);
    assert_int_equal(script_step(s, &in), GN_E_NOT_FOUND); /* twice is once */
}

size_t script_open_len(const struct script *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->sent_len; i++) {
        n += s->sent[i].open;
    }
    return n;
}

void script_meet(struct script *s, unsigned n)
{
    script_meet_within(s, n, GN_MS(10));
}

void script_meet_within(struct script *s, unsigned n, gn_time_us each_us)
{
    struct gn_input in = {.type = GN_IN_COMMAND};

    in.u.command = (struct gn_command){.op = 1000, .type = GN_CMD_BOOTSTRAP, .contact = script_peer(1)};
    assert_int_equal(script_step(s, &in), GN_OK);
    for (size_t i = 0; i < s->sent_len; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK};

        for (unsigned j = (unsigned)i * 8U + 1U; j <= n && r.contacts_len < 16; j++) {
            r.contacts[r.contacts_len++] = script_peer(j);
        }
        s->now += each_us;
        if (s->sent[i].open) {
            script_answer(s, &s->sent[i], &r);
        }
    }
    assert_true(s->done);
    assert_int_equal(s->end.err, GN_OK);
    for (unsigned i = 0; i < 20; i++) { /* pings of candidates */
        script_answer_all(s);
        script_wait_us(s, GN_MS(500));
    }
    script_answer_all(s);
    assert_int_equal(gn_overlay_peers_len(s->o), n);
    s->sent_len = 0;
    s->done = false;
}

void script_command(struct script *s, struct gn_command *c)
{
    struct gn_input in = {.type = GN_IN_COMMAND};

    c->op = 7;
    in.u.command = *c;
    assert_int_equal(script_step(s, &in), GN_OK);
}

void script_store_answer(struct script *s, enum gn_err err, const struct gn_store_entry *entry)
{
    struct gn_input in = {.type = GN_IN_STORE};

    assert_true(s->stores_len > 0);
    in.u.store.req = s->stores[s->stores_len - 1].req;
    in.u.store.err = err;
    in.u.store.entries = entry;
    in.u.store.entries_len = entry ? 1 : 0;
    assert_int_equal(script_step(s, &in), GN_OK);
}

struct gn_slice script_record(struct script *s, uint8_t *out, uint8_t kind, uint64_t seq, const char *text,
                              struct gn_id *target)
{
    struct gn_record r = {.kind = kind, .expiry = 1700000000U + 7200U, .seq = seq, .value = gn_slice_str(text)};
    size_t len = 0;

    if (kind == GN_RECORD_MUTABLE) {
        r.owner = s->self;
    } else {
        r.seq = 0;
    }
    gn_record_set_target(&r, &s->crypto);
    *target = r.target;
    assert_int_equal(gn_record_sign(&r, out, &len, GN_RECORD_BYTES_MAX, &s->crypto), GN_OK);
    return gn_slice_of(out, len);
}
