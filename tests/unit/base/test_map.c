/* tests/unit/base/test_map.c - the hash map against an array, its limits, its walk, and missing memory. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/map.h"
#include "base/rng.h"
#include "tests/support/failing_alloc.h"

static void an_empty_map_has_allocated_nothing(void **state)
{
    struct gn_failing_alloc fa;
    struct gn_map m;
    uint32_t cursor = 0;
    uint32_t key = 1;

    (void)state;
    gn_failing_alloc_init(&fa, 0);
    gn_map_init(&m, &fa.alloc, sizeof key, 8, 0);
    assert_null(gn_map_get(&m, &key));
    assert_false(gn_map_remove(&m, &key));
    assert_false(gn_map_next(&m, &cursor, NULL, NULL));
    assert_int_equal(gn_map_len(&m), 0);
    gn_map_fini(&m);
    assert_int_equal(fa.calls, 0);
}

static void adding_gives_a_zeroed_value_and_adding_again_the_same_one(void **state)
{
    struct gn_map m;
    uint32_t key = 1;
    void *value;
    void *again;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), sizeof key, sizeof(uint64_t), 0);
    assert_int_equal(gn_map_add(&m, &value, &key), GN_OK);
    assert_int_equal(*(uint64_t *)value, 0);
    assert_int_equal((uintptr_t)value % 8, 0);
    *(uint64_t *)value = 42;
    assert_int_equal(gn_map_add(&m, &again, &key), GN_E_EXISTS);
    assert_ptr_equal(again, value);
    assert_int_equal(*(uint64_t *)gn_map_get(&m, &key), 42);
    assert_true(gn_map_remove(&m, &key));
    assert_int_equal(gn_map_add(&m, &value, &key), GN_OK);
    assert_int_equal(*(uint64_t *)value, 0); /* nothing is left of the removed one */
    gn_map_fini(&m);
}

static void at_the_limit_known_keys_still_work(void **state)
{
    struct gn_map m;
    void *value;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), sizeof(uint32_t), sizeof(uint32_t), 10);
    for (uint32_t key = 0; key < 10; key++) {
        assert_int_equal(gn_map_set(&m, &key, &key), GN_OK);
    }
    for (uint32_t key = 10; key < 20; key++) {
        assert_int_equal(gn_map_set(&m, &key, &key), GN_E_FULL);
        assert_int_equal(gn_map_add(&m, &value, &key), GN_E_FULL);
        assert_null(value);
        assert_null(gn_map_get(&m, &key));
    }
    assert_int_equal(gn_map_set(&m, &(uint32_t){3}, &(uint32_t){33}), GN_OK);
    assert_int_equal(*(uint32_t *)gn_map_get(&m, &(uint32_t){3}), 33);
    assert_true(gn_map_remove(&m, &(uint32_t){5}));
    assert_int_equal(gn_map_set(&m, &(uint32_t){15}, &(uint32_t){15}), GN_OK);
    assert_int_equal(gn_map_len(&m), 10);
    gn_map_fini(&m);
}

static void a_set_has_keys_and_no_values(void **state)
{
    struct gn_map m;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), 1, 0, 0);
    for (unsigned i = 0; i < 256; i += 2) {
        uint8_t key = (uint8_t)i;

        assert_int_equal(gn_map_set(&m, &key, NULL), GN_OK);
    }
    for (unsigned i = 0; i < 256; i++) {
        uint8_t key = (uint8_t)i;

        assert_true((gn_map_get(&m, &key) != NULL) == (i % 2 == 0));
    }
    assert_int_equal(gn_map_len(&m), 128);
    gn_map_fini(&m);
}

enum { KEYS = 400 };

struct model {
    bool in[KEYS];
    uint64_t value[KEYS];
    uint32_t len;
};

/* Keys of 32 bytes that differ in a few bits only. */
static void key_of(uint8_t key[32], size_t n)
{
    memset(key, 0, 32);
    key[n % 7] = (uint8_t)n;
    key[31] = (uint8_t)(n >> 8);
}

