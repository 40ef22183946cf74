/* overlay/kad/table_walk.c - reading the routing table: the nearest nodes, who needs a ping, idle ranges, soundness. */
#include "overlay/kad/table.h"

#include <string.h>

#include "base/check.h"

static uint32_t seconds(gn_time_us now)
{
    gn_time_us s = now / GN_SECONDS(1);

    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

unsigned gn_table_bucket_cap(unsigned index)
{
    return index < 3U ? GN_TABLE_WIDEST >> index : GN_KAD_K;
}

bool gn_table_is_live(const struct gn_table_entry *e, gn_time_us now)
{
    return e->misses == 0 && gn_time_sub(seconds(now), e->answered_s) <= GN_TABLE_LIVE_US / GN_SECONDS(1);
}

size_t gn_table_live_len(const struct gn_table *t, gn_time_us now)
{
    size_t n = 0;

    for (unsigned i = 0; i < t->buckets_len; i++) {
        for (unsigned j = 0; j < t->buckets[i].len; j++) {
            n += gn_table_is_live(&t->buckets[i].entries[j], now);
        }
    }
    return n;
}

/* ---- The nearest ---- */

struct nearest {
    const struct gn_table *t;
    const struct gn_table_wish *wish;
    gn_book_handle *out;
    uint32_t far[GN_TABLE_WIDEST]; /* first 32 bits of the distance of out[i] */
    uint32_t target_head;
    uint32_t except_head;
    size_t cap;
    size_t len;
};

static const struct gn_id *id_of(const struct gn_table *t, gn_book_handle h)
{
    return &gn_book_get(t->book, h)->id;
}

/* Is (far, contact) nearer than the one at place i? */
static bool is_nearer(const struct nearest *n, uint32_t far, gn_book_handle contact, size_t i)
{
    if (far != n->far[i]) {
        return far < n->far[i];
    }
    return gn_id_closer(n->wish->target, id_of(n->t, contact), id_of(n->t, n->out[i])) < 0;
}

static void consider(struct nearest *n, const struct gn_table_entry *e)
{
    uint32_t far = e->head ^ n->target_head;
    size_t at = n->len;

    if ((n->len == n->cap && far > n->far[n->cap - 1U]) ||
        (n->wish->which == GN_TABLE_LIVE && !gn_table_is_live(e, n->wish->now)) ||
        (n->wish->except && e->head == n->except_head && gn_id_eq(id_of(n->t, e->contact), n->wish->except))) {
        return;
    }
    while (at > 0 && is_nearer(n, far, e->contact, at - 1U)) {
        at--;
    }
    if (at == n->cap) {
        return;
    }
    size_t moved = (n->len < n->cap ? n->len : n->cap - 1U) - at;
    memmove(&n->out[at + 1U], &n->out[at], moved * sizeof n->out[0]);
    memmove(&n->far[at + 1U], &n->far[at], moved * sizeof n->far[0]);
    n->out[at] = e->contact;
    n->far[at] = far;
    n->len += n->len < n->cap;
}

static void consider_bucket(struct nearest *n, unsigned index)
{
    const struct gn_bucket *b = &n->t->buckets[index];

    for (unsigned i = 0; i < b->len; i++) {
        consider(n, &b->entries[i]);
    }
}

size_t gn_table_closest(const struct gn_table *t, gn_book_handle *out, size_t cap, const struct gn_table_wish *wish)
{
    struct nearest n = {.t = t, .wish = wish, .out = out, .cap = cap};
    unsigned own = gn_id_common_bits(&t->self, wish->target);

    GN_CHECK(cap > 0 && cap <= GN_TABLE_WIDEST);
    n.target_head = gn_load_u32(wish->target->b);
    n.except_head = wish->except ? gn_load_u32(wish->except->b) : 0;
    /* The target's own bucket shares more bits with it than any other; all deeper ones share exactly `own` bits; each
     * shallower one is farther than everything before it. */
    if (own < t->buckets_len) {
        consider_bucket(&n, own);
    }
    for (unsigned i = own + 1U; n.len < cap && i < t->buckets_len; i++) {
        for (unsigned j = i; j < t->buckets_len; j++) {
            consider_bucket(&n, j);
        }
        break;
    }
    for (unsigned i = own < t->buckets_len ? own : t->buckets_len; n.len < cap && i > 0; i--) {
        consider_bucket(&n, i - 1U);
    }
    return n.len;
}

/* ---- Upkeep ---- */

void gn_table_check_all(struct gn_table *t)
{
    t->checks_left = 0;
    for (unsigned i = 0; i < t->buckets_len; i++) {
        for (unsigned j = 0; j < t->buckets[i].len; j++) {
            t->buckets[i].entries[j].check = true;
            t->checks_left++;
        }
    }
}

gn_book_handle gn_table_next_check(struct gn_table *t)
{
    for (unsigned i = t->buckets_len; t->checks_left > 0 && i > 0; i--) { /* the nearest to us first */
        struct gn_bucket *b = &t->buckets[i - 1U];

        for (unsigned j = 0; j < b->len; j++) {
            if (b->entries[j].check) {
                b->entries[j].check = false;
                t->checks_left--;
                return b->entries[j].contact;
            }
        }
    }
    return 0;
}

size_t gn_table_doubtful(const struct gn_table *t, gn_book_handle *out, size_t cap, gn_time_us now)
{
    uint32_t now_s = seconds(now);
    size_t n = 0;

    for (unsigned i = t->buckets_len; i > 0; i--) {
        const struct gn_bucket *b = &t->buckets[i - 1U];

        for (unsigned j = 0; j < b->len && n < cap; j++) {
            if (b->entries[j].misses > 0 && b->entries[j].retry_s <= now_s) {
                out[n++] = b->entries[j].contact;
            }
        }
    }
    return n;
}

gn_book_handle gn_table_oldest(const struct gn_table *t, uint32_t fresh_s, struct gn_rng *rng, gn_time_us now)
{
    const struct gn_table_entry *oldest = NULL;
    unsigned index = 0;

    if (t->len == 0) {
        return 0;
    }
    uint64_t skip = gn_rng_below(rng, t->len);
    while (skip >= t->buckets[index].len) {
        skip -= t->buckets[index++].len;
    }
    for (unsigned j = 0; j < t->buckets[index].len; j++) {
        const struct gn_table_entry *e = &t->buckets[index].entries[j];

        oldest = !oldest || e->answered_s < oldest->answered_s ? e : oldest;
    }
    return oldest && oldest->misses == 0 && seconds(now) - oldest->answered_s >= fresh_s ? oldest->contact : 0;
}

void gn_table_touch(struct gn_table *t, const struct gn_id *target, gn_time_us now)
{
    unsigned index = gn_id_common_bits(&t->self, target);

    if (index < t->buckets_len) {
        t->buckets[index].touched_s = seconds(now) > 0 ? seconds(now) : 1U;
    }
}

int gn_table_idle_bucket(const struct gn_table *t, gn_time_us idle_us, gn_time_us now)
{
    uint32_t now_s = seconds(now);
    unsigned deepest = t->buckets_len;

    while (deepest > 0 && t->buckets[deepest - 1U].len == 0) {
        deepest--;
    }
    for (unsigned i = 0; i < deepest; i++) {
        uint32_t touched = t->buckets[i].touched_s;

        if (touched == 0 || (now_s > touched && now_s - touched >= idle_us / GN_SECONDS(1))) {
            return (int)i;
        }
    }
    return -1;
}

void gn_table_random_id(const struct gn_table *t, struct gn_id *out, unsigned index, struct gn_rng *rng)
{
    GN_CHECK(index < GN_ID_BITS);
    gn_rng_bytes(rng, out->b, sizeof out->b);
    memcpy(out->b, t->self.b, index / 8U);
    for (unsigned bit = index & ~7U; bit < index; bit++) {
        gn_id_set_bit(out, bit, gn_id_bit(&t->self, bit));
    }
    gn_id_set_bit(out, index, !gn_id_bit(&t->self, index));
}

/* ---- Walking ---- */

/* cursor: bit 20 = replacement caches, bits 8..16 = bucket, bits 0..7 = place */
const struct gn_table_entry *gn_table_next(const struct gn_table *t, uint32_t *cursor, unsigned *bucket,
                                           bool *replacement)
{
    while (*cursor >> 20U < 2U) {
        bool spares = *cursor >> 20U == 1U;
        unsigned index = *cursor >> 8U & 0x1ffU;
        unsigned at = *cursor & 0xffU;

        if (index >= t->buckets_len) {
            *cursor = ((*cursor >> 20U) + 1U) << 20U;
            continue;
        }
        const struct gn_bucket *b = &t->buckets[index];
        if (at >= (spares ? b->spares_len : b->len)) {
            *cursor = (*cursor & ~0xffU) + 0x100U;
            continue;
        }
        ++*cursor;
        *bucket = index;
        *replacement = spares;
        return spares ? &b->spares[at] : &b->entries[at];
    }
    return NULL;
}

static bool entry_is_sound(const struct gn_table *t, const struct gn_table_entry *e, unsigned bucket)
{
    const struct gn_id *id = id_of(t, e->contact);

    return gn_id_common_bits(&t->self, id) == bucket && e->head == gn_load_u32(id->b) &&
           e->misses <= GN_TABLE_MISSES_MAX;
}

bool gn_table_is_sound(const struct gn_table *t)
{
    uint32_t cursor = 0;
    uint32_t len = 0;
    uint32_t checks = 0;
    unsigned bucket = 0;
    bool replacement = false;
    const struct gn_table_entry *e;

    while ((e = gn_table_next(t, &cursor, &bucket, &replacement)) != NULL) {
        uint32_t others = cursor;
        unsigned other_bucket = 0;
        const struct gn_table_entry *o;

        if (!entry_is_sound(t, e, bucket)) {
            return false;
        }
        while ((o = gn_table_next(t, &others, &other_bucket, &(bool){false})) != NULL) {
            if (o->head == e->head && gn_id_eq(id_of(t, o->contact), id_of(t, e->contact))) {
                return false;
            }
        }
        len += !replacement;
        checks += !replacement && e->check;
    }
    for (unsigned i = 0; i < t->buckets_len; i++) {
        const struct gn_bucket *b = &t->buckets[i];

        if (b->len > b->cap || b->cap > gn_table_bucket_cap(i) || b->spares_len > GN_TABLE_SPARES) {
            return false;
        }
    }
    return len == t->len && checks == t->checks_left;
}
