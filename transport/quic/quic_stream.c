#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qstream.h"
#include "transport/quic/quic.h"

#define DATAGRAM_OVERHEAD 29U /* of a 1-RTT packet with one DATAGRAM frame and our 8-byte ids */

static struct gn_quic_link *live(const struct gn_quic *q, gn_quic_conn conn)
{
    struct gn_quic_link *link = gn_qconn_find(q, conn);

    return link && link->state == GN_QUIC_LIVE ? link : NULL;
}

static enum gn_err find(const struct gn_quic *q, struct gn_quic_stream **out, gn_quic_conn conn, int64_t id)
{
    const struct gn_quic_link *link = live(q, conn);

    *out = link ? gn_qstream_find(link, id) : NULL;
    if (!link) {
        return GN_E_CLOSED;
    }
    return *out ? GN_OK : GN_E_NOT_FOUND;
}

enum gn_err gn_quic_stream_open(struct gn_quic *q, int64_t *out, gn_quic_conn conn)
{
    struct gn_quic_link *link = live(q, conn);
    struct gn_quic_stream *s;
    int64_t id = -1;

    if (!link) {
        return GN_E_CLOSED;
    }
    const int rv = ngtcp2_conn_open_bidi_stream(link->conn, &id, NULL);

    if (rv == NGTCP2_ERR_STREAM_ID_BLOCKED) {
        link->streams_wanted = true;
        return GN_E_FULL;
    }
    if (rv != 0) {
        return GN_E_NO_MEMORY;
    }
    const enum gn_err err = gn_qstream_new(link, &s, id);

    if (err != GN_OK) { /* the peer never hears of it */
        (void)ngtcp2_conn_shutdown_stream_write(link->conn, 0, id, 0);
        return err;
    }
    (void)ngtcp2_conn_set_stream_user_data(link->conn, id, s);
    *out = id;
    return GN_OK;
}

static enum gn_err may_write(const struct gn_quic *q, struct gn_quic_stream *s)
{
    if (s->stopped) {
        return GN_E_CANCELLED;
    }
    if (s->out_over || s->gone || s->fin_wanted) {
        return GN_E_INVALID;
    }
    if (s->queued - s->acked >= q->config.send_buffer) {
        s->want_room = true;
        return GN_E_FULL;
    }
    return GN_OK;
}

static void wake(struct gn_quic_stream *s)
{
    gn_qstream_wake(s);
    gn_qconn_wake(s->link);
}

enum gn_err gn_quic_stream_write(struct gn_quic *q, gn_quic_conn conn, int64_t stream, struct gn_slice data, bool fin)
{
    struct gn_quic_stream *s;
    enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (data.len > GN_QUIC_WRITE_MAX) {
        return GN_E_LIMIT;
    }
    err = may_write(q, s);
    if (err != GN_OK) {
        return err;
    }
    if (data.len > 0) {
        err = gn_qstream_append(s, data);
        if (err != GN_OK) {
            return err;
        }
    }
    s->fin_wanted = fin;
    wake(s);
    return GN_OK;
}

enum gn_err gn_quic_stream_lend(struct gn_quic *q, gn_quic_conn conn, int64_t stream, struct gn_slice data, void *token)
{
    struct gn_quic_stream *s;
    enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (data.len > GN_QUIC_WRITE_MAX || data.len == 0) {
        return data.len == 0 ? GN_E_INVALID : GN_E_LIMIT;
    }
    err = may_write(q, s);
    if (err != GN_OK) {
        return err;
    }
    err = gn_qstream_lend(s, data, token);
    if (err != GN_OK) {
        return err;
    }
    wake(s);
    return GN_OK;
}

enum gn_err gn_quic_stream_finish(struct gn_quic *q, gn_quic_conn conn, int64_t stream)
{
    struct gn_quic_stream *s;
    const enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (s->stopped) {
        return GN_E_CANCELLED;
    }
    if (s->out_over || s->gone || s->fin_wanted) {
        return GN_E_INVALID;
    }
    s->fin_wanted = true;
    wake(s);
    return GN_OK;
}

