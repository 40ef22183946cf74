/* overlay/kad/maintain.c - the table's upkeep, a timer each. */
#include "overlay/kad/maintain.h"

#include <string.h>

#include "base/check.h"
#include "overlay/kad/kad.h"
#include "overlay/kad/op.h"

#define SWEEP_EVERY_US GN_MS(50)
#define SWEEP_PINGS 8U
#define DOUBTFUL_PINGS 8U
#define FRESH_S 20U /* who answered so lately needs no ping */
/* How often a bucket is looked for that is due: a public network is spared, a private one fills sooner. */
#define REFRESH_LOOK_US GN_MINUTES(1)
#define REFRESH_LOOK_PRIVATE_US GN_SECONDS(10)
/* Who joins together with many others finds the way in as empty as itself: with fewer live contacts than a bucket
 * holds, it looks again after 0.5, 1, 2, ... s. */
#define SETTLE_FIRST_US GN_MS(500)
#define SETTLE_TRIES 7U
#define SETTLED_LIVE 16U
#define BOOT_FIRST_US GN_SECONDS(1)
#define BOOT_CAP_US GN_MINUTES(1)

static void arm(struct gn_kad *k, struct gn_timer *t, gn_time_us after)
{
    gn_timer_set(&k->timers, t, gn_time_add(k->now, after));
}

static void arm_jittered(struct gn_kad *k, struct gn_timer *t, gn_time_us after)
{
    arm(k, t, gn_time_max(gn_rng_jitter(k->env->rng, after, 20), 1));
}

static void arm_refresh(struct gn_kad *k, struct gn_maintain *m)
{
    arm_jittered(k, &m->refresh, k->all_private ? REFRESH_LOOK_PRIVATE_US : REFRESH_LOOK_US);
}

void gn_maintain_init(struct gn_kad *k, struct gn_maintain *m)
{
    memset(m, 0, sizeof *m);
    gn_timer_init(&m->liveness, GN_KAD_TIMER_LIVENESS);
    gn_timer_init(&m->sweep, GN_KAD_TIMER_SWEEP);
    gn_timer_init(&m->refresh, GN_KAD_TIMER_REFRESH);
    gn_timer_init(&m->self_lookup, GN_KAD_TIMER_SELF_LOOKUP);
    gn_timer_init(&m->save, GN_KAD_TIMER_SAVE);
    gn_timer_init(&m->bootstrap, GN_KAD_TIMER_BOOTSTRAP);
    gn_backoff_init(&m->backoff, BOOT_FIRST_US, BOOT_CAP_US);
    arm_jittered(k, &m->liveness, GN_MAINTAIN_LIVENESS_US);
    arm_refresh(k, m);
    arm_jittered(k, &m->self_lookup, SETTLE_FIRST_US);
    arm_jittered(k, &m->save, GN_MAINTAIN_SAVE_US);
}

static void drop_restored(struct gn_kad *k, struct gn_maintain *m)
{
    while (m->restored_at < m->restored_len) {
        gn_book_drop(k->book, m->restored[m->restored_at++]);
    }
    gn_alloc_free(k->env->alloc, m->restored);
    m->restored = NULL;
    m->restored_len = 0;
    m->restored_at = 0;
}

void gn_maintain_fini(struct gn_kad *k, struct gn_maintain *m)
{
    drop_restored(k, m);
    for (unsigned i = 0; i < m->boots_len; i++) {
        gn_book_drop(k->book, m->boots[i]);
    }
    m->boots_len = 0;
    gn_timer_cancel(&k->timers, &m->liveness);
    gn_timer_cancel(&k->timers, &m->sweep);
    gn_timer_cancel(&k->timers, &m->refresh);
    gn_timer_cancel(&k->timers, &m->self_lookup);
    gn_timer_cancel(&k->timers, &m->save);
    gn_timer_cancel(&k->timers, &m->bootstrap);
}

/* ---- Liveness ---- */

static void start_bootstrap(struct gn_kad *k, struct gn_maintain *m)
{
    if (m->boots_len > 0 && !gn_timer_is_set(&m->bootstrap) && gn_table_live_len(&k->table, k->now) == 0) {
        arm(k, &m->bootstrap, gn_backoff_next(&m->backoff, k->env->rng));
    }
}

