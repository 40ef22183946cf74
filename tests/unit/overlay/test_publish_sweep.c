/* tests/unit/overlay/test_publish_sweep.c - walks through the store: what we own after a start, what we hand on. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/overlay/publish_world.h"

#define HOUR_S 3600U

static void numbered(struct test_record *t, const struct world *w, unsigned n, gn_wall_s expiry)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", n);
    test_immutable(t, &w->peer, text, expiry);
    assert_int_equal(t->err, GN_OK);
}

static size_t count_handoffs(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->puts_len; i++) {
        n += w->puts[i].handoff ? 1U : 0U;
    }
    return n;
}

static void after_a_start_everything_owned_is_published_within_minutes(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 200; i++) { /* several batches; every other one is owned, one is over */
        numbered(&t, &w, i, i == 0 ? TEST_WALL : TEST_WALL + 40 * HOUR_S);
        hold(&w, &t, TEST_WALL);
    }
    for (size_t i = 0; i < w.store.len; i += 2) {
        w.store.entries[i].owned = true;
    }
    assert_false(stats_of(&w).scanned);
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    pass(&w, GN_SECONDS(1));
    assert_true(stats_of(&w).scanned);
    assert_int_equal(w.store.asked[GN_STORE_SCAN], 4);
    assert_true(stats_of(&w).owned == 99 || stats_of(&w).owned == 100);
    pass(&w, GN_MINUTES(6));
    assert_int_equal(w.puts_len, stats_of(&w).owned);
    assert_int_equal(count_handoffs(&w), 0);
    end(&w);
}

static void a_start_with_a_failing_store_tries_again(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    numbered(&t, &w, 1, TEST_WALL + 40 * HOUR_S);
    hold(&w, &t, TEST_WALL);
    w.store.entries[0].owned = true;
    w.store.fail_op[GN_STORE_SCAN] = GN_E_IO;
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    pass(&w, GN_SECONDS(25));
    assert_int_equal(w.store.asked[GN_STORE_SCAN], 3); /* every ten seconds */
    w.store.fail_op[GN_STORE_SCAN] = GN_OK;
    w.mute = true;
    pass(&w, GN_SECONDS(45)); /* asked at 30 s, silent, asked again at 60 s, silent */
    w.mute = false;
    pass(&w, GN_SECONDS(60));
    assert_true(stats_of(&w).scanned && stats_of(&w).owned == 1);
    end(&w);
}

static void what_we_hold_is_handed_on_every_hour_unless_somebody_stored_it(void **state)
{
    static struct world w;
    struct test_record old, fresh, ours, over;
    size_t first;

    (void)state;
    begin(&w);
    numbered(&old, &w, 1, TEST_WALL + 40 * HOUR_S);
    hold(&w, &old, TEST_WALL - 2 * HOUR_S);
    numbered(&fresh, &w, 2, TEST_WALL + 40 * HOUR_S);
    hold(&w, &fresh, TEST_WALL);
    numbered(&over, &w, 3, TEST_WALL + 60);
    hold(&w, &over, TEST_WALL - 2 * HOUR_S);
    numbered(&ours, &w, 4, TEST_WALL + 40 * HOUR_S);
    assert_int_equal(keep(&w, &ours, 0), GN_OK);
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    for (unsigned minute = 0; minute < 100 && w.puts_len == 0; minute++) {
        struct gn_store_entry *e =
            fake_store_find(&w.store, &(struct gn_store_entry){.kind = GN_RECORD_IMMUTABLE, .target = fresh.r.target});

        assert_non_null(e);
        if (e) {
            e->stored_at = w.wall;
        }
        pass(&w, GN_MINUTES(1));
    }
    assert_int_equal(w.puts_len, 1);
    assert_true(w.puts[0].handoff && gn_id_eq(&w.puts[0].target, &old.r.target) && w.puts[0].valid);
    assert_int_equal(stats_of(&w).handed_on, 1);
    assert_int_equal(w.counters.republished, 0);
    first = w.puts_len;
    pass(&w, GN_HOURS(5)); /* now nobody stores the other one: both, about once an hour */
    assert_true(w.puts_len - first >= 8 && w.puts_len - first <= 12);
    assert_int_equal(count_handoffs(&w), w.puts_len);
    end(&w);
}

static void a_sweep_passes_a_large_store_in_order_and_few_at_a_time(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 300; i++) {
        numbered(&t, &w, i, TEST_WALL + 40 * HOUR_S);
        hold(&w, &t, TEST_WALL - 2 * HOUR_S);
    }
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    w.hold = true;
    pass(&w, GN_MINUTES(95));
    assert_int_equal(w.puts_len, 2); /* half of four */
    w.hold = false;
    finish_puts(&w);
    pass(&w, GN_MINUTES(10));
    assert_int_equal(w.puts_len, 300);
    for (size_t i = 1; i < w.puts_len; i++) {
        assert_true(gn_id_cmp(&w.puts[i - 1].target, &w.puts[i].target) < 0);
    }
    end(&w);
}

