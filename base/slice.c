/* base/slice.c - bounded readers and writers. */
#include "base/slice.h"

#include <string.h>

#include "base/check.h"

struct gn_slice gn_slice_str(const char *s)
{
    return gn_slice_of(s, strlen(s));
}

bool gn_slice_eq(struct gn_slice a, struct gn_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void gn_writer_init(struct gn_writer *w, uint8_t *data, size_t cap)
{
    GN_CHECK(data || cap == 0);
    *w = (struct gn_writer){.data = data, .cap = cap};
}

/* Room for len more bytes; NULL after an overflow. */
static uint8_t *claim(struct gn_writer *w, size_t len)
{
    uint8_t *p;

    if (w->overflow || len > w->cap - w->len) {
        w->overflow = true;
        return NULL;
    }
    p = w->data + w->len;
    w->len += len;
    return p;
}

void gn_writer_u8(struct gn_writer *w, uint8_t v)
{
    uint8_t *p = claim(w, 1);

    if (p) {
        *p = v;
    }
}

void gn_writer_u16(struct gn_writer *w, uint16_t v)
{
    uint8_t *p = claim(w, 2);

    if (p) {
        gn_store_u16(p, v);
    }
}

void gn_writer_u32(struct gn_writer *w, uint32_t v)
{
    uint8_t *p = claim(w, 4);

    if (p) {
        gn_store_u32(p, v);
    }
}

void gn_writer_u64(struct gn_writer *w, uint64_t v)
{
    uint8_t *p = claim(w, 8);

    if (p) {
        gn_store_u64(p, v);
    }
}

void gn_writer_bytes(struct gn_writer *w, const void *data, size_t len)
{
    uint8_t *p;

    if (len == 0) {
        return;
    }
    p = claim(w, len);
    if (p) {
        memcpy(p, data, len);
    }
}

void gn_writer_zeros(struct gn_writer *w, size_t len)
{
    uint8_t *p;

    if (len == 0) {
        return;
    }
    p = claim(w, len);
    if (p) {
        memset(p, 0, len);
    }
}

void gn_reader_init(struct gn_reader *r, struct gn_slice s)
{
    GN_CHECK(s.data || s.len == 0);
    *r = (struct gn_reader){.data = s.data, .len = s.len};
}

/* The next len bytes; NULL after a short read. */
static const uint8_t *advance(struct gn_reader *r, size_t len)
{
    const uint8_t *p;

    if (r->failed || len > r->len - r->at) {
        r->failed = true;
        return NULL;
    }
    p = r->data + r->at;
    r->at += len;
    return p;
}

uint8_t gn_reader_u8(struct gn_reader *r)
{
    const uint8_t *p = advance(r, 1);

    return p ? *p : 0;
}

uint16_t gn_reader_u16(struct gn_reader *r)
{
    const uint8_t *p = advance(r, 2);

    return p ? gn_load_u16(p) : 0;
}

uint32_t gn_reader_u32(struct gn_reader *r)
{
    const uint8_t *p = advance(r, 4);

    return p ? gn_load_u32(p) : 0;
}

uint64_t gn_reader_u64(struct gn_reader *r)
{
    const uint8_t *p = advance(r, 8);

    return p ? gn_load_u64(p) : 0;
}

struct gn_slice gn_reader_take(struct gn_reader *r, size_t len)
{
    const uint8_t *p;

    if (len == 0) {
        return gn_slice_of(NULL, 0);
    }
    p = advance(r, len);
    return p ? gn_slice_of(p, len) : gn_slice_of(NULL, 0);
}

void gn_reader_copy(struct gn_reader *r, void *out, size_t len)
{
    const uint8_t *p;

    if (len == 0) {
        return;
    }
    p = advance(r, len);
    if (p) {
        memcpy(out, p, len);
    } else {
        memset(out, 0, len);
    }
}

size_t gn_reader_left(const struct gn_reader *r)
{
    return r->failed ? 0 : r->len - r->at;
}

uint16_t gn_load_u16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

uint32_t gn_load_u32(const uint8_t *p)
{
    return (uint32_t)gn_load_u16(p) << 16 | gn_load_u16(p + 2);
}

uint64_t gn_load_u64(const uint8_t *p)
{
    return (uint64_t)gn_load_u32(p) << 32 | gn_load_u32(p + 4);
}

void gn_store_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void gn_store_u32(uint8_t *p, uint32_t v)
{
    gn_store_u16(p, (uint16_t)(v >> 16));
    gn_store_u16(p + 2, (uint16_t)v);
}

void gn_store_u64(uint8_t *p, uint64_t v)
{
    gn_store_u32(p, (uint32_t)(v >> 32));
    gn_store_u32(p + 4, (uint32_t)v);
}
