/* tests/unit/transport/test_seal_cache.c - the bounded table of secrets against a slow model of it. */
#include "tests/support/gn_cmocka.h"

#include <stdbool.h>
#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_cache.h"

struct thing {
    struct gn_seal_cache_entry entry;
    uint64_t value;
};

enum { KEYS = 60, LIMIT = 37 };

/* keys in the order of their use, the latest last */
struct model {
    unsigned order[KEYS];
    uint64_t value[KEYS];
    unsigned len;
};

static void key_of(uint8_t key[32], unsigned k)
{
    memset(key, 0, 32);
    key[7] = (uint8_t)k;
}

static int model_at(const struct model *m, unsigned k)
{
    for (unsigned i = 0; i < m->len; i++) {
        if (m->order[i] == k) {
            return (int)i;
        }
    }
    return -1;
}

static void model_remove(struct model *m, unsigned at)
{
    memmove(&m->order[at], &m->order[at + 1], (m->len - at - 1) * sizeof m->order[0]);
    m->len--;
}

static void check_whole(const struct gn_seal_cache *c, const struct model *m)
{
    uint32_t cursor = 0;
    unsigned seen = 0;

    for (const struct thing *e = gn_seal_cache_next(c, &cursor); e; e = gn_seal_cache_next(c, &cursor)) {
        assert_true(model_at(m, e->entry.key[7]) >= 0);
        assert_true(e->value == m->value[e->entry.key[7]]);
        seen++;
    }
    assert_int_equal(seen, m->len);
    assert_int_equal(c->len, m->len);
}

static void cache_does_what_its_model_does(void **state)
{
    struct seal_memory memory;
    struct gn_seal_cache c;
    struct model m = {.len = 0};
    struct gn_rng rng;
    uint8_t key[32];

    (void)state;
    seal_memory_init(&memory);
    gn_rng_init_test(&rng, 3, 3);
    gn_seal_cache_init(&c, &memory.alloc, sizeof(struct thing), LIMIT, (const uint8_t *)"0123456789abcdef");
    assert_int_equal(memory.live, 0);
    for (unsigned step = 0; step < 50000; step++) {
        unsigned k = (unsigned)gn_rng_below(&rng, KEYS);
        int at = model_at(&m, k);
        key_of(key, k);
        unsigned what = (unsigned)gn_rng_below(&rng, 8);
        struct thing *e = what < 4 ? gn_seal_cache_find(&c, key) : what < 7 ? gn_seal_cache_add(&c, key) : NULL;
        if (what == 7) {
            e = gn_seal_cache_find(&c, key);
            assert_int_equal(e != NULL, at >= 0);
            if (e) {
                gn_seal_cache_remove(&c, e);
                model_remove(&m, (unsigned)at);
            }
        } else if (what < 4 && at < 0) {
            assert_null(e);
        } else {
            if (!e) {
                fail_msg("the cache has lost key %u", k);
                return;
            }
            if (at >= 0) {
                assert_true(e->value == m.value[k]);
                model_remove(&m, (unsigned)at);
            } else {
                assert_true(e->value == 0); /* of whoever had the place before nothing is left */
                if (m.len == LIMIT) {
                    model_remove(&m, 0);
                }
            }
            m.order[m.len++] = k;
            m.value[k] = e->value = step + 1;
        }
        if (step % 64 == 0) {
            check_whole(&c, &m);
        }
    }
    gn_seal_cache_fini(&c);
    assert_int_equal(memory.live, 0);
}

static void cache_without_memory_uses_what_it_has(void **state)
{
    struct seal_memory memory;
    struct gn_seal_cache c;
    uint8_t key[32];

    (void)state;
    for (long n = 0; n < 8; n++) {
        seal_memory_init(&memory);
        gn_seal_cache_init(&c, &memory.alloc, sizeof(struct thing), 4096, (const uint8_t *)"0123456789abcdef");
        memory.fail_in = n;
        unsigned kept = 0;
        for (unsigned k = 0; k < 200; k++) {
            key_of(key, k);
            kept += gn_seal_cache_add(&c, key) != NULL;
            assert_int_equal(gn_seal_cache_find(&c, key) != NULL, n >= 3);
        }
        assert_int_equal(kept, n >= 3 ? 200 : 0); /* heads, list of chunks, first chunk */
        assert_int_equal(c.len % 16, 0);
        gn_seal_cache_fini(&c);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_does_what_its_model_does),
        cmocka_unit_test(cache_without_memory_uses_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
