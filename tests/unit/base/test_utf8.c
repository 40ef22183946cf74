/* tests/unit/base/test_utf8.c - well-formed sequences of RFC 3629, against a decoder by definition. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/utf8.h"

static size_t encode(uint8_t out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static void every_code_point_is_accepted_but_surrogates_and_what_is_beyond(void **state)
{
    uint8_t b[4];

    (void)state;
    for (uint32_t c = 0; c < 0x1fffff; c++) {
        size_t n = encode(b, c);
        bool good = c < 0xd800 || (c > 0xdfff && c <= 0x10ffff);

        assert_int_equal(gn_utf8_char_len(b, n), good ? n : 0);
        assert_int_equal(gn_utf8_char_len(b, n - 1), 0); /* incomplete */
    }
}

/* Of all 2^24 beginnings of three bytes those are right that some code point has. */
static void no_other_sequence_is_accepted(void **state)
{
    (void)state;
    for (uint32_t v = 0; v < 0x1000000; v++) {
        uint8_t b[4] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v, 0x80};
        size_t n = gn_utf8_char_len(b, 4);
        uint8_t again[4];
        uint32_t c;

        if (n == 0) {
            continue;
        }
        c = n == 1 ? b[0] : b[0] & (0x7fU >> n);
        for (size_t i = 1; i < n && i < sizeof b; i++) {
            c = c << 6 | (b[i] & 0x3f);
        }
        if (encode(again, c) != n || memcmp(again, b, n) != 0) {
            fail_msg("accepted %06x", v);
        }
    }
}

static void whole_texts(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "a\xc3",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe",
                                      "ab\xe2\x82"};

    (void)state;
    assert_true(gn_utf8_is_valid((const uint8_t *)"", 0));
    assert_true(gn_utf8_is_valid((const uint8_t *)"a\0b", 3));
    assert_true(gn_utf8_is_valid((const uint8_t *)"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x91\xbb", 15));
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        assert_false(gn_utf8_is_valid((const uint8_t *)bad[i], strlen(bad[i])));
    }
    assert_int_equal(gn_utf8_char_len(NULL, 0), 0);
}

static void a_cut_never_splits_a_character_and_is_as_long_as_possible(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int round = 0; round < 2000; round++) {
        uint8_t text[64];
        size_t bounds[64];
        size_t bounds_len = 0;
        size_t len = 0;
        size_t max;
        size_t best = 0;

        while (len < 56) {
            static const uint32_t points[] = {'a', 0xe9, 0x20ac, 0x1f47b};

            bounds[bounds_len++] = len;
            len += encode(text + len, points[gn_rng_below(&rng, 4)]);
        }
        bounds[bounds_len++] = len;
        max = (size_t)gn_rng_below(&rng, 70);
        for (size_t i = 0; i < bounds_len; i++) {
            best = bounds[i] <= max ? bounds[i] : best;
        }
        assert_int_equal(gn_utf8_cut(text, len, max), best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_accepted_but_surrogates_and_what_is_beyond),
        cmocka_unit_test(no_other_sequence_is_accepted),
        cmocka_unit_test(whole_texts),
        cmocka_unit_test(a_cut_never_splits_a_character_and_is_as_long_as_possible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
