/* overlay/msg/pack.c - checks the structure first, then lets msgpack-c decode into the caller's cells. */
#include "overlay/msg/pack.h"

#include <string.h>

#include "base/check.h"

/* ---- The structural check ---- */

struct scan {
    struct gn_reader r;
    uint32_t cells; /* values inside arrays, so far promised */
    uint32_t left[GN_PACK_DEPTH_MAX];
    size_t depth;
};

static bool scan_skip(struct scan *s, size_t len)
{
    (void)gn_reader_take(&s->r, len);
    return !s->r.failed;
}

static bool scan_enter(struct scan *s, uint32_t len)
{
    /* every element takes at least one byte, so the rest of the bytes bounds the length too */
    if (s->depth == GN_PACK_DEPTH_MAX || len > GN_PACK_CELLS_MAX - s->cells || len > gn_reader_left(&s->r)) {
        return false;
    }
    s->cells += len;
    s->left[s->depth] = len;
    s->depth++;
    return true;
}

/* An integer with a header of its own: `floor` is the smallest value that needs this form. */
static bool scan_uint(struct scan *s, uint8_t tag)
{
    switch (tag) {
    case 0xcc:
        return gn_reader_u8(&s->r) >= 0x80U;
    case 0xcd:
        return gn_reader_u16(&s->r) > UINT8_MAX;
    case 0xce:
        return gn_reader_u32(&s->r) > UINT16_MAX;
    default:
        return gn_reader_u64(&s->r) > UINT32_MAX;
    }
}

static bool scan_bin(struct scan *s, uint8_t tag)
{
    uint32_t len;

    switch (tag) {
    case 0xc4:
        return scan_skip(s, gn_reader_u8(&s->r));
    case 0xc5:
        len = gn_reader_u16(&s->r);
        return len > UINT8_MAX && scan_skip(s, len);
    default:
        len = gn_reader_u32(&s->r);
        return len > UINT16_MAX && scan_skip(s, len);
    }
}

static bool scan_value(struct scan *s)
{
    uint8_t tag = gn_reader_u8(&s->r);

    if (s->r.failed) {
        return false;
    }
    if (tag <= 0x7fU || tag == 0xc0U || tag == 0xc2U || tag == 0xc3U) { /* small number, nil, false, true */
        return true;
    }
    if (tag >= 0x90U && tag <= 0x9fU) {
        return scan_enter(s, tag & 0x0fU);
    }
    if (tag == 0xdcU) {
        uint16_t len = gn_reader_u16(&s->r);
        return len > 15U && scan_enter(s, len);
    }
    if (tag >= 0xc4U && tag <= 0xc6U) {
        return scan_bin(s, tag);
    }
    return tag >= 0xccU && tag <= 0xcfU && scan_uint(s, tag);
}

static bool scan_all(struct gn_slice bytes)
{
    struct scan s = {.cells = 0};

    gn_reader_init(&s.r, bytes);
    if (!scan_value(&s) || s.depth != 1) {
        return false;
    }
    while (s.depth > 0) {
        if (s.left[s.depth - 1] == 0) {
            s.depth--;
            continue;
        }
        s.left[s.depth - 1]--;
        if (!scan_value(&s)) {
            return false;
        }
    }
    return gn_reader_left(&s.r) == 0;
}

/* ---- Decoding ---- */

enum gn_err gn_pack_parse(struct gn_pack *p, struct gn_slice bytes)
{
    msgpack_zone zone = {.chunk_size = 0};
    msgpack_object root;
    size_t at = 0;

    p->root = (msgpack_object_array){.size = 0, .ptr = NULL};
    if (!scan_all(bytes)) {
        return GN_E_MALFORMED;
    }
    /* A zone over our own cells. The scan has counted them, so msgpack-c never asks for more and never allocates. */
    zone.chunk_list.free = sizeof(p->cells);
    zone.chunk_list.ptr = (char *)p->cells;
    if (msgpack_unpack((const char *)bytes.data, bytes.len, &at, &zone, &root) != MSGPACK_UNPACK_SUCCESS) {
        return GN_E_MALFORMED;
    }
    GN_CHECK(!zone.chunk_list.head && at == bytes.len && root.type == MSGPACK_OBJECT_ARRAY);
    p->root = root.via.array;
    return GN_OK;
}

static const msgpack_object *cell(const msgpack_object_array *a, size_t index)
{
    return index < a->size ? &a->ptr[index] : NULL;
}

bool gn_pack_uint(uint64_t *out, const msgpack_object_array *a, size_t index, uint64_t max)
{
    const msgpack_object *o = cell(a, index);

    if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max) {
        return false;
    }
    *out = o->via.u64;
    return true;
}

bool gn_pack_bin(struct gn_slice *out, const msgpack_object_array *a, size_t index, size_t len_min, size_t len_max)
{
    const msgpack_object *o = cell(a, index);

    if (!o || o->type != MSGPACK_OBJECT_BIN || o->via.bin.size < len_min || o->via.bin.size > len_max) {
        return false;
    }
    *out = gn_slice_of(o->via.bin.ptr, o->via.bin.size);
    return true;
}

bool gn_pack_copy(uint8_t *out, size_t len, const msgpack_object_array *a, size_t index)
{
    struct gn_slice s;

    if (!gn_pack_bin(&s, a, index, len, len)) {
        return false;
    }
    memcpy(out, s.data, len);
    return true;
}

bool gn_pack_array(msgpack_object_array *out, const msgpack_object_array *a, size_t index, size_t len_max)
{
    const msgpack_object *o = cell(a, index);

    if (!o || o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size > len_max) {
        return false;
    }
    *out = o->via.array;
    return true;
}

bool gn_pack_is_nil(const msgpack_object_array *a, size_t index)
{
    const msgpack_object *o = cell(a, index);

    return !o || o->type == MSGPACK_OBJECT_NIL;
}

/* ---- Writing ---- */

static int write_bytes(void *data, const char *bytes, size_t len)
{
    struct gn_writer *w = (struct gn_writer *)data;

    gn_writer_bytes(w, bytes, len);
    return w->overflow ? -1 : 0;
}

static msgpack_packer packer(struct gn_writer *w)
{
    return (msgpack_packer){.data = w, .callback = write_bytes};
}

void gn_pack_put_array(struct gn_writer *w, size_t len)
{
    msgpack_packer pk = packer(w);

    (void)msgpack_pack_array(&pk, len);
}

void gn_pack_put_uint(struct gn_writer *w, uint64_t v)
{
    msgpack_packer pk = packer(w);

    (void)msgpack_pack_uint64(&pk, v);
}

void gn_pack_put_bin(struct gn_writer *w, const void *data, size_t len)
{
    msgpack_packer pk = packer(w);

    (void)msgpack_pack_bin(&pk, len);
    gn_writer_bytes(w, data, len);
}

void gn_pack_put_nil(struct gn_writer *w)
{
    msgpack_packer pk = packer(w);

    (void)msgpack_pack_nil(&pk);
}

size_t gn_pack_bin_size(size_t len)
{
    if (len <= UINT8_MAX) {
        return 2U + len;
    }
    return (len <= UINT16_MAX ? 3U : 5U) + len;
}
