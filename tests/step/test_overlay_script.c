/* tests/step/test_overlay_script.c - one overlay whose peers, disk and clock are played by the test: what it asks, in
 * which order, and what it makes of odd answers.
 */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/msg/msg.h"
#include "overlay/msg/record.h"
#include "overlay/overlay.h"
#include "tests/support/step_crypto.h"
#include "tests/support/step_meter.h"

#define SENT_MAX 256

struct sent {
    uint64_t txid;
    struct gn_contact to;
    enum gn_via via;
    struct gn_msg_query q;
    bool open;
};

struct script {
    struct step_meter meter;
    struct gn_crypto crypto;
    struct gn_id self;
    struct gn_rng rng;
    struct gn_env env;
    struct gn_overlay *o;
    struct gn_outbox *out;
    gn_time_us now;
    struct sent sent[SENT_MAX];
    size_t sent_len;
    struct gn_store_request stores[64];
    size_t stores_len;
    unsigned records, stored, hops[8];
    bool done;
    struct gn_op_event end;
    uint8_t record[2000];
    size_t record_len;
};

static void take_effect(struct script *s, const struct gn_effect *fx)
{
    if (fx->type == GN_FX_QUERY) {
        struct sent *q = &s->sent[s->sent_len++];

        assert_true(s->sent_len < SENT_MAX);
        *q = (struct sent){.txid = fx->u.query.txid, .to = fx->u.query.to, .via = fx->u.query.via, .open = true};
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

static enum gn_err step(struct script *s, struct gn_input *in)
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

static void begin(struct script *s, enum gn_overlay_mode mode)
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
    assert_int_equal(step(s, &in), GN_OK);
}

static void end(struct script *s)
{
    assert_true(gn_overlay_is_sound(s->o));
    gn_overlay_free(s->o);
    gn_outbox_free(s->out);
    assert_int_equal(s->meter.bytes, 0);
}

static struct gn_contact peer(unsigned n)
{
    struct gn_contact c = {.addr = {.family = GN_ADDR_V4, .port = 4000}};

    c.id.b[0] = (uint8_t)(n * 5U);
    c.id.b[1] = (uint8_t)n;
    c.addr.ip[0] = (uint8_t)(20U + n);
    c.addr.ip[3] = 1;
    return c;
}

static void wait_us(struct script *s, gn_time_us us)
{
    struct gn_input in = {.type = GN_IN_TIMER};
    gn_time_us until = s->now + us;

    while (gn_overlay_deadline(s->o) <= until) {
        gn_time_us due = gn_overlay_deadline(s->o);

        s->now = due > s->now ? due : s->now;
        assert_int_equal(step(s, &in), GN_OK);
    }
    s->now = until;
}

static enum gn_err answer_as(struct script *s, struct sent *q, struct gn_contact from, struct gn_msg_reply *r)
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
    return step(s, &in);
}

static void answer(struct script *s, struct sent *q, struct gn_msg_reply *r)
{
    assert_int_equal(answer_as(s, q, q->to, r), GN_OK);
}

/* Answers everything that is open with OK (and a token), until nothing new comes. */
static void answer_all(struct script *s)
{
    for (size_t i = 0; i < s->sent_len; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK, .has_token = true};

        if (s->sent[i].open) {
            answer(s, &s->sent[i], &r);
        }
    }
}

static void give_up(struct script *s, struct sent *q, enum gn_err err)
{
    struct gn_input in = {.type = GN_IN_QUERY_FAILED};

    in.u.failed.txid = q->txid;
    in.u.failed.err = err;
    q->open = false;
    assert_int_equal(step(s, &in), GN_OK);
    assert_int_equal(step(s, &in), GN_E_NOT_FOUND); /* twice is once */
}

static size_t open_len(const struct script *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->sent_len; i++) {
        n += s->sent[i].open;
    }
    return n;
}

