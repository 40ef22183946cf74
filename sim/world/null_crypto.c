/* sim/world/null_crypto.c - eight bytes at a time are mixed into two lanes; the last mixing depends on both. */
#include "sim/world/null_crypto.h"

#include <string.h>

#include "sim/engine/draw.h"

#define STEP_A UINT64_C(0x9e3779b97f4a7c15)
#define STEP_B UINT64_C(0xc2b2ae3d27d4eb4f)

struct lanes {
    uint64_t a, b;
};

static uint64_t load(const uint8_t *p, size_t len)
{
    uint64_t x = 0;

    if (len == 8) {
        for (unsigned i = 0; i < 8; i++) { /* one load, where the machine is little endian */
            x |= (uint64_t)p[i] << (8U * i);
        }
        return x;
    }
    for (size_t i = 0; i < len; i++) {
        x |= (uint64_t)p[i] << (8U * i);
    }
    return x;
}

static void absorb(struct lanes *l, uint64_t x)
{
    l->a = (l->a ^ x) * STEP_A;
    l->a ^= l->a >> 29U;
    l->b = (l->b + x) * STEP_B;
    l->b ^= l->b >> 31U;
}

static void absorb_bytes(struct lanes *l, struct gn_slice s)
{
    size_t at = 0;

    for (; s.len - at >= 8; at += 8) {
        absorb(l, load(s.data + at, 8));
    }
    if (at < s.len) {
        absorb(l, load(s.data + at, s.len - at));
    }
    absorb(l, s.len);
}

static uint64_t end(const struct lanes *l, uint64_t number)
{
    return gn_draw_mix(gn_draw_mix(l->a + number * STEP_A) ^ (l->b + number));
}

static struct lanes begin(uint64_t key)
{
    return (struct lanes){.a = gn_draw_mix(key ^ STEP_B), .b = gn_draw_mix(key + STEP_A)};
}

static void fill(uint8_t *out, size_t len, const struct lanes *l)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(end(l, i / 8U) >> (8U * (i % 8U)));
    }
}

uint64_t gn_null_crypto_tag(uint64_t key, const struct gn_slice *pieces, size_t pieces_len)
{
    struct lanes l = begin(key);

    for (size_t i = 0; i < pieces_len; i++) {
        absorb_bytes(&l, pieces[i]);
    }
    return end(&l, 0);
}

/* One text, however it is cut into pieces: a hash of (ab, c) is that of (a, bc). */
static void hash(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces, size_t pieces_len)
{
    const struct gn_null_signer *signer = ctx;
    struct lanes l = begin(signer->key);
    uint8_t word[8];
    size_t have = 0, total = 0;

    if (key) {
        absorb_bytes(&l, gn_slice_of(key, 32));
    }
    for (size_t i = 0; i < pieces_len; i++) {
        for (size_t at = 0; at < pieces[i].len; at++) {
            word[have++] = pieces[i].data[at];
            if (have == sizeof word) {
                absorb(&l, load(word, sizeof word));
                have = 0;
            }
        }
        total += pieces[i].len;
    }
    absorb(&l, load(word, have));
    absorb(&l, total);
    fill(out->b, sizeof out->b, &l);
}

static void signature(uint8_t sig[64], const struct gn_null_signer *by, struct gn_slice message, const struct gn_id *id)
{
    struct lanes l = begin(by->key);

    absorb_bytes(&l, gn_slice_of(id->b, sizeof id->b));
    absorb_bytes(&l, message);
    fill(sig, 64, &l);
}

static void sign(void *ctx, uint8_t sig[64], struct gn_slice message)
{
    const struct gn_null_signer *by = ctx;

    signature(sig, by, message, by->id);
}

static bool verify(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer)
{
    uint8_t right[64];

    signature(right, ctx, message, signer);
    return memcmp(sig, right, sizeof right) == 0;
}

void gn_null_crypto_init(struct gn_crypto *out, struct gn_null_signer *signer)
{
    *out = (struct gn_crypto){.hash = hash, .sign = sign, .verify = verify, .ctx = signer};
}