static void assert_walk_sees_exactly(const struct gn_map *m, const struct model *model)
{
    bool seen[KEYS] = {false};
    uint32_t count = 0;
    uint32_t cursor = 0;
    const void *key;
    void *value;

    while (gn_map_next(m, &cursor, &key, &value)) {
        size_t n = 0;
        uint8_t wanted[32];

        do {
            assert_true(n < KEYS);
            key_of(wanted, n++);
        } while (memcmp(wanted, key, 32) != 0);
        assert_true(model->in[n - 1] && !seen[n - 1]);
        assert_true(*(uint64_t *)value == model->value[n - 1]);
        seen[n - 1] = true;
        count++;
    }
    assert_int_equal(count, model->len);
}

static void random_operations(struct gn_map *m, uint64_t seed)
{
    struct model model = {.len = 0};
    struct gn_rng rng;

    gn_rng_init_test(&rng, seed, 0);
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)gn_rng_below(&rng, KEYS);
        uint8_t key[32];
        uint64_t *found;

        key_of(key, n);
        /* Phases of growth and of decline. */
        if (gn_rng_below(&rng, 10) < (i / 2000 % 2 ? 3U : 7U)) {
            uint64_t value = gn_rng_u64(&rng);

            assert_int_equal(gn_map_set(m, key, &value), GN_OK);
            model.len += !model.in[n];
            model.in[n] = true;
            model.value[n] = value;
        } else {
            assert_int_equal(gn_map_remove(m, key), model.in[n]);
            model.len -= model.in[n];
            model.in[n] = false;
        }
        assert_int_equal(gn_map_len(m), model.len);
        n = (size_t)gn_rng_below(&rng, KEYS);
        key_of(key, n);
        found = (uint64_t *)gn_map_get(m, key);
        assert_true((found != NULL) == model.in[n]);
        if (found) {
            assert_true(*found == model.value[n]);
        }
        if (i % 500 == 0) {
            assert_walk_sees_exactly(m, &model);
        }
    }
    assert_walk_sees_exactly(m, &model);
}

static void random_operations_do_what_an_array_does(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct gn_map m;

        gn_map_init(&m, gn_alloc_default(), 32, sizeof(uint64_t), seed == 3 ? KEYS : 0);
        random_operations(&m, seed);
        gn_map_fini(&m);
        random_operations(&m, seed + 10); /* usable again */
        gn_map_fini(&m);
    }
}

/* The walk of maps with other addresses and another hash key is the same. */
static void the_walk_depends_on_the_calls_alone(void **state)
{
    static const uint8_t secret[16] = {1, 2, 3};
    struct gn_map a;
    struct gn_map b;
    struct gn_rng rng;
    uint32_t at_a = 0;
    uint32_t at_b = 0;
    const void *key_a;
    const void *key_b;
    uint32_t walked = 0;

    (void)state;
    gn_rng_init_test(&rng, 5, 0);
    gn_map_init(&a, gn_alloc_default(), sizeof(uint32_t), 0, 0);
    gn_map_init(&b, gn_alloc_default(), sizeof(uint32_t), 0, 0);
    gn_map_set_hash_key(&b, secret);
    for (int i = 0; i < 5000; i++) {
        uint32_t key = (uint32_t)gn_rng_below(&rng, 300);

        if (gn_rng_below(&rng, 2)) {
            assert_int_equal(gn_map_set(&a, &key, NULL), GN_OK);
            assert_int_equal(gn_map_set(&b, &key, NULL), GN_OK);
        } else {
            assert_int_equal(gn_map_remove(&a, &key), gn_map_remove(&b, &key));
        }
    }
    while (gn_map_next(&a, &at_a, &key_a, NULL)) {
        assert_true(gn_map_next(&b, &at_b, &key_b, NULL));
        assert_memory_equal(key_a, key_b, sizeof(uint32_t));
        walked++;
    }
    assert_false(gn_map_next(&b, &at_b, NULL, NULL));
    assert_int_equal(walked, gn_map_len(&a));
    gn_map_fini(&a);
    gn_map_fini(&b);
}

