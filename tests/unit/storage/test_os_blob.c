/* tests/unit/storage/test_os_blob.c - files hashed on several threads and served in place, and what happens to them. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#include "base/check.h"
#include "base/rng.h"
#include "storage/os_blob.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/failing_disk.h"
#include "tests/unit/storage/fixtures.h"

struct world {
    struct temp_dir dir;
    struct gn_blob_dir *blobs;
    char path[512];
};

static int start(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[512];
    temp_dir_make(&w->dir);
    (void)temp_dir_join(&w->dir, w->path, "file");
    assert_int_equal(gn_blob_dir_open(&w->blobs, gn_alloc_default(), temp_dir_join(&w->dir, path, "blobs")), GN_OK);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    (void)gn_failing_disk_disarm();
    gn_blob_dir_close(w->blobs);
    temp_dir_remove(&w->dir);
    free(w);
    return 0;
}

static uint8_t *make_file(const struct world *w, size_t len)
{
    uint8_t *data = malloc(len + 1U);
    fill_pattern(data, len, (uint32_t)len);
    write_file(w->path, data, len);
    return data;
}

static enum gn_err hash_file(const struct world *w, struct gn_blob_entry *entry, const char *path)
{
    struct gn_blob_hash *h = NULL;
    enum gn_err e = gn_blob_hash_open(&h, w->blobs, path);
    while (e == GN_OK && !gn_blob_hash_done(h))
        e = gn_blob_hash_step(h, 1);
    if (e == GN_OK)
        e = gn_blob_hash_finish(h, entry);
    gn_blob_hash_close(h);
    return e;
}

static void root_of(struct gn_tree_hash *root, const uint8_t *data, size_t len)
{
    struct gn_tree_builder b;
    gn_tree_builder_init(&b, NULL, NULL);
    assert_int_equal(gn_tree_builder_add(&b, data, len), GN_OK);
    gn_tree_builder_end(&b, root, NULL);
}

static unsigned count_files(const struct world *w, const char *suffix)
{
    char cmd[512];
    unsigned n = 0;
    DIR *d = opendir(temp_dir_join(&w->dir, cmd, "blobs"));
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        size_t len = strlen(e->d_name);
        n += len > strlen(suffix) && strcmp(e->d_name + len - strlen(suffix), suffix) == 0;
    }
    (void)closedir(d);
    return n;
}

/* ---- hashing ---- */

static void a_hashed_file_has_the_root_of_the_plain_builder(void **state)
{
    struct world *w = *state;
    static const size_t lengths[] = {0, 1, 16384, 16385, 4194303, 4194304, 4194305, 9000001, 50000077};
    for (size_t i = 0; i < GN_ARRAY_LEN(lengths); i++) {
        static struct gn_blob_entry entry;
        struct gn_tree_hash root;
        struct stat st;
        uint8_t *data = make_file(w, lengths[i]);
        assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
        root_of(&root, data, lengths[i]);
        assert_true(gn_tree_hash_eq(&root, &entry.root));
        assert_int_equal(gn_tree_verify_id(&entry.id, lengths[i], &root), GN_OK);
        assert_int_equal(stat(w->path, &st), 0);
        assert_true(entry.length == lengths[i] && entry.inode == st.st_ino && entry.flags == 0);
        assert_string_equal(entry.path, w->path);
        assert_int_equal(gn_blob_entry_check(&entry), GN_OK);
        free(data);
    }
    assert_int_equal(count_files(w, ".tree"), GN_ARRAY_LEN(lengths));
    assert_int_equal(count_files(w, ".tmp"), 0);
}

static void *hash_thread(void *data)
{
    enum gn_err e = GN_OK;
    while (e == GN_OK && !gn_blob_hash_done(data)) {
        uint64_t before = gn_blob_hash_bytes(data);
        e = gn_blob_hash_step(data, 4 << 20);
        if (gn_blob_hash_bytes(data) == before)
            break; /* nothing left to take: others are at the last groups */
    }
    return e == GN_OK ? NULL : data;
}

