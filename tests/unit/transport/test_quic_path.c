/* tests/unit/transport/test_quic_path.c - bad paths: loss, reordering, NAT rebinding, silence, floods, crashes. */
#include <string.h>

#include "tests/support/gn_cmocka.h"
#include "tests/support/quic_pair.h"
#include "transport/quic/state.h"

static struct quic_pair pair;

static struct quic_pair *begin(uint64_t seed)
{
    quic_pair_init(&pair, seed);
    return &pair;
}

static struct gn_quic_counters counters(struct quic_pair *p, unsigned side)
{
    struct gn_quic_counters c;

    gn_quic_counters(p->side[side].q, &c);
    return c;
}

static bool got_fin1(struct quic_pair *p)
{
    return p->side[1].fin;
}

static bool closed0(struct quic_pair *p)
{
    return p->side[0].events[GN_QUIC_CLOSED] > 0;
}

static bool closed1(struct quic_pair *p)
{
    return p->side[1].events[GN_QUIC_CLOSED] > 0;
}

/* 200 handshakes, dial and redial with ticket: no packet may lack the fixed bit (RFC 9443 section 3), or our own
 * demultiplexer drops it. ngtcp2 0.12 clears it in half of all connections when it is let to. */
static void two_hundred_handshakes_never_clear_the_fixed_bit(void **state)
{
    struct quic_pair *p = begin(31);

    (void)state;
    p->side[1].config.initials_per_second = 1000;
    quic_pair_start(p);
    for (unsigned i = 0; i < 200; i++) {
        assert_true(quic_pair_connect(p));
        (void)quic_pair_send(p, 0, 2000);
        (void)quic_pair_run(p, GN_MS(200), NULL);
        assert_int_equal(gn_quic_close(p->side[0].q, p->side[0].conn, 0, p->now), GN_OK);
        (void)quic_pair_run(p, GN_MS(200), NULL);
    }
    assert_int_equal(p->without_fixed_bit, 0);
    assert_true(p->sent > 2000);
    assert_int_equal(counters(p, 1).handshakes_done, 200);
    assert_true(counters(p, 1).resumed > 150);
    quic_pair_fini(p);
}

static void transfer_over(struct quic_pair *p, enum gn_quic_cc cc, size_t len, gn_time_us limit)
{
    for (unsigned i = 0; i < 2; i++) {
        p->side[i].config.cc = cc;
    }
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_send(p, 0, len);
    assert_true(quic_pair_run(p, limit, got_fin1));
    assert_true(quic_pair_got(p, 1, len));
    assert_int_equal(p->without_fixed_bit, 0);
}

static void cubic_delivers_everything_over_a_path_that_loses_doubles_and_reorders(void **state)
{
    struct quic_pair *p = begin(32);

    (void)state;
    p->loss = 30;
    p->doubled = 20;
    p->jitter = GN_MS(15);
    transfer_over(p, GN_QUIC_CC_CUBIC, 500000, GN_SECONDS(60));
    quic_pair_fini(p);
}

static void bbr_delivers_everything_over_a_path_that_loses_doubles_and_reorders(void **state)
{
    struct quic_pair *p = begin(33);

    (void)state;
    p->loss = 30;
    p->doubled = 20;
    p->jitter = GN_MS(15);
    transfer_over(p, GN_QUIC_CC_BBR, 500000, GN_SECONDS(60));
    quic_pair_fini(p);
}

/* Why BBR is the default away from loopback: random loss is not congestion. */
static void bbr_is_faster_than_cubic_when_one_packet_in_a_hundred_is_lost(void **state)
{
    gn_time_us took[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct quic_pair *p = begin(34);
        gn_time_us start;

        p->loss = 10;
        p->delay = GN_MS(30);
        start = p->now;
        transfer_over(p, i == 0 ? GN_QUIC_CC_BBR : GN_QUIC_CC_CUBIC, 4000000, GN_SECONDS(120));
        took[i] = p->now - start;
        quic_pair_fini(p);
    }
    assert_true(took[0] * 2 < took[1]);
}

