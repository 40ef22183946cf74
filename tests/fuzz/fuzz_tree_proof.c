/* tests/fuzz/fuzz_tree_proof.c - hostile proofs: a range verifies if and only if every hash in it is the true one.
 *
 * Input: leaves u8, first u8, count u8, uncles u8 (0: as many as it takes), then bytes that are XORed into the true
 * hashes.
 */
#include "tests/support/fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "storage/tree.h"

#define LEAVES_MAX 600U

struct truth {
    uint64_t leaves;
    struct gn_tree_hash hashes[LEAVES_MAX + 8U]; /* stored order */
};

static enum gn_err read_truth(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    struct truth *t = data;
    if (pos + count > sizeof t->hashes / sizeof t->hashes[0])
        abort();
    memcpy(out, t->hashes + pos, count * sizeof *out);
    return GN_OK;
}

/* Any hashes will do as leaves: nothing here looks at data. */
static void make_truth(struct truth *t, struct gn_tree_hash *root, uint64_t length)
{
    struct gn_tree_fold fold;
    struct gn_tree_fold group;
    const unsigned height = gn_tree_height(length);
    uint64_t pos = 0;
    gn_tree_fold_init(&fold);
    for (uint64_t i = 0; i < t->leaves; i++) {
        uint8_t number[8];
        gn_store_u64(number, i);
        gn_tree_leaf_hash(&t->hashes[i], number, sizeof number);
        gn_tree_fold_add(&fold, &t->hashes[i], 0);
    }
    gn_tree_fold_root(&fold, root, height);
    for (unsigned level = GN_TREE_GROUP_LEVEL; level <= height; level++) {
        for (uint64_t i = 0; gn_tree_stored_at(&pos, length, level, i); i++) {
            gn_tree_fold_init(&group);
            for (uint64_t j = i << level; j < (i + 1U) << level && j < t->leaves; j++)
                gn_tree_fold_add(&group, &t->hashes[j], 0);
            gn_tree_fold_root(&group, &t->hashes[pos], level);
        }
    }
}

static bool scribble(struct gn_tree_hash *h, size_t count, struct gn_reader *r)
{
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sizeof h[i].b && gn_reader_left(r) > 0; j++) {
            uint8_t x = gn_reader_u8(r);
            h[i].b[j] ^= x;
            changed = changed || x != 0;
        }
    }
    return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct truth truth;
    struct gn_reader r;
    struct gn_tree_hash root;
    struct gn_tree_hash leaves[256];
    struct gn_tree_hash uncles[256];
    size_t n = 0;
    gn_reader_init(&r, gn_slice_of(data, size));
    truth.leaves = 1U + (uint64_t)gn_reader_u16(&r) % LEAVES_MAX;
    uint64_t first = gn_reader_u16(&r) % (LEAVES_MAX + 50U);
    uint64_t count = gn_reader_u8(&r);
    size_t claimed = gn_reader_u8(&r);
    const uint64_t length = truth.leaves * GN_TREE_LEAF - 1U;
    make_truth(&truth, &root, length);
    memset(leaves, 0, sizeof leaves);
    memset(uncles, 0, sizeof uncles);
    for (uint64_t i = 0; i < count && first + i < truth.leaves; i++)
        leaves[i] = truth.hashes[first + i];
    enum gn_err proved = gn_tree_prove(uncles, &n, gn_tree_range_of(length, first, count), read_truth, &truth);
    if ((proved == GN_OK) != gn_tree_range_ok(length, first, count))
        abort();
    if (proved == GN_OK && (n > GN_TREE_UNCLES_MAX || n != gn_tree_uncles(length, first, count)))
        abort();
    if (claimed == 0)
        claimed = n;
    bool changed = scribble(uncles, n, &r);
    changed = scribble(leaves, count, &r) || changed;
    enum gn_err e = gn_tree_verify(&root, gn_tree_range_of(length, first, count), leaves, uncles, claimed);
    bool right = proved == GN_OK && claimed == n && !changed;
    if ((e == GN_OK) != right)
        abort();
    return 0;
}
