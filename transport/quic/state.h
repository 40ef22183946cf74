/* transport/quic/state.h - what an endpoint, a connection and a stream are made of; for the files of this folder only.
 *
 * Life: see quic.h. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_STATE_H
#define GN_QUIC_STATE_H

#include <gnutls/gnutls.h>
#include <netinet/in.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/ratelimit.h"
#include "base/rng.h"
#include "transport/quic/compat.h"
#include "transport/quic/qcid.h"
#include "transport/quic/qticket.h"
#include "transport/quic/quic.h"

#define GN_QUIC_CHUNK 16384U /* receive chunks and copied send segments */
#define GN_QUIC_CHUNKS_KEPT \
    40U                       /* free receive chunks kept while there are connections: one full read of the socket \
                               */
#define GN_QUIC_CIDS_MAX 16U  /* ids of one connection in our table: ngtcp2 keeps at most 8 + 1 in use */
#define GN_QUIC_TOKENS_MAX 8U /* stateless reset tokens remembered of one peer: of the ids that we use */
#define GN_QUIC_DATAGRAMS_OUT_MAX 32U /* DATAGRAM frames waiting per connection, out */
#define GN_QUIC_DATAGRAMS_IN_MAX 64U  /* the same, in; beyond it new ones are dropped: they are unreliable anyway */
#define GN_QUIC_PAYLOAD 1452U         /* the largest UDP payload tried: 1,500 less IPv6 and UDP headers */
#define GN_QUIC_PAYLOAD_MAX 16250U    /* the same on loopback: four of them fill a train */

/* Key of the table of connection ids. */
struct gn_quic_cid_key {
    uint8_t len;
    uint8_t data[NGTCP2_MAX_CIDLEN];
};

/* Bytes on their way out. Copied ones lie in `bytes`, lent ones are the application's. */
struct gn_quic_segment {
    struct gn_list_node node;
    const uint8_t *data;
    size_t len;
    size_t cap; /* of bytes; 0 = lent */
    void *token;
    uint8_t bytes[];
};

/* Received stream bytes in order. */
struct gn_quic_chunk {
    struct gn_list_node node;
    size_t len;
    uint8_t bytes[GN_QUIC_CHUNK];
};

struct gn_quic_dgram {
    struct gn_list_node node;
    size_t len;
    uint8_t bytes[];
};

enum {
    GN_QUIC_WANT_OPENED = 1U << 0,
    GN_QUIC_WANT_WRITABLE = 1U << 1,
    GN_QUIC_WANT_RESET = 1U << 2,
    GN_QUIC_WANT_STOPPED = 1U << 3,
    GN_QUIC_WANT_STREAM_CLOSED = 1U << 4,
    GN_QUIC_WANT_CONNECTED = 1U << 5,
    GN_QUIC_WANT_CLOSED = 1U << 6,
    GN_QUIC_WANT_PATH = 1U << 7,
    GN_QUIC_WANT_STREAMS = 1U << 8,
};

struct gn_quic_stream {
    int64_t id;
    struct gn_quic_link *link;
    void *user;
    struct gn_list_node send_node;  /* in link->sendable or link->blocked: has bytes or a fin to send */
    struct gn_list_node event_node; /* in link->event_streams: has something to tell */
    uint32_t events;                /* GN_QUIC_WANT_ bits */
    /* out */
    struct gn_list segments;     /* not acknowledged; struct gn_quic_segment */
    struct gn_list_node *cursor; /* first segment not wholly sent; NULL: all sent */
    size_t cursor_at;            /* bytes of it that are sent */
    uint64_t queued, sent, acked;
    uint64_t first; /* stream offset of the first segment */
    uint64_t close_error;
    bool fin_wanted, fin_sent;
    bool out_over; /* reset by us or stopped by the peer */
    bool want_room;
    bool stopped;
    /* in */
    struct gn_list chunks; /* struct gn_quic_chunk, not yet given to the application */
    uint64_t received, given, consumed;
    uint64_t reset_error;
    bool fin_received, fin_given;
    bool in_over; /* stopped by us or reset by the peer: what comes is dropped */
    bool gone;    /* ngtcp2 has forgotten it */
};

