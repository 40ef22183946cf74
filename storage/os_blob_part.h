/* storage/os_blob_part.h - a file that is being fetched: verified leaves in a part file, a tree and a state beside it.
 *
 * Life: gn_blob_part_new or _resume .. gn_blob_part_finish or _discard .. gn_blob_part_close. Borrows the folder.
 * Threads: _accept and _write may be called by several threads at once, for different ranges; _have, _missing, _bytes,
 * _read and _prove by any, at any time; the others by one thread while nobody is in _accept or _write, except
 * _checkpoint, which one thread may call at any time. Purity: touches the disk.
 *
 * The data is in `.<name>.<start of id>.ghostnet-part` in the target's folder, so that finishing is a rename.
 * After a kill: leaves in the bitmap were synced before the bitmap was, and are trusted as they are. Leaves written
 * since the last checkpoint are found by their hashes, which are stored before the data: gn_blob_part_recheck reads
 * just these. So no verified byte is fetched twice, and after a power cut no unsynced byte is believed.
 */
#ifndef GN_STORAGE_OS_BLOB_PART_H
#define GN_STORAGE_OS_BLOB_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "storage/blob_entry.h"
#include "storage/blob_state.h"
#include "storage/os_blob.h"
#include "storage/tree.h"

struct gn_blob_part;

/* Gives `out`. `what` is copied; what->target's folder must exist. Reserves the space of the file (where the file
 * system can), so that a full disk is NO_SPACE here and not after an hour. EXISTS: a download of this id is already on
 * disk: resume it. LIMIT, INVALID, NOT_FOUND (the target's folder), PERMISSION, NO_SPACE, IO, NO_MEMORY, DESCRIPTORS:
 * nothing is left behind. AUTH: id is not that of (length, root). */
GN_MUST_CHECK enum gn_err gn_blob_part_new(struct gn_blob_part **out, struct gn_blob_dir *d,
                                           const struct gn_blob_state *what);
/* The same for a small file of a big folder: without a state and without a single sync, so after a kill it is fetched
 * again. What depends on it waits for gn_blob_sync. */
GN_MUST_CHECK enum gn_err gn_blob_part_new_quick(struct gn_blob_part **out, struct gn_blob_dir *d,
                                                 const struct gn_blob_state *what);
/* Makes durable all that was written to the file systems of the blobs and of `path`. Slow: for a worker thread. */
GN_MUST_CHECK enum gn_err gn_blob_sync(struct gn_blob_dir *d, const char *path);
/* Gives `out`: goes on with the download of `id` after a restart. Then call gn_blob_part_recheck until it is done.
 * NOT_FOUND: no state, or its part file is gone (what is left was removed). CORRUPT: the state is unreadable: discard.
 */
GN_MUST_CHECK enum gn_err gn_blob_part_resume(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_id *id);
/* Looks at leaves written after the last checkpoint, about `bytes_max` per call; sets done. For a worker thread.
 * NOT_FOUND: what stands at the target is not the finished file, and the part file is gone: everything was removed. */
GN_MUST_CHECK enum gn_err gn_blob_part_recheck(struct gn_blob_part *p, bool *done, uint64_t bytes_max);
/* Removes what there is of the download of `id` while it is not open: state, hashes, and the part file if the state can
 * still say where it is. */
void gn_blob_part_forget(struct gn_blob_dir *d, const struct gn_id *id);
/* Visits the ids of all downloads in the folder, at most `limit`. Returns false to stop. */
typedef bool (*gn_blob_part_visit_fn)(void *data, const struct gn_id *id);
GN_MUST_CHECK enum gn_err gn_blob_part_list(struct gn_blob_dir *d, size_t limit, gn_blob_part_visit_fn visit,
                                            void *data);

const struct gn_blob_state *gn_blob_part_what(const struct gn_blob_part *p);

/* Verifies a range's leaf hashes against the root (errors of gn_tree_verify) and keeps them. The caller keeps `leaves`
 * until the data of the range has come. */
GN_MUST_CHECK enum gn_err gn_blob_part_accept(struct gn_blob_part *p, uint64_t first, uint64_t count,
                                              const struct gn_tree_hash *leaves, const struct gn_tree_hash *uncles,
                                              size_t uncles_len);
/* Verifies and writes `count` leaves from `first`. `leaves` are their accepted hashes (NULL: read them from the disk
 * again; then AGAIN when one was not accepted yet), `data` their bytes, exactly gn_tree_range_len of them; the run need
 * not be a range. Fills `bad` (may be NULL) with the first wrong leaf on AUTH: then nothing was written. INVALID,
 * MALFORMED (len). NO_SPACE, IO: leaves stay missing, the download can go on later.
 */
GN_MUST_CHECK enum gn_err gn_blob_part_write(struct gn_blob_part *p, uint64_t *bad, uint64_t first, uint64_t count,
                                             const struct gn_tree_hash *leaves, struct gn_slice data);
/* Syncs data and hashes, then the bitmap. Call it every few seconds or some 64 MiB, on a worker thread, and before
 * closing. */
GN_MUST_CHECK enum gn_err gn_blob_part_checkpoint(struct gn_blob_part *p);

bool gn_blob_part_have(const struct gn_blob_part *p, uint64_t leaf);
/* The first missing leaf at or after `from`, and how many in a row are missing (<= run_max); false when none is. */
bool gn_blob_part_missing(const struct gn_blob_part *p, uint64_t *first, uint64_t *run, uint64_t from,
                          uint64_t run_max);
uint64_t gn_blob_part_leaves(const struct gn_blob_part *p);      /* in the file */
uint64_t gn_blob_part_leaves_done(const struct gn_blob_part *p); /* verified and written */
uint64_t gn_blob_part_bytes(const struct gn_blob_part *p);       /* of the file, verified and written */
bool gn_blob_part_complete(const struct gn_blob_part *p);
/* Serve while fetching: bytes of leaves that are here. AGAIN: not all of it is here yet. INVALID: outside the file. */
GN_MUST_CHECK enum gn_err gn_blob_part_read(struct gn_blob_part *p, uint8_t *buf, uint64_t offset, size_t len);
/* Leaf hashes and uncles of a range, as gn_blob_prove. AGAIN: the hashes that are here do not suffice; ranges accepted
 * in groups of 256 leaves always do. */
GN_MUST_CHECK enum gn_err gn_blob_part_prove(struct gn_blob_part *p, struct gn_tree_hash *leaves,
                                             struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len,
                                             uint64_t first, uint64_t count);

/* Completes the tree, checks the root, syncs, renames to `target` (NULL: the one in the state), removes the state,
 * fills `entry`. A slow call, for a worker thread. EXISTS: another file is there: nothing is lost, call again with
 * another target in the same folder. An identical file there is taken as the result. AGAIN: leaves are missing.
 * CORRUPT: the disk lost hashes: the affected leaves became missing again. */
GN_MUST_CHECK enum gn_err gn_blob_part_finish(struct gn_blob_part *p, struct gn_blob_entry *entry, const char *target);
/* Removes part, state and tree. */
void gn_blob_part_discard(struct gn_blob_part *p);
/* Closes the files; what is on disk stays. NULL is fine. */
void gn_blob_part_close(struct gn_blob_part *p);

#endif
