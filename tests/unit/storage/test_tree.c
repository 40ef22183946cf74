/* tests/unit/storage/test_tree.c - BitTorrent v2 trees: vectors made with libtorrent 2.0.8, proofs, hostile proofs. */
#include "storage/tree.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/rng.h"
#include "tests/unit/storage/fixtures.h"

/* Byte i of the vectors' files. */
static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7U + (i >> 8) * 13U + (i >> 16) * 29U);
}

static uint8_t *pattern_file(uint64_t length)
{
    uint8_t *p = malloc(length + 1U);
    assert_non_null(p);
    for (uint64_t i = 0; i < length; i++)
        p[i] = pattern(i);
    return p;
}

static const struct {
    uint64_t length;
    const char *root;
} vectors[] = {
    {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {16383, "095da957d179a83905896a0e30dc0ef31ecb8c3e796d899ab647fe6eb42bc5ea"},
    {16384, "127c52d4afc9d4e335b94d914f75fbf75b5dc62e6dbd31c6d71c868fc23e5fe5"},
    {16385, "ed50aa6f263172ac5097e54684d484dd9036bae3d7c729b4ede1bd2a125514fe"},
    {32768, "abae7acbff7f2317d64e0ebd1b52da894d06421cca59caea56e72435c8e74fa2"},
    {40000, "6097404043e364ed3ff2df1ebd14da101edb3b8cde46e148ecd3a176f5594626"},
    {65536, "ff68aebb48bc3e3dbd4763ff1c4568ad183e0a3777f6c3395cb9fcf15f561d8e"},
    {100000, "7e51d1c08811359e6b6473abd4565d3fdff48ef372bf2ca3444d50efe8fff5ed"},
    {1048576, "e7110c5da27f597fbb7e037af66ae3b646c00006f38fd7cae1120b2877a5b14a"},
    {1048577, "a90957e6330872e102211e0218b2c9b12372a00674209550992ee3e554af1063"},
    {4194304, "5aaa5c851f4a478e44de031d02dbc61f1572f9d99398126fd0a311bdf9c8d989"},
    {5000001, "42e61af80dbc96f3861857ca2e96efa34e32c6a91bdec1648e6fa2e9eee68884"},
    {13000000, "857b64f86cb4bfb5457a530e79f6aeca44ae25903591d90a63d9254d6eaf5a38"},
};

static void roots_agree_with_libtorrent(void **state)
{
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(vectors); i++) {
        uint8_t *data = pattern_file(vectors[i].length);
        for (size_t piece = 1000; piece <= 1000000000; piece *= 1000) { /* however the bytes are cut */
            struct gn_tree_builder b;
            struct gn_tree_hash root;
            char text[65];
            gn_tree_builder_init(&b, NULL, NULL);
            for (uint64_t at = 0; at < vectors[i].length; at += piece) {
                uint64_t left = vectors[i].length - at;
                assert_int_equal(gn_tree_builder_add(&b, data + at, (size_t)(left < piece ? left : piece)), GN_OK);
            }
            gn_tree_builder_end(&b, &root, NULL);
            gn_hex_encode(text, sizeof text, root.b, sizeof root.b);
            assert_string_equal(text, vectors[i].root);
        }
        free(data);
    }
}

static void an_empty_file_has_a_root_of_zeros_and_an_id(void **state)
{
    (void)state;
    struct gn_tree_builder b;
    struct gn_tree_hash root;
    struct gn_id id;
    char text[65];
    gn_tree_builder_init(&b, NULL, NULL);
    assert_int_equal(gn_tree_builder_add(&b, NULL, 0), GN_OK);
    gn_tree_builder_end(&b, &root, &id);
    assert_true(gn_tree_hash_is_zero(&root));
    gn_hex_encode(text, sizeof text, id.b, sizeof id.b);
    assert_string_equal(text, "827eeb1b77de650218f84ff2f43c026f225ec09736aa86d7a2b7c0f02e4351e8");
    assert_int_equal(gn_tree_verify_id(&id, 0, &root), GN_OK);
    assert_int_equal(gn_tree_verify_id(&id, 1, &root), GN_E_AUTH);
    assert_int_equal(gn_tree_verify_id(&id, GN_TREE_LENGTH_MAX + 1U, &root), GN_E_LIMIT);
    assert_int_equal(gn_tree_stored_len(0), 0);
    assert_int_equal(gn_tree_height(0), 0);
    assert_false(gn_tree_range_ok(0, 0, 1));
    gn_tree_content_id(&id, 1, &root);
    uint8_t *data = pattern_file(100000);
    gn_tree_builder_init(&b, NULL, NULL);
    assert_int_equal(gn_tree_builder_add(&b, data, 100000), GN_OK);
    gn_tree_builder_end(&b, NULL, &id);
    gn_hex_encode(text, sizeof text, id.b, sizeof id.b);
    assert_string_equal(text, "57f42bcf5f15febb4dad2ad90dd2a3f8338a6c01b454469e983e2bc5afae7c80");
    free(data);
}

