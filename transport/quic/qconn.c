#include "transport/quic/qconn.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "transport/quic/qcallback.h"
#include "transport/quic/qend.h"
#include "transport/quic/qstream.h"
#include "transport/quic/qtls.h"

#define FIRST_CONN_WINDOW \
    (UINT64_C(3) * 512U * 1024U) /* ngtcp2 doubles windows that are used up within 2 round trips */
#define FIRST_STREAM_WINDOW (UINT64_C(1024) * 1024U)
#define DATAGRAM_FRAME_MAX 65535U

/* --- addresses --- */

static ngtcp2_socklen put_addr(ngtcp2_sockaddr_union *out, const struct gn_addr *a)
{
    uint8_t port[2];

    memset(out, 0, sizeof *out);
    gn_store_u16(port, a->port);
    if (a->family == GN_ADDR_V4) {
        out->in.sin_family = AF_INET;
        memcpy(&out->in.sin_port, port, sizeof port);
        memcpy(&out->in.sin_addr, a->ip, sizeof out->in.sin_addr);
        return (ngtcp2_socklen)sizeof out->in;
    }
    out->in6.sin6_family = AF_INET6;
    memcpy(&out->in6.sin6_port, port, sizeof port);
    memcpy(&out->in6.sin6_addr, a->ip, sizeof out->in6.sin6_addr);
    return (ngtcp2_socklen)sizeof out->in6;
}

void gn_qconn_path_set(struct gn_qconn_path *out, const struct gn_addr *local, const struct gn_addr *remote)
{
    memset(&out->path, 0, sizeof out->path);
    out->path.local = (ngtcp2_addr){.addr = &out->local.sa, .addrlen = put_addr(&out->local, local)};
    out->path.remote = (ngtcp2_addr){.addr = &out->remote.sa, .addrlen = put_addr(&out->remote, remote)};
}

void gn_qconn_addr_get(struct gn_addr *out, const ngtcp2_addr *a)
{
    ngtcp2_sockaddr_union u = {0};
    uint8_t port[2];

    memset(out, 0, sizeof *out);
    memcpy(&u, a->addr, a->addrlen < sizeof u ? a->addrlen : sizeof u);
    if (u.sa.sa_family == AF_INET) {
        out->family = GN_ADDR_V4;
        memcpy(port, &u.in.sin_port, sizeof port);
        memcpy(out->ip, &u.in.sin_addr, sizeof u.in.sin_addr);
    } else {
        out->family = GN_ADDR_V6;
        memcpy(port, &u.in6.sin6_port, sizeof port);
        memcpy(out->ip, &u.in6.sin6_addr, sizeof u.in6.sin6_addr);
    }
    out->port = gn_load_u16(port);
}

/* --- tables --- */

static struct gn_quic_cid_key key_of(const uint8_t *cid, size_t len)
{
    struct gn_quic_cid_key key = {.len = (uint8_t)len};

    memcpy(key.data, cid, len);
    return key;
}

struct gn_quic_link *gn_qconn_find(const struct gn_quic *q, gn_quic_conn id)
{
    struct gn_quic_link **found = gn_map_get(&q->links, &id);

    return found ? *found : NULL;
}

struct gn_quic_link *gn_qconn_by_cid(const struct gn_quic *q, const uint8_t *cid, size_t len)
{
    if (len > NGTCP2_MAX_CIDLEN) {
        return NULL;
    }
    const struct gn_quic_cid_key key = key_of(cid, len);
    struct gn_quic_link **found = gn_map_get(&q->cids, &key);

    return found ? *found : NULL;
}

bool gn_qconn_add_cid(struct gn_quic_link *link, const ngtcp2_cid *cid)
{
    const struct gn_quic_cid_key key = key_of(cid->data, cid->datalen);
    void *value = NULL;

    if (link->cids_len == GN_QUIC_CIDS_MAX || gn_map_add(&link->q->cids, &value, &key) != GN_OK) {
        return false;
    }
    *(struct gn_quic_link **)value = link;
    link->cids[link->cids_len++] = key;
    return true;
}

