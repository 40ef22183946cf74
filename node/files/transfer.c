/* node/files/transfer.c - a transfer's life, and what the scheduler wants done. */
#include "node/files/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/files/os_get.h"

#define RATE_EVERY GN_MS(500)

/* ---- beginning ---- */

static void choose_name(struct gn_files_transfer *t)
{
    const char *slash = t->path ? strrchr(t->path, '/') : NULL;
    char id[GN_ID_TEXT_LEN + 1U];
    if (t->link.name[0])
        return;
    if (slash && slash[1]) {
        gn_name_sanitize(t->link.name, gn_slice_str(slash + 1));
        return;
    }
    gn_id_print(id, &t->link.root);
    (void)snprintf(t->link.name, sizeof t->link.name, "ghost-%.16s", id);
}

/* A file that is fetched into a folder keeps its name; a folder becomes the path itself. */
static enum gn_err choose_place(struct gn_files_transfer *t)
{
    char place[GN_BLOB_PATH_MAX + 1U];
    if (!t->path)
        return GN_OK;
    size_t len = strlen(t->path);
    while (len > 1U && t->path[len - 1U] == '/')
        len--;
    bool inside = !t->link.folder && gn_os_get_is_folder(t->path);
    int n = inside ? snprintf(place, sizeof place, "%.*s/%s", (int)len, t->path, t->link.name)
                   : snprintf(place, sizeof place, "%.*s", (int)len, t->path);
    if (n < 0 || (size_t)n >= sizeof place || place[0] != '/')
        return GN_E_INVALID;
    t->place = gn_files_text(t->files, place);
    return t->place ? GN_OK : GN_E_NO_MEMORY;
}

enum gn_err gn_files_transfer_new(struct gn_files_transfer **out, struct gn_files *f, const char *link,
                                  const char *path, bool overwrite)
{
    struct gn_files_transfer *t = gn_alloc_zeroed(f->alloc, 1, sizeof *t);
    *out = NULL;
    if (!t)
        return GN_E_NO_MEMORY;
    t->files = f;
    t->overwrite = overwrite;
    t->info_file = UINT32_MAX;
    gn_list_init(&t->watchers);
    enum gn_err err = gn_file_link_parse(&t->link, link, strlen(link));
    if (!err) {
        t->link_text = gn_files_text(f, link);
        t->path = path ? gn_files_text(f, path) : NULL;
        err = !t->link_text || (path && !t->path) ? GN_E_NO_MEMORY : GN_OK;
    }
    if (!err) {
        choose_name(t);
        err = choose_place(t);
    }
    if (!err)
        err = gn_fetch_new(&t->fetch, &(struct gn_fetch_config){.alloc = f->alloc, .rng = &f->rng});
    if (err) {
        gn_files_transfer_free(t);
        return err;
    }
    t->total = t->link.has_size ? t->link.size : 0;
    gn_list_push_back(&f->transfers, &t->node);
    *out = t;
    return GN_OK;
}

void gn_files_transfer_free(struct gn_files_transfer *t)
{
    struct gn_files *f = t->files;
    gn_list_remove(&t->node);
    gn_fetch_free(t->fetch);
    gn_alloc_free(f->alloc, t->manifest_bytes);
    gn_alloc_free(f->alloc, t->link_text);
    gn_alloc_free(f->alloc, t->path);
    gn_alloc_free(f->alloc, t->place);
    gn_alloc_free(f->alloc, t);
}

/* Length and root are known without asking: the content is empty, or it is here. */
static bool known_already(struct gn_files_transfer *t)
{
    struct gn_id empty;
    gn_tree_content_id(&empty, 0, &(struct gn_tree_hash){{0}});
    if (gn_id_eq(&empty, &t->link.root))
        return true;
    const struct gn_files_item *item = gn_files_item_get(t->files, &t->link.root);
    if (!item || item->state != GN_FILES_SHARED)
        return false;
    t->length = item->length;
    t->root = item->root;
    return true;
}

