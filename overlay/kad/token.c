/* overlay/kad/token.c - write tokens from two keys. */
#include "overlay/kad/token.h"

#include <string.h>

#include "base/hash.h"
#include "base/slice.h"

void gn_token_init(struct gn_token *t, struct gn_rng *rng, gn_time_us now)
{
    t->bucket = now / GN_TOKEN_BUCKET_US;
    gn_rng_bytes(rng, t->current, sizeof(t->current));
    gn_rng_bytes(rng, t->previous, sizeof(t->previous));
}

void gn_token_wipe(struct gn_token *t)
{
    volatile uint8_t *p = (volatile uint8_t *)t;

    for (size_t i = 0; i < sizeof(*t); i++) {
        p[i] = 0;
    }
}

static void rotate(struct gn_token *t, struct gn_rng *rng, gn_time_us now)
{
    uint64_t bucket = now / GN_TOKEN_BUCKET_US;

    if (bucket <= t->bucket) {
        return;
    }
    if (bucket == t->bucket + 1) {
        memcpy(t->previous, t->current, sizeof(t->previous));
    } else { /* both are too old */
        gn_rng_bytes(rng, t->previous, sizeof(t->previous));
    }
    gn_rng_bytes(rng, t->current, sizeof(t->current));
    t->bucket = bucket;
}

static void compute(uint8_t out[GN_TOKEN_BYTES], const uint8_t key[32], uint64_t bucket,
                    const struct gn_token_for *whom)
{
    uint8_t number[8];
    const struct gn_slice pieces[] = {
        gn_slice_of(&whom->addr->family, 1), gn_slice_of(whom->addr->ip, sizeof(whom->addr->ip)),
        gn_slice_of(whom->client_key, 32),   gn_slice_of(whom->target->b, sizeof(whom->target->b)),
        gn_slice_of(number, sizeof(number)),
    };

    gn_store_u64(number, bucket);
    gn_hash_pieces(out, GN_TOKEN_BYTES, key, 32, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

void gn_token_make(struct gn_token *t, uint8_t out[GN_TOKEN_BYTES], const struct gn_token_for *whom, struct gn_rng *rng,
                   gn_time_us now)
{
    rotate(t, rng, now);
    compute(out, t->current, t->bucket, whom);
}

bool gn_token_check(struct gn_token *t, const uint8_t token[GN_TOKEN_BYTES], const struct gn_token_for *whom,
                    struct gn_rng *rng, gn_time_us now)
{
    uint8_t expected[GN_TOKEN_BYTES];
    bool good;

    rotate(t, rng, now);
    compute(expected, t->current, t->bucket, whom);
    good = gn_hash_equal(expected, token, sizeof(expected)) != 0;
    /* bucket 0 has no predecessor; its `previous` key was never used */
    if (!good && t->bucket > 0) {
        compute(expected, t->previous, t->bucket - 1, whom);
        good = gn_hash_equal(expected, token, sizeof(expected)) != 0;
    }
    return good;
}
