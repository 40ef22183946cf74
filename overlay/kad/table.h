/* overlay/kad/table.h - the routing table: 256 k-buckets, wide at the top, of nodes that answered us.
 *
 * Life: caller's memory, gn_table_fini frees it; borrows the book. Threads: one owner. Purity: pure.
 * After Maymounkov and Mazieres, Kademlia (2002), section 2.2; bucket i holds nodes that share i leading bits with us.
 *
 * Only a node that answered one of our own queries enters. Which node stays in a full bucket: dead ones go first, then
 * every prefix below the bucket keeps a node, then the lower round-trip time wins; the loser waits in the replacement
 * cache. Per address group (/24, /48) at most 2 nodes in a bucket and 3 in the table; private and loopback addresses
 * are exempt where the configuration allows them.
 *
 * Times are kept as whole seconds in 32 bits: an entry has 28 bytes.
 */
#ifndef GN_OVERLAY_KAD_TABLE_H
#define GN_OVERLAY_KAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time.h"
#include "overlay/kad/book.h"
#include "overlay/kad/rtt.h"

#define GN_KAD_K 16U
#define GN_TABLE_SPARES 8U /* replacement cache of a bucket */
#define GN_TABLE_WIDEST 128U
#define GN_TABLE_PER_GROUP 3U
#define GN_TABLE_BUCKET_PER_GROUP 2U
#define GN_TABLE_MISSES_MAX 3U
#define GN_TABLE_LIVE_US GN_MINUTES(15)

struct gn_table_entry {
    gn_book_handle contact;
    uint32_t head;       /* first 32 bits of the id: most comparisons need no more */
    uint32_t answered_s; /* last answer */
    uint32_t retry_s;    /* with misses: not to be doubted again before */
    struct gn_rtt rtt;
    uint16_t missed_s;   /* low bits of the time of the first of `misses` */
    uint8_t group;       /* 8 bits of a hash of the address group: most comparisons need no more */
    unsigned misses : 3; /* queries without answer since the last answer */
    bool check : 1;      /* to be pinged soon: the network changed */
};

struct gn_bucket {
    struct gn_table_entry *entries; /* allocated on the first one; the spares follow the live part */
    uint16_t len;
    uint16_t cap;
    uint16_t spares_len;
    uint32_t touched_s; /* last lookup in its range; 0 = none yet */
    struct gn_table_entry *spares;
};

struct gn_table_counters {
    uint64_t added, replaced, dropped, refused_diversity;
};

struct gn_table {
    const struct gn_alloc *alloc;
    struct gn_book *book;
    struct gn_id self;
    bool allow_private;
    struct gn_bucket *buckets; /* as far as the deepest one in use */
    unsigned buckets_len;
    unsigned buckets_cap;
    uint32_t len;         /* entries in buckets */
    uint32_t heard_s;     /* last answer of anybody */
    uint32_t checks_left; /* entries with `check` */
    struct gn_table_counters counters;
};

/* Borrows alloc and book until gn_table_fini. */
void gn_table_init(struct gn_table *t, const struct gn_alloc *alloc, struct gn_book *book, const struct gn_id *self,
                   bool allow_private);
/* Drops all contacts. */
void gn_table_fini(struct gn_table *t);

/* Size of bucket `index`: 128, 64, 32, 16, 16, ... */
unsigned gn_table_bucket_cap(unsigned index);

/* `contact` (a live handle) answered a query of ours. rtt_us: 0 = not measurable. Enters it, or refreshes it and its
 * epoch key and address. True: it is in a bucket now. False: in the replacement cache, refused, or no memory. */
bool gn_table_answered(struct gn_table *t, gn_book_handle contact, gn_time_us rtt_us, gn_time_us now);
/* A query to this id was not answered. Misses count only apart from each other (2 s, then 8 s); the third drops the
 * entry, unless nobody at all has answered since: then it is our own network that is gone. */
