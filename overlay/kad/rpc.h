/* overlay/kad/rpc.h - queries on their way: who is asked for whom, when it is slow, late, dead.
 *
 * Life: embedded in struct gn_kad. Threads: one owner. Purity: pure.
 *
 * A call goes through: waiting -> slow (soft timeout: its slot in a lookup is free) -> late (nobody should wait for it
 * any longer) -> dead (hard timeout). An answer counts at any time before it is dead. A call outlives the operation
 * that made it, so that the table learns from every answer and every silence.
 */
#ifndef GN_OVERLAY_KAD_RPC_H
#define GN_OVERLAY_KAD_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slab.h"
#include "base/timer.h"
#include "overlay/io.h"
#include "overlay/kad/book.h"

#define GN_RPC_CALLS_MAX 1024U

struct gn_kad;
struct gn_msg_query;

/* Who gets the answer. */
enum gn_call_owner {
    GN_CALL_NOBODY, /* its operation has ended */
    GN_CALL_LOOKUP, /* slot = place in the lookup */
    GN_CALL_STORE,  /* slot = place in the lookup */
    GN_CALL_PING,   /* an operation's single query */
    GN_CALL_CHECK,  /* upkeep of the table */
    GN_CALL_PROBE,  /* PROBE_ME, and the PING of a dial-back: whoever answers does not enter the table */
    GN_CALL_OWNERS,
};

struct gn_call_for {
    uint8_t owner; /* enum gn_call_owner */
    uint8_t slot;
    uint32_t op; /* handle of the operation, or 0 */
};

enum gn_call_stage { GN_CALL_WAITING, GN_CALL_SLOW, GN_CALL_LATE, GN_CALL_DEAD };

struct gn_call {
    struct gn_timer timer;
    uint64_t txid;
    gn_time_us sent_at;
    gn_book_handle to;
    struct gn_call_for to_whom;
    uint32_t soft_us;
    uint8_t via;   /* enum gn_via */
    uint8_t stage; /* enum gn_call_stage */
    uint8_t err;   /* enum gn_err: why it is dead, when the transport said so */
    bool measured; /* its time says something about the path: one transmission, no disk at the other end */
    bool first;    /* nothing was known about the peer's round-trip time */
};

struct gn_rpc {
    struct gn_slab calls;
};

void gn_rpc_init(struct gn_rpc *rpc, const struct gn_alloc *alloc);
/* Drops all calls. */
void gn_rpc_fini(struct gn_kad *k);

/* Sends `q` (sets its txid) to `to`, of which it holds a reference; gives the call's handle. A message longer than a
 * datagram needs GN_VIA_STREAM. FULL: too many calls, or the outbox is full. NO_MEMORY. LIMIT: too long. */
GN_MUST_CHECK enum gn_err gn_rpc_send(struct gn_kad *k, uint32_t *call, gn_book_handle to, enum gn_via via,
                                      struct gn_msg_query *q, struct gn_call_for whom);
/* The same query again, under the same txid. Errors as above; the call goes on in any case. */
enum gn_err gn_rpc_resend(struct gn_kad *k, uint32_t call, struct gn_msg_query *q);
/* NULL: over. */
struct gn_call *gn_rpc_get(const struct gn_kad *k, uint32_t call);
/* Its answer is for nobody but the table. A call that is over is ignored. */
void gn_rpc_disown(struct gn_kad *k, uint32_t call);
/* The call's timer is due: moves it to its next stage. A dead one stays until gn_rpc_end. */
void gn_rpc_advance(struct gn_kad *k, struct gn_call *call);
/* The call that this txid belongs to and that this peer may answer; NULL: none. */
struct gn_call *gn_rpc_match(const struct gn_kad *k, uint64_t txid, const struct gn_id *from);
/* The call of this txid, whoever may answer it; NULL: none. */
struct gn_call *gn_rpc_by_txid(const struct gn_kad *k, uint64_t txid);
/* Ends it: its memory is free afterwards. */
void gn_rpc_end(struct gn_kad *k, struct gn_call *call);

#endif