static void liveness(struct gn_kad *k, struct gn_maintain *m)
{
    gn_book_handle doubtful[DOUBTFUL_PINGS];
    size_t n = gn_table_doubtful(&k->table, doubtful, DOUBTFUL_PINGS, k->now);
    gn_book_handle oldest = gn_table_oldest(&k->table, FRESH_S, k->env->rng, k->now);
    gn_time_us every = GN_MAINTAIN_LIVENESS_US;

    for (size_t i = 0; i < n; i++) {
        (void)gn_candidates_ping(k, doubtful[i]); /* if it cannot be sent now, it is still doubtful the next time */
    }
    if (oldest != 0) {
        (void)gn_candidates_ping(k, oldest);
    }
    if (k->table.len > 0) {
        every = gn_time_min(every, GN_MAINTAIN_ROUND_US / k->table.len);
    }
    start_bootstrap(k, m);
    arm_jittered(k, &m->liveness, every);
}

/* ---- Sweep: many pings, paced ---- */

static bool sweep_one(struct gn_kad *k, struct gn_maintain *m)
{
    gn_book_handle h = gn_table_next_check(&k->table);

    if (h != 0) {
        return gn_candidates_ping(k, h);
    }
    if (m->restored_at == m->restored_len) {
        return false;
    }
    h = m->restored[m->restored_at++];
    bool sent = !gn_table_wants(&k->table, gn_book_get(k->book, h), k->now) || gn_candidates_ping(k, h);
    gn_book_drop(k->book, h);
    return sent;
}

static void sweep(struct gn_kad *k, struct gn_maintain *m)
{
    for (unsigned i = 0; i < SWEEP_PINGS; i++) {
        if (m->restored_at >= GN_MAINTAIN_RESTORED_FIRST &&
            gn_table_live_len(&k->table, k->now) >= GN_MAINTAIN_RESTORED_ENOUGH) {
            drop_restored(k, m);
        }
        if (!sweep_one(k, m)) {
            break;
        }
    }
    if (m->restored && m->restored_at == m->restored_len) {
        drop_restored(k, m);
    }
    if (k->table.checks_left > 0 || m->restored) {
        arm(k, &m->sweep, SWEEP_EVERY_US);
    }
}

enum gn_err gn_maintain_restore(struct gn_kad *k, struct gn_maintain *m, struct gn_slice snapshot)
{
    struct gn_contact c;

    if (!gn_table_saved(&c, snapshot, 0)) {
        return GN_E_MALFORMED;
    }
    drop_restored(k, m);
    m->restored = gn_alloc_zeroed(k->env->alloc, GN_MAINTAIN_RESTORED_MAX, sizeof *m->restored);
    if (!m->restored) {
        return GN_E_NO_MEMORY;
    }
    for (size_t i = 0; m->restored_len < GN_MAINTAIN_RESTORED_MAX && gn_table_saved(&c, snapshot, i); i++) {
        if (gn_table_wants(&k->table, &c, k->now) && !gn_id_is_zero(&c.id) &&
            gn_book_take(k->book, &m->restored[m->restored_len], &c) == GN_OK) {
            m->restored_len++;
        }
    }
    arm(k, &m->sweep, 1);
    return GN_OK;
}

/* ---- Bootstrap ---- */

void gn_maintain_remember(struct gn_kad *k, struct gn_maintain *m, const struct gn_contact *c)
{
    gn_book_handle h;

    if (gn_book_take(k->book, &h, c) != GN_OK) {
        return;
    }
    for (unsigned i = 0; i < m->boots_len; i++) {
        if (m->boots[i] == h) {
            gn_book_drop(k->book, h);
            return;
        }
    }
    if (m->boots_len == GN_MAINTAIN_BOOTS) {
        gn_book_drop(k->book, m->boots[0]);
        memmove(&m->boots[0], &m->boots[1], (GN_MAINTAIN_BOOTS - 1U) * sizeof m->boots[0]);
        m->boots_len--;
    }
    m->boots[m->boots_len++] = h;
}