static void the_shape_of_a_file_follows_from_its_length(void **state)
{
    (void)state;
    assert_int_equal(gn_tree_leaves(1), 1);
    assert_int_equal(gn_tree_leaves(16384), 1);
    assert_int_equal(gn_tree_leaves(16385), 2);
    assert_int_equal(gn_tree_height(16384), 0);
    assert_int_equal(gn_tree_height(16385), 1);
    assert_int_equal(gn_tree_height(3 * 16384), 2);
    assert_int_equal(gn_tree_height(GN_TREE_LENGTH_MAX), GN_TREE_HEIGHT_MAX);
    assert_int_equal(gn_tree_leaf_len(40000, 1), 16384);
    assert_int_equal(gn_tree_leaf_len(40000, 2), 40000 - 32768);
    assert_int_equal(gn_tree_leaf_len(40000, 3), 0);
    assert_int_equal(gn_tree_range_len(40000, 1, 100), 40000 - 16384);
    uint64_t first = 9;
    assert_int_equal(gn_tree_range_at(&first, 40000, 2, 64), 3);
    assert_int_equal(first, 0);
    assert_int_equal(gn_tree_range_at(&first, 40000, 2, 3), 1); /* the power of two below 3 */
    assert_int_equal(first, 2);
    assert_int_equal(gn_tree_range_at(&first, 40000, 3, 64), 0);
    assert_int_equal(gn_tree_range_at(&first, 40000, 1, 0), 0);
    assert_int_equal(gn_tree_range_at(&first, GN_TREE_LENGTH_MAX, 5000, 1U << 20), GN_TREE_RANGE_MAX);
    assert_int_equal(first, 4096);
}

static void only_aligned_powers_of_two_or_the_tail_are_ranges(void **state)
{
    (void)state;
    const uint64_t length = 13 * 16384 - 5; /* 13 leaves */
    assert_true(gn_tree_range_ok(length, 0, 8));
    assert_true(gn_tree_range_ok(length, 8, 4));
    assert_true(gn_tree_range_ok(length, 8, 5)); /* reaches the end */
    assert_true(gn_tree_range_ok(length, 12, 1));
    assert_true(gn_tree_range_ok(length, 0, 13));
    assert_false(gn_tree_range_ok(length, 0, 3));
    assert_false(gn_tree_range_ok(length, 4, 8));
    assert_false(gn_tree_range_ok(length, 10, 3));
    assert_false(gn_tree_range_ok(length, 13, 1));
    assert_false(gn_tree_range_ok(length, 0, 0));
    assert_false(gn_tree_range_ok(length, 0, 14));
    assert_false(gn_tree_range_ok(length, UINT64_MAX, 2));
    assert_false(gn_tree_range_ok(GN_TREE_LENGTH_MAX, 0, GN_TREE_RANGE_MAX * 2U));
    assert_false(gn_tree_range_ok(GN_TREE_LENGTH_MAX + 1U, 0, 1));
}

/* ---- a stored tree in memory ---- */

struct stored {
    uint64_t length;
    uint64_t leaves;
    struct gn_tree_hash root;
    struct gn_tree_hash *hashes;
    size_t len;
    unsigned reads;
    size_t fail_at; /* 0: never */
};

