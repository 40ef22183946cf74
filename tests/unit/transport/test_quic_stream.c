/* tests/unit/transport/test_quic_stream.c - streams and datagrams: credit, back-pressure, lending, ends of all kinds.
 */
#include <stdlib.h>
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

static struct quic_pair *connected(uint64_t seed)
{
    struct quic_pair *p = begin(seed);

    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_MS(200), NULL);
    return p;
}

static bool got_fin1(struct quic_pair *p)
{
    return p->side[1].fin;
}

static int64_t open_stream(struct quic_pair *p, unsigned side)
{
    int64_t stream = -1;

    assert_int_equal(gn_quic_stream_open(p->side[side].q, &stream, p->side[side].conn), GN_OK);
    return stream;
}

static enum gn_err put(struct quic_pair *p, unsigned side, int64_t stream, const char *text, bool fin)
{
    return gn_quic_stream_write(p->side[side].q, p->side[side].conn, stream, gn_slice_str(text), fin);
}

static void nothing_more_arrives_than_the_application_has_room_for(void **state)
{
    struct quic_pair *p = begin(51);
    const size_t len = 3000000;

    (void)state;
    p->side[1].config.stream_window = 100000;
    p->side[1].config.conn_window = 150000;
    p->side[1].hold = true;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    const int64_t stream = quic_pair_send(p, 0, len);

    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    assert_int_equal(p->side[1].got_len, 100000);
    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    assert_int_equal(p->side[1].got_len, 100000);
    assert_int_equal(gn_quic_stream_consume(p->side[1].q, p->side[1].conn, stream, 100001), GN_E_INVALID);
    assert_int_equal(gn_quic_stream_consume(p->side[1].q, p->side[1].conn, stream, 80000), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    assert_int_equal(p->side[1].got_len, 180000);
    p->side[1].hold = false;
    assert_int_equal(gn_quic_stream_consume(p->side[1].q, p->side[1].conn, stream, 100000), GN_OK);
    assert_true(quic_pair_run(p, GN_SECONDS(60), got_fin1));
    assert_true(quic_pair_got(p, 1, len));
    quic_pair_fini(p);
}

static void credit_of_streams_that_were_never_consumed_comes_back_when_they_end(void **state)
{
    struct quic_pair *p = begin(52);

    (void)state;
    p->side[1].config.stream_window = 100000;
    p->side[1].config.conn_window = 100000;
    p->side[1].hold = true;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    for (unsigned i = 0; i < 20; i++) { /* 1 MB in all through a window of 100 kB, nothing consumed */
        const size_t before = p->side[1].got_len;
        const int64_t stream = quic_pair_send(p, 0, 50000);

        (void)quic_pair_run(p, GN_SECONDS(1), NULL);
        assert_int_equal(p->side[1].got_len, before + 50000);
        if (i % 2 == 0) {
            assert_int_equal(gn_quic_stream_finish(p->side[1].q, p->side[1].conn, stream), GN_OK);
        } else {
            assert_int_equal(gn_quic_stream_stop(p->side[1].q, p->side[1].conn, stream, 1), GN_OK);
            assert_int_equal(gn_quic_stream_reset(p->side[1].q, p->side[1].conn, stream, 1), GN_OK);
        }
        (void)quic_pair_run(p, GN_SECONDS(1), NULL);
        assert_int_equal(p->side[1].events[GN_QUIC_STREAM_CLOSED], i + 1);
    }
    quic_pair_fini(p);
}

static void credit_of_streams_reset_by_the_peer_comes_back(void **state)
{
    struct quic_pair *p = begin(53);

    (void)state;
    p->side[1].config.conn_window = 100000;
    p->side[1].hold = true;
    p->loss = 100; /* gaps: some bytes are known to ngtcp2 only when the reset comes */
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    for (unsigned i = 0; i < 30; i++) {
        const int64_t stream = quic_pair_send(p, 0, 60000);

        (void)quic_pair_run(p, GN_MS(35), NULL);
        assert_int_equal(gn_quic_stream_reset(p->side[0].q, p->side[0].conn, stream, 5), GN_OK);
        (void)quic_pair_run(p, GN_SECONDS(1), NULL);
        if (p->side[1].events[GN_QUIC_STREAM_OPENED] > i) {
            const enum gn_err err = gn_quic_stream_finish(p->side[1].q, p->side[1].conn, stream);

            assert_true(err == GN_OK || err == GN_E_NOT_FOUND);
        }
        (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    }
    p->loss = 0;
    p->side[1].hold = false;
    p->side[1].fin = false;
    p->side[1].got_len = 0;
    (void)quic_pair_send(p, 0, 90000);
    assert_true(quic_pair_run(p, GN_SECONDS(10), got_fin1));
    assert_true(quic_pair_got(p, 1, 90000));
    quic_pair_fini(p);
}

static void a_writer_is_told_full_and_then_writable_and_can_finish(void **state)
{
    struct quic_pair *p = begin(54);
    static uint8_t piece[50000];
    size_t written = 0;
    unsigned full = 0;

    (void)state;
    p->side[0].config.send_buffer = 200000;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    const int64_t stream = open_stream(p, 0);

    for (unsigned rounds = 0; written < 2000000 && rounds < 1000; rounds++) {
        for (size_t i = 0; i < sizeof piece; i++) {
            piece[i] = quic_pair_byte(written + i);
        }
        const enum gn_err err =
            gn_quic_stream_write(p->side[0].q, p->side[0].conn, stream, gn_slice_of(piece, sizeof piece), false);

        if (err == GN_OK) {
            written += sizeof piece;
            continue;
        }
        assert_int_equal(err, GN_E_FULL);
        assert_int_equal(gn_quic_stream_room(p->side[0].q, p->side[0].conn, stream), 0);
        full++;
        const unsigned before = p->side[0].events[GN_QUIC_WRITABLE];

        while (p->side[0].events[GN_QUIC_WRITABLE] == before) {
            (void)quic_pair_run(p, GN_MS(1), NULL);
        }
        assert_true(gn_quic_stream_room(p->side[0].q, p->side[0].conn, stream) >= 100000);
    }
    assert_int_equal(gn_quic_stream_finish(p->side[0].q, p->side[0].conn, stream), GN_OK);
    assert_int_equal(gn_quic_stream_finish(p->side[0].q, p->side[0].conn, stream), GN_E_INVALID);
    assert_true(quic_pair_run(p, GN_SECONDS(10), got_fin1));
    assert_true(quic_pair_got(p, 1, 2000000));
    assert_true(full >= 10);
    assert_int_equal(p->side[0].events[GN_QUIC_WRITABLE], full);
    quic_pair_fini(p);
}

static unsigned released;
static unsigned released_wrong;

static void on_release(struct quic_pair *p, unsigned side, const struct gn_quic_event *e)
{
    (void)p;
    if (e->type == GN_QUIC_RELEASED) {
        uint8_t *bytes = e->token;

        released_wrong += side != 0;
        released++;
        memset(bytes, 0xee, 10000); /* nobody may read it any more */
    }
}

static void lent_bytes_are_released_once_and_only_when_nobody_needs_them(void **state)
{
    struct quic_pair *p = begin(55);
    static uint8_t bytes[40][10000];

    (void)state;
    released = 0;
    released_wrong = 0;
    p->loss = 100; /* so that lent bytes are sent again and again */
    p->on_event = on_release;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    const int64_t stream = open_stream(p, 0);

    for (size_t i = 0; i < 40; i++) {
        for (size_t k = 0; k < 10000; k++) {
            bytes[i][k] = quic_pair_byte(i * 10000 + k);
        }
        assert_int_equal(
            gn_quic_stream_lend(p->side[0].q, p->side[0].conn, stream, gn_slice_of(bytes[i], 10000), bytes[i]), GN_OK);
    }
    assert_int_equal(gn_quic_stream_finish(p->side[0].q, p->side[0].conn, stream), GN_OK);
    assert_true(quic_pair_run(p, GN_SECONDS(30), got_fin1));
    assert_true(quic_pair_got(p, 1, 400000));
    (void)quic_pair_run(p, GN_SECONDS(2), NULL);
    assert_int_equal(released, 40);
    assert_int_equal(released_wrong, 0);
    quic_pair_fini(p);
}

static void lent_bytes_are_released_when_the_connection_dies(void **state)
{
    struct quic_pair *p = begin(56);
    static uint8_t bytes[8][10000];

    (void)state;
    released = 0;
    p->on_event = on_release;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    p->loss = 1000;
    const int64_t stream = open_stream(p, 0);

    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(
            gn_quic_stream_lend(p->side[0].q, p->side[0].conn, stream, gn_slice_of(bytes[i], 10000), bytes[i]), GN_OK);
    }
    (void)quic_pair_run(p, GN_SECONDS(2), NULL);
    assert_int_equal(released, 0);
    (void)quic_pair_run(p, GN_SECONDS(60), NULL);
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_TIMEOUT);
    assert_int_equal(released, 8);
    quic_pair_fini(p);
}

