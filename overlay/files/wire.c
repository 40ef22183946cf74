/* overlay/files/wire.c - the bytes of the file protocol. */
#include "overlay/files/wire.h"

#include <string.h>

#define LENGTH_MAX ((uint64_t)GN_FILE_WIRE_LEAVES_MAX * GN_FILE_WIRE_LEAF)
#define RANGE_BYTES_MAX (GN_FILE_WIRE_PROOF_MAX + GN_FILE_WIRE_GROUP * GN_FILE_WIRE_LEAF)

/* ---- requests ---- */

void gn_file_wire_request_write(uint8_t out[GN_FILE_WIRE_REQUEST], const struct gn_file_wire_request *r)
{
    out[0] = GN_FILE_WIRE_VERSION;
    out[1] = r->op;
    out[2] = r->flags;
    out[3] = 0;
    memcpy(out + 4, r->content.b, GN_ID_BYTES);
    gn_store_u32(out + 36, r->first);
    gn_store_u32(out + 40, r->count);
}

static bool range_ok(const struct gn_file_wire_request *r)
{
    return r->count > 0 && r->count <= GN_FILE_WIRE_GROUP && r->first < GN_FILE_WIRE_LEAVES_MAX &&
           r->first / GN_FILE_WIRE_GROUP == (r->first + (r->count - 1U)) / GN_FILE_WIRE_GROUP;
}

enum gn_err gn_file_wire_request_read(struct gn_file_wire_request *out, const uint8_t in[GN_FILE_WIRE_REQUEST])
{
    memset(out, 0, sizeof *out);
    if (in[0] != GN_FILE_WIRE_VERSION)
        return GN_E_VERSION;
    struct gn_file_wire_request r = {
        .op = in[1], .flags = in[2], .first = gn_load_u32(in + 36), .count = gn_load_u32(in + 40)};
    memcpy(r.content.b, in + 4, GN_ID_BYTES);
    bool ok = false;
    if (r.op == GN_FILE_WIRE_OP_INFO)
        ok = r.flags == 0 && r.first == 0 && r.count == 0;
    else if (r.op == GN_FILE_WIRE_OP_RANGE)
        ok = (r.flags & ~(unsigned)GN_FILE_WIRE_WANT_PROOF) == 0 && range_ok(&r);
    if (!ok || in[3] != 0)
        return GN_E_MALFORMED;
    *out = r;
    return GN_OK;
}

/* ---- replies ---- */

void gn_file_wire_reply_write(uint8_t out[GN_FILE_WIRE_REPLY], const struct gn_file_wire_reply *r)
{
    out[0] = GN_FILE_WIRE_VERSION;
    out[1] = r->op;
    out[2] = r->status;
    out[3] = r->flags;
    gn_store_u32(out + 4, r->len);
}

static bool reply_ok(const struct gn_file_wire_reply *r)
{
    if (r->status > GN_FILE_WIRE_STATUS_LAST)
        return false;
    if (r->op != GN_FILE_WIRE_OP_INFO && r->op != GN_FILE_WIRE_OP_RANGE)
        return false;
    if (r->status != GN_FILE_WIRE_OK)
        return r->flags == 0 && r->len == 0;
    if (r->op == GN_FILE_WIRE_OP_INFO) {
        if (r->flags == GN_FILE_WIRE_ALL)
            return r->len == GN_FILE_WIRE_INFO;
        return r->flags == 0 && r->len > GN_FILE_WIRE_INFO && r->len <= GN_FILE_WIRE_INFO + GN_FILE_WIRE_BITS_MAX;
    }
    if (r->flags == GN_FILE_WIRE_HAS_PROOF)
        return r->len > GN_FILE_WIRE_PROOF + 32U && r->len <= RANGE_BYTES_MAX;
    return r->flags == 0 && r->len > 0 && r->len <= GN_FILE_WIRE_GROUP * GN_FILE_WIRE_LEAF;
}