/* Fills the table with peers 1..n through a bootstrap whose answers name them. */
static void meet(struct script *s, unsigned n)
{
    struct gn_input in = {.type = GN_IN_COMMAND};

    in.u.command = (struct gn_command){.op = 1000, .type = GN_CMD_BOOTSTRAP, .contact = peer(1)};
    assert_int_equal(step(s, &in), GN_OK);
    for (size_t i = 0; i < s->sent_len; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK};

        for (unsigned j = (unsigned)i * 8U + 1U; j <= n && r.contacts_len < 16; j++) {
            r.contacts[r.contacts_len++] = peer(j);
        }
        s->now += GN_MS(10);
        if (s->sent[i].open) {
            answer(s, &s->sent[i], &r);
        }
    }
    assert_true(s->done);
    assert_int_equal(s->end.err, GN_OK);
    wait_us(s, GN_SECONDS(1));
    answer_all(s); /* pings of candidates */
    assert_int_equal(gn_overlay_peers_len(s->o), n);
    s->sent_len = 0;
    s->done = false;
}

static void command(struct script *s, struct gn_command *c)
{
    struct gn_input in = {.type = GN_IN_COMMAND};

    c->op = 7;
    in.u.command = *c;
    assert_int_equal(step(s, &in), GN_OK);
}

static void store_answer(struct script *s, enum gn_err err, const struct gn_store_entry *entry)
{
    struct gn_input in = {.type = GN_IN_STORE};

    assert_true(s->stores_len > 0);
    in.u.store.req = s->stores[s->stores_len - 1].req;
    in.u.store.err = err;
    in.u.store.entries = entry;
    in.u.store.entries_len = entry ? 1 : 0;
    assert_int_equal(step(s, &in), GN_OK);
}

static struct gn_slice record(struct script *s, uint8_t *out, uint8_t kind, uint64_t seq, const char *text,
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

/* ---- The tests ---- */

static void six_queries_at_once_to_the_nearest_first(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = peer(9).id};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 20);
    command(&s, &c);
    assert_int_equal(open_len(&s), 6);
    assert_true(gn_id_eq(&s.sent[0].to.id, &c.target));
    for (unsigned i = 1; i < 6; i++) {
        assert_true(gn_id_closer(&c.target, &s.sent[i - 1].to.id, &s.sent[i].to.id) < 0);
    }
    for (unsigned n = 7; n <= 16; n++) { /* an answer frees a place */
        struct gn_msg_reply r = {.status = GN_MSG_OK};

        answer(&s, &s.sent[n - 7], &r);
        assert_int_equal(s.sent_len, n);
        assert_int_equal(open_len(&s), 6);
    }
    assert_false(s.done);
    answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.sent_len, 16); /* sixteen have answered: nobody else is asked */
    assert_int_equal(s.end.closest_len, 16);
    end(&s);
}

static void background_lookup_takes_three_places_and_a_fast_one_ten(void **state)
{
    (void)state;
    for (unsigned fast = 0; fast < 2; fast++) {
        struct script s;
        struct gn_command c = {.type = GN_CMD_FIND, .target = peer(9).id};

        c.flags = fast ? GN_CMDF_FAST : GN_CMDF_BACKGROUND;
        begin(&s, GN_MODE_CLIENT);
        meet(&s, 20);
        command(&s, &c);
        assert_int_equal(open_len(&s), fast ? 10 : 3);
        end(&s);
    }
}

static void slow_peer_frees_its_place_and_three_are_asked_again(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = peer(9).id, .flags = GN_CMDF_EXPLAIN};
    unsigned again = 0;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 20);
    command(&s, &c);
    for (unsigned i = 0; i < 50 && s.hops[GN_HOP_SLOW] < 6; i++) {
        wait_us(&s, GN_MS(20));
    }
    assert_true(s.hops[GN_HOP_SLOW] >= 6);
    for (size_t i = 0; i < s.sent_len; i++) {
        for (size_t j = 0; j < i; j++) {
            again += s.sent[i].txid == s.sent[j].txid;
        }
    }
    assert_int_equal(again, 3);
    assert_true(s.sent_len >= 6 + 6 + 3);
    answer_all(&s);
    assert_true(s.hops[GN_HOP_LATE] > 0);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    end(&s);
}

