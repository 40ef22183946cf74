/* node/files/transfer_save.c - which transfers run, in the store: after a kill they go on. */
#include <string.h>

#include "node/files/transfer.h"

#define NAME "files.transfers"
#define VERSION 1U
#define ENTRY_MAX (8U + 1U + 2U + GN_FILE_LINK_MAX + 2U + GN_BLOB_PATH_MAX)

_Static_assert(3U + GN_TRANSFERS_MAX * ENTRY_MAX <= GN_STORE_META_MAX, "all of them fit one value");

static void write_text(struct gn_writer *w, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    gn_writer_u16(w, (uint16_t)len);
    gn_writer_bytes(w, text, len);
}

static void write_transfer(struct gn_writer *w, const struct gn_files_transfer *t)
{
    gn_writer_u64(w, t->id);
    gn_writer_u8(w, t->overwrite ? 1U : 0U);
    write_text(w, t->link_text);
    write_text(w, t->place);
}

void gn_files_transfers_save(struct gn_files *f)
{
    struct gn_writer w;
    uint16_t n = 0;
    if (f->closing)
        return; /* what runs now goes on at the next start */
    GN_LIST_FOR (at, &f->transfers)
        n = (uint16_t)(n + (GN_CONTAINER_OF(at, struct gn_files_transfer, node)->fetch != NULL));
    size_t cap = 3U + (size_t)n * ENTRY_MAX;
    uint8_t *bytes = gn_alloc_zeroed(f->alloc, 1, cap);
    enum gn_err err = bytes ? GN_OK : GN_E_NO_MEMORY;
    if (!err) {
        gn_writer_init(&w, bytes, cap);
        gn_writer_u8(&w, VERSION);
        gn_writer_u16(&w, n);
        GN_LIST_FOR (at, &f->transfers) {
            const struct gn_files_transfer *t = GN_CONTAINER_OF(at, struct gn_files_transfer, node);
            if (t->fetch)
                write_transfer(&w, t);
        }
        gn_host_flush(f->host);
        err = gn_store_meta_put(f->config.store, NAME, gn_slice_of(bytes, w.len));
    }
    if (err)
        GN_LOG(f->log, GN_LOG_ERROR, "files.transfers.unsaved", GN_F_ERR("err", err));
    gn_alloc_free(f->alloc, bytes);
}

static char *read_text(struct gn_files *f, struct gn_reader *r)
{
    struct gn_slice s = gn_reader_take(r, gn_reader_u16(r));
    char *text = r->failed ? NULL : gn_alloc_zeroed(f->alloc, 1, s.len + 1U);
    if (text && s.len > 0)
        memcpy(text, s.data, s.len);
    return text;
}

static void load_one(struct gn_files *f, struct gn_reader *r)
{
    struct gn_files_transfer *t = NULL;
    uint64_t id = gn_reader_u64(r);
    bool overwrite = gn_reader_u8(r) != 0;
    char *link = read_text(f, r);
    char *path = read_text(f, r);
    enum gn_err err = link && path ? GN_OK : GN_E_CORRUPT;
    if (!err)
        err = gn_files_transfer_new(&t, f, link, path[0] ? path : NULL, overwrite);
    gn_alloc_free(f->alloc, link);
    gn_alloc_free(f->alloc, path);
    if (err) {
        GN_LOG(f->log, GN_LOG_WARN, "files.transfer.lost", GN_F_U64("transfer", id), GN_F_ERR("err", err));
        return;
    }
    t->id = id;
    t->resumed = true;
    if (id >= f->next_transfer)
        f->next_transfer = id + 1U;
}

void gn_files_transfers_load(struct gn_files *f)
{
    struct gn_slice stored;
    struct gn_reader r;
    if (gn_store_meta_get(f->config.store, &stored, NAME))
        return;                                                    /* a first start */
    uint8_t *copy = gn_alloc_zeroed(f->alloc, 1, stored.len + 1U); /* the store is used while it is read */
    if (!copy)
        return;
    if (stored.len > 0)
        memcpy(copy, stored.data, stored.len);
    gn_reader_init(&r, gn_slice_of(copy, stored.len));
    uint8_t version = gn_reader_u8(&r);
    uint16_t n = gn_reader_u16(&r);
    for (uint16_t i = 0; version == VERSION && i < n && !r.failed; i++)
        load_one(f, &r);
    gn_alloc_free(f->alloc, copy);
    GN_LIST_FOR_SAFE (at, after, &f->transfers)
        gn_files_transfer_begin(GN_CONTAINER_OF(at, struct gn_files_transfer, node));
}
