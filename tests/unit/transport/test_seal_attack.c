/* tests/unit/transport/test_seal_attack.c - what an attacker on the path, beside it, or inside the network may try. */
#include "tests/support/gn_cmocka.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_epoch.h"
#include "transport/seal/seal_token.h"

struct trio {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct seal_node m; /* the attacker, when it is a member of the network */
};

static int setup(void **state)
{
    struct trio *t = test_calloc(1, sizeof *t);

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
    seal_node_init(&t->m, &t->w, 3);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct trio *t = *state;

    seal_node_fini(&t->a);
    seal_node_fini(&t->b);
    seal_node_fini(&t->m);
    test_free(t);
    return 0;
}

/* a asks b; fills the query and b's event. */
static void ask_b(struct trio *t, uint64_t cookie, struct seal_packet *query, struct gn_seal_event *at_b)
{
    struct gn_contact b = seal_contact(&t->b);

    assert_int_equal(seal_ask(&t->w, &t->a, query, cookie, &b, "question"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, at_b, &t->a.addr, query), GN_SEAL_QUERY);
}

static void who_knows_the_identity_key_of_the_asker_cannot_pose_as_another_to_it(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_event e;
    struct seal_packet p;
    struct seal_packet answer;

    /* key compromise: m has a's identity, and stands where b should be */
    seal_node_fini(&t->m);
    memcpy(t->m.config.identity_seed, t->a.config.identity_seed, 32);
    seal_node_start(&t->m, &t->w);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "question"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->m, &e, &t->a.addr, &p), GN_SEAL_SEND); /* a REKEY with a's id */
    seal_sent(&answer, &e);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &answer), GN_SEAL_NOTHING);
    /* with b's id in it, signed with the key that m has */
    memcpy(answer.bytes + 10, b.id.b, 32);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &answer), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 0);
    /* and what others seal for a stays closed to the thief of the identity alone */
    struct gn_contact a = seal_contact(&t->a);
    assert_int_equal(seal_ask(&t->w, &t->b, &p, 2, &a, "question"), GN_OK);
    assert_int_not_equal(seal_give(&t->w, &t->m, &e, &t->b.addr, &p), GN_SEAL_QUERY);
}

static void epoch_key_of_another_cannot_be_passed_off_as_ones_own(void **state)
{
    struct trio *t = *state;
    struct gn_contact m = seal_contact(&t->m);
    struct gn_seal_event e;
    struct seal_packet p;

    /* m tells a that b's epoch key is its own, and hands a's query on to b (unknown key share) */
    gn_seal_epoch_key(t->b.seal, m.epk);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &m, "for m"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_auth, 1);
    assert_int_equal(gn_seal_counters(t->b.seal)->queries_opened, 0);
}

/* A REPLY as b could make it for this query, with whatever record, by somebody who has k_r. */
static void craft_reply(struct trio *t, struct seal_packet *out, const struct gn_seal_event *query,
                        const uint8_t *record)
{
    struct gn_seal_answer answer = {
        .observed = t->a.addr, .token = query->reply_key.src_token, .record = record, .body = gn_slice_str("lies")};

    out->bytes[0] = GN_SEAL_T_REPLY;
    out->bytes[1] = GN_SEAL_VERSION;
    memcpy(out->bytes + GN_SEAL_R_REQ_TAG, query->reply_key.req_tag, 8);
    gn_rng_bytes(&t->w.rng, out->bytes + GN_SEAL_R_NONCE, 24);
    size_t len = gn_seal_wire_put_answer(out->bytes + GN_SEAL_R_HEADER, &answer);
    out->len = gn_seal_keys_close(out->bytes, len, query->reply_key.k_r);
}

