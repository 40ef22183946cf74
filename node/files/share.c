/* node/files/share.c - shares a file or a folder: walk, hash on two threads, list in the manifest, index, announce. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "node/files/inside.h"
#include "node/files/os_walk.h"
#include "overlay/files/manifest.h"

#define HASHERS 2U
#define STEP (UINT64_C(64) * 1024U * 1024U) /* bytes per work: a few hundredths of a second */
#define INDEX_AT_ONCE 256U

struct share;

/* A file at work, or a second pair of hands on a big one. */
struct hasher {
    struct gn_files_work work;
    struct share *share;
    size_t index;              /* of the file */
    struct gn_blob_hash *hash; /* the thread's while busy */
    struct gn_blob_hash *open; /* the same, as the loop may see it */
    struct hasher *helps;      /* steps on another's hash */
    unsigned helpers;          /* who step on ours */
    bool busy, finished;
    enum gn_err err;
    struct gn_blob_entry entry;
};

struct share {
    struct gn_list_node node;
    struct gn_files *files;
    struct gn_api_call *call; /* NULL: nobody waits */
    char *path;
    struct gn_walk walk;
    atomic_bool stop;
    bool busy; /* walking, building the manifest, pausing between pieces of the index */
    struct gn_files_work work;
    struct hasher hashers[HASHERS];
    size_t next;
    size_t left;     /* files that are not hashed yet */
    uint8_t **found; /* an encoded entry per file; NULL for folders */
    uint16_t *found_len;
    uint64_t hashed; /* bytes of finished files */
    size_t indexed;
    struct gn_blob_entry manifest;
    enum gn_err err;
    char detail[256];
};

/* ---- the end ---- */

static void drop_tree(struct share *s, size_t i)
{
    struct gn_blob_entry e;
    if (s->found[i] && !gn_blob_entry_decode(&e, gn_slice_of(s->found[i], s->found_len[i])) &&
        !gn_files_item_get(s->files, &e.id))
        gn_blob_forget(s->files->dir, &e);
}

static void share_free(struct share *s)
{
    struct gn_files *f = s->files;
    for (size_t i = 0; s->found && i < s->walk.len; i++) {
        if (s->err)
            drop_tree(s, i);
        gn_alloc_free(f->alloc, s->found[i]);
    }
    gn_alloc_free(f->alloc, s->found);
    gn_alloc_free(f->alloc, s->found_len);
    gn_os_walk_free(&s->walk);
    gn_alloc_free(f->alloc, s->path);
    gn_list_remove(&s->node);
    gn_alloc_free(f->alloc, s);
    gn_files_check_closed(f);
}

static void share_end(struct share *s)
{
    char link[GN_FILE_LINK_MAX + 1U];
    struct gn_api_file out;
    struct gn_api_call *call = s->call;
    const struct gn_files_item *item = gn_files_item_get(s->files, &s->manifest.id);
    if (!s->err && !item)
        s->err = GN_E_NO_MEMORY;
    if (call) {
        call->work = NULL;
        call->cancel = NULL;
        if (s->err) {
            gn_api_fail(call, s->err, s->detail[0] ? s->detail : NULL);
        } else {
            gn_files_item_describe(s->files, &out, link, item);
            gn_api_done(call, &out);
        }
    }
    share_free(s);
}

static bool is_quiet(const struct share *s)
{
    for (size_t i = 0; i < HASHERS; i++) {
        if (s->hashers[i].busy)
            return false;
    }
    return !s->busy;
}

/* Keeps the first error and asks everybody to stop. */
static void fail(struct share *s, enum gn_err err, const char *name)
{
    if (s->err)
        return;
    s->err = err;
    atomic_store(&s->stop, true);
    if (name && err != GN_E_CANCELLED)
        (void)snprintf(s->detail, sizeof s->detail, "%.160s: %s", name[0] ? name : s->path, gn_err_text(err));
    for (size_t i = 0; i < HASHERS; i++) {
        if (s->hashers[i].open)
            gn_blob_hash_cancel(s->hashers[i].open);
    }
}

