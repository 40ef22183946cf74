/* tests/fuzz/fuzz_store_entry.c - what the store gives back from a disk: file entries, records, wrapped values, totals.
 *
 * First byte: bit 0 mends checksums, bit 1 the id, so that the inside of the decoders is reached.
 */
#include "tests/support/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "storage/blob_entry.h"
#include "storage/lmdb_format.h"

#define ID_AT 5U
#define ROOT_AT 37U
#define LENGTH_AT 69U

static void try_entry(uint8_t *bytes, size_t size, uint8_t mend)
{
    static struct gn_blob_entry e;
    static uint8_t again[GN_BLOB_ENTRY_MAX];
    if (size > LENGTH_AT + 8U && (mend & 2U)) {
        struct gn_tree_hash root;
        struct gn_id id;
        memcpy(root.b, bytes + ROOT_AT, sizeof root.b);
        gn_tree_content_id(&id, gn_load_u64(bytes + LENGTH_AT), &root);
        memcpy(bytes + ID_AT, id.b, sizeof id.b);
    }
    if (size > 8U && (mend & 1U))
        gn_store_u64(bytes + size - 8U, gn_hash_table(bytes, size - 8U));
    if (gn_blob_entry_decode(&e, gn_slice_of(bytes, size)) != GN_OK)
        return;
    size_t len = gn_blob_entry_encode(again, &e);
    if (len != size || memcmp(again, bytes, size) != 0)
        abort(); /* one entry, one form */
}

static void try_record(const uint8_t *bytes, size_t size, uint8_t mend)
{
    static uint8_t again[GN_LMDB_FORMAT_HEADER + GN_STORE_RECORD_MAX];
    struct gn_store_record r;
    if (size < GN_STORE_KEY_BYTES)
        return;
    struct gn_slice key = gn_slice_of(bytes, GN_STORE_KEY_BYTES);
    struct gn_slice value = gn_slice_of(bytes + key.len, size - key.len);
    if (gn_lmdb_format_record_read(&r, key, value, (mend & 1U) == 0) != GN_OK)
        return;
    if (r.data.len == 0 || r.data.len > GN_STORE_RECORD_MAX)
        abort();
    gn_lmdb_format_record_write(again, key, &r);
    if (memcmp(again + 8, value.data + 8, value.len - 8U) != 0)
        abort();
    if (gn_lmdb_format_record_read(&r, key, gn_slice_of(again, value.len), true) != GN_OK)
        abort();
}

static void try_values(const uint8_t *bytes, size_t size)
{
    struct gn_slice out;
    struct gn_slice back;
    struct gn_store_stats totals;
    uint8_t wrapped[256];
    const struct gn_slice all = gn_slice_of(bytes, size);
    const struct gn_slice key = gn_slice_of(bytes, size < 20U ? size : 20U);
    if (gn_lmdb_format_unwrap(&out, key, all) == GN_OK && out.len + 8U != size)
        abort();
    (void)gn_lmdb_format_totals_read(&totals, all);
    out = gn_slice_of(bytes, size < 200U ? size : 200U);
    gn_lmdb_format_wrap(wrapped, key, out);
    if (gn_lmdb_format_unwrap(&back, key, gn_slice_of(wrapped, out.len + 8U)) != GN_OK || !gn_slice_eq(out, back))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    try_values(copy + 1, size - 1U);
    try_record(copy + 1, size - 1U, data[0]);
    try_entry(copy + 1, size - 1U, data[0]);
    free(copy);
    return 0;
}