static void contact_with_the_liars_epoch_key_does_not_make_the_liar_somebody_else(void **state)
{
    struct trio *t = *state;
    struct gn_contact lie = seal_contact(&t->b);
    struct gn_seal_event e;
    struct seal_packet p;

    /* a was told: b lives at m's address, with an epoch key whose secret m has */
    struct seal_node fake = {.addr = t->m.addr};
    seal_node_init(&fake, &t->w, 4);
    memcpy(&fake.addr, &t->m.addr, sizeof fake.addr);
    lie.addr = t->m.addr;
    gn_seal_epoch_key(fake.seal, lie.epk);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &lie, "for b"), GN_OK);

    /* m can compute the keys (the DH is its own), but b's true record names another key, and no other is signed by b */
    struct gn_seal_net net;
    struct gn_seal_event forged = {.type = GN_SEAL_QUERY};
    gn_seal_keys_net(&net, t->w.net_id);
    struct gn_rng rng;
    gn_rng_init(&rng, fake.config.rng_seed);
    uint8_t skip[16];
    gn_rng_bytes(&rng, skip, sizeof skip);
    struct gn_seal_keypair pair;
    gn_seal_keys_pair(&pair, &rng);
    assert_memory_equal(pair.pk, lie.epk, 32); /* really the liar's */
    struct gn_seal_keys keys;
    assert_int_equal(gn_seal_keys_server(&keys, &pair, p.bytes + GN_SEAL_Q_CLIENT, &net, &lie.id), GN_OK);
    memcpy(forged.reply_key.k_r, keys.r, 32);
    memcpy(forged.reply_key.req_tag, p.bytes + GN_SEAL_Q_NONCE, 8);

    uint8_t sign_key[64];
    uint8_t pk[32];
    uint8_t record[GN_SEAL_EPOCH_RECORD];
    crypto_sign_seed_keypair(pk, sign_key, t->b.config.identity_seed);
    struct gn_contact b = seal_contact(&t->b);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall); /* b's own, stolen from the wire */
    craft_reply(t, &p, &forged, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &lie.addr, &p), GN_SEAL_NOTHING);
    crypto_sign_seed_keypair(pk, sign_key, fake.config.identity_seed);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, lie.epk, t->w.wall); /* b's name under the liar's signature */
    craft_reply(t, &p, &forged, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &lie.addr, &p), GN_SEAL_NOTHING);
    craft_reply(t, &p, &forged, NULL);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &lie.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->dropped_auth, 3);
    seal_node_fini(&fake);
}

static void first_answer_needs_a_fresh_record_of_the_very_key_that_was_asked(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_event query;
    struct gn_seal_event e;
    struct seal_packet p;
    struct gn_seal_net net;
    uint8_t pk[32];
    uint8_t sign_key[64];
    uint8_t record[GN_SEAL_EPOCH_RECORD];
    uint8_t other[32] = {9};

    gn_seal_keys_net(&net, t->w.net_id);
    crypto_sign_seed_keypair(pk, sign_key, t->b.config.identity_seed);
    ask_b(t, 1, &p, &query);

    craft_reply(t, &p, &query, NULL);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, other, t->w.wall);
    craft_reply(t, &p, &query, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall - 86401);
    craft_reply(t, &p, &query, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall + 3601);
    craft_reply(t, &p, &query, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall);
    for (size_t at = 32; at < sizeof record; at++) {
        record[at] ^= 1;
        craft_reply(t, &p, &query, record);
        assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
        record[at] ^= 1;
    }
    assert_int_equal(gn_seal_counters(t->a.seal)->dropped_auth, 4 + 72);
    /* the edges of the window are inside */
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall - 86400);
    craft_reply(t, &p, &query, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_REPLY);
}

static void record_signed_for_another_network_proves_nothing(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_event query;
    struct gn_seal_event e;
    struct seal_packet p;
    struct gn_seal_net net;
    uint8_t pk[32];
    uint8_t sign_key[64];
    uint8_t record[GN_SEAL_EPOCH_RECORD];

    ask_b(t, 1, &p, &query);
    crypto_sign_seed_keypair(pk, sign_key, t->b.config.identity_seed);
    gn_seal_keys_net(&net, (const uint8_t *)"another network.");
    gn_seal_epoch_sign(record, sign_key, &net, &b.id, b.epk, t->w.wall);
    craft_reply(t, &p, &query, record);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
}

static void replayed_query_is_answered_alike_and_leaves_nothing_behind(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event e;
    struct seal_packet p;
    struct seal_packet first;
    struct seal_packet answer;

    ask_b(t, 1, &p, &e);
    assert_int_equal(seal_answer(&t->w, &t->b, &first, &e, "yes"), GN_OK);
    size_t live = t->b.memory.live;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
        assert_true(gn_slice_eq(e.body, gn_slice_str("question")));
        assert_int_equal(seal_answer(&t->w, &t->b, &answer, &e, "yes"), GN_OK);
        assert_memory_equal(answer.bytes + GN_SEAL_R_REQ_TAG, first.bytes + GN_SEAL_R_REQ_TAG, 8);
        assert_memory_not_equal(answer.bytes + GN_SEAL_R_NONCE, first.bytes + GN_SEAL_R_NONCE, 24);
    }
    assert_int_equal(t->b.memory.live, live);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 1);
    /* the asker takes one answer, whichever, and no second */
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &answer), GN_SEAL_REPLY);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &first), GN_SEAL_NOTHING);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &answer), GN_SEAL_NOTHING);
}

