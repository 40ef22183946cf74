/* storage/os_blob_part_io.c - a download at work: hashes accepted, leaves written, checkpoints, looking again after a
 * kill. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/os_blob_part_impl.h"

#define SNAPSHOT_PAGES 16U /* bitmap pages synced at once: 64 KiB of memory, 8 GiB of file */
#define RECHECK_HASHES 256U

/* ---- hashes ---- */

/* The inner nodes over accepted leaves that a stored tree has: level 8 and what is above it in this range. */
static enum gn_err keep_nodes(struct gn_blob_part *p, uint64_t first, uint64_t count, const struct gn_tree_hash *leaves)
{
    struct gn_tree_hash row[GN_TREE_RANGE_MAX / GN_TREE_GROUP_LEAVES];
    const unsigned height = gn_tree_height(p->what.length);
    uint64_t pos = 0;
    size_t n = 0;
    enum gn_err e = GN_OK;
    if (height < GN_TREE_GROUP_LEVEL || first % GN_TREE_GROUP_LEAVES != 0 ||
        (count < GN_TREE_GROUP_LEAVES && first + count < p->leaves))
        return GN_OK;
    for (uint64_t i = 0; i < count; n++) {
        struct gn_tree_fold fold;
        gn_tree_fold_init(&fold);
        for (unsigned j = 0; j < GN_TREE_GROUP_LEAVES && i < count; j++, i++)
            gn_tree_fold_add(&fold, &leaves[i], 0);
        gn_tree_fold_root(&fold, &row[n], GN_TREE_GROUP_LEVEL);
    }
    for (unsigned level = GN_TREE_GROUP_LEVEL; e == GN_OK && n > 0; level++) {
        if (gn_tree_stored_at(&pos, p->what.length, level, first >> level))
            e = gn_blob_tree_write(&p->tree, pos, row, n);
        if (n == 1U || level == height)
            break;
        struct gn_tree_hash pad;
        gn_tree_pad_hash(&pad, level);
        for (size_t i = 0; i < n; i += 2U)
            gn_tree_node_hash(&row[i / 2U], &row[i], i + 1U < n ? &row[i + 1U] : &pad);
        n = (n + 1U) / 2U;
    }
    return e;
}

/* The uncles that a stored tree has: so that what is here can be proved to others. */
static enum gn_err keep_uncles(struct gn_blob_part *p, uint64_t first, uint64_t count,
                               const struct gn_tree_hash *uncles)
{
    const unsigned height = gn_tree_height(p->what.length);
    unsigned level = 0;
    while ((UINT64_C(1) << level) < count)
        level++;
    for (; level < height; level++) {
        uint64_t pos = 0;
        uint64_t sibling = (first >> level) ^ 1U;
        if (sibling > (p->leaves - 1U) >> level)
            continue; /* all padding: not in the proof */
        if (level >= GN_TREE_GROUP_LEVEL && gn_tree_stored_at(&pos, p->what.length, level, sibling)) {
            enum gn_err e = gn_blob_tree_write(&p->tree, pos, uncles, 1);
            if (e != GN_OK)
                return e;
        }
        uncles++;
    }
    return GN_OK;
}

enum gn_err gn_blob_part_accept(struct gn_blob_part *p, uint64_t first, uint64_t count,
                                const struct gn_tree_hash *leaves, const struct gn_tree_hash *uncles, size_t uncles_len)
{
    enum gn_err e =
        gn_tree_verify(&p->what.root, gn_tree_range_of(p->what.length, first, count), leaves, uncles, uncles_len);
    if (e == GN_OK)
        e = gn_blob_tree_write(&p->tree, first, leaves, (size_t)count);
    if (e == GN_OK)
        e = keep_nodes(p, first, count, leaves);
    if (e == GN_OK)
        e = keep_uncles(p, first, count, uncles);
    return e;
}

/* ---- data ---- */