static void lookup_frontier_takes_two_of_a_network(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = {{0xff, 0xff}}};
    struct gn_msg_reply r = {.status = GN_MSG_OK};
    unsigned crowd = 0;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 3);
    command(&s, &c);
    for (unsigned i = 0; i < 16; i++) { /* all in one /24, all nearer than anybody else */
        struct gn_contact *x = &r.contacts[r.contacts_len++];

        *x = peer(1);
        x->id.b[0] = 0xff;
        x->id.b[1] = (uint8_t)i;
        memcpy(x->addr.ip, (uint8_t[]){99, 1, 2, (uint8_t)i}, 4);
    }
    answer(&s, &s.sent[0], &r);
    answer_all(&s);
    for (size_t i = 0; i < s.sent_len; i++) {
        crowd += s.sent[i].to.addr.ip[0] == 99;
    }
    assert_int_equal(crowd, 2);
    assert_true(s.done);
    assert_int_equal(s.end.closest_len, 5);
    /* The two nearest of the crowd, not the first two named. */
    assert_int_equal(s.end.closest[0].id.b[1], 15);
    assert_int_equal(s.end.closest[1].id.b[1], 14);
    end(&s);
}

static void useless_contacts_are_never_asked(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = {{0xff}}};
    struct gn_msg_reply r = {.status = GN_MSG_OK};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 2);
    command(&s, &c);
    size_t before = s.sent_len;
    for (unsigned i = 0; i < 6; i++) {
        r.contacts[i] = peer(100 + i);
    }
    r.contacts_len = 6;
    r.contacts[0].id = s.self;
    memset(&r.contacts[1].id, 0, sizeof r.contacts[1].id);
    memcpy(r.contacts[2].addr.ip, (uint8_t[]){192, 168, 1, 1}, 4);
    memcpy(r.contacts[3].addr.ip, (uint8_t[]){224, 0, 0, 1}, 4);
    r.contacts[4].addr.port = 0;
    memcpy(r.contacts[5].addr.ip, (uint8_t[]){127, 0, 0, 1}, 4);
    answer(&s, &s.sent[0], &r);
    answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.sent_len, before);
    end(&s);
}

static void only_the_asked_peer_may_answer(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = peer(2).id};
    struct gn_msg_reply r = {.status = GN_MSG_OK};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 4);
    command(&s, &c);
    uint64_t unknown = gn_overlay_counters(s.o)->replies_unknown;
    assert_int_equal(answer_as(&s, &s.sent[0], peer(66), &r), GN_E_NOT_FOUND);
    assert_int_equal(gn_overlay_counters(s.o)->replies_unknown, unknown + 1);
    s.sent[0].open = true;
    struct gn_msg_reply again = {.status = GN_MSG_OK};
    answer(&s, &s.sent[0], &again);
    assert_int_equal(answer_as(&s, &s.sent[0], s.sent[0].to, &again), GN_E_NOT_FOUND); /* once */
    end(&s);
}

static void first_valid_copy_ends_a_get_and_a_false_one_does_not(void **state)
{
    struct script s;
    uint8_t good[256], bad[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE, .flags = GN_CMDF_EXPLAIN};
    struct gn_id other;
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 20);
    struct gn_slice right = record(&s, good, GN_RECORD_IMMUTABLE, 0, "right", &c.target);
    struct gn_slice wrong = record(&s, bad, GN_RECORD_IMMUTABLE, 0, "wrong", &other);
    command(&s, &c);
    assert_int_equal(s.sent_len, 0); /* our own store comes first */
    store_answer(&s, GN_E_NOT_FOUND, NULL);
    assert_int_equal(open_len(&s), 6);
    r.values[0] = wrong;
    answer(&s, &s.sent[0], &r);
    assert_int_equal(s.hops[GN_HOP_LIED], 1);
    assert_int_equal(s.records, 0);
    r.values[0] = right;
    answer(&s, &s.sent[1], &r);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.records, 1);
    assert_memory_equal(s.record, right.data, right.len);
    end(&s);
}

