/* tests/unit/base/test_hash.c - BLAKE2b and SipHash against their published vectors. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/hash.h"
#include "base/hex.h"

static void assert_hex(const uint8_t *data, size_t len, const char *expected)
{
    char text[129];

    gn_hex_encode(text, sizeof text, data, len);
    assert_string_equal(text, expected);
}

static void blake2b_of_abc_is_that_of_rfc_7693_appendix_a(void **state)
{
    const struct gn_slice pieces[] = {gn_slice_of("a", 1), gn_slice_of(NULL, 0), gn_slice_of("bc", 2)};
    uint8_t out[64];

    (void)state;
    gn_hash_pieces(out, sizeof out, NULL, 0, pieces, 3);
    assert_hex(out, sizeof out,
               "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

static void blake2b_256_of_nothing(void **state)
{
    struct gn_id id;

    (void)state;
    gn_hash_256(&id, gn_slice_of(NULL, 0));
    assert_hex(id.b, sizeof id.b, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    gn_hash_pieces(id.b, sizeof id.b, NULL, 0, NULL, 0);
    assert_hex(id.b, sizeof id.b, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

/* The sequence that RFC 7693 appendix E feeds in. */
static void sequence(uint8_t *out, size_t len, uint32_t seed)
{
    uint32_t a = UINT32_C(0xdead4bad) * seed;
    uint32_t b = 1;

    for (size_t i = 0; i < len; i++) {
        uint32_t t = a + b;

        a = b;
        b = t;
        out[i] = (uint8_t)(t >> 24);
    }
}

static void the_self_test_of_rfc_7693_appendix_e_passes(void **state)
{
    static const size_t out_lens[4] = {20, 32, 48, 64};
    static const size_t in_lens[6] = {0, 3, 128, 129, 255, 1024};
    static uint8_t results[2 * 6 * (20 + 32 + 48 + 64)];
    size_t at = 0;
    uint8_t in[1024];
    uint8_t key[64];
    struct gn_id all;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 6; k++) {
            struct gn_slice piece = gn_slice_of(in, in_lens[k]);

            sequence(in, in_lens[k], (uint32_t)in_lens[k]);
            gn_hash_pieces(results + at, out_lens[i], NULL, 0, &piece, 1);
            at += out_lens[i];
            sequence(key, out_lens[i], (uint32_t)out_lens[i]);
            gn_hash_pieces(results + at, out_lens[i], key, out_lens[i], &piece, 1);
            at += out_lens[i];
        }
    }
    assert_int_equal(at, sizeof results);
    gn_hash_256(&all, gn_slice_of(results, at));
    assert_hex(all.b, sizeof all.b, "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475");
}

static void siphash_gives_the_values_of_its_paper(void **state)
{
    uint8_t bytes[16];

    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_true(gn_hash_short(bytes, bytes, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(gn_hash_short(bytes, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void the_table_hash_is_the_same_in_every_run(void **state)
{
    (void)state;
    assert_true(gn_hash_table("ghost", 5) == gn_hash_short((const uint8_t *)"ghostnet tables1", "ghost", 5));
    assert_true(gn_hash_table("ghost", 5) != gn_hash_table("ghosu", 5));
}

static void equality_sees_a_difference_at_any_place(void **state)
{
    uint8_t a[33] = {0};
    uint8_t b[33] = {0};

    (void)state;
    assert_true(gn_hash_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 0x80;
        assert_false(gn_hash_equal(a, b, sizeof a));
        b[i] = 0;
    }
    assert_true(gn_hash_equal(a, b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blake2b_of_abc_is_that_of_rfc_7693_appendix_a),
        cmocka_unit_test(blake2b_256_of_nothing),
        cmocka_unit_test(the_self_test_of_rfc_7693_appendix_e_passes),
        cmocka_unit_test(siphash_gives_the_values_of_its_paper),
        cmocka_unit_test(the_table_hash_is_the_same_in_every_run),
        cmocka_unit_test(equality_sees_a_difference_at_any_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
