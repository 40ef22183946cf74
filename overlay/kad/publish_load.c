/* overlay/kad/publish_load.c - reads an owned record from the store and gets it ready to be sent. */
#include <string.h>

#include "overlay/kad/publish_state.h"

#define ADDRS_UNKNOWN_US GN_MINUTES(10)
#define OPS_FULL_US GN_SECONDS(1)

enum gn_err gn_publish_load_begin(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                  struct gn_publish_key *key, gn_time_us now)
{
    struct gn_store_request request = {.op = GN_STORE_GET, .limit = 1};
    enum gn_err err;

    request.entry.kind = key->name.kind;
    request.entry.target = key->name.target;
    if (key->name.kind == GN_RECORD_PROVIDER) {
        request.entry.sub = p->config.self;
    }
    err = gn_publish_ask(p, box, GN_PUBLISH_LOAD, &request);
    if (err != GN_OK) {
        return err;
    }
    gn_heap_remove(&p->due, &key->node);
    key->busy = true;
    *job = (struct gn_publish_job){.state = GN_PUBLISH_JOB_LOADING,
                                   .key = gn_slab_handle(key),
                                   .req = request.req,
                                   .deadline = gn_time_add(now, GN_PUBLISH_STORE_WAIT_US)};
    return GN_OK;
}

enum gn_err gn_publish_load_provider(struct gn_publish *p, uint8_t *out, size_t *out_len, size_t cap,
                                     const struct gn_id *content, gn_wall_s end)
{
    struct gn_record r = {.kind = GN_RECORD_PROVIDER, .target = *content, .owner = p->config.self, .expiry = end};

    r.expiry = gn_record_expiry(&r, p->wall);
    memcpy(r.addrs, p->addrs, sizeof(r.addrs));
    r.addrs_len = p->addrs_len;
    return gn_record_sign(&r, out, out_len, cap, p->env->crypto);
}

/* ---- What is sent, by kind ---- */

/* Copies expire at the end, or as late as holders allow. */
static enum gn_err start_immutable(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                   const struct gn_store_entry *entry)
{
    struct gn_record record;
    size_t len = 0;
    uint8_t *copy;
    enum gn_err err = gn_record_decode(&record, entry->record, p->env->crypto);

    if (err != GN_OK) {
        return err;
    }
    record.expiry = entry->expires_at;
    record.expiry = gn_record_expiry(&record, p->wall);
    copy = (uint8_t *)gn_alloc_zeroed(p->env->alloc, 1, entry->record.len + 8U);
    if (!copy) {
        return GN_E_NO_MEMORY;
    }
    err = gn_record_encode(copy, &len, entry->record.len + 8U, &record);
    if (err == GN_OK) {
        err = gn_publish_job_start(p, box, job, entry, gn_slice_of(copy, len));
    }
    gn_alloc_free(p->env->alloc, copy);
    return err;
}

/* Signed anew: with today's addresses. The store gets the new one too, for those who ask us. */
static enum gn_err start_provider(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                  const struct gn_store_entry *entry)
{
    struct gn_store_request request = {.op = GN_STORE_PUT, .entry = *entry};
    uint8_t bytes[GN_PUBLISH_PROVIDER_BYTES_MAX];
    size_t len = 0;
    enum gn_err err = gn_publish_load_provider(p, bytes, &len, sizeof(bytes), &entry->target, entry->expires_at);

    if (err != GN_OK) {
        return err;
    }
    err = gn_publish_job_start(p, box, job, entry, gn_slice_of(bytes, len));
    if (err == GN_OK) {
        request.entry.record = gn_slice_of(bytes, len);
        (void)!gn_publish_ask(p, box, GN_PUBLISH_FORGET,
                              &request); /* without it the old one is served until the next */
    }
    return err;
}

static enum gn_err start(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                         const struct gn_store_entry *entry)
{
    switch (entry->kind) {
    case GN_RECORD_IMMUTABLE:
        return start_immutable(p, box, job, entry);
    case GN_RECORD_PROVIDER:
        return start_provider(p, box, job, entry);
    default:
        return gn_publish_job_start(p, box, job, entry, entry->record);
    }
}

/* ---- The answer ---- */

static void after_start(struct gn_publish *p, struct gn_publish_job *job, struct gn_publish_key *key, enum gn_err err,
                        gn_time_us now)
{
    if (err == GN_OK) {
        return;
    }
    job->state = GN_PUBLISH_JOB_FREE;
    if (err == GN_E_FULL) {
        gn_publish_keys_set_due(p, key, gn_time_add(now, OPS_FULL_US));
        return;
    }
    p->stats.failed++;
    gn_publish_keys_set_retry(p, key, now);
}

static struct gn_publish_job *find_job(const struct gn_publish *p, uint32_t req)
{
    for (uint32_t i = 0; i < p->config.inflight_max; i++) {
        if (p->jobs[i].state == GN_PUBLISH_JOB_LOADING && p->jobs[i].req == req) {
            return &p->jobs[i];
        }
    }
    return NULL;
}

enum gn_err gn_publish_load_answer(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_answer *answer,
                                   gn_time_us now)
{
    struct gn_publish_job *job = find_job(p, answer->req);
    struct gn_publish_key *key;
    const struct gn_store_entry *entry = answer->entries;

    if (!job) {
        return GN_OK; /* it came too late and was asked for again */
    }
    key = (struct gn_publish_key *)gn_slab_get(&p->keys, job->key);
    if (!key) { /* dropped meanwhile */
        job->state = GN_PUBLISH_JOB_FREE;
        return GN_OK;
    }
    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        after_start(p, job, key, answer->err, now);
        return GN_OK;
    }
    if (answer->err != GN_OK || answer->entries_len == 0 || !entry->owned || entry->expires_at <= p->wall) {
        job->state = GN_PUBLISH_JOB_FREE;
        gn_publish_keys_remove(p, key); /* deleted or over: nothing is left to publish */
        return GN_OK;
    }
    gn_publish_keys_set_life(key, entry->stored_at, entry->expires_at);
    if (entry->kind == GN_RECORD_PROVIDER && p->addrs_len == 0) {
        job->state = GN_PUBLISH_JOB_FREE;
        gn_publish_keys_set_due(p, key, gn_time_add(now, ADDRS_UNKNOWN_US));
        return GN_OK;
    }
    after_start(p, job, key, start(p, box, job, entry), now);
    return GN_OK;
}