void gn_qconn_remove_cid(struct gn_quic_link *link, const ngtcp2_cid *cid)
{
    const struct gn_quic_cid_key key = key_of(cid->data, cid->datalen);

    for (uint32_t i = 0; i < link->cids_len; i++) {
        if (memcmp(&link->cids[i], &key, sizeof key) == 0) {
            (void)gn_map_remove(&link->q->cids, &key);
            link->cids[i] = link->cids[--link->cids_len];
            return;
        }
    }
}

void gn_qconn_remove_cids(struct gn_quic_link *link)
{
    while (link->cids_len > 0) {
        (void)gn_map_remove(&link->q->cids, &link->cids[--link->cids_len]);
    }
    while (link->tokens_len > 0) {
        (void)gn_map_remove(&link->q->tokens, link->tokens[--link->tokens_len]);
    }
}

void gn_qconn_add_token(struct gn_quic_link *link, const uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN])
{
    void *value = NULL;

    if (link->tokens_len == GN_QUIC_TOKENS_MAX || gn_map_add(&link->q->tokens, &value, token) != GN_OK) {
        return;
    }
    *(struct gn_quic_link **)value = link;
    memcpy(link->tokens[link->tokens_len++], token, NGTCP2_STATELESS_RESET_TOKENLEN);
}

void gn_qconn_remove_token(struct gn_quic_link *link, const uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN])
{
    for (uint32_t i = 0; i < link->tokens_len; i++) {
        if (memcmp(link->tokens[i], token, NGTCP2_STATELESS_RESET_TOKENLEN) == 0) {
            (void)gn_map_remove(&link->q->tokens, token);
            memmove(link->tokens[i], link->tokens[--link->tokens_len], NGTCP2_STATELESS_RESET_TOKENLEN);
            return;
        }
    }
}

struct gn_quic_link *gn_qconn_by_token(const struct gn_quic *q, const uint8_t *packet, size_t len)
{
    if (len < NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN) {
        return NULL;
    }
    struct gn_quic_link **found = gn_map_get(&q->tokens, packet + len - NGTCP2_STATELESS_RESET_TOKENLEN);

    return found ? *found : NULL;
}

void gn_qconn_wake(struct gn_quic_link *link)
{
    if (!gn_list_is_linked(&link->ready_node)) {
        gn_list_push_back(&link->q->ready, &link->ready_node);
    }
}

void gn_qconn_notify(struct gn_quic_link *link, uint32_t bits)
{
    link->events |= bits;
    if (!gn_list_is_linked(&link->event_node)) {
        gn_list_push_back(&link->q->event_links, &link->event_node);
    }
}

void gn_qconn_set_timer(struct gn_quic_link *link, gn_time_us deadline)
{
    if (link->timed && link->deadline == deadline) {
        return;
    }
    link->deadline = deadline;
    if (link->timed) {
        gn_heap_rekey(&link->q->timers, &link->timer);
    } else {
        gn_heap_insert(&link->q->timers, &link->timer);
        link->timed = true;
    }
}

void gn_qconn_stop_timer(struct gn_quic_link *link)
{
    if (link->timed) {
        gn_heap_remove(&link->q->timers, &link->timer);
        link->timed = false;
    }
}

void gn_qconn_rearm(struct gn_quic_link *link)
{
    const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(link->conn);

    if (expiry == UINT64_MAX) {
        gn_qconn_stop_timer(link);
        return;
    }
    /* Rounded up, so that a call at the deadline never finds that nothing is due yet. */
    gn_qconn_set_timer(link, gn_time_sub(expiry / NGTCP2_MICROSECONDS + 1, GN_QUIC_EPOCH));
}

/* --- birth --- */

