/* tests/unit/overlay/test_server_put.c - PUT and ADD_PROVIDER: tokens, lies, replays, races, quotas. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "tests/unit/overlay/server_world.h"

/* ---- PUT ---- */

static void a_write_needs_a_token_of_its_own_address_and_target(void **state)
{
    struct world w;
    struct test_record mu;
    struct gn_msg_query q;

    (void)state;
    begin(&w);
    test_mutable(&mu, &w.peer, "", 4, "hello", TEST_WALL + 7200);
    q = write_of(&w, &mu);
    q.token[3] ^= 1U;
    assert_int_equal(ask(&w, &q), GN_MSG_BAD_TOKEN);
    q.token[3] ^= 1U;
    w.in.addr = test_addr("198.51.100.2:1000"); /* stolen by somebody else */
    assert_int_equal(ask(&w, &q), GN_MSG_BAD_TOKEN);
    w.in.addr = test_addr("198.51.100.1:1000");
    w.in.client_key[0] ^= 1U;
    assert_int_equal(ask(&w, &q), GN_MSG_BAD_TOKEN);
    w.in.client_key[0] ^= 1U;
    w.now += GN_MINUTES(10);
    assert_int_equal(ask(&w, &q), GN_MSG_BAD_TOKEN); /* too old */
    assert_int_equal(w.counters.tokens_bad, 4);
    assert_int_equal(w.store.len, 0);
    assert_int_equal(put(&w, &mu), GN_MSG_OK);
    end(&w);
}

static void records_that_lie_are_refused(void **state)
{
    struct world w;
    struct test_record mu, pr, forged;
    struct test_peer mallory;
    struct gn_id content = test_id(3);
    struct gn_msg_query q;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .seq = 9, .expiry = TEST_WALL + 60};

    (void)state;
    begin(&w);
    test_peer_init(&mallory, 2);
    r.owner = w.peer.identity.id;
    test_record_finish(&forged, &r, &mallory);
    assert_int_equal(put(&w, &forged), GN_MSG_REFUSED);
    test_mutable(&mu, &w.peer, "", 4, "hello", TEST_WALL);
    assert_int_equal(put(&w, &mu), GN_MSG_REFUSED); /* expired */
    test_mutable(&mu, &w.peer, "", 4, "hello", TEST_WALL + GN_RECORD_TTL_MAX + GN_RECORD_SKEW + 1);
    assert_int_equal(put(&w, &mu), GN_MSG_REFUSED); /* for ever */
    test_mutable(&mu, &w.peer, "", 4, "hello", TEST_WALL + 60);
    q = write_of(&w, &mu);
    q.target = content; /* under another key */
    fetch_token(&w, &q, &content);
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    q = write_of(&w, &mu);
    q.method = GN_MSG_ADD_PROVIDER; /* as another kind */
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    test_provider(&pr, &w.peer, &content, TEST_WALL + 60);
    q = write_of(&w, &pr);
    q.method = GN_MSG_PUT;
    assert_int_equal(ask(&w, &q), GN_MSG_REFUSED);
    q = write_of(&w, &mu);
    q.record.len--;
    assert_int_equal(ask(&w, &q), GN_MSG_MALFORMED);
    mu.bytes[2] = 2; /* version */
    q = write_of(&w, &mu);
    assert_int_equal(ask(&w, &q), GN_MSG_UNSUPPORTED);
    assert_int_equal(w.counters.records_bad, 8);
    assert_int_equal(w.counters.stores_refused, 8);
    assert_int_equal(w.store.len, 0);
    end(&w);
}

static void only_a_newer_record_replaces_and_a_replay_changes_nothing(void **state)
{
    struct world w;
    struct test_record one, two, two_other, tomb;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .seq = 3, .expiry = TEST_WALL + 99, .flags = GN_RECORD_TOMBSTONE};
    unsigned first, second;

    (void)state;
    begin(&w);
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 7200);
    test_mutable(&two, &w.peer, "", 2, "two", TEST_WALL + 7200);
    test_mutable(&two_other, &w.peer, "", 2, "other", TEST_WALL + 7200);
    assert_int_equal(put(&w, &one), GN_MSG_OK);
    assert_int_equal(put(&w, &two), GN_MSG_OK);
    assert_int_equal(put(&w, &one), GN_MSG_STALE);
    assert_value(&w, &two); /* and it is shown what is newer */
    assert_int_equal(put(&w, &two), GN_MSG_OK);
    /* two writers used the same seq: one of the two wins, in any order */
    first = put(&w, &two_other);
    second = put(&w, &two);
    assert_true((first == GN_MSG_OK && second == GN_MSG_STALE) || (first == GN_MSG_STALE && second == GN_MSG_OK));
    assert_int_equal(w.store.len, 1);
    r.owner = w.peer.identity.id;
    test_record_finish(&tomb, &r, &w.peer);
    assert_int_equal(put(&w, &tomb), GN_MSG_OK);
    assert_int_equal(put(&w, &two), GN_MSG_STALE); /* deleted stays deleted */
    assert_int_equal(get(&w, GN_RECORD_MUTABLE, &two.r.target), GN_MSG_OK);
    assert_value(&w, &tomb);
    end(&w);
}

