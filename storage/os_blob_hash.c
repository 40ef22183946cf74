/* storage/os_blob_hash.c - hashing a file by groups of 256 leaves, on as many threads as the caller likes. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/os_blob.h"
#include "storage/os_blob_tree.h"

#define GROUP_BYTES ((uint64_t)GN_TREE_GROUP_LEAVES * GN_TREE_LEAF)
#define READ_LEAVES ((size_t)16) /* leaves read at once: 256 KiB */
#define TMP_TRIES 10000U

struct gn_blob_hash {
    struct gn_blob_dir *dir;
    char *path;
    int fd;
    struct stat before;
    struct gn_blob_tree tree;
    char tmp[32];
    uint64_t length;
    uint64_t groups;
    struct gn_tree_hash zero_leaf; /* what holes hash to */
    struct gn_tree_hash zero_group;
    _Atomic uint64_t next_group; /* the next that a thread may take */
    _Atomic uint64_t done_groups;
    _Atomic uint64_t done_bytes;
    _Atomic int error; /* the first one */
};

/* ---- opening ---- */

static enum gn_err open_file(struct gn_blob_hash *h)
{
    h->fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (h->fd < 0)
        return errno == ENXIO ? GN_E_INVALID : gn_err_from_errno(errno);
    if (fstat(h->fd, &h->before) != 0)
        return gn_err_from_errno(errno);
    if (!S_ISREG(h->before.st_mode))
        return GN_E_INVALID;
    h->length = (uint64_t)h->before.st_size;
    if (h->length > GN_TREE_LENGTH_MAX)
        return GN_E_LIMIT;
    (void)posix_fadvise(h->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    h->groups = (h->length + GROUP_BYTES - 1U) / GROUP_BYTES;
    return GN_OK;
}

/* A tree file with a name that nobody has. */
static enum gn_err open_tmp(struct gn_blob_hash *h)
{
    for (unsigned i = 0; i < TMP_TRIES; i++) {
        (void)snprintf(h->tmp, sizeof h->tmp, "hash-%u.tmp", i);
        int fd = openat(h->dir->fd, h->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            h->tree = (struct gn_blob_tree){.fd = fd, .length = h->length};
            return GN_OK;
        }
        if (errno != EEXIST)
            break;
    }
    h->tmp[0] = '\0';
    return errno == EEXIST ? GN_E_FULL : gn_err_from_errno(errno);
}

enum gn_err gn_blob_hash_open(struct gn_blob_hash **out, struct gn_blob_dir *d, const char *path)
{
    *out = NULL;
    size_t len = strlen(path);
    if (len == 0 || len > GN_BLOB_PATH_MAX || path[0] != '/')
        return GN_E_INVALID;
    struct gn_blob_hash *h = gn_alloc_zeroed(d->alloc, 1, sizeof *h);
    if (!h)
        return GN_E_NO_MEMORY;
    h->dir = d;
    h->fd = -1;
    h->tree.fd = -1;
    gn_tree_zero_leaf_hash(&h->zero_leaf);
    h->zero_group = h->zero_leaf;
    for (unsigned i = 0; i < GN_TREE_GROUP_LEVEL; i++)
        gn_tree_node_hash(&h->zero_group, &h->zero_group, &h->zero_group);
    h->path = gn_alloc_zeroed(d->alloc, 1, len + 1U);
    enum gn_err e = h->path ? GN_OK : GN_E_NO_MEMORY;
    if (e == GN_OK) {
        memcpy(h->path, path, len);
        e = open_file(h);
    }
    if (e == GN_OK)
        e = open_tmp(h);
    if (e == GN_OK)
        *out = h;
    else
        gn_blob_hash_close(h);
    return e;
}

void gn_blob_hash_close(struct gn_blob_hash *h)
{
    if (!h)
        return;
    if (h->tmp[0] != '\0')
        (void)unlinkat(h->dir->fd, h->tmp, 0);
    gn_blob_tree_close(&h->tree);
    if (h->fd >= 0)
        (void)close(h->fd);
    gn_alloc_free(h->dir->alloc, h->path);
    gn_alloc_free(h->dir->alloc, h);
}

/* ---- stepping ---- */

/* Is there no data in [offset, offset + len)? When the file system cannot tell, everything is data. */
static bool is_hole(const struct gn_blob_hash *h, uint64_t offset, uint64_t len)
{
    off_t data = lseek(h->fd, (off_t)offset, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO; /* a hole up to the end */
    return (uint64_t)data >= offset + len;
}

/* Leaf hashes of a group from its bytes. `buf` has room for READ_LEAVES. */
static enum gn_err hash_leaves(const struct gn_blob_hash *h, struct gn_tree_hash *leaves, uint8_t *buf, uint64_t offset,
                               uint64_t len)
{
    for (uint64_t at = 0; at < len;) {
        uint64_t left = len - at;
        size_t n = (size_t)(left < READ_LEAVES * GN_TREE_LEAF ? left : READ_LEAVES * GN_TREE_LEAF);
        enum gn_err e = gn_blob_tree_pread(h->fd, buf, n, offset + at);
        if (e != GN_OK)
            return e;
        for (size_t i = 0; i < n; i += GN_TREE_LEAF)
            gn_tree_leaf_hash(leaves++, buf + i, n - i < GN_TREE_LEAF ? n - i : GN_TREE_LEAF);
        at += n;
    }
    return GN_OK;
}

static enum gn_err hash_group(struct gn_blob_hash *h, uint8_t *buf, uint64_t group)
{
    struct gn_tree_hash leaves[GN_TREE_GROUP_LEAVES];
    struct gn_tree_hash root;
    const uint64_t offset = group * GROUP_BYTES;
    const uint64_t len = h->length - offset < GROUP_BYTES ? h->length - offset : GROUP_BYTES;
    const size_t count = (size_t)gn_tree_leaves(len);
    enum gn_err e = GN_OK;
    if (len == GROUP_BYTES && is_hole(h, offset, len)) {
        for (size_t i = 0; i < count; i++)
            leaves[i] = h->zero_leaf;
        root = h->zero_group;
    } else {
        e = hash_leaves(h, leaves, buf, offset, len);
        if (e != GN_OK)
            return e;
        struct gn_tree_fold fold;
        gn_tree_fold_init(&fold);
        for (size_t i = 0; i < count; i++)
            gn_tree_fold_add(&fold, &leaves[i], 0);
        gn_tree_fold_root(&fold, &root, GN_TREE_GROUP_LEVEL);
    }
    e = gn_blob_tree_write(&h->tree, group * GN_TREE_GROUP_LEAVES, leaves, count);
    uint64_t pos = 0;
    if (e == GN_OK && gn_tree_stored_at(&pos, h->length, GN_TREE_GROUP_LEVEL, group))
        e = gn_blob_tree_write(&h->tree, pos, &root, 1);
    atomic_fetch_add(&h->done_bytes, len);
    return e;
}

/* Keeps the first error for all threads. */
static enum gn_err keep_error(struct gn_blob_hash *h, enum gn_err e)
{
    int none = GN_OK;
    (void)atomic_compare_exchange_strong(&h->error, &none, (int)e);
    return (enum gn_err)atomic_load(&h->error);
}

enum gn_err gn_blob_hash_step(struct gn_blob_hash *h, uint64_t bytes_max)
{
    enum gn_err e = GN_OK;
    uint8_t *buf = gn_alloc_zeroed(h->dir->alloc, READ_LEAVES, GN_TREE_LEAF);
    if (!buf)
        return keep_error(h, GN_E_NO_MEMORY);
    for (uint64_t done = 0; e == GN_OK && done < bytes_max; done += GROUP_BYTES) {
        e = (enum gn_err)atomic_load(&h->error);
        if (e != GN_OK || atomic_load(&h->next_group) >= h->groups)
            break;
        uint64_t group = atomic_fetch_add(&h->next_group, 1);
        if (group >= h->groups)
            break;
        e = hash_group(h, buf, group);
        if (e == GN_OK)
            atomic_fetch_add(&h->done_groups, 1);
        else
            e = keep_error(h, e);
    }
    gn_alloc_free(h->dir->alloc, buf);
    return e;
}

bool gn_blob_hash_done(const struct gn_blob_hash *h)
{
    return atomic_load(&h->done_groups) == h->groups;
}

uint64_t gn_blob_hash_bytes(const struct gn_blob_hash *h)
{
    return atomic_load(&h->done_bytes);
}

uint64_t gn_blob_hash_length(const struct gn_blob_hash *h)
{
    return h->length;
}

void gn_blob_hash_cancel(struct gn_blob_hash *h)
{
    (void)keep_error(h, GN_E_CANCELLED);
}

/* ---- finishing ---- */

static bool same_time(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The open file is as it was, and the path still leads to it. */
static enum gn_err check_unchanged(const struct gn_blob_hash *h)
{
    struct stat now;
    struct stat there;
    if (fstat(h->fd, &now) != 0)
        return gn_err_from_errno(errno);
    if (stat(h->path, &there) != 0)
        return GN_E_CHANGED;
    if (now.st_size != h->before.st_size || !same_time(&now, &h->before) || there.st_ino != now.st_ino ||
        there.st_dev != now.st_dev)
        return GN_E_CHANGED;
    return GN_OK;
}

static enum gn_err place_tree(struct gn_blob_hash *h, const struct gn_blob_entry *entry)
{
    char name[GN_BLOB_NAME_MAX];
    gn_blob_tree_name(name, &entry->id, ".tree");
    enum gn_err e = gn_blob_tree_seal(&h->tree, &entry->id, &entry->root, true);
    if (e == GN_OK)
        e = gn_blob_tree_sync(&h->tree);
    if (e != GN_OK)
        return e;
    if (renameat(h->dir->fd, h->tmp, h->dir->fd, name) != 0)
        return gn_err_from_errno(errno);
    h->tmp[0] = '\0';
    return fsync(h->dir->fd) == 0 ? GN_OK : gn_err_from_errno(errno);
}

enum gn_err gn_blob_hash_finish(struct gn_blob_hash *h, struct gn_blob_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    enum gn_err e = (enum gn_err)atomic_load(&h->error);
    if (e != GN_OK)
        return e;
    if (!gn_blob_hash_done(h) || h->tmp[0] == '\0')
        return GN_E_INVALID;
    e = gn_blob_tree_build(&h->tree, &entry->root, true);
    if (e == GN_OK)
        e = check_unchanged(h);
    if (e != GN_OK)
        return e;
    entry->length = h->length;
    gn_tree_content_id(&entry->id, entry->length, &entry->root);
    entry->mtime_ns = (int64_t)h->before.st_mtim.tv_sec * 1000000000 + h->before.st_mtim.tv_nsec;
    entry->inode = (uint64_t)h->before.st_ino;
    entry->dev = (uint64_t)h->before.st_dev;
    entry->flags = h->before.st_mode & 0111U ? GN_BLOB_EXECUTABLE : 0U;
    memcpy(entry->path, h->path, strlen(h->path) + 1U);
    return place_tree(h, entry);
}
