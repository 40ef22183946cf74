/* rpc/route_download.c - a file's bytes, whole or a range, at the pace of the client.
 *
 * The node is asked for the next piece only when the connection's queue has room for it, so a slow reader costs one
 * queue of memory, never a file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "rpc/json.h"
#include "rpc/route.h"
#include "transport/http/conditional.h"
#include "transport/http/uri.h"

#define PIECE_MIN ((size_t)64 * 1024)
#define NAME_MAX_BYTES 255U

static void on_over(struct gn_rpc_task *t)
{
    if (!t->stream.open)
        return;
    t->stream.open = false;
    gn_rpc_task_ops(t)->file_close(gn_rpc_task_node(t), t->stream.handle);
}

static void pump(struct gn_rpc_task *t);

static void on_piece(struct gn_rpc_task *t, const void *result)
{
    const struct gn_slice *piece = result;
    if (!t->x || t->answered)
        return;
    if (piece->len == 0 || piece->len > t->stream.left) {
        gn_rpc_task_fail(t, GN_E_IO, "the file ended early");
        return;
    }
    enum gn_err err = gn_exchange_write(t->x, *piece);
    if (err) {
        gn_rpc_task_fail(t, err, NULL);
        return;
    }
    t->stream.at += piece->len;
    t->stream.left -= piece->len;
    if (!t->stream.working)
        pump(t);
}

/* Asks for pieces until one takes its time, the queue is full, or all is sent. */
static void pump(struct gn_rpc_task *t)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    t->stream.working = true;
    while (t->x && !t->answered && !t->pending && t->stream.left > 0) {
        size_t room = gn_exchange_room(t->x);
        if (room < PIECE_MIN && room < t->stream.left)
            break; /* on_room comes */
        size_t len = room < GN_API_READ_MAX ? room : GN_API_READ_MAX;
        const struct gn_api_read req = {
            .handle = t->stream.handle,
            .offset = t->stream.at,
            .len = t->stream.left < len ? (size_t)t->stream.left : len,
        };
        ops->file_read(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_piece, NULL), &req);
    }
    t->stream.working = false;
    if (t->x && !t->answered && !t->pending && t->stream.left == 0) {
        t->answered = true;
        gn_exchange_end(t->x);
    }
}

static void on_room(struct gn_exchange *x)
{
    struct gn_rpc_task *t = x->app;
    if (!t->pending && !t->answered)
        pump(t);
}

static void on_close(struct gn_exchange *x, bool complete)
{
    (void)complete;
    gn_rpc_task_closed(x->app);
}

static const struct gn_exchange_handler download_handler = {.on_room = on_room, .on_close = on_close};

/* The fields of a download, and the room for their values. */
struct fields {
    char etag[GN_ID_TEXT_LEN + 3];
    char range[80];
    char disposition[3 * NAME_MAX_BYTES + 64];
    struct gn_http_header items[6];
    size_t len;
};

static void add(struct fields *f, const char *name, const char *value)
{
    GN_CHECK(f->len < GN_ARRAY_LEN(f->items));
    f->items[f->len++] = gn_http_header_of(name, value);
}

static void add_disposition(struct fields *f, const char *name)
{
    static const char start[] = "attachment; filename*=UTF-8''";
    struct gn_writer w;
    size_t len = strlen(name);
    gn_writer_init(&w, (uint8_t *)f->disposition, sizeof f->disposition - 1);
    gn_writer_bytes(&w, start, sizeof start - 1);
    gn_uri_encode(&w, gn_slice_of(name, len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES));
    f->disposition[w.len] = '\0';
    add(f, "Content-Disposition", f->disposition);
}

static void start(struct gn_rpc_task *t, const struct fields *f, unsigned status)
{
    const struct gn_http_headers headers = {.items = f->items, .len = f->len};
    enum gn_err err = gn_exchange_start(t->x, status, headers, t->stream.left);
    if (err) {
        gn_rpc_task_fail(t, err, NULL);
        return;
    }
    t->started = true;
    if (t->x->request.method == GN_HTTP_HEAD)
        t->stream.left = 0;
    pump(t);
}

static void answer_unmet(struct gn_rpc_task *t, struct fields *f, uint64_t size)
{
    (void)snprintf(f->range, sizeof f->range, "bytes */%" PRIu64, size);
    add(f, "Content-Range", f->range);
    t->answered = true;
    gn_exchange_respond(t->x, 416, (struct gn_http_headers){f->items, f->len}, gn_slice_of(NULL, 0));
}

static void on_opened(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_open_file *file = result;
    t->stream.handle = file->handle;
    t->stream.open = true;
    if (!t->x)
        return; /* on_over gives the handle back */
    struct fields f = {.len = 0};
    struct gn_range range;
    char root[GN_ID_TEXT_LEN + 1] = "";
    size_t root_len = t->match.params[0].len < GN_ID_TEXT_LEN ? t->match.params[0].len : GN_ID_TEXT_LEN;
    memcpy(root, t->match.params[0].data, root_len);
    const struct gn_slice tag = gn_slice_of(root, root_len);
    (void)snprintf(f.etag, sizeof f.etag, "\"%s\"", root);
    add(&f, "ETag", f.etag);
    add(&f, "Accept-Ranges", "bytes");
    const struct gn_http_header *known = gn_rpc_task_header(t, "if-none-match");
    if (known && gn_conditional_has_tag(known->value, tag, true)) {
        t->answered = true;
        gn_exchange_respond(t->x, 304, (struct gn_http_headers){f.items, f.len}, gn_slice_of(NULL, 0));
        return;
    }
    enum gn_range_result wanted = gn_conditional_range(&range, t->x->request.headers, file->size, tag);
    if (wanted == GN_RANGE_UNMET) {
        answer_unmet(t, &f, file->size);
        return;
    }
    add(&f, "Content-Type", "application/octet-stream");
    add_disposition(&f, file->name ? file->name : "file");
    t->stream.at = 0;
    t->stream.left = file->size;
    if (wanted == GN_RANGE_OK) {
        t->stream.at = range.first;
        t->stream.left = range.len;
        (void)snprintf(f.range, sizeof f.range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
                       range.first + range.len - 1, file->size);
        add(&f, "Content-Range", f.range);
    }
    start(t, &f, wanted == GN_RANGE_OK ? 206 : 200);
}

void gn_rpc_route_download(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_id root;
    (void)body;
    if (!gn_rpc_task_has(t, ops->file_open && ops->file_read && ops->file_close) ||
        !gn_rpc_task_id(t, &root, 0, "the root"))
        return;
    t->lines = false;
    t->on_over = on_over;
    t->x->handler = &download_handler;
    ops->file_open(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_opened, NULL), &root);
}
