/* node/api_record.c - records by key, and the node's own key-value space. */
#include <stdlib.h>
#include <string.h>

#include "base/os_clock.h"
#include "node/api_op.h"
#include "node/mutable.h"
#include "node/node_inside.h"
#include "overlay/msg/record.h"

/* ---- Putting --------------------------------------------------------------------------------------------------- */

static void on_stored(struct gn_api_op *op, const struct gn_op_event *ev)
{
    struct gn_api_stored *stored = op->extra;
    if (ev->type != GN_OPEV_DONE)
        return;
    if (ev->err) {
        gn_api_op_fail(op, ev->err, gn_err_class(ev->err) == GN_ERR_CLASS_FATAL ? NULL : "no node stored it");
        return;
    }
    stored->replicas = ev->stored;
    gn_api_op_done(op, stored);
}

static void put_immutable(struct gn_node *n, struct gn_api_call *call, const struct gn_api_record_put *req)
{
    uint64_t ttl_s = req->ttl_s;
    struct gn_api_op *op = gn_api_op_new(n, call);
    if (!op)
        return;
    if (req->value.len > GN_RECORD_VALUE_MAX) {
        gn_api_op_fail(op, GN_E_LIMIT, "a value has at most 65536 bytes: share it as a file");
        return;
    }
    if (gn_mutable_ttl(n, &ttl_s)) {
        gn_api_op_fail(op, GN_E_LIMIT, "a value lives at most 48 hours");
        return;
    }
    struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .expiry = gn_os_clock_wall() + ttl_s, .value = req->value};
    uint8_t *bytes = malloc(GN_RECORD_BYTES_MAX);
    struct gn_api_stored *stored = calloc(1, sizeof *stored);
    size_t len = 0;
    op->extra = stored;
    enum gn_err err =
        bytes && stored ? gn_record_sign(&r, bytes, &len, GN_RECORD_BYTES_MAX, &n->crypto) : GN_E_NO_MEMORY;
    if (err) {
        free(bytes);
        gn_api_op_fail(op, err, NULL);
        return;
    }
    gn_record_set_target(&r, &n->crypto);
    stored->key = r.target;
    stored->expires = r.expiry;
    struct gn_command command = {
        .type = GN_CMD_PUT, .flags = GN_CMDF_KEEP, .target = r.target, .record = gn_slice_of(bytes, len)};
    gn_api_op_run(op, &command, on_stored);
    free(bytes);
}

static void on_mutable_stored(struct gn_api_op *op, const struct gn_mutable_result *result)
{
    struct gn_api_stored stored = {
        .key = result->target, .seq = result->seq, .expires = result->expires, .replicas = result->replicas};
    gn_api_op_done(op, &stored);
}

void gn_api_record_put(void *node, struct gn_api_call *call, const struct gn_api_record_put *req)
{
    if (!req->is_mutable) {
        put_immutable(node, call, req);
        return;
    }
    if (req->salt.len > GN_RECORD_SALT_MAX) {
        gn_api_fail(call, GN_E_LIMIT, "a salt has at most 64 bytes");
        return;
    }
    struct gn_mutable_write write = {.salt_len = req->salt.len,
                                     .value = req->value,
                                     .ttl_s = req->ttl_s,
                                     .cond = req->has_seq ? GN_API_KV_IF_VERSION : GN_API_KV_ALWAYS,
                                     .version = req->seq};
    if (req->salt.len > 0)
        memcpy(write.salt, req->salt.data, req->salt.len);
    gn_mutable_write(node, call, &write, on_mutable_stored);
}

/* ---- Getting --------------------------------------------------------------------------------------------------- */

/* The best record so far, with its bytes. */
struct getting {
    struct gn_record best;
    uint8_t *bytes;
    bool kv;            /* answer a key-value question */
    bool asked_mutable; /* the key is not that of an immutable record */
};

static void getting_free(struct gn_api_op *op)
{
    struct getting *g = op->extra;
    free(g->bytes);
    g->bytes = NULL;
}

static void keep_best(struct gn_api_op *op, struct gn_slice bytes)
{
    struct getting *g = op->extra;
    struct gn_record r;
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    if (!copy)
        return;
    memcpy(copy, bytes.data, bytes.len);
    if (gn_record_decode(&r, gn_slice_of(copy, bytes.len), &op->node->crypto) == GN_OK) {
        free(g->bytes);
        g->bytes = copy;
        g->best = r;
    } else {
        free(copy);
    }
}

