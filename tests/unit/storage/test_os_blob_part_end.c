/* tests/unit/storage/test_os_blob_part_end.c - downloads: finishing without harm, and disks and memory that fail. */
#include <errno.h>
#include <sys/mount.h>

#include "tests/support/failing_alloc.h"
#include "tests/unit/storage/part_fixtures.h"

/* ---- finishing ---- */

static void a_file_that_is_there_is_not_overwritten(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    char other[512];
    char folder[512];
    for (unsigned old = 0; old < 2; old++) { /* also on file systems without RENAME_NOREPLACE */
        gn_failing_disk_old(false, old == 1);
        struct gn_blob_part *p = begin(w);
        complete(p, &w->src);
        write_file(w->what.target, "mine", 4);
        assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_E_EXISTS);
        assert_int_equal(gn_blob_part_finish(p, &entry, "relative"), GN_E_INVALID);
        assert_int_equal(gn_blob_part_finish(p, &entry, temp_dir_join(&w->dir, folder, "folder/")), GN_E_INVALID);
        assert_int_equal(gn_blob_part_finish(p, &entry, temp_dir_join(&w->dir, folder, "no/such")), GN_E_NOT_FOUND);
        assert_int_equal(gn_blob_part_finish(p, &entry, temp_dir_join(&w->dir, other, "other")), GN_OK);
        assert_string_equal(entry.path, other);
        gn_blob_part_close(p);
        assert_file(other, &w->src);
        struct stat st;
        assert_int_equal(stat(w->what.target, &st), 0);
        assert_int_equal(st.st_size, 4);
        /* the same content there already: taken as the result */
        assert_int_equal(rename(other, w->what.target), 0);
        p = begin(w);
        complete(p, &w->src);
        assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
        gn_blob_part_close(p);
        assert_file(w->what.target, &w->src);
        assert_int_equal(left_in(w, ".", "-part"), 0);
        /* the same length, another content */
        int fd = open(w->what.target, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "!", 1, LENGTH / 2), 1);
        (void)close(fd);
        p = begin(w);
        complete(p, &w->src);
        assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_E_EXISTS);
        gn_blob_part_discard(p);
        gn_blob_part_close(p);
        assert_int_equal(unlink(w->what.target), 0);
    }
}

static void damage_on_the_disk_is_found_before_the_file_gets_its_name(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    char id[GN_ID_TEXT_LEN + 1U];
    char name[128];
    char path[512];
    struct gn_tree_hash h;
    struct gn_blob_part *p = begin(w);
    complete(p, &w->src);
    gn_id_print(id, &w->src.id);
    (void)snprintf(name, sizeof name, "blobs/%s.ptree", id);
    int fd = open(temp_dir_join(&w->dir, path, name), O_RDWR | O_CLOEXEC);
    memset(&h, 1, sizeof h);
    assert_int_equal(pwrite(fd, &h, sizeof h, 128 + 32 * 77), 32);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_E_CORRUPT);
    assert_int_equal(gn_blob_part_leaves_done(p), LEAVES - 1U);
    assert_false(gn_blob_part_have(p, 77));
    complete(p, &w->src);
    /* hashes and data agree, but on another file */
    uint8_t leaf[GN_TREE_LEAF] = {1};
    gn_tree_leaf_hash(&h, leaf, sizeof leaf);
    assert_int_equal(pwrite(fd, &h, sizeof h, 128 + 32 * 5), 32);
    assert_int_equal(gn_blob_part_write(p, NULL, 5, 1, NULL, gn_slice_of(leaf, sizeof leaf)), GN_OK);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_E_CORRUPT);
    assert_int_equal(gn_blob_part_leaves_done(p), 0);
    assert_int_equal(gn_blob_part_bytes(p), 0);
    complete(p, &w->src);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    (void)close(fd);
    assert_file(w->what.target, &w->src);
}

/* ---- bad days ---- */

static void bad_arguments_leave_nothing_behind(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = NULL;
    struct gn_blob_state bad = w->what;
    bad.length++;
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_AUTH);
    bad.length = GN_TREE_LENGTH_MAX + 1U;
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_LIMIT);
    bad = w->what;
    (void)snprintf(bad.target, sizeof bad.target, "relative");
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_INVALID);
    memset(bad.target, '/', sizeof bad.target);
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_INVALID);
    bad.target[9] = '\0';
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_INVALID); /* no name */
    memset(bad.target + 1, 'x', sizeof bad.target - 2U);
    bad.target[sizeof bad.target - 1U] = '\0';
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_LIMIT);
    (void)snprintf(bad.target, sizeof bad.target, "%s/no/folder", w->dir.path);
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &bad), GN_E_NOT_FOUND);
    assert_null(p);
    assert_int_equal(left_in(w, "blobs", "e") + left_in(w, ".", "-part"), 0);
    gn_blob_part_close(NULL);
    gn_blob_part_forget(w->blobs, &w->src.id);
}

