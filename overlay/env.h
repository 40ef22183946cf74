/* overlay/env.h - what the overlay may use while it steps: services that answer at once and change nothing outside.
 *
 * Life: filled by the driver, borrowed by the overlay, outlives it. Threads: one overlay, one thread.
 * Purity: deliberately no clock, no socket, no file.
 */
#ifndef GN_OVERLAY_ENV_H
#define GN_OVERLAY_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/id.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/slice.h"

/* libsodium in production; a simulator may give cheap ones that still refuse tampering. */
struct gn_crypto {
    /* BLAKE2b-256 of the pieces in order, key may be NULL. */
    void (*hash)(void *ctx, struct gn_id *out, const uint8_t key[32], const struct gn_slice *pieces, size_t pieces_len);
    /* Ed25519 (RFC 8032) with this node's own identity. */
    void (*sign)(void *ctx, uint8_t sig[64], struct gn_slice message);
    bool (*verify)(void *ctx, const uint8_t sig[64], struct gn_slice message, const struct gn_id *signer);
    void *ctx;
};

struct gn_env {
    const struct gn_alloc *alloc;
    const struct gn_crypto *crypto;
    struct gn_rng *rng; /* this node's own stream */
    const struct gn_log *log;
};

#endif
