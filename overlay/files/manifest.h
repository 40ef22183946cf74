/* overlay/files/manifest.h - the list of files that a shared folder is: one canonical encoding, strictly decoded.
 *
 * Life: a builder owns its bytes until gn_manifest_builder_fini; a manifest borrows its bytes. Threads: one owner.
 * Purity: pure. Format: docs/PROTOCOL.md, "Files".
 *
 * Entries are files, and folders that would otherwise be missing because they are empty. They are sorted by path,
 * bytewise, but with '/' below every other byte: so what is inside a folder stands together, right behind the place
 * where an entry with the folder's own name would be. Paths obey gn_name_path_ok: relative, no "." or "..", valid
 * UTF-8. The same folder always gives the same bytes, hence the same content id. A file's content id follows from
 * length and root.
 */
#ifndef GN_OVERLAY_FILES_MANIFEST_H
#define GN_OVERLAY_FILES_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/slice.h"

#define GN_MANIFEST_VERSION 1U
#define GN_MANIFEST_BYTES_MAX ((size_t)64 * 1024U * 1024U)
#define GN_MANIFEST_ENTRIES_MAX 1000000U
#define GN_MANIFEST_DEPTH_MAX 128U               /* components of a path */
#define GN_MANIFEST_FILE_MAX (UINT64_C(1) << 44) /* bytes of one file */

enum gn_manifest_type {
    GN_MANIFEST_FILE = 0,
    GN_MANIFEST_PROGRAM = 1, /* a file that may be executed */
    GN_MANIFEST_FOLDER = 2,  /* an empty folder */
};

struct gn_manifest_entry {
    uint8_t type; /* enum gn_manifest_type */
    struct gn_slice path;
    uint64_t length;  /* files */
    uint8_t root[32]; /* files: root of the tree; zero for an empty one */
};

/* The order of entries: <0, 0, >0. */
int gn_manifest_compare(struct gn_slice a, struct gn_slice b);

/* ---- reading ---- */

struct gn_manifest {
    struct gn_slice bytes;
    uint32_t entries;
    uint32_t files;
    uint64_t total; /* bytes of all files */
};
/* Checks all of it; borrows bytes. MALFORMED: anything that the canonical encoding forbids: order, duplicates, a file
 * that is also a folder, an unsafe path, bytes left over. VERSION. LIMIT: too long, too many, too deep. */
GN_MUST_CHECK enum gn_err gn_manifest_open(struct gn_manifest *out, struct gn_slice bytes);
/* Gives one entry after the other; *at begins at 0. The path is borrowed from the manifest's bytes. False: the end. */
bool gn_manifest_next(const struct gn_manifest *m, struct gn_manifest_entry *out, size_t *at);

/* ---- writing ---- */

struct gn_manifest_builder {
    const struct gn_alloc *alloc;
    uint8_t *bytes;
    size_t len, cap;
    size_t last; /* offset of the last entry */
    uint32_t entries;
};
void gn_manifest_builder_init(struct gn_manifest_builder *b, const struct gn_alloc *alloc);
/* Copies the entry. INVALID: a path that is not safe, not behind the last one, or inside the last one; an unknown type.
 * LIMIT. NO_MEMORY. After an error the builder is unchanged. */
GN_MUST_CHECK enum gn_err gn_manifest_builder_add(struct gn_manifest_builder *b, const struct gn_manifest_entry *e);
/* The manifest so far; borrowed until the next add or fini. Empty: no memory for the header of an empty folder. */
struct gn_slice gn_manifest_builder_bytes(struct gn_manifest_builder *b);
void gn_manifest_builder_fini(struct gn_manifest_builder *b);

#endif
