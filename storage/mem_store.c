/* storage/mem_store.c - the store in memory: one search tree per table, a heap of expiries, an undo log for batches. */
#include "storage/mem_store.h"

#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/map.h"
#include "storage/avl.h"
#include "storage/store.h"
#include "storage/store_ops.h"

enum { TABLE_META = GN_STORE_TABLE_META, TABLE_FILES = GN_STORE_TABLE_FILES, TABLE_RECORDS, TABLES };

#define UNDO_KEEP 8U /* slots of the undo log that stay allocated between batches */

struct entry {
    struct gn_avl_node node;
    struct gn_heap_node due; /* records that expire */
    gn_wall_s expires_at;
    gn_wall_s stored_at;
    uint64_t seq;
    uint64_t group;
    uint32_t flags;
    uint8_t table;
    uint8_t key_len;
    uint32_t data_len;
    uint8_t bytes[]; /* key, then data */
};

/* One write of the open batch: rolled back by taking `added` out and putting `removed` in again. */
struct undo {
    struct entry *added;
    struct entry *removed;
};

struct mem_store {
    struct gn_store store;
    const struct gn_alloc *alloc;
    struct gn_avl tables[TABLES];
    struct gn_heap due;
    struct gn_map groups; /* group -> struct gn_store_usage */
    struct gn_store_stats stats;
    struct undo *undo;
    size_t undo_len;
    size_t undo_cap;
};

static struct mem_store *of(struct gn_store *s)
{
    return GN_CONTAINER_OF(s, struct mem_store, store);
}

static struct entry *entry_of(struct gn_avl_node *n)
{
    return n ? GN_CONTAINER_OF(n, struct entry, node) : NULL;
}

static int entry_cmp(const void *key, const struct gn_avl_node *n)
{
    const struct gn_slice *k = key;
    const struct entry *e = (const struct entry *)(const void *)((const char *)n - offsetof(struct entry, node));
    size_t common = k->len < e->key_len ? k->len : e->key_len;
    int c = memcmp(k->data, e->bytes, common);
    if (c != 0 || k->len == e->key_len)
        return c;
    return k->len < e->key_len ? -1 : 1;
}

static bool due_before(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    const struct entry *x = (const struct entry *)(const void *)((const char *)a - offsetof(struct entry, due));
    const struct entry *y = (const struct entry *)(const void *)((const char *)b - offsetof(struct entry, due));
    if (x->expires_at != y->expires_at)
        return x->expires_at < y->expires_at;
    return memcmp(x->bytes, y->bytes, GN_STORE_KEY_BYTES) < 0; /* as the index on disk */
}

static uint64_t entry_size(const struct entry *e)
{
    return sizeof *e + e->key_len + e->data_len;
}

/* ---- linking: everything that counts entries is in these two ---- */

static void usage_add(struct gn_store_usage *u, const struct entry *e, bool plus)
{
    uint64_t bytes = (uint64_t)e->data_len + GN_STORE_OVERHEAD;
    u->count = plus ? u->count + 1U : u->count - 1U;
    u->bytes = plus ? u->bytes + bytes : u->bytes - bytes;
}

static void count_entry(struct mem_store *m, const struct entry *e, bool plus)
{
    struct gn_store_stats *st = &m->stats;
    uint64_t size = entry_size(e);
    st->size_bytes = plus ? st->size_bytes + size : st->size_bytes - size;
    if (e->table == TABLE_META) {
        st->meta_count = plus ? st->meta_count + 1U : st->meta_count - 1U;
        return;
    }
    if (e->table == TABLE_FILES) {
        st->file_count = plus ? st->file_count + 1U : st->file_count - 1U;
        return;
    }
    usage_add(&st->all, e, plus);
    if (e->flags & GN_STORE_OWNED)
        usage_add(&st->owned, e, plus);
    uint64_t *kind = &st->kind_count[e->bytes[0]];
    *kind = plus ? *kind + 1U : *kind - 1U;
    struct gn_store_usage *group = gn_map_get(&m->groups, &e->group);
    GN_CHECK(group);
    usage_add(group, e, plus);
}

