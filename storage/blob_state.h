/* storage/blob_state.h - the bytes of a download's state file: a header block and pages of a bitmap of leaves.
 *
 * Life: plain values. Threads: any. Purity: pure.
 *
 * The file is GN_BLOB_STATE_HEADER bytes, then pages of 4,096 bytes: 4,088 bytes of bits (leaf 0 is the lowest bit of
 * the first byte) and a checksum. A page is rewritten in place: when a crash tears it, the checksum does not fit and
 * its leaves are looked at again locally, never fetched again.
 */
#ifndef GN_STORAGE_BLOB_STATE_H
#define GN_STORAGE_BLOB_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"
#include "storage/blob_entry.h"
#include "storage/tree.h"

#define GN_BLOB_STATE_HEADER 8192U
#define GN_BLOB_STATE_PAGE 4096U
#define GN_BLOB_STATE_PAGE_BITS 4088U                                      /* bytes of bits in a page */
#define GN_BLOB_STATE_PAGE_LEAVES ((uint64_t)GN_BLOB_STATE_PAGE_BITS * 8U) /* 511 MiB of the file */

struct gn_blob_state {
    struct gn_id id;
    struct gn_tree_hash root;
    uint64_t length;
    uint32_t flags; /* enum gn_blob_flag, for the entry it becomes */
    gn_wall_s started_at;
    char target[GN_BLOB_PATH_MAX + 1U]; /* absolute path of the finished file */
};

/* INVALID: the target is empty, not absolute or too long. */
GN_MUST_CHECK enum gn_err gn_blob_state_encode(uint8_t out[GN_BLOB_STATE_HEADER], const struct gn_blob_state *s);
/* VERSION: unknown format. CORRUPT: anything else that is wrong. */
GN_MUST_CHECK enum gn_err gn_blob_state_decode(struct gn_blob_state *out, struct gn_slice bytes);
/* Pages of a file of `length` bytes. */
uint64_t gn_blob_state_pages(uint64_t length);
/* Writes the checksum of page `index` behind its bits. */
void gn_blob_state_seal(uint8_t page[GN_BLOB_STATE_PAGE], const struct gn_id *id, uint64_t index);
/* Checksum right, and no bit set behind the last leaf? */
bool gn_blob_state_page_ok(const uint8_t page[GN_BLOB_STATE_PAGE], const struct gn_blob_state *s, uint64_t index);

#endif
