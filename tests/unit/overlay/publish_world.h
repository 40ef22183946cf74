/* tests/unit/overlay/publish_world.h - a publisher with a store and a swarm that takes puts, and time that passes.
 *
 * Life: begin .. end. Threads: one. Purity: pure but for malloc.
 */
#ifndef GN_TESTS_UNIT_OVERLAY_PUBLISH_WORLD_H
#define GN_TESTS_UNIT_OVERLAY_PUBLISH_WORLD_H

#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/publish.h"
#include "overlay/kad/server.h"
#include "tests/support/failing_alloc.h"
#include "tests/unit/overlay/fake_store.h"
#include "tests/unit/overlay/records.h"

#define T0 GN_HOURS(10)
#define PUTS_MAX 4096U

struct put_seen {
    uint32_t ticket;
    uint8_t kind;
    struct gn_id target;
    bool handoff;
    gn_time_us at;
    gn_wall_s expiry;
    size_t addrs_len;
    struct gn_addr addr;
    bool valid; /* decoded and verified */
    bool open;  /* not yet finished */
};

struct world {
    struct gn_failing_alloc alloc;
    struct gn_rng rng;
    struct gn_log log;
    struct gn_env env;
    struct gn_overlay_counters counters;
    struct gn_publish_calls calls;
    struct gn_publish_config config;
    struct gn_publish *p;
    struct gn_outbox *box;
    struct test_peer peer;
    struct fake_store store;
    bool mute; /* the store takes requests but does not answer */
    gn_time_us now;
    gn_wall_s wall;
    enum gn_err put_err;
    bool hold;       /* puts do not finish by themselves */
    unsigned stored; /* what a finished put says */
    struct put_seen puts[PUTS_MAX];
    size_t puts_len;
    struct gn_publish_announcement announced;
    enum gn_err kept_err;
    unsigned kept;
};

static inline enum gn_err world_put(void *ctx, struct gn_outbox *box, const struct gn_publish_put *put)
{
    struct world *w = (struct world *)ctx;
    struct put_seen *seen = &w->puts[w->puts_len];
    struct gn_record r;

    assert_ptr_equal(box, w->box);
    assert_int_not_equal(put->ticket, 0);
    if (w->put_err != GN_OK) {
        return w->put_err;
    }
    assert_true(w->puts_len < PUTS_MAX);
    *seen = (struct put_seen){.ticket = put->ticket,
                              .kind = put->kind,
                              .target = put->target,
                              .handoff = put->handoff,
                              .at = w->now,
                              .open = true};
    seen->valid = gn_record_open(&r, put->record, put->kind, &put->target, &w->peer.crypto, w->wall) == GN_OK;
    seen->expiry = r.expiry;
    seen->addrs_len = r.addrs_len;
    seen->addr = r.addrs[0];
    w->puts_len++;
    return GN_OK;
}

static inline void world_kept(void *ctx, uint8_t kind, const struct gn_id *target, enum gn_err err)
{
    struct world *w = (struct world *)ctx;

    assert_true(kind >= GN_RECORD_IMMUTABLE && kind <= GN_RECORD_PROVIDER && !gn_id_is_zero(target));
    w->kept++;
    w->kept_err = err;
}

static inline void begin(struct world *w)
{
    memset(w, 0, sizeof(*w));
    gn_failing_alloc_init(&w->alloc, 0);
    gn_rng_init_test(&w->rng, 5, 2);
    test_peer_init(&w->peer, 1);
    w->env = (struct gn_env){.alloc = &w->alloc.alloc, .crypto = &w->peer.crypto, .rng = &w->rng, .log = &w->log};
    w->calls = (struct gn_publish_calls){.start_put = world_put, .kept = world_kept, .ctx = w};
    w->config.self = w->peer.identity.id;
    w->now = T0;
    w->wall = TEST_WALL;
    w->stored = 16;
    fake_store_init(&w->store);
    assert_int_equal(gn_outbox_new(&w->box, gn_alloc_default()), GN_OK);
    assert_int_equal(gn_publish_new(&w->p, &w->config, &w->env, &w->calls, &w->counters, w->now), GN_OK);
}

