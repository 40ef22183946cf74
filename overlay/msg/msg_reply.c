/* overlay/msg/msg_reply.c - replies, to bytes and back. */
#include <string.h>

#include "overlay/msg/contacts.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/pack.h"

enum { AT_TXID, AT_STATUS, AT_TOKEN, AT_CONTACTS_V4, AT_CONTACTS_V6, AT_VALUE };

static size_t count_family(const struct gn_msg_reply *r, uint8_t family)
{
    size_t n = 0;

    for (size_t i = 0; i < r->contacts_len; i++) {
        n += r->contacts[i].addr.family == family ? 1U : 0U;
    }
    return n;
}

static bool has_value(const struct gn_msg_reply *r)
{
    return r->values_is_list || r->values_len > 0;
}

/* ---- Encoding ---- */

static bool is_valid(const struct gn_msg_reply *r)
{
    if (r->contacts_len > GN_MSG_CONTACTS_MAX || r->values_len > (r->values_is_list ? GN_MSG_VALUES_MAX : 1U)) {
        return false;
    }
    for (size_t i = 0; i < r->values_len; i++) {
        if (r->values[i].len == 0 || r->values[i].len > GN_MSG_RECORD_MAX) {
            return false;
        }
    }
    return count_family(r, GN_ADDR_V4) + count_family(r, GN_ADDR_V6) == r->contacts_len;
}

static void put_contacts(struct gn_writer *w, const struct gn_msg_reply *r, uint8_t family)
{
    uint8_t wire[GN_MSG_CONTACTS_MAX * GN_CONTACTS_WIRE_MAX];
    size_t len = 0;

    for (size_t i = 0; i < r->contacts_len; i++) {
        if (r->contacts[i].addr.family == family) {
            len += gn_contacts_to_wire(wire + len, &r->contacts[i]);
        }
    }
    if (len == 0) {
        gn_pack_put_nil(w);
    } else {
        gn_pack_put_bin(w, wire, len);
    }
}

static void put_value(struct gn_writer *w, const struct gn_msg_reply *r)
{
    if (r->values_is_list) {
        gn_pack_put_array(w, r->values_len);
    }
    for (size_t i = 0; i < r->values_len; i++) {
        gn_pack_put_bin(w, r->values[i].data, r->values[i].len);
    }
}

enum gn_err gn_msg_reply_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_msg_reply *r)
{
    struct gn_writer w;
    uint8_t txid[8];
    size_t elements = AT_CONTACTS_V4 + 1;

    if (!is_valid(r)) {
        return GN_E_INVALID;
    }
    /* nil at the end is left out */
    if (has_value(r)) {
        elements = AT_VALUE + 1;
    } else if (count_family(r, GN_ADDR_V6) > 0) {
        elements = AT_CONTACTS_V6 + 1;
    }
    gn_store_u64(txid, r->txid);
    gn_writer_init(&w, out, cap);
    gn_pack_put_array(&w, elements);
    gn_pack_put_bin(&w, txid, sizeof(txid));
    gn_pack_put_uint(&w, r->status);
    if (r->has_token) {
        gn_pack_put_bin(&w, r->token, sizeof(r->token));
    } else {
        gn_pack_put_nil(&w);
    }
    put_contacts(&w, r, GN_ADDR_V4);
    if (elements > AT_CONTACTS_V6) {
        put_contacts(&w, r, GN_ADDR_V6);
    }
    put_value(&w, r);
    if (w.overflow) {
        return GN_E_LIMIT;
    }
    *out_len = w.len;
    return GN_OK;
}

static size_t contacts_size(size_t n, size_t each)
{
    return n == 0 ? 1U : gn_pack_bin_size(n * each);
}

size_t gn_msg_reply_size(const struct gn_msg_reply *r)
{
    size_t v6 = count_family(r, GN_ADDR_V6);
    size_t size = 1U + 10U + (r->status < 128U ? 1U : 2U) + (r->has_token ? 2U + GN_MSG_TOKEN_BYTES : 1U);

    size += contacts_size(count_family(r, GN_ADDR_V4), GN_MSG_CONTACT_V4);
    if (v6 > 0 || has_value(r)) {
        size += contacts_size(v6, GN_MSG_CONTACT_V6);
    }
    if (r->values_is_list) {
        size += r->values_len < 16U ? 1U : 3U;
    }
    for (size_t i = 0; i < r->values_len; i++) {
        size += gn_pack_bin_size(r->values[i].len);
    }
    return size;
}

/* ---- Decoding ---- */

static bool take_contacts(struct gn_msg_reply *r, const msgpack_object_array *a, size_t index, size_t each)
{
    struct gn_slice wire;
    size_t room = (GN_MSG_CONTACTS_MAX - r->contacts_len) * each;

    if (gn_pack_is_nil(a, index)) {
        return true;
    }
    if (!gn_pack_bin(&wire, a, index, each, room) || wire.len % each != 0) {
        return false;
    }
    for (size_t at = 0; at < wire.len; at += each) {
        if (gn_contacts_from_wire(&r->contacts[r->contacts_len], gn_slice_of(wire.data + at, each)) != GN_OK) {
            return false;
        }
        r->contacts_len++;
    }
    return true;
}

static bool take_value(struct gn_msg_reply *r, const msgpack_object_array *a)
{
    msgpack_object_array list;

    if (gn_pack_is_nil(a, AT_VALUE)) {
        return true;
    }
    if (gn_pack_bin(&r->values[0], a, AT_VALUE, 1, GN_MSG_RECORD_MAX)) {
        r->values_len = 1;
        return true;
    }
    if (!gn_pack_array(&list, a, AT_VALUE, GN_MSG_VALUES_MAX)) {
        return false;
    }
    r->values_is_list = true;
    for (size_t i = 0; i < list.size; i++) {
        if (!gn_pack_bin(&r->values[i], &list, i, 1, GN_MSG_RECORD_MAX)) {
            return false;
        }
        r->values_len++;
    }
    return true;
}

static bool take_reply(struct gn_msg_reply *r, const msgpack_object_array *a)
{
    uint8_t txid[8];
    uint64_t status;

    if (a->size <= AT_CONTACTS_V4 || !gn_pack_copy(txid, sizeof(txid), a, AT_TXID) ||
        !gn_pack_uint(&status, a, AT_STATUS, UINT8_MAX)) {
        return false;
    }
    r->txid = gn_load_u64(txid);
    r->status = (uint8_t)status;
    r->has_token = !gn_pack_is_nil(a, AT_TOKEN);
    if (r->has_token && !gn_pack_copy(r->token, sizeof(r->token), a, AT_TOKEN)) {
        return false;
    }
    return take_contacts(r, a, AT_CONTACTS_V4, GN_MSG_CONTACT_V4) &&
           take_contacts(r, a, AT_CONTACTS_V6, GN_MSG_CONTACT_V6) && take_value(r, a);
}

enum gn_err gn_msg_reply_decode(struct gn_msg_reply *r, struct gn_slice body)
{
    struct gn_pack p;

    memset(r, 0, sizeof(*r));
    if (gn_pack_parse(&p, body) == GN_OK && take_reply(r, &p.root)) {
        return GN_OK;
    }
    memset(r, 0, sizeof(*r));
    return GN_E_MALFORMED;
}
