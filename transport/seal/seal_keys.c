/* transport/seal/seal_keys.c - key schedule, AEAD and network tag. */
#include "transport/seal/seal_keys.h"

#include <sodium.h>
#include <string.h>

#include "transport/seal/seal_wire.h"

#define LABEL_LEN 12U /* "ghostnet/1 q": no NUL */

void gn_seal_keys_net(struct gn_seal_net *net, const uint8_t net_id[16])
{
    memcpy(net->id, net_id, sizeof net->id);
    (void)crypto_generichash(net->tag_key, sizeof net->tag_key, (const uint8_t *)"ghostnet/1 n", LABEL_LEN, net_id, 16);
}

void gn_seal_keys_pair(struct gn_seal_keypair *pair, struct gn_rng *rng)
{
    uint8_t seed[crypto_kx_SEEDBYTES];

    gn_rng_bytes(rng, seed, sizeof seed);
    (void)crypto_kx_seed_keypair(pair->pk, pair->sk, seed);
    sodium_memzero(seed, sizeof seed);
}

void gn_seal_keys_dst_tag(uint8_t tag[4], const uint8_t epk[32])
{
    uint8_t hash[16];

    (void)crypto_generichash(hash, sizeof hash, epk, 32, NULL, 0);
    memcpy(tag, hash, 4);
}

/* BLAKE2b-256(label | net_id | responder, key = one direction of crypto_kx). The responder's id in the label keeps a
 * third party from passing off somebody's epoch key as its own (unknown key share). */
static void derive(uint8_t out[32], const char *label, const uint8_t key[32], const struct gn_seal_net *net,
                   const struct gn_id *responder)
{
    uint8_t text[LABEL_LEN + 16 + 32];

    memcpy(text, label, LABEL_LEN);
    memcpy(text + LABEL_LEN, net->id, 16);
    memcpy(text + LABEL_LEN + 16, responder->b, 32);
    (void)crypto_generichash(out, 32, text, sizeof text, key, 32);
}

enum gn_err gn_seal_keys_client(struct gn_seal_keys *keys, const struct gn_seal_keypair *client, const uint8_t epk[32],
                                const struct gn_seal_net *net, const struct gn_id *responder)
{
    uint8_t rx[32];
    uint8_t tx[32];

    if (crypto_kx_client_session_keys(rx, tx, client->pk, client->sk, epk) != 0) {
        sodium_memzero(keys, sizeof *keys);
        return GN_E_AUTH;
    }
    derive(keys->q, "ghostnet/1 q", tx, net, responder);
    derive(keys->r, "ghostnet/1 r", rx, net, responder);
    sodium_memzero(rx, sizeof rx);
    sodium_memzero(tx, sizeof tx);
    return GN_OK;
}

enum gn_err gn_seal_keys_server(struct gn_seal_keys *keys, const struct gn_seal_keypair *epoch,
                                const uint8_t client_pk[32], const struct gn_seal_net *net,
                                const struct gn_id *responder)
{
    uint8_t rx[32];
    uint8_t tx[32];

    if (crypto_kx_server_session_keys(rx, tx, epoch->pk, epoch->sk, client_pk) != 0) {
        sodium_memzero(keys, sizeof *keys);
        return GN_E_AUTH;
    }
    derive(keys->q, "ghostnet/1 q", rx, net, responder);
    derive(keys->r, "ghostnet/1 r", tx, net, responder);
    sodium_memzero(rx, sizeof rx);
    sodium_memzero(tx, sizeof tx);
    return GN_OK;
}

void gn_seal_keys_net_tag(uint8_t tag[8], const struct gn_seal_net *net, const uint8_t *query)
{
    (void)crypto_shorthash(tag, query, GN_SEAL_Q_NET_TAG, net->tag_key);
}

/* Both kinds: header (authenticated) | nonce | text | tag. */
static size_t aad_len(const uint8_t *packet)
{
    return packet[0] == GN_SEAL_T_QUERY ? GN_SEAL_Q_AAD : GN_SEAL_R_AAD;
}

size_t gn_seal_keys_close(uint8_t *packet, size_t text_len, const uint8_t key[32])
{
    size_t aad = aad_len(packet);
    uint8_t *text = packet + aad + GN_SEAL_NONCE;

    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, text_len, packet, aad, NULL, packet + aad, key);
    return aad + GN_SEAL_NONCE + text_len + GN_SEAL_TAG;
}

enum gn_err gn_seal_keys_open(uint8_t *plain, size_t *plain_len, struct gn_slice packet, const uint8_t key[32])
{
    size_t aad = aad_len(packet.data);
    size_t header = aad + GN_SEAL_NONCE;

    *plain_len = 0;
    if (packet.len < header + GN_SEAL_TAG ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, packet.data + header, packet.len - header,
                                                   packet.data, aad, packet.data + aad, key) != 0) {
        return GN_E_AUTH;
    }
    *plain_len = packet.len - header - GN_SEAL_TAG;
    return GN_OK;
}
