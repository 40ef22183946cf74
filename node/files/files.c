/* node/files/files.c - the service's life: opened, ticking while something is on its way, closed when all is quiet. */
#include "node/files/files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/os_random.h"
#include "node/files/inside.h"

/* Descriptors: a file that is served needs two, one that is fetched three. A quarter of the limit is ours. */
#define OPENS_MIN 4U
#define OPENS_MAX 64U
#define GETS_MIN 2U
#define GETS_MAX 32U

static void set_limits(struct gn_files *f)
{
    struct rlimit limit;
    size_t ours = 1024;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 4U < ours)
        ours = (size_t)limit.rlim_cur / 4U;
    f->opens_max = ours / 4U < OPENS_MIN ? OPENS_MIN : ours / 4U > OPENS_MAX ? OPENS_MAX : ours / 4U;
    f->gets_max = ours / 6U < GETS_MIN ? GETS_MIN : ours / 6U > GETS_MAX ? GETS_MAX : ours / 6U;
}

static void init_lists(struct gn_files *f)
{
    struct gn_list *const lists[] = {&f->heavy_waiting, &f->bufs_free, &f->opens,   &f->servers,
                                     &f->starved,       &f->shares,    &f->uploads, &f->readers,
                                     &f->transfers,     &f->gets,      &f->pending, &f->ops};
    for (size_t i = 0; i < GN_ARRAY_LEN(lists); i++)
        gn_list_init(lists[i]);
    gn_map_init(&f->items, f->alloc, GN_ID_BYTES, sizeof(struct gn_files_item *), GN_FILES_ITEMS_MAX);
}

/* ---- ticking ---- */

static bool needs_tick(const struct gn_files *f)
{
    return gn_files_transfers_running(f) > 0 || !gn_list_is_empty(&f->gets) || !gn_list_is_empty(&f->pending);
}

static void on_tick(uv_timer_t *timer)
{
    struct gn_files *f = timer->data;
    gn_files_transfers_tick(f);
    (void)!gn_files_items_flush(f); /* logged; tried again with the next tick */
    if (needs_tick(f))
        return;
    (void)uv_timer_stop(&f->tick);
    f->tick_on = false;
    if (gn_list_is_empty(&f->servers))
        gn_files_buf_trim(f);
}

void gn_files_tick_start(struct gn_files *f)
{
    if (f->tick_on || f->closing)
        return;
    f->tick_on = true;
    (void)uv_timer_start(&f->tick, on_tick, GN_FILES_TICK_MS, GN_FILES_TICK_MS);
}

static size_t length(const struct gn_list *l)
{
    size_t n = 0;
    GN_LIST_FOR (at, l)
        n++;
    return n;
}

void gn_files_stats(const struct gn_files *f, struct gn_files_stats *out)
{
    *out = (struct gn_files_stats){.files = f->listed,
                                   .members = gn_map_len(&f->items) - f->listed,
                                   .transfers = gn_files_transfers_running(f),
                                   .streams = length(&f->servers),
                                   .served_bytes = f->served_bytes,
                                   .fetched_bytes = f->fetched_bytes};
}

/* ---- life ---- */

static void files_free(struct gn_files *f)
{
    gn_files_items_free(f);
    gn_files_buf_trim(f);
    gn_blob_dir_close(f->dir);
    gn_sodium_crypto_wipe(&f->nobody);
    gn_rng_wipe(&f->rng);
    free(f->path);
    gn_alloc_free(f->alloc, f);
}

enum gn_err gn_files_new(struct gn_files **out, const struct gn_files_config *config)
{
    static const uint8_t no_seed[32];
    *out = NULL;
    struct gn_files *f = gn_alloc_zeroed(config->alloc, 1, sizeof *f);
    if (!f)
        return GN_E_NO_MEMORY;
    f->config = *config;
    f->loop = config->loop;
    f->host = config->host;
    f->links = gn_host_links(config->host);
    f->alloc = config->alloc;
    f->log = config->log;
    f->next_handle = 1;
    f->next_transfer = 1;
    init_lists(f);
    set_limits(f);
    gn_sodium_crypto_identity(&f->nobody, no_seed);
    gn_sodium_crypto_init(&f->crypto, &f->nobody);
    enum gn_err err = gn_os_random_seed(&f->rng);
    if (!err)
        err = gn_blob_dir_open(&f->dir, f->alloc, config->path);
    if (!err && !(f->path = realpath(config->path, NULL)))
        err = GN_E_NO_MEMORY;
    if (!err)
        err = gn_files_items_load(f);
    if (err) {
        files_free(f);
        return err;
    }
    f->config.path = f->path;
    (void)uv_timer_init(f->loop, &f->tick); /* cannot fail */
    f->tick.data = f;
    gn_files_serve_start(f);
    gn_files_recheck_start(f);
    gn_files_transfers_load(f);
    *out = f;
    return GN_OK;
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct gn_files *f = handle->data;
    void (*closed)(void *) = f->closed;
    void *data = f->closed_data;
    gn_files_transfers_free(f);
    files_free(f);
    if (closed)
        closed(data);
}

/* Everything that may still be heard of: works of threads, lent buffers, operations of the overlay. */
static bool is_quiet(const struct gn_files *f)
{
    return f->works == 0 && !f->rechecking && gn_list_is_empty(&f->ops) && gn_list_is_empty(&f->servers) &&
           gn_list_is_empty(&f->shares) && gn_list_is_empty(&f->uploads) && gn_list_is_empty(&f->readers) &&
           gn_list_is_empty(&f->gets);
}

void gn_files_check_closed(struct gn_files *f)
{
    if (!f->closing || f->closed_told || !is_quiet(f))
        return;
    f->closed_told = true;
    gn_files_open_close_idle(f);
    (void)!gn_files_items_flush(f);
    uv_close((uv_handle_t *)&f->tick, on_tick_closed);
}

void gn_files_close(struct gn_files *f, void (*closed)(void *data), void *data)
{
    f->closed = closed;
    f->closed_data = data;
    (void)!gn_files_items_flush(f);
    f->closing = true;
    if (f->links)
        gn_links_serve(f->links, GN_LINK_FILE, NULL, NULL);
    gn_files_transfers_close(f);
    gn_files_serve_close(f);
    gn_files_share_close(f);
    gn_files_upload_close(f);
    gn_files_reader_close(f);
    gn_files_ops_cancel(f, NULL);
    if (f->links) /* buffers that a dead peer never acknowledges come back when its connection is closed */
        gn_links_drain(f->links);
    gn_files_check_closed(f);
}