/* Verifies leaves against hashes of the caller or, a part at a time, of the tree file. */
static enum gn_err verify(const struct gn_blob_part *p, uint64_t *bad, uint64_t first, uint64_t count,
                          const struct gn_tree_hash *leaves, struct gn_slice data)
{
    struct gn_tree_hash stored[64];
    for (uint64_t i = 0; i < count; i++) {
        const struct gn_tree_hash *want = leaves ? &leaves[i] : &stored[i % 64U];
        if (!leaves && i % 64U == 0) {
            size_t n = (size_t)(count - i < 64U ? count - i : 64U);
            enum gn_err e = gn_blob_tree_read(&p->tree, first + i, stored, n);
            if (e != GN_OK)
                return e;
        }
        if (!leaves && gn_tree_hash_is_zero(want))
            return GN_E_AGAIN;
        size_t len = gn_tree_leaf_len(p->what.length, first + i);
        enum gn_err e = gn_tree_verify_leaf(want, p->what.length, first + i, data.data + i * GN_TREE_LEAF, len);
        if (e != GN_OK) {
            *bad = first + i;
            return e;
        }
    }
    return GN_OK;
}

enum gn_err gn_blob_part_write(struct gn_blob_part *p, uint64_t *bad, uint64_t first, uint64_t count,
                               const struct gn_tree_hash *leaves, struct gn_slice data)
{
    uint64_t unused = 0;
    if (first >= p->leaves || count == 0 || count > p->leaves - first)
        return GN_E_INVALID;
    if (data.len != gn_tree_range_len(p->what.length, first, count))
        return GN_E_MALFORMED;
    enum gn_err e = verify(p, bad ? bad : &unused, first, count, leaves, data);
    if (e == GN_OK)
        e = gn_blob_tree_pwrite(p->fd, data.data, data.len, first * GN_TREE_LEAF);
    for (uint64_t i = 0; e == GN_OK && i < count; i++)
        (void)gn_blob_part_mark(p, first + i);
    return e;
}

enum gn_err gn_blob_part_read(struct gn_blob_part *p, uint8_t *buf, uint64_t offset, size_t len)
{
    if (offset > p->what.length || len > p->what.length - offset)
        return GN_E_INVALID;
    if (len == 0)
        return GN_OK;
    for (uint64_t i = offset / GN_TREE_LEAF; i <= (offset + len - 1U) / GN_TREE_LEAF; i++) {
        if (!gn_blob_part_have(p, i))
            return GN_E_AGAIN;
    }
    return gn_blob_tree_pread(p->fd, buf, len, offset);
}

static enum gn_err read_tree(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    return gn_blob_tree_read(data, pos, out, count);
}

enum gn_err gn_blob_part_prove(struct gn_blob_part *p, struct gn_tree_hash *leaves,
                               struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX], size_t *uncles_len, uint64_t first,
                               uint64_t count)
{
    *uncles_len = 0;
    if (!gn_tree_range_ok(p->what.length, first, count))
        return GN_E_INVALID;
    enum gn_err e = gn_blob_tree_read(&p->tree, first, leaves, (size_t)count);
    if (e == GN_OK)
        e = gn_tree_prove(uncles, uncles_len, gn_tree_range_of(p->what.length, first, count), read_tree, &p->tree);
    if (e != GN_OK)
        return e;
    e = gn_tree_verify(&p->what.root, gn_tree_range_of(p->what.length, first, count), leaves, uncles, *uncles_len);
    return e == GN_OK ? GN_OK : GN_E_AGAIN;
}

/* ---- checkpoints ---- */

struct snapshot {
    size_t len;
    uint64_t index[SNAPSHOT_PAGES];
    uint8_t page[SNAPSHOT_PAGES][GN_BLOB_STATE_PAGE];
};

/* Copies dirty pages from `from` on; returns where to go on. */
static uint64_t take_snapshot(struct gn_blob_part *p, struct snapshot *s, uint64_t from)
{
    for (s->len = 0; from < p->pages && s->len < SNAPSHOT_PAGES; from++) {
        if (!atomic_exchange(&p->dirty[from], 0))
            continue;
        uint8_t *page = s->page[s->len];
        memset(page, 0, GN_BLOB_STATE_PAGE);
        for (size_t i = 0; i < GN_BLOB_PART_PAGE_WORDS; i++) {
            uint64_t word = atomic_load(&p->bits[from * GN_BLOB_PART_PAGE_WORDS + i]);
            for (unsigned b = 0; b < 8; b++)
                page[i * 8U + b] = (uint8_t)(word >> (8U * b));
        }
        gn_blob_state_seal(page, &p->what.id, from);
        s->index[s->len++] = from;
    }
    return from;
}

