/* transport/seal/seal_initiator.h - the asking role: our client key, the peers we know, our queries in flight.
 *
 * Life: part of struct gn_seal; gn_seal_initiator_fini wipes it. Threads: one owner. Purity: pure. It must not move.
 *
 * One query goes through at most these transmissions, each answered by at most one of the peer's packets that counts:
 *   PROBE (id or epoch key unknown) --REKEY--> ASK
 *   ASK (sealed for a known epoch key) --REPLY--> done, --REKEY (once)--> ASK, --RETRY (once)--> ASK with the token
 * A query ends by its REPLY, by gn_seal_cancel or by its expiry; nothing else ends or changes it.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_INITIATOR_H
#define GN_TRANSPORT_SEAL_SEAL_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/seal/seal.h"
#include "transport/seal/seal_cache.h"
#include "transport/seal/seal_context.h"
#include "transport/seal/seal_pending.h"

#define GN_SEAL_CLIENT_KEY_US GN_MINUTES(10)
#define GN_SEAL_CLIENT_KEY_OLD_US GN_SECONDS(5) /* late answers under the key before */
#define GN_SEAL_CLIENT_KEY_PACKETS (UINT32_C(1) << 20)
#define GN_SEAL_REKEYS_MAX 4U /* signatures that one query may make us verify */

/* A node that has signed its epoch key. entry.key = its id. */
struct gn_seal_peer {
    struct gn_seal_cache_entry entry;
    uint8_t epk[32];
    struct gn_seal_keys keys;
    uint8_t token[GN_SEAL_TOKEN];
    uint64_t epoch;      /* the highest number that it has shown */
    uint32_t generation; /* of the client key in `keys`; 0 = none yet */
    uint8_t dst_tag[4];
};

struct gn_seal_initiator {
    struct gn_seal_context *context; /* borrowed */
    struct gn_seal_keypair client;
    uint32_t generation; /* of `client`, from 1 */
    uint32_t packets;    /* sealed under `client` */
    gn_time_us rotate_at;
    gn_time_us old_until; /* answers under keys of earlier generations count until then */
    struct gn_seal_cache peers;
    struct gn_seal_pendings pendings;
};

void gn_seal_initiator_init(struct gn_seal_initiator *i, struct gn_seal_context *context, uint32_t peers_max,
                            uint32_t pending_max, gn_time_us now);
void gn_seal_initiator_fini(struct gn_seal_initiator *i);

/* As gn_seal_query. */
GN_MUST_CHECK enum gn_err gn_seal_initiator_query(struct gn_seal_initiator *i, uint8_t *packet, size_t *packet_len,
                                                  const struct gn_seal_request *request, gn_time_us now);
void gn_seal_initiator_cancel(struct gn_seal_initiator *i, uint64_t cookie);

/* One function per packet that answers a query. Each leaves `event` at NOTHING when the packet does not count. */
void gn_seal_initiator_reply(struct gn_seal_initiator *i, struct gn_seal_event *event,
                             const struct gn_seal_arrival *in);
void gn_seal_initiator_rekey(struct gn_seal_initiator *i, struct gn_seal_event *event,
                             const struct gn_seal_arrival *in);
void gn_seal_initiator_retry(struct gn_seal_initiator *i, struct gn_seal_event *event,
                             const struct gn_seal_arrival *in);

/* A record that is known to be genuine and fresh: updates a peer that we know already. False: we know a higher epoch.
 */
bool gn_seal_initiator_learn(struct gn_seal_initiator *i, const struct gn_id *id,
                             const uint8_t record[GN_SEAL_EPOCH_RECORD]);

/* A new client key; keys made from the old one are wiped, except those of queries in flight. */
void gn_seal_initiator_rotate(struct gn_seal_initiator *i, gn_time_us now);
void gn_seal_initiator_timer(struct gn_seal_initiator *i, gn_time_us now);
gn_time_us gn_seal_initiator_deadline(const struct gn_seal_initiator *i);

#endif
