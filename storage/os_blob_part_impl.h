/* storage/os_blob_part_impl.h - the inside of a download, shared by the os_blob_part files.
 *
 * Life, threads: storage/os_blob_part.h. Purity: touches the disk. Nobody else includes it.
 */
#ifndef GN_STORAGE_OS_BLOB_PART_IMPL_H
#define GN_STORAGE_OS_BLOB_PART_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/blob_state.h"
#include "storage/os_blob_part.h"
#include "storage/os_blob_tree.h"

#define GN_BLOB_PART_PAGE_WORDS (GN_BLOB_STATE_PAGE_BITS / 8U) /* 511: a page holds whole words of the bitmap */

struct gn_blob_part {
    struct gn_blob_dir *dir;
    struct gn_blob_state what;
    char path[GN_BLOB_PATH_MAX + 1U]; /* the part file */
    int fd;
    int state_fd;
    struct gn_blob_tree tree;
    uint64_t leaves;
    uint64_t pages;
    _Atomic uint64_t *bits; /* pages * 511 words, leaf 0 is the lowest bit of the first */
    _Atomic uint8_t *dirty; /* per page: has bits that the disk has not */
    _Atomic uint64_t done;
    _Atomic uint64_t done_bytes;
    uint64_t recheck_at; /* the next leaf that recheck looks at */
    bool placed;         /* the data file already stands at the target */
    bool quick;          /* no state, no syncs */
    bool tree_placed;    /* and the tree has its final name */
};

/* Suffixes in the folder of blobs. */
#define GN_BLOB_PART_STATE ".state"
#define GN_BLOB_PART_TREE ".ptree"

/* The part file of a download. LIMIT: the target is too long. */
enum gn_err gn_blob_part_path(char out[GN_BLOB_PATH_MAX + 1U], const struct gn_blob_state *what);
/* Marks a leaf as verified and written; true when it was not yet. */
bool gn_blob_part_mark(struct gn_blob_part *p, uint64_t leaf);
void gn_blob_part_unmark(struct gn_blob_part *p, uint64_t leaf);
/* Removes state and tree of an open download from the folder of blobs. */
void gn_blob_part_unlink(struct gn_blob_part *p);

#endif