static void what_is_nearly_over_is_not_handed_on(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 400; i++) { /* one of them is in its last minute whenever the sweep comes */
        numbered(&t, &w, i, TEST_WALL + 20 * i + 1);
        hold(&w, &t, TEST_WALL - 2 * HOUR_S);
    }
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    pass(&w, GN_MINUTES(95));
    assert_true(w.puts_len > 20);
    for (size_t i = 0; i < w.puts_len; i++) {
        assert_true(w.puts[i].expiry > TEST_WALL + (w.puts[i].at - T0) / GN_SECONDS(1) + 60);
    }
    end(&w);
}

static void a_sweep_waits_while_no_operation_is_free_and_skips_what_cannot_be_started(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 20; i++) {
        numbered(&t, &w, i, TEST_WALL + 40 * HOUR_S);
        hold(&w, &t, TEST_WALL - 2 * HOUR_S);
    }
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    w.put_err = GN_E_FULL;
    pass(&w, GN_MINUTES(95));
    assert_int_equal(w.puts_len, 0);
    w.put_err = GN_OK;
    pass(&w, GN_SECONDS(2));
    assert_int_equal(w.puts_len, 20);
    w.put_err = GN_E_INVALID;
    pass(&w, GN_MINUTES(70));
    assert_int_equal(w.puts_len, 20);
    assert_int_equal(stats_of(&w).failed, 20);
    end(&w);
}

static void of_many_providers_of_one_key_sixteen_are_handed_on(void **state)
{
    static struct world w;
    struct gn_id content = test_id(0x20), other = test_id(0x21);
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 41; i++) {
        struct test_peer p;

        test_peer_init(&p, (uint8_t)(i + 1));
        test_provider(&t, &p, i < 40 ? &content : &other, TEST_WALL + 23 * HOUR_S);
        hold(&w, &t, TEST_WALL - 2 * HOUR_S);
    }
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    for (unsigned minute = 0; minute < 100 && w.puts_len == 0; minute++) {
        pass(&w, GN_MINUTES(1));
    }
    assert_int_equal(w.puts_len, 17);
    assert_true(gn_id_eq(&w.puts[16].target, &other) && w.puts[16].valid && w.puts[0].valid);
    end(&w);
}

static void a_clock_that_went_back_does_not_stop_the_handing_on(void **state)
{
    static struct world w;
    struct test_record t, u;

    (void)state;
    begin(&w);
    numbered(&t, &w, 1, TEST_WALL + 40 * HOUR_S);
    hold(&w, &t, TEST_WALL + 20 * HOUR_S); /* stored "tomorrow" */
    numbered(&u, &w, 2, TEST_WALL + 40 * HOUR_S);
    hold(&w, &u, TEST_WALL + 2 * HOUR_S);
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_OK);
    run_store(&w);
    for (unsigned minute = 0; minute < 100 && w.puts_len == 0; minute++) {
        pass(&w, GN_MINUTES(1));
    }
    assert_int_equal(w.puts_len, 1);
    assert_true(gn_id_eq(&w.puts[0].target, &t.r.target));
    end(&w);
}

static void expired_records_are_swept_every_minute_and_faster_when_there_are_many(void **state)
{
    static struct world w;
    struct test_record t;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 600; i++) {
        numbered(&t, &w, i, TEST_WALL + 30);
        hold(&w, &t, TEST_WALL);
    }
    pass(&w, GN_MINUTES(1));
    assert_int_equal(w.store.len, 0); /* 512 and the rest at once */
    assert_int_equal(w.store.asked[GN_STORE_EXPIRE], 2);
    assert_int_equal(w.counters.expired, 600);
    w.store.fail_op[GN_STORE_EXPIRE] = GN_E_IO;
    pass(&w, GN_MINUTES(2));
    assert_int_equal(w.store.asked[GN_STORE_EXPIRE], 4);
    assert_int_equal(w.counters.expired, 600);
    end(&w);
}

static void answers_to_requests_of_others_or_of_the_past_change_nothing(void **state)
{
    static struct world w;
    struct gn_store_answer a = {.err = GN_OK};

    (void)state;
    begin(&w);
    for (uint32_t purpose = 0; purpose < 16; purpose++) {
        a.req = GN_REQ_MAKE(GN_REQ_PUBLISH, (purpose << 24) | 99);
        if (purpose == 4) {
            continue; /* EXPIRE counts whatever it is told */
        }
        assert_int_equal(gn_publish_store(w.p, w.box, &a, w.now, w.wall), GN_OK);
    }
    gn_publish_finished(w.p, 12345, GN_OK, 3, w.now);
    assert_true(stats_of(&w).published == 0 && stats_of(&w).owned == 0 && gn_outbox_len(w.box) == 0);
    end(&w);
}

/* ---- Missing memory ---- */

