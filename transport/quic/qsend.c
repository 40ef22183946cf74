#include "transport/quic/qsend.h"

#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qend.h"
#include "transport/quic/qreceive.h"
#include "transport/quic/qstream.h"

#define VECTORS 8U
#define SEGMENTS_MAX 64U /* of one train: what UDP_SEGMENT takes */

/* One packet as ngtcp2 wrote it. */
struct packet {
    ngtcp2_path_storage ps;
    ngtcp2_pkt_info pi;
    uint8_t *data;
    size_t cap;
};

static struct gn_quic_stream *next_stream(struct gn_quic_link *link)
{
    struct gn_list_node *n = gn_list_first(&link->sendable);

    /* Without connection credit no stream can send; MAX_DATA has no callback, the next packet in brings us back here.
     */
    if (!n || ngtcp2_conn_get_max_data_left(link->conn) == 0) {
        return NULL;
    }
    return GN_CONTAINER_OF(n, struct gn_quic_stream, send_node);
}

/* The peer has sent STOP_SENDING, ngtcp2 has answered with RESET_STREAM (RFC 9000 section 3.5). */
static void stopped(struct gn_quic_stream *s)
{
    gn_list_remove(&s->send_node);
    if (!s->out_over) {
        s->out_over = true;
        s->stopped = true;
        gn_qstream_notify(s, GN_QUIC_WANT_STOPPED);
    }
}

/* 0: nothing to write. < 0: ngtcp2's error. */
static ngtcp2_ssize write_streams(struct gn_quic_link *link, struct packet *p, ngtcp2_tstamp ts)
{
    for (;;) {
        struct gn_quic_stream *s = next_stream(link);
        ngtcp2_vec vectors[VECTORS];
        ngtcp2_ssize taken = -1;
        bool fin = false;
        size_t count = 0;
        uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;

        if (s) {
            count = gn_qstream_gather(s, vectors, VECTORS, p->cap, &fin);
            flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0);
        }
        const ngtcp2_ssize n = ngtcp2_conn_writev_stream(link->conn, &p->ps.path, &p->pi, p->data, p->cap, &taken,
                                                         flags, s ? s->id : -1, vectors, count, ts);

        if (s && taken >= 0) {
            size_t offered = 0;

            for (size_t i = 0; i < count; i++) {
                offered += vectors[i].len;
            }
            gn_qstream_sent(s, (size_t)taken, fin && (size_t)taken == offered);
        }
        switch (n) {
        case NGTCP2_ERR_WRITE_MORE:
            break;
        case NGTCP2_ERR_STREAM_DATA_BLOCKED: /* until the next packet from the peer, which may be STOP_SENDING too */
            GN_CHECK(s != NULL);
            gn_list_remove(&s->send_node);
            gn_list_push_back(&link->blocked, &s->send_node);
            break;
        case NGTCP2_ERR_STREAM_SHUT_WR:
        case NGTCP2_ERR_STREAM_NOT_FOUND:
            GN_CHECK(s != NULL);
            stopped(s);
            break;
        default:
            return n;
        }
    }
}

/* A DATAGRAM frame with what else fits. 0: none, or the path is full. */
static ngtcp2_ssize write_dgram(struct gn_quic_link *link, struct packet *p, ngtcp2_tstamp ts)
{
    struct gn_list_node *n = gn_list_first(&link->dgrams_out);
    int accepted = 0;

    if (!n) {
        return 0;
    }
    struct gn_quic_dgram *d = GN_CONTAINER_OF(n, struct gn_quic_dgram, node);
    const ngtcp2_vec vector = {.base = d->bytes, .len = d->len};
    const size_t count = d->len > 0 ? 1 : 0; /* ngtcp2 takes no empty vectors */
    const ngtcp2_ssize rv = ngtcp2_conn_writev_datagram(link->conn, &p->ps.path, &p->pi, p->data, p->cap, &accepted,
                                                        NGTCP2_WRITE_DATAGRAM_FLAG_NONE, 0, &vector, count, ts);
    /* A frame that can never leave (the path or the peer's limit has shrunk) must not hold up those behind it. */
    const bool impossible = rv == NGTCP2_ERR_INVALID_ARGUMENT || rv == NGTCP2_ERR_INVALID_STATE ||
                            d->len + 29U > ngtcp2_conn_get_path_max_tx_udp_payload_size(link->conn);

    if (accepted || impossible) {
        gn_list_remove(n);
        link->dgrams_out_len--;
        gn_alloc_free(link->q->alloc, d);
    }
    return rv == NGTCP2_ERR_INVALID_ARGUMENT || rv == NGTCP2_ERR_INVALID_STATE ? 0 : rv;
}

static ngtcp2_ssize write_packet(struct gn_quic_link *link, struct packet *p, ngtcp2_tstamp ts)
{
    ngtcp2_path_storage_zero(&p->ps);
    p->pi = (ngtcp2_pkt_info){0};
    const ngtcp2_ssize n = link->connected ? write_dgram(link, p, ts) : 0;

    return n != 0 ? n : write_streams(link, p, ts);
}

