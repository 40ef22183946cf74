/* tests/unit/base/test_list.c - the intrusive list against an array. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/list.h"
#include "base/rng.h"

struct item {
    int number;
    struct gn_list_node node;
};

static void an_empty_list_has_no_ends(void **state)
{
    struct gn_list l;

    (void)state;
    gn_list_init(&l);
    assert_true(gn_list_is_empty(&l));
    assert_null(gn_list_first(&l));
    assert_null(gn_list_last(&l));
    assert_null(gn_list_pop_front(&l));
}

static void a_zeroed_node_is_unlinked_and_may_be_removed(void **state)
{
    struct item a = {0};

    (void)state;
    assert_false(gn_list_is_linked(&a.node));
    gn_list_remove(&a.node);
    assert_false(gn_list_is_linked(&a.node));
}

static void a_walk_may_unlink_the_node_it_stands_on(void **state)
{
    struct gn_list l;
    struct item items[10] = {0};
    int next = 1;

    (void)state;
    gn_list_init(&l);
    for (int i = 0; i < 10; i++) {
        items[i].number = i;
        gn_list_push_back(&l, &items[i].node);
    }
    GN_LIST_FOR_SAFE (n, after, &l) {
        if (GN_CONTAINER_OF(n, struct item, node)->number % 2 == 0) {
            gn_list_remove(n);
        }
    }
    GN_LIST_FOR (n, &l) {
        assert_int_equal(GN_CONTAINER_OF(n, struct item, node)->number, next);
        next += 2;
    }
    assert_int_equal(next, 11);
}

static void assert_same(const struct gn_list *l, struct item *const *model, size_t len)
{
    size_t i = 0;

    GN_LIST_FOR (n, l) {
        assert_true(i < len);
        assert_ptr_equal(n, &model[i]->node);
        i++;
    }
    assert_int_equal(i, len);
    for (const struct gn_list_node *n = gn_list_last(l); n; n = gn_list_prev(l, n)) {
        i--;
        assert_ptr_equal(n, &model[i]->node);
    }
    assert_int_equal(i, 0);
}

static size_t take_out(struct item **model, size_t len, const struct item *it)
{
    size_t at = 0;

    while (model[at] != it) {
        at++;
    }
    memmove(model + at, model + at + 1, (len - at - 1) * sizeof(void *));
    return at;
}

static void random_operations_do_what_an_array_does(void **state)
{
    struct gn_rng rng;
    struct gn_list l;
    struct item items[24] = {0};
    struct item *model[24] = {NULL};
    size_t len = 0;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    gn_list_init(&l);
    for (int i = 0; i < 20000; i++) {
        struct item *it = &items[gn_rng_below(&rng, 24)];

        if (!gn_list_is_linked(&it->node)) {
            size_t at = (size_t)gn_rng_below(&rng, len + 1);

            if (at == len) {
                gn_list_push_back(&l, &it->node);
            } else if (at == 0) {
                gn_list_push_front(&l, &it->node);
            } else {
                gn_list_insert_before(&model[at]->node, &it->node);
            }
            memmove(model + at + 1, model + at, (len - at) * sizeof(void *));
            model[at] = it;
            len++;
        } else if (gn_rng_below(&rng, 3) == 0) {
            take_out(model, len, it);
            model[len - 1] = it;
            gn_list_move_back(&l, &it->node);
        } else if (gn_rng_below(&rng, 2) == 0) {
            struct gn_list_node *n = gn_list_pop_front(&l);

            assert_ptr_equal(n, &model[0]->node);
            take_out(model, len, model[0]);
            len--;
        } else {
            gn_list_remove(&it->node);
            take_out(model, len, it);
            len--;
        }
        assert_same(&l, model, len);
        assert_int_equal(gn_list_is_empty(&l), len == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_no_ends),
        cmocka_unit_test(a_zeroed_node_is_unlinked_and_may_be_removed),
        cmocka_unit_test(a_walk_may_unlink_the_node_it_stands_on),
        cmocka_unit_test(random_operations_do_what_an_array_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
