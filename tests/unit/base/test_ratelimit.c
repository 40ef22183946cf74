/* tests/unit/base/test_ratelimit.c - token buckets, the table of them, and backoff. */
#include "tests/support/gn_cmocka.h"

#include "base/backoff.h"
#include "base/ratelimit.h"
#include "base/rng.h"
#include "tests/support/failing_alloc.h"

static void a_full_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, 10, 5, GN_SECONDS(1));
    for (int i = 0; i < 5; i++) {
        assert_true(gn_ratelimit_take(&r, 1, GN_SECONDS(1)));
    }
    assert_false(gn_ratelimit_take(&r, 1, GN_SECONDS(1)));
    assert_false(gn_ratelimit_take(&r, 1, GN_SECONDS(1) + GN_MS(100) - 1));
    assert_true(gn_ratelimit_take(&r, 1, GN_SECONDS(1) + GN_MS(100)));
    assert_false(gn_ratelimit_take(&r, 1, GN_SECONDS(1) + GN_MS(100)));
}

static void a_refused_taking_costs_nothing(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, 1, 10, 0);
    assert_false(gn_ratelimit_take(&r, 11, 0));
    assert_int_equal(gn_ratelimit_level(&r, 0), 10);
    assert_true(gn_ratelimit_take(&r, 4, 0));
    assert_false(gn_ratelimit_take(&r, 7, 0));
    assert_int_equal(gn_ratelimit_level(&r, 0), 6);
    assert_true(gn_ratelimit_take(&r, 0, 0));
}

static void it_never_holds_more_than_its_burst(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, 1000, 3, 0);
    assert_true(gn_ratelimit_take(&r, 3, 0));
    assert_int_equal(gn_ratelimit_level(&r, GN_HOURS(1000)), 3);
    assert_int_equal(gn_ratelimit_level(&r, GN_TIME_NEVER), 3);
}

static void time_that_goes_back_neither_gives_nor_takes(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, 1, 2, GN_SECONDS(100));
    assert_true(gn_ratelimit_take(&r, 2, GN_SECONDS(100)));
    assert_int_equal(gn_ratelimit_level(&r, 0), 0);
    assert_int_equal(gn_ratelimit_level(&r, GN_SECONDS(100)), 0);
    assert_int_equal(gn_ratelimit_level(&r, GN_SECONDS(101)), 1);
}

static void without_rate_or_burst_it_gives_what_it_has(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, 0, 2, 0);
    assert_true(gn_ratelimit_take(&r, 2, 0));
    assert_false(gn_ratelimit_take(&r, 1, GN_HOURS(1)));
    assert_true(gn_ratelimit_ready(&r, 1, 0) == GN_TIME_NEVER);
    gn_ratelimit_init(&r, 5, 0, 0);
    assert_false(gn_ratelimit_take(&r, 1, GN_HOURS(1)));
    assert_true(gn_ratelimit_ready(&r, 1, 0) == GN_TIME_NEVER);
}

static void ready_is_the_first_moment_at_which_taking_works(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 5000; i++) {
        uint64_t burst = 1 + gn_rng_below(&rng, 100);
        uint64_t rate = 1 + (gn_rng_u64(&rng) >> gn_rng_below(&rng, 64));
        uint64_t tokens = 1 + gn_rng_below(&rng, burst);
        gn_time_us now = gn_rng_below(&rng, GN_HOURS(1));
        gn_time_us ready;
        struct gn_ratelimit r;
        struct gn_ratelimit early;

        gn_ratelimit_init(&r, rate, burst, now);
        assert_true(gn_ratelimit_take(&r, gn_rng_below(&rng, burst + 1), now));
        now += gn_rng_below(&rng, 1000);
        ready = gn_ratelimit_ready(&r, tokens, now);
        assert_true(ready >= now && ready != GN_TIME_NEVER);
        early = r;
        assert_true(ready == now || !gn_ratelimit_take(&early, tokens, ready - 1));
        assert_true(gn_ratelimit_take(&r, tokens, ready));
    }
}

/* However the calls are spread, no window gives more than burst + rate * time; and a greedy taker gets all of it. */
static void a_greedy_taker_gets_exactly_the_rate(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 2, 0);
    for (int round = 0; round < 20; round++) {
        uint64_t rate = 1 + gn_rng_below(&rng, 5000);
        uint64_t taken = 0;
        gn_time_us now = 0;
        struct gn_ratelimit r;

        gn_ratelimit_init(&r, rate, 50, 0);
        while (now < GN_SECONDS(10)) {
            now += gn_rng_below(&rng, 9000);
            while (gn_ratelimit_take(&r, 1, now)) {
                taken++;
            }
            assert_true(taken <= 50 + now * rate / 1000000U);
        }
        assert_true(taken + 1 >= now * rate / 1000000U);
    }
}

