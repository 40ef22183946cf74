/* tests/unit/transport/test_seal_flood.c - too much of everything: queries, clients, peers, too little memory. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_responder.h"

struct pair {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct seal_forgery f; /* a well-made query for b by a fresh client */
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
};

static int setup(void **state)
{
    struct pair *t = test_calloc(1, sizeof *t);

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
    seal_forgery_init(&t->f, &t->w, &t->b, t->plain, "x");
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct pair *t = *state;

    seal_node_fini(&t->a);
    seal_node_fini(&t->b);
    test_free(t);
    return 0;
}

/* The packet of a client that b has never seen. */
static void fresh_client(struct pair *t, struct seal_packet *p)
{
    gn_seal_keys_pair(&t->f.client, &t->w.rng);
    seal_forge(p, &t->w, &t->f);
}

/* As if made by a fresh client, but it will not open: costs the attacker nothing and b a DH. */
static void garbage(struct pair *t, struct seal_packet *p)
{
    gn_rng_bytes(&t->w.rng, p->bytes + GN_SEAL_Q_CLIENT, 32);
    gn_rng_bytes(&t->w.rng, p->bytes + GN_SEAL_Q_NONCE, 16);
    seal_retag(p, t->w.net_id);
}

static struct gn_addr spoofed(unsigned i)
{
    return seal_addr(1 + (i >> 14) % 200, (i >> 7) % 128, i % 128, 7, 7000);
}

/* Garbage until b sends RETRY before any DH. */
static void bring_under_load(struct pair *t, struct seal_packet *p)
{
    struct gn_seal_event e;

    fresh_client(t, p);
    for (unsigned i = 0; i <= GN_SEAL_LOAD_HIGH; i++) {
        struct gn_addr from = spoofed(i);
        garbage(t, p);
        (void)seal_give(&t->w, &t->b, &e, &from, p);
    }
    assert_int_equal(e.type, GN_SEAL_SEND);
    assert_int_equal(e.packet.data[0], GN_SEAL_T_RETRY);
}

static void flood_is_answered_by_retry_before_any_dh_and_allocates_nothing(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    size_t live = t->b.memory.live;

    bring_under_load(t, &p);
    uint64_t dh = gn_seal_counters(t->b.seal)->dh_done;
    assert_int_equal(dh, GN_SEAL_LOAD_HIGH);
    for (unsigned i = 0; i < 5000; i++) {
        struct gn_addr from = spoofed(i);
        garbage(t, &p);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &from, &p), GN_SEAL_SEND);
        assert_int_equal(e.packet.len, GN_SEAL_RETRY_LEN);
        t->w.now += 600; /* 1,667 a second for three seconds: the refused ones count too, or it would seem over */
    }
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, dh);
    assert_int_equal(gn_seal_counters(t->b.seal)->retries_sent, 5001);
    assert_int_equal(t->b.memory.live, live);
}

static void who_shows_a_token_is_served_during_a_flood(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;

    bring_under_load(t, &p);
    /* one round trip more, to prove the address */
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 4);
    assert_int_equal(gn_seal_counters(t->a.seal)->retries_taken, 1);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 2);
}

static void known_client_is_served_during_a_flood_without_any_token(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct seal_packet known;
    struct gn_seal_event e;

    seal_forge(&known, &t->w, &t->f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &known), GN_SEAL_QUERY);
    bring_under_load(t, &p);
    seal_forgery_init(&t->f, &t->w, &t->b, t->plain, "x");
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &known), GN_SEAL_QUERY);
}

static void one_group_with_tokens_gets_no_more_than_its_share_under_load(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    unsigned opened = 0;

    bring_under_load(t, &p);
    fresh_client(t, &p);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_SEND);
    memcpy(t->f.token, e.packet.data + 10, GN_SEAL_TOKEN);
    for (unsigned i = 0; i < 600; i++) {
        fresh_client(t, &p);
        opened += seal_give(&t->w, &t->b, &e, &t->a.addr, &p) == GN_SEAL_QUERY;
    }
    assert_int_equal(opened, GN_SEAL_LOADED_GROUP_BURST);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_rate, 200);
}

