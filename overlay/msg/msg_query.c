/* overlay/msg/msg_query.c - queries, to bytes and back. */
#include <string.h>

#include "overlay/msg/contacts.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/pack.h"

enum { AT_TXID, AT_METHOD, AT_FLAGS, AT_TARGET, AT_ARGUMENTS };

/* ---- Encoding ---- */

static void put_optional_uint(struct gn_writer *w, bool there, uint64_t v)
{
    if (there) {
        gn_pack_put_uint(w, v);
    }
}

static void put_head(struct gn_writer *w, const struct gn_msg_query *q, size_t arguments)
{
    uint8_t txid[8];

    gn_store_u64(txid, q->txid);
    gn_pack_put_array(w, AT_ARGUMENTS + arguments);
    gn_pack_put_bin(w, txid, sizeof(txid));
    gn_pack_put_uint(w, q->method);
    gn_pack_put_uint(w, q->flags);
    gn_pack_put_bin(w, q->target.b, sizeof(q->target.b));
}

static enum gn_err put_write(struct gn_writer *w, const struct gn_msg_query *q, bool cas)
{
    if (q->record.len == 0 || q->record.len > GN_MSG_RECORD_MAX) {
        return GN_E_INVALID;
    }
    put_head(w, q, cas ? 3 : 2);
    gn_pack_put_bin(w, q->token, sizeof(q->token));
    gn_pack_put_bin(w, q->record.data, q->record.len);
    put_optional_uint(w, cas, q->cas_seq);
    return GN_OK;
}

static enum gn_err put_probe(struct gn_writer *w, const struct gn_msg_query *q)
{
    uint8_t subject[GN_CONTACTS_WIRE_MAX];
    size_t subject_len = q->has_subject ? gn_contacts_to_wire(subject, &q->subject) : 0;

    if (!q->has_nonce || q->hops > 1 || (q->has_subject && subject_len == 0)) {
        return GN_E_INVALID;
    }
    put_head(w, q, q->has_subject ? 3 : 2);
    gn_pack_put_bin(w, q->nonce, sizeof(q->nonce));
    gn_pack_put_uint(w, q->hops);
    if (q->has_subject) {
        gn_pack_put_bin(w, subject, subject_len);
    }
    return GN_OK;
}

static enum gn_err put_query(struct gn_writer *w, const struct gn_msg_query *q)
{
    switch (q->method) {
    case GN_MSG_PING:
        put_head(w, q, q->has_nonce ? 1 : 0);
        if (q->has_nonce) {
            gn_pack_put_bin(w, q->nonce, sizeof(q->nonce));
        }
        return GN_OK;
    case GN_MSG_FIND_NODE:
    case GN_MSG_GET_PROVIDERS:
        put_head(w, q, 0);
        return GN_OK;
    case GN_MSG_GET:
        put_head(w, q, q->has_known_seq ? 2 : 1);
        gn_pack_put_uint(w, q->kind);
        put_optional_uint(w, q->has_known_seq, q->known_seq);
        return GN_OK;
    case GN_MSG_PUT:
        return put_write(w, q, q->has_cas);
    case GN_MSG_ADD_PROVIDER:
        return put_write(w, q, false);
    case GN_MSG_PROBE_ME:
        return put_probe(w, q);
    default:
        return GN_E_INVALID;
    }
}

enum gn_err gn_msg_query_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_msg_query *q)
{
    struct gn_writer w;
    enum gn_err err;

    gn_writer_init(&w, out, cap);
    err = put_query(&w, q);
    if (err != GN_OK) {
        return err;
    }
    if (w.overflow) {
        return GN_E_LIMIT;
    }
    *out_len = w.len;
    return GN_OK;
}

/* ---- Decoding ---- */

static bool take_optional_uint(bool *there, uint64_t *out, const msgpack_object_array *a, size_t index)
{
    *there = !gn_pack_is_nil(a, index);
    return !*there || gn_pack_uint(out, a, index, UINT64_MAX);
}

static bool take_get(struct gn_msg_query *q, const msgpack_object_array *a)
{
    uint64_t kind;

    if (!gn_pack_uint(&kind, a, AT_ARGUMENTS, UINT8_MAX)) {
        return false;
    }
    q->kind = (uint8_t)kind;
    return take_optional_uint(&q->has_known_seq, &q->known_seq, a, AT_ARGUMENTS + 1);
}

static bool take_write(struct gn_msg_query *q, const msgpack_object_array *a)
{
    return gn_pack_copy(q->token, sizeof(q->token), a, AT_ARGUMENTS) &&
           gn_pack_bin(&q->record, a, AT_ARGUMENTS + 1, 1, GN_MSG_RECORD_MAX);
}

static bool take_probe(struct gn_msg_query *q, const msgpack_object_array *a)
{
    struct gn_slice subject;
    uint64_t hops;

    if (!gn_pack_copy(q->nonce, sizeof(q->nonce), a, AT_ARGUMENTS) || !gn_pack_uint(&hops, a, AT_ARGUMENTS + 1, 1)) {
        return false;
    }
    q->has_nonce = true;
    q->hops = (uint8_t)hops;
    q->has_subject = !gn_pack_is_nil(a, AT_ARGUMENTS + 2);
    return !q->has_subject || (gn_pack_bin(&subject, a, AT_ARGUMENTS + 2, GN_MSG_CONTACT_V4, GN_MSG_CONTACT_V6) &&
                               gn_contacts_from_wire(&q->subject, subject) == GN_OK);
}

static bool take_arguments(struct gn_msg_query *q, const msgpack_object_array *a)
{
    switch (q->method) {
    case GN_MSG_PING:
        q->has_nonce = !gn_pack_is_nil(a, AT_ARGUMENTS);
        return !q->has_nonce || gn_pack_copy(q->nonce, sizeof(q->nonce), a, AT_ARGUMENTS);
    case GN_MSG_GET:
        return take_get(q, a);
    case GN_MSG_PUT:
        return take_write(q, a) && take_optional_uint(&q->has_cas, &q->cas_seq, a, AT_ARGUMENTS + 2);
    case GN_MSG_ADD_PROVIDER:
        return take_write(q, a);
    case GN_MSG_PROBE_ME:
        return take_probe(q, a);
    default:
        /* none wanted, or a method of a later version: its arguments are not ours to judge */
        return true;
    }
}

enum gn_err gn_msg_query_decode(struct gn_msg_query *q, bool *txid_known, struct gn_slice body)
{
    struct gn_pack p;
    uint8_t txid[8];
    uint64_t method, flags;

    memset(q, 0, sizeof(*q));
    if (txid_known) {
        *txid_known = false;
    }
    if (gn_pack_parse(&p, body) != GN_OK || !gn_pack_copy(txid, sizeof(txid), &p.root, AT_TXID)) {
        return GN_E_MALFORMED;
    }
    q->txid = gn_load_u64(txid);
    if (txid_known) {
        *txid_known = true;
    }
    if (!gn_pack_uint(&method, &p.root, AT_METHOD, UINT16_MAX) ||
        !gn_pack_uint(&flags, &p.root, AT_FLAGS, UINT32_MAX) ||
        !gn_pack_copy(q->target.b, sizeof(q->target.b), &p.root, AT_TARGET)) {
        goto malformed;
    }
    q->method = (uint16_t)method;
    q->flags = (uint32_t)flags;
    if (take_arguments(q, &p.root)) {
        return GN_OK;
    }
malformed:
    *q = (struct gn_msg_query){.txid = gn_load_u64(txid)};
    return GN_E_MALFORMED;
}
