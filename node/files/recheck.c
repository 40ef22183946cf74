/* node/files/recheck.c - after a start: is every file still what was hashed? What changed is not served any more. */
#include "base/os_clock.h"
#include "node/files/inside.h"

#define AT_ONCE 64U

struct recheck {
    struct gn_files_work work;
    struct gn_files *files;
    uint32_t cursor;
    size_t len, checked, changed;
    gn_time_us began;
    bool bad[AT_ONCE];
    struct gn_blob_entry entries[AT_ONCE];
};

static void run_check(struct gn_files_work *w)
{
    struct recheck *r = GN_CONTAINER_OF(w, struct recheck, work);
    for (size_t i = 0; i < r->len; i++)
        r->bad[i] = gn_blob_entry_check(&r->entries[i]) != GN_OK;
}

static void next(struct recheck *r);

static void on_checked(struct gn_files_work *w)
{
    struct recheck *r = GN_CONTAINER_OF(w, struct recheck, work);
    for (size_t i = 0; i < r->len; i++) {
        struct gn_files_item *item = gn_files_item_get(r->files, &r->entries[i].id);
        if (r->bad[i] && item) {
            r->changed++;
            gn_files_item_changed(r->files, item);
        }
    }
    r->checked += r->len;
    next(r);
}

static void next(struct recheck *r)
{
    struct gn_files *f = r->files;
    void *value = NULL;
    r->len = 0;
    while (!f->closing && r->len < AT_ONCE && gn_map_next(&f->items, &r->cursor, NULL, &value)) {
        const struct gn_files_item *item = *(struct gn_files_item **)value;
        if (gn_blob_entry_get(f->config.store, &r->entries[r->len], &item->id) == GN_OK)
            r->len++;
    }
    if (r->len > 0) {
        gn_files_work_heavy(f, &r->work, run_check, on_checked);
        return;
    }
    if (r->checked > 0)
        GN_LOG(f->log, GN_LOG_INFO, "files.rechecked", GN_F_U64("files", r->checked), GN_F_U64("changed", r->changed),
               GN_F_U64("took_us", gn_time_sub(gn_os_clock_now(), r->began)));
    f->rechecking = false;
    gn_alloc_free(f->alloc, r);
    gn_files_check_closed(f);
}

void gn_files_recheck_start(struct gn_files *f)
{
    if (gn_map_len(&f->items) == 0)
        return;
    struct recheck *r = gn_alloc_zeroed(f->alloc, 1, sizeof *r);
    if (!r)
        return; /* a file that changed is noticed when it is read, too */
    r->files = f;
    r->began = gn_os_clock_now();
    f->rechecking = true;
    next(r);
}
