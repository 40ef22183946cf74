/* tests/unit/overlay/test_server_limit.c - floods, bans, a silent store, full tables, missing memory. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "overlay/kad/limit.h"
#include "tests/unit/overlay/server_world.h"

/* ---- Limits ---- */

static void forty_at_once_then_twenty_a_second_per_address(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING};
    unsigned answered = 0;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 60; i++) {
        answered += send(&w, &q) == GN_OK ? 1U : 0U;
    }
    assert_int_equal(answered, 40);
    assert_int_equal(w.counters.rate_limited, 20);
    w.now += GN_SECONDS(1);
    for (unsigned i = 0; i < 60; i++) {
        answered += send(&w, &q) == GN_OK ? 1U : 0U;
    }
    assert_int_equal(answered, 60);
    w.in.addr.port++; /* another port of the same address does not help, another address does */
    assert_int_equal(send(&w, &q), GN_E_LIMIT);
    w.in.addr.ip[3]++;
    assert_int_equal(send(&w, &q), GN_OK);
    end(&w);
}

static void who_goes_on_over_the_limit_is_banned_for_five_minutes(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING};

    (void)state;
    begin(&w);
    assert_false(gn_server_is_banned(w.server, &w.in.addr, w.now));
    for (unsigned i = 0; i < 40 + 100; i++) {
        (void)!send(&w, &q);
        gn_outbox_clear(w.box);
    }
    assert_false(gn_server_is_banned(w.server, &w.in.addr, w.now));
    assert_int_equal(send(&w, &q), GN_E_LIMIT);
    assert_true(gn_server_is_banned(w.server, &w.in.addr, w.now));
    w.now += GN_SERVER_BAN_US - 1;
    assert_int_equal(send(&w, &q), GN_E_LIMIT);
    w.now += 1;
    assert_false(gn_server_is_banned(w.server, &w.in.addr, w.now));
    assert_int_equal(send(&w, &q), GN_OK);
    end(&w);
}

static void a_group_and_the_whole_node_have_limits_too(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING};
    unsigned answered = 0;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 250; i++) { /* one /24: 250 addresses with 4 queries each */
        for (unsigned k = 0; k < 4; k++) {
            w.in.addr.ip[3] = (uint8_t)i;
            answered += send(&w, &q) == GN_OK ? 1U : 0U;
            gn_outbox_clear(w.box);
        }
    }
    assert_int_equal(answered, 400);
    for (unsigned i = 0; i < 6000; i++) { /* 6,000 groups */
        w.in.addr.ip[1] = (uint8_t)(i / 250);
        w.in.addr.ip[2] = (uint8_t)(i % 250);
        answered += send(&w, &q) == GN_OK ? 1U : 0U;
        gn_outbox_clear(w.box);
    }
    assert_true(answered >= 3990 && answered <= 4000);
    end(&w);
}

static void a_v6_subscriber_counts_as_one(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING};
    unsigned answered = 0;

    (void)state;
    begin(&w);
    w.in.addr = test_addr("[2001:db8:1:2::1]:1");
    for (unsigned i = 0; i < 60; i++) {
        w.in.addr.ip[15] = (uint8_t)i;
        answered += send(&w, &q) == GN_OK ? 1U : 0U;
    }
    assert_int_equal(answered, 40);
    w.in.addr = test_addr("[2001:db8:1:3::1]:1");
    assert_int_equal(send(&w, &q), GN_OK);
    end(&w);
}

static void a_swarm_on_one_machine_is_not_limited_when_that_is_allowed(void **state)
{
    struct world w;
    struct gn_msg_query q = {.method = GN_MSG_PING};

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.allow_private = true});
    w.in.addr = test_addr("127.0.0.1:5");
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(send(&w, &q), GN_OK);
        gn_outbox_clear(w.box);
    }
    end(&w);
    begin(&w); /* not by default */
    w.in.addr = test_addr("127.0.0.1:5");
    for (unsigned i = 0; i < 41; i++) {
        assert_int_equal(send(&w, &q), i < 40 ? GN_OK : GN_E_LIMIT);
    }
    end(&w);
}

static void the_list_of_bans_is_bounded_and_forgets_the_ended(void **state)
{
    struct gn_limit l;
    struct gn_rng rng;
    struct gn_addr addr = test_addr("198.51.100.1:1");
    unsigned banned = 0;

    (void)state;
    gn_rng_init_test(&rng, 4, 4);
    gn_limit_init(&l, gn_alloc_default(), &rng, false, T0);
    for (unsigned i = 0; i < GN_LIMIT_BANS_MAX + 50; i++) {
        gn_store_u32(addr.ip, 0x50000000U + i * 256);
        for (unsigned k = 0; k < 40 + 101; k++) {
            (void)gn_limit_admit(&l, &addr, T0);
        }
        banned += gn_limit_is_banned(&l, &addr, T0) ? 1U : 0U;
    }
    assert_int_equal(banned, GN_LIMIT_BANS_MAX);
    for (unsigned k = 0; k < 40 + 101; k++) { /* later the ended ones make place */
        (void)gn_limit_admit(&l, &addr, T0 + GN_SERVER_BAN_US + GN_SECONDS(11));
    }
    assert_true(gn_limit_is_banned(&l, &addr, T0 + GN_SERVER_BAN_US + GN_SECONDS(11)));
    gn_limit_fini(&l);
}

