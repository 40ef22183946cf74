/* overlay/kad/limit.c - buckets and bans of those who ask. */
#include "overlay/kad/limit.h"

#include <string.h>

#include "base/hash.h"
#include "overlay/kad/server.h"

void gn_limit_init(struct gn_limit *l, const struct gn_alloc *alloc, struct gn_rng *rng, bool allow_private,
                   gn_time_us now)
{
    gn_rng_bytes(rng, l->key, sizeof(l->key));
    gn_ratelimit_table_init(&l->ips, alloc, GN_SERVER_RATE_IP, GN_SERVER_BURST_IP, GN_LIMIT_IPS_MAX);
    gn_ratelimit_table_init(&l->groups, alloc, GN_SERVER_RATE_GROUP, GN_SERVER_BURST_GROUP, GN_LIMIT_GROUPS_MAX);
    gn_ratelimit_table_init(&l->strikes, alloc, 1, GN_SERVER_STRIKES, GN_LIMIT_STRIKERS_MAX);
    gn_ratelimit_init(&l->node, GN_SERVER_RATE_NODE, GN_SERVER_BURST_NODE, now);
    gn_map_init(&l->bans, alloc, sizeof(uint64_t), sizeof(gn_time_us), GN_LIMIT_BANS_MAX);
    l->sweep_at = 0;
    l->allow_private = allow_private;
}

void gn_limit_fini(struct gn_limit *l)
{
    gn_map_fini(&l->bans);
    gn_ratelimit_table_fini(&l->strikes);
    gn_ratelimit_table_fini(&l->groups);
    gn_ratelimit_table_fini(&l->ips);
}

static uint64_t number_of(const struct gn_limit *l, const struct gn_addr *addr)
{
    return gn_hash_short(l->key, addr->ip, addr->family == GN_ADDR_V6 ? 8 : 4);
}

bool gn_limit_is_exempt(const struct gn_limit *l, const struct gn_addr *addr)
{
    return l->allow_private && (gn_addr_is_private(addr) || gn_addr_is_loopback(addr));
}

static bool is_banned(const struct gn_limit *l, uint64_t number, gn_time_us now)
{
    const gn_time_us *until = (const gn_time_us *)gn_map_get(&l->bans, &number);

    return until && now < *until;
}

bool gn_limit_is_banned(const struct gn_limit *l, const struct gn_addr *addr, gn_time_us now)
{
    return is_banned(l, number_of(l, addr), now);
}

static void drop_ended_bans(struct gn_limit *l, gn_time_us now)
{
    uint32_t cursor = 0;
    const void *key;
    void *until;
    uint64_t number;

    if (now < l->sweep_at) {
        return;
    }
    l->sweep_at = gn_time_add(now, GN_SECONDS(10));
    while (gn_map_next(&l->bans, &cursor, &key, &until)) {
        if (*(const gn_time_us *)until <= now) {
            memcpy(&number, key, sizeof(number)); /* keys are not aligned */
            (void)gn_map_remove(&l->bans, &number);
        }
    }
}

static void strike(struct gn_limit *l, uint64_t number, gn_time_us now)
{
    gn_time_us until = gn_time_add(now, GN_SERVER_BAN_US);

    if (gn_ratelimit_table_take(&l->strikes, number, 1, now)) {
        return;
    }
    if (gn_map_len(&l->bans) == GN_LIMIT_BANS_MAX) {
        drop_ended_bans(l, now);
    }
    /* no place or no memory: its bucket still holds it down */
    (void)!gn_map_set(&l->bans, &number, &until);
}

bool gn_limit_admit(struct gn_limit *l, const struct gn_addr *addr, gn_time_us now)
{
    uint64_t number;

    if (gn_limit_is_exempt(l, addr)) {
        return true;
    }
    number = number_of(l, addr);
    if (is_banned(l, number, now)) {
        return false;
    }
    if (!gn_ratelimit_table_take(&l->ips, number, 1, now)) {
        strike(l, number, now);
        return false;
    }
    return gn_ratelimit_table_take(&l->groups, gn_addr_group(addr), 1, now) && gn_ratelimit_take(&l->node, 1, now);
}
