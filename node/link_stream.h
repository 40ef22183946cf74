/* node/link_stream.h - the inside of links: what links.c and link_stream.c share.
 *
 * Life: see node/links.h. Threads: the loop's. Purity: none.
 */
#ifndef GN_NODE_LINK_STREAM_H
#define GN_NODE_LINK_STREAM_H

#include "base/list.h"
#include "base/time.h"
#include "node/links.h"
#include "transport/quic/uv_quic.h"

#define GN_LINK_EARLY_MAX (80U * 1024U) /* bytes written before the handshake is done: one query with a value */

struct gn_links {
    struct gn_quic *quic;
    struct gn_uv_quic *driver;
    uv_idle_t idle;
    uv_timer_t sweep;
    struct gn_list conns;
    struct gn_list ended; /* streams to be freed */
    size_t len;
    bool draining, closing;
    unsigned closing_parts;
    void (*closed)(void *data);
    void *closed_data;
    struct {
        gn_link_accept_fn accept;
        void *owner;
    } served[GN_LINK_KINDS];
};

struct gn_link_conn {
    struct gn_list_node node;
    struct gn_links *links;
    gn_quic_conn conn;
    struct gn_contact peer;
    bool connected, inbound, closing;
    gn_time_us idle_since; /* when its last stream ended */
    struct gn_list streams;
    size_t streams_len;
};

struct gn_link_stream {
    struct gn_list_node node;
    struct gn_link_conn *conn;
    int64_t id; /* -1: not opened yet */
    const struct gn_link_stream_ops *ops;
    void *user;
    bool ended; /* `closed` was called; freed in the loop's next turn, for whoever still looks at it */
    bool inbound;
    bool kind_known; /* inbound: the first byte came */
    bool early_fin;
    uint8_t *early; /* written before it could be opened */
    size_t early_len;
    struct gn_contact peer; /* a copy: outlives the connection */
};

/* Packets must leave before the loop sleeps. */
void gn_links_touch(struct gn_links *l);

GN_MUST_CHECK enum gn_err gn_link_stream_new(struct gn_link_stream **out, struct gn_link_conn *conn);
/* Opens it on a connection that stands and sends what was written early. FULL: the peer allows no more streams now.
 * Others: it cannot be opened; end or drop it. */
GN_MUST_CHECK enum gn_err gn_link_stream_start(struct gn_link_stream *s);
void gn_link_stream_data(struct gn_link_stream *s, struct gn_slice data, bool fin);
void gn_link_stream_writable(struct gn_link_stream *s);
/* Tells the owner `closed(err)` once, gives up what is left of the QUIC stream; its memory goes with the loop's next
 * turn. */
void gn_link_stream_end(struct gn_link_stream *s, enum gn_err err);
void gn_link_stream_free_ended(struct gn_links *l);
/* Ends it without a word to its owner: opening failed. */
void gn_link_stream_drop(struct gn_link_stream *s);

#endif