void gn_table_missed(struct gn_table *t, const struct gn_id *id, gn_time_us now);
/* Drops the node. False: it was not there. */
bool gn_table_forget(struct gn_table *t, const struct gn_id *id);
/* NULL: not in a bucket. Borrowed until the next change. */
const struct gn_table_entry *gn_table_find(const struct gn_table *t, const struct gn_id *id);
/* Would a node of this id and address, if it answered, find a place? For candidates: is a ping worth it? */
bool gn_table_wants(const struct gn_table *t, const struct gn_contact *c, gn_time_us now);
/* Answered within 15 min and no open miss: may be handed on to others. */
bool gn_table_is_live(const struct gn_table_entry *e, gn_time_us now);
size_t gn_table_live_len(const struct gn_table *t, gn_time_us now);

enum gn_table_which { GN_TABLE_LIVE, GN_TABLE_ANY };

struct gn_table_wish {
    const struct gn_id *target;
    const struct gn_id *except; /* left out; may be NULL */
    enum gn_table_which which;
    gn_time_us now;
};

/* Fills out with the handles of at most cap (1..128) nodes nearest to the target, nearest first. The handles are
 * borrowed until the next change of the table. */
size_t gn_table_closest(const struct gn_table *t, gn_book_handle *out, size_t cap, const struct gn_table_wish *wish);

/* ---- Upkeep (kad/maintain.c) ---- */
/* Every entry wants a ping: the network changed. */
void gn_table_check_all(struct gn_table *t);
/* The next entry that is to be checked, which then no longer is; 0: none. */
gn_book_handle gn_table_next_check(struct gn_table *t);
/* Fills at most cap entries whose open miss may be doubted again; the same ones until they answer or miss again. */
size_t gn_table_doubtful(const struct gn_table *t, gn_book_handle *out, size_t cap, gn_time_us now);
/* The oldest entry of a random bucket, buckets chosen as often as they have entries; 0: there is none, or it answered
 * within the last fresh_s seconds. */
gn_book_handle gn_table_oldest(const struct gn_table *t, uint32_t fresh_s, struct gn_rng *rng, gn_time_us now);
/* A lookup for target was made. */
void gn_table_touch(struct gn_table *t, const struct gn_id *target, gn_time_us now);
/* Index of a bucket without a lookup for idle_us, or ever, not deeper than the deepest one in use; -1: none. */
int gn_table_idle_bucket(const struct gn_table *t, gn_time_us idle_us, gn_time_us now);
/* A random id in the range of bucket `index`. */
void gn_table_random_id(const struct gn_table *t, struct gn_id *out, unsigned index, struct gn_rng *rng);

/* Goes through buckets, then through replacement caches: start with *cursor 0. NULL at the end. */
const struct gn_table_entry *gn_table_next(const struct gn_table *t, uint32_t *cursor, unsigned *bucket,
                                           bool *replacement);
/* Walks everything; true when places, sizes, limits and counts hold. For GN_CHECK_SLOW and tests. */
bool gn_table_is_sound(const struct gn_table *t);

/* ---- Snapshot (table_save.c) ---- */
#define GN_TABLE_SAVE_MAX 256U
#define GN_TABLE_SAVE_BYTES (3U + GN_TABLE_SAVE_MAX * 83U)
/* Fills out (cap >= GN_TABLE_SAVE_BYTES) with the live nodes, best first: a node of every bucket before the second of
 * any, and in a bucket the one that has been there longest: it is the likeliest to be there tomorrow (Kademlia, section
 * 4.1). Returns the length. */
size_t gn_table_save(const struct gn_table *t, uint8_t *out, size_t cap, gn_time_us now);
/* Reads contact number `index` of a snapshot. False: there is none, or the bytes are not a snapshot of version 1.
 * Addresses that must not be sent to are skipped by the caller. */
bool gn_table_saved(struct gn_contact *out, struct gn_slice snapshot, size_t index);

#endif
