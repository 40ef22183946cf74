/* tests/unit/sim/test_packets.c - packets of all sizes keep their bytes, are counted, and are used again. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "sim/engine/packets.h"
#include "tests/support/failing_alloc.h"

static void packets_keep_their_bytes_until_the_last_reference(void **state)
{
    static const size_t lengths[] = {0, 1, 79, 80, 200, 455, 1150, 4000, 16000, 66000};
    uint32_t handles[10];
    struct gn_packets p;
    struct gn_packet *packet;

    (void)state;
    gn_packets_init(&p, gn_alloc_default());
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(gn_packets_take(&p, &handles[i], &packet, lengths[i]), GN_OK);
        assert_true(handles[i] < UINT32_C(1) << GN_PACKETS_HANDLE_BITS);
        assert_int_equal(packet->body_len, lengths[i]);
        memset(packet->body, (int)i + 1, lengths[i]);
        gn_packets_hold(&p, handles[i]);
    }
    assert_int_equal(p.len, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_false(gn_packets_drop(&p, handles[i]));
        packet = gn_packets_get(&p, handles[i]);
        for (size_t at = 0; at < lengths[i]; at++) {
            assert_int_equal(packet->body[at], i + 1U);
        }
        assert_true(gn_packets_drop(&p, handles[i]));
    }
    assert_int_equal(p.len, 0);
    gn_packets_fini(&p);
}

static void a_packet_beyond_the_largest_size_is_refused(void **state)
{
    struct gn_packets p;
    struct gn_packet *packet;
    uint32_t handle;

    (void)state;
    gn_packets_init(&p, gn_alloc_default());
    assert_int_equal(gn_packets_take(&p, &handle, &packet, 81920), GN_E_LIMIT);
    gn_packets_fini(&p);
}

static void the_steady_state_allocates_nothing(void **state)
{
    struct gn_failing_alloc fa;
    struct gn_packets p;
    struct gn_packet *packet;
    uint32_t handles[100];

    (void)state;
    gn_failing_alloc_init(&fa, 0);
    gn_packets_init(&p, &fa.alloc);
    for (unsigned round = 0; round < 50; round++) {
        uint64_t calls = fa.calls;
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(gn_packets_take(&p, &handles[i], &packet, i * 11U), GN_OK);
        }
        for (unsigned i = 0; i < 100; i++) {
            assert_true(gn_packets_drop(&p, handles[i * 37U % 100U]));
        }
        assert_true(round == 0 || fa.calls == calls);
    }
    gn_packets_fini(&p);
    assert_int_equal(fa.live, 0);
}

static void without_memory_nothing_is_taken(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        struct gn_failing_alloc fa;
        struct gn_packets p;
        struct gn_packet *packet;
        uint32_t handle;

        gn_failing_alloc_init(&fa, n);
        gn_packets_init(&p, &fa.alloc);
        assert_int_equal(gn_packets_take(&p, &handle, &packet, 10), GN_E_NO_MEMORY);
        assert_int_equal(p.len, 0);
        assert_int_equal(gn_packets_take(&p, &handle, &packet, 10), GN_OK);
        gn_packets_fini(&p);
        assert_int_equal(fa.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_keep_their_bytes_until_the_last_reference),
        cmocka_unit_test(a_packet_beyond_the_largest_size_is_refused),
        cmocka_unit_test(the_steady_state_allocates_nothing),
        cmocka_unit_test(without_memory_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