static void a_walk_may_remove_any_entry(void **state)
{
    struct gn_map m;
    uint32_t cursor = 0;
    const void *key;
    bool gone[100] = {false};
    uint32_t visited = 0;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), sizeof(uint32_t), sizeof(uint32_t), 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(gn_map_set(&m, &i, &i), GN_OK);
    }
    while (gn_map_next(&m, &cursor, &key, NULL)) {
        uint32_t k;
        uint32_t other;

        memcpy(&k, key, sizeof k);
        assert_false(gone[k]);
        visited++;
        assert_true(gn_map_remove(&m, key)); /* the key of the entry itself may be passed */
        gone[k] = true;
        other = (k * 7 + 50) % 100;
        assert_int_equal(gn_map_remove(&m, &other), !gone[other]);
        gone[other] = true;
    }
    assert_int_equal(gn_map_len(&m), 0);
    assert_true(visited < 100);
    gn_map_fini(&m);
}

static void pointers_stay_valid_while_others_are_removed(void **state)
{
    struct gn_map m;
    uint64_t *kept;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), sizeof(uint32_t), sizeof(uint64_t), 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(gn_map_set(&m, &i, &(uint64_t){i}), GN_OK);
    }
    kept = (uint64_t *)gn_map_get(&m, &(uint32_t){37});
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(i == 37 || gn_map_remove(&m, &i));
    }
    assert_int_equal(*kept, 37);
    assert_ptr_equal(gn_map_get(&m, &(uint32_t){37}), kept);
    gn_map_fini(&m);
}

static void without_memory_the_map_is_unchanged_and_goes_on_later(void **state)
{
    uint64_t rounds = 0;

    (void)state;
    for (uint64_t n = 1;; n++, rounds++) {
        struct gn_failing_alloc fa;
        struct gn_map m;
        uint32_t failed = 0;

        gn_failing_alloc_init(&fa, n);
        gn_map_init(&m, &fa.alloc, sizeof(uint32_t), sizeof(uint32_t), 0);
        for (uint32_t i = 0; i < 100; i++) {
            enum gn_err err = gn_map_set(&m, &i, &i);

            if (err) {
                assert_int_equal(err, GN_E_NO_MEMORY);
                assert_int_equal(gn_map_len(&m), i);
                assert_null(gn_map_get(&m, &i));
                failed++;
                assert_int_equal(gn_map_set(&m, &i, &i), GN_OK);
            }
        }
        for (uint32_t i = 0; i < 100; i++) {
            assert_int_equal(*(uint32_t *)gn_map_get(&m, &i), i);
        }
        assert_int_equal(failed, fa.failed);
        gn_map_fini(&m);
        assert_int_equal(fa.live, 0);
        if (!fa.failed) {
            break;
        }
    }
    assert_true(rounds >= 10);
}

static void an_entry_too_large_for_the_machine_is_no_memory(void **state)
{
    struct gn_map m;

    (void)state;
    gn_map_init(&m, gn_alloc_default(), 4, SIZE_MAX / 4, 0);
    assert_int_equal(gn_map_set(&m, &(uint32_t){1}, NULL), GN_E_NO_MEMORY);
    gn_map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_allocated_nothing),
        cmocka_unit_test(adding_gives_a_zeroed_value_and_adding_again_the_same_one),
        cmocka_unit_test(at_the_limit_known_keys_still_work),
        cmocka_unit_test(a_set_has_keys_and_no_values),
        cmocka_unit_test(random_operations_do_what_an_array_does),
        cmocka_unit_test(the_walk_depends_on_the_calls_alone),
        cmocka_unit_test(a_walk_may_remove_any_entry),
        cmocka_unit_test(pointers_stay_valid_while_others_are_removed),
        cmocka_unit_test(without_memory_the_map_is_unchanged_and_goes_on_later),
        cmocka_unit_test(an_entry_too_large_for_the_machine_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