static void own_copy_of_an_immutable_record_needs_no_network(void **state)
{
    struct script s;
    uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE};
    struct gn_store_entry entry = {.kind = GN_RECORD_IMMUTABLE, .expires_at = 1800000000};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 5);
    entry.record = record(&s, bytes, GN_RECORD_IMMUTABLE, 0, "mine", &c.target);
    command(&s, &c);
    store_answer(&s, GN_OK, &entry);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.sent_len, 0);
    end(&s);
}

static void slow_store_is_not_waited_for(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE, .target = {{5}}};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 5);
    command(&s, &c);
    wait_us(&s, GN_MS(60));
    assert_true(s.sent_len > 0);
    store_answer(&s, GN_E_NOT_FOUND, NULL); /* too late, and harmless */
    struct gn_msg_reply r = {.status = GN_MSG_NOT_FOUND};
    for (size_t i = 0; i < s.sent_len; i++) {
        if (s.sent[i].open) {
            answer(&s, &s.sent[i], &r);
        }
    }
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_NOT_FOUND);
    end(&s);
}

static void best_of_three_wins_and_the_others_are_repaired(void **state)
{
    struct script s;
    uint8_t a[256], b[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE};
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1, .has_token = true};
    struct gn_msg_reply none = {.status = GN_MSG_NOT_FOUND, .has_token = true};
    unsigned puts = 0;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 20);
    struct gn_slice older = record(&s, a, GN_RECORD_MUTABLE, 4, "older", &c.target);
    struct gn_slice newer = record(&s, b, GN_RECORD_MUTABLE, 5, "newer", &c.target);
    command(&s, &c);
    store_answer(&s, GN_E_NOT_FOUND, NULL);
    assert_true((s.sent[0].q.flags & GN_MSG_WANT_TOKEN) != 0);
    r.values[0] = older;
    answer(&s, &s.sent[0], &r);
    r.values[0] = newer;
    answer(&s, &s.sent[1], &r);
    assert_false(s.done);
    r.values[0] = older;
    answer(&s, &s.sent[2], &r);
    assert_true(s.done); /* three distinct nodes have spoken */
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.records, 2);
    assert_memory_equal(s.record, newer.data, newer.len);
    /* Behind: the answers that are still on their way are awaited, then whoever holds less gets the newest. */
    size_t asked = s.sent_len;
    for (size_t i = 3; i < asked; i++) {
        answer(&s, &s.sent[i], &none);
    }
    for (size_t i = asked; i < s.sent_len; i++) {
        assert_int_equal(s.sent[i].q.method, GN_MSG_PUT);
        assert_false(gn_id_eq(&s.sent[i].to.id, &s.sent[1].to.id));
        puts++;
    }
    assert_int_equal(puts, asked - 1);
    answer_all(&s);
    assert_int_equal(gn_overlay_ops_len(s.o), 0);
    end(&s);
}

static void value_too_big_for_a_datagram_is_fetched_on_a_stream(void **state)
{
    struct script s;
    uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE};
    struct gn_msg_reply big = {.status = GN_MSG_TOO_BIG};
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 8);
    r.values[0] = record(&s, bytes, GN_RECORD_IMMUTABLE, 0, "big", &c.target);
    command(&s, &c);
    store_answer(&s, GN_E_NOT_FOUND, NULL);
    answer(&s, &s.sent[0], &big);
    struct sent *again = &s.sent[s.sent_len - 1];
    assert_int_equal(again->via, GN_VIA_STREAM);
    assert_true(gn_id_eq(&again->to.id, &s.sent[0].to.id));
    answer(&s, again, &r);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    end(&s);
}

