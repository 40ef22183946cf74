/* storage/tree.h - the Merkle tree of a file: BitTorrent v2's (BEP 52), SHA-256 over leaves of 16 KiB.
 *
 * Life: plain values in the caller's memory. Threads: one owner per object. Purity: pure (nettle).
 *
 * Leaf i is SHA-256 of bytes [i * 16 KiB, (i + 1) * 16 KiB) of the file; the last leaf may be short and is hashed as it
 * is. The leaves are padded with hashes of 32 zero bytes to a power of two; a node is SHA-256(left | right). Level 0
 * are the leaves, level `height` is the root. BEP 52 gives an empty file no root: ours is 32 zero bytes. The content id
 * binds the length, and the length fixes the shape, so that no inner node can pass for a leaf.
 *
 * A range is `count` leaves from `first`, where first is a multiple of 2^k, 2^k the least power of two >= count, and
 * count is 2^k or reaches the last leaf of the file. Its proof are the uncles: the siblings on the way from the range's
 * subtree to the root, lowest first; a sibling that is all padding is not part of the proof.
 */
#ifndef GN_STORAGE_TREE_H
#define GN_STORAGE_TREE_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

#define GN_TREE_LEAF 16384U
#define GN_TREE_LENGTH_MAX (UINT64_C(1) << 44)
#define GN_TREE_HEIGHT_MAX 30U /* 2^44 bytes are 2^30 leaves */
#define GN_TREE_UNCLES_MAX GN_TREE_HEIGHT_MAX
#define GN_TREE_RANGE_MAX 1024U /* leaves in one range: 16 MiB of data, 32 KiB of hashes */
#define GN_TREE_GROUP_LEVEL 8U  /* a group: 256 leaves, 4 MiB */
#define GN_TREE_GROUP_LEAVES 256U

struct gn_tree_hash {
    uint8_t b[32];
};

/* Leaves [first, first + count) of a file of `length` bytes. */
struct gn_tree_range {
    uint64_t length;
    uint64_t first;
    uint64_t count;
};
static inline struct gn_tree_range gn_tree_range_of(uint64_t length, uint64_t first, uint64_t count)
{
    return (struct gn_tree_range){.length = length, .first = first, .count = count};
}

/* ---- shape ---- */

/* Leaves of a file of `length` bytes, 0 for an empty one. */
uint64_t gn_tree_leaves(uint64_t length);
/* Level of the root: 0 for up to one leaf. */
unsigned gn_tree_height(uint64_t length);
/* Bytes of leaf `index`: GN_TREE_LEAF but for the last one; 0 behind the end. */
size_t gn_tree_leaf_len(uint64_t length, uint64_t index);
/* Bytes of `count` leaves from `first`, cut at the end of the file. */
uint64_t gn_tree_range_len(uint64_t length, uint64_t first, uint64_t count);
/* Is (first, count) a range as defined above, with 1 <= count <= GN_TREE_RANGE_MAX? */
bool gn_tree_range_ok(uint64_t length, uint64_t first, uint64_t count);
/* The largest range of at most `count_max` (a power of two) leaves that holds leaf `index`: fills first, returns count;
 * 0 when the file has no such leaf. */
uint64_t gn_tree_range_at(uint64_t *first, uint64_t length, uint64_t index, uint64_t count_max);
/* Hashes in the proof of a range for which gn_tree_range_ok is true. */
size_t gn_tree_uncles(uint64_t length, uint64_t first, uint64_t count);

/* ---- hashing ---- */

/* `len` 0..GN_TREE_LEAF bytes. */
void gn_tree_leaf_hash(struct gn_tree_hash *out, const uint8_t *data, size_t len);
/* The hash of a leaf of GN_TREE_LEAF zero bytes: holes of sparse files need no reading. */
void gn_tree_zero_leaf_hash(struct gn_tree_hash *out);
void gn_tree_node_hash(struct gn_tree_hash *out, const struct gn_tree_hash *left, const struct gn_tree_hash *right);
/* The hash of a subtree at `level` that is all padding. */
void gn_tree_pad_hash(struct gn_tree_hash *out, unsigned level);
/* BLAKE2b-256("ghostnet/1 file" | length u64be | root). */
void gn_tree_content_id(struct gn_id *out, uint64_t length, const struct gn_tree_hash *root);
bool gn_tree_hash_eq(const struct gn_tree_hash *a, const struct gn_tree_hash *b);
bool gn_tree_hash_is_zero(const struct gn_tree_hash *a);

