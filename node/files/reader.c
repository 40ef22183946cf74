/* node/files/reader.c - a file's bytes for the control API: open, read pieces, close. */
#include "node/files/inside.h"

#define READERS_MAX 64U

struct reader {
    struct gn_list_node node;
    struct gn_files *files;
    uint64_t handle;
    struct gn_id id;
    struct gn_files_waiter waiter;
    struct gn_files_open *open;
    struct gn_api_call *call; /* of the open or read under way */
    struct gn_files_work work;
    struct gn_files_buf *buf;
    uint64_t offset;
    enum gn_err err;
    bool closed; /* by its owner; it goes with its last work */
};

static struct reader *find(struct gn_files *f, uint64_t handle)
{
    GN_LIST_FOR (n, &f->readers) {
        struct reader *r = GN_CONTAINER_OF(n, struct reader, node);
        if (r->handle == handle && !r->closed)
            return r;
    }
    return NULL;
}

static void reader_free(struct reader *r)
{
    struct gn_files *f = r->files;
    gn_list_remove(&r->node);
    if (r->open)
        gn_files_open_put(r->open);
    gn_files_buf_give(f, r->buf);
    gn_alloc_free(f->alloc, r);
    gn_files_check_closed(f);
}

static void on_open(struct gn_files_waiter *w, struct gn_files_open *o, enum gn_err err)
{
    struct reader *r = GN_CONTAINER_OF(w, struct reader, waiter);
    struct gn_api_call *call = r->call;
    const struct gn_files_item *item = gn_files_item_get(r->files, &r->id);
    r->call = NULL;
    r->open = o;
    if (!err && !item)
        err = GN_E_NOT_FOUND;
    if (err) {
        reader_free(r);
        gn_api_fail(call, err, err == GN_E_NOT_FOUND ? "no such file is here" : NULL);
        return;
    }
    struct gn_api_open_file out = {.handle = r->handle,
                                   .size = item->length,
                                   .name = item->name,
                                   .kind = item->flags & GN_BLOB_MANIFEST ? "folder" : "file"};
    gn_api_done(call, &out);
}

void gn_files_api_file_open(void *files, struct gn_api_call *call, const struct gn_id *root)
{
    struct gn_files *f = files;
    size_t n = 0;
    GN_LIST_FOR (at, &f->readers)
        n++;
    struct reader *r = n < READERS_MAX && !f->closing ? gn_alloc_zeroed(f->alloc, 1, sizeof *r) : NULL;
    if (!r) {
        gn_api_fail(call, f->closing ? GN_E_CLOSED : GN_E_FULL, f->closing ? NULL : "too many downloads at once");
        return;
    }
    r->files = f;
    r->handle = f->next_handle++;
    r->id = *root;
    r->call = call;
    r->waiter.ready = on_open;
    gn_list_push_back(&f->readers, &r->node);
    gn_files_open_get(f, &r->waiter, root);
}

static void run_read(struct gn_files_work *w)
{
    struct reader *r = GN_CONTAINER_OF(w, struct reader, work);
    r->err = gn_blob_read(r->open->blob, r->buf->data, r->offset, r->buf->len);
}

static void on_read(struct gn_files_work *w)
{
    struct reader *r = GN_CONTAINER_OF(w, struct reader, work);
    struct gn_files *f = r->files;
    struct gn_api_call *call = r->call;
    struct gn_files_buf *buf = r->buf;
    struct gn_files_item *item = gn_files_item_get(f, &r->id);
    enum gn_err err = r->err;
    r->call = NULL;
    r->buf = NULL;
    if (err == GN_E_CHANGED && item)
        gn_files_item_changed(f, item);
    if (r->closed)
        reader_free(r);
    if (err) {
        gn_api_fail(call, err, err == GN_E_CHANGED ? "the file was changed" : NULL);
    } else {
        struct gn_slice out = gn_slice_of(buf->data, buf->len);
        gn_api_done(call, &out);
    }
    gn_files_buf_give(f, buf);
}

void gn_files_api_file_read(void *files, struct gn_api_call *call, const struct gn_api_read *req)
{
    struct gn_files *f = files;
    struct reader *r = find(f, req->handle);
    if (!r || r->call || req->len == 0 || req->len > GN_FILES_BUF) {
        gn_api_fail(call, r ? GN_E_INVALID : GN_E_NOT_FOUND, NULL);
        return;
    }
    r->buf = gn_files_buf_take(f);
    if (!r->buf) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    r->buf->len = req->len;
    r->offset = req->offset;
    r->call = call;
    gn_files_work(f, &r->work, run_read, on_read);
}

void gn_files_api_file_close(void *files, uint64_t handle)
{
    struct reader *r = find(files, handle);
    if (!r)
        return;
    r->closed = true;
    if (!r->call)
        reader_free(r);
}

void gn_files_reader_close(struct gn_files *f)
{
    GN_LIST_FOR_SAFE (n, after, &f->readers) {
        struct reader *r = GN_CONTAINER_OF(n, struct reader, node);
        r->closed = true;
        if (!r->call)
            reader_free(r);
    }
}
