/* storage/lmdb_store.c - the store on disk: batches, and writing records with their indexes. */
#include "storage/lmdb_store.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "storage/lmdb_store_impl.h"

/* ---- batches ---- */

static int totals_save(struct gn_lmdb_store *l)
{
    uint8_t bytes[GN_LMDB_FORMAT_TOTALS];
    MDB_val key = gn_lmdb_env_val("totals", 6);
    MDB_val value = gn_lmdb_env_val(bytes, sizeof bytes);
    gn_lmdb_format_totals_write(bytes, &l->totals);
    return mdb_put(l->env.write, l->env.tables[GN_LMDB_SYSTEM], &key, &value, 0);
}

static enum gn_err begin(struct gn_lmdb_store *l, bool shrinking)
{
    enum gn_err e = gn_lmdb_read_totals(l);
    if (e == GN_OK)
        e = gn_lmdb_env_begin(&l->env, shrinking);
    l->before = l->totals;
    l->writes = 0;
    return e;
}

static enum gn_err store_begin(struct gn_store *s)
{
    gn_lmdb_store_of(s)->env.why[0] = '\0';
    return begin(gn_lmdb_store_of(s), false);
}

static void store_rollback(struct gn_store *s)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    gn_lmdb_env_abort(&l->env);
    l->totals = l->before;
}

static enum gn_err store_commit(struct gn_store *s)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    int rc = l->writes > 0 ? totals_save(l) : 0;
    enum gn_err e = gn_lmdb_env_error(&l->env, rc, "writing");
    if (e == GN_OK)
        e = gn_lmdb_env_commit(&l->env);
    if (e != GN_OK) {
        store_rollback(s);
        l->totals_known = false; /* a disk that fails may have taken the write all the same: read them again */
    }
    return e;
}

/* After a failed write LMDB's transaction is of no more use: ends it, so that reads see what is committed. */
static enum gn_err write_result(struct gn_lmdb_store *l, int rc)
{
    l->writes++;
    if (rc == 0)
        return GN_OK;
    store_rollback(&l->store);
    return rc == MDB_NOTFOUND ? gn_lmdb_read_damaged(l, "an index") : gn_lmdb_env_error(&l->env, rc, "writing");
}

/* Before a removal, when nothing else is in the batch yet: near the limit it gets the reserve, so that a full store can
 * be emptied. */
static enum gn_err make_room(struct gn_lmdb_store *l)
{
    if (l->writes > 0 || !gn_lmdb_env_is_tight(&l->env))
        return GN_OK;
    gn_lmdb_env_abort(&l->env);
    return begin(l, true);
}

/* ---- writes ---- */

static int group_add(struct gn_lmdb_store *l, const struct gn_store_record *r, bool plus)
{
    uint8_t group[8];
    uint8_t usage[16] = {0};
    gn_store_u64(group, r->group);
    MDB_val key = gn_lmdb_env_val(group, sizeof group);
    MDB_val value;
    int rc = mdb_get(l->env.write, l->env.tables[GN_LMDB_GROUPS], &key, &value);
    if (rc != 0 && (rc != MDB_NOTFOUND || !plus))
        return rc;
    if (rc == 0 && value.mv_size != sizeof usage)
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(usage, value.mv_data, sizeof usage);
    const uint64_t bytes = r->data.len + GN_STORE_OVERHEAD;
    uint64_t count = gn_load_u64(usage);
    gn_store_u64(usage, plus ? count + 1U : count - 1U);
    gn_store_u64(usage + 8, plus ? gn_load_u64(usage + 8) + bytes : gn_load_u64(usage + 8) - bytes);
    if (!plus && count <= 1U)
        return mdb_del(l->env.write, l->env.tables[GN_LMDB_GROUPS], &key, NULL);
    value = gn_lmdb_env_val(usage, sizeof usage);
    return mdb_put(l->env.write, l->env.tables[GN_LMDB_GROUPS], &key, &value, 0);
}

static void usage_add(struct gn_store_usage *u, const struct gn_store_record *r, bool plus)
{
    uint64_t bytes = r->data.len + GN_STORE_OVERHEAD;
    u->count = plus ? u->count + 1U : u->count - 1U;
    u->bytes = plus ? u->bytes + bytes : u->bytes - bytes;
}

/* Everything that follows from a record's being there or not. */
static int index_record(struct gn_lmdb_store *l, const struct gn_store_record *r, const uint8_t key[GN_STORE_KEY_BYTES],
                        bool plus)
{
    int rc = 0;
    if (r->expires_at != UINT64_MAX) {
        uint8_t bytes[GN_LMDB_FORMAT_DUE];
        gn_lmdb_format_due(bytes, r->expires_at, key);
        MDB_val due = gn_lmdb_env_val(bytes, sizeof bytes);
        MDB_val nothing = gn_lmdb_env_val("", 0);
        if (plus)
            rc = mdb_put(l->env.write, l->env.tables[GN_LMDB_EXPIRY], &due, &nothing, 0);
        else
            rc = mdb_del(l->env.write, l->env.tables[GN_LMDB_EXPIRY], &due, NULL);
    }
    if (rc == 0)
        rc = group_add(l, r, plus);
    usage_add(&l->totals.all, r, plus);
    if (r->flags & GN_STORE_OWNED)
        usage_add(&l->totals.owned, r, plus);
    uint64_t *kind = &l->totals.kind_count[r->key.kind];
    *kind = plus ? *kind + 1U : *kind - 1U;
    return rc;
}

