/* node/files/work.c - works on the threads of the pool, and the buffers they fill. */
#include <stdlib.h>

#include "base/check.h"
#include "node/files/inside.h"

#define ALIGNMENT 4096U
#define KEPT_FREE 64U /* buffers kept for the next who needs one: 16 MiB */

/* ---- works ---- */

static void start(struct gn_files_work *w);

static void on_run(uv_work_t *req)
{
    struct gn_files_work *w = GN_CONTAINER_OF(req, struct gn_files_work, req);
    w->run(w);
}

static void on_done(uv_work_t *req, int status)
{
    struct gn_files_work *w = GN_CONTAINER_OF(req, struct gn_files_work, req);
    struct gn_files *f = w->files;
    (void)status; /* works are never cancelled */
    f->works--;
    if (w->heavy) {
        f->heavy--;
        struct gn_list_node *next = gn_list_pop_front(&f->heavy_waiting);
        if (next)
            start(GN_CONTAINER_OF(next, struct gn_files_work, node));
    }
    w->done(w);
    gn_files_check_closed(f);
}

static void start(struct gn_files_work *w)
{
    w->files->works++;
    if (w->heavy)
        w->files->heavy++;
    int rc = uv_queue_work(w->files->loop, &w->req, on_run, on_done);
    GN_CHECK(rc == 0); /* it fails only without a function to run */
}

void gn_files_work(struct gn_files *f, struct gn_files_work *w, void (*run)(struct gn_files_work *),
                   void (*done)(struct gn_files_work *))
{
    w->files = f;
    w->heavy = false;
    w->run = run;
    w->done = done;
    start(w);
}

void gn_files_work_heavy(struct gn_files *f, struct gn_files_work *w, void (*run)(struct gn_files_work *),
                         void (*done)(struct gn_files_work *))
{
    w->files = f;
    w->heavy = true;
    w->run = run;
    w->done = done;
    if (f->heavy < GN_FILES_HEAVY)
        start(w);
    else
        gn_list_push_back(&f->heavy_waiting, &w->node);
}

/* ---- buffers ---- */

struct gn_files_buf *gn_files_buf_take(struct gn_files *f)
{
    struct gn_list_node *n = gn_list_pop_front(&f->bufs_free);
    struct gn_files_buf *b = NULL;
    if (n) {
        b = GN_CONTAINER_OF(n, struct gn_files_buf, node);
        f->bufs_kept--;
    } else {
        b = gn_alloc_zeroed(f->alloc, 1, sizeof *b);
        if (!b)
            return NULL;
        b->data = aligned_alloc(ALIGNMENT, GN_FILES_BUF); /* not zeroed: it is filled before it is used */
        if (!b->data) {
            gn_alloc_free(f->alloc, b);
            return NULL;
        }
    }
    b->len = 0;
    f->bufs_used++;
    return b;
}

static void buf_free(struct gn_files *f, struct gn_files_buf *b)
{
    free(b->data);
    gn_alloc_free(f->alloc, b);
}

void gn_files_buf_give(struct gn_files *f, struct gn_files_buf *b)
{
    if (!b)
        return;
    f->bufs_used--;
    if (f->bufs_kept == KEPT_FREE) {
        buf_free(f, b);
        return;
    }
    gn_list_push_front(&f->bufs_free, &b->node); /* the warm one first */
    f->bufs_kept++;
}

void gn_files_buf_trim(struct gn_files *f)
{
    for (struct gn_list_node *n; (n = gn_list_pop_front(&f->bufs_free));)
        buf_free(f, GN_CONTAINER_OF(n, struct gn_files_buf, node));
    f->bufs_kept = 0;
}