static void every_disk_call_of_a_download_may_fail(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct source small;
    source_make(&small, 5 * GN_TREE_LEAF);
    what_of(&w->what, w, &small);
    for (int n = 1;; n++) {
        struct gn_blob_part *p = NULL;
        assert_true(n < 200);
        gn_failing_disk_arm(n, n % 2 ? ENOSPC : EIO, false);
        enum gn_err e = gn_blob_part_new(&p, w->blobs, &w->what);
        if (e != GN_OK) {
            assert_true(gn_failing_disk_disarm());
            assert_int_equal(e, n % 2 ? GN_E_NO_SPACE : GN_E_IO);
            assert_int_equal(left_in(w, "blobs", "e") + left_in(w, ".", "-part"), 0);
            continue;
        }
        e = accept(p, &small, 0, 8);
        if (e == GN_OK)
            e = write_run(p, &small, 0, 5);
        if (e == GN_OK)
            e = gn_blob_part_checkpoint(p);
        if (e == GN_OK)
            e = gn_blob_part_finish(p, &entry, NULL);
        bool failed = gn_failing_disk_disarm();
        assert_int_equal(e, !failed ? GN_OK : n % 2 ? GN_E_NO_SPACE : GN_E_IO);
        if (failed) { /* the disk is well again: it goes on where it was */
            assert_int_equal(accept(p, &small, 0, 8), GN_OK);
            assert_int_equal(write_run(p, &small, 0, 5), GN_OK);
            assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
            assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
        }
        gn_blob_part_close(p);
        assert_file(w->what.target, &small);
        assert_int_equal(unlink(w->what.target), 0);
        gn_blob_part_forget(w->blobs, &small.id);
        if (!failed)
            break;
    }
    source_free(&small);
}

static void every_allocation_of_a_download_may_fail(void **state)
{
    struct world *w = *state;
    char path[512];
    static struct gn_blob_entry entry;
    struct source small;
    source_make(&small, 5 * GN_TREE_LEAF);
    what_of(&w->what, w, &small);
    (void)temp_dir_join(&w->dir, path, "blobs");
    for (uint64_t n = 1;; n++) {
        struct gn_failing_alloc fa;
        struct gn_blob_dir *d = NULL;
        struct gn_blob_part *p = NULL;
        bool done = false;
        gn_failing_alloc_init(&fa, n);
        enum gn_err e = gn_blob_dir_open(&d, &fa.alloc, path);
        if (e == GN_OK)
            e = gn_blob_part_new(&p, d, &w->what);
        if (e == GN_OK)
            e = accept(p, &small, 0, 8);
        if (e == GN_OK)
            e = write_run(p, &small, 0, 5);
        if (e == GN_OK)
            e = gn_blob_part_checkpoint(p);
        gn_blob_part_close(p);
        p = NULL;
        if (e == GN_OK)
            e = gn_blob_part_resume(&p, d, &small.id);
        if (e == GN_OK)
            e = gn_blob_part_recheck(p, &done, UINT64_MAX);
        if (e == GN_OK)
            e = gn_blob_part_finish(p, &entry, NULL);
        gn_blob_part_close(p);
        gn_blob_dir_close(d);
        assert_int_equal(fa.live, 0);
        assert_int_equal(e, fa.failed ? GN_E_NO_MEMORY : GN_OK);
        gn_blob_part_forget(w->blobs, &small.id);
        if (!fa.failed)
            break;
    }
    source_free(&small);
}

static bool see_id(void *data, const struct gn_id *id)
{
    struct gn_id *seen = data;
    *seen = *id;
    return true;
}

static void downloads_are_listed(void **state)
{
    struct world *w = *state;
    struct gn_id seen = {{0}};
    char path[512];
    write_file(temp_dir_join(&w->dir, path, "blobs/not-an-id.state"), "x", 1);
    assert_int_equal(gn_blob_part_list(w->blobs, 10, see_id, &seen), GN_OK);
    assert_true(gn_id_is_zero(&seen));
    gn_blob_part_close(begin(w));
    assert_int_equal(gn_blob_part_list(w->blobs, 0, see_id, &seen), GN_OK);
    assert_true(gn_id_is_zero(&seen));
    assert_int_equal(gn_blob_part_list(w->blobs, 10, see_id, &seen), GN_OK);
    assert_true(gn_id_eq(&seen, &w->src.id));
}

static void a_file_system_that_cannot_reserve_still_serves(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    gn_failing_disk_old(true, true);
    struct gn_blob_part *p = begin(w);
    complete(p, &w->src);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_file(w->what.target, &w->src);
}

static void a_full_disk_is_said_at_the_start_and_harms_nothing(void **state)
{
    struct world *w = *state;
    char mount_at[512];
    struct gn_blob_part *p = NULL;
    assert_int_equal(mkdir(temp_dir_join(&w->dir, mount_at, "small"), 0700), 0);
    if (mount("tmpfs", mount_at, "tmpfs", 0, "size=4m") != 0) {
        print_message("SKIPPED: no right to mount a small tmpfs: the full disk is only simulated in this run\n");
        skip();
    }
    (void)snprintf(w->what.target, sizeof w->what.target, "%s/target", mount_at);
    enum gn_err reserved = gn_blob_part_new(&p, w->blobs, &w->what);
    gn_failing_disk_old(true, false); /* asked for room without reserving */
    enum gn_err asked = gn_blob_part_new(&p, w->blobs, &w->what);
    unsigned left = left_in(w, "small", "-part");
    assert_int_equal(umount(mount_at), 0);
    assert_int_equal(reserved, GN_E_NO_SPACE);
    assert_int_equal(asked, GN_E_NO_SPACE);
    assert_int_equal(left, 0);
    assert_int_equal(left_in(w, "blobs", "e"), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_there_is_not_overwritten),
        TEST(damage_on_the_disk_is_found_before_the_file_gets_its_name),
        TEST(bad_arguments_leave_nothing_behind),
        TEST(every_disk_call_of_a_download_may_fail),
        TEST(every_allocation_of_a_download_may_fail),
        TEST(downloads_are_listed),
        TEST(a_file_system_that_cannot_reserve_still_serves),
        TEST(a_full_disk_is_said_at_the_start_and_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