static void a_transfer_survives_a_nat_that_changes_the_port_in_the_middle(void **state)
{
    struct quic_pair *p = begin(35);
    const size_t len = 2000000;
    unsigned changes = 0;

    (void)state;
    p->rate = 1000; /* 1 MB/s: the transfer takes two seconds */
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_send(p, 0, len);
    for (unsigned i = 0; i < 4; i++) {
        assert_false(quic_pair_run(p, GN_MS(300), got_fin1));
        p->mapped = p->side[0].addr;
        p->mapped.port = (uint16_t)(20000 + i);
    }
    assert_true(quic_pair_run(p, GN_SECONDS(60), got_fin1));
    assert_true(quic_pair_got(p, 1, len));
    changes = p->side[1].events[GN_QUIC_PATH_CHANGED];
    assert_true(changes >= 1);
    assert_int_equal(p->side[1].last[GN_QUIC_PATH_CHANGED].addr.port, 20003);
    assert_int_equal(p->side[0].events[GN_QUIC_CLOSED] + p->side[1].events[GN_QUIC_CLOSED], 0);
    quic_pair_fini(p);
}

static void a_silent_connection_is_closed_after_the_idle_time_on_both_sides(void **state)
{
    struct quic_pair *p = begin(36);

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(25), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_CLOSED], 0);
    (void)quic_pair_run(p, GN_SECONDS(15), NULL);
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_TIMEOUT);
    assert_int_equal(p->side[1].last[GN_QUIC_CLOSED].err, GN_E_TIMEOUT);
    assert_int_equal(counters(p, 0).closed_idle, 1);
    assert_int_equal(gn_quic_conns(p->side[0].q), 0);
    assert_true(gn_quic_deadline(p->side[0].q) == GN_TIME_NEVER);
    quic_pair_fini(p);
}

static void a_keep_alive_holds_a_silent_connection_until_it_is_turned_off(void **state)
{
    struct quic_pair *p = begin(37);

    (void)state;
    p->side[0].config.keep_alive = GN_SECONDS(10);
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(200), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_CLOSED] + p->side[1].events[GN_QUIC_CLOSED], 0);
    assert_int_equal(gn_quic_set_keep_alive(p->side[0].q, p->side[0].conn, 0), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(60), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_CLOSED], 1);
    quic_pair_fini(p);
}

static void a_dial_into_silence_ends_after_the_handshake_time(void **state)
{
    struct quic_pair *p = begin(38);
    struct gn_addr nobody = {.family = GN_ADDR_V4, .ip = {10, 9, 9, 9}, .port = 9};
    gn_quic_conn conn;
    gn_time_us start;

    (void)state;
    quic_pair_start(p);
    start = p->now;
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &nobody, NULL, p->now), GN_OK);
    assert_true(quic_pair_run(p, GN_SECONDS(30), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_TIMEOUT);
    assert_in_range(p->now - start, GN_SECONDS(9), GN_SECONDS(11));
    assert_int_equal(counters(p, 0).handshakes_timed_out, 1);
    quic_pair_fini(p);
}

static void the_code_of_a_close_reaches_the_peer_and_late_packets_get_it_again(void **state)
{
    struct quic_pair *p = begin(39);
    uint64_t before;

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    p->loss = 1000; /* the CONNECTION_CLOSE is lost */
    assert_int_equal(gn_quic_close(p->side[0].q, p->side[0].conn, 4711, p->now), GN_OK);
    assert_int_equal(gn_quic_close(p->side[0].q, p->side[0].conn, 4711, p->now), GN_E_CLOSED);
    quic_pair_pump(p);
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_CANCELLED);
    p->loss = 0;
    before = p->bytes[0];
    (void)quic_pair_send(p, 1, 100); /* the peer does not know yet */
    assert_true(quic_pair_run(p, GN_SECONDS(1), closed1));
    assert_true(p->bytes[0] > before);
    assert_int_equal(p->side[1].last[GN_QUIC_CLOSED].err, GN_OK);
    assert_int_equal(p->side[1].last[GN_QUIC_CLOSED].app_error, 4711);
    (void)quic_pair_run(p, GN_SECONDS(10), NULL); /* the tombstones go */
    assert_int_equal(gn_map_len(&p->side[0].q->links), 0);
    assert_int_equal(gn_map_len(&p->side[0].q->cids), 0);
    assert_int_equal(gn_map_len(&p->side[1].q->cids), 0);
    quic_pair_fini(p);
}

