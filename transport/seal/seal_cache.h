/* transport/seal/seal_cache.h - a bounded table of secrets by 32-byte key that forgets the one unused for longest.
 *
 * Life: caller's memory; gn_seal_cache_fini wipes and frees the entries. An empty cache has allocated nothing.
 * Threads: one owner. Purity: pure.
 *
 * Not base/map.h: entries here never move (a moved secret leaves a copy behind) and are wiped when they go.
 * Strangers choose the keys, so the hash is keyed.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_CACHE_H
#define GN_TRANSPORT_SEAL_SEAL_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

/* What every entry begins with. Numbers are places + 1; 0 = none. */
struct gn_seal_cache_entry {
    uint32_t place;
    uint32_t chain; /* next of equal hash, or next free */
    uint32_t older;
    uint32_t newer;
    uint8_t key[32];
};

struct gn_seal_cache {
    const struct gn_alloc *alloc;
    uint8_t **chunks;
    uint32_t *heads; /* power of two of them */
    uint8_t hash_key[16];
    size_t entry_len;
    uint32_t heads_len;
    uint32_t chunks_len;
    uint32_t limit;
    uint32_t used; /* places ever taken */
    uint32_t len;
    uint32_t free_first;
    uint32_t oldest;
    uint32_t newest;
};

/* entry_len: size of a struct that begins with struct gn_seal_cache_entry, a multiple of 8. limit >= 1 entries.
 * Borrows alloc. */
void gn_seal_cache_init(struct gn_seal_cache *c, const struct gn_alloc *alloc, size_t entry_len, uint32_t limit,
                        const uint8_t hash_key[16]);
void gn_seal_cache_fini(struct gn_seal_cache *c);
/* The entry, which now counts as used last; NULL. Valid until the next gn_seal_cache_add or _remove. */
void *gn_seal_cache_find(struct gn_seal_cache *c, const uint8_t key[32]);
/* The entry of `key`, or a zeroed new one, for which the entry unused for longest may have to go (wiped).
 * NULL: there is no memory for even one. */
void *gn_seal_cache_add(struct gn_seal_cache *c, const uint8_t key[32]);
/* Wipes an entry of this cache. */
void gn_seal_cache_remove(struct gn_seal_cache *c, void *entry);
/* Goes through all entries: start with *cursor 0; NULL at the end. The visited one may be removed. */
void *gn_seal_cache_next(const struct gn_seal_cache *c, uint32_t *cursor);

#endif