static void load_is_forgotten_when_the_flood_is_over(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;

    bring_under_load(t, &p);
    t->w.now += GN_SECONDS(2);
    fresh_client(t, &p);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_rate, 0);
}

static void replies_without_token_are_limited_by_group_and_in_all(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    unsigned opened = 0;
    unsigned retries = 0;

    seal_forge(&p, &t->w, &t->f);
    for (unsigned i = 0; i < 100; i++) {
        struct gn_addr from = seal_addr(9, 9, 9, i, 7000);
        opened += seal_give(&t->w, &t->b, &e, &from, &p) == GN_SEAL_QUERY;
        retries += e.type == GN_SEAL_SEND;
    }
    assert_int_equal(opened, GN_SEAL_UNPROVED_GROUP_BURST);
    assert_int_equal(retries, 100 - GN_SEAL_UNPROVED_GROUP_BURST);
    t->w.now += GN_SECONDS(1);
    for (unsigned i = 0; i < 100; i++) {
        struct gn_addr from = seal_addr(9, 9, 9, i, 7000);
        opened += seal_give(&t->w, &t->b, &e, &from, &p) == GN_SEAL_QUERY;
    }
    assert_int_equal(opened, GN_SEAL_UNPROVED_GROUP_BURST + GN_SEAL_UNPROVED_GROUP_RATE);
    t->w.now += GN_SECONDS(10);
    for (unsigned i = 0; i < 1000; i++) {
        struct gn_addr from = spoofed(i);
        (void)seal_give(&t->w, &t->b, &e, &from, &p);
        opened += e.type == GN_SEAL_QUERY;
    }
    assert_int_equal(opened, GN_SEAL_UNPROVED_GROUP_BURST + GN_SEAL_UNPROVED_GROUP_RATE + GN_SEAL_UNPROVED_BURST);
}

static void rekeys_are_limited_like_replies(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    unsigned rekeys = 0;

    memset(t->f.epk, 7, 32);
    seal_forge(&p, &t->w, &t->f);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_SEND);
        rekeys += e.packet.data[0] == GN_SEAL_T_REKEY;
    }
    assert_int_equal(rekeys, GN_SEAL_UNPROVED_GROUP_BURST);
    assert_int_equal(gn_seal_counters(t->b.seal)->rekeys_sent, rekeys);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 0);
}

static void forged_introductions_cannot_cost_more_than_the_load_allows(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    uint8_t self[GN_SEAL_SELF] = {0};
    struct gn_seal_ask ask = {.self = self, .body = gn_slice_str("x")};
    unsigned verified = 0;

    seal_forge(&p, &t->w, &t->f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    memcpy(t->f.token, e.reply_key.src_token, GN_SEAL_TOKEN);
    gn_store_u64(self + 64, t->w.wall);
    for (unsigned i = 0; i < 1200; i++) { /* a warm client: no DH stands in the way */
        gn_store_u64(self, i);
        t->f.plain_len = gn_seal_wire_put_ask(t->plain, &ask);
        seal_forge(&p, &t->w, &t->f);
        (void)seal_give(&t->w, &t->b, &e, &t->a.addr, &p);
        verified += e.type == GN_SEAL_NOTHING;
        assert_false(e.has_self);
    }
    assert_in_range(verified, 900, GN_SEAL_LOAD_HIGH / 2);
    assert_int_equal(e.type, GN_SEAL_QUERY); /* served, not verified */
}

static void caches_keep_their_limits_and_forget_the_oldest(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    struct gn_seal_keypair first;
    struct gn_seal_keypair kept;
    size_t full = 0;

    seal_node_fini(&t->b);
    t->b.config.responder_cache = 32;
    seal_node_start(&t->b, &t->w);
    fresh_client(t, &p);
    first = t->f.client;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    memcpy(t->f.token, e.reply_key.src_token, GN_SEAL_TOKEN);
    fresh_client(t, &p);
    kept = t->f.client;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    for (unsigned i = 0; i < 200; i++) {
        fresh_client(t, &p);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
        t->f.client = kept; /* in use all the time */
        seal_forge(&p, &t->w, &t->f);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
        full = i == 40 ? t->b.memory.live : full;
        assert_true(i <= 40 || t->b.memory.live == full);
    }
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 202);
    t->f.client = first;
    seal_forge(&p, &t->w, &t->f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 203);
}

