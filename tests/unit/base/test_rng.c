/* tests/unit/base/test_rng.c - the random numbers: published keystream, repeatability, uniformity. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/hex.h"
#include "base/rng.h"

/* RFC 8439 appendix A.1, vectors 1 and 2: zero key, zero nonce, blocks 0 and 1. */
static const char zero_blocks[] = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                                  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
                                  "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
                                  "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";

static void the_stream_is_that_of_rfc_8439(void **state)
{
    uint8_t seed[32] = {0};
    uint8_t out[128];
    char text[257];
    struct gn_rng r;

    (void)state;
    gn_rng_init(&r, seed);
    gn_rng_bytes(&r, out, sizeof out);
    gn_hex_encode(text, sizeof text, out, sizeof out);
    assert_string_equal(text, zero_blocks);

    seed[31] = 1; /* vector 3: block 1 under this key */
    gn_rng_init(&r, seed);
    gn_rng_bytes(&r, out, sizeof out);
    gn_hex_encode(text, sizeof text, out + 64, 64);
    assert_string_equal(text, "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
                              "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0");
}

static void the_stream_does_not_depend_on_how_it_is_cut(void **state)
{
    struct gn_rng whole;
    uint8_t expected[1000];

    (void)state;
    gn_rng_init_test(&whole, 7, 7);
    gn_rng_bytes(&whole, expected, sizeof expected);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct gn_rng cuts;
        struct gn_rng r;
        uint8_t out[1000];
        size_t at = 0;

        gn_rng_init_test(&cuts, seed, 8);
        gn_rng_init_test(&r, 7, 7);
        while (at < sizeof out) {
            size_t n = (size_t)gn_rng_below(&cuts, 200);

            n = n < sizeof out - at ? n : sizeof out - at;
            gn_rng_bytes(&r, out + at, n);
            at += n;
        }
        assert_memory_equal(out, expected, sizeof out);
    }
}

static void a_seed_gives_the_same_numbers_on_every_machine(void **state)
{
    struct gn_rng r;
    uint8_t seed[32] = {0};

    (void)state;
    gn_rng_init(&r, seed);
    assert_int_equal(gn_rng_u32(&r), 0xade0b876);
    assert_true(gn_rng_u64(&r) == UINT64_C(0xe56a5d40903df1a0));
}

static void seeds_and_streams_differ(void **state)
{
    struct gn_rng a;
    struct gn_rng b;
    struct gn_rng c;
    uint64_t first;

    (void)state;
    gn_rng_init_test(&a, 1, 0);
    gn_rng_init_test(&b, 0, 1);
    gn_rng_init_test(&c, UINT64_C(1) << 56, 0);
    first = gn_rng_u64(&a);
    assert_true(first != gn_rng_u64(&b));
    assert_true(first != gn_rng_u64(&c));
    gn_rng_init_test(&b, 1, 0);
    assert_true(first == gn_rng_u64(&b));
}

/* Chi-square with 9 degrees of freedom stays under 33.7 with probability 0.9999; the seed is fixed, so no flake. */
static void numbers_below_a_bound_are_uniform(void **state)
{
    struct gn_rng r;
    uint64_t count[10] = {0};
    double chi = 0;

    (void)state;
    gn_rng_init_test(&r, 3, 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t v = gn_rng_below(&r, 10);

        assert_true(v < 10);
        count[v]++;
    }
    for (int i = 0; i < 10; i++) {
        double d = (double)count[i] - 10000.0;

        chi += d * d / 10000.0;
    }
    assert_true(chi < 33.7);
}

/* With a modulo this bound would give the lower half of its range twice as often. */
static void a_bound_that_does_not_divide_has_no_bias(void **state)
{
    const uint64_t bound = UINT64_C(3) << 62;
    struct gn_rng r;
    int low = 0;

    (void)state;
    gn_rng_init_test(&r, 4, 0);
    for (int i = 0; i < 30000; i++) {
        uint64_t v = gn_rng_below(&r, bound);

        assert_true(v < bound);
        low += v < (UINT64_C(1) << 62);
    }
    assert_in_range(low, 9500, 10500);
    assert_int_equal(gn_rng_below(&r, 1), 0);
}

static void jitter_stays_within_its_percentage_and_reaches_both_ends(void **state)
{
    struct gn_rng r;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    (void)state;
    gn_rng_init_test(&r, 5, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = gn_rng_jitter(&r, 1000, 10);

        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    assert_int_equal(least, 900);
    assert_int_equal(most, 1100);
    assert_int_equal(gn_rng_jitter(&r, 1000, 0), 1000);
    assert_int_equal(gn_rng_jitter(&r, 0, 100), 0);
    assert_int_equal(gn_rng_jitter(&r, 7, 10), 7);
}

static void jitter_of_huge_values_saturates(void **state)
{
    struct gn_rng r;

    (void)state;
    gn_rng_init_test(&r, 6, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(gn_rng_jitter(&r, UINT64_MAX, 50) >= UINT64_MAX / 2U);
        assert_true(gn_rng_jitter(&r, UINT64_MAX, 100) >= 1);
    }
}

static void a_wiped_generator_holds_nothing_of_its_seed(void **state)
{
    struct gn_rng r;
    static const uint8_t zero[32] = {0};

    (void)state;
    gn_rng_init_test(&r, 7, 0);
    (void)gn_rng_u64(&r);
    gn_rng_wipe(&r);
    assert_memory_equal(r.seed, zero, sizeof zero);
    assert_memory_equal(r.buf, zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_that_of_rfc_8439),
        cmocka_unit_test(the_stream_does_not_depend_on_how_it_is_cut),
        cmocka_unit_test(a_seed_gives_the_same_numbers_on_every_machine),
        cmocka_unit_test(seeds_and_streams_differ),
        cmocka_unit_test(numbers_below_a_bound_are_uniform),
        cmocka_unit_test(a_bound_that_does_not_divide_has_no_bias),
        cmocka_unit_test(jitter_stays_within_its_percentage_and_reaches_both_ends),
        cmocka_unit_test(jitter_of_huge_values_saturates),
        cmocka_unit_test(a_wiped_generator_holds_nothing_of_its_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
