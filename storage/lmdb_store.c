/* storage/lmdb_store.c - the store on disk: records and their indexes in LMDB tables. */
#include "storage/lmdb_store.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/slice.h"
#include "storage/lmdb_env.h"
#include "storage/store.h"
#include "storage/store_ops.h"

/* A record on disk: checksum u64, expires_at, stored_at, seq, group u64, flags u32, then the encoded record. */
#define HEADER_BYTES 44U
#define SUM_BYTES 8U
#define DUE_BYTES (8U + GN_STORE_KEY_BYTES)
#define TOTALS_WORDS 8U
#define TOTALS_BYTES (TOTALS_WORDS * 8U + SUM_BYTES)

struct lmdb_store {
    struct gn_store store;
    struct gn_lmdb_env env;
    struct gn_store_stats totals; /* as the open batch sees them */
    struct gn_store_stats before; /* as committed */
    size_t writes;                /* in the open batch */
    bool totals_known;
};

static struct lmdb_store *of(struct gn_store *s)
{
    return GN_CONTAINER_OF(s, struct lmdb_store, store);
}

static enum gn_err damaged(struct lmdb_store *l, const char *what)
{
    (void)snprintf(l->env.why, sizeof l->env.why, "%.160s: the checksum of %s is wrong", l->env.path, what);
    return GN_E_CORRUPT;
}

/* ---- records as bytes ---- */

/* Binds the value to its key: a value under a wrong key is damage too. */
static uint64_t sum_of(MDB_val key, const uint8_t *data, size_t len)
{
    uint64_t h = gn_hash_table(data, len);
    return h ^ (gn_hash_table(key.mv_data, key.mv_size) * UINT64_C(0x9e3779b97f4a7c15));
}

static void record_write(uint8_t *out, MDB_val key, const struct gn_store_record *r)
{
    gn_store_u64(out + 8, r->expires_at);
    gn_store_u64(out + 16, r->stored_at);
    gn_store_u64(out + 24, r->seq);
    gn_store_u64(out + 32, r->group);
    gn_store_u32(out + 40, r->flags);
    memcpy(out + HEADER_BYTES, r->data.data, r->data.len);
    gn_store_u64(out, sum_of(key, out + SUM_BYTES, HEADER_BYTES - SUM_BYTES + r->data.len));
}

/* Borrows `value`. */
static enum gn_err record_read(struct lmdb_store *l, struct gn_store_record *out, MDB_val key, MDB_val value,
                               bool with_data)
{
    const uint8_t *p = value.mv_data;
    if (key.mv_size != GN_STORE_KEY_BYTES || value.mv_size <= HEADER_BYTES ||
        value.mv_size > HEADER_BYTES + GN_STORE_RECORD_MAX)
        return damaged(l, "a record");
    if (with_data && gn_load_u64(p) != sum_of(key, p + SUM_BYTES, value.mv_size - SUM_BYTES))
        return damaged(l, "a record");
    gn_store_key_decode(&out->key, key.mv_data);
    if (out->key.kind < GN_STORE_IMMUTABLE || out->key.kind > GN_STORE_PROVIDER)
        return damaged(l, "a record");
    out->expires_at = gn_load_u64(p + 8);
    out->stored_at = gn_load_u64(p + 16);
    out->seq = gn_load_u64(p + 24);
    out->group = gn_load_u64(p + 32);
    out->flags = gn_load_u32(p + 40);
    out->data = gn_slice_of(p + HEADER_BYTES, value.mv_size - HEADER_BYTES);
    return GN_OK;
}

static void due_key(uint8_t out[DUE_BYTES], gn_wall_s expires_at, const uint8_t key[GN_STORE_KEY_BYTES])
{
    gn_store_u64(out, expires_at);
    memcpy(out + 8, key, GN_STORE_KEY_BYTES);
}

/* ---- totals ---- */

static uint64_t *totals_word(struct gn_store_stats *t, unsigned i)
{
    uint64_t *const words[TOTALS_WORDS] = {
        &t->all.count,     &t->all.bytes,     &t->owned.count,   &t->owned.bytes,
        &t->kind_count[1], &t->kind_count[2], &t->kind_count[3], &t->meta_count,
    };
    return words[i];
}

static enum gn_err totals_load(struct lmdb_store *l)
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
    if (rc == 0) {
        const uint8_t *p = value.mv_data;
        if (value.mv_size != TOTALS_BYTES || gn_load_u64(p) != sum_of(key, p + SUM_BYTES, TOTALS_BYTES - SUM_BYTES))
            return damaged(l, "the totals");
        for (unsigned i = 0; i < TOTALS_WORDS; i++)
            *totals_word(&l->totals, i) = gn_load_u64(p + SUM_BYTES + i * 8U);
    }
    l->totals_known = true;
    return GN_OK;
}

