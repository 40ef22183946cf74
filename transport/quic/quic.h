/* transport/quic/quic.h - QUIC v1 between nodes: mutual raw public keys, streams, datagrams, all without I/O.
 *
 * Life: gn_quic_new .. gn_quic_free (wipes keys; sends nothing: gn_quic_drain first). Threads: one at a time.
 * Purity: time and randomness come in; GnuTLS inside reads its own clock and entropy (hello randoms, ticket age).
 *
 * An endpoint is dialler and listener at once. The driver does, in this order, after anything happened:
 *   1. gn_quic_receive for each datagram, gn_quic_expire when gn_quic_deadline has come
 *   2. gn_quic_next_event until it gives false, acting on each event (open, write, consume, close ...)
 *   3. gn_quic_send until it gives false, each train to the socket
 *   4. a timer at gn_quic_deadline
 * A `now` before one that was named earlier counts as that one.
 * transport/quic/uv_quic.h does exactly that on a libuv loop.
 *
 * Identity: the TLS key is the node's Ed25519 key as a raw public key (RFC 7250), on both sides; the peer's id is the
 * key that it proved. A dialler names the id that it wants and gets that peer or an error. Resumption by ticket checks
 * the id again. 0-RTT is off. ALPN is "ghostnet/1" and mandatory.
 *
 * Private networks: net_id is mixed into every handshake twice.
 *   (a) The first destination connection id is 10 random bytes and an 8-byte BLAKE2b MAC over them under a key from
 * net_id; a long header with an unknown id and no right MAC is dropped before any state or any answer. (b) The Initial
 * keys (RFC 9001 section 5.2) come from BLAKE2b(net_id, connection id) instead of the connection id, so that who does
 * not know net_id can neither read nor write one handshake packet, on either side. Our own connection ids carry a
 * 3-byte MAC, so only packets with an id that this node once gave out get a stateless reset. To a stranger the port is
 * silent.
 */
#ifndef GN_QUIC_QUIC_H
#define GN_QUIC_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/udp/packet.h"

struct gn_quic;

/* A connection: a number that is never used again, so that a late call gets GN_E_CLOSED. 0 is none. */
typedef uint64_t gn_quic_conn;

/* AUTO: CUBIC when the peer is on loopback (BBR costs CPU there and gains nothing), else BBR. */
enum gn_quic_cc { GN_QUIC_CC_AUTO, GN_QUIC_CC_CUBIC, GN_QUIC_CC_BBR };

struct gn_quic_config {
    uint8_t seed[32];     /* Ed25519 seed of the node; copied, wiped at the end */
    uint8_t net_id[16];   /* the private network */
    uint8_t rng_seed[32]; /* seed of its own random stream; secret */
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    /* 0 = the default in brackets */
    uint32_t conns_max;           /* [1,024] connections, both directions */
    uint32_t half_open_max;       /* [256] inbound handshakes in progress; beyond it Initials are dropped */
    uint32_t retry_above;         /* [64] half-open handshakes above which address validation by Retry is demanded */
    uint32_t initials_per_second; /* [50] new inbound connections per second and address group (/24, /48), burst twice
                                     that */
    uint32_t streams_max;         /* [256] streams that the peer may have open, per connection */
    uint32_t tickets_max;         /* [256] resumption tickets kept, oldest forgotten first */
    uint64_t conn_window;         /* [16 MiB] bytes received and not consumed, per connection */
    uint64_t stream_window;       /* [6 MiB] the same per stream */
    uint64_t send_buffer;         /* [4 MiB] bytes written and not acknowledged per stream; see gn_quic_stream_write */
    gn_time_us idle_timeout;      /* [30 s] */
    gn_time_us keep_alive;        /* [0 = off] PING after so much silence, while the application wants the connection */
    gn_time_us handshake_timeout; /* [10 s] */
    enum gn_quic_cc cc;
    size_t loopback_payload; /* [1,452] largest UDP payload towards loopback addresses, at most 16,384: the MTU of the
                              * loopback device less 48, as gn_os_udp_loopback_payload tells it */
    bool no_inbound;         /* refuse all inbound connections, silently */
    const char *alpn;        /* ["ghostnet/1"] borrowed; both sides must name the same, at most 32 characters */
};

