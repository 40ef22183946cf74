/* sim/world/disk.h - the storage of one simulated node: store requests are done on a store in memory.
 *
 * Life: zeroed memory is an empty disk; gn_disk_fini makes it empty again. Threads: one owner. Purity: pure.
 *
 * A disk outlives its node's crash. It takes no memory before the first write.
 */
#ifndef GN_SIM_WORLD_DISK_H
#define GN_SIM_WORLD_DISK_H

#include <stdbool.h>

#include "base/alloc.h"
#include "overlay/io.h"

struct gn_store;

struct gn_disk {
    struct gn_store *store;
    uint8_t *table; /* the last saved routing table */
    uint32_t table_len;
};

/* What the answers of reads are collected in: reused by all disks of a world. */
struct gn_disk_scratch {
    const struct gn_alloc *alloc;
    struct gn_store_entry *entries;
    size_t entries_len;
    size_t entries_cap;
    uint8_t *bytes;
    size_t bytes_len;
    size_t bytes_cap;
    bool no_memory;
};

void gn_disk_fini(struct gn_disk *d, const struct gn_alloc *alloc);
void gn_disk_scratch_fini(struct gn_disk_scratch *s);
bool gn_disk_is_read(enum gn_store_op op);
/* GET, LIST, SCAN, USAGE: fills `answer`, which borrows from `scratch` until its next use. */
void gn_disk_read(struct gn_disk *d, struct gn_store_answer *answer, struct gn_disk_scratch *scratch,
                  const struct gn_store_request *request);
/* PUT, DELETE, EXPIRE, SAVE_TABLE: done at once; when the node may learn of it is the world's question.
 * EXPIRE: *dropped tells how many. */
GN_MUST_CHECK enum gn_err gn_disk_write(struct gn_disk *d, uint32_t *dropped, const struct gn_alloc *alloc,
                                        const struct gn_store_request *request);
/* Is a record of this kind and target there? */
bool gn_disk_has(struct gn_disk *d, uint8_t kind, const struct gn_id *target);

#endif