static void several_threads_hash_one_file_together(void **state)
{
    struct world *w = *state;
    const size_t len = 50 * 1000 * 1000 + 77;
    static struct gn_blob_entry entry;
    struct gn_blob_hash *h = NULL;
    struct gn_tree_hash root;
    pthread_t threads[4];
    uint8_t *data = make_file(w, len);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_OK);
    assert_true(gn_blob_hash_length(h) == len && gn_blob_hash_bytes(h) == 0 && !gn_blob_hash_done(h));
    assert_int_equal(gn_blob_hash_finish(h, &entry), GN_E_INVALID); /* too early */
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_thread, h), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_true(gn_blob_hash_done(h) && gn_blob_hash_bytes(h) == len);
    assert_int_equal(gn_blob_hash_finish(h, &entry), GN_OK);
    static struct gn_blob_entry again;
    assert_int_equal(gn_blob_hash_finish(h, &again), GN_E_INVALID); /* once */
    gn_blob_hash_close(h);
    root_of(&root, data, len);
    assert_true(gn_tree_hash_eq(&root, &entry.root));
    free(data);
}

static void holes_of_a_10_gib_file_are_not_read(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    const uint64_t length = UINT64_C(10) << 30;
    struct timespec a;
    struct timespec b;
    int fd = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)length), 0);
    assert_int_equal(pwrite(fd, "data", 4, (off_t)(length / 2U)), 4);
    assert_int_equal(close(fd), 0);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    print_message("10 GiB of hole hashed in %ld ms of CPU time\n",
                  (long)((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000));
    /* the same tree from its parts: a zero leaf everywhere but in one place */
    struct gn_tree_fold fold;
    struct gn_tree_hash zero;
    struct gn_tree_hash special;
    struct gn_tree_hash root;
    uint8_t leaf[GN_TREE_LEAF] = {'d', 'a', 't', 'a'};
    gn_tree_zero_leaf_hash(&zero);
    gn_tree_leaf_hash(&special, leaf, sizeof leaf);
    gn_tree_fold_init(&fold);
    for (uint64_t i = 0; i < gn_tree_leaves(length); i++)
        gn_tree_fold_add(&fold, i == length / 2U / GN_TREE_LEAF ? &special : &zero, 0);
    gn_tree_fold_root(&fold, &root, gn_tree_height(length));
    assert_true(gn_tree_hash_eq(&root, &entry.root));
}

static void a_file_that_changes_while_it_is_hashed_is_noticed(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob_hash *h = NULL;
    uint8_t *data = make_file(w, 9000000);
    /* written to */
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_OK);
    assert_int_equal(gn_blob_hash_step(h, UINT64_MAX), GN_OK);
    struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 5}};
    assert_int_equal(utimensat(AT_FDCWD, w->path, times, 0), 0);
    assert_int_equal(gn_blob_hash_finish(h, &entry), GN_E_CHANGED);
    gn_blob_hash_close(h);
    /* cut */
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_OK);
    assert_int_equal(gn_blob_hash_step(h, 1), GN_OK);
    assert_int_equal(truncate(w->path, 5000000), 0);
    assert_int_equal(gn_blob_hash_step(h, UINT64_MAX), GN_E_CHANGED);
    assert_int_equal(gn_blob_hash_step(h, UINT64_MAX), GN_E_CHANGED);
    assert_false(gn_blob_hash_done(h));
    assert_int_equal(gn_blob_hash_finish(h, &entry), GN_E_CHANGED);
    gn_blob_hash_close(h);
    /* replaced, and removed */
    for (unsigned removed = 0; removed < 2; removed++) {
        char other[512];
        assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_OK);
        assert_int_equal(gn_blob_hash_step(h, UINT64_MAX), GN_OK);
        if (removed) {
            assert_int_equal(unlink(w->path), 0);
        } else {
            write_file(temp_dir_join(&w->dir, other, "other"), data, 100);
            assert_int_equal(rename(other, w->path), 0);
        }
        assert_int_equal(gn_blob_hash_finish(h, &entry), GN_E_CHANGED);
        gn_blob_hash_close(h);
    }
    assert_int_equal(count_files(w, ".tree") + count_files(w, ".tmp"), 0);
    free(data);
}

