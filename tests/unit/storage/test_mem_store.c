/* tests/unit/storage/test_mem_store.c - what only the store in memory promises: size when empty, failing allocations.
 */
#include "storage/mem_store.h"

#include "storage/store.h"
#include "tests/support/failing_alloc.h"
#include "tests/unit/storage/fixtures.h"

struct metered {
    struct gn_alloc alloc;
    size_t bytes;
};

static void *metered_calloc(void *ctx, size_t n, size_t size)
{
    ((struct metered *)ctx)->bytes += n * size;
    return calloc(n, size);
}

static void *metered_realloc(void *ctx, void *p, size_t size)
{
    ((struct metered *)ctx)->bytes += size;
    return realloc(p, size);
}

static void metered_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static void an_empty_store_takes_less_than_512_bytes(void **state)
{
    (void)state;
    struct metered m = {
        .alloc = {.calloc = metered_calloc, .realloc = metered_realloc, .free = metered_free, .ctx = &m}};
    struct gn_store *s = NULL;
    assert_int_equal(gn_mem_store_new(&s, &m.alloc, 1 << 20), GN_OK);
    assert_true(m.bytes < 512);
    gn_store_close(s);
}

/* A history with every kind of write; true when nothing failed. */
static bool history(struct gn_store *s)
{
    struct gn_store_record r = {.data = gn_slice_str("value"), .expires_at = 10};
    size_t n = 0;
    bool ok = gn_store_begin(s) == GN_OK;
    for (uint8_t i = 0; ok && i < 20; i++) {
        r.key = (struct gn_store_key){.kind = GN_STORE_MUTABLE, .target.b = {i}};
        r.group = i % 3;
        ok = gn_store_put(s, &r) == GN_OK;
    }
    ok = ok && gn_store_meta_put(s, "name", gn_slice_str("x")) == GN_OK;
    ok = ok && gn_store_file_put(s, &r.key.target, gn_slice_str("x")) == GN_OK;
    ok = ok && gn_store_del(s, &r.key) == GN_OK;
    ok = ok && gn_store_expire(s, &n, 20, 5) == GN_OK && n == 5;
    ok = ok && gn_store_meta_del(s, "name") == GN_OK;
    return gn_store_commit(s) == GN_OK && ok;
}

static void every_allocation_may_fail_and_the_batch_is_undone(void **state)
{
    (void)state;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        struct gn_failing_alloc fa;
        struct gn_store *s = NULL;
        struct gn_store_stats st;
        gn_failing_alloc_init(&fa, n);
        enum gn_err e = gn_mem_store_new(&s, &fa.alloc, 1 << 20);
        if (e == GN_OK) {
            bool ok = history(s);
            assert_true(ok == (fa.failed == 0));
            assert_int_equal(gn_store_stats(s, &st), GN_OK);
            assert_int_equal(st.all.count, ok ? 14 : 0);
            assert_int_equal(st.file_count, ok ? 1 : 0);
            assert_int_equal(st.meta_count, 0);
        } else {
            assert_int_equal(e, GN_E_NO_MEMORY);
            assert_null(s);
        }
        gn_store_close(s);
        assert_int_equal(fa.live, 0);
        done = fa.failed == 0;
        assert_true(n < 1000);
    }
}

static void closing_in_the_middle_of_a_batch_frees_everything(void **state)
{
    (void)state;
    struct gn_failing_alloc fa;
    struct gn_store *s = NULL;
    struct gn_store_record r = {.key = {.kind = 1}, .data = gn_slice_str("value")};
    gn_failing_alloc_init(&fa, 0);
    assert_int_equal(gn_mem_store_new(&s, &fa.alloc, 1 << 20), GN_OK);
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    gn_store_trim(s);
    assert_int_equal(gn_store_begin(s), GN_OK);
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    gn_store_close(s);
    gn_store_close(NULL);
    assert_int_equal(fa.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_takes_less_than_512_bytes),
        cmocka_unit_test(every_allocation_may_fail_and_the_batch_is_undone),
        cmocka_unit_test(closing_in_the_middle_of_a_batch_frees_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
