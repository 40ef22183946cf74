/* tests/unit/base/test_heap.c - the intrusive heap against a linear search. */
#include "tests/support/gn_cmocka.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/rng.h"

struct item {
    uint64_t key;
    bool in;
    struct gn_heap_node node;
};

static bool smaller(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    return GN_CONTAINER_OF_CONST(a, struct item, node)->key < GN_CONTAINER_OF_CONST(b, struct item, node)->key;
}

static void an_empty_heap_gives_nothing(void **state)
{
    struct gn_heap h;

    (void)state;
    gn_heap_init(&h, smaller);
    assert_null(gn_heap_peek(&h));
    assert_null(gn_heap_pop(&h));
    assert_true(gn_heap_is_sound(&h));
}

static void nodes_come_out_in_order(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (size_t n = 0; n < 130; n++) {
        struct item items[130] = {0};
        struct gn_heap h;
        uint64_t last = 0;

        gn_heap_init(&h, smaller);
        for (size_t i = 0; i < n; i++) {
            items[i].key = gn_rng_below(&rng, 50);
            gn_heap_insert(&h, &items[i].node);
        }
        assert_true(gn_heap_is_sound(&h));
        for (size_t i = 0; i < n; i++) {
            const struct gn_heap_node *node = gn_heap_pop(&h);

            assert_non_null(node);
            assert_true(GN_CONTAINER_OF_CONST(node, struct item, node)->key >= last);
            last = GN_CONTAINER_OF_CONST(node, struct item, node)->key;
        }
        assert_null(gn_heap_pop(&h));
    }
}

enum { ITEMS = 200 };

static uint64_t least_key(const struct item *items)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < ITEMS; i++) {
        least = items[i].in && items[i].key < least ? items[i].key : least;
    }
    return least;
}

static void random_operations_keep_order_shape_and_links(void **state)
{
    struct gn_rng rng;
    struct gn_heap h;
    struct item items[ITEMS] = {0};
    size_t len = 0;

    (void)state;
    gn_rng_init_test(&rng, 2, 0);
    gn_heap_init(&h, smaller);
    for (int i = 0; i < 30000; i++) {
        struct item *it = &items[gn_rng_below(&rng, ITEMS)];
        struct gn_heap_node *top;

        if (!it->in) {
            it->key = gn_rng_below(&rng, 1000);
            gn_heap_insert(&h, &it->node);
            it->in = true;
            len++;
        } else if (gn_rng_below(&rng, 2)) {
            it->key = gn_rng_below(&rng, 1000);
            gn_heap_rekey(&h, &it->node);
        } else {
            gn_heap_remove(&h, &it->node);
            it->in = false;
            len--;
        }
        assert_int_equal(h.len, len);
        top = gn_heap_peek(&h);
        assert_true((top != NULL) == (len > 0));
        if (top) {
            assert_true(GN_CONTAINER_OF(top, struct item, node)->key == least_key(items));
        }
        if (i % 16 == 0) {
            assert_true(gn_heap_is_sound(&h));
        }
    }
}

static void a_spoilt_heap_is_noticed(void **state)
{
    struct gn_heap h;
    struct item items[6] = {0};
    struct gn_heap_node *kept;

    (void)state;
    gn_heap_init(&h, smaller);
    for (size_t i = 0; i < 6; i++) {
        items[i].key = i;
        gn_heap_insert(&h, &items[i].node);
    }
    items[0].key = 9; /* order */
    assert_false(gn_heap_is_sound(&h));
    items[0].key = 0;
    h.len++; /* shape */
    assert_false(gn_heap_is_sound(&h));
    h.len -= 2;
    assert_false(gn_heap_is_sound(&h));
    h.len++;
    kept = items[1].node.parent; /* links */
    items[1].node.parent = &items[2].node;
    assert_false(gn_heap_is_sound(&h));
    items[1].node.parent = kept;
    assert_true(gn_heap_is_sound(&h));
    h.root = NULL;
    assert_false(gn_heap_is_sound(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_gives_nothing),
        cmocka_unit_test(nodes_come_out_in_order),
        cmocka_unit_test(random_operations_keep_order_shape_and_links),
        cmocka_unit_test(a_spoilt_heap_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
