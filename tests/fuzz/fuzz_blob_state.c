/* tests/fuzz/fuzz_blob_state.c - the state file of a download: whatever is in it, what is accepted is whole and comes
 * back.
 *
 * First byte: bit 0 mends the checksum, bit 1 the id, so that the rest of the decoder is reached. Then the block; what
 * is behind it is taken for a page of the bitmap.
 */
#include "tests/support/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "storage/blob_state.h"

#define ID_AT 8U
#define ROOT_AT 40U
#define LENGTH_AT 72U

static void check_page(const struct gn_blob_state *s, const uint8_t *data, size_t size)
{
    uint8_t page[GN_BLOB_STATE_PAGE] = {0};
    uint64_t pages = gn_blob_state_pages(s->length);
    memcpy(page, data, size < sizeof page ? size : sizeof page);
    uint64_t index = pages > 0 ? pages - 1U : 0;
    (void)gn_blob_state_page_ok(page, s, index);
    gn_blob_state_seal(page, &s->id, index);
    if (gn_blob_state_page_ok(page, s, index) && gn_tree_leaves(s->length) % GN_BLOB_STATE_PAGE_LEAVES != 0) {
        /* accepted: then no bit is set behind the last leaf */
        uint64_t inside = gn_tree_leaves(s->length) - index * GN_BLOB_STATE_PAGE_LEAVES;
        if (inside < GN_BLOB_STATE_PAGE_LEAVES && (page[inside / 8U] >> (inside % 8U)) & 1U)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gn_blob_state s;
    static uint8_t block[GN_BLOB_STATE_HEADER];
    static uint8_t again[GN_BLOB_STATE_HEADER];
    if (size == 0)
        return 0;
    const uint8_t mend = data[0];
    data++;
    size--;
    (void)gn_blob_state_decode(&s, gn_slice_of(data, size));
    memset(block, 0, sizeof block);
    memcpy(block, "GNSTATE\1", 8);
    if (size > 0)
        memcpy(block + (mend & 4U ? 8U : 0U), data, size < sizeof block - 8U ? size : sizeof block - 8U);
    if (mend & 2U) {
        struct gn_tree_hash root;
        struct gn_id id;
        memcpy(root.b, block + ROOT_AT, sizeof root.b);
        gn_tree_content_id(&id, gn_load_u64(block + LENGTH_AT), &root);
        memcpy(block + ID_AT, id.b, sizeof id.b);
    }
    if (mend & 1U)
        gn_store_u64(block + sizeof block - 8U, gn_hash_table(block, sizeof block - 8U));
    if (gn_blob_state_decode(&s, gn_slice_of(block, sizeof block)) != GN_OK)
        return 0;
    if (s.length > GN_TREE_LENGTH_MAX || s.target[0] != '/' || !memchr(s.target, '\0', sizeof s.target))
        abort();
    static struct gn_blob_state twice;
    if (gn_blob_state_encode(again, &s) != GN_OK ||
        gn_blob_state_decode(&twice, gn_slice_of(again, sizeof again)) != GN_OK || memcmp(&s, &twice, sizeof s) != 0)
        abort();
    check_page(&s, data, size);
    return 0;
}
