/* tests/unit/base/test_slab.c - handles: stale ones, limits, a random model, missing memory. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/slab.h"
#include "tests/support/failing_alloc.h"

static void no_handle_means_no_object(void **state)
{
    struct gn_failing_alloc fa;
    struct gn_slab s;
    uint32_t cursor = 0;

    (void)state;
    gn_failing_alloc_init(&fa, 0);
    gn_slab_init(&s, &fa.alloc, 24, 8, 0);
    assert_null(gn_slab_get(&s, 0));
    assert_null(gn_slab_get(&s, 1));
    assert_null(gn_slab_get(&s, UINT32_MAX));
    assert_int_equal(gn_slab_release(&s, 0), GN_E_INVALID);
    assert_int_equal(gn_slab_next(&s, &cursor), 0);
    gn_slab_fini(&s);
    assert_int_equal(fa.calls, 0);
}

static void objects_are_zeroed_also_when_their_place_is_used_again(void **state)
{
    static const uint8_t zero[24] = {0};
    struct gn_slab s;
    uint32_t handle;
    void *object;

    (void)state;
    gn_slab_init(&s, gn_alloc_default(), sizeof zero, 1, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gn_slab_take(&s, &handle, &object), GN_OK);
        assert_memory_equal(object, zero, sizeof zero);
        assert_int_equal((uintptr_t)object % 8, 0);
        assert_int_equal(gn_slab_handle(object), handle);
        memset(object, 0xee, sizeof zero);
        assert_int_equal(gn_slab_release(&s, handle), GN_OK);
    }
    gn_slab_fini(&s);
}

static void a_stale_handle_is_refused_for_255_lives(void **state)
{
    struct gn_slab s;
    uint32_t first;
    uint32_t handle;

    (void)state;
    gn_slab_init(&s, gn_alloc_default(), 8, 4, 1);
    assert_int_equal(gn_slab_take(&s, &first, NULL), GN_OK);
    assert_int_equal(gn_slab_release(&s, first), GN_OK);
    for (int i = 0; i < 255; i++) {
        assert_int_equal(gn_slab_take(&s, &handle, NULL), GN_OK);
        assert_null(gn_slab_get(&s, first));
        assert_int_equal(gn_slab_release(&s, first), GN_E_INVALID);
        assert_non_null(gn_slab_get(&s, handle));
        assert_int_equal(gn_slab_release(&s, handle), GN_OK);
        assert_null(gn_slab_get(&s, handle));
    }
    assert_int_equal(gn_slab_take(&s, &handle, NULL), GN_OK);
    assert_int_equal(handle, first); /* the generation is back where it began, as documented */
    gn_slab_fini(&s);
}

static void places_are_used_again_in_the_order_of_release(void **state)
{
    struct gn_slab s;
    uint32_t h[5];
    uint32_t again;

    (void)state;
    gn_slab_init(&s, gn_alloc_default(), 8, 2, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gn_slab_take(&s, &h[i], NULL), GN_OK);
    }
    assert_int_equal(gn_slab_release(&s, h[3]), GN_OK);
    assert_int_equal(gn_slab_release(&s, h[0]), GN_OK);
    assert_int_equal(gn_slab_release(&s, h[4]), GN_OK);
    assert_int_equal(gn_slab_take(&s, &again, NULL), GN_OK);
    assert_int_equal(again & 0xffffff, h[3]);
    assert_int_equal(gn_slab_take(&s, &again, NULL), GN_OK);
    assert_int_equal(again & 0xffffff, h[0]);
    assert_int_equal(gn_slab_take(&s, &again, NULL), GN_OK);
    assert_int_equal(again & 0xffffff, h[4]);
    gn_slab_fini(&s);
}

static void beyond_the_limit_it_is_full_and_unchanged(void **state)
{
    struct gn_slab s;
    uint32_t handle = 7;
    void *object = &s;

    (void)state;
    gn_slab_init(&s, gn_alloc_default(), 8, 4, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(gn_slab_take(&s, &handle, NULL), GN_OK);
    }
    assert_int_equal(gn_slab_take(&s, &handle, &object), GN_E_FULL);
    assert_int_equal(handle, 0);
    assert_null(object);
    assert_int_equal(gn_slab_len(&s), 6);
    gn_slab_fini(&s);
    assert_int_equal(gn_slab_take(&s, &handle, &object), GN_OK); /* usable again */
    gn_slab_fini(&s);
}

enum { LIVE_MAX = 300 };

struct live {
    uint32_t handle;
    uint64_t *object;
    uint64_t value;
};

