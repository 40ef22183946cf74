/* node/files/get.c - one file that is being fetched: when it starts, saves its state, is finished, ends. */
#include "node/files/get.h"

#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/files/os_get.h"

#define SAVE_BYTES (UINT64_C(64) * 1024U * 1024U)
#define SAVE_EVERY GN_SECONDS(5)
#define RETRY_AFTER GN_MS(500)
#define TRIES_MAX 60U

enum gn_err gn_files_get_new(struct gn_files_get **out, struct gn_files *f, const struct gn_blob_state *what,
                             void *owner)
{
    struct gn_files_get *g = gn_alloc_zeroed(f->alloc, 1, sizeof *g);
    *out = g;
    if (!g)
        return GN_E_NO_MEMORY;
    g->files = f;
    g->owner = owner;
    g->what = *what;
    g->number = UINT32_MAX;
    gn_list_init(&g->lane);
    gn_list_push_back(&f->gets, &g->node);
    return GN_OK;
}

bool gn_files_get_is_open(const struct gn_files_get *g)
{
    return g->state == GN_FILES_GET_RUNNING;
}

struct gn_files_get *gn_files_get_serving(struct gn_files *f, const struct gn_id *id)
{
    GN_LIST_FOR (n, &f->gets) {
        struct gn_files_get *g = GN_CONTAINER_OF(n, struct gn_files_get, node);
        bool there = g->state == GN_FILES_GET_RUNNING || g->state == GN_FILES_GET_FINISHING;
        if (there && g->part && gn_id_eq(&g->what.id, id) && gn_blob_part_leaves_done(g->part) > 0)
            return g;
    }
    return NULL;
}

/* ---- opening ---- */

static bool is_at_work(const struct gn_files_get *g)
{
    return g->state != GN_FILES_GET_WAITING;
}

/* Somebody has the part of this content: two must not write one file. */
static bool is_taken(const struct gn_files_get *g)
{
    GN_LIST_FOR (n, &g->files->gets) {
        const struct gn_files_get *other = GN_CONTAINER_OF(n, struct gn_files_get, node);
        if (other != g && !g->folder && !other->folder && is_at_work(other) && gn_id_eq(&other->what.id, &g->what.id))
            return true;
    }
    return false;
}

static void run_open(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    g->err = gn_os_get_open(g);
}

static void wait_again(struct gn_files_get *g)
{
    g->state = GN_FILES_GET_WAITING;
    g->files->gets_len--;
    g->retry_at = gn_time_add(gn_os_clock_now(), RETRY_AFTER);
}

static void on_opened(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    g->busy = false;
    if (g->state == GN_FILES_GET_ENDED) {
        gn_files_get_end(g, g->discard);
        return;
    }
    if (g->err == GN_E_DESCRIPTORS && ++g->tries < TRIES_MAX) {
        wait_again(g);
        return;
    }
    g->saved_at = gn_os_clock_now();
    if (!g->err && g->part) {
        g->state = GN_FILES_GET_RUNNING;
        g->opened(g, GN_OK);
    } else if (!g->err) { /* it was here already */
        g->state = GN_FILES_GET_FINISHING;
        g->finished(g, GN_OK);
    } else {
        g->opened(g, g->err);
    }
}

static void start(struct gn_files_get *g)
{
    struct gn_files *f = g->files;
    const struct gn_files_item *item = g->folder ? NULL : gn_files_item_get(f, &g->what.id);
    g->copied = false;
    if (item && item->state == GN_FILES_SHARED && gn_files_items_flush(f) == GN_OK)
        g->copied = gn_blob_entry_get(f->config.store, &g->entry, &g->what.id) == GN_OK;
    g->state = GN_FILES_GET_OPENING;
    g->busy = true;
    f->gets_len++;
    gn_files_work_heavy(f, &g->work, run_open, on_opened);
}

void gn_files_gets_start(struct gn_files *f, gn_time_us now)
{
    if (f->closing)
        return;
    GN_LIST_FOR (n, &f->gets) {
        struct gn_files_get *g = GN_CONTAINER_OF(n, struct gn_files_get, node);
        if (f->gets_len >= f->gets_max)
            return;
        if (g->state == GN_FILES_GET_WAITING && now >= g->retry_at && !is_taken(g))
            start(g);
    }
}

/* ---- saving ---- */