static void huge_rates_and_bursts_do_not_overflow(void **state)
{
    struct gn_ratelimit r;

    (void)state;
    gn_ratelimit_init(&r, UINT64_MAX, UINT64_MAX, 0);
    assert_true(gn_ratelimit_take(&r, GN_RATELIMIT_MAX, 0));
    assert_false(gn_ratelimit_take(&r, UINT64_MAX, 0));
    assert_false(gn_ratelimit_take(&r, 1, 0));
    assert_int_equal(gn_ratelimit_level(&r, GN_MS(500)), GN_RATELIMIT_MAX / 2);
    assert_int_equal(gn_ratelimit_level(&r, GN_HOURS(9)), GN_RATELIMIT_MAX);
    gn_ratelimit_init(&r, 1, GN_RATELIMIT_MAX, GN_TIME_NEVER - 5);
    assert_true(gn_ratelimit_take(&r, GN_RATELIMIT_MAX, GN_TIME_NEVER - 5));
    assert_true(gn_ratelimit_ready(&r, GN_RATELIMIT_MAX, GN_TIME_NEVER - 5) == GN_TIME_NEVER);
}

static void each_group_has_its_own_bucket(void **state)
{
    struct gn_ratelimit_table t;

    (void)state;
    gn_ratelimit_table_init(&t, gn_alloc_default(), 1, 2, 100);
    for (uint64_t group = 0; group < 10; group++) {
        assert_true(gn_ratelimit_table_take(&t, group, 1, 0));
        assert_true(gn_ratelimit_table_take(&t, group, 1, 0));
        assert_false(gn_ratelimit_table_take(&t, group, 1, 0));
    }
    assert_int_equal(gn_ratelimit_table_len(&t), 10);
    assert_true(gn_ratelimit_table_take(&t, 3, 1, GN_SECONDS(1)));
    assert_false(gn_ratelimit_table_take(&t, 3, 1, GN_SECONDS(1)));
    gn_ratelimit_table_fini(&t);
}

static void a_full_table_forgets_the_group_unused_for_longest(void **state)
{
    struct gn_ratelimit_table t;

    (void)state;
    gn_ratelimit_table_init(&t, gn_alloc_default(), 0, 1, 3);
    assert_true(gn_ratelimit_table_take(&t, 1, 1, 0));
    assert_true(gn_ratelimit_table_take(&t, 2, 1, 0));
    assert_true(gn_ratelimit_table_take(&t, 3, 1, 0));
    assert_false(gn_ratelimit_table_take(&t, 1, 1, 0)); /* a refusal is a use too: 2 is the oldest now */
    assert_true(gn_ratelimit_table_take(&t, 4, 1, 0));
    assert_int_equal(gn_ratelimit_table_len(&t), 3);
    assert_false(gn_ratelimit_table_take(&t, 1, 1, 0));
    assert_false(gn_ratelimit_table_take(&t, 3, 1, 0));
    assert_false(gn_ratelimit_table_take(&t, 4, 1, 0));
    assert_true(gn_ratelimit_table_take(&t, 2, 1, 0)); /* forgotten, so it begins anew */
    gn_ratelimit_table_fini(&t);
    assert_true(gn_ratelimit_table_take(&t, 1, 1, 0)); /* usable again */
    gn_ratelimit_table_fini(&t);
}

static void groups_that_fell_silent_are_forgotten(void **state)
{
    struct gn_ratelimit_table t;

    (void)state;
    gn_ratelimit_table_init(&t, gn_alloc_default(), 1, 2, 1000);
    for (uint64_t group = 0; group < 500; group++) {
        assert_true(gn_ratelimit_table_take(&t, group, 1, 0));
    }
    assert_int_equal(gn_ratelimit_table_len(&t), 500);
    /* before a second has passed no bucket is full again: nobody may be forgotten */
    assert_true(gn_ratelimit_table_take(&t, 1000, 2, GN_SECONDS(1) - 1));
    assert_int_equal(gn_ratelimit_table_len(&t), 501);
    for (uint64_t group = 2000; group < 2250; group++) {
        assert_true(gn_ratelimit_table_take(&t, group, 1, GN_SECONDS(1)));
    }
    assert_int_equal(gn_ratelimit_table_len(&t), 251);
    assert_false(gn_ratelimit_table_take(&t, 1000, 1, GN_SECONDS(1) + 500)); /* still empty, so still known */
    gn_ratelimit_table_fini(&t);
}

