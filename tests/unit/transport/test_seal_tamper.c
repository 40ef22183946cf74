/* tests/unit/transport/test_seal_tamper.c - changed, cut, random and ill-formed packets. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/seal_world.h"

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

static void any_changed_byte_of_a_query_header_is_noticed(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_event e;
    struct seal_packet p;
    struct seal_packet bad;

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "question"), GN_OK);
    for (size_t at = 0; at < GN_SEAL_Q_HEADER; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bad = p;
            bad.bytes[at] ^= (uint8_t)(1U << bit);
            assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &bad), GN_SEAL_NOTHING);
            /* The public network's tag can be made by anybody: then the AEAD must notice, or the epoch is not ours. */
            seal_retag(&bad, t->w.net_id);
            enum gn_seal_event_type type = seal_give(&t->w, &t->b, &e, &t->a.addr, &bad);
            bool is_dst_tag = at >= GN_SEAL_Q_DST_TAG && at < GN_SEAL_Q_TOKEN;
            bool is_net_tag = at >= GN_SEAL_Q_NET_TAG;
            assert_int_equal(type, is_net_tag ? GN_SEAL_QUERY : is_dst_tag ? GN_SEAL_SEND : GN_SEAL_NOTHING);
            if (is_dst_tag) {
                assert_in_range(e.packet.data[0], GN_SEAL_T_REKEY, GN_SEAL_T_RETRY);
            }
            if (is_net_tag) {
                t->w.now += GN_MS(100); /* honest again: keep below the limit of unproved queries */
            }
        }
    }
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
}

static void any_changed_byte_of_a_query_body_is_noticed(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event e;
    struct seal_packet p;

    ask_b(t, 1, &p, &e);
    for (size_t at = GN_SEAL_Q_HEADER; at < p.len; at++) {
        p.bytes[at] ^= 0x10;
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_NOTHING);
        p.bytes[at] ^= 0x10;
    }
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_auth, p.len - GN_SEAL_Q_HEADER);
}

static void any_changed_byte_of_a_reply_is_noticed_and_the_true_one_still_counts(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event e;
    struct seal_packet p;

    ask_b(t, 1, &p, &e);
    assert_int_equal(seal_answer(&t->w, &t->b, &p, &e, "yes"), GN_OK);
    for (size_t at = 0; at < p.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            p.bytes[at] ^= (uint8_t)(1U << bit);
            assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
            p.bytes[at] ^= (uint8_t)(1U << bit);
        }
    }
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_REPLY);
    assert_true(gn_slice_eq(e.body, gn_slice_str("yes")));
}

static void every_truncation_of_every_packet_is_dropped(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet chain[4];
    struct gn_seal_event e;

    /* probe, REKEY, QUERY, REPLY */
    assert_int_equal(seal_ask(&t->w, &t->a, &chain[0], 1, &b, "q"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &chain[0]), GN_SEAL_SEND);
    seal_sent(&chain[1], &e);
    for (unsigned i = 0; i < 4; i++) {
        struct seal_node *to = i % 2 ? &t->a : &t->b;
        const struct gn_addr *from = i % 2 ? &t->b.addr : &t->a.addr;
        struct seal_packet cut = chain[i];
        for (cut.len = 0; cut.len < chain[i].len; cut.len++) {
            assert_int_equal(seal_give(&t->w, to, &e, from, &cut), GN_SEAL_NOTHING);
        }
        cut = chain[i];
        cut.len = cut.len < GN_SEAL_DATAGRAM_MAX ? cut.len + 1 : cut.len;
        assert_int_equal(seal_give(&t->w, to, &e, from, &cut), i == 0 ? GN_SEAL_SEND : GN_SEAL_NOTHING);
        enum gn_seal_event_type type = seal_give(&t->w, to, &e, from, &chain[i]);
        if (i == 1) {
            assert_int_equal(type, GN_SEAL_SEND);
            seal_sent(&chain[2], &e);
        } else if (i == 2) {
            assert_int_equal(type, GN_SEAL_QUERY);
            assert_int_equal(seal_answer(&t->w, &t->b, &chain[3], &e, "yes"), GN_OK);
        } else if (i == 3) {
            assert_int_equal(type, GN_SEAL_REPLY);
        }
    }
}

