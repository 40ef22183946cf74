#include "transport/quic/qreceive.h"

#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qend.h"

#define REPLIES_MAX 64U /* beyond it they are not made: each is an answer that the peer asks for again */
#define REPLY_BYTES_MAX 1200U
#define RESET_BYTES_MAX 43U /* like a short packet (RFC 9000 section 10.3) */
#define RESET_BYTES_MIN (NGTCP2_STATELESS_RESET_TOKENLEN + NGTCP2_MIN_STATELESS_RESET_RANDLEN)
#define RETRY_LIFE (10 * NGTCP2_SECONDS)

static void reply(struct gn_quic *q, const struct gn_udp_packet *to, const uint8_t *data, size_t len)
{
    struct gn_qreceive_reply *r = NULL;

    if (q->replies_len < REPLIES_MAX) {
        r = gn_alloc_zeroed(q->alloc, 1, sizeof *r + len);
    }
    if (!r) {
        return;
    }
    r->train = (struct gn_udp_train){.local = to->local, .remote = to->remote, .len = len, .segment = len};
    memcpy(r->bytes, data, len);
    gn_list_push_back(&q->replies, &r->node);
    q->replies_len++;
}

static void read_packet(struct gn_quic_link *link, const struct gn_udp_packet *packet, gn_time_us now)
{
    struct gn_qconn_path path;
    const ngtcp2_pkt_info pi = {.ecn = packet->ecn};

    switch (link->state) {
    case GN_QUIC_LIVE:
        break;
    case GN_QUIC_CLOSING: /* RFC 9000 section 10.2.1: answer, but progressively less often */
        link->close_hits++;
        if ((link->close_hits & (link->close_hits - 1)) == 0) {
            link->close_due = true;
            gn_qconn_wake(link);
        }
        return;
    case GN_QUIC_DRAINING:
    case GN_QUIC_DEAD:
        return;
    }
    /* A dialler does not migrate on purpose: its side of the path is the one that it dialled from, also when the kernel
     * has meanwhile chosen another source address. ngtcp2 drops what comes to a path it does not know. */
    gn_qconn_path_set(&path, link->inbound ? &packet->local : &link->local, &packet->remote);
    const int rv = ngtcp2_conn_read_pkt(link->conn, &path.path, &pi, packet->data, packet->len, gn_quic_ts(now));

    if (rv != 0) {
        gn_qend_by(link, rv, now);
        return;
    }
    /* The packet may have brought credit or STOP_SENDING, which has no callback: ngtcp2 tells when asked to write. */
    for (struct gn_list_node *n; (n = gn_list_pop_front(&link->blocked)) != NULL;) {
        gn_list_push_back(&link->sendable, n);
    }
    gn_qconn_wake(link);
}

static void send_version_negotiation(struct gn_quic *q, const ngtcp2_version_cid *vc,
                                     const struct gn_udp_packet *packet)
{
    uint8_t out[REPLY_BYTES_MAX];
    const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
    const uint8_t unused = (uint8_t)(gn_rng_u32(&q->rng) & 0x7fU) | 0x40U; /* the fixed bit: RFC 9443 section 3 */
    const ngtcp2_ssize n = ngtcp2_pkt_write_version_negotiation(out, sizeof out, unused, vc->scid, vc->scidlen,
                                                                vc->dcid, vc->dcidlen, versions, 1);

    if (n > 0) {
        q->counters.versions_negotiated++;
        reply(q, packet, out, (size_t)n);
    }
}

static void send_reset(struct gn_quic *q, const ngtcp2_version_cid *vc, const struct gn_udp_packet *packet,
                       gn_time_us now)
{
    uint8_t out[RESET_BYTES_MAX];
    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
    uint8_t noise[RESET_BYTES_MAX];
    ngtcp2_cid cid;
    /* Shorter than what it answers, so that two endpoints cannot reset each other for ever (section 10.3.3). */
    const size_t len = packet->len - 1 < RESET_BYTES_MAX ? packet->len - 1 : RESET_BYTES_MAX;

    if (len < RESET_BYTES_MIN || !gn_ratelimit_take(&q->resets, 1, now)) {
        return;
    }
    ngtcp2_cid_init(&cid, vc->dcid, vc->dcidlen);
    gn_rng_bytes(&q->rng, noise, sizeof noise);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, q->cid_keys.reset, sizeof q->cid_keys.reset, &cid) != 0) {
        return;
    }
    const ngtcp2_ssize n =
        ngtcp2_pkt_write_stateless_reset(out, len, token, noise, len - NGTCP2_STATELESS_RESET_TOKENLEN);

    if (n > 0) {
        q->counters.resets_sent++;
        reply(q, packet, out, (size_t)n);
    }
}

