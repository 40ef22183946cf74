/* storage/lmdb_read.c - the reading half of the store on disk. */
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "storage/lmdb_store_impl.h"

enum gn_err gn_lmdb_read_damaged(struct gn_lmdb_store *l, const char *what)
{
    (void)snprintf(l->env.why, sizeof l->env.why, "%.160s: the checksum of %s is wrong", l->env.path, what);
    return GN_E_CORRUPT;
}

MDB_dbi gn_lmdb_read_table(const struct gn_lmdb_store *l, enum gn_store_table table)
{
    return l->env.tables[table == GN_STORE_TABLE_META ? GN_LMDB_META : GN_LMDB_FILES];
}

enum gn_err gn_lmdb_read_totals(struct gn_lmdb_store *l)
{
    if (l->totals_known)
        return GN_OK;
    MDB_txn *txn = NULL;
    enum gn_err e = gn_lmdb_env_read(&l->env, &txn);
    if (e != GN_OK)
        return e;
    memset(&l->totals, 0, sizeof l->totals);
    MDB_val key = gn_lmdb_env_val("totals", 6);
    MDB_val value;
    int rc = mdb_get(txn, l->env.tables[GN_LMDB_SYSTEM], &key, &value);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return gn_lmdb_env_error(&l->env, rc, "reading");
    if (rc == 0 && gn_lmdb_format_totals_read(&l->totals, gn_lmdb_slice(value)) != GN_OK)
        return gn_lmdb_read_damaged(l, "the totals");
    l->totals_known = true;
    return GN_OK;
}

/* Every read begins here: the snapshot of the read before it ends, and with it what that one lent. */
static enum gn_err snapshot(struct gn_lmdb_store *l, MDB_txn **txn)
{
    gn_lmdb_env_release(&l->env);
    return gn_lmdb_env_read(&l->env, txn);
}

static enum gn_err lookup(struct gn_lmdb_store *l, MDB_val *value, MDB_dbi table, MDB_val key)
{
    MDB_txn *txn = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e != GN_OK)
        return e;
    return gn_lmdb_env_error(&l->env, mdb_get(txn, table, &key, value), "reading");
}

enum gn_err gn_lmdb_read_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, key);
    MDB_val k = gn_lmdb_env_val(bytes, sizeof bytes);
    MDB_val value;
    enum gn_err e = lookup(l, &value, l->env.tables[GN_LMDB_RECORDS], k);
    if (e == GN_OK && gn_lmdb_format_record_read(out, gn_lmdb_slice(k), gn_lmdb_slice(value), true) != GN_OK)
        e = gn_lmdb_read_damaged(l, "a record");
    return e;
}

enum gn_err gn_lmdb_read_walk(struct gn_store *s, const struct gn_store_key *from, bool with_data,
                              gn_store_visit_fn visit, void *data)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, from);
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e != GN_OK)
        return e;
    int rc = mdb_cursor_open(txn, l->env.tables[GN_LMDB_RECORDS], &cursor);
    if (rc != 0)
        return gn_lmdb_env_error(&l->env, rc, "reading");
    MDB_val key = gn_lmdb_env_val(bytes, sizeof bytes);
    MDB_val value;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0) {
        struct gn_store_record r;
        if (gn_lmdb_format_record_read(&r, gn_lmdb_slice(key), gn_lmdb_slice(value), with_data) != GN_OK)
            e = gn_lmdb_read_damaged(l, "a record");
        if (e != GN_OK || !visit(data, &r))
            break;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (e == GN_OK && rc != 0 && rc != MDB_NOTFOUND)
        e = gn_lmdb_env_error(&l->env, rc, "reading");
    return e;
}

enum gn_err gn_lmdb_read_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    uint8_t bytes[8];
    gn_store_u64(bytes, group);
    MDB_val value;
    enum gn_err e = lookup(l, &value, l->env.tables[GN_LMDB_GROUPS], gn_lmdb_env_val(bytes, sizeof bytes));
    if (e == GN_E_NOT_FOUND)
        return GN_OK;
    if (e != GN_OK)
        return e;
    if (value.mv_size != 16U)
        return gn_lmdb_read_damaged(l, "an address group");
    out->count = gn_load_u64(value.mv_data);
    out->bytes = gn_load_u64((const uint8_t *)value.mv_data + 8);
    return GN_OK;
}

