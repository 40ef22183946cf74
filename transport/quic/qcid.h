/* transport/quic/qcid.h - connection ids that prove something, and the mixing of the network's id into Initial keys.
 *
 * Life: gn_qcid_init .. gn_qcid_wipe, caller's memory. Threads: one owner. Purity: pure.
 *
 * Initial destination id (18 bytes): 10 random | 8 of BLAKE2b(key from net_id, the 10): only members of the network can
 * make one. Own id (8 bytes): 5 random | 3 of BLAKE2b(key from our seed, the 5): shows that we gave it out, even before
 * a restart.
 */
#ifndef GN_QUIC_QCID_H
#define GN_QUIC_QCID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "transport/quic/compat.h"

#define GN_QCID_INITIAL_LEN 18U
#define GN_QCID_OWN_LEN 8U

struct gn_qcid_keys {
    uint8_t initial[32]; /* of the network: MAC of first destination ids */
    uint8_t mix[32];     /* of the network: Initial keys */
    uint8_t own[32];     /* of this node: MAC of its ids */
    uint8_t reset[32];   /* of this node: stateless reset tokens (RFC 9000 section 10.3.2) */
};

void gn_qcid_init(struct gn_qcid_keys *k, const uint8_t seed[32], const uint8_t net_id[16]);
void gn_qcid_wipe(struct gn_qcid_keys *k);
void gn_qcid_make_initial(const struct gn_qcid_keys *k, ngtcp2_cid *out, struct gn_rng *rng);
bool gn_qcid_is_initial(const struct gn_qcid_keys *k, const uint8_t *cid, size_t len);
void gn_qcid_make_own(const struct gn_qcid_keys *k, ngtcp2_cid *out, struct gn_rng *rng);
bool gn_qcid_is_own(const struct gn_qcid_keys *k, const uint8_t *cid, size_t len);
/* The id that stands for `cid` where Initial keys are derived (RFC 9001 section 5.2 with another input). */
void gn_qcid_mix(const struct gn_qcid_keys *k, ngtcp2_cid *out, const ngtcp2_cid *cid);

#endif