/* ---- folding subtrees from left to right in O(height) memory ---- */

struct gn_tree_fold {
    struct gn_tree_hash stack[GN_TREE_HEIGHT_MAX + 1U];
    uint64_t leaves; /* added so far; bit i set: stack[i] holds a subtree of level i */
};
void gn_tree_fold_init(struct gn_tree_fold *f);
/* Adds the next subtree of `level`. Only the last one of the file may be partly padding, and everything before it must
 * be a multiple of its width: GN_CHECKed, as is the limit of 2^30 leaves. */
void gn_tree_fold_add(struct gn_tree_fold *f, const struct gn_tree_hash *h, unsigned level);
/* The subtree of `level` over all that was added, padded at the right. level >= what the leaves need. */
void gn_tree_fold_root(const struct gn_tree_fold *f, struct gn_tree_hash *out, unsigned level);

/* ---- a file as a stream of bytes ---- */

/* Called for each leaf in order. */
typedef void (*gn_tree_leaf_fn)(void *data, uint64_t index, const struct gn_tree_hash *hash);

struct gn_tree_builder {
    struct gn_tree_fold fold;
    struct sha256_ctx sha;
    size_t leaf_used; /* bytes of the open leaf */
    uint64_t length;
    gn_tree_leaf_fn leaf; /* NULL: only the root is wanted */
    void *leaf_data;
};
void gn_tree_builder_init(struct gn_tree_builder *b, gn_tree_leaf_fn leaf, void *leaf_data);
/* LIMIT: the file is longer than GN_TREE_LENGTH_MAX; the builder is unchanged. */
GN_MUST_CHECK enum gn_err gn_tree_builder_add(struct gn_tree_builder *b, const void *data, size_t len);
/* Ends the file: fills root and id (either may be NULL). */
void gn_tree_builder_end(struct gn_tree_builder *b, struct gn_tree_hash *root, struct gn_id *id);

/* ---- verifying what a peer sent ---- */

/* Are this range, these leaf hashes and these uncles part of the file (root, range.length)?
 * INVALID: not a range. MALFORMED: uncles_len is not gn_tree_uncles. AUTH: the hashes do not lead to the root. */
GN_MUST_CHECK enum gn_err gn_tree_verify(const struct gn_tree_hash *root, struct gn_tree_range range,
                                         const struct gn_tree_hash *leaves, const struct gn_tree_hash *uncles,
                                         size_t uncles_len);
/* Are these bytes leaf `index` of a file of `length` bytes, given its verified hash? AUTH: no. MALFORMED: wrong length.
 */
GN_MUST_CHECK enum gn_err gn_tree_verify_leaf(const struct gn_tree_hash *leaf, uint64_t length, uint64_t index,
                                              const uint8_t *data, size_t len);
/* The content id is that of (length, root)? AUTH: no. LIMIT: length > GN_TREE_LENGTH_MAX. */
GN_MUST_CHECK enum gn_err gn_tree_verify_id(const struct gn_id *id, uint64_t length, const struct gn_tree_hash *root);

/* ---- the stored tree: level 0, then levels 8, 9 .. height, one hash after the other, padding left out ---- */

/* Hashes in the stored tree; 0 for an empty file. */
uint64_t gn_tree_stored_len(uint64_t length);
/* Position (in hashes) of node `index` of `level`. False: that level is not stored, or the node is all padding. */
bool gn_tree_stored_at(uint64_t *pos, uint64_t length, unsigned level, uint64_t index);
/* Reads `count` stored hashes from position `pos`. */
typedef enum gn_err (*gn_tree_read_fn)(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count);
/* Fills the proof of a range from the stored tree: at most 255 hashings and 1 + height reads, of at most 128 hashes.
 * INVALID: not a range. Errors of `read` are passed on. */
GN_MUST_CHECK enum gn_err gn_tree_prove(struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len,
                                        struct gn_tree_range range, gn_tree_read_fn read, void *data);

#endif
