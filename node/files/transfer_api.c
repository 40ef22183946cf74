/* node/files/transfer_api.c - fetch, list, watch, cancel: what the control API asks of transfers. */
#include <string.h>

#include "base/os_clock.h"
#include "node/files/transfer.h"

struct watcher {
    struct gn_list_node node;
    struct gn_files *files;
    struct gn_api_call *call;
};

static struct gn_files_transfer *find(struct gn_files *f, uint64_t id)
{
    GN_LIST_FOR (n, &f->transfers) {
        struct gn_files_transfer *t = GN_CONTAINER_OF(n, struct gn_files_transfer, node);
        if (t->id == id)
            return t;
    }
    return NULL;
}

/* ---- fetch ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Is the same content on its way? */
static struct gn_files_transfer *twin_of(const struct gn_files_transfer *t)
{
    GN_LIST_FOR (n, &t->files->transfers) {
        struct gn_files_transfer *other = GN_CONTAINER_OF(n, struct gn_files_transfer, node);
        if (other != t && other->fetch && gn_id_eq(&other->link.root, &t->link.root) &&
            same_text(other->place, t->place))
            return other;
    }
    return NULL;
}

static void forget_old(struct gn_files *f)
{
    size_t n = 0;
    GN_LIST_FOR (at, &f->transfers)
        n++;
    GN_LIST_FOR_SAFE (at, after, &f->transfers) {
        struct gn_files_transfer *t = GN_CONTAINER_OF(at, struct gn_files_transfer, node);
        if (n <= GN_TRANSFERS_KEPT)
            return;
        if (t->fetch || t->ranges > 0 || t->reading || t->searching || !gn_list_is_empty(&t->watchers))
            continue;
        gn_files_transfer_free(t);
        n--;
    }
}

static const char *why_not(enum gn_err err)
{
    if (err == GN_E_INVALID)
        return "this is no link: a link is ghost: and 52 characters, then ?name=... (or the path is not absolute)";
    return err == GN_E_LIMIT ? "the link is too long" : NULL;
}

void gn_files_api_fetch(void *files, struct gn_api_call *call, const struct gn_api_fetch *req)
{
    struct gn_files *f = files;
    struct gn_files_transfer *t = NULL;
    struct gn_api_transfer out;
    if (f->closing || gn_files_transfers_running(f) >= GN_TRANSFERS_MAX) {
        gn_api_fail(call, f->closing ? GN_E_CLOSED : GN_E_FULL, f->closing ? NULL : "too many transfers at once");
        return;
    }
    if (req->path && (req->path[0] != '/' || strlen(req->path) > GN_BLOB_PATH_MAX)) {
        gn_api_fail(call, GN_E_INVALID, "the path must be absolute and at most 4095 bytes");
        return;
    }
    enum gn_err err = gn_files_transfer_new(&t, f, req->link, req->path, req->overwrite);
    if (err) {
        gn_api_fail(call, err, why_not(err));
        return;
    }
    struct gn_files_transfer *twin = twin_of(t);
    if (twin) {
        gn_files_transfer_free(t);
        t = twin;
    } else {
        t->id = f->next_transfer++;
        forget_old(f);
        gn_files_transfers_save(f);
        gn_files_transfer_begin(t);
    }
    gn_files_transfer_describe(t, &out);
    gn_api_done(call, &out);
}

/* ---- list ---- */

void gn_files_api_transfers(void *files, struct gn_api_call *call)
{
    struct gn_files *f = files;
    struct gn_api_transfers out = {0};
    size_t n = 0;
    GN_LIST_FOR (at, &f->transfers)
        n++;
    struct gn_api_transfer *items = gn_alloc_zeroed(f->alloc, n + 1U, sizeof *items);
    if (!items) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    GN_LIST_FOR (at, &f->transfers)
        gn_files_transfer_describe(GN_CONTAINER_OF(at, struct gn_files_transfer, node), &items[out.len++]);
    out.items = items;
    gn_api_done(call, &out);
    gn_alloc_free(f->alloc, items);
}

/* ---- watch ---- */

static void watcher_free(struct watcher *w)
{
    gn_list_remove(&w->node);
    w->call->work = NULL;
    w->call->cancel = NULL;
    gn_alloc_free(w->files->alloc, w);
}

static void on_watcher_gone(struct gn_api_call *call)
{
    watcher_free(call->work);
    gn_api_fail(call, GN_E_CANCELLED, NULL);
}

void gn_files_api_transfer_watch(void *files, struct gn_api_call *call, uint64_t id)
{
    struct gn_files *f = files;
    struct gn_files_transfer *t = find(f, id);
    struct gn_api_transfer now;
    if (!t) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such transfer");
        return;
    }
    gn_files_transfer_describe(t, &now);
    if (!t->fetch) {
        gn_api_done(call, &now);
        return;
    }
    struct watcher *w = gn_alloc_zeroed(f->alloc, 1, sizeof *w);
    if (!w) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    w->files = f;
    w->call = call;
    call->work = w;
    call->cancel = on_watcher_gone;
    gn_list_push_back(&t->watchers, &w->node);
    gn_api_part(call, &now);
}

void gn_files_transfer_tell(struct gn_files_transfer *t, bool ended)
{
    struct gn_api_transfer out;
    if (gn_list_is_empty(&t->watchers))
        return;

    gn_files_transfer_describe(t, &out);
    if (ended) {
        for (struct gn_list_node *n; (n = gn_list_first(&t->watchers));) {
            struct watcher *w = GN_CONTAINER_OF(n, struct watcher, node);
            struct gn_api_call *call = w->call;
            watcher_free(w);
            gn_api_done(call, &out);
        }
        return;
    }
    GN_LIST_FOR_SAFE (n, after, &t->watchers)
        gn_api_part(GN_CONTAINER_OF(n, struct watcher, node)->call, &out);
}

/* ---- cancel ---- */

void gn_files_api_transfer_cancel(void *files, struct gn_api_call *call, uint64_t id)
{
    struct gn_files_transfer *t = find(files, id);
    struct gn_api_transfer out;
    if (!t) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such transfer");
        return;
    }
    gn_files_transfer_end(t, GN_TRANSFER_CANCELLED, GN_E_CANCELLED, "cancelled");
    gn_files_transfer_describe(t, &out);
    gn_api_done(call, &out);
}
