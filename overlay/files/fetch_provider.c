/* overlay/files/fetch_provider.c - providers: what they are asked, owe, deliver, and how they are judged. */
#include <string.h>

#include "base/check.h"
#include "overlay/files/fetch_state.h"

#define WINDOW_US GN_MS(250)
#define WINDOW_MIN (2U * GN_FETCH_RANGE_BYTES)
#define WINDOW_MAX (8U * GN_FETCH_RANGE_BYTES)
#define MEASURE_US GN_MS(200)
#define MEASURE_FIRST ((uint64_t)256 * 1024U) /* bytes that give a first idea of the rate */
#define BACKOFF_FIRST GN_MS(250)
#define BACKOFF_MAX GN_SECONDS(15)
#define BUSY_PAUSE GN_MS(500)
#define FAILURES_MAX 6U /* in a row without ever being connected */
#define LATE_TIMES 4U
#define LATE_AT_LEAST GN_SECONDS(1)
#define LOOK_AT_NOTHING GN_SECONDS(4)

static struct gn_fetch_provider *provider_of(struct gn_fetch *f, uint32_t provider)
{
    GN_CHECK(provider < f->providers_len);
    return &f->providers[provider];
}

/* ---- asks ---- */

static uint64_t ask_bytes(struct gn_fetch *f, const struct gn_fetch_ask *a)
{
    const struct gn_fetch_file *file = gn_fetch_file_of(f, a->file);
    return file ? gn_fetch_range_len(file->length, a->range) : 0;
}

/* Takes an ask out; gives the file, if it is still open. False: it was not asked of p. */
static bool take_ask(struct gn_fetch *f, struct gn_fetch_provider *p, uint32_t index)
{
    struct gn_fetch_ask a = p->asks[index];
    struct gn_fetch_file *file = gn_fetch_file_of(f, a.file);
    uint64_t bytes = ask_bytes(f, &a);
    memmove(&p->asks[index], &p->asks[index + 1U], (p->asks_len - index - 1U) * sizeof p->asks[0]);
    p->asks_len--;
    p->in_flight -= bytes;
    f->in_flight -= bytes;
    if (file && file->state[a.range] != GN_FETCH_RANGE_DONE) {
        GN_CHECK(file->state[a.range] > 0);
        file->state[a.range]--;
        f->version++;
    }
    p->version = 0; /* it has room again */
    return true;
}

static void take_all(struct gn_fetch *f, struct gn_fetch_provider *p)
{
    while (p->asks_len > 0)
        (void)take_ask(f, p, p->asks_len - 1U);
}

static bool take_this(struct gn_fetch *f, struct gn_fetch_provider *p, uint32_t file, uint32_t range)
{
    for (uint32_t i = 0; i < p->asks_len; i++) {
        if (p->asks[i].file == file && p->asks[i].range == range)
            return take_ask(f, p, i);
    }
    return false;
}

void gn_fetch_provider_forget_file(struct gn_fetch *f, uint32_t slot)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        struct gn_fetch_provider *p = &f->providers[i];
        for (uint32_t j = p->asks_len; j > 0; j--) {
            if ((p->asks[j - 1U].file & (GN_FETCH_FILES_MAX - 1U)) == slot)
                (void)take_ask(f, p, j - 1U);
        }
        gn_alloc_free(f->config.alloc, p->have[slot].bits);
        p->have[slot] = (struct gn_fetch_have){.look_at = GN_TIME_NEVER};
    }
}

/* ---- coming and going ---- */

void gn_fetch_provider_free(struct gn_fetch *f, struct gn_fetch_provider *p)
{
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++)
        gn_alloc_free(f->config.alloc, p->have[i].bits);
    memset(p, 0, sizeof *p);
}

static struct gn_fetch_provider *free_slot(struct gn_fetch *f)
{
    for (uint32_t i = 0; i < f->providers_len; i++) {
        if (f->providers[i].state == GN_FETCH_P_FREE)
            return &f->providers[i];
    }
    return f->providers_len < GN_FETCH_PROVIDERS_MAX ? &f->providers[f->providers_len++] : NULL;
}

enum gn_err gn_fetch_provider_add(struct gn_fetch *f, uint32_t *provider, const struct gn_id *id, gn_time_us now)
{
    *provider = GN_FETCH_NONE;
    for (uint32_t i = 0; i < f->providers_len; i++) {
        struct gn_fetch_provider *p = &f->providers[i];
        if (p->state == GN_FETCH_P_FREE || !gn_id_eq(&p->id, id))
            continue;
        *provider = i;
        if (p->state != GN_FETCH_P_DROPPED)
            return GN_E_EXISTS;
        if (now < p->next_at || p->want_close || p->want_dropped)
            return GN_E_REFUSED;
        gn_fetch_provider_free(f, p);
        break;
    }
    struct gn_fetch_provider *p = *provider == GN_FETCH_NONE ? free_slot(f) : &f->providers[*provider];
    if (!p)
        return GN_E_FULL;
    *provider = (uint32_t)(p - f->providers);
    p->state = GN_FETCH_P_IDLE;
    p->id = *id;
    gn_backoff_init(&p->backoff, BACKOFF_FIRST, BACKOFF_MAX);
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++)
        p->have[i].look_at = GN_TIME_NEVER;
    return GN_OK;
}