static void story(struct world *w)
{
    struct test_record t, u;
    struct gn_addr addr = test_addr("192.0.2.1:1");
    struct gn_id content = test_id(9);

    numbered(&t, w, 1, TEST_WALL + 40 * HOUR_S);
    (void)!keep(w, &t, TEST_WALL + 90 * HOUR_S);
    gn_publish_set_addrs(w->p, &addr, 1, w->now);
    (void)!announce(w, &content, UINT64_MAX, true);
    run_store(w);
    numbered(&u, w, 2, TEST_WALL + 40 * HOUR_S);
    hold(w, &u, TEST_WALL - 2 * HOUR_S);
    (void)!gn_publish_start(w->p, w->box, w->now);
    run_store(w);
    gn_publish_all(w->p, w->now);
    pass(w, GN_HOURS(3));
    (void)!gn_publish_drop(w->p, w->box, GN_RECORD_PROVIDER, &content);
    run_store(w);
}

static void any_allocation_may_fail_and_the_rest_goes_on(void **state)
{
    static struct world w;
    uint64_t n = 0;
    bool failed;

    (void)state;
    do {
        begin(&w);
        n++;
        w.alloc.fail_at = w.alloc.calls + n;
        story(&w);
        failed = w.alloc.failed > 0;
        assert_true(count_handoffs(&w) >= 1);
        assert_int_equal(stats_of(&w).inflight, 0);
        end(&w);
    } while (failed);
    assert_true(n > 4);
}

static void creation_without_memory_fails_cleanly(void **state)
{
    static struct world w;
    struct gn_publish *p;

    (void)state;
    begin(&w);
    for (uint64_t n = 1; n <= 2; n++) {
        w.alloc.fail_at = w.alloc.calls + n;
        assert_int_equal(gn_publish_new(&p, &w.config, &w.env, &w.calls, &w.counters, w.now), GN_E_NO_MEMORY);
        assert_null(p);
    }
    gn_publish_free(NULL);
    end(&w);
}

static void a_full_outbox_delays_but_loses_nothing(void **state)
{
    static struct world w;
    struct gn_failing_alloc fa;
    struct test_record t;

    (void)state;
    begin(&w);
    numbered(&t, &w, 1, TEST_WALL + 40 * HOUR_S);
    gn_outbox_free(w.box);
    gn_failing_alloc_init(&fa, 1);
    fa.forever = true;
    fa.fail_at = 2; /* the box itself, then nothing */
    assert_int_equal(gn_outbox_new(&w.box, &fa.alloc), GN_OK);
    assert_int_equal(gn_publish_keep(w.p, w.box, test_record_slice(&t), 0, w.now, w.wall), GN_E_NO_MEMORY);
    assert_int_equal(stats_of(&w).owned, 0);
    assert_int_equal(gn_publish_start(w.p, w.box, w.now), GN_E_NO_MEMORY);
    fa.forever = false;
    fa.fail_at = 0;
    assert_int_equal(keep(&w, &t, 0), GN_OK);
    gn_publish_all(w.p, w.now);
    fa.fail_at = fa.calls + 1;
    fa.forever = true;
    gn_outbox_free(w.box);
    gn_failing_alloc_init(&fa, 2);
    fa.forever = true;
    assert_int_equal(gn_outbox_new(&w.box, &fa.alloc), GN_OK);
    w.now += GN_MINUTES(2);
    assert_int_equal(gn_publish_timer(w.p, w.box, w.now, w.wall), GN_E_NO_MEMORY);
    assert_int_equal(gn_publish_drop(w.p, w.box, GN_RECORD_IMMUTABLE, &t.r.target), GN_E_NO_MEMORY);
    assert_true(gn_publish_owns(w.p, GN_RECORD_IMMUTABLE, &t.r.target));
    assert_true(w.counters.outbox_full >= 4);
    fa.forever = false;
    fa.fail_at = 0;
    pass(&w, GN_MINUTES(2));
    assert_int_equal(w.puts_len, 1);
    assert_true(stats_of(&w).scanned);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_start_everything_owned_is_published_within_minutes),
        cmocka_unit_test(a_start_with_a_failing_store_tries_again),
        cmocka_unit_test(what_we_hold_is_handed_on_every_hour_unless_somebody_stored_it),
        cmocka_unit_test(a_sweep_passes_a_large_store_in_order_and_few_at_a_time),
        cmocka_unit_test(what_is_nearly_over_is_not_handed_on),
        cmocka_unit_test(a_sweep_waits_while_no_operation_is_free_and_skips_what_cannot_be_started),
        cmocka_unit_test(of_many_providers_of_one_key_sixteen_are_handed_on),
        cmocka_unit_test(a_clock_that_went_back_does_not_stop_the_handing_on),
        cmocka_unit_test(expired_records_are_swept_every_minute_and_faster_when_there_are_many),
        cmocka_unit_test(answers_to_requests_of_others_or_of_the_past_change_nothing),
        cmocka_unit_test(any_allocation_may_fail_and_the_rest_goes_on),
        cmocka_unit_test(creation_without_memory_fails_cleanly),
        cmocka_unit_test(a_full_outbox_delays_but_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
