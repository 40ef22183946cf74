/* transport/quic/qend.h - the end of a connection: CONNECTION_CLOSE, tombstone, oblivion.
 *
 * Life: acts on links of one endpoint. Threads: one at a time. Purity: pure. Not to be called inside an ngtcp2
 * callback.
 *
 * A closed connection drops ngtcp2's and GnuTLS's memory at once. What stays for three probe timeouts (RFC 9000
 * section 10.2) is a tombstone: its ids, and the CONNECTION_CLOSE packet to repeat.
 */
#ifndef GN_QUIC_QEND_H
#define GN_QUIC_QEND_H

#include "base/err.h"
#include "transport/quic/state.h"

/* Why a live connection ends. */
struct gn_qend {
    enum gn_err err;    /* for the CLOSED event */
    uint64_t app_error; /* the peer's code, for the event */
    bool drop_streams;  /* the application gets nothing more of its streams */
    bool quiet;         /* no CONNECTION_CLOSE: the peer has closed, or is not there */
    bool forget;        /* no tombstone either */
    ngtcp2_ccerr reason;
};
/* Ends it; nothing happens when it is not live. */
void gn_qend_link(struct gn_quic_link *link, const struct gn_qend *end, gn_time_us now);
/* Ends it as ngtcp2's error `rv` of a read, write or timer asks for. */
void gn_qend_by(struct gn_quic_link *link, int rv, gn_time_us now);
/* The tombstone's time is over, or it is evicted: ids go at once, the link itself when its CLOSED event was taken. */
void gn_qend_bury(struct gn_quic_link *link);
/* The application has taken CLOSED: frees the link now, or when its tombstone is over. */
void gn_qend_reported(struct gn_quic_link *link);
/* Frees all of it, in any state. */
void gn_qend_forget(struct gn_quic_link *link);

#endif
