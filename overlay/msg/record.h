/* overlay/msg/record.h - the three kinds of records that the network keeps: their one encoding, signatures, order.
 *
 * Life: plain values; a decoded record borrows value and salt from its bytes. Threads: any.
 * Purity: pure; wall-clock time is an argument. Format: docs/PROTOCOL.md, "Records". MessagePack, one encoding only:
 *
 *   immutable [1, version 1, expiry uint, value bin]                                    target = BLAKE2b-256(value)
 *   mutable   [2, version 1, owner bin32, salt bin, seq uint, expiry uint, flags uint, value bin, sig bin64]
 *                                                                                target = BLAKE2b-256(owner | salt)
 *   provider  [3, version 1, content bin32, node bin32, [address bin6 or bin18...], expiry uint, sig bin64]
 *                                                                                                  target = content
 *
 * sig = Ed25519(label | BLAKE2b-256(all bytes of the record before the sig element)); label is "ghostnet/1 m" or
 * "ghostnet/1 p", 12 bytes. The network id is not signed: records are kept apart by the transport, which does not let
 * a stranger in, and an owner may carry a record of his from one network to another.
 * expiry is in seconds since 1970. That of an immutable record is a wish, set by whoever stores it and cut by the
 * holder.
 */
#ifndef GN_OVERLAY_MSG_RECORD_H
#define GN_OVERLAY_MSG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"
#include "overlay/env.h"

enum gn_record_kind {
    GN_RECORD_IMMUTABLE = 1,
    GN_RECORD_MUTABLE = 2,
    GN_RECORD_PROVIDER = 3,
};

enum gn_record_flags {
    GN_RECORD_TOMBSTONE = 1U << 0, /* deleted: the value is empty */
};

#define GN_RECORD_VALUE_MAX 65536U
#define GN_RECORD_SALT_MAX 64U
#define GN_RECORD_ADDRS_MAX 8U
#define GN_RECORD_BYTES_MAX 66048U /* no encoding is longer */
#define GN_RECORD_TTL_DEFAULT UINT64_C(7200)
#define GN_RECORD_TTL_MAX UINT64_C(172800)     /* 48 h */
#define GN_RECORD_TTL_PROVIDER UINT64_C(86400) /* 24 h */
#define GN_RECORD_SKEW UINT64_C(300)           /* how much another clock may be ahead of ours */

struct gn_record {
    uint8_t kind; /* enum gn_record_kind */
    gn_wall_s expiry;
    struct gn_id target;   /* computed (immutable, mutable) or the content (provider) */
    struct gn_id owner;    /* mutable: who signs; provider: the node that has the content; else zero */
    struct gn_slice salt;  /* mutable */
    uint64_t seq;          /* mutable */
    uint8_t flags;         /* mutable: enum gn_record_flags */
    struct gn_slice value; /* immutable, mutable */
    struct gn_addr addrs[GN_RECORD_ADDRS_MAX]; /* provider */
    size_t addrs_len;
    uint8_t sig[64];              /* mutable, provider */
    struct gn_slice signed_bytes; /* after decoding: the bytes before the sig element */
};

/* Fills *out and its target; judges the form only. MALFORMED: not the one encoding of a record. VERSION: a version or
 * kind that we do not know. *out is zero after an error. */
GN_MUST_CHECK enum gn_err gn_record_decode(struct gn_record *out, struct gn_slice bytes,
                                           const struct gn_crypto *crypto);
/* Encodes, with r->sig as it is. LIMIT: longer than cap. INVALID: a field is out of range (value, salt, address count,
 * a tombstone with a value, an unknown flag or kind). r->target is not looked at, except as a provider's content. */
GN_MUST_CHECK enum gn_err gn_record_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_record *r);
/* Signs with this node's identity, which must be r->owner (else verify says AUTH), and encodes; sets r->sig. Errors as
 * encode. An immutable record is only encoded. */
GN_MUST_CHECK enum gn_err gn_record_sign(struct gn_record *r, uint8_t *out, size_t *out_len, size_t cap,
                                         const struct gn_crypto *crypto);
/* Sets r->target from the other fields; a provider's stays. */
void gn_record_set_target(struct gn_record *r, const struct gn_crypto *crypto);

/* Is the decoded record one to accept now? AUTH: the signature is wrong. EXPIRED. LIMIT: it expires later than is
 * allowed (48 h, providers 24 h, and 5 min for the clocks); never for an immutable record, see gn_record_expiry. */
GN_MUST_CHECK enum gn_err gn_record_verify(const struct gn_record *r, const struct gn_crypto *crypto, gn_wall_s wall);
/* Decode, `kind` and `target` as wanted (else MALFORMED), verify: all in one. kind 0, target NULL: any. */
GN_MUST_CHECK enum gn_err gn_record_open(struct gn_record *out, struct gn_slice bytes, uint8_t kind,
                                         const struct gn_id *target, const struct gn_crypto *crypto, gn_wall_s wall);
/* Until when a holder keeps it: its own expiry, at most the longest time allowed from now. */
gn_wall_s gn_record_expiry(const struct gn_record *r, gn_wall_s wall);
/* The longest time that this kind may live without being stored again, in seconds. */
gn_wall_s gn_record_ttl_max(uint8_t kind);

/* < 0, 0, > 0: a is older than, the same as, newer than b; both decoded, of one kind, target and owner. Every node
 * comes to the same result: mutable by seq, then BLAKE2b-256(flags u8 | value), then expiry; immutable by expiry;
 * provider by expiry, then by signature bytes. */
int gn_record_compare(const struct gn_record *a, const struct gn_record *b, const struct gn_crypto *crypto);

#endif