static void train_of(struct gn_udp_train *out, const struct packet *p, size_t len)
{
    gn_qconn_addr_get(&out->local, &p->ps.path.local);
    gn_qconn_addr_get(&out->remote, &p->ps.path.remote);
    out->ecn = (uint8_t)(p->pi.ecn & 3U);
    out->segment = len;
    out->len = len;
}

/* Without memory the packet counts as lost on the way. */
static void stash(struct gn_quic *q, const struct packet *p, size_t len)
{
    if (!q->stash) {
        q->stash = gn_alloc_zeroed(q->alloc, 1, GN_QUIC_PAYLOAD_MAX);
    }
    if (!q->stash) {
        return;
    }
    memcpy(q->stash, p->data, len);
    train_of(&q->stash_train, p, len);
}

/* Fills a train from one live connection. Returns its length, 0: nothing to send now. Fills *rv with an error. */
static size_t fill(struct gn_quic_link *link, struct gn_udp_train *out, uint8_t *buf, size_t cap, int *rv,
                   gn_time_us now)
{
    struct gn_quic *q = link->q;
    const ngtcp2_tstamp ts = gn_quic_ts(now);
    const size_t quantum = ngtcp2_conn_get_send_quantum(link->conn);
    const size_t payload = ngtcp2_conn_get_max_tx_udp_payload_size(link->conn);
    ngtcp2_path_storage first;
    size_t len = 0;

    *rv = 0;
    for (unsigned i = 0; i < SEGMENTS_MAX && cap - len >= payload && (len == 0 || len < quantum); i++) {
        struct packet p = {.data = buf + len, .cap = payload};
        const ngtcp2_ssize n = write_packet(link, &p, ts);

        if (n <= 0) {
            *rv = (int)n;
            gn_list_remove(&link->ready_node);
            break;
        }
        q->counters.packets_out++;
        q->counters.bytes_out += (uint64_t)n;
        if (len == 0) {
            ngtcp2_path_storage_zero(&first);
            ngtcp2_path_copy(&first.path, &p.ps.path);
            train_of(out, &p, (size_t)n);
        } else if ((size_t)n > out->segment || p.pi.ecn != out->ecn || !ngtcp2_path_eq(&first.path, &p.ps.path)) {
            stash(q, &p, (size_t)n);
            break;
        }
        len += (size_t)n;
        if ((size_t)n < out->segment) {
            break;
        }
    }
    if (len > 0) {
        ngtcp2_conn_update_pkt_tx_time(link->conn, ts);
    }
    return len;
}

/* True: *out holds a train. */
static bool send_link(struct gn_quic_link *link, struct gn_udp_train *out, uint8_t *buf, size_t cap, gn_time_us now)
{
    int rv = 0;

    if (link->state == GN_QUIC_CLOSING) {
        gn_list_remove(&link->ready_node);
        if (!link->close_due || link->close_len > cap) {
            return false;
        }
        link->close_due = false;
        memcpy(buf, link->close_packet, link->close_len);
        *out = (struct gn_udp_train){
            .local = link->local, .remote = link->remote, .len = link->close_len, .segment = link->close_len};
        link->q->counters.packets_out++;
        link->q->counters.bytes_out += link->close_len;
        return true;
    }
    GN_CHECK(link->state == GN_QUIC_LIVE);
    const size_t len = fill(link, out, buf, cap, &rv, now);

    out->len = len;
    if (rv < 0) {
        gn_qend_by(link, rv, now);
    } else {
        gn_qconn_rearm(link);
        if (gn_list_is_linked(&link->ready_node)) { /* more to send: behind the others */
            gn_list_move_back(&link->q->ready, &link->ready_node);
        }
    }
    return len > 0;
}

static bool send_reply(struct gn_quic *q, struct gn_udp_train *out, uint8_t *buf)
{
    struct gn_list_node *n = gn_list_pop_front(&q->replies);

    if (!n) {
        return false;
    }
    struct gn_qreceive_reply *r = GN_CONTAINER_OF(n, struct gn_qreceive_reply, node);

    q->replies_len--;
    *out = r->train;
    memcpy(buf, r->bytes, r->train.len);
    q->counters.packets_out++;
    q->counters.bytes_out += r->train.len;
    gn_alloc_free(q->alloc, r);
    return true;
}

bool gn_qsend_train(struct gn_quic *q, struct gn_udp_train *out, uint8_t *buf, size_t cap, gn_time_us now)
{
    struct gn_list_node *n;

    GN_CHECK(cap >= GN_QUIC_TRAIN_MIN);
    *out = (struct gn_udp_train){0};
    if (q->stash_train.len > 0) {
        *out = q->stash_train;
        memcpy(buf, q->stash, q->stash_train.len);
        q->stash_train.len = 0;
        return true;
    }
    if (send_reply(q, out, buf)) {
        return true;
    }
    while ((n = gn_list_first(&q->ready)) != NULL) {
        if (send_link(GN_CONTAINER_OF(n, struct gn_quic_link, ready_node), out, buf, cap, now)) {
            return true;
        }
    }
    return false;
}