/* A PUT of a small record up to the writes: sixteen at most, none answered yet. Gives the first one's place. */
static size_t put_until_writes(struct script *s, unsigned peers, uint32_t flags)
{
    static uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_PUT, .flags = flags, .cas_seq = 4};
    struct gn_id target;
    size_t i = 0;

    meet(s, peers);
    c.record = record(s, bytes, GN_RECORD_MUTABLE, 5, "v", &target);
    command(s, &c);
    for (; i < s->sent_len && s->sent[i].q.method == GN_MSG_FIND_NODE; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK, .has_token = true};

        assert_true((s->sent[i].q.flags & GN_MSG_WANT_TOKEN) != 0);
        r.token[0] = s->sent[i].to.id.b[1];
        answer(s, &s->sent[i], &r);
    }
    assert_int_equal(s->sent_len - i, peers < 16 ? peers : 16);
    for (size_t j = i; j < s->sent_len; j++) {
        assert_int_equal(s->sent[j].q.method, GN_MSG_PUT);
        assert_int_equal(s->sent[j].q.token[0], s->sent[j].to.id.b[1]); /* each its own token */
        assert_int_equal(s->sent[j].q.has_cas, (flags & GN_CMDF_CAS) != 0);
    }
    return i;
}

static void put_counts_what_each_node_says(void **state)
{
    struct script s;
    static const uint8_t says[6] = {GN_MSG_OK, GN_MSG_OK, GN_MSG_STALE, GN_MSG_QUOTA, GN_MSG_REFUSED, GN_MSG_BUSY};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 6, 0);
    for (unsigned i = 0; i < 6; i++) {
        struct gn_msg_reply r = {.status = says[i]};

        assert_false(s.done);
        answer(&s, &s.sent[first + i], &r);
    }
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.end.stored, 2);
    assert_int_equal(s.stored, 2);
    assert_int_equal(s.end.conflicts, 1);
    end(&s);
}

static void put_that_nobody_takes_says_why(void **state)
{
    struct script s;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 4, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_QUOTA};

        answer(&s, &s.sent[first + i], &r);
    }
    assert_int_equal(s.end.err, GN_E_QUOTA);
    end(&s);
}

static void lost_race_of_compare_and_set_is_a_conflict(void **state)
{
    struct script s;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 4, GN_CMDF_CAS);
    for (unsigned i = 0; i < 4; i++) {
        struct gn_msg_reply r = {.status = i < 2 ? GN_MSG_CONFLICT : GN_MSG_OK};

        answer(&s, &s.sent[first + i], &r);
    }
    assert_int_equal(s.end.err, GN_E_CONFLICT); /* half of them said no */
    assert_int_equal(s.end.stored, 2);
    assert_int_equal(s.end.conflicts, 2);
    end(&s);
}

static void stale_token_is_renewed_once(void **state)
{
    struct script s;
    struct gn_msg_reply bad = {.status = GN_MSG_BAD_TOKEN};
    struct gn_msg_reply fresh = {.status = GN_MSG_OK, .has_token = true, .token = {0xaa}};
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 2, 0);
    answer(&s, &s.sent[first], &bad);
    size_t ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].q.method, GN_MSG_FIND_NODE);
    answer(&s, &s.sent[ask], &fresh);
    size_t put = s.sent_len - 1;
    assert_int_equal(s.sent[put].q.method, GN_MSG_PUT);
    assert_int_equal(s.sent[put].q.token[0], 0xaa);
    answer(&s, &s.sent[put], &bad); /* no third time */
    answer(&s, &s.sent[first + 1], &ok);
    assert_true(s.done);
    assert_int_equal(s.end.stored, 1);
    end(&s);
}

