/* overlay/msg/record.c - records, to bytes and back. */
#include "overlay/msg/record.h"

#include <string.h>

#include "overlay/msg/pack.h"

#define VERSION 1U
#define SIG_ELEMENT 66U /* header and 64 bytes, always the last element */

enum { AT_KIND, AT_VERSION, AT_FIELDS };
enum { IMMUTABLE_LEN = AT_FIELDS + 2, MUTABLE_LEN = AT_FIELDS + 7, PROVIDER_LEN = AT_FIELDS + 5 };

/* ---- Encoding ---- */

static void put_head(struct gn_writer *w, uint8_t kind, size_t elements)
{
    gn_pack_put_array(w, elements);
    gn_pack_put_uint(w, kind);
    gn_pack_put_uint(w, VERSION);
}

static enum gn_err put_immutable(struct gn_writer *w, const struct gn_record *r)
{
    if (r->value.len > GN_RECORD_VALUE_MAX) {
        return GN_E_INVALID;
    }
    put_head(w, GN_RECORD_IMMUTABLE, IMMUTABLE_LEN);
    gn_pack_put_uint(w, r->expiry);
    gn_pack_put_bin(w, r->value.data, r->value.len);
    return GN_OK;
}

static bool mutable_is_valid(const struct gn_record *r)
{
    bool tombstone = (r->flags & GN_RECORD_TOMBSTONE) != 0;

    return r->value.len <= GN_RECORD_VALUE_MAX && r->salt.len <= GN_RECORD_SALT_MAX &&
           (r->flags & ~(unsigned)GN_RECORD_TOMBSTONE) == 0 && (!tombstone || r->value.len == 0);
}

static enum gn_err put_mutable(struct gn_writer *w, const struct gn_record *r)
{
    if (!mutable_is_valid(r)) {
        return GN_E_INVALID;
    }
    put_head(w, GN_RECORD_MUTABLE, MUTABLE_LEN);
    gn_pack_put_bin(w, r->owner.b, sizeof(r->owner.b));
    gn_pack_put_bin(w, r->salt.data, r->salt.len);
    gn_pack_put_uint(w, r->seq);
    gn_pack_put_uint(w, r->expiry);
    gn_pack_put_uint(w, r->flags);
    gn_pack_put_bin(w, r->value.data, r->value.len);
    gn_pack_put_bin(w, r->sig, sizeof(r->sig));
    return GN_OK;
}

static enum gn_err put_provider(struct gn_writer *w, const struct gn_record *r)
{
    if (r->addrs_len > GN_RECORD_ADDRS_MAX) {
        return GN_E_INVALID;
    }
    put_head(w, GN_RECORD_PROVIDER, PROVIDER_LEN);
    gn_pack_put_bin(w, r->target.b, sizeof(r->target.b));
    gn_pack_put_bin(w, r->owner.b, sizeof(r->owner.b));
    gn_pack_put_array(w, r->addrs_len);
    for (size_t i = 0; i < r->addrs_len; i++) {
        uint8_t wire[GN_ADDR_WIRE_MAX];

        if (!gn_addr_is_usable(&r->addrs[i])) {
            return GN_E_INVALID;
        }
        gn_pack_put_bin(w, wire, gn_addr_to_wire(wire, &r->addrs[i]));
    }
    gn_pack_put_uint(w, r->expiry);
    gn_pack_put_bin(w, r->sig, sizeof(r->sig));
    return GN_OK;
}

enum gn_err gn_record_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_record *r)
{
    struct gn_writer w;
    enum gn_err err;

    gn_writer_init(&w, out, cap);
    switch (r->kind) {
    case GN_RECORD_IMMUTABLE:
        err = put_immutable(&w, r);
        break;
    case GN_RECORD_MUTABLE:
        err = put_mutable(&w, r);
        break;
    case GN_RECORD_PROVIDER:
        err = put_provider(&w, r);
        break;
    default:
        err = GN_E_INVALID;
        break;
    }
    if (err != GN_OK) {
        return err;
    }
    if (w.overflow) {
        return GN_E_LIMIT;
    }
    *out_len = w.len;
    return GN_OK;
}

/* ---- Signing and targets ---- */

#define LABEL_LEN 12U
#define MESSAGE_LEN (LABEL_LEN + 32U)

