/* node/host_store.c - store requests of the overlay: reads at once, writes together in one commit.
 *
 * A commit waits for the disk. Writes that arrive in one turn of the loop share one; after a commit that took t the
 * next waits 4 t (at most 50 ms), so that a slow disk takes a fifth of the loop's time, not all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/host_inside.h"

#define TABLE_NAME "kad.table"
#define LIST_MAX 512U
#define COMMIT_WAIT_MAX GN_MS(50)

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

/* Entries and their bytes, copied while the store is being walked. */
struct collected {
    struct gn_store_entry *entries;
    size_t len, cap;
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    bool no_memory;
};

static bool collect(void *data, const struct gn_store_record *record)
{
    struct collected *c = data;
    if (c->len == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        struct gn_store_entry *entries = realloc(c->entries, cap * sizeof *entries);
        if (!entries)
            return c->no_memory = true, false;
        c->entries = entries;
        c->cap = cap;
    }
    if (c->bytes_cap - c->bytes_len < record->data.len) {
        size_t cap = (c->bytes_cap + record->data.len) * 2;
        uint8_t *bytes = realloc(c->bytes, cap);
        if (!bytes)
            return c->no_memory = true, false;
        c->bytes = bytes;
        c->bytes_cap = cap;
    }
    memcpy(c->bytes + c->bytes_len, record->data.data, record->data.len);
    c->entries[c->len] = entry_of(record);
    c->entries[c->len++].record.data = NULL; /* set when the buffer stands still */
    c->bytes_len += record->data.len;
    return true;
}

static void answer(struct gn_host *h, const struct gn_store_answer *a)
{
    struct gn_input in = {.type = GN_IN_STORE, .u.store = *a};
    gn_host_input(h, &in);
}

static void answer_collected(struct gn_host *h, uint32_t req, enum gn_err err, struct collected *c)
{
    size_t at = 0;
    for (size_t i = 0; i < c->len; i++) {
        c->entries[i].record.data = c->bytes + at;
        at += c->entries[i].record.len;
    }
    if (!err && c->no_memory)
        err = GN_E_NO_MEMORY;
    answer(h,
           &(struct gn_store_answer){.req = req, .err = err, .entries = c->entries, .entries_len = err ? 0 : c->len});
    free(c->entries);
    free(c->bytes);
}

static void do_get(struct gn_host *h, const struct gn_store_request *r)
{
    struct gn_store_record record;
    struct gn_store_key key = key_of(&r->entry);
    enum gn_err err = gn_store_get(h->config.store, &record, &key);
    struct gn_store_entry entry = {0};
    if (!err)
        entry = entry_of(&record);
    answer(h, &(struct gn_store_answer){.req = r->req, .err = err, .entries = &entry, .entries_len = err ? 0 : 1});
}

static void do_list(struct gn_host *h, const struct gn_store_request *r)
{
    struct collected c = {0};
    size_t limit = r->limit && r->limit < LIST_MAX ? r->limit : LIST_MAX;
    enum gn_err err = gn_store_list(h->config.store, r->entry.kind, &r->entry.target, limit, collect, &c);
    answer_collected(h, r->req, err, &c);
}

/* Keys are ordered numbers: the next one after a key is that key plus one. */
static void key_after(struct gn_store_scan *scan, const struct gn_store_entry *cursor)
{
    gn_store_scan_start(scan);
    if (cursor->kind == 0)
        return;
    scan->next = key_of(cursor);
    for (size_t i = GN_ID_BYTES; i > 0; i--)
        if (++scan->next.sub.b[i - 1] != 0)
            return;
    for (size_t i = GN_ID_BYTES; i > 0; i--)
        if (++scan->next.target.b[i - 1] != 0)
            return;
    scan->next.kind++;
}

static void do_scan(struct gn_host *h, const struct gn_store_request *r)
{
    struct collected c = {0};
    struct gn_store_scan scan;
    size_t limit = r->limit && r->limit < LIST_MAX ? r->limit : LIST_MAX;
    key_after(&scan, &r->entry);
    enum gn_err err = gn_store_scan(h->config.store, &scan, limit, collect, &c);
    answer_collected(h, r->req, err, &c);
}

static void do_usage(struct gn_host *h, const struct gn_store_request *r)
{
    struct gn_store_stats stats = {0};
    struct gn_store_usage group = {0};
    enum gn_err err = gn_store_stats(h->config.store, &stats);
    if (!err)
        err = gn_store_group_usage(h->config.store, &group, r->group);
    answer(h, &(struct gn_store_answer){.req = r->req,
                                        .err = err,
                                        .bytes_total = stats.all.bytes - stats.owned.bytes,
                                        .records_total = stats.all.count - stats.owned.count,
                                        .records_group = group.count});
}

static void note_error(struct gn_host *h, enum gn_err err)
{
    h->store_errors++;
    if (h->store_last_error != err)
        GN_LOG(h->config.log, GN_LOG_ERROR, "store.write.failed", GN_F_ERR("err", err),
               GN_F_STR("detail", gn_store_error_text(h->config.store)));
    h->store_last_error = err;
}

