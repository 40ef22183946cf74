/* overlay/files/wire.h - the file protocol on a QUIC stream: requests, reply headers, proofs.
 *
 * Life: plain values. Threads: one owner. Purity: pure. Format: docs/PROTOCOL.md, "Files".
 *
 * Who wants content opens a stream and writes requests one after the other, without waiting; the replies come in the
 * same order. Numbers are big endian.
 *
 *   request  version 1 u8 | op u8 | flags u8 | 0 u8 | content id 32 | first leaf u32 | count u32            44 bytes
 *   reply    version 1 u8 | op u8 | status u8 | flags u8 | length of what follows u32                        8 bytes
 *
 *   INFO OK  length u64 | root 32 | availability: nothing with flag ALL, else one bit per group of 256 leaves, the
 *            first group is the highest bit of the first byte
 *   RANGE OK with flag PROOF: uncles u8 | leaves u16 | uncles * 32 | leaves * 32; then the bytes of the leaves
 *   any other status: nothing
 *
 * A range lies inside one group of 256 leaves. Its proof is that of the whole group (what is left of it at the end of
 * the file): the hashes of all leaves of the group and the uncles of the group, lowest first.
 */
#ifndef GN_OVERLAY_FILES_WIRE_H
#define GN_OVERLAY_FILES_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"

#define GN_FILE_WIRE_VERSION 1U
#define GN_FILE_WIRE_REQUEST 44U
#define GN_FILE_WIRE_REPLY 8U
#define GN_FILE_WIRE_INFO 40U /* of an INFO reply without availability */
#define GN_FILE_WIRE_PROOF 3U /* of a proof before its hashes */
#define GN_FILE_WIRE_GROUP 256U
#define GN_FILE_WIRE_LEAF 16384U
#define GN_FILE_WIRE_UNCLES_MAX 30U
#define GN_FILE_WIRE_LEAVES_MAX (UINT32_C(1) << 30)
#define GN_FILE_WIRE_BITS_MAX (512U * 1024U) /* bytes of availability: a file of 16 TiB */
#define GN_FILE_WIRE_PROOF_MAX (GN_FILE_WIRE_PROOF + 32U * (GN_FILE_WIRE_UNCLES_MAX + GN_FILE_WIRE_GROUP))
#define GN_FILE_WIRE_PENDING_MAX 64U /* requests that a peer may have unanswered on one stream; more end the stream */

enum gn_file_wire_op { GN_FILE_WIRE_OP_INFO = 1, GN_FILE_WIRE_OP_RANGE = 2 };
enum gn_file_wire_request_flag { GN_FILE_WIRE_WANT_PROOF = 1U };
enum gn_file_wire_reply_flag { GN_FILE_WIRE_ALL = 1U, GN_FILE_WIRE_HAS_PROOF = 2U };

enum gn_file_wire_status {
    GN_FILE_WIRE_OK = 0,
    GN_FILE_WIRE_NOT_FOUND = 1, /* this content is not served here */
    GN_FILE_WIRE_NOT_HERE = 2,  /* it is being fetched, and this range is not here yet */
    GN_FILE_WIRE_BUSY = 3,      /* ask again later */
    GN_FILE_WIRE_CHANGED = 4,   /* the file was changed: it is not served any more */
    GN_FILE_WIRE_FAILED = 5,    /* it could not be read */
    GN_FILE_WIRE_BAD_RANGE = 6, /* the file has no such range */
};
#define GN_FILE_WIRE_STATUS_LAST GN_FILE_WIRE_BAD_RANGE

struct gn_file_wire_request {
    uint8_t op;    /* enum gn_file_wire_op */
    uint8_t flags; /* enum gn_file_wire_request_flag */
    struct gn_id content;
    uint32_t first, count; /* leaves; 0 and 0 with INFO */
};
struct gn_file_wire_reply {
    uint8_t op;
    uint8_t status; /* enum gn_file_wire_status */
    uint8_t flags;  /* enum gn_file_wire_reply_flag */
    uint32_t len;   /* bytes that follow */
};
struct gn_file_wire_info {
    uint64_t length;
    uint8_t root[32];
    bool all;             /* everything is there */
    struct gn_slice bits; /* else; borrowed */
};

void gn_file_wire_request_write(uint8_t out[GN_FILE_WIRE_REQUEST], const struct gn_file_wire_request *r);
/* VERSION. MALFORMED: unknown op or flag, a range that is empty, crosses a group or lies behind 2^30 leaves, INFO with
 * a range. */
GN_MUST_CHECK enum gn_err gn_file_wire_request_read(struct gn_file_wire_request *out,
                                                    const uint8_t in[GN_FILE_WIRE_REQUEST]);
void gn_file_wire_reply_write(uint8_t out[GN_FILE_WIRE_REPLY], const struct gn_file_wire_reply *r);
/* VERSION. MALFORMED: unknown op, status or flag, a length that such a reply cannot have. */
GN_MUST_CHECK enum gn_err gn_file_wire_reply_read(struct gn_file_wire_reply *out, const uint8_t in[GN_FILE_WIRE_REPLY]);

/* The fixed part of an INFO reply's body; the availability follows. */
void gn_file_wire_info_write(uint8_t out[GN_FILE_WIRE_INFO], uint64_t length, const uint8_t root[32]);
/* Reads the whole body; borrows it. `all` is the flag of the reply. MALFORMED: the availability has another length than
 * the file needs, or bits behind the end. LIMIT: the file is longer than 2^44 bytes. */
GN_MUST_CHECK enum gn_err gn_file_wire_info_read(struct gn_file_wire_info *out, struct gn_slice body, bool all);
/* Bytes of availability of a file of `length` bytes. */
size_t gn_file_wire_bits_len(uint64_t length);
bool gn_file_wire_bit(struct gn_slice bits, uint64_t group);
void gn_file_wire_bit_set(uint8_t *bits, uint64_t group);

/* The fixed part of a proof; the hashes follow. */
void gn_file_wire_proof_write(uint8_t out[GN_FILE_WIRE_PROOF], size_t uncles, size_t leaves);
/* MALFORMED: more than there can be, or no leaves. */
GN_MUST_CHECK enum gn_err gn_file_wire_proof_read(size_t *uncles, size_t *leaves, const uint8_t in[GN_FILE_WIRE_PROOF]);

/* ---- a stream in pieces: collects `want` bytes however they come ---- */

struct gn_file_wire_part {
    uint8_t *buf; /* the caller's */
    size_t want, got;
};
void gn_file_wire_part_begin(struct gn_file_wire_part *p, uint8_t *buf, size_t want);
/* Takes what it needs off the front of *data. True: all `want` bytes are in buf. */
bool gn_file_wire_part_feed(struct gn_file_wire_part *p, struct gn_slice *data);

#endif
