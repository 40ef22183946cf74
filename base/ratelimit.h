/* base/ratelimit.h - a token bucket, and a bounded table of buckets by group.
 *
 * Life: a bucket is a plain value; a table is caller's memory, gn_ratelimit_table_fini frees its entries.
 * Threads: one owner. Purity: pure; time is an argument, arithmetic is in integers.
 */
#ifndef GN_BASE_RATELIMIT_H
#define GN_BASE_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/time.h"

/* Greatest rate and burst; more is taken as this much (2^40 = one terabyte a second). */
#define GN_RATELIMIT_MAX (UINT64_C(1) << 40)

struct gn_ratelimit {
    uint64_t rate;  /* tokens per second */
    uint64_t burst; /* tokens in a full bucket */
    uint64_t level; /* millionths of a token */
    gn_time_us at_us;
};

/* A full bucket. rate 0: never refills. burst 0: always empty. */
void gn_ratelimit_init(struct gn_ratelimit *r, uint64_t rate_per_s, uint64_t burst, gn_time_us now);
/* Takes `tokens` if they are there, else takes nothing and returns false. A `now` before the last one counts as that.
 */
bool gn_ratelimit_take(struct gn_ratelimit *r, uint64_t tokens, gn_time_us now);
/* When `tokens` will be there if nothing is taken: `now` if they are, GN_TIME_NEVER if they cannot be. */
gn_time_us gn_ratelimit_ready(struct gn_ratelimit *r, uint64_t tokens, gn_time_us now);
/* Whole tokens that are there. */
uint64_t gn_ratelimit_level(struct gn_ratelimit *r, gn_time_us now);

/* Buckets of equal rate and burst, keyed by a number such as gn_addr_group(). A bucket that
 * has become full again is forgotten when a new group comes, so that the table holds those who asked of late. When the
 * table is full the bucket that was unused for longest makes place: a stranger of that group then starts with a full
 * one. */
struct gn_ratelimit_table {
    struct gn_map by_group; /* group -> pointer to its bucket */
    struct gn_slab buckets;
    struct gn_list lru; /* first = unused for longest */
    uint64_t rate;
    uint64_t burst;
    uint32_t limit;
};

/* limit: the greatest number of groups remembered, at least 1. Borrows alloc until fini. The table must not move. */
void gn_ratelimit_table_init(struct gn_ratelimit_table *t, const struct gn_alloc *alloc, uint64_t rate_per_s,
                             uint64_t burst, uint32_t limit);
void gn_ratelimit_table_fini(struct gn_ratelimit_table *t);
/* As gn_ratelimit_take for this group's bucket. False also when memory for a new bucket is missing. */
bool gn_ratelimit_table_take(struct gn_ratelimit_table *t, uint64_t group, uint64_t tokens, gn_time_us now);
uint32_t gn_ratelimit_table_len(const struct gn_ratelimit_table *t);

#endif
