/* storage/blob_entry.c - entries of the index of files as bytes. */
#include "storage/blob_entry.h"

#include <string.h>

#include "base/hash.h"

/* version u8, flags u32, id 32, root 32, length, mtime, inode, dev, added_at u64, path length u16, path, checksum u64.
 */
#define VERSION 1U
#define FIXED_BYTES (1U + 4U + 32U + 32U + 5U * 8U + 2U)
#define SUM_BYTES 8U
_Static_assert(FIXED_BYTES + GN_BLOB_PATH_MAX + SUM_BYTES <= GN_BLOB_ENTRY_MAX, "the longest path fits");

size_t gn_blob_entry_encode(uint8_t out[GN_BLOB_ENTRY_MAX], const struct gn_blob_entry *e)
{
    const uint8_t *nul = memchr(e->path, '\0', sizeof e->path);
    size_t path_len = nul ? (size_t)(nul - (const uint8_t *)e->path) : 0;
    if (path_len == 0 || e->path[0] != '/')
        return 0;
    struct gn_writer w;
    gn_writer_init(&w, out, GN_BLOB_ENTRY_MAX);
    gn_writer_u8(&w, VERSION);
    gn_writer_u32(&w, e->flags);
    gn_writer_bytes(&w, e->id.b, sizeof e->id.b);
    gn_writer_bytes(&w, e->root.b, sizeof e->root.b);
    gn_writer_u64(&w, e->length);
    gn_writer_u64(&w, (uint64_t)e->mtime_ns);
    gn_writer_u64(&w, e->inode);
    gn_writer_u64(&w, e->dev);
    gn_writer_u64(&w, e->added_at);
    gn_writer_u16(&w, (uint16_t)path_len);
    gn_writer_bytes(&w, e->path, path_len);
    gn_writer_u64(&w, gn_hash_table(out, w.len));
    return w.len;
}

enum gn_err gn_blob_entry_decode(struct gn_blob_entry *out, struct gn_slice bytes)
{
    struct gn_reader r;
    memset(out, 0, sizeof *out);
    gn_reader_init(&r, bytes);
    uint8_t version = gn_reader_u8(&r);
    if (!r.failed && version != VERSION)
        return GN_E_VERSION;
    if (bytes.len < FIXED_BYTES + SUM_BYTES || bytes.len > GN_BLOB_ENTRY_MAX ||
        gn_load_u64(bytes.data + bytes.len - SUM_BYTES) != gn_hash_table(bytes.data, bytes.len - SUM_BYTES))
        return GN_E_CORRUPT;
    out->flags = gn_reader_u32(&r);
    gn_reader_copy(&r, out->id.b, sizeof out->id.b);
    gn_reader_copy(&r, out->root.b, sizeof out->root.b);
    out->length = gn_reader_u64(&r);
    out->mtime_ns = (int64_t)gn_reader_u64(&r);
    out->inode = gn_reader_u64(&r);
    out->dev = gn_reader_u64(&r);
    out->added_at = gn_reader_u64(&r);
    uint16_t path_len = gn_reader_u16(&r);
    if (path_len != bytes.len - FIXED_BYTES - SUM_BYTES || path_len == 0 || path_len > GN_BLOB_PATH_MAX)
        return GN_E_CORRUPT;
    gn_reader_copy(&r, out->path, path_len);
    if (out->path[0] != '/' || memchr(out->path, '\0', path_len))
        return GN_E_CORRUPT;
    return gn_tree_verify_id(&out->id, out->length, &out->root) == GN_OK ? GN_OK : GN_E_CORRUPT;
}

enum gn_err gn_blob_entry_put(struct gn_store *s, const struct gn_blob_entry *e)
{
    uint8_t bytes[GN_BLOB_ENTRY_MAX];
    size_t len = gn_blob_entry_encode(bytes, e);
    if (len == 0)
        return GN_E_INVALID;
    return gn_store_file_put(s, &e->id, gn_slice_of(bytes, len));
}

enum gn_err gn_blob_entry_get(struct gn_store *s, struct gn_blob_entry *out, const struct gn_id *id)
{
    struct gn_slice bytes;
    enum gn_err e = gn_store_file_get(s, &bytes, id);
    if (e != GN_OK)
        return e;
    e = gn_blob_entry_decode(out, bytes);
    return e == GN_OK && !gn_id_eq(&out->id, id) ? GN_E_CORRUPT : e;
}

struct list_walk {
    struct gn_blob_entry entry;
    size_t broken;
    gn_blob_entry_visit_fn visit;
    void *data;
};

static bool list_visit(void *data, const struct gn_id *id, struct gn_slice bytes)
{
    struct list_walk *w = data;
    if (gn_blob_entry_decode(&w->entry, bytes) != GN_OK || !gn_id_eq(&w->entry.id, id)) {
        w->broken++;
        return true;
    }
    return w->visit(w->data, &w->entry);
}

enum gn_err gn_blob_entry_list(struct gn_store *s, size_t *broken, const struct gn_id *after, size_t limit,
                               gn_blob_entry_visit_fn visit, void *data)
{
    struct list_walk w = {.visit = visit, .data = data};
    enum gn_err e = gn_store_file_list(s, after, limit, list_visit, &w);
    if (broken)
        *broken = w.broken;
    return e;
}
