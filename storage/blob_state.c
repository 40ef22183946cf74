/* storage/blob_state.c - the state file of a download as bytes. */
#include "storage/blob_state.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

/* "GNSTATE", version u8, id 32, root 32, length u64, flags u32, started_at u64, target length u16, target, zeros, and
 * the checksum u64 at the end of the block. */
#define VERSION 1U
#define SUM_BYTES 8U
static const char magic[7] = {'G', 'N', 'S', 'T', 'A', 'T', 'E'};
_Static_assert(GN_BLOB_PATH_MAX + 128U < GN_BLOB_STATE_HEADER, "the longest target fits");

enum gn_err gn_blob_state_encode(uint8_t out[GN_BLOB_STATE_HEADER], const struct gn_blob_state *s)
{
    const uint8_t *nul = memchr(s->target, '\0', sizeof s->target);
    size_t target_len = nul ? (size_t)(nul - (const uint8_t *)s->target) : 0;
    if (target_len == 0 || s->target[0] != '/')
        return GN_E_INVALID;
    struct gn_writer w;
    memset(out, 0, GN_BLOB_STATE_HEADER);
    gn_writer_init(&w, out, GN_BLOB_STATE_HEADER - SUM_BYTES);
    gn_writer_bytes(&w, magic, sizeof magic);
    gn_writer_u8(&w, VERSION);
    gn_writer_bytes(&w, s->id.b, sizeof s->id.b);
    gn_writer_bytes(&w, s->root.b, sizeof s->root.b);
    gn_writer_u64(&w, s->length);
    gn_writer_u32(&w, s->flags);
    gn_writer_u64(&w, s->started_at);
    gn_writer_u16(&w, (uint16_t)target_len);
    gn_writer_bytes(&w, s->target, target_len);
    GN_CHECK(!w.overflow);
    gn_store_u64(out + GN_BLOB_STATE_HEADER - SUM_BYTES, gn_hash_table(out, GN_BLOB_STATE_HEADER - SUM_BYTES));
    return GN_OK;
}

enum gn_err gn_blob_state_decode(struct gn_blob_state *out, struct gn_slice bytes)
{
    struct gn_reader r;
    memset(out, 0, sizeof *out);
    if (bytes.len != GN_BLOB_STATE_HEADER || memcmp(bytes.data, magic, sizeof magic) != 0)
        return GN_E_CORRUPT;
    gn_reader_init(&r, gn_slice_of(bytes.data + sizeof magic, bytes.len - sizeof magic - SUM_BYTES));
    if (gn_reader_u8(&r) != VERSION)
        return GN_E_VERSION;
    if (gn_load_u64(bytes.data + bytes.len - SUM_BYTES) != gn_hash_table(bytes.data, bytes.len - SUM_BYTES))
        return GN_E_CORRUPT;
    gn_reader_copy(&r, out->id.b, sizeof out->id.b);
    gn_reader_copy(&r, out->root.b, sizeof out->root.b);
    out->length = gn_reader_u64(&r);
    out->flags = gn_reader_u32(&r);
    out->started_at = gn_reader_u64(&r);
    uint16_t target_len = gn_reader_u16(&r);
    if (target_len == 0 || target_len > GN_BLOB_PATH_MAX)
        return GN_E_CORRUPT;
    gn_reader_copy(&r, out->target, target_len);
    if (out->target[0] != '/' || memchr(out->target, '\0', target_len))
        return GN_E_CORRUPT;
    return gn_tree_verify_id(&out->id, out->length, &out->root) == GN_OK ? GN_OK : GN_E_CORRUPT;
}

uint64_t gn_blob_state_pages(uint64_t length)
{
    return (gn_tree_leaves(length) + GN_BLOB_STATE_PAGE_LEAVES - 1U) / GN_BLOB_STATE_PAGE_LEAVES;
}

static uint64_t page_sum(const uint8_t page[GN_BLOB_STATE_PAGE], const struct gn_id *id, uint64_t index)
{
    uint8_t number[8];
    uint8_t hash[16];
    gn_store_u64(number, index);
    const struct gn_slice pieces[] = {
        gn_slice_of(id->b, sizeof id->b),
        gn_slice_of(number, sizeof number),
        gn_slice_of(page, GN_BLOB_STATE_PAGE_BITS),
    };
    gn_hash_pieces(hash, sizeof hash, NULL, 0, pieces, GN_ARRAY_LEN(pieces));
    return gn_load_u64(hash);
}

void gn_blob_state_seal(uint8_t page[GN_BLOB_STATE_PAGE], const struct gn_id *id, uint64_t index)
{
    gn_store_u64(page + GN_BLOB_STATE_PAGE_BITS, page_sum(page, id, index));
}

bool gn_blob_state_page_ok(const uint8_t page[GN_BLOB_STATE_PAGE], const struct gn_blob_state *s, uint64_t index)
{
    uint64_t leaves = gn_tree_leaves(s->length);
    if (index >= gn_blob_state_pages(s->length) ||
        gn_load_u64(page + GN_BLOB_STATE_PAGE_BITS) != page_sum(page, &s->id, index))
        return false;
    uint64_t inside = leaves - index * GN_BLOB_STATE_PAGE_LEAVES;
    for (uint64_t i = inside; i < GN_BLOB_STATE_PAGE_LEAVES; i++) {
        if ((page[i / 8U] >> (i % 8U)) & 1U)
            return false;
    }
    return true;
}
