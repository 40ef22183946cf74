/* tests/unit/overlay/test_publish.c - owned records: kept, published again in time, ended, dropped. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>

#include "tests/unit/overlay/publish_world.h"

#define HOUR_S 3600U

static void an_owned_record_is_published_at_45_percent_of_its_life_until_it_ends(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_mutable(&t, &w.peer, "", 1, "v", TEST_WALL + 2 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    assert_true(gn_publish_owns(w.p, GN_RECORD_MUTABLE, &t.r.target));
    assert_true(w.store.len == 1 && w.store.entries[0].owned);
    assert_int_equal(w.puts_len, 0); /* the first publication is the caller's */
    pass(&w, GN_HOURS(2) + GN_SECONDS(1));
    assert_int_equal(stats_of(&w).owned, 0); /* at its end, not when it would have been due again */
    pass(&w, GN_HOURS(1));
    /* at about 54 and 108 minutes */
    assert_int_equal(w.puts_len, 2);
    assert_true(w.puts[0].at - T0 >= GN_MINUTES(54) * 9 / 10 && w.puts[0].at - T0 <= GN_MINUTES(54) * 11 / 10);
    assert_true(w.puts[1].at - w.puts[0].at <= GN_MINUTES(54) * 11 / 10);
    assert_true(w.puts[0].valid && w.puts[1].valid && !w.puts[0].handoff);
    assert_int_equal(w.counters.republished, 2);
    assert_false(gn_publish_owns(w.p, GN_RECORD_MUTABLE, &t.r.target));
    assert_int_equal(w.store.len, 0); /* expired, and swept */
    assert_int_equal(w.counters.expired, 1);
    assert_int_equal(stats_of(&w).owned, 0);
    end(&w);
}

static void an_immutable_record_is_renewed_until_its_end_with_lawful_expiries(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "a week", TEST_WALL + 2 * HOUR_S);
    assert_int_equal(keep(&w, &t, TEST_WALL + 7 * 24 * HOUR_S), GN_OK);
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + 7 * 24 * HOUR_S);
    pass(&w, GN_HOURS(8 * 24));
    /* 45 % of 48 h are 21.6 h: 7 times in a week */
    assert_true(w.puts_len >= 7 && w.puts_len <= 8);
    for (size_t i = 0; i < w.puts_len; i++) {
        gn_wall_s at = TEST_WALL + (w.puts[i].at - T0) / GN_SECONDS(1);

        assert_true(w.puts[i].valid);
        assert_true(w.puts[i].expiry <= TEST_WALL + 7 * 24 * HOUR_S);
        assert_true(w.puts[i].expiry <= at + 48 * HOUR_S + 1);
        assert_true(w.puts[i].expiry >= at + 47 * HOUR_S || w.puts[i].expiry == TEST_WALL + 7 * 24 * HOUR_S);
    }
    assert_int_equal(stats_of(&w).owned, 0);
    end(&w);
}

