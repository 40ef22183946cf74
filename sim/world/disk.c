/* sim/world/disk.c - from the overlay's requests to storage/mem_store.h. */
#include "sim/world/disk.h"

#include <string.h>

#include "storage/mem_store.h"
#include "storage/store.h"

#define LIST_MAX 512U
#define EXPIRE_MAX 256U
#define DISK_BYTES (UINT64_C(256) << 20U)

static struct gn_store_key key_of(const struct gn_store_entry *e)
{
    return (struct gn_store_key){.kind = e->kind, .target = e->target, .sub = e->sub};
}

static struct gn_store_entry entry_of(const struct gn_store_record *r)
{
    return (struct gn_store_entry){.kind = r->key.kind,
                                   .owned = (r->flags & GN_STORE_OWNED) != 0,
                                   .target = r->key.target,
                                   .sub = r->key.sub,
                                   .seq = r->seq,
                                   .expires_at = r->expires_at,
                                   .stored_at = r->stored_at,
                                   .group = r->group,
                                   .record = r->data};
}

void gn_disk_fini(struct gn_disk *d, const struct gn_alloc *alloc)
{
    gn_store_close(d->store);
    gn_alloc_free(alloc, d->table);
    *d = (struct gn_disk){0};
}

void gn_disk_scratch_fini(struct gn_disk_scratch *s)
{
    gn_alloc_free(s->alloc, s->entries);
    gn_alloc_free(s->alloc, s->bytes);
    *s = (struct gn_disk_scratch){.alloc = s->alloc};
}

bool gn_disk_is_read(enum gn_store_op op)
{
    return op == GN_STORE_GET || op == GN_STORE_LIST || op == GN_STORE_SCAN || op == GN_STORE_USAGE;
}

/* ---- Reading ---- */

static bool room(struct gn_disk_scratch *s, size_t more)
{
    if (s->entries_len == s->entries_cap) {
        size_t cap = s->entries_cap ? s->entries_cap * 2U : 16U;
        struct gn_store_entry *entries = gn_alloc_resize(s->alloc, s->entries, cap * sizeof *entries);
        if (!entries) {
            return false;
        }
        s->entries = entries;
        s->entries_cap = cap;
    }
    if (s->bytes_cap - s->bytes_len < more) {
        size_t cap = (s->bytes_cap + more) * 2U;
        uint8_t *bytes = gn_alloc_resize(s->alloc, s->bytes, cap);
        if (!bytes) {
            return false;
        }
        s->bytes = bytes;
        s->bytes_cap = cap;
    }
    return true;
}

static bool collect(void *data, const struct gn_store_record *record)
{
    struct gn_disk_scratch *s = data;

    if (!room(s, record->data.len)) {
        s->no_memory = true;
        return false;
    }
    memcpy(s->bytes + s->bytes_len, record->data.data, record->data.len);
    s->bytes_len += record->data.len;
    s->entries[s->entries_len] = entry_of(record);
    s->entries[s->entries_len++].record.data = NULL; /* set when the buffer stands still */
    return true;
}

/* Keys are ordered numbers: the next one after a key is that key plus one. */
static void key_after(struct gn_store_scan *scan, const struct gn_store_entry *cursor)
{
    gn_store_scan_start(scan);
    if (cursor->kind == 0) {
        return;
    }
    scan->next = key_of(cursor);
    for (size_t i = GN_ID_BYTES; i > 0; i--) {
        if (++scan->next.sub.b[i - 1U] != 0) {
            return;
        }
    }
    for (size_t i = GN_ID_BYTES; i > 0; i--) {
        if (++scan->next.target.b[i - 1U] != 0) {
            return;
        }
    }
    scan->next.kind++;
}

static enum gn_err read_records(struct gn_store *store, struct gn_disk_scratch *s, const struct gn_store_request *r)
{
    size_t limit = r->limit > 0 && r->limit < LIST_MAX ? r->limit : LIST_MAX;
    struct gn_store_key key = key_of(&r->entry);
    struct gn_store_record record;
    struct gn_store_scan scan;
    enum gn_err err;

