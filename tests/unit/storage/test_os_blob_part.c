/* tests/unit/storage/test_os_blob_part.c - downloads: verified writing, liars, checkpoints, kill -9. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/rng.h"
#include "tests/unit/storage/part_fixtures.h"

/* ---- the good day ---- */

static void a_complete_download_becomes_the_file_and_is_served(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob *b = NULL;
    struct stat st;
    w->what.flags = GN_BLOB_EXECUTABLE;
    struct gn_blob_part *p = begin(w);
    assert_true(gn_blob_part_leaves(p) == LEAVES && gn_blob_part_leaves_done(p) == 0 && gn_blob_part_bytes(p) == 0);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_E_AGAIN);
    complete(p, &w->src);
    assert_true(gn_blob_part_leaves_done(p) == LEAVES && gn_blob_part_bytes(p) == LENGTH);
    assert_int_equal(access(w->what.target, F_OK), -1); /* nobody sees half a file under its name */
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_file(w->what.target, &w->src);
    assert_int_equal(stat(w->what.target, &st), 0);
    assert_true(st.st_mode & 0100);
    assert_true(gn_id_eq(&entry.id, &w->src.id) && entry.flags == (GN_BLOB_EXECUTABLE | GN_BLOB_FETCHED));
    assert_int_equal(gn_blob_open(&b, w->blobs, &entry), GN_OK);
    static struct gn_tree_hash leaves[GN_TREE_RANGE_MAX];
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    assert_int_equal(gn_blob_prove(b, leaves, uncles, &n, 512, 38), GN_OK);
    assert_int_equal(gn_blob_prove(b, leaves, uncles, &n, 256, 256), GN_OK);
    gn_blob_close(b);
    assert_int_equal(left_in(w, "blobs", ".tree"), 1);
    assert_int_equal(left_in(w, "blobs", ".ptree") + left_in(w, "blobs", ".state") + left_in(w, ".", "-part"), 0);
}

static void an_empty_file_is_complete_at_once(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct source empty;
    struct stat st;
    bool done = false;
    uint64_t first = 0;
    uint64_t run = 0;
    source_make(&empty, 0);
    what_of(&w->what, w, &empty);
    struct gn_blob_part *p = begin(w);
    assert_false(gn_blob_part_missing(p, &first, &run, 0, 10));
    assert_int_equal(gn_blob_part_recheck(p, &done, 10), GN_OK);
    assert_true(done && gn_blob_part_complete(p));
    assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_int_equal(stat(w->what.target, &st), 0);
    assert_int_equal(st.st_size, 0);
    source_free(&empty);
}

static void missing_runs_are_found_in_any_order_of_arrival(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = begin(w);
    uint64_t first = 0;
    uint64_t run = 0;
    assert_true(gn_blob_part_missing(p, &first, &run, 0, 1000));
    assert_true(first == 0 && run == LEAVES);
    for (uint64_t i = 0; i < LEAVES; i += 64)
        assert_int_equal(accept(p, &w->src, i, 64), GN_OK);
    assert_int_equal(write_run(p, &w->src, 0, 130), GN_OK);
    assert_int_equal(write_run(p, &w->src, 140, 1), GN_OK);
    assert_int_equal(write_run(p, &w->src, 140, 1), GN_OK); /* again: counted once */
    assert_int_equal(write_run(p, &w->src, 549, 1), GN_OK);
    assert_true(gn_blob_part_leaves_done(p) == 132);
    assert_true(gn_blob_part_bytes(p) == 131U * GN_TREE_LEAF + gn_tree_leaf_len(LENGTH, 549));
    assert_true(gn_blob_part_missing(p, &first, &run, 0, 64));
    assert_true(first == 130 && run == 10);
    assert_true(gn_blob_part_missing(p, &first, &run, 140, 64));
    assert_true(first == 141 && run == 64);
    assert_true(gn_blob_part_missing(p, &first, &run, 500, 64));
    assert_true(first == 500 && run == 49);
    assert_false(gn_blob_part_missing(p, &first, &run, 549, 64));
    assert_false(gn_blob_part_missing(p, &first, &run, 100000, 64));
    assert_true(gn_blob_part_have(p, 129) && !gn_blob_part_have(p, 130) && !gn_blob_part_have(p, 550));
    gn_blob_part_discard(p);
    gn_blob_part_close(p);
    assert_int_equal(left_in(w, "blobs", "e") + left_in(w, ".", "-part"), 0);
}

