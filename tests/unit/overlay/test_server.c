/* tests/unit/overlay/test_server.c - what the answering side says: PING, FIND_NODE, PROBE_ME, GET, GET_PROVIDERS. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/unit/overlay/server_world.h"

/* ---- Queries that need no store ---- */

static void ping_is_answered_without_contacts(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING, .has_nonce = true, .nonce = {1, 2, 3}};

    (void)state;
    begin(&w);
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.reply.contacts_len == 0 && !w.reply.has_token);
    assert_memory_equal(w.decoded.nonce, q.nonce, 8); /* for the core: somebody dialled us back */
    assert_int_equal(w.counters.queries_received, 1);
    assert_int_equal(w.counters.replies_sent, 1);
    end(&w);
}

static void find_node_names_sixteen_contacts_but_not_the_asker(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_FIND_NODE, .flags = GN_MSG_WANT_TOKEN};

    (void)state;
    begin(&w);
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.reply.contacts_len == 16 && w.reply.has_token);
    assert_false(w.has_excluded);
    w.in.has_self = true;
    w.in.self = test_contact(9, "198.51.100.1:1000");
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.has_excluded && gn_id_eq(&w.excluded, &w.in.self.id));
    q.flags = GN_MSG_NO_CONTACTS;
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.reply.contacts_len == 0 && !w.reply.has_token);
    end(&w);
}

static void contacts_are_cut_to_what_the_path_carries(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_FIND_NODE};

    (void)state;
    begin(&w);
    for (size_t room = 20; room < 1300; room++) {
        unsigned before = w.replies;

        w.now += GN_SECONDS(1);
        w.in.reply_max = room;
        assert_int_equal(send(&w, &q), GN_OK);
        run_store(&w);
        assert_int_equal(w.replies, before + 1);
        assert_true(w.reply_len <= room);
        assert_true(w.reply.contacts_len == 16 || w.reply_len + 72 > room);
    }
    w.in.reply_max = 10; /* not even the status */
    {
        unsigned before = w.replies;

        assert_int_equal(send(&w, &q), GN_OK);
        run_store(&w);
        assert_int_equal(w.replies, before);
    }
    end(&w);
}

static void what_we_do_not_speak_is_unsupported(void **state)
{
    static const uint8_t methods[] = {0, GN_MSG_WATCH, GN_MSG_PUNCH, GN_MSG_SAMPLE, 99};
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_GET, .kind = GN_RECORD_PROVIDER};

    (void)state;
    begin(&w);
    assert_int_equal(ask(&w, &q), GN_MSG_UNSUPPORTED);
    q.method = GN_MSG_FIND_NODE;
    for (size_t i = 0; i < sizeof(methods); i++) {
        unsigned before = w.replies;
        size_t len;

        assert_int_equal(gn_msg_query_encode(w.body, &len, sizeof(w.body), &q), GN_OK);
        assert_int_equal(w.body[11], GN_MSG_FIND_NODE);
        w.body[11] = methods[i];
        w.in.body = gn_slice_of(w.body, len);
        assert_int_equal(gn_server_query(w.server, w.box, &w.decoded, &w.in, w.now, w.wall), GN_OK);
        run_store(&w);
        assert_int_equal(w.replies, before + 1);
        assert_int_equal(w.reply.status, GN_MSG_UNSUPPORTED);
    }
    end(&w);
}

static void a_malformed_query_is_told_so_when_its_txid_is_readable(void **state)
{
    static const uint8_t no_target[] = {0x93, 0xc4, 8, 0, 0, 0, 0, 0, 0, 0, 9, 2, 0};
    struct world w;

    (void)state;
    begin(&w);
    w.in.body = gn_slice_of(no_target, sizeof(no_target));
    assert_int_equal(gn_server_query(w.server, w.box, &w.decoded, &w.in, w.now, w.wall), GN_E_MALFORMED);
    run_store(&w);
    assert_int_equal(w.replies, 1);
    assert_true(w.reply.status == GN_MSG_MALFORMED && w.reply.txid == 9);
    w.in.body = gn_slice_of(no_target, sizeof(no_target) - 1);
    assert_int_equal(gn_server_query(w.server, w.box, &w.decoded, &w.in, w.now, w.wall), GN_E_MALFORMED);
    run_store(&w);
    assert_int_equal(w.replies, 1);
    assert_int_equal(w.counters.malformed, 2);
    end(&w);
}