/* ---- The waiting table ---- */

static void a_silent_store_makes_everybody_busy_after_three_seconds(void **state)
{
    static uint8_t record[GN_MSG_RECORD_MAX];
    struct world w;
    struct test_record mu, mu2;
    struct gn_msg_query q = {.method = GN_MSG_GET, .kind = GN_RECORD_IMMUTABLE}, put1, put2;
    struct gn_store_request request;
    struct gn_store_answer late;

    (void)state;
    begin(&w);
    test_mutable(&mu, &w.peer, "", 1, "one", TEST_WALL + 7200);
    test_mutable(&mu2, &w.peer, "", 2, "two", TEST_WALL + 7200);
    put1 = write_of(&w, &mu);
    put2 = write_of(&w, &mu2);
    w.replies = 0;
    assert_true(gn_server_deadline(w.server) == GN_TIME_NEVER);
    assert_int_equal(send(&w, &q), GN_OK);
    assert_true(next_request(&w, &request, record));
    w.now += 1;
    assert_int_equal(send(&w, &put1), GN_OK);
    assert_true(next_request(&w, &request, record));
    assert_int_equal(send(&w, &put2), GN_OK); /* waits in line */
    assert_int_equal(gn_server_waiting(w.server), 3);
    assert_int_equal(gn_server_deadline(w.server), T0 + GN_SERVER_WAIT_US);
    assert_int_equal(gn_server_timer(w.server, w.box, T0 + GN_SERVER_WAIT_US - 1), GN_OK);
    assert_int_equal(gn_outbox_len(w.box), 0);
    assert_int_equal(gn_server_timer(w.server, w.box, T0 + GN_SERVER_WAIT_US), GN_OK);
    assert_int_equal(gn_server_waiting(w.server), 2);
    assert_int_equal(gn_server_timer(w.server, w.box, T0 + GN_SERVER_WAIT_US + 1), GN_OK);
    assert_int_equal(gn_server_waiting(w.server), 0);
    assert_true(gn_server_deadline(w.server) == GN_TIME_NEVER);
    (void)next_request(&w, &request, record); /* the second write had just been started */
    assert_int_equal(w.replies, 3);
    assert_int_equal(w.reply.status, GN_MSG_BUSY);
    /* what comes after that is for nobody */
    late = fake_store_answer(&w.store, &request);
    assert_int_equal(gn_server_store(w.server, w.box, &late, w.now, w.wall), GN_OK);
    assert_int_equal(gn_outbox_len(w.box), 0);
    end(&w);
}

static void a_full_waiting_table_answers_busy(void **state)
{
    struct world w;
    struct test_record mu;
    struct gn_msg_query q = {.method = GN_MSG_GET, .kind = GN_RECORD_IMMUTABLE}, write;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.allow_private = true});
    w.in.addr = test_addr("127.0.0.1:1");
    test_mutable(&mu, &w.peer, "", 1, "one", TEST_WALL + 7200);
    write = write_of(&w, &mu);
    w.replies = 0;
    for (unsigned i = 0; i < GN_SERVER_WAITING_MAX; i++) {
        assert_int_equal(send(&w, &q), GN_OK);
    }
    assert_int_equal(gn_server_waiting(w.server), GN_SERVER_WAITING_MAX);
    gn_outbox_clear(w.box);
    assert_int_equal(send(&w, &q), GN_OK);
    assert_int_equal(send(&w, &write), GN_OK);
    run_store(&w);
    assert_int_equal(w.replies, 2);
    assert_int_equal(w.reply.status, GN_MSG_BUSY);
    assert_int_equal(gn_server_waiting(w.server), GN_SERVER_WAITING_MAX);
    end(&w); /* frees what still waits */
}

