/* tests/support/files_world.c - nodes with the file service in one process. */
#include "tests/support/files_world.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/rng.h"
#include "storage/lmdb_store.h"

/* ---- the loop ---- */

static void on_late(uv_timer_t *t)
{
    struct world *w = t->data;
    w->late = true;
}

static void arm(struct world *w, unsigned ms)
{
    w->late = false;
    uv_update_time(&w->loop);
    (void)uv_timer_start(&w->timer, on_late, ms, 0);
}

bool world_run(struct world *w, const bool *flag)
{
    arm(w, WORLD_WAIT_MS);
    while (!*flag && !w->late)
        (void)uv_run(&w->loop, UV_RUN_ONCE);
    (void)uv_timer_stop(&w->timer);
    return *flag;
}

static void on_nothing(uv_timer_t *t)
{
    (void)t;
}

bool world_run_until(struct world *w, bool (*check)(void *data), void *data)
{
    uv_timer_t tick;
    bool found = false;
    (void)uv_timer_init(&w->loop, &tick);
    (void)uv_timer_start(&tick, on_nothing, 1, 5);
    arm(w, WORLD_WAIT_MS);
    while (!(found = check(data)) && !w->late)
        (void)uv_run(&w->loop, UV_RUN_ONCE);
    (void)uv_timer_stop(&w->timer);
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    return found;
}

void world_run_for(struct world *w, unsigned ms)
{
    arm(w, ms);
    while (!w->late)
        (void)uv_run(&w->loop, UV_RUN_ONCE);
}

/* ---- the world ---- */

const char *world_path(struct world *w, const char *name)
{
    static char paths[4][2 * WORLD_PATH];
    static unsigned next;
    char *out = paths[next++ % 4U];
    (void)snprintf(out, sizeof paths[0], "%s/%s", w->dir, name);
    return out;
}

void world_start(struct world *w)
{
    const char *root = getenv("TMPDIR");
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "%s/gn-files-XXXXXX", root && strlen(root) < 200 ? root : "/tmp");
    GN_CHECK(mkdtemp(w->dir) != NULL);
    GN_CHECK(uv_loop_init(&w->loop) == 0);
    (void)uv_timer_init(&w->loop, &w->timer);
    w->timer.data = w;
    GN_CHECK(gn_uv_udp_pool_new(&w->pool, &w->loop, gn_alloc_default()) == GN_OK);
    for (unsigned i = 0; i < WORLD_NODES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "node%u", i);
        (void)snprintf(w->nodes[i].dir, sizeof w->nodes[i].dir, "%s", world_path(w, name));
        GN_CHECK(mkdir(w->nodes[i].dir, 0700) == 0);
    }
}

