/* base/hash.h - BLAKE2b (RFC 7693) over several pieces, and its keyed form.
 *
 * Life: plain calls. Threads: any. Purity: pure (libsodium, no randomness).
 */
#ifndef GN_BASE_HASH_H
#define GN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/slice.h"

/* out_len 16..64, key_len 0 or 16..64; the pieces are hashed one after the other without separators. */
void gn_hash_pieces(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len, const struct gn_slice *pieces,
                    size_t pieces_len);
/* BLAKE2b-256 of one piece. */
void gn_hash_256(struct gn_id *out, struct gn_slice data);
/* SipHash-2-4 under a fixed key: for hash tables that must iterate the same in every run. */
uint64_t gn_hash_table(const void *data, size_t len);
/* SipHash-2-4 under a key of the caller's: where strangers choose what is hashed. */
uint64_t gn_hash_short(const uint8_t key[16], const void *data, size_t len);
/* Constant-time equality of secrets and tokens. */
int gn_hash_equal(const void *a, const void *b, size_t len);

#endif
