/* tests/unit/overlay/test_outbox.c - effects keep their order and their bytes; limits hold; memory is given back. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/io.h"
#include "tests/support/failing_alloc.h"

static struct gn_effect reply(uint64_t to, const uint8_t *data, size_t len)
{
    struct gn_effect fx = {.type = GN_FX_REPLY};

    fx.u.reply.reply_to = to;
    fx.u.reply.body = gn_slice_of(data, len);
    return fx;
}

static void effects_keep_order_and_bytes(void **state)
{
    struct gn_outbox *box;
    uint8_t bytes[300];

    (void)state;
    assert_int_equal(gn_outbox_new(&box, gn_alloc_default()), GN_OK);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 600; i++) {
            memset(bytes, (int)(i & 0xffU), sizeof bytes);
            struct gn_effect fx = reply(i, bytes, i % 300);
            assert_int_equal(gn_outbox_push(box, &fx), GN_OK);
        }
        assert_int_equal(gn_outbox_len(box), 600);
        for (unsigned i = 0; i < 600; i++) {
            const struct gn_effect *fx = gn_outbox_at(box, i);

            assert_int_equal(fx->u.reply.reply_to, i);
            assert_int_equal(fx->u.reply.body.len, i % 300);
            for (size_t j = 0; j < fx->u.reply.body.len; j++) {
                assert_int_equal(fx->u.reply.body.data[j], i & 0xffU);
            }
        }
        gn_outbox_clear(box);
        assert_int_equal(gn_outbox_len(box), 0);
    }
    gn_outbox_free(box);
    gn_outbox_free(NULL);
}

static void every_kind_of_effect_is_copied_with_what_it_points_to(void **state)
{
    struct gn_outbox *box;
    uint8_t bytes[8] = {1, 2, 3};
    struct gn_contact closest[2] = {{.epk = {5}}, {.epk = {6}}};
    struct gn_effect fx = {.type = GN_FX_QUERY};

    (void)state;
    assert_int_equal(gn_outbox_new(&box, gn_alloc_default()), GN_OK);
    fx.u.query.body = gn_slice_of(bytes, 3);
    assert_int_equal(gn_outbox_push(box, &fx), GN_OK);
    fx = (struct gn_effect){.type = GN_FX_STORE};
    fx.u.store.entry.record = gn_slice_of(bytes, 3);
    fx.u.store.data = gn_slice_of(bytes, 2);
    assert_int_equal(gn_outbox_push(box, &fx), GN_OK);
    fx = (struct gn_effect){.type = GN_FX_OP};
    fx.u.op.record = gn_slice_of(bytes, 1);
    fx.u.op.closest = closest;
    fx.u.op.closest_len = 2;
    assert_int_equal(gn_outbox_push(box, &fx), GN_OK);
    fx.type = (enum gn_effect_type)77;
    assert_int_equal(gn_outbox_push(box, &fx), GN_E_INVALID);
    memset(bytes, 0, sizeof bytes);
    memset(closest, 0, sizeof closest);
    assert_int_equal(gn_outbox_len(box), 3);
    assert_int_equal(gn_outbox_at(box, 0)->u.query.body.data[2], 3);
    assert_int_equal(gn_outbox_at(box, 1)->u.store.entry.record.data[2], 3);
    assert_int_equal(gn_outbox_at(box, 1)->u.store.data.data[1], 2);
    assert_int_equal(gn_outbox_at(box, 2)->u.op.record.data[0], 1);
    assert_int_equal(gn_outbox_at(box, 2)->u.op.closest[1].epk[0], 6);
    gn_outbox_free(box);
}

static void full_means_that_nothing_was_added(void **state)
{
    static uint8_t big[65536];
    struct gn_outbox *box;
    struct gn_effect fx = reply(1, big, sizeof big);
    enum gn_err err = GN_OK;
    size_t n = 0;

    (void)state;
    assert_int_equal(gn_outbox_new(&box, gn_alloc_default()), GN_OK);
    while ((err = gn_outbox_push(box, &fx)) == GN_OK) {
        n++;
        assert_true(n < 1000);
    }
    assert_int_equal(err, GN_E_FULL);
    assert_int_equal(gn_outbox_len(box), n);
    assert_true(n >= 100);
    gn_outbox_clear(box);
    fx = reply(1, NULL, 0);
    n = 0;
    while ((err = gn_outbox_push(box, &fx)) == GN_OK) {
        n++;
        assert_true(n < 100000);
    }
    assert_int_equal(err, GN_E_FULL);
    assert_int_equal(gn_outbox_len(box), n);
    gn_outbox_free(box);
}

static void failing_memory_leaves_the_box_usable(void **state)
{
    uint8_t bytes[5000] = {0};

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct gn_failing_alloc fa;
        struct gn_outbox *box;
        size_t pushed = 0;

        gn_failing_alloc_init(&fa, nth);
        if (gn_outbox_new(&box, &fa.alloc) == GN_OK) {
            for (unsigned i = 0; i < 100; i++) {
                struct gn_effect fx = reply(i, bytes, sizeof bytes);

                pushed += gn_outbox_push(box, &fx) == GN_OK;
            }
            assert_int_equal(gn_outbox_len(box), pushed);
            assert_true(pushed >= 99);
            gn_outbox_clear(box);
            gn_outbox_free(box);
        }
        assert_int_equal(fa.live, 0);
        if (fa.failed == 0) {
            assert_true(nth > 5);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_keep_order_and_bytes),
        cmocka_unit_test(every_kind_of_effect_is_copied_with_what_it_points_to),
        cmocka_unit_test(full_means_that_nothing_was_added),
        cmocka_unit_test(failing_memory_leaves_the_box_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