static void a_cancelled_job_ends_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob_hash *h = NULL;
    free(make_file(w, 9000000));
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_OK);
    assert_int_equal(gn_blob_hash_step(h, 1), GN_OK);
    assert_int_equal(count_files(w, ".tmp"), 1);
    gn_blob_hash_cancel(h);
    assert_int_equal(gn_blob_hash_step(h, 1), GN_E_CANCELLED);
    assert_int_equal(gn_blob_hash_finish(h, &entry), GN_E_CANCELLED);
    gn_blob_hash_close(h);
    gn_blob_hash_close(NULL);
    assert_int_equal(count_files(w, ".tmp"), 0);
}

static void what_is_no_readable_file_is_refused(void **state)
{
    struct world *w = *state;
    struct gn_blob_hash *h = NULL;
    static char longer[GN_BLOB_PATH_MAX + 2U];
    char fifo[512];
    memset(longer, '/', sizeof longer - 1U);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, longer), GN_E_INVALID);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, ""), GN_E_INVALID);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, "relative"), GN_E_INVALID);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_E_NOT_FOUND);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->dir.path), GN_E_INVALID);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, "/dev/zero"), GN_E_INVALID);
    assert_int_equal(mkfifo(temp_dir_join(&w->dir, fifo, "fifo"), 0600), 0);
    assert_int_equal(gn_blob_hash_open(&h, w->blobs, fifo), GN_E_INVALID);
    assert_null(h);
    /* an odd name is fine: the path is bytes */
    char odd[512];
    static struct gn_blob_entry entry;
    write_file(temp_dir_join(&w->dir, odd, "odd \n\xff name"), "x", 1);
    assert_int_equal(hash_file(w, &entry, odd), GN_OK);
    assert_string_equal(entry.path, odd);
    /* longer than a tree can be */
    int fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ftruncate(fd, (off_t)GN_TREE_LENGTH_MAX + 1) == 0)
        assert_int_equal(gn_blob_hash_open(&h, w->blobs, w->path), GN_E_LIMIT);
    (void)close(fd);
}

static void an_executable_is_marked_as_one(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    write_file(w->path, "#!/bin/sh\n", 10);
    assert_int_equal(chmod(w->path, 0755), 0);
    assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
    assert_int_equal(entry.flags, GN_BLOB_EXECUTABLE);
}

/* ---- serving ---- */

static void ranges_are_served_with_proofs_that_verify(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    static struct gn_tree_hash leaves[GN_TREE_RANGE_MAX];
    struct gn_blob *b = NULL;
    struct gn_rng rng;
    const size_t len = 9000001;
    uint8_t *data = make_file(w, len);
    uint8_t *buf = malloc(len);
    assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_OK);
    assert_true(gn_blob_length(b) == len && gn_tree_hash_eq(gn_blob_root(b), &entry.root));
    gn_rng_init_test(&rng, 1, 1);
    for (unsigned i = 0; i < 100; i++) {
        struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
        size_t n = 0;
        uint64_t first = 0;
        uint64_t count = gn_tree_range_at(&first, len, gn_rng_below(&rng, gn_tree_leaves(len)),
                                          UINT64_C(1) << gn_rng_below(&rng, 11));
        assert_int_equal(gn_blob_prove(b, leaves, uncles, &n, first, count), GN_OK);
        assert_int_equal(gn_tree_verify(&entry.root, gn_tree_range_of(len, first, count), leaves, uncles, n), GN_OK);
        size_t bytes = (size_t)gn_tree_range_len(len, first, count);
        assert_int_equal(gn_blob_read(b, buf, first * GN_TREE_LEAF, bytes), GN_OK);
        assert_memory_equal(buf, data + first * GN_TREE_LEAF, bytes);
    }
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 9;
    assert_int_equal(gn_blob_prove(b, leaves, uncles, &n, 1, 2), GN_E_INVALID);
    assert_int_equal(gn_blob_read(b, buf, len - 5, 6), GN_E_INVALID);
    assert_int_equal(gn_blob_read(b, buf, len + 1, 0), GN_E_INVALID);
    assert_int_equal(gn_blob_read(b, buf, len, 0), GN_OK);
    gn_blob_close(b);
    gn_blob_close(NULL);
    free(buf);
    free(data);
}

