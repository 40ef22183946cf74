/* overlay/kad/candidates.c - the queue, its pace, and the pings. */
#include "overlay/kad/candidates.h"

#include <string.h>

#include "overlay/kad/kad.h"
#include "overlay/msg/msg.h"

#define RECENT_S 30U

void gn_candidates_init(struct gn_kad *k)
{
    struct gn_candidates *q = &k->candidates;

    memset(q, 0, sizeof *q);
    gn_timer_init(&q->timer, GN_KAD_TIMER_CANDIDATES);
    gn_ratelimit_init(&q->pace, GN_CANDIDATES_PER_S, GN_CANDIDATES_BURST, k->now);
}

void gn_candidates_fini(struct gn_kad *k)
{
    struct gn_candidates *q = &k->candidates;

    for (; q->len > 0; q->len--) {
        gn_book_drop(k->book, q->queue[q->len - 1U]);
    }
    gn_timer_cancel(&k->timers, &q->timer);
}

bool gn_candidates_ping(struct gn_kad *k, gn_book_handle to)
{
    struct gn_msg_query q = {.method = GN_MSG_PING};
    struct gn_call_for whom = {.owner = GN_CALL_CHECK};
    uint32_t call;

    return gn_rpc_send(k, &call, to, GN_VIA_DATAGRAM, &q, whom) == GN_OK;
}

static uint32_t clock_s(const struct gn_kad *k)
{
    return (uint32_t)(k->now / GN_SECONDS(1)) + RECENT_S; /* so that a zeroed place is an old one */
}

/* A part of the id and the address: who comes from a new address is not the one that was pinged a moment ago. */
static uint32_t mark_of(const struct gn_contact *c)
{
    uint32_t mark = gn_load_u32(c->id.b) ^ c->addr.port;

    for (unsigned i = 0; i < sizeof c->addr.ip; i += 4U) {
        mark ^= gn_load_u32(&c->addr.ip[i]);
    }
    return mark;
}

static bool is_recent(const struct gn_kad *k, const struct gn_contact *c)
{
    const struct gn_candidates *q = &k->candidates;
    uint32_t mark = mark_of(c);

    for (unsigned i = 0; i < GN_CANDIDATES_RECENT; i++) {
        if (q->recent[i].mark == mark && clock_s(k) - q->recent[i].at_s < RECENT_S) {
            return true;
        }
    }
    return false;
}

static bool is_queued(const struct gn_kad *k, const struct gn_id *id)
{
    const struct gn_candidates *q = &k->candidates;

    for (unsigned i = 0; i < q->len; i++) {
        if (gn_id_eq(&gn_book_get(k->book, q->queue[i])->id, id)) {
            return true;
        }
    }
    return false;
}

static unsigned nearness(const struct gn_kad *k, gn_book_handle h)
{
    return gn_id_common_bits(&k->config.self, &gn_book_get(k->book, h)->id);
}

/* Place of the nearest of the queue, or of the farthest; of equals the one that came first. */
static unsigned pick(const struct gn_kad *k, bool nearest)
{
    const struct gn_candidates *q = &k->candidates;
    unsigned best = 0;

    for (unsigned i = 1; i < q->len; i++) {
        unsigned bits = nearness(k, q->queue[i]);
        unsigned best_bits = nearness(k, q->queue[best]);

        if (nearest ? bits > best_bits : bits < best_bits) {
            best = i;
        }
    }
    return best;
}

/* The reference passes to the caller. */
static gn_book_handle take_out(struct gn_candidates *q, unsigned place)
{
    gn_book_handle h = q->queue[place];

    memmove(&q->queue[place], &q->queue[place + 1U], (q->len - place - 1U) * sizeof q->queue[0]);
    q->len--;
    return h;
}

void gn_candidates_offer(struct gn_kad *k, const struct gn_contact *c)
{
    struct gn_candidates *q = &k->candidates;
    gn_book_handle h;

    if (gn_id_is_zero(&c->id) || is_recent(k, c) || is_queued(k, &c->id) || !gn_table_wants(&k->table, c, k->now)) {
        return;
    }
    if (q->len == GN_CANDIDATES_MAX) {
        unsigned farthest = pick(k, false);

        if (gn_id_common_bits(&k->config.self, &c->id) <= nearness(k, q->queue[farthest])) {
            return;
        }
        gn_book_drop(k->book, take_out(q, farthest));
    }
    if (gn_book_take(k->book, &h, c) != GN_OK) {
        return;
    }
    q->queue[q->len++] = h;
    if (!gn_timer_is_set(&q->timer)) {
        gn_timer_set(&k->timers, &q->timer, gn_ratelimit_ready(&q->pace, 1, k->now));
    }
}

static void ping_nearest(struct gn_kad *k)
{
    struct gn_candidates *q = &k->candidates;
    gn_book_handle h = take_out(q, pick(k, true));
    const struct gn_contact *c = gn_book_get(k->book, h);

    if (gn_table_wants(&k->table, c, k->now) && gn_candidates_ping(k, h)) {
        q->recent[q->recent_at].mark = mark_of(c);
        q->recent[q->recent_at].at_s = clock_s(k);
        q->recent_at = (uint8_t)((q->recent_at + 1U) % GN_CANDIDATES_RECENT);
    }
    gn_book_drop(k->book, h);
}

void gn_candidates_timer(struct gn_kad *k)
{
    struct gn_candidates *q = &k->candidates;

    while (q->len > 0 && gn_ratelimit_take(&q->pace, 1, k->now)) {
        ping_nearest(k);
    }
    if (q->len > 0) {
        gn_timer_set(&k->timers, &q->timer, gn_time_add(gn_ratelimit_ready(&q->pace, 1, k->now), 1));
    }
}
