/* overlay/kad/book.c - interning by hash chains whose links are handles. */
#include "overlay/kad/book.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define CHUNK_CONTACTS 16U
#define INDEX_FIRST 64U

struct gn_book_card {
    struct gn_contact contact;
    uint32_t refs;       /* 0: the place is free */
    gn_book_handle next; /* of the same chain, or the next free place */
};

void gn_book_init(struct gn_book *b, const struct gn_alloc *alloc, const uint8_t hash_key[16], uint32_t limit)
{
    memset(b, 0, sizeof *b);
    b->alloc = alloc;
    b->limit = limit;
    memcpy(b->hash_key, hash_key, sizeof b->hash_key);
}

void gn_book_fini(struct gn_book *b)
{
    for (uint32_t i = 0; i < b->chunks_len; i++) {
        gn_alloc_free(b->alloc, b->chunks[i].cards);
    }
    gn_alloc_free(b->alloc, b->chunks);
    gn_alloc_free(b->alloc, b->index);
    b->chunks = NULL;
    b->chunks_len = 0;
    b->chunks_cap = 0;
    b->index = NULL;
    b->index_cap = 0;
    b->used = 0;
    b->len = 0;
    b->free = 0;
}

static struct gn_book_card *place_of(const struct gn_book *b, gn_book_handle h)
{
    return &b->chunks[(h - 1U) / CHUNK_CONTACTS].cards[(h - 1U) % CHUNK_CONTACTS];
}

static struct gn_book_card *card_of(const struct gn_book *b, gn_book_handle h)
{
    GN_CHECK(h != 0 && h <= b->used);
    struct gn_book_card *card = place_of(b, h);
    GN_CHECK(card->refs > 0);
    return card;
}

static enum gn_err add_chunk(struct gn_book *b)
{
    if (b->chunks_len == b->chunks_cap) {
        uint32_t cap = b->chunks_cap ? b->chunks_cap * 2U : 4U;
        struct gn_book_chunk *grown = gn_alloc_resize(b->alloc, b->chunks, cap * sizeof *grown);

        if (!grown) {
            return GN_E_NO_MEMORY;
        }
        b->chunks = grown;
        b->chunks_cap = cap;
    }
    struct gn_book_card *cards = gn_alloc_zeroed(b->alloc, CHUNK_CONTACTS, sizeof *cards);
    if (!cards) {
        return GN_E_NO_MEMORY;
    }
    b->chunks[b->chunks_len++].cards = cards;
    return GN_OK;
}

static enum gn_err take_place(struct gn_book *b, gn_book_handle *out)
{
    if (b->free != 0) {
        *out = b->free;
        b->free = place_of(b, *out)->next;
    } else if (b->used == b->limit) {
        return GN_E_FULL;
    } else {
        if (b->used == b->chunks_len * CHUNK_CONTACTS) {
            enum gn_err err = add_chunk(b);

            if (err != GN_OK) {
                return err;
            }
        }
        *out = ++b->used;
    }
    b->len++;
    return GN_OK;
}

static uint32_t *chain_of(const struct gn_book *b, const struct gn_id *id)
{
    return &b->index[gn_hash_short(b->hash_key, id->b, sizeof id->b) & (b->index_cap - 1U)];
}

static bool contact_eq(const struct gn_contact *x, const struct gn_contact *y)
{
    return gn_id_eq(&x->id, &y->id) && memcmp(x->epk, y->epk, sizeof x->epk) == 0 && gn_addr_eq(&x->addr, &y->addr);
}

/* Twice as many chains; every contact is linked anew, by place, so that the order depends on history only. */
static enum gn_err grow_index(struct gn_book *b)
{
    uint32_t cap = b->index_cap ? b->index_cap * 2U : INDEX_FIRST;
    uint32_t *index = gn_alloc_zeroed(b->alloc, cap, sizeof *index);

    if (!index) {
        return GN_E_NO_MEMORY;
    }
    gn_alloc_free(b->alloc, b->index);
    b->index = index;
    b->index_cap = cap;
    for (gn_book_handle h = 1; h <= b->used; h++) {
        struct gn_book_card *card = place_of(b, h);

        if (card->refs == 0) {
            continue;
        }
        uint32_t *chain = chain_of(b, &card->contact.id);

        card->next = *chain;
        *chain = h;
    }
    return GN_OK;
}

enum gn_err gn_book_take(struct gn_book *b, gn_book_handle *out, const struct gn_contact *c)
{
    *out = 0;
    if (b->len >= b->index_cap) {
        enum gn_err err = grow_index(b);

        if (err != GN_OK && b->index_cap == 0) {
            return err; /* later: longer chains, no harm */
        }
    }
    uint32_t *chain = chain_of(b, &c->id);
    for (gn_book_handle h = *chain; h != 0; h = card_of(b, h)->next) {
        if (contact_eq(&card_of(b, h)->contact, c)) {
            *out = gn_book_hold(b, h);
            return GN_OK;
        }
    }
    enum gn_err err = take_place(b, out);
    if (err != GN_OK) {
        return err;
    }
    struct gn_book_card *card = place_of(b, *out);
    card->contact = *c;
    card->refs = 1;
    card->next = *chain;
    *chain = *out;
    return GN_OK;
}

gn_book_handle gn_book_hold(struct gn_book *b, gn_book_handle h)
{
    if (h != 0) {
        card_of(b, h)->refs++;
    }
    return h;
}

void gn_book_drop(struct gn_book *b, gn_book_handle h)
{
    if (h == 0) {
        return;
    }
    struct gn_book_card *card = card_of(b, h);
    GN_CHECK(card->refs > 0);
    if (--card->refs > 0) {
        return;
    }
    uint32_t *at = chain_of(b, &card->contact.id);
    while (*at != h) {
        GN_CHECK(*at != 0);
        at = &card_of(b, *at)->next;
    }
    *at = card->next;
    card->next = b->free;
    b->free = h;
    b->len--;
}

const struct gn_contact *gn_book_get(const struct gn_book *b, gn_book_handle h)
{
    return &card_of(b, h)->contact;
}

uint32_t gn_book_len(const struct gn_book *b)
{
    return b->len;
}