struct gn_quic_counters {
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    uint64_t dials, accepted; /* handshakes begun, out and in */
    uint64_t handshakes_done, handshakes_failed, handshakes_timed_out, wrong_id, resumed;
    uint64_t dropped_stranger;                   /* no right MAC in the connection id */
    uint64_t dropped_malformed, dropped_unknown; /* not QUIC; a connection id that is nobody's */
    uint64_t dropped_initial_rate, dropped_initial_full, dropped_no_memory;
    uint64_t retries_sent, retries_bad, resets_sent, resets_received, versions_negotiated;
    uint64_t closed_idle, closed_by_peer, closed_by_us, closed_error;
    uint64_t path_changes;
};

enum gn_quic_event_type {
    GN_QUIC_CONNECTED,      /* conn, peer, addr, inbound, resumed */
    GN_QUIC_CLOSED,         /* conn, err, app_error: last event of conn; comes once for each dial and each CONNECTED */
    GN_QUIC_STREAM_OPENED,  /* conn, stream: the peer opened it */
    GN_QUIC_STREAM_DATA,    /* conn, stream, offset, data, fin: in order, without gaps; data may be empty with fin */
    GN_QUIC_WRITABLE,       /* conn, stream: after GN_E_FULL from a write there is room again */
    GN_QUIC_RELEASED,       /* token: lent bytes are no longer needed (acked, reset or closed); conn may be gone */
    GN_QUIC_STREAM_RESET,   /* conn, stream, app_error: the peer gave up sending; no more data comes */
    GN_QUIC_STREAM_STOPPED, /* conn, stream: the peer does not want our data: write nothing more. Noticed when data is
                             * to be sent; the peer's code comes with STREAM_CLOSED, ngtcp2 does not tell it earlier */
    GN_QUIC_STREAM_CLOSED,  /* conn, stream, app_error (0: none): both directions are over; last event of the stream */
    GN_QUIC_STREAMS_MORE,   /* conn: after GN_E_FULL from gn_quic_stream_open the peer allows more */
    GN_QUIC_DATAGRAM,       /* conn, data: an unreliable DATAGRAM (RFC 9221) */
    GN_QUIC_PATH_CHANGED,   /* conn, addr: the peer's address changed (NAT rebinding) and was validated */
};

struct gn_quic_event {
    enum gn_quic_event_type type;
    gn_quic_conn conn;
    void *conn_user;
    int64_t stream; /* -1 = none */
    void *stream_user;
    struct gn_id peer;
    struct gn_addr addr;
    bool inbound, resumed, fin;
    uint64_t offset;
    struct gn_slice data; /* borrowed until the next call of gn_quic_next_event, gn_quic_receive or gn_quic_free */
    uint64_t app_error;   /* the code that the peer's application gave */
    void *token;
    /* CLOSED: OK closed by the peer with a code; CANCELLED by us; TIMEOUT idle or no answer; AUTH wrong id or
     * key; REFUSED the peer refused the handshake; MALFORMED the peer broke the protocol; CLOSED stateless reset. */
    enum gn_err err;
};

struct gn_quic_info {
    struct gn_id peer; /* zero until CONNECTED on inbound ones */
    struct gn_addr local, remote;
    bool inbound, connected, resumed, closing;
    gn_time_us rtt, min_rtt;
    uint64_t cwnd, in_flight;
    size_t mtu;                          /* largest UDP payload on this path */
    uint32_t streams;                    /* open now */
    uint64_t bytes_sent, bytes_received; /* stream bytes handed over by and to the application */
};

GN_MUST_CHECK enum gn_err gn_quic_new(struct gn_quic **out, const struct gn_quic_config *config, gn_time_us now);
void gn_quic_free(struct gn_quic *q); /* NULL is fine; lent bytes are not needed any more afterwards */
const struct gn_id *gn_quic_id(const struct gn_quic *q);

/* A datagram that the demultiplexer calls QUIC. Anything may be in it. Borrows it for the call. */
void gn_quic_receive(struct gn_quic *q, const struct gn_udp_packet *packet, gn_time_us now);
/* Fills out and up to cap bytes of buf with one train, at most one send quantum of one connection. cap >=
 * GN_QUIC_TRAIN_MIN. False: nothing to send now. */
bool gn_quic_send(struct gn_quic *q, struct gn_udp_train *out, uint8_t *buf, size_t cap, gn_time_us now);
#define GN_QUIC_TRAIN_MIN 16384U
/* When gn_quic_expire wants to be called; may be in the past; GN_TIME_NEVER: no timer runs. */
gn_time_us gn_quic_deadline(const struct gn_quic *q);
void gn_quic_expire(struct gn_quic *q, gn_time_us now);
/* Takes the next event. False: none. */
bool gn_quic_next_event(struct gn_quic *q, struct gn_quic_event *out);

