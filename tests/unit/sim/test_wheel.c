/* tests/unit/sim/test_wheel.c - the queue of events against a linear search, over all its levels. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/rng.h"
#include "sim/engine/wheel.h"
#include "tests/support/failing_alloc.h"

#define MOST 400U

struct model {
    struct gn_event events[MOST];
    size_t len;
};

static struct gn_event take_first(struct model *m)
{
    size_t best = 0;

    for (size_t i = 1; i < m->len; i++) {
        if (gn_event_before(&m->events[i], &m->events[best])) {
            best = i;
        }
    }
    struct gn_event e = m->events[best];
    m->events[best] = m->events[--m->len];
    return e;
}

/* Near, in the current slot, in the next seconds, within the hour, beyond both levels, and in the past. */
static gn_time_us some_time(struct gn_rng *r, gn_time_us now)
{
    static const gn_time_us spans[] = {1, 256, GN_MS(300), GN_SECONDS(5), GN_MINUTES(60), GN_HOURS(30)};
    gn_time_us t = now + gn_rng_below(r, spans[gn_rng_below(r, 6)]);

    return gn_rng_below(r, 20) == 0 && now > 5000 ? now - 5000 : t;
}

static void events_come_in_the_order_of_time_destination_source_and_number(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct gn_wheel w;
        struct model m = {.len = 0};
        struct gn_rng r;
        gn_time_us now = 0;
        enum gn_err err;

        gn_rng_init_test(&r, seed, 1);
        gn_wheel_init(&w, gn_alloc_default());
        for (uint32_t i = 0; i < 4000; i++) {
            struct gn_event e = {.to = (uint32_t)gn_rng_below(&r, 3), .from = (uint32_t)gn_rng_below(&r, 3), .seq = i};
            if (m.len < MOST && (m.len == 0 || gn_rng_below(&r, 100) < 52)) {
                e.at = some_time(&r, now);
                assert_int_equal(gn_wheel_push(&w, &e), GN_OK);
                m.events[m.len++] = e;
            } else {
                struct gn_event want = take_first(&m), got;
                assert_true(gn_wheel_pop(&w, &got, GN_TIME_NEVER, &err));
                assert_memory_equal(&got, &want, sizeof got);
                now = got.at > now ? got.at : now;
            }
            assert_int_equal(gn_wheel_len(&w), m.len);
        }
        gn_wheel_fini(&w);
    }
}

static void nothing_is_taken_before_its_time(void **state)
{
    struct gn_event e = {.at = GN_HOURS(2), .seq = 7}, soon = {.at = 300, .seq = 8}, got;
    struct gn_wheel w;
    enum gn_err err;

    (void)state;
    gn_wheel_init(&w, gn_alloc_default());
    assert_false(gn_wheel_pop(&w, &got, GN_TIME_NEVER, &err));
    assert_int_equal(gn_wheel_push(&w, &e), GN_OK);
    assert_false(gn_wheel_pop(&w, &got, GN_HOURS(2) - 1, &err));
    assert_int_equal(gn_wheel_push(&w, &soon), GN_OK); /* earlier than where the wheel has already looked */
    assert_false(gn_wheel_pop(&w, &got, 299, &err));
    assert_true(gn_wheel_pop(&w, &got, 300, &err));
    assert_int_equal(got.seq, 8);
    assert_true(gn_wheel_pop(&w, &got, GN_HOURS(2), &err));
    assert_int_equal(got.seq, 7);
    gn_wheel_fini(&w);
}

static void without_memory_no_event_is_lost(void **state)
{
    uint64_t failures = 0;

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct gn_failing_alloc fa;
        struct gn_wheel w;
        struct gn_event got;
        uint64_t pushed = 0, popped = 0;
        enum gn_err err = GN_OK;

        gn_failing_alloc_init(&fa, n);
        gn_wheel_init(&w, &fa.alloc);
        for (uint32_t i = 0; i < 600; i++) {
            struct gn_event e = {.at = (uint64_t)i * 7919U % 500U * GN_SECONDS(20), .seq = i};
            pushed += gn_wheel_push(&w, &e) == GN_OK;
        }
        while (gn_wheel_len(&w) > 0) {
            bool one = gn_wheel_pop(&w, &got, GN_TIME_NEVER, &err);
            assert_true(one || err == GN_E_NO_MEMORY);
            popped += one;
        }
        assert_int_equal(pushed, popped);
        gn_wheel_fini(&w);
        assert_int_equal(fa.live, 0);
        if (!fa.failed) {
            break;
        }
        failures++;
    }
    assert_true(failures >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_the_order_of_time_destination_source_and_number),
        cmocka_unit_test(nothing_is_taken_before_its_time),
        cmocka_unit_test(without_memory_no_event_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
