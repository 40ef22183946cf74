/* node/host_reply.c - the ring of queries that wait for our answer. */
#include <stdlib.h>
#include <string.h>

#include "node/host_inside.h"

static struct gn_host_reply *slot_of(struct gn_host *h, uint64_t token)
{
    for (uint32_t i = 0; i < h->replies_cap; i++)
        if (h->replies[i].token == token)
            return &h->replies[i];
    return NULL;
}

/* Doubles the ring when the slot that would be overwritten is still young. */
static struct gn_host_reply *slot_new(struct gn_host *h, gn_time_us now)
{
    for (uint32_t i = 0; i < h->replies_cap; i++) {
        struct gn_host_reply *r = &h->replies[(h->replies_next + i) % h->replies_cap];
        if (r->token == 0) {
            h->replies_next = (h->replies_next + i + 1) % h->replies_cap;
            return r;
        }
    }
    struct gn_host_reply *oldest = h->replies_cap ? &h->replies[h->replies_next] : NULL;
    bool young = !oldest || gn_time_sub(now, oldest->since) < GN_HOST_REPLY_AGE;
    if (young && h->replies_cap < GN_HOST_REPLIES_MAX) {
        uint32_t cap = h->replies_cap ? h->replies_cap * 2 : GN_HOST_REPLIES_MIN;
        struct gn_host_reply *grown = gn_alloc_resize(h->config.alloc, h->replies, cap * sizeof *grown);
        if (grown) {
            memset(grown + h->replies_cap, 0, (cap - h->replies_cap) * sizeof *grown);
            h->replies_next = h->replies_cap + 1;
            h->replies = grown;
            h->replies_cap = cap;
            return &grown[h->replies_next - 1];
        }
    }
    if (oldest)
        h->replies_next = (h->replies_next + 1) % h->replies_cap;
    return oldest;
}

uint64_t gn_host_reply_keep(struct gn_host *h, const struct gn_seal_reply_key *key, struct gn_host_query *stream)
{
    gn_time_us now = gn_host_now();
    struct gn_host_reply *r = slot_new(h, now);
    if (!r)
        return 0;
    *r = (struct gn_host_reply){.token = ++h->reply_token, .since = now, .stream = stream};
    if (key)
        r->key = *key;
    return r->token;
}

bool gn_host_reply_take(struct gn_host *h, struct gn_host_reply *out, uint64_t token)
{
    struct gn_host_reply *r = token ? slot_of(h, token) : NULL;
    if (!r)
        return false;
    *out = *r;
    memset(r, 0, sizeof *r);
    return true;
}

void gn_host_reply_forget(struct gn_host *h, const struct gn_host_query *stream)
{
    for (uint32_t i = 0; i < h->replies_cap; i++)
        if (h->replies[i].stream == stream)
            memset(&h->replies[i], 0, sizeof h->replies[i]);
}
