/* storage/lmdb_format.c - values of the LMDB store as bytes. */
#include "storage/lmdb_format.h"

#include <string.h>

#include "base/hash.h"
#include "storage/store_ops.h"

#define SUM_BYTES GN_LMDB_FORMAT_SUM
#define HEADER_BYTES GN_LMDB_FORMAT_HEADER
#define TOTALS_WORDS 8U

/* Binds the value to its key: a value under a wrong key is damage too. */
static uint64_t sum_of(struct gn_slice key, const uint8_t *data, size_t len)
{
    uint64_t h = gn_hash_table(data, len);
    return h ^ (gn_hash_table(key.data, key.len) * UINT64_C(0x9e3779b97f4a7c15));
}

void gn_lmdb_format_record_write(uint8_t *out, struct gn_slice key, const struct gn_store_record *r)
{
    gn_store_u64(out + 8, r->expires_at);
    gn_store_u64(out + 16, r->stored_at);
    gn_store_u64(out + 24, r->seq);
    gn_store_u64(out + 32, r->group);
    gn_store_u32(out + 40, r->flags);
    memcpy(out + HEADER_BYTES, r->data.data, r->data.len);
    gn_store_u64(out, sum_of(key, out + SUM_BYTES, HEADER_BYTES - SUM_BYTES + r->data.len));
}

enum gn_err gn_lmdb_format_record_read(struct gn_store_record *out, struct gn_slice key, struct gn_slice value,
                                       bool verify)
{
    const uint8_t *p = value.data;
    if (key.len != GN_STORE_KEY_BYTES || value.len <= HEADER_BYTES || value.len > HEADER_BYTES + GN_STORE_RECORD_MAX)
        return GN_E_CORRUPT;
    if (verify && gn_load_u64(p) != sum_of(key, p + SUM_BYTES, value.len - SUM_BYTES))
        return GN_E_CORRUPT;
    gn_store_key_decode(&out->key, key.data);
    if (out->key.kind < GN_STORE_IMMUTABLE || out->key.kind > GN_STORE_PROVIDER)
        return GN_E_CORRUPT;
    out->expires_at = gn_load_u64(p + 8);
    out->stored_at = gn_load_u64(p + 16);
    out->seq = gn_load_u64(p + 24);
    out->group = gn_load_u64(p + 32);
    out->flags = gn_load_u32(p + 40);
    out->data = gn_slice_of(p + HEADER_BYTES, value.len - HEADER_BYTES);
    return GN_OK;
}

void gn_lmdb_format_due(uint8_t out[GN_LMDB_FORMAT_DUE], gn_wall_s expires_at, const uint8_t key[GN_STORE_KEY_BYTES])
{
    gn_store_u64(out, expires_at);
    memcpy(out + 8, key, GN_STORE_KEY_BYTES);
}

void gn_lmdb_format_wrap(uint8_t *out, struct gn_slice key, struct gn_slice data)
{
    if (data.len > 0)
        memcpy(out + SUM_BYTES, data.data, data.len);
    gn_store_u64(out, sum_of(key, out + SUM_BYTES, data.len));
}

enum gn_err gn_lmdb_format_unwrap(struct gn_slice *out, struct gn_slice key, struct gn_slice value)
{
    const uint8_t *p = value.data;
    if (value.len < SUM_BYTES || gn_load_u64(p) != sum_of(key, p + SUM_BYTES, value.len - SUM_BYTES))
        return GN_E_CORRUPT;
    *out = gn_slice_of(p + SUM_BYTES, value.len - SUM_BYTES);
    return GN_OK;
}

void gn_lmdb_format_totals_write(uint8_t out[GN_LMDB_FORMAT_TOTALS], const struct gn_store_stats *t)
{
    const uint64_t words[TOTALS_WORDS] = {t->all.count,     t->all.bytes,     t->owned.count,   t->owned.bytes,
                                          t->kind_count[1], t->kind_count[2], t->kind_count[3], 0};
    for (size_t i = 0; i < TOTALS_WORDS; i++)
        gn_store_u64(out + SUM_BYTES + i * 8U, words[i]);
    gn_store_u64(out, sum_of(gn_slice_str("totals"), out + SUM_BYTES, GN_LMDB_FORMAT_TOTALS - SUM_BYTES));
}

enum gn_err gn_lmdb_format_totals_read(struct gn_store_stats *out, struct gn_slice value)
{
    struct gn_reader r;
    struct gn_slice words;
    if (value.len != GN_LMDB_FORMAT_TOTALS || gn_lmdb_format_unwrap(&words, gn_slice_str("totals"), value) != GN_OK)
        return GN_E_CORRUPT;
    gn_reader_init(&r, words);
    memset(out, 0, sizeof *out);
    out->all.count = gn_reader_u64(&r);
    out->all.bytes = gn_reader_u64(&r);
    out->owned.count = gn_reader_u64(&r);
    out->owned.bytes = gn_reader_u64(&r);
    for (size_t i = 1; i <= GN_STORE_PROVIDER; i++)
        out->kind_count[i] = gn_reader_u64(&r);
    return GN_OK;
}
