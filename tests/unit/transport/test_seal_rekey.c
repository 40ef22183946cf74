/* tests/unit/transport/test_seal_rekey.c - REKEY and RETRY: what they may change, and what they may not. */
#include "tests/support/gn_cmocka.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_epoch.h"

struct pair {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct gn_seal_net net;
    uint8_t sign_key[64]; /* b's */
};

static int setup(void **state)
{
    struct pair *t = test_calloc(1, sizeof *t);
    uint8_t pk[32];

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
    gn_seal_keys_net(&t->net, t->w.net_id);
    crypto_sign_seed_keypair(pk, t->sign_key, t->b.config.identity_seed);
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

static void begin_epoch(struct pair *t, struct seal_node *n)
{
    uint8_t before[32];
    uint8_t after[32];

    gn_seal_epoch_key(n->seal, before);
    seal_world_pass(&t->w, GN_MINUTES(67));
    gn_seal_timer(n->seal, t->w.now, t->w.wall);
    gn_seal_epoch_key(n->seal, after);
    assert_memory_not_equal(before, after, 32);
}

/* A REKEY for the query `asked` with b's id: epoch key {fill, ...}, this number, b's signature. */
static void craft_rekey(struct pair *t, struct seal_packet *out, const struct seal_packet *asked, uint8_t fill,
                        uint64_t number)
{
    uint8_t epk[32];
    uint8_t record[GN_SEAL_EPOCH_RECORD];

    memset(epk, fill, sizeof epk);
    gn_seal_epoch_sign(record, t->sign_key, &t->net, gn_seal_id(t->b.seal), epk, number);
    gn_seal_wire_put_rekey(out->bytes, asked->bytes + GN_SEAL_Q_NONCE, gn_seal_id(t->b.seal), record);
    out->len = GN_SEAL_REKEY_LEN;
}

static enum gn_seal_event_type give_a(struct pair *t, const struct seal_packet *p)
{
    struct gn_seal_event e;

    return seal_give(&t->w, &t->a, &e, &t->b.addr, p);
}

static void craft_retry(struct seal_packet *out, const struct seal_packet *asked, uint8_t fill)
{
    uint8_t token[GN_SEAL_TOKEN];

    memset(token, fill, sizeof token);
    gn_seal_wire_put_retry(out->bytes, asked->bytes + GN_SEAL_Q_NONCE, token);
    out->len = GN_SEAL_RETRY_LEN;
}

static void stale_epoch_is_told_the_present_one(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    begin_epoch(t, &t->b);
    begin_epoch(t, &t->b);
    /* two epochs later the key is still kept */
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    begin_epoch(t, &t->b);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 4);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 3, &b), 2);
}

static void restarted_peer_is_believed_within_the_same_hour(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    seal_world_pass(&t->w, GN_SECONDS(2));
    seal_node_fini(&t->b);
    memset(t->b.config.rng_seed, 0x77, 32);
    seal_node_start(&t->b, &t->w);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 4);
}

static void rekey_with_any_changed_byte_is_refused(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;

    for (size_t at = 0; at < GN_SEAL_REKEY_LEN; at++) {
        assert_int_equal(seal_ask(&t->w, &t->a, &asked, at, &b, "q"), GN_OK);
        craft_rekey(t, &p, &asked, 9, t->w.wall);
        p.bytes[at] ^= 1;
        assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
        /* and the true one still counts */
        p.bytes[at] ^= 1;
        assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
        gn_seal_cancel(t->a.seal, at);
        /* an a that knows nothing, for the next byte */
        seal_node_fini(&t->a);
        seal_node_start(&t->a, &t->w);
    }
}

static void rekey_by_another_identity_is_refused(void **state)
{
    struct pair *t = *state;
    struct gn_contact other = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;

    /* a wants somebody else at b's address: b's own, valid REKEY is no answer to that */
    other.id.b[0] ^= 1;
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &other, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    /* nor is an identity of zeros, whoever asks for anybody */
    struct gn_contact any = seal_contact_addr(&t->b);
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 2, &any, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    memset(p.bytes + 10, 0, 32);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
}

