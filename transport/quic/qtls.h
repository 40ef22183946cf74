/* transport/quic/qtls.h - TLS 1.3 with mutual raw public keys (RFC 7250) for the connections of one endpoint.
 *
 * Life: gn_qtls_init .. gn_qtls_fini around all sessions. Threads: one at a time. Purity: pure but for GnuTLS itself.
 */
#ifndef GN_QUIC_QTLS_H
#define GN_QUIC_QTLS_H

#include "base/err.h"
#include "transport/quic/state.h"

/* Fills q->id, credentials, priority and ticket key from q->config.seed. GN_E_CRYPTO; nothing is left behind then. */
GN_MUST_CHECK enum gn_err gn_qtls_init(struct gn_quic *q);
void gn_qtls_fini(struct gn_quic *q);
/* Gives link->session, as the server of inbound links and the client of others; a client gets a ticket of the wanted id
 * if there is one. link->ref must be filled and outlive the session. GN_E_CRYPTO. */
GN_MUST_CHECK enum gn_err gn_qtls_open(struct gn_quic_link *link);
/* The id of the peer as its raw public key says, also on resumption, where the verify callback does not run.
 * GN_E_AUTH: no such key, or not the wanted one (link->peer of a dialler), or our own. */
GN_MUST_CHECK enum gn_err gn_qtls_peer(const struct gn_quic_link *link, struct gn_id *out);
/* Sends one resumption ticket to the client (server, after the handshake). Failure only means no ticket. */
void gn_qtls_send_ticket(struct gn_quic_link *link);

#endif
