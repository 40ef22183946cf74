/* transport/seal/seal.h - sealed datagrams: encrypted, authenticated, forward-secret queries in one round trip.
 *
 * Life: gn_seal_new .. gn_seal_free (wipes all keys). Threads: one at a time. Purity: pure; time and randomness come
 * in. The program calls sodium_init once before (it picks the fast implementations); no call in here asks for entropy.
 * Format and rules: docs/PROTOCOL.md, "Sealed datagrams". No state is kept for an unauthenticated packet.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_H
#define GN_TRANSPORT_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time.h"

#define GN_SEAL_DATAGRAM_MAX 1232U       /* IPv6 minimum MTU less headers */
#define GN_SEAL_QUERY_MIN 416U           /* queries are padded to this: replies are at most 3 x */
#define GN_SEAL_EPOCH_RECORD 104U        /* epk 32 | epoch u64be | sig 64 */
#define GN_SEAL_QUERY_BODY_MAX 1135U     /* bytes of body that a query carries without `self` */
#define GN_SEAL_QUERY_BODY_MAX_SELF 999U /* and with it */

struct gn_seal_config {
    uint8_t identity_seed[32]; /* Ed25519 seed; copied, wiped at the end */
    uint8_t net_id[16];
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    uint32_t pending_max;     /* 0 = 1,024 queries in flight */
    uint32_t initiator_cache; /* 0 = 4,096 peers */
    uint32_t responder_cache; /* 0 = 4,096 peers */
    uint8_t rng_seed[32];     /* seed of its own random stream */
};

struct gn_seal_counters {
    uint64_t queries_sent, queries_opened, replies_sent, replies_opened, rekeys_sent, rekeys_taken, retries_sent,
        retries_taken;
    uint64_t dropped_malformed, dropped_auth, dropped_unknown, dropped_rate, dh_done, cache_hits;
};

/* What came out of a received datagram. Slices borrow the seal's scratch until the next call. */
enum gn_seal_event_type {
    GN_SEAL_NOTHING, /* dropped (and counted) or fully handled */
    GN_SEAL_SEND,    /* `packet` must go to `addr` now: REKEY, RETRY, or our query again after one of those */
    GN_SEAL_QUERY,
    GN_SEAL_REPLY,
};

/* Everything needed to answer one query, by value: keep it as long as the answer takes (seconds). Secret. */
struct gn_seal_reply_key {
    uint8_t k_r[32];
    uint8_t req_tag[8];
    uint8_t src_token[16]; /* proof of `addr` that the asker may show next time */
    uint8_t dst_tag[4];    /* which of our epoch keys was asked */
    struct gn_addr addr;
    uint16_t reply_max; /* largest REPLY datagram allowed */
    bool want_record;
};

struct gn_seal_event {
    enum gn_seal_event_type type;
    struct gn_addr addr;
    struct gn_slice packet;
    struct gn_slice body;
    /* QUERY */
    struct gn_seal_reply_key reply_key;
    bool addr_proved;
    bool has_self;
    struct gn_contact self;
    uint8_t client_key[32];
    size_t reply_body_max;
    /* REPLY */
    uint64_t cookie;        /* as given to gn_seal_query */
    struct gn_contact from; /* proved id, epoch key, address */
    struct gn_addr observed;
};

struct gn_seal;
GN_MUST_CHECK enum gn_err gn_seal_new(struct gn_seal **out, const struct gn_seal_config *config, gn_time_us now,
                                      gn_wall_s wall);
void gn_seal_free(struct gn_seal *s);
const struct gn_id *gn_seal_id(const struct gn_seal *s);
/* Our contact's current epoch key; changes when an epoch begins (compare after gn_seal_timer). */
void gn_seal_epoch_key(const struct gn_seal *s, uint8_t epk[32]);

struct gn_seal_request {
    uint64_t cookie;             /* the caller's number for this query */
    const struct gn_contact *to; /* id zero (bootstrap by address only): whoever answers, its REKEY tells the id */
    struct gn_slice body;
    bool introduce; /* we are a server: here is our id and epoch record */
    gn_time_us expires_at;
};

/* Seals a query (copies it) and fills `packet` (cap >= GN_SEAL_DATAGRAM_MAX). Remembers it under its cookie until it is
 * answered, cancelled or expires_at. A repeated call with the same cookie is a retransmission of the same query with a
 * new nonce: it takes the new expires_at, the rest of the request is not looked at but for its validity. Answers count
 * only when they come from to->addr. `introduce` is obeyed when the body leaves room for its 136 bytes.
 *
 * INVALID: to->addr cannot be sent to, or expires_at is not after now. LIMIT: body longer than GN_SEAL_QUERY_BODY_MAX.
 * FULL: pending_max queries wait. NO_MEMORY. After an error the query is not sent; a new one is not remembered. */
GN_MUST_CHECK enum gn_err gn_seal_query(struct gn_seal *s, uint8_t *packet, size_t *packet_len,
                                        const struct gn_seal_request *request, gn_time_us now);
/* The overlay no longer waits for this query. Late answers within expires_at may still be wanted: then do not call. */
void gn_seal_cancel(struct gn_seal *s, uint64_t cookie);

/* Seals a reply. LIMIT: body longer than the query's reply_body_max. EXPIRED: the query wanted a record and was sealed
 * for an epoch key that is gone by now. */
GN_MUST_CHECK enum gn_err gn_seal_reply(struct gn_seal *s, uint8_t *packet, size_t *packet_len,
                                        const struct gn_seal_reply_key *key, struct gn_slice body, gn_time_us now);

/* Takes a datagram whose first byte is 0x04..0x07. Never fails: hostile bytes give GN_SEAL_NOTHING and a counter. */
void gn_seal_receive(struct gn_seal *s, struct gn_seal_event *event, const struct gn_addr *from,
                     struct gn_slice datagram, gn_time_us now, gn_wall_s wall);

/* Rotations and expiry. Call when gn_seal_deadline is due. */
void gn_seal_timer(struct gn_seal *s, gn_time_us now, gn_wall_s wall);
gn_time_us gn_seal_deadline(const struct gn_seal *s);
/* A fresh client key now (address change, resume from suspend). */
void gn_seal_network_changed(struct gn_seal *s, gn_time_us now);
const struct gn_seal_counters *gn_seal_counters(const struct gn_seal *s);

/* net_id of a private network: BLAKE2b-128(name, key = BLAKE2b-256(secret)); the public network has an empty secret. */
void gn_seal_net_id(uint8_t net_id[16], struct gn_slice name, struct gn_slice secret);

#endif
