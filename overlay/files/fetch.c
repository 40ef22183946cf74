/* overlay/files/fetch.c - the scheduler's life, its files, and the next thing to do. */
#include "overlay/files/fetch.h"

#include <string.h>

#include "base/check.h"
#include "overlay/files/fetch_state.h"

#define WINDOW_DEFAULT (UINT64_C(64) * 1024U * 1024U)
#define PROVIDERS_ENOUGH 4U

/* ---- life ---- */

enum gn_err gn_fetch_new(struct gn_fetch **out, const struct gn_fetch_config *config)
{
    struct gn_fetch *f = gn_alloc_zeroed(config->alloc, 1, sizeof *f);
    *out = NULL;
    if (!f)
        return GN_E_NO_MEMORY;
    f->config = *config;
    f->version = 1;
    f->providers = gn_alloc_zeroed(config->alloc, GN_FETCH_PROVIDERS_MAX, sizeof *f->providers);
    if (!f->providers) {
        gn_alloc_free(config->alloc, f);
        return GN_E_NO_MEMORY;
    }
    if (f->config.connected_max == 0)
        f->config.connected_max = GN_FETCH_CONNECTED_MAX;
    if (f->config.window_bytes == 0)
        f->config.window_bytes = WINDOW_DEFAULT;
    *out = f;
    return GN_OK;
}

void gn_fetch_free(struct gn_fetch *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->providers_len; i++)
        gn_fetch_provider_free(f, &f->providers[i]);
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++)
        gn_alloc_free(f->config.alloc, f->files[i].state);
    gn_alloc_free(f->config.alloc, f->providers);
    gn_alloc_free(f->config.alloc, f);
}

void gn_fetch_set_window(struct gn_fetch *f, uint64_t bytes)
{
    if (f->config.window_bytes != bytes)
        f->version++;
    f->config.window_bytes = bytes;
}

/* ---- files ---- */

uint32_t gn_fetch_ranges(uint64_t length)
{
    return (uint32_t)(length / GN_FETCH_RANGE_BYTES + (length % GN_FETCH_RANGE_BYTES != 0));
}

uint64_t gn_fetch_range_len(uint64_t length, uint32_t range)
{
    uint64_t at = range * GN_FETCH_RANGE_BYTES;
    if (at >= length)
        return 0;
    return length - at < GN_FETCH_RANGE_BYTES ? length - at : GN_FETCH_RANGE_BYTES;
}

struct gn_fetch_file *gn_fetch_file_of(struct gn_fetch *f, uint32_t number)
{
    struct gn_fetch_file *file = &f->files[number & (GN_FETCH_FILES_MAX - 1U)];
    return file->used && file->number == number ? file : NULL;
}

enum gn_err gn_fetch_file_add(struct gn_fetch *f, uint32_t *file, uint64_t length)
{
    *file = GN_FETCH_NONE;
    GN_CHECK(length > 0 && length <= GN_FETCH_FILE_MAX);
    for (uint32_t slot = 0; slot < GN_FETCH_FILES_MAX; slot++) {
        struct gn_fetch_file *at = &f->files[slot];
        if (at->used)
            continue;
        uint32_t ranges = gn_fetch_ranges(length);
        uint8_t *state = gn_alloc_zeroed(f->config.alloc, ranges, 1);
        if (!state)
            return GN_E_NO_MEMORY;
        uint32_t uses = (at->number >> GN_FETCH_SLOTS_BITS) + 1U;
        *at = (struct gn_fetch_file){.used = true,
                                     .number = uses << GN_FETCH_SLOTS_BITS | slot,
                                     .length = length,
                                     .order = ++f->orders,
                                     .ranges = ranges,
                                     .state = state};
        gn_fetch_provider_forget_file(f, slot);
        f->version++;
        *file = at->number;
        return GN_OK;
    }
    return GN_E_FULL;
}

void gn_fetch_file_mark(struct gn_fetch *f, uint32_t file, uint32_t range)
{
    struct gn_fetch_file *at = gn_fetch_file_of(f, file);
    if (!at || at->state[range] == GN_FETCH_RANGE_DONE)
        return;
    at->state[range] = GN_FETCH_RANGE_DONE;
    at->done++;
    while (at->first < at->ranges && at->state[at->first] == GN_FETCH_RANGE_DONE)
        at->first++;
}

