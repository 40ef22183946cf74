/* tests/sim/test_scenarios.c - every scenario with fixed seeds: no invariant is violated, and a run can be repeated. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "sim/sim.h"

static void run(struct gn_sim_report *out, const char *name, uint32_t nodes, uint64_t seed, gn_time_us duration)
{
    struct gn_sim_options o = {.scenario = gn_scenario_find(name), .nodes = nodes, .seed = seed, .duration = duration};
    struct gn_sim *s = NULL;

    assert_non_null(o.scenario);
    assert_int_equal(gn_sim_new(&s, &o), GN_OK);
    while (!gn_sim_is_over(s)) {
        assert_int_equal(gn_sim_run(s, gn_sim_now(s) + GN_SECONDS(7)), GN_OK);
    }
    gn_sim_report(s, out);
    for (size_t i = 0; i < out->failures_len; i++) {
        print_message("%s, seed %u: %s at %u ms: %s\n", name, (unsigned)seed, out->failures[i].invariant,
                      (unsigned)(out->failures[i].at / 1000U), out->failures[i].text);
    }
    gn_sim_free(s);
}

static void the_same_seed_gives_the_same_run_however_it_is_cut(void **state)
{
    struct gn_sim_options o = {
        .scenario = gn_scenario_find("churn"), .nodes = 40, .seed = 5, .duration = GN_MINUTES(4)};
    struct gn_sim_report a, b, c;
    struct gn_sim *s = NULL;

    (void)state;
    run(&a, "churn", 40, 5, GN_MINUTES(4));
    assert_int_equal(gn_sim_new(&s, &o), GN_OK);
    assert_int_equal(gn_sim_run(s, GN_HOURS(100)), GN_OK); /* in one piece */
    gn_sim_report(s, &b);
    gn_sim_free(s);
    assert_int_equal(a.trace_hash, b.trace_hash);
    assert_int_equal(a.events, b.events);
    assert_int_equal(a.bytes_per_node, b.bytes_per_node);
    assert_int_equal(a.lookups_started, b.lookups_started);
    assert_true(a.events > 10000);
    run(&c, "churn", 40, 6, GN_MINUTES(4));
    assert_int_not_equal(a.trace_hash, c.trace_hash);
}

static void calm_lookups_find_the_closest_nodes(void **state)
{
    struct gn_sim_report r;

    (void)state;
    run(&r, "lookup", 200, 1, GN_MINUTES(10));
    assert_int_equal(r.violated, 0);
    assert_true(r.checked > 5000);
    assert_true(r.lookups_judged > 200);
    assert_int_equal(r.lookups_judged, r.lookups_started);
    assert_int_equal(r.lookups_succeeded, r.lookups_judged);
    assert_true(r.lookups_exact * 1000U >= r.lookups_judged * 995U);
    assert_true(r.p50_us > GN_MS(50) && r.p50_us < GN_MS(1500) && r.p50_us <= r.p95_us);
    assert_true(r.mean_hops_milli >= 1000 && r.mean_hops_milli < 3000);
    assert_int_equal(r.lost + r.duplicated + r.corrupted + r.refused + r.cut + r.stops, 0);
    assert_int_equal(r.nodes_up, 200);
}

static void lookups_survive_churn_and_a_bad_network(void **state)
{
    struct gn_sim_report r;

    (void)state;
    run(&r, "churn", 100, 2, GN_MINUTES(20));
    assert_int_equal(r.violated, 0);
    assert_true(r.stops > 10 && r.starts > r.nodes && r.lost > 0 && r.duplicated > 0);
    assert_true(r.corrupted > 0 && r.refused > 0 && r.refused <= r.corrupted);
    assert_true(r.lookups_judged > 100 && r.lookups_succeeded * 100U >= r.lookups_judged * 99U);
    run(&r, "bamboo", 60, 3, GN_MINUTES(6));
    assert_int_equal(r.violated, 0);
    assert_true(r.stops > 100);
    assert_true(r.lookups_succeeded * 100U >= r.lookups_judged * 98U);
}

static void acknowledged_values_survive_a_crash_of_thirty_percent(void **state)
{
    struct gn_sim_report r;

    (void)state;
    run(&r, "kv", 120, 4, GN_MINUTES(8));
    assert_int_equal(r.violated, 0);
    assert_true(r.stops > 20 && r.stops < 60);
    assert_true(r.values_acknowledged > 40);
    assert_int_equal(r.values_lost, 0);
    assert_true(r.gets_succeeded >= r.values_acknowledged); /* each was read at the end */
}

static void the_network_is_whole_again_after_a_crash_and_after_a_partition(void **state)
{
    struct gn_sim_report r;

    (void)state;
    run(&r, "crash", 100, 5, GN_MINUTES(24));
    assert_int_equal(r.violated, 0);
    assert_true(r.stops > 30 && r.lookups_judged > 300);
    run(&r, "partition", 60, 6, GN_MINUTES(24));
    assert_int_equal(r.violated, 0);
    assert_true(r.cut > 100 && r.lookups_judged > 300);
}

static void sizes_outside_of_the_limits_are_refused(void **state)
{
    struct gn_sim_options o = {.scenario = gn_scenario_find("lookup"), .seed = 1};
    struct gn_sim *s = NULL;

    (void)state;
    o.nodes = GN_SIM_NODES_MIN - 1U;
    assert_int_equal(gn_sim_new(&s, &o), GN_E_INVALID);
    assert_null(s);
    o.nodes = GN_WORLD_PLACES_MAX + 1U;
    assert_int_equal(gn_sim_new(&s, &o), GN_E_INVALID);
    o.nodes = 0;
    o.duration = GN_SIM_DURATION_MIN - 1U;
    assert_int_equal(gn_sim_new(&s, &o), GN_E_INVALID);
    o.duration = GN_SIM_DURATION_MAX + 1U;
    assert_int_equal(gn_sim_new(&s, &o), GN_E_INVALID);
    assert_null(gn_scenario_find("no such scenario"));
}

/* With any limit the run ends with NO_MEMORY, can be looked at, and gives everything back. */
static void a_memory_limit_ends_the_run_cleanly(void **state)
{
    struct gn_sim_options o = {.scenario = gn_scenario_find("kv"), .nodes = 30, .seed = 1, .duration = GN_MINUTES(1)};
    unsigned ended = 0;

    (void)state;
    for (o.memory_max = 20000; o.memory_max < 900000; o.memory_max += 8111) {
        struct gn_sim_report r;
        struct gn_sim *s = NULL;
        enum gn_err err = gn_sim_new(&s, &o);

        if (err == GN_OK) {
            err = gn_sim_run(s, GN_HOURS(1));
            gn_sim_report(s, &r);
            assert_true(err == GN_OK || r.virtual_us < gn_sim_end(s));
            gn_sim_free(s);
        }
        assert_true(err == GN_OK || err == GN_E_NO_MEMORY);
        ended += err == GN_E_NO_MEMORY;
    }
    assert_true(ended > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_run_however_it_is_cut),
        cmocka_unit_test(calm_lookups_find_the_closest_nodes),
        cmocka_unit_test(lookups_survive_churn_and_a_bad_network),
        cmocka_unit_test(acknowledged_values_survive_a_crash_of_thirty_percent),
        cmocka_unit_test(the_network_is_whole_again_after_a_crash_and_after_a_partition),
        cmocka_unit_test(sizes_outside_of_the_limits_are_refused),
        cmocka_unit_test(a_memory_limit_ends_the_run_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
