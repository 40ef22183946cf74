/* base/rng.c - the keystream of ChaCha20 as random numbers. */
#include "base/rng.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

void gn_rng_init(struct gn_rng *r, const uint8_t seed[32])
{
    memcpy(r->seed, seed, sizeof r->seed);
    r->block = 0;
    r->used = sizeof r->buf;
}

void gn_rng_init_test(struct gn_rng *r, uint64_t seed, uint64_t stream)
{
    uint8_t bytes[32] = "ghostnet test: ";

    for (unsigned i = 0; i < 8; i++) {
        bytes[16U + i] = (uint8_t)(seed >> (8U * i));
        bytes[24U + i] = (uint8_t)(stream >> (8U * i));
    }
    gn_rng_init(r, bytes);
}

/* Writes `blocks` whole blocks of keystream. libsodium counts blocks with 64 bits here and has a nonce of 8 bytes; with
 * a zero nonce this is the stream of RFC 8439 as far as its 32-bit counter goes, and then simply goes on. */
static void keystream(struct gn_rng *r, uint8_t *out, size_t blocks)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};

    memset(out, 0, blocks * 64U);
    GN_CHECK(crypto_stream_chacha20_xor_ic(out, out, blocks * 64U, nonce, r->block, r->seed) == 0);
    r->block += blocks;
}

void gn_rng_bytes(struct gn_rng *r, void *out, size_t len)
{
    uint8_t *to = (uint8_t *)out;

    while (len > 0) {
        size_t n = sizeof r->buf - r->used;

        if (n == 0 && len >= sizeof r->buf) {
            size_t whole = len / sizeof r->buf;

            keystream(r, to, whole);
            to += whole * sizeof r->buf;
            len -= whole * sizeof r->buf;
            continue;
        }
        if (n == 0) {
            keystream(r, r->buf, 1);
            r->used = 0;
            n = sizeof r->buf;
        }
        n = n < len ? n : len;
        memcpy(to, r->buf + r->used, n);
        r->used += (unsigned)n;
        to += n;
        len -= n;
    }
}

/* Little endian on every machine, so that a seed means the same everywhere. */
uint32_t gn_rng_u32(struct gn_rng *r)
{
    uint8_t b[4];

    gn_rng_bytes(r, b, sizeof b);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t gn_rng_u64(struct gn_rng *r)
{
    uint64_t low = gn_rng_u32(r);

    return low | (uint64_t)gn_rng_u32(r) << 32;
}

uint64_t gn_rng_below(struct gn_rng *r, uint64_t bound)
{
    uint64_t first; /* numbers below 2^64 mod bound would make the small results likelier */
    uint64_t v;

    GN_CHECK(bound > 0);
    first = (0U - bound) % bound;
    do {
        v = gn_rng_u64(r);
    } while (v < first);
    return v % bound;
}

uint64_t gn_rng_jitter(struct gn_rng *r, uint64_t value, unsigned percent)
{
    uint64_t span;
    uint64_t low;
    uint64_t offset;

    GN_CHECK(percent <= 100);
    span = value / 100U * percent + value % 100U * percent / 100U;
    if (span > (UINT64_MAX - 1U) / 2U) {
        span = (UINT64_MAX - 1U) / 2U;
    }
    low = value - span;
    offset = gn_rng_below(r, 2U * span + 1U);
    return offset > UINT64_MAX - low ? UINT64_MAX : low + offset;
}

void gn_rng_wipe(struct gn_rng *r)
{
    sodium_memzero(r, sizeof *r);
    r->used = sizeof r->buf;
}
