/* storage/store.c - checks arguments and limits once, then asks the back end. */
#include "storage/store.h"

#include <string.h>

#include "storage/store_ops.h"

static bool key_ok(const struct gn_store_key *key)
{
    if (key->kind == GN_STORE_PROVIDER)
        return true;
    return (key->kind == GN_STORE_IMMUTABLE || key->kind == GN_STORE_MUTABLE) && gn_id_is_zero(&key->sub);
}

/* The length of a name that may be used; 0 when it may not. */
static size_t name_len(const char *name)
{
    size_t n = 0;
    while (name && n <= GN_STORE_META_NAME_MAX && name[n] != '\0')
        n++;
    return n <= GN_STORE_META_NAME_MAX ? n : 0;
}

void gn_store_key_encode(uint8_t out[GN_STORE_KEY_BYTES], const struct gn_store_key *key)
{
    out[0] = key->kind;
    memcpy(out + 1, key->target.b, GN_ID_BYTES);
    memcpy(out + 1 + GN_ID_BYTES, key->sub.b, GN_ID_BYTES);
}

void gn_store_key_decode(struct gn_store_key *out, const uint8_t bytes[GN_STORE_KEY_BYTES])
{
    out->kind = bytes[0];
    memcpy(out->target.b, bytes + 1, GN_ID_BYTES);
    memcpy(out->sub.b, bytes + 1 + GN_ID_BYTES, GN_ID_BYTES);
}

/* ---- batches ---- */

enum gn_err gn_store_begin(struct gn_store *s)
{
    if (s->in_batch)
        return GN_E_INVALID;
    enum gn_err e = s->ops->begin(s);
    if (e != GN_OK)
        return e;
    s->in_batch = true;
    s->batch_error = GN_OK;
    s->batch_ops = 0;
    s->batch_bytes = 0;
    return GN_OK;
}

enum gn_err gn_store_commit(struct gn_store *s)
{
    if (!s->in_batch)
        return GN_E_INVALID;
    s->in_batch = false;
    if (s->batch_error != GN_OK) {
        s->ops->rollback(s);
        return s->batch_error;
    }
    return s->ops->commit(s);
}

void gn_store_rollback(struct gn_store *s)
{
    if (!s->in_batch)
        return;
    s->in_batch = false;
    s->ops->rollback(s);
}

/* Before a write: counts it and opens a batch of its own when none is open; `own` says so to after_write. */
static enum gn_err before_write(struct gn_store *s, bool *own, size_t ops, size_t bytes)
{
    *own = false;
    if (!s->in_batch) {
        *own = true;
        return gn_store_begin(s);
    }
    if (s->batch_error != GN_OK)
        return s->batch_error;
    if (ops > GN_STORE_BATCH_OPS - s->batch_ops || bytes > GN_STORE_BATCH_BYTES - s->batch_bytes)
        return GN_E_LIMIT;
    s->batch_ops += ops;
    s->batch_bytes += bytes;
    return GN_OK;
}

static enum gn_err after_write(struct gn_store *s, bool own, enum gn_err e)
{
    if (own && e == GN_OK)
        return gn_store_commit(s);
    if (own)
        gn_store_rollback(s);
    else if (e != GN_OK && e != GN_E_NOT_FOUND)
        s->batch_error = e;
    return e;
}

/* ---- records ---- */

enum gn_err gn_store_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key)
{
    if (!key_ok(key))
        return GN_E_INVALID;
    return s->ops->get(s, out, key);
}

enum gn_err gn_store_put(struct gn_store *s, const struct gn_store_record *r)
{
    if (!key_ok(&r->key) || r->data.len == 0 || r->data.len > GN_STORE_RECORD_MAX)
        return GN_E_INVALID;
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, r->data.len);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->put(s, r));
}

enum gn_err gn_store_del(struct gn_store *s, const struct gn_store_key *key)
{
    if (!key_ok(key))
        return GN_E_INVALID;
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, 0);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->del(s, key));
}

/* A walk that ends with its (kind, target). */
struct list_walk {
    uint8_t kind;
    const struct gn_id *target;
    size_t left;
    size_t seen;
    gn_store_visit_fn visit; /* NULL: only counts */
    void *data;
};

static bool list_visit(void *data, const struct gn_store_record *r)
{
    struct list_walk *w = data;
    if (r->key.kind != w->kind || !gn_id_eq(&r->key.target, w->target))
        return false;
    w->seen++;
    w->left--;
    bool more = w->visit ? w->visit(w->data, r) : true;
    return more && w->left > 0;
}

static enum gn_err list_run(struct gn_store *s, struct list_walk *w)
{
    if (w->kind < GN_STORE_IMMUTABLE || w->kind > GN_STORE_PROVIDER)
        return GN_E_INVALID;
    if (w->left == 0)
        return GN_OK;
    struct gn_store_key from = {.kind = w->kind, .target = *w->target};
    return s->ops->walk(s, &from, w->visit != NULL, list_visit, w);
}

enum gn_err gn_store_list(struct gn_store *s, uint8_t kind, const struct gn_id *target, size_t limit,
                          gn_store_visit_fn visit, void *data)
{
    struct list_walk w = {.kind = kind, .target = target, .left = limit, .visit = visit, .data = data};
    return list_run(s, &w);
}

enum gn_err gn_store_count(struct gn_store *s, size_t *out, uint8_t kind, const struct gn_id *target, size_t limit)
{
    struct list_walk w = {.kind = kind, .target = target, .left = limit};
    enum gn_err e = list_run(s, &w);
    *out = e == GN_OK ? w.seen : 0;
    return e;
}