    if (r->op == GN_STORE_LIST) {
        return gn_store_list(store, key.kind, &key.target, limit, collect, s);
    }
    if (r->op == GN_STORE_SCAN) {
        key_after(&scan, &r->entry);
        return gn_store_scan(store, &scan, limit, collect, s);
    }
    err = gn_store_get(store, &record, &key);
    if (err == GN_OK) {
        (void)collect(s, &record);
    }
    return err;
}

static enum gn_err read_usage(struct gn_store *store, struct gn_store_answer *answer, uint64_t group)
{
    struct gn_store_stats stats = {0};
    struct gn_store_usage usage = {0};
    enum gn_err err = gn_store_stats(store, &stats);

    if (err == GN_OK) {
        err = gn_store_group_usage(store, &usage, group);
    }
    answer->bytes_total = stats.all.bytes - stats.owned.bytes;
    answer->records_total = stats.all.count - stats.owned.count;
    answer->records_group = usage.count;
    return err;
}

void gn_disk_read(struct gn_disk *d, struct gn_store_answer *answer, struct gn_disk_scratch *scratch,
                  const struct gn_store_request *request)
{
    size_t at = 0;

    *answer = (struct gn_store_answer){.req = request->req};
    scratch->entries_len = 0;
    scratch->bytes_len = 0;
    scratch->no_memory = false;
    if (!d->store) {
        answer->err = request->op == GN_STORE_GET ? GN_E_NOT_FOUND : GN_OK;
        return;
    }
    if (request->op == GN_STORE_USAGE) {
        answer->err = read_usage(d->store, answer, request->group);
        return;
    }
    answer->err = read_records(d->store, scratch, request);
    if (scratch->no_memory) {
        answer->err = GN_E_NO_MEMORY;
    }
    for (size_t i = 0; i < scratch->entries_len; i++) {
        scratch->entries[i].record.data = scratch->bytes + at;
        at += scratch->entries[i].record.len;
    }
    answer->entries = scratch->entries;
    answer->entries_len = answer->err == GN_OK ? scratch->entries_len : 0;
}

/* ---- Writing ---- */

static enum gn_err save_table(struct gn_disk *d, const struct gn_alloc *alloc, struct gn_slice table)
{
    uint8_t *bytes = gn_alloc_resize(alloc, d->table, table.len + 1U);

    if (!bytes) {
        return GN_E_NO_MEMORY;
    }
    memcpy(bytes, table.data, table.len);
    d->table = bytes;
    d->table_len = (uint32_t)table.len;
    return GN_OK;
}

static enum gn_err put(struct gn_disk *d, const struct gn_alloc *alloc, const struct gn_store_entry *e)
{
    struct gn_store_record record = {.key = key_of(e),
                                     .data = e->record,
                                     .expires_at = e->expires_at,
                                     .stored_at = e->stored_at,
                                     .seq = e->seq,
                                     .group = e->owned ? 0 : e->group,
                                     .flags = e->owned ? GN_STORE_OWNED : 0};

    if (!d->store) {
        enum gn_err err = gn_mem_store_new(&d->store, alloc, DISK_BYTES);
        if (err != GN_OK) {
            return err;
        }
    }
    return gn_store_put(d->store, &record);
}

enum gn_err gn_disk_write(struct gn_disk *d, uint32_t *dropped, const struct gn_alloc *alloc,
                          const struct gn_store_request *request)
{
    struct gn_store_key key = key_of(&request->entry);
    size_t removed = 0;
    enum gn_err err = GN_OK;

    *dropped = 0;
    if (request->op == GN_STORE_SAVE_TABLE) {
        return save_table(d, alloc, request->data);
    }
    if (request->op == GN_STORE_PUT) {
        return put(d, alloc, &request->entry);
    }
    if (!d->store) {
        return GN_OK;
    }
    if (request->op == GN_STORE_DELETE) {
        err = gn_store_del(d->store, &key);
        return err == GN_E_NOT_FOUND ? GN_OK : err;
    }
    err = gn_store_expire(d->store, &removed, request->wall, request->limit > 0 ? request->limit : EXPIRE_MAX);
    *dropped = (uint32_t)removed;
    return err;
}

bool gn_disk_has(struct gn_disk *d, uint8_t kind, const struct gn_id *target)
{
    struct gn_store_key key = {.kind = kind, .target = *target};
    struct gn_store_record record;

    return d->store && gn_store_get(d->store, &record, &key) == GN_OK;
}
