/* tests/unit/storage/test_avl.c - the balanced tree against an array of flags. */
#include "storage/avl.h"

#include "base/check.h"
#include "base/rng.h"
#include "tests/unit/storage/fixtures.h"

#define N 300U

struct item {
    struct gn_avl_node node;
    unsigned key;
};

static int item_cmp(const void *key, const struct gn_avl_node *n)
{
    unsigned a = *(const unsigned *)key;
    unsigned b = ((const struct item *)(const void *)n)->key;
    return a < b ? -1 : a > b;
}

static void check_order(const struct gn_avl *t, const struct item *items, const bool *in)
{
    const struct gn_avl_node *n = gn_avl_first(t);
    for (unsigned i = 0; i < N; i++) {
        assert_ptr_equal(gn_avl_find(t, &i), in[i] ? &items[i].node : NULL);
        if (!in[i])
            continue;
        assert_ptr_equal(n, &items[i].node);
        n = gn_avl_next(n);
    }
    assert_null(n);
}

static void random_insertions_and_removals_keep_order_and_balance(void **state)
{
    (void)state;
    struct item items[N];
    bool in[N] = {false};
    struct gn_avl t;
    struct gn_rng rng;
    gn_rng_init_test(&rng, 7, 7);
    gn_avl_init(&t, item_cmp);
    for (unsigned step = 0; step < 5000; step++) {
        unsigned i = (unsigned)gn_rng_below(&rng, N);
        items[i].key = i;
        if (in[i])
            gn_avl_remove(&t, &items[i].node);
        else
            gn_avl_insert(&t, &items[i].node, &i);
        in[i] = !in[i];
        assert_true(gn_avl_is_sound(&t));
        unsigned from = (unsigned)gn_rng_below(&rng, N);
        unsigned want = from;
        while (want < N && !in[want])
            want++;
        assert_ptr_equal(gn_avl_at_least(&t, &from), want < N ? &items[want].node : NULL);
        if (step % 50 == 0)
            check_order(&t, items, in);
    }
}

static void sorted_keys_do_not_make_a_list_of_it(void **state)
{
    (void)state;
    static struct item items[4096];
    struct gn_avl t;
    gn_avl_init(&t, item_cmp);
    assert_null(gn_avl_first(&t));
    for (unsigned i = 0; i < 4096; i++) {
        items[i].key = i;
        gn_avl_insert(&t, &items[i].node, &i);
    }
    assert_true(gn_avl_is_sound(&t));
    assert_true(t.root->height <= 13);
    items[9].node.height++;
    assert_false(gn_avl_is_sound(&t));
    items[9].node.height--;
    t.len--;
    assert_false(gn_avl_is_sound(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_insertions_and_removals_keep_order_and_balance),
        cmocka_unit_test(sorted_keys_do_not_make_a_list_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
