/* node/files/channel.c - a stream to one provider: requests out, replies in. */
#include "node/files/channel.h"

#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"

static void enter(struct gn_files_channel *c)
{
    c->held++;
}

void gn_files_channel_check(struct gn_files_channel *c)
{
    if (c->held > 0 || c->stream || c->ranges > 0)
        return;
    gn_files_buf_give(c->files, c->buf);
    gn_alloc_free(c->files->alloc, c->info);
    gn_alloc_free(c->files->alloc, c);
}

static void leave(struct gn_files_channel *c)
{
    c->held--;
    gn_files_channel_check(c);
}

bool gn_files_channel_up(const struct gn_files_channel *c)
{
    return c->up;
}

bool gn_files_channel_backlog(const struct gn_files_channel *c)
{
    return c->backlog > 0;
}

/* ---- requests ---- */

static enum gn_err request(struct gn_files_channel *c, const struct gn_channel_expect *e, const struct gn_id *content)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST];
    struct gn_file_wire_request r = {.op = e->op, .content = *content, .first = e->first, .count = e->count};
    if (!c->stream)
        return GN_E_CLOSED;
    if (c->expects_len == GN_FILE_WIRE_PENDING_MAX)
        return GN_E_FULL;
    if (e->op == GN_FILE_WIRE_OP_RANGE)
        r.flags = GN_FILE_WIRE_WANT_PROOF;
    gn_file_wire_request_write(bytes, &r);
    enum gn_err err = gn_link_write(c->stream, gn_slice_of(bytes, sizeof bytes), false);
    if (!err)
        c->expects[(c->expects_first + c->expects_len++) % GN_FILE_WIRE_PENDING_MAX] = *e;
    return err;
}

enum gn_err gn_files_channel_look(struct gn_files_channel *c, uint32_t file, const struct gn_id *content)
{
    return request(c, &(struct gn_channel_expect){.op = GN_FILE_WIRE_OP_INFO, .file = file}, content);
}

enum gn_err gn_files_channel_ask(struct gn_files_channel *c, struct gn_files_get *g, uint32_t range)
{
    const uint64_t group = (uint64_t)range * GN_TREE_GROUP_LEAVES;
    const uint64_t leaves = gn_blob_part_leaves(g->part);
    const uint64_t end = leaves - group < GN_TREE_GROUP_LEAVES ? leaves : group + GN_TREE_GROUP_LEAVES;
    uint64_t first = 0, run = 0;
    if (!gn_blob_part_missing(g->part, &first, &run, group, 1) || first >= end)
        return GN_E_EXISTS;
    uint64_t last = end; /* leaves that are here at the end of the range need not come again */
    while (last > first + 1U && gn_blob_part_have(g->part, last - 1U))
        last--;
    struct gn_channel_expect e = {.op = GN_FILE_WIRE_OP_RANGE,
                                  .file = g->number,
                                  .range = range,
                                  .first = (uint32_t)first,
                                  .count = (uint32_t)(last - first)};
    return request(c, &e, &g->what.id);
}

/* ---- the stream ---- */

static void on_data(void *user, struct gn_slice data, bool fin)
{
    struct gn_files_channel *c = user;
    struct gn_files_transfer *t = c->transfer;
    uint64_t consumed = 0;
    (void)fin; /* a provider that ends while it owes something stalls, or its stream closes */
    enter(c);
    if (t->fetch)
        gn_fetch_progress(t->fetch, c->provider, data.len, gn_os_clock_now());
    enum gn_err err = gn_files_channel_read(c, data, &consumed);
    if (c->stream)
        gn_link_consume(c->stream, consumed);
    if (err && c->stream && t->fetch) {
        enum gn_fetch_failure why = gn_err_class(err) == GN_ERR_CLASS_PEER ? GN_FETCH_F_LIE : GN_FETCH_F_OURS;
        GN_LOG(c->files->log, GN_LOG_WARN, "files.reply.bad",
               GN_F_ID("peer", gn_fetch_provider_id(t->fetch, c->provider)), GN_F_ERR("err", err));
        if (why == GN_FETCH_F_LIE)
            gn_fetch_failed(t->fetch, c->provider, UINT32_MAX, 0, why, gn_os_clock_now());
        else
            gn_link_abort(c->stream, GN_LINK_INTERNAL);
    }
    leave(c);
    gn_files_transfer_pump(t);
}

static void on_writable(void *user)
{
    struct gn_files_channel *c = user;
    struct gn_files_transfer *t = c->transfer;
    if (c->up || !t->fetch)
        return;
    c->up = true;
    gn_fetch_connected(t->fetch, c->provider, gn_os_clock_now());
    gn_files_transfer_pump(t);
}

static void on_closed(void *user, enum gn_err err)
{
    struct gn_files_channel *c = user;
    struct gn_files_transfer *t = c->transfer;
    enter(c);
    c->stream = NULL;
    if (t->providers[c->provider].channel == c) { /* not closed by us */
        t->providers[c->provider].channel = NULL;
        if (!c->up)
            t->providers[c->provider].addr_at++; /* the next of its addresses */
        if (t->fetch) {
            GN_LOG(c->files->log, GN_LOG_DEBUG, "files.provider.lost",
                   GN_F_ID("peer", gn_fetch_provider_id(t->fetch, c->provider)), GN_F_ERR("err", err));
            gn_fetch_disconnected(t->fetch, c->provider, gn_os_clock_now());
        }
    }
    if (c->range) {
        struct gn_files_range *r = c->range;
        c->range = NULL;
        gn_files_range_complete(r, GN_E_CANCELLED);
    }
    leave(c);
    gn_files_transfer_pump(t);
}

static const struct gn_link_stream_ops stream_ops = {.data = on_data, .writable = on_writable, .closed = on_closed};

enum gn_err gn_files_channel_new(struct gn_files_channel **out, struct gn_files_transfer *t, uint32_t provider,
                                 const struct gn_contact *peer)
{
    struct gn_files *f = t->files;
    *out = NULL;
    if (!f->links)
        return GN_E_UNSUPPORTED;
    struct gn_files_channel *c = gn_alloc_zeroed(f->alloc, 1, sizeof *c);
    if (!c)
        return GN_E_NO_MEMORY;
    c->files = f;
    c->transfer = t;
    c->provider = provider;
    gn_file_wire_part_begin(&c->part, c->small, GN_FILE_WIRE_REPLY);
    enum gn_err err = gn_links_open(f->links, &c->stream, peer, GN_LINK_FILE, &stream_ops, c);
    if (err) {
        gn_alloc_free(f->alloc, c);
        return err;
    }
    c->up = gn_link_stands(c->stream);
    *out = c;
    return GN_OK;
}

void gn_files_channel_close(struct gn_files_channel *c)
{
    c->transfer->providers[c->provider].channel = NULL;
    if (c->stream)
        gn_link_abort(c->stream, GN_LINK_DONE);
}