static void end_if_quiet(struct share *s)
{
    if (!is_quiet(s))
        return;
    for (size_t i = 0; i < HASHERS; i++) {
        gn_blob_hash_close(s->hashers[i].hash);
        s->hashers[i].hash = NULL;
        s->hashers[i].open = NULL;
    }
    share_end(s);
}

static void tell(struct share *s, const char *stage, const char *name)
{
    struct gn_api_progress p = {.stage = stage,
                                .name = name && name[0] ? name : s->path,
                                .done = s->hashed,
                                .total = s->walk.total,
                                .files = s->walk.len};
    for (size_t i = 0; i < HASHERS; i++) {
        if (s->hashers[i].open)
            p.done += gn_blob_hash_bytes(s->hashers[i].open);
    }
    if (s->call)
        gn_api_part(s->call, &p);
}

/* ---- the index ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : "root";
}

static void index_some(struct share *s);

static void run_nothing(struct gn_files_work *w)
{
    (void)w;
}

static void on_pause_over(struct gn_files_work *w)
{
    struct share *s = GN_CONTAINER_OF(w, struct share, work);
    s->busy = false;
    if (s->err)
        end_if_quiet(s);
    else
        index_some(s);
}

static void list_it(struct share *s)
{
    struct gn_files *f = s->files;
    char name[GN_NAME_COMPONENT_MAX + 1U];
    gn_name_sanitize(name, gn_slice_str(base_name(s->walk.root)));
    enum gn_err err = gn_files_item_put(f, &s->manifest, name, s->walk.root, s->walk.total);
    if (!err)
        err = gn_files_items_flush(f);
    if (err)
        fail(s, err, NULL);
    else
        gn_files_provide(f, &s->manifest.id, true);
    end_if_quiet(s);
}

/* A piece of a big folder at a time, so that the loop is not held up by the disk. */
static void index_some(struct share *s)
{
    struct gn_blob_entry e;
    enum gn_err err = GN_OK;
    size_t end = s->indexed + INDEX_AT_ONCE < s->walk.len ? s->indexed + INDEX_AT_ONCE : s->walk.len;
    for (; !err && s->walk.folder && s->indexed < end; s->indexed++) {
        if (!s->found[s->indexed])
            continue;
        err = gn_blob_entry_decode(&e, gn_slice_of(s->found[s->indexed], s->found_len[s->indexed]));
        if (!err)
            err = gn_files_item_put(s->files, &e, NULL, NULL, e.length);
    }
    if (!err)
        err = gn_files_items_flush(s->files);
    if (err) {
        fail(s, err, NULL);
        end_if_quiet(s);
    } else if (s->walk.folder && s->indexed < s->walk.len) {
        s->busy = true;
        gn_files_work(s->files, &s->work, run_nothing, on_pause_over);
    } else {
        list_it(s);
    }
}

/* ---- the manifest ---- */

static enum gn_err build(struct share *s, struct gn_manifest_builder *b)
{
    struct gn_blob_entry e;
    enum gn_err err = GN_OK;
    for (size_t i = 0; !err && i < s->walk.len; i++) {
        struct gn_manifest_entry m = {.type = GN_MANIFEST_FOLDER, .path = gn_slice_str(s->walk.files[i].path)};
        if (s->found[i]) {
            err = gn_blob_entry_decode(&e, gn_slice_of(s->found[i], s->found_len[i]));
            m.type = e.flags & GN_BLOB_EXECUTABLE ? GN_MANIFEST_PROGRAM : GN_MANIFEST_FILE;
            m.length = e.length;
            memcpy(m.root, e.root.b, sizeof m.root);
        }
        if (!err)
            err = gn_manifest_builder_add(b, &m);
    }
    return err;
}

static void run_manifest(struct gn_files_work *w)
{
    struct share *s = GN_CONTAINER_OF(w, struct share, work);
    struct gn_manifest_builder b;
    gn_manifest_builder_init(&b, w->files->alloc);
    enum gn_err err = build(s, &b);
    struct gn_slice bytes = gn_manifest_builder_bytes(&b);
    if (!err && bytes.len == 0)
        err = GN_E_NO_MEMORY;
    if (!err)
        err = gn_blob_keep(w->files->dir, &s->manifest, bytes);
    gn_manifest_builder_fini(&b);
    s->manifest.flags |= GN_BLOB_MANIFEST;
    s->hashers[0].err = err;
}

