#include "transport/quic/qend.h"

#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qstream.h"

#define TOMB_PROBES 3U /* RFC 9000 section 10.2: at least three times the probe timeout */

static void free_dgrams(const struct gn_quic *q, struct gn_list *list)
{
    struct gn_list_node *n;

    while ((n = gn_list_pop_front(list)) != NULL) {
        gn_alloc_free(q->alloc, GN_CONTAINER_OF(n, struct gn_quic_dgram, node));
    }
}

/* Streams that still have something for the application stay until it has taken it, if `keep`. */
static void end_streams(struct gn_quic_link *link, bool keep)
{
    uint32_t cursor = 0;
    void *value = NULL;

    while (gn_map_next(&link->streams, &cursor, NULL, &value)) {
        struct gn_quic_stream *s = *(struct gn_quic_stream **)value;

        s->gone = true;
        if (!keep || !gn_list_is_linked(&s->event_node)) {
            gn_qstream_free(s);
        } else {
            gn_qstream_drop_output(s);
        }
    }
}

static void drop_libraries(struct gn_quic_link *link)
{
    if (link->conn) {
        ngtcp2_conn_del(link->conn);
        link->conn = NULL;
    }
    if (link->session) {
        gnutls_deinit(link->session);
        link->session = NULL;
    }
}

static void leave_live(struct gn_quic_link *link)
{
    struct gn_quic *q = link->q;

    if (link->half_open) {
        link->half_open = false;
        q->half_open--;
    }
    q->live--;
    gn_list_remove(&link->ready_node);
    gn_qconn_stop_timer(link);
}

void gn_qend_forget(struct gn_quic_link *link)
{
    struct gn_quic *q = link->q;

    if (link->state == GN_QUIC_LIVE) {
        leave_live(link);
    }
    end_streams(link, false);
    gn_map_fini(&link->streams);
    free_dgrams(q, &link->dgrams_in);
    free_dgrams(q, &link->dgrams_out);
    drop_libraries(link);
    gn_qconn_remove_cids(link);
    gn_qconn_stop_timer(link);
    if (gn_list_is_linked(&link->tomb_node)) {
        gn_list_remove(&link->tomb_node);
        q->tombs_len--;
    }
    gn_list_remove(&link->ready_node);
    gn_list_remove(&link->event_node);
    gn_alloc_free(q->alloc, link->close_packet);
    (void)gn_map_remove(&q->links, &link->id);
    gn_alloc_free(q->alloc, link);
    if (gn_map_len(&q->links) == 0) {
        gn_qstream_trim(q);
    }
}

/* Without memory for the packet the peer learns of the end by its idle timer. */
static void write_close(struct gn_quic_link *link, const ngtcp2_ccerr *reason, gn_time_us now)
{
    ngtcp2_path_storage ps;
    ngtcp2_pkt_info pi = {0};
    uint8_t packet[GN_QUIC_PAYLOAD];

    ngtcp2_path_storage_zero(&ps);
    const ngtcp2_ssize n =
        ngtcp2_conn_write_connection_close(link->conn, &ps.path, &pi, packet, sizeof packet, reason, gn_quic_ts(now));
    if (n <= 0) {
        return;
    }
    link->close_packet = gn_alloc_zeroed(link->q->alloc, 1, (size_t)n);
    if (!link->close_packet) {
        return;
    }
    memcpy(link->close_packet, packet, (size_t)n);
    link->close_len = (size_t)n;
    link->close_due = true;
    gn_qconn_addr_get(&link->remote, &ps.path.remote);
    gn_qconn_addr_get(&link->local, &ps.path.local);
}

static void count(struct gn_quic_link *link, const struct gn_qend *end)
{
    struct gn_quic_counters *c = &link->q->counters;

    if (!link->connected) {
        c->handshakes_failed++;
        c->handshakes_timed_out += end->err == GN_E_TIMEOUT;
        c->wrong_id += link->fail == GN_E_AUTH;
    }
    switch ((int)end->err) {
    case GN_OK:
        c->closed_by_peer++;
        break;
    case GN_E_CANCELLED:
        c->closed_by_us++;
        break;
    case GN_E_TIMEOUT:
        c->closed_idle += link->connected;
        break;
    default:
        c->closed_error++;
        break;
    }
}

static void make_tomb(struct gn_quic_link *link, gn_time_us until)
{
    struct gn_quic *q = link->q;

    if (q->tombs_len >= q->config.conns_max) {
        struct gn_list_node *oldest = gn_list_first(&q->tombs);

        gn_qend_bury(GN_CONTAINER_OF(oldest, struct gn_quic_link, tomb_node));
    }
    gn_list_push_back(&q->tombs, &link->tomb_node);
    q->tombs_len++;
    gn_qconn_set_timer(link, until);
    if (link->close_due) {
        gn_qconn_wake(link);
    }
}