static void bootstrap(struct gn_kad *k, struct gn_maintain *m)
{
    if (m->boots_len == 0 || gn_table_live_len(&k->table, k->now) > 0) {
        gn_backoff_reset(&m->backoff);
        return;
    }
    m->boots_at = (uint8_t)((m->boots_at + 1U) % m->boots_len);
    (void)gn_op_bootstrap_own(k, m->boots[m->boots_at]); /* if there is no room, the next one will do */
    arm(k, &m->bootstrap, gn_backoff_next(&m->backoff, k->env->rng));
}

/* ---- The others ---- */

static void refresh(struct gn_kad *k, struct gn_maintain *m)
{
    int index = gn_table_idle_bucket(&k->table, GN_MAINTAIN_REFRESH_US, k->now);
    struct gn_id target;

    if (index >= 0) {
        gn_table_random_id(&k->table, &target, (unsigned)index, k->env->rng);
        (void)gn_op_find_own(k, &target); /* if there is no room, later */
    }
    arm_refresh(k, m);
}

static void look_up_self(struct gn_kad *k, struct gn_maintain *m)
{
    gn_time_us next = GN_MAINTAIN_SELF_US;

    if (!m->settled && gn_table_live_len(&k->table, k->now) < SETTLED_LIVE && m->settle_tries < SETTLE_TRIES) {
        next = SETTLE_FIRST_US << m->settle_tries++;
    } else if (!m->settled) {
        m->settled = true;
        arm_jittered(k, &m->self_lookup, GN_MAINTAIN_SELF_FIRST_US);
        return;
    }
    if (k->table.len > 0) {
        (void)gn_op_find_own(k, &k->config.self);
    }
    arm_jittered(k, &m->self_lookup, next);
}

void gn_maintain_save(struct gn_kad *k, struct gn_maintain *m)
{
    uint8_t *bytes = gn_alloc_zeroed(k->env->alloc, 1, GN_TABLE_SAVE_BYTES);
    struct gn_effect fx = {.type = GN_FX_STORE};

    arm_jittered(k, &m->save, GN_MAINTAIN_SAVE_US);
    if (!bytes) {
        return; /* the one before is still there */
    }
    /* An empty table is not worth keeping: the one before may bring us back. */
    if (gn_table_live_len(&k->table, k->now) > 0) {
        fx.u.store.op = GN_STORE_SAVE_TABLE;
        fx.u.store.wall = k->wall;
        fx.u.store.data = gn_slice_of(bytes, gn_table_save(&k->table, bytes, GN_TABLE_SAVE_BYTES, k->now));
        if (gn_outbox_push(k->out, &fx) != GN_OK) {
            k->counters.outbox_full++;
        }
    }
    gn_alloc_free(k->env->alloc, bytes);
}

void gn_maintain_addrs(struct gn_kad *k, struct gn_maintain *m)
{
    if (k->all_private) {
        arm_refresh(k, m);
    }
}

void gn_maintain_introduce(struct gn_kad *k, struct gn_maintain *m)
{
    arm(k, &m->self_lookup, GN_SECONDS(1)); /* whoever is asked hears who we are */
}

void gn_maintain_net_changed(struct gn_kad *k, struct gn_maintain *m)
{
    gn_table_check_all(&k->table);
    gn_backoff_reset(&m->backoff);
    m->settled = false;
    m->settle_tries = 0;
    arm(k, &m->sweep, 1);
    arm(k, &m->self_lookup, GN_SECONDS(1));
    if (m->boots_len > 0) {
        arm(k, &m->bootstrap, GN_SECONDS(3)); /* by then it is clear whether anybody still answers */
    }
}

void gn_maintain_timer(struct gn_kad *k, struct gn_maintain *m, const struct gn_timer *t)
{
    if (t == &m->liveness) {
        liveness(k, m);
    } else if (t == &m->sweep) {
        sweep(k, m);
    } else if (t == &m->refresh) {
        refresh(k, m);
    } else if (t == &m->self_lookup) {
        look_up_self(k, m);
    } else if (t == &m->save) {
        gn_maintain_save(k, m);
    } else {
        GN_CHECK(t == &m->bootstrap);
        bootstrap(k, m);
    }
}