static void a_reset_reaches_the_peer_with_its_code(void **state)
{
    struct quic_pair *p = connected(57);
    const int64_t stream = open_stream(p, 0);

    (void)state;
    assert_int_equal(put(p, 0, stream, "some", false), GN_OK);
    (void)quic_pair_run(p, GN_MS(100), NULL);
    assert_int_equal(gn_quic_stream_reset(p->side[0].q, p->side[0].conn, stream, 77), GN_OK);
    assert_int_equal(put(p, 0, stream, "more", false), GN_E_INVALID);
    (void)quic_pair_run(p, GN_MS(100), NULL);
    assert_int_equal(p->side[1].events[GN_QUIC_STREAM_RESET], 1);
    assert_int_equal(p->side[1].last[GN_QUIC_STREAM_RESET].app_error, 77);
    assert_int_equal(p->side[1].last[GN_QUIC_STREAM_RESET].stream, stream);
    /* The other direction is still open. */
    assert_int_equal(put(p, 1, stream, "sorry", true), GN_OK);
    (void)quic_pair_run(p, GN_MS(100), NULL);
    assert_int_equal(p->side[0].got_len, 5);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAM_CLOSED], 1);
    assert_int_equal(p->side[1].events[GN_QUIC_STREAM_CLOSED], 1);
    assert_int_equal(put(p, 0, stream, "x", false), GN_E_NOT_FOUND);
    quic_pair_fini(p);
}