void gn_files_transfer_begin(struct gn_files_transfer *t)
{
    gn_files_tick_start(t->files);
    for (size_t i = 0; i < t->link.peers_len; i++)
        gn_files_transfer_add_peer(t, &t->link.peers[i].id, &t->link.peers[i].addr, 1);
    if (known_already(t)) {
        gn_files_transfer_known(t);
        gn_files_transfer_pump(t);
        return;
    }
    /* The question what the content is, as a file of one range: asked, timed and repeated like any other. */
    enum gn_err err = gn_fetch_file_add(t->fetch, &t->info_file, 1);
    if (err)
        gn_files_transfer_end(t, GN_TRANSFER_FAILED, err, NULL);
    else
        gn_files_transfer_pump(t);
}

void gn_files_transfer_info(struct gn_files_transfer *t, uint32_t provider, uint32_t file,
                            const struct gn_file_wire_info *info)
{
    gn_time_us now = gn_os_clock_now();
    struct gn_tree_hash root;
    if (!t->fetch)
        return;
    memcpy(root.b, info->root, sizeof root.b);
    if (file != t->info_file) {
        gn_fetch_available(t->fetch, provider, file, info->all, info->bits, now);
        return;
    }
    if (gn_tree_verify_id(&t->link.root, info->length, &root)) {
        gn_fetch_failed(t->fetch, provider, file, 0, GN_FETCH_F_LIE, now);
        return;
    }
    t->length = info->length;
    t->root = root;
    gn_fetch_done(t->fetch, provider, file, 0, now);
}

struct gn_files_get *gn_files_transfer_get_of(const struct gn_files_transfer *t, uint32_t number)
{
    for (size_t i = 0; t->fetch && number != UINT32_MAX && i < t->gets_len; i++) {
        if (t->gets[i]->number == number)
            return t->gets[i];
    }
    return NULL;
}

/* ---- what the scheduler wants ---- */

static void connect_provider(struct gn_files_transfer *t, uint32_t provider)
{
    struct gn_transfer_provider *p = &t->providers[provider];
    struct gn_contact peer = {.id = *gn_fetch_provider_id(t->fetch, provider)};
    gn_time_us now = gn_os_clock_now();
    enum gn_err err = p->addrs_len > 0 ? GN_OK : GN_E_UNREACHABLE;
    if (!err) {
        peer.addr = p->addrs[p->addr_at % p->addrs_len];
        err = gn_files_channel_new(&p->channel, t, provider, &peer);
    }
    if (err) {
        p->addr_at++;
        gn_fetch_disconnected(t->fetch, provider, now);
    } else if (gn_files_channel_up(p->channel)) {
        gn_fetch_connected(t->fetch, provider, now);
    }
}

static void lost(struct gn_files_transfer *t, uint32_t provider)
{
    struct gn_files_channel *c = t->providers[provider].channel;
    if (c)
        gn_files_channel_close(c);
    gn_fetch_disconnected(t->fetch, provider, gn_os_clock_now());
}

static void look(struct gn_files_transfer *t, const struct gn_fetch_act *act)
{
    struct gn_files_channel *c = t->providers[act->provider].channel;
    const struct gn_files_get *g = gn_files_transfer_get_of(t, act->file);
    const struct gn_id *content = act->file == t->info_file ? &t->link.root : g ? &g->what.id : NULL;
    if (content && (!c || gn_files_channel_look(c, act->file, content)))
        lost(t, act->provider);
}

static void ask(struct gn_files_transfer *t, const struct gn_fetch_act *act)
{
    struct gn_files_channel *c = t->providers[act->provider].channel;
    struct gn_files_get *g = gn_files_transfer_get_of(t, act->file);
    enum gn_err err = GN_E_CLOSED;
    if (act->file == t->info_file)
        err = c ? gn_files_channel_look(c, act->file, &t->link.root) : GN_E_CLOSED;
    else if (g && c)
        err = gn_files_channel_ask(c, g, act->range);
    if (err == GN_E_EXISTS)
        gn_fetch_done(t->fetch, act->provider, act->file, act->range, gn_os_clock_now());
    else if (err)
        lost(t, act->provider);
}

static void dropped(struct gn_files_transfer *t, const struct gn_fetch_act *act)
{
    static const char *const reasons[] = {"lied", "stalled", "not_found", "unreachable"};
    t->dropped += act->reason == GN_FETCH_LIED || act->reason == GN_FETCH_STALLED;
    GN_LOG(t->files->log, GN_LOG_INFO, "files.provider.dropped",
           GN_F_ID("peer", gn_fetch_provider_id(t->fetch, act->provider)), GN_F_STR("reason", reasons[act->reason]),
           GN_F_U64("transfer", t->id));
}

