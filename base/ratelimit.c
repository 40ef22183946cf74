/* base/ratelimit.c - token buckets.
 *
 * A bucket counts millionths of a token, so that elapsed microseconds times the rate per second is exact. The limits in
 * the header keep burst * 10^6 within 64 bits.
 */
#include "base/ratelimit.h"

#include "base/check.h"

#define MILLION UINT64_C(1000000)

void gn_ratelimit_init(struct gn_ratelimit *r, uint64_t rate_per_s, uint64_t burst, gn_time_us now)
{
    r->rate = rate_per_s < GN_RATELIMIT_MAX ? rate_per_s : GN_RATELIMIT_MAX;
    r->burst = burst < GN_RATELIMIT_MAX ? burst : GN_RATELIMIT_MAX;
    r->level = r->burst * MILLION;
    r->at_us = now;
}

static void refill(struct gn_ratelimit *r, gn_time_us now)
{
    uint64_t missing = r->burst * MILLION - r->level;
    gn_time_us elapsed = gn_time_sub(now, r->at_us);

    r->at_us = gn_time_max(now, r->at_us);
    if (r->rate == 0 || missing == 0) {
        return;
    }
    /* Compared before it is multiplied: a long silence would overflow the product. */
    r->level += elapsed > missing / r->rate ? missing : elapsed * r->rate;
}

bool gn_ratelimit_take(struct gn_ratelimit *r, uint64_t tokens, gn_time_us now)
{
    refill(r, now);
    if (tokens > r->burst || tokens * MILLION > r->level) {
        return false;
    }
    r->level -= tokens * MILLION;
    return true;
}

gn_time_us gn_ratelimit_ready(struct gn_ratelimit *r, uint64_t tokens, gn_time_us now)
{
    uint64_t missing;

    refill(r, now);
    if (tokens > r->burst) {
        return GN_TIME_NEVER;
    }
    if (tokens * MILLION <= r->level) {
        return now;
    }
    if (r->rate == 0) {
        return GN_TIME_NEVER;
    }
    missing = tokens * MILLION - r->level;
    return gn_time_add(r->at_us, (missing + r->rate - 1U) / r->rate);
}

uint64_t gn_ratelimit_level(struct gn_ratelimit *r, gn_time_us now)
{
    refill(r, now);
    return r->level / MILLION;
}

struct bucket {
    struct gn_list_node lru;
    uint64_t group;
    struct gn_ratelimit limit;
};

void gn_ratelimit_table_init(struct gn_ratelimit_table *t, const struct gn_alloc *alloc, uint64_t rate_per_s,
                             uint64_t burst, uint32_t limit)
{
    GN_CHECK(limit >= 1);
    gn_map_init(&t->by_group, alloc, sizeof(uint64_t), sizeof(struct bucket *), limit);
    gn_slab_init(&t->buckets, alloc, sizeof(struct bucket), limit < 16U ? limit : 16U, limit);
    gn_list_init(&t->lru);
    t->rate = rate_per_s;
    t->burst = burst;
    t->limit = limit;
}

void gn_ratelimit_table_fini(struct gn_ratelimit_table *t)
{
    gn_list_init(&t->lru);
    gn_slab_fini(&t->buckets);
    gn_map_fini(&t->by_group);
}

static void forget_oldest(struct gn_ratelimit_table *t)
{
    struct gn_list_node *n = gn_list_pop_front(&t->lru);
    struct bucket *b;

    GN_CHECK(n != NULL);
    b = GN_CONTAINER_OF(n, struct bucket, lru);
    GN_CHECK(gn_map_remove(&t->by_group, &b->group));
    GN_CHECK(gn_slab_release(&t->buckets, gn_slab_handle(b)) == GN_OK);
}

/* A bucket that is full again is like a new one: the group need not be remembered. Two for each new one are enough to
 * shrink a table that a crowd has left. */
static void forget_full(struct gn_ratelimit_table *t, gn_time_us now)
{
    for (unsigned i = 0; i < 2U && gn_map_len(&t->by_group) > 0; i++) {
        struct bucket *b = GN_CONTAINER_OF(t->lru.ends.next, struct bucket, lru);

        refill(&b->limit, now);
        if (b->limit.level < b->limit.burst * MILLION) {
            return;
        }
        forget_oldest(t);
    }
}

/* A full bucket for a new group; NULL without memory. */
static struct bucket *add_bucket(struct gn_ratelimit_table *t, uint64_t group, gn_time_us now)
{
    struct bucket *b = NULL;
    void *object = NULL;
    uint32_t handle;

    forget_full(t, now);
    if (gn_map_len(&t->by_group) == t->limit) {
        forget_oldest(t);
    }
    if (gn_slab_take(&t->buckets, &handle, &object) != GN_OK) {
        return NULL;
    }
    b = (struct bucket *)object;
    if (gn_map_set(&t->by_group, &group, &b) != GN_OK) {
        GN_CHECK(gn_slab_release(&t->buckets, handle) == GN_OK);
        return NULL;
    }
    b->group = group;
    gn_ratelimit_init(&b->limit, t->rate, t->burst, now);
    gn_list_push_back(&t->lru, &b->lru);
    return b;
}

bool gn_ratelimit_table_take(struct gn_ratelimit_table *t, uint64_t group, uint64_t tokens, gn_time_us now)
{
    struct bucket **known = (struct bucket **)gn_map_get(&t->by_group, &group);
    struct bucket *b = known ? *known : add_bucket(t, group, now);

    if (!b) {
        return false;
    }
    gn_list_move_back(&t->lru, &b->lru);
    return gn_ratelimit_take(&b->limit, tokens, now);
}

uint32_t gn_ratelimit_table_len(const struct gn_ratelimit_table *t)
{
    return gn_map_len(&t->by_group);
}
