#include "transport/quic/qcallback.h"

#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qstream.h"
#include "transport/quic/qtls.h"

/* --- handshake --- */

/* Initial keys of this network instead of the public ones: the library derives from whatever id it is given. */
static int install_mixed_keys(ngtcp2_conn *conn, const struct gn_quic_link *link, const ngtcp2_cid *cid)
{
    ngtcp2_cid mixed;

    gn_qcid_mix(&link->q->cid_keys, &mixed, cid);
    return ngtcp2_crypto_recv_client_initial_cb(conn, &mixed, NULL);
}

/* What ngtcp2_crypto_client_initial_cb does, with other keys. The transport parameters need no step of their own: the
 * extension hook that ngtcp2_crypto_gnutls_configure_client_session has set encodes them. */
static int on_client_initial(ngtcp2_conn *conn, void *user)
{
    const int rv = install_mixed_keys(conn, user, ngtcp2_conn_get_dcid(conn));

    if (rv != 0) {
        return rv;
    }
    return ngtcp2_crypto_read_write_crypto_data(conn, NGTCP2_ENCRYPTION_LEVEL_INITIAL, NULL, 0) == 0
               ? 0
               : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_recv_client_initial(ngtcp2_conn *conn, const ngtcp2_cid *dcid, void *user)
{
    return install_mixed_keys(conn, user, dcid);
}

static int on_recv_retry(ngtcp2_conn *conn, const ngtcp2_pkt_hd *hd, void *user)
{
    return install_mixed_keys(conn, user, &hd->scid);
}

static int on_handshake_completed(ngtcp2_conn *conn, void *user)
{
    struct gn_quic_link *link = user;
    struct gn_quic *q = link->q;
    struct gn_id peer;

    (void)conn;
    /* On resumption GnuTLS does not call `verify`: this is the place where the id is always checked. */
    if (gn_qtls_peer(link, &peer) != GN_OK) {
        link->fail = GN_E_AUTH;
        return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    link->peer = peer;
    link->connected = true;
    link->resumed = gnutls_session_is_resumed(link->session) != 0;
    q->counters.handshakes_done++;
    q->counters.resumed += link->resumed;
    if (link->half_open) {
        link->half_open = false;
        q->half_open--;
    }
    if (link->inbound) {
        gn_qtls_send_ticket(link);
    }
    gn_qconn_notify(link, GN_QUIC_WANT_CONNECTED);
    return 0;
}

/* --- ids and randomness --- */

void gn_qcallback_rand(uint8_t *out, size_t len, const ngtcp2_rand_ctx *ctx)
{
    struct gn_quic *q = ctx->native_handle;

    if (q->creating && len == 1) {
        /* The one byte drawn while a connection is made decides whether ngtcp2 greases the fixed bit towards a
         * peer that offers it. Even means never, which who shares a port must choose (RFC 9443 section 3). */
        out[0] = 0;
        return;
    }
    gn_rng_bytes(&q->rng, out, len);
}

static int on_new_id(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
    struct gn_quic_link *link = user;
    struct gn_quic *q = link->q;

    (void)conn;
    if (len != GN_QCID_OWN_LEN) {
        return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    do { /* 40 random bits: a collision with one of our own few thousand ids is drawn again */
        gn_qcid_make_own(&q->cid_keys, cid, &q->rng);
    } while (gn_qconn_by_cid(q, cid->data, cid->datalen));
    if (!gn_qconn_add_cid(link, cid) ||
        ngtcp2_crypto_generate_stateless_reset_token(token, q->cid_keys.reset, sizeof q->cid_keys.reset, cid) != 0) {
        return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_remove_id(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
    (void)conn;
    gn_qconn_remove_cid(user, cid);
    return 0;
}

static int on_peer_id(ngtcp2_conn *conn, GN_COMPAT_CID_STATUS type, uint64_t number, const ngtcp2_cid *cid,
                      const uint8_t *token, void *user)
{
    (void)conn;
    (void)number;
    (void)cid;
    if (!token) {
        return 0;
    }
    if (type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE) {
        gn_qconn_add_token(user, token);
    } else {
        gn_qconn_remove_token(user, token);
    }
    return 0;
}

static int on_path_challenge(ngtcp2_conn *conn, uint8_t *data, void *user)
{
    struct gn_quic_link *link = user;

    (void)conn;
    gn_rng_bytes(&link->q->rng, data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
}

static int on_path_validation(GN_COMPAT_PATH_VALIDATION)
{
    struct gn_quic_link *link = user;
    struct gn_addr now;

    (void)conn;
    (void)flags;
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) {
        return 0;
    }
    gn_qconn_addr_get(&now, &path->remote);
    if (!gn_addr_eq(&now, &link->remote)) {
        link->remote = now;
        gn_qconn_addr_get(&link->local, &path->local);
        link->q->counters.path_changes++;
        gn_qconn_notify(link, GN_QUIC_WANT_PATH);
    }
    return 0;
}

static int on_stateless_reset(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *sr, void *user)
{
    struct gn_quic_link *link = user;

    (void)conn;
    (void)sr;
    link->reset_received = true;
    return 0;
}

/* --- streams --- */

static int on_stream_open(ngtcp2_conn *conn, int64_t id, void *user)
{
    struct gn_quic_stream *s;

    if (gn_qstream_new(user, &s, id) != GN_OK) {
        return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    (void)ngtcp2_conn_set_stream_user_data(conn, id, s);
    gn_qstream_notify(s, GN_QUIC_WANT_OPENED);
    return 0;
}

/* The parameters are ngtcp2's choice. NOLINTNEXTLINE(readability-function-size) */
static int on_stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset, const uint8_t *data,
                          size_t len, void *user, void *stream_user)
{
    const bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;

    (void)id;
    (void)offset;
    (void)user;
    if (!stream_user) { /* freed on our side before ngtcp2 closed it: cannot be, but costs nothing to survive */
        ngtcp2_conn_extend_max_offset(conn, len);
        return 0;
    }
    return gn_qstream_received(stream_user, data, len, fin) == GN_OK ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_acked(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t len, void *user, void *stream_user)
{
    (void)conn;
    (void)id;
    (void)offset;
    (void)user;
    if (stream_user) {
        gn_qstream_acked(stream_user, len);
    }
    return 0;
}

static int on_stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t app_error, void *user,
                           void *stream_user)
{
    struct gn_quic_stream *s = stream_user;

    (void)user;
    if (!ngtcp2_conn_is_local_stream(conn, id)) {
        ngtcp2_conn_extend_max_streams_bidi(conn, 1);
    }
    if (s) {
        s->gone = true;
        s->close_error = flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET ? app_error : 0;
        gn_list_remove(&s->send_node);
        gn_qstream_notify(s, GN_QUIC_WANT_STREAM_CLOSED);
    }
    return 0;
}

static int on_stream_reset(ngtcp2_conn *conn, int64_t id, uint64_t final_size, uint64_t app_error, void *user,
                           void *stream_user)
{
    struct gn_quic_stream *s = stream_user;

    (void)conn;
    (void)id;
    (void)final_size;
    (void)user;
    if (s) {
        s->reset_error = app_error;
        if (!s->in_over) {
            gn_qstream_notify(s, GN_QUIC_WANT_RESET);
        }
        gn_qstream_drop_input(s);
    }
    return 0;
}

static int on_more_stream_data(ngtcp2_conn *conn, int64_t id, uint64_t max, void *user, void *stream_user)
{
    (void)conn;
    (void)id;
    (void)max;
    (void)user;
    if (stream_user) {
        gn_qstream_wake(stream_user);
    }
    return 0;
}

static int on_more_streams(ngtcp2_conn *conn, uint64_t max, void *user)
{
    struct gn_quic_link *link = user;

    (void)conn;
    (void)max;
    if (link->streams_wanted) {
        link->streams_wanted = false;
        gn_qconn_notify(link, GN_QUIC_WANT_STREAMS);
    }
    return 0;
}

static int on_datagram(ngtcp2_conn *conn, uint32_t flags, const uint8_t *data, size_t len, void *user)
{
    struct gn_quic_link *link = user;
    struct gn_quic_dgram *d = NULL;

    (void)conn;
    (void)flags;
    if (link->dgrams_in_len < GN_QUIC_DATAGRAMS_IN_MAX) {
        d = gn_alloc_zeroed(link->q->alloc, 1, sizeof *d + len);
    }
    if (!d) {
        return 0; /* unreliable by contract */
    }
    d->len = len;
    if (len > 0) {
        memcpy(d->bytes, data, len);
    }
    gn_list_push_back(&link->dgrams_in, &d->node);
    link->dgrams_in_len++;
    gn_qconn_notify(link, 0);
    return 0;
}

void gn_qcallback_fill(ngtcp2_callbacks *out, bool inbound)
{
    memset(out, 0, sizeof *out);
    if (inbound) {
        out->recv_client_initial = on_recv_client_initial;
    } else {
        out->client_initial = on_client_initial;
        out->recv_retry = on_recv_retry;
    }
    out->recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    out->encrypt = ngtcp2_crypto_encrypt_cb;
    out->decrypt = ngtcp2_crypto_decrypt_cb;
    out->hp_mask = ngtcp2_crypto_hp_mask_cb;
    out->update_key = ngtcp2_crypto_update_key_cb;
    out->delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    out->delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    out->version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    out->handshake_completed = on_handshake_completed;
    out->rand = gn_qcallback_rand;
    out->get_new_connection_id = on_new_id;
    out->remove_connection_id = on_remove_id;
    out->dcid_status = on_peer_id;
    out->get_path_challenge_data = on_path_challenge;
    out->path_validation = on_path_validation;
    out->recv_stateless_reset = on_stateless_reset;
    out->stream_open = on_stream_open;
    out->recv_stream_data = on_stream_data;
    out->acked_stream_data_offset = on_acked;
    out->stream_close = on_stream_close;
    out->stream_reset = on_stream_reset;
    out->extend_max_stream_data = on_more_stream_data;
    out->extend_max_local_streams_bidi = on_more_streams;
    out->recv_datagram = on_datagram;
}