enum gn_err gn_file_wire_reply_read(struct gn_file_wire_reply *out, const uint8_t in[GN_FILE_WIRE_REPLY])
{
    memset(out, 0, sizeof *out);
    if (in[0] != GN_FILE_WIRE_VERSION)
        return GN_E_VERSION;
    struct gn_file_wire_reply r = {.op = in[1], .status = in[2], .flags = in[3], .len = gn_load_u32(in + 4)};
    if (!reply_ok(&r))
        return GN_E_MALFORMED;
    *out = r;
    return GN_OK;
}

/* ---- availability ---- */

void gn_file_wire_info_write(uint8_t out[GN_FILE_WIRE_INFO], uint64_t length, const uint8_t root[32])
{
    gn_store_u64(out, length);
    memcpy(out + 8, root, 32);
}

static uint64_t groups_of(uint64_t length)
{
    const uint64_t group = (uint64_t)GN_FILE_WIRE_GROUP * GN_FILE_WIRE_LEAF;
    return length / group + (length % group != 0);
}

size_t gn_file_wire_bits_len(uint64_t length)
{
    return (size_t)((groups_of(length) + 7U) / 8U);
}

enum gn_err gn_file_wire_info_read(struct gn_file_wire_info *out, struct gn_slice body, bool all)
{
    struct gn_reader r;
    memset(out, 0, sizeof *out);
    gn_reader_init(&r, body);
    struct gn_file_wire_info info = {.length = gn_reader_u64(&r), .all = all};
    gn_reader_copy(&r, info.root, sizeof info.root);
    if (r.failed)
        return GN_E_MALFORMED;
    if (info.length > LENGTH_MAX)
        return GN_E_LIMIT;
    size_t want = all ? 0 : gn_file_wire_bits_len(info.length);
    if (gn_reader_left(&r) != want || (!all && info.length == 0))
        return GN_E_MALFORMED;
    info.bits = gn_reader_take(&r, want);
    unsigned used = (unsigned)(groups_of(info.length) % 8U);
    if (want > 0 && used > 0 && (info.bits.data[want - 1U] & (0xffU >> used)) != 0)
        return GN_E_MALFORMED;
    *out = info;
    return GN_OK;
}

bool gn_file_wire_bit(struct gn_slice bits, uint64_t group)
{
    return group / 8U < bits.len && (bits.data[group / 8U] >> (7U - group % 8U)) & 1U;
}

void gn_file_wire_bit_set(uint8_t *bits, uint64_t group)
{
    bits[group / 8U] |= (uint8_t)(0x80U >> (group % 8U));
}

/* ---- proofs ---- */

void gn_file_wire_proof_write(uint8_t out[GN_FILE_WIRE_PROOF], size_t uncles, size_t leaves)
{
    out[0] = (uint8_t)uncles;
    gn_store_u16(out + 1, (uint16_t)leaves);
}

enum gn_err gn_file_wire_proof_read(size_t *uncles, size_t *leaves, const uint8_t in[GN_FILE_WIRE_PROOF])
{
    *uncles = in[0];
    *leaves = gn_load_u16(in + 1);
    return *uncles <= GN_FILE_WIRE_UNCLES_MAX && *leaves > 0 && *leaves <= GN_FILE_WIRE_GROUP ? GN_OK : GN_E_MALFORMED;
}

/* ---- pieces ---- */

void gn_file_wire_part_begin(struct gn_file_wire_part *p, uint8_t *buf, size_t want)
{
    *p = (struct gn_file_wire_part){.buf = buf, .want = want};
}

bool gn_file_wire_part_feed(struct gn_file_wire_part *p, struct gn_slice *data)
{
    size_t n = p->want - p->got;
    if (n > data->len)
        n = data->len;
    if (n > 0) {
        memcpy(p->buf + p->got, data->data, n);
        p->got += n;
        *data = gn_slice_of(data->data + n, data->len - n);
    }
    return p->got == p->want;
}
