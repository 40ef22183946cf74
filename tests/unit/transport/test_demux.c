/* tests/unit/transport/test_demux.c - which protocol a datagram on the shared port belongs to. */
#include <string.h>

#include "tests/support/gn_cmocka.h"
#include "transport/udp/demux.h"

static enum gn_demux_kind kind_of(const uint8_t *data, size_t len, enum gn_demux_reason *why)
{
    return gn_demux_classify(why, data, len);
}

static void each_first_byte_goes_where_the_rfc_says(void **state)
{
    uint8_t packet[1200] = {0};

    (void)state;
    packet[1] = 1; /* version and the like: not Version Negotiation */
    for (unsigned first = 0; first < 256; first++) {
        enum gn_demux_reason why;
        packet[0] = (uint8_t)first;
        const enum gn_demux_kind kind = kind_of(packet, sizeof packet, &why);

        if (first < 4) {
            assert_int_equal(kind, GN_DEMUX_DROP);
            assert_int_equal(why, GN_DEMUX_BAD_STUN);
        } else if (first < 8) {
            assert_int_equal(kind, GN_DEMUX_SEALED);
        } else if (first < 64) {
            assert_int_equal(kind, GN_DEMUX_DROP);
            assert_int_equal(why, GN_DEMUX_UNKNOWN);
        } else if (first < 128 || first >= 192) {
            assert_int_equal(kind, GN_DEMUX_QUIC);
        } else {
            assert_int_equal(kind, GN_DEMUX_DROP);
            assert_int_equal(why, GN_DEMUX_FIXED_BIT);
        }
    }
}

static void stun_needs_its_cookie_and_a_length_that_fits(void **state)
{
    /* A Binding request with one attribute of 4 bytes (RFC 8489 section 5). */
    uint8_t stun[28] = {0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42};
    enum gn_demux_reason why;

    (void)state;
    assert_int_equal(kind_of(stun, sizeof stun, &why), GN_DEMUX_STUN);
    assert_int_equal(why, GN_DEMUX_ACCEPTED);
    assert_int_equal(kind_of(stun, sizeof stun - 4, &why), GN_DEMUX_DROP);
    assert_int_equal(kind_of(stun, 19, &why), GN_DEMUX_DROP);
    stun[7] ^= 1U;
    assert_int_equal(kind_of(stun, sizeof stun, &why), GN_DEMUX_DROP);
    assert_int_equal(why, GN_DEMUX_BAD_STUN);
    stun[7] ^= 1U;
    stun[3] = 7;
    assert_int_equal(kind_of(stun, 27, &why), GN_DEMUX_DROP);
}

static void version_negotiation_may_lack_the_fixed_bit_and_nothing_else_may(void **state)
{
    uint8_t packet[40] = {0x80};

    (void)state;
    assert_int_equal(kind_of(packet, sizeof packet, NULL), GN_DEMUX_QUIC);
    packet[4] = 1;
    assert_int_equal(kind_of(packet, sizeof packet, NULL), GN_DEMUX_DROP);
    packet[0] = 0xc0;
    assert_int_equal(kind_of(packet, sizeof packet, NULL), GN_DEMUX_QUIC);
}

static void short_ones_are_dropped_and_counted_by_reason(void **state)
{
    struct gn_demux_counters c;
    const uint8_t bytes[32] = {0x40};
    const uint8_t sealed[8] = {0x04};

    (void)state;
    memset(&c, 0, sizeof c);
    assert_int_equal(gn_demux_count(&c, NULL, 0), GN_DEMUX_DROP);
    assert_int_equal(gn_demux_count(&c, bytes, 20), GN_DEMUX_DROP);
    assert_int_equal(gn_demux_count(&c, bytes, 21), GN_DEMUX_QUIC);
    assert_int_equal(gn_demux_count(&c, sealed, sizeof sealed), GN_DEMUX_DROP);
    assert_int_equal(c.reasons[GN_DEMUX_EMPTY], 1);
    assert_int_equal(c.reasons[GN_DEMUX_SHORT], 2);
    assert_int_equal(c.reasons[GN_DEMUX_ACCEPTED], 1);
    assert_int_equal(c.kinds[GN_DEMUX_DROP], 3);
    assert_int_equal(c.kinds[GN_DEMUX_QUIC], 1);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < GN_DEMUX_REASONS; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(gn_demux_reason_name((enum gn_demux_reason)a),
                                    gn_demux_reason_name((enum gn_demux_reason)b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_first_byte_goes_where_the_rfc_says),
        cmocka_unit_test(stun_needs_its_cookie_and_a_length_that_fits),
        cmocka_unit_test(version_negotiation_may_lack_the_fixed_bit_and_nothing_else_may),
        cmocka_unit_test(short_ones_are_dropped_and_counted_by_reason),
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
