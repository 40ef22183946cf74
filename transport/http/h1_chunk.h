/* transport/http/h1_chunk.h - takes the chunked transfer coding apart, and writes it (RFC 9112 section 7.1).
 *
 * Life: caller's memory. Threads: one owner. Purity: pure.
 *
 * Strict: CRLF only, 1 to 16 hex digits, a bounded chunk line. Chunk extensions are skipped, as section 7.1.1 says.
 */
#ifndef GN_TRANSPORT_HTTP_H1_CHUNK_H
#define GN_TRANSPORT_HTTP_H1_CHUNK_H

#include <stdint.h>

#include "base/slice.h"

#define GN_H1_CHUNK_LINE_MAX 256U

enum gn_h1_chunk_state {
    GN_H1_CHUNK_SIZE_FIRST,
    GN_H1_CHUNK_SIZE,
    GN_H1_CHUNK_BLANK, /* between the size and the ';' of an extension */
    GN_H1_CHUNK_EXTENSION,
    GN_H1_CHUNK_SIZE_LF,
    GN_H1_CHUNK_DATA,
    GN_H1_CHUNK_DATA_CR,
    GN_H1_CHUNK_DATA_LF,
    GN_H1_CHUNK_ENDED,
};

struct gn_h1_chunk {
    enum gn_h1_chunk_state state;
    uint64_t left; /* bytes of the chunk at hand */
    unsigned line; /* bytes of the chunk line so far */
    unsigned digits;
};

enum gn_h1_chunk_result {
    GN_H1_CHUNK_MORE,  /* everything consumed, nothing to hand out */
    GN_H1_CHUNK_BYTES, /* *data is filled */
    GN_H1_CHUNK_LAST,  /* the line of the last chunk is consumed; the trailer section follows */
    GN_H1_CHUNK_BAD,
};

void gn_h1_chunk_init(struct gn_h1_chunk *c);
/* Consumes from *in. After LAST or BAD it must not be called again. *data borrows from *in. */
enum gn_h1_chunk_result gn_h1_chunk_read(struct gn_h1_chunk *c, struct gn_slice *data, struct gn_slice *in);

#define GN_H1_CHUNK_HEAD_MAX 18U
/* The line in front of a chunk of len bytes (len > 0); behind the chunk goes "\r\n", at the end "0\r\n\r\n". */
size_t gn_h1_chunk_write_head(uint8_t out[GN_H1_CHUNK_HEAD_MAX], uint64_t len);

#endif