static void link_entry(struct mem_store *m, struct entry *e)
{
    const struct gn_slice key = gn_slice_of(e->bytes, e->key_len);
    gn_avl_insert(&m->tables[e->table], &e->node, &key);
    if (e->table == TABLE_RECORDS && e->expires_at != UINT64_MAX)
        gn_heap_insert(&m->due, &e->due);
    count_entry(m, e, true);
}

static void unlink_entry(struct mem_store *m, struct entry *e)
{
    gn_avl_remove(&m->tables[e->table], &e->node);
    if (e->table == TABLE_RECORDS && e->expires_at != UINT64_MAX)
        gn_heap_remove(&m->due, &e->due);
    count_entry(m, e, false);
}

/* ---- batches ---- */

static enum gn_err undo_reserve(struct mem_store *m)
{
    if (m->undo_len < m->undo_cap)
        return GN_OK;
    size_t cap = m->undo_cap ? m->undo_cap * 2U : UNDO_KEEP;
    struct undo *p = gn_alloc_resize(m->alloc, m->undo, cap * sizeof *p);
    if (!p)
        return GN_E_NO_MEMORY;
    m->undo = p;
    m->undo_cap = cap;
    return GN_OK;
}

static void undo_end(struct mem_store *m)
{
    m->undo_len = 0;
    if (m->undo_cap <= UNDO_KEEP)
        return;
    gn_alloc_free(m->alloc, m->undo);
    m->undo = NULL;
    m->undo_cap = 0;
}

static enum gn_err mem_begin(struct gn_store *s)
{
    of(s)->store.error_text = "";
    return GN_OK;
}

/* A group without records leaves the map only at the end of a batch: rolling back must not need memory. */
static void drop_group(struct mem_store *m, uint64_t group)
{
    const struct gn_store_usage *u = gn_map_get(&m->groups, &group);
    if (u && u->count == 0)
        gn_map_remove(&m->groups, &group);
}

static void forget(struct mem_store *m, struct entry *e)
{
    if (e && e->table == TABLE_RECORDS)
        drop_group(m, e->group);
    gn_alloc_free(m->alloc, e);
}

static enum gn_err mem_commit(struct gn_store *s)
{
    struct mem_store *m = of(s);
    for (size_t i = 0; i < m->undo_len; i++)
        forget(m, m->undo[i].removed);
    undo_end(m);
    return GN_OK;
}

static void mem_rollback(struct gn_store *s)
{
    struct mem_store *m = of(s);
    while (m->undo_len > 0) {
        struct undo u = m->undo[--m->undo_len];
        if (u.added)
            unlink_entry(m, u.added);
        if (u.removed)
            link_entry(m, u.removed);
        forget(m, u.added);
    }
    undo_end(m);
}

/* ---- writes ---- */

static enum gn_err insert(struct mem_store *m, struct entry *e)
{
    const struct gn_slice key = gn_slice_of(e->bytes, e->key_len);
    struct entry *old = entry_of(gn_avl_find(&m->tables[e->table], &key));
    uint64_t used = m->stats.size_bytes - (old ? entry_size(old) : 0);
    if (entry_size(e) > m->stats.limit_bytes || used > m->stats.limit_bytes - entry_size(e)) {
        m->store.error_text = "the store's limit is reached";
        return GN_E_NO_SPACE;
    }
    enum gn_err err = undo_reserve(m);
    if (err != GN_OK)
        return err;
    if (e->table == TABLE_RECORDS) {
        void *usage = NULL;
        err = gn_map_add(&m->groups, &usage, &e->group);
        if (err != GN_OK && err != GN_E_EXISTS)
            return GN_E_NO_MEMORY;
    }
    if (old)
        unlink_entry(m, old);
    link_entry(m, e);
    m->undo[m->undo_len++] = (struct undo){.added = e, .removed = old};
    return GN_OK;
}

static enum gn_err take_out(struct mem_store *m, struct entry *e)
{
    enum gn_err err = undo_reserve(m);
    if (err != GN_OK)
        return err;
    unlink_entry(m, e);
    m->undo[m->undo_len++] = (struct undo){.removed = e};
    return GN_OK;
}

