/* overlay/kad/token.h - write tokens: proof that a writer could lately receive at the address it writes from.
 *
 * Life: caller's memory, gn_token_wipe at the end. Threads: one owner. Purity: pure.
 *
 * token = BLAKE2b-128(family | ip 16 | client key 32 | target 32 | bucket u64be) under a random key; bucket = now / 5
 * min, every bucket has a key of its own. A token is good in its bucket and the next: 5 to 10 minutes. No state per
 * client.
 */
#ifndef GN_OVERLAY_KAD_TOKEN_H
#define GN_OVERLAY_KAD_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/id.h"
#include "base/rng.h"
#include "base/time.h"

#define GN_TOKEN_BYTES 16U
#define GN_TOKEN_BUCKET_US GN_MINUTES(5)

struct gn_token {
    uint64_t bucket; /* of the current key */
    uint8_t current[32];
    uint8_t previous[32];
};

/* Whom a token is for. The port is not bound: a NAT may change it between two queries. */
struct gn_token_for {
    const struct gn_addr *addr;
    const uint8_t *client_key; /* 32 bytes */
    const struct gn_id *target;
};

/* Fresh keys; tokens made before are void. */
void gn_token_init(struct gn_token *t, struct gn_rng *rng, gn_time_us now);
void gn_token_wipe(struct gn_token *t);
/* A `now` before an earlier one counts as that. */
void gn_token_make(struct gn_token *t, uint8_t out[GN_TOKEN_BYTES], const struct gn_token_for *whom, struct gn_rng *rng,
                   gn_time_us now);
/* Constant time in the token. */
bool gn_token_check(struct gn_token *t, const uint8_t token[GN_TOKEN_BYTES], const struct gn_token_for *whom,
                    struct gn_rng *rng, gn_time_us now);

#endif
