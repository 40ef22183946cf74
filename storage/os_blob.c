/* storage/os_blob.c - the folder of blobs, and serving files in place. */
#include "storage/os_blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "storage/os_blob_tree.h"

#define KEEP_MAX ((size_t)64 * 1024U * 1024U)

/* ---- the folder ---- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* What a killed process was writing. The node's lock says that no other process is at it. */
static void sweep(const struct gn_blob_dir *d)
{
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (has_suffix(e->d_name, ".tmp"))
            (void)unlinkat(d->fd, e->d_name, 0);
    }
    (void)closedir(dir);
}

enum gn_err gn_blob_dir_open(struct gn_blob_dir **out, const struct gn_alloc *alloc, const char *path)
{
    *out = NULL;
    size_t len = strlen(path);
    if (len == 0 || len > GN_BLOB_PATH_MAX - GN_BLOB_NAME_MAX - 1U)
        return GN_E_INVALID;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return gn_err_from_errno(errno);
    enum gn_err e = GN_OK;
    struct gn_blob_dir *d = gn_alloc_zeroed(alloc, 1, sizeof *d);
    if (!d)
        return GN_E_NO_MEMORY;
    d->alloc = alloc;
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0) {
        e = gn_err_from_errno(errno);
        goto fail;
    }
    d->path = gn_alloc_zeroed(alloc, 1, len + 1U);
    if (!d->path) {
        e = GN_E_NO_MEMORY;
        goto fail;
    }
    memcpy(d->path, path, len);
    sweep(d);
    *out = d;
    return GN_OK;
fail:
    gn_blob_dir_close(d);
    return e;
}

void gn_blob_dir_close(struct gn_blob_dir *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        (void)close(d->fd);
    gn_alloc_free(d->alloc, d->path);
    gn_alloc_free(d->alloc, d);
}

/* ---- serving ---- */

struct gn_blob {
    const struct gn_alloc *alloc;
    int fd;
    struct gn_blob_tree tree;
    struct gn_tree_hash root;
    uint64_t length;
    int64_t mtime_ns;
    uint64_t inode;
};

static int64_t mtime_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool is_same(const struct stat *st, uint64_t length, int64_t mtime_ns, uint64_t inode)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == length && mtime_of(st) == mtime_ns &&
           (uint64_t)st->st_ino == inode;
}

/* A file that is not there any more has changed, too. */
static enum gn_err open_error(int error)
{
    if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO)
        return GN_E_CHANGED;
    return gn_err_from_errno(error);
}

enum gn_err gn_blob_open(struct gn_blob **out, struct gn_blob_dir *d, const struct gn_blob_entry *entry)
{
    *out = NULL;
    char name[GN_BLOB_NAME_MAX];
    const struct gn_blob_tree_of of = {.id = &entry->id, .root = &entry->root, .length = entry->length};
    struct gn_blob *b = gn_alloc_zeroed(d->alloc, 1, sizeof *b);
    if (!b)
        return GN_E_NO_MEMORY;
    b->alloc = d->alloc;
    b->root = entry->root;
    b->length = entry->length;
    b->mtime_ns = entry->mtime_ns;
    b->inode = entry->inode;
    b->tree.fd = -1;
    /* NONBLOCK: a pipe in the file's place must not hold us */
    b->fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum gn_err e = b->fd < 0 ? open_error(errno) : gn_blob_check(b);
    if (e == GN_OK) {
        gn_blob_tree_name(name, &entry->id, ".tree");
        e = gn_blob_tree_open(&b->tree, d, name, &of, true);
    }
    if (e == GN_OK)
        *out = b;
    else
        gn_blob_close(b);
    return e;
}

void gn_blob_close(struct gn_blob *b)
{
    if (!b)
        return;
    if (b->fd >= 0)
        (void)close(b->fd);
    gn_blob_tree_close(&b->tree);
    gn_alloc_free(b->alloc, b);
}

uint64_t gn_blob_length(const struct gn_blob *b)
{
    return b->length;
}

const struct gn_tree_hash *gn_blob_root(const struct gn_blob *b)
{
    return &b->root;
}

enum gn_err gn_blob_check(struct gn_blob *b)
{
    struct stat st;
    if (fstat(b->fd, &st) != 0)
        return gn_err_from_errno(errno);
    return is_same(&st, b->length, b->mtime_ns, b->inode) ? GN_OK : GN_E_CHANGED;
}