static ngtcp2_cc_algo choose_cc(const struct gn_quic_config *config, const struct gn_addr *remote)
{
    switch (config->cc) {
    case GN_QUIC_CC_CUBIC:
        return NGTCP2_CC_ALGO_CUBIC;
    case GN_QUIC_CC_BBR:
        return NGTCP2_CC_ALGO_BBR;
    case GN_QUIC_CC_AUTO:
        break;
    }
    return gn_addr_is_loopback(remote) ? NGTCP2_CC_ALGO_CUBIC : NGTCP2_CC_ALGO_BBR;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void fill_settings(struct gn_quic_link *link, ngtcp2_settings *settings, ngtcp2_transport_params *params,
                          gn_time_us now)
{
    const struct gn_quic_config *c = &link->q->config;

    ngtcp2_settings_default(settings);
    settings->cc_algo = choose_cc(c, &link->remote);
    settings->initial_ts = gn_quic_ts(now);
    settings->max_tx_udp_payload_size = GN_QUIC_PAYLOAD;
    if (c->loopback_payload > GN_QUIC_PAYLOAD && gn_addr_is_loopback(&link->remote)) {
        /* Nothing to discover on a device of this machine, and a third of the CPU time per byte. */
        settings->max_tx_udp_payload_size = c->loopback_payload;
        settings->no_tx_udp_payload_size_shaping = 1;
        settings->no_pmtud = 1;
    }
    settings->max_window = c->conn_window;
    settings->max_stream_window = c->stream_window;
    settings->handshake_timeout = c->handshake_timeout * NGTCP2_MICROSECONDS;
    settings->rand_ctx.native_handle = link->q;
    ngtcp2_transport_params_default(params);
    params->initial_max_data = at_most(FIRST_CONN_WINDOW, c->conn_window);
    params->initial_max_stream_data_bidi_local = at_most(FIRST_STREAM_WINDOW, c->stream_window);
    params->initial_max_stream_data_bidi_remote = params->initial_max_stream_data_bidi_local;
    params->initial_max_streams_bidi = c->streams_max;
    params->max_idle_timeout = c->idle_timeout * NGTCP2_MICROSECONDS;
    params->max_datagram_frame_size = DATAGRAM_FRAME_MAX;
}

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *ref)
{
    const struct gn_quic_link *link = ref->user_data;

    return link->conn;
}

static enum gn_err new_link(struct gn_quic *q, struct gn_quic_link **out, bool inbound)
{
    struct gn_quic_link *link = gn_alloc_zeroed(q->alloc, 1, sizeof *link);

    if (!link) {
        return GN_E_NO_MEMORY;
    }
    link->q = q;
    link->id = q->last_id + 1;
    link->inbound = inbound;
    link->ref = (ngtcp2_crypto_conn_ref){.get_conn = get_conn, .user_data = link};
    gn_map_init(&link->streams, q->alloc, sizeof(int64_t), sizeof(struct gn_quic_stream *), 0);
    gn_list_init(&link->sendable);
    gn_list_init(&link->blocked);
    gn_list_init(&link->event_streams);
    gn_list_init(&link->dgrams_in);
    gn_list_init(&link->dgrams_out);
    if (gn_map_set(&q->links, &link->id, &link) != GN_OK) {
        gn_alloc_free(q->alloc, link);
        return GN_E_NO_MEMORY;
    }
    q->last_id++;
    q->live++;
    *out = link;
    return GN_OK;
}

/* The part that both directions share, once link->conn is there. */
static enum gn_err start(struct gn_quic_link *link)
{
    const enum gn_err err = gn_qtls_open(link);

    if (err != GN_OK) {
        return err;
    }
    gn_compat_no_grease(link->conn);
    ngtcp2_conn_set_tls_native_handle(link->conn, link->session);
    if (link->q->config.keep_alive != 0) {
        ngtcp2_conn_set_keep_alive_timeout(link->conn, link->q->config.keep_alive * NGTCP2_MICROSECONDS);
    }
    gn_qconn_rearm(link);
    gn_qconn_wake(link);
    return GN_OK;
}

