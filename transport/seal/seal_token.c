/* transport/seal/seal_token.c - source tokens. */
#include "transport/seal/seal_token.h"

#include <sodium.h>
#include <string.h>

#include "base/slice.h"

#define TEXT_LEN (3U + 16U + 2U + 8U)

void gn_seal_tokens_init(struct gn_seal_tokens *t, struct gn_rng *rng, gn_time_us now)
{
    memset(t, 0, sizeof *t);
    t->bucket = now / GN_SEAL_TOKEN_BUCKET_US;
    gn_rng_bytes(rng, t->key, sizeof t->key);
}

void gn_seal_tokens_turn(struct gn_seal_tokens *t, struct gn_rng *rng, gn_time_us now)
{
    uint64_t bucket = now / GN_SEAL_TOKEN_BUCKET_US;

    if (bucket == t->bucket) {
        return;
    }
    t->has_before = bucket == t->bucket + 1U;
    memcpy(t->key_before, t->key, sizeof t->key);
    t->bucket = bucket;
    gn_rng_bytes(rng, t->key, sizeof t->key);
}

static void make(uint8_t token[GN_SEAL_TOKEN], const uint8_t key[32], uint64_t bucket, const struct gn_addr *addr)
{
    uint8_t text[TEXT_LEN] = {'s', 'r', 'c'};

    if (addr->family == GN_ADDR_V4) {
        text[3 + 10] = 0xff;
        text[3 + 11] = 0xff;
        memcpy(text + 3 + 12, addr->ip, 4);
    } else {
        memcpy(text + 3, addr->ip, 16);
    }
    gn_store_u16(text + 19, addr->port);
    gn_store_u64(text + 21, bucket);
    (void)crypto_generichash(token, GN_SEAL_TOKEN, text, sizeof text, key, 32);
}

void gn_seal_tokens_make(const struct gn_seal_tokens *t, uint8_t token[GN_SEAL_TOKEN], const struct gn_addr *addr)
{
    make(token, t->key, t->bucket, addr);
}

bool gn_seal_tokens_check(const struct gn_seal_tokens *t, const uint8_t shown[GN_SEAL_TOKEN],
                          const uint8_t fresh[GN_SEAL_TOKEN], const struct gn_addr *addr)
{
    uint8_t before[GN_SEAL_TOKEN];

    if (sodium_is_zero(shown, GN_SEAL_TOKEN)) {
        return false;
    }
    if (sodium_memcmp(shown, fresh, GN_SEAL_TOKEN) == 0) {
        return true;
    }
    if (!t->has_before) {
        return false;
    }
    make(before, t->key_before, t->bucket - 1U, addr);
    return sodium_memcmp(shown, before, GN_SEAL_TOKEN) == 0;
}
