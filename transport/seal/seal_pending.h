/* transport/seal/seal_pending.h - our queries in flight, found by the caller's cookie and by the tag an answer carries.
 *
 * Life: caller's memory; gn_seal_pendings_fini wipes and frees all. Allocates nothing before the first query.
 * Threads: one owner. Purity: pure. The set must not move.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_PENDING_H
#define GN_TRANSPORT_SEAL_SEAL_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/seal/seal_keys.h"
#include "transport/seal/seal_wire.h"

#define GN_SEAL_PENDING_TAGS 3U    /* transmissions whose answer is still wanted */
#define GN_SEAL_PENDING_INLINE 96U /* bodies up to here need no allocation of their own */

/* One query. Its life: see docs/PROTOCOL.md, "The asker's states". */
struct gn_seal_pending {
    struct gn_heap_node node;
    uint32_t handle;
    uint32_t generation; /* of the client key in `keys`; 0 = no keys */
    uint64_t cookie;
    gn_time_us expires_at;
    struct gn_contact to; /* epk: the epoch key that the last transmission was sealed for */
    uint64_t epoch;       /* its number, 0 when nobody has signed for it yet */
    struct gn_seal_keys keys;
    uint8_t tags[GN_SEAL_PENDING_TAGS][GN_SEAL_REQ_TAG];
    uint8_t token[GN_SEAL_TOKEN]; /* from a RETRY */
    uint8_t *body;
    uint16_t body_len;
    uint8_t tags_len;
    uint8_t rekeys_seen; /* verifications spent on this query */
    bool proved;         /* epk was signed by to.id: no record is needed in the answer */
    bool introduce;
    bool rekeyed;
    bool retried;
    uint8_t body_inline[GN_SEAL_PENDING_INLINE];
};

struct gn_seal_pendings {
    const struct gn_alloc *alloc;
    struct gn_slab slab;
    struct gn_map by_cookie;
    struct gn_map by_tag;
    struct gn_heap by_expiry;
};

void gn_seal_pendings_init(struct gn_seal_pendings *p, const struct gn_alloc *alloc, uint32_t limit);
void gn_seal_pendings_fini(struct gn_seal_pendings *p);
/* A new query: cookie, body (copied), expiry are set, the rest is zero. FULL, NO_MEMORY: unchanged. The cookie must not
 * be there. */
GN_MUST_CHECK enum gn_err gn_seal_pending_add(struct gn_seal_pendings *p, struct gn_seal_pending **out, uint64_t cookie,
                                              struct gn_slice body, gn_time_us expires_at);
struct gn_seal_pending *gn_seal_pending_by_cookie(const struct gn_seal_pendings *p, uint64_t cookie);
struct gn_seal_pending *gn_seal_pending_by_tag(const struct gn_seal_pendings *p, const uint8_t tag[GN_SEAL_REQ_TAG]);
/* Remembers one more transmission; the oldest is forgotten when there are GN_SEAL_PENDING_TAGS.
 * EXISTS: the tag is in use. NO_MEMORY. After an error nothing has changed. */
GN_MUST_CHECK enum gn_err gn_seal_pending_note(struct gn_seal_pendings *p, struct gn_seal_pending *q,
                                               const uint8_t tag[GN_SEAL_REQ_TAG]);
void gn_seal_pending_set_expiry(struct gn_seal_pendings *p, struct gn_seal_pending *q, gn_time_us expires_at);
/* Wipes it. */
void gn_seal_pending_remove(struct gn_seal_pendings *p, struct gn_seal_pending *q);
/* Removes those whose time has come. */
void gn_seal_pendings_expire(struct gn_seal_pendings *p, gn_time_us now);
/* Removes those whose keys belong to a client key before `generation`. */
void gn_seal_pendings_drop_before(struct gn_seal_pendings *p, uint32_t generation);
/* GN_TIME_NEVER when there is none. */
gn_time_us gn_seal_pendings_deadline(const struct gn_seal_pendings *p);
uint32_t gn_seal_pendings_len(const struct gn_seal_pendings *p);

#endif