void gn_store_scan_start(struct gn_store_scan *scan)
{
    memset(scan, 0, sizeof *scan);
}

/* The next key after `k` in the order of keys: one more as a big-endian number. False behind the last. */
static bool key_step(struct gn_store_key *k)
{
    for (size_t i = GN_ID_BYTES; i-- > 0;) {
        if (++k->sub.b[i] != 0)
            return true;
    }
    for (size_t i = GN_ID_BYTES; i-- > 0;) {
        if (++k->target.b[i] != 0)
            return true;
    }
    return ++k->kind != 0;
}

struct scan_walk {
    struct gn_store_scan *scan;
    size_t left;
    gn_store_visit_fn visit;
    void *data;
};

static bool scan_visit(void *data, const struct gn_store_record *r)
{
    struct scan_walk *w = data;
    if (w->left == 0) {
        w->scan->next = r->key;
        w->scan->done = false;
        return false;
    }
    w->left--;
    w->scan->next = r->key;
    w->scan->done = !key_step(&w->scan->next);
    if (!w->visit(w->data, r))
        return false;
    w->scan->done = true; /* unless another one comes */
    return true;
}

enum gn_err gn_store_scan(struct gn_store *s, struct gn_store_scan *scan, size_t limit, gn_store_visit_fn visit,
                          void *data)
{
    if (scan->done || limit == 0)
        return GN_OK;
    struct scan_walk w = {.scan = scan, .left = limit, .visit = visit, .data = data};
    const struct gn_store_key from = scan->next;
    scan->done = true;
    enum gn_err e = s->ops->walk(s, &from, true, scan_visit, &w);
    if (e != GN_OK) {
        scan->next = from;
        scan->done = false;
    }
    return e;
}

enum gn_err gn_store_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group)
{
    *out = (struct gn_store_usage){0};
    return s->ops->group_usage(s, out, group);
}

enum gn_err gn_store_expire(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit)
{
    *removed = 0;
    if (limit > GN_STORE_BATCH_OPS)
        return GN_E_INVALID;
    gn_wall_s first = UINT64_MAX;
    enum gn_err e = gn_store_next_expiry(s, &first);
    if (e != GN_OK || first > now || first == UINT64_MAX || limit == 0)
        return e;
    bool own = false;
    e = before_write(s, &own, limit, 0);
    if (e != GN_OK)
        return e;
    size_t n = 0;
    e = after_write(s, own, s->ops->expire(s, &n, now, limit));
    *removed = e == GN_OK ? n : 0;
    return e;
}

enum gn_err gn_store_next_expiry(struct gn_store *s, gn_wall_s *out)
{
    *out = UINT64_MAX;
    return s->ops->next_expiry(s, out);
}

enum gn_err gn_store_stats(struct gn_store *s, struct gn_store_stats *out)
{
    memset(out, 0, sizeof *out);
    return s->ops->stats(s, out);
}

/* ---- named values ---- */

enum gn_err gn_store_meta_get(struct gn_store *s, struct gn_slice *out, const char *name)
{
    *out = gn_slice_of(NULL, 0);
    size_t n = name_len(name);
    if (n == 0)
        return GN_E_INVALID;
    return s->ops->blob_get(s, out, GN_STORE_TABLE_META, gn_slice_of(name, n));
}

enum gn_err gn_store_meta_put(struct gn_store *s, const char *name, struct gn_slice value)
{
    size_t n = name_len(name);
    if (n == 0 || value.len > GN_STORE_META_MAX)
        return GN_E_INVALID;
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, value.len);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->blob_put(s, GN_STORE_TABLE_META, gn_slice_of(name, n), value));
}

enum gn_err gn_store_meta_del(struct gn_store *s, const char *name)
{
    size_t n = name_len(name);
    if (n == 0)
        return GN_E_INVALID;
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, 0);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->blob_del(s, GN_STORE_TABLE_META, gn_slice_of(name, n)));
}

/* ---- index of files ---- */

enum gn_err gn_store_file_get(struct gn_store *s, struct gn_slice *out, const struct gn_id *id)
{
    *out = gn_slice_of(NULL, 0);
    return s->ops->blob_get(s, out, GN_STORE_TABLE_FILES, gn_slice_of(id->b, sizeof id->b));
}

enum gn_err gn_store_file_put(struct gn_store *s, const struct gn_id *id, struct gn_slice entry)
{
    if (entry.len == 0 || entry.len > GN_STORE_FILE_MAX)
        return GN_E_INVALID;
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, entry.len);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->blob_put(s, GN_STORE_TABLE_FILES, gn_slice_of(id->b, sizeof id->b), entry));
}

enum gn_err gn_store_file_del(struct gn_store *s, const struct gn_id *id)
{
    bool own = false;
    enum gn_err e = before_write(s, &own, 1, 0);
    if (e != GN_OK)
        return e;
    return after_write(s, own, s->ops->blob_del(s, GN_STORE_TABLE_FILES, gn_slice_of(id->b, sizeof id->b)));
}

enum gn_err gn_store_file_list(struct gn_store *s, const struct gn_id *after, size_t limit,
                               gn_store_file_visit_fn visit, void *data)
{
    if (limit == 0)
        return GN_OK;
    return s->ops->file_walk(s, after, limit, visit, data);
}

/* ---- life ---- */

void gn_store_trim(struct gn_store *s)
{
    if (s->ops->trim && !s->in_batch)
        s->ops->trim(s);
}

const char *gn_store_error_text(const struct gn_store *s)
{
    return s->error_text;
}

void gn_store_close(struct gn_store *s)
{
    if (!s)
        return;
    gn_store_rollback(s);
    s->ops->close(s);
}