const struct gn_id *gn_fetch_provider_id(const struct gn_fetch *f, uint32_t provider)
{
    GN_CHECK(provider < f->providers_len);
    return &f->providers[provider].id;
}

static void drop(struct gn_fetch *f, struct gn_fetch_provider *p, enum gn_fetch_reason reason, gn_time_us now)
{
    p->want_close = p->state == GN_FETCH_P_CONNECTED || p->state == GN_FETCH_P_CONNECTING;
    take_all(f, p);
    p->state = GN_FETCH_P_DROPPED;
    p->want_dropped = true;
    p->reason = reason;
    p->next_at = reason == GN_FETCH_LIED ? GN_TIME_NEVER : gn_time_add(now, GN_FETCH_FORGIVE);
    f->lied += reason == GN_FETCH_LIED;
    f->stalled += reason == GN_FETCH_STALLED;
    f->version++;
}

void gn_fetch_connected(struct gn_fetch *f, uint32_t provider, gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    if (p->state != GN_FETCH_P_CONNECTING)
        return;
    p->state = GN_FETCH_P_CONNECTED;
    p->failures = 0;
    p->heard_at = now;
    p->pause_until = 0;
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++)
        p->have[i].looking = false;
    f->version++;
}

/* Not connected any more, and not before a while. */
static void retire(struct gn_fetch *f, struct gn_fetch_provider *p, gn_time_us now)
{
    take_all(f, p);
    p->state = GN_FETCH_P_IDLE;
    p->next_at = gn_time_add(now, gn_backoff_next(&p->backoff, f->config.rng));
    f->version++;
}

void gn_fetch_disconnected(struct gn_fetch *f, uint32_t provider, gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    if (p->state != GN_FETCH_P_CONNECTED && p->state != GN_FETCH_P_CONNECTING)
        return;
    retire(f, p, now);
    if (++p->failures >= FAILURES_MAX)
        drop(f, p, GN_FETCH_UNREACHABLE, now);
}

/* ---- what it has ---- */

static bool copy_bits(struct gn_fetch *f, struct gn_fetch_have *h, struct gn_slice bits)
{
    gn_alloc_free(f->config.alloc, h->bits);
    h->bits = gn_alloc_zeroed(f->config.alloc, bits.len, 1);
    h->bits_len = h->bits ? bits.len : 0;
    if (h->bits)
        memcpy(h->bits, bits.data, bits.len);
    return h->bits != NULL;
}

/* It has nothing of any open file and never gave us anything: it is no provider. */
static bool is_useless(const struct gn_fetch *f, const struct gn_fetch_provider *p)
{
    if (p->delivered)
        return false;
    for (uint32_t i = 0; i < GN_FETCH_FILES_MAX; i++) {
        if (f->files[i].used && p->have[i].state != GN_FETCH_HAVE_NOTHING)
            return false;
    }
    return true;
}

void gn_fetch_available(struct gn_fetch *f, uint32_t provider, uint32_t file, bool all, struct gn_slice bits,
                        gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    const struct gn_fetch_file *at = gn_fetch_file_of(f, file);
    if (!at || p->state != GN_FETCH_P_CONNECTED)
        return;
    struct gn_fetch_have *h = &p->have[gn_fetch_slot(at)];
    h->looking = false;
    h->look_at = gn_time_add(now, GN_FETCH_LOOK_AGAIN);
    h->state = GN_FETCH_HAVE_NOTHING;
    f->version++;
    if (all) {
        h->state = GN_FETCH_HAVE_ALL;
        h->look_at = GN_TIME_NEVER;
    } else if (bits.len > 0 && copy_bits(f, h, bits)) {
        h->state = GN_FETCH_HAVE_SOME;
    } else {
        h->look_at = gn_time_add(now, LOOK_AT_NOTHING);
        if (is_useless(f, p))
            drop(f, p, GN_FETCH_NOT_FOUND, now);
    }
}

