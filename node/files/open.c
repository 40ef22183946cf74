/* node/files/open.c - open files: shared by all who read them, opened on a thread, bounded in number. */
#include <string.h>

#include "base/check.h"
#include "node/files/inside.h"

static void tell_waiters(struct gn_files_open *o);

static void open_free(struct gn_files_open *o)
{
    struct gn_files *f = o->files;
    gn_list_remove(&o->node);
    f->opens_len--;
    gn_blob_close(o->blob);
    gn_alloc_free(f->alloc, o);
}

void gn_files_open_put(struct gn_files_open *o)
{
    GN_CHECK(o->refs > 0);
    if (--o->refs > 0 || o->opening)
        return;
    if (o->stale || o->files->closing)
        open_free(o);
    else
        gn_list_move_back(&o->files->opens, &o->node);
}

static void run_open(struct gn_files_work *w)
{
    struct gn_files_open *o = GN_CONTAINER_OF(w, struct gn_files_open, work);
    o->err = gn_blob_open(&o->blob, w->files->dir, &o->entry);
}

static void on_opened(struct gn_files_work *w)
{
    struct gn_files_open *o = GN_CONTAINER_OF(w, struct gn_files_open, work);
    struct gn_files *f = o->files;
    struct gn_files_item *item = gn_files_item_get(f, &o->entry.id);
    bool lost =
        o->err == GN_E_CHANGED || o->err == GN_E_CORRUPT || o->err == GN_E_NOT_FOUND; /* the file, or its tree */
    bool current = !o->stale;
    o->opening = false;
    if (o->err)
        o->stale = true; /* nobody finds it any more */
    if (lost && current && item)
        gn_files_item_changed(f, item);
    tell_waiters(o);
}

static void tell_waiters(struct gn_files_open *o)
{
    o->refs++; /* while we look at it */
    for (struct gn_list_node *n; (n = gn_list_pop_front(&o->waiters));) {
        struct gn_files_waiter *w = GN_CONTAINER_OF(n, struct gn_files_waiter, node);
        if (!o->err)
            o->refs++;
        w->ready(w, o->err ? NULL : o, o->err);
    }
    gn_files_open_put(o);
}

/* Makes room for one more. False: all are in use. */
static bool make_room(struct gn_files *f)
{
    if (f->opens_len < f->opens_max)
        return true;
    GN_LIST_FOR (n, &f->opens) {
        struct gn_files_open *o = GN_CONTAINER_OF(n, struct gn_files_open, node);
        if (o->refs == 0 && !o->opening) {
            open_free(o);
            return true;
        }
    }
    return false;
}

static struct gn_files_open *find(struct gn_files *f, const struct gn_id *id)
{
    GN_LIST_FOR (n, &f->opens) {
        struct gn_files_open *o = GN_CONTAINER_OF(n, struct gn_files_open, node);
        if (!o->stale && gn_id_eq(&o->entry.id, id))
            return o;
    }
    return NULL;
}

static enum gn_err open_new(struct gn_files *f, struct gn_files_open **out, const struct gn_id *id)
{
    *out = NULL;
    if (f->closing)
        return GN_E_CLOSED;
    const struct gn_files_item *item = gn_files_item_get(f, id);
    if (!item)
        return GN_E_NOT_FOUND;
    if (item->state == GN_FILES_CHANGED)
        return GN_E_CHANGED;
    enum gn_err err = gn_files_items_flush(f); /* its entry may be on its way to the store */
    if (!err && !make_room(f))
        err = GN_E_DESCRIPTORS;
    if (err)
        return err;
    struct gn_files_open *o = gn_alloc_zeroed(f->alloc, 1, sizeof *o);
    if (!o)
        return GN_E_NO_MEMORY;
    err = gn_blob_entry_get(f->config.store, &o->entry, id);
    if (err) {
        gn_alloc_free(f->alloc, o);
        return err;
    }
    o->files = f;
    gn_list_init(&o->waiters);
    gn_list_push_back(&f->opens, &o->node);
    f->opens_len++;
    *out = o;
    return GN_OK;
}

void gn_files_open_get(struct gn_files *f, struct gn_files_waiter *w, const struct gn_id *id)
{
    struct gn_files_open *o = find(f, id);
    enum gn_err err = GN_OK;
    if (!o) {
        err = open_new(f, &o, id);
        if (err) {
            w->ready(w, NULL, err);
            return;
        }
        o->opening = true;
        gn_files_work(f, &o->work, run_open, on_opened);
    }
    if (o->opening) {
        gn_list_push_back(&o->waiters, &w->node);
        return;
    }
    o->refs++;
    w->ready(w, o, GN_OK);
}

void gn_files_open_cancel(struct gn_files_waiter *w)
{
    gn_list_remove(&w->node);
}

void gn_files_open_forget(struct gn_files *f, const struct gn_id *id)
{
    struct gn_files_open *o = find(f, id);
    if (!o)
        return;
    o->stale = true;
    if (o->refs == 0 && !o->opening)
        open_free(o);
}

void gn_files_open_close_idle(struct gn_files *f)
{
    GN_LIST_FOR_SAFE (n, after, &f->opens) {
        struct gn_files_open *o = GN_CONTAINER_OF(n, struct gn_files_open, node);
        if (o->refs == 0 && !o->opening)
            open_free(o);
    }
}
