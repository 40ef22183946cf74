/* storage/tree.c - shape, hashing and verification of a file's Merkle tree. */
#include "storage/tree.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/slice.h"

static const char file_label[] = "ghostnet/1 file";

/* ---- shape ---- */

uint64_t gn_tree_leaves(uint64_t length)
{
    return length / GN_TREE_LEAF + (length % GN_TREE_LEAF ? 1U : 0U);
}

/* The least k with 2^k >= n; 0 for 0 and 1. */
static unsigned ceil_log2(uint64_t n)
{
    unsigned k = 0;
    while (k < 63U && (UINT64_C(1) << k) < n)
        k++;
    return k;
}

unsigned gn_tree_height(uint64_t length)
{
    return ceil_log2(gn_tree_leaves(length));
}

size_t gn_tree_leaf_len(uint64_t length, uint64_t index)
{
    return (size_t)gn_tree_range_len(length, index, 1);
}

uint64_t gn_tree_range_len(uint64_t length, uint64_t first, uint64_t count)
{
    uint64_t leaves = gn_tree_leaves(length);
    if (first >= leaves)
        return 0;
    if (count >= leaves - first)
        return length - first * GN_TREE_LEAF;
    return count * GN_TREE_LEAF;
}

bool gn_tree_range_ok(uint64_t length, uint64_t first, uint64_t count)
{
    uint64_t leaves = gn_tree_leaves(length);
    if (length > GN_TREE_LENGTH_MAX || count == 0 || count > GN_TREE_RANGE_MAX || first >= leaves ||
        count > leaves - first)
        return false;
    uint64_t width = UINT64_C(1) << ceil_log2(count);
    if (first % width != 0)
        return false;
    return count == width || first + count == leaves;
}

uint64_t gn_tree_range_at(uint64_t *first, uint64_t length, uint64_t index, uint64_t count_max)
{
    uint64_t leaves = gn_tree_leaves(length);
    *first = 0;
    if (length > GN_TREE_LENGTH_MAX || index >= leaves || count_max == 0)
        return 0;
    if (count_max > GN_TREE_RANGE_MAX)
        count_max = GN_TREE_RANGE_MAX;
    uint64_t width = 1;
    while (width * 2U <= count_max)
        width *= 2U;
    *first = index - index % width;
    return leaves - *first < width ? leaves - *first : width;
}

/* Is node `index` of `level` a subtree without a leaf? */
static bool all_padding(uint64_t leaves, unsigned level, uint64_t index)
{
    return index > (leaves - 1U) >> level;
}

size_t gn_tree_uncles(uint64_t length, uint64_t first, uint64_t count)
{
    uint64_t leaves = gn_tree_leaves(length);
    unsigned height = gn_tree_height(length);
    size_t n = 0;
    for (unsigned level = ceil_log2(count); level < height; level++) {
        if (!all_padding(leaves, level, (first >> level) ^ 1U))
            n++;
    }
    return n;
}

/* ---- hashing ---- */

void gn_tree_leaf_hash(struct gn_tree_hash *out, const uint8_t *data, size_t len)
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, len, data);
    sha256_digest(&sha, sizeof out->b, out->b);
}

void gn_tree_zero_leaf_hash(struct gn_tree_hash *out)
{
    static const uint8_t zeros[512];
    struct sha256_ctx sha;
    sha256_init(&sha);
    for (size_t i = 0; i < GN_TREE_LEAF / sizeof zeros; i++)
        sha256_update(&sha, sizeof zeros, zeros);
    sha256_digest(&sha, sizeof out->b, out->b);
}

void gn_tree_node_hash(struct gn_tree_hash *out, const struct gn_tree_hash *left, const struct gn_tree_hash *right)
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, sizeof left->b, left->b);
    sha256_update(&sha, sizeof right->b, right->b);
    sha256_digest(&sha, sizeof out->b, out->b);
}

void gn_tree_pad_hash(struct gn_tree_hash *out, unsigned level)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < level; i++)
        gn_tree_node_hash(out, out, out);
}

void gn_tree_content_id(struct gn_id *out, uint64_t length, const struct gn_tree_hash *root)
{
    uint8_t size[8];
    gn_store_u64(size, length);
    const struct gn_slice pieces[] = {
        gn_slice_of(file_label, sizeof file_label - 1U),
        gn_slice_of(size, sizeof size),
        gn_slice_of(root->b, sizeof root->b),
    };
    gn_hash_pieces(out->b, sizeof out->b, NULL, 0, pieces, GN_ARRAY_LEN(pieces));
}

