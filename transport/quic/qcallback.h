/* transport/quic/qcallback.h - what ngtcp2 tells and asks a connection while it reads or writes packets.
 *
 * Life: a filled table is copied by ngtcp2. Threads: one at a time. Purity: pure.
 * Callbacks only note things in the link; nothing of the application runs inside them.
 */
#ifndef GN_QUIC_QCALLBACK_H
#define GN_QUIC_QCALLBACK_H

#include "transport/quic/state.h"

void gn_qcallback_fill(ngtcp2_callbacks *out, bool inbound);
/* For ngtcp2_settings: random bytes of link's endpoint. */
void gn_qcallback_rand(uint8_t *out, size_t len, const ngtcp2_rand_ctx *ctx);

#endif
