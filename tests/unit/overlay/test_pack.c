/* tests/unit/overlay/test_pack.c - the structural check in front of msgpack-c. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/msg/pack.h"

static enum gn_err parse(const char *bytes, size_t len)
{
    static struct gn_pack p;

    return gn_pack_parse(&p, gn_slice_of(bytes, len));
}

#define PARSE(literal) parse(literal, sizeof(literal) - 1)

static void only_shortest_forms_pass(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\x90"), GN_OK);
    assert_int_equal(PARSE("\x91\x7f"), GN_OK);
    assert_int_equal(PARSE("\x91\xcc\x7f"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xcc\x80"), GN_OK);
    assert_int_equal(PARSE("\x91\xcd\x00\xff"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xcd\x01\x00"), GN_OK);
    assert_int_equal(PARSE("\x91\xce\x00\x00\xff\xff"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xce\x00\x01\x00\x00"), GN_OK);
    assert_int_equal(PARSE("\x91\xcf\x00\x00\x00\x00\xff\xff\xff\xff"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), GN_OK);
    assert_int_equal(PARSE("\x91\xc4\x01x"), GN_OK);
    assert_int_equal(PARSE("\x91\xc5\x00\x01x"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xc6\x00\x00\x00\x01x"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x91\xc0"), GN_OK);
    assert_int_equal(PARSE("\x92\xc2\xc3"), GN_OK);
    assert_int_equal(PARSE("\xdc\x00\x01\xc0"), GN_E_MALFORMED);
}

static void types_that_we_do_not_speak_are_refused(void **state)
{
    (void)state;
    for (unsigned tag = 0; tag < 256; tag++) {
        uint8_t bytes[32] = {0x91, (uint8_t)tag};
        static struct gn_pack p;
        bool speaks = tag <= 0x7f || tag == 0xc0 || tag == 0xc2 || tag == 0xc3 || tag == 0x90;

        /* followed by nothing: everything with a body is cut off as well */
        assert_int_equal(gn_pack_parse(&p, gn_slice_of(bytes, 2)), speaks ? GN_OK : GN_E_MALFORMED);
        if ((tag >= 0x80 && tag <= 0x8f) || (tag >= 0xa0 && tag <= 0xbf) || tag == 0xc1 ||
            (tag >= 0xc7 && tag <= 0xcb) || (tag >= 0xd0 && tag <= 0xdb) || tag >= 0xdd) {
            for (size_t len = 2; len <= sizeof(bytes); len++) {
                assert_int_equal(gn_pack_parse(&p, gn_slice_of(bytes, len)), GN_E_MALFORMED);
            }
        }
    }
    assert_int_equal(PARSE(""), GN_E_MALFORMED);
    assert_int_equal(PARSE("\x01"), GN_E_MALFORMED); /* the outermost value must be an array */
    assert_int_equal(PARSE("\xc4\x01x"), GN_E_MALFORMED);
}

static void promises_of_many_elements_cost_nothing(void **state)
{
    uint8_t bytes[300];
    static struct gn_pack p;

    (void)state;
    assert_int_equal(PARSE("\xdd\xff\xff\xff\xff"), GN_E_MALFORMED);
    assert_int_equal(PARSE("\xdc\xff\xff"), GN_E_MALFORMED);
    memset(bytes, 0xc0, sizeof(bytes)); /* nils, really there: up to the limit */
    bytes[0] = 0xdc;
    bytes[1] = 0;
    bytes[2] = GN_PACK_CELLS_MAX;
    assert_int_equal(gn_pack_parse(&p, gn_slice_of(bytes, 3 + GN_PACK_CELLS_MAX)), GN_OK);
    assert_int_equal(p.root.size, GN_PACK_CELLS_MAX);
    bytes[2]++;
    assert_int_equal(gn_pack_parse(&p, gn_slice_of(bytes, 4 + GN_PACK_CELLS_MAX)), GN_E_MALFORMED);
    /* many small arrays count together: 1 outer of 5 with 12 each are 65 */
    bytes[0] = 0x95;
    for (size_t i = 0; i < 5; i++) {
        bytes[1 + i * 13] = 0x9c;
        memset(bytes + 2 + i * 13, 0xc0, 12);
    }
    assert_int_equal(gn_pack_parse(&p, gn_slice_of(bytes, 66)), GN_E_MALFORMED);
}

static void nesting_ends_at_four(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\x91\x91\x91\x90"), GN_OK);
    assert_int_equal(PARSE("\x91\x91\x91\x91\x90"), GN_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_shortest_forms_pass),
        cmocka_unit_test(types_that_we_do_not_speak_are_refused),
        cmocka_unit_test(promises_of_many_elements_cost_nothing),
        cmocka_unit_test(nesting_ends_at_four),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