/* True when a batch is open. */
static bool batch_open(struct gn_host *h, enum gn_err *err)
{
    *err = GN_OK;
    if (h->writes_len == 0)
        *err = gn_store_begin(h->config.store);
    return *err == GN_OK;
}

static enum gn_err write_one(struct gn_host *h, const struct gn_store_request *r)
{
    struct gn_store *s = h->config.store;
    struct gn_store_key key = key_of(&r->entry);
    if (r->op == GN_STORE_DELETE) {
        enum gn_err err = gn_store_del(s, &key);
        return err == GN_E_NOT_FOUND ? GN_OK : err;
    }
    if (r->op == GN_STORE_SAVE_TABLE)
        return gn_store_meta_put(s, TABLE_NAME, r->data);
    if (r->op == GN_STORE_EXPIRE) {
        h->expire_req = r->req;
        h->expire_removed = 0;
        return gn_store_expire(s, &h->expire_removed, r->wall, r->limit ? r->limit : 256);
    }
    struct gn_store_record record = {.key = key,
                                     .data = r->entry.record,
                                     .expires_at = r->entry.expires_at,
                                     .stored_at = r->entry.stored_at,
                                     .seq = r->entry.seq,
                                     .group = r->entry.owned ? 0 : r->entry.group,
                                     .flags = r->entry.owned ? GN_STORE_OWNED : 0};
    return gn_store_put(s, &record);
}

static void do_write(struct gn_host *h, const struct gn_store_request *r)
{
    enum gn_err err = GN_OK;
    if (h->writes_len == GN_HOST_WRITES_MAX)
        (void)gn_host_store_commit(h);
    if (batch_open(h, &err))
        err = write_one(h, r);
    if (err == GN_E_LIMIT) { /* this batch is full: once more in the next one */
        (void)gn_host_store_commit(h);
        if (batch_open(h, &err))
            err = write_one(h, r);
    }
    if (err && h->writes_len == 0) {
        gn_store_rollback(h->config.store);
        note_error(h, err);
        answer(h, &(struct gn_store_answer){.req = r->req, .err = err});
        return;
    }
    h->writes[h->writes_len] = r->req;
    h->write_errs[h->writes_len++] = err;
}

bool gn_host_store_commit(struct gn_host *h)
{
    if (h->writes_len == 0)
        return false;
    gn_time_us began = gn_os_clock_now();
    enum gn_err err = gn_store_commit(h->config.store);
    gn_time_us took = gn_time_sub(gn_os_clock_now(), began);
    h->commit_after = gn_time_add(gn_os_clock_now(), gn_time_min(took * 4, COMMIT_WAIT_MAX));
    h->store_commits++;
    if (err)
        note_error(h, err);
    else
        h->store_last_error = GN_OK;
    uint32_t reqs[GN_HOST_WRITES_MAX];
    enum gn_err errs[GN_HOST_WRITES_MAX];
    uint32_t len = h->writes_len;
    memcpy(reqs, h->writes, len * sizeof *reqs);
    memcpy(errs, h->write_errs, len * sizeof *errs);
    h->writes_len = 0; /* before answering: an answer may write again */
    uint32_t expire_req = h->expire_req;
    size_t removed = h->expire_removed;
    for (uint32_t i = 0; i < len; i++)
        answer(h, &(struct gn_store_answer){.req = reqs[i],
                                            .err = errs[i] ? errs[i] : err,
                                            .records_total = reqs[i] == expire_req ? removed : 0});
    return true;
}

void gn_host_store_request(struct gn_host *h, const struct gn_store_request *request)
{
    switch (request->op) {
    case GN_STORE_GET:
        do_get(h, request);
        return;
    case GN_STORE_LIST:
        do_list(h, request);
        return;
    case GN_STORE_SCAN:
        do_scan(h, request);
        return;
    case GN_STORE_USAGE:
        do_usage(h, request);
        return;
    case GN_STORE_PUT:
    case GN_STORE_DELETE:
    case GN_STORE_EXPIRE:
    case GN_STORE_SAVE_TABLE:
        do_write(h, request);
        return;
    }
}

void gn_host_save_table(struct gn_host *h)
{
    uint8_t *bytes = malloc(GN_OVERLAY_TABLE_BYTES);
    if (!bytes || h->closing) {
        free(bytes);
        return;
    }
    size_t len = gn_overlay_table(h->overlay, bytes, GN_OVERLAY_TABLE_BYTES);
    do_write(h, &(struct gn_store_request){.op = GN_STORE_SAVE_TABLE, .data = gn_slice_of(bytes, len)});
    free(bytes);
    gn_host_run(h);
}

void gn_host_store_restore(struct gn_host *h)
{
    struct gn_slice table;
    if (gn_store_meta_get(h->config.store, &table, TABLE_NAME))
        return; /* a first start, or nothing was known */
    struct gn_input in = {.type = GN_IN_TABLE, .u.table = table};
    gn_host_input(h, &in);
}
