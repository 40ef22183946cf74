#include "transport/quic/qcid.h"

#include <sodium.h>
#include <string.h>

#include "base/hash.h"

#define INITIAL_RANDOM 10U
#define OWN_RANDOM 5U

static void derive(uint8_t out[32], const uint8_t *key, size_t key_len, const char *label)
{
    const struct gn_slice piece = gn_slice_str(label);

    gn_hash_pieces(out, 32, key, key_len, &piece, 1);
}

void gn_qcid_init(struct gn_qcid_keys *k, const uint8_t seed[32], const uint8_t net_id[16])
{
    derive(k->initial, net_id, 16, "ghostnet/1 quic initial id");
    derive(k->mix, net_id, 16, "ghostnet/1 quic initial keys");
    derive(k->own, seed, 32, "ghostnet/1 quic own id");
    derive(k->reset, seed, 32, "ghostnet/1 quic stateless reset");
}

void gn_qcid_wipe(struct gn_qcid_keys *k)
{
    sodium_memzero(k, sizeof *k);
}

static void mac(uint8_t *out, size_t len, const uint8_t key[32], const uint8_t *data, size_t data_len)
{
    uint8_t full[32];
    const struct gn_slice piece = gn_slice_of(data, data_len);

    gn_hash_pieces(full, sizeof full, key, 32, &piece, 1);
    memcpy(out, full, len);
}

static void make(ngtcp2_cid *out, const uint8_t key[32], size_t random_len, size_t len, struct gn_rng *rng)
{
    memset(out, 0, sizeof *out);
    out->datalen = len;
    gn_rng_bytes(rng, out->data, random_len);
    mac(out->data + random_len, len - random_len, key, out->data, random_len);
}

static bool check(const uint8_t key[32], size_t random_len, const uint8_t *cid, size_t len)
{
    uint8_t want[NGTCP2_MAX_CIDLEN];

    mac(want, len - random_len, key, cid, random_len);
    return gn_hash_equal(want, cid + random_len, len - random_len);
}

void gn_qcid_make_initial(const struct gn_qcid_keys *k, ngtcp2_cid *out, struct gn_rng *rng)
{
    make(out, k->initial, INITIAL_RANDOM, GN_QCID_INITIAL_LEN, rng);
}

bool gn_qcid_is_initial(const struct gn_qcid_keys *k, const uint8_t *cid, size_t len)
{
    return len == GN_QCID_INITIAL_LEN && check(k->initial, INITIAL_RANDOM, cid, len);
}

void gn_qcid_make_own(const struct gn_qcid_keys *k, ngtcp2_cid *out, struct gn_rng *rng)
{
    make(out, k->own, OWN_RANDOM, GN_QCID_OWN_LEN, rng);
}

bool gn_qcid_is_own(const struct gn_qcid_keys *k, const uint8_t *cid, size_t len)
{
    return len == GN_QCID_OWN_LEN && check(k->own, OWN_RANDOM, cid, len);
}

void gn_qcid_mix(const struct gn_qcid_keys *k, ngtcp2_cid *out, const ngtcp2_cid *cid)
{
    memset(out, 0, sizeof *out);
    out->datalen = NGTCP2_MAX_CIDLEN;
    mac(out->data, out->datalen, k->mix, cid->data, cid->datalen);
}