static void an_expired_record_no_longer_defends_its_place(void **state)
{
    struct world w;
    struct test_record nine, one;

    (void)state;
    begin(&w);
    test_mutable(&nine, &w.peer, "", 9, "nine", TEST_WALL + 10);
    assert_int_equal(put(&w, &nine), GN_MSG_OK);
    w.wall += 10;
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 100);
    assert_int_equal(put(&w, &one), GN_MSG_OK);
    assert_int_equal(get(&w, GN_RECORD_MUTABLE, &one.r.target), GN_MSG_OK);
    assert_value(&w, &one);
    end(&w);
}

static void compare_and_set_holds_against_what_is_there(void **state)
{
    struct world w;
    struct test_record one, two, three;

    (void)state;
    begin(&w);
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 7200);
    test_mutable(&two, &w.peer, "", 2, "two", TEST_WALL + 7200);
    test_mutable(&three, &w.peer, "", 3, "three", TEST_WALL + 7200);
    assert_int_equal(put_cas(&w, &two, 1), GN_MSG_CONFLICT); /* nothing is held */
    assert_int_equal(w.reply.values_len, 0);
    assert_int_equal(put_cas(&w, &one, 0), GN_MSG_OK);
    assert_int_equal(put_cas(&w, &one, 0), GN_MSG_OK); /* its answer was lost: the repetition succeeds */
    assert_int_equal(put_cas(&w, &three, 2), GN_MSG_CONFLICT);
    assert_value(&w, &one);
    assert_int_equal(put_cas(&w, &two, 1), GN_MSG_OK);
    assert_int_equal(put_cas(&w, &three, 1), GN_MSG_CONFLICT);
    assert_int_equal(put_cas(&w, &three, 2), GN_MSG_OK);
    end(&w);
}

/* Two writers with the same expectation at once: exactly one wins, though the store answers late. */
static void of_two_concurrent_compare_and_sets_one_wins(void **state)
{
    static uint8_t record[GN_MSG_RECORD_MAX];
    struct world w;
    struct test_record base, a, b;
    struct gn_msg_query qa, qb;
    struct gn_store_request request;
    struct gn_store_answer answer;
    unsigned ok = 0, conflict = 0;

    (void)state;
    begin(&w);
    test_mutable(&base, &w.peer, "", 1, "base", TEST_WALL + 7200);
    test_mutable(&a, &w.peer, "", 2, "a", TEST_WALL + 7200);
    test_mutable(&b, &w.peer, "", 3, "b", TEST_WALL + 7200);
    assert_int_equal(put(&w, &base), GN_MSG_OK);
    qa = write_of(&w, &a);
    qb = write_of(&w, &b);
    qa.has_cas = qb.has_cas = true;
    qa.cas_seq = qb.cas_seq = 1;
    w.replies = 0;
    assert_int_equal(send(&w, &qa), GN_OK);
    assert_true(next_request(&w, &request, record));
    assert_int_equal(send(&w, &qb), GN_OK); /* before the store has answered the first */
    assert_int_equal(gn_outbox_len(w.box), 0);
    assert_int_equal(gn_server_waiting(w.server), 2);
    do {
        answer = fake_store_answer(&w.store, &request);
        assert_int_equal(gn_server_store(w.server, w.box, &answer, w.now, w.wall), GN_OK);
        if (gn_outbox_len(w.box) > 0 && gn_outbox_at(w.box, 0)->type == GN_FX_REPLY) {
            take_reply(&w, gn_outbox_at(w.box, 0));
            ok += w.reply.status == GN_MSG_OK ? 1U : 0U;
            conflict += w.reply.status == GN_MSG_CONFLICT ? 1U : 0U;
        }
    } while (next_request(&w, &request, record));
    assert_int_equal(ok, 1);
    assert_int_equal(conflict, 1);
    assert_int_equal(gn_server_waiting(w.server), 0);
    assert_int_equal(get(&w, GN_RECORD_MUTABLE, &a.r.target), GN_MSG_OK);
    assert_value(&w, &a);
    end(&w);
}