static void a_provider_is_signed_anew_with_todays_addresses(void **state)
{
    static struct world w;
    struct gn_addr addrs[2] = {test_addr("192.0.2.1:1"), test_addr("192.0.2.2:2")};
    struct gn_id content = test_id(9);
    struct gn_record r;

    (void)state;
    begin(&w);
    gn_publish_set_addrs(w.p, addrs, 1, w.now);
    assert_int_equal(announce(&w, &content, UINT64_MAX, true), GN_OK);
    run_store(&w);
    assert_int_equal(gn_record_open(&r, gn_slice_of(w.announced.record, w.announced.record_len), GN_RECORD_PROVIDER,
                                    &content, &w.peer.crypto, w.wall),
                     GN_OK);
    assert_true(gn_id_eq(&r.owner, &w.peer.identity.id) && r.expiry == TEST_WALL + 24 * HOUR_S);
    assert_int_equal(w.store.entries[0].expires_at, UINT64_MAX);
    pass(&w, GN_HOURS(12));
    assert_int_equal(w.puts_len, 1);
    assert_true(w.puts[0].at - T0 > GN_HOURS(9) && w.puts[0].addrs_len == 1 && w.puts[0].valid);
    /* the record in our own store was renewed too */
    assert_int_equal(gn_record_decode(&r, w.store.entries[0].record, &w.peer.crypto), GN_OK);
    assert_true(r.expiry > TEST_WALL + 30 * HOUR_S);
    assert_true(w.store.entries[0].owned && w.store.entries[0].expires_at == UINT64_MAX);
    /* new addresses: announced within a minute */
    gn_publish_set_addrs(w.p, addrs, 2, w.now);
    pass(&w, GN_MINUTES(1));
    assert_int_equal(w.puts_len, 2);
    assert_int_equal(w.puts[1].addrs_len, 2);
    gn_publish_set_addrs(w.p, addrs, 2, w.now); /* the same again: nothing */
    pass(&w, GN_MINUTES(2));
    assert_int_equal(w.puts_len, 2);
    addrs[0] = test_addr("0.0.0.0:0"); /* unusable ones are left out; none at all leaves the old ones */
    gn_publish_set_addrs(w.p, addrs, 1, w.now);
    pass(&w, GN_MINUTES(2));
    assert_int_equal(w.puts_len, 2);
    addrs[0] = test_addr("203.0.113.1:1");
    gn_publish_set_addrs(w.p, addrs, 1, w.now);
    pass(&w, GN_MINUTES(2));
    assert_int_equal(w.puts_len, 3);
    assert_true(gn_addr_eq(&w.puts[2].addr, &addrs[0]));
    end(&w);
}

static void without_addresses_an_announcement_waits_for_them(void **state)
{
    static struct world w;
    struct gn_addr addr = test_addr("192.0.2.1:1");
    struct gn_id content = test_id(9);

    (void)state;
    begin(&w);
    assert_int_equal(announce(&w, &content, UINT64_MAX, true), GN_E_AGAIN);
    run_store(&w);
    assert_true(gn_publish_owns(w.p, GN_RECORD_PROVIDER, &content));
    pass(&w, GN_HOURS(2));
    assert_int_equal(w.puts_len, 0);
    gn_publish_set_addrs(w.p, &addr, 1, w.now);
    pass(&w, GN_MINUTES(1));
    assert_int_equal(w.puts_len, 1);
    assert_true(w.puts[0].valid && w.puts[0].addrs_len == 1);
    end(&w);
}

static void an_announcement_that_is_not_kept_leaves_no_trace(void **state)
{
    static struct world w;
    struct gn_addr addr = test_addr("192.0.2.1:1");
    struct gn_id content = test_id(9);

    (void)state;
    begin(&w);
    gn_publish_set_addrs(w.p, &addr, 1, w.now);
    assert_int_equal(announce(&w, &content, TEST_WALL + 60, false), GN_OK);
    assert_int_equal(gn_outbox_len(w.box), 0);
    assert_false(gn_publish_owns(w.p, GN_RECORD_PROVIDER, &content));
    assert_int_equal(announce(&w, &content, TEST_WALL, false), GN_E_EXPIRED);
    end(&w);
}

static void what_cannot_be_kept_says_why(void **state)
{
    static struct world w;
    struct test_record t;
    struct gn_id content = test_id(9);

    (void)state;
    begin(&w);
    test_mutable(&t, &w.peer, "", 1, "v", TEST_WALL);
    assert_int_equal(keep(&w, &t, 0), GN_E_EXPIRED);
    test_mutable(&t, &w.peer, "", 1, "v", TEST_WALL + 60 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_E_LIMIT); /* nobody would take it */
    test_mutable(&t, &w.peer, "", 1, "v", TEST_WALL + HOUR_S);
    t.bytes[t.len - 1] ^= 1U;
    assert_int_equal(keep(&w, &t, 0), GN_E_AUTH);
    t.len--;
    assert_int_equal(keep(&w, &t, 0), GN_E_MALFORMED);
    test_provider(&t, &w.peer, &content, TEST_WALL + HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_E_INVALID);
    test_immutable(&t, &w.peer, "v", TEST_WALL + HOUR_S);
    assert_int_equal(keep(&w, &t, TEST_WALL - 1), GN_E_EXPIRED);
    assert_true(stats_of(&w).owned == 0 && w.store.len == 0);
    assert_int_equal(keep(&w, &t, 0), GN_OK); /* end 0: its own expiry */
    assert_int_equal(w.store.entries[0].expires_at, TEST_WALL + HOUR_S);
    end(&w);
}

