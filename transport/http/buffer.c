/* transport/http/buffer.c - bytes that wait. */
#include "transport/http/buffer.h"

#include <string.h>

#include "base/check.h"

#define FIRST 1024U
#define KEEP_MAX 4096U /* an emptied buffer larger than this is freed */

bool gn_buffer_append(struct gn_buffer *b, const struct gn_alloc *alloc, const void *data, size_t len)
{
    if (len == 0)
        return true;
    if (b->cap - b->at - b->len < len) {
        size_t cap = b->cap ? b->cap : FIRST;
        while (cap - b->len < len)
            cap *= 2;
        if (b->at > 0 && b->len > 0)
            memmove(b->data, b->data + b->at, b->len);
        b->at = 0;
        if (cap > b->cap) {
            uint8_t *grown = gn_alloc_resize(alloc, b->data, cap);
            if (!grown)
                return false;
            b->data = grown;
            b->cap = cap;
        }
    }
    memcpy(b->data + b->at + b->len, data, len);
    b->len += len;
    return true;
}

void gn_buffer_consume(struct gn_buffer *b, size_t len)
{
    GN_CHECK(len <= b->len);
    b->at += len;
    b->len -= len;
    if (b->len == 0)
        b->at = 0;
}

void gn_buffer_clear(struct gn_buffer *b, const struct gn_alloc *alloc)
{
    b->at = 0;
    b->len = 0;
    if (b->cap > KEEP_MAX)
        gn_buffer_fini(b, alloc);
}

void gn_buffer_fini(struct gn_buffer *b, const struct gn_alloc *alloc)
{
    gn_alloc_free(alloc, b->data);
    *b = (struct gn_buffer){NULL, 0, 0, 0};
}

struct gn_slice gn_buffer_slice(const struct gn_buffer *b)
{
    return gn_slice_of(b->len ? b->data + b->at : NULL, b->len);
}