static void on_manifest(struct gn_files_work *w)
{
    struct share *s = GN_CONTAINER_OF(w, struct share, work);
    s->busy = false;
    if (s->hashers[0].err)
        fail(s, s->hashers[0].err, NULL);
    if (s->err)
        end_if_quiet(s);
    else
        index_some(s);
}

static void all_hashed(struct share *s)
{
    tell(s, "announce", NULL);
    if (!s->walk.folder) {
        if (gn_blob_entry_decode(&s->manifest, gn_slice_of(s->found[0], s->found_len[0])))
            fail(s, GN_E_CORRUPT, NULL);
        index_some(s);
        return;
    }
    s->busy = true;
    gn_files_work_heavy(s->files, &s->work, run_manifest, on_manifest);
}

/* ---- hashing ---- */

static enum gn_err open_file(struct hasher *h)
{
    struct share *s = h->share;
    char path[GN_BLOB_PATH_MAX + 1U];
    const char *relative = s->walk.files[h->index].path;
    int n = relative[0] ? snprintf(path, sizeof path, "%s/%s", s->walk.root, relative)
                        : snprintf(path, sizeof path, "%s", s->walk.root);
    if (n < 0 || (size_t)n >= sizeof path)
        return GN_E_LIMIT;
    return gn_blob_hash_open(&h->hash, s->files->dir, path);
}

static void finish_file(struct hasher *h)
{
    h->err = gn_blob_hash_finish(h->hash, &h->entry);
    h->finished = !h->err;
}

/* A small file in one go; a big one 64 MiB at a time, so that another may help. */
static void run_hash(struct gn_files_work *w)
{
    struct hasher *h = GN_CONTAINER_OF(w, struct hasher, work);
    h->err = GN_OK;
    if (h->helps) {
        h->err = gn_blob_hash_step(h->helps->open, STEP);
        return;
    }
    bool first = !h->hash;
    if (first)
        h->err = open_file(h);
    if (!h->err && !gn_blob_hash_done(h->hash))
        h->err = gn_blob_hash_step(h->hash, STEP);
    if (!h->err && first && gn_blob_hash_done(h->hash))
        finish_file(h);
}

static void run_finish(struct gn_files_work *w)
{
    finish_file(GN_CONTAINER_OF(w, struct hasher, work));
}

static void give_work(struct share *s);

static enum gn_err keep_found(struct hasher *h)
{
    struct share *s = h->share;
    uint8_t bytes[GN_BLOB_ENTRY_MAX];
    size_t len = gn_blob_entry_encode(bytes, &h->entry);
    if (len == 0)
        return GN_E_LIMIT;
    s->found[h->index] = gn_alloc_zeroed(s->files->alloc, 1, len);
    if (!s->found[h->index])
        return GN_E_NO_MEMORY;
    memcpy(s->found[h->index], bytes, len);
    s->found_len[h->index] = (uint16_t)len;
    return GN_OK;
}

static void on_hashed(struct gn_files_work *w)
{
    struct hasher *h = GN_CONTAINER_OF(w, struct hasher, work);
    struct share *s = h->share;
    const char *name = s->walk.files[h->helps ? h->helps->index : h->index].path;
    h->busy = false;
    if (h->helps) {
        h->helps->helpers--;
        h->helps = NULL;
    }
    if (!h->err && h->finished)
        h->err = keep_found(h);
    if (h->err)
        fail(s, h->err, name);
    if (h->finished) {
        h->finished = false;
        s->hashed += h->entry.length;
        s->left--;
        gn_blob_hash_close(h->hash);
        h->hash = NULL;
    }
    if (h->open != h->hash) /* a helper may be looking at it */
        h->open = h->hash;
    tell(s, "hash", name);
    if (s->err)
        end_if_quiet(s);
    else
        give_work(s);
}

