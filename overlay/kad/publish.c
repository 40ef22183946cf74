/* overlay/kad/publish.c - the publisher's clock, its jobs and its requests to the store. */
#include "overlay/kad/publish.h"

#include "base/check.h"
#include "overlay/kad/publish_state.h"

#define INFLIGHT_LIMIT 64U

enum gn_err gn_publish_new(struct gn_publish **out, const struct gn_publish_config *config, const struct gn_env *env,
                           const struct gn_publish_calls *calls, struct gn_overlay_counters *counters, gn_time_us now)
{
    struct gn_publish *p = (struct gn_publish *)gn_alloc_zeroed(env->alloc, 1, sizeof(*p));

    *out = NULL;
    if (!p) {
        return GN_E_NO_MEMORY;
    }
    p->env = env;
    p->calls = *calls;
    p->counters = counters;
    p->config = *config;
    p->config.owned_max = config->owned_max ? config->owned_max : GN_PUBLISH_OWNED_MAX;
    p->config.inflight_max = config->inflight_max ? config->inflight_max : GN_PUBLISH_INFLIGHT_MAX;
    if (p->config.inflight_max > INFLIGHT_LIMIT) {
        p->config.inflight_max = INFLIGHT_LIMIT;
    }
    p->jobs = (struct gn_publish_job *)gn_alloc_zeroed(env->alloc, p->config.inflight_max, sizeof(*p->jobs));
    if (!p->jobs) {
        gn_alloc_free(env->alloc, p);
        return GN_E_NO_MEMORY;
    }
    gn_publish_keys_init(p);
    p->expire_at = gn_time_add(now, GN_PUBLISH_EXPIRE_US);
    /* not all nodes of a fleet that was started together at the same moment */
    p->sweep_at = gn_time_add(now, gn_rng_jitter(env->rng, GN_PUBLISH_HANDOFF_US, 50));
    *out = p;
    return GN_OK;
}

void gn_publish_free(struct gn_publish *p)
{
    if (!p) {
        return;
    }
    gn_publish_keys_fini(p);
    gn_alloc_free(p->env->alloc, p->jobs);
    gn_alloc_free(p->env->alloc, p);
}

enum gn_err gn_publish_start(struct gn_publish *p, struct gn_outbox *box, gn_time_us now)
{
    p->started = true;
    p->scan = (struct gn_publish_scan){.mode = GN_PUBLISH_SCAN_OWNED, .at = now};
    return gn_publish_sweep_timer(p, box, now);
}

enum gn_err gn_publish_ask(struct gn_publish *p, struct gn_outbox *box, enum gn_publish_purpose purpose,
                           struct gn_store_request *request)
{
    struct gn_effect effect = {.type = GN_FX_STORE};
    enum gn_err err;

    p->next_req = (p->next_req + 1U) & 0x00ffffffU;
    request->req = GN_REQ_MAKE(GN_REQ_PUBLISH, ((uint32_t)purpose << 24) | p->next_req);
    effect.u.store = *request;
    err = gn_outbox_push(box, &effect);
    p->counters->outbox_full += err == GN_OK ? 0U : 1U;
    return err;
}

/* ---- Jobs ---- */

static uint32_t count_jobs(const struct gn_publish *p, bool handoff)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->config.inflight_max; i++) {
        n += p->jobs[i].state != GN_PUBLISH_JOB_FREE && p->jobs[i].handoff == handoff ? 1U : 0U;
    }
    return n;
}

struct gn_publish_job *gn_publish_job_free(struct gn_publish *p, bool handoff)
{
    uint32_t max = p->config.inflight_max;
    uint32_t mine = handoff ? (max + 1U) / 2U : max - (max > 1U ? 1U : 0U);

    if (count_jobs(p, handoff) >= mine) {
        return NULL;
    }
    for (uint32_t i = 0; i < max; i++) {
        if (p->jobs[i].state == GN_PUBLISH_JOB_FREE) {
            return &p->jobs[i];
        }
    }
    return NULL;
}

