/* base/map.c - slots in one array, and an index of slot numbers with linear probing.
 *
 * A slot is: value (rounded up to 8) | tag (4 bytes) | key. The tag is the low half of the hash with bit 0 set; 0 marks
 * a free slot, whose key bytes then hold the next free one. The index is rebuilt from tags, keys are not hashed again.
 */
#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define FIRST_SLOTS 4U

static size_t round_up_8(size_t n)
{
    return (n + 7U) & ~(size_t)7U;
}

static uint8_t *slot_at(const struct gn_map *m, uint32_t slot)
{
    return m->slots + (size_t)slot * m->slot_len;
}

static uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static void put_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static uint8_t *tag_of(const struct gn_map *m, uint32_t slot)
{
    return slot_at(m, slot) + round_up_8(m->value_len);
}

static uint8_t *key_of(const struct gn_map *m, uint32_t slot)
{
    return tag_of(m, slot) + sizeof(uint32_t);
}

static uint32_t home_of(const struct gn_map *m, uint32_t tag)
{
    return (tag >> 1) & (m->index_cap - 1U);
}

void gn_map_init(struct gn_map *m, const struct gn_alloc *alloc, size_t key_len, size_t value_len, uint32_t limit)
{
    size_t key_room = key_len < sizeof(uint32_t) ? sizeof(uint32_t) : key_len;

    GN_CHECK(key_len >= 1 && key_len <= 1024 && value_len <= SIZE_MAX / 4U && limit <= GN_MAP_LIMIT_MAX);
    *m = (struct gn_map){
        .alloc = alloc,
        .key_len = key_len,
        .value_len = value_len,
        .slot_len = round_up_8(round_up_8(value_len) + sizeof(uint32_t) + key_room),
        .limit = limit ? limit : GN_MAP_LIMIT_MAX,
    };
}

void gn_map_fini(struct gn_map *m)
{
    gn_alloc_free(m->alloc, m->slots);
    gn_alloc_free(m->alloc, m->index);
    m->slots = NULL;
    m->index = NULL;
    m->index_cap = 0;
    m->slots_cap = 0;
    m->slots_used = 0;
    m->free_head = 0;
    m->len = 0;
}

void gn_map_set_hash_key(struct gn_map *m, const uint8_t key[16])
{
    GN_CHECK(m->len == 0);
    memcpy(m->hash_key, key, sizeof m->hash_key);
}

uint32_t gn_map_len(const struct gn_map *m)
{
    return m->len;
}

static uint32_t tag_for(const struct gn_map *m, const void *key)
{
    return (uint32_t)gn_hash_short(m->hash_key, key, m->key_len) | 1U;
}

/* The index position of the key, or of the empty place where the probing ended. Needs an index. */
static uint32_t find(const struct gn_map *m, const void *key, uint32_t tag)
{
    uint32_t at = home_of(m, tag);

    while (m->index[at] != 0) {
        uint32_t slot = m->index[at] - 1U;

        if (get_u32(tag_of(m, slot)) == tag && memcmp(key_of(m, slot), key, m->key_len) == 0) {
            break;
        }
        at = (at + 1U) & (m->index_cap - 1U);
    }
    return at;
}

void *gn_map_get(const struct gn_map *m, const void *key)
{
    uint32_t at;

    if (m->len == 0) {
        return NULL;
    }
    at = find(m, key, tag_for(m, key));
    return m->index[at] ? slot_at(m, m->index[at] - 1U) : NULL;
}

/* Into an empty index. Slots grow only when all are taken, so there is no free one among them. */
static void rebuild_index(struct gn_map *m)
{
    GN_CHECK(m->len == m->slots_used);
    for (uint32_t slot = 0; slot < m->slots_used; slot++) {
        uint32_t at = home_of(m, get_u32(tag_of(m, slot)));

        while (m->index[at] != 0) {
            at = (at + 1U) & (m->index_cap - 1U);
        }
        m->index[at] = slot + 1U;
    }
}

/* Doubles the slots, up to the limit, and keeps the index at most three quarters full. */
static enum gn_err grow(struct gn_map *m)
{
    uint32_t cap = m->slots_cap ? m->slots_cap * 2U : FIRST_SLOTS;
    uint32_t index_cap = m->index_cap ? m->index_cap : 1U;
    uint32_t *index = NULL;
    uint8_t *slots;

