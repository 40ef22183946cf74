/* overlay/kad/publish_keys.c - the owned keys, in the order in which they are due. */
#include <string.h>

#include "overlay/kad/publish_state.h"

#define NAME_BYTES (1U + GN_ID_BYTES)
#define RETRY_MIN_US GN_MINUTES(1)
#define RETRY_MAX_US GN_MINUTES(30)
#define JITTER_PERCENT 10U

/* By time, then by key: keys of one region that are due together come together. */
static bool before(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    const struct gn_publish_key *x = (const struct gn_publish_key *)(const void *)a;
    const struct gn_publish_key *y = (const struct gn_publish_key *)(const void *)b;

    if (x->due != y->due) {
        return x->due < y->due;
    }
    if (x->name.kind != y->name.kind) {
        return x->name.kind < y->name.kind;
    }
    return gn_id_cmp(&x->name.target, &y->name.target) < 0;
}

_Static_assert(offsetof(struct gn_publish_key, node) == 0, "a heap node is the beginning of its key");

void gn_publish_keys_init(struct gn_publish *p)
{
    gn_slab_init(&p->keys, p->env->alloc, sizeof(struct gn_publish_key), 16, p->config.owned_max);
    gn_map_init(&p->names, p->env->alloc, NAME_BYTES, sizeof(uint32_t), p->config.owned_max);
    gn_map_init(&p->keeps, p->env->alloc, sizeof(uint32_t), sizeof(struct gn_publish_name), GN_PUBLISH_KEEPS_MAX);
    gn_heap_init(&p->due, before);
}

void gn_publish_keys_fini(struct gn_publish *p)
{
    gn_map_fini(&p->keeps);
    gn_map_fini(&p->names);
    gn_slab_fini(&p->keys);
}

static void pack_name(uint8_t out[NAME_BYTES], uint8_t kind, const struct gn_id *target)
{
    out[0] = kind;
    memcpy(out + 1, target->b, sizeof(target->b));
}

struct gn_publish_key *gn_publish_keys_find(const struct gn_publish *p, uint8_t kind, const struct gn_id *target)
{
    uint8_t name[NAME_BYTES];
    const uint32_t *handle;

    pack_name(name, kind, target);
    handle = (const uint32_t *)gn_map_get(&p->names, name);
    return handle ? (struct gn_publish_key *)gn_slab_get(&p->keys, *handle) : NULL;
}

enum gn_err gn_publish_keys_add(struct gn_publish *p, struct gn_publish_key **out, bool *is_new, uint8_t kind,
                                const struct gn_id *target)
{
    uint8_t name[NAME_BYTES];
    uint32_t handle;
    void *object;
    enum gn_err err;

    *out = gn_publish_keys_find(p, kind, target);
    *is_new = !*out;
    if (*out) {
        return GN_OK;
    }
    err = gn_slab_take(&p->keys, &handle, &object);
    if (err != GN_OK) {
        return err == GN_E_FULL ? GN_E_LIMIT : err;
    }
    pack_name(name, kind, target);
    err = gn_map_set(&p->names, name, &handle);
    if (err != GN_OK) {
        (void)gn_slab_release(&p->keys, handle);
        return err;
    }
    *out = (struct gn_publish_key *)object;
    (*out)->name.kind = kind;
    (*out)->name.target = *target;
    (*out)->busy = true; /* not in the order yet; gn_publish_keys_set_due ends that */
    return GN_OK;
}

void gn_publish_keys_remove(struct gn_publish *p, struct gn_publish_key *key)
{
    uint8_t name[NAME_BYTES];

    pack_name(name, key->name.kind, &key->name.target);
    if (!key->busy) {
        gn_heap_remove(&p->due, &key->node);
    }
    (void)gn_map_remove(&p->names, name);
    (void)gn_slab_release(&p->keys, gn_slab_handle(key));
}

void gn_publish_keys_set_life(struct gn_publish_key *key, gn_wall_s stored_at, gn_wall_s ends_at)
{
    gn_wall_s life = gn_time_sub(ends_at, stored_at);

    key->ends_at = ends_at;
    key->ttl_s = life < gn_record_ttl_max(key->name.kind) ? life : gn_record_ttl_max(key->name.kind);
}

void gn_publish_keys_set_due(struct gn_publish *p, struct gn_publish_key *key, gn_time_us due)
{
    key->due = due;
    if (key->busy) {
        key->busy = false;
        gn_heap_insert(&p->due, &key->node);
    } else {
        gn_heap_rekey(&p->due, &key->node);
    }
}

void gn_publish_keys_set_next(struct gn_publish *p, struct gn_publish_key *key, gn_time_us now)
{
    gn_time_us wait = gn_rng_jitter(p->env->rng, GN_SECONDS(key->ttl_s) * GN_PUBLISH_PERCENT / 100U, JITTER_PERCENT);
    gn_wall_s left = gn_time_sub(key->ends_at, p->wall);

    wait = gn_time_max(wait, GN_PUBLISH_INTERVAL_MIN_US);
    /* left is compared in seconds: an end that never comes would overflow microseconds */
    if (left < wait / GN_SECONDS(1)) {
        wait = GN_SECONDS(left);
    }
    gn_publish_keys_set_due(p, key, gn_time_add(now, wait));
}

void gn_publish_keys_set_retry(struct gn_publish *p, struct gn_publish_key *key, gn_time_us now)
{
    gn_time_us wait = RETRY_MIN_US << (key->fails < 5U ? key->fails : 5U);

    key->fails++;
    wait = gn_rng_jitter(p->env->rng, gn_time_min(wait, RETRY_MAX_US), JITTER_PERCENT);
    gn_publish_keys_set_due(p, key, gn_time_add(now, wait));
}

struct gn_publish_key *gn_publish_keys_first(const struct gn_publish *p)
{
    return (struct gn_publish_key *)(void *)gn_heap_peek(&p->due);
}
