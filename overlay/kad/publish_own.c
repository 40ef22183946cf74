/* overlay/kad/publish_own.c - begins and ends the owning of records. */
#include <string.h>

#include "overlay/kad/publish_state.h"

#define ADDRS_SPREAD_US GN_MINUTES(1)

/* Gives the record to the store as ours. After an error nothing has changed. */
static enum gn_err keep_entry(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_key **out,
                              const struct gn_store_entry *entry)
{
    struct gn_store_request request = {.op = GN_STORE_PUT, .entry = *entry};
    struct gn_publish_name name = {.kind = entry->kind, .target = entry->target};
    bool is_new;
    enum gn_err err = gn_publish_keys_add(p, out, &is_new, entry->kind, &entry->target);

    if (err != GN_OK) {
        return err;
    }
    if (gn_map_len(&p->keeps) == GN_PUBLISH_KEEPS_MAX) {
        err = GN_E_FULL;
        goto undo;
    }
    err = gn_publish_ask(p, box, GN_PUBLISH_KEEP, &request);
    if (err != GN_OK) {
        goto undo;
    }
    /* without memory for the name nobody hears that it is durable; it is kept all the same */
    (*out)->keep_req = gn_map_set(&p->keeps, &request.req, &name) == GN_OK ? request.req : 0;
    gn_publish_keys_set_life(*out, entry->stored_at, entry->expires_at);
    return GN_OK;
undo:
    if (is_new) {
        gn_publish_keys_remove(p, *out);
    }
    return err;
}

/* Sets when it is due next, unless a publication of it runs: its end will. */
static void plan(struct gn_publish *p, struct gn_publish_key *key, bool at_once, gn_time_us now)
{
    for (uint32_t i = 0; i < p->config.inflight_max; i++) {
        if (p->jobs[i].state != GN_PUBLISH_JOB_FREE && p->jobs[i].key == gn_slab_handle(key)) {
            return;
        }
    }
    if (at_once) {
        gn_publish_keys_set_due(p, key, now);
    } else {
        gn_publish_keys_set_next(p, key, now);
    }
}

static enum gn_err keep_record(struct gn_publish *p, struct gn_outbox *box, const struct gn_record *record,
                               struct gn_slice bytes, gn_time_us now)
{
    struct gn_store_entry entry = {
        .kind = record->kind,
        .owned = true,
        .target = record->target,
        .seq = record->seq,
        .expires_at = record->expiry,
        .stored_at = p->wall,
        .record = bytes,
    };
    struct gn_publish_key *key;
    enum gn_err err = keep_entry(p, box, &key, &entry);

    if (err == GN_OK) {
        plan(p, key, false, now);
    }
    return err;
}

/* Its end becomes its expiry on our disk; copies for others get a nearer one. */
static enum gn_err keep_immutable(struct gn_publish *p, struct gn_outbox *box, struct gn_record *record,
                                  size_t bytes_len, gn_time_us now)
{
    size_t cap = bytes_len + 8U, len = 0;
    uint8_t *copy = (uint8_t *)gn_alloc_zeroed(p->env->alloc, 1, cap);
    enum gn_err err;

    if (!copy) {
        return GN_E_NO_MEMORY;
    }
    err = gn_record_encode(copy, &len, cap, record);
    if (err == GN_OK) {
        err = keep_record(p, box, record, gn_slice_of(copy, len), now);
    }
    gn_alloc_free(p->env->alloc, copy);
    return err;
}

enum gn_err gn_publish_keep(struct gn_publish *p, struct gn_outbox *box, struct gn_slice bytes, gn_wall_s end,
                            gn_time_us now, gn_wall_s wall)
{
    struct gn_record record;
    enum gn_err err = gn_record_decode(&record, bytes, p->env->crypto);

    if (err != GN_OK) {
        return err;
    }
    if (record.kind == GN_RECORD_PROVIDER) {
        return GN_E_INVALID;
    }
    if (record.kind == GN_RECORD_IMMUTABLE && end != 0) {
        record.expiry = end;
    }
    p->wall = wall;
    err = gn_record_verify(&record, p->env->crypto, wall);
    if (err != GN_OK) {
        return err;
    }
    return record.kind == GN_RECORD_IMMUTABLE ? keep_immutable(p, box, &record, bytes.len, now)
                                              : keep_record(p, box, &record, bytes, now);
}

