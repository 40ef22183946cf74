/* overlay/msg/msg.h - the bodies of queries and replies between nodes, to bytes and back.
 *
 * Life: plain values; what a decoded message points to is borrowed from the bytes it was decoded from.
 * Threads: any. Purity: pure, and nothing is allocated.
 * Format: docs/PROTOCOL.md, "Messages". MessagePack, shortest forms only:
 *
 *   query  [txid bin8, method uint, flags uint, target bin32, arguments...]
 *            PING          [nonce bin8 | nil]                                 optional: the answer to a PROBE_ME
 *            FIND_NODE, GET_PROVIDERS                                         none
 *            GET           kind uint, [known seq uint | nil]
 *            PUT           write token bin16, record bin, [expected seq uint | nil]
 *            ADD_PROVIDER  write token bin16, record bin
 *            PROBE_ME      nonce bin8, hops uint, [subject contact bin | nil]
 *   reply  [txid bin8, status uint, write token bin16 | nil, contacts v4 bin | nil, [contacts v6 bin | nil,
 *           [value bin | array of bin | nil]]]
 *
 * A contact is id 32, epoch key 32, address 6 (v4) or 18 (v6): 16 v4 contacts with a token take 1,120 + 33 bytes.
 * Elements in brackets may be absent, which means nil; elements after those known here are ignored, so that a later
 * version can add some; an absent mandatory one is MALFORMED.
 */
#ifndef GN_OVERLAY_MSG_MSG_H
#define GN_OVERLAY_MSG_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"

#define GN_MSG_CONTACTS_MAX 16U /* k: a reply names at most so many contacts */
#define GN_MSG_VALUES_MAX 16U   /* and at most so many provider records */
#define GN_MSG_TOKEN_BYTES 16U
#define GN_MSG_NONCE_BYTES 8U
#define GN_MSG_RECORD_MAX 66048U /* an encoded record (overlay/msg/record.h) is never longer */
#define GN_MSG_QUERY_MAX (GN_MSG_RECORD_MAX + 96U)
#define GN_MSG_REPLY_MAX (GN_MSG_RECORD_MAX + 1536U)
#define GN_MSG_REPLY_FRAME 33U /* bytes of a reply besides v4 contacts: txid, status, token, lengths */
#define GN_MSG_CONTACT_V4 70U
#define GN_MSG_CONTACT_V6 82U

enum gn_msg_method {
    GN_MSG_PING = 1,
    GN_MSG_FIND_NODE = 2,
    GN_MSG_GET = 3,
    GN_MSG_PUT = 4,
    GN_MSG_GET_PROVIDERS = 5,
    GN_MSG_ADD_PROVIDER = 6,
    GN_MSG_WATCH = 7, /* reserved */
    GN_MSG_PROBE_ME = 8,
    GN_MSG_PUNCH = 9,   /* reserved */
    GN_MSG_SAMPLE = 10, /* reserved */
};

/* Unknown bits are ignored. */
enum gn_msg_flags {
    GN_MSG_WANT_TOKEN = 1U << 0,  /* put a write token for `target` into the reply */
    GN_MSG_NO_CONTACTS = 1U << 1, /* no contacts: only the value is wanted */
};

enum gn_msg_status {
    GN_MSG_OK = 0,        /* done; a GET without a value: what is held is not newer than the known seq */
    GN_MSG_NOT_FOUND = 1, /* no such record here; contacts that are closer */
    GN_MSG_BAD_TOKEN = 2, /* write token wrong or too old: ask for a new one */
    GN_MSG_REFUSED = 3,   /* record not acceptable: signature, target, times */
    GN_MSG_QUOTA = 4,     /* a quota of this node is used up */
    GN_MSG_STALE = 5,     /* a newer record is held; it comes as the value when it fits */
    GN_MSG_CONFLICT = 6,  /* compare-and-set: another seq is held; that record comes as the value when it fits */
    GN_MSG_TOO_BIG = 7,   /* the value does not fit this path: ask again on a stream */
    GN_MSG_MALFORMED = 8,
    GN_MSG_BUSY = 9, /* try later */
    GN_MSG_UNSUPPORTED = 10,
};

struct gn_msg_query {
    uint64_t txid;   /* 8 bytes big endian on the wire */
    uint16_t method; /* enum gn_msg_method, or one we do not know (decoded without arguments) */
    uint32_t flags;
    struct gn_id target; /* PING, PROBE_ME: zero */
    /* GET */
    uint8_t kind;       /* enum gn_record_kind */
    bool has_known_seq; /* an equal or older record need not be sent */
    uint64_t known_seq;
    /* PUT, ADD_PROVIDER */
    uint8_t token[GN_MSG_TOKEN_BYTES];
    struct gn_slice record; /* encoded; 1 .. GN_MSG_RECORD_MAX bytes */
    bool has_cas;           /* PUT: only if the held seq equals cas_seq (0: also if nothing is held) */
    uint64_t cas_seq;
    /* PING, PROBE_ME */
    bool has_nonce;
    uint8_t nonce[GN_MSG_NONCE_BYTES];
    uint8_t hops;     /* PROBE_ME: 1 = have another node dial back, 0 = dial back yourself */
    bool has_subject; /* PROBE_ME handed on: whom to dial; else the asker */
    struct gn_contact subject;
};

struct gn_msg_reply {
    uint64_t txid;
    uint8_t status; /* enum gn_msg_status, or one we do not know */
    bool has_token;
    uint8_t token[GN_MSG_TOKEN_BYTES];
    /* v4 first, then v6, each nearest first as the sender gave them; addresses are not judged */
    struct gn_contact contacts[GN_MSG_CONTACTS_MAX];
    size_t contacts_len;
    struct gn_slice values[GN_MSG_VALUES_MAX]; /* encoded records, each 1 .. GN_MSG_RECORD_MAX bytes */
    size_t values_len;
    bool values_is_list; /* an array of records; else values_len is 0 or 1 */
};

/* Fills out[0..*out_len). LIMIT: longer than cap. INVALID: a length in `q` is out of range, or the method has no
 * encoding here. Nothing is promised about out after an error. */
GN_MUST_CHECK enum gn_err gn_msg_query_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_msg_query *q);
/* Fills *q, borrowing record from body. MALFORMED: *q is zero but for txid and *txid_known, which says whether at
 * least the txid could be read, so that the query can be answered. txid_known may be NULL. */
GN_MUST_CHECK enum gn_err gn_msg_query_decode(struct gn_msg_query *q, bool *txid_known, struct gn_slice body);

/* As for queries. INVALID also: a contact without an address, or more than the limits above. */
GN_MUST_CHECK enum gn_err gn_msg_reply_encode(uint8_t *out, size_t *out_len, size_t cap, const struct gn_msg_reply *r);
/* Fills *r, borrowing values from body. MALFORMED: *r is zero. */
GN_MUST_CHECK enum gn_err gn_msg_reply_decode(struct gn_msg_reply *r, struct gn_slice body);
/* The bytes that gn_msg_reply_encode will need, for choosing what fits. */
size_t gn_msg_reply_size(const struct gn_msg_reply *r);

/* "FIND_NODE", "OK"; "?" for unknown numbers. Never NULL. */
const char *gn_msg_method_name(unsigned method);
const char *gn_msg_status_name(unsigned status);
/* What an operation reports for this status: OK, NOT_FOUND, AUTH (BAD_TOKEN), REFUSED, QUOTA, STALE, CONFLICT, LIMIT
 * (TOO_BIG), MALFORMED, FULL (BUSY), UNSUPPORTED; unknown numbers are REFUSED. */
enum gn_err gn_msg_status_err(unsigned status);

#endif