static void a_crashed_listener_resets_the_connections_of_its_former_life(void **state)
{
    struct quic_pair *p = begin(40);

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    quic_pair_restart(p, 1);
    (void)quic_pair_send(p, 0, 100);
    assert_true(quic_pair_run(p, GN_SECONDS(2), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_CLOSED);
    assert_int_equal(counters(p, 1).resets_sent, 1);
    assert_int_equal(counters(p, 0).resets_received, 1);
    assert_int_equal(p->without_fixed_bit, 0);
    quic_pair_fini(p);
}

static void a_short_packet_with_a_made_up_id_gets_no_reset(void **state)
{
    struct quic_pair *p = begin(41);
    uint8_t packet[100] = {0x43, 1, 2, 3, 4, 5, 6, 7, 8};
    const struct gn_addr stranger = {.family = GN_ADDR_V4, .ip = {1, 2, 3, 4}, .port = 5};

    (void)state;
    quic_pair_start(p);
    for (unsigned i = 0; i < 1000; i++) {
        gn_rng_bytes(&p->rng, packet + 1, 8);
        quic_pair_inject(p, 1, &stranger, packet, sizeof packet);
    }
    quic_pair_pump(p);
    assert_int_equal(p->bytes[1], 0);
    assert_int_equal(counters(p, 1).dropped_unknown, 1000);
    quic_pair_fini(p);
}

static bool save_first(struct quic_pair *p, unsigned from, uint8_t *data, size_t len)
{
    struct gn_slice *out = p->tap_data;

    if (from == 0 && out->len == 0) {
        static uint8_t bytes[1500];

        memcpy(bytes, data, len);
        *out = gn_slice_of(bytes, len);
    }
    return true;
}

static struct gn_slice first_packet(struct quic_pair *p)
{
    static struct gn_slice saved;
    gn_quic_conn conn;

    saved = gn_slice_of(NULL, 0);
    p->tap = save_first;
    p->tap_data = &saved;
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &p->side[1].addr, NULL, p->now),
                     GN_OK);
    quic_pair_pump(p);
    p->tap = NULL;
    assert_true(saved.len >= 1200);
    return saved;
}

static void another_version_is_answered_to_members_only_and_with_the_fixed_bit(void **state)
{
    struct quic_pair *p = begin(42);
    uint8_t packet[1500];
    struct gn_slice first;

    (void)state;
    quic_pair_start(p);
    first = first_packet(p);
    memcpy(packet, first.data, first.len);
    gn_store_u32(packet + 1, 0x1a2a3a4aU);
    quic_pair_inject(p, 1, &p->side[0].addr, packet, first.len);
    quic_pair_pump(p);
    assert_int_equal(counters(p, 1).versions_negotiated, 1);
    assert_true(p->bytes[1] > 0);
    assert_int_equal(p->without_fixed_bit, 0);
    packet[8] ^= 1U; /* a bit of the first connection id: no member of this network any more */
    quic_pair_inject(p, 1, &p->side[0].addr, packet, first.len);
    quic_pair_pump(p);
    assert_int_equal(counters(p, 1).versions_negotiated, 1);
    assert_int_equal(counters(p, 1).dropped_stranger, 1);
    quic_pair_fini(p);
}

/* Members that only ever send a first packet: the attack of a member, or of one who replays what it saw. */
static void flood(struct quic_pair *p, unsigned count, bool spread)
{
    struct quic_pair other;

    quic_pair_init(&other, 99);
    quic_pair_start(&other);
    for (unsigned i = 0; i < count; i++) {
        const struct gn_addr from = {.family = GN_ADDR_V4,
                                     .ip = {spread ? (uint8_t)(1 + i % 200) : 1, spread ? (uint8_t)(i / 200) : 2, 3, 4},
                                     .port = (uint16_t)(1000 + i)};
        const struct gn_slice first = first_packet(&other);

        quic_pair_inject(p, 1, &from, first.data, first.len);
        (void)quic_pair_run(&other, GN_SECONDS(30), NULL);
    }
    quic_pair_fini(&other);
}

static void a_flood_of_first_packets_from_one_network_is_cut_by_rate(void **state)
{
    struct quic_pair *p = begin(43);

    (void)state;
    p->side[1].config.initials_per_second = 5;
    quic_pair_start(p);
    flood(p, 100, false);
    assert_int_equal(counters(p, 1).accepted, 10);
    assert_int_equal(counters(p, 1).dropped_initial_rate, 90);
    quic_pair_fini(p);
}

