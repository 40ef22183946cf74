/* overlay/kad/publish.h - keeps records alive: what we own is published again, what we hold is handed on, what is over
 * goes.
 *
 * Life: gn_publish_new .. gn_publish_free; borrows env and calls. Threads: one owner. Purity: pure.
 *
 * Owned records (flag `owned` in the store) have an end: the expiry in their store entry. They are published again at
 * 45 % of their time to live (+-10 %), at most GN_RECORD_TTL_MAX, providers 24 h, until that end:
 *   immutable  the copies sent out expire at the end, or 48 h from now, whichever is first
 *   mutable    sent as they are; their signed expiry is their end
 *   provider   signed anew each time with our current addresses and 24 h (or the end)
 * Due keys wait in the order (due time, then key); at most inflight_max publications run at once. The order by key
 * leaves the place for a sweep that serves all due keys of one region with one lookup. Held records (not owned) are
 * handed on to the k closest once an hour, unless somebody stored them here within the last hour (Kademlia,
 * section 2.5); a walk through the store in key order, one batch at a time. Of the providers of one key at most 16 are
 * handed on: they announce themselves too. Records that are over are dropped from the store every minute. Memory: about
 * 200 bytes per owned key, allocated when it becomes known.
 */
#ifndef GN_OVERLAY_KAD_PUBLISH_H
#define GN_OVERLAY_KAD_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"
#include "overlay/env.h"
#include "overlay/io.h"
#include "overlay/overlay.h"

#define GN_PUBLISH_OWNED_MAX 65536U /* default limit of owned keys */
#define GN_PUBLISH_INFLIGHT_MAX 4U  /* default: publications at once, owned and handed on together */
#define GN_PUBLISH_PERCENT 45U
#define GN_PUBLISH_HANDOFF_US GN_HOURS(1)
#define GN_PUBLISH_EXPIRE_US GN_MINUTES(1)
#define GN_PUBLISH_PROVIDER_BYTES_MAX 512U /* a provider record is never longer */
#define GN_PUBLISH_BATCH 64U               /* records per scan request */

/* One record to store on the k nodes closest to target; bytes are borrowed for the call. */
struct gn_publish_put {
    uint32_t ticket; /* to be given to gn_publish_finished, not 0 */
    uint8_t kind;    /* enum gn_record_kind: PUT, or ADD_PROVIDER for a provider */
    struct gn_id target;
    struct gn_slice record;
    bool handoff; /* held for others, not owned */
};

struct gn_publish_calls {
    /* Starts a background put. OK: gn_publish_finished will be called once, later. FULL: no operation is free now, it
     * is tried again. Other errors count as a failed publication. Must not call back into the publisher. */
    enum gn_err (*start_put)(void *ctx, struct gn_outbox *box, const struct gn_publish_put *put);
    /* What gn_publish_keep or gn_publish_provide gave to the store is durable (OK), or not: then it is not ours and
     * will not be published again. May be NULL. Must not call back into the publisher. */
    void (*kept)(void *ctx, uint8_t kind, const struct gn_id *target, enum gn_err err);
    void *ctx;
};

struct gn_publish_config {
    struct gn_id self;
    uint32_t owned_max;    /* 0 = GN_PUBLISH_OWNED_MAX */
    uint32_t inflight_max; /* 0 = GN_PUBLISH_INFLIGHT_MAX; more than 64 counts as 64 */
};

/* That we have some content. */
struct gn_publish_announcement {
    struct gn_id content;
    gn_wall_s end; /* UINT64_MAX: until it is dropped */
    bool keep;     /* own it: announce it again until its end */
    uint8_t record[GN_PUBLISH_PROVIDER_BYTES_MAX];
    size_t record_len;
};

struct gn_publish_stats {
    size_t owned;
    size_t due;          /* owned keys whose time has come and that wait for their turn */
    gn_time_us late_us;  /* how long the first of them has waited: growing = publishing falls behind */
    gn_time_us next_due; /* GN_TIME_NEVER: nothing owned */
    size_t inflight;
    uint64_t published, failed, handed_on, expired;
    bool scanned; /* the owned records on disk are all known */
};