static void repeated_stores_renew_the_time_of_storing_but_not_every_time(void **state)
{
    struct world w;
    struct test_record im, longer;

    (void)state;
    begin(&w);
    test_immutable(&im, &w.peer, "hello", TEST_WALL + 7200);
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.store.asked[GN_STORE_PUT], 1);
    w.wall += 599;
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.store.asked[GN_STORE_PUT], 1);
    w.wall++;
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.store.asked[GN_STORE_PUT], 2);
    assert_int_equal(w.store.entries[0].stored_at, TEST_WALL + 600);
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + 7200);
    test_immutable(&longer, &w.peer, "hello",
                   TEST_WALL + 9000); /* a later wish extends, an earlier one changes nothing */
    assert_int_equal(put(&w, &longer), GN_MSG_OK);
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + 9000);
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + 9000);
    end(&w);
}

static void a_wish_beyond_two_days_is_cut_in_the_stored_record_too(void **state)
{
    struct world w;
    struct test_record im;
    struct gn_record r;

    (void)state;
    begin(&w);
    test_immutable(&im, &w.peer, "for ever", UINT64_MAX);
    assert_int_equal(put(&w, &im), GN_MSG_OK);
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + GN_RECORD_TTL_MAX);
    assert_int_equal(gn_record_decode(&r, w.store.entries[0].record, &w.peer.crypto), GN_OK);
    assert_int_equal(r.expiry, TEST_WALL + GN_RECORD_TTL_MAX);
    assert_true(gn_id_eq(&r.target, &im.r.target));
    end(&w);
}

static void what_we_own_stays_ours_when_others_write_it(void **state)
{
    struct world w;
    struct test_record one, two, pr, pr_new;
    struct gn_id content = test_id(3);

    (void)state;
    begin(&w);
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 7200);
    test_mutable(&two, &w.peer, "", 2, "two", TEST_WALL + 7200);
    fake_store_put(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_MUTABLE,
                                                      .owned = true,
                                                      .target = one.r.target,
                                                      .seq = 1,
                                                      .expires_at = one.r.expiry,
                                                      .stored_at = TEST_WALL - 5000,
                                                      .record = test_record_slice(&one)});
    assert_int_equal(put(&w, &one), GN_MSG_OK); /* handed on to us: our own times stay */
    assert_int_equal(w.store.entries[0].stored_at, TEST_WALL - 5000);
    assert_int_equal(put(&w, &two), GN_MSG_OK); /* from another device of ours */
    assert_true(w.store.entries[0].owned && w.store.entries[0].seq == 2);
    test_provider(&pr, &w.peer, &content, TEST_WALL + 100);
    test_provider(&pr_new, &w.peer, &content, TEST_WALL + 200);
    fake_store_put(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_PROVIDER,
                                                      .owned = true,
                                                      .target = content,
                                                      .sub = w.peer.identity.id,
                                                      .expires_at = UINT64_MAX,
                                                      .record = test_record_slice(&pr)});
    assert_int_equal(put(&w, &pr_new), GN_MSG_OK);
    assert_true(w.store.entries[1].owned && w.store.entries[1].expires_at == UINT64_MAX);
    assert_int_equal(w.store.entries[1].record.len, pr_new.len);
    end(&w);
}

static void a_key_counts_for_who_brought_it_first(void **state)
{
    struct world w;
    struct test_record one, two;
    uint64_t group;

    (void)state;
    begin(&w);
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 7200);
    test_mutable(&two, &w.peer, "", 2, "two", TEST_WALL + 7200);
    assert_int_equal(put(&w, &one), GN_MSG_OK);
    group = w.store.entries[0].group;
    assert_true(group == gn_addr_group(&w.in.addr));
    w.in.addr = test_addr("203.0.113.9:9"); /* a holder hands the next one on: his quota is not touched */
    assert_int_equal(put(&w, &two), GN_MSG_OK);
    assert_true(w.store.entries[0].seq == 2 && w.store.entries[0].group == group);
    end(&w);
}

static void an_unreadable_record_in_the_store_is_replaced(void **state)
{
    struct world w;
    struct test_record one;

    (void)state;
    begin(&w);
    test_mutable(&one, &w.peer, "", 1, "one", TEST_WALL + 7200);
    fake_store_put(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_MUTABLE,
                                                      .target = one.r.target,
                                                      .seq = 99,
                                                      .expires_at = one.r.expiry,
                                                      .record = gn_slice_str("rubbish")});
    assert_int_equal(put(&w, &one), GN_MSG_OK);
    assert_int_equal(w.store.entries[0].seq, 1);
    end(&w);
}

/* ---- Quotas ---- */

