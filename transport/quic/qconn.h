/* transport/quic/qconn.h - one connection: how it is made, and the tables it is in.
 *
 * Life: gn_qconn_dial or gn_qconn_accept .. gn_qend_forget. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_QCONN_H
#define GN_QUIC_QCONN_H

#include "base/err.h"
#include "transport/quic/state.h"

/* Addresses as ngtcp2 wants them. */
struct gn_qconn_path {
    ngtcp2_sockaddr_union local, remote;
    ngtcp2_path path;
};
void gn_qconn_path_set(struct gn_qconn_path *out, const struct gn_addr *local, const struct gn_addr *remote);
void gn_qconn_addr_get(struct gn_addr *out, const ngtcp2_addr *a);

/* A connection of ours to link->peer. Errors: GN_E_NO_MEMORY, GN_E_CRYPTO; nothing is left behind. */
GN_MUST_CHECK enum gn_err gn_qconn_dial(struct gn_quic *q, struct gn_quic_link **out, const struct gn_id *peer,
                                        const struct gn_addr *remote, const struct gn_addr *local, gn_time_us now);

/* What the first packet of an inbound connection said. */
struct gn_qconn_first {
    const ngtcp2_pkt_hd *hd;
    const ngtcp2_cid *original; /* the client's first destination id */
    bool retried;               /* hd->token is a Retry token of ours that was right */
};
GN_MUST_CHECK enum gn_err gn_qconn_accept(struct gn_quic *q, struct gn_quic_link **out,
                                          const struct gn_qconn_first *first, const struct gn_udp_packet *packet,
                                          gn_time_us now);

struct gn_quic_link *gn_qconn_find(const struct gn_quic *q, gn_quic_conn id); /* NULL: unknown */
struct gn_quic_link *gn_qconn_by_cid(const struct gn_quic *q, const uint8_t *cid, size_t len);
/* Table of ids: false when it is full or there is no memory, or the id is another's. */
bool gn_qconn_add_cid(struct gn_quic_link *link, const ngtcp2_cid *cid);
void gn_qconn_remove_cid(struct gn_quic_link *link, const ngtcp2_cid *cid);
/* All ids and tokens of the link. */
void gn_qconn_remove_cids(struct gn_quic_link *link);
/* Tokens of stateless resets (RFC 9000 section 10.3). What does not fit is not remembered: the idle timer does its work
 * then. */
void gn_qconn_add_token(struct gn_quic_link *link, const uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN]);
void gn_qconn_remove_token(struct gn_quic_link *link, const uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN]);
struct gn_quic_link *gn_qconn_by_token(const struct gn_quic *q, const uint8_t *packet, size_t len);

/* Puts it where gn_quic_send looks. */
void gn_qconn_wake(struct gn_quic_link *link);
/* Adds GN_QUIC_WANT_ bits and puts it where gn_quic_next_event looks. */
void gn_qconn_notify(struct gn_quic_link *link, uint32_t bits);
void gn_qconn_set_timer(struct gn_quic_link *link, gn_time_us deadline);
void gn_qconn_stop_timer(struct gn_quic_link *link);
/* Runs its timer at ngtcp2's next deadline. */
void gn_qconn_rearm(struct gn_quic_link *link);

#endif
