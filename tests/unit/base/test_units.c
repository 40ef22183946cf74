/* tests/unit/base/test_units.c - durations and sizes, as read and as shown. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/units.h"

static void durations_with_each_unit(void **state)
{
    static const struct {
        const char *text;
        gn_time_us value;
    } good[] = {
        {"0", 0},
        {"00", 0},
        {"0s", 0},
        {"7us", 7},
        {"500ms", GN_MS(500)},
        {"30s", GN_SECONDS(30)},
        {"10m", GN_MINUTES(10)},
        {"2h", GN_HOURS(2)},
        {"1d", GN_HOURS(24)},
        {"18446744073709551614us", UINT64_MAX - 1},
        {"213503982d", UINT64_C(213503982) * GN_HOURS(24)},
    };

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(good); i++) {
        gn_time_us v = 99;

        assert_int_equal(gn_units_parse_duration(&v, good[i].text, strlen(good[i].text)), GN_OK);
        assert_int_equal(v, good[i].value);
    }
}

static void wrong_durations_are_refused_and_leave_the_output_alone(void **state)
{
    static const char *const invalid[] = {"",
                                          "s",
                                          "5",
                                          "-1s",
                                          "+1s",
                                          "1 s",
                                          " 1s",
                                          "1s ",
                                          "1.5s",
                                          "1S",
                                          "1H",
                                          "1M",
                                          "1min",
                                          "1w",
                                          "1hm",
                                          "1s0",
                                          "0x",
                                          "1h30m",
                                          "99999999999999999999999",
                                          "99999999999999999999999x"};
    static const char *const limit[] = {"18446744073709551615us", "18446744073709551616us", "213503983d",
                                        "99999999999999999999999s"};
    gn_time_us v = 99;

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(invalid); i++) {
        assert_int_equal(gn_units_parse_duration(&v, invalid[i], strlen(invalid[i])), GN_E_INVALID);
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(limit); i++) {
        assert_int_equal(gn_units_parse_duration(&v, limit[i], strlen(limit[i])), GN_E_LIMIT);
    }
    assert_int_equal(v, 99);
    assert_int_equal(gn_units_parse_duration(&v, "30s", 2), GN_E_INVALID); /* the length counts, not the NUL */
}

static void sizes_with_each_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"1kB", 1000},
        {"1KB", 1000},
        {"10MB", 10000000},
        {"3GB", UINT64_C(3000000000)},
        {"2TB", UINT64_C(2000000000000)},
        {"64KiB", 65536},
        {"1MiB", 1048576},
        {"1GiB", 1073741824},
        {"1TiB", UINT64_C(1099511627776)},
        {"18446744073709551615", UINT64_MAX},
        {"16777215TiB", UINT64_C(16777215) << 40},
    };

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(good); i++) {
        uint64_t v = 99;

        assert_int_equal(gn_units_parse_size(&v, good[i].text, strlen(good[i].text)), GN_OK);
        assert_int_equal(v, good[i].value);
    }
}

static void wrong_sizes_are_refused(void **state)
{
    static const char *const invalid[] = {"",    "B",     "-1",   "1 B",  "1k",   "1K",
                                          "1M",  "1kib",  "1KIB", "1Kib", "1kiB", "1.5GiB",
                                          "1BB", "1 KiB", "0x10", "1mb",  "1PiB", "99999999999999999999999q"};
    static const char *const limit[] = {"18446744073709551616", "16777216TiB", "18446744073709551615kB",
                                        "99999999999999999999999MB"};
    uint64_t v = 99;

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(invalid); i++) {
        assert_int_equal(gn_units_parse_size(&v, invalid[i], strlen(invalid[i])), GN_E_INVALID);
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(limit); i++) {
        assert_int_equal(gn_units_parse_size(&v, limit[i], strlen(limit[i])), GN_E_LIMIT);
    }
    assert_int_equal(v, 99);
}

static void printed_values_parse_back_exactly(void **state)
{
    static const uint64_t steps[] = {1, 1000, 1024, 1000000, 60000000, UINT64_C(3600000000), 1048576};
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = (gn_rng_u64(&rng) >> gn_rng_below(&rng, 64)) * steps[gn_rng_below(&rng, 7)];
        uint64_t back;
        char text[GN_UNITS_TEXT_MAX];

        gn_units_print_size(text, v);
        assert_int_equal(gn_units_parse_size(&back, text, strlen(text)), GN_OK);
        assert_true(back == v);
        v = v == GN_TIME_NEVER ? 0 : v;
        gn_units_print_duration(text, v);
        assert_int_equal(gn_units_parse_duration(&back, text, strlen(text)), GN_OK);
        assert_true(back == v);
    }
}

static void values_print_in_the_largest_unit_that_divides(void **state)
{
    char text[GN_UNITS_TEXT_MAX];

    (void)state;
    gn_units_print_duration(text, 0);
    assert_string_equal(text, "0s");
    gn_units_print_duration(text, GN_SECONDS(90));
    assert_string_equal(text, "90s");
    gn_units_print_duration(text, GN_MINUTES(90));
    assert_string_equal(text, "90m");
    gn_units_print_duration(text, GN_HOURS(48));
    assert_string_equal(text, "2d");
    gn_units_print_duration(text, 1001);
    assert_string_equal(text, "1001us");
    gn_units_print_size(text, 0);
    assert_string_equal(text, "0B");
    gn_units_print_size(text, 65536);
    assert_string_equal(text, "64KiB");
    gn_units_print_size(text, 65537);
    assert_string_equal(text, "65537B");
    gn_units_print_size(text, UINT64_C(3) << 40);
    assert_string_equal(text, "3TiB");
}

static void shown(gn_time_us d, const char *expected)
{
    char text[GN_UNITS_TEXT_MAX];

    gn_units_show_duration(text, d);
    assert_string_equal(text, expected);
}

static void shown_size(uint64_t bytes, const char *expected)
{
    char text[GN_UNITS_TEXT_MAX];

    gn_units_show_size(text, bytes);
    assert_string_equal(text, expected);
}

static void people_see_rounded_values(void **state)
{
    (void)state;
    shown(0, "0 us");
    shown(412, "412 us");
    shown(1200, "1.2 ms");
    shown(1250000, "1.3 s");
    shown(9949999, "9.9 s");
    shown(9999999, "10 s");
    shown(12400000, "12 s");
    shown(12500000, "13 s");
    shown(GN_SECONDS(65), "1m 5s");
    shown(GN_MINUTES(192), "3h 12m");
    shown(GN_HOURS(49), "2d 1h");
    shown(GN_TIME_NEVER, "never");
    shown(GN_TIME_NEVER - 1, "213503982d 8h");
    shown_size(0, "0 B");
    shown_size(512, "512 B");
    shown_size(1536, "1.5 KiB");
    shown_size(UINT64_C(3) << 30, "3.0 GiB");
    shown_size(UINT64_C(700) << 20, "700 MiB");
    shown_size(UINT64_MAX, "16777216 TiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_with_each_unit),
        cmocka_unit_test(wrong_durations_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(sizes_with_each_unit),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(printed_values_parse_back_exactly),
        cmocka_unit_test(values_print_in_the_largest_unit_that_divides),
        cmocka_unit_test(people_see_rounded_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