/* ---- PROBE_ME ---- */

static void a_probe_is_for_the_asker_or_for_whom_another_hands_on(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PROBE_ME, .has_nonce = true, .nonce = {8}, .hops = 1};

    (void)state;
    begin(&w);
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED); /* an asker without identity cannot be dialled */
    w.in.has_self = true;
    w.in.self = test_contact(9, "203.0.113.77:9");
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.probe.hand_on && w.probe.nonce[0] == 8);
    assert_true(gn_addr_eq(&w.probe.subject.addr, &w.in.addr)); /* where it came from, not where it says it is */
    q.hops = 0;
    q.has_subject = true;
    q.subject = test_contact(7, "203.0.113.1:2");
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(!w.probe.hand_on && gn_id_eq(&w.probe.subject.id, &q.subject.id));
    assert_int_equal(w.probes, 2);
    q.hops = 1; /* never handed on twice */
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    q.hops = 0;
    q.subject.addr = test_addr("10.0.0.1:22"); /* nor into a private network */
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    q.subject = test_contact(0xee, "203.0.113.1:2"); /* nor to ourselves */
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    q.subject = test_contact(0, "203.0.113.1:2");
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    assert_int_equal(w.probes, 2);
    end(&w);
}

static void a_probe_that_cannot_be_made_says_why_and_floods_of_them_are_cut(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PROBE_ME, .has_nonce = true, .has_subject = true};
    unsigned busy = 0;

    (void)state;
    begin(&w);
    q.subject = test_contact(7, "203.0.113.1:2");
    w.probe_err = GN_E_REFUSED;
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    w.probe_err = GN_E_NOT_FOUND;
    assert_int_equal(ask(&w, &q), GN_MSG_NOT_FOUND);
    w.probe_err = GN_E_FULL;
    assert_int_equal(ask(&w, &q), GN_MSG_BUSY);
    w.probe_err = GN_OK;
    for (unsigned i = 0; i < 100; i++) { /* each from another group */
        char text[32];

        (void)snprintf(text, sizeof(text), "198.51.%u.1:1", i);
        w.in.addr = test_addr(text);
        busy += ask(&w, &q) == GN_MSG_BUSY ? 1U : 0U;
    }
    assert_int_equal(busy, 53); /* a burst of 50, of which the three above */
    end(&w);
}

/* ---- GET ---- */

static void a_stored_value_is_found_by_the_next_who_asks(void **state)
{
    struct world w;
    struct test_record im, mu;

    (void)state;
    begin(&w);
    test_immutable(&im, &w.peer, "hello", TEST_WALL + 7200);
    test_mutable(&mu, &w.peer, "salt", 4, "hello", TEST_WALL + 7200);
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.reply.contacts_len, 0);
    assert_int_equal(put(&w, &mu), GN_MSG_OK);
    assert_int_equal(w.counters.stores_accepted, 2);
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_OK);
    assert_value(&w, &im);
    assert_true(w.reply.contacts_len > 0); /* and contacts in the room that is left */
    assert_int_equal(get(&w, GN_RECORD_MUTABLE, &mu.r.target), GN_MSG_OK);
    assert_value(&w, &mu);
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &mu.r.target), GN_MSG_NOT_FOUND);
    assert_int_equal(w.reply.contacts_len, 16);
    w.wall = TEST_WALL + 7200; /* over, though the store still has it */
    assert_int_equal(get(&w, GN_RECORD_MUTABLE, &mu.r.target), GN_MSG_NOT_FOUND);
    end(&w);
}

static void a_record_that_the_asker_knows_is_not_sent_again(void **state)
{
    struct world w;
    struct test_record mu;
    struct gn_msg_query q = {.method = GN_MSG_GET, .kind = GN_RECORD_MUTABLE, .has_known_seq = true};

    (void)state;
    begin(&w);
    test_mutable(&mu, &w.peer, "", 4, "hello", TEST_WALL + 7200);
    assert_int_equal(put(&w, &mu), GN_MSG_OK);
    q.target = mu.r.target;
    for (q.known_seq = 0; q.known_seq < 8; q.known_seq++) {
        assert_int_equal(ask(&w, &q), GN_MSG_OK);
        assert_int_equal(w.reply.values_len, q.known_seq < 4 ? 1 : 0);
    }
    end(&w);
}

