/* overlay/msg/pack.h - the part of MessagePack that we speak, read without allocating and written into a fixed buffer.
 *
 * Life: a parsed gn_pack borrows its bytes. Threads: any. Purity: pure. Used by the codecs of this folder only.
 *
 * Only nil, false, true, unsigned integers, bin and arrays, all in their shortest forms, at most GN_PACK_CELLS_MAX
 * values in all and GN_PACK_DEPTH_MAX arrays deep; the outermost value is an array and nothing follows it. This is
 * checked byte by byte before msgpack-c sees the bytes, so that a header which promises four billion elements costs
 * nothing.
 */
#ifndef GN_OVERLAY_MSG_PACK_H
#define GN_OVERLAY_MSG_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/err.h"
#include "base/slice.h"

#define GN_PACK_CELLS_MAX 64U
#define GN_PACK_DEPTH_MAX 4U

/* About 1.5 KiB: lives on the stack of a decoder. */
struct gn_pack {
    msgpack_object_array root;
    msgpack_object cells[GN_PACK_CELLS_MAX];
};

/* MALFORMED: outside the rules above. */
GN_MUST_CHECK enum gn_err gn_pack_parse(struct gn_pack *p, struct gn_slice bytes);

/* Element `index` of an array; false when it is absent or not as wanted, then *out is unchanged. */
bool gn_pack_uint(uint64_t *out, const msgpack_object_array *a, size_t index, uint64_t max);
bool gn_pack_bin(struct gn_slice *out, const msgpack_object_array *a, size_t index, size_t len_min, size_t len_max);
bool gn_pack_copy(uint8_t *out, size_t len, const msgpack_object_array *a, size_t index); /* a bin of exactly len */
bool gn_pack_array(msgpack_object_array *out, const msgpack_object_array *a, size_t index, size_t len_max);
/* Absent or nil. */
bool gn_pack_is_nil(const msgpack_object_array *a, size_t index);

/* Writing: overflow stays in the writer, look there once at the end. */
void gn_pack_put_array(struct gn_writer *w, size_t len);
void gn_pack_put_uint(struct gn_writer *w, uint64_t v);
void gn_pack_put_bin(struct gn_writer *w, const void *data, size_t len);
void gn_pack_put_nil(struct gn_writer *w);
/* Bytes that a bin of this length takes with its header. */
size_t gn_pack_bin_size(size_t len);

#endif
