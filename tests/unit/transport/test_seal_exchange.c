/* tests/unit/transport/test_seal_exchange.c - sealed datagrams between honest nodes. */
#include "tests/support/gn_cmocka.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/seal_world.h"

struct pair {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
};

static int setup(void **state)
{
    struct pair *t = test_calloc(1, sizeof *t);

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
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

static void known_contact_answers_in_one_round_trip(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 7, &b), 2);
    assert_int_equal(gn_seal_counters(t->b.seal)->queries_opened, 1);
    assert_int_equal(gn_seal_counters(t->a.seal)->replies_opened, 1);
    assert_int_equal(gn_seal_counters(t->a.seal)->dh_done, 1);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 1);
}

static void warm_contact_costs_no_dh_and_shows_its_token(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &b, "again"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.addr_proved);
    assert_false(e.reply_key.want_record);
    assert_int_equal(gn_seal_counters(t->a.seal)->dh_done, 1);
    assert_int_equal(gn_seal_counters(t->b.seal)->dh_done, 1);
    assert_int_equal(gn_seal_counters(t->b.seal)->cache_hits, 1);
}

static void first_query_is_not_proved_and_wants_the_record(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "body of mine"), GN_OK);
    assert_int_equal(p.len, GN_SEAL_QUERY_MIN);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_false(e.addr_proved);
    assert_true(e.reply_key.want_record);
    assert_false(e.has_self);
    assert_true(gn_slice_eq(e.body, gn_slice_str("body of mine")));
    assert_memory_equal(e.client_key, p.bytes + GN_SEAL_Q_CLIENT, 32);
}

static void unknown_epoch_takes_two_round_trips(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 4);
    assert_int_equal(gn_seal_counters(t->b.seal)->rekeys_sent, 1);
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 1);
    /* and from then on one */
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 2);
}

static void identity_by_address_only_is_told_by_who_answers(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_addr(&t->b);

    /* seal_exchange compares the id of the answer */
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 4);
}

static void hint_of_an_epoch_key_without_an_id_is_not_used(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    memset(&b.id, 0, sizeof b.id);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 4);
}

static void probe_looks_like_a_query_and_carries_nothing(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet p;
    static const uint8_t none[20];

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "secret question"), GN_OK);
    assert_int_equal(p.len, GN_SEAL_QUERY_MIN);
    assert_memory_equal(p.bytes + GN_SEAL_Q_DST_TAG, none, 20);
    assert_null(memmem(p.bytes, p.len, "secret question", 15));
}

static void introduction_arrives_verified(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_contact a = seal_contact(&t->a);
    struct seal_packet p;
    struct gn_seal_event e;

    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        assert_int_equal(gn_seal_query(t->a.seal, p.bytes, &p.len,
                                       &(struct gn_seal_request){.cookie = cookie,
                                                                 .to = &b,
                                                                 .body = gn_slice_str("hi"),
                                                                 .introduce = true,
                                                                 .expires_at = t->w.now + GN_SECONDS(5)},
                                       t->w.now),
                         GN_OK);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
        assert_true(e.has_self);
        assert_true(gn_id_eq(&e.self.id, &a.id));
        assert_memory_equal(e.self.epk, a.epk, 32);
        assert_true(gn_addr_eq(&e.self.addr, &t->a.addr));
    }
}

static void introduction_gives_way_to_a_long_body(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    static uint8_t body[GN_SEAL_QUERY_BODY_MAX + 1];
    struct seal_packet p;
    struct gn_seal_event e;
    static const struct {
        size_t len;
        bool self;
        size_t datagram;
    } cases[] = {{GN_SEAL_QUERY_BODY_MAX_SELF, true, GN_SEAL_DATAGRAM_MAX},
                 {GN_SEAL_QUERY_BODY_MAX_SELF + 1, false, GN_SEAL_DATAGRAM_MAX - 135},
                 {GN_SEAL_QUERY_BODY_MAX, false, GN_SEAL_DATAGRAM_MAX}};

    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(gn_seal_query(t->a.seal, p.bytes, &p.len,
                                       &(struct gn_seal_request){.cookie = i,
                                                                 .to = &b,
                                                                 .body = gn_slice_of(body, cases[i].len),
                                                                 .introduce = true,
                                                                 .expires_at = t->w.now + 1},
                                       t->w.now),
                         GN_OK);
        assert_int_equal(p.len, cases[i].datagram);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
        assert_int_equal(e.body.len, cases[i].len);
        assert_int_equal(e.has_self, cases[i].self);
    }
    assert_int_equal(gn_seal_query(t->a.seal, p.bytes, &p.len,
                                   &(struct gn_seal_request){.cookie = 9,
                                                             .to = &b,
                                                             .body = gn_slice_of(body, sizeof body),
                                                             .introduce = true,
                                                             .expires_at = t->w.now + 1},
                                   t->w.now),
                     GN_E_LIMIT);
}