static void a_value_too_big_for_the_path_is_got_on_a_stream(void **state)
{
    static char text[1901];
    struct world w;
    struct test_record im;

    (void)state;
    begin(&w);
    memset(text, 'x', sizeof(text) - 1);
    test_immutable(&im, &w.peer, text, TEST_WALL + 7200);
    w.in.reply_max = 70000;
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_OK);
    assert_value(&w, &im);
    assert_int_equal(w.reply.contacts_len, 16);
    w.in.reply_max = DATAGRAM;
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_TOO_BIG);
    assert_int_equal(w.reply.values_len, 0);
    assert_int_equal(w.reply.contacts_len, 16);
    end(&w);
}

static void our_own_immutable_record_is_served_with_a_lawful_expiry(void **state)
{
    struct world w;
    struct test_record im;
    struct gn_record r;

    (void)state;
    begin(&w);
    test_immutable(&im, &w.peer, "kept for a year", TEST_WALL + 365U * 86400U);
    fake_store_put(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_IMMUTABLE,
                                                      .owned = true,
                                                      .target = im.r.target,
                                                      .expires_at = im.r.expiry,
                                                      .record = test_record_slice(&im)});
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_OK);
    assert_int_equal(gn_record_decode(&r, w.reply.values[0], &w.peer.crypto), GN_OK);
    assert_int_equal(r.expiry, TEST_WALL + GN_RECORD_TTL_MAX);
    assert_true(gn_id_eq(&r.target, &im.r.target));
    w.store.entries[0].record.len--; /* unreadable: as if it were not there */
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_NOT_FOUND);
    end(&w);
}

static void a_failing_store_makes_us_busy_not_ignorant(void **state)
{
    struct world w;
    struct test_record im, pr;
    struct gn_id content = test_id(3);
    struct gn_msg_query q = {.method = GN_MSG_GET_PROVIDERS};
    static const struct {
        enum gn_store_op op;
        enum gn_err err;
        unsigned status;
    } rows[] = {{GN_STORE_GET, GN_E_IO, GN_MSG_BUSY},        {GN_STORE_USAGE, GN_E_CORRUPT, GN_MSG_BUSY},
                {GN_STORE_PUT, GN_E_NO_SPACE, GN_MSG_QUOTA}, {GN_STORE_PUT, GN_E_FULL, GN_MSG_QUOTA},
                {GN_STORE_PUT, GN_E_QUOTA, GN_MSG_QUOTA},    {GN_STORE_PUT, GN_E_IO, GN_MSG_BUSY},
                {GN_STORE_PUT, GN_E_NO_MEMORY, GN_MSG_BUSY}};

    (void)state;
    begin(&w);
    test_immutable(&im, &w.peer, "hello", TEST_WALL + 7200);
    test_provider(&pr, &w.peer, &content, TEST_WALL + 7200);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        w.store.fail_op[rows[i].op] = rows[i].err;
        assert_int_equal(put(&w, &im), rows[i].status);
        w.store.fail_op[rows[i].op] = GN_OK;
    }
    assert_int_equal(w.counters.stores_accepted, 0);
    assert_int_equal(w.store.len, 0);
    w.store.fail_op[GN_STORE_GET] = GN_E_IO;
    assert_int_equal(get(&w, GN_RECORD_IMMUTABLE, &im.r.target), GN_MSG_BUSY);
    w.store.fail_op[GN_STORE_LIST] = GN_E_IO;
    assert_int_equal(ask(&w, &q), GN_MSG_BUSY);
    assert_int_equal(put(&w, &pr), GN_MSG_BUSY);
    end(&w);
}

/* ---- GET_PROVIDERS ---- */