static inline void end(struct world *w)
{
    gn_publish_free(w->p);
    gn_outbox_free(w->box);
    fake_store_fini(&w->store);
    assert_int_equal(w->alloc.live, 0);
}

/* Answers every store request of the outbox, and those that follow from the answers. */
static inline void run_store(struct world *w)
{
    static uint8_t records[64][70000];
    struct gn_store_request requests[64];
    size_t n;

    do {
        n = 0;
        for (size_t i = 0; i < gn_outbox_len(w->box); i++) {
            const struct gn_effect *e = gn_outbox_at(w->box, i);

            assert_int_equal(e->type, GN_FX_STORE);
            assert_int_equal(GN_REQ_OWNER(e->u.store.req), GN_REQ_PUBLISH);
            assert_true(n < 64);
            requests[n] = e->u.store;
            if (e->u.store.entry.record.len > 0) {
                memcpy(records[n], e->u.store.entry.record.data, e->u.store.entry.record.len);
                requests[n].entry.record.data = records[n];
            }
            n++;
        }
        gn_outbox_clear(w->box);
        for (size_t i = 0; i < n && !w->mute; i++) {
            struct gn_store_answer a = fake_store_answer(&w->store, &requests[i]);

            assert_int_equal(gn_publish_store(w->p, w->box, &a, w->now, w->wall), GN_OK);
        }
    } while (n > 0 && !w->mute);
}

static inline void finish_puts(struct world *w)
{
    for (size_t i = 0; i < w->puts_len && !w->hold; i++) {
        if (w->puts[i].open) {
            w->puts[i].open = false;
            gn_publish_finished(w->p, w->puts[i].ticket, w->stored > 0 ? GN_OK : GN_E_TIMEOUT, w->stored, w->now);
        }
    }
}

/* Lets time pass by deadlines only: what would need a wake-up that nobody asked for does not happen. */
static inline void pass(struct world *w, gn_time_us us)
{
    gn_time_us until = w->now + us;
    unsigned turns = 0;

    for (;;) {
        gn_time_us t = gn_publish_deadline(w->p);

        if (t > until) {
            break;
        }
        t = t > w->now ? t : w->now;
        w->wall += t / GN_SECONDS(1) - w->now / GN_SECONDS(1);
        w->now = t;
        assert_int_equal(gn_publish_timer(w->p, w->box, w->now, w->wall), GN_OK);
        run_store(w);
        finish_puts(w);
        turns++;
        assert_true(turns < 200000); /* a deadline that nothing moves would turn for ever */
    }
    w->wall += until / GN_SECONDS(1) - w->now / GN_SECONDS(1);
    w->now = until;
}

static inline struct gn_publish_stats stats_of(const struct world *w)
{
    struct gn_publish_stats s;

    gn_publish_stats(w->p, &s, w->now);
    return s;
}

static inline enum gn_err keep(struct world *w, const struct test_record *t, gn_wall_s end_at)
{
    enum gn_err err;

    assert_int_equal(t->err, GN_OK);
    err = gn_publish_keep(w->p, w->box, test_record_slice(t), end_at, w->now, w->wall);
    run_store(w);
    return err;
}

static inline enum gn_err announce(struct world *w, const struct gn_id *content, gn_wall_s end_at, bool kept)
{
    w->announced = (struct gn_publish_announcement){.content = *content, .end = end_at, .keep = kept};
    return gn_publish_provide(w->p, w->box, &w->announced, w->now, w->wall);
}

/* A record of somebody else's in the store. */
static inline void hold(struct world *w, const struct test_record *t, gn_wall_s stored_at)
{
    struct gn_store_entry e = {.kind = t->r.kind,
                               .target = t->r.target,
                               .seq = t->r.seq,
                               .expires_at = t->r.expiry,
                               .stored_at = stored_at,
                               .group = 5,
                               .record = test_record_slice(t)};

    if (t->r.kind == GN_RECORD_PROVIDER) {
        e.sub = t->r.owner;
    }
    fake_store_put(&w->store, &e);
}

#endif