static void sixteen_contacts_fit_one_reply_without_record(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;
    static uint8_t body[GN_SEAL_DATAGRAM_MAX];

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &b, "find"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.reply_body_max >= 16 * 70 + 33);
    assert_int_equal(
        gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, e.reply_body_max), t->w.now), GN_OK);
    assert_int_equal(p.len, GN_SEAL_DATAGRAM_MAX);
    struct gn_seal_event answer;
    assert_int_equal(seal_give(&t->w, &t->a, &answer, &t->b.addr, &p), GN_SEAL_REPLY);
    assert_int_equal(answer.body.len, e.reply_body_max);
    assert_int_equal(
        gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, e.reply_body_max + 1), t->w.now),
        GN_E_LIMIT);
}

static void reply_with_record_says_how_much_room_is_left(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;
    static uint8_t body[GN_SEAL_DATAGRAM_MAX];

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &b, "find"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.reply_body_max >= 14 * 70 + 33);
    assert_int_equal(
        gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, e.reply_body_max), t->w.now), GN_OK);
    assert_int_equal(p.len, GN_SEAL_DATAGRAM_MAX);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_REPLY);
}

static void reply_to_a_stranger_is_at_most_three_times_its_query(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;
    static uint8_t body[GN_SEAL_DATAGRAM_MAX];

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &b, "find"), GN_OK);
    size_t query_len = p.len;
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_int_equal(
        gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, e.reply_body_max), t->w.now), GN_OK);
    assert_true(p.len <= 3 * query_len);
    /* A caller that narrows the allowance is obeyed. */
    e.reply_key.reply_max = 400;
    assert_int_equal(gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, 400), t->w.now),
                     GN_E_LIMIT);
    assert_int_equal(p.len, 0);
}

static void one_byte_less_than_the_smallest_query_is_not_answered(void **state)
{
    struct pair *t = *state;
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    f.plain_len--;
    seal_forge(&p, &t->w, &f);
    assert_int_equal(p.len, GN_SEAL_QUERY_MIN - 1);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_malformed, 1);
}

static void observed_address_is_told_for_both_families(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    memset(&t->a.addr, 0, sizeof t->a.addr);
    t->a.addr.family = GN_ADDR_V6;
    t->a.addr.ip[0] = 0x20;
    t->a.addr.ip[15] = 9;
    t->a.addr.port = 65535;
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 2);
}

static void retransmission_has_a_new_nonce_and_either_answer_counts(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet first;
    struct seal_packet second;
    struct gn_seal_event last;

    for (unsigned use_first = 0; use_first < 2; use_first++) {
        assert_int_equal(seal_ask(&t->w, &t->a, &first, use_first, &b, "q"), GN_OK);
        assert_int_equal(seal_ask(&t->w, &t->a, &second, use_first, &b, "q"), GN_OK);
        assert_memory_not_equal(first.bytes + GN_SEAL_Q_NONCE, second.bytes + GN_SEAL_Q_NONCE, 8);
        assert_int_equal(seal_talk(&t->w, &t->a, &t->b, use_first ? &first : &second, &last), 2);
        assert_int_equal(last.type, GN_SEAL_REPLY);
        assert_int_equal(last.cookie, use_first);
        /* the other answer is then unknown */
        (void)seal_talk(&t->w, &t->a, &t->b, use_first ? &second : &first, &last);
        assert_int_equal(last.type, GN_SEAL_NOTHING);
    }
    assert_int_equal(gn_seal_counters(t->a.seal)->dropped_unknown, 2);
}

static void cancelled_and_expired_queries_take_no_answer(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event last;

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "q"), GN_OK);
    gn_seal_cancel(t->a.seal, 1);
    gn_seal_cancel(t->a.seal, 1);
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &p, &last), 2);
    assert_int_equal(last.type, GN_SEAL_NOTHING);

    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &b, "q"), GN_OK);
    assert_true(gn_seal_deadline(t->a.seal) == t->w.now + GN_SECONDS(5));
    seal_world_pass(&t->w, GN_SECONDS(5));
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &p, &last), 2);
    assert_int_equal(last.type, GN_SEAL_NOTHING);
    assert_true(gn_seal_deadline(t->a.seal) > t->w.now);
}

