/* tests/support/step_crypto.c - a signature is a hash of the signer and the message. */
#include "tests/support/step_crypto.h"

#include <string.h>

#include "base/hash.h"

static void hash(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces, size_t pieces_len)
{
    (void)ctx;
    gn_hash_pieces(out->b, sizeof out->b, key, key ? 32 : 0, pieces, pieces_len);
}

static void signature(uint8_t sig[64], const struct gn_id *signer, struct gn_slice message)
{
    struct gn_slice pieces[] = {gn_slice_of("step", 4), gn_slice_of(signer->b, sizeof signer->b), message};

    gn_hash_pieces(sig, 64, NULL, 0, pieces, 3);
}

static void sign(void *ctx, uint8_t sig[64], struct gn_slice message)
{
    signature(sig, ctx, message);
}

static bool verify(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer)
{
    uint8_t right[64];

    (void)ctx;
    signature(right, signer, message);
    return memcmp(sig, right, sizeof right) == 0;
}

void step_crypto_init(struct gn_crypto *out, struct gn_id *id)
{
    *out = (struct gn_crypto){.hash = hash, .sign = sign, .verify = verify, .ctx = id};
}