static void a_flood_of_groups_stays_within_the_limit(void **state)
{
    struct gn_failing_alloc fa;
    struct gn_ratelimit_table t;
    uint64_t calls;

    (void)state;
    gn_failing_alloc_init(&fa, 0);
    gn_ratelimit_table_init(&t, &fa.alloc, 1, 1, 200);
    for (uint64_t group = 0; group < 200; group++) {
        assert_true(gn_ratelimit_table_take(&t, group, 1, group));
    }
    calls = fa.calls;
    for (uint64_t group = 200; group < 50000; group++) {
        assert_true(gn_ratelimit_table_take(&t, group, 1, group));
    }
    assert_int_equal(gn_ratelimit_table_len(&t), 200);
    assert_int_equal(fa.calls, calls); /* the steady state allocates nothing */
    gn_ratelimit_table_fini(&t);
    assert_int_equal(fa.live, 0);
}

static void without_memory_a_new_group_is_refused(void **state)
{
    uint64_t rounds = 0;

    (void)state;
    for (uint64_t n = 1;; n++, rounds++) {
        struct gn_failing_alloc fa;
        struct gn_ratelimit_table t;
        uint64_t refused = 0;

        gn_failing_alloc_init(&fa, n);
        gn_ratelimit_table_init(&t, &fa.alloc, 1, 1, 100);
        for (uint64_t group = 0; group < 100; group++) {
            refused += !gn_ratelimit_table_take(&t, group, 1, 0);
        }
        assert_int_equal(refused, fa.failed);
        assert_int_equal(gn_ratelimit_table_len(&t), 100 - refused);
        gn_ratelimit_table_fini(&t);
        assert_int_equal(fa.live, 0);
        if (!fa.failed) {
            break;
        }
    }
    assert_true(rounds >= 5);
}

static void the_ceiling_doubles_to_the_cap_and_a_reset_begins_anew(void **state)
{
    struct gn_backoff b;
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 3, 0);
    gn_backoff_init(&b, GN_SECONDS(1), GN_SECONDS(60));
    for (int i = 0; i < 100; i++) {
        gn_time_us ceiling = i < 6 ? GN_SECONDS(1) << i : GN_SECONDS(60);
        gn_time_us delay;

        assert_int_equal(gn_backoff_ceiling(&b), ceiling);
        delay = gn_backoff_next(&b, &rng);
        assert_true(delay >= 1 && delay <= ceiling);
    }
    gn_backoff_reset(&b);
    assert_int_equal(gn_backoff_ceiling(&b), GN_SECONDS(1));
}

static void delays_fill_the_whole_range(void **state)
{
    struct gn_backoff b;
    struct gn_rng rng;
    uint64_t count[10] = {0};

    (void)state;
    gn_rng_init_test(&rng, 4, 0);
    for (int i = 0; i < 10000; i++) {
        gn_backoff_init(&b, 1000, 1000);
        count[(gn_backoff_next(&b, &rng) - 1) / 100]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(count[i], 850, 1150);
    }
}

static void huge_backoffs_stop_at_the_cap(void **state)
{
    struct gn_backoff b;
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 5, 0);
    gn_backoff_init(&b, 3, GN_TIME_NEVER);
    for (int i = 0; i < 200; i++) {
        assert_true(gn_backoff_next(&b, &rng) >= 1);
    }
    assert_true(gn_backoff_ceiling(&b) == GN_TIME_NEVER);
    b.tries = UINT32_MAX;
    assert_true(gn_backoff_next(&b, &rng) >= 1);
    assert_int_equal(b.tries, UINT32_MAX);
    gn_backoff_init(&b, 100, 10); /* a cap below the first ceiling */
    assert_int_equal(gn_backoff_ceiling(&b), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(a_refused_taking_costs_nothing),
        cmocka_unit_test(it_never_holds_more_than_its_burst),
        cmocka_unit_test(time_that_goes_back_neither_gives_nor_takes),
        cmocka_unit_test(without_rate_or_burst_it_gives_what_it_has),
        cmocka_unit_test(ready_is_the_first_moment_at_which_taking_works),
        cmocka_unit_test(a_greedy_taker_gets_exactly_the_rate),
        cmocka_unit_test(huge_rates_and_bursts_do_not_overflow),
        cmocka_unit_test(each_group_has_its_own_bucket),
        cmocka_unit_test(a_full_table_forgets_the_group_unused_for_longest),
        cmocka_unit_test(groups_that_fell_silent_are_forgotten),
        cmocka_unit_test(a_flood_of_groups_stays_within_the_limit),
        cmocka_unit_test(without_memory_a_new_group_is_refused),
        cmocka_unit_test(the_ceiling_doubles_to_the_cap_and_a_reset_begins_anew),
        cmocka_unit_test(delays_fill_the_whole_range),
        cmocka_unit_test(huge_backoffs_stop_at_the_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
