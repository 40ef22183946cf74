/* tests/unit/sim/test_draw.c - counted random numbers: the same everywhere, independent, of the right distribution. */
#include "tests/support/gn_cmocka.h"

#include <stdbool.h>

#include "sim/engine/draw.h"

#define N 100000U

static void draws_are_the_same_on_every_machine(void **state)
{
    (void)state;
    assert_int_equal(gn_draw(1, 2, GN_DRAW_LOSS, 3), UINT64_C(0x79731d53973e5aa2));
    assert_int_equal(gn_draw(0, 0, GN_DRAW_IDENTITY, 0), UINT64_C(0x591d183bea914c5f));
    assert_int_equal(gn_draw_exponential(gn_draw(1, 2, GN_DRAW_CHURN, 3), GN_HOURS(1)), UINT64_C(1410541534));
}

static void another_purpose_node_seed_or_counter_gives_another_draw(void **state)
{
    uint64_t x = gn_draw(1, 2, GN_DRAW_LOSS, 3);

    (void)state;
    assert_int_not_equal(x, gn_draw(2, 2, GN_DRAW_LOSS, 3));
    assert_int_not_equal(x, gn_draw(1, 3, GN_DRAW_LOSS, 3));
    assert_int_not_equal(x, gn_draw(1, 2, GN_DRAW_LATENCY, 3));
    assert_int_not_equal(x, gn_draw(1, 2, GN_DRAW_LOSS, 4));
}

static void below_is_uniform_and_below(void **state)
{
    unsigned counts[10] = {0};

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        uint32_t x = gn_draw_below(gn_draw(7, 0, GN_DRAW_WORKLOAD, i), 10);
        assert_true(x < 10);
        counts[x]++;
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(counts[i], N / 10 - 400, N / 10 + 400); /* four standard deviations */
    }
    assert_int_equal(gn_draw_below(UINT64_MAX, 1), 0);
    assert_int_equal(gn_draw_below(UINT64_MAX, UINT32_MAX), UINT32_MAX - 1U);
}

static void hits_come_as_often_as_asked(void **state)
{
    unsigned hits = 0;

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t draw = gn_draw(9, 1, GN_DRAW_LOSS, i);
        hits += gn_draw_hit(draw, 10000);
        assert_false(gn_draw_hit(draw, 0));
        assert_true(gn_draw_hit(draw, 1000000));
    }
    assert_in_range(hits, 880, 1120);
}

static void exponential_times_have_their_mean_and_median(void **state)
{
    gn_time_us mean = GN_SECONDS(1000), sum = 0;
    unsigned below_median = 0;

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        gn_time_us t = gn_draw_exponential(gn_draw(3, 1, GN_DRAW_CHURN, i), mean);
        sum += t;
        below_median += t < mean * 693147U / 1000000U;
    }
    assert_in_range(sum / N, mean - mean / 80U, mean + mean / 80U);
    assert_in_range(below_median, N / 2 - 640, N / 2 + 640);
}

static void exponential_times_at_the_ends_of_the_range(void **state)
{
    (void)state;
    assert_true(gn_draw_exponential(UINT64_MAX, GN_HOURS(1)) < GN_MS(10));
    assert_in_range(gn_draw_exponential(0, GN_SECONDS(1)), GN_MS(44300), GN_MS(44400)); /* 64 ln 2 */
    assert_in_range(gn_draw_exponential(UINT64_C(1) << 63U, GN_SECONDS(1)), 693146, 693148);
    assert_int_equal(gn_draw_exponential(5, 0), 0);
    assert_true(gn_draw_exponential(0, GN_HOURS(24 * 30)) > GN_HOURS(24 * 30 * 44));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_the_same_on_every_machine),
        cmocka_unit_test(another_purpose_node_seed_or_counter_gives_another_draw),
        cmocka_unit_test(below_is_uniform_and_below),
        cmocka_unit_test(hits_come_as_often_as_asked),
        cmocka_unit_test(exponential_times_have_their_mean_and_median),
        cmocka_unit_test(exponential_times_at_the_ends_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