static void bad_arguments_are_refused(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;

    assert_int_equal(gn_seal_query(t->a.seal, p.bytes, &p.len,
                                   &(struct gn_seal_request){
                                       .cookie = 1, .to = &b, .body = gn_slice_str(""), .expires_at = t->w.now},
                                   t->w.now),
                     GN_E_INVALID);
    b.addr.port = 0;
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, ""), GN_E_INVALID);
    b.addr.family = GN_ADDR_NONE;
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, ""), GN_E_INVALID);
}

static void the_limit_of_queries_in_flight_is_kept(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;

    seal_node_fini(&t->a);
    t->a.config.pending_max = 5;
    seal_node_start(&t->a, &t->w);
    for (uint64_t cookie = 0; cookie < 5; cookie++) {
        for (unsigned again = 0; again < 5; again++) {
            assert_int_equal(seal_ask(&t->w, &t->a, &p, cookie, &b, "q"), GN_OK);
        }
    }
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 5, &b, "q"), GN_E_FULL);
    gn_seal_cancel(t->a.seal, 3);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 5, &b, "q"), GN_OK);
    /* time makes room too, even when nobody calls the timer */
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 6, &b, "q"), GN_E_FULL);
    seal_world_pass(&t->w, GN_SECONDS(6));
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 6, &b, "q"), GN_OK);
}

static void a_node_may_ask_itself(void **state)
{
    struct pair *t = *state;
    struct gn_contact a = seal_contact(&t->a);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->a, 1, &a), 2);
}

static const char *entropy_name(void)
{
    return "none";
}

static uint32_t entropy_u32(void)
{
    abort();
}

static void entropy_buf(void *const buf, const size_t size)
{
    (void)buf;
    (void)size;
    abort();
}

static void no_call_asks_libsodium_for_entropy(void **state)
{
    struct pair *t = *state;
    static struct randombytes_implementation none = {
        .implementation_name = entropy_name, .random = entropy_u32, .buf = entropy_buf};
    struct seal_node c;
    struct gn_contact to;

    assert_int_equal(randombytes_set_implementation(&none), 0);
    seal_node_init(&c, &t->w, 3);
    to = seal_contact_addr(&t->b);
    assert_int_equal(seal_exchange(&t->w, &c, &t->b, 1, &to), 4);
    seal_world_pass(&t->w, GN_HOURS(2));
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    gn_seal_timer(c.seal, t->w.now, t->w.wall);
    gn_seal_network_changed(c.seal, t->w.now);
    assert_int_equal(seal_exchange(&t->w, &c, &t->b, 2, &to), 4);
    seal_node_fini(&c);
    assert_int_equal(randombytes_set_implementation(&randombytes_sysrandom_implementation), 0);
}

static void an_idle_seal_is_small_and_a_peer_costs_little(void **state)
{
    struct pair *t = *state;
    struct seal_node peer;
    enum { PEERS = 64 };

    assert_true(t->a.memory.live <= 4096);
    size_t before = t->a.memory.live;
    for (unsigned i = 0; i < PEERS; i++) {
        seal_node_init(&peer, &t->w, 10 + i);
        struct gn_contact c = seal_contact(&peer);
        assert_int_equal(seal_exchange(&t->w, &t->a, &peer, i, &c), 2);
        seal_node_fini(&peer);
    }
    /* 176 B of entry and 8 B of index; the rest is the memory of queries in flight, once */
    size_t each = (t->a.memory.live - before) / PEERS;
    print_message("idle %zu B, then %zu B for each of %d peers\n", before, each, PEERS);
    assert_true(each <= 280);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(known_contact_answers_in_one_round_trip),
        T(warm_contact_costs_no_dh_and_shows_its_token),
        T(first_query_is_not_proved_and_wants_the_record),
        T(unknown_epoch_takes_two_round_trips),
        T(identity_by_address_only_is_told_by_who_answers),
        T(hint_of_an_epoch_key_without_an_id_is_not_used),
        T(probe_looks_like_a_query_and_carries_nothing),
        T(introduction_arrives_verified),
        T(introduction_gives_way_to_a_long_body),
        T(sixteen_contacts_fit_one_reply_without_record),
        T(reply_with_record_says_how_much_room_is_left),
        T(reply_to_a_stranger_is_at_most_three_times_its_query),
        T(one_byte_less_than_the_smallest_query_is_not_answered),
        T(observed_address_is_told_for_both_families),
        T(retransmission_has_a_new_nonce_and_either_answer_counts),
        T(cancelled_and_expired_queries_take_no_answer),
        T(bad_arguments_are_refused),
        T(the_limit_of_queries_in_flight_is_kept),
        T(a_node_may_ask_itself),
        T(no_call_asks_libsodium_for_entropy),
        T(an_idle_seal_is_small_and_a_peer_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
