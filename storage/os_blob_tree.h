/* storage/os_blob_tree.h - the folder of blobs and the tree files in it: a header block, then the stored tree.
 *
 * Life: caller's memory; gn_blob_tree_open or _create .. _close. Threads: reads and writes of different parts by any
 * thread. Purity: touches the disk. Part of os_blob; nobody else includes it.
 */
#ifndef GN_STORAGE_OS_BLOB_TREE_H
#define GN_STORAGE_OS_BLOB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "storage/tree.h"

struct gn_blob_dir {
    const struct gn_alloc *alloc; /* used by several threads */
    int fd;
    char *path;
};

#define GN_BLOB_NAME_MAX (GN_ID_TEXT_LEN + 8U)
/* "<id><suffix>", suffix like ".tree". */
void gn_blob_tree_name(char out[GN_BLOB_NAME_MAX], const struct gn_id *id, const char *suffix);

/* A whole read or write at an offset, EINTR and short counts handled. CHANGED: the file ended early. Others by errno.
 */
GN_MUST_CHECK enum gn_err gn_blob_tree_pread(int fd, void *buf, size_t len, uint64_t offset);
GN_MUST_CHECK enum gn_err gn_blob_tree_pwrite(int fd, const void *buf, size_t len, uint64_t offset);

struct gn_blob_tree {
    int fd;          /* -1: closed */
    uint64_t length; /* of the file */
};

/* Whose tree it is. Borrows. */
struct gn_blob_tree_of {
    const struct gn_id *id;
    const struct gn_tree_hash *root;
    uint64_t length;
};

/* Makes an empty, incomplete tree file, or empties the one that has this name. */
GN_MUST_CHECK enum gn_err gn_blob_tree_create(struct gn_blob_tree *t, const struct gn_blob_dir *d, const char *name,
                                              uint64_t length);
/* NOT_FOUND. CORRUPT: the header is not that of (id, length, root), or `complete` is asked for and it is not.
 * Without `complete` either will do, and it is opened for writing too. */
GN_MUST_CHECK enum gn_err gn_blob_tree_open(struct gn_blob_tree *t, const struct gn_blob_dir *d, const char *name,
                                            const struct gn_blob_tree_of *of, bool complete);
void gn_blob_tree_close(struct gn_blob_tree *t);
/* Hashes by their position in the stored tree. Reading behind what was written gives zeros. */
GN_MUST_CHECK enum gn_err gn_blob_tree_read(const struct gn_blob_tree *t, uint64_t pos, struct gn_tree_hash *out,
                                            size_t count);
GN_MUST_CHECK enum gn_err gn_blob_tree_write(const struct gn_blob_tree *t, uint64_t pos, const struct gn_tree_hash *in,
                                             size_t count);
/* Level 8 from the leaf hashes: group `index` of 256 leaves. */
GN_MUST_CHECK enum gn_err gn_blob_tree_group(const struct gn_blob_tree *t, struct gn_tree_hash *out, uint64_t index);
/* Builds levels from the leaf hashes, or from level 8 when `groups_ready`; fills the root. */
GN_MUST_CHECK enum gn_err gn_blob_tree_build(const struct gn_blob_tree *t, struct gn_tree_hash *root,
                                             bool groups_ready);
/* Writes the header. Not durable before a sync. */
GN_MUST_CHECK enum gn_err gn_blob_tree_seal(const struct gn_blob_tree *t, const struct gn_id *id,
                                            const struct gn_tree_hash *root, bool complete);
GN_MUST_CHECK enum gn_err gn_blob_tree_sync(const struct gn_blob_tree *t);

#endif
