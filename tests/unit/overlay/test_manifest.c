/* tests/unit/overlay/test_manifest.c - manifests: one encoding per folder, and nothing else is read. */
#include "overlay/files/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"

static struct gn_manifest_builder b;
static struct gn_manifest m;

static enum gn_err add(uint8_t type, const char *path, uint64_t length)
{
    struct gn_manifest_entry e = {.type = type, .path = gn_slice_str(path), .length = length};
    if (length > 0)
        memset(e.root, 0x5a, sizeof e.root);
    return gn_manifest_builder_add(&b, &e);
}

static int begin(void **state)
{
    (void)state;
    gn_manifest_builder_init(&b, gn_alloc_default());
    return 0;
}

static int end(void **state)
{
    (void)state;
    gn_manifest_builder_fini(&b);
    return 0;
}

static void add_some(void)
{
    assert_int_equal(add(GN_MANIFEST_FILE, "a/b", 5), GN_OK);
    assert_int_equal(add(GN_MANIFEST_PROGRAM, "a/b.c", 6), GN_OK);
    assert_int_equal(add(GN_MANIFEST_FILE, "a!", 0), GN_OK);
    assert_int_equal(add(GN_MANIFEST_FOLDER, "b", 0), GN_OK);
    assert_int_equal(add(GN_MANIFEST_FILE, "\xc3\xa4", 1), GN_OK);
}

static void what_is_built_reads_back(void **state)
{
    struct gn_manifest_entry e;
    static const char *const paths[] = {"a/b", "a/b.c", "a!", "b", "\xc3\xa4"};
    size_t at = 0, n = 0;
    (void)state;
    add_some();
    assert_int_equal(gn_manifest_open(&m, gn_manifest_builder_bytes(&b)), GN_OK);
    assert_int_equal(m.entries, 5);
    assert_int_equal(m.files, 4);
    assert_int_equal(m.total, 12);
    while (gn_manifest_next(&m, &e, &at)) {
        assert_true(gn_slice_eq(e.path, gn_slice_str(paths[n])));
        n++;
    }
    assert_int_equal(n, 5);
}

static void an_empty_folder_has_a_manifest(void **state)
{
    struct gn_manifest_entry e;
    size_t at = 0;
    (void)state;
    assert_int_equal(gn_manifest_open(&m, gn_manifest_builder_bytes(&b)), GN_OK);
    assert_int_equal(m.entries, 0);
    assert_false(gn_manifest_next(&m, &e, &at));
}

static void order_duplicates_and_files_inside_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(add(GN_MANIFEST_FILE, "m", 1), GN_OK);
    assert_int_equal(add(GN_MANIFEST_FILE, "m", 1), GN_E_INVALID);
    assert_int_equal(add(GN_MANIFEST_FILE, "a", 1), GN_E_INVALID);
    assert_int_equal(add(GN_MANIFEST_FILE, "m/x", 1), GN_E_INVALID);
    assert_int_equal(add(GN_MANIFEST_FILE, "m!", 1), GN_OK);
    assert_int_equal(add(GN_MANIFEST_FILE, "m/x", 1), GN_E_INVALID); /* stands before m! */
    assert_int_equal(b.entries, 2);
}

static void unsafe_paths_are_refused(void **state)
{
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\nb", "\xff", "a\x7f"};
    char deep[2 * GN_MANIFEST_DEPTH_MAX + 2U];
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++)
        assert_int_equal(add(GN_MANIFEST_FILE, bad[i], 1), GN_E_INVALID);
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2U ? '/' : 'd';
    deep[sizeof deep - 1U] = '\0';
    assert_int_equal(add(GN_MANIFEST_FILE, deep, 1), GN_E_INVALID);
    deep[2U * GN_MANIFEST_DEPTH_MAX - 1U] = '\0';
    assert_int_equal(add(GN_MANIFEST_FILE, deep, 1), GN_OK);
}

static void entries_must_make_sense(void **state)
{
    struct gn_manifest_entry e = {.type = 3, .path = gn_slice_str("a")};
    (void)state;
    assert_int_equal(gn_manifest_builder_add(&b, &e), GN_E_INVALID);
    e.type = GN_MANIFEST_FILE;
    e.root[0] = 1; /* an empty file with a root */
    assert_int_equal(gn_manifest_builder_add(&b, &e), GN_E_INVALID);
    e.length = GN_MANIFEST_FILE_MAX + 1U;
    assert_int_equal(gn_manifest_builder_add(&b, &e), GN_E_INVALID);
    e.length = GN_MANIFEST_FILE_MAX;
    assert_int_equal(gn_manifest_builder_add(&b, &e), GN_OK);
}