enum gn_err gn_publish_job_start(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                 const struct gn_store_entry *entry, struct gn_slice record)
{
    struct gn_publish_put put = {
        .kind = entry->kind, .target = entry->target, .record = record, .handoff = job->handoff};
    enum gn_err err;

    p->next_ticket = p->next_ticket == UINT32_MAX ? 1U : p->next_ticket + 1U;
    put.ticket = p->next_ticket;
    err = p->calls.start_put(p->calls.ctx, box, &put);
    if (err == GN_OK) {
        job->state = GN_PUBLISH_JOB_RUNNING;
        job->ticket = put.ticket;
    }
    return err;
}

void gn_publish_finished(struct gn_publish *p, uint32_t ticket, enum gn_err err, unsigned stored, gn_time_us now)
{
    struct gn_publish_job *job = NULL;
    struct gn_publish_key *key;

    for (uint32_t i = 0; i < p->config.inflight_max; i++) {
        if (p->jobs[i].state == GN_PUBLISH_JOB_RUNNING && p->jobs[i].ticket == ticket) {
            job = &p->jobs[i];
        }
    }
    if (!job) {
        return;
    }
    job->state = GN_PUBLISH_JOB_FREE;
    if (stored == 0) {
        p->stats.failed++;
    } else if (job->handoff) {
        p->stats.handed_on++;
    } else {
        p->stats.published++;
        p->counters->republished++;
    }
    key = (struct gn_publish_key *)gn_slab_get(&p->keys, job->key);
    if (!key) { /* a hand-off, or dropped meanwhile */
        return;
    }
    if (stored > 0) {
        key->fails = 0;
        gn_publish_keys_set_next(p, key, now);
        return;
    }
    GN_LOG(p->env->log, GN_LOG_WARN, "kad.publish.failed", GN_F_ID("target", &key->name.target), GN_F_ERR("err", err),
           GN_F_U64("fails", key->fails + 1U));
    gn_publish_keys_set_retry(p, key, now);
}

/* ---- The store ---- */

static void take_kept(struct gn_publish *p, const struct gn_store_answer *answer)
{
    const struct gn_publish_name *found = (const struct gn_publish_name *)gn_map_get(&p->keeps, &answer->req);
    struct gn_publish_name name;
    struct gn_publish_key *key;

    if (!found) {
        return;
    }
    name = *found;
    (void)gn_map_remove(&p->keeps, &answer->req);
    key = gn_publish_keys_find(p, name.kind, &name.target);
    if (key && key->keep_req == answer->req) {
        key->keep_req = 0;
    }
    if (answer->err != GN_OK && key) {
        gn_publish_keys_remove(p, key);
    }
    if (p->calls.kept) {
        p->calls.kept(p->calls.ctx, name.kind, &name.target, answer->err);
    }
}

static void take_expired(struct gn_publish *p, const struct gn_store_answer *answer, gn_time_us now)
{
    if (answer->err != GN_OK) {
        return;
    }
    p->stats.expired += answer->records_total;
    p->counters->expired += answer->records_total;
    if (answer->records_total >= GN_PUBLISH_EXPIRE_BATCH) { /* there are more */
        p->expire_at = now;
    }
}

enum gn_err gn_publish_store(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_answer *answer,
                             gn_time_us now, gn_wall_s wall)
{
    p->wall = wall;
    switch (GN_PUBLISH_PURPOSE(answer->req)) {
    case GN_PUBLISH_SCAN:
        return gn_publish_sweep_answer(p, box, answer, now);
    case GN_PUBLISH_LOAD:
        return gn_publish_load_answer(p, box, answer, now);
    case GN_PUBLISH_KEEP:
        take_kept(p, answer);
        return GN_OK;
    case GN_PUBLISH_EXPIRE:
        take_expired(p, answer, now);
        return GN_OK;
    default:
        return GN_OK;
    }
}

/* ---- The time ---- */