/* Data and hashes first, then the bits that speak of them. */
static enum gn_err save_snapshot(struct gn_blob_part *p, const struct snapshot *s)
{
    if (fdatasync(p->fd) != 0)
        return gn_err_from_errno(errno);
    enum gn_err e = gn_blob_tree_sync(&p->tree);
    for (size_t i = 0; e == GN_OK && i < s->len; i++)
        e = gn_blob_tree_pwrite(p->state_fd, s->page[i], GN_BLOB_STATE_PAGE,
                                GN_BLOB_STATE_HEADER + s->index[i] * GN_BLOB_STATE_PAGE);
    if (e == GN_OK && fdatasync(p->state_fd) != 0)
        e = gn_err_from_errno(errno);
    return e;
}

enum gn_err gn_blob_part_checkpoint(struct gn_blob_part *p)
{
    enum gn_err e = GN_OK;
    if (p->quick)
        return GN_OK;
    struct snapshot *s = gn_alloc_zeroed(p->dir->alloc, 1, sizeof *s);
    if (!s)
        return GN_E_NO_MEMORY;
    for (uint64_t at = 0; e == GN_OK && at < p->pages;) {
        at = take_snapshot(p, s, at);
        if (s->len > 0)
            e = save_snapshot(p, s);
    }
    for (size_t i = 0; e != GN_OK && i < s->len; i++)
        atomic_store(&p->dirty[s->index[i]], 1);
    gn_alloc_free(p->dir->alloc, s);
    return e;
}

/* ---- after a kill ---- */

static enum gn_err recheck_leaf(struct gn_blob_part *p, uint8_t *buf, const struct gn_tree_hash *hash, uint64_t leaf)
{
    size_t len = gn_tree_leaf_len(p->what.length, leaf);
    enum gn_err e = gn_blob_tree_pread(p->fd, buf, len, leaf * GN_TREE_LEAF);
    if (e == GN_OK && gn_tree_verify_leaf(hash, p->what.length, leaf, buf, len) == GN_OK)
        (void)gn_blob_part_mark(p, leaf);
    return e;
}

/* Looks at up to RECHECK_HASHES leaves; adds what it read to `bytes`. */
static enum gn_err recheck_some(struct gn_blob_part *p, uint8_t *buf, uint64_t *bytes)
{
    struct gn_tree_hash hashes[RECHECK_HASHES];
    const uint64_t first = p->recheck_at;
    size_t n = (size_t)(p->leaves - first < RECHECK_HASHES ? p->leaves - first : RECHECK_HASHES);
    enum gn_err e = gn_blob_tree_read(&p->tree, first, hashes, n);
    *bytes += n * sizeof hashes[0];
    for (size_t i = 0; e == GN_OK && i < n; i++) {
        if (gn_blob_part_have(p, first + i) || gn_tree_hash_is_zero(&hashes[i]))
            continue;
        e = recheck_leaf(p, buf, &hashes[i], first + i);
        *bytes += GN_TREE_LEAF;
    }
    if (e == GN_OK)
        p->recheck_at += n;
    return e;
}

enum gn_err gn_blob_part_recheck(struct gn_blob_part *p, bool *done, uint64_t bytes_max)
{
    enum gn_err e = GN_OK;
    uint8_t *buf = gn_alloc_zeroed(p->dir->alloc, 1, GN_TREE_LEAF);
    *done = false;
    if (!buf)
        return GN_E_NO_MEMORY;
    for (uint64_t bytes = 0; e == GN_OK && bytes < bytes_max && p->recheck_at < p->leaves;)
        e = recheck_some(p, buf, &bytes);
    gn_alloc_free(p->dir->alloc, buf);
    if (e != GN_OK || p->recheck_at < p->leaves)
        return e;
    *done = true;
    if (!p->placed || gn_blob_part_complete(p))
        return GN_OK;
    gn_blob_part_discard(p); /* the file at the target is another one: it stays as it is */
    return GN_E_NOT_FOUND;
}