void gn_fetch_file_remove(struct gn_fetch *f, uint32_t file)
{
    struct gn_fetch_file *at = gn_fetch_file_of(f, file);
    if (!at)
        return;
    gn_fetch_provider_forget_file(f, gn_fetch_slot(at));
    gn_alloc_free(f->config.alloc, at->state);
    *at = (struct gn_fetch_file){.number = file};
    f->version++;
}

bool gn_fetch_has(const struct gn_fetch *f, uint32_t file, uint32_t range)
{
    const struct gn_fetch_file *at = &f->files[file & (GN_FETCH_FILES_MAX - 1U)];
    return at->used && at->number == file && at->state[range] == GN_FETCH_RANGE_DONE;
}

/* ---- what to do next ---- */

static bool give(struct gn_fetch_act *out, enum gn_fetch_act_type type, uint32_t provider)
{
    *out = (struct gn_fetch_act){.type = type, .provider = provider, .file = GN_FETCH_NONE, .range = GN_FETCH_NONE};
    return true;
}

static bool next_ending(struct gn_fetch *f, struct gn_fetch_act *out)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        struct gn_fetch_provider *p = &f->providers[i];
        if (p->want_close) {
            p->want_close = false;
            return give(out, GN_FETCH_CLOSE, i);
        }
        if (p->want_dropped) {
            p->want_dropped = false;
            (void)give(out, GN_FETCH_DROPPED, i);
            out->reason = p->reason;
            return true;
        }
    }
    return false;
}

static bool next_file_done(struct gn_fetch *f, struct gn_fetch_act *out)
{
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++) {
        struct gn_fetch_file *file = &f->files[i];
        if (!file->used || file->done < file->ranges || file->told)
            continue;
        uint32_t number = file->number;
        gn_fetch_file_remove(f, number);
        (void)give(out, GN_FETCH_FILE_DONE, GN_FETCH_NONE);
        out->file = number;
        return true;
    }
    return false;
}

static bool is_hungry(const struct gn_fetch *f)
{
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++) {
        if (f->files[i].used && f->files[i].done < f->files[i].ranges)
            return true;
    }
    return false;
}

static uint32_t count(const struct gn_fetch *f, enum gn_fetch_provider_state state)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->providers_len; i++)
        n += f->providers[i].state == state;
    return n;
}

static bool may_connect(const struct gn_fetch *f)
{
    return count(f, GN_FETCH_P_CONNECTED) + count(f, GN_FETCH_P_CONNECTING) < f->config.connected_max;
}

static bool next_connect(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now)
{
    if (!may_connect(f))
        return false;
    for (uint32_t i = 0; i < f->providers_len; i++) {
        struct gn_fetch_provider *p = &f->providers[i];
        if (p->state != GN_FETCH_P_IDLE || now < p->next_at)
            continue;
        p->state = GN_FETCH_P_CONNECTING;
        return give(out, GN_FETCH_CONNECT, i);
    }
    return false;
}

static bool next_look(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        struct gn_fetch_provider *p = &f->providers[i];
        for (uint32_t j = 0; p->state == GN_FETCH_P_CONNECTED && j < GN_FETCH_FILES_MAX; j++) {
            struct gn_fetch_have *h = &p->have[j];
            if (!f->files[j].used || h->looking || now < h->look_at)
                continue;
            h->look_at = gn_time_add(now, GN_FETCH_LOOK_AGAIN);
            if (!gn_fetch_pick_lacks(p, &f->files[j]))
                continue;
            h->looking = true;
            (void)give(out, GN_FETCH_LOOK, i);
            out->file = f->files[j].number;
            return true;
        }
    }
    return false;
}

static bool has_room(const struct gn_fetch *f, const struct gn_fetch_provider *p, gn_time_us now)
{
    return p->state == GN_FETCH_P_CONNECTED && now >= p->pause_until && p->asks_len < GN_FETCH_ASKS_MAX &&
           p->in_flight < gn_fetch_provider_window(p) &&
           (f->in_flight == 0 || f->in_flight + GN_FETCH_RANGE_BYTES <= f->config.window_bytes);
}

