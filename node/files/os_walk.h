/* node/files/os_walk.h - what is in a folder that is to be shared.
 *
 * Life: gn_os_walk fills it; gn_os_walk_free. Threads: one, of the pool. Purity: reads folders.
 *
 * Symbolic links and everything that is neither a file nor a folder is skipped and counted, and so are half-fetched
 * files of ours. A name that no manifest may hold (control characters, no UTF-8) is an error, never left out silently.
 */
#ifndef GN_NODE_FILES_OS_WALK_H
#define GN_NODE_FILES_OS_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "storage/blob_entry.h"

struct gn_walk_file {
    char *path;  /* relative to the folder; "" for a single file */
    bool folder; /* an empty one */
    uint64_t size;
};

struct gn_walk {
    const struct gn_alloc *alloc;
    bool folder;                      /* it is one */
    char root[GN_BLOB_PATH_MAX + 1U]; /* absolute, without links */
    struct gn_walk_file *files;       /* in the order of a manifest */
    size_t len, cap;
    uint64_t total; /* bytes */
    size_t skipped;
    char detail[256]; /* after an error: for people */
};

/* Fills w (zeroed but for alloc). `stop` may become true at any time: CANCELLED. NOT_FOUND, PERMISSION, INVALID (a
 * name, or neither a file nor a folder), LIMIT (too many files, too long a path), NO_MEMORY, DESCRIPTORS, IO. */
GN_MUST_CHECK enum gn_err gn_os_walk(struct gn_walk *w, const char *path, const atomic_bool *stop);
void gn_os_walk_free(struct gn_walk *w);

#endif
