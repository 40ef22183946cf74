/* transport/seal/seal_cache.c - bounded table of secrets: chunks that never move, chained hash, LRU list by number. */
#include "transport/seal/seal_cache.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define CHUNK 16U /* entries allocated together */
#define HEADS_MIN 16U

void gn_seal_cache_init(struct gn_seal_cache *c, const struct gn_alloc *alloc, size_t entry_len, uint32_t limit,
                        const uint8_t hash_key[16])
{
    GN_CHECK(limit >= 1 && entry_len >= sizeof(struct gn_seal_cache_entry) && entry_len % 8 == 0);
    memset(c, 0, sizeof *c);
    c->alloc = alloc;
    c->entry_len = entry_len;
    c->limit = limit;
    memcpy(c->hash_key, hash_key, sizeof c->hash_key);
}

void gn_seal_cache_fini(struct gn_seal_cache *c)
{
    for (uint32_t i = 0; i < c->chunks_len; i++) {
        sodium_memzero(c->chunks[i], CHUNK * c->entry_len);
        gn_alloc_free(c->alloc, c->chunks[i]);
    }
    gn_alloc_free(c->alloc, c->chunks);
    gn_alloc_free(c->alloc, c->heads);
    sodium_memzero(c, sizeof *c);
}

static struct gn_seal_cache_entry *at(const struct gn_seal_cache *c, uint32_t place)
{
    uint32_t i = place - 1U;

    return (struct gn_seal_cache_entry *)(void *)(c->chunks[i / CHUNK] + (i % CHUNK) * c->entry_len);
}

static uint32_t *head_of(const struct gn_seal_cache *c, const uint8_t key[32])
{
    return &c->heads[gn_hash_short(c->hash_key, key, 32) & (c->heads_len - 1U)];
}

static struct gn_seal_cache_entry *look_up(const struct gn_seal_cache *c, const uint8_t key[32])
{
    if (c->len == 0) {
        return NULL;
    }
    for (uint32_t place = *head_of(c, key); place != 0; place = at(c, place)->chain) {
        if (memcmp(at(c, place)->key, key, 32) == 0) {
            return at(c, place);
        }
    }
    return NULL;
}

static void unlink_age(struct gn_seal_cache *c, struct gn_seal_cache_entry *e)
{
    *(e->older ? &at(c, e->older)->newer : &c->oldest) = e->newer;
    *(e->newer ? &at(c, e->newer)->older : &c->newest) = e->older;
}

static void link_newest(struct gn_seal_cache *c, struct gn_seal_cache_entry *e)
{
    e->older = c->newest;
    e->newer = 0;
    *(c->newest ? &at(c, c->newest)->newer : &c->oldest) = e->place;
    c->newest = e->place;
}

void *gn_seal_cache_find(struct gn_seal_cache *c, const uint8_t key[32])
{
    struct gn_seal_cache_entry *e = look_up(c, key);

    if (e && c->newest != e->place) {
        unlink_age(c, e);
        link_newest(c, e);
    }
    return e;
}

void gn_seal_cache_remove(struct gn_seal_cache *c, void *entry)
{
    struct gn_seal_cache_entry *e = entry;
    uint32_t place = e->place;
    uint32_t *link = head_of(c, e->key);

    while (*link != place) {
        link = &at(c, *link)->chain;
    }
    *link = e->chain;
    unlink_age(c, e);
    sodium_memzero(e, c->entry_len);
    e->chain = c->free_first;
    c->free_first = place;
    c->len--;
}

/* Twice the heads when there are as many entries. Failure is no harm: chains become longer. */
static bool grow_heads(struct gn_seal_cache *c)
{
    if (c->len < c->heads_len || c->heads_len >= c->limit) {
        return true;
    }
    uint32_t len = c->heads_len ? c->heads_len * 2U : HEADS_MIN;
    uint32_t *heads = gn_alloc_zeroed(c->alloc, len, sizeof *heads);
    if (!heads) {
        return c->heads_len != 0;
    }
    gn_alloc_free(c->alloc, c->heads);
    c->heads = heads;
    c->heads_len = len;
    for (uint32_t place = c->oldest; place != 0; place = at(c, place)->newer) {
        uint32_t *head = head_of(c, at(c, place)->key);
        at(c, place)->chain = *head;
        *head = place;
    }
    return true;
}

static bool grow_chunks(struct gn_seal_cache *c)
{
    if (c->chunks_len % 16U == 0) {
        uint8_t **chunks = gn_alloc_resize(c->alloc, c->chunks, (c->chunks_len + 16U) * sizeof *chunks);
        if (!chunks) {
            return false;
        }
        c->chunks = chunks;
    }
    c->chunks[c->chunks_len] = gn_alloc_zeroed(c->alloc, CHUNK, c->entry_len);
    if (!c->chunks[c->chunks_len]) {
        return false;
    }
    c->chunks_len++;
    return true;
}

/* A free place: a released one, a new one, or that of the oldest entry. 0: no memory for the first. */
static uint32_t take_place(struct gn_seal_cache *c)
{
    if (c->free_first == 0 && c->used < c->limit && (c->used < c->chunks_len * CHUNK || grow_chunks(c))) {
        return ++c->used;
    }
    if (c->free_first == 0 && c->oldest != 0) {
        gn_seal_cache_remove(c, at(c, c->oldest));
    }
    uint32_t place = c->free_first;
    if (place != 0) {
        c->free_first = at(c, place)->chain;
    }
    return place;
}

void *gn_seal_cache_add(struct gn_seal_cache *c, const uint8_t key[32])
{
    struct gn_seal_cache_entry *e = gn_seal_cache_find(c, key);

    if (e) {
        return e;
    }
    uint32_t place = grow_heads(c) ? take_place(c) : 0;
    if (place == 0) {
        return NULL;
    }
    e = at(c, place);
    uint32_t *head = head_of(c, key);
    e->place = place;
    e->chain = *head;
    memcpy(e->key, key, 32);
    *head = place;
    link_newest(c, e);
    c->len++;
    return e;
}

void *gn_seal_cache_next(const struct gn_seal_cache *c, uint32_t *cursor)
{
    while (*cursor < c->used) {
        struct gn_seal_cache_entry *e = at(c, ++*cursor);
        if (e->place != 0) {
            return e;
        }
    }
    return NULL;
}