static void stored_leaf(void *data, uint64_t index, const struct gn_tree_hash *hash)
{
    struct stored *s = data;
    assert_true(index < s->len);
    s->hashes[index] = *hash;
}

static enum gn_err stored_read(void *data, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    struct stored *s = data;
    assert_true(pos + count <= s->len && count <= 128);
    if (++s->reads == s->fail_at)
        return GN_E_IO;
    memcpy(out, s->hashes + pos, count * sizeof *out);
    return GN_OK;
}

/* Builds the tree and all its stored levels in the plainest way. */
static void stored_make(struct stored *s, uint64_t length)
{
    uint8_t *data = pattern_file(length);
    struct gn_tree_builder b;
    *s = (struct stored){.length = length, .leaves = gn_tree_leaves(length), .len = (size_t)gn_tree_stored_len(length)};
    s->hashes = calloc(s->len + 1U, sizeof *s->hashes);
    gn_tree_builder_init(&b, stored_leaf, s);
    assert_int_equal(gn_tree_builder_add(&b, data, (size_t)length), GN_OK);
    gn_tree_builder_end(&b, &s->root, NULL);
    free(data);
    const unsigned height = gn_tree_height(length);
    const uint64_t width = UINT64_C(1) << height;
    struct gn_tree_hash *row = calloc(width, sizeof *row);
    memcpy(row, s->hashes, s->leaves * sizeof *row);
    for (unsigned level = 0; level <= height; level++) {
        for (uint64_t i = 0; i < width >> level; i++) {
            uint64_t pos = 0;
            if (gn_tree_stored_at(&pos, length, level, i))
                s->hashes[pos] = row[i];
        }
        for (uint64_t i = 0; level < height && i < width >> (level + 1U); i++)
            gn_tree_node_hash(&row[i], &row[2U * i], &row[2U * i + 1U]);
    }
    assert_true(gn_tree_hash_eq(&row[0], &s->root)); /* the streaming builder agrees with the full table */
    free(row);
}

static void every_range_of_a_file_can_be_proved(void **state)
{
    (void)state;
    static const uint64_t leaves[] = {1, 2, 3, 5, 8, 13, 64, 255, 256, 257, 300, 511, 700};
    for (size_t k = 0; k < GN_ARRAY_LEN(leaves); k++) {
        struct stored s;
        stored_make(&s, leaves[k] * GN_TREE_LEAF - 3U);
        for (uint64_t width = 1; width <= GN_TREE_RANGE_MAX; width *= 2U) {
            for (uint64_t at = 0; at < s.leaves; at += width) {
                struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
                size_t n = 99;
                uint64_t first = 0;
                uint64_t count = gn_tree_range_at(&first, s.length, at, width);
                assert_true(first == at && count > 0);
                s.reads = 0;
                assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, first, count), stored_read, &s),
                                 GN_OK);
                assert_int_equal(n, gn_tree_uncles(s.length, first, count));
                assert_true(s.reads <= n);
                assert_int_equal(
                    gn_tree_verify(&s.root, gn_tree_range_of(s.length, first, count), s.hashes + first, uncles, n),
                    GN_OK);
            }
        }
        free(s.hashes);
    }
}

static void a_proof_with_any_bit_wrong_is_refused(void **state)
{
    (void)state;
    struct stored s;
    struct gn_rng rng;
    gn_rng_init_test(&rng, 3, 3);
    stored_make(&s, 77 * GN_TREE_LEAF);
    for (unsigned round = 0; round < 400; round++) {
        struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
        struct gn_tree_hash leaves[64];
        size_t n = 0;
        uint64_t first = 0;
        uint64_t count =
            gn_tree_range_at(&first, s.length, gn_rng_below(&rng, 77), UINT64_C(1) << gn_rng_below(&rng, 7));
        memcpy(leaves, s.hashes + first, count * sizeof leaves[0]);
        assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, first, count), stored_read, &s), GN_OK);
        struct gn_tree_hash root = s.root;
        uint64_t which = gn_rng_below(&rng, count + n + 1U);
        struct gn_tree_hash *hit = which < count ? &leaves[which] : which < count + n ? &uncles[which - count] : &root;
        hit->b[gn_rng_below(&rng, 32)] ^= (uint8_t)(1U << gn_rng_below(&rng, 8));
        assert_int_equal(gn_tree_verify(&root, gn_tree_range_of(s.length, first, count), leaves, uncles, n), GN_E_AUTH);
    }
    free(s.hashes);
}

