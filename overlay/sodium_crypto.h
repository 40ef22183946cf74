/* overlay/sodium_crypto.h - the real struct gn_crypto: BLAKE2b and Ed25519 of libsodium under one identity.
 *
 * Life: caller's memory; gn_sodium_crypto_wipe at the end. Threads: any, it is only read. Purity: pure.
 */
#ifndef GN_OVERLAY_SODIUM_CRYPTO_H
#define GN_OVERLAY_SODIUM_CRYPTO_H

#include <stdint.h>

#include "base/id.h"
#include "overlay/env.h"

struct gn_sodium_identity {
    struct gn_id id;    /* Ed25519 public key: the node's id */
    uint8_t secret[64]; /* seed and public key, libsodium's form */
};

/* Derives the key pair from its 32-byte seed (RFC 8032). The caller wipes the seed. */
void gn_sodium_crypto_identity(struct gn_sodium_identity *identity, const uint8_t seed[32]);
/* Fills *crypto, which borrows identity. */
void gn_sodium_crypto_init(struct gn_crypto *crypto, struct gn_sodium_identity *identity);
/* Forgets the keys; a crypto made from it must not be used any more. */
void gn_sodium_crypto_wipe(struct gn_sodium_identity *identity);

#endif
