/* transport/http/h1_chunk.c - the chunked transfer coding. */
#include "transport/http/h1_chunk.h"

#include "base/check.h"

void gn_h1_chunk_init(struct gn_h1_chunk *c)
{
    *c = (struct gn_h1_chunk){.state = GN_H1_CHUNK_SIZE_FIRST};
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A byte of the chunk line behind the first digit. False: refused. */
static bool in_size(struct gn_h1_chunk *c, uint8_t byte)
{
    int digit = hex_digit(byte);
    if (c->state == GN_H1_CHUNK_SIZE && digit >= 0) {
        c->left = c->left << 4 | (uint64_t)digit;
        return ++c->digits <= 16 && c->left <= INT64_MAX;
    }
    if (byte == ';') {
        c->state = GN_H1_CHUNK_EXTENSION;
        return true;
    }
    if (byte == ' ' || byte == '\t') {
        c->state = GN_H1_CHUNK_BLANK;
        return true;
    }
    if (byte == '\r' && c->state == GN_H1_CHUNK_SIZE) {
        c->state = GN_H1_CHUNK_SIZE_LF;
        return true;
    }
    return false;
}

/* One byte that is not chunk data. False: refused. */
static bool step(struct gn_h1_chunk *c, uint8_t byte)
{
    switch (c->state) {
    case GN_H1_CHUNK_SIZE_FIRST:
        if (hex_digit(byte) < 0)
            return false;
        *c = (struct gn_h1_chunk){.state = GN_H1_CHUNK_SIZE, .left = (uint64_t)hex_digit(byte), .digits = 1, .line = 1};
        return true;
    case GN_H1_CHUNK_SIZE:
    case GN_H1_CHUNK_BLANK:
        return ++c->line <= GN_H1_CHUNK_LINE_MAX && in_size(c, byte);
    case GN_H1_CHUNK_EXTENSION:
        if (byte == '\r')
            c->state = GN_H1_CHUNK_SIZE_LF;
        else if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
        return ++c->line <= GN_H1_CHUNK_LINE_MAX;
    case GN_H1_CHUNK_SIZE_LF:
        c->state = c->left ? GN_H1_CHUNK_DATA : GN_H1_CHUNK_ENDED;
        return byte == '\n';
    case GN_H1_CHUNK_DATA_CR:
        c->state = GN_H1_CHUNK_DATA_LF;
        return byte == '\r';
    case GN_H1_CHUNK_DATA_LF:
        c->state = GN_H1_CHUNK_SIZE_FIRST;
        return byte == '\n';
    case GN_H1_CHUNK_DATA:
    case GN_H1_CHUNK_ENDED:
        break;
    }
    return false;
}

static enum gn_h1_chunk_result take_data(struct gn_h1_chunk *c, struct gn_slice *data, struct gn_slice *in)
{
    size_t len = in->len < c->left ? in->len : (size_t)c->left;
    *data = gn_slice_of(in->data, len);
    in->data += len;
    in->len -= len;
    c->left -= len;
    if (c->left == 0)
        c->state = GN_H1_CHUNK_DATA_CR;
    return GN_H1_CHUNK_BYTES;
}

enum gn_h1_chunk_result gn_h1_chunk_read(struct gn_h1_chunk *c, struct gn_slice *data, struct gn_slice *in)
{
    GN_CHECK(c->state != GN_H1_CHUNK_ENDED);
    while (in->len > 0) {
        if (c->state == GN_H1_CHUNK_DATA)
            return take_data(c, data, in);
        uint8_t byte = in->data[0];
        in->data++;
        in->len--;
        if (!step(c, byte))
            return GN_H1_CHUNK_BAD;
        if (c->state == GN_H1_CHUNK_ENDED)
            return GN_H1_CHUNK_LAST;
    }
    return GN_H1_CHUNK_MORE;
}

size_t gn_h1_chunk_write_head(uint8_t out[GN_H1_CHUNK_HEAD_MAX], uint64_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = 60;
    size_t n = 0;
    GN_CHECK(len > 0);
    while (shift > 0 && (len >> shift) == 0)
        shift -= 4;
    for (;; shift -= 4) {
        out[n++] = (uint8_t)digits[(len >> shift) & 15];
        if (shift == 0)
            break;
    }
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}
