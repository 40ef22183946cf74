/* sim/world/null_crypto.h - crypto that costs a fraction of a microsecond and still refuses tampering.
 *
 * Life: borrows key and id until the end. Threads: any. Purity: pure.
 *
 * Tags and hashes are keyed by a secret of the world that no simulated node is given: a node that changes a record, or
 * signs for another, is caught as with Ed25519. Against anybody outside of the simulation this protects nothing.
 */
#ifndef GN_SIM_WORLD_NULL_CRYPTO_H
#define GN_SIM_WORLD_NULL_CRYPTO_H

#include <stdint.h>

#include "overlay/env.h"

struct gn_null_signer {
    uint64_t key;           /* of the world */
    const struct gn_id *id; /* who signs */
};

/* Fills `out`, whose ctx is `signer`: borrowed. */
void gn_null_crypto_init(struct gn_crypto *out, struct gn_null_signer *signer);
/* 64 bits over the pieces and their lengths, keyed. */
uint64_t gn_null_crypto_tag(uint64_t key, const struct gn_slice *pieces, size_t pieces_len);

#endif