static void a_full_disk_is_reported_and_nothing_is_owned(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + HOUR_S);
    w.store.fail_op[GN_STORE_PUT] = GN_E_NO_SPACE;
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    assert_true(w.kept == 1 && w.kept_err == GN_E_NO_SPACE);
    assert_false(gn_publish_owns(w.p, GN_RECORD_IMMUTABLE, &t.r.target));
    w.store.fail_op[GN_STORE_PUT] = GN_OK;
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    assert_true(w.kept == 2 && w.kept_err == GN_OK);
    assert_true(gn_publish_owns(w.p, GN_RECORD_IMMUTABLE, &t.r.target));
    end(&w);
}

static void the_number_of_owned_keys_is_bounded(void **state)
{
    static struct world w;
    struct test_record t;
    char text[16];

    (void)state;
    begin(&w);
    gn_publish_free(w.p);
    w.config.owned_max = 3;
    w.config.inflight_max = 1000; /* counts as 64 */
    assert_int_equal(gn_publish_new(&w.p, &w.config, &w.env, &w.calls, &w.counters, w.now), GN_OK);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        test_immutable(&t, &w.peer, text, TEST_WALL + HOUR_S);
        assert_int_equal(keep(&w, &t, 0), i < 3 ? GN_OK : GN_E_LIMIT);
    }
    test_immutable(&t, &w.peer, "0", TEST_WALL + HOUR_S);
    assert_int_equal(keep(&w, &t, TEST_WALL + 2 * HOUR_S), GN_OK); /* a known key is no new one */
    assert_int_equal(stats_of(&w).owned, 3);
    end(&w);
}

static void records_on_their_way_to_the_store_are_bounded(void **state)
{
    static struct world w;
    struct test_record t;
    char text[16];
    unsigned full = 0;

    (void)state;
    begin(&w);
    w.mute = true;
    for (unsigned i = 0; i < 1030; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        test_immutable(&t, &w.peer, text, TEST_WALL + HOUR_S);
        full += keep(&w, &t, 0) == GN_E_FULL ? 1U : 0U;
    }
    assert_int_equal(full, 6);
    assert_int_equal(stats_of(&w).owned, 1024);
    end(&w);
}

static void a_dropped_record_is_gone_at_once_even_while_it_is_published(void **state)
{
    static struct world w;
    struct test_record t;
    struct gn_addr addr = test_addr("192.0.2.1:1");
    struct gn_id content = test_id(9);

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + HOUR_S);
    assert_int_equal(gn_publish_drop(w.p, w.box, GN_RECORD_IMMUTABLE, &t.r.target), GN_E_NOT_FOUND);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    gn_publish_all(w.p, w.now);
    w.hold = true;
    pass(&w, 0);
    assert_int_equal(w.puts_len, 1);
    assert_int_equal(stats_of(&w).inflight, 1);
    gn_publish_all(w.p, w.now); /* it is running: not twice */
    assert_int_equal(gn_publish_drop(w.p, w.box, GN_RECORD_IMMUTABLE, &t.r.target), GN_OK);
    run_store(&w);
    assert_int_equal(w.store.len, 0);
    w.hold = false;
    finish_puts(&w);
    pass(&w, GN_HOURS(2));
    assert_int_equal(w.puts_len, 1);
    assert_true(stats_of(&w).owned == 0 && stats_of(&w).inflight == 0);
    /* a provider's record has our id in its key */
    gn_publish_set_addrs(w.p, &addr, 1, w.now);
    assert_int_equal(announce(&w, &content, UINT64_MAX, true), GN_OK);
    run_store(&w);
    assert_int_equal(w.store.len, 1);
    assert_int_equal(gn_publish_drop(w.p, w.box, GN_RECORD_PROVIDER, &content), GN_OK);
    run_store(&w);
    assert_int_equal(w.store.len, 0);
    end(&w);
}

