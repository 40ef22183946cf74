/* transport/seal/seal_context.h - what both roles of one node's seal share: identity, epochs, randomness, counters,
 * scratch.
 *
 * Life: part of struct gn_seal; borrowed by initiator and responder. Threads: one owner. Purity: pure.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_CONTEXT_H
#define GN_TRANSPORT_SEAL_SEAL_CONTEXT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/seal/seal.h"
#include "transport/seal/seal_epoch.h"
#include "transport/seal/seal_keys.h"

struct gn_seal_context {
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    struct gn_rng rng;
    struct gn_seal_net net;
    struct gn_seal_epochs epochs;
    struct gn_seal_counters counters;
    uint8_t hash_key[16];                  /* of tables whose keys strangers choose */
    uint8_t scratch[GN_SEAL_DATAGRAM_MAX]; /* the plaintext that came in, or the packet that goes out */
};

/* A datagram that came in. */
struct gn_seal_arrival {
    const struct gn_addr *from;
    struct gn_slice bytes;
    gn_time_us now;
    gn_wall_s wall;
};

#endif