static struct entry *make(struct mem_store *m, unsigned table, struct gn_slice key, struct gn_slice data)
{
    struct entry *e = gn_alloc_zeroed(m->alloc, 1, sizeof *e + key.len + data.len);
    if (!e)
        return NULL;
    e->table = (uint8_t)table;
    e->key_len = (uint8_t)key.len;
    e->data_len = (uint32_t)data.len;
    memcpy(e->bytes, key.data, key.len);
    if (data.len > 0)
        memcpy(e->bytes + key.len, data.data, data.len);
    return e;
}

static enum gn_err mem_put(struct gn_store *s, const struct gn_store_record *r)
{
    struct mem_store *m = of(s);
    uint8_t key[GN_STORE_KEY_BYTES];
    gn_store_key_encode(key, &r->key);
    struct entry *e = make(m, TABLE_RECORDS, gn_slice_of(key, sizeof key), r->data);
    if (!e)
        return GN_E_NO_MEMORY;
    e->expires_at = r->expires_at;
    e->stored_at = r->stored_at;
    e->seq = r->seq;
    e->group = r->group;
    e->flags = r->flags;
    enum gn_err err = insert(m, e);
    if (err != GN_OK)
        forget(m, e);
    return err;
}

static struct entry *find_record(struct mem_store *m, const struct gn_store_key *key)
{
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, key);
    const struct gn_slice k = gn_slice_of(bytes, sizeof bytes);
    return entry_of(gn_avl_find(&m->tables[TABLE_RECORDS], &k));
}

static enum gn_err mem_del(struct gn_store *s, const struct gn_store_key *key)
{
    struct entry *e = find_record(of(s), key);
    return e ? take_out(of(s), e) : GN_E_NOT_FOUND;
}

static enum gn_err mem_expire(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit)
{
    struct mem_store *m = of(s);
    for (*removed = 0; *removed < limit; ++*removed) {
        struct gn_heap_node *n = gn_heap_peek(&m->due);
        struct entry *e = n ? GN_CONTAINER_OF(n, struct entry, due) : NULL;
        if (!e || e->expires_at > now)
            break;
        enum gn_err err = take_out(m, e);
        if (err != GN_OK)
            return err;
    }
    return GN_OK;
}

static enum gn_err mem_blob_put(struct gn_store *s, enum gn_store_table table, struct gn_slice key,
                                struct gn_slice value)
{
    struct mem_store *m = of(s);
    struct entry *e = make(m, (unsigned)table, key, value);
    if (!e)
        return GN_E_NO_MEMORY;
    enum gn_err err = insert(m, e);
    if (err != GN_OK)
        forget(m, e);
    return err;
}

static enum gn_err mem_blob_del(struct gn_store *s, enum gn_store_table table, struct gn_slice key)
{
    struct mem_store *m = of(s);
    struct entry *e = entry_of(gn_avl_find(&m->tables[table], &key));
    return e ? take_out(m, e) : GN_E_NOT_FOUND;
}

/* ---- reads ---- */

static void show(struct gn_store_record *out, const struct entry *e)
{
    gn_store_key_decode(&out->key, e->bytes);
    out->data = gn_slice_of(e->bytes + e->key_len, e->data_len);
    out->expires_at = e->expires_at;
    out->stored_at = e->stored_at;
    out->seq = e->seq;
    out->group = e->group;
    out->flags = e->flags;
}

static enum gn_err mem_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key)
{
    const struct entry *e = find_record(of(s), key);
    if (!e)
        return GN_E_NOT_FOUND;
    show(out, e);
    return GN_OK;
}

static enum gn_err mem_walk(struct gn_store *s, const struct gn_store_key *from, bool with_data,
                            gn_store_visit_fn visit, void *data)
{
    (void)with_data; /* it costs nothing here */
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, from);
    const struct gn_slice k = gn_slice_of(bytes, sizeof bytes);
    struct gn_avl_node *n = gn_avl_at_least(&of(s)->tables[TABLE_RECORDS], &k);
    for (; n; n = gn_avl_next(n)) {
        struct gn_store_record r;
        show(&r, entry_of(n));
        if (!visit(data, &r))
            break;
    }
    return GN_OK;
}