/* ---- liars ---- */

static void a_liar_costs_nothing_that_was_verified(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = begin(w);
    struct source *s = &w->src;
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    uint64_t bad = 99;
    assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s->length, 64, 64), source_read, s), GN_OK);
    uncles[0].b[0] ^= 1;
    assert_int_equal(gn_blob_part_accept(p, 64, 64, s->hashes + 64, uncles, n), GN_E_AUTH);
    uncles[0].b[0] ^= 1;
    assert_int_equal(gn_blob_part_accept(p, 64, 64, s->hashes + 64, uncles, n - 1), GN_E_MALFORMED);
    assert_int_equal(gn_blob_part_accept(p, 65, 64, s->hashes + 64, uncles, n), GN_E_INVALID);
    size_t len = (size_t)gn_tree_range_len(s->length, 64, 4);
    /* no hash was accepted: nothing to verify against */
    assert_int_equal(gn_blob_part_write(p, &bad, 64, 4, NULL, gn_slice_of(s->data + 64 * GN_TREE_LEAF, len)),
                     GN_E_AGAIN);
    assert_int_equal(gn_blob_part_accept(p, 64, 64, s->hashes + 64, uncles, n), GN_OK);
    uint8_t *lie = malloc(len);
    memcpy(lie, s->data + 64 * GN_TREE_LEAF, len);
    lie[2 * GN_TREE_LEAF + 5] ^= 1;
    assert_int_equal(gn_blob_part_write(p, &bad, 64, 4, s->hashes + 64, gn_slice_of(lie, len)), GN_E_AUTH);
    assert_int_equal(bad, 66);
    assert_int_equal(gn_blob_part_write(p, NULL, 64, 4, NULL, gn_slice_of(lie, len)), GN_E_AUTH);
    assert_int_equal(gn_blob_part_leaves_done(p), 0);
    assert_int_equal(gn_blob_part_write(p, &bad, 64, 4, NULL, gn_slice_of(lie, len - 1)), GN_E_MALFORMED);
    assert_int_equal(gn_blob_part_write(p, &bad, 64, 0, NULL, gn_slice_of(lie, 0)), GN_E_INVALID);
    assert_int_equal(gn_blob_part_write(p, &bad, 549, 2, NULL, gn_slice_of(lie, len)), GN_E_INVALID);
    assert_int_equal(gn_blob_part_write(p, &bad, 550, 1, NULL, gn_slice_of(lie, len)), GN_E_INVALID);
    memcpy(lie, s->data + 64 * GN_TREE_LEAF, len);
    assert_int_equal(gn_blob_part_write(p, &bad, 64, 4, NULL, gn_slice_of(lie, len)), GN_OK);
    assert_int_equal(gn_blob_part_leaves_done(p), 4);
    free(lie);
    gn_blob_part_close(p);
}

/* ---- serving while fetching ---- */