static void a_reader_that_has_enough_stops_the_writer(void **state)
{
    struct quic_pair *p = connected(58);

    (void)state;
    p->rate = 500;
    const int64_t stream = quic_pair_send(p, 0, 3000000);

    (void)quic_pair_run(p, GN_MS(500), NULL);
    assert_int_equal(gn_quic_stream_stop(p->side[1].q, p->side[1].conn, stream, 88), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(3), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAM_STOPPED], 1);
    assert_true(p->side[1].got_len < 1000000);
    assert_int_equal(put(p, 0, stream, "more", false), GN_E_CANCELLED);
    assert_int_equal(p->side[1].events[GN_QUIC_STREAM_RESET], 0); /* it was us who stopped */
    assert_int_equal(gn_quic_stream_finish(p->side[1].q, p->side[1].conn, stream), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(3), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAM_CLOSED], 1);
    assert_int_equal(p->side[0].last[GN_QUIC_STREAM_CLOSED].app_error, 88);
    quic_pair_fini(p);
}

static void the_peers_limit_of_streams_is_told_and_grows_when_streams_end(void **state)
{
    struct quic_pair *p = begin(60);
    int64_t stream;
    int64_t first = -1;

    (void)state;
    p->side[1].config.streams_max = 4;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    for (unsigned i = 0; i < 4; i++) {
        stream = open_stream(p, 0);
        first = i == 0 ? stream : first;
        assert_int_equal(put(p, 0, stream, "x", true), GN_OK);
    }
    assert_int_equal(gn_quic_stream_open(p->side[0].q, &stream, p->side[0].conn), GN_E_FULL);
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAMS_MORE], 0);
    assert_int_equal(put(p, 1, first, "done", true), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAMS_MORE], 1);
    assert_int_equal(gn_quic_stream_open(p->side[0].q, &stream, p->side[0].conn), GN_OK);
    quic_pair_fini(p);
}

static void many_streams_share_a_connection_and_all_arrive(void **state)
{
    struct quic_pair *p = begin(61);
    size_t total = 0;

    (void)state;
    p->loss = 20;
    quic_pair_start(p);
    p->side[1].echo = true;
    assert_true(quic_pair_connect(p));
    for (unsigned i = 0; i < 200; i++) {
        const size_t len = i * 37U;

        (void)quic_pair_send(p, 0, len);
        total += len;
    }
    (void)quic_pair_run(p, GN_SECONDS(20), NULL);
    assert_int_equal(p->side[0].got_len, total);
    assert_int_equal(p->side[1].events[GN_QUIC_STREAM_OPENED], 200);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAM_CLOSED], 200);
    assert_int_equal(p->side[1].events[GN_QUIC_STREAM_CLOSED], 200);
    quic_pair_fini(p);
}

static void a_stream_that_is_asked_for_too_early_is_announced_later(void **state)
{
    struct quic_pair *p = begin(62);
    gn_quic_conn conn;
    int64_t stream;

    (void)state;
    quic_pair_start(p);
    assert_int_equal(
        gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &p->side[1].addr, &p->side[0].addr, p->now), GN_OK);
    assert_int_equal(gn_quic_stream_open(p->side[0].q, &stream, conn), GN_E_FULL);
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_CONNECTED], 1);
    assert_int_equal(p->side[0].events[GN_QUIC_STREAMS_MORE], 1);
    assert_int_equal(gn_quic_stream_open(p->side[0].q, &stream, conn), GN_OK);
    quic_pair_fini(p);
}

