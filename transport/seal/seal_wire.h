/* transport/seal/seal_wire.h - the bytes of the four sealed packets and of their plaintexts: parse and format, no keys.
 *
 * Life: plain values; parsed views borrow the datagram. Threads: any. Purity: pure.
 * Layout: docs/PROTOCOL.md, "Sealed datagrams". Whatever the bytes are, a parser reads inside them and says MALFORMED.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_WIRE_H
#define GN_TRANSPORT_SEAL_SEAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "transport/seal/seal.h"

#define GN_SEAL_VERSION 1U
enum gn_seal_type { GN_SEAL_T_QUERY = 4, GN_SEAL_T_REPLY = 5, GN_SEAL_T_REKEY = 6, GN_SEAL_T_RETRY = 7 };

#define GN_SEAL_TAG 16U /* of the AEAD */
#define GN_SEAL_NONCE 24U
#define GN_SEAL_REQ_TAG 8U
#define GN_SEAL_TOKEN 16U
#define GN_SEAL_SELF (32U + GN_SEAL_EPOCH_RECORD)

/* QUERY: type 1 | ver 1 | dst_tag 4 | src_token 16 | e_A 32 | nonce 24 | ciphertext and tag.
 * The nonce is 16 random bytes and 8 of network tag over all bytes before it. */
#define GN_SEAL_Q_DST_TAG 2U
#define GN_SEAL_Q_TOKEN 6U
#define GN_SEAL_Q_CLIENT 22U
#define GN_SEAL_Q_NONCE 54U
#define GN_SEAL_Q_NET_TAG 70U
#define GN_SEAL_Q_AAD 54U
#define GN_SEAL_Q_HEADER 78U
/* REPLY: type 1 | ver 1 | req_tag 8 | nonce 24 | ciphertext and tag. */
#define GN_SEAL_R_REQ_TAG 2U
#define GN_SEAL_R_NONCE 10U
#define GN_SEAL_R_AAD 10U
#define GN_SEAL_R_HEADER 34U
/* REKEY: type 1 | ver 1 | req_tag 8 | id 32 | epoch record 104. RETRY: type 1 | ver 1 | req_tag 8 | src_token 16. */
#define GN_SEAL_REKEY_LEN 146U
#define GN_SEAL_RETRY_LEN 26U

/* Flags of the query's plaintext; the other bits are zero. */
#define GN_SEAL_F_WANT_RECORD 0x01U
#define GN_SEAL_F_SELF 0x02U
/* Flag of the reply's plaintext. */
#define GN_SEAL_F_RECORD 0x01U

/* The plaintext of a query. */
struct gn_seal_ask {
    bool want_record;
    const uint8_t *self; /* id 32 | epoch record 104, or NULL */
    struct gn_slice body;
};

/* The plaintext of a reply. */
struct gn_seal_answer {
    struct gn_addr observed;
    const uint8_t *token;  /* 16 bytes */
    const uint8_t *record; /* 104 bytes, or NULL */
    struct gn_slice body;
};

/* Is the header one of ours with a length that its type may have? Fills the type. VERSION: another version. MALFORMED.
 */
GN_MUST_CHECK enum gn_err gn_seal_wire_type(enum gn_seal_type *type, struct gn_slice datagram);

/* Bytes that an ask of this body takes as a whole datagram, padding included. */
size_t gn_seal_wire_ask_len(size_t body_len, bool with_self);
/* Fills `plain` with the padded plaintext (gn_seal_wire_ask_len less header and tag). Returns its length. */
size_t gn_seal_wire_put_ask(uint8_t *plain, const struct gn_seal_ask *ask);
GN_MUST_CHECK enum gn_err gn_seal_wire_get_ask(struct gn_seal_ask *ask, struct gn_slice plain);

/* Bytes of a REPLY datagram that are not body. */
size_t gn_seal_wire_answer_overhead(const struct gn_addr *observed, bool with_record);
/* Fills `plain`; the caller has checked that the whole fits. Returns its length. */
size_t gn_seal_wire_put_answer(uint8_t *plain, const struct gn_seal_answer *answer);
GN_MUST_CHECK enum gn_err gn_seal_wire_get_answer(struct gn_seal_answer *answer, struct gn_slice plain);

void gn_seal_wire_put_rekey(uint8_t out[GN_SEAL_REKEY_LEN], const uint8_t req_tag[GN_SEAL_REQ_TAG],
                            const struct gn_id *id, const uint8_t record[GN_SEAL_EPOCH_RECORD]);
void gn_seal_wire_put_retry(uint8_t out[GN_SEAL_RETRY_LEN], const uint8_t req_tag[GN_SEAL_REQ_TAG],
                            const uint8_t token[GN_SEAL_TOKEN]);

#endif