static void reflected_packets_are_good_for_nothing(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event e;
    struct seal_packet query;
    struct seal_packet reply;
    struct seal_packet p;

    ask_b(t, 1, &query, &e);
    assert_int_equal(seal_answer(&t->w, &t->b, &reply, &e, "yes"), GN_OK);
    /* a's query comes back to a: a says which epoch it has, and b does not want to know */
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &query), GN_SEAL_SEND);
    seal_sent(&p, &e);
    assert_int_equal(p.bytes[0], GN_SEAL_T_REKEY);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_NOTHING);
    /* nor does a, although the tag is one of its own: it asked b, not itself */
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    /* b's reply comes back to b, a's query is relabelled as a reply */
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &reply), GN_SEAL_NOTHING);
    p = query;
    p.bytes[0] = GN_SEAL_T_REPLY;
    memcpy(p.bytes + GN_SEAL_R_REQ_TAG, query.bytes + GN_SEAL_Q_NONCE, 8);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &reply), GN_SEAL_REPLY);
}

static void answer_from_another_address_does_not_count(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event e;
    struct seal_packet p;

    ask_b(t, 1, &p, &e);
    assert_int_equal(seal_answer(&t->w, &t->b, &p, &e, "yes"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->dropped_unknown, 1);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_REPLY);
}

static void stolen_token_is_worth_nothing_from_another_address(void **state)
{
    struct trio *t = *state;
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;
    struct gn_addr thief = t->a.addr;

    ask_b(t, 1, &p, &e);
    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    memcpy(f.token, e.reply_key.src_token, sizeof f.token);
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &thief, &p), GN_SEAL_QUERY);
    assert_true(e.addr_proved);
    thief.port++;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &thief, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
    thief.port--;
    thief.ip[3]++;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &thief, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
    /* the same numbers in the other family are another address */
    thief = t->a.addr;
    thief.family = GN_ADDR_V6;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &thief, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
}

static void token_lives_through_one_bucket_of_five_minutes(void **state)
{
    struct trio *t = *state;
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    t->w.now = GN_MINUTES(60) + 1;
    ask_b(t, 1, &p, &e);
    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    memcpy(f.token, e.reply_key.src_token, sizeof f.token);
    seal_forge(&p, &t->w, &f);
    t->w.now = GN_MINUTES(70) - 1;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.addr_proved);
    assert_memory_not_equal(e.reply_key.src_token, f.token, sizeof f.token); /* the next one is handed out */
    t->w.now = GN_MINUTES(70);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
}

static void token_under_a_key_that_never_was_is_not_valid(void **state)
{
    struct trio *t = *state;
    struct gn_seal_tokens nothing = {.bucket = t->w.now / GN_SEAL_TOKEN_BUCKET_US - 1U};
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    /* before its first change of K_t a node has no earlier one; one of zeros would be known to all */
    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    gn_seal_tokens_make(&nothing, f.token, &t->m.addr);
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
}

/* A query of a member that introduces itself with these 136 bytes. */
static enum gn_seal_event_type introduce(struct trio *t, const uint8_t self[GN_SEAL_SELF], struct gn_seal_event *e)
{
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_ask ask = {.self = self, .body = gn_slice_str("x")};

    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    f.plain_len = gn_seal_wire_put_ask(plain, &ask);
    seal_forge(&p, &t->w, &f);
    t->w.now += GN_MS(100);
    return seal_give(&t->w, &t->b, e, &t->m.addr, &p);
}

static void forged_introduction_drops_the_query(void **state)
{
    struct trio *t = *state;
    struct gn_contact m = seal_contact(&t->m);
    struct gn_seal_net net;
    struct gn_seal_event e;
    uint8_t pk[32];
    uint8_t sign_key[64];
    uint8_t self[GN_SEAL_SELF];

    gn_seal_keys_net(&net, t->w.net_id);
    crypto_sign_seed_keypair(pk, sign_key, t->m.config.identity_seed);
    memcpy(self, m.id.b, 32);
    gn_seal_epoch_sign(self + 32, sign_key, &net, &m.id, m.epk, t->w.wall);
    assert_int_equal(introduce(t, self, &e), GN_SEAL_QUERY);
    assert_true(e.has_self);
    for (size_t at = 0; at < sizeof self; at += 5) {
        self[at] ^= 4;
        assert_int_equal(introduce(t, self, &e), GN_SEAL_NOTHING);
        self[at] ^= 4;
    }
    /* out of its time: the query is served, the contact is not handed on */
    gn_seal_epoch_sign(self + 32, sign_key, &net, &m.id, m.epk, t->w.wall - 86401);
    assert_int_equal(introduce(t, self, &e), GN_SEAL_QUERY);
    assert_false(e.has_self);
    gn_seal_epoch_sign(self + 32, sign_key, &net, &m.id, m.epk, t->w.wall + 3601);
    assert_int_equal(introduce(t, self, &e), GN_SEAL_QUERY);
    assert_false(e.has_self);
}