static enum gn_err mem_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group)
{
    const struct gn_store_usage *u = gn_map_get(&of(s)->groups, &group);
    if (u)
        *out = *u;
    return GN_OK;
}

static enum gn_err mem_next_expiry(struct gn_store *s, gn_wall_s *out)
{
    struct gn_heap_node *n = gn_heap_peek(&of(s)->due);
    if (n)
        *out = GN_CONTAINER_OF(n, struct entry, due)->expires_at;
    return GN_OK;
}

static enum gn_err mem_stats(struct gn_store *s, struct gn_store_stats *out)
{
    *out = of(s)->stats;
    return GN_OK;
}

static enum gn_err mem_blob_get(struct gn_store *s, struct gn_slice *out, enum gn_store_table table,
                                struct gn_slice key)
{
    const struct entry *e = entry_of(gn_avl_find(&of(s)->tables[table], &key));
    if (!e)
        return GN_E_NOT_FOUND;
    *out = gn_slice_of(e->bytes + e->key_len, e->data_len);
    return GN_OK;
}

static enum gn_err mem_file_walk(struct gn_store *s, const struct gn_id *after, size_t limit,
                                 gn_store_file_visit_fn visit, void *data)
{
    const struct gn_avl *t = &of(s)->tables[TABLE_FILES];
    const struct gn_slice k = gn_slice_of(after ? after->b : NULL, after ? GN_ID_BYTES : 0);
    struct gn_avl_node *n = after ? gn_avl_at_least(t, &k) : gn_avl_first(t);
    if (n && after && memcmp(entry_of(n)->bytes, after->b, GN_ID_BYTES) == 0)
        n = gn_avl_next(n);
    for (; n && limit > 0; n = gn_avl_next(n), limit--) {
        const struct entry *e = entry_of(n);
        struct gn_id id;
        memcpy(id.b, e->bytes, sizeof id.b);
        if (!visit(data, &id, gn_slice_of(e->bytes + e->key_len, e->data_len)))
            break;
    }
    return GN_OK;
}

/* ---- life ---- */

static void mem_close(struct gn_store *s)
{
    struct mem_store *m = of(s);
    for (unsigned t = 0; t < TABLES; t++) {
        while (m->tables[t].root) {
            struct entry *e = entry_of(m->tables[t].root);
            gn_avl_remove(&m->tables[t], &e->node);
            gn_alloc_free(m->alloc, e);
        }
    }
    gn_map_fini(&m->groups);
    gn_alloc_free(m->alloc, m->undo);
    gn_alloc_free(m->alloc, m);
}

static const struct gn_store_ops mem_ops = {
    .begin = mem_begin,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .get = mem_get,
    .put = mem_put,
    .del = mem_del,
    .walk = mem_walk,
    .group_usage = mem_group_usage,
    .expire = mem_expire,
    .next_expiry = mem_next_expiry,
    .stats = mem_stats,
    .blob_get = mem_blob_get,
    .blob_put = mem_blob_put,
    .blob_del = mem_blob_del,
    .file_walk = mem_file_walk,
    .close = mem_close,
};

enum gn_err gn_mem_store_new(struct gn_store **out, const struct gn_alloc *alloc, uint64_t limit_bytes)
{
    *out = NULL;
    struct mem_store *m = gn_alloc_zeroed(alloc, 1, sizeof *m);
    if (!m)
        return GN_E_NO_MEMORY;
    m->store.ops = &mem_ops;
    m->store.error_text = "";
    m->alloc = alloc;
    for (unsigned t = 0; t < TABLES; t++)
        gn_avl_init(&m->tables[t], entry_cmp);
    gn_heap_init(&m->due, due_before);
    gn_map_init(&m->groups, alloc, sizeof(uint64_t), sizeof(struct gn_store_usage), 0);
    m->stats.size_bytes = sizeof *m;
    m->stats.limit_bytes = limit_bytes;
    *out = &m->store;
    return GN_OK;
}
