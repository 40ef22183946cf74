/* node/files/transfer_files.c - the files of a transfer: one, or those that a folder's manifest names. */
#include <stdio.h>
#include <string.h>

#include "base/os_clock.h"
#include "base/os_file.h"
#include "node/files/os_get.h"
#include "node/files/transfer.h"

#define QUICK_MAX \
    GN_FETCH_RANGE_BYTES /* such files of a folder have no state of their own: after a kill they come again */

static void on_opened(struct gn_files_get *g, enum gn_err err);
static void on_finished(struct gn_files_get *g, enum gn_err err);

static void fail(struct gn_files_transfer *t, enum gn_err err, const char *detail)
{
    gn_files_transfer_end(t, GN_TRANSFER_FAILED, err, detail);
}

static enum gn_err add_get(struct gn_files_transfer *t, const struct gn_blob_state *what, bool folder)
{
    struct gn_files_get *g = NULL;
    enum gn_err err = gn_files_get_new(&g, t->files, what, t);
    if (err)
        return err;
    g->folder = folder;
    g->overwrite = t->overwrite;
    g->resumed = t->resumed;
    g->quick = t->phase == GN_TRANSFER_FILES && t->link.folder && what->length <= QUICK_MAX;
    g->opened = on_opened;
    g->finished = on_finished;
    t->gets[t->gets_len++] = g;
    return GN_OK;
}

static void forget_get(struct gn_files_transfer *t, const struct gn_files_get *g)
{
    for (size_t i = 0; i < t->gets_len; i++) {
        if (t->gets[i] != g)
            continue;
        t->gets[i] = t->gets[--t->gets_len];
        return;
    }
}

void gn_files_transfer_drop_gets(struct gn_files_transfer *t, bool discard)
{
    while (t->gets_len > 0) {
        struct gn_files_get *g = t->gets[--t->gets_len];
        gn_files_get_end(g, discard);
    }
}

/* "<data folder>/<id>.data": content that is kept here. */
static enum gn_err own_target(const struct gn_files_transfer *t, struct gn_blob_state *what)
{
    char id[GN_ID_TEXT_LEN + 1U];
    gn_id_print(id, &what->id);
    int n = snprintf(what->target, sizeof what->target, "%s/%s.data", t->files->path, id);
    what->flags |= GN_BLOB_OWN_FILE;
    return n < 0 || (size_t)n >= sizeof what->target ? GN_E_LIMIT : GN_OK;
}

/* ---- one file ---- */

static enum gn_err add_single(struct gn_files_transfer *t)
{
    struct gn_blob_state what = {
        .id = t->link.root, .root = t->root, .length = t->length, .started_at = gn_os_clock_wall()};
    enum gn_err err = GN_OK;
    t->total = t->length;
    t->no_more = true;
    if (t->place)
        (void)snprintf(what.target, sizeof what.target, "%s", t->place);
    else
        err = own_target(t, &what);
    return err ? err : add_get(t, &what, false);
}

/* ---- a folder ---- */

static enum gn_err add_manifest(struct gn_files_transfer *t)
{
    struct gn_blob_state what = {.id = t->link.root,
                                 .root = t->root,
                                 .length = t->length,
                                 .flags = GN_BLOB_MANIFEST,
                                 .started_at = gn_os_clock_wall()};
    enum gn_err err = own_target(t, &what);
    return err ? err : add_get(t, &what, false);
}

static void run_read_manifest(struct gn_files_work *w)
{
    struct gn_files_transfer *t = GN_CONTAINER_OF(w, struct gn_files_transfer, work);
    struct gn_blob_state what = {.id = t->link.root};
    size_t len = 0;
    t->work_err = own_target(t, &what);
    if (!t->work_err)
        t->work_err = gn_os_file_read(w->files->alloc, &t->manifest_bytes, &len, what.target, GN_MANIFEST_BYTES_MAX);
    if (!t->work_err)
        t->work_err = gn_manifest_open(&t->manifest, gn_slice_of(t->manifest_bytes, len));
}