struct gn_publish;

/* Counts into *counters (republished, expired), borrowed. */
GN_MUST_CHECK enum gn_err gn_publish_new(struct gn_publish **out, const struct gn_publish_config *config,
                                         const struct gn_env *env, const struct gn_publish_calls *calls,
                                         struct gn_overlay_counters *counters, gn_time_us now);
void gn_publish_free(struct gn_publish *p);

/* Once after start: begins to read the owned records from the store; each is published again within the first 5 min. */
GN_MUST_CHECK enum gn_err gn_publish_start(struct gn_publish *p, struct gn_outbox *box, gn_time_us now);

/* We own this record from now on: keeps it in our store and publishes it again in time. The first publication is the
 * caller's. `end`: for an immutable record until when it is renewed; for the others ignored, their expiry counts.
 * Replaces the same key. LIMIT: owned_max keys, or an expiry that no holder takes. INVALID: a provider record, see
 * gn_publish_provide. FULL: too many are on their way to the store. Errors of decoding as gn_record_decode; EXPIRED. */
GN_MUST_CHECK enum gn_err gn_publish_keep(struct gn_publish *p, struct gn_outbox *box, struct gn_slice record,
                                          gn_wall_s end, gn_time_us now, gn_wall_s wall);
/* We have content: fills a->record[0..a->record_len) with a provider record of ours (current addresses, 24 h or until
 * a->end), for the caller to publish first, and owns it if a->keep. AGAIN: our addresses are not known yet (kept all
 * the same: announced as soon as they are). EXPIRED: the end is past. LIMIT, FULL: as gn_publish_keep. */
GN_MUST_CHECK enum gn_err gn_publish_provide(struct gn_publish *p, struct gn_outbox *box,
                                             struct gn_publish_announcement *a, gn_time_us now, gn_wall_s wall);
/* No longer ours: dropped from the store and never published again; copies elsewhere end with their expiry.
 * NOT_FOUND: was not ours. */
GN_MUST_CHECK enum gn_err gn_publish_drop(struct gn_publish *p, struct gn_outbox *box, uint8_t kind,
                                          const struct gn_id *target);
bool gn_publish_owns(const struct gn_publish *p, uint8_t kind, const struct gn_id *target);
/* Owned, but not yet known to be durable: `kept` will tell. */
bool gn_publish_is_keeping(const struct gn_publish *p, uint8_t kind, const struct gn_id *target);

/* Our addresses (at most GN_RECORD_ADDRS_MAX are used). When they changed, provider records are due within a minute. */
void gn_publish_set_addrs(struct gn_publish *p, const struct gn_addr *addrs, size_t addrs_len, gn_time_us now);
/* Everything owned is due now. */
void gn_publish_all(struct gn_publish *p, gn_time_us now);

/* The put with this ticket has ended; `stored` nodes acknowledged. None: tried again after a backoff (1 to 30 min). */
void gn_publish_finished(struct gn_publish *p, uint32_t ticket, enum gn_err err, unsigned stored, gn_time_us now);
/* Takes the answer to a store request of ours (GN_REQ_OWNER(req) is GN_REQ_PUBLISH). */
GN_MUST_CHECK enum gn_err gn_publish_store(struct gn_publish *p, struct gn_outbox *box,
                                           const struct gn_store_answer *answer, gn_time_us now, gn_wall_s wall);
/* Does what is due. Errors are the outbox's; what was not done is tried again. */
GN_MUST_CHECK enum gn_err gn_publish_timer(struct gn_publish *p, struct gn_outbox *box, gn_time_us now, gn_wall_s wall);
gn_time_us gn_publish_deadline(const struct gn_publish *p);
void gn_publish_stats(const struct gn_publish *p, struct gn_publish_stats *out, gn_time_us now);

#endif
