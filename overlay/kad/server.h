/* overlay/kad/server.h - answers the queries of other nodes: limits, tokens, records, quotas.
 *
 * Life: gn_server_new .. gn_server_free; borrows env and view. Threads: one owner. Purity: pure.
 *
 * A query is answered at once (GN_FX_REPLY), or after what it needs from the store: then it waits in a table of
 * GN_SERVER_WAITING_MAX entries until its GN_IN_STORE comes, at most GN_SERVER_WAIT_US. When the table is full, or the
 * store does not answer in time, the reply is BUSY. PUTs of one key go one after the other, so that compare-and-set
 * holds. Memory: everything is allocated at creation, except a copy of each waiting PUT's record (all together at most
 * GN_SERVER_COPIES_MAX bytes), a buffer for the duration of one call when a reply is longer than a datagram, and the
 * limiter tables, which grow to their limits.
 */
#ifndef GN_OVERLAY_KAD_SERVER_H
#define GN_OVERLAY_KAD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/time.h"
#include "overlay/env.h"
#include "overlay/io.h"
#include "overlay/msg/msg.h"
#include "overlay/overlay.h"

#define GN_SERVER_WAITING_MAX 256U
#define GN_SERVER_WAIT_US GN_SECONDS(3)
#define GN_SERVER_COPIES_MAX ((size_t)4 << 20)
#define GN_SERVER_RATE_IP 20U /* queries per second; burst 40. An IPv6 "ip" is its /64 */
#define GN_SERVER_BURST_IP 40U
#define GN_SERVER_RATE_GROUP 200U /* per /24 or /48; burst 400 */
#define GN_SERVER_BURST_GROUP 400U
#define GN_SERVER_RATE_NODE 2000U /* burst 4,000 */
#define GN_SERVER_BURST_NODE 4000U
#define GN_SERVER_STRIKES 100U /* refused queries (one is forgiven per second) until an ip is banned */
#define GN_SERVER_BAN_US GN_MINUTES(5)

/* Whose store request is it? The top 4 bits of gn_store_request.req say; each owner numbers the rest. */
enum gn_req_owner {
    GN_REQ_CORE = 1,
    GN_REQ_SERVER = 2,
    GN_REQ_PUBLISH = 3,
};
#define GN_REQ_OWNER(req) ((req) >> 28)
#define GN_REQ_NUMBER_MAX 0x0fffffffU
#define GN_REQ_MAKE(owner, number) (((uint32_t)(owner) << 28) | ((uint32_t)(number)&GN_REQ_NUMBER_MAX))

/* A dial-back that somebody wants. */
struct gn_server_probe {
    uint8_t nonce[GN_MSG_NONCE_BYTES]; /* to be echoed in a PING to subject */
    bool hand_on;                      /* true: choose another node and send it PROBE_ME with hops 0 and this subject;
                                          false: send the PING */
    struct gn_contact subject;         /* whom to dial, id not zero; the address is usable */
};

/* What the server asks of the overlay's core while it answers. */
struct gn_server_view {
    /* Fills at most cap contacts nearest to target, nearest first, leaving out `exclude` (may be NULL) and everything
     * that has not answered us within 15 min. Returns how many. */
    size_t (*closest)(void *ctx, struct gn_contact *out, size_t cap, const struct gn_id *target,
                      const struct gn_id *exclude);
    /* OK: it will be done. Anything else: the reply is REFUSED (REFUSED), NOT_FOUND (nobody to hand it to) or BUSY. */
    enum gn_err (*probe)(void *ctx, struct gn_outbox *box, const struct gn_server_probe *probe);
    void *ctx;
};

struct gn_server;

/* Copies what it needs of config: self, allow_private, the quotas. Counts into *counters, which it borrows:
 * queries_received, replies_sent, stores_*, tokens_bad, records_bad, rate_limited, malformed, outbox_full. */
GN_MUST_CHECK enum gn_err gn_server_new(struct gn_server **out, const struct gn_overlay_config *config,
                                        const struct gn_env *env, const struct gn_server_view *view,
                                        struct gn_overlay_counters *counters, gn_time_us now);
void gn_server_free(struct gn_server *s);

/* Takes one query: limits, decoding, the answer or the store request. Fills *q (borrowing from in->body) with what was
 * decoded, for the core to learn from (sender, PING nonce).
 * LIMIT: the sender is over a limit or banned; nothing else happened. MALFORMED: counted, and answered with that status
 * when the txid could be read. Any other error (FULL or NO_MEMORY from the outbox): the query is not answered. */
GN_MUST_CHECK enum gn_err gn_server_query(struct gn_server *s, struct gn_outbox *box, struct gn_msg_query *q,
                                          const struct gn_input_query *in, gn_time_us now, gn_wall_s wall);
/* Takes the answer to a store request of ours (GN_REQ_OWNER(req) is GN_REQ_SERVER). Answers to queries that are no
 * longer waited for are dropped. Errors as above. */
GN_MUST_CHECK enum gn_err gn_server_store(struct gn_server *s, struct gn_outbox *box,
                                          const struct gn_store_answer *answer, gn_time_us now, gn_wall_s wall);
/* Gives up on store requests that are late: their queries get BUSY. */
GN_MUST_CHECK enum gn_err gn_server_timer(struct gn_server *s, struct gn_outbox *box, gn_time_us now);
gn_time_us gn_server_deadline(const struct gn_server *s);
size_t gn_server_waiting(const struct gn_server *s);
/* Is this address banned now? For the core: do not put it into the table. */
bool gn_server_is_banned(const struct gn_server *s, const struct gn_addr *addr, gn_time_us now);

#endif
