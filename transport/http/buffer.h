/* transport/http/buffer.h - bytes that wait: appended at the end, consumed at the front.
 *
 * Life: caller's memory, zeroed to begin with; gn_buffer_fini frees. Threads: one owner. Purity: pure.
 */
#ifndef GN_TRANSPORT_HTTP_BUFFER_H
#define GN_TRANSPORT_HTTP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/slice.h"

struct gn_buffer {
    uint8_t *data;
    size_t at;  /* the first byte that counts */
    size_t len; /* from there */
    size_t cap;
};

/* Copies. False: out of memory, nothing was appended. Who appends bounds the size. */
bool gn_buffer_append(struct gn_buffer *b, const struct gn_alloc *alloc, const void *data, size_t len);
void gn_buffer_consume(struct gn_buffer *b, size_t len); /* len <= b->len */
/* Empties; memory beyond a few KiB is given back. */
void gn_buffer_clear(struct gn_buffer *b, const struct gn_alloc *alloc);
void gn_buffer_fini(struct gn_buffer *b, const struct gn_alloc *alloc);
struct gn_slice gn_buffer_slice(const struct gn_buffer *b); /* borrowed until the next change */

#endif
