/* tests/unit/base/test_base32.c - base32 and base16: vectors of RFC 4648, refusals, round trips. */
#include "tests/support/gn_cmocka.h"

#include <ctype.h>
#include <string.h>

#include "base/base32.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/rng.h"

static const struct {
    const char *bytes;
    const char *base32;
    const char *hex;
} vectors[] = {
    {"", "", ""},
    {"f", "my", "66"},
    {"fo", "mzxq", "666f"},
    {"foo", "mzxw6", "666f6f"},
    {"foob", "mzxw6yq", "666f6f62"},
    {"fooba", "mzxw6ytb", "666f6f6261"},
    {"foobar", "mzxw6ytboi", "666f6f626172"},
};

static void vectors_of_rfc_4648_section_10(void **state)
{
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(vectors); i++) {
        size_t len = strlen(vectors[i].bytes);
        char text[32];
        uint8_t back[16];
        size_t back_len;

        gn_base32_encode(text, sizeof text, (const uint8_t *)vectors[i].bytes, len);
        assert_string_equal(text, vectors[i].base32);
        assert_int_equal(GN_BASE32_TEXT_LEN(len), strlen(text));
        assert_int_equal(gn_base32_decode(back, sizeof back, &back_len, text, strlen(text)), GN_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, vectors[i].bytes, len);

        gn_hex_encode(text, sizeof text, (const uint8_t *)vectors[i].bytes, len);
        assert_string_equal(text, vectors[i].hex);
        assert_int_equal(gn_hex_decode(back, sizeof back, &back_len, text, strlen(text)), GN_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, vectors[i].bytes, len);
    }
}

static enum gn_err decode32(const char *text)
{
    uint8_t out[64];
    size_t len = 99;
    enum gn_err err = gn_base32_decode(out, sizeof out, &len, text, strlen(text));

    assert_true(err == GN_OK || len == 0);
    return err;
}

static void what_no_bytes_could_have_produced_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decode32("MZXW6YTBOI"), GN_OK);
    assert_int_equal(decode32("MzXw6"), GN_OK);
    assert_int_equal(decode32("a"), GN_E_INVALID);
    assert_int_equal(decode32("aaa"), GN_E_INVALID);
    assert_int_equal(decode32("aaaaaa"), GN_E_INVALID);
    assert_int_equal(decode32("mzxw6==="), GN_E_INVALID);
    assert_int_equal(decode32("mzxw 6yq"), GN_E_INVALID);
    assert_int_equal(decode32("mzxw60yq"), GN_E_INVALID);
    assert_int_equal(decode32("mzxw61yq"), GN_E_INVALID);
    assert_int_equal(decode32("mzxw68yq"), GN_E_INVALID);
    assert_int_equal(decode32("mzxw6\xc3\xa9q"), GN_E_INVALID);
    assert_int_equal(decode32("mz"), GN_E_INVALID); /* "my" with a stray bit */
    assert_int_equal(decode32("mzxw7"), GN_E_INVALID);
}

static void every_single_stray_bit_is_refused(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t out[1];
    size_t len;
    unsigned good = 0;

    (void)state;
    for (unsigned a = 0; a < 32; a++) {
        for (unsigned b = 0; b < 32; b++) {
            char text[2] = {alphabet[a], alphabet[b]};
            enum gn_err err = gn_base32_decode(out, sizeof out, &len, text, 2);

            assert_int_equal(err, b % 4 == 0 ? GN_OK : GN_E_INVALID);
            good += err == GN_OK;
        }
    }
    assert_int_equal(good, 256);
}

static void too_small_a_buffer_is_a_limit_and_is_not_overrun(void **state)
{
    uint8_t out[8];
    size_t len;

    (void)state;
    memset(out, 0xee, sizeof out);
    assert_int_equal(gn_base32_decode(out, 5, &len, "mzxw6ytboi", 10), GN_E_LIMIT);
    assert_int_equal(len, 0);
    assert_int_equal(out[5], 0xee);
    assert_int_equal(gn_hex_decode(out, 2, &len, "666f6f", 6), GN_E_LIMIT);
    assert_int_equal(gn_base32_decode(out, 6, &len, "mzxw6ytboi", 10), GN_OK);
    assert_int_equal(gn_hex_decode(out, 3, &len, "666f6f", 6), GN_OK);
}

static void hex_refuses_odd_lengths_and_other_characters(void **state)
{
    static const char *const bad[] = {"6", "666", "6g", "g6", "0x", " 6", "6/", "6:", "6@", "6`"};
    uint8_t out[4];
    size_t len = 99;

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        assert_int_equal(gn_hex_decode(out, sizeof out, &len, bad[i], strlen(bad[i])), GN_E_INVALID);
        assert_int_equal(len, 0);
    }
    assert_int_equal(gn_hex_decode(out, sizeof out, &len, "aF09", 4), GN_OK);
    assert_int_equal(out[0], 0xaf);
    assert_int_equal(out[1], 0x09);
}

static void any_bytes_survive_a_round_trip_in_either_case(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 2, 0);
    for (int i = 0; i < 5000; i++) {
        uint8_t in[100];
        uint8_t out[100];
        char text[256];
        size_t len = (size_t)gn_rng_below(&rng, sizeof in + 1);
        size_t out_len;

        gn_rng_bytes(&rng, in, len);
        gn_base32_encode(text, sizeof text, in, len);
        assert_int_equal(strlen(text), GN_BASE32_TEXT_LEN(len));
        for (char *c = text; *c; c++) {
            *c = gn_rng_below(&rng, 2) ? (char)toupper((unsigned char)*c) : *c;
        }
        assert_int_equal(gn_base32_decode(out, len, &out_len, text, strlen(text)), GN_OK);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, in, len);
        gn_hex_encode(text, sizeof text, in, len);
        assert_int_equal(gn_hex_decode(out, len, &out_len, text, strlen(text)), GN_OK);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, in, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648_section_10),
        cmocka_unit_test(what_no_bytes_could_have_produced_is_refused),
        cmocka_unit_test(every_single_stray_bit_is_refused),
        cmocka_unit_test(too_small_a_buffer_is_a_limit_and_is_not_overrun),
        cmocka_unit_test(hex_refuses_odd_lengths_and_other_characters),
        cmocka_unit_test(any_bytes_survive_a_round_trip_in_either_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