static void send_retry(struct gn_quic *q, const ngtcp2_pkt_hd *hd, const struct gn_udp_packet *packet, gn_time_us now)
{
    struct gn_qconn_path path;
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
    uint8_t out[REPLY_BYTES_MAX];
    ngtcp2_cid scid;

    gn_qconn_path_set(&path, &packet->local, &packet->remote);
    gn_qcid_make_own(&q->cid_keys, &scid, &q->rng);
    const ngtcp2_ssize token_len = ngtcp2_crypto_generate_retry_token(
        token, q->retry_secret, sizeof q->retry_secret, hd->version, path.path.remote.addr, path.path.remote.addrlen,
        &scid, &hd->dcid, gn_quic_ts(now));
    if (token_len < 0) {
        return;
    }
    const ngtcp2_ssize n =
        ngtcp2_crypto_write_retry(out, sizeof out, hd->version, &hd->scid, &scid, &hd->dcid, token, (size_t)token_len);

    if (n > 0) {
        q->counters.retries_sent++;
        reply(q, packet, out, (size_t)n);
    }
}

static bool retry_token_is_ours(struct gn_quic *q, ngtcp2_cid *original, const ngtcp2_pkt_hd *hd,
                                const struct gn_udp_packet *packet, gn_time_us now)
{
    struct gn_qconn_path path;
    const struct gn_slice token = gn_compat_token(hd);

    gn_qconn_path_set(&path, &packet->local, &packet->remote);
    return token.len > 0 &&
           ngtcp2_crypto_verify_retry_token(original, token.data, token.len, q->retry_secret, sizeof q->retry_secret,
                                            hd->version, path.path.remote.addr, path.path.remote.addrlen, &hd->dcid,
                                            RETRY_LIFE, gn_quic_ts(now)) == 0;
}

/* A long header of version 1 with an id that is no connection's. */
static void read_first(struct gn_quic *q, const ngtcp2_version_cid *vc, const struct gn_udp_packet *packet,
                       gn_time_us now)
{
    struct gn_quic_counters *c = &q->counters;
    const bool fresh = gn_qcid_is_initial(&q->cid_keys, vc->dcid, vc->dcidlen);
    struct gn_quic_link *link;
    ngtcp2_pkt_hd hd;
    ngtcp2_cid original;

    if (!fresh && !gn_qcid_is_own(&q->cid_keys, vc->dcid, vc->dcidlen)) {
        c->dropped_stranger++;
        return;
    }
    if (q->draining || q->config.no_inbound) {
        c->dropped_unknown++;
        return;
    }
    if (ngtcp2_accept(&hd, packet->data, packet->len) != 0) {
        c->dropped_malformed++;
        return;
    }
    if (q->live >= q->config.conns_max || q->half_open >= q->config.half_open_max) {
        c->dropped_initial_full++;
        return;
    }
    if (!fresh) {
        if (!retry_token_is_ours(q, &original, &hd, packet, now)) {
            c->retries_bad++;
            return;
        }
    } else {
        if (!gn_ratelimit_table_take(&q->initials, gn_addr_group(&packet->remote), 1, now)) {
            c->dropped_initial_rate++;
            return;
        }
        if (q->half_open >= q->config.retry_above) {
            send_retry(q, &hd, packet, now);
            return;
        }
        original = hd.dcid;
    }
    const struct gn_qconn_first first = {.hd = &hd, .original = &original, .retried = !fresh};

    if (gn_qconn_accept(q, &link, &first, packet, now) != GN_OK) {
        c->dropped_no_memory++;
        return;
    }
    read_packet(link, packet, now);
}

void gn_qreceive_packet(struct gn_quic *q, const struct gn_udp_packet *packet, gn_time_us now)
{
    ngtcp2_version_cid vc;

    q->counters.packets_in++;
    q->counters.bytes_in += packet->len;
    if (packet->len == 0) {
        q->counters.dropped_malformed++;
        return;
    }
    const int rv = ngtcp2_pkt_decode_version_cid(&vc, packet->data, packet->len, GN_QCID_OWN_LEN);

    if (rv != 0 && rv != NGTCP2_ERR_VERSION_NEGOTIATION) {
        q->counters.dropped_malformed++;
        return;
    }
    struct gn_quic_link *link = gn_qconn_by_cid(q, vc.dcid, vc.dcidlen);

    if (link) {
        read_packet(link, packet, now);
    } else if (rv == NGTCP2_ERR_VERSION_NEGOTIATION) {
        if (gn_qcid_is_initial(&q->cid_keys, vc.dcid, vc.dcidlen) && !q->draining) {
            send_version_negotiation(q, &vc, packet);
        } else {
            q->counters.dropped_stranger++;
        }
    } else if ((packet->data[0] & 0x80U) == 0) {
        link = gn_qconn_by_token(q, packet->data, packet->len);
        if (link) { /* a stateless reset: ngtcp2 compares the token again, in constant time */
            read_packet(link, packet, now);
            return;
        }
        q->counters.dropped_unknown++;
        if (gn_qcid_is_own(&q->cid_keys, vc.dcid, vc.dcidlen)) {
            send_reset(q, &vc, packet, now);
        }
    } else if (vc.version == NGTCP2_PROTO_VER_V1) {
        read_first(q, &vc, packet, now);
    } else {
        q->counters.dropped_unknown++; /* Version Negotiation for nobody, or another version that ngtcp2 speaks */
    }
}