static void what_the_peer_sent_before_it_closed_is_still_delivered(void **state)
{
    struct quic_pair *p = connected(63);
    const int64_t stream = open_stream(p, 0);

    (void)state;
    assert_int_equal(put(p, 0, stream, "last words", true), GN_OK);
    quic_pair_pump(p);
    assert_int_equal(gn_quic_close(p->side[0].q, p->side[0].conn, 1, p->now), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    assert_int_equal(p->side[1].got_len, 10);
    assert_int_equal(p->side[1].events[GN_QUIC_CLOSED], 1);
    quic_pair_fini(p);
}

static void calls_on_what_is_gone_are_refused(void **state)
{
    struct quic_pair *p = connected(64);
    struct gn_quic_info info;
    const gn_quic_conn conn = p->side[0].conn;
    const int64_t stream = open_stream(p, 0);
    int64_t other;

    (void)state;
    assert_int_equal(gn_quic_conn_info(p->side[0].q, &info, conn), GN_OK);
    assert_true(info.connected && !info.closing && info.rtt >= GN_MS(19) && info.mtu >= 1200);
    assert_int_equal(gn_quic_stream_write(p->side[0].q, conn, 400, gn_slice_str("x"), false), GN_E_NOT_FOUND);
    static const uint8_t huge[GN_QUIC_WRITE_MAX + 1];
    assert_int_equal(gn_quic_stream_write(p->side[0].q, conn, stream, gn_slice_of(huge, sizeof huge), false),
                     GN_E_LIMIT);
    assert_int_equal(gn_quic_close(p->side[0].q, conn, 0, p->now), GN_OK);
    assert_int_equal(gn_quic_stream_write(p->side[0].q, conn, stream, gn_slice_str("x"), false), GN_E_CLOSED);
    assert_int_equal(gn_quic_stream_open(p->side[0].q, &other, conn), GN_E_CLOSED);
    assert_int_equal(gn_quic_datagram(p->side[0].q, conn, gn_slice_str("x")), GN_E_CLOSED);
    (void)quic_pair_run(p, GN_SECONDS(10), NULL);
    assert_int_equal(gn_quic_conn_info(p->side[0].q, &info, conn), GN_E_CLOSED);
    assert_int_equal(gn_quic_set_user(p->side[0].q, conn, NULL), GN_E_CLOSED);
    quic_pair_fini(p);
}

static void datagrams_arrive_up_to_the_limit_and_not_beyond(void **state)
{
    struct quic_pair *p = connected(65);
    static uint8_t bytes[2000];
    size_t max;

    (void)state;
    (void)quic_pair_run(p, GN_SECONDS(5), NULL); /* path MTU discovery */
    max = gn_quic_datagram_max(p->side[0].q, p->side[0].conn);
    assert_in_range(max, 1171, 1423);
    assert_int_equal(gn_quic_datagram(p->side[0].q, p->side[0].conn, gn_slice_of(bytes, max + 1)), GN_E_LIMIT);
    assert_int_equal(gn_quic_datagram(p->side[0].q, p->side[0].conn, gn_slice_of(bytes, max)), GN_OK);
    assert_int_equal(gn_quic_datagram(p->side[0].q, p->side[0].conn, gn_slice_of(NULL, 0)), GN_OK);
    (void)quic_pair_run(p, GN_MS(100), NULL);
    assert_int_equal(p->side[1].events[GN_QUIC_DATAGRAM], 2);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(gn_quic_datagram(p->side[0].q, p->side[0].conn, gn_slice_of(bytes, 100)), GN_OK);
    }
    assert_int_equal(gn_quic_datagram(p->side[0].q, p->side[0].conn, gn_slice_of(bytes, 100)), GN_E_FULL);
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    assert_int_equal(p->side[1].events[GN_QUIC_DATAGRAM], 34);
    quic_pair_fini(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_more_arrives_than_the_application_has_room_for),
        cmocka_unit_test(credit_of_streams_that_were_never_consumed_comes_back_when_they_end),
        cmocka_unit_test(credit_of_streams_reset_by_the_peer_comes_back),
        cmocka_unit_test(a_writer_is_told_full_and_then_writable_and_can_finish),
        cmocka_unit_test(lent_bytes_are_released_once_and_only_when_nobody_needs_them),
        cmocka_unit_test(lent_bytes_are_released_when_the_connection_dies),
        cmocka_unit_test(a_reset_reaches_the_peer_with_its_code),
        cmocka_unit_test(a_reader_that_has_enough_stops_the_writer),
        cmocka_unit_test(the_peers_limit_of_streams_is_told_and_grows_when_streams_end),
        cmocka_unit_test(many_streams_share_a_connection_and_all_arrive),
        cmocka_unit_test(a_stream_that_is_asked_for_too_early_is_announced_later),
        cmocka_unit_test(what_the_peer_sent_before_it_closed_is_still_delivered),
        cmocka_unit_test(calls_on_what_is_gone_are_refused),
        cmocka_unit_test(datagrams_arrive_up_to_the_limit_and_not_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
