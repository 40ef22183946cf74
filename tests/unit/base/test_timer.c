/* tests/unit/base/test_timer.c - timers: order, ties, moving, cancelling. */
#include "tests/support/gn_cmocka.h"

#include "base/rng.h"
#include "base/timer.h"

static void nothing_is_due_in_an_empty_queue(void **state)
{
    struct gn_timers q;
    struct gn_timer zeroed = {.kind = 0};

    (void)state;
    gn_timer_queue_init(&q);
    assert_true(gn_timer_next(&q) == GN_TIME_NEVER);
    assert_null(gn_timer_pop(&q, GN_TIME_NEVER));
    assert_false(gn_timer_is_set(&zeroed));
    gn_timer_cancel(&q, &zeroed);
    assert_int_equal(gn_timer_count(&q), 0);
}

static void a_timer_is_due_at_its_time_and_not_before(void **state)
{
    struct gn_timers q;
    struct gn_timer t;

    (void)state;
    gn_timer_queue_init(&q);
    gn_timer_init(&t, 7);
    gn_timer_set(&q, &t, 100);
    assert_true(gn_timer_is_set(&t));
    assert_int_equal(gn_timer_next(&q), 100);
    assert_null(gn_timer_pop(&q, 99));
    assert_ptr_equal(gn_timer_pop(&q, 100), &t);
    assert_int_equal(t.kind, 7);
    assert_false(gn_timer_is_set(&t));
    assert_null(gn_timer_pop(&q, 100));
}

static void equal_times_come_in_the_order_of_setting(void **state)
{
    struct gn_timers q;
    struct gn_timer t[50];

    (void)state;
    gn_timer_queue_init(&q);
    for (uint32_t i = 0; i < 50; i++) {
        gn_timer_init(&t[i], i);
        gn_timer_set(&q, &t[i], 5);
    }
    gn_timer_set(&q, &t[0], 5); /* set again: now the last */
    for (uint32_t i = 1; i < 50; i++) {
        assert_ptr_equal(gn_timer_pop(&q, 5), &t[i]);
    }
    assert_ptr_equal(gn_timer_pop(&q, 5), &t[0]);
}

static void setting_to_never_cancels(void **state)
{
    struct gn_timers q;
    struct gn_timer t;

    (void)state;
    gn_timer_queue_init(&q);
    gn_timer_init(&t, 0);
    gn_timer_set(&q, &t, GN_TIME_NEVER);
    assert_false(gn_timer_is_set(&t));
    gn_timer_set(&q, &t, 1);
    gn_timer_set(&q, &t, GN_TIME_NEVER);
    assert_false(gn_timer_is_set(&t));
    assert_null(gn_timer_pop(&q, GN_TIME_NEVER));
    assert_int_equal(gn_timer_count(&q), 0);
}

enum { TIMERS = 100 };

struct model {
    gn_time_us due[TIMERS];
    uint64_t order[TIMERS]; /* 0 = not set */
    uint64_t next;
};

static int first_of(const struct model *m)
{
    int best = -1;

    for (int i = 0; i < TIMERS; i++) {
        if (m->order[i] == 0) {
            continue;
        }
        if (best < 0 || m->due[i] < m->due[best] || (m->due[i] == m->due[best] && m->order[i] < m->order[best])) {
            best = i;
        }
    }
    return best;
}

static void random_operations_do_what_a_linear_search_does(void **state)
{
    struct gn_timer t[TIMERS];
    struct model m = {.next = 1};
    struct gn_timers q;
    struct gn_rng rng;
    gn_time_us now = 0;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    gn_timer_queue_init(&q);
    for (uint32_t i = 0; i < TIMERS; i++) {
        gn_timer_init(&t[i], i);
    }
    for (int step = 0; step < 40000; step++) {
        size_t i = (size_t)gn_rng_below(&rng, TIMERS);
        int first;

        if (gn_rng_below(&rng, 4) != 0) {
            m.due[i] = now + gn_rng_below(&rng, 60); /* many ties */
            m.order[i] = m.next++;
            gn_timer_set(&q, &t[i], m.due[i]);
        } else {
            m.order[i] = 0;
            gn_timer_cancel(&q, &t[i]);
        }
        first = first_of(&m);
        assert_true(gn_timer_next(&q) == (first < 0 ? GN_TIME_NEVER : m.due[first]));
        if (gn_rng_below(&rng, 20) != 0) {
            continue;
        }
        now += gn_rng_below(&rng, 40);
        while ((first = first_of(&m)) >= 0 && m.due[first] <= now) {
            assert_ptr_equal(gn_timer_pop(&q, now), &t[first]);
            m.order[first] = 0;
        }
        assert_null(gn_timer_pop(&q, now));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_in_an_empty_queue),
        cmocka_unit_test(a_timer_is_due_at_its_time_and_not_before),
        cmocka_unit_test(equal_times_come_in_the_order_of_setting),
        cmocka_unit_test(setting_to_never_cancels),
        cmocka_unit_test(random_operations_do_what_a_linear_search_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