static int totals_save(struct lmdb_store *l)
{
    uint8_t p[TOTALS_BYTES];
    MDB_val key = gn_lmdb_env_val("totals", 6);
    for (unsigned i = 0; i < TOTALS_WORDS; i++)
        gn_store_u64(p + SUM_BYTES + i * 8U, *totals_word(&l->totals, i));
    gn_store_u64(p, sum_of(key, p + SUM_BYTES, TOTALS_BYTES - SUM_BYTES));
    MDB_val value = gn_lmdb_env_val(p, sizeof p);
    return mdb_put(l->env.write, l->env.tables[GN_LMDB_SYSTEM], &key, &value, 0);
}

/* ---- batches ---- */

static enum gn_err begin(struct lmdb_store *l, bool shrinking)
{
    enum gn_err e = totals_load(l);
    if (e == GN_OK)
        e = gn_lmdb_env_begin(&l->env, shrinking);
    l->before = l->totals;
    l->writes = 0;
    return e;
}

static enum gn_err store_begin(struct gn_store *s)
{
    of(s)->env.why[0] = '\0';
    return begin(of(s), false);
}

static void store_rollback(struct gn_store *s)
{
    struct lmdb_store *l = of(s);
    gn_lmdb_env_abort(&l->env);
    l->totals = l->before;
}

static enum gn_err store_commit(struct gn_store *s)
{
    struct lmdb_store *l = of(s);
    int rc = l->writes > 0 ? totals_save(l) : 0;
    enum gn_err e = gn_lmdb_env_error(&l->env, rc, "writing");
    if (e == GN_OK)
        e = gn_lmdb_env_commit(&l->env);
    if (e != GN_OK)
        store_rollback(s);
    return e;
}

/* After a failed write LMDB's transaction is of no more use: ends it, so that reads see what is committed. */
static enum gn_err write_result(struct lmdb_store *l, int rc)
{
    l->writes++;
    if (rc == 0)
        return GN_OK;
    store_rollback(&l->store);
    return rc == MDB_NOTFOUND ? damaged(l, "an index") : gn_lmdb_env_error(&l->env, rc, "writing");
}

/* Before a removal, when nothing else is in the batch yet: near the limit it gets the reserve, so that a full store can
 * be emptied. */
static enum gn_err make_room(struct lmdb_store *l)
{
    if (l->writes > 0 || !gn_lmdb_env_is_tight(&l->env))
        return GN_OK;
    gn_lmdb_env_abort(&l->env);
    return begin(l, true);
}

/* ---- writes ---- */

static int group_add(struct lmdb_store *l, const struct gn_store_record *r, bool plus)
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
static int index_record(struct lmdb_store *l, const struct gn_store_record *r, const uint8_t key[GN_STORE_KEY_BYTES],
                        bool plus)
{
    int rc = 0;
    if (r->expires_at != UINT64_MAX) {
        uint8_t bytes[DUE_BYTES];
        due_key(bytes, r->expires_at, key);
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
static enum gn_err unindex(struct lmdb_store *l, const uint8_t bytes[GN_STORE_KEY_BYTES])
{
    struct gn_store_record old;
    MDB_val key = gn_lmdb_env_val(bytes, GN_STORE_KEY_BYTES);
    MDB_val value;
    int rc = mdb_get(l->env.write, l->env.tables[GN_LMDB_RECORDS], &key, &value);
    if (rc == MDB_NOTFOUND)
        return GN_E_NOT_FOUND;
    if (rc != 0)
        return write_result(l, rc);
    enum gn_err e = record_read(l, &old, key, value, false);
    if (e != GN_OK) {
        store_rollback(&l->store);
        return e;
    }
    return write_result(l, index_record(l, &old, bytes, false));
}

static enum gn_err store_put(struct gn_store *s, const struct gn_store_record *r)
{
    struct lmdb_store *l = of(s);
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, &r->key);
    enum gn_err e = unindex(l, bytes);
    if (e != GN_OK && e != GN_E_NOT_FOUND)
        return e;
    MDB_val key = gn_lmdb_env_val(bytes, sizeof bytes);
    MDB_val value = {.mv_size = HEADER_BYTES + r->data.len};
    int rc = mdb_put(l->env.write, l->env.tables[GN_LMDB_RECORDS], &key, &value, MDB_RESERVE);
    if (rc == 0) {
        record_write(value.mv_data, key, r);
        rc = index_record(l, r, bytes, true);
    }
    return write_result(l, rc);
}

static enum gn_err remove_record(struct lmdb_store *l, const uint8_t bytes[GN_STORE_KEY_BYTES])
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
    enum gn_err e = make_room(of(s));
    return e == GN_OK ? remove_record(of(s), bytes) : e;
}

