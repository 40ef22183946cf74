/* tests/unit/overlay/test_book.c - contacts are kept once, as long as somebody holds them. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/book.h"
#include "tests/support/failing_alloc.h"

static const uint8_t key[16] = {3};

static struct gn_contact contact(unsigned n)
{
    struct gn_contact c = {.addr = {.family = GN_ADDR_V4, .port = 1}};

    c.id.b[0] = (uint8_t)n;
    c.id.b[1] = (uint8_t)(n >> 8U);
    return c;
}

static void equal_contacts_share_one_handle(void **state)
{
    struct gn_book b;
    struct gn_contact c = contact(1);
    gn_book_handle x, y, z;

    (void)state;
    gn_book_init(&b, gn_alloc_default(), key, 100);
    assert_int_equal(gn_book_take(&b, &x, &c), GN_OK);
    assert_int_equal(gn_book_take(&b, &y, &c), GN_OK);
    assert_int_equal(x, y);
    c.epk[0] = 1; /* another epoch key is another contact */
    assert_int_equal(gn_book_take(&b, &z, &c), GN_OK);
    assert_int_not_equal(x, z);
    assert_int_equal(gn_book_len(&b), 2);
    gn_book_drop(&b, x);
    assert_int_equal(gn_book_len(&b), 2);
    gn_book_drop(&b, gn_book_hold(&b, x));
    gn_book_drop(&b, y);
    assert_int_equal(gn_book_len(&b), 1);
    assert_int_equal(gn_book_get(&b, z)->epk[0], 1);
    gn_book_drop(&b, z);
    gn_book_drop(&b, 0);
    assert_int_equal(gn_book_hold(&b, 0), 0);
    assert_int_equal(gn_book_len(&b), 0);
    gn_book_fini(&b);
}

static void contacts_stay_where_they_are_while_others_come_and_go(void **state)
{
    struct gn_book b;
    gn_book_handle h[1000];
    const struct gn_contact *first = NULL;

    (void)state;
    gn_book_init(&b, gn_alloc_default(), key, 1000);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            struct gn_contact c = contact(i);

            assert_int_equal(gn_book_take(&b, &h[i], &c), GN_OK);
            first = i == 0 ? gn_book_get(&b, h[0]) : first;
        }
        struct gn_contact more = contact(5000);
        gn_book_handle full;
        assert_int_equal(gn_book_take(&b, &full, &more), GN_E_FULL);
        assert_int_equal(full, 0);
        assert_ptr_equal(first, gn_book_get(&b, h[0]));
        for (unsigned i = 0; i < 1000; i++) {
            assert_int_equal(gn_book_get(&b, h[i])->id.b[0], i & 0xffU);
            gn_book_drop(&b, h[i]);
        }
        assert_int_equal(gn_book_len(&b), 0);
    }
    gn_book_fini(&b);
}

static void failing_memory_gives_no_handle_and_no_leak(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct gn_failing_alloc fa;
        struct gn_book b;
        unsigned got = 0;

        gn_failing_alloc_init(&fa, nth);
        gn_book_init(&b, &fa.alloc, key, 1000);
        for (unsigned i = 0; i < 300; i++) {
            struct gn_contact c = contact(i);
            gn_book_handle h;

            if (gn_book_take(&b, &h, &c) == GN_OK) {
                got++;
            } else {
                assert_int_equal(h, 0);
            }
        }
        assert_int_equal(gn_book_len(&b), got);
        assert_true(got >= 299);
        gn_book_fini(&b);
        assert_int_equal(fa.live, 0);
        if (fa.failed == 0) {
            assert_true(nth > 10);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_contacts_share_one_handle),
        cmocka_unit_test(contacts_stay_where_they_are_while_others_come_and_go),
        cmocka_unit_test(failing_memory_gives_no_handle_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