static void run_checkpoint(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, checkpoint_work);
    enum gn_err err = gn_blob_part_checkpoint(g->part);
    if (err)
        GN_LOG(g->files->log, GN_LOG_WARN, "files.checkpoint", GN_F_ERR("err", err));
}

static void on_checkpoint(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, checkpoint_work);
    g->checkpointing = false;
    g->saved_at = gn_os_clock_now();
    gn_files_get_let_go(g);
}

static void checkpoint(struct gn_files_get *g)
{
    g->checkpointing = true;
    g->unsaved = 0;
    gn_files_get_hold(g);
    gn_files_work_heavy(g->files, &g->checkpoint_work, run_checkpoint, on_checkpoint);
}

void gn_files_gets_tick(struct gn_files *f, gn_time_us now)
{
    GN_LIST_FOR (n, &f->gets) {
        struct gn_files_get *g = GN_CONTAINER_OF(n, struct gn_files_get, node);
        if (g->state != GN_FILES_GET_RUNNING || g->checkpointing || g->unsaved == 0)
            continue;
        if (g->unsaved >= SAVE_BYTES || gn_time_sub(now, g->saved_at) >= SAVE_EVERY)
            checkpoint(g);
    }
    gn_files_gets_start(f, now);
}

/* ---- finishing ---- */

static void run_finish(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    g->err = gn_os_get_finish(g);
}

static void on_finished(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    g->busy = false;
    if (g->state == GN_FILES_GET_ENDED) {
        gn_files_get_end(g, g->discard);
        return;
    }
    g->have_entry = !g->err;
    if (g->err == GN_E_CORRUPT || g->err == GN_E_AGAIN) {
        g->err = GN_E_CORRUPT;
        g->state = GN_FILES_GET_RUNNING;
    }
    g->finished(g, g->err);
}

static void finish_if_quiet(struct gn_files_get *g)
{
    if (!g->want_finish || g->works > 0 || g->busy || g->state != GN_FILES_GET_RUNNING)
        return;
    g->want_finish = false;
    g->state = GN_FILES_GET_FINISHING;
    g->busy = true;
    gn_files_work_heavy(g->files, &g->work, run_finish, on_finished);
}

void gn_files_get_finish(struct gn_files_get *g)
{
    g->want_finish = true;
    finish_if_quiet(g);
}

/* ---- the end ---- */

static void run_save(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    (void)!gn_blob_part_checkpoint(g->part); /* what is not saved is looked at again when it goes on */
}

static void end_if_quiet(struct gn_files_get *g);

static void on_saved(struct gn_files_work *w)
{
    struct gn_files_get *g = GN_CONTAINER_OF(w, struct gn_files_get, work);
    g->busy = false;
    end_if_quiet(g);
}

static void end_if_quiet(struct gn_files_get *g)
{
    struct gn_files *f = g->files;
    if (g->works > 0 || g->pins > 0 || g->busy)
        return;
    if (g->part && !g->discard && !g->have_entry && !g->saved) {
        g->saved = true;
        g->busy = true;
        gn_files_work_heavy(f, &g->work, run_save, on_saved);
        return;
    }
    if (g->part && g->discard && !g->have_entry)
        gn_blob_part_discard(g->part);
    gn_blob_part_close(g->part);
    gn_list_remove(&g->node);
    gn_alloc_free(f->alloc, g);
    gn_files_gets_start(f, gn_os_clock_now());
    gn_files_check_closed(f);
}

void gn_files_get_end(struct gn_files_get *g, bool discard)
{
    if (g->state != GN_FILES_GET_ENDED && is_at_work(g))
        g->files->gets_len--;
    g->state = GN_FILES_GET_ENDED;
    g->discard = discard;
    g->want_finish = false;
    end_if_quiet(g);
}

/* ---- counting ---- */

static void check(struct gn_files_get *g)
{
    if (g->state == GN_FILES_GET_ENDED)
        end_if_quiet(g);
    else
        finish_if_quiet(g);
}

void gn_files_get_hold(struct gn_files_get *g)
{
    g->works++;
}

void gn_files_get_let_go(struct gn_files_get *g)
{
    GN_CHECK(g->works > 0);
    g->works--;
    check(g);
}

void gn_files_get_pin(struct gn_files_get *g)
{
    g->pins++;
}

void gn_files_get_unpin(struct gn_files_get *g)
{
    GN_CHECK(g->pins > 0);
    g->pins--;
    check(g);
}