static void a_proof_is_bound_to_its_place_and_its_size(void **state)
{
    (void)state;
    struct stored s;
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    size_t n = 0;
    stored_make(&s, 77 * GN_TREE_LEAF);
    assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, 16, 8), stored_read, &s), GN_OK);
    assert_int_equal(gn_tree_verify(&s.root, gn_tree_range_of(s.length, 24, 8), s.hashes + 16, uncles, n), GN_E_AUTH);
    assert_int_equal(gn_tree_verify(&s.root, gn_tree_range_of(s.length, 16, 8), s.hashes + 16, uncles, n - 1U),
                     GN_E_MALFORMED);
    assert_int_equal(gn_tree_verify(&s.root, gn_tree_range_of(s.length, 16, 8), s.hashes + 16, uncles, n + 1U),
                     GN_E_MALFORMED);
    assert_int_equal(gn_tree_verify(&s.root, gn_tree_range_of(s.length, 16, 7), s.hashes + 16, uncles, n),
                     GN_E_INVALID);
    assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, 16, 7), stored_read, &s), GN_E_INVALID);
    for (s.fail_at = 1; s.fail_at < 4; s.fail_at++) {
        s.reads = 0;
        assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, 16, 8), stored_read, &s), GN_E_IO);
        assert_int_equal(n, 0);
    }
    free(s.hashes);
}

static void an_inner_node_passes_for_a_leaf_only_under_another_id(void **state)
{
    (void)state;
    struct stored s;
    struct gn_tree_hash uncles[GN_TREE_UNCLES_MAX];
    struct gn_tree_hash node;
    struct gn_tree_fold fold;
    struct gn_id id;
    size_t n = 0;
    stored_make(&s, 64 * GN_TREE_LEAF);
    gn_tree_content_id(&id, s.length, &s.root);
    gn_tree_fold_init(&fold);
    for (unsigned i = 16; i < 24; i++)
        gn_tree_fold_add(&fold, &s.hashes[i], 0);
    gn_tree_fold_root(&fold, &node, 3);
    assert_int_equal(gn_tree_prove(uncles, &n, gn_tree_range_of(s.length, 16, 8), stored_read, &s), GN_OK);
    /* the shape of a file of 8 leaves would accept it: this is why the id binds the length */
    assert_int_equal(gn_tree_verify(&s.root, gn_tree_range_of(8 * GN_TREE_LEAF, 2, 1), &node, uncles, n), GN_OK);
    assert_int_equal(gn_tree_verify_id(&id, 8 * GN_TREE_LEAF, &s.root), GN_E_AUTH);
    assert_int_equal(gn_tree_verify_id(&id, s.length, &s.root), GN_OK);
    free(s.hashes);
}

static void a_leaf_is_checked_by_hash_and_length(void **state)
{
    (void)state;
    uint8_t *data = pattern_file(40001);
    struct gn_tree_hash h;
    gn_tree_leaf_hash(&h, data + 32768, 40000 - 32768);
    assert_int_equal(gn_tree_verify_leaf(&h, 40000, 2, data + 32768, 40000 - 32768), GN_OK);
    assert_int_equal(gn_tree_verify_leaf(&h, 40000, 2, data + 32768, 40001 - 32768), GN_E_MALFORMED);
    assert_int_equal(gn_tree_verify_leaf(&h, 40000, 3, data + 32768, 0), GN_E_MALFORMED);
    data[32768] ^= 1;
    assert_int_equal(gn_tree_verify_leaf(&h, 40000, 2, data + 32768, 40000 - 32768), GN_E_AUTH);
    free(data);
    uint8_t zeros[GN_TREE_LEAF] = {0};
    struct gn_tree_hash z;
    gn_tree_leaf_hash(&h, zeros, sizeof zeros);
    gn_tree_zero_leaf_hash(&z);
    assert_true(gn_tree_hash_eq(&h, &z));
}

