/* tests/unit/storage/test_blob_codec.c - entries of the index and state files as bytes, whole and damaged. */
#include "base/check.h"
#include "storage/blob_entry.h"
#include "storage/blob_state.h"
#include "storage/mem_store.h"
#include "tests/unit/storage/fixtures.h"

static struct gn_blob_entry entry_of(uint64_t length, const char *path)
{
    struct gn_blob_entry e = {.length = length,
                              .mtime_ns = -5,
                              .inode = 12,
                              .dev = 13,
                              .added_at = 1700000000,
                              .flags = GN_BLOB_EXECUTABLE | GN_BLOB_FETCHED};
    memset(e.root.b, 7, sizeof e.root.b);
    gn_tree_content_id(&e.id, e.length, &e.root);
    (void)snprintf(e.path, sizeof e.path, "%s", path);
    return e;
}

static void an_entry_comes_back_as_it_was(void **state)
{
    (void)state;
    static struct gn_blob_entry in;
    static struct gn_blob_entry out;
    uint8_t bytes[GN_BLOB_ENTRY_MAX];
    in = entry_of(12345, "/home/someone/odd \xff name");
    size_t len = gn_blob_entry_encode(bytes, &in);
    assert_true(len > 0);
    assert_int_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, len)), GN_OK);
    assert_memory_equal(&in.id, &out.id, sizeof in.id);
    assert_true(out.length == 12345 && out.mtime_ns == -5 && out.inode == 12 && out.dev == 13);
    assert_true(out.added_at == 1700000000 && out.flags == in.flags);
    assert_string_equal(out.path, in.path);
    memset(in.path, 'x', sizeof in.path);
    in.path[0] = '/';
    in.path[GN_BLOB_PATH_MAX] = '\0';
    len = gn_blob_entry_encode(bytes, &in);
    assert_int_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, len)), GN_OK);
    assert_string_equal(out.path, in.path);
    in.path[GN_BLOB_PATH_MAX] = 'x'; /* no end */
    assert_int_equal(gn_blob_entry_encode(bytes, &in), 0);
    in = entry_of(1, "relative");
    assert_int_equal(gn_blob_entry_encode(bytes, &in), 0);
    in = entry_of(1, "");
    assert_int_equal(gn_blob_entry_encode(bytes, &in), 0);
}

static void a_damaged_entry_is_refused(void **state)
{
    (void)state;
    static struct gn_blob_entry in;
    static struct gn_blob_entry out;
    uint8_t bytes[GN_BLOB_ENTRY_MAX + 1U];
    in = entry_of(99, "/a/b");
    size_t len = gn_blob_entry_encode(bytes, &in);
    for (size_t i = 0; i < len; i++)
        assert_int_not_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, i)), GN_OK);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x20;
        assert_int_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, len)), i == 0 ? GN_E_VERSION : GN_E_CORRUPT);
        bytes[i] ^= 0x20;
    }
    assert_int_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, sizeof bytes)), GN_E_CORRUPT);
    in.length++; /* the id is that of another length */
    len = gn_blob_entry_encode(bytes, &in);
    assert_int_equal(gn_blob_entry_decode(&out, gn_slice_of(bytes, len)), GN_E_CORRUPT);
}

static bool count_entry(void *data, const struct gn_blob_entry *e)
{
    assert_true(e->length < 100);
    return ++*(unsigned *)data < 3;
}

static void the_index_gives_entries_and_counts_broken_ones(void **state)
{
    (void)state;
    static struct gn_blob_entry e;
    static struct gn_blob_entry out;
    struct gn_store *s = NULL;
    unsigned n = 0;
    size_t broken = 0;
    assert_int_equal(gn_mem_store_new(&s, gn_alloc_default(), 1 << 20), GN_OK);
    for (uint64_t i = 0; i < 3; i++) {
        e = entry_of(i, "/f");
        assert_int_equal(gn_blob_entry_put(s, &e), GN_OK);
    }
    assert_int_equal(gn_blob_entry_get(s, &out, &e.id), GN_OK);
    assert_int_equal(out.length, 2);
    struct gn_id other = {{1}};
    assert_int_equal(gn_blob_entry_get(s, &out, &other), GN_E_NOT_FOUND);
    assert_int_equal(gn_store_file_put(s, &other, gn_slice_str("junk")), GN_OK);
    assert_int_equal(gn_blob_entry_get(s, &out, &other), GN_E_VERSION);
    uint8_t bytes[GN_BLOB_ENTRY_MAX];
    size_t len = gn_blob_entry_encode(bytes, &e);
    assert_int_equal(gn_store_file_put(s, &other, gn_slice_of(bytes, len)), GN_OK); /* under a wrong id */
    assert_int_equal(gn_blob_entry_get(s, &out, &other), GN_E_CORRUPT);
    assert_int_equal(gn_blob_entry_list(s, &broken, NULL, 10, count_entry, &n), GN_OK);
    assert_true(n == 3 && broken == 1);
    n = 2;
    assert_int_equal(gn_blob_entry_list(s, NULL, NULL, 10, count_entry, &n), GN_OK);
    assert_int_equal(n, 3); /* stopped */
    e.path[0] = '\0';
    assert_int_equal(gn_blob_entry_put(s, &e), GN_E_INVALID);
    gn_store_close(s);
}

