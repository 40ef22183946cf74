/* tests/fuzz/fuzz_fetch.c - the scheduler under any sequence of news and jumps of time: bounded, and never absurd.
 *
 * Each byte is one event. Checked: a dropped provider is asked for nothing, a range that is there is asked of nobody,
 * and the list of acts ends.
 */
#include <string.h>

#include "base/check.h"
#include "overlay/files/fetch.h"
#include "tests/support/fuzz.h"

#define LENGTH (UINT64_C(50) << 20U)
#define ASKS_MAX 256U

struct world {
    struct gn_fetch *f;
    gn_time_us now;
    bool dropped[GN_FETCH_PROVIDERS_MAX], connected[GN_FETCH_PROVIDERS_MAX], connecting[GN_FETCH_PROVIDERS_MAX];
    uint32_t file;
    struct {
        uint32_t provider, file, range;
    } asks[ASKS_MAX];
    size_t asks_len;
};

static void forget_asks(struct world *w, uint32_t provider)
{
    size_t n = 0;
    for (size_t i = 0; i < w->asks_len; i++) {
        if (w->asks[i].provider != provider)
            w->asks[n++] = w->asks[i];
    }
    w->asks_len = n;
}

static void act_on(struct world *w, const struct gn_fetch_act *a)
{
    if (a->type == GN_FETCH_CONNECT) {
        GN_CHECK(!w->connected[a->provider] && !w->connecting[a->provider]);
        w->connecting[a->provider] = true;
        w->dropped[a->provider] = false; /* added again after it was forgiven */
    } else if (a->type == GN_FETCH_ASK) {
        GN_CHECK(w->connected[a->provider] && !w->dropped[a->provider] && !gn_fetch_has(w->f, a->file, a->range));
        GN_CHECK(w->asks_len < ASKS_MAX);
        w->asks[w->asks_len].provider = a->provider;
        w->asks[w->asks_len].file = a->file;
        w->asks[w->asks_len++].range = a->range;
    } else if (a->type == GN_FETCH_LOOK) {
        GN_CHECK(w->connected[a->provider]);
    } else if (a->type == GN_FETCH_CLOSE) {
        w->connected[a->provider] = w->connecting[a->provider] = false;
        forget_asks(w, a->provider);
    } else if (a->type == GN_FETCH_DROPPED) {
        w->dropped[a->provider] = true;
    } else if (a->type == GN_FETCH_FILE_DONE) {
        w->file = UINT32_MAX;
    }
}

static void pump(struct world *w)
{
    struct gn_fetch_act a;
    for (unsigned i = 0; gn_fetch_next(w->f, &a, w->now); i++) {
        GN_CHECK(i < 10000);
        act_on(w, &a);
    }
}

static void news_of_an_ask(struct world *w, uint8_t which, bool good)
{
    if (w->asks_len == 0)
        return;
    size_t i = which % w->asks_len;
    uint32_t provider = w->asks[i].provider, file = w->asks[i].file, range = w->asks[i].range;
    w->asks[i] = w->asks[--w->asks_len];
    if (good)
        gn_fetch_done(w->f, provider, file, range, w->now);
    else
        gn_fetch_failed(w->f, provider, file, range, (enum gn_fetch_failure)(which % 5U), w->now);
}

static void event(struct world *w, uint8_t kind, uint8_t value)
{
    uint32_t number;
    uint32_t p = value % 12U;
    switch (kind % 10U) {
    case 0:
        (void)!gn_fetch_provider_add(w->f, &number, &(struct gn_id){{(uint8_t)(1U + p)}}, w->now);
        return;
    case 1:
        for (p = 0; p < GN_FETCH_PROVIDERS_MAX && !w->connecting[p]; p++)
            continue;
        if (p == GN_FETCH_PROVIDERS_MAX)
            return;
        w->connecting[p] = false;
        w->connected[p] = value & 1U;
        if (w->connected[p])
            gn_fetch_connected(w->f, p, w->now);
        else
            gn_fetch_disconnected(w->f, p, w->now);
        return;
    case 2:
        if (!w->connected[p])
            return;
        w->connected[p] = false;
        forget_asks(w, p);
        gn_fetch_disconnected(w->f, p, w->now);
        return;
    case 3:
        if (w->connected[p])
            gn_fetch_available(w->f, p, w->file, value & 128U, gn_slice_of("\xa5\x3c", value & 64U ? 2 : 0), w->now);
        return;
    case 4:
        if (w->connected[p])
            gn_fetch_progress(w->f, p, (uint64_t)value << 12U, w->now);
        return;
    case 5:
    case 6:
        news_of_an_ask(w, value, true);
        return;
    case 7:
        news_of_an_ask(w, value, false);
        return;
    case 8:
        w->now += (gn_time_us)value * value * value;
        return;
    default:
        if (value & 1U) {
            gn_fetch_file_remove(w->f, w->file);
            w->file = UINT32_MAX;
        }
        if (w->file == UINT32_MAX && gn_fetch_file_add(w->f, &w->file, LENGTH) != GN_OK)
            w->file = UINT32_MAX;
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = GN_SECONDS(1000), .file = UINT32_MAX};
    struct gn_rng rng;
    gn_rng_init_test(&rng, 1, 1);
    GN_CHECK(gn_fetch_new(&w.f, &(struct gn_fetch_config){.alloc = gn_alloc_default(), .rng = &rng}) == GN_OK);
    event(&w, 9, 0);
    for (size_t i = 0; i + 1U < size && i < 4096U; i += 2U) {
        event(&w, data[i], data[i + 1U]);
        pump(&w);
        GN_CHECK(gn_fetch_deadline(w.f) > 0);
    }
    gn_fetch_free(w.f);
    return 0;
}
