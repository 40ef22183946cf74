/* overlay/files/fetch_pick.c - which range next: first missing, rarest, late, end game. */
#include "overlay/files/fetch_state.h"

#define CANDIDATES 1024U /* ranges that are compared by rarity; all of a file up to 4 GiB */

bool gn_fetch_pick_has(const struct gn_fetch_provider *p, uint32_t slot, uint32_t range)
{
    const struct gn_fetch_have *h = &p->have[slot];
    if (h->state != GN_FETCH_HAVE_SOME)
        return h->state == GN_FETCH_HAVE_ALL;
    return range / 8U < h->bits_len && (h->bits[range / 8U] >> (7U - range % 8U)) & 1U;
}

bool gn_fetch_pick_lacks(const struct gn_fetch_provider *p, const struct gn_fetch_file *file)
{
    if (p->have[gn_fetch_slot(file)].state == GN_FETCH_HAVE_ALL)
        return false;
    for (uint32_t r = file->first; r < file->ranges; r++) {
        if (file->state[r] != GN_FETCH_RANGE_DONE && !gn_fetch_pick_has(p, gn_fetch_slot(file), r))
            return true;
    }
    return false;
}

static bool is_connected(const struct gn_fetch_provider *p)
{
    return p->state == GN_FETCH_P_CONNECTED;
}

static bool somebody_has_part(const struct gn_fetch *f, uint32_t slot)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        if (is_connected(&f->providers[i]) && f->providers[i].have[slot].state == GN_FETCH_HAVE_SOME)
            return true;
    }
    return false;
}

static uint32_t holders(const struct gn_fetch *f, uint32_t slot, uint32_t range)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->providers_len; i++)
        n += is_connected(&f->providers[i]) && gn_fetch_pick_has(&f->providers[i], slot, range);
    return n;
}

static uint32_t pick_first(const struct gn_fetch_file *file, const struct gn_fetch_provider *p)
{
    for (uint32_t r = file->first; r < file->ranges; r++) {
        if (file->state[r] == 0 && gn_fetch_pick_has(p, gn_fetch_slot(file), r))
            return r;
    }
    return GN_FETCH_NONE;
}

/* The rarest of up to CANDIDATES ranges from a random place on; of equally rare ones a random one, so that those who
 * fetch at the same time fetch different ranges and can serve each other. */
static uint32_t pick_rarest(struct gn_fetch *f, const struct gn_fetch_file *file, const struct gn_fetch_provider *p)
{
    const uint32_t slot = gn_fetch_slot(file);
    uint32_t best = GN_FETCH_NONE, best_holders = UINT32_MAX, seen = 0, equal = 0;
    uint32_t at = file->ranges <= CANDIDATES ? 0 : (uint32_t)gn_rng_below(f->config.rng, file->ranges);
    for (uint32_t i = 0; i < file->ranges && seen < CANDIDATES; i++, at = at + 1U == file->ranges ? 0 : at + 1U) {
        if (file->state[at] != 0 || !gn_fetch_pick_has(p, slot, at))
            continue;
        seen++;
        uint32_t n = holders(f, slot, at);
        if (n > best_holders)
            continue;
        equal = n < best_holders ? 1U : equal + 1U;
        if (equal == 1U || gn_rng_below(f->config.rng, equal) == 0)
            best = at;
        best_holders = n;
    }
    return best;
}

static bool is_asked(const struct gn_fetch_provider *p, uint32_t file, uint32_t range)
{
    for (uint32_t i = 0; i < p->asks_len; i++) {
        if (p->asks[i].file == file && p->asks[i].range == range)
            return true;
    }
    return false;
}

/* A range that others owe: the one with the fewest askers; `only_late`: that takes too long. */
static bool pick_copy(struct gn_fetch *f, const struct gn_fetch_provider *p, bool only_late, uint32_t *file,
                      uint32_t *range)
{
    uint8_t fewest = GN_FETCH_COPIES;
    for (uint32_t i = 0; i < f->providers_len; i++) {
        const struct gn_fetch_provider *other = &f->providers[i];
        for (uint32_t j = 0; other != p && j < other->asks_len; j++) {
            const struct gn_fetch_ask *a = &other->asks[j];
            const struct gn_fetch_file *at = gn_fetch_file_of(f, a->file);
            if (!at || at->state[a->range] >= fewest || (only_late && (!a->late || at->state[a->range] > 1U)))
                continue;
            if (is_asked(p, a->file, a->range) || !gn_fetch_pick_has(p, gn_fetch_slot(at), a->range))
                continue;
            fewest = at->state[a->range];
            *file = a->file;
            *range = a->range;
        }
    }
    return fewest < GN_FETCH_COPIES;
}

static const struct gn_fetch_file *next_file(const struct gn_fetch *f, uint64_t after)
{
    const struct gn_fetch_file *best = NULL;
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++) {
        const struct gn_fetch_file *file = &f->files[i];
        if (file->used && file->order > after && (!best || file->order < best->order))
            best = file;
    }
    return best;
}

bool gn_fetch_pick(struct gn_fetch *f, struct gn_fetch_provider *p, uint32_t *file, uint32_t *range)
{
    if (p->version == f->version)
        return false;
    if (pick_copy(f, p, true, file, range))
        return true;
    const struct gn_fetch_file *at = next_file(f, 0);
    for (; at; at = next_file(f, at->order)) {
        if (at->done == at->ranges || p->have[gn_fetch_slot(at)].state == GN_FETCH_HAVE_NOTHING)
            continue;
        *file = at->number;
        *range = somebody_has_part(f, gn_fetch_slot(at)) ? pick_rarest(f, at, p) : pick_first(at, p);
        if (*range != GN_FETCH_NONE)
            return true;
    }
    if (p->asks_len == 0 && pick_copy(f, p, false, file, range))
        return true;
    p->version = f->version;
    return false;
}