/* Takes a record's traces out of the indexes. NOT_FOUND: there is none, nothing happened. */
static enum gn_err unindex(struct gn_lmdb_store *l, const uint8_t bytes[GN_STORE_KEY_BYTES])
{
    struct gn_store_record old;
    MDB_val key = gn_lmdb_env_val(bytes, GN_STORE_KEY_BYTES);
    MDB_val value;
    int rc = mdb_get(l->env.write, l->env.tables[GN_LMDB_RECORDS], &key, &value);
    if (rc == MDB_NOTFOUND)
        return GN_E_NOT_FOUND;
    if (rc != 0)
        return write_result(l, rc);
    if (gn_lmdb_format_record_read(&old, gn_lmdb_slice(key), gn_lmdb_slice(value), false) != GN_OK) {
        store_rollback(&l->store);
        return gn_lmdb_read_damaged(l, "a record");
    }
    return write_result(l, index_record(l, &old, bytes, false));
}

static enum gn_err store_put(struct gn_store *s, const struct gn_store_record *r)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, &r->key);
    enum gn_err e = unindex(l, bytes);
    if (e != GN_OK && e != GN_E_NOT_FOUND)
        return e;
    MDB_val key = gn_lmdb_env_val(bytes, sizeof bytes);
    MDB_val value = {.mv_size = GN_LMDB_FORMAT_HEADER + r->data.len};
    int rc = mdb_put(l->env.write, l->env.tables[GN_LMDB_RECORDS], &key, &value, MDB_RESERVE);
    if (rc == 0) {
        gn_lmdb_format_record_write(value.mv_data, gn_lmdb_slice(key), r);
        rc = index_record(l, r, bytes, true);
    }
    return write_result(l, rc);
}

static enum gn_err remove_record(struct gn_lmdb_store *l, const uint8_t bytes[GN_STORE_KEY_BYTES])
{
    enum gn_err e = unindex(l, bytes);
    if (e != GN_OK)
        return e;
    MDB_val key = gn_lmdb_env_val(bytes, GN_STORE_KEY_BYTES);
    return write_result(l, mdb_del(l->env.write, l->env.tables[GN_LMDB_RECORDS], &key, NULL));
}

static enum gn_err store_del(struct gn_store *s, const struct gn_store_key *key)
{
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, key);
    enum gn_err e = make_room(gn_lmdb_store_of(s));
    return e == GN_OK ? remove_record(gn_lmdb_store_of(s), bytes) : e;
}

static enum gn_err store_expire(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    enum gn_err e = make_room(l);
    for (*removed = 0; e == GN_OK && *removed < limit; ++*removed) {
        uint8_t due[GN_LMDB_FORMAT_DUE];
        e = gn_lmdb_read_oldest(l, due);
        if (e == GN_E_NOT_FOUND || (e == GN_OK && gn_load_u64(due) > now))
            return GN_OK;
        if (e != GN_OK) {
            store_rollback(s);
            return e;
        }
        e = remove_record(l, due + 8);
        if (e == GN_E_NOT_FOUND)
            return write_result(l, MDB_NOTFOUND); /* an index entry without its record */
    }
    return e;
}

static enum gn_err store_blob_put(struct gn_store *s, enum gn_store_table table, struct gn_slice name,
                                  struct gn_slice data)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    MDB_val value = {.mv_size = GN_LMDB_FORMAT_SUM + data.len};
    int rc = mdb_put(l->env.write, gn_lmdb_read_table(l, table), &key, &value, MDB_RESERVE);
    if (rc == 0)
        gn_lmdb_format_wrap(value.mv_data, name, data);
    return write_result(l, rc);
}

static enum gn_err store_blob_del(struct gn_store *s, enum gn_store_table table, struct gn_slice name)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    enum gn_err e = make_room(l);
    if (e != GN_OK)
        return e;
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    int rc = mdb_del(l->env.write, gn_lmdb_read_table(l, table), &key, NULL);
    return rc == MDB_NOTFOUND ? GN_E_NOT_FOUND : write_result(l, rc);
}

/* ---- life ---- */

static void store_trim(struct gn_store *s)
{
    gn_lmdb_env_trim(&gn_lmdb_store_of(s)->env);
}

static void store_close(struct gn_store *s)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    const struct gn_alloc *alloc = l->env.alloc;
    gn_lmdb_env_close(&l->env);
    gn_alloc_free(alloc, l);
}

static const struct gn_store_ops lmdb_ops = {
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
    .get = gn_lmdb_read_get,
    .put = store_put,
    .del = store_del,
    .walk = gn_lmdb_read_walk,
    .group_usage = gn_lmdb_read_group_usage,
    .expire = store_expire,
    .next_expiry = gn_lmdb_read_next_expiry,
    .stats = gn_lmdb_read_stats,
    .blob_get = gn_lmdb_read_blob,
    .blob_put = store_blob_put,
    .blob_del = store_blob_del,
    .file_walk = gn_lmdb_read_files,
    .trim = store_trim,
    .close = store_close,
};

enum gn_err gn_lmdb_store_open(struct gn_store **out, char why[GN_LMDB_STORE_WHY_MAX], const struct gn_alloc *alloc,
                               const struct gn_lmdb_store_options *options)
{
    *out = NULL;
    why[0] = '\0';
    struct gn_lmdb_store *l = gn_alloc_zeroed(alloc, 1, sizeof *l);
    if (!l) {
        (void)snprintf(why, GN_LMDB_STORE_WHY_MAX, "%s", gn_err_text(GN_E_NO_MEMORY));
        return GN_E_NO_MEMORY;
    }
    l->store.ops = &lmdb_ops;
    l->store.error_text = l->env.why;
    enum gn_err e = gn_lmdb_env_open(&l->env, alloc, options);
    if (e == GN_OK)
        e = gn_lmdb_read_totals(l);
    if (e == GN_OK) {
        *out = &l->store;
        return GN_OK;
    }
    memcpy(why, l->env.why, GN_LMDB_STORE_WHY_MAX);
    store_close(&l->store);
    return e;
}