static struct gn_blob_state state_of(uint64_t length)
{
    struct gn_blob_state s = {.length = length, .flags = GN_BLOB_MANIFEST, .started_at = 44};
    memset(s.root.b, 9, sizeof s.root.b);
    gn_tree_content_id(&s.id, length, &s.root);
    (void)snprintf(s.target, sizeof s.target, "/tmp/target");
    return s;
}

static void a_state_comes_back_and_damage_is_noticed(void **state)
{
    (void)state;
    static uint8_t bytes[GN_BLOB_STATE_HEADER];
    static struct gn_blob_state in;
    static struct gn_blob_state out;
    in = state_of(1 << 20);
    assert_int_equal(gn_blob_state_encode(bytes, &in), GN_OK);
    assert_int_equal(gn_blob_state_decode(&out, gn_slice_of(bytes, sizeof bytes)), GN_OK);
    assert_true(gn_id_eq(&in.id, &out.id) && out.length == in.length && out.flags == in.flags && out.started_at == 44);
    assert_string_equal(out.target, "/tmp/target");
    for (size_t i = 0; i < sizeof bytes; i += i < 200 ? 1 : 111) {
        bytes[i] ^= 1;
        assert_int_equal(gn_blob_state_decode(&out, gn_slice_of(bytes, sizeof bytes)),
                         i == 7 ? GN_E_VERSION : GN_E_CORRUPT);
        bytes[i] ^= 1;
    }
    assert_int_equal(gn_blob_state_decode(&out, gn_slice_of(bytes, sizeof bytes - 1U)), GN_E_CORRUPT);
    assert_int_equal(gn_blob_state_decode(&out, gn_slice_of(NULL, 0)), GN_E_CORRUPT);
    in.id.b[0] ^= 1;
    assert_int_equal(gn_blob_state_encode(bytes, &in), GN_OK);
    assert_int_equal(gn_blob_state_decode(&out, gn_slice_of(bytes, sizeof bytes)), GN_E_CORRUPT);
    in.target[0] = 'r';
    assert_int_equal(gn_blob_state_encode(bytes, &in), GN_E_INVALID);
    memset(in.target, '/', sizeof in.target);
    assert_int_equal(gn_blob_state_encode(bytes, &in), GN_E_INVALID);
}

static void a_page_is_bound_to_its_file_its_place_and_its_bits(void **state)
{
    (void)state;
    uint8_t page[GN_BLOB_STATE_PAGE] = {0};
    static struct gn_blob_state s;
    s = state_of(((uint64_t)GN_BLOB_STATE_PAGE_LEAVES + 5U) * GN_TREE_LEAF);
    assert_int_equal(gn_blob_state_pages(s.length), 2);
    assert_int_equal(gn_blob_state_pages(0), 0);
    assert_int_equal(gn_blob_state_pages((uint64_t)GN_BLOB_STATE_PAGE_LEAVES * GN_TREE_LEAF), 1);
    page[0] = 0x1f;
    gn_blob_state_seal(page, &s.id, 1);
    assert_true(gn_blob_state_page_ok(page, &s, 1));
    assert_false(gn_blob_state_page_ok(page, &s, 0));
    assert_false(gn_blob_state_page_ok(page, &s, 2));
    page[0] = 0x0f;
    assert_false(gn_blob_state_page_ok(page, &s, 1));
    page[0] = 0x3f; /* a sixth leaf, which the file does not have */
    gn_blob_state_seal(page, &s.id, 1);
    assert_false(gn_blob_state_page_ok(page, &s, 1));
    gn_blob_state_seal(page, &s.id, 0);
    assert_true(gn_blob_state_page_ok(page, &s, 0));
    s.id.b[3] ^= 1;
    assert_false(gn_blob_state_page_ok(page, &s, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_comes_back_as_it_was),
        cmocka_unit_test(a_damaged_entry_is_refused),
        cmocka_unit_test(the_index_gives_entries_and_counts_broken_ones),
        cmocka_unit_test(a_state_comes_back_and_damage_is_noticed),
        cmocka_unit_test(a_page_is_bound_to_its_file_its_place_and_its_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