static void file_done(struct gn_files_transfer *t, uint32_t file)
{
    struct gn_files_get *g = gn_files_transfer_get_of(t, file);
    if (file == t->info_file) {
        t->info_file = UINT32_MAX;
        gn_files_transfer_known(t);
    } else if (g) {
        g->number = UINT32_MAX;
        gn_files_get_finish(g);
    }
}

static void act_on(struct gn_files_transfer *t, const struct gn_fetch_act *act)
{
    switch (act->type) {
    case GN_FETCH_CONNECT:
        connect_provider(t, act->provider);
        return;
    case GN_FETCH_LOOK:
        look(t, act);
        return;
    case GN_FETCH_ASK:
        ask(t, act);
        return;
    case GN_FETCH_CLOSE:
        if (t->providers[act->provider].channel)
            gn_files_channel_close(t->providers[act->provider].channel);
        return;
    case GN_FETCH_DROPPED:
        dropped(t, act);
        return;
    case GN_FETCH_SEARCH:
        gn_files_transfer_search(t);
        return;
    case GN_FETCH_FILE_DONE:
        file_done(t, act->file);
        return;
    }
}

void gn_files_transfer_pump(struct gn_files_transfer *t)
{
    struct gn_fetch_act act;
    t->pump_again = true;
    if (t->pumping)
        return;
    t->pumping = true;
    while (t->pump_again && t->fetch) {
        t->pump_again = false;
        while (t->fetch && gn_fetch_next(t->fetch, &act, gn_os_clock_now()))
            act_on(t, &act);
    }
    t->pumping = false;
}

/* ---- the end ---- */

static void explain(struct gn_files_transfer *t, enum gn_err err, const char *detail)
{
    const char *where = t->place ? t->place : "the data folder";
    if (detail)
        (void)snprintf(t->detail, sizeof t->detail, "%s", detail);
    else if (err == GN_E_NO_SPACE)
        (void)snprintf(t->detail, sizeof t->detail,
                       "no space left for %.120s: free some and fetch again, what is here is kept", where);
    else if (err == GN_E_EXISTS)
        (void)snprintf(t->detail, sizeof t->detail, "another file is at %.160s already", where);
    else
        (void)snprintf(t->detail, sizeof t->detail, "%s: %.160s", gn_err_text(err), where);
}

void gn_files_transfer_end(struct gn_files_transfer *t, enum gn_transfer_state state, enum gn_err err,
                           const char *detail)
{
    struct gn_files *f = t->files;
    struct gn_fetch *fetch = t->fetch;
    if (!fetch)
        return;
    t->have = gn_files_transfer_have(t);
    t->state = state;
    t->err = err;
    t->rate = 0;
    if (err && !f->closing)
        explain(t, err, detail);
    t->fetch = NULL; /* from here on nothing is reported to it */
    for (uint32_t i = 0; i < GN_FETCH_PROVIDERS_MAX; i++) {
        if (t->providers[i].channel)
            gn_files_channel_close(t->providers[i].channel);
    }
    gn_fetch_free(fetch);
    gn_files_transfer_drop_gets(t, state == GN_TRANSFER_CANCELLED);
    gn_files_ops_cancel(f, t);
    if (t->announced && state != GN_TRANSFER_DONE)
        gn_files_provide(f, &t->link.root, false);
    if (state == GN_TRANSFER_CANCELLED && gn_files_item_get(f, &t->link.root) &&
        !gn_files_item_get(f, &t->link.root)->name)
        gn_files_unshare(f, NULL, &t->link.root); /* the members that came already */
    GN_LOG(f->log, err && state == GN_TRANSFER_FAILED ? GN_LOG_WARN : GN_LOG_INFO, "files.transfer.ended",
           GN_F_U64("transfer", t->id), GN_F_ERR("err", err), GN_F_U64("bytes", t->have));
    gn_files_transfers_save(f);
    gn_files_transfer_tell(t, true);
}

/* ---- looking in ---- */