static void quotas_of_bytes_and_of_keys_per_group_hold(void **state)
{
    struct world w;
    struct test_record a, b, a2;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.store_bytes_max = 10000, .keys_per_group_max = 2});
    test_mutable(&a, &w.peer, "a", 1, "value", TEST_WALL + 7200);
    test_mutable(&b, &w.peer, "b", 1, "value", TEST_WALL + 7200);
    test_mutable(&a2, &w.peer, "a", 2, "value", TEST_WALL + 7200);
    w.store.bytes_extra = 10000 - a.len + 1;
    assert_int_equal(put(&w, &a), GN_MSG_QUOTA);
    w.store.bytes_extra--;
    assert_int_equal(put(&w, &a), GN_MSG_OK);
    assert_int_equal(put(&w, &a2), GN_MSG_OK); /* in the place of the old one: no byte more */
    w.store.bytes_extra = 0;
    w.store.group_extra = 1;
    assert_int_equal(put(&w, &b), GN_MSG_QUOTA);
    w.store.group_extra = 0;
    assert_int_equal(put(&w, &b), GN_MSG_OK);
    test_mutable(&a, &w.peer, "a", 3, "value", TEST_WALL + 7200);
    assert_int_equal(put(&w, &a), GN_MSG_OK); /* a known key is no new key */
    assert_int_equal(w.counters.stores_quota, 2);
    end(&w);
}

static void private_writers_have_no_quota_of_keys_when_the_network_is_private(void **state)
{
    struct world w;
    struct test_record a;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.keys_per_group_max = 2, .allow_private = true});
    test_mutable(&a, &w.peer, "a", 1, "value", TEST_WALL + 7200);
    w.store.group_extra = 500;
    assert_int_equal(put(&w, &a), GN_MSG_QUOTA);
    w.in.addr = test_addr("127.0.0.1:1");
    assert_int_equal(put(&w, &a), GN_MSG_OK);
    end(&w);
}

static void many_providers_are_kept_but_not_too_many(void **state)
{
    struct world w;
    struct gn_id content = test_id(3);
    struct test_record t;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.providers_per_key_max = 5});
    for (uint8_t i = 1; i <= 7; i++) {
        struct test_peer p;

        w.now += GN_SECONDS(1);
        test_peer_init(&p, i);
        test_provider(&t, &p, &content, TEST_WALL + 100);
        assert_int_equal(put(&w, &t), i <= 5 ? GN_MSG_OK : GN_MSG_QUOTA);
        test_provider(&t, &p, &content, TEST_WALL + 200);
        assert_int_equal(put(&w, &t), i <= 5 ? GN_MSG_OK : GN_MSG_QUOTA); /* who is known may renew */
        test_provider(&t, &p, &content, TEST_WALL + 150);
        assert_int_equal(put(&w, &t), i <= 5 ? GN_MSG_STALE : GN_MSG_QUOTA);
    }
    assert_int_equal(w.store.len, 5);
    w.wall += 200; /* those who are over make place */
    {
        struct test_peer p;

        test_peer_init(&p, 9);
        test_provider(&t, &p, &content, TEST_WALL + 300);
        assert_int_equal(put(&w, &t), GN_MSG_OK);
    }
    end(&w);
}

static void more_providers_per_key_than_can_be_counted_are_not_promised(void **state)
{
    struct world w;
    struct gn_id content = test_id(3);
    struct test_record t;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.providers_per_key_max = 100000});
    fill_providers(&w, &content, 512);
    test_provider(&t, &w.peer, &content, TEST_WALL + 100);
    assert_int_equal(put(&w, &t), GN_MSG_QUOTA);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_needs_a_token_of_its_own_address_and_target),
        cmocka_unit_test(records_that_lie_are_refused),
        cmocka_unit_test(only_a_newer_record_replaces_and_a_replay_changes_nothing),
        cmocka_unit_test(an_expired_record_no_longer_defends_its_place),
        cmocka_unit_test(compare_and_set_holds_against_what_is_there),
        cmocka_unit_test(of_two_concurrent_compare_and_sets_one_wins),
        cmocka_unit_test(repeated_stores_renew_the_time_of_storing_but_not_every_time),
        cmocka_unit_test(a_wish_beyond_two_days_is_cut_in_the_stored_record_too),
        cmocka_unit_test(what_we_own_stays_ours_when_others_write_it),
        cmocka_unit_test(a_key_counts_for_who_brought_it_first),
        cmocka_unit_test(an_unreadable_record_in_the_store_is_replaced),
        cmocka_unit_test(quotas_of_bytes_and_of_keys_per_group_hold),
        cmocka_unit_test(private_writers_have_no_quota_of_keys_when_the_network_is_private),
        cmocka_unit_test(many_providers_are_kept_but_not_too_many),
        cmocka_unit_test(more_providers_per_key_than_can_be_counted_are_not_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