static void end_silent_loads(struct gn_publish *p, gn_time_us now)
{
    for (uint32_t i = 0; i < p->config.inflight_max; i++) {
        struct gn_publish_job *job = &p->jobs[i];
        struct gn_publish_key *key;

        if (job->state != GN_PUBLISH_JOB_LOADING || now < job->deadline) {
            continue;
        }
        job->state = GN_PUBLISH_JOB_FREE;
        key = (struct gn_publish_key *)gn_slab_get(&p->keys, job->key);
        if (key) {
            gn_publish_keys_set_retry(p, key, now);
        }
    }
}

static enum gn_err expire(struct gn_publish *p, struct gn_outbox *box, gn_time_us now)
{
    struct gn_store_request request = {.op = GN_STORE_EXPIRE, .limit = GN_PUBLISH_EXPIRE_BATCH, .wall = p->wall};

    if (now < p->expire_at) {
        return GN_OK;
    }
    p->expire_at = gn_time_add(now, GN_PUBLISH_EXPIRE_US);
    return gn_publish_ask(p, box, GN_PUBLISH_EXPIRE, &request);
}

static enum gn_err load_due(struct gn_publish *p, struct gn_outbox *box, gn_time_us now)
{
    for (struct gn_publish_key *key = gn_publish_keys_first(p); key && key->due <= now;
         key = gn_publish_keys_first(p)) {
        struct gn_publish_job *job = gn_publish_job_free(p, false);
        enum gn_err err;

        if (!job) {
            return GN_OK;
        }
        if (key->ends_at <= p->wall) {
            gn_publish_keys_remove(p, key);
            continue;
        }
        err = gn_publish_load_begin(p, box, job, key, now);
        if (err != GN_OK) {
            gn_publish_keys_set_due(p, key, gn_time_add(now, GN_SECONDS(1)));
            return err;
        }
    }
    return GN_OK;
}

enum gn_err gn_publish_timer(struct gn_publish *p, struct gn_outbox *box, gn_time_us now, gn_wall_s wall)
{
    enum gn_err err, e;

    p->wall = wall;
    end_silent_loads(p, now);
    err = expire(p, box, now);
    e = p->started ? gn_publish_sweep_timer(p, box, now) : GN_OK;
    err = e != GN_OK ? e : err;
    e = load_due(p, box, now);
    return e != GN_OK ? e : err;
}

gn_time_us gn_publish_deadline(const struct gn_publish *p)
{
    const struct gn_publish_key *first = gn_publish_keys_first(p);
    gn_time_us t = p->expire_at;
    uint32_t owned = count_jobs(p, false), handoffs = count_jobs(p, true), max = p->config.inflight_max;

    for (uint32_t i = 0; i < max; i++) {
        if (p->jobs[i].state == GN_PUBLISH_JOB_LOADING) {
            t = gn_time_min(t, p->jobs[i].deadline);
        }
    }
    /* what waits for a free job is begun when one ends, not by the clock */
    if (first && owned + handoffs < max && owned < max - (max > 1U ? 1U : 0U)) {
        t = gn_time_min(t, first->due);
    }
    if (p->started && (p->scan.mode != GN_PUBLISH_SCAN_HELD || p->scan.waiting ||
                       (owned + handoffs < max && handoffs < (max + 1U) / 2U))) {
        t = gn_time_min(t, gn_publish_sweep_deadline(p));
    }
    return t;
}

void gn_publish_stats(const struct gn_publish *p, struct gn_publish_stats *out, gn_time_us now)
{
    const struct gn_publish_key *first = gn_publish_keys_first(p);
    uint32_t cursor = 0, handle;

    *out = p->stats;
    out->owned = gn_slab_len(&p->keys);
    out->inflight = count_jobs(p, false) + count_jobs(p, true);
    out->next_due = first ? first->due : GN_TIME_NEVER;
    out->late_us = first ? gn_time_sub(now, first->due) : 0;
    out->due = 0;
    while ((handle = gn_slab_next(&p->keys, &cursor)) != 0) {
        const struct gn_publish_key *key = (const struct gn_publish_key *)gn_slab_get(&p->keys, handle);

        out->due += !key->busy && key->due <= now ? 1U : 0U;
    }
}
