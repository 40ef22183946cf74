/* rpc/route_upload.c - a file shared by sending its bytes, at the pace of the node's disk.
 *
 * One piece is with the node at a time; meanwhile the request is paused, and the client slowed down.
 */
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "rpc/json.h"
#include "rpc/route.h"
#include "rpc/server_inside.h"

#define NAME_MAX_BYTES 255U

static void drop_piece(struct gn_rpc_task *t)
{
    gn_alloc_free(t->server->config.alloc, t->stream.piece);
    t->stream.piece = NULL;
    t->stream.piece_len = 0;
}

static void on_over(struct gn_rpc_task *t)
{
    drop_piece(t);
    if (!t->stream.open)
        return;
    t->stream.open = false;
    gn_rpc_task_ops(t)->upload_abort(gn_rpc_task_node(t), t->stream.handle);
}

static void go_on(struct gn_rpc_task *t)
{
    if (t->x)
        gn_exchange_pause(t->x, false);
}

static void on_fail(struct gn_rpc_task *t, enum gn_err err, const char *detail)
{
    t->stream.failed = true;
    gn_rpc_task_fail(t, err, detail);
}

static void on_committed(struct gn_rpc_task *t, const void *result)
{
    gn_rpc_task_json(t, 201, gn_rpc_route_file_json(result), NULL, 0);
}

static void commit(struct gn_rpc_task *t)
{
    const struct gn_api_handle req = {.handle = t->stream.handle};
    t->stream.open = false; /* the commit takes the handle, also on error */
    gn_rpc_task_ops(t)->upload_commit(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_committed, NULL), &req);
}

static void on_written(struct gn_rpc_task *t, const void *result)
{
    (void)result;
    drop_piece(t);
    go_on(t);
}

static void on_opened(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_handle *h = result;
    t->stream.handle = h->handle;
    t->stream.open = true;
    go_on(t);
}

static void on_data(struct gn_exchange *x, struct gn_slice data)
{
    struct gn_rpc_task *t = x->app;
    if (t->stream.failed || t->answered)
        return;
    GN_CHECK(!t->pending && t->stream.open); /* paused until the node is ready */
    t->stream.piece = gn_alloc_zeroed(t->server->config.alloc, 1, data.len);
    if (!t->stream.piece) {
        on_fail(t, GN_E_NO_MEMORY, NULL);
        return;
    }
    memcpy(t->stream.piece, data.data, data.len);
    t->stream.piece_len = data.len;
    gn_exchange_pause(x, true);
    const struct gn_api_chunk req = {.handle = t->stream.handle, .data = {t->stream.piece, data.len}};
    gn_rpc_task_ops(t)->upload_write(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_written, NULL), &req);
}

static void on_end(struct gn_exchange *x)
{
    struct gn_rpc_task *t = x->app;
    t->stream.eof = true;
    if (!t->stream.failed && !t->answered)
        commit(t);
}

static void on_close(struct gn_exchange *x, bool complete)
{
    (void)complete;
    gn_rpc_task_closed(x->app);
}

static const struct gn_exchange_handler upload_handler = {.on_data = on_data, .on_end = on_end, .on_close = on_close};

/* A name to show, never a path. */
static bool read_name(struct gn_rpc_task *t, char name[NAME_MAX_BYTES + 1])
{
    size_t len;
    if (!gn_rpc_task_text(t, (uint8_t *)name, &len, NAME_MAX_BYTES, "name"))
        return false;
    name[len] = '\0';
    bool plain = len > 0 && !memchr(name, 0, len) && !memchr(name, '/', len) && strcmp(name, ".") != 0 &&
                 strcmp(name, "..") != 0 && gn_utf8_is_valid((const uint8_t *)name, len);
    if (!plain)
        gn_rpc_task_fail(t, GN_E_INVALID, "query parameter \"name\" must be a file name without slashes");
    return plain;
}

void gn_rpc_route_upload(struct gn_rpc_task *t)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    char name[NAME_MAX_BYTES + 1];
    if (!gn_rpc_task_has(t, ops->upload_open && ops->upload_write && ops->upload_commit && ops->upload_abort) ||
        !read_name(t, name))
        return;
    t->lines = false;
    t->on_over = on_over;
    t->on_fail = on_fail;
    t->x->handler = &upload_handler;
    gn_exchange_pause(t->x, true);
    if (gn_exchange_stream(t->x, UINT64_MAX)) {
        on_fail(t, GN_E_NO_MEMORY, NULL);
        return;
    }
    const struct gn_api_share req = {.path = name};
    ops->upload_open(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_opened, NULL), &req);
}