static void write_too_long_for_the_path_goes_by_stream(void **state)
{
    struct script s;
    struct gn_msg_reply token = {.status = GN_MSG_OK, .has_token = true, .token = {0xbb}};
    struct gn_msg_reply none = {.status = GN_MSG_OK};
    struct gn_msg_reply ok = {.status = GN_MSG_OK};
    struct gn_msg_reply big = {.status = GN_MSG_TOO_BIG};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 3, 0);
    give_up(&s, &s.sent[first], GN_E_LIMIT);
    size_t ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].via, GN_VIA_STREAM);
    assert_int_equal(s.sent[ask].q.method, GN_MSG_FIND_NODE); /* tokens are bound to their path */
    assert_true((s.sent[ask].q.flags & GN_MSG_NO_CONTACTS) != 0);
    answer(&s, &s.sent[ask], &token);
    size_t put = s.sent_len - 1;
    assert_int_equal(s.sent[put].via, GN_VIA_STREAM);
    assert_int_equal(s.sent[put].q.token[0], 0xbb);
    answer(&s, &s.sent[put], &ok);
    answer(&s, &s.sent[first + 1], &big); /* the other end may also say so */
    ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].via, GN_VIA_STREAM);
    answer(&s, &s.sent[ask], &none); /* no token, no write */
    assert_false(s.done);
    give_up(&s, &s.sent[first + 2], GN_E_UNREACHABLE);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.end.stored, 1);
    end(&s);
}

static void silent_writes_are_sent_twice_and_then_given_up(void **state)
{
    struct script s;

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 3, 0);
    wait_us(&s, GN_SECONDS(2));
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_TIMEOUT);
    for (unsigned i = 0; i < 3; i++) {
        unsigned copies = 0;

        for (size_t j = first; j < s.sent_len; j++) {
            copies += s.sent[j].txid == s.sent[first + i].txid;
        }
        assert_int_equal(copies, 2);
    }
    end(&s);
}

static void server_among_the_closest_keeps_the_record_unless_it_holds_a_newer_one(void **state)
{
    uint8_t newer[256];
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    for (unsigned held = 0; held < 2; held++) {
        struct script s;
        struct gn_store_entry entry = {.kind = GN_RECORD_MUTABLE};
        struct gn_id target;

        begin(&s, GN_MODE_SERVER);
        size_t first = put_until_writes(&s, 3, 0);
        assert_int_equal(s.stores[s.stores_len - 1].op, GN_STORE_GET);
        entry.record = record(&s, newer, GN_RECORD_MUTABLE, held ? 9 : 1, "w", &target);
        store_answer(&s, GN_OK, &entry);
        if (!held) {
            assert_int_equal(s.stores[s.stores_len - 1].op, GN_STORE_PUT);
            assert_int_equal(s.stores[s.stores_len - 1].entry.seq, 5);
            assert_int_equal(s.stored, 0); /* not before it is written */
            store_answer(&s, GN_OK, NULL);
            assert_int_equal(s.stored, 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            answer(&s, &s.sent[first + i], &ok);
        }
        assert_true(s.done);
        assert_int_equal(s.end.stored, held ? 3 : 4);
        assert_int_equal(s.end.conflicts, held ? 1 : 0);
        end(&s);
    }
}

static void commands_without_peers_end_at_once(void **state)
{
    static const enum gn_command_type types[] = {GN_CMD_FIND, GN_CMD_PUT, GN_CMD_PROVIDE};
    uint8_t bytes[256];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct script s;
        struct gn_command c = {.type = types[i]};
        struct gn_id target;

        begin(&s, GN_MODE_CLIENT);
        c.record = record(&s, bytes, GN_RECORD_MUTABLE, 5, "v", &target);
        command(&s, &c);
        assert_true(s.done);
        assert_int_equal(s.end.err, GN_E_UNREACHABLE);
        end(&s);
    }
}

static void announcing_needs_an_address(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_PROVIDE, .target = {{1}}};
    struct gn_input in = {.type = GN_IN_SELF};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    in.u.self.contact.id = s.self;
    assert_int_equal(step(&s, &in), GN_OK); /* no address any more */
    command(&s, &c);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_AGAIN);
    in.u.self.contact.id.b[0] ^= 1U; /* that is not us */
    assert_int_equal(step(&s, &in), GN_E_INVALID);
    end(&s);
}