static void dropped_while_it_is_read_it_is_not_sent(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    gn_publish_all(w.p, w.now);
    assert_int_equal(gn_publish_timer(w.p, w.box, w.now, w.wall), GN_OK); /* asks the store */
    assert_int_equal(gn_publish_drop(w.p, w.box, GN_RECORD_IMMUTABLE, &t.r.target), GN_OK);
    run_store(&w);
    assert_int_equal(w.puts_len, 0);
    assert_int_equal(stats_of(&w).inflight, 0);
    end(&w);
}

static void a_put_that_nobody_took_is_tried_again_ever_later(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + 30 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    w.stored = 0;
    gn_publish_all(w.p, w.now);
    pass(&w, GN_HOURS(3));
    /* after 1, 2, 4, 8, 16 and then every 30 minutes */
    assert_true(w.puts_len >= 9 && w.puts_len <= 12);
    for (size_t i = 1; i < w.puts_len; i++) {
        gn_time_us gap = w.puts[i].at - w.puts[i - 1].at;

        assert_true(gap >= GN_SECONDS(54) && gap <= GN_MINUTES(33));
        assert_true(i < 2 || gap > (w.puts[i - 1].at - w.puts[i - 2].at) * 3 / 4);
    }
    assert_int_equal(stats_of(&w).failed, w.puts_len);
    w.stored = 1;
    pass(&w, GN_HOURS(1));
    assert_int_equal(stats_of(&w).published, 1);
    w.stored = 0; /* after a success it begins with a minute again */
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(70));
    assert_true(w.puts[w.puts_len - 1].at - w.puts[w.puts_len - 2].at <= GN_SECONDS(66));
    end(&w);
}

static void when_no_operation_is_free_it_waits_its_turn(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + 30 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    w.put_err = GN_E_FULL;
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(10));
    assert_true(stats_of(&w).failed == 0 && w.puts_len == 0);
    w.put_err = GN_OK;
    pass(&w, GN_SECONDS(2));
    assert_int_equal(w.puts_len, 1);
    w.put_err = GN_E_NO_MEMORY; /* any other refusal is a failure, with a backoff */
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(30));
    assert_int_equal(stats_of(&w).failed, 1);
    end(&w);
}

static void everything_now_goes_in_key_order_and_few_at_a_time(void **state)
{
    static struct world w;
    struct test_record t;
    char text[16];
    size_t open = 0;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        test_immutable(&t, &w.peer, text, TEST_WALL + 30 * HOUR_S);
        assert_int_equal(keep(&w, &t, 0), GN_OK);
    }
    gn_publish_all(w.p, w.now);
    assert_int_equal(stats_of(&w).due, 40);
    w.hold = true;
    pass(&w, GN_SECONDS(5));
    assert_int_equal(w.puts_len, 3); /* of four, one is left for what we hold */
    assert_int_equal(stats_of(&w).due, 37);
    assert_int_equal(stats_of(&w).late_us, GN_SECONDS(5));
    w.hold = false;
    finish_puts(&w);
    pass(&w, GN_SECONDS(5));
    assert_int_equal(w.puts_len, 40);
    for (size_t i = 1; i < w.puts_len; i++) {
        assert_true(gn_id_cmp(&w.puts[i - 1].target, &w.puts[i].target) < 0);
        open += w.puts[i].open ? 1U : 0U;
    }
    assert_int_equal(open, 0);
    assert_int_equal(stats_of(&w).due, 0);
    end(&w);
}

static void a_record_that_vanished_from_the_store_is_forgotten(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + 30 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    fake_store_remove(&w.store, 0);
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(1));
    assert_true(w.puts_len == 0 && stats_of(&w).owned == 0);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    w.store.entries[0].owned = false; /* it was over, and somebody else brought it back */
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(1));
    assert_true(w.puts_len == 0 && stats_of(&w).owned == 0);
    end(&w);
}

