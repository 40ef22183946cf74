/* transport/seal/seal_keys.h - the key schedule, the AEAD and the network tag of sealed datagrams.
 *
 * Life: plain values; who holds a secret wipes it. Threads: any. Purity: pure; no call asks libsodium for entropy.
 * crypto_kx (X25519, BLAKE2b-512), BLAKE2b-256 with the network and the responder in the label, XChaCha20-Poly1305.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_KEYS_H
#define GN_TRANSPORT_SEAL_SEAL_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/rng.h"
#include "base/slice.h"

struct gn_seal_keypair {
    uint8_t pk[32];
    uint8_t sk[32];
};

/* Directional keys between one client key and one epoch key. */
struct gn_seal_keys {
    uint8_t q[32]; /* client to responder */
    uint8_t r[32]; /* responder to client */
};

/* Our network: the number that goes into labels, and the key of the network tag made from it. */
struct gn_seal_net {
    uint8_t id[16];
    uint8_t tag_key[16];
};

void gn_seal_keys_net(struct gn_seal_net *net, const uint8_t net_id[16]);
/* A fresh X25519 pair out of 32 bytes of `rng`. */
void gn_seal_keys_pair(struct gn_seal_keypair *pair, struct gn_rng *rng);
/* First 4 bytes of BLAKE2b-128(epk): how a query says which epoch key it was sealed for. */
void gn_seal_keys_dst_tag(uint8_t tag[4], const uint8_t epk[32]);
/* The client's side, then the responder's. AUTH: a low order point; `keys` is then wiped. */
GN_MUST_CHECK enum gn_err gn_seal_keys_client(struct gn_seal_keys *keys, const struct gn_seal_keypair *client,
                                              const uint8_t epk[32], const struct gn_seal_net *net,
                                              const struct gn_id *responder);
GN_MUST_CHECK enum gn_err gn_seal_keys_server(struct gn_seal_keys *keys, const struct gn_seal_keypair *epoch,
                                              const uint8_t client_pk[32], const struct gn_seal_net *net,
                                              const struct gn_id *responder);
/* SipHash-2-4 over the first 70 bytes of a query: who does not know the network cannot make it. */
void gn_seal_keys_net_tag(uint8_t tag[8], const struct gn_seal_net *net, const uint8_t *query);

/* `packet` is a QUERY or REPLY whose header and nonce are written and whose text lies in its place: encrypts it there
 * and appends the tag. Returns the length of the packet. */
size_t gn_seal_keys_close(uint8_t *packet, size_t text_len, const uint8_t key[32]);
/* Decrypts a QUERY or REPLY (gn_seal_wire_type said so) into `plain`, of which it fills *plain_len bytes. AUTH: the
 * packet is not exactly what the holder of `key` made. */
GN_MUST_CHECK enum gn_err gn_seal_keys_open(uint8_t *plain, size_t *plain_len, struct gn_slice packet,
                                            const uint8_t key[32]);

#endif