static void unknown_inputs_and_broken_snapshots_change_nothing(void **state)
{
    struct script s;
    struct gn_input odd = {.type = (enum gn_input_type)77};
    struct gn_input table = {.type = GN_IN_TABLE};
    struct gn_input cancel = {.type = GN_IN_CANCEL};
    struct gn_input store = {.type = GN_IN_STORE};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    assert_int_equal(step(&s, &odd), GN_E_INVALID);
    table.u.table = gn_slice_str("not a table");
    assert_int_equal(step(&s, &table), GN_E_MALFORMED);
    cancel.u.cancel = 3;
    assert_int_equal(step(&s, &cancel), GN_E_NOT_FOUND);
    store.u.store.req = 12345;
    assert_int_equal(step(&s, &store), GN_OK);
    assert_int_equal(gn_overlay_peers_len(s.o), 0);
    end(&s);
}

static void reply_that_cannot_be_read_counts_against_its_sender(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = peer(2).id, .flags = GN_CMDF_EXPLAIN};
    struct gn_input in = {.type = GN_IN_REPLY};
    struct gn_peer_info peers[8];

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 4);
    command(&s, &c);
    in.u.reply.txid = s.sent[0].txid;
    in.u.reply.from = s.sent[0].to;
    in.u.reply.body = gn_slice_str("garbage");
    s.sent[0].open = false;
    assert_int_equal(step(&s, &in), GN_E_MALFORMED);
    assert_int_equal(s.hops[GN_HOP_LIED], 1);
    assert_int_equal(gn_overlay_peers(s.o, peers, 8), 4);
    unsigned doubted = 0;
    for (unsigned i = 0; i < 4; i++) {
        doubted += peers[i].misses == 1 && !peers[i].live && gn_id_eq(&peers[i].contact.id, &s.sent[0].to.id);
    }
    assert_int_equal(doubted, 1);
    answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.end.closest_len, 3);
    end(&s);
}

static void clock_that_jumps_back_keeps_timeouts_their_length(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = peer(2).id};

    (void)state;
    begin(&s, GN_MODE_CLIENT);
    meet(&s, 4);
    command(&s, &c);
    s.now -= GN_SECONDS(20);
    struct gn_input in = {.type = GN_IN_TIMER};
    assert_int_equal(step(&s, &in), GN_OK);
    assert_true(gn_overlay_deadline(s.o) < s.now + GN_SECONDS(2));
    wait_us(&s, GN_SECONDS(3));
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_TIMEOUT);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_queries_at_once_to_the_nearest_first),
        cmocka_unit_test(background_lookup_takes_three_places_and_a_fast_one_ten),
        cmocka_unit_test(slow_peer_frees_its_place_and_three_are_asked_again),
        cmocka_unit_test(lookup_frontier_takes_two_of_a_network),
        cmocka_unit_test(useless_contacts_are_never_asked),
        cmocka_unit_test(only_the_asked_peer_may_answer),
        cmocka_unit_test(first_valid_copy_ends_a_get_and_a_false_one_does_not),
        cmocka_unit_test(own_copy_of_an_immutable_record_needs_no_network),
        cmocka_unit_test(slow_store_is_not_waited_for),
        cmocka_unit_test(best_of_three_wins_and_the_others_are_repaired),
        cmocka_unit_test(value_too_big_for_a_datagram_is_fetched_on_a_stream),
        cmocka_unit_test(put_counts_what_each_node_says),
        cmocka_unit_test(put_that_nobody_takes_says_why),
        cmocka_unit_test(lost_race_of_compare_and_set_is_a_conflict),
        cmocka_unit_test(stale_token_is_renewed_once),
        cmocka_unit_test(write_too_long_for_the_path_goes_by_stream),
        cmocka_unit_test(silent_writes_are_sent_twice_and_then_given_up),
        cmocka_unit_test(server_among_the_closest_keeps_the_record_unless_it_holds_a_newer_one),
        cmocka_unit_test(commands_without_peers_end_at_once),
        cmocka_unit_test(announcing_needs_an_address),
        cmocka_unit_test(unknown_inputs_and_broken_snapshots_change_nothing),
        cmocka_unit_test(reply_that_cannot_be_read_counts_against_its_sender),
        cmocka_unit_test(clock_that_jumps_back_keeps_timeouts_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
