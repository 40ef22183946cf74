/* base/rng.h - repeatable random numbers: ChaCha20 under a 32-byte seed (RFC 8439 keystream).
 *
 * Life: caller's memory; gn_rng_wipe at the end. Threads: one owner. Purity: pure.
 * With a secret seed the stream is cryptographically strong; with a known seed it is a reproducible test.
 */
#ifndef GN_BASE_RNG_H
#define GN_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct gn_rng {
    uint8_t seed[32];
    uint64_t block; /* next keystream block */
    uint8_t buf[64];
    unsigned used; /* bytes of buf given out; 64 = empty */
};

void gn_rng_init(struct gn_rng *r, const uint8_t seed[32]);
/* A numbered stream of its own, from a small seed: for tests and simulations. */
void gn_rng_init_test(struct gn_rng *r, uint64_t seed, uint64_t stream);
void gn_rng_bytes(struct gn_rng *r, void *out, size_t len);
uint32_t gn_rng_u32(struct gn_rng *r);
uint64_t gn_rng_u64(struct gn_rng *r);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t gn_rng_below(struct gn_rng *r, uint64_t bound);
/* value +- percent, uniform; percent <= 100. */
uint64_t gn_rng_jitter(struct gn_rng *r, uint64_t value, unsigned percent);
void gn_rng_wipe(struct gn_rng *r);

#endif