static void many_half_open_handshakes_lead_to_retry_and_then_to_silence(void **state)
{
    struct quic_pair *p = begin(44);

    (void)state;
    p->side[1].config.retry_above = 8;
    p->side[1].config.half_open_max = 16;
    quic_pair_start(p);
    flood(p, 40, true);
    assert_int_equal(counters(p, 1).accepted, 8);
    assert_int_equal(counters(p, 1).retries_sent, 32);
    assert_int_equal(gn_quic_conns(p->side[1].q), 8);
    quic_pair_pump(p);
    assert_int_equal(p->without_fixed_bit, 0);
    /* An honest dialler gets through: it answers the Retry. */
    assert_true(quic_pair_connect(p));
    assert_int_equal(counters(p, 1).accepted, 9);
    assert_int_equal(counters(p, 1).retries_bad, 0);
    (void)quic_pair_run(p, GN_SECONDS(20), NULL); /* the half-open ones time out, without an event */
    assert_int_equal(gn_quic_conns(p->side[1].q), 1);
    assert_int_equal(p->side[1].events[GN_QUIC_CLOSED], 0);
    quic_pair_fini(p);
}

static void a_full_endpoint_takes_no_more(void **state)
{
    struct quic_pair *p = begin(45);
    gn_quic_conn conn;

    (void)state;
    p->side[1].config.conns_max = 1;
    p->side[0].config.conns_max = 2;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    assert_false(quic_pair_connect(p));
    assert_true(counters(p, 1).dropped_initial_full > 0);
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &p->side[1].addr, NULL, p->now),
                     GN_E_FULL);
    quic_pair_fini(p);
}

static void a_draining_endpoint_says_goodbye_and_answers_nobody(void **state)
{
    struct quic_pair *p = begin(46);
    gn_quic_conn conn;
    uint64_t before;

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    gn_quic_drain(p->side[1].q, 99, p->now);
    assert_true(quic_pair_run(p, GN_SECONDS(1), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].app_error, 99);
    assert_int_equal(gn_quic_conns(p->side[1].q), 0);
    assert_int_equal(gn_quic_dial(p->side[1].q, &conn, gn_quic_id(p->side[0].q), &p->side[0].addr, NULL, p->now),
                     GN_E_CLOSED);
    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    before = p->bytes[1];
    assert_false(quic_pair_connect(p));
    assert_int_equal(p->bytes[1], before);
    quic_pair_fini(p);
}

static bool flip_some(struct quic_pair *p, unsigned from, uint8_t *data, size_t len)
{
    (void)from;
    if (gn_rng_below(&p->rng, 20) == 0) {
        data[gn_rng_below(&p->rng, len)] ^= (uint8_t)(1U + gn_rng_below(&p->rng, 255));
    }
    return true;
}

static void damaged_packets_are_as_good_as_lost_ones(void **state)
{
    struct quic_pair *p = begin(47);

    (void)state;
    p->tap = flip_some;
    transfer_over(p, GN_QUIC_CC_BBR, 300000, GN_SECONDS(60));
    quic_pair_fini(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_handshakes_never_clear_the_fixed_bit),
        cmocka_unit_test(cubic_delivers_everything_over_a_path_that_loses_doubles_and_reorders),
        cmocka_unit_test(bbr_delivers_everything_over_a_path_that_loses_doubles_and_reorders),
        cmocka_unit_test(bbr_is_faster_than_cubic_when_one_packet_in_a_hundred_is_lost),
        cmocka_unit_test(a_transfer_survives_a_nat_that_changes_the_port_in_the_middle),
        cmocka_unit_test(a_silent_connection_is_closed_after_the_idle_time_on_both_sides),
        cmocka_unit_test(a_keep_alive_holds_a_silent_connection_until_it_is_turned_off),
        cmocka_unit_test(a_dial_into_silence_ends_after_the_handshake_time),
        cmocka_unit_test(the_code_of_a_close_reaches_the_peer_and_late_packets_get_it_again),
        cmocka_unit_test(a_crashed_listener_resets_the_connections_of_its_former_life),
        cmocka_unit_test(a_short_packet_with_a_made_up_id_gets_no_reset),
        cmocka_unit_test(another_version_is_answered_to_members_only_and_with_the_fixed_bit),
        cmocka_unit_test(a_flood_of_first_packets_from_one_network_is_cut_by_rate),
        cmocka_unit_test(many_half_open_handshakes_lead_to_retry_and_then_to_silence),
        cmocka_unit_test(a_full_endpoint_takes_no_more),
        cmocka_unit_test(a_draining_endpoint_says_goodbye_and_answers_nobody),
        cmocka_unit_test(damaged_packets_are_as_good_as_lost_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