static void on_manifest_read(struct gn_files_work *w)
{
    struct gn_files_transfer *t = GN_CONTAINER_OF(w, struct gn_files_transfer, work);
    t->reading = false;
    if (!t->fetch)
        return;
    if (t->work_err) {
        fail(t, t->work_err,
             gn_err_class(t->work_err) == GN_ERR_CLASS_PEER ? "the folder's list of files is malformed" : NULL);
        return;
    }
    t->phase = GN_TRANSFER_FILES;
    t->total = t->manifest.total;
    gn_files_transfer_fill(t);
    gn_files_transfer_pump(t);
}

static void read_manifest(struct gn_files_transfer *t)
{
    t->reading = true;
    gn_files_work_heavy(t->files, &t->work, run_read_manifest, on_manifest_read);
}

static enum gn_err add_entry(struct gn_files_transfer *t, const struct gn_manifest_entry *e)
{
    struct gn_blob_state what = {.length = e->length, .started_at = gn_os_clock_wall()};
    bool folder = e->type == GN_MANIFEST_FOLDER;
    memcpy(what.root.b, e->root, sizeof what.root.b);
    if (!folder)
        gn_tree_content_id(&what.id, e->length, &what.root);
    if (e->type == GN_MANIFEST_PROGRAM)
        what.flags |= GN_BLOB_EXECUTABLE;
    if (!t->place)
        return folder ? GN_OK : own_target(t, &what) == GN_OK ? add_get(t, &what, false) : GN_E_LIMIT;
    int n =
        snprintf(what.target, sizeof what.target, "%s/%.*s", t->place, (int)e->path.len, (const char *)e->path.data);
    if (n < 0 || (size_t)n >= sizeof what.target)
        return GN_E_LIMIT;
    return add_get(t, &what, folder);
}

static size_t gets_wanted(const struct gn_files_transfer *t)
{
    return t->files->gets_max < GN_TRANSFER_GETS ? t->files->gets_max : GN_TRANSFER_GETS;
}

/* ---- done ---- */

/* The content under its name: from now on it is listed and served. */
static enum gn_err list_content(struct gn_files_transfer *t)
{
    struct gn_files *f = t->files;
    struct gn_blob_entry entry;
    enum gn_err err = gn_files_items_flush(f);
    if (!err)
        err = gn_blob_entry_get(f->config.store, &entry, &t->link.root);
    if (!err)
        err = gn_files_item_put(f, &entry, t->link.name, t->place, t->total);
    return err ? err : gn_files_items_flush(f);
}

static void complete(struct gn_files_transfer *t);

static void run_sync(struct gn_files_work *w)
{
    struct gn_files_transfer *t = GN_CONTAINER_OF(w, struct gn_files_transfer, work);
    t->work_err = gn_blob_sync(w->files->dir, t->place ? t->place : w->files->path);
    if (t->work_err == GN_E_NOT_FOUND)
        t->work_err = GN_OK; /* an empty folder, which is not made yet */
}

static void on_synced(struct gn_files_work *w)
{
    struct gn_files_transfer *t = GN_CONTAINER_OF(w, struct gn_files_transfer, work);
    t->reading = false;
    t->synced = true;
    if (!t->fetch)
        return;
    if (t->work_err)
        fail(t, t->work_err, NULL);
    else
        complete(t);
}

static void complete(struct gn_files_transfer *t)
{
    if (t->link.folder && !t->synced) {
        t->reading = true;
        gn_files_work_heavy(t->files, &t->work, run_sync, on_synced);
        return;
    }
    const struct gn_files_item *item = gn_files_item_get(t->files, &t->link.root);
    enum gn_err err = GN_OK;
    if (t->link.folder && t->manifest.entries == 0 && t->place)
        err = gn_os_get_mkdirs(t->place);
    if (!err && item && !item->name)
        err = list_content(t);
    else if (!err)
        err = gn_files_items_flush(t->files);
    if (err) {
        fail(t, err, NULL);
        return;
    }
    t->have = t->total;
    gn_files_provide(t->files, &t->link.root, true);
    gn_files_transfer_end(t, GN_TRANSFER_DONE, GN_OK, NULL);
}

void gn_files_transfer_fill(struct gn_files_transfer *t)
{
    struct gn_manifest_entry e;
    if (t->phase != GN_TRANSFER_FILES || !t->fetch || t->reading)
        return;
    while (!t->no_more && t->gets_len < gets_wanted(t)) {
        if (!gn_manifest_next(&t->manifest, &e, &t->manifest_at)) {
            t->no_more = true;
            break;
        }
        enum gn_err err = add_entry(t, &e);
        if (err) {
            fail(t, err, err == GN_E_LIMIT ? "a path in the folder is too long for this place" : NULL);
            return;
        }
    }
    if (t->no_more && t->gets_len == 0)
        complete(t);
    else
        gn_files_gets_start(t->files, gn_os_clock_now());
}