/* The oldest entry of the expiry index. NOT_FOUND: it is empty. */
static enum gn_err oldest(struct lmdb_store *l, uint8_t out[DUE_BYTES])
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
        if (rc == 0 && key.mv_size != DUE_BYTES)
            rc = MDB_CORRUPTED;
        if (rc == 0)
            memcpy(out, key.mv_data, DUE_BYTES);
        mdb_cursor_close(cursor);
    }
    return gn_lmdb_env_error(&l->env, rc, "reading");
}

static enum gn_err store_expire(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit)
{
    struct lmdb_store *l = of(s);
    enum gn_err e = make_room(l);
    for (*removed = 0; e == GN_OK && *removed < limit; ++*removed) {
        uint8_t due[DUE_BYTES];
        e = oldest(l, due);
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

static MDB_dbi table_of(const struct lmdb_store *l, enum gn_store_table table)
{
    return l->env.tables[table == GN_STORE_TABLE_META ? GN_LMDB_META : GN_LMDB_FILES];
}

static enum gn_err store_blob_put(struct gn_store *s, enum gn_store_table table, struct gn_slice name,
                                  struct gn_slice data)
{
    struct lmdb_store *l = of(s);
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    MDB_val value = {.mv_size = SUM_BYTES + data.len};
    int rc = mdb_put(l->env.write, table_of(l, table), &key, &value, MDB_RESERVE);
    if (rc == 0) {
        uint8_t *p = value.mv_data;
        if (data.len > 0)
            memcpy(p + SUM_BYTES, data.data, data.len);
        gn_store_u64(p, sum_of(key, p + SUM_BYTES, data.len));
    }
    return write_result(l, rc);
}

static enum gn_err store_blob_del(struct gn_store *s, enum gn_store_table table, struct gn_slice name)
{
    struct lmdb_store *l = of(s);
    enum gn_err e = make_room(l);
    if (e != GN_OK)
        return e;
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    int rc = mdb_del(l->env.write, table_of(l, table), &key, NULL);
    return rc == MDB_NOTFOUND ? GN_E_NOT_FOUND : write_result(l, rc);
}

/* ---- reads ---- */

/* Every read begins here: the snapshot of the read before it ends, and with it what that one lent. */
static enum gn_err snapshot(struct lmdb_store *l, MDB_txn **txn)
{
    gn_lmdb_env_release(&l->env);
    return gn_lmdb_env_read(&l->env, txn);
}

static enum gn_err lookup(struct lmdb_store *l, MDB_val *value, MDB_dbi table, MDB_val key)
{
    MDB_txn *txn = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e != GN_OK)
        return e;
    return gn_lmdb_env_error(&l->env, mdb_get(txn, table, &key, value), "reading");
}

static enum gn_err store_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key)
{
    struct lmdb_store *l = of(s);
    uint8_t bytes[GN_STORE_KEY_BYTES];
    gn_store_key_encode(bytes, key);
    MDB_val k = gn_lmdb_env_val(bytes, sizeof bytes);
    MDB_val value;
    enum gn_err e = lookup(l, &value, l->env.tables[GN_LMDB_RECORDS], k);
    return e == GN_OK ? record_read(l, out, k, value, true) : e;
}

static enum gn_err store_walk(struct gn_store *s, const struct gn_store_key *from, bool with_data,
                              gn_store_visit_fn visit, void *data)
{
    struct lmdb_store *l = of(s);
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
        e = record_read(l, &r, key, value, with_data);
        if (e != GN_OK || !visit(data, &r))
            break;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (e == GN_OK && rc != 0 && rc != MDB_NOTFOUND)
        e = gn_lmdb_env_error(&l->env, rc, "reading");
    return e;
}

static enum gn_err store_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group)
{
    struct lmdb_store *l = of(s);
    uint8_t bytes[8];
    gn_store_u64(bytes, group);
    MDB_val value;
    enum gn_err e = lookup(l, &value, l->env.tables[GN_LMDB_GROUPS], gn_lmdb_env_val(bytes, sizeof bytes));
    if (e == GN_E_NOT_FOUND)
        return GN_OK;
    if (e != GN_OK)
        return e;
    if (value.mv_size != 16U)
        return damaged(l, "an address group");
    out->count = gn_load_u64(value.mv_data);
    out->bytes = gn_load_u64((const uint8_t *)value.mv_data + 8);
    return GN_OK;
}