/* It said that it has not this range: so what we believed is old. */
static void correct(struct gn_fetch *f, struct gn_fetch_provider *p, const struct gn_fetch_file *file, uint32_t range,
                    gn_time_us now)
{
    struct gn_fetch_have *h = &p->have[gn_fetch_slot(file)];
    if (h->state == GN_FETCH_HAVE_ALL) {
        h->bits_len = (file->ranges + 7U) / 8U;
        gn_alloc_free(f->config.alloc, h->bits);
        h->bits = gn_alloc_zeroed(f->config.alloc, h->bits_len, 1);
        h->state = h->bits ? GN_FETCH_HAVE_SOME : GN_FETCH_HAVE_NOTHING;
        if (h->bits)
            memset(h->bits, 0xff, h->bits_len);
        h->look_at = now;
    }
    if (h->state == GN_FETCH_HAVE_SOME && range / 8U < h->bits_len)
        h->bits[range / 8U] &= (uint8_t) ~(0x80U >> (range % 8U));
    f->version++;
}

/* ---- what it delivers ---- */

void gn_fetch_progress(struct gn_fetch *f, uint32_t provider, uint64_t bytes, gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    p->heard_at = now;
    p->measured += bytes;
    gn_time_us took = gn_time_sub(now, p->measure_at);
    if (took < MEASURE_US && !(p->rate == 0 && p->measured >= MEASURE_FIRST && took >= GN_MS(1)))
        return;
    uint64_t rate = p->measured * GN_SECONDS(1) / took;
    p->rate = p->rate == 0 ? rate : (p->rate * 3U + rate) / 4U;
    p->measured = 0;
    p->measure_at = now;
    p->version = 0; /* the window may have grown */
}

uint64_t gn_fetch_provider_window(const struct gn_fetch_provider *p)
{
    if (p->rate == 0 && !p->delivered)
        return GN_FETCH_RANGE_BYTES;
    uint64_t window = p->rate / (GN_SECONDS(1) / WINDOW_US);
    if (window < WINDOW_MIN)
        return WINDOW_MIN;
    return window < WINDOW_MAX ? window : WINDOW_MAX;
}

void gn_fetch_done(struct gn_fetch *f, uint32_t provider, uint32_t file, uint32_t range, gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    (void)now;
    if (take_this(f, p, file, range)) { /* else it came after all, from one that was given up */
        p->delivered = true;
        p->stalls = 0;
        gn_backoff_reset(&p->backoff);
    }
    gn_fetch_file_mark(f, file, range);
}

void gn_fetch_failed(struct gn_fetch *f, uint32_t provider, uint32_t file, uint32_t range, enum gn_fetch_failure why,
                     gn_time_us now)
{
    struct gn_fetch_provider *p = provider_of(f, provider);
    const struct gn_fetch_file *at = gn_fetch_file_of(f, file);
    (void)take_this(f, p, file, range);
    if (p->state == GN_FETCH_P_DROPPED || p->state == GN_FETCH_P_FREE)
        return;
    switch (why) {
    case GN_FETCH_F_LIE:
        drop(f, p, GN_FETCH_LIED, now);
        return;
    case GN_FETCH_F_NOT_HERE:
        if (at)
            correct(f, p, at, range, now);
        return;
    case GN_FETCH_F_NOT_FOUND:
        gn_fetch_available(f, provider, file, false, gn_slice_of(NULL, 0), now);
        return;
    case GN_FETCH_F_BUSY:
        p->pause_until = gn_time_add(now, gn_rng_jitter(f->config.rng, BUSY_PAUSE, 50));
        return;
    case GN_FETCH_F_OURS:
        return;
    }
}

/* ---- what the time brings ---- */

static void stall(struct gn_fetch *f, struct gn_fetch_provider *p, gn_time_us now)
{
    p->rate = 0;
    if (++p->stalls >= GN_FETCH_STALLS_MAX) {
        drop(f, p, GN_FETCH_STALLED, now);
        return;
    }
    retire(f, p, now);
    p->want_close = true;
}

void gn_fetch_provider_tick(struct gn_fetch *f, struct gn_fetch_provider *p, gn_time_us now)
{
    if (p->state == GN_FETCH_P_DROPPED && !p->want_close && !p->want_dropped && now >= p->next_at) {
        gn_fetch_provider_free(f, p); /* forgiven: whoever finds it may add it again */
        return;
    }
    if (p->state != GN_FETCH_P_CONNECTED || p->asks_len == 0)
        return;
    if (gn_time_sub(now, p->heard_at) >= GN_FETCH_STALL) {
        stall(f, p, now);
        return;
    }
    for (uint32_t i = 0; i < p->asks_len; i++) {
        struct gn_fetch_ask *a = &p->asks[i];
        if (!a->late && a->late_at == GN_TIME_NEVER && p->rate > 0)
            a->late_at = gn_time_add(now, LATE_AT_LEAST + LATE_TIMES * p->in_flight * GN_SECONDS(1) / p->rate);
        if (a->late || now < a->late_at)
            continue;
        a->late = true;
        f->version++;
    }
}