/* Ed25519 signs this: short whatever the record's length, so nobody has to join two pieces of 64 KiB. */
static void make_message(uint8_t out[MESSAGE_LEN], uint8_t kind, struct gn_slice signed_bytes,
                         const struct gn_crypto *crypto)
{
    struct gn_id hash;

    memcpy(out, kind == GN_RECORD_MUTABLE ? "ghostnet/1 m" : "ghostnet/1 p", LABEL_LEN);
    crypto->hash(crypto->ctx, &hash, NULL, &signed_bytes, 1);
    memcpy(out + LABEL_LEN, hash.b, sizeof(hash.b));
}

enum gn_err gn_record_sign(struct gn_record *r, uint8_t *out, size_t *out_len, size_t cap,
                           const struct gn_crypto *crypto)
{
    uint8_t message[MESSAGE_LEN];
    enum gn_err err = gn_record_encode(out, out_len, cap, r);

    if (err != GN_OK || r->kind == GN_RECORD_IMMUTABLE) {
        return err;
    }
    make_message(message, r->kind, gn_slice_of(out, *out_len - SIG_ELEMENT), crypto);
    crypto->sign(crypto->ctx, r->sig, gn_slice_of(message, sizeof(message)));
    memcpy(out + *out_len - sizeof(r->sig), r->sig, sizeof(r->sig));
    return GN_OK;
}

void gn_record_set_target(struct gn_record *r, const struct gn_crypto *crypto)
{
    const struct gn_slice name[] = {gn_slice_of(r->owner.b, sizeof(r->owner.b)), r->salt};

    if (r->kind == GN_RECORD_IMMUTABLE) {
        crypto->hash(crypto->ctx, &r->target, NULL, &r->value, 1);
    } else if (r->kind == GN_RECORD_MUTABLE) {
        crypto->hash(crypto->ctx, &r->target, NULL, name, 2);
    }
}

/* ---- Decoding ---- */

static bool take_immutable(struct gn_record *r, const msgpack_object_array *a)
{
    return a->size == IMMUTABLE_LEN && gn_pack_uint(&r->expiry, a, AT_FIELDS, UINT64_MAX) &&
           gn_pack_bin(&r->value, a, AT_FIELDS + 1, 0, GN_RECORD_VALUE_MAX);
}

static bool take_mutable(struct gn_record *r, const msgpack_object_array *a)
{
    uint64_t flags;

    if (a->size != MUTABLE_LEN || !gn_pack_copy(r->owner.b, sizeof(r->owner.b), a, AT_FIELDS) ||
        !gn_pack_bin(&r->salt, a, AT_FIELDS + 1, 0, GN_RECORD_SALT_MAX) ||
        !gn_pack_uint(&r->seq, a, AT_FIELDS + 2, UINT64_MAX) ||
        !gn_pack_uint(&r->expiry, a, AT_FIELDS + 3, UINT64_MAX) || !gn_pack_uint(&flags, a, AT_FIELDS + 4, UINT8_MAX) ||
        !gn_pack_bin(&r->value, a, AT_FIELDS + 5, 0, GN_RECORD_VALUE_MAX) ||
        !gn_pack_copy(r->sig, sizeof(r->sig), a, AT_FIELDS + 6)) {
        return false;
    }
    r->flags = (uint8_t)flags;
    return mutable_is_valid(r);
}

static bool take_addrs(struct gn_record *r, const msgpack_object_array *a)
{
    uint8_t again[GN_ADDR_WIRE_MAX];

    for (size_t i = 0; i < a->size; i++) {
        struct gn_slice wire;
        struct gn_addr *addr = &r->addrs[i];

        /* an address has one encoding, and one that nobody can send to has none */
        if (!gn_pack_bin(&wire, a, i, 1, GN_ADDR_WIRE_MAX) || gn_addr_from_wire(addr, wire.data, wire.len) != GN_OK ||
            !gn_addr_is_usable(addr) || gn_addr_to_wire(again, addr) != wire.len) {
            return false;
        }
        r->addrs_len++;
    }
    return true;
}

static bool take_provider(struct gn_record *r, const msgpack_object_array *a)
{
    msgpack_object_array addrs;

    return a->size == PROVIDER_LEN && gn_pack_copy(r->target.b, sizeof(r->target.b), a, AT_FIELDS) &&
           gn_pack_copy(r->owner.b, sizeof(r->owner.b), a, AT_FIELDS + 1) &&
           gn_pack_array(&addrs, a, AT_FIELDS + 2, GN_RECORD_ADDRS_MAX) && take_addrs(r, &addrs) &&
           gn_pack_uint(&r->expiry, a, AT_FIELDS + 3, UINT64_MAX) &&
           gn_pack_copy(r->sig, sizeof(r->sig), a, AT_FIELDS + 4);
}

