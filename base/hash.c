/* base/hash.c - BLAKE2b and SipHash from libsodium. */
#include "base/hash.h"

#include <sodium.h>

#include "base/check.h"

void gn_hash_pieces(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len, const struct gn_slice *pieces,
                    size_t pieces_len)
{
    crypto_generichash_state state;

    GN_CHECK(out_len >= crypto_generichash_BYTES_MIN && out_len <= crypto_generichash_BYTES_MAX);
    GN_CHECK(key_len == 0 ||
             (key_len >= crypto_generichash_KEYBYTES_MIN && key_len <= crypto_generichash_KEYBYTES_MAX));
    GN_CHECK(crypto_generichash_init(&state, key_len ? key : NULL, key_len, out_len) == 0);
    for (size_t i = 0; i < pieces_len; i++) {
        if (pieces[i].len > 0) {
            GN_CHECK(crypto_generichash_update(&state, pieces[i].data, pieces[i].len) == 0);
        }
    }
    GN_CHECK(crypto_generichash_final(&state, out, out_len) == 0);
}

void gn_hash_256(struct gn_id *out, struct gn_slice data)
{
    gn_hash_pieces(out->b, GN_ID_BYTES, NULL, 0, &data, 1);
}

uint64_t gn_hash_short(const uint8_t key[16], const void *data, size_t len)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t v = 0;

    GN_CHECK(crypto_shorthash(out, data, len, key) == 0);
    for (unsigned i = 0; i < sizeof out; i++) {
        v |= (uint64_t)out[i] << (8U * i);
    }
    return v;
}

uint64_t gn_hash_table(const void *data, size_t len)
{
    static const uint8_t key[16] = {'g', 'h', 'o', 's', 't', 'n', 'e', 't', ' ', 't', 'a', 'b', 'l', 'e', 's', '1'};

    return gn_hash_short(key, data, len);
}

int gn_hash_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
