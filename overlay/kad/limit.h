/* overlay/kad/limit.h - how many queries strangers may ask: per address, per group, in all; and bans.
 *
 * Life: caller's memory, gn_limit_init .. gn_limit_fini; must not move. Threads: one owner. Purity: pure.
 *
 * An IPv4 address counts by itself, an IPv6 address by its /64, because one subscriber has all of that. The limits are
 * those of overlay/kad/server.h. A query over a limit of its own address is a strike; too many strikes are a ban.
 * Full tables forget whoever was silent for longest, full bans refuse nobody new: the limits of group and node remain.
 */
#ifndef GN_OVERLAY_KAD_LIMIT_H
#define GN_OVERLAY_KAD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/map.h"
#include "base/ratelimit.h"
#include "base/rng.h"
#include "base/time.h"

#define GN_LIMIT_IPS_MAX 4096U
#define GN_LIMIT_GROUPS_MAX 2048U
#define GN_LIMIT_STRIKERS_MAX 1024U
#define GN_LIMIT_BANS_MAX 1024U

struct gn_limit {
    struct gn_ratelimit_table ips;
    struct gn_ratelimit_table groups;
    struct gn_ratelimit node;
    struct gn_ratelimit_table strikes; /* a token per refused query: empty = banned */
    struct gn_map bans;                /* address number -> gn_time_us of its end */
    gn_time_us sweep_at;               /* not before this are ended bans searched again */
    uint8_t key[16];                   /* strangers must not choose who shares a bucket with whom */
    bool allow_private;
};

/* allow_private: loopback and private addresses have no limits. Borrows alloc. Allocates nothing yet. */
void gn_limit_init(struct gn_limit *l, const struct gn_alloc *alloc, struct gn_rng *rng, bool allow_private,
                   gn_time_us now);
void gn_limit_fini(struct gn_limit *l);
/* Counts one query; false: drop it. */
bool gn_limit_admit(struct gn_limit *l, const struct gn_addr *addr, gn_time_us now);
bool gn_limit_is_banned(const struct gn_limit *l, const struct gn_addr *addr, gn_time_us now);
bool gn_limit_is_exempt(const struct gn_limit *l, const struct gn_addr *addr);

#endif