static void a_changed_file_is_not_served(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob *b = NULL;
    uint8_t buf[1000];
    free(make_file(w, 100000));
    assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_OK);
    assert_int_equal(gn_blob_check(b), GN_OK);
    /* cut while it is open: no SIGBUS, no short data */
    assert_int_equal(truncate(w->path, 50000), 0);
    assert_int_equal(gn_blob_read(b, buf, 60000, sizeof buf), GN_E_CHANGED);
    assert_int_equal(gn_blob_read(b, buf, 0, sizeof buf), GN_E_CHANGED);
    assert_int_equal(gn_blob_check(b), GN_E_CHANGED);
    gn_blob_close(b);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CHANGED);
    assert_null(b);
    assert_int_equal(gn_blob_entry_check(&entry), GN_E_CHANGED);
    /* same length, written again */
    free(make_file(w, 100000));
    assert_int_equal(gn_blob_entry_check(&entry), GN_E_CHANGED);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CHANGED);
    /* gone; another kind of thing in its place */
    assert_int_equal(unlink(w->path), 0);
    assert_int_equal(gn_blob_entry_check(&entry), GN_E_CHANGED);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CHANGED);
    assert_int_equal(mkfifo(w->path, 0600), 0);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CHANGED);
}

static void a_damaged_tree_file_makes_no_liar_of_us(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob *b = NULL;
    char id[GN_ID_TEXT_LEN + 1U];
    char name[128];
    char path[512];
    free(make_file(w, 100000));
    assert_int_equal(hash_file(w, &entry, w->path), GN_OK);
    gn_id_print(id, &entry.id);
    (void)snprintf(name, sizeof name, "blobs/%s.tree", id);
    (void)temp_dir_join(&w->dir, path, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, 128 + 32 * 3), 6); /* a leaf hash */
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_OK);
    struct gn_tree_hash leaves[8];
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    assert_int_equal(gn_blob_prove(b, leaves, uncles, &n, 0, 4), GN_E_CORRUPT);
    gn_blob_close(b);
    assert_int_equal(ftruncate(fd, 128 + 32 * 2), 0);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CORRUPT);
    assert_int_equal(ftruncate(fd, 50), 0);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_CORRUPT);
    (void)close(fd);
    gn_blob_forget(w->blobs, &entry);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_E_NOT_FOUND);
    assert_int_equal(access(w->path, R_OK), 0); /* a user's file is never removed */
}

static void bytes_of_our_own_are_kept_and_forgotten(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob *b = NULL;
    uint8_t buf[8] = {0};
    assert_int_equal(gn_blob_keep(w->blobs, &entry, gn_slice_str("manifest")), GN_OK);
    assert_true(entry.flags & GN_BLOB_OWN_FILE);
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_OK);
    assert_int_equal(gn_blob_read(b, buf, 0, 8), GN_OK);
    assert_memory_equal(buf, "manifest", 8);
    gn_blob_close(b);
    assert_int_equal(gn_blob_keep(w->blobs, &entry, gn_slice_str("manifest")), GN_OK); /* again: the same */
    assert_int_equal(gn_blob_entry_check(&entry), GN_OK);
    gn_blob_forget(w->blobs, &entry);
    assert_int_equal(gn_blob_entry_check(&entry), GN_E_CHANGED);
    assert_int_equal(gn_blob_keep(w->blobs, &entry, gn_slice_of(NULL, 0)), GN_OK);
    assert_int_equal(entry.length, 0);
    assert_int_equal(gn_blob_keep(w->blobs, &entry, gn_slice_of(buf, (64U << 20) + 1U)), GN_E_LIMIT);
    gn_failing_disk_arm(1, ENOSPC, false);
    assert_int_equal(gn_blob_keep(w->blobs, &entry, gn_slice_str("other")), GN_E_NO_SPACE);
    (void)gn_failing_disk_disarm();
    assert_int_equal(count_files(w, ".data"), 1);
}

