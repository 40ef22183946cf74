/* node/links.h - QUIC connections to peers, one per peer, shared by everything that talks to them in streams.
 *
 * Life: gn_links_new .. gn_links_drain .. gn_links_close (asynchronous). Borrows loop, port and log.
 * Threads: the loop's. Purity: drives transport/quic/uv_quic.h.
 *
 * A stream begins with one byte that says what it is for (enum gn_link_kind). Who asks opens the stream and writes its
 * request; who serves a kind registers for it. A connection is dialled when the first stream wants it, kept while
 * streams run, and closed after GN_LINKS_IDLE without any. Two connections to one peer (both sides dialled at once) are
 * both served; new streams take the first that stands.
 */
#ifndef GN_NODE_LINKS_H
#define GN_NODE_LINKS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/slice.h"
#include "transport/quic/quic.h"
#include "transport/udp/uv_udp.h"

#define GN_LINKS_IDLE GN_SECONDS(20)
#define GN_LINKS_WAITING_MAX 64U /* streams of one peer that wait for its handshake */

enum gn_link_kind {
    GN_LINK_QUERY = 1, /* one overlay query and its reply: docs/PROTOCOL.md section 5 */
    GN_LINK_FILE = 2,  /* file ranges: docs/PROTOCOL.md, "Files" */
    GN_LINK_KINDS = 3
};

/* Codes of RESET_STREAM, STOP_SENDING and CONNECTION_CLOSE. */
enum gn_link_code {
    GN_LINK_DONE = 0,
    GN_LINK_BAD_REQUEST = 1,
    GN_LINK_BUSY = 2,
    GN_LINK_INTERNAL = 3,
    GN_LINK_SHUTDOWN = 4
};

struct gn_links;
struct gn_link_stream;

/* What the owner of a stream hears. All may be NULL but closed. Inside any of them the owner may write, consume, abort.
 */
struct gn_link_stream_ops {
    /* In order; borrowed. The peer may send more only as the owner consumes (gn_link_consume). */
    void (*data)(void *user, struct gn_slice data, bool fin);
    /* Room again after GN_E_FULL from a write; and once for a stream that waited, when it stands. */
    void (*writable)(void *user);
    /* Last call, the stream is gone: OK both directions ended; CANCELLED by us (abort); REFUSED reset or stopped by the
     * peer; TIMEOUT, UNREACHABLE, AUTH, CLOSED: the connection failed or ended. */
    void (*closed)(void *user, enum gn_err err);
};

/* Lent bytes: embed it at the front of what holds the bytes; `released` comes exactly once for a lend that gave OK. */
struct gn_link_lend {
    void (*released)(struct gn_link_lend *lend);
};

/* A peer opened a stream of a kind that we serve: return what it belongs to, fill ops; or NULL to refuse it. */
typedef void *(*gn_link_accept_fn)(void *owner, struct gn_link_stream *stream, const struct gn_contact *peer,
                                   const struct gn_link_stream_ops **ops);

struct gn_links_config {
    uv_loop_t *loop;
    struct gn_uv_udp *udp;      /* borrowed; the caller passes datagrams on with gn_links_receive */
    struct gn_quic_config quic; /* copied */
};

GN_MUST_CHECK enum gn_err gn_links_new(struct gn_links **out, const struct gn_links_config *config);
/* Streams of this kind go to `accept`; NULL: nobody serves it any more. */
void gn_links_serve(struct gn_links *l, enum gn_link_kind kind, gn_link_accept_fn accept, void *owner);
/* From the port: datagrams that are QUIC; then `received` after each batch and `writable`: gn_links_pump. */
void gn_links_receive(struct gn_links *l, const struct gn_udp_packet *packet);
void gn_links_pump(struct gn_links *l);

/* Opens a stream to a peer (dialling if needed) and sends the kind byte. Borrows ops, calls none of them before it
 * returns. `closed` tells every later failure.
 * UNREACHABLE: the contact has no usable address. FULL: too many connections, or streams waiting. CLOSED: draining. */
GN_MUST_CHECK enum gn_err gn_links_open(struct gn_links *l, struct gn_link_stream **out, const struct gn_contact *peer,
                                        enum gn_link_kind kind, const struct gn_link_stream_ops *ops, void *user);
/* The connection stands and the stream is open: bytes leave at once. */
bool gn_link_stands(const struct gn_link_stream *s);
/* Copies. FULL: wait for writable. Other errors: closed follows. Before the handshake is done small writes are kept. */
GN_MUST_CHECK enum gn_err gn_link_write(struct gn_link_stream *s, struct gn_slice data, bool fin);
/* Borrows until released. Only on a stream that stands (accepted, or after the first data). */
GN_MUST_CHECK enum gn_err gn_link_lend(struct gn_link_stream *s, struct gn_slice data, struct gn_link_lend *lend);
void gn_link_consume(struct gn_link_stream *s, uint64_t bytes);
/* Ends the stream in both directions with a code; closed(CANCELLED) comes from within. */
void gn_link_abort(struct gn_link_stream *s, enum gn_link_code code);
/* The peer on the other end. */
const struct gn_contact *gn_link_peer(const struct gn_link_stream *s);

bool gn_links_connected(const struct gn_links *l, const struct gn_id *peer);
size_t gn_links_len(const struct gn_links *l); /* connections that stand or are being made */
void gn_links_counters(const struct gn_links *l, struct gn_quic_counters *out);
/* Says goodbye on every connection and refuses new ones. */
void gn_links_drain(struct gn_links *l);
/* Ends all streams (closed is called), frees everything; `closed` comes from the loop. */
void gn_links_close(struct gn_links *l, void (*closed)(void *data), void *data);

#endif