uint64_t gn_quic_stream_room(const struct gn_quic *q, gn_quic_conn conn, int64_t stream)
{
    struct gn_quic_stream *s;

    if (find(q, &s, conn, stream) != GN_OK || s->out_over || s->gone || s->fin_wanted) {
        return 0;
    }
    const uint64_t used = s->queued - s->acked;

    return used < q->config.send_buffer ? q->config.send_buffer - used : 0;
}

enum gn_err gn_quic_stream_consume(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t bytes)
{
    struct gn_quic_stream *s;
    const enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (s->in_over) { /* the credit was given back when the stream ended */
        return GN_OK;
    }
    if (bytes > s->given - s->consumed) {
        return GN_E_INVALID;
    }
    gn_qstream_credit(s, bytes);
    gn_qconn_wake(s->link);
    return GN_OK;
}

enum gn_err gn_quic_stream_reset(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t app_error)
{
    struct gn_quic_stream *s;
    const enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (s->out_over || s->gone) {
        return GN_OK;
    }
    s->out_over = true;
    gn_list_remove(&s->send_node);
    (void)ngtcp2_conn_shutdown_stream_write(s->link->conn, 0, stream, app_error);
    gn_qconn_wake(s->link);
    return GN_OK;
}

enum gn_err gn_quic_stream_stop(struct gn_quic *q, gn_quic_conn conn, int64_t stream, uint64_t app_error)
{
    struct gn_quic_stream *s;
    const enum gn_err err = find(q, &s, conn, stream);

    if (err != GN_OK) {
        return err;
    }
    if (s->in_over) {
        return GN_OK;
    }
    gn_qstream_drop_input(s);
    if (!s->gone) {
        (void)ngtcp2_conn_shutdown_stream_read(s->link->conn, 0, stream, app_error);
    }
    gn_qconn_wake(s->link);
    return GN_OK;
}

enum gn_err gn_quic_stream_set_user(struct gn_quic *q, gn_quic_conn conn, int64_t stream, void *user)
{
    const struct gn_quic_link *link = gn_qconn_find(q, conn);
    struct gn_quic_stream *s = link ? gn_qstream_find(link, stream) : NULL;

    if (!s) {
        return link ? GN_E_NOT_FOUND : GN_E_CLOSED;
    }
    s->user = user;
    return GN_OK;
}

size_t gn_quic_datagram_max(const struct gn_quic *q, gn_quic_conn conn)
{
    const struct gn_quic_link *link = live(q, conn);
    const ngtcp2_transport_params *params = link ? ngtcp2_conn_get_remote_transport_params(link->conn) : NULL;

    if (!params || params->max_datagram_frame_size <= DATAGRAM_OVERHEAD) {
        return 0;
    }
    const size_t path = ngtcp2_conn_get_path_max_tx_udp_payload_size(link->conn) - DATAGRAM_OVERHEAD;
    const uint64_t peer = params->max_datagram_frame_size - 3U; /* type and length of the frame count too */

    return peer < path ? (size_t)peer : path;
}

enum gn_err gn_quic_datagram(struct gn_quic *q, gn_quic_conn conn, struct gn_slice data)
{
    struct gn_quic_link *link = live(q, conn);

    if (!link) {
        return GN_E_CLOSED;
    }
    if (data.len > gn_quic_datagram_max(q, conn)) {
        return GN_E_LIMIT;
    }
    if (link->dgrams_out_len >= GN_QUIC_DATAGRAMS_OUT_MAX) {
        return GN_E_FULL;
    }
    struct gn_quic_dgram *d = gn_alloc_zeroed(q->alloc, 1, sizeof *d + data.len);

    if (!d) {
        return GN_E_NO_MEMORY;
    }
    d->len = data.len;
    if (data.len > 0) {
        memcpy(d->bytes, data.data, data.len);
    }
    gn_list_push_back(&link->dgrams_out, &d->node);
    link->dgrams_out_len++;
    gn_qconn_wake(link);
    return GN_OK;
}