void gn_files_transfer_known(struct gn_files_transfer *t)
{
    enum gn_err err = GN_OK;
    if (t->link.folder && t->length > GN_MANIFEST_BYTES_MAX) {
        fail(t, GN_E_LIMIT, "the folder's list of files is too long");
        return;
    }
    t->phase = t->link.folder ? GN_TRANSFER_MANIFEST : GN_TRANSFER_FILES;
    err = t->link.folder ? add_manifest(t) : add_single(t);
    if (err)
        fail(t, err, NULL);
    else
        gn_files_gets_start(t->files, gn_os_clock_now());
}

/* ---- a file opens, and is finished ---- */

static void mark_done(struct gn_files_transfer *t, struct gn_files_get *g)
{
    const uint32_t ranges = gn_fetch_ranges(g->what.length);
    const uint64_t leaves = gn_blob_part_leaves(g->part);
    for (uint32_t r = 0; r < ranges; r++) {
        uint64_t first = (uint64_t)r * GN_TREE_GROUP_LEAVES, at, run;
        uint64_t end = leaves - first < GN_TREE_GROUP_LEAVES ? leaves : first + GN_TREE_GROUP_LEAVES;
        if (!gn_blob_part_missing(g->part, &at, &run, first, 1) || at >= end)
            gn_fetch_file_mark(t->fetch, g->number, r);
    }
}

static void begin_ranges(struct gn_files_transfer *t, struct gn_files_get *g)
{
    if (gn_blob_part_complete(g->part)) {
        gn_files_get_finish(g);
        return;
    }
    enum gn_err err = gn_fetch_file_add(t->fetch, &g->number, g->what.length);
    if (err) {
        fail(t, err, NULL);
        return;
    }
    mark_done(t, g);
    gn_files_transfer_pump(t);
}

static void get_failed(struct gn_files_transfer *t, const struct gn_files_get *g, enum gn_err err)
{
    char detail[GN_TRANSFER_DETAIL];
    if (err != GN_E_EXISTS) {
        fail(t, err, NULL);
        return;
    }
    (void)snprintf(detail, sizeof detail, "another file is at %.160s already", g->what.target);
    fail(t, err, detail);
}

static void on_opened(struct gn_files_get *g, enum gn_err err)
{
    struct gn_files_transfer *t = g->owner;
    if (err)
        get_failed(t, g, err);
    else
        begin_ranges(t, g);
}

static enum gn_err index_get(struct gn_files_transfer *t, struct gn_files_get *g)
{
    bool single = !t->link.folder;
    if (!g->have_entry)
        return GN_OK;
    g->entry.flags |= g->what.flags;
    return gn_files_item_put(t->files, &g->entry, single ? t->link.name : NULL, single ? t->place : NULL, t->total);
}

static void on_finished(struct gn_files_get *g, enum gn_err err)
{
    struct gn_files_transfer *t = g->owner;
    if (err == GN_E_CORRUPT) { /* the disk has lost some of it: those ranges come again */
        GN_LOG(t->files->log, GN_LOG_ERROR, "files.disk.lost", GN_F_ID("content", &g->what.id));
        begin_ranges(t, g);
        return;
    }
    if (!err)
        err = index_get(t, g);
    if (err) {
        get_failed(t, g, err);
        return;
    }
    if (t->phase == GN_TRANSFER_FILES)
        t->have += g->what.length;
    forget_get(t, g);
    gn_files_get_end(g, false);
    if (t->phase == GN_TRANSFER_MANIFEST)
        read_manifest(t);
    else
        gn_files_transfer_fill(t);
    gn_files_transfer_pump(t);
}

void gn_files_transfer_range_written(struct gn_files_transfer *t, uint64_t bytes)
{
    t->files->fetched_bytes += bytes;
    if (!t->announced && t->fetch && !t->files->closing) {
        t->announced = true; /* others may have from us what we have already */
        gn_files_provide(t->files, &t->link.root, true);
    }
}