enum gn_err gn_lmdb_read_next_expiry(struct gn_store *s, gn_wall_s *out)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    uint8_t due[GN_LMDB_FORMAT_DUE];
    MDB_txn *txn = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e == GN_OK)
        e = gn_lmdb_read_oldest(l, due);
    if (e == GN_OK)
        *out = gn_load_u64(due);
    return e == GN_E_NOT_FOUND ? GN_OK : e;
}

enum gn_err gn_lmdb_read_stats(struct gn_store *s, struct gn_store_stats *out)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    MDB_txn *txn = NULL;
    MDB_stat meta;
    MDB_stat files;
    enum gn_err e = snapshot(l, &txn);
    if (e == GN_OK)
        e = gn_lmdb_read_totals(l);
    if (e != GN_OK)
        return e;
    int rc = mdb_stat(txn, l->env.tables[GN_LMDB_META], &meta);
    if (rc == 0)
        rc = mdb_stat(txn, l->env.tables[GN_LMDB_FILES], &files);
    if (rc != 0)
        return gn_lmdb_env_error(&l->env, rc, "reading");
    *out = l->totals;
    out->meta_count = meta.ms_entries;
    out->file_count = files.ms_entries;
    out->size_bytes = gn_lmdb_env_used(&l->env);
    out->limit_bytes = l->env.limit;
    return GN_OK;
}

static enum gn_err unwrap(struct gn_lmdb_store *l, struct gn_slice *out, MDB_val key, MDB_val value)
{
    if (gn_lmdb_format_unwrap(out, gn_lmdb_slice(key), gn_lmdb_slice(value)) != GN_OK)
        return gn_lmdb_read_damaged(l, "a named value or a file's entry");
    return GN_OK;
}

enum gn_err gn_lmdb_read_blob(struct gn_store *s, struct gn_slice *out, enum gn_store_table table, struct gn_slice name)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    MDB_val value;
    enum gn_err e = lookup(l, &value, gn_lmdb_read_table(l, table), key);
    return e == GN_OK ? unwrap(l, out, key, value) : e;
}

static enum gn_err show_file(struct gn_lmdb_store *l, bool *more, MDB_val key, MDB_val value,
                             gn_store_file_visit_fn visit, void *data)
{
    struct gn_id id;
    struct gn_slice entry;
    enum gn_err e = unwrap(l, &entry, key, value);
    if (e == GN_OK && key.mv_size != sizeof id.b)
        e = gn_lmdb_read_damaged(l, "a file's id");
    *more = false;
    if (e != GN_OK)
        return e;
    memcpy(id.b, key.mv_data, sizeof id.b);
    *more = visit(data, &id, entry);
    return GN_OK;
}

enum gn_err gn_lmdb_read_files(struct gn_store *s, const struct gn_id *after, size_t limit,
                               gn_store_file_visit_fn visit, void *data)
{
    struct gn_lmdb_store *l = gn_lmdb_store_of(s);
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e != GN_OK)
        return e;
    int rc = mdb_cursor_open(txn, l->env.tables[GN_LMDB_FILES], &cursor);
    if (rc != 0)
        return gn_lmdb_env_error(&l->env, rc, "reading");
    MDB_val key = gn_lmdb_env_val(after ? after->b : NULL, after ? sizeof after->b : 0);
    MDB_val value;
    rc = mdb_cursor_get(cursor, &key, &value, after ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && after && key.mv_size == sizeof after->b && memcmp(key.mv_data, after->b, sizeof after->b) == 0)
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    for (bool more = true; rc == 0 && limit > 0; limit--) {
        e = show_file(l, &more, key, value, visit, data);
        if (!more)
            break;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (e == GN_OK && rc != 0 && rc != MDB_NOTFOUND)
        e = gn_lmdb_env_error(&l->env, rc, "reading");
    return e;
}

enum gn_err gn_lmdb_read_oldest(struct gn_lmdb_store *l, uint8_t out[GN_LMDB_FORMAT_DUE])
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    enum gn_err e = gn_lmdb_env_read(&l->env, &txn);
    if (e != GN_OK)
        return e;
    int rc = mdb_cursor_open(txn, l->env.tables[GN_LMDB_EXPIRY], &cursor);
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc == 0 && key.mv_size != GN_LMDB_FORMAT_DUE)
            rc = MDB_CORRUPTED;
        if (rc == 0)
            memcpy(out, key.mv_data, GN_LMDB_FORMAT_DUE);
        mdb_cursor_close(cursor);
    }
    return gn_lmdb_env_error(&l->env, rc, "reading");
}
