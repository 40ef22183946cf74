/* node/files/items.c - the catalogue: what is shared and fetched, in memory and in the store, and links to it. */
#include <stdio.h>
#include <string.h>

#include "base/os_clock.h"
#include "node/files/inside.h"

#define META_VERSION 1U
#define META_MAX (1U + 8U + 2U + GN_NAME_COMPONENT_MAX + 2U + GN_BLOB_PATH_MAX)
#define META_NAME_MAX (GN_ID_TEXT_LEN + 6U)
#define PAGE 256U      /* entries read from the store at once */
#define FLUSH_MAX 256U /* entries in one batch, with their names: 512 writes */
#define PENDING_MAX 1024U

char *gn_files_text(const struct gn_files *f, const char *text)
{
    size_t len = strlen(text) + 1U;
    char *copy = gn_alloc_zeroed(f->alloc, 1, len);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

/* ---- in memory ---- */

struct gn_files_item *gn_files_item_get(struct gn_files *f, const struct gn_id *id)
{
    struct gn_files_item **item = gn_map_get(&f->items, id);
    return item ? *item : NULL;
}

static void item_free(struct gn_files *f, struct gn_files_item *item)
{
    gn_alloc_free(f->alloc, item->name);
    gn_alloc_free(f->alloc, item->path);
    gn_alloc_free(f->alloc, item);
}

void gn_files_items_free(struct gn_files *f)
{
    void *value = NULL;
    for (uint32_t cursor = 0; gn_map_next(&f->items, &cursor, NULL, &value);)
        item_free(f, *(struct gn_files_item **)value);
    gn_map_fini(&f->items);
}

static enum gn_err item_new(struct gn_files *f, struct gn_files_item **out, const struct gn_id *id)
{
    struct gn_files_item *item = gn_alloc_zeroed(f->alloc, 1, sizeof *item);
    *out = NULL;
    if (!item)
        return GN_E_NO_MEMORY;
    item->id = *id;
    enum gn_err err = gn_map_set(&f->items, id, &item);
    if (err)
        gn_alloc_free(f->alloc, item);
    else
        *out = item;
    return err;
}

/* Makes it a listed one, under this name. */
static enum gn_err item_list(struct gn_files *f, struct gn_files_item *item, const char *name, const char *path,
                             uint64_t total)
{
    char *new_name = gn_files_text(f, name);
    char *new_path = path ? gn_files_text(f, path) : NULL;
    if (!new_name || (path && !new_path)) {
        gn_alloc_free(f->alloc, new_name);
        gn_alloc_free(f->alloc, new_path);
        return GN_E_NO_MEMORY;
    }
    if (!item->name)
        f->listed++;
    gn_alloc_free(f->alloc, item->name);
    gn_alloc_free(f->alloc, item->path);
    item->name = new_name;
    item->path = new_path;
    item->total = total;
    return GN_OK;
}

/* ---- in the store ---- */

struct pending {
    struct gn_list_node node;
    struct gn_id id;
    bool remove;
    size_t entry_len, meta_len;
    uint8_t bytes[]; /* entry, then meta */
};

static void meta_name(char out[META_NAME_MAX], const struct gn_id *id)
{
    memcpy(out, "file.", 5);
    gn_id_print(out + 5, id);
}

static size_t meta_encode(uint8_t out[META_MAX], const struct gn_files_item *item)
{
    struct gn_writer w;
    const char *path = item->path ? item->path : "";
    if (!item->name)
        return 0;
    gn_writer_init(&w, out, META_MAX);
    gn_writer_u8(&w, META_VERSION);
    gn_writer_u64(&w, item->total);
    gn_writer_u16(&w, (uint16_t)strlen(item->name));
    gn_writer_bytes(&w, item->name, strlen(item->name));
    gn_writer_u16(&w, (uint16_t)strlen(path));
    gn_writer_bytes(&w, path, strlen(path));
    return w.overflow ? 0 : w.len;
}

static bool take_text(struct gn_reader *r, char *out, size_t cap)
{
    size_t len = gn_reader_u16(r);
    struct gn_slice s = gn_reader_take(r, len);
    if (r->failed || len >= cap || (len > 0 && memchr(s.data, '\0', len)))
        return false;
    if (len > 0)
        memcpy(out, s.data, len);
    out[len] = '\0';
    return true;
}

static enum gn_err meta_decode(struct gn_files *f, struct gn_files_item *item, struct gn_slice bytes)
{
    struct gn_reader r;
    char name[GN_NAME_COMPONENT_MAX + 1U], path[GN_BLOB_PATH_MAX + 1U];
    gn_reader_init(&r, bytes);
    uint8_t version = gn_reader_u8(&r);
    uint64_t total = gn_reader_u64(&r);
    if (version != META_VERSION || !take_text(&r, name, sizeof name) || !take_text(&r, path, sizeof path))
        return GN_E_CORRUPT;
    return item_list(f, item, name, path[0] ? path : NULL, total);
}

static enum gn_err pend(struct gn_files *f, const struct gn_blob_entry *entry, const struct gn_files_item *item)
{
    uint8_t bytes[GN_BLOB_ENTRY_MAX], meta[META_MAX];
    size_t entry_len = entry ? gn_blob_entry_encode(bytes, entry) : 0;
    size_t meta_len = entry ? meta_encode(meta, item) : 0;
    if (entry && entry_len == 0)
        return GN_E_INVALID;
    struct pending *p = gn_alloc_zeroed(f->alloc, 1, sizeof *p + entry_len + meta_len);
    if (!p)
        return GN_E_NO_MEMORY;
    p->id = item->id;
    p->remove = !entry;
    p->entry_len = entry_len;
    p->meta_len = meta_len;
    if (entry) {
        memcpy(p->bytes, bytes, entry_len);
        memcpy(p->bytes + entry_len, meta, meta_len);
    }
    gn_list_push_back(&f->pending, &p->node);
    f->pending_len++;
    gn_files_tick_start(f);
    return GN_OK;
}

static enum gn_err allow_missing(enum gn_err err)
{
    return err == GN_E_NOT_FOUND ? GN_OK : err;
}

static enum gn_err write_pending(struct gn_files *f, const struct pending *p)
{
    char name[META_NAME_MAX];
    struct gn_store *s = f->config.store;
    meta_name(name, &p->id);
    if (p->remove) {
        enum gn_err err = allow_missing(gn_store_file_del(s, &p->id));
        return err ? err : allow_missing(gn_store_meta_del(s, name));
    }
    enum gn_err err = gn_store_file_put(s, &p->id, gn_slice_of(p->bytes, p->entry_len));
    if (err)
        return err;
    return p->meta_len > 0 ? gn_store_meta_put(s, name, gn_slice_of(p->bytes + p->entry_len, p->meta_len))
                           : allow_missing(gn_store_meta_del(s, name));
}

static enum gn_err write_batch(struct gn_files *f)
{
    size_t n = 0;
    enum gn_err err = gn_store_begin(f->config.store);
    if (err)
        return err;
    GN_LIST_FOR (at, &f->pending) {
        err = write_pending(f, GN_CONTAINER_OF(at, struct pending, node));
        if (err || ++n == FLUSH_MAX)
            break;
    }
    enum gn_err done = gn_store_commit(f->config.store);
    if (err || done)
        return err ? err : done;
    while (n-- > 0) {
        gn_alloc_free(f->alloc, GN_CONTAINER_OF(gn_list_pop_front(&f->pending), struct pending, node));
        f->pending_len--;
    }
    return GN_OK;
}

enum gn_err gn_files_items_flush(struct gn_files *f)
{
    enum gn_err err = GN_OK;
    if (gn_list_is_empty(&f->pending))
        return GN_OK;
    gn_host_flush(f->host);
    while (!err && !gn_list_is_empty(&f->pending))
        err = write_batch(f);
    if (err)
        GN_LOG(f->log, GN_LOG_ERROR, "files.index.failed", GN_F_ERR("err", err),
               GN_F_STR("detail", gn_store_error_text(f->config.store)));
    /* A store that is full for ever must not eat the memory, too: what is lost is hashed again when it is shared. */
    while (f->pending_len > PENDING_MAX || (f->closing && f->pending_len > 0)) {
        gn_alloc_free(f->alloc, GN_CONTAINER_OF(gn_list_pop_front(&f->pending), struct pending, node));
        f->pending_len--;
    }
    return err;
}

/* ---- changes ---- */

enum gn_err gn_files_item_put(struct gn_files *f, const struct gn_blob_entry *entry, const char *name, const char *path,
                              uint64_t total)
{
    struct gn_blob_entry e = *entry, old;
    struct gn_files_item *item = gn_files_item_get(f, &entry->id);
    enum gn_err err = GN_OK;
    bool known = item != NULL;
    if (!item)
        err = item_new(f, &item, &entry->id);
    if (!err && name)
        err = item_list(f, item, name, path, total);
    if (err) {
        if (!known && item)
            gn_files_item_remove(f, item);
        return err;
    }
    if (known && item->state == GN_FILES_SHARED && (item->flags & GN_BLOB_OWN_FILE) && !(e.flags & GN_BLOB_OWN_FILE) &&
        gn_blob_entry_get(f->config.store, &old, &e.id) == GN_OK)
        e = old; /* our own copy stays: nobody can change it. A newer own copy has taken its place already */
    e.flags &= ~(uint32_t)GN_BLOB_MEMBER;
    if (!item->name)
        e.flags |= GN_BLOB_MEMBER;
    if (e.added_at == 0)
        e.added_at = gn_os_clock_wall();
    item->root = e.root;
    item->length = e.length;
    item->flags = e.flags;
    item->state = GN_FILES_SHARED;
    gn_files_open_forget(f, &item->id);
    return pend(f, &e, item);
}

void gn_files_item_remove(struct gn_files *f, struct gn_files_item *item)
{
    struct gn_blob_entry entry = {.id = item->id, .flags = item->flags};
    gn_files_open_forget(f, &item->id);
    if (item->name) {
        f->listed--;
        gn_files_provide(f, &item->id, false);
    }
    if (pend(f, NULL, item))
        GN_LOG(f->log, GN_LOG_WARN, "files.remove.failed", GN_F_ID("content", &item->id));
    gn_blob_forget(f->dir, &entry);
    (void)gn_map_remove(&f->items, &entry.id);
    item_free(f, item);
}

void gn_files_item_unlist(struct gn_files *f, struct gn_files_item *item)
{
    struct gn_blob_entry entry;
    if (!item->name)
        return;
    f->listed--;
    gn_alloc_free(f->alloc, item->name);
    gn_alloc_free(f->alloc, item->path);
    item->name = NULL;
    item->path = NULL;
    item->flags |= GN_BLOB_MEMBER;
    gn_files_provide(f, &item->id, false);
    if (gn_files_items_flush(f) || gn_blob_entry_get(f->config.store, &entry, &item->id))
        return;
    entry.flags |= GN_BLOB_MEMBER;
    if (pend(f, &entry, item))
        GN_LOG(f->log, GN_LOG_WARN, "files.unlist.failed", GN_F_ID("content", &item->id));
}

void gn_files_item_changed(struct gn_files *f, struct gn_files_item *item)
{
    if (item->state == GN_FILES_CHANGED)
        return;
    item->state = GN_FILES_CHANGED;
    gn_files_open_forget(f, &item->id);
    GN_LOG(f->log, GN_LOG_WARN, "files.changed", GN_F_ID("content", &item->id),
           GN_F_STR("path", item->path ? item->path : ""));
    if (item->name)
        gn_files_provide(f, &item->id, false);
}

/* ---- at the start ---- */

struct page {
    struct gn_blob_entry *entries;
    size_t len;
};

static bool collect(void *data, const struct gn_blob_entry *e)
{
    struct page *p = data;
    p->entries[p->len++] = *e;
    return true;
}

static enum gn_err load_item(struct gn_files *f, const struct gn_blob_entry *e)
{
    char name[META_NAME_MAX];
    struct gn_files_item *item = NULL;
    struct gn_slice meta;
    enum gn_err err = item_new(f, &item, &e->id);
    if (err)
        return err;
    item->root = e->root;
    item->length = e->length;
    item->total = e->length;
    item->flags = e->flags;
    if (e->flags & GN_BLOB_MEMBER)
        return GN_OK;
    meta_name(name, &e->id);
    err = gn_store_meta_get(f->config.store, &meta, name);
    if (!err)
        err = meta_decode(f, item, meta);
    if (err == GN_E_NOT_FOUND || err == GN_E_CORRUPT) /* the name is lost, the file is not */
        err = item_list(f, item, "unnamed", e->path, e->length);
    return err;
}

enum gn_err gn_files_items_load(struct gn_files *f)
{
    struct page p = {.entries = gn_alloc_zeroed(f->alloc, PAGE, sizeof *p.entries)};
    struct gn_id after;
    size_t broken = 0;
    bool first = true;
    enum gn_err err = p.entries ? GN_OK : GN_E_NO_MEMORY;
    do {
        size_t bad = 0;
        p.len = 0;
        if (!err)
            err = gn_blob_entry_list(f->config.store, &bad, first ? NULL : &after, PAGE, collect, &p);
        broken += bad;
        for (size_t i = 0; !err && i < p.len; i++)
            err = load_item(f, &p.entries[i]);
        if (p.len > 0)
            after = p.entries[p.len - 1U].id;
        first = false;
    } while (!err && p.len > 0);
    if (broken > 0)
        GN_LOG(f->log, GN_LOG_WARN, "files.index.broken", GN_F_U64("entries", broken));
    gn_alloc_free(f->alloc, p.entries);
    return err;
}

/* ---- announcing and links ---- */

struct op {
    struct gn_list_node node;
    struct gn_files *files;
    gn_op_id id;
    gn_host_op_fn fn;
    void *data;
    bool cancelled;
};

static void on_op(void *data, const struct gn_op_event *ev)
{
    struct op *op = data;
    struct gn_files *f = op->files;
    bool over = ev->type == GN_OPEV_DONE;
    if (over)
        gn_list_remove(&op->node);
    op->fn(op->data, ev);
    if (over) {
        gn_alloc_free(f->alloc, op);
        gn_files_check_closed(f);
    }
}

enum gn_err gn_files_op(struct gn_files *f, const struct gn_command *command, gn_host_op_fn fn, void *data)
{
    if (f->closing)
        return GN_E_CLOSED;
    struct op *op = gn_alloc_zeroed(f->alloc, 1, sizeof *op);
    if (!op)
        return GN_E_NO_MEMORY;
    *op = (struct op){.files = f, .fn = fn, .data = data};
    enum gn_err err = gn_host_command(f->host, &op->id, command, on_op, op);
    if (err)
        gn_alloc_free(f->alloc, op);
    else
        gn_list_push_back(&f->ops, &op->node);
    return err;
}

static struct op *next_to_cancel(struct gn_files *f, const void *data)
{
    GN_LIST_FOR (n, &f->ops) {
        struct op *op = GN_CONTAINER_OF(n, struct op, node);
        if (!op->cancelled && (!data || op->data == data))
            return op;
    }
    return NULL;
}

void gn_files_ops_cancel(struct gn_files *f, const void *data)
{
    /* From the front each time: cancelling one may end any other. Its own end comes later, from the loop. */
    for (struct op *op; (op = next_to_cancel(f, data));) {
        op->cancelled = true;
        gn_host_cancel(f->host, op->id);
    }
}

static void on_provided(void *data, const struct gn_op_event *ev)
{
    struct gn_files *f = data;
    if (ev->type == GN_OPEV_DONE && ev->err)
        GN_LOG(f->log, GN_LOG_DEBUG, "files.announce", GN_F_ERR("err", ev->err), GN_F_U64("stored", ev->stored));
}

void gn_files_provide(struct gn_files *f, const struct gn_id *id, bool provide)
{
    struct gn_command command = {.type = provide ? GN_CMD_PROVIDE : GN_CMD_UNPROVIDE, .target = *id};
    if (provide)
        command.flags = GN_CMDF_KEEP | GN_CMDF_BACKGROUND;
    enum gn_err err = gn_files_op(f, &command, on_provided, f);
    if (err && err != GN_E_CLOSED)
        GN_LOG(f->log, GN_LOG_WARN, "files.announce.failed", GN_F_ID("content", id), GN_F_ERR("err", err));
}

void gn_files_item_link(struct gn_files *f, char out[GN_FILE_LINK_MAX + 1U], const struct gn_files_item *item)
{
    struct gn_file_link link = {.root = item->id, .has_size = true, .size = item->total};
    struct gn_addr addrs[GN_HOST_ADDRS_MAX];
    link.folder = (item->flags & GN_BLOB_MANIFEST) != 0;
    if (item->name)
        gn_name_sanitize(link.name, gn_slice_str(item->name));
    link.peers_len = gn_host_addrs(f->host, addrs);
    for (size_t i = 0; i < link.peers_len; i++)
        link.peers[i] = (struct gn_contact){.id = *gn_host_id(f->host), .addr = addrs[i]};
    gn_file_link_print(out, &link);
}

void gn_files_item_describe(struct gn_files *f, struct gn_api_file *out, char link[GN_FILE_LINK_MAX + 1U],
                            const struct gn_files_item *item)
{
    bool shared = item->state == GN_FILES_SHARED;
    if (shared)
        gn_files_item_link(f, link, item);
    *out = (struct gn_api_file){.root = item->id,
                                .name = item->name ? item->name : "",
                                .path = item->path,
                                .kind = item->flags & GN_BLOB_MANIFEST ? "folder" : "file",
                                .state = !shared ? "changed" : (item->flags & GN_BLOB_FETCHED ? "complete" : "shared"),
                                .link = shared ? link : NULL,
                                .size = item->total,
                                .have = shared ? item->total : 0,
                                .served = item->served};
}
