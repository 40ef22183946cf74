/* overlay/overlay.h - the peer-to-peer core of one node: an input goes in, effects come out.
 *
 * Life: gn_overlay_new .. gn_overlay_free; borrows env. Threads: one at a time. Purity: pure.
 * Kademlia after Maymounkov and Mazieres (2002) with the parameters of docs/PROTOCOL.md.
 */
#ifndef GN_OVERLAY_OVERLAY_H
#define GN_OVERLAY_OVERLAY_H

#include "overlay/env.h"
#include "overlay/io.h"

struct gn_book;

enum gn_overlay_mode {
    GN_MODE_AUTO,   /* client until enough dial-backs prove that others reach us */
    GN_MODE_CLIENT, /* asks, is never in a table */
    GN_MODE_SERVER, /* answers, from the start (by configuration, or on a private network) */
};

struct gn_overlay_config {
    struct gn_id self;
    enum gn_overlay_mode mode;
    bool allow_private; /* loopback and private addresses are peers like any other, exempt from diversity limits */
    uint64_t store_bytes_max;       /* 0 = 64 MiB */
    uint32_t keys_per_group_max;    /* 0 = 1,000 per writer /24 or /48 */
    uint32_t providers_per_key_max; /* 0 = 500; at most 512 */
    uint32_t lookups_max;           /* 0 = 256 operations at once */
    struct gn_book *book;           /* overlay/kad/book.h; NULL = its own. A simulation's nodes share one (borrowed) */
};

/* Counters since the start, each later a metric. */
struct gn_overlay_counters {
    uint64_t queries_sent, queries_received, replies_sent, replies_received, replies_late, replies_unknown;
    uint64_t timeouts_soft, timeouts_hard, retransmits;
    uint64_t lookups_started, lookups_done, lookups_failed;
    uint64_t stores_accepted, stores_refused, stores_quota, tokens_bad, records_bad;
    uint64_t contacts_added, contacts_replaced, contacts_dropped, contacts_refused_diversity;
    uint64_t rate_limited, malformed, outbox_full;
    uint64_t republished, expired;
    uint64_t probes_sent, probes_answered;
};

struct gn_peer_info {
    struct gn_contact contact;
    unsigned bucket;      /* common leading bits with us */
    bool live;            /* answered within 15 min and no open miss */
    bool replacement;     /* in the replacement cache, not in the bucket */
    gn_time_us srtt_us;   /* 0 = unknown */
    gn_time_us last_seen; /* monotonic, of the last answer */
    unsigned misses;
};

struct gn_overlay;

GN_MUST_CHECK enum gn_err gn_overlay_new(struct gn_overlay **out, const struct gn_overlay_config *config,
                                         const struct gn_env *env, gn_time_us now, gn_wall_s wall);
void gn_overlay_free(struct gn_overlay *o);

/* Takes one input, appends its effects. Errors are about the input (INVALID command, MALFORMED body: counted, nothing
 * changed) or FATAL ones (NO_MEMORY: the input was not taken). The overlay stays usable after every error. */
GN_MUST_CHECK enum gn_err gn_overlay_step(struct gn_overlay *o, struct gn_outbox *out, const struct gn_input *in);

/* Fills out (cap >= GN_OVERLAY_TABLE_BYTES) with a snapshot of the table, as GN_STORE_SAVE_TABLE would keep it: for the
 * driver's exit. Returns its length. */
#define GN_OVERLAY_TABLE_BYTES 21251U
size_t gn_overlay_table(const struct gn_overlay *o, uint8_t *out, size_t cap);

/* When a GN_IN_TIMER must come at the latest; GN_TIME_NEVER if nothing waits. */
gn_time_us gn_overlay_deadline(const struct gn_overlay *o);

/* ---- Looking in (never changes anything) ---- */
const struct gn_overlay_counters *gn_overlay_counters(const struct gn_overlay *o);
size_t gn_overlay_peers_len(const struct gn_overlay *o); /* in buckets, without replacements */
/* Fills at most cap entries, buckets from far to near, then replacements. Returns how many there are in all. */
size_t gn_overlay_peers(const struct gn_overlay *o, struct gn_peer_info *out, size_t cap);
bool gn_overlay_is_server(const struct gn_overlay *o);
/* The address that a majority of peers sees us at; family NONE before three agree. */
struct gn_addr gn_overlay_observed(const struct gn_overlay *o);
size_t gn_overlay_ops_len(const struct gn_overlay *o);
/* Is any of our own announcements behind, and by how much? See overlay/kad/publish.h. */
struct gn_publish_stats;
void gn_overlay_publish_stats(const struct gn_overlay *o, struct gn_publish_stats *out);
/* Walks all structures; true when they hold. Slow: for tests, fuzzing and simulation. */
bool gn_overlay_is_sound(const struct gn_overlay *o);

#endif