uint64_t gn_files_transfer_have(const struct gn_files_transfer *t)
{
    uint64_t have = t->have;
    if (t->state != GN_TRANSFER_RUNNING || t->phase != GN_TRANSFER_FILES)
        return have;
    for (size_t i = 0; i < t->gets_len; i++) {
        const struct gn_files_get *g = t->gets[i];
        bool opened = g->state == GN_FILES_GET_RUNNING || g->state == GN_FILES_GET_FINISHING;
        if (opened && g->part) /* until then the part is a thread's */
            have += gn_blob_part_bytes(g->part);
    }
    return have;
}

static const char *state_name(const struct gn_files_transfer *t)
{
    static const char *const ended[] = {"", "done", "failed", "cancelled"};
    if (t->state != GN_TRANSFER_RUNNING)
        return ended[t->state];
    if (t->phase == GN_TRANSFER_INFO)
        return "searching";
    if (t->phase == GN_TRANSFER_FILES && t->no_more && t->gets_len > 0) {
        for (size_t i = 0; i < t->gets_len; i++) {
            if (t->gets[i]->state != GN_FILES_GET_FINISHING)
                return "fetching";
        }
        return "verifying";
    }
    return "fetching";
}

void gn_files_transfer_describe(const struct gn_files_transfer *t, struct gn_api_transfer *out)
{
    struct gn_fetch_stats stats = {0};
    if (t->fetch)
        gn_fetch_stats(t->fetch, &stats);
    *out = (struct gn_api_transfer){.id = t->id,
                                    .root = t->link.root,
                                    .name = t->link.name,
                                    .path = t->place,
                                    .state = state_name(t),
                                    .size = t->total,
                                    .have = gn_files_transfer_have(t),
                                    .rate = t->rate,
                                    .providers = stats.connected,
                                    .dropped = t->dropped,
                                    .err = t->err,
                                    .detail = t->detail[0] ? t->detail : NULL};
}

static void measure(struct gn_files_transfer *t, gn_time_us now)
{
    gn_time_us took = gn_time_sub(now, t->rate_at);
    uint64_t have = gn_files_transfer_have(t);
    if (took < RATE_EVERY)
        return;
    uint64_t came = have > t->rate_have && t->rate_at > 0 ? have - t->rate_have : 0;
    uint64_t rate = came * GN_SECONDS(1) / took;
    t->rate = t->rate == 0 ? rate : (t->rate + rate) / 2U;
    t->rate_have = have;
    t->rate_at = now;
}

static void share_window(struct gn_files *f)
{
    uint64_t n = gn_files_transfers_running(f);
    if (n == 0)
        return;
    GN_LIST_FOR (at, &f->transfers) {
        struct gn_files_transfer *t = GN_CONTAINER_OF(at, struct gn_files_transfer, node);
        if (t->fetch)
            gn_fetch_set_window(t->fetch, GN_FILES_WINDOW / n);
    }
}

void gn_files_transfers_tick(struct gn_files *f)
{
    gn_time_us now = gn_os_clock_now();
    share_window(f);
    GN_LIST_FOR_SAFE (n, after, &f->transfers) {
        struct gn_files_transfer *t = GN_CONTAINER_OF(n, struct gn_files_transfer, node);
        if (!t->fetch)
            continue;
        for (uint32_t i = 0; i < GN_FETCH_PROVIDERS_MAX; i++) {
            if (t->providers[i].channel && gn_files_channel_backlog(t->providers[i].channel))
                gn_fetch_progress(t->fetch, i, 0, now); /* it is our disk that is slow */
        }
        measure(t, now);
        gn_files_transfer_pump(t);
        gn_files_transfer_tell(t, false);
    }
    gn_files_gets_tick(f, now);
}

size_t gn_files_transfers_running(const struct gn_files *f)
{
    size_t n = 0;
    GN_LIST_FOR (at, &f->transfers)
        n += GN_CONTAINER_OF(at, struct gn_files_transfer, node)->fetch != NULL;
    return n;
}

void gn_files_transfers_close(struct gn_files *f)
{
    GN_LIST_FOR_SAFE (n, after, &f->transfers)
        gn_files_transfer_end(GN_CONTAINER_OF(n, struct gn_files_transfer, node), GN_TRANSFER_FAILED, GN_E_CLOSED,
                              NULL);
}

void gn_files_transfers_free(struct gn_files *f)
{
    for (struct gn_list_node *n; (n = gn_list_first(&f->transfers));)
        gn_files_transfer_free(GN_CONTAINER_OF(n, struct gn_files_transfer, node));
}