enum gn_err gn_publish_provide(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_announcement *a,
                               gn_time_us now, gn_wall_s wall)
{
    struct gn_store_entry entry = {
        .kind = GN_RECORD_PROVIDER,
        .owned = true,
        .target = a->content,
        .sub = p->config.self,
        .expires_at = a->end,
        .stored_at = wall,
    };
    bool known = p->addrs_len > 0;
    struct gn_publish_key *key;
    enum gn_err err;

    if (a->end <= wall) {
        return GN_E_EXPIRED;
    }
    p->wall = wall;
    err = gn_publish_load_provider(p, a->record, &a->record_len, sizeof(a->record), &a->content, a->end);
    if (err != GN_OK) {
        return err;
    }
    if (a->keep) {
        entry.record = gn_slice_of(a->record, a->record_len);
        err = keep_entry(p, box, &key, &entry);
        if (err != GN_OK) {
            return err;
        }
        plan(p, key, !known, now);
    }
    return known ? GN_OK : GN_E_AGAIN;
}

enum gn_err gn_publish_drop(struct gn_publish *p, struct gn_outbox *box, uint8_t kind, const struct gn_id *target)
{
    struct gn_store_request request = {.op = GN_STORE_DELETE};
    struct gn_publish_key *key = gn_publish_keys_find(p, kind, target);
    enum gn_err err;

    if (!key) {
        return GN_E_NOT_FOUND;
    }
    request.entry.kind = kind;
    request.entry.target = *target;
    if (kind == GN_RECORD_PROVIDER) {
        request.entry.sub = p->config.self;
    }
    err = gn_publish_ask(p, box, GN_PUBLISH_FORGET, &request);
    if (err == GN_OK) {
        gn_publish_keys_remove(p, key);
    }
    return err;
}

bool gn_publish_owns(const struct gn_publish *p, uint8_t kind, const struct gn_id *target)
{
    return gn_publish_keys_find(p, kind, target) != NULL;
}

bool gn_publish_is_keeping(const struct gn_publish *p, uint8_t kind, const struct gn_id *target)
{
    const struct gn_publish_key *key = gn_publish_keys_find(p, kind, target);

    return key && key->keep_req != 0;
}

static bool same_addrs(const struct gn_publish *p, const struct gn_addr *addrs, size_t len)
{
    if (len != p->addrs_len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!gn_addr_eq(&addrs[i], &p->addrs[i])) {
            return false;
        }
    }
    return true;
}

void gn_publish_set_addrs(struct gn_publish *p, const struct gn_addr *addrs, size_t addrs_len, gn_time_us now)
{
    struct gn_addr usable[GN_RECORD_ADDRS_MAX];
    size_t len = 0;
    uint32_t cursor = 0, handle;

    memset(usable, 0, sizeof(usable));
    for (size_t i = 0; i < addrs_len && len < GN_RECORD_ADDRS_MAX; i++) {
        if (gn_addr_is_usable(&addrs[i])) {
            usable[len] = addrs[i];
            len++;
        }
    }
    if (same_addrs(p, usable, len)) {
        return;
    }
    memcpy(p->addrs, usable, sizeof(usable));
    p->addrs_len = len;
    if (len == 0) {
        return; /* a record without addresses helps nobody: the old ones stay out until we know new ones */
    }
    while ((handle = gn_slab_next(&p->keys, &cursor)) != 0) {
        struct gn_publish_key *key = (struct gn_publish_key *)gn_slab_get(&p->keys, handle);
        gn_time_us due = gn_time_add(now, gn_rng_below(p->env->rng, ADDRS_SPREAD_US));

        if (key->name.kind == GN_RECORD_PROVIDER && !key->busy && due < key->due) {
            gn_publish_keys_set_due(p, key, due);
        }
    }
}

void gn_publish_all(struct gn_publish *p, gn_time_us now)
{
    uint32_t cursor = 0, handle;

    while ((handle = gn_slab_next(&p->keys, &cursor)) != 0) {
        struct gn_publish_key *key = (struct gn_publish_key *)gn_slab_get(&p->keys, handle);

        if (!key->busy) {
            gn_publish_keys_set_due(p, key, now);
        }
    }
}
