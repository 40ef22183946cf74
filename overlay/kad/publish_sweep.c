/* overlay/kad/publish_sweep.c - walks through the store in key order: once for what is owned, hourly for what is held.
 */
#include "overlay/kad/publish_state.h"

#define START_SPREAD_US GN_MINUTES(5)
#define RETRY_US GN_SECONDS(10)
#define OPS_FULL_US GN_SECONDS(1)
#define HELD_S 3600U    /* handed on when nobody stored it for so long */
#define LIFE_LEFT_S 60U /* not worth handing on with less */

static bool has_place(struct gn_publish *p)
{
    return p->scan.mode == GN_PUBLISH_SCAN_OWNED || gn_publish_job_free(p, true);
}

static enum gn_err ask_next(struct gn_publish *p, struct gn_outbox *box, gn_time_us now)
{
    struct gn_store_request request = {.op = GN_STORE_SCAN, .entry = p->scan.cursor};
    enum gn_err err;

    request.limit = p->scan.mode == GN_PUBLISH_SCAN_OWNED ? GN_PUBLISH_BATCH : GN_PUBLISH_SWEEP_BATCH;
    err = gn_publish_ask(p, box, GN_PUBLISH_SCAN, &request);
    if (err != GN_OK) {
        p->scan.at = gn_time_add(now, RETRY_US);
        return err;
    }
    p->scan.waiting = true;
    p->scan.req = request.req;
    p->scan.at = gn_time_add(now, GN_PUBLISH_STORE_WAIT_US);
    return GN_OK;
}

enum gn_err gn_publish_sweep_timer(struct gn_publish *p, struct gn_outbox *box, gn_time_us now)
{
    struct gn_publish_scan *scan = &p->scan;

    if (scan->waiting && now >= scan->at) { /* the store is silent */
        scan->waiting = false;
    }
    if (scan->mode == GN_PUBLISH_SCAN_NONE && now >= p->sweep_at) {
        *scan = (struct gn_publish_scan){.mode = GN_PUBLISH_SCAN_HELD, .at = now};
        p->sweep_at = gn_time_add(now, gn_rng_jitter(p->env->rng, GN_PUBLISH_HANDOFF_US, 10));
    }
    if (scan->mode == GN_PUBLISH_SCAN_NONE || scan->waiting || now < scan->at || !has_place(p)) {
        return GN_OK;
    }
    return ask_next(p, box, now);
}

gn_time_us gn_publish_sweep_deadline(const struct gn_publish *p)
{
    if (p->scan.mode == GN_PUBLISH_SCAN_NONE) {
        return p->sweep_at;
    }
    return p->scan.at;
}

/* ---- Answers ---- */

static void learn_owned(struct gn_publish *p, const struct gn_store_entry *e, gn_time_us now)
{
    struct gn_publish_key *key;
    bool is_new;

    if (!e->owned || e->expires_at <= p->wall || gn_publish_keys_add(p, &key, &is_new, e->kind, &e->target) != GN_OK ||
        !is_new) {
        return;
    }
    gn_publish_keys_set_life(key, e->stored_at, e->expires_at);
    gn_publish_keys_set_due(p, key, gn_time_add(now, gn_rng_below(p->env->rng, START_SPREAD_US)));
}

static bool is_due(const struct gn_publish *p, const struct gn_store_entry *e)
{
    if (e->owned || e->expires_at <= p->wall + LIFE_LEFT_S) {
        return false;
    }
    if (e->stored_at > p->wall) { /* our clock went back: far back means that the hour is over, we cannot know */
        return e->stored_at - p->wall > HELD_S;
    }
    return p->wall - e->stored_at >= HELD_S;
}

/* AGAIN: all jobs are busy; FULL: no operation is free. In both cases this record must be read again. */
static enum gn_err hand_on(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_entry *e)
{
    bool same_key = e->kind == p->scan.cursor.kind && gn_id_eq(&e->target, &p->scan.cursor.target);
    unsigned siblings = same_key ? p->scan.siblings : 0;
    struct gn_publish_job *job;
    enum gn_err err;

    if (!is_due(p, e) || siblings >= GN_PUBLISH_PROVIDERS_PER_KEY) {
        p->scan.siblings = siblings;
        return GN_OK;
    }
    job = gn_publish_job_free(p, true);
    if (!job) {
        return GN_E_AGAIN;
    }
    *job = (struct gn_publish_job){.state = GN_PUBLISH_JOB_FREE, .handoff = true};
    err = gn_publish_job_start(p, box, job, e, e->record);
    if (err == GN_E_FULL) {
        return err;
    }
    p->stats.failed += err == GN_OK ? 0U : 1U;
    p->scan.siblings = siblings + 1U;
    return GN_OK;
}

static void advance(struct gn_publish *p, const struct gn_store_entry *e)
{
    p->scan.cursor.kind = e->kind;
    p->scan.cursor.target = e->target;
    p->scan.cursor.sub = e->sub;
}

enum gn_err gn_publish_sweep_answer(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_answer *answer,
                                    gn_time_us now)
{
    struct gn_publish_scan *scan = &p->scan;
    bool owned = scan->mode == GN_PUBLISH_SCAN_OWNED;
    size_t batch = owned ? GN_PUBLISH_BATCH : GN_PUBLISH_SWEEP_BATCH;

    if (!scan->waiting || scan->req != answer->req) {
        return GN_OK; /* it was asked for again */
    }
    scan->waiting = false;
    scan->at = now;
    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        scan->at = gn_time_add(now, RETRY_US);
        return GN_OK;
    }
    for (size_t i = 0; i < answer->entries_len; i++) {
        if (owned) {
            learn_owned(p, &answer->entries[i], now);
        } else {
            enum gn_err err = hand_on(p, box, &answer->entries[i]);

            if (err != GN_OK) { /* the end of a job wakes the sweep, an operation's end does not */
                scan->at = err == GN_E_FULL ? gn_time_add(now, OPS_FULL_US) : now;
                return GN_OK;
            }
        }
        advance(p, &answer->entries[i]);
    }
    if (answer->entries_len < batch) {
        p->stats.scanned = true;
        scan->mode = GN_PUBLISH_SCAN_NONE;
        return GN_OK;
    }
    return has_place(p) ? ask_next(p, box, now) : GN_OK;
}