static void answer_record(struct gn_api_op *op)
{
    struct getting *g = op->extra;
    uint8_t *bytes = g->bytes;
    struct gn_api_record record = {.value = g->best.value,
                                   .is_mutable = g->best.kind == GN_RECORD_MUTABLE,
                                   .owner = g->best.owner,
                                   .salt = g->best.salt,
                                   .seq = g->best.seq,
                                   .expires = g->best.expiry};
    struct gn_api_kv_value value = {.value = g->best.value, .version = g->best.seq, .expires = g->best.expiry};
    g->bytes = NULL;
    if (g->kv)
        gn_api_op_done(op, &value);
    else
        gn_api_op_done(op, &record);
    free(bytes);
}

static void fail_getting(struct gn_api_op *op, enum gn_err err, const char *detail)
{
    getting_free(op);
    gn_api_op_fail(op, err, detail);
}

static void on_got(struct gn_api_op *op, const struct gn_op_event *ev);

static void get(struct gn_api_op *op, enum gn_record_kind kind)
{
    struct gn_command command = {.type = GN_CMD_GET, .kind = (uint8_t)kind, .target = op->target};
    gn_api_op_run(op, &command, on_got);
}

static void on_got(struct gn_api_op *op, const struct gn_op_event *ev)
{
    struct getting *g = op->extra;
    if (ev->type == GN_OPEV_RECORD)
        keep_best(op, ev->record);
    if (ev->type != GN_OPEV_DONE)
        return;
    bool gone = (g->best.flags & GN_RECORD_TOMBSTONE) != 0;
    if (g->bytes && !gone) {
        answer_record(op);
    } else if (ev->err == GN_E_UNREACHABLE && ev->queries == 0) {
        fail_getting(op, GN_E_NOT_FOUND, "this node does not have it and knows nobody to ask: see 'ghostnet doctor'");
    } else if (ev->err == GN_E_CANCELLED || ev->err == GN_E_TIMEOUT || ev->err == GN_E_UNREACHABLE) {
        fail_getting(op, ev->err, ev->err == GN_E_TIMEOUT ? "the lookup took too long" : "no peer answers");
    } else if (!gone && !g->kv && !g->asked_mutable) {
        g->asked_mutable = true;
        get(op, GN_RECORD_MUTABLE);
    } else {
        fail_getting(op, GN_E_NOT_FOUND, gone ? "it was deleted" : g->kv ? "no such key" : "no node has this record");
    }
}

static struct gn_api_op *getting_new(struct gn_node *n, struct gn_api_call *call)
{
    struct gn_api_op *op = gn_api_op_new(n, call);
    if (!op)
        return NULL;
    op->extra = calloc(1, sizeof(struct getting));
    if (!op->extra) {
        gn_api_op_fail(op, GN_E_NO_MEMORY, NULL);
        return NULL;
    }
    return op;
}

void gn_api_record_get(void *node, struct gn_api_call *call, const struct gn_id *key)
{
    struct gn_api_op *op = getting_new(node, call);
    if (!op)
        return;
    op->target = *key;
    get(op, GN_RECORD_IMMUTABLE);
}

/* ---- The key-value space --------------------------------------------------------------------------------------- */

static bool is_own(struct gn_node *n, const struct gn_id *space)
{
    return gn_id_is_zero(space) || gn_id_eq(space, gn_host_id(n->host));
}

/* "k" + key. False: the key is too long, and the call was failed. */
static bool salt_of(struct gn_api_call *call, uint8_t salt[GN_RECORD_SALT_MAX], size_t *len, struct gn_slice key)
{
    if (key.len > GN_KV_KEY_MAX) {
        gn_api_fail(call, GN_E_LIMIT, "a key has at most 63 bytes");
        return false;
    }
    salt[0] = 'k';
    memcpy(salt + 1, key.data, key.len);
    *len = key.len + 1;
    return true;
}

void gn_api_kv_get(void *node, struct gn_api_call *call, const struct gn_api_kv_key *req)
{
    struct gn_node *n = node;
    uint8_t salt[GN_RECORD_SALT_MAX];
    struct gn_record r = {.kind = GN_RECORD_MUTABLE};
    if (!salt_of(call, salt, &r.salt.len, req->key))
        return;
    r.salt.data = salt;
    r.owner = is_own(n, &req->space) ? *gn_host_id(n->host) : req->space;
    struct gn_record own;
    if (is_own(n, &req->space) && gn_mutable_own(n, &own, r.salt) == GN_OK && own.expiry > gn_os_clock_wall()) {
        struct gn_api_kv_value value = {.value = own.value, .version = own.seq, .expires = own.expiry};
        if (own.flags & GN_RECORD_TOMBSTONE)
            gn_api_fail(call, GN_E_NOT_FOUND, "it was deleted");
        else
            gn_api_done(call, &value);
        return;
    }
    struct gn_api_op *op = getting_new(n, call);
    if (!op)
        return;
    gn_record_set_target(&r, &n->crypto);
    op->target = r.target;
    ((struct getting *)op->extra)->kv = true;
    get(op, GN_RECORD_MUTABLE);
}