static void subtrees_fold_into_the_same_root_as_leaves(void **state)
{
    (void)state;
    struct stored s;
    stored_make(&s, 45 * GN_TREE_LEAF);
    for (unsigned level = 0; level <= 6; level++) {
        struct gn_tree_fold all;
        struct gn_tree_hash root;
        gn_tree_fold_init(&all);
        for (uint64_t at = 0; at < s.leaves; at += UINT64_C(1) << level) {
            struct gn_tree_fold part;
            struct gn_tree_hash h;
            gn_tree_fold_init(&part);
            for (uint64_t i = at; i < s.leaves && i < at + (UINT64_C(1) << level); i++)
                gn_tree_fold_add(&part, &s.hashes[i], 0);
            gn_tree_fold_root(&part, &h, level);
            gn_tree_fold_add(&all, &h, level);
        }
        gn_tree_fold_root(&all, &root, 6);
        assert_true(gn_tree_hash_eq(&root, &s.root));
    }
    struct gn_tree_fold none;
    struct gn_tree_hash a;
    struct gn_tree_hash b;
    gn_tree_fold_init(&none);
    gn_tree_fold_root(&none, &a, 5);
    gn_tree_pad_hash(&b, 5);
    assert_true(gn_tree_hash_eq(&a, &b));
    free(s.hashes);
}

static void the_stored_tree_has_leaves_and_levels_from_eight(void **state)
{
    (void)state;
    uint64_t pos = 1;
    const uint64_t small = 255 * (uint64_t)GN_TREE_LEAF;
    const uint64_t large = 1000 * (uint64_t)GN_TREE_LEAF; /* levels: 1000, 4, 2, 1 */
    assert_int_equal(gn_tree_stored_len(small), 255 + 1);
    assert_int_equal(gn_tree_stored_len(100 * (uint64_t)GN_TREE_LEAF), 100);
    assert_int_equal(gn_tree_stored_len(large), 1007);
    assert_true(gn_tree_stored_at(&pos, large, 0, 999));
    assert_int_equal(pos, 999);
    assert_false(gn_tree_stored_at(&pos, large, 0, 1000));
    assert_false(gn_tree_stored_at(&pos, large, 5, 0));
    assert_true(gn_tree_stored_at(&pos, large, 8, 3));
    assert_int_equal(pos, 1003);
    assert_false(gn_tree_stored_at(&pos, large, 8, 4));
    assert_true(gn_tree_stored_at(&pos, large, 10, 0));
    assert_int_equal(pos, 1006);
    assert_false(gn_tree_stored_at(&pos, large, 11, 0));
    assert_false(gn_tree_stored_at(&pos, 0, 0, 0));
    assert_int_equal(gn_tree_stored_len(GN_TREE_LENGTH_MAX), (UINT64_C(1) << 30) + (UINT64_C(1) << 23) - 1U);
}

static void a_file_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct gn_tree_builder b;
    gn_tree_builder_init(&b, NULL, NULL);
    b.length = GN_TREE_LENGTH_MAX - 1U;
    assert_int_equal(gn_tree_builder_add(&b, "ab", 2), GN_E_LIMIT);
    assert_true(b.length == GN_TREE_LENGTH_MAX - 1U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_agree_with_libtorrent),
        cmocka_unit_test(an_empty_file_has_a_root_of_zeros_and_an_id),
        cmocka_unit_test(the_shape_of_a_file_follows_from_its_length),
        cmocka_unit_test(only_aligned_powers_of_two_or_the_tail_are_ranges),
        cmocka_unit_test(every_range_of_a_file_can_be_proved),
        cmocka_unit_test(a_proof_with_any_bit_wrong_is_refused),
        cmocka_unit_test(a_proof_is_bound_to_its_place_and_its_size),
        cmocka_unit_test(an_inner_node_passes_for_a_leaf_only_under_another_id),
        cmocka_unit_test(a_leaf_is_checked_by_hash_and_length),
        cmocka_unit_test(subtrees_fold_into_the_same_root_as_leaves),
        cmocka_unit_test(the_stored_tree_has_leaves_and_levels_from_eight),
        cmocka_unit_test(a_file_longer_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
