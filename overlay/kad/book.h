/* overlay/kad/book.h - the contact book: interned contacts behind 32-bit handles, counted by reference.
 *
 * Life: caller's memory, gn_book_fini frees everything. Threads: one owner. Purity: pure.
 *
 * A contact never changes: a new epoch key or address is another contact with another handle. That is why many nodes
 * of one simulation can share a book: what one of them believes about a peer never leaks into another. What a node
 * measured itself (round-trip time, last answer, misses) is in its routing table.
 */
#ifndef GN_OVERLAY_KAD_BOOK_H
#define GN_OVERLAY_KAD_BOOK_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "base/err.h"

typedef uint32_t gn_book_handle; /* 0 = no contact */

struct gn_book_card;
struct gn_book_chunk {
    struct gn_book_card *cards;
};

/* Places come in chunks of 16 and never move; a handle is a place + 1. No generations as in base/slab.h: whoever has a
 * handle holds a reference, and 8 bytes a contact are a tenth of a table. */
struct gn_book {
    const struct gn_alloc *alloc;
    struct gn_book_chunk *chunks;
    uint32_t *index; /* first handle of each hash chain */
    uint32_t index_cap;
    uint32_t chunks_len;
    uint32_t chunks_cap;
    uint32_t used; /* places ever taken */
    uint32_t len;
    uint32_t limit;
    gn_book_handle free; /* first free place */
    uint8_t hash_key[16];
};

/* limit: the greatest number of contacts. hash_key: strangers choose ids, so it should be secret. Borrows alloc. */
void gn_book_init(struct gn_book *b, const struct gn_alloc *alloc, const uint8_t hash_key[16], uint32_t limit);
void gn_book_fini(struct gn_book *b);

/* Copies `c`, or finds the equal one; the handle holds one reference more. FULL, NO_MEMORY: *out is 0. */
GN_MUST_CHECK enum gn_err gn_book_take(struct gn_book *b, gn_book_handle *out, const struct gn_contact *c);
/* One reference more. h may be 0. */
gn_book_handle gn_book_hold(struct gn_book *b, gn_book_handle h);
/* One reference less; the last one ends the contact. h may be 0. */
void gn_book_drop(struct gn_book *b, gn_book_handle h);
/* Borrowed while a reference is held. h must be alive. */
const struct gn_contact *gn_book_get(const struct gn_book *b, gn_book_handle h);
uint32_t gn_book_len(const struct gn_book *b);

#endif