static void note_ask(struct gn_fetch *f, struct gn_fetch_provider *p, uint32_t file, uint32_t range, gn_time_us now)
{
    struct gn_fetch_file *at = gn_fetch_file_of(f, file);
    GN_CHECK(at != NULL);
    uint64_t bytes = gn_fetch_range_len(at->length, range);
    at->state[range]++;
    if (p->asks_len == 0) { /* it was idle: what it owes is counted from here */
        p->heard_at = now;
        p->measure_at = now;
        p->measured = 0;
    }
    p->asks[p->asks_len++] = (struct gn_fetch_ask){.file = file, .range = range, .late_at = GN_TIME_NEVER};
    p->in_flight += bytes;
    f->in_flight += bytes;
}

static bool next_ask(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        uint32_t at = (f->turn + i) % f->providers_len;
        struct gn_fetch_provider *p = &f->providers[at];
        uint32_t file, range;
        if (!has_room(f, p, now) || !gn_fetch_pick(f, p, &file, &range))
            continue;
        note_ask(f, p, file, range, now);
        f->turn = at + 1U;
        (void)give(out, GN_FETCH_ASK, at);
        out->file = file;
        out->range = range;
        return true;
    }
    return false;
}

static bool next_search(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now)
{
    uint32_t usable = count(f, GN_FETCH_P_CONNECTED) + count(f, GN_FETCH_P_CONNECTING) + count(f, GN_FETCH_P_IDLE);
    if (now < f->search_at || usable >= PROVIDERS_ENOUGH)
        return false;
    f->search_at = gn_time_add(now, GN_FETCH_SEARCH_AGAIN);
    return give(out, GN_FETCH_SEARCH, GN_FETCH_NONE);
}

bool gn_fetch_next(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now)
{
    for (uint32_t i = 0; i < f->providers_len; i++)
        gn_fetch_provider_tick(f, &f->providers[i], now);
    if (next_ending(f, out) || next_file_done(f, out))
        return true;
    if (!is_hungry(f))
        return false;
    return next_connect(f, out, now) || next_look(f, out, now) || next_ask(f, out, now) || next_search(f, out, now);
}

/* ---- time ---- */

static gn_time_us provider_deadline(const struct gn_fetch *f, const struct gn_fetch_provider *p)
{
    gn_time_us at = GN_TIME_NEVER;
    if (p->want_close || p->want_dropped)
        return 0;
    if (p->state == GN_FETCH_P_IDLE)
        return may_connect(f) ? p->next_at : GN_TIME_NEVER;
    if (p->state == GN_FETCH_P_DROPPED)
        return p->next_at;
    if (p->state != GN_FETCH_P_CONNECTED)
        return GN_TIME_NEVER;
    if (p->asks_len > 0)
        at = gn_time_add(p->heard_at, GN_FETCH_STALL);
    for (uint32_t i = 0; i < p->asks_len; i++) {
        if (!p->asks[i].late)
            at = gn_time_min(at, p->asks[i].late_at);
    }
    if (p->pause_until > p->heard_at)
        at = gn_time_min(at, p->pause_until);
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++) {
        if (f->files[i].used && !p->have[i].looking)
            at = gn_time_min(at, p->have[i].look_at);
    }
    return at;
}

gn_time_us gn_fetch_deadline(const struct gn_fetch *f)
{
    gn_time_us at = GN_TIME_NEVER;
    bool hungry = is_hungry(f);
    uint32_t usable = count(f, GN_FETCH_P_CONNECTED) + count(f, GN_FETCH_P_CONNECTING) + count(f, GN_FETCH_P_IDLE);
    for (uint32_t i = 0; i < f->providers_len && (hungry || f->providers[i].want_close); i++)
        at = gn_time_min(at, provider_deadline(f, &f->providers[i]));
    if (hungry && usable < PROVIDERS_ENOUGH)
        at = gn_time_min(at, f->search_at);
    return at;
}

void gn_fetch_stats(const struct gn_fetch *f, struct gn_fetch_stats *out)
{
    *out = (struct gn_fetch_stats){.lied = f->lied, .stalled = f->stalled};
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++)
        out->files += f->files[i].used;
    for (uint32_t i = 0; i < f->providers_len; i++) {
        const struct gn_fetch_provider *p = &f->providers[i];
        out->providers += p->state != GN_FETCH_P_FREE && p->state != GN_FETCH_P_DROPPED;
        out->connected += p->state == GN_FETCH_P_CONNECTED;
        out->dropped += p->state == GN_FETCH_P_DROPPED;
        out->in_flight += p->asks_len;
        if (p->state == GN_FETCH_P_CONNECTED)
            out->rate += p->rate;
    }
}
