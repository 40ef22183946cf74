/* overlay/sodium_crypto.c - BLAKE2b and Ed25519 of libsodium. */
#include "overlay/sodium_crypto.h"

#include <string.h>

#include <sodium.h>

#include "base/hash.h"

static void hash(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces, size_t pieces_len)
{
    (void)ctx;
    gn_hash_pieces(out->b, sizeof(out->b), key, key ? 32 : 0, pieces, pieces_len);
}

static void sign(void *ctx, uint8_t sig[64], struct gn_slice message)
{
    const struct gn_sodium_identity *identity = (const struct gn_sodium_identity *)ctx;

    (void)crypto_sign_detached(sig, NULL, message.data, message.len, identity->secret);
}

static bool verify(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer)
{
    (void)ctx;
    return crypto_sign_verify_detached(sig, message.data, message.len, signer->b) == 0;
}

void gn_sodium_crypto_identity(struct gn_sodium_identity *identity, const uint8_t seed[32])
{
    (void)crypto_sign_seed_keypair(identity->id.b, identity->secret, seed);
}

void gn_sodium_crypto_init(struct gn_crypto *crypto, struct gn_sodium_identity *identity)
{
    *crypto = (struct gn_crypto){.hash = hash, .sign = sign, .verify = verify, .ctx = identity};
}

void gn_sodium_crypto_wipe(struct gn_sodium_identity *identity)
{
    sodium_memzero(identity, sizeof(*identity));
}