static void what_is_here_can_be_served_before_the_rest_comes(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = begin(w);
    static struct gn_tree_hash leaves[GN_TREE_RANGE_MAX];
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    uint8_t buf[100];
    size_t n = 0;
    assert_int_equal(gn_blob_part_prove(p, leaves, uncles, &n, 0, 16), GN_E_AGAIN);
    assert_int_equal(accept(p, &w->src, 256, 256), GN_OK);
    assert_int_equal(gn_blob_part_read(p, buf, 300 * GN_TREE_LEAF, 100), GN_E_AGAIN);
    assert_int_equal(write_run(p, &w->src, 300, 2), GN_OK);
    assert_int_equal(gn_blob_part_read(p, buf, 301 * GN_TREE_LEAF - 50, 100), GN_OK);
    assert_memory_equal(buf, w->src.data + 301 * GN_TREE_LEAF - 50, 100);
    assert_int_equal(gn_blob_part_read(p, buf, 302 * GN_TREE_LEAF - 50, 100), GN_E_AGAIN);
    assert_int_equal(gn_blob_part_read(p, buf, LENGTH, 1), GN_E_INVALID);
    assert_int_equal(gn_blob_part_read(p, buf, LENGTH, 0), GN_OK);
    for (uint64_t width = 1; width <= 256; width *= 4) {
        assert_int_equal(gn_blob_part_prove(p, leaves, uncles, &n, 256, width), GN_OK);
        assert_int_equal(gn_tree_verify(&w->src.root, gn_tree_range_of(LENGTH, 256, width), leaves, uncles, n), GN_OK);
    }
    assert_int_equal(gn_blob_part_prove(p, leaves, uncles, &n, 257, 2), GN_E_INVALID);
    assert_int_equal(accept(p, &w->src, 0, 1024), GN_OK); /* all of it in one range */
    assert_int_equal(gn_blob_part_prove(p, leaves, uncles, &n, 512, 38), GN_OK);
    assert_int_equal(gn_blob_part_prove(p, leaves, uncles, &n, 0, 512), GN_OK);
    gn_blob_part_close(p);
}

struct writer {
    struct gn_blob_part *part;
    struct source *src;
    uint64_t from;
    bool ok;
};

static void *write_thread(void *data)
{
    struct writer *x = data;
    x->ok = true;
    for (uint64_t i = x->from; i < LEAVES; i += 128) {
        uint64_t first = 0;
        uint64_t count = gn_tree_range_at(&first, x->src->length, i, 64);
        x->ok = x->ok && accept(x->part, x->src, i, 64) == GN_OK && write_run(x->part, x->src, first, count) == GN_OK;
    }
    return NULL;
}

static void several_threads_write_while_one_makes_checkpoints(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = begin(w);
    static struct gn_blob_entry entry;
    pthread_t threads[2];
    struct writer writers[2] = {{.part = p, .src = &w->src, .from = 0}, {.part = p, .src = &w->src, .from = 64}};
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_thread, &writers[i]), 0);
    while (!gn_blob_part_complete(p))
        assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(writers[i].ok);
    }
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_file(w->what.target, &w->src);
}

/* ---- kills ---- */

static void leaves_after_the_last_checkpoint_are_found_again(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    struct gn_blob_part *p = begin(w);
    for (uint64_t i = 0; i < LEAVES; i += 64)
        assert_int_equal(accept(p, &w->src, i, 64), GN_OK);
    assert_int_equal(write_run(p, &w->src, 0, 100), GN_OK);
    assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
    assert_int_equal(write_run(p, &w->src, 200, 50), GN_OK);
    gn_blob_part_close(p); /* as a kill would: nothing more is written */
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &w->what), GN_E_EXISTS);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    assert_memory_equal(gn_blob_part_what(p), &w->what, sizeof w->what);
    assert_int_equal(gn_blob_part_leaves_done(p), 100);
    recheck(p);
    assert_int_equal(gn_blob_part_leaves_done(p), 150);
    assert_true(gn_blob_part_have(p, 249) && !gn_blob_part_have(p, 250));
    complete(p, &w->src);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_file(w->what.target, &w->src);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_E_NOT_FOUND);
}