enum gn_err gn_blob_read(struct gn_blob *b, uint8_t *buf, uint64_t offset, size_t len)
{
    if (offset > b->length || len > b->length - offset)
        return GN_E_INVALID;
    enum gn_err e = gn_blob_tree_pread(b->fd, buf, len, offset);
    return e == GN_OK ? gn_blob_check(b) : e; /* afterwards: what was read is from before any change */
}

static enum gn_err read_tree(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    return gn_blob_tree_read(data, pos, out, count);
}

enum gn_err gn_blob_prove(struct gn_blob *b, struct gn_tree_hash *leaves,
                          struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len, uint64_t first,
                          uint64_t count)
{
    *uncles_len = 0;
    if (!gn_tree_range_ok(b->length, first, count))
        return GN_E_INVALID;
    enum gn_err e = gn_blob_tree_read(&b->tree, first, leaves, (size_t)count);
    if (e == GN_OK)
        e = gn_tree_prove(uncles, uncles_len, gn_tree_range_of(b->length, first, count), read_tree, &b->tree);
    if (e != GN_OK)
        return e;
    /* a damaged tree file must not make a liar of us */
    e = gn_tree_verify(&b->root, gn_tree_range_of(b->length, first, count), leaves, uncles, *uncles_len);
    return e == GN_OK ? GN_OK : GN_E_CORRUPT;
}

/* ---- entries ---- */

enum gn_err gn_blob_entry_check(const struct gn_blob_entry *entry)
{
    struct stat st;
    if (stat(entry->path, &st) != 0)
        return open_error(errno);
    return is_same(&st, entry->length, entry->mtime_ns, entry->inode) ? GN_OK : GN_E_CHANGED;
}

/* Hashes a whole file here and now. */
static enum gn_err hash_now(struct gn_blob_dir *d, struct gn_blob_entry *entry, const char *path)
{
    struct gn_blob_hash *h = NULL;
    enum gn_err e = gn_blob_hash_open(&h, d, path);
    while (e == GN_OK && !gn_blob_hash_done(h))
        e = gn_blob_hash_step(h, KEEP_MAX);
    if (e == GN_OK)
        e = gn_blob_hash_finish(h, entry);
    gn_blob_hash_close(h);
    return e;
}

enum gn_err gn_blob_keep(struct gn_blob_dir *d, struct gn_blob_entry *entry, struct gn_slice bytes)
{
    char name[GN_BLOB_NAME_MAX];
    char path[GN_BLOB_PATH_MAX + 1U];
    struct gn_tree_builder b;
    struct gn_id id;
    if (bytes.len > KEEP_MAX)
        return GN_E_LIMIT;
    gn_tree_builder_init(&b, NULL, NULL);
    enum gn_err e = gn_tree_builder_add(&b, bytes.data, bytes.len);
    if (e != GN_OK)
        return e;
    gn_tree_builder_end(&b, NULL, &id);
    gn_blob_tree_name(name, &id, ".data");
    /* the index wants absolute paths, whatever the data folder was called */
    char *full = realpath(d->path, NULL);
    if (!full)
        return gn_err_from_errno(errno);
    int n = snprintf(path, sizeof path, "%s/%s", full, name);
    free(full);
    if (n < 0 || (size_t)n >= sizeof path)
        return GN_E_LIMIT;
    e = gn_os_file_write(path, bytes.data ? (const void *)bytes.data : "", bytes.len, 0600);
    if (e == GN_OK)
        e = hash_now(d, entry, path);
    if (e != GN_OK) {
        (void)unlinkat(d->fd, name, 0);
        return e;
    }
    entry->flags |= GN_BLOB_OWN_FILE;
    return GN_OK;
}

void gn_blob_forget(struct gn_blob_dir *d, const struct gn_blob_entry *entry)
{
    char name[GN_BLOB_NAME_MAX];
    gn_blob_tree_name(name, &entry->id, ".tree");
    (void)unlinkat(d->fd, name, 0);
    if (!(entry->flags & GN_BLOB_OWN_FILE))
        return;
    gn_blob_tree_name(name, &entry->id, ".data");
    (void)unlinkat(d->fd, name, 0);
}
