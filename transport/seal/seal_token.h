/* transport/seal/seal_token.h - source tokens: a stateless proof that somebody receives at the address it sends from.
 *
 * Life: caller's memory; wipe at the end (plain memory). Threads: one owner. Purity: pure.
 * token = BLAKE2b-128("src" | ip 16 | port u16be | bucket u64be, key = K_t). K_t is new in every bucket of 5 minutes of
 * monotonic time, the one of the bucket before is still accepted. IPv4 is written as ::ffff:a.b.c.d. Zero = no token.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_TOKEN_H
#define GN_TRANSPORT_SEAL_SEAL_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "transport/seal/seal_wire.h"

#define GN_SEAL_TOKEN_BUCKET_US GN_MINUTES(5)

struct gn_seal_tokens {
    uint8_t key[32];
    uint8_t key_before[32];
    uint64_t bucket;
    bool has_before;
};

void gn_seal_tokens_init(struct gn_seal_tokens *t, struct gn_rng *rng, gn_time_us now);
/* Call before the others whenever time has passed: begins the bucket of `now`. */
void gn_seal_tokens_turn(struct gn_seal_tokens *t, struct gn_rng *rng, gn_time_us now);
/* The token that `addr` may show from now on. */
void gn_seal_tokens_make(const struct gn_seal_tokens *t, uint8_t token[GN_SEAL_TOKEN], const struct gn_addr *addr);
/* Is `shown` one that we gave to `addr`? `fresh` is what gn_seal_tokens_make says for it. Constant time in `shown`. */
bool gn_seal_tokens_check(const struct gn_seal_tokens *t, const uint8_t shown[GN_SEAL_TOKEN],
                          const uint8_t fresh[GN_SEAL_TOKEN], const struct gn_addr *addr);

#endif