static int unlink_any(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void world_remove(const char *path)
{
    (void)nftw(path, unlink_any, 16, FTW_DEPTH | FTW_PHYS);
}

void world_node_wipe(struct world *w, unsigned i)
{
    GN_CHECK(!w->nodes[i].host);
    world_remove(w->nodes[i].dir);
    GN_CHECK(mkdir(w->nodes[i].dir, 0700) == 0);
}

void world_end(struct world *w)
{
    for (unsigned i = 0; i < WORLD_NODES; i++)
        world_node_stop(w, i);
    gn_uv_udp_pool_close(w->pool);
    uv_close((uv_handle_t *)&w->timer, NULL);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    GN_CHECK(uv_loop_close(&w->loop) == 0);
    world_remove(w->dir);
}

static void log_line(void *sink, enum gn_log_level level, const char *event, const struct gn_field *fields, size_t len)
{
    char line[GN_LOG_LINE_MAX];
    char stamp[16];
    (void)snprintf(stamp, sizeof stamp, "%s", (const char *)sink);
    (void)gn_log_format_text(line, stamp, level, event, fields, len);
    (void)fputs(line, stderr);
}

enum gn_err world_node_start(struct world *w, unsigned i, bool files)
{
    static char names[WORLD_NODES][8];
    static struct gn_log logs[WORLD_NODES];
    struct world_node *n = &w->nodes[i];
    char path[2 * WORLD_PATH], why[GN_LMDB_STORE_WHY_MAX];
    struct gn_addr listen = {.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}};
    (void)snprintf(names[i], sizeof names[i], "node%u ", i);
    logs[i] =
        (struct gn_log){.level = GN_LOG_DEBUG, .sink = getenv("GN_TEST_LOG") ? log_line : NULL, .sink_data = names[i]};
    (void)snprintf(path, sizeof path, "%s/store", n->dir);
    struct gn_lmdb_store_options options = {.path = path, .no_sync = true};
    GN_CHECK(gn_lmdb_store_open(&n->store, why, gn_alloc_default(), &options) == GN_OK);
    struct gn_host_config config = {.loop = &w->loop,
                                    .pool = w->pool,
                                    .alloc = gn_alloc_default(),
                                    .log = &logs[i],
                                    .store = n->store,
                                    .listen = &listen,
                                    .listen_len = 1,
                                    .links = true,
                                    .connections_max = 64};
    config.identity_seed[0] = (uint8_t)(i + 1U);
    config.overlay.mode = GN_MODE_SERVER;
    config.overlay.allow_private = true;
    GN_CHECK(gn_host_new(&n->host, NULL, &config) == GN_OK);
    if (!files)
        return GN_OK;
    (void)snprintf(path, sizeof path, "%s/blobs", n->dir);
    struct gn_files_config fc = {.loop = &w->loop,
                                 .host = n->host,
                                 .store = n->store,
                                 .path = path,
                                 .alloc = w->files_alloc ? w->files_alloc : gn_alloc_default(),
                                 .log = &logs[i]};
    return gn_files_new(&n->files, &fc);
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

void world_node_stop(struct world *w, unsigned i)
{
    struct world_node *n = &w->nodes[i];
    bool closed = false;
    if (n->files) {
        gn_files_close(n->files, on_closed, &closed);
        GN_CHECK(world_run(w, &closed));
        n->files = NULL;
    }
    closed = false;
    if (n->host) {
        gn_host_close(n->host, on_closed, &closed);
        GN_CHECK(world_run(w, &closed));
        n->host = NULL;
    }
    gn_store_close(n->store);
    n->store = NULL;
}

/* ---- files ---- */

void world_file(const char *path, uint64_t len, uint32_t seed)
{
    static uint8_t block[1U << 16U];
    struct gn_rng rng;
    gn_rng_init_test(&rng, seed, 1);
    FILE *f = fopen(path, "wb");
    GN_CHECK(f != NULL);
    gn_rng_bytes(&rng, block, sizeof block);
    for (uint64_t at = 0; at < len; at += sizeof block) {
        size_t n = (size_t)(len - at < sizeof block ? len - at : sizeof block);
        memcpy(block, &at, sizeof at); /* no two blocks alike */
        GN_CHECK(fwrite(block, 1, n, f) == n);
    }
    GN_CHECK(fclose(f) == 0);
}

bool world_same(const char *a, const char *b)
{
    static uint8_t x[1U << 16U], y[1U << 16U];
    FILE *fa = fopen(a, "rb"), *fb = fopen(b, "rb");
    bool same = fa && fb;
    while (same) {
        size_t n = fread(x, 1, sizeof x, fa);
        size_t m = fread(y, 1, sizeof y, fb);
        same = n == m && memcmp(x, y, n) == 0;
        if (n == 0)
            break;
    }
    if (fa)
        (void)fclose(fa);
    if (fb)
        (void)fclose(fb);
    return same;
}

/* ---- calls ---- */

static void take_err(struct world_answer *a, enum gn_err err, const char *detail)
{
    a->over = true;
    a->err = err;
    (void)snprintf(a->detail, sizeof a->detail, "%s", detail ? detail : "");
}

static void on_part(struct gn_api_call *call, const void *part)
{
    struct world_answer *a = call->asker;
    (void)part;
    a->parts++;
}

void world_answer_init(struct world_answer *a)
{
    uint8_t *bytes = a->bytes;
    memset(a, 0, sizeof *a);
    a->bytes = bytes;
    a->call.asker = a;
    a->call.part = on_part;
}

static void on_file(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    const struct gn_api_file *f = result;
    take_err(a, err, detail);
    if (!f)
        return;
    a->root = f->root;
    a->size = f->size;
    a->have = f->have;
    (void)snprintf(a->name, sizeof a->name, "%s", f->name);
    (void)snprintf(a->state, sizeof a->state, "%s", f->state);
    (void)snprintf(a->link, sizeof a->link, "%s", f->link ? f->link : "");
}

enum gn_err world_share(struct world *w, unsigned i, struct world_answer *a, const char *path)
{
    world_answer_init(a);
    a->call.finish = on_file;
    gn_files_api_share(w->nodes[i].files, &a->call, &(struct gn_api_share){.path = path});
    return world_run(w, &a->over) ? a->err : GN_E_TIMEOUT;
}

enum gn_err world_commit(struct world *w, unsigned i, struct world_answer *a, uint64_t upload)
{
    world_answer_init(a);
    a->call.finish = on_file;
    gn_files_api_upload_commit(w->nodes[i].files, &a->call, &(struct gn_api_handle){.handle = upload});
    return world_run(w, &a->over) ? a->err : GN_E_TIMEOUT;
}

static void on_transfer(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    const struct gn_api_transfer *t = result;
    take_err(a, err, detail);
    if (!t)
        return;
    a->id = t->id;
    a->root = t->root;
    a->size = t->size;
    a->have = t->have;
    a->dropped = t->dropped;
    a->err = t->err;
    (void)snprintf(a->state, sizeof a->state, "%s", t->state);
    (void)snprintf(a->detail, sizeof a->detail, "%s", t->detail ? t->detail : "");
}

enum gn_err world_fetch(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path)
{
    world_answer_init(a);
    a->call.finish = on_transfer;
    gn_files_api_fetch(w->nodes[i].files, &a->call, &(struct gn_api_fetch){.link = link, .path = path});
    return world_run(w, &a->over) ? a->err : GN_E_TIMEOUT;
}

enum gn_err world_wait(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer)
{
    world_answer_init(a);
    a->call.finish = on_transfer;
    gn_files_api_transfer_watch(w->nodes[i].files, &a->call, transfer);
    if (world_run(w, &a->over))
        return a->err;
    a->call.gone = true;
    a->call.cancel(&a->call);
    return GN_E_TIMEOUT;
}

enum gn_err world_fetch_all(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path)
{
    enum gn_err err = world_fetch(w, i, a, link, path);
    return err ? err : world_wait(w, i, a, a->id);
}

struct wanted {
    struct world_answer *a;
    struct gn_id root;
    bool found;
};

static void on_files(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct wanted *wanted = call->asker;
    const struct gn_api_files *files = result;
    struct world_answer *a = wanted->a;
    struct gn_id root = wanted->root;
    call->asker = a;
    take_err(a, err, detail);
    a->len = files ? files->len : 0;
    for (size_t i = 0; files && i < files->len; i++) {
        if (!gn_id_eq(&files->items[i].root, &root))
            continue;
        on_file(call, GN_OK, NULL, &files->items[i]);
        wanted->found = true;
    }
}

enum gn_err world_listed(struct world *w, unsigned i, struct world_answer *a, const struct gn_id *root)
{
    struct wanted wanted = {.a = a, .root = *root};
    world_answer_init(a);
    a->call.asker = &wanted;
    a->call.finish = on_files;
    gn_files_api_files(w->nodes[i].files, &a->call);
    return wanted.found ? a->err : GN_E_NOT_FOUND;
}

enum gn_err world_fetch_over(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path)
{
    world_answer_init(a);
    a->call.finish = on_transfer;
    gn_files_api_fetch(w->nodes[i].files, &a->call,
                       &(struct gn_api_fetch){.link = link, .path = path, .overwrite = true});
    enum gn_err err = world_run(w, &a->over) ? a->err : GN_E_TIMEOUT;
    return err ? err : world_wait(w, i, a, a->id);
}

static void on_cancelled(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    on_transfer(call, err, detail, result);
    a->err = err; /* of the call, not of the transfer */
}

enum gn_err world_cancel(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer)
{
    world_answer_init(a);
    a->call.finish = on_cancelled;
    gn_files_api_transfer_cancel(w->nodes[i].files, &a->call, transfer);
    return world_run(w, &a->over) ? a->err : GN_E_TIMEOUT;
}

static void on_transfers(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    const struct gn_api_transfers *all = result;
    uint64_t want = a->id;
    take_err(a, GN_E_NOT_FOUND, detail);
    for (size_t i = 0; err == GN_OK && i < all->len; i++) {
        if (all->items[i].id == want)
            on_cancelled(call, GN_OK, NULL, &all->items[i]);
    }
}

enum gn_err world_transfer(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer)
{
    a->bytes = NULL;
    world_answer_init(a);
    a->id = transfer;
    a->call.finish = on_transfers;
    gn_files_api_transfers(w->nodes[i].files, &a->call);
    return a->err;
}

static void on_open(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    const struct gn_api_open_file *f = result;
    take_err(a, err, detail);
    if (f) {
        a->handle = f->handle;
        a->size = f->size;
    }
}

static void on_read(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *a = call->asker;
    const struct gn_slice *s = result;
    take_err(a, err, detail);
    if (s) {
        memcpy(a->bytes + a->len, s->data, s->len);
        a->len += s->len;
    }
}

enum gn_err world_read(struct world *w, unsigned i, struct world_answer *a, const struct gn_id *root)
{
    struct gn_files *f = w->nodes[i].files;
    world_answer_init(a);
    a->call.finish = on_open;
    gn_files_api_file_open(f, &a->call, root);
    if (!world_run(w, &a->over) || a->err)
        return a->err ? a->err : GN_E_TIMEOUT;
    a->call.finish = on_read;
    while (!a->err && a->len < a->size) {
        uint64_t left = a->size - a->len;
        a->over = false;
        gn_files_api_file_read(f, &a->call,
                               &(struct gn_api_read){.handle = a->handle,
                                                     .offset = a->len,
                                                     .len = left < GN_API_READ_MAX ? (size_t)left : GN_API_READ_MAX});
        if (!world_run(w, &a->over))
            return GN_E_TIMEOUT;
    }
    gn_files_api_file_close(f, a->handle);
    return a->err;
}

uint64_t world_served(struct world *w, unsigned i)
{
    struct gn_files_stats stats;
    gn_files_stats(w->nodes[i].files, &stats);
    return stats.served_bytes;
}

bool world_state_is(void *data)
{
    struct state_wait *s = data;
    static struct world_answer a;
    return world_listed(s->w, s->node, &a, s->root) == GN_OK && strcmp(a.state, s->want) == 0;
}