static enum gn_err store_next_expiry(struct gn_store *s, gn_wall_s *out)
{
    struct lmdb_store *l = of(s);
    uint8_t due[DUE_BYTES];
    MDB_txn *txn = NULL;
    enum gn_err e = snapshot(l, &txn);
    if (e == GN_OK)
        e = oldest(l, due);
    if (e == GN_OK)
        *out = gn_load_u64(due);
    return e == GN_E_NOT_FOUND ? GN_OK : e;
}

static enum gn_err store_stats(struct gn_store *s, struct gn_store_stats *out)
{
    struct lmdb_store *l = of(s);
    MDB_txn *txn = NULL;
    MDB_stat meta;
    MDB_stat files;
    enum gn_err e = snapshot(l, &txn);
    if (e == GN_OK)
        e = totals_load(l);
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

/* Value of a table with a checksum in front. */
static enum gn_err unwrap(struct lmdb_store *l, struct gn_slice *out, MDB_val key, MDB_val value)
{
    const uint8_t *p = value.mv_data;
    if (value.mv_size < SUM_BYTES || gn_load_u64(p) != sum_of(key, p + SUM_BYTES, value.mv_size - SUM_BYTES))
        return damaged(l, "a named value or a file's entry");
    *out = gn_slice_of(p + SUM_BYTES, value.mv_size - SUM_BYTES);
    return GN_OK;
}

static enum gn_err store_blob_get(struct gn_store *s, struct gn_slice *out, enum gn_store_table table,
                                  struct gn_slice name)
{
    struct lmdb_store *l = of(s);
    MDB_val key = gn_lmdb_env_val(name.data, name.len);
    MDB_val value;
    enum gn_err e = lookup(l, &value, table_of(l, table), key);
    return e == GN_OK ? unwrap(l, out, key, value) : e;
}

static enum gn_err show_file(struct lmdb_store *l, bool *more, MDB_val key, MDB_val value, gn_store_file_visit_fn visit,
                             void *data)
{
    struct gn_id id;
    struct gn_slice entry;
    enum gn_err e = unwrap(l, &entry, key, value);
    if (e == GN_OK && key.mv_size != sizeof id.b)
        e = damaged(l, "a file's id");
    *more = false;
    if (e != GN_OK)
        return e;
    memcpy(id.b, key.mv_data, sizeof id.b);
    *more = visit(data, &id, entry);
    return GN_OK;
}

static enum gn_err store_file_walk(struct gn_store *s, const struct gn_id *after, size_t limit,
                                   gn_store_file_visit_fn visit, void *data)
{
    struct lmdb_store *l = of(s);
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

/* ---- life ---- */

static void store_close(struct gn_store *s)
{
    struct lmdb_store *l = of(s);
    const struct gn_alloc *alloc = l->env.alloc;
    gn_lmdb_env_close(&l->env);
    gn_alloc_free(alloc, l);
}

static const struct gn_store_ops lmdb_ops = {
    .begin = store_begin,
    .commit = store_commit,
    .rollback = store_rollback,
    .get = store_get,
    .put = store_put,
    .del = store_del,
    .walk = store_walk,
    .group_usage = store_group_usage,
    .expire = store_expire,
    .next_expiry = store_next_expiry,
    .stats = store_stats,
    .blob_get = store_blob_get,
    .blob_put = store_blob_put,
    .blob_del = store_blob_del,
    .file_walk = store_file_walk,
    .close = store_close,
};

enum gn_err gn_lmdb_store_open(struct gn_store **out, char why[GN_LMDB_STORE_WHY_MAX], const struct gn_alloc *alloc,
                               const struct gn_lmdb_store_options *options)
{
    *out = NULL;
    why[0] = '\0';
    struct lmdb_store *l = gn_alloc_zeroed(alloc, 1, sizeof *l);
    if (!l) {
        (void)snprintf(why, GN_LMDB_STORE_WHY_MAX, "%s", gn_err_text(GN_E_NO_MEMORY));
        return GN_E_NO_MEMORY;
    }
    l->store.ops = &lmdb_ops;
    l->store.error_text = l->env.why;
    enum gn_err e = gn_lmdb_env_open(&l->env, alloc, options);
    if (e == GN_OK)
        e = totals_load(l);
    if (e == GN_OK) {
        *out = &l->store;
        return GN_OK;
    }
    memcpy(why, l->env.why, GN_LMDB_STORE_WHY_MAX);
    store_close(&l->store);
    return e;
}