static void forgotten_peers_are_asked_as_new_ones(void **state)
{
    struct pair *t = *state;
    enum { PEERS = 20 };
    struct seal_node peers[PEERS];

    seal_node_fini(&t->a);
    t->a.config.initiator_cache = 4;
    seal_node_start(&t->a, &t->w);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < PEERS; i++) {
            if (round == 0) {
                seal_node_init(&peers[i], &t->w, 10 + i);
            }
            struct gn_contact c = seal_contact(&peers[i]);
            assert_int_equal(seal_exchange(&t->w, &t->a, &peers[i], i, &c), 2);
        }
    }
    assert_int_equal(gn_seal_counters(t->a.seal)->dh_done, 3 * PEERS);
    for (unsigned i = 0; i < PEERS; i++) {
        seal_node_fini(&peers[i]);
    }
}

static void group_tables_are_bounded(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    size_t after_limit = 0;

    seal_forge(&p, &t->w, &t->f);
    for (unsigned i = 0; i < 6 * GN_SEAL_GROUPS_MAX; i++) {
        struct gn_addr from = spoofed(i);
        (void)seal_give(&t->w, &t->b, &e, &from, &p);
        after_limit = i == 3 * GN_SEAL_GROUPS_MAX ? t->b.memory.live : after_limit;
    }
    assert_int_equal(t->b.memory.live, after_limit);
    assert_true(after_limit < 300000);
}

static void failing_allocation_costs_speed_or_an_error_never_more(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    char body[300];
    unsigned worked = 0;

    memset(body, 'b', sizeof body - 1);
    body[sizeof body - 1] = 0;
    for (long n = 0; n < 24; n++) {
        for (unsigned side = 0; side < 2; side++) {
            struct seal_node *poor = side ? &t->a : &t->b;
            struct seal_packet p;
            struct gn_seal_event last;
            seal_node_fini(&t->a);
            seal_node_start(&t->a, &t->w);
            poor->memory.fail_in = n; /* this one and all that follow */
            enum gn_err err = seal_ask(&t->w, &t->a, &p, 1, &b, body);
            if (err != GN_OK) {
                assert_int_equal(err, GN_E_NO_MEMORY);
                assert_int_equal(p.len, 0);
                poor->memory.fail_in = -1;
                /* nothing of it is left: the same cookie is a new query */
                assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 4);
                continue;
            }
            (void)seal_talk(&t->w, &t->a, &t->b, &p, &last);
            worked += last.type == GN_SEAL_REPLY;
            poor->memory.fail_in = -1;
            gn_seal_cancel(t->a.seal, 1);
            assert_true(seal_exchange(&t->w, &t->a, &t->b, 2, &b) > 0);
            t->w.now += GN_SECONDS(1);
        }
    }
    assert_in_range(worked, 25, 47);
    struct gn_seal *none = NULL;
    t->a.memory.fail_in = 0;
    assert_int_equal(gn_seal_new(&none, &t->a.config, 0, 0), GN_E_NO_MEMORY);
    assert_null(none);
    t->a.memory.fail_in = -1;
    gn_seal_free(NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(flood_is_answered_by_retry_before_any_dh_and_allocates_nothing),
        T(who_shows_a_token_is_served_during_a_flood),
        T(known_client_is_served_during_a_flood_without_any_token),
        T(one_group_with_tokens_gets_no_more_than_its_share_under_load),
        T(load_is_forgotten_when_the_flood_is_over),
        T(replies_without_token_are_limited_by_group_and_in_all),
        T(rekeys_are_limited_like_replies),
        T(forged_introductions_cannot_cost_more_than_the_load_allows),
        T(caches_keep_their_limits_and_forget_the_oldest),
        T(forgotten_peers_are_asked_as_new_ones),
        T(group_tables_are_bounded),
        T(failing_allocation_costs_speed_or_an_error_never_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