static void random_bytes_are_dropped_and_cost_no_memory(void **state)
{
    struct trio *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;
    size_t live = t->b.memory.live;

    for (unsigned i = 0; i < 20000; i++) {
        p.len = gn_rng_below(&t->w.rng, sizeof p.bytes + 1);
        gn_rng_bytes(&t->w.rng, p.bytes, sizeof p.bytes);
        p.bytes[0] = (uint8_t)(i & 1 ? 4 + gn_rng_below(&t->w.rng, 4) : p.bytes[0]);
        p.bytes[1] = GN_SEAL_VERSION;
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    }
    assert_int_equal(t->b.memory.live, live);
}

static void other_versions_are_dropped(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "q"), GN_OK);
    for (unsigned version = 0; version < 256; version++) {
        p.bytes[1] = (uint8_t)version;
        seal_retag(&p, t->w.net_id);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p),
                         version == GN_SEAL_VERSION ? GN_SEAL_QUERY : GN_SEAL_NOTHING);
    }
}

static void ill_formed_plaintext_of_a_member_is_dropped(void **state)
{
    struct trio *t = *state;
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    seal_forgery_init(&f, &t->w, &t->b, plain, "abc");
    for (unsigned flag = 2; flag < 8; flag++) { /* reserved bits */
        plain[0] = (uint8_t)(1U << flag);
        seal_forge(&p, &t->w, &f);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    }
    plain[0] = 0;
    gn_store_u16(plain + 1, (uint16_t)(f.plain_len - 3)); /* exactly to the end */
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_QUERY);
    assert_int_equal(e.body.len, f.plain_len - 3);
    gn_store_u16(plain + 1, (uint16_t)(f.plain_len - 2)); /* one byte more */
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    gn_store_u16(plain + 1, 0xffff);
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_malformed, 8);
}

static void ill_formed_reply_of_a_peer_is_dropped(void **state)
{
    struct trio *t = *state;
    struct gn_seal_event query;
    struct gn_seal_event e;
    struct seal_packet p;
    struct seal_packet good;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];

    ask_b(t, 1, &p, &query);
    assert_int_equal(seal_answer(&t->w, &t->b, &good, &query, "yes"), GN_OK);
    size_t len = 0;
    assert_int_equal(gn_seal_keys_open(plain, &len, gn_slice_of(good.bytes, good.len), query.reply_key.k_r), GN_OK);
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{0, 3}, {0, 0x81}, {1, 0}, {1, 5}, {1, 18}, {1, 255}, {129, 9}, {128, 1}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        p = good;
        memcpy(p.bytes + GN_SEAL_R_HEADER, plain, len);
        p.bytes[GN_SEAL_R_HEADER + changes[i].at] = changes[i].value;
        p.len = gn_seal_keys_close(p.bytes, len, query.reply_key.k_r);
        assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
    }
    /* every truncation of the text, and one byte more */
    for (size_t cut = 0; cut <= len + 1; cut++) {
        p = good;
        memset(p.bytes + GN_SEAL_R_HEADER, 0, len + 1);
        memcpy(p.bytes + GN_SEAL_R_HEADER, plain, len);
        p.len = gn_seal_keys_close(p.bytes, cut, query.reply_key.k_r);
        if (cut != len) {
            assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_NOTHING);
        }
    }
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &good), GN_SEAL_REPLY);
}

static void sender_without_a_usable_address_is_not_answered(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_addr nowhere = t->a.addr;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "q"), GN_OK);
    nowhere.port = 0;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &nowhere, &p), GN_SEAL_NOTHING);
    nowhere = seal_addr(224, 0, 0, 1, 99);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &nowhere, &p), GN_SEAL_NOTHING);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(any_changed_byte_of_a_query_header_is_noticed),
        T(any_changed_byte_of_a_query_body_is_noticed),
        T(any_changed_byte_of_a_reply_is_noticed_and_the_true_one_still_counts),
        T(every_truncation_of_every_packet_is_dropped),
        T(random_bytes_are_dropped_and_cost_no_memory),
        T(other_versions_are_dropped),
        T(ill_formed_plaintext_of_a_member_is_dropped),
        T(ill_formed_reply_of_a_peer_is_dropped),
        T(sender_without_a_usable_address_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