static void providers_come_newest_and_random_by_turns(void **state)
{
    struct world w;
    struct gn_id content = test_id(3);
    struct gn_msg_query q = {.method = GN_MSG_GET_PROVIDERS, .target = content};
    bool seen[500] = {false};
    unsigned different = 0;

    (void)state;
    begin(&w);
    fill_providers(&w, &content, 500);
    w.in.reply_max = 70000;
    for (unsigned round = 0; round < 20; round++) {
        bool twice[500] = {false};

        assert_int_equal(ask(&w, &q), GN_MSG_OK);
        assert_true(w.reply.values_is_list && w.reply.values_len == 16);
        assert_int_equal(w.reply.contacts_len, 16);
        for (size_t i = 0; i < 16; i++) {
            struct gn_record r;
            uint64_t number;

            assert_int_equal(gn_record_decode(&r, w.reply.values[i], &w.peer.crypto), GN_OK);
            number = gn_load_u64(r.owner.b);
            assert_true(number < 500 && !twice[number]);
            twice[number] = true;
            different += seen[number] ? 0U : 1U;
            seen[number] = true;
            assert_true(i % 2 == 1 || number % 50 == 0); /* ten are the newest: more than the eight wanted */
        }
    }
    assert_true(different > 100);
    end(&w);
}

static void providers_and_contacts_share_a_datagram(void **state)
{
    struct world w;
    struct gn_id content = test_id(3);
    struct gn_msg_query q = {.method = GN_MSG_GET_PROVIDERS, .target = content};
    size_t with_contacts;

    (void)state;
    begin(&w);
    assert_int_equal(ask(&w, &q), GN_MSG_NOT_FOUND);
    assert_int_equal(w.reply.contacts_len, 16);
    fill_providers(&w, &content, 30);
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    with_contacts = w.reply.values_len;
    assert_true(with_contacts >= 2 && w.reply.contacts_len >= 6);
    q.flags = GN_MSG_NO_CONTACTS;
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    assert_true(w.reply.values_len > with_contacts && w.reply.contacts_len == 0);
    q.flags = 0;
    w.in.reply_max = 120; /* not one record fits */
    assert_int_equal(ask(&w, &q), GN_MSG_TOO_BIG);
    assert_true(w.reply.values_len == 0 && !w.reply.values_is_list && w.reply.contacts_len == 1);
    w.in.reply_max = DATAGRAM;
    w.wall += 100; /* all over */
    assert_int_equal(ask(&w, &q), GN_MSG_NOT_FOUND);
    end(&w);
}

static void our_own_provider_record_is_served_only_while_its_signature_lasts(void **state)
{
    struct world w;
    struct gn_id content = test_id(3);
    struct gn_msg_query q = {.method = GN_MSG_GET_PROVIDERS, .target = content};
    struct test_record t;

    (void)state;
    begin(&w);
    test_provider(&t, &w.peer, &content, TEST_WALL + 10);
    fake_store_put(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_PROVIDER,
                                                      .owned = true,
                                                      .target = content,
                                                      .sub = w.peer.identity.id,
                                                      .expires_at = UINT64_MAX,
                                                      .record = test_record_slice(&t)});
    assert_int_equal(ask(&w, &q), GN_MSG_OK);
    w.wall += 10;
    assert_int_equal(ask(&w, &q), GN_MSG_NOT_FOUND);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_is_answered_without_contacts),
        cmocka_unit_test(find_node_names_sixteen_contacts_but_not_the_asker),
        cmocka_unit_test(contacts_are_cut_to_what_the_path_carries),
        cmocka_unit_test(what_we_do_not_speak_is_unsupported),
        cmocka_unit_test(a_malformed_query_is_told_so_when_its_txid_is_readable),
        cmocka_unit_test(a_probe_is_for_the_asker_or_for_whom_another_hands_on),
        cmocka_unit_test(a_probe_that_cannot_be_made_says_why_and_floods_of_them_are_cut),
        cmocka_unit_test(a_stored_value_is_found_by_the_next_who_asks),
        cmocka_unit_test(a_record_that_the_asker_knows_is_not_sent_again),
        cmocka_unit_test(a_value_too_big_for_the_path_is_got_on_a_stream),
        cmocka_unit_test(our_own_immutable_record_is_served_with_a_lawful_expiry),
        cmocka_unit_test(a_failing_store_makes_us_busy_not_ignorant),
        cmocka_unit_test(providers_come_newest_and_random_by_turns),
        cmocka_unit_test(providers_and_contacts_share_a_datagram),
        cmocka_unit_test(our_own_provider_record_is_served_only_while_its_signature_lasts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