/* An id that no connection of ours has. */
static void own_id(struct gn_quic *q, ngtcp2_cid *out)
{
    do {
        gn_qcid_make_own(&q->cid_keys, out, &q->rng);
    } while (gn_qconn_by_cid(q, out->data, out->datalen));
}

enum gn_err gn_qconn_dial(struct gn_quic *q, struct gn_quic_link **out, const struct gn_id *peer,
                          const struct gn_addr *remote, const struct gn_addr *local, gn_time_us now)
{
    struct gn_quic_link *link;
    struct gn_qconn_path path;
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid dcid;
    ngtcp2_cid scid;
    enum gn_err err = new_link(q, &link, false);

    if (err != GN_OK) {
        return err;
    }
    link->peer = *peer;
    link->remote = *remote;
    link->local = *local;
    gn_qconn_path_set(&path, local, remote);
    gn_qcid_make_initial(&q->cid_keys, &dcid, &q->rng);
    own_id(q, &scid);
    gn_qcallback_fill(&callbacks, false);
    fill_settings(link, &settings, &params, now);
    q->creating = true;
    const int rv = ngtcp2_conn_client_new(&link->conn, &dcid, &scid, &path.path, NGTCP2_PROTO_VER_V1, &callbacks,
                                          &settings, &params, &q->mem, link);
    q->creating = false;
    if (rv != 0) {
        link->conn = NULL;
        err = rv == NGTCP2_ERR_NOMEM ? GN_E_NO_MEMORY : GN_E_CRYPTO;
        goto fail;
    }
    if (!gn_qconn_add_cid(link, &scid)) {
        err = GN_E_NO_MEMORY;
        goto fail;
    }
    err = start(link);
    if (err != GN_OK) {
        goto fail;
    }
    q->counters.dials++;
    *out = link;
    return GN_OK;
fail:
    gn_qend_forget(link);
    return err;
}

enum gn_err gn_qconn_accept(struct gn_quic *q, struct gn_quic_link **out, const struct gn_qconn_first *first,
                            const struct gn_udp_packet *packet, gn_time_us now)
{
    const ngtcp2_pkt_hd *hd = first->hd;
    struct gn_quic_link *link;
    struct gn_qconn_path path;
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid scid;
    enum gn_err err = new_link(q, &link, true);

    if (err != GN_OK) {
        return err;
    }
    link->remote = packet->remote;
    link->local = packet->local;
    link->half_open = true;
    q->half_open++;
    gn_qconn_path_set(&path, &link->local, &link->remote);
    own_id(q, &scid);
    gn_qcallback_fill(&callbacks, true);
    fill_settings(link, &settings, &params, now);
    gn_compat_set_original_dcid(&params, first->original);
    if (first->retried) {
        params.retry_scid = hd->dcid;
        params.retry_scid_present = 1;
        gn_compat_set_retry_token(&settings, hd);
    }
    params.stateless_reset_token_present = 1;
    (void)ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, q->cid_keys.reset,
                                                       sizeof q->cid_keys.reset, &scid);
    q->creating = true;
    const int rv = ngtcp2_conn_server_new(&link->conn, &hd->scid, &scid, &path.path, hd->version, &callbacks, &settings,
                                          &params, &q->mem, link);
    q->creating = false;
    if (rv != 0) {
        link->conn = NULL;
        err = rv == NGTCP2_ERR_NOMEM ? GN_E_NO_MEMORY : GN_E_CRYPTO;
        goto fail;
    }
    if (!gn_qconn_add_cid(link, &scid) || !gn_qconn_add_cid(link, &hd->dcid)) {
        err = GN_E_NO_MEMORY;
        goto fail;
    }
    err = start(link);
    if (err != GN_OK) {
        goto fail;
    }
    q->counters.accepted++;
    *out = link;
    return GN_OK;
fail:
    gn_qend_forget(link);
    return err;
}