void gn_qend_link(struct gn_quic_link *link, const struct gn_qend *end, gn_time_us now)
{
    struct gn_quic *q = link->q;
    const bool owed = !link->inbound || link->connected; /* the application knows of it, or will */
    gn_time_us probe;

    if (link->state != GN_QUIC_LIVE) {
        return;
    }
    count(link, end);
    GN_LOG(q->config.log, GN_LOG_DEBUG, "quic.closed", GN_F_ID("peer", &link->peer), GN_F_ADDR("addr", &link->remote),
           GN_F_ERR("err", end->err), GN_F_BOOL("inbound", link->inbound));
    probe = ngtcp2_conn_get_pto(link->conn) / NGTCP2_MICROSECONDS;
    if (!end->quiet) {
        write_close(link, &end->reason, now);
    }
    leave_live(link);
    end_streams(link, owed && !end->drop_streams);
    drop_libraries(link);
    free_dgrams(q, &link->dgrams_out);
    link->err = end->err;
    link->app_error = end->app_error;
    link->state = end->forget ? GN_QUIC_DEAD : link->close_due ? GN_QUIC_CLOSING : GN_QUIC_DRAINING;
    if (owed) {
        gn_qconn_notify(link, GN_QUIC_WANT_CLOSED);
    } else {
        link->events = 0;
        gn_list_remove(&link->event_node);
    }
    if (!end->forget) {
        make_tomb(link, gn_time_add(now, TOMB_PROBES * probe));
        return;
    }
    gn_qconn_remove_cids(link);
    if (!owed) {
        gn_qend_forget(link);
    }
}

void gn_qend_bury(struct gn_quic_link *link)
{
    GN_CHECK(link->state != GN_QUIC_LIVE);
    gn_qconn_remove_cids(link);
    gn_qconn_stop_timer(link);
    gn_list_remove(&link->ready_node);
    if (gn_list_is_linked(&link->tomb_node)) {
        gn_list_remove(&link->tomb_node);
        link->q->tombs_len--;
    }
    link->state = GN_QUIC_DEAD;
    if (!(link->events & GN_QUIC_WANT_CLOSED)) {
        gn_qend_forget(link);
    }
}

void gn_qend_reported(struct gn_quic_link *link)
{
    link->events = 0;
    gn_list_remove(&link->event_node);
    end_streams(link, false);
    if (link->state == GN_QUIC_DEAD) {
        gn_qend_forget(link);
    }
}

/* The peer has closed: what did it say? */
static void read_peer_error(struct gn_quic_link *link, struct gn_qend *end)
{
    const ngtcp2_ccerr cc = gn_compat_peer_error(link->conn);
    const bool tls = cc.error_code >= NGTCP2_CRYPTO_ERROR && cc.error_code <= (NGTCP2_CRYPTO_ERROR | 0xffU);

    if (link->reset_received) {
        link->q->counters.resets_received++;
        end->err = GN_E_CLOSED;
    } else if (cc.type == NGTCP2_CCERR_TYPE_APPLICATION) {
        end->err = GN_OK;
        end->app_error = cc.error_code;
    } else if (cc.error_code == NGTCP2_NO_ERROR) {
        end->err = GN_OK;
    } else if (tls || cc.error_code == NGTCP2_CONNECTION_REFUSED || !link->connected) {
        end->err = GN_E_REFUSED;
    } else {
        end->err = GN_E_CLOSED;
    }
}

void gn_qend_by(struct gn_quic_link *link, int rv, gn_time_us now)
{
    struct gn_qend end = {.err = GN_E_MALFORMED};

    ngtcp2_ccerr_default(&end.reason);
    switch (rv) {
    case NGTCP2_ERR_DRAINING:
        end.quiet = true;
        read_peer_error(link, &end);
        break;
    case NGTCP2_ERR_RETRY: /* only asked for while there is no state worth keeping; the client will try again */
    case NGTCP2_ERR_DROP_CONN:
        end.quiet = true;
        end.forget = true;
        end.err = GN_E_REFUSED;
        break;
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        end.quiet = true;
        end.forget = true;
        end.err = GN_E_TIMEOUT;
        break;
    case NGTCP2_ERR_CRYPTO:
        end.err = GN_E_REFUSED;
        ngtcp2_ccerr_set_tls_alert(&end.reason, ngtcp2_conn_get_tls_alert(link->conn), NULL, 0);
        break;
    case NGTCP2_ERR_NOMEM:
        end.err = GN_E_NO_MEMORY;
        ngtcp2_ccerr_set_liberr(&end.reason, rv, NULL, 0);
        break;
    default:
        ngtcp2_ccerr_set_liberr(&end.reason, rv, NULL, 0);
        break;
    }
    if (link->fail != GN_OK) {
        end.err = link->fail;
    }
    gn_qend_link(link, &end, now);
}
