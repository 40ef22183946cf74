/* tests/unit/base/test_time.c - arithmetic that cannot wrap, and RFC 3339 stamps. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "base/stamp.h"
#include "base/time.h"

static void sums_and_differences_saturate(void **state)
{
    (void)state;
    assert_int_equal(gn_time_add(1, 2), 3);
    assert_int_equal(gn_time_add(GN_TIME_NEVER, 1), GN_TIME_NEVER);
    assert_int_equal(gn_time_add(5, GN_TIME_NEVER), GN_TIME_NEVER);
    assert_int_equal(gn_time_add(GN_TIME_NEVER - 1, 1), GN_TIME_NEVER);
    assert_int_equal(gn_time_add(GN_TIME_NEVER - 1, 2), GN_TIME_NEVER);
    assert_int_equal(gn_time_sub(5, 3), 2);
    assert_int_equal(gn_time_sub(3, 5), 0);
    assert_int_equal(gn_time_sub(GN_TIME_NEVER, 5), GN_TIME_NEVER);
    assert_int_equal(gn_time_min(3, 5), 3);
    assert_int_equal(gn_time_min(5, 3), 3);
    assert_int_equal(gn_time_max(3, 5), 5);
    assert_int_equal(gn_time_max(5, 3), 5);
}

static void units_multiply_up(void **state)
{
    (void)state;
    assert_int_equal(GN_MS(3), 3000);
    assert_int_equal(GN_SECONDS(3), 3000000);
    assert_int_equal(GN_MINUTES(3), 180000000);
    assert_int_equal(GN_HOURS(300), UINT64_C(1080000000000));
}

static void check_stamp(uint64_t ms, const char *expected)
{
    char out[GN_STAMP_MAX];

    gn_stamp_print_ms(out, ms);
    assert_string_equal(out, expected);
}

static void stamps_of_known_moments(void **state)
{
    char out[GN_STAMP_MAX];

    (void)state;
    check_stamp(0, "1970-01-01T00:00:00.000Z");
    check_stamp(UINT64_C(951782399999), "2000-02-28T23:59:59.999Z");
    check_stamp(UINT64_C(951782400000), "2000-02-29T00:00:00.000Z");
    check_stamp(UINT64_C(4107542400000), "2100-03-01T00:00:00.000Z");
    check_stamp(UINT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
    check_stamp(UINT64_C(253402300800000), "9999-12-31T23:59:59.999Z");
    check_stamp(UINT64_MAX, "9999-12-31T23:59:59.999Z");
    gn_stamp_print(out, 86399);
    assert_string_equal(out, "1970-01-01T23:59:59Z");
    gn_stamp_print(out, UINT64_MAX);
    assert_string_equal(out, "9999-12-31T23:59:59Z");
}

static void stamps_agree_with_the_c_library(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t wall = gn_rng_below(&rng, UINT64_C(253402300800));
        time_t t = (time_t)wall;
        char expected[64];
        char out[GN_STAMP_MAX];
        struct tm tm;

        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        gn_stamp_print(out, wall);
        assert_string_equal(out, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_differences_saturate),
        cmocka_unit_test(units_multiply_up),
        cmocka_unit_test(stamps_of_known_moments),
        cmocka_unit_test(stamps_agree_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