static void rekey_out_of_its_time_is_refused(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, t->w.wall - 86401);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, t->w.wall + 3601);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, UINT64_MAX);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, t->w.wall + 3600);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
}

static void rekey_to_an_epoch_that_is_not_newer_is_refused(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet asked;
    struct seal_packet p;
    gn_wall_s first = t->w.wall;

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    seal_world_pass(&t->w, GN_MINUTES(3));
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 2, &b, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, first - 1); /* an older one, whose secret may have been stolen */
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, first); /* another one with the same number */
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, first + 1);
    memcpy(p.bytes + 42, b.epk, 32); /* the one that was asked (and a broken signature) */
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, first + 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
}

static void replayed_rekey_does_not_answer_a_later_query(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet old;
    struct seal_packet p;

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    craft_rekey(t, &old, &asked, 9, t->w.wall);
    assert_int_equal(give_a(t, &old), GN_SEAL_SEND);
    assert_int_equal(give_a(t, &old), GN_SEAL_NOTHING);
    gn_seal_cancel(t->a.seal, 1);
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 2, &b, "q"), GN_OK);
    assert_int_equal(give_a(t, &old), GN_SEAL_NOTHING);
    /* with the tag of the new query: it names the very epoch that was asked */
    p = old;
    memcpy(p.bytes + 2, asked.bytes + GN_SEAL_Q_NONCE, 8);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 1);
}

static void rekey_and_retry_for_a_query_not_ours_are_dropped(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->b, &asked, 1, &b, "q"), GN_OK); /* b's, not a's */
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_retry(&p, &asked, 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    /* ours, but from an address that was not asked */
    struct gn_addr elsewhere = t->b.addr;
    elsewhere.port++;
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &elsewhere, &p), GN_SEAL_NOTHING);
    craft_retry(&p, &asked, 1);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &elsewhere, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->dropped_unknown, 4);
}

static void one_query_takes_one_rekey(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet again;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_SEND);
    seal_sent(&again, &e);
    assert_memory_not_equal(again.bytes + GN_SEAL_Q_NONCE, asked.bytes + GN_SEAL_Q_NONCE, 8);
    craft_rekey(t, &p, &again, 11, t->w.wall + 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 1);
}

static void forged_rekeys_cost_one_query_at_most_four_verifications(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    for (unsigned i = 0; i < 4; i++) {
        craft_rekey(t, &p, &asked, 9, t->w.wall);
        p.bytes[100] ^= 1;
        assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    }
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING); /* the price: this query is lost, the next is not */
    gn_seal_cancel(t->a.seal, 1);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 4);
}

static void parallel_queries_each_follow_the_same_rekey(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet p[3];
    struct gn_seal_event last;

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seal_ask(&t->w, &t->a, &p[i], i, &b, "q"), GN_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &p[i], &last), 4);
        assert_int_equal(last.type, GN_SEAL_REPLY);
        assert_int_equal(last.cookie, i);
    }
}

static void parallel_probe_refuses_what_is_older_or_other_than_what_the_first_has_learned(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet first;
    struct seal_packet second;
    struct seal_packet p;

    assert_int_equal(seal_ask(&t->w, &t->a, &first, 1, &b, "q"), GN_OK);
    assert_int_equal(seal_ask(&t->w, &t->a, &second, 2, &b, "q"), GN_OK);
    craft_rekey(t, &p, &first, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
    craft_rekey(t, &p, &second, 11, t->w.wall - 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &second, 11, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &second, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
}

static void query_in_flight_remembers_its_epoch_though_the_peer_is_forgotten(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_node other;
    struct seal_packet asked;
    struct seal_packet p;

    seal_node_fini(&t->a);
    t->a.config.initiator_cache = 1;
    seal_node_start(&t->a, &t->w);
    seal_node_init(&other, &t->w, 5);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 2, &b, "q"), GN_OK);
    struct gn_contact c = seal_contact(&other);
    assert_int_equal(seal_exchange(&t->w, &t->a, &other, 3, &c), 2);
    craft_rekey(t, &p, &asked, 9, t->w.wall - 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, t->w.wall);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_rekey(t, &p, &asked, 9, t->w.wall + 1);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
    seal_node_fini(&other);
}

