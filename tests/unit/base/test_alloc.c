/* tests/unit/base/test_alloc.c - the default allocator and the failing one of the tests. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/alloc.h"
#include "tests/support/failing_alloc.h"

static void the_default_gives_zeroed_memory_that_can_grow(void **state)
{
    const struct gn_alloc *a = gn_alloc_default();
    uint8_t *p = (uint8_t *)gn_alloc_zeroed(a, 10, 10);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
    }
    memset(p, 7, 100);
    p = (uint8_t *)gn_alloc_resize(a, p, 1000);
    assert_non_null(p);
    assert_int_equal(p[99], 7);
    gn_alloc_free(a, p);
    gn_alloc_free(a, NULL);
    p = (uint8_t *)gn_alloc_resize(a, NULL, 5);
    assert_non_null(p);
    gn_alloc_free(a, p);
}

static void a_product_that_overflows_is_no_memory(void **state)
{
    (void)state;
    assert_null(gn_alloc_zeroed(gn_alloc_default(), SIZE_MAX / 2, 3));
}

static void the_failing_one_fails_at_its_call_and_counts_what_lives(void **state)
{
    struct gn_failing_alloc fa;
    void *a;
    void *b;

    (void)state;
    gn_failing_alloc_init(&fa, 2);
    a = gn_alloc_zeroed(&fa.alloc, 1, 1);
    assert_non_null(a);
    assert_null(gn_alloc_resize(&fa.alloc, NULL, 1));
    b = gn_alloc_resize(&fa.alloc, NULL, 1);
    assert_non_null(b);
    b = gn_alloc_resize(&fa.alloc, b, 100);
    assert_non_null(b);
    assert_int_equal(fa.live, 2);
    assert_int_equal(fa.failed, 1);
    assert_int_equal(fa.calls, 4);
    gn_alloc_free(&fa.alloc, a);
    gn_alloc_free(&fa.alloc, b);
    assert_int_equal(fa.live, 0);
    gn_failing_alloc_init(&fa, 1);
    fa.forever = true;
    assert_null(gn_alloc_zeroed(&fa.alloc, 1, 1));
    assert_null(gn_alloc_zeroed(&fa.alloc, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_gives_zeroed_memory_that_can_grow),
        cmocka_unit_test(a_product_that_overflows_is_no_memory),
        cmocka_unit_test(the_failing_one_fails_at_its_call_and_counts_what_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