static void assert_walk_sees_exactly(const struct gn_slab *s, const struct live *live, size_t len)
{
    uint32_t cursor = 0;
    uint32_t handle;
    size_t count = 0;

    while ((handle = gn_slab_next(s, &cursor)) != 0) {
        size_t i = 0;

        while (live[i].handle != handle) {
            i++;
            assert_true(i < len);
        }
        count++;
    }
    assert_int_equal(count, len);
}

static void random_operations_keep_objects_in_place_and_whole(void **state)
{
    struct live live[LIVE_MAX] = {{0}};
    uint32_t stale[LIVE_MAX] = {0};
    size_t len = 0;
    struct gn_slab s;
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    gn_slab_init(&s, gn_alloc_default(), sizeof(uint64_t), 7, LIVE_MAX);
    for (int i = 0; i < 30000; i++) {
        if (gn_rng_below(&rng, 10) < (i / 3000 % 2 ? 4U : 6U)) {
            void *object;
            uint32_t handle;
            enum gn_err err = gn_slab_take(&s, &handle, &object);

            assert_int_equal(err, len == LIVE_MAX ? GN_E_FULL : GN_OK);
            if (!err) {
                live[len] = (struct live){handle, (uint64_t *)object, gn_rng_u64(&rng)};
                *live[len].object = live[len].value;
                len++;
            }
        } else if (len > 0) {
            size_t at = (size_t)gn_rng_below(&rng, len);

            stale[i % LIVE_MAX] = live[at].handle;
            assert_int_equal(gn_slab_release(&s, live[at].handle), GN_OK);
            assert_null(gn_slab_get(&s, live[at].handle));
            live[at] = live[--len];
        }
        assert_int_equal(gn_slab_len(&s), len);
        for (size_t k = 0; k < len; k += 17) {
            assert_ptr_equal(gn_slab_get(&s, live[k].handle), live[k].object);
            assert_true(*live[k].object == live[k].value);
        }
        if (i % 1000 == 0) {
            assert_walk_sees_exactly(&s, live, len);
        }
    }
    for (size_t i = 0; i < LIVE_MAX; i++) {
        bool alive = false;

        for (size_t k = 0; k < len; k++) {
            alive = alive || live[k].handle == stale[i]; /* only after 256 lives of one place */
        }
        assert_true(alive || gn_slab_get(&s, stale[i]) == NULL);
    }
    gn_slab_fini(&s);
}

static void a_walk_may_release(void **state)
{
    struct gn_slab s;
    uint32_t handle;
    uint32_t cursor = 0;
    int count = 0;

    (void)state;
    gn_slab_init(&s, gn_alloc_default(), 8, 3, 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(gn_slab_take(&s, &handle, NULL), GN_OK);
    }
    while ((handle = gn_slab_next(&s, &cursor)) != 0) {
        assert_int_equal(gn_slab_release(&s, handle), GN_OK);
        count++;
    }
    assert_int_equal(count, 20);
    assert_int_equal(gn_slab_len(&s), 0);
    gn_slab_fini(&s);
}

static void without_memory_nothing_is_lost(void **state)
{
    uint64_t rounds = 0;

    (void)state;
    for (uint64_t n = 1;; n++, rounds++) {
        struct gn_failing_alloc fa;
        struct gn_slab s;
        uint32_t handles[40];

        gn_failing_alloc_init(&fa, n);
        gn_slab_init(&s, &fa.alloc, 8, 4, 0);
        for (uint32_t i = 0; i < GN_ARRAY_LEN(handles); i++) {
            enum gn_err err = gn_slab_take(&s, &handles[i], NULL);

            if (err) {
                assert_int_equal(err, GN_E_NO_MEMORY);
                assert_int_equal(handles[i], 0);
                assert_int_equal(gn_slab_len(&s), i);
                assert_int_equal(gn_slab_take(&s, &handles[i], NULL), GN_OK);
            }
        }
        for (uint32_t i = 0; i < GN_ARRAY_LEN(handles); i++) {
            assert_non_null(gn_slab_get(&s, handles[i]));
        }
        gn_slab_fini(&s);
        assert_int_equal(fa.live, 0);
        if (!fa.failed) {
            break;
        }
    }
    assert_int_equal(rounds, 10 + 3); /* chunks, and the table of chunks at 4, 8, 16 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_handle_means_no_object),
        cmocka_unit_test(objects_are_zeroed_also_when_their_place_is_used_again),
        cmocka_unit_test(a_stale_handle_is_refused_for_255_lives),
        cmocka_unit_test(places_are_used_again_in_the_order_of_release),
        cmocka_unit_test(beyond_the_limit_it_is_full_and_unchanged),
        cmocka_unit_test(random_operations_keep_objects_in_place_and_whole),
        cmocka_unit_test(a_walk_may_release),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
