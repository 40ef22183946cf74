/* transport/quic/compat.h - the one place that knows which ngtcp2 this is: 0.12 (Debian 12) looks like 1.x (Debian 13).
 *
 * Life: macros and small functions. Threads: any. Purity: pure.
 * Code is written against the names of 1.x; only what cannot be had by renaming gets a function of ours here.
 */
#ifndef GN_QUIC_COMPAT_H
#define GN_QUIC_COMPAT_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "base/slice.h"

#if NGTCP2_VERSION_NUM < 0x010000

#define ngtcp2_ccerr ngtcp2_connection_close_error
#define NGTCP2_CCERR_TYPE_TRANSPORT NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT
#define NGTCP2_CCERR_TYPE_APPLICATION NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION
#define ngtcp2_ccerr_default ngtcp2_connection_close_error_default
#define ngtcp2_ccerr_set_liberr ngtcp2_connection_close_error_set_transport_error_liberr
#define ngtcp2_ccerr_set_tls_alert ngtcp2_connection_close_error_set_transport_error_tls_alert
#define ngtcp2_ccerr_set_application_error ngtcp2_connection_close_error_set_application_error
#define NGTCP2_ENCRYPTION_LEVEL_INITIAL NGTCP2_CRYPTO_LEVEL_INITIAL
#define ngtcp2_conn_info ngtcp2_conn_stat
#define ngtcp2_conn_get_conn_info ngtcp2_conn_get_conn_stat
#define ngtcp2_conn_shutdown_stream_write(conn, flags, stream, code) \
    (ngtcp2_conn_shutdown_stream_write)((conn), (stream), (code))
#define ngtcp2_conn_shutdown_stream_read(conn, flags, stream, code) \
    (ngtcp2_conn_shutdown_stream_read)((conn), (stream), (code))
/* The type of a connection id's state in the dcid_status callback, and the parameters of path_validation. */
#define GN_COMPAT_CID_STATUS int
#define GN_COMPAT_PATH_VALIDATION \
    ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path, ngtcp2_path_validation_result result, void *user

static inline ngtcp2_ccerr gn_compat_peer_error(ngtcp2_conn *conn)
{
    ngtcp2_ccerr out;

    ngtcp2_conn_get_connection_close_error(conn, &out);
    return out;
}

static inline struct gn_slice gn_compat_token(const ngtcp2_pkt_hd *hd)
{
    return gn_slice_of(hd->token.base, hd->token.len);
}

static inline void gn_compat_set_retry_token(ngtcp2_settings *settings, const ngtcp2_pkt_hd *hd)
{
    settings->token = hd->token;
}

static inline void gn_compat_set_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *original)
{
    params->original_dcid = *original;
}

/* 0.12 always offers grease_quic_bit; a peer that greases is dropped by our demultiplexer (RFC 9443 section 3).
 * The parameters are encoded later than this, in the TLS handshake, so that clearing the flag here is in time. */
static inline void gn_compat_no_grease(ngtcp2_conn *conn)
{
    union {
        const ngtcp2_transport_params *in;
        ngtcp2_transport_params *out;
    } params = {.in = ngtcp2_conn_get_local_transport_params(conn)};

    params.out->grease_quic_bit = 0;
}

#else

#define GN_COMPAT_CID_STATUS ngtcp2_connection_id_status_type
#define GN_COMPAT_PATH_VALIDATION \
    ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path, const ngtcp2_path *old_path __attribute__((unused)), \
        ngtcp2_path_validation_result result, void *user

static inline ngtcp2_ccerr gn_compat_peer_error(ngtcp2_conn *conn)
{
    return *ngtcp2_conn_get_ccerr(conn);
}

static inline struct gn_slice gn_compat_token(const ngtcp2_pkt_hd *hd)
{
    return gn_slice_of(hd->token, hd->tokenlen);
}

static inline void gn_compat_set_retry_token(ngtcp2_settings *settings, const ngtcp2_pkt_hd *hd)
{
    settings->token = hd->token;
    settings->tokenlen = hd->tokenlen;
    settings->token_type = NGTCP2_TOKEN_TYPE_RETRY;
}

static inline void gn_compat_set_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *original)
{
    params->original_dcid = *original;
    params->original_dcid_present = 1;
}

static inline void gn_compat_no_grease(ngtcp2_conn *conn)
{
    (void)conn; /* off unless asked for */
}

#endif
#endif
