/* tests/unit/storage/part_fixtures.h - downloads for tests: a source that has everything, and a folder to fetch into.
 *
 * Life: included by one test program. Threads: as the test. Purity: touches the disk.
 */
#ifndef GN_TESTS_UNIT_STORAGE_PART_FIXTURES_H
#define GN_TESTS_UNIT_STORAGE_PART_FIXTURES_H

#include <dirent.h>

#include "storage/os_blob_part.h"
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

static inline void source_leaf(void *data, uint64_t index, const struct gn_tree_hash *h)
{
    ((struct source *)data)->hashes[index] = *h;
}

static inline void source_make(struct source *s, size_t length)
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

static inline void source_free(struct source *s)
{
    free(s->data);
    free(s->hashes);
}

static inline enum gn_err source_read(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    memcpy(out, ((struct source *)data)->hashes + pos, count * sizeof *out);
    return GN_OK;
}

static inline void what_of(struct gn_blob_state *what, const struct world *w, const struct source *s)
{
    memset(what, 0, sizeof *what);
    what->id = s->id;
    what->root = s->root;
    what->length = s->length;
    (void)snprintf(what->target, sizeof what->target, "%s/target \xc3\xa9.bin", w->dir.path);
}

static inline int start(void **state)
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

static inline int end(void **state)
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

static inline struct gn_blob_part *begin(struct world *w)
{
    struct gn_blob_part *p = NULL;
    assert_int_equal(gn_blob_part_new(&p, w->blobs, &w->what), GN_OK);
    return p;
}

/* The hashes of the range of `width` leaves around `leaf`, with their proof. */
static inline enum gn_err accept(struct gn_blob_part *p, struct source *s, uint64_t leaf, uint64_t width)
{
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    uint64_t first = 0;
    uint64_t count = gn_tree_range_at(&first, s->length, leaf, width);
    assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s->length, first, count), source_read, s), GN_OK);
    return gn_blob_part_accept(p, first, count, s->hashes + first, uncles, n);
}

static inline enum gn_err write_run(struct gn_blob_part *p, const struct source *s, uint64_t first, uint64_t count)
{
    size_t len = (size_t)gn_tree_range_len(s->length, first, count);
    return gn_blob_part_write(p, NULL, first, count, s->hashes + first,
                              gn_slice_of(s->data + first * GN_TREE_LEAF, len));
}

/* Fetches everything that is missing. */
static inline void complete(struct gn_blob_part *p, struct source *s)
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

static inline void recheck(struct gn_blob_part *p)
{
    bool done = false;
    for (unsigned i = 0; !done; i++) {
        assert_int_equal(gn_blob_part_recheck(p, &done, 100000), GN_OK);
        assert_true(i < 1000);
    }
}

static inline void assert_file(const char *path, const struct source *s)
{
    uint8_t *got = malloc(s->length + 1U);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, s->length + 1U), s->length);
    assert_memory_equal(got, s->data, s->length);
    (void)close(fd);
    free(got);
}

static inline unsigned left_in(const struct world *w, const char *folder, const char *suffix)
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

#endif