enum gn_quic_link_state {
    GN_QUIC_LIVE,
    GN_QUIC_CLOSING,  /* our CONNECTION_CLOSE is out; it is repeated when packets still come */
    GN_QUIC_DRAINING, /* the peer closed: silence until the late packets have passed */
    GN_QUIC_DEAD,     /* only the CLOSED event is left */
};

/* One connection. */
struct gn_quic_link {
    gn_quic_conn id;
    struct gn_quic *q;
    ngtcp2_conn *conn;        /* NULL unless LIVE */
    gnutls_session_t session; /* NULL unless LIVE */
    ngtcp2_crypto_conn_ref ref;
    enum gn_quic_link_state state;
    void *user;
    struct gn_id peer; /* wanted by the dialler, or proved */
    struct gn_addr local, remote;
    bool inbound, connected, resumed, half_open;
    bool reset_received;
    bool streams_wanted; /* STREAMS_MORE is owed */
    enum gn_err fail;    /* our own reason why a callback refused; OK = none */
    enum gn_err err;     /* of the CLOSED event */
    uint64_t app_error;
    struct gn_map streams; /* int64_t -> struct gn_quic_stream * */
    struct gn_list sendable, blocked, event_streams, dgrams_in, dgrams_out;
    uint32_t dgrams_in_len, dgrams_out_len;
    uint64_t bytes_sent, bytes_received;
    uint32_t events;
    struct gn_list_node ready_node; /* in q->ready: may have packets to send */
    struct gn_list_node event_node; /* in q->event_links */
    struct gn_list_node tomb_node;  /* in q->tombs while CLOSING or DRAINING */
    struct gn_heap_node timer;
    bool timed;
    gn_time_us deadline;
    struct gn_quic_cid_key cids[GN_QUIC_CIDS_MAX];
    uint32_t cids_len;
    uint8_t tokens[GN_QUIC_TOKENS_MAX][NGTCP2_STATELESS_RESET_TOKENLEN]; /* with which the peer would reset us */
    uint32_t tokens_len;
    uint8_t *close_packet; /* CLOSING */
    size_t close_len;
    uint32_t close_hits; /* packets received while CLOSING */
    bool close_due;
};

struct gn_quic {
    struct gn_quic_config config;
    const struct gn_alloc *alloc;
    ngtcp2_mem mem;
    struct gn_id id;
    gn_time_us now; /* the latest that a caller has named */
    struct gn_rng rng;
    struct gn_qcid_keys cid_keys;
    uint8_t retry_secret[32];
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key;
    struct gn_qticket_store tickets;
    struct gn_map links;  /* gn_quic_conn -> struct gn_quic_link * */
    struct gn_map cids;   /* struct gn_quic_cid_key -> struct gn_quic_link * */
    struct gn_map tokens; /* stateless reset token -> struct gn_quic_link *: a reset has no other address */
    struct gn_list ready, event_links, tombs;
    struct gn_list released; /* struct gn_quic_segment whose token is to be told */
    struct gn_heap timers;
    struct gn_ratelimit_table initials;
    struct gn_ratelimit resets;
    gn_quic_conn last_id;
    uint32_t live, half_open, tombs_len;
    bool draining;
    bool creating; /* inside ngtcp2_conn_*_new: see the rand callback */
    struct gn_list chunks_free;
    uint32_t chunks_free_len;
    struct gn_quic_chunk *lent_chunk; /* borrowed by the event that was taken last */
    struct gn_quic_dgram *lent_dgram;
    struct gn_list replies; /* packets without a connection: Retry, Version Negotiation, stateless reset */
    uint32_t replies_len;
    uint8_t *stash; /* a packet that did not fit its train: GN_QUIC_PAYLOAD_MAX bytes, allocated when first needed */
    struct gn_udp_train stash_train;
    struct gn_quic_counters counters;
};

/* ngtcp2 counts nanoseconds and treats some small values specially: keep away from 0. */
#define GN_QUIC_EPOCH GN_SECONDS(1)
static inline ngtcp2_tstamp gn_quic_ts(gn_time_us now)
{
    return (now + GN_QUIC_EPOCH) * NGTCP2_MICROSECONDS;
}

#endif
