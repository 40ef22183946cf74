/* tests/unit/sim/test_oracle.c - the truth about who is nearest, and the map of cities, against slow ways to know. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/rng.h"
#include "sim/oracle.h"
#include "sim/world/cities.h"

#define NODES 300U

static void nearest(uint32_t *out, size_t cap, const struct gn_id *ids, const bool *in, const struct gn_id *target)
{
    size_t len = 0;

    for (uint32_t i = 0; i < NODES; i++) {
        size_t at = len;
        if (!in[i]) {
            continue;
        }
        while (at > 0 && gn_id_closer(target, &ids[i], &ids[out[at - 1U]]) < 0) {
            at--;
        }
        if (at < cap) {
            len = len < cap ? len + 1U : cap;
            memmove(&out[at + 1U], &out[at], (len - at - 1U) * sizeof *out);
            out[at] = i;
        }
    }
}

static void the_nearest_are_those_that_a_linear_search_finds(void **state)
{
    struct gn_id ids[NODES], target;
    bool in[NODES] = {false};
    struct gn_oracle o;
    struct gn_rng r;
    size_t len = 0;

    (void)state;
    gn_rng_init_test(&r, 4, 4);
    gn_oracle_init(&o, gn_alloc_default());
    gn_rng_bytes(&r, ids, sizeof ids);
    for (unsigned round = 0; round < 3000; round++) {
        uint32_t got[17], want[18], i = (uint32_t)gn_rng_below(&r, NODES);
        size_t cap = 1U + gn_rng_below(&r, 16);
        if (in[i]) {
            gn_oracle_remove(&o, &ids[i]);
            len--;
        } else {
            assert_int_equal(gn_oracle_add(&o, &ids[i], i), GN_OK);
            len++;
        }
        in[i] = !in[i];
        gn_rng_bytes(&r, target.b, sizeof target.b);
        if (round % 7U == 0) {
            target = ids[i];
        }
        size_t n = gn_oracle_nearest(&o, got, cap, &target);
        assert_int_equal(n, len < cap ? len : cap);
        nearest(want, cap, ids, in, &target);
        assert_memory_equal(got, want, n * sizeof *got);
    }
    gn_oracle_remove(&o, &target); /* not there: nothing happens */
    assert_int_equal(o.len, len);
    gn_oracle_fini(&o);
}

static void the_map_is_symmetric_and_has_the_measured_times(void **state)
{
    gn_time_us most = 0;

    (void)state;
    for (uint32_t a = 0; a < GN_CITIES; a++) {
        assert_int_equal(gn_cities_rtt(a, a), 0);
        for (uint32_t b = 0; b < a; b++) {
            assert_int_equal(gn_cities_rtt(a, b), gn_cities_rtt(b, a));
            most = gn_cities_rtt(a, b) > most ? gn_cities_rtt(a, b) : most;
        }
    }
    assert_in_range(most, 494000, 494500);
    assert_in_range(gn_cities_rtt(0, 1), 218530, 218655); /* Melbourne, Toronto: 218.592 ms */
    assert_in_range(gn_cities_rtt(3, 2), 22998, 23124);   /* Paris, Prague: 23.061 ms */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_are_those_that_a_linear_search_finds),
        cmocka_unit_test(the_map_is_symmetric_and_has_the_measured_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
