/* overlay/kad/table.c - who enters, who stays, who goes. */
#include "overlay/kad/table.h"

#include <string.h>

#include "base/check.h"

#define RETRY_FIRST_S 2U
#define RETRY_SECOND_S 8U
#define RETRY_OFFLINE_S 60U

static uint32_t seconds(gn_time_us now)
{
    gn_time_us s = now / GN_SECONDS(1);

    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static uint32_t age_s(uint32_t now_s, uint32_t then_s)
{
    return now_s > then_s ? now_s - then_s : 0; /* a clock that jumps back makes nothing older */
}

static uint32_t head_of(const struct gn_id *id)
{
    return gn_load_u32(id->b);
}

void gn_table_init(struct gn_table *t, const struct gn_alloc *alloc, struct gn_book *book, const struct gn_id *self,
                   bool allow_private)
{
    memset(t, 0, sizeof *t);
    t->alloc = alloc;
    t->book = book;
    t->self = *self;
    t->allow_private = allow_private;
}

void gn_table_fini(struct gn_table *t)
{
    for (unsigned i = 0; i < t->buckets_len; i++) {
        struct gn_bucket *b = &t->buckets[i];

        for (unsigned j = 0; j < b->len; j++) {
            gn_book_drop(t->book, b->entries[j].contact);
        }
        for (unsigned j = 0; j < b->spares_len; j++) {
            gn_book_drop(t->book, b->spares[j].contact);
        }
        gn_alloc_free(t->alloc, b->entries);
        gn_alloc_free(t->alloc, b->spares);
    }
    gn_alloc_free(t->alloc, t->buckets);
    t->buckets = NULL;
    t->buckets_len = 0;
    t->buckets_cap = 0;
    t->len = 0;
}

/* ---- Finding ---- */

static const struct gn_contact *contact_of(const struct gn_table *t, const struct gn_table_entry *e)
{
    return gn_book_get(t->book, e->contact);
}

static struct gn_table_entry *search(const struct gn_table *t, struct gn_table_entry *list, unsigned len,
                                     const struct gn_id *id)
{
    uint32_t head = head_of(id);

    for (unsigned i = 0; i < len; i++) {
        if (list[i].head == head && gn_id_eq(&contact_of(t, &list[i])->id, id)) {
            return &list[i];
        }
    }
    return NULL;
}

/* NULL: our own id, or a bucket that does not exist yet. */
static struct gn_bucket *bucket_of(const struct gn_table *t, const struct gn_id *id)
{
    unsigned index = gn_id_common_bits(&t->self, id);

    return index < t->buckets_len ? &t->buckets[index] : NULL;
}

const struct gn_table_entry *gn_table_find(const struct gn_table *t, const struct gn_id *id)
{
    const struct gn_bucket *b = bucket_of(t, id);

    return b ? search(t, b->entries, b->len, id) : NULL;
}

/* ---- Diversity ---- */

static bool is_exempt(const struct gn_table *t, const struct gn_addr *a)
{
    return t->allow_private && gn_addr_is_private(a);
}

static uint8_t group_hash(uint64_t group)
{
    return (uint8_t)((group * UINT64_C(0x9e3779b97f4a7c15)) >> 56U);
}

static unsigned in_group(const struct gn_table *t, const struct gn_table_entry *list, unsigned len, uint64_t group,
                         const struct gn_id *except)
{
    uint8_t hash = group_hash(group);
    unsigned n = 0;

    for (unsigned i = 0; i < len; i++) {
        if (list[i].group != hash) {
            continue;
        }
        const struct gn_contact *c = contact_of(t, &list[i]);

        n += gn_addr_group(&c->addr) == group && !gn_id_eq(&c->id, except);
    }
    return n;
}

static bool is_diverse(const struct gn_table *t, const struct gn_contact *c)
{
    const struct gn_bucket *own = bucket_of(t, &c->id);
    uint64_t group = gn_addr_group(&c->addr);
    unsigned in_table = 0;

    if (is_exempt(t, &c->addr)) {
        return true;
    }
    if (own &&
        in_group(t, own->entries, own->len, group, &c->id) + in_group(t, own->spares, own->spares_len, group, &c->id) >=
            GN_TABLE_BUCKET_PER_GROUP) {
        return false;
    }
    GN_CHECK(t->buckets || t->buckets_len == 0);
    for (unsigned i = 0; i < t->buckets_len; i++) {
        in_table += in_group(t, t->buckets[i].entries, t->buckets[i].len, group, &c->id);
    }
    return in_table < GN_TABLE_PER_GROUP;
}

/* ---- Places ---- */

static enum gn_err reach_bucket(struct gn_table *t, unsigned index)
{
    if (index >= t->buckets_cap) {
        unsigned cap = (index + 8U) & ~7U;
        struct gn_bucket *grown = gn_alloc_resize(t->alloc, t->buckets, cap * sizeof *grown);

        if (!grown) {
            return GN_E_NO_MEMORY;
        }
        t->buckets = grown;
        t->buckets_cap = cap;
    }
    while (t->buckets_len <= index) {
        t->buckets[t->buckets_len++] = (struct gn_bucket){.touched_s = 0}; /* due for a refresh */
    }
    return GN_OK;
}

static enum gn_err grow_bucket(struct gn_table *t, struct gn_bucket *b, unsigned cap_max)
{
    unsigned cap = b->cap + 4U + b->cap / 8U; /* buckets are most of a node's memory: little slack */

    if (cap > cap_max) {
        cap = cap_max;
    }
    struct gn_table_entry *grown = gn_alloc_resize(t->alloc, b->entries, cap * sizeof *grown);
    if (!grown) {
        return GN_E_NO_MEMORY;
    }
    b->entries = grown;
    b->cap = (uint16_t)cap;
    return GN_OK;
}

static void unmark_check(struct gn_table *t, struct gn_table_entry *e)
{
    if (e->check) {
        e->check = false;
        GN_CHECK(t->checks_left > 0);
        t->checks_left--;
    }
}

/* Takes the entry out of the live part; its reference passes to the caller. The order of the others stays. */
static struct gn_table_entry take_out(struct gn_table *t, struct gn_bucket *b, struct gn_table_entry *e)
{
    size_t at = (size_t)(e - b->entries);

    unmark_check(t, e);
    struct gn_table_entry out = *e;
    memmove(e, e + 1, (b->len - at - 1U) * sizeof *e);
    b->len--;
    t->len--;
    return out;
}

static void drop_spare(struct gn_table *t, struct gn_bucket *b, struct gn_table_entry *e)
{
    size_t at = (size_t)(e - b->spares);

    gn_book_drop(t->book, e->contact);
    memmove(e, e + 1, (b->spares_len - at - 1U) * sizeof *e);
    b->spares_len--;
}

/* Slower, longer silent or doubted: who of two should go first? */
static bool is_worse(const struct gn_table_entry *a, const struct gn_table_entry *b)
{
    if (a->misses != b->misses) {
        return a->misses > b->misses;
    }
    if (a->rtt.srtt_us != b->rtt.srtt_us) {
        return a->rtt.srtt_us > b->rtt.srtt_us;
    }
    return a->answered_s < b->answered_s;
}

/* Into the replacement cache, in the place of the worst if it is full. Takes the entry's reference. */
static void put_spare(struct gn_table *t, struct gn_bucket *b, const struct gn_table_entry *e)
{
    struct gn_table_entry *worst = NULL;

    if (!b->spares) {
        b->spares = gn_alloc_zeroed(t->alloc, GN_TABLE_SPARES, sizeof *b->spares);
    }
    if (!b->spares) {
        gn_book_drop(t->book, e->contact);
        return;
    }
    if (b->spares_len < GN_TABLE_SPARES) {
        b->spares[b->spares_len++] = *e;
        return;
    }
    for (unsigned i = 0; i < b->spares_len; i++) {
        if (!worst || is_worse(&b->spares[i], worst)) {
            worst = &b->spares[i];
        }
    }
    if (worst && is_worse(worst, e)) {
        gn_book_drop(t->book, worst->contact);
        *worst = *e;
    } else {
        gn_book_drop(t->book, e->contact);
    }
}

/* The best of the replacement cache moves up into a free place. */
static void promote(struct gn_table *t, struct gn_bucket *b)
{
    struct gn_table_entry *best = NULL;

    for (unsigned i = 0; i < b->spares_len; i++) {
        if (!best || is_worse(best, &b->spares[i])) {
            best = &b->spares[i];
        }
    }
    if (!best || b->len == b->cap) {
        return;
    }
    b->entries[b->len] = *best;
    b->entries[b->len].check = true; /* it may have gone since */
    t->checks_left++;
    b->len++;
    t->len++;
    (void)gn_book_hold(t->book, best->contact); /* drop_spare gives one back */
    drop_spare(t, b, best);
    t->counters.added++;
}

/* ---- Choice in a full bucket ---- */

/* The bits of the id that come after the bucket's own prefix: as many as make one prefix per place. */
static unsigned prefix_below(unsigned index, const struct gn_id *id)
{
    unsigned cap = gn_table_bucket_cap(index);
    unsigned p = 0;
    unsigned bit = index + 1U;

    for (unsigned width = 1; width < cap; width *= 2U, bit++) {
        p = p * 2U + (bit < GN_ID_BITS && gn_id_bit(id, bit));
    }
    return p;
}

/* Whose place the newcomer takes; NULL: nobody's. */
static struct gn_table_entry *choose_victim(const struct gn_table *t, unsigned index,
                                            const struct gn_table_entry *newcomer, uint32_t now_s)
{
    struct gn_bucket *b = &t->buckets[index];
    uint8_t crowd[GN_TABLE_WIDEST] = {0};
    struct gn_table_entry *dead = NULL;
    struct gn_table_entry *slow = NULL;

    for (unsigned i = 0; i < b->len; i++) {
        struct gn_table_entry *e = &b->entries[i];

        crowd[prefix_below(index, &contact_of(t, e)->id)]++;
        if (e->misses >= 2U || age_s(now_s, e->answered_s) > GN_TABLE_LIVE_US / GN_SECONDS(1)) {
            dead = !dead || is_worse(e, dead) ? e : dead;
        }
    }
    if (dead) {
        return dead;
    }
    unsigned mine = prefix_below(index, &contact_of(t, newcomer)->id);
    for (unsigned i = 0; i < b->len; i++) {
        unsigned p = prefix_below(index, &contact_of(t, &b->entries[i])->id);

        if ((crowd[p] > 1U || p == mine) && (!slow || is_worse(&b->entries[i], slow))) {
            slow = &b->entries[i];
        }
    }
    if (crowd[mine] == 0) {
        return slow; /* some prefix has two nodes while this one has none */
    }
    /* A quarter faster: smaller gains are noise, and old nodes tend to stay (Kademlia, section 4.1). */
    uint64_t mine_us = newcomer->rtt.srtt_us;
    return slow && mine_us != 0 && mine_us * 4U < (uint64_t)slow->rtt.srtt_us * 3U ? slow : NULL;
}

/* Takes the entry's reference. True: it is in the bucket. */
static bool place(struct gn_table *t, unsigned index, const struct gn_table_entry *e, uint32_t now_s)
{
    struct gn_bucket *b = &t->buckets[index];
    unsigned cap_max = gn_table_bucket_cap(index);

    if (b->len == b->cap && b->cap < cap_max && grow_bucket(t, b, cap_max) != GN_OK) {
        gn_book_drop(t->book, e->contact);
        return false;
    }
    if (b->len < b->cap) {
        b->entries[b->len++] = *e;
        t->len++;
        t->counters.added++;
        return true;
    }
    struct gn_table_entry *victim = choose_victim(t, index, e, now_s);
    if (!victim) {
        put_spare(t, b, e);
        return false;
    }
    struct gn_table_entry old = take_out(t, b, victim);
    b->entries[b->len++] = *e;
    t->len++;
    t->counters.replaced++;
    if (old.misses < 2U) {
        put_spare(t, b, &old);
    } else {
        gn_book_drop(t->book, old.contact);
    }
    return true;
}

/* ---- What happened to a node ---- */

static void refresh_entry(struct gn_table *t, struct gn_table_entry *e, gn_book_handle contact, gn_time_us rtt_us,
                          uint32_t now_s)
{
    gn_book_handle old = e->contact;

    e->contact = gn_book_hold(t->book, contact);
    gn_book_drop(t->book, old);
    e->group = group_hash(gn_addr_group(&contact_of(t, e)->addr));
    e->answered_s = now_s;
    e->misses = 0;
    e->retry_s = 0;
    if (rtt_us != 0) {
        gn_rtt_sample(&e->rtt, rtt_us);
    }
}

bool gn_table_answered(struct gn_table *t, gn_book_handle contact, gn_time_us rtt_us, gn_time_us now)
{
    const struct gn_contact *c = gn_book_get(t->book, contact);
    unsigned index = gn_id_common_bits(&t->self, &c->id);
    uint32_t now_s = seconds(now);
    struct gn_table_entry e = {.head = head_of(&c->id), .answered_s = now_s};

    t->heard_s = now_s;
    if (index == GN_ID_BITS || reach_bucket(t, index) != GN_OK) {
        return false;
    }
    struct gn_bucket *b = &t->buckets[index];
    struct gn_table_entry *known = search(t, b->entries, b->len, &c->id);
    struct gn_table_entry *spare = known ? NULL : search(t, b->spares, b->spares_len, &c->id);

    bool stayed = known && gn_addr_group(&contact_of(t, known)->addr) == gn_addr_group(&c->addr);
    if (!stayed && !is_diverse(t, c)) {
        t->counters.refused_diversity++;
        if (known) { /* it moved into a crowded group */
            (void)gn_table_forget(t, &c->id);
        }
        return false;
    }
    if (known) {
        unmark_check(t, known);
        refresh_entry(t, known, contact, rtt_us, now_s);
        return true;
    }
    if (spare) {
        e.rtt = spare->rtt;
        drop_spare(t, b, spare);
    }
    e.contact = gn_book_hold(t->book, contact);
    e.group = group_hash(gn_addr_group(&c->addr));
    if (rtt_us != 0) {
        gn_rtt_sample(&e.rtt, rtt_us);
    }
    return place(t, index, &e, now_s);
}

void gn_table_missed(struct gn_table *t, const struct gn_id *id, gn_time_us now)
{
    struct gn_bucket *b = bucket_of(t, id);
    uint32_t now_s = seconds(now);
    struct gn_table_entry *e = b ? search(t, b->entries, b->len, id) : NULL;

    if (!e) {
        struct gn_table_entry *spare = b ? search(t, b->spares, b->spares_len, id) : NULL;

        if (spare) {
            drop_spare(t, b, spare);
        }
        return;
    }
    if (e->misses > 0 && now_s < e->retry_s) {
        return;
    }
    if (e->misses == 0) {
        e->missed_s = (uint16_t)now_s;
    }
    if (e->misses < GN_TABLE_MISSES_MAX) {
        e->misses++;
    }
    e->retry_s = now_s + (e->misses == 1U ? RETRY_FIRST_S : RETRY_SECOND_S);
    if (e->misses < GN_TABLE_MISSES_MAX) {
        return;
    }
    uint16_t heard_after_s = (uint16_t)((uint16_t)t->heard_s - e->missed_s);
    if (heard_after_s == 0 || heard_after_s > UINT16_MAX / 2U) { /* nobody answered since: our own network is gone */
        e->retry_s = now_s + RETRY_OFFLINE_S;
        return;
    }
    struct gn_table_entry old = take_out(t, b, e);
    gn_book_drop(t->book, old.contact);
    t->counters.dropped++;
    promote(t, b);
}

bool gn_table_forget(struct gn_table *t, const struct gn_id *id)
{
    struct gn_bucket *b = bucket_of(t, id);
    struct gn_table_entry *e = b ? search(t, b->entries, b->len, id) : NULL;
    struct gn_table_entry *spare = b ? search(t, b->spares, b->spares_len, id) : NULL;

    if (spare) {
        drop_spare(t, b, spare);
    }
    if (e) {
        struct gn_table_entry old = take_out(t, b, e);

        gn_book_drop(t->book, old.contact);
        t->counters.dropped++;
        promote(t, b);
    }
    return e != NULL || spare != NULL;
}

/* Is there, or may there soon be, a place for it? */
static bool has_place(const struct gn_table *t, unsigned index, const struct gn_contact *c, uint32_t now_s)
{
    if (index >= t->buckets_len) {
        return true;
    }
    const struct gn_bucket *b = &t->buckets[index];
    const struct gn_table_entry *known = search(t, b->entries, b->len, &c->id);
    if (known) { /* it moved, or came back */
        return known->misses > 0 || !gn_addr_eq(&contact_of(t, known)->addr, &c->addr);
    }
    if (search(t, b->spares, b->spares_len, &c->id)) {
        return false;
    }
    if (b->len < gn_table_bucket_cap(index) || b->spares_len < GN_TABLE_SPARES) {
        return true;
    }
    for (unsigned i = 0; i < b->len; i++) {
        if (b->entries[i].misses > 0 || age_s(now_s, b->entries[i].answered_s) > GN_TABLE_LIVE_US / GN_SECONDS(1)) {
            return true;
        }
    }
    return false;
}

bool gn_table_wants(const struct gn_table *t, const struct gn_contact *c, gn_time_us now)
{
    unsigned index = gn_id_common_bits(&t->self, &c->id);

    if (index == GN_ID_BITS || !gn_addr_is_usable(&c->addr) || (!t->allow_private && gn_addr_is_private(&c->addr))) {
        return false;
    }
    return has_place(t, index, c, seconds(now)) && is_diverse(t, c); /* which walks the whole table: last */
}
