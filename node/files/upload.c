/* node/files/upload.c - a file that comes through the control API: written beside the blobs, hashed, kept as our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/files/inside.h"
#include "storage/os_blob_tree.h"

#define UPLOADS_MAX 16U
#define STEP (UINT64_C(64) * 1024U * 1024U)

struct upload {
    struct gn_list_node node;
    struct gn_files *files;
    uint64_t handle;
    char name[GN_NAME_COMPONENT_MAX + 1U];
    char path[GN_BLOB_PATH_MAX + 1U]; /* until it is committed */
    int fd;
    uint64_t at;
    struct gn_slice data;
    struct gn_api_call *call; /* of what is under way */
    struct gn_files_work work;
    enum gn_err err;
    struct gn_blob_entry entry;
};

static struct upload *find(struct gn_files *f, uint64_t handle)
{
    GN_LIST_FOR (n, &f->uploads) {
        struct upload *u = GN_CONTAINER_OF(n, struct upload, node);
        if (u->handle == handle)
            return u;
    }
    return NULL;
}

static void upload_free(struct upload *u)
{
    struct gn_files *f = u->files;
    if (u->fd >= 0)
        (void)close(u->fd);
    if (u->path[0])
        (void)unlink(u->path);
    gn_list_remove(&u->node);
    gn_alloc_free(f->alloc, u);
    gn_files_check_closed(f);
}

void gn_files_api_upload_open(void *files, struct gn_api_call *call, const struct gn_api_share *req)
{
    struct gn_files *f = files;
    size_t n = 0;
    GN_LIST_FOR (at, &f->uploads)
        n++;
    struct upload *u = n < UPLOADS_MAX && !f->closing ? gn_alloc_zeroed(f->alloc, 1, sizeof *u) : NULL;
    if (!u) {
        gn_api_fail(call, f->closing ? GN_E_CLOSED : GN_E_FULL, f->closing ? NULL : "too many uploads at once");
        return;
    }
    u->files = f;
    u->handle = f->next_handle++;
    gn_name_sanitize(u->name, gn_slice_str(req->path ? req->path : ""));
    gn_list_push_back(&f->uploads, &u->node);
    int len = snprintf(u->path, sizeof u->path, "%s/upload-%" PRIu64 ".tmp", f->path, u->handle);
    u->fd = len > 0 && (size_t)len < sizeof u->path
                ? open(u->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
                : -1;
    if (u->fd < 0) {
        enum gn_err err = gn_err_from_errno(errno);
        upload_free(u);
        gn_api_fail(call, err, NULL);
        return;
    }
    struct gn_api_handle out = {.handle = u->handle};
    gn_api_done(call, &out);
}

/* ---- pieces ---- */

static void run_write(struct gn_files_work *w)
{
    struct upload *u = GN_CONTAINER_OF(w, struct upload, work);
    u->err = gn_blob_tree_pwrite(u->fd, u->data.data, u->data.len, u->at);
}

static void on_written(struct gn_files_work *w)
{
    struct upload *u = GN_CONTAINER_OF(w, struct upload, work);
    struct gn_api_call *call = u->call;
    u->call = NULL;
    if (u->err) {
        gn_api_fail(call, u->err, NULL);
        return;
    }
    u->at += u->data.len;
    gn_api_done(call, NULL);
}

void gn_files_api_upload_write(void *files, struct gn_api_call *call, const struct gn_api_chunk *req)
{
    struct upload *u = find(files, req->handle);
    if (!u || u->call) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such upload");
        return;
    }
    if (req->data.len > GN_TREE_LENGTH_MAX - u->at) {
        gn_api_fail(call, GN_E_LIMIT, "a file has at most 16 TiB");
        return;
    }
    u->call = call;
    u->data = req->data;
    gn_files_work(u->files, &u->work, run_write, on_written);
}

/* ---- the end ---- */

static enum gn_err hash(struct upload *u)
{
    struct gn_blob_hash *h = NULL;
    enum gn_err err = gn_blob_hash_open(&h, u->files->dir, u->path);
    while (!err && !gn_blob_hash_done(h))
        err = gn_blob_hash_step(h, STEP);
    if (!err)
        err = gn_blob_hash_finish(h, &u->entry);
    gn_blob_hash_close(h);
    return err;
}

static void run_commit(struct gn_files_work *w)
{
    struct upload *u = GN_CONTAINER_OF(w, struct upload, work);
    char id[GN_ID_TEXT_LEN + 1U], path[GN_BLOB_PATH_MAX + 1U];
    u->err = fsync(u->fd) == 0 ? GN_OK : gn_err_from_errno(errno);
    if (!u->err)
        u->err = hash(u);
    if (u->err)
        return;
    gn_id_print(id, &u->entry.id);
    int n = snprintf(path, sizeof path, "%s/%s.data", u->files->path, id);
    if (n < 0 || (size_t)n >= sizeof path)
        u->err = GN_E_LIMIT;
    else if (rename(u->path, path) != 0)
        u->err = gn_err_from_errno(errno);
    if (u->err)
        return;
    u->path[0] = '\0';
    memcpy(u->entry.path, path, sizeof path);
    u->entry.flags = GN_BLOB_OWN_FILE;
}

static void on_committed(struct gn_files_work *w)
{
    struct upload *u = GN_CONTAINER_OF(w, struct upload, work);
    struct gn_files *f = u->files;
    struct gn_api_call *call = u->call;
    char link[GN_FILE_LINK_MAX + 1U];
    struct gn_api_file out;
    enum gn_err err = u->err;
    if (!err)
        err = gn_files_item_put(f, &u->entry, u->name, NULL, u->entry.length);
    if (!err)
        err = gn_files_items_flush(f);
    const struct gn_files_item *item = gn_files_item_get(f, &u->entry.id);
    if (err || !item) {
        gn_api_fail(call, err ? err : GN_E_NO_MEMORY, NULL);
    } else {
        gn_files_provide(f, &item->id, true);
        gn_files_item_describe(f, &out, link, item);
        gn_api_done(call, &out);
    }
    upload_free(u);
}

void gn_files_api_upload_commit(void *files, struct gn_api_call *call, const struct gn_api_handle *req)
{
    struct upload *u = find(files, req->handle);
    if (!u || u->call) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such upload");
        return;
    }
    u->call = call;
    gn_files_work_heavy(u->files, &u->work, run_commit, on_committed);
}

void gn_files_api_upload_abort(void *files, uint64_t handle)
{
    struct upload *u = find(files, handle);
    if (u && !u->call)
        upload_free(u);
}

void gn_files_upload_close(struct gn_files *f)
{
    GN_LIST_FOR_SAFE (n, after, &f->uploads) {
        struct upload *u = GN_CONTAINER_OF(n, struct upload, node);
        if (!u->call)
            upload_free(u); /* those at work end by themselves, or their owner aborts them */
    }
}