static void a_store_that_fails_or_is_silent_is_asked_again(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "v", TEST_WALL + 30 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    gn_publish_all(w.p, w.now);
    w.store.fail_op[GN_STORE_GET] = GN_E_IO;
    pass(&w, GN_SECONDS(30));
    assert_int_equal(w.store.asked[GN_STORE_GET], 1);
    w.store.fail_op[GN_STORE_GET] = GN_OK;
    w.mute = true;
    pass(&w, GN_MINUTES(1));
    assert_int_equal(stats_of(&w).inflight, 1);
    pass(&w, GN_SECONDS(40)); /* thirty seconds of silence */
    assert_int_equal(stats_of(&w).inflight, 0);
    w.mute = false;
    pass(&w, GN_MINUTES(5));
    assert_int_equal(w.puts_len, 1);
    /* a stored record that cannot be read is not sent, and tried again later */
    w.store.entries[0].record.len = 3;
    gn_publish_all(w.p, w.now);
    pass(&w, GN_SECONDS(1));
    assert_int_equal(w.puts_len, 1);
    assert_true(gn_publish_owns(w.p, GN_RECORD_IMMUTABLE, &t.r.target));
    end(&w);
}

static void kept_again_while_it_is_published_it_stays_in_the_plan(void **state)
{
    static struct world w;
    struct test_record t, newer;

    (void)state;
    begin(&w);
    test_mutable(&t, &w.peer, "", 1, "v", TEST_WALL + 2 * HOUR_S);
    test_mutable(&newer, &w.peer, "", 2, "w", TEST_WALL + 20 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    gn_publish_all(w.p, w.now);
    w.hold = true;
    pass(&w, 0);
    assert_int_equal(w.puts_len, 1);
    assert_int_equal(keep(&w, &newer, 0), GN_OK);
    w.hold = false;
    finish_puts(&w);
    assert_true(stats_of(&w).next_due > w.now + GN_HOURS(7)); /* 45 % of the new one's 20 h */
    pass(&w, GN_HOURS(10));
    assert_int_equal(w.puts_len, 2);
    assert_true(w.puts[1].valid);
    end(&w);
}

static void a_wall_clock_that_jumps_ahead_ends_what_is_over_and_nothing_else(void **state)
{
    static struct world w;
    struct test_record t, u;

    (void)state;
    begin(&w);
    test_immutable(&t, &w.peer, "short", TEST_WALL + HOUR_S);
    test_immutable(&u, &w.peer, "long", TEST_WALL + 40 * HOUR_S);
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    assert_int_equal(keep(&w, &u, 0), GN_OK);
    w.wall += 20 * HOUR_S;
    gn_publish_all(w.p, w.now);
    pass(&w, GN_MINUTES(2));
    assert_int_equal(stats_of(&w).owned, 1);
    assert_int_equal(w.puts_len, 1);
    assert_true(w.puts[0].valid && gn_id_eq(&w.puts[0].target, &u.r.target));
    w.wall -= 30 * HOUR_S; /* and far back: nothing is lost, nothing turns in circles */
    gn_publish_all(w.p, w.now);
    pass(&w, GN_HOURS(1));
    assert_int_equal(stats_of(&w).owned, 1);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owned_record_is_published_at_45_percent_of_its_life_until_it_ends),
        cmocka_unit_test(an_immutable_record_is_renewed_until_its_end_with_lawful_expiries),
        cmocka_unit_test(a_provider_is_signed_anew_with_todays_addresses),
        cmocka_unit_test(without_addresses_an_announcement_waits_for_them),
        cmocka_unit_test(an_announcement_that_is_not_kept_leaves_no_trace),
        cmocka_unit_test(what_cannot_be_kept_says_why),
        cmocka_unit_test(a_full_disk_is_reported_and_nothing_is_owned),
        cmocka_unit_test(the_number_of_owned_keys_is_bounded),
        cmocka_unit_test(records_on_their_way_to_the_store_are_bounded),
        cmocka_unit_test(a_dropped_record_is_gone_at_once_even_while_it_is_published),
        cmocka_unit_test(dropped_while_it_is_read_it_is_not_sent),
        cmocka_unit_test(a_put_that_nobody_took_is_tried_again_ever_later),
        cmocka_unit_test(when_no_operation_is_free_it_waits_its_turn),
        cmocka_unit_test(everything_now_goes_in_key_order_and_few_at_a_time),
        cmocka_unit_test(a_record_that_vanished_from_the_store_is_forgotten),
        cmocka_unit_test(a_store_that_fails_or_is_silent_is_asked_again),
        cmocka_unit_test(kept_again_while_it_is_published_it_stays_in_the_plan),
        cmocka_unit_test(a_wall_clock_that_jumps_ahead_ends_what_is_over_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
