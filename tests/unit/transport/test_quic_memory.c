/* tests/unit/transport/test_quic_memory.c - each allocation of an endpoint's life fails once: no crash, no leak. */
#include <string.h>

#include "tests/support/gn_cmocka.h"
#include "tests/support/quic_pair.h"

static struct quic_pair pair;

/* A short life with all that allocates: two connections, streams both ways, datagrams, lending, a Retry, a close. Calls
 * may fail; the pair checks for leaks at its end. */
static void live(struct quic_pair *p)
{
    static const uint8_t bytes[3000];
    gn_quic_conn conn;
    int64_t stream;

    if (gn_quic_new(&p->side[0].q, &p->side[0].config, p->now) != GN_OK ||
        gn_quic_new(&p->side[1].q, &p->side[1].config, p->now) != GN_OK) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &p->side[1].addr, &p->side[0].addr, p->now) !=
            GN_OK) {
            continue;
        }
        (void)quic_pair_run(p, GN_MS(500), NULL);
        if (gn_quic_stream_open(p->side[0].q, &stream, conn) == GN_OK) {
            for (unsigned k = 0; k < 20; k++) {
                if (gn_quic_stream_write(p->side[0].q, conn, stream, gn_slice_of(bytes, sizeof bytes), false) !=
                    GN_OK) {
                    break;
                }
            }
            if (gn_quic_stream_lend(p->side[0].q, conn, stream, gn_slice_of(bytes, sizeof bytes), NULL) == GN_OK &&
                gn_quic_stream_finish(p->side[0].q, conn, stream) != GN_OK) {
                fail(); /* it allocates nothing */
            }
        }
        (void)gn_quic_datagram(p->side[0].q, conn, gn_slice_of(bytes, 100));
        (void)quic_pair_run(p, GN_MS(500), NULL);
        (void)gn_quic_close(p->side[0].q, conn, 0, p->now);
        (void)quic_pair_run(p, GN_SECONDS(3), NULL);
    }
}

static void sweep(unsigned side)
{
    /* Every one of the first calls, then wider steps: a handshake makes some hundred. */
    for (uint64_t n = 1; n < 5000; n += n < 120 ? 1 : 17) {
        quic_pair_init(&pair, 71);
        pair.side[1].config.retry_above = 1;
        gn_failing_alloc_init(&pair.side[side].memory, n);
        live(&pair);
        const uint64_t failed = pair.side[side].memory.failed;

        quic_pair_fini(&pair);
        if (failed == 0) {
            assert_true(n > 50);
            return;
        }
    }
    fail();
}

static void a_dialler_survives_each_failing_allocation(void **state)
{
    (void)state;
    sweep(0);
}

static void a_listener_survives_each_failing_allocation(void **state)
{
    (void)state;
    sweep(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialler_survives_each_failing_allocation),
        cmocka_unit_test(a_listener_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
