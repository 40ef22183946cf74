/* sim/oracle.c - the nearest ones share the longest prefix with the target, so they stand together. */
#include "sim/oracle.h"

#include <string.h>

#include "base/check.h"
#include "base/slice.h"

void gn_oracle_init(struct gn_oracle *o, const struct gn_alloc *alloc)
{
    *o = (struct gn_oracle){.alloc = alloc};
}

void gn_oracle_fini(struct gn_oracle *o)
{
    gn_alloc_free(o->alloc, o->entries);
    gn_oracle_init(o, o->alloc);
}

/* The first entry with a head of at least this. */
static size_t find(const struct gn_oracle *o, uint64_t head)
{
    size_t low = 0, high = o->len;

    while (low < high) {
        size_t middle = low + (high - low) / 2U;
        if (o->entries[middle].head < head) {
            low = middle + 1U;
        } else {
            high = middle;
        }
    }
    return low;
}

enum gn_err gn_oracle_add(struct gn_oracle *o, const struct gn_id *id, uint32_t place)
{
    uint64_t head = gn_load_u64(id->b);
    size_t at = find(o, head);

    if (o->len == o->cap) {
        size_t cap = o->cap ? o->cap * 2U : 64U;
        struct gn_oracle_entry *entries = gn_alloc_resize(o->alloc, o->entries, cap * sizeof *entries);
        if (!entries) {
            return GN_E_NO_MEMORY;
        }
        o->entries = entries;
        o->cap = cap;
    }
    memmove(&o->entries[at + 1U], &o->entries[at], (o->len - at) * sizeof *o->entries);
    o->entries[at] = (struct gn_oracle_entry){.head = head, .place = place};
    o->len++;
    return GN_OK;
}

void gn_oracle_remove(struct gn_oracle *o, const struct gn_id *id)
{
    uint64_t head = gn_load_u64(id->b);
    size_t at = find(o, head);

    if (at < o->len && o->entries[at].head == head) {
        memmove(&o->entries[at], &o->entries[at + 1U], (o->len - at - 1U) * sizeof *o->entries);
        o->len--;
    }
}

/* The entries that share at least `bits` leading bits with `head`: from *first to before *end. */
static void range(const struct gn_oracle *o, uint64_t head, unsigned bits, size_t *first, size_t *end)
{
    uint64_t rest = bits == 0 ? UINT64_MAX : bits >= 64U ? 0 : UINT64_MAX >> bits;

    *first = find(o, head & ~rest);
    *end = (head | rest) == UINT64_MAX ? o->len : find(o, (head | rest) + 1U);
}

size_t gn_oracle_nearest(const struct gn_oracle *o, uint32_t *out, size_t cap, const struct gn_id *target)
{
    uint64_t head = gn_load_u64(target->b), best[GN_ORACLE_MOST];
    size_t first = 0, end = 0, len = 0;

    GN_CHECK(cap > 0 && cap <= GN_ORACLE_MOST);
    for (unsigned bits = 64; bits > 0; bits--) {
        range(o, head, bits, &first, &end);
        if (end - first >= cap) {
            break;
        }
    }
    if (end - first < cap) {
        first = 0;
        end = o->len;
    }
    for (size_t i = first; i < end; i++) {
        uint64_t distance = o->entries[i].head ^ head;
        size_t at;
        if (len == cap && distance >= best[cap - 1U]) {
            continue;
        }
        len += len < cap;
        for (at = len - 1U; at > 0 && best[at - 1U] > distance; at--) {
            best[at] = best[at - 1U];
            out[at] = out[at - 1U];
        }
        best[at] = distance;
        out[at] = o->entries[i].place;
    }
    return len;
}