static void waiting_records_take_at_most_four_mebibytes(void **state)
{
    static uint8_t value[GN_RECORD_VALUE_MAX], bytes[GN_RECORD_BYTES_MAX];
    struct world w;
    unsigned taken = 0, busy = 0;

    (void)state;
    begin_with(&w, &(struct gn_overlay_config){.allow_private = true});
    w.in.addr = test_addr("127.0.0.1:1");
    for (unsigned i = 0; i < 80; i++) {
        struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .expiry = TEST_WALL + 100};
        struct gn_msg_query q = {.method = GN_MSG_PUT};
        size_t len;

        value[0] = (uint8_t)i;
        r.value = gn_slice_of(value, sizeof(value));
        gn_record_set_target(&r, &w.peer.crypto);
        assert_int_equal(gn_record_encode(bytes, &len, sizeof(bytes), &r), GN_OK);
        q.record = gn_slice_of(bytes, len);
        q.target = r.target;
        w.replies = 0;
        {
            struct gn_msg_query find = {.method = GN_MSG_FIND_NODE, .flags = GN_MSG_WANT_TOKEN, .target = r.target};

            assert_int_equal(send(&w, &find), GN_OK);
            take_reply(&w, gn_outbox_at(w.box, 0));
            gn_outbox_clear(w.box);
            memcpy(q.token, w.reply.token, sizeof(q.token));
        }
        assert_int_equal(send(&w, &q), GN_OK);
        if (gn_outbox_at(w.box, 0)->type == GN_FX_STORE) {
            taken++;
        } else {
            busy++;
        }
        gn_outbox_clear(w.box);
    }
    assert_int_equal(taken, 63);
    assert_int_equal(busy, 17);
    /* their memory comes back when they end */
    assert_int_equal(gn_server_timer(w.server, w.box, w.now + GN_SERVER_WAIT_US), GN_OK);
    gn_outbox_clear(w.box);
    w.in.reply_max = DATAGRAM;
    for (unsigned i = 0; i < 40; i++) { /* together more than was left of the four */
        static char text[1901];
        struct test_record t;

        memset(text, (int)('a' + i % 26), sizeof(text) - 1);
        text[0] = (char)('0' + i);
        test_immutable(&t, &w.peer, text, TEST_WALL + 100);
        assert_int_equal(put(&w, &t), GN_MSG_OK);
    }
    end(&w);
}