static void a_torn_page_of_the_bitmap_costs_only_a_local_look(void **state)
{
    struct world *w = *state;
    char name[128];
    char path[512];
    char id[GN_ID_TEXT_LEN + 1U];
    struct gn_blob_part *p = begin(w);
    assert_int_equal(accept(p, &w->src, 0, 256), GN_OK);
    assert_int_equal(write_run(p, &w->src, 0, 256), GN_OK);
    assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
    gn_blob_part_close(p);
    gn_id_print(id, &w->src.id);
    (void)snprintf(name, sizeof name, "blobs/%s.state", id);
    int fd = open(temp_dir_join(&w->dir, path, name), O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, GN_BLOB_STATE_HEADER + 40),
                     4); /* claims leaves that are not here */
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    assert_int_equal(gn_blob_part_leaves_done(p), 0);
    recheck(p);
    assert_int_equal(gn_blob_part_leaves_done(p), 256);
    assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
    gn_blob_part_close(p);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    assert_int_equal(gn_blob_part_leaves_done(p), 256); /* mended */
    gn_blob_part_close(p);
    assert_int_equal(ftruncate(fd, GN_BLOB_STATE_HEADER), 0);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    assert_int_equal(gn_blob_part_leaves_done(p), 0);
    gn_blob_part_close(p);
    assert_int_equal(pwrite(fd, "X", 1, 20), 1);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_E_CORRUPT);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_E_CORRUPT);
    (void)close(fd);
    gn_blob_part_forget(w->blobs, &w->src.id);
    assert_int_equal(left_in(w, "blobs", "e"), 0);
}

/* The child fetches and reports each leaf after it was written; it is killed in the middle. */
static void fetch_and_report(struct world *w, int report, uint64_t seed)
{
    struct gn_blob_part *p = NULL;
    struct gn_rng rng;
    bool done = false;
    uint64_t first = 0;
    uint64_t run = 0;
    gn_rng_init_test(&rng, seed, 1);
    enum gn_err e = gn_blob_part_resume(&p, w->blobs, &w->src.id);
    if (e == GN_E_NOT_FOUND)
        e = gn_blob_part_new(&p, w->blobs, &w->what);
    while (e == GN_OK && !done)
        e = gn_blob_part_recheck(p, &done, UINT64_MAX);
    while (e == GN_OK && gn_blob_part_missing(p, &first, &run, gn_rng_below(&rng, LEAVES), 8)) {
        uint64_t one = first;
        if (accept(p, &w->src, one, 16) != GN_OK || write_run(p, &w->src, one, 1) != GN_OK)
            _exit(3);
        if (write(report, &one, sizeof one) != sizeof one)
            _exit(4);
        if (gn_rng_below(&rng, 16) == 0)
            e = gn_blob_part_checkpoint(p);
    }
    _exit(e == GN_OK ? 0 : 5);
}

static void no_reported_leaf_is_lost_when_the_process_is_killed(void **state)
{
    struct world *w = *state;
    bool told[LEAVES] = {false};
    struct gn_rng rng;
    gn_rng_init_test(&rng, 99, 1);
    for (unsigned round = 0; round < 20; round++) {
        int fds[2];
        int status = 0;
        uint64_t leaf = 0;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            fetch_and_report(w, fds[1], round);
        (void)close(fds[1]);
        for (uint64_t n = gn_rng_below(&rng, 40); n > 0 && read(fds[0], &leaf, sizeof leaf) == sizeof leaf; n--)
            told[leaf] = true;
        (void)kill(pid, SIGKILL);
        while (read(fds[0], &leaf, sizeof leaf) == sizeof leaf) /* what was said before it died */
            told[leaf] = true;
        (void)close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        struct gn_blob_part *p = NULL;
        enum gn_err e = gn_blob_part_resume(&p, w->blobs, &w->src.id);
        if (e == GN_E_NOT_FOUND)
            continue; /* killed before the download was there at all */
        assert_int_equal(e, GN_OK);
        recheck(p);
        for (uint64_t i = 0; i < LEAVES; i++)
            assert_true(!told[i] || gn_blob_part_have(p, i));
        gn_blob_part_close(p);
    }
    struct gn_blob_part *p = NULL;
    static struct gn_blob_entry entry;
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    recheck(p);
    assert_true(gn_blob_part_leaves_done(p) > 0);
    complete(p, &w->src);
    assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
    gn_blob_part_close(p);
    assert_file(w->what.target, &w->src);
}

