/* overlay/kad/book.c - interning by hash chains whose links are handles. */
#include "overlay/kad/book.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define CHUNK_CONTACTS 16U
#define INDEX_FIRST 64U

struct card {
    struct gn_contact contact;
    uint32_t refs;
    gn_book_handle next; /* of the same chain */
};

void gn_book_init(struct gn_book *b, const struct gn_alloc *alloc, const uint8_t hash_key[16], uint32_t limit)
{
    memset(b, 0, sizeof *b);
    b->alloc = alloc;
    memcpy(b->hash_key, hash_key, sizeof b->hash_key);
    gn_slab_init(&b->slab, alloc, sizeof(struct card), CHUNK_CONTACTS, limit);
}

void gn_book_fini(struct gn_book *b)
{
    gn_slab_fini(&b->slab);
    gn_alloc_free(b->alloc, b->index);
    b->index = NULL;
    b->index_cap = 0;
}

static struct card *card_of(const struct gn_book *b, gn_book_handle h)
{
    struct card *card = gn_slab_get(&b->slab, h);

    GN_CHECK(card != NULL);
    return card;
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
    uint32_t cursor = 0;
    uint32_t h;

    if (!index) {
        return GN_E_NO_MEMORY;
    }
    gn_alloc_free(b->alloc, b->index);
    b->index = index;
    b->index_cap = cap;
    while ((h = gn_slab_next(&b->slab, &cursor)) != 0) {
        struct card *card = card_of(b, h);
        uint32_t *chain = chain_of(b, &card->contact.id);

        card->next = *chain;
        *chain = h;
    }
    return GN_OK;
}

enum gn_err gn_book_take(struct gn_book *b, gn_book_handle *out, const struct gn_contact *c)
{
    void *object;

    *out = 0;
    if (gn_slab_len(&b->slab) >= b->index_cap) {
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
    enum gn_err err = gn_slab_take(&b->slab, out, &object);
    if (err != GN_OK) {
        return err;
    }
    struct card *card = object;
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
    struct card *card = card_of(b, h);
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
    (void)gn_slab_release(&b->slab, h);
}

const struct gn_contact *gn_book_get(const struct gn_book *b, gn_book_handle h)
{
    return &card_of(b, h)->contact;
}

uint32_t gn_book_len(const struct gn_book *b)
{
    return gn_slab_len(&b->slab);
}
