/* tests/unit/overlay/test_rtt.c - soft timeouts follow what was measured; addresses are voted on. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/observed.h"
#include "overlay/kad/rtt.h"

static void soft_timeout_follows_the_path(void **state)
{
    struct gn_rtt r = {0};

    (void)state;
    gn_rtt_sample(&r, GN_MS(100));
    assert_int_equal(r.srtt_us, 100000);
    assert_int_equal(r.rttvar_us, 50000);
    assert_int_equal(gn_rtt_soft(&r), GN_MS(300));
    for (unsigned i = 0; i < 100; i++) {
        gn_rtt_sample(&r, GN_MS(100));
    }
    assert_in_range(r.srtt_us, 99900, 100100);
    assert_true(gn_rtt_soft(&r) < GN_MS(105)); /* a steady path needs little patience */
    gn_rtt_sample(&r, GN_MS(300));
    assert_true(gn_rtt_soft(&r) > GN_MS(300));
}

static void soft_timeout_stays_within_its_limits(void **state)
{
    struct gn_rtt quick = {0};
    struct gn_rtt slow = {0};

    (void)state;
    gn_rtt_sample(&quick, 0);
    assert_int_equal(quick.srtt_us, 1);
    for (unsigned i = 0; i < 50; i++) {
        gn_rtt_sample(&quick, 3);
    }
    assert_true(quick.srtt_us >= 1);
    assert_int_equal(gn_rtt_soft(&quick), GN_RTT_SOFT_MIN_US);
    gn_rtt_sample(&slow, GN_TIME_NEVER);
    assert_int_equal(slow.srtt_us, GN_MINUTES(1));
    assert_int_equal(gn_rtt_soft(&slow), GN_RTT_SOFT_MAX_US);
}

static void first_contacts_use_the_ninety_fifth_percentile(void **state)
{
    struct gn_rtt_first f;

    (void)state;
    gn_rtt_first_init(&f);
    assert_int_equal(gn_rtt_first_soft(&f), GN_MS(350));
    for (unsigned i = 0; i < 7; i++) {
        gn_rtt_first_sample(&f, GN_MS(500));
    }
    assert_int_equal(gn_rtt_first_soft(&f), GN_MS(350)); /* seven are too few to tell */
    gn_rtt_first_sample(&f, GN_MS(500));
    assert_in_range(gn_rtt_first_soft(&f), GN_MS(499), GN_MS(501));
    for (unsigned i = 0; i < 31; i++) {
        gn_rtt_first_sample(&f, GN_MS(200));
    }
    gn_rtt_first_sample(&f, GN_MS(900)); /* one outlier of 32 */
    assert_in_range(gn_rtt_first_soft(&f), GN_MS(199), GN_MS(201));
    for (unsigned i = 0; i < 40; i++) {
        gn_rtt_first_sample(&f, 10);
    }
    assert_int_equal(gn_rtt_first_soft(&f), GN_RTT_FIRST_MIN_US);
    for (unsigned i = 0; i < 40; i++) {
        gn_rtt_first_sample(&f, GN_SECONDS(60));
    }
    assert_int_equal(gn_rtt_first_soft(&f), GN_RTT_FIRST_MAX_US);
}

static struct gn_addr address(uint8_t n)
{
    return (struct gn_addr){.family = GN_ADDR_V4, .ip = {20, 0, 0, n}, .port = 1000};
}

static void our_address_needs_three_equal_votes_and_a_majority(void **state)
{
    struct gn_observed o;
    struct gn_addr a = address(1);
    struct gn_addr lie = address(66);
    struct gn_addr none = {0};

    (void)state;
    gn_observed_init(&o, 5);
    gn_observed_vote(&o, 1, &a, 10);
    gn_observed_vote(&o, 1, &a, 11); /* the same voter has one voice */
    gn_observed_vote(&o, 2, &a, 12);
    assert_int_equal(o.majority.family, GN_ADDR_NONE);
    gn_observed_vote(&o, 3, &none, 13); /* cannot be ours */
    gn_observed_vote(&o, 3, &a, 14);
    assert_true(gn_addr_eq(&o.majority, &a));
    assert_int_equal(o.since, 14);
    for (uint64_t liar = 10; liar < 13; liar++) {
        gn_observed_vote(&o, liar, &lie, 20);
    }
    assert_true(gn_addr_eq(&o.majority, &a)); /* three against three is no majority */
    assert_int_equal(o.since, 14);
    for (uint64_t voter = 20; voter < 28; voter++) {
        gn_observed_vote(&o, voter, &lie, 30);
    }
    assert_true(gn_addr_eq(&o.majority, &lie)); /* the address has changed */
    assert_true(o.since > 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_timeout_follows_the_path),
        cmocka_unit_test(soft_timeout_stays_within_its_limits),
        cmocka_unit_test(first_contacts_use_the_ninety_fifth_percentile),
        cmocka_unit_test(our_address_needs_three_equal_votes_and_a_majority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