static enum gn_err take_record(struct gn_record *r, const msgpack_object_array *a)
{
    uint64_t kind, version;
    bool ok;

    if (!gn_pack_uint(&kind, a, AT_KIND, UINT8_MAX) || !gn_pack_uint(&version, a, AT_VERSION, UINT8_MAX)) {
        return GN_E_MALFORMED;
    }
    if (version != VERSION) {
        return GN_E_VERSION;
    }
    r->kind = (uint8_t)kind;
    switch (kind) {
    case GN_RECORD_IMMUTABLE:
        ok = take_immutable(r, a);
        break;
    case GN_RECORD_MUTABLE:
        ok = take_mutable(r, a);
        break;
    case GN_RECORD_PROVIDER:
        ok = take_provider(r, a);
        break;
    default:
        return GN_E_VERSION;
    }
    return ok ? GN_OK : GN_E_MALFORMED;
}

enum gn_err gn_record_decode(struct gn_record *out, struct gn_slice bytes, const struct gn_crypto *crypto)
{
    struct gn_pack p;
    enum gn_err err;

    memset(out, 0, sizeof(*out));
    err = gn_pack_parse(&p, bytes);
    if (err == GN_OK) {
        err = take_record(out, &p.root);
    }
    if (err != GN_OK) {
        memset(out, 0, sizeof(*out));
        return err;
    }
    if (out->kind != GN_RECORD_IMMUTABLE) {
        out->signed_bytes = gn_slice_of(bytes.data, bytes.len - SIG_ELEMENT);
    }
    gn_record_set_target(out, crypto);
    return GN_OK;
}

/* ---- Judging ---- */

gn_wall_s gn_record_ttl_max(uint8_t kind)
{
    return kind == GN_RECORD_PROVIDER ? GN_RECORD_TTL_PROVIDER : GN_RECORD_TTL_MAX;
}

gn_wall_s gn_record_expiry(const struct gn_record *r, gn_wall_s wall)
{
    gn_wall_s latest = gn_time_add(wall, gn_record_ttl_max(r->kind));

    return r->expiry < latest ? r->expiry : latest;
}

enum gn_err gn_record_verify(const struct gn_record *r, const struct gn_crypto *crypto, gn_wall_s wall)
{
    uint8_t message[MESSAGE_LEN];

    if (r->expiry <= wall) {
        return GN_E_EXPIRED;
    }
    if (r->kind == GN_RECORD_IMMUTABLE) {
        return GN_OK;
    }
    if (gn_time_sub(r->expiry, wall) > gn_record_ttl_max(r->kind) + GN_RECORD_SKEW) {
        return GN_E_LIMIT;
    }
    make_message(message, r->kind, r->signed_bytes, crypto);
    return crypto->verify(crypto->ctx, r->sig, gn_slice_of(message, sizeof(message)), &r->owner) ? GN_OK : GN_E_AUTH;
}

enum gn_err gn_record_open(struct gn_record *out, struct gn_slice bytes, uint8_t kind, const struct gn_id *target,
                           const struct gn_crypto *crypto, gn_wall_s wall)
{
    enum gn_err err = gn_record_decode(out, bytes, crypto);

    if (err != GN_OK) {
        return err;
    }
    if ((kind != 0 && out->kind != kind) || (target && !gn_id_eq(&out->target, target))) {
        return GN_E_MALFORMED;
    }
    return gn_record_verify(out, crypto, wall);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static void hash_content(struct gn_id *out, const struct gn_record *r, const struct gn_crypto *crypto)
{
    const struct gn_slice pieces[] = {gn_slice_of(&r->flags, 1), r->value};

    crypto->hash(crypto->ctx, out, NULL, pieces, 2);
}

int gn_record_compare(const struct gn_record *a, const struct gn_record *b, const struct gn_crypto *crypto)
{
    struct gn_id content_a, content_b;
    int order;

    if (a->kind == GN_RECORD_MUTABLE) {
        order = compare_u64(a->seq, b->seq);
        if (order != 0) {
            return order;
        }
        hash_content(&content_a, a, crypto);
        hash_content(&content_b, b, crypto);
        order = gn_id_cmp(&content_a, &content_b);
        if (order != 0) {
            return order;
        }
    }
    order = compare_u64(a->expiry, b->expiry);
    if (order != 0 || a->kind != GN_RECORD_PROVIDER) {
        return order;
    }
    return memcmp(a->sig, b->sig, sizeof(a->sig));
}
