/* storage/os_blob_part_finish.c - a complete download becomes a file at its target. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "storage/os_blob_part_impl.h"

#define COMPARE_BYTES ((size_t)64 * 1024U)

/* ---- the tree ---- */

/* The root is wrong although every leaf was verified: the disk changed hashes or data. Forgets the leaves that do not
 * fit. */
static enum gn_err find_damage(struct gn_blob_part *p)
{
    uint64_t bad = 0;
    uint8_t *buf = gn_alloc_zeroed(p->dir->alloc, 1, GN_TREE_LEAF);
    if (!buf)
        return GN_E_NO_MEMORY;
    for (uint64_t i = 0; i < p->leaves; i++) {
        struct gn_tree_hash h;
        size_t len = gn_tree_leaf_len(p->what.length, i);
        if (gn_blob_tree_read(&p->tree, i, &h, 1) == GN_OK &&
            gn_blob_tree_pread(p->fd, buf, len, i * GN_TREE_LEAF) == GN_OK &&
            gn_tree_verify_leaf(&h, p->what.length, i, buf, len) == GN_OK)
            continue;
        gn_blob_part_unmark(p, i);
        bad++;
    }
    gn_alloc_free(p->dir->alloc, buf);
    for (uint64_t i = 0; bad == 0 && i < p->leaves; i++)
        gn_blob_part_unmark(p, i); /* data and hashes agree on something else: nothing can be trusted */
    return GN_E_CORRUPT;
}

static enum gn_err complete_tree(struct gn_blob_part *p)
{
    struct gn_tree_hash root;
    enum gn_err e = gn_blob_tree_build(&p->tree, &root, false);
    if (e != GN_OK)
        return e;
    return gn_tree_hash_eq(&root, &p->what.root) ? GN_OK : find_damage(p);
}

/* ---- the file ---- */

/* Has `path` the same bytes as the part file? */
static bool is_identical(struct gn_blob_part *p, const char *path)
{
    struct stat st;
    bool same = false;
    uint8_t *buf = gn_alloc_zeroed(p->dir->alloc, 2, COMPARE_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (!buf || fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != p->what.length)
        goto out;
    same = true;
    for (uint64_t at = 0; same && at < p->what.length; at += COMPARE_BYTES) {
        uint64_t left = p->what.length - at;
        size_t n = (size_t)(left < COMPARE_BYTES ? left : COMPARE_BYTES);
        same = gn_blob_tree_pread(fd, buf, n, at) == GN_OK &&
               gn_blob_tree_pread(p->fd, buf + COMPARE_BYTES, n, at) == GN_OK &&
               memcmp(buf, buf + COMPARE_BYTES, n) == 0;
    }
out:
    if (fd >= 0)
        (void)close(fd);
    gn_alloc_free(p->dir->alloc, buf);
    return same;
}

/* Renames without ever replacing a file. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (link(from, to) != 0) /* file systems without the flag */
        return errno;
    return unlink(from) == 0 ? 0 : errno;
}

static enum gn_err sync_data(struct gn_blob_part *p)
{
    struct stat st;
    if ((p->what.flags & GN_BLOB_EXECUTABLE) && !p->placed) {
        /* whoever may read may run: the umask has had its say when the file was made */
        if (fstat(p->fd, &st) != 0 || fchmod(p->fd, (st.st_mode & 0777U) | ((st.st_mode & 0444U) >> 2U)) != 0)
            return gn_err_from_errno(errno);
    }
    return p->quick || fsync(p->fd) == 0 ? GN_OK : gn_err_from_errno(errno);
}

static enum gn_err place(struct gn_blob_part *p, const char *target)
{
    char folder[GN_BLOB_PATH_MAX + 1U];
    if (p->placed)
        return GN_OK;
    int rc = rename_new(p->path, target);
    if (rc == EEXIST && is_identical(p, target)) {
        (void)unlink(p->path);
        rc = 0;
    }
    if (rc != 0)
        return rc == EXDEV ? GN_E_INVALID : gn_err_from_errno(rc);
    memcpy(p->what.target, target, strlen(target) + 1U);
    p->placed = true;
    size_t n = (size_t)(strrchr(target, '/') - target);
    memcpy(folder, target, n > 0 ? n : 1U);
    folder[n > 0 ? n : 1U] = '\0';
    return p->quick ? GN_OK : gn_os_file_sync_dir(folder);
}

static enum gn_err place_tree(struct gn_blob_part *p)
{
    char from[GN_BLOB_NAME_MAX];
    char to[GN_BLOB_NAME_MAX];
    if (p->tree_placed)
        return GN_OK;
    gn_blob_tree_name(from, &p->what.id, GN_BLOB_PART_TREE);
    gn_blob_tree_name(to, &p->what.id, ".tree");
    enum gn_err e = gn_blob_tree_seal(&p->tree, &p->what.id, &p->what.root, true);
    if (e == GN_OK && !p->quick)
        e = gn_blob_tree_sync(&p->tree);
    if (e != GN_OK)
        return e;
    if (renameat(p->dir->fd, from, p->dir->fd, to) != 0)
        return gn_err_from_errno(errno);
    p->tree_placed = true;
    return GN_OK;
}

static enum gn_err fill_entry(struct gn_blob_part *p, struct gn_blob_entry *entry)
{
    struct stat st;
    if (stat(p->what.target, &st) != 0)
        return gn_err_from_errno(errno);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != p->what.length)
        return GN_E_CHANGED;
    entry->id = p->what.id;
    entry->root = p->what.root;
    entry->length = p->what.length;
    entry->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    entry->inode = (uint64_t)st.st_ino;
    entry->dev = (uint64_t)st.st_dev;
    entry->flags = p->what.flags | GN_BLOB_FETCHED;
    memcpy(entry->path, p->what.target, sizeof entry->path);
    return GN_OK;
}

enum gn_err gn_blob_part_finish(struct gn_blob_part *p, struct gn_blob_entry *entry, const char *target)
{
    memset(entry, 0, sizeof *entry);
    if (!target || p->placed)
        target = p->what.target;
    size_t len = strlen(target);
    if (len == 0 || len > GN_BLOB_PATH_MAX || target[0] != '/' || target[len - 1U] == '/')
        return GN_E_INVALID;
    if (!gn_blob_part_complete(p))
        return GN_E_AGAIN;
    enum gn_err e = complete_tree(p);
    if (e == GN_OK)
        e = sync_data(p);
    if (e == GN_OK && !p->quick)
        e = gn_blob_tree_sync(&p->tree);
    if (e == GN_OK)
        e = place(p, target);
    if (e == GN_OK)
        e = fill_entry(p, entry);
    if (e == GN_OK)
        e = place_tree(p);
    if (e != GN_OK)
        return e;
    gn_blob_part_unlink(p); /* the state: last */
    return p->quick || fsync(p->dir->fd) == 0 ? GN_OK : gn_err_from_errno(errno);
}
