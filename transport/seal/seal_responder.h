/* transport/seal/seal_responder.h - the answering role: who has asked before, source tokens, what to do under load.
 *
 * Life: part of struct gn_seal; gn_seal_responder_fini wipes it. Threads: one owner. Purity: pure. It must not move.
 *
 * It has no conversation state. What it keeps are caches: keys of clients whose query has opened, and token buckets by
 * address group; each may be emptied at any time without any effect but cost.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_RESPONDER_H
#define GN_TRANSPORT_SEAL_SEAL_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ratelimit.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/seal/seal.h"
#include "transport/seal/seal_cache.h"
#include "transport/seal/seal_context.h"
#include "transport/seal/seal_initiator.h"
#include "transport/seal/seal_token.h"

/* Replies to addresses that have not shown a token; above these the answer is a RETRY (26 bytes). */
#define GN_SEAL_UNPROVED_RATE 100U
#define GN_SEAL_UNPROVED_BURST 400U
#define GN_SEAL_UNPROVED_GROUP_RATE 10U
#define GN_SEAL_UNPROVED_GROUP_BURST 40U
/* Load: more new clients than this within a second (about 10 % of a core at 45 us each); an introduction whose
 * signature must be verified counts as two ... */
#define GN_SEAL_LOAD_HIGH 2000U
/* ... until a second passes with fewer than this. */
#define GN_SEAL_LOAD_LOW 1000U
/* New clients of one address group with a token, while the load is high. */
#define GN_SEAL_LOADED_GROUP_RATE 200U
#define GN_SEAL_LOADED_GROUP_BURST 400U
#define GN_SEAL_GROUPS_MAX 1024U

/* Keys of one client key with one of our epochs. entry.key = the client key. */
struct gn_seal_client {
    struct gn_seal_cache_entry entry;
    struct gn_seal_keys keys;
    uint8_t self_tag[8]; /* keyed hash of the `self` that was verified; zero = none */
    uint8_t dst_tag[4];  /* of the epoch */
    uint8_t reserved[4];
};

/* Costly work wanted in this second. It is counted whether it is done or refused, so that the end of a flood can be
 * seen while it is being refused. */
struct gn_seal_load {
    gn_time_us second_at;
    uint32_t wanted;
    bool high;
};

struct gn_seal_responder {
    struct gn_seal_context *context; /* borrowed */
    struct gn_seal_initiator *peers; /* borrowed: learns epochs that queries introduce */
    struct gn_seal_cache clients;
    struct gn_seal_tokens tokens;
    struct gn_seal_load load;
    struct gn_ratelimit unproved;
    struct gn_ratelimit_table unproved_groups;
    struct gn_ratelimit_table loaded_groups;
};

void gn_seal_responder_init(struct gn_seal_responder *r, struct gn_seal_context *context,
                            struct gn_seal_initiator *peers, uint32_t clients_max, gn_time_us now);
void gn_seal_responder_fini(struct gn_seal_responder *r);
/* A QUERY came in: event QUERY, or SEND with a REKEY or RETRY, or nothing. */
void gn_seal_responder_query(struct gn_seal_responder *r, struct gn_seal_event *event,
                             const struct gn_seal_arrival *in);
/* As gn_seal_reply. */
GN_MUST_CHECK enum gn_err gn_seal_responder_reply(struct gn_seal_responder *r, uint8_t *packet, size_t *packet_len,
                                                  const struct gn_seal_reply_key *key, struct gn_slice body);
/* An epoch has begun: wipes the keys of epochs that are gone. */
void gn_seal_responder_epoch_began(struct gn_seal_responder *r);

#endif