static void slash_is_the_lowest_byte(void **state)
{
    (void)state;
    assert_true(gn_manifest_compare(gn_slice_str("a/z"), gn_slice_str("a!")) < 0);
    assert_true(gn_manifest_compare(gn_slice_str("a"), gn_slice_str("a/b")) < 0);
    assert_true(gn_manifest_compare(gn_slice_str("a0"), gn_slice_str("a/b")) > 0);
    assert_int_equal(gn_manifest_compare(gn_slice_str("a/b"), gn_slice_str("a/b")), 0);
    assert_true(gn_manifest_compare(gn_slice_str("\xc3\xa4"), gn_slice_str("z")) > 0);
}

/* Whatever is changed: it is refused, or it is another well-formed manifest that encodes to exactly these bytes. */
static void check_canonical(struct gn_slice bytes)
{
    struct gn_manifest got;
    struct gn_manifest_builder again;
    struct gn_manifest_entry e;
    if (gn_manifest_open(&got, bytes) != GN_OK)
        return;
    gn_manifest_builder_init(&again, gn_alloc_default());
    for (size_t at = 0; gn_manifest_next(&got, &e, &at);)
        assert_int_equal(gn_manifest_builder_add(&again, &e), GN_OK);
    assert_true(gn_slice_eq(gn_manifest_builder_bytes(&again), bytes));
    gn_manifest_builder_fini(&again);
}

static void changed_cut_and_lengthened_bytes_are_no_second_encoding(void **state)
{
    uint8_t bytes[512];
    (void)state;
    add_some();
    struct gn_slice good = gn_manifest_builder_bytes(&b);
    for (size_t i = 0; i < good.len; i++) {
        assert_int_not_equal(gn_manifest_open(&m, gn_slice_of(good.data, i)), GN_OK);
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bytes, good.data, good.len);
            bytes[i] ^= (uint8_t)(1U << bit);
            check_canonical(gn_slice_of(bytes, good.len));
        }
    }
    memcpy(bytes, good.data, good.len);
    bytes[good.len] = 0;
    assert_int_equal(gn_manifest_open(&m, gn_slice_of(bytes, good.len + 1U)), GN_E_MALFORMED);
    bytes[4] = 2;
    assert_int_equal(gn_manifest_open(&m, gn_slice_of(bytes, good.len)), GN_E_VERSION);
    memset(bytes + 5, 0xff, 4);
    bytes[4] = 1;
    assert_int_equal(gn_manifest_open(&m, gn_slice_of(bytes, good.len)), GN_E_LIMIT);
}

static void many_entries_fit_and_memory_may_fail(void **state)
{
    struct gn_failing_alloc fa;
    (void)state;
    for (uint64_t n = 1;; n++) {
        enum gn_err err = GN_OK;
        gn_failing_alloc_init(&fa, n);
        struct gn_manifest_builder big;
        gn_manifest_builder_init(&big, &fa.alloc);
        for (unsigned i = 0; i < 2000 && err == GN_OK; i++) {
            char path[16];
            (void)snprintf(path, sizeof path, "f%06u", i);
            err = gn_manifest_builder_add(
                &big, &(struct gn_manifest_entry){.type = GN_MANIFEST_FILE, .path = gn_slice_str(path)});
        }
        assert_int_equal(err, fa.failed ? GN_E_NO_MEMORY : GN_OK);
        if (big.len > 0) /* what is there is whole */
            assert_int_equal(gn_manifest_open(&m, gn_manifest_builder_bytes(&big)), GN_OK);
        gn_manifest_builder_fini(&big);
        assert_int_equal(fa.live, 0);
        if (!fa.failed)
            break;
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(what_is_built_reads_back),
        T(an_empty_folder_has_a_manifest),
        T(order_duplicates_and_files_inside_files_are_refused),
        T(unsafe_paths_are_refused),
        T(entries_must_make_sense),
        T(slash_is_the_lowest_byte),
        T(changed_cut_and_lengthened_bytes_are_no_second_encoding),
        T(many_entries_fit_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
