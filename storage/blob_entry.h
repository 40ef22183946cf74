/* storage/blob_entry.h - what is known about one shared or fetched file, and its bytes in the index of files.
 *
 * Life: plain values. Threads: any. Purity: pure.
 */
#ifndef GN_STORAGE_BLOB_ENTRY_H
#define GN_STORAGE_BLOB_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"
#include "storage/store.h"
#include "storage/tree.h"

#define GN_BLOB_PATH_MAX 4095U /* bytes, without NUL */

enum gn_blob_flag {
    GN_BLOB_EXECUTABLE = 1U,
    GN_BLOB_MANIFEST = 2U,  /* a folder: the content is a list of files */
    GN_BLOB_FETCHED = 4U,   /* came from peers */
    GN_BLOB_MEMBER = 8U,    /* belongs to a folder, not listed by itself */
    GN_BLOB_OWN_FILE = 16U, /* lives in blobs/, removed together with the entry */
};

struct gn_blob_entry {
    struct gn_id id;
    struct gn_tree_hash root;
    uint64_t length;
    int64_t mtime_ns;
    uint64_t inode;
    uint64_t dev; /* for people; device numbers change over reboots, so it is not compared */
    gn_wall_s added_at;
    uint32_t flags;                   /* enum gn_blob_flag */
    char path[GN_BLOB_PATH_MAX + 1U]; /* absolute */
};

#define GN_BLOB_ENTRY_MAX (GN_BLOB_PATH_MAX + 160U)
_Static_assert(GN_BLOB_ENTRY_MAX <= GN_STORE_FILE_MAX, "an entry fits the index");

/* Returns the length; 0 when the path is empty, not absolute or too long. */
size_t gn_blob_entry_encode(uint8_t out[GN_BLOB_ENTRY_MAX], const struct gn_blob_entry *e);
/* VERSION: unknown format. CORRUPT: cut, too long, checksum wrong, id not that of (length, root), path not absolute. */
GN_MUST_CHECK enum gn_err gn_blob_entry_decode(struct gn_blob_entry *out, struct gn_slice bytes);

/* The index of files in terms of entries. Errors as storage/store.h, and those of decode. */
GN_MUST_CHECK enum gn_err gn_blob_entry_put(struct gn_store *s, const struct gn_blob_entry *e);
GN_MUST_CHECK enum gn_err gn_blob_entry_get(struct gn_store *s, struct gn_blob_entry *out, const struct gn_id *id);
/* Visits in order of id after `after` (NULL: all); entries that cannot be decoded are counted in `broken` (may be
 * NULL). */
typedef bool (*gn_blob_entry_visit_fn)(void *data, const struct gn_blob_entry *e);
GN_MUST_CHECK enum gn_err gn_blob_entry_list(struct gn_store *s, size_t *broken, const struct gn_id *after,
                                             size_t limit, gn_blob_entry_visit_fn visit, void *data);

#endif
