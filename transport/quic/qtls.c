#include "transport/quic/qtls.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define ALPN "ghostnet/1"
#define ALPN_MAX 32U
#define SPKI_PREFIX_LEN 12U
#define SPKI_LEN (SPKI_PREFIX_LEN + GN_ID_BYTES)
#define PKCS8_PREFIX_LEN 16U
#define PKCS8_LEN (PKCS8_PREFIX_LEN + 32U)

#define PRIORITY \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:" \
    "-SIGN-ALL:+SIGN-EDDSA-ED25519:%DISABLE_TLS13_COMPAT_MODE:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK"

/* RFC 8410 sections 4 and 7: the only parts of the DER forms that are not the key itself. */
static const uint8_t spki_prefix[SPKI_PREFIX_LEN] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const uint8_t pkcs8_prefix[PKCS8_PREFIX_LEN] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

static struct gn_quic_link *link_of(gnutls_session_t session)
{
    const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);

    return ref->user_data;
}

static enum gn_err read_peer(gnutls_session_t session, struct gn_id *out)
{
    unsigned count = 0;

    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_RAWPK) {
        return GN_E_AUTH;
    }
    const gnutls_datum_t *key = gnutls_certificate_get_peers(session, &count);

    if (!key || count != 1 || key->size != SPKI_LEN || memcmp(key->data, spki_prefix, SPKI_PREFIX_LEN) != 0) {
        return GN_E_AUTH;
    }
    memcpy(out->b, key->data + SPKI_PREFIX_LEN, GN_ID_BYTES);
    return GN_OK;
}

enum gn_err gn_qtls_peer(const struct gn_quic_link *link, struct gn_id *out)
{
    const enum gn_err err = read_peer(link->session, out);

    if (err != GN_OK) {
        return err;
    }
    if (gn_id_eq(out, &link->q->id)) {
        return GN_E_AUTH;
    }
    if (!link->inbound && sodium_memcmp(out->b, link->peer.b, GN_ID_BYTES) != 0) {
        return GN_E_AUTH;
    }
    return GN_OK;
}

/* Runs in full handshakes, when the peer's key is known and before it has proved to hold the private one. */
static int verify(gnutls_session_t session)
{
    struct gn_quic_link *link = link_of(session);
    struct gn_id peer;

    if (gn_qtls_peer(link, &peer) != GN_OK) {
        link->fail = GN_E_AUTH;
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    return 0;
}

static enum gn_err load_key(struct gn_quic *q)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    uint8_t spki[SPKI_LEN];
    uint8_t pkcs8[PKCS8_LEN];
    const gnutls_datum_t spki_datum = {.data = spki, .size = sizeof spki};
    const gnutls_datum_t pkcs8_datum = {.data = pkcs8, .size = sizeof pkcs8};

    (void)crypto_sign_seed_keypair(public_key, secret_key, q->config.seed);
    memcpy(q->id.b, public_key, GN_ID_BYTES);
    memcpy(spki, spki_prefix, SPKI_PREFIX_LEN);
    memcpy(spki + SPKI_PREFIX_LEN, public_key, GN_ID_BYTES);
    memcpy(pkcs8, pkcs8_prefix, PKCS8_PREFIX_LEN);
    memcpy(pkcs8 + PKCS8_PREFIX_LEN, q->config.seed, 32);
    const int rv = gnutls_certificate_set_rawpk_key_mem(q->credentials, &spki_datum, &pkcs8_datum, GNUTLS_X509_FMT_DER,
                                                        NULL, 0, NULL, 0, 0);

    sodium_memzero(secret_key, sizeof secret_key);
    sodium_memzero(pkcs8, sizeof pkcs8);
    return rv < 0 ? GN_E_CRYPTO : GN_OK;
}

