/* base/map.h - a bounded hash map from keys of one fixed length to values of one fixed length.
 *
 * Life: caller's memory for the map; gn_map_fini frees the entries. An empty map has allocated nothing.
 * Threads: one owner. Purity: pure.
 *
 * Entries live in numbered slots, the slot freed last is used again first; iteration goes by slot number, so that it
 * depends on the history of calls only: never on addresses nor on the hash key.
 * A pointer to a value stays valid until the next gn_map_add or gn_map_set that adds, or the removal of its entry.
 */
#ifndef GN_BASE_MAP_H
#define GN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

#define GN_MAP_LIMIT_MAX (UINT32_C(1) << 30)

struct gn_map {
    const struct gn_alloc *alloc;
    uint8_t *slots;       /* slots_cap * slot_len bytes: value, tag, key */
    uint32_t *index;      /* open addressing: slot number + 1, or 0 */
    uint8_t hash_key[16]; /* SipHash */
    size_t value_len;
    size_t key_len;
    size_t slot_len;
    uint32_t index_cap; /* power of two, or 0 */
    uint32_t slots_cap;
    uint32_t slots_used; /* slots ever taken */
    uint32_t free_head;  /* slot number + 1 of the latest freed one */
    uint32_t len;
    uint32_t limit;
};

/* key_len 1..1024; value_len may be 0 (a set), values are aligned to 8. limit: the greatest number of entries;
 * 0 = GN_MAP_LIMIT_MAX. Borrows alloc until gn_map_fini. */
void gn_map_init(struct gn_map *m, const struct gn_alloc *alloc, size_t key_len, size_t value_len, uint32_t limit);
/* Frees the entries (not what they point to). The map is as after gn_map_init: usable again. */
void gn_map_fini(struct gn_map *m);
/* A secret hash key, where strangers choose the map's keys; without it a fixed one. The map must be empty. */
void gn_map_set_hash_key(struct gn_map *m, const uint8_t key[16]);

uint32_t gn_map_len(const struct gn_map *m);
/* The value; NULL when the key is not there. With value_len 0 the pointer only says "there". */
void *gn_map_get(const struct gn_map *m, const void *key);
/* Copies the key, gives a zeroed value to fill in *value. EXISTS: the key is there, *value is its value, unchanged.
 * FULL: the limit is reached. NO_MEMORY. After FULL and NO_MEMORY the map is unchanged and *value is NULL. */
GN_MUST_CHECK enum gn_err gn_map_add(struct gn_map *m, void **value, const void *key);
/* Copies key and value, replacing the value of a known key. FULL, NO_MEMORY: the map is unchanged. */
GN_MUST_CHECK enum gn_err gn_map_set(struct gn_map *m, const void *key, const void *value);
/* False: the key was not there. */
bool gn_map_remove(struct gn_map *m, const void *key);

/* Goes through all entries: start with *cursor 0; false at the end. key and value may be NULL when not wanted.
 * During the walk any entry may be removed (a removed one is not visited any more) and values may be changed; an entry
 * that is added during the walk may or may not be visited, and adding ends the validity of pointers as always. */
bool gn_map_next(const struct gn_map *m, uint32_t *cursor, const void **key, void **value);

#endif