static bool take_next(struct hasher *h)
{
    struct share *s = h->share;
    while (s->next < s->walk.len && s->walk.files[s->next].folder)
        s->next++;
    if (s->next == s->walk.len)
        return false;
    h->index = s->next++;
    return true;
}

static void put_to_work(struct hasher *h, void (*run)(struct gn_files_work *))
{
    h->busy = true;
    gn_files_work_heavy(h->share->files, &h->work, run, on_hashed);
}

static void give_work_to(struct hasher *h)
{
    struct share *s = h->share;
    if (h->busy)
        return;
    if (h->hash && gn_blob_hash_done(h->hash)) {
        if (h->helpers == 0)
            put_to_work(h, run_finish);
        return;
    }
    if (h->hash || take_next(h)) {
        put_to_work(h, run_hash);
        return;
    }
    for (size_t i = 0; i < HASHERS; i++) {
        struct hasher *other = &s->hashers[i];
        if (other != h && other->open && !gn_blob_hash_done(other->open)) {
            h->helps = other;
            other->helpers++;
            put_to_work(h, run_hash);
            return;
        }
    }
}

static void give_work(struct share *s)
{
    for (size_t i = 0; i < HASHERS; i++)
        give_work_to(&s->hashers[i]);
    if (s->left == 0 && is_quiet(s))
        all_hashed(s);
}

/* ---- the walk ---- */

static void run_walk(struct gn_files_work *w)
{
    struct share *s = GN_CONTAINER_OF(w, struct share, work);
    s->hashers[0].err = gn_os_walk(&s->walk, s->path, &s->stop);
}

static void on_walked(struct gn_files_work *w)
{
    struct share *s = GN_CONTAINER_OF(w, struct share, work);
    enum gn_err err = s->hashers[0].err;
    s->busy = false;
    if (err) {
        fail(s, err, NULL);
        (void)snprintf(s->detail, sizeof s->detail, "%s", s->walk.detail);
    } else if (!s->err) {
        s->found = gn_alloc_zeroed(s->files->alloc, s->walk.len + 1U, sizeof *s->found);
        s->found_len = gn_alloc_zeroed(s->files->alloc, s->walk.len + 1U, sizeof *s->found_len);
        if (!s->found || !s->found_len)
            fail(s, GN_E_NO_MEMORY, NULL);
    }
    if (s->err) {
        end_if_quiet(s);
        return;
    }
    for (size_t i = 0; i < s->walk.len; i++)
        s->left += !s->walk.files[i].folder;
    if (s->walk.skipped > 0)
        GN_LOG(s->files->log, GN_LOG_INFO, "files.share.skipped", GN_F_U64("entries", s->walk.skipped));
    tell(s, "scan", NULL);
    give_work(s);
}

static void on_cancel(struct gn_api_call *call)
{
    struct share *s = call->work;
    fail(s, GN_E_CANCELLED, NULL);
    /* The call is finished when the threads have stopped. */
}

void gn_files_api_share(void *files, struct gn_api_call *call, const struct gn_api_share *req)
{
    struct gn_files *f = files;
    if (f->closing) {
        gn_api_fail(call, GN_E_CLOSED, NULL);
        return;
    }
    if (!req->path || req->path[0] != '/') {
        gn_api_fail(call, GN_E_INVALID, "the path must be absolute");
        return;
    }
    struct share *s = gn_alloc_zeroed(f->alloc, 1, sizeof *s);
    if (!s || !(s->path = gn_files_text(f, req->path))) {
        gn_alloc_free(f->alloc, s);
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    s->files = f;
    s->call = call;
    s->walk.alloc = f->alloc;
    atomic_init(&s->stop, false);
    for (size_t i = 0; i < HASHERS; i++)
        s->hashers[i].share = s;
    call->work = s;
    call->cancel = on_cancel;
    gn_list_push_back(&f->shares, &s->node);
    s->busy = true;
    gn_files_work_heavy(f, &s->work, run_walk, on_walked);
}

void gn_files_share_close(struct gn_files *f)
{
    GN_LIST_FOR (n, &f->shares)
        fail(GN_CONTAINER_OF(n, struct share, node), GN_E_CANCELLED, NULL);
}
