/* tests/unit/storage/test_os_blob_part.c - downloads: verified writing, checkpoints, kill -9, finishing without harm.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/rng.h"
#include "storage/os_blob_part.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/failing_disk.h"
#include "tests/unit/storage/fixtures.h"

#define LENGTH (9000001U) /* 550 leaves: levels 8, 9 and 10 are stored */
#define LEAVES (550U)

/* What the providers have: the data and its whole tree. */
struct source {
    uint8_t *data;
    size_t length;
    struct gn_tree_hash *hashes; /* stored order */
    struct gn_tree_hash root;
    struct gn_id id;
};

struct world {
    struct temp_dir dir;
    struct gn_blob_dir *blobs;
    struct source src;
    struct gn_blob_state what;
};

static void source_leaf(void *data, uint64_t index, const struct gn_tree_hash *h)
{
    ((struct source *)data)->hashes[index] = *h;
}

static void source_make(struct source *s, size_t length)
{
    struct gn_tree_builder b;
    const uint64_t leaves = gn_tree_leaves(length);
    const unsigned height = gn_tree_height(length);
    const uint64_t width = UINT64_C(1) << height;
    *s = (struct source){.data = malloc(length + 1U), .length = length};
    s->hashes = calloc(gn_tree_stored_len(length) + 1U, sizeof *s->hashes);
    fill_pattern(s->data, length, 11);
    gn_tree_builder_init(&b, source_leaf, s);
    assert_int_equal(gn_tree_builder_add(&b, s->data, length), GN_OK);
    gn_tree_builder_end(&b, &s->root, &s->id);
    struct gn_tree_hash *row = calloc(width, sizeof *row);
    memcpy(row, s->hashes, leaves * sizeof *row);
    for (unsigned level = 0; level <= height; level++) {
        uint64_t pos = 0;
        for (uint64_t i = 0; i < width >> level; i++) {
            if (gn_tree_stored_at(&pos, length, level, i))
                s->hashes[pos] = row[i];
        }
        for (uint64_t i = 0; i < (width >> level) / 2U; i++)
            gn_tree_node_hash(&row[i], &row[2U * i], &row[2U * i + 1U]);
    }
    free(row);
}

static void source_free(struct source *s)
{
    free(s->data);
    free(s->hashes);
}

static enum gn_err source_read(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    memcpy(out, ((struct source *)data)->hashes + pos, count * sizeof *out);
    return GN_OK;
}

static void what_of(struct gn_blob_state *what, const struct world *w, const struct source *s)
{
    memset(what, 0, sizeof *what);
    what->id = s->id;
    what->root = s->root;
    what->length = s->length;
    (void)snprintf(what->target, sizeof what->target, "%s/target \xc3\xa9.bin", w->dir.path);
}

static int start(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[512];
    temp_dir_make(&w->dir);
    assert_int_equal(gn_blob_dir_open(&w->blobs, gn_alloc_default(), temp_dir_join(&w->dir, path, "blobs")), GN_OK);
    source_make(&w->src, LENGTH);
    what_of(&w->what, w, &w->src);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    (void)gn_failing_disk_disarm();
    gn_failing_disk_old(false, false);
    gn_blob_dir_close(w->blobs);
    source_free(&w->src);
    temp_dir_remove(&w->dir);
    free(w);
    return 0;
}

static struct gn_blob_part *begin(struct world *w)
{
    struct gn_blob_part *p = NULL;
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &w->what), GN_OK);
    return p;
}

/* The hashes of the range of `width` leaves around `leaf`, with their proof. */
static enum gn_err accept(struct gn_blob_part *p, struct source *s, uint64_t leaf, uint64_t width)
{
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    uint64_t first = 0;
    uint64_t count = gn_tree_range_at(&first, s->length, leaf, width);
    assert_int_equal(gn_tree_prove(uncles, &n, s->length, first, count, source_read, s), GN_OK);
    return gn_blob_part_accept(p, first, count, s->hashes + first, uncles, n);
}

static enum gn_err write_run(struct gn_blob_part *p, const struct source *s, uint64_t first, uint64_t count)
{
    size_t len = (size_t)gn_tree_range_len(s->length, first, count);
    return gn_blob_part_write(p, NULL, first, count, s->hashes + first,
                              gn_slice_of(s->data + first * GN_TREE_LEAF, len));
}

/* Fetches everything that is missing. */
static void complete(struct gn_blob_part *p, struct source *s)
{
    uint64_t first = 0;
    uint64_t run = 0;
    while (gn_blob_part_missing(p, &first, &run, 0, 64)) {
        assert_int_equal(accept(p, s, first, 64), GN_OK);
        uint64_t in_range = 64 - first % 64;
        assert_int_equal(write_run(p, s, first, run < in_range ? run : in_range), GN_OK);
    }
    assert_true(gn_blob_part_complete(p));
}

static void recheck(struct gn_blob_part *p)
{
    bool done = false;
    for (unsigned i = 0; !done; i++) {
        assert_int_equal(gn_blob_part_recheck(p, &done, 100000), GN_OK);
        assert_true(i < 1000);
    }
}

static void assert_file(const char *path, const struct source *s)
{
    uint8_t *got = malloc(s->length + 1U);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, s->length + 1U), s->length);
    assert_memory_equal(got, s->data, s->length);
    (void)close(fd);
    free(got);
}

static unsigned left_in(const struct world *w, const char *folder, const char *suffix)
{
    char path[512];
    unsigned n = 0;
    DIR *d = opendir(temp_dir_join(&w->dir, path, folder));
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        size_t len = strlen(e->d_name);
        n += len > strlen(suffix) && strcmp(e->d_name + len - strlen(suffix), suffix) == 0;
    }
    (void)closedir(d);
    return n;
}

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
    assert_int_equal(gn_tree_prove(uncles, &n, s->length, 64, 64, source_read, s), GN_OK);
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
        assert_int_equal(gn_tree_verify(&w->src.root, LENGTH, 256, width, leaves, uncles, n), GN_OK);
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