static void on_kv_written(struct gn_api_op *op, const struct gn_mutable_result *result)
{
    struct gn_api_kv_value value = {.version = result->seq, .expires = result->expires, .replicas = result->replicas};
    gn_api_op_done(op, &value);
}

static void kv_write(struct gn_node *n, struct gn_api_call *call, const struct gn_api_kv_write *req, bool tombstone)
{
    struct gn_mutable_write write = {.tombstone = tombstone,
                                     .ttl_s = tombstone ? GN_RECORD_TTL_MAX : req->ttl_s,
                                     .cond = req->cond,
                                     .version = req->version};
    if (!is_own(n, &req->space)) {
        gn_api_fail(call, GN_E_REFUSED, "only its owner writes to this space");
        return;
    }
    if (!salt_of(call, write.salt, &write.salt_len, req->key))
        return;
    if (!tombstone)
        write.value = req->value;
    gn_mutable_write(n, call, &write, on_kv_written);
}

void gn_api_kv_put(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req)
{
    kv_write(node, call, req, false);
}

void gn_api_kv_del(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req)
{
    kv_write(node, call, req, true);
}

/* ---- Listing it ------------------------------------------------------------------------------------------------ */

struct listed {
    uint8_t key[GN_KV_KEY_MAX];
    size_t key_len;
    uint64_t version, size;
    gn_wall_s expires;
};

struct listing {
    struct gn_node *node;
    const struct gn_api_kv_list *req;
    struct listed *items;
    size_t len, cap;
    bool no_memory;
};

static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

static int compare_listed(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return compare_keys(x->key, x->key_len, y->key, y->key_len);
}

static bool list_one(void *data, const struct gn_store_record *stored)
{
    struct listing *l = data;
    struct gn_record r;
    if (stored->key.kind != GN_STORE_MUTABLE || !(stored->flags & GN_STORE_OWNED) ||
        gn_record_decode(&r, stored->data, &l->node->crypto) || (r.flags & GN_RECORD_TOMBSTONE) || r.salt.len < 2 ||
        r.salt.data[0] != 'k' || !gn_id_eq(&r.owner, gn_host_id(l->node->host)) || r.expiry <= gn_os_clock_wall())
        return true;
    struct gn_slice key = gn_slice_of(r.salt.data + 1, r.salt.len - 1);
    if (key.len < l->req->prefix.len ||
        (l->req->prefix.len && memcmp(key.data, l->req->prefix.data, l->req->prefix.len) != 0))
        return true;
    if (l->req->after.len && compare_keys(key.data, key.len, l->req->after.data, l->req->after.len) <= 0)
        return true;
    if (l->len == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct listed *items = realloc(l->items, cap * sizeof *items);
        if (!items)
            return l->no_memory = true, false;
        l->items = items;
        l->cap = cap;
    }
    struct listed *item = &l->items[l->len++];
    memcpy(item->key, key.data, key.len);
    item->key_len = key.len;
    item->version = r.seq;
    item->size = r.value.len;
    item->expires = r.expiry;
    return true;
}

void gn_api_kv_list(void *node, struct gn_api_call *call, const struct gn_api_kv_list *req)
{
    struct listing l = {.node = node, .req = req};
    struct gn_store_scan scan;
    enum gn_err err = GN_OK;
    if (!is_own(l.node, &req->space)) {
        gn_api_fail(call, GN_E_UNSUPPORTED, "only the own space can be listed");
        return;
    }
    gn_store_scan_start(&scan);
    while (!err && !scan.done && !l.no_memory)
        err = gn_store_scan(l.node->store, &scan, 256, list_one, &l);
    if (l.no_memory)
        err = GN_E_NO_MEMORY;
    size_t len = l.len < req->limit ? l.len : req->limit;
    struct gn_api_kv_entry *entries = calloc(len ? len : 1, sizeof *entries);
    if (!err && !entries)
        err = GN_E_NO_MEMORY;
    if (err) {
        gn_api_fail(call, err, gn_store_error_text(l.node->store));
    } else {
        if (l.len > 0)
            qsort(l.items, l.len, sizeof *l.items, compare_listed);
        for (size_t i = 0; i < len; i++)
            entries[i] = (struct gn_api_kv_entry){.key = gn_slice_of(l.items[i].key, l.items[i].key_len),
                                                  .version = l.items[i].version,
                                                  .size = l.items[i].size,
                                                  .expires = l.items[i].expires};
        gn_api_done(call, &(struct gn_api_kv_entries){.items = entries, .len = len, .more = len < l.len});
    }
    free(entries);
    free(l.items);
}