/* ---- bad days ---- */

static void every_disk_call_of_hashing_may_fail(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    free(make_file(w, 5000000));
    for (int n = 1;; n++) {
        gn_failing_disk_arm(n, n % 2 ? ENOSPC : EIO, false);
        enum gn_err e = hash_file(w, &entry, w->path);
        if (!gn_failing_disk_disarm()) {
            assert_int_equal(e, GN_OK);
            break;
        }
        assert_int_equal(e, n % 2 ? GN_E_NO_SPACE : GN_E_IO);
        assert_int_equal(count_files(w, ".tmp"), 0);
        assert_true(n < 100);
    }
}

static void every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    char path[512];
    free(make_file(w, 5000000));
    (void)temp_dir_join(&w->dir, path, "blobs");
    for (uint64_t n = 1;; n++) {
        struct gn_failing_alloc fa;
        struct gn_blob_dir *d = NULL;
        struct gn_blob *b = NULL;
        gn_failing_alloc_init(&fa, n);
        enum gn_err e = gn_blob_dir_open(&d, &fa.alloc, path);
        struct world other = {.blobs = d};
        if (e == GN_OK)
            e = hash_file(&other, &entry, w->path);
        if (e == GN_OK)
            e = gn_blob_open(&b, d, &entry);
        gn_blob_close(b);
        gn_blob_dir_close(d);
        assert_int_equal(fa.live, 0);
        assert_int_equal(e, fa.failed ? GN_E_NO_MEMORY : GN_OK);
        if (!fa.failed)
            break;
    }
}

static void left_overs_of_a_killed_process_are_swept(void **state)
{
    struct world *w = *state;
    char path[512];
    struct gn_blob_dir *d = NULL;
    write_file(temp_dir_join(&w->dir, path, "blobs/hash-0.tmp"), "x", 1);
    write_file(temp_dir_join(&w->dir, path, "blobs/keep.tree"), "x", 1);
    assert_int_equal(gn_blob_dir_open(&d, gn_alloc_default(), temp_dir_join(&w->dir, path, "blobs")), GN_OK);
    gn_blob_dir_close(d);
    gn_blob_dir_close(NULL);
    assert_int_equal(count_files(w, ".tmp"), 0);
    assert_int_equal(count_files(w, ".tree"), 1);
    assert_int_equal(gn_blob_dir_open(&d, gn_alloc_default(), ""), GN_E_INVALID);
    assert_int_equal(gn_blob_dir_open(&d, gn_alloc_default(), temp_dir_join(&w->dir, path, "a/b/c")), GN_E_NOT_FOUND);
    assert_int_not_equal(gn_blob_dir_open(&d, gn_alloc_default(), temp_dir_join(&w->dir, path, "blobs/keep.tree")),
                         GN_OK);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hashed_file_has_the_root_of_the_plain_builder),
        TEST(several_threads_hash_one_file_together),
        TEST(holes_of_a_10_gib_file_are_not_read),
        TEST(a_file_that_changes_while_it_is_hashed_is_noticed),
        TEST(a_cancelled_job_ends_and_leaves_nothing),
        TEST(what_is_no_readable_file_is_refused),
        TEST(an_executable_is_marked_as_one),
        TEST(ranges_are_served_with_proofs_that_verify),
        TEST(a_changed_file_is_not_served),
        TEST(a_damaged_tree_file_makes_no_liar_of_us),
        TEST(bytes_of_our_own_are_kept_and_forgotten),
        TEST(every_disk_call_of_hashing_may_fail),
        TEST(every_allocation_may_fail),
        TEST(left_overs_of_a_killed_process_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
