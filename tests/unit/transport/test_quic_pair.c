/* tests/unit/transport/test_quic_pair.c - two endpoints: handshakes and streams on a good path. */
#include <string.h>

#include "tests/support/gn_cmocka.h"
#include "tests/support/quic_pair.h"

static void both_sides_learn_the_id_that_the_other_proved(void **state)
{
    struct quic_pair p;

    (void)state;
    quic_pair_init(&p, 1);
    quic_pair_start(&p);
    assert_true(quic_pair_connect(&p));
    assert_memory_equal(p.side[0].last[GN_QUIC_CONNECTED].peer.b, gn_quic_id(p.side[1].q)->b, 32);
    assert_memory_equal(p.side[1].last[GN_QUIC_CONNECTED].peer.b, gn_quic_id(p.side[0].q)->b, 32);
    assert_false(p.side[0].last[GN_QUIC_CONNECTED].inbound);
    assert_true(p.side[1].last[GN_QUIC_CONNECTED].inbound);
    quic_pair_fini(&p);
}

static bool echoed(struct quic_pair *p)
{
    return p->side[0].fin;
}

static void a_stream_is_echoed_with_its_end(void **state)
{
    struct quic_pair p;

    (void)state;
    quic_pair_init(&p, 2);
    quic_pair_start(&p);
    p.side[1].echo = true;
    assert_true(quic_pair_connect(&p));
    (void)quic_pair_send(&p, 0, 300000);
    assert_true(quic_pair_run(&p, GN_SECONDS(10), echoed));
    assert_true(quic_pair_got(&p, 0, 300000));
    (void)quic_pair_run(&p, GN_SECONDS(1), NULL);
    assert_int_equal(p.side[0].events[GN_QUIC_STREAM_CLOSED], 1);
    assert_int_equal(p.side[1].events[GN_QUIC_STREAM_CLOSED], 1);
    quic_pair_fini(&p);
}

/* Somebody takes a later time while the driver still goes on with the one it began with. */
static bool look_ahead(struct quic_pair *p, unsigned from, uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    gn_quic_expire(p->side[from].q, p->now + GN_MS(3));
    return true;
}

static void a_clock_that_steps_back_harms_no_transfer(void **state)
{
    struct quic_pair p;

    (void)state;
    quic_pair_init(&p, 3);
    quic_pair_start(&p);
    p.tap = look_ahead;
    p.side[1].echo = true;
    assert_true(quic_pair_connect(&p));
    (void)quic_pair_send(&p, 0, 300000);
    assert_true(quic_pair_run(&p, GN_SECONDS(10), echoed));
    assert_true(quic_pair_got(&p, 0, 300000));
    quic_pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_learn_the_id_that_the_other_proved),
        cmocka_unit_test(a_stream_is_echoed_with_its_end),
        cmocka_unit_test(a_clock_that_steps_back_harms_no_transfer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