enum gn_err gn_qtls_init(struct gn_quic *q)
{
    if (gnutls_certificate_allocate_credentials(&q->credentials) < 0) {
        return GN_E_NO_MEMORY;
    }
    if (load_key(q) != GN_OK) {
        goto free_credentials;
    }
    if (gnutls_priority_init(&q->priority, PRIORITY, NULL) < 0) {
        goto free_credentials;
    }
    if (gnutls_session_ticket_key_generate(&q->ticket_key) < 0) {
        goto free_priority;
    }
    gnutls_certificate_set_verify_function(q->credentials, verify);
    return GN_OK;
free_priority:
    gnutls_priority_deinit(q->priority);
free_credentials:
    gnutls_certificate_free_credentials(q->credentials);
    q->credentials = NULL;
    return GN_E_CRYPTO;
}

void gn_qtls_fini(struct gn_quic *q)
{
    gnutls_certificate_free_credentials(q->credentials);
    gnutls_priority_deinit(q->priority);
    gnutls_memset(q->ticket_key.data, 0, q->ticket_key.size);
    gnutls_free(q->ticket_key.data);
    q->ticket_key.data = NULL;
}

/* The client has got a ticket; it is good for the peer that this session has proved. */
static int on_ticket(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                     const gnutls_datum_t *message)
{
    const struct gn_quic_link *link = link_of(session);
    gnutls_datum_t data = {.data = NULL};

    (void)type;
    (void)when;
    (void)message;
    if (!incoming || !link->connected || gnutls_session_get_data2(session, &data) < 0) {
        return 0;
    }
    const enum gn_err err = gn_qticket_put(&link->q->tickets, &link->peer, gn_slice_of(data.data, data.size));

    if (err != GN_OK) { /* the next handshake is a full one */
        GN_LOG(link->q->config.log, GN_LOG_DEBUG, "quic.ticket.lost", GN_F_ERR("err", err));
    }
    gnutls_memset(data.data, 0, data.size);
    gnutls_free(data.data);
    return 0;
}

static bool set_alpn(gnutls_session_t session, const char *name)
{
    uint8_t bytes[ALPN_MAX];
    const size_t len = strlen(name);

    if (len == 0 || len > sizeof bytes) {
        return false;
    }
    memcpy(bytes, name, len);
    const gnutls_datum_t alpn = {.data = bytes, .size = (unsigned)len};

    return gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY) >= 0;
}

static bool configure_server(struct gn_quic_link *link)
{
    gnutls_certificate_server_set_request(link->session, GNUTLS_CERT_REQUIRE);
    return gnutls_session_ticket_enable_server(link->session, &link->q->ticket_key) >= 0 &&
           ngtcp2_crypto_gnutls_configure_server_session(link->session) == 0;
}

static bool configure_client(struct gn_quic_link *link)
{
    struct gn_qticket *ticket = gn_qticket_take(&link->q->tickets, &link->peer);

    if (ticket) { /* refused data only means a full handshake */
        (void)gnutls_session_set_data(link->session, ticket->bytes, ticket->len);
        gn_qticket_free(&link->q->tickets, ticket);
    }
    gnutls_handshake_set_hook_function(link->session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, on_ticket);
    return ngtcp2_crypto_gnutls_configure_client_session(link->session) == 0;
}

enum gn_err gn_qtls_open(struct gn_quic_link *link)
{
    unsigned flags = GNUTLS_ENABLE_RAWPK | GNUTLS_NO_END_OF_EARLY_DATA;

    flags |= link->inbound ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT;
    if (gnutls_init(&link->session, flags) < 0) {
        link->session = NULL;
        return GN_E_CRYPTO;
    }
    gnutls_session_set_ptr(link->session, &link->ref);
    if (gnutls_priority_set(link->session, link->q->priority) < 0 ||
        gnutls_credentials_set(link->session, GNUTLS_CRD_CERTIFICATE, link->q->credentials) < 0 ||
        !set_alpn(link->session, link->q->config.alpn ? link->q->config.alpn : ALPN) ||
        !(link->inbound ? configure_server(link) : configure_client(link))) {
        gnutls_deinit(link->session);
        link->session = NULL;
        return GN_E_CRYPTO;
    }
    return GN_OK;
}

void gn_qtls_send_ticket(struct gn_quic_link *link)
{
    (void)gnutls_session_ticket_send(link->session, 1, 0);
}
