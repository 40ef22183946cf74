/* storage/os_blob.h - files on disk as verified blobs: the folder, serving, and hashing.
 *
 * Life: gn_blob_dir_open .. _close; everything else borrows the folder and ends before it.
 * Threads: said per object. Purity: touches the disk; never maps a file (a file cut by its owner must not raise
 * SIGBUS).
 *
 * In the folder: <id>.tree (the tree of a file that is served or being fetched), <id>.state (a download,
 * storage/os_blob_part.h), <id>.data (content we own: manifests, uploads), *.tmp (removed at start).
 */
#ifndef GN_STORAGE_OS_BLOB_H
#define GN_STORAGE_OS_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "storage/blob_entry.h"
#include "storage/tree.h"

struct gn_blob_dir;  /* any thread, once open */
struct gn_blob;      /* a file being served: any number of threads may read */
struct gn_blob_hash; /* a file being hashed: any number of threads may step */

/* Gives `out`; makes the folder (0700) when missing; removes left-over *.tmp files. Borrows alloc. */
GN_MUST_CHECK enum gn_err gn_blob_dir_open(struct gn_blob_dir **out, const struct gn_alloc *alloc, const char *path);
void gn_blob_dir_close(struct gn_blob_dir *d);

/* ---- serving ---- */

/* Gives `out`: the file and its tree opened for reading.
 * CHANGED: size, mtime or inode differ from the entry, or the file is gone: stop announcing it, hash it again.
 * CORRUPT or NOT_FOUND: the tree file is damaged or missing: hash it again. DESCRIPTORS: try later. PERMISSION. */
GN_MUST_CHECK enum gn_err gn_blob_open(struct gn_blob **out, struct gn_blob_dir *d, const struct gn_blob_entry *entry);
void gn_blob_close(struct gn_blob *b);
uint64_t gn_blob_length(const struct gn_blob *b);
const struct gn_tree_hash *gn_blob_root(const struct gn_blob *b);
/* Is the open file still what was hashed? CHANGED: no. One fstat; gn_blob_read does it by itself. */
GN_MUST_CHECK enum gn_err gn_blob_check(struct gn_blob *b);
/* Reads bytes [offset, offset + len) into buf. INVALID: outside the file. CHANGED: the file was touched. IO. */
GN_MUST_CHECK enum gn_err gn_blob_read(struct gn_blob *b, uint8_t *buf, uint64_t offset, size_t len);
/* Leaf hashes of a range (leaves[count], count <= GN_TREE_RANGE_MAX) and its uncles. INVALID: not a range. IO, CORRUPT.
 */
GN_MUST_CHECK enum gn_err gn_blob_prove(struct gn_blob *b, struct gn_tree_hash *leaves,
                                        struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len,
                                        uint64_t first, uint64_t count);

/* Is the file of this entry unchanged (one stat, nothing opened)? CHANGED: no. */
GN_MUST_CHECK enum gn_err gn_blob_entry_check(const struct gn_blob_entry *entry);
/* Keeps `bytes` (<= 64 MiB) as <id>.data with its tree; fills entry (GN_BLOB_OWN_FILE set). Durable when it returns. */
GN_MUST_CHECK enum gn_err gn_blob_keep(struct gn_blob_dir *d, struct gn_blob_entry *entry, struct gn_slice bytes);
/* Removes the tree, and <id>.data when the entry says that it is ours; never a user's file. */
void gn_blob_forget(struct gn_blob_dir *d, const struct gn_blob_entry *entry);

/* ---- hashing, in worker threads ---- */

/* Gives `out`: opens `path` (absolute, a regular file; a symbolic link is followed). Borrows d.
 * NOT_FOUND, PERMISSION, DESCRIPTORS, NO_SPACE, IO. INVALID: not absolute, too long, or not a regular file.
 * LIMIT: longer than 2^44 bytes. */
GN_MUST_CHECK enum gn_err gn_blob_hash_open(struct gn_blob_hash **out, struct gn_blob_dir *d, const char *path);
/* Hashes about `bytes_max` more (rounded up to groups of 4 MiB). Several threads may be in here at once: each takes
 * groups of its own. OK: call again or see gn_blob_hash_done. The first error is kept and returned to all: CHANGED,
 * CANCELLED, NO_SPACE, IO, NO_MEMORY. Holes are not read. */
GN_MUST_CHECK enum gn_err gn_blob_hash_step(struct gn_blob_hash *h, uint64_t bytes_max);
/* Every group is hashed: now one thread calls gn_blob_hash_finish. Any thread. */
bool gn_blob_hash_done(const struct gn_blob_hash *h);
uint64_t gn_blob_hash_bytes(const struct gn_blob_hash *h); /* hashed so far; any thread */
uint64_t gn_blob_hash_length(const struct gn_blob_hash *h);
void gn_blob_hash_cancel(struct gn_blob_hash *h); /* any thread; steps return CANCELLED soon */
/* Builds the upper tree, makes <id>.tree durable, fills `entry` (flags: EXECUTABLE as the file; added_at is the
 * caller's). Once, after gn_blob_hash_done. CHANGED: the file was touched while it was hashed. */
GN_MUST_CHECK enum gn_err gn_blob_hash_finish(struct gn_blob_hash *h, struct gn_blob_entry *entry);
/* No thread may be stepping. Removes what was not finished. NULL is fine. */
void gn_blob_hash_close(struct gn_blob_hash *h);

#endif
