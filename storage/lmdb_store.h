/* storage/lmdb_store.h - the store on disk: LMDB, one folder, crash-safe.
 *
 * Life: gn_lmdb_store_open .. gn_store_close. Threads: as storage/store.h. Purity: touches the disk.
 *
 * Every commit is followed by fdatasync before it is acknowledged. The map (address space, not disk) starts small and
 * grows up to `limit_bytes`. A full disk, or a store at its limit, fails writes with NO_SPACE and goes on reading;
 * deleting and expiring still work at the limit, from a small reserve. That only one process opens a folder is the
 * node's lock's job.
 */
#ifndef GN_STORAGE_LMDB_STORE_H
#define GN_STORAGE_LMDB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

struct gn_store;

#define GN_LMDB_STORE_FORMAT 1U /* version of what is inside; another one is refused */
#define GN_LMDB_STORE_LIMIT (UINT64_C(1024) * 1024U * 1024U)
#define GN_LMDB_STORE_LIMIT_MIN (UINT64_C(1024) * 1024U)

struct gn_lmdb_store_options {
    const char *path;     /* the folder; made (0700) with one level when missing */
    uint64_t limit_bytes; /* the data file never grows past it; 0: GN_LMDB_STORE_LIMIT */
    bool no_sync;         /* benchmarks only: a kill keeps everything, a power cut may not */
};

#define GN_LMDB_STORE_WHY_MAX 256U

/* Gives `out`. Copies `options`. Fills `why` with a sentence for people on every error ("" on success).
 * CORRUPT: not an LMDB file, not ours, damaged or cut; nothing was changed.
 * VERSION: made by another format of ghostnet. PERMISSION, NO_SPACE, IO, NO_MEMORY, DESCRIPTORS: as named. */
GN_MUST_CHECK enum gn_err gn_lmdb_store_open(struct gn_store **out, char why[GN_LMDB_STORE_WHY_MAX],
                                             const struct gn_alloc *alloc, const struct gn_lmdb_store_options *options);

#endif