static void answer_to_a_probe_is_never_taken_as_a_reply(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_packet asked;
    struct seal_packet p;
    struct gn_seal_answer answer = {.observed = t->a.addr, .token = (const uint8_t *)"0123456789abcdef"};
    static const uint8_t zero_key[32];

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    memset(&p, 0, sizeof p);
    p.bytes[0] = GN_SEAL_T_REPLY;
    p.bytes[1] = GN_SEAL_VERSION;
    memcpy(p.bytes + 2, asked.bytes + GN_SEAL_Q_NONCE, 8);
    p.len = gn_seal_keys_close(p.bytes, gn_seal_wire_put_answer(p.bytes + GN_SEAL_R_HEADER, &answer), zero_key);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
}

static void retry_is_followed_once_with_its_token(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet asked;
    struct seal_packet again;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 1, &b, "q"), GN_OK);
    craft_retry(&p, &asked, 0);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING); /* a token of zeros is none */
    craft_retry(&p, &asked, 5);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_SEND);
    seal_sent(&again, &e);
    assert_memory_equal(again.bytes + GN_SEAL_Q_TOKEN, p.bytes + 10, GN_SEAL_TOKEN);
    /* no loop: neither the same again, nor one for the second transmission */
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    craft_retry(&p, &again, 6);
    assert_int_equal(give_a(t, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->a.seal)->retries_taken, 1);
}

static void forged_retry_neither_stops_the_answer_nor_stays_in_memory(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet asked;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 2, &b, "q"), GN_OK);
    craft_retry(&p, &asked, 5);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &asked, &e), 2); /* the first transmission is answered */
    assert_int_equal(e.type, GN_SEAL_REPLY);
    /* a query that fails for a forged token does not spoil the next one */
    assert_int_equal(seal_ask(&t->w, &t->a, &asked, 3, &b, "q"), GN_OK);
    craft_retry(&p, &asked, 6);
    assert_int_equal(give_a(t, &p), GN_SEAL_SEND);
    gn_seal_cancel(t->a.seal, 3);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 4, &b, "q"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.addr_proved); /* the token of the last reply */
}

static void worst_case_is_three_round_trips(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    /* a's neighbours have used up what their address group may get without a token */
    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    do {
        seal_forge(&p, &t->w, &f);
        (void)seal_give(&t->w, &t->b, &e, &t->a.addr, &p);
    } while (e.type == GN_SEAL_QUERY);
    assert_int_equal(e.type, GN_SEAL_SEND);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 6); /* RETRY, REKEY, REPLY */
    assert_int_equal(gn_seal_counters(t->a.seal)->retries_taken, 1);
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(stale_epoch_is_told_the_present_one),
        T(restarted_peer_is_believed_within_the_same_hour),
        T(rekey_with_any_changed_byte_is_refused),
        T(rekey_by_another_identity_is_refused),
        T(rekey_out_of_its_time_is_refused),
        T(rekey_to_an_epoch_that_is_not_newer_is_refused),
        T(replayed_rekey_does_not_answer_a_later_query),
        T(rekey_and_retry_for_a_query_not_ours_are_dropped),
        T(one_query_takes_one_rekey),
        T(forged_rekeys_cost_one_query_at_most_four_verifications),
        T(parallel_queries_each_follow_the_same_rekey),
        T(parallel_probe_refuses_what_is_older_or_other_than_what_the_first_has_learned),
        T(query_in_flight_remembers_its_epoch_though_the_peer_is_forgotten),
        T(answer_to_a_probe_is_never_taken_as_a_reply),
        T(retry_is_followed_once_with_its_token),
        T(forged_retry_neither_stops_the_answer_nor_stays_in_memory),
        T(worst_case_is_three_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