static void three_writers_of_one_key_go_in_the_order_of_their_arrival(void **state)
{
    static uint8_t record[GN_MSG_RECORD_MAX];
    struct world w;
    struct test_record t[3];
    struct gn_msg_query q[3];
    struct gn_store_request request;
    uint64_t order[3] = {0};
    unsigned n = 0;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 3; i++) {
        test_mutable(&t[i], &w.peer, "", i + 1, "v", TEST_WALL + 7200);
        q[i] = write_of(&w, &t[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        w.in.reply_to = 500 + i;
        assert_int_equal(send(&w, &q[i]), GN_OK);
    }
    w.replies = 0;
    while (next_request(&w, &request, record)) {
        struct gn_store_answer a = fake_store_answer(&w.store, &request);

        assert_int_equal(gn_server_store(w.server, w.box, &a, w.now, w.wall), GN_OK);
        if (gn_outbox_at(w.box, 0)->type == GN_FX_REPLY) {
            assert_true(n < 3);
            order[n] = gn_outbox_at(w.box, 0)->u.reply.reply_to;
            n++;
        }
    }
    assert_int_equal(n, 3);
    assert_true(order[0] == 500 && order[1] == 501 && order[2] == 502);
    assert_int_equal(w.store.entries[0].seq, 3);
    end(&w);
}

/* ---- Missing memory ---- */

/* One story with everything in it; any allocation may fail, and nothing may be lost but the answer. */
static void story(struct world *w)
{
    struct test_record mu, im;
    struct gn_id content = test_id(3);
    struct gn_msg_query q = {.method = GN_MSG_PING};
    static char text[1901];

    memset(text, 'x', sizeof(text) - 1);
    w->in.reply_max = 70000;
    test_mutable(&mu, &w->peer, "", 1, "one", TEST_WALL + 7200);
    test_immutable(&im, &w->peer, text, TEST_WALL + 7200);
    for (unsigned i = 0; i < 8; i++) {
        static uint8_t record[GN_MSG_RECORD_MAX];
        struct gn_store_request request;
        static const uint16_t methods[] = {GN_MSG_PING, GN_MSG_FIND_NODE, GN_MSG_PUT, GN_MSG_GET,
                                           GN_MSG_PUT,  GN_MSG_GET,       GN_MSG_GET, GN_MSG_GET_PROVIDERS};

        q.method = methods[i];
        q.flags = GN_MSG_WANT_TOKEN;
        q.kind = i >= 4 ? GN_RECORD_IMMUTABLE : GN_RECORD_MUTABLE;
        q.target = i >= 4 ? im.r.target : mu.r.target;
        q.target = i == 7 ? content : q.target;
        q.record = i >= 4 ? test_record_slice(&im) : test_record_slice(&mu);
        if (q.method == GN_MSG_PUT) {
            q.method = GN_MSG_FIND_NODE; /* for the token */
            (void)!send(w, &q);
            (void)next_request(w, &request, record);
            memcpy(q.token, w->reply.token, sizeof(q.token));
            q.method = GN_MSG_PUT;
        }
        if (i == 6) {
            w->store.entries[0].owned = true;
        }
        (void)!send(w, &q);
        while (next_request(w, &request, record)) {
            struct gn_store_answer a = fake_store_answer(&w->store, &request);

            (void)!gn_server_store(w->server, w->box, &a, w->now, w->wall);
        }
    }
    assert_int_equal(gn_server_timer(w->server, w->box, w->now + GN_SERVER_WAIT_US), GN_OK);
    assert_int_equal(gn_server_waiting(w->server), 0);
}

static void any_allocation_may_fail(void **state)
{
    struct world w;
    uint64_t n = 0;
    bool failed;

    (void)state;
    do {
        begin(&w);
        n++;
        w.alloc.fail_at = w.alloc.calls + n;
        story(&w);
        failed = w.alloc.failed > 0;
        if (!failed) {
            assert_int_equal(w.store.len, 2);
        }
        end(&w);
    } while (failed);
    assert_true(n > 8);
}

static void creation_without_memory_fails_cleanly(void **state)
{
    struct gn_failing_alloc fa;
    struct gn_rng rng;
    struct gn_env env = {.alloc = &fa.alloc, .rng = &rng};
    struct gn_overlay_config config = {.mode = GN_MODE_SERVER};
    struct gn_overlay_counters counters = {0};
    struct gn_server_view view = {.closest = closest};
    struct gn_server *s;

    (void)state;
    gn_rng_init_test(&rng, 1, 1);
    gn_failing_alloc_init(&fa, 1);
    assert_int_equal(gn_server_new(&s, &config, &env, &view, &counters, 0), GN_E_NO_MEMORY);
    assert_null(s);
    gn_server_free(NULL);
}

/* The outbox is the driver's: without memory there, a query ends without an answer, and nothing waits for ever. */
static void a_full_outbox_loses_answers_but_no_state(void **state)
{
    struct world w;
    struct gn_failing_alloc fa;
    struct test_record mu;
    struct gn_msg_query q = {.method = GN_MSG_PING}, write;
    static uint8_t record[GN_MSG_RECORD_MAX];
    struct gn_store_request request;
    struct gn_store_answer a;

    (void)state;
    begin(&w);
    test_mutable(&mu, &w.peer, "", 1, "one", TEST_WALL + 7200);
    write = write_of(&w, &mu);
    gn_outbox_free(w.box);
    gn_failing_alloc_init(&fa, 0);
    assert_int_equal(gn_outbox_new(&w.box, &fa.alloc), GN_OK);
    fa.fail_at = fa.calls + 1;
    fa.forever = true;
    assert_int_equal(send(&w, &q), GN_E_NO_MEMORY);
    q.method = GN_MSG_GET;
    q.kind = GN_RECORD_IMMUTABLE;
    assert_int_equal(send(&w, &q), GN_E_NO_MEMORY);
    assert_int_equal(send(&w, &write), GN_E_NO_MEMORY);
    assert_int_equal(gn_server_waiting(w.server), 0);
    assert_int_equal(w.counters.outbox_full, 3);
    /* in the middle of a write, with another in line */
    fa.forever = false;
    fa.fail_at = 0;
    assert_int_equal(send(&w, &write), GN_OK);
    assert_int_equal(send(&w, &write), GN_OK);
    assert_true(next_request(&w, &request, record));
    gn_outbox_free(w.box);
    gn_failing_alloc_init(&fa, 0);
    assert_int_equal(gn_outbox_new(&w.box, &fa.alloc), GN_OK);
    fa.fail_at = fa.calls + 1;
    fa.forever = true;
    a = fake_store_answer(&w.store, &request);
    assert_int_equal(gn_server_store(w.server, w.box, &a, w.now, w.wall), GN_E_NO_MEMORY);
    assert_int_equal(gn_server_waiting(w.server), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forty_at_once_then_twenty_a_second_per_address),
        cmocka_unit_test(who_goes_on_over_the_limit_is_banned_for_five_minutes),
        cmocka_unit_test(a_group_and_the_whole_node_have_limits_too),
        cmocka_unit_test(a_v6_subscriber_counts_as_one),
        cmocka_unit_test(a_swarm_on_one_machine_is_not_limited_when_that_is_allowed),
        cmocka_unit_test(the_list_of_bans_is_bounded_and_forgets_the_ended),
        cmocka_unit_test(a_silent_store_makes_everybody_busy_after_three_seconds),
        cmocka_unit_test(a_full_waiting_table_answers_busy),
        cmocka_unit_test(waiting_records_take_at_most_four_mebibytes),
        cmocka_unit_test(three_writers_of_one_key_go_in_the_order_of_their_arrival),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(creation_without_memory_fails_cleanly),
        cmocka_unit_test(a_full_outbox_loses_answers_but_no_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