static void introduction_of_ourselves_or_of_an_older_epoch_is_not_handed_on(void **state)
{
    struct trio *t = *state;
    struct gn_contact m = seal_contact(&t->m);
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_net net;
    struct gn_seal_event e;
    uint8_t pk[32];
    uint8_t sign_key[64];
    uint8_t self[GN_SEAL_SELF];

    gn_seal_keys_net(&net, t->w.net_id);
    crypto_sign_seed_keypair(pk, sign_key, t->b.config.identity_seed);
    memcpy(self, b.id.b, 32);
    gn_seal_epoch_sign(self + 32, sign_key, &net, &b.id, b.epk, t->w.wall);
    assert_int_equal(introduce(t, self, &e), GN_SEAL_QUERY);
    assert_false(e.has_self);
    assert_int_equal(seal_exchange(&t->w, &t->b, &t->m, 1, &m), 2); /* b knows m now */
    crypto_sign_seed_keypair(pk, sign_key, t->m.config.identity_seed);
    memcpy(self, m.id.b, 32);
    gn_seal_epoch_sign(self + 32, sign_key, &net, &m.id, m.epk, t->w.wall - 1);
    assert_int_equal(introduce(t, self, &e), GN_SEAL_QUERY);
    assert_false(e.has_self);
}

static void stranger_of_another_network_is_not_even_answered(void **state)
{
    struct trio *t = *state;
    struct gn_contact contacts[3] = {seal_contact(&t->b), seal_contact_old(&t->b), seal_contact_addr(&t->b)};
    struct seal_packet p;
    struct gn_seal_event e;

    seal_node_fini(&t->m);
    gn_seal_net_id(t->m.config.net_id, gn_slice_str("test"), gn_slice_str("a secret"));
    seal_node_start(&t->m, &t->w);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(seal_ask(&t->w, &t->m, &p, i, &contacts[i], "hello?"), GN_OK);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    }
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_auth, 3);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 0);
    /* Who takes the tag of the right network but labels keys with another cannot be opened. */
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    memcpy(f.net_id, t->m.config.net_id, 16);
    seal_forge(&p, &t->w, &f);
    seal_retag(&p, t->w.net_id);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->b.seal)->queries_opened, 0);
}

static void name_and_secret_make_the_network(void **state)
{
    uint8_t a[16];
    uint8_t b[16];

    (void)state;
    gn_seal_net_id(a, gn_slice_str("one"), gn_slice_str("secret"));
    gn_seal_net_id(b, gn_slice_str("one"), gn_slice_str("secret"));
    assert_memory_equal(a, b, 16);
    gn_seal_net_id(b, gn_slice_str("one"), gn_slice_str("secreT"));
    assert_memory_not_equal(a, b, 16);
    gn_seal_net_id(b, gn_slice_str("two"), gn_slice_str("secret"));
    assert_memory_not_equal(a, b, 16);
    gn_seal_net_id(b, gn_slice_str("onesecret"), gn_slice_str(""));
    assert_memory_not_equal(a, b, 16);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(who_knows_the_identity_key_of_the_asker_cannot_pose_as_another_to_it),
        T(epoch_key_of_another_cannot_be_passed_off_as_ones_own),
        T(contact_with_the_liars_epoch_key_does_not_make_the_liar_somebody_else),
        T(first_answer_needs_a_fresh_record_of_the_very_key_that_was_asked),
        T(record_signed_for_another_network_proves_nothing),
        T(replayed_query_is_answered_alike_and_leaves_nothing_behind),
        T(reflected_packets_are_good_for_nothing),
        T(answer_from_another_address_does_not_count),
        T(stolen_token_is_worth_nothing_from_another_address),
        T(token_lives_through_one_bucket_of_five_minutes),
        T(token_under_a_key_that_never_was_is_not_valid),
        T(forged_introduction_drops_the_query),
        T(introduction_of_ourselves_or_of_an_older_epoch_is_not_handed_on),
        T(stranger_of_another_network_is_not_even_answered),
        T(name_and_secret_make_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
