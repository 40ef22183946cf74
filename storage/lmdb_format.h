/* storage/lmdb_format.h - the bytes of values in the LMDB store: every one carries a checksum that binds it to its key.
 *
 * Life: plain calls. Threads: any. Purity: pure in effect. Part of lmdb_store.
 */
#ifndef GN_STORAGE_LMDB_FORMAT_H
#define GN_STORAGE_LMDB_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "storage/store.h"

/* A record: checksum u64, expires_at, stored_at, seq, group u64, flags u32, then the encoded record. */
#define GN_LMDB_FORMAT_HEADER 44U
/* A named value or a file's entry: checksum u64, then the value. */
#define GN_LMDB_FORMAT_SUM 8U
/* A key of the expiry index: expires_at u64, the record's key. */
#define GN_LMDB_FORMAT_DUE (8U + GN_STORE_KEY_BYTES)
#define GN_LMDB_FORMAT_TOTALS (8U * 8U + GN_LMDB_FORMAT_SUM)

/* Fills GN_LMDB_FORMAT_HEADER + record->data.len bytes. `key` is the encoded key. */
void gn_lmdb_format_record_write(uint8_t *out, struct gn_slice key, const struct gn_store_record *record);
/* out->data borrows `value`. CORRUPT: lengths, kind, or (when `verify`) the checksum are wrong. */
GN_MUST_CHECK enum gn_err gn_lmdb_format_record_read(struct gn_store_record *out, struct gn_slice key,
                                                     struct gn_slice value, bool verify);
void gn_lmdb_format_due(uint8_t out[GN_LMDB_FORMAT_DUE], gn_wall_s expires_at, const uint8_t key[GN_STORE_KEY_BYTES]);
/* Fills GN_LMDB_FORMAT_SUM + data.len bytes. */
void gn_lmdb_format_wrap(uint8_t *out, struct gn_slice key, struct gn_slice data);
/* `out` borrows `value`. CORRUPT. */
GN_MUST_CHECK enum gn_err gn_lmdb_format_unwrap(struct gn_slice *out, struct gn_slice key, struct gn_slice value);
/* The counts of records and bytes. CORRUPT. */
void gn_lmdb_format_totals_write(uint8_t out[GN_LMDB_FORMAT_TOTALS], const struct gn_store_stats *totals);
GN_MUST_CHECK enum gn_err gn_lmdb_format_totals_read(struct gn_store_stats *out, struct gn_slice value);

#endif
