/* tests/support/files_villain.h - providers that misbehave: they speak the file protocol, and lie, stall or leave.
 *
 * Life: villain_start on a node without the file service .. villain_stop before that node ends. Threads: the loop's.
 * Purity: none.
 */
#ifndef GN_TESTS_SUPPORT_FILES_VILLAIN_H
#define GN_TESTS_SUPPORT_FILES_VILLAIN_H

#include "base/list.h"
#include "storage/os_blob.h"
#include "tests/support/files_world.h"

enum villainy {
    VILLAIN_HONEST,
    VILLAIN_WRONG_BYTE,  /* flips a bit in the last leaf of every range */
    VILLAIN_WRONG_PROOF, /* flips a bit in the proof */
    VILLAIN_WRONG_ROOT,  /* says that the file is another one */
    VILLAIN_SILENT,      /* takes requests, answers INFO only */
    VILLAIN_HALF,        /* stops in the middle of each range */
    VILLAIN_GARBAGE,     /* answers with bytes that are no reply */
    VILLAIN_EAGER,       /* answers what nobody asked */
};

struct villain {
    struct gn_blob_dir *dir;
    struct gn_blob *blob;
    struct gn_blob_entry entry;
    enum villainy how;
    struct gn_links *links;
    struct gn_list streams;
    unsigned requests; /* for ranges */
};

/* Serves the file at `path` on node i's links. */
void villain_start(struct villain *v, struct world *w, unsigned i, const char *path, enum villainy how);
void villain_stop(struct villain *v);

#endif