static void a_kill_at_any_step_of_finishing_is_recovered_from(void **state)
{
    struct world *w = *state;
    static struct gn_blob_entry entry;
    for (int n = 1;; n++) {
        struct gn_blob_part *p = begin(w);
        complete(p, &w->src);
        assert_int_equal(gn_blob_part_checkpoint(p), GN_OK);
        gn_failing_disk_arm(n, EIO, true); /* from here on nothing reaches the disk: as if the process had died */
        enum gn_err e = gn_blob_part_finish(p, &entry, NULL);
        bool failed = gn_failing_disk_disarm();
        assert_int_equal(e, failed ? GN_E_IO : GN_OK);
        gn_blob_part_close(p);
        if (failed) {
            e = gn_blob_part_resume(&p, w->blobs, &w->src.id);
            if (e == GN_E_NOT_FOUND) { /* all was done but the last sync */
                assert_int_equal(left_in(w, "blobs", ".tree"), 1);
            } else {
                assert_int_equal(e, GN_OK);
                recheck(p);
                assert_true(gn_blob_part_complete(p));
                assert_int_equal(gn_blob_part_finish(p, &entry, NULL), GN_OK);
                gn_blob_part_close(p);
            }
        }
        assert_file(w->what.target, &w->src);
        assert_int_equal(left_in(w, "blobs", ".state") + left_in(w, ".", "-part"), 0);
        assert_int_equal(unlink(w->what.target), 0);
        if (!failed)
            return;
        assert_true(n < 100);
    }
}

static void another_file_at_the_target_is_never_taken_for_ours(void **state)
{
    struct world *w = *state;
    struct gn_blob_part *p = begin(w);
    bool done = false;
    assert_int_equal(accept(p, &w->src, 0, 256), GN_OK);
    gn_blob_part_close(p);
    /* the part file is gone and the target has the right length, but is the user's */
    char part[512];
    char id[GN_ID_TEXT_LEN + 1U];
    char name[128];
    gn_id_print(id, &w->src.id);
    (void)snprintf(name, sizeof name, ".target \xc3\xa9.bin.%.8s.ghostnet-part", id);
    assert_int_equal(unlink(temp_dir_join(&w->dir, part, name)), 0);
    uint8_t *other = calloc(1, LENGTH);
    write_file(w->what.target, other, LENGTH);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_OK);
    assert_int_equal(gn_blob_part_recheck(p, &done, UINT64_MAX), GN_E_NOT_FOUND);
    assert_int_not_equal(write_run(p, &w->src, 0, 1), GN_OK);
    gn_blob_part_close(p);
    struct stat st;
    assert_int_equal(stat(w->what.target, &st), 0);
    assert_int_equal(left_in(w, "blobs", "e"), 0);
    /* and with another length it is not even looked at */
    p = begin(w);
    gn_blob_part_close(p);
    assert_int_equal(unlink(part), 0);
    assert_int_equal(truncate(w->what.target, 5), 0);
    assert_int_equal(gn_blob_part_resume(&p, w->blobs, &w->src.id), GN_E_NOT_FOUND);
    assert_int_equal(stat(w->what.target, &st), 0);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(left_in(w, "blobs", "e"), 0);
    free(other);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_complete_download_becomes_the_file_and_is_served),
        TEST(an_empty_file_is_complete_at_once),
        TEST(missing_runs_are_found_in_any_order_of_arrival),
        TEST(a_liar_costs_nothing_that_was_verified),
        TEST(what_is_here_can_be_served_before_the_rest_comes),
        TEST(several_threads_write_while_one_makes_checkpoints),
        TEST(leaves_after_the_last_checkpoint_are_found_again),
        TEST(a_torn_page_of_the_bitmap_costs_only_a_local_look),
        TEST(no_reported_leaf_is_lost_when_the_process_is_killed),
        TEST(a_kill_at_any_step_of_finishing_is_recovered_from),
        TEST(another_file_at_the_target_is_never_taken_for_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