/* Begins a connection to the node `id` at `remote`. local: as packets from there will be reported, or NULL (the kernel
 * chooses). Reuse of connections is the caller's. GN_E_FULL: conns_max. GN_E_INVALID: address, or our own id.
 * GN_E_CLOSED: draining. */
GN_MUST_CHECK enum gn_err gn_quic_dial(struct gn_quic *q, gn_quic_conn *out, const struct gn_id *id,
                                       const struct gn_addr *remote, const struct gn_addr *local, gn_time_us now);
/* Sends CONNECTION_CLOSE with the application's code; CLOSED (CANCELLED) follows; streams get no more events but lent
 * bytes are released. GN_E_CLOSED: it is closed already. */
enum gn_err gn_quic_close(struct gn_quic *q, gn_quic_conn conn, uint64_t app_error, gn_time_us now);
/* Closes all connections and takes no new ones, in or out. The last packets come from gn_quic_send at once. */
void gn_quic_drain(struct gn_quic *q, uint64_t app_error, gn_time_us now);
/* Connections that are not closed, handshakes included. */
uint32_t gn_quic_conns(const struct gn_quic *q);
GN_MUST_CHECK enum gn_err gn_quic_conn_info(const struct gn_quic *q, struct gn_quic_info *out, gn_quic_conn conn);
enum gn_err gn_quic_set_user(struct gn_quic *q, gn_quic_conn conn, void *user);
/* Turns the keep-alive of one connection on or off (0). */
enum gn_err gn_quic_set_keep_alive(struct gn_quic *q, gn_quic_conn conn, gn_time_us interval);
void gn_quic_counters(const struct gn_quic *q, struct gn_quic_counters *out);

/* Streams (RFC 9000 section 2), bidirectional ones only: ngtcp2 0.12 never closes a finished one-way stream of the
 * peer, which then costs memory and a place among its streams for as long as the connection lives. All give GN_E_CLOSED
 * when the connection is gone and GN_E_NOT_FOUND when the stream is.
 */

/* Opens a stream of ours; nothing leaves before the first write. GN_E_FULL: the peer allows no more now. */
GN_MUST_CHECK enum gn_err gn_quic_stream_open(struct gn_quic *q, int64_t *out, gn_quic_conn conn);
/* Queues bytes; copies them. fin ends our direction. All or nothing: GN_E_FULL when send_buffer or more bytes are
 * unacknowledged already (WRITABLE comes at half of it), so that one write may go beyond. GN_E_LIMIT: more than
 * GN_QUIC_WRITE_MAX bytes. GN_E_INVALID: after fin or reset, or on the peer's one-way stream. GN_E_CANCELLED: the peer
 * said STOP_SENDING. */
GN_MUST_CHECK enum gn_err gn_quic_stream_write(struct gn_quic *q, gn_quic_conn conn, int64_t stream,
                                               struct gn_slice data, bool fin);
#define GN_QUIC_WRITE_MAX ((size_t)1024 * 1024)
/* The same without copying: borrows data until the event RELEASED with this token, which comes once for each lend that
 * gave GN_OK. Errors as write. */
GN_MUST_CHECK enum gn_err gn_quic_stream_lend(struct gn_quic *q, gn_quic_conn conn, int64_t stream,
                                              struct gn_slice data, void *token);
GN_MUST_CHECK enum gn_err gn_quic_stream_finish(struct gn_quic *q, gn_quic_conn conn, int64_t stream);
/* Bytes that a write may queue before GN_E_FULL; 0 when full or gone. */
uint64_t gn_quic_stream_room(const struct gn_quic *q, gn_quic_conn conn, int64_t stream);
/* The application is done with `bytes` of STREAM_DATA: the peer may send as many more. Never more than was delivered.
 */
enum gn_err gn_quic_stream_consume(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t bytes);
/* Gives up sending (RESET_STREAM); lent bytes are released. */
enum gn_err gn_quic_stream_reset(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t app_error);
/* Wants no more data of it (STOP_SENDING); what comes still is dropped and its credit given back. */
enum gn_err gn_quic_stream_stop(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t app_error);
enum gn_err gn_quic_stream_set_user(struct gn_quic *q, gn_quic_conn conn, int64_t stream, void *user);

/* Largest DATAGRAM payload now; 0 when the peer takes none. */
size_t gn_quic_datagram_max(const struct gn_quic *q, gn_quic_conn conn);
/* Queues an unreliable datagram; copies it. GN_E_LIMIT: too long. GN_E_FULL: 32 wait already. */
enum gn_err gn_quic_datagram(struct gn_quic *q, gn_quic_conn conn, struct gn_slice data);

#endif