bool gn_tree_hash_eq(const struct gn_tree_hash *a, const struct gn_tree_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool gn_tree_hash_is_zero(const struct gn_tree_hash *a)
{
    static const struct gn_tree_hash zero;
    return gn_tree_hash_eq(a, &zero);
}

/* ---- folding ---- */

void gn_tree_fold_init(struct gn_tree_fold *f)
{
    f->leaves = 0; /* the stack is only read where a bit of `leaves` says that it was written */
}

void gn_tree_fold_add(struct gn_tree_fold *f, const struct gn_tree_hash *h, unsigned level)
{
    GN_CHECK(level <= GN_TREE_HEIGHT_MAX);
    const uint64_t width = UINT64_C(1) << level;
    GN_CHECK(f->leaves % width == 0 && f->leaves + width <= UINT64_C(1) << GN_TREE_HEIGHT_MAX);
    struct gn_tree_hash up = *h;
    unsigned i = level;
    while ((f->leaves >> i) & 1U) {
        gn_tree_node_hash(&up, &f->stack[i], &up);
        i++;
    }
    f->stack[i] = up;
    f->leaves += width;
}

void gn_tree_fold_root(const struct gn_tree_fold *f, struct gn_tree_hash *out, unsigned level)
{
    GN_CHECK(level <= GN_TREE_HEIGHT_MAX && f->leaves <= UINT64_C(1) << level);
    if (f->leaves == UINT64_C(1) << level) {
        *out = f->stack[level];
        return;
    }
    struct gn_tree_hash pad = {.b = {0}};
    struct gn_tree_hash right = pad; /* everything at the right of stack[i], up to level i */
    for (unsigned i = 0; i < level; i++) {
        if ((f->leaves >> i) & 1U)
            gn_tree_node_hash(&right, &f->stack[i], &right);
        else
            gn_tree_node_hash(&right, &right, &pad);
        gn_tree_node_hash(&pad, &pad, &pad);
    }
    *out = right;
}

/* ---- a stream of bytes ---- */

void gn_tree_builder_init(struct gn_tree_builder *b, gn_tree_leaf_fn leaf, void *leaf_data)
{
    gn_tree_fold_init(&b->fold);
    sha256_init(&b->sha);
    b->leaf_used = 0;
    b->length = 0;
    b->leaf = leaf;
    b->leaf_data = leaf_data;
}

static void builder_close_leaf(struct gn_tree_builder *b)
{
    struct gn_tree_hash h;
    sha256_digest(&b->sha, sizeof h.b, h.b); /* also starts the context anew */
    uint64_t index = b->fold.leaves;
    gn_tree_fold_add(&b->fold, &h, 0);
    b->leaf_used = 0;
    if (b->leaf)
        b->leaf(b->leaf_data, index, &h);
}

enum gn_err gn_tree_builder_add(struct gn_tree_builder *b, const void *data, size_t len)
{
    if (len > GN_TREE_LENGTH_MAX - b->length)
        return GN_E_LIMIT;
    const uint8_t *p = data;
    b->length += len;
    while (len > 0) {
        size_t n = GN_TREE_LEAF - b->leaf_used;
        if (n > len)
            n = len;
        sha256_update(&b->sha, n, p);
        b->leaf_used += n;
        p += n;
        len -= n;
        if (b->leaf_used == GN_TREE_LEAF)
            builder_close_leaf(b);
    }
    return GN_OK;
}

void gn_tree_builder_end(struct gn_tree_builder *b, struct gn_tree_hash *root, struct gn_id *id)
{
    if (b->leaf_used > 0)
        builder_close_leaf(b);
    struct gn_tree_hash h;
    gn_tree_fold_root(&b->fold, &h, gn_tree_height(b->length));
    if (root)
        *root = h;
    if (id)
        gn_tree_content_id(id, b->length, &h);
}

/* ---- verifying ---- */

enum gn_err gn_tree_verify(const struct gn_tree_hash *root, struct gn_tree_range range,
                           const struct gn_tree_hash *leaves, const struct gn_tree_hash *uncles, size_t uncles_len)
{
    if (!gn_tree_range_ok(range.length, range.first, range.count))
        return GN_E_INVALID;
    if (uncles_len != gn_tree_uncles(range.length, range.first, range.count))
        return GN_E_MALFORMED;
    struct gn_tree_fold fold;
    gn_tree_fold_init(&fold);
    for (uint64_t i = 0; i < range.count; i++)
        gn_tree_fold_add(&fold, &leaves[i], 0);
    unsigned level = ceil_log2(range.count);
    struct gn_tree_hash h;
    struct gn_tree_hash pad;
    gn_tree_fold_root(&fold, &h, level);
    gn_tree_pad_hash(&pad, level);
    const uint64_t all = gn_tree_leaves(range.length);
    const unsigned height = gn_tree_height(range.length);
    for (; level < height; level++) {
        uint64_t index = range.first >> level;
        if (all_padding(all, level, index ^ 1U)) {
            gn_tree_node_hash(&h, &h, &pad);
        } else {
            bool right = (index & 1U) != 0;
            gn_tree_node_hash(&h, right ? uncles : &h, right ? &h : uncles);
            uncles++;
        }
        gn_tree_node_hash(&pad, &pad, &pad);
    }
    return gn_tree_hash_eq(&h, root) ? GN_OK : GN_E_AUTH;
}

enum gn_err gn_tree_verify_leaf(const struct gn_tree_hash *leaf, uint64_t length, uint64_t index, const uint8_t *data,
                                size_t len)
{
    if (len == 0 || len != gn_tree_leaf_len(length, index))
        return GN_E_MALFORMED;
    struct gn_tree_hash h;
    gn_tree_leaf_hash(&h, data, len);
    return gn_tree_hash_eq(&h, leaf) ? GN_OK : GN_E_AUTH;
}

enum gn_err gn_tree_verify_id(const struct gn_id *id, uint64_t length, const struct gn_tree_hash *root)
{
    if (length > GN_TREE_LENGTH_MAX)
        return GN_E_LIMIT;
    struct gn_id own;
    gn_tree_content_id(&own, length, root);
    return gn_id_eq(&own, id) ? GN_OK : GN_E_AUTH;
}

/* ---- the stored tree ---- */

/* Nodes of `level` that are not all padding; leaves > 0. */
static uint64_t level_len(uint64_t leaves, unsigned level)
{
    return ((leaves - 1U) >> level) + 1U;
}

uint64_t gn_tree_stored_len(uint64_t length)
{
    uint64_t leaves = gn_tree_leaves(length);
    if (leaves == 0)
        return 0;
    uint64_t n = leaves;
    for (unsigned level = GN_TREE_GROUP_LEVEL; level <= gn_tree_height(length); level++)
        n += level_len(leaves, level);
    return n;
}

bool gn_tree_stored_at(uint64_t *pos, uint64_t length, unsigned level, uint64_t index)
{
    uint64_t leaves = gn_tree_leaves(length);
    *pos = 0;
    if (leaves == 0 || level > gn_tree_height(length) || (level > 0 && level < GN_TREE_GROUP_LEVEL) ||
        all_padding(leaves, level, index))
        return false;
    *pos = index;
    if (level == 0)
        return true;
    *pos += leaves;
    for (unsigned l = GN_TREE_GROUP_LEVEL; l < level; l++)
        *pos += level_len(leaves, l);
    return true;
}

/* One node that is not all padding: read, or folded from at most 128 leaf hashes. */
static enum gn_err stored_node(struct gn_tree_hash *out, uint64_t length, unsigned level, uint64_t index,
                               gn_tree_read_fn read, void *data)
{
    uint64_t pos = 0;
    if (gn_tree_stored_at(&pos, length, level, index))
        return read(data, pos, out, 1);
    struct gn_tree_hash leaves[GN_TREE_GROUP_LEAVES / 2U];
    const uint64_t start = index << level;
    const uint64_t width = UINT64_C(1) << level;
    const uint64_t left = gn_tree_leaves(length) - start;
    const size_t n = (size_t)(left < width ? left : width);
    enum gn_err e = read(data, start, leaves, n);
    if (e != GN_OK)
        return e;
    struct gn_tree_fold fold;
    gn_tree_fold_init(&fold);
    for (size_t i = 0; i < n; i++)
        gn_tree_fold_add(&fold, &leaves[i], 0);
    gn_tree_fold_root(&fold, out, level);
    return GN_OK;
}

enum gn_err gn_tree_prove(struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len,
                          struct gn_tree_range range, gn_tree_read_fn read, void *data)
{
    *uncles_len = 0;
    if (!gn_tree_range_ok(range.length, range.first, range.count))
        return GN_E_INVALID;
    const uint64_t leaves = gn_tree_leaves(range.length);
    const unsigned height = gn_tree_height(range.length);
    size_t n = 0;
    for (unsigned level = ceil_log2(range.count); level < height; level++) {
        uint64_t sibling = (range.first >> level) ^ 1U;
        if (all_padding(leaves, level, sibling))
            continue;
        enum gn_err e = stored_node(&uncles[n], range.length, level, sibling, read, data);
        if (e != GN_OK)
            return e;
        n++;
    }
    *uncles_len = n;
    return GN_OK;
}