    cap = cap < m->limit ? cap : m->limit;
    while (index_cap / 4U * 3U < cap) {
        index_cap *= 2U;
    }
    if (cap > SIZE_MAX / m->slot_len) {
        return GN_E_NO_MEMORY;
    }
    index = (uint32_t *)gn_alloc_zeroed(m->alloc, index_cap, sizeof *index);
    if (!index) {
        return GN_E_NO_MEMORY;
    }
    slots = (uint8_t *)gn_alloc_resize(m->alloc, m->slots, (size_t)cap * m->slot_len);
    if (!slots) {
        gn_alloc_free(m->alloc, index);
        return GN_E_NO_MEMORY;
    }
    gn_alloc_free(m->alloc, m->index);
    m->slots = slots;
    m->slots_cap = cap;
    m->index = index;
    m->index_cap = index_cap;
    rebuild_index(m);
    return GN_OK;
}

static uint32_t take_slot(struct gn_map *m)
{
    uint32_t slot = m->free_head;

    if (slot) {
        slot--;
        m->free_head = get_u32(key_of(m, slot));
        return slot;
    }
    return m->slots_used++;
}

enum gn_err gn_map_add(struct gn_map *m, void **value, const void *key)
{
    uint32_t tag = tag_for(m, key);
    uint32_t at = 0;
    uint32_t slot;

    *value = NULL;
    if (m->index) {
        at = find(m, key, tag);
        if (m->index[at]) {
            *value = slot_at(m, m->index[at] - 1U);
            return GN_E_EXISTS;
        }
    }
    if (m->len == m->limit) {
        return GN_E_FULL;
    }
    if (m->len == m->slots_cap) {
        enum gn_err err = grow(m);

        if (err) {
            return err;
        }
        at = find(m, key, tag);
    }
    GN_CHECK(m->index != NULL && m->slots != NULL);
    slot = take_slot(m);
    memset(slot_at(m, slot), 0, m->slot_len);
    put_u32(tag_of(m, slot), tag);
    memcpy(key_of(m, slot), key, m->key_len);
    m->index[at] = slot + 1U;
    m->len++;
    *value = slot_at(m, slot);
    return GN_OK;
}

enum gn_err gn_map_set(struct gn_map *m, const void *key, const void *value)
{
    void *place;
    enum gn_err err = gn_map_add(m, &place, key);

    if (err && err != GN_E_EXISTS) {
        return err;
    }
    GN_CHECK(place != NULL);
    if (m->value_len > 0) {
        memcpy(place, value, m->value_len);
    }
    return GN_OK;
}

/* Empties a place of the index. Entries behind it whose way led over it move up, so that no probing stops early. */
static void close_gap(struct gn_map *m, uint32_t gap)
{
    uint32_t mask = m->index_cap - 1U;

    for (uint32_t at = (gap + 1U) & mask; m->index[at] != 0; at = (at + 1U) & mask) {
        uint32_t home = home_of(m, get_u32(tag_of(m, m->index[at] - 1U)));

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            m->index[gap] = m->index[at];
            gap = at;
        }
    }
    m->index[gap] = 0;
}

bool gn_map_remove(struct gn_map *m, const void *key)
{
    uint32_t at;
    uint32_t slot;

    if (m->len == 0) {
        return false;
    }
    at = find(m, key, tag_for(m, key));
    if (m->index[at] == 0) {
        return false;
    }
    slot = m->index[at] - 1U;
    close_gap(m, at);
    memset(slot_at(m, slot), 0, m->slot_len);
    put_u32(key_of(m, slot), m->free_head);
    m->free_head = slot + 1U;
    m->len--;
    return true;
}

bool gn_map_next(const struct gn_map *m, uint32_t *cursor, const void **key, void **value)
{
    while (*cursor < m->slots_used) {
        uint32_t slot = (*cursor)++;

        if (get_u32(tag_of(m, slot)) == 0) {
            continue;
        }
        if (key) {
            *key = key_of(m, slot);
        }
        if (value) {
            *value = slot_at(m, slot);
        }
        return true;
    }
    return false;
}
