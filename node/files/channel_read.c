/* node/files/channel_read.c - replies of a provider, in whatever pieces they come. */
#include <string.h>

#include "base/os_clock.h"
#include "node/files/channel.h"

static struct gn_channel_expect *expected(struct gn_files_channel *c)
{
    return &c->expects[c->expects_first];
}

static void next_reply(struct gn_files_channel *c)
{
    c->expects_first = (c->expects_first + 1U) % GN_FILE_WIRE_PENDING_MAX;
    c->expects_len--;
    c->step = GN_CHANNEL_REPLY;
    gn_file_wire_part_begin(&c->part, c->small, GN_FILE_WIRE_REPLY);
}

/* ---- a reply without content ---- */

static enum gn_fetch_failure failure_of(uint8_t status)
{
    if (status == GN_FILE_WIRE_NOT_HERE)
        return GN_FETCH_F_NOT_HERE;
    if (status == GN_FILE_WIRE_BUSY)
        return GN_FETCH_F_BUSY;
    return GN_FETCH_F_NOT_FOUND; /* also a provider that cannot read its disk, or whose file has changed */
}

static void refused(struct gn_files_channel *c)
{
    struct gn_channel_expect e = *expected(c);
    struct gn_files_transfer *t = c->transfer;
    enum gn_fetch_failure why = failure_of(c->reply.status);
    gn_time_us now = gn_os_clock_now();
    next_reply(c);
    if (!t->fetch)
        return;
    if (e.op == GN_FILE_WIRE_OP_INFO && e.file != t->info_file && why != GN_FETCH_F_BUSY)
        gn_fetch_available(t->fetch, c->provider, e.file, false, gn_slice_of(NULL, 0), now);
    else
        gn_fetch_failed(t->fetch, c->provider, e.file, e.range, why, now);
}

/* ---- INFO ---- */

static enum gn_err begin_info(struct gn_files_channel *c)
{
    c->info = gn_alloc_zeroed(c->files->alloc, 1, c->reply.len);
    if (!c->info)
        return GN_E_NO_MEMORY;
    c->step = GN_CHANNEL_INFO;
    gn_file_wire_part_begin(&c->part, c->info, c->reply.len);
    return GN_OK;
}

static enum gn_err take_info(struct gn_files_channel *c)
{
    struct gn_file_wire_info info;
    uint32_t file = expected(c)->file;
    uint8_t *bytes = c->info;
    enum gn_err err =
        gn_file_wire_info_read(&info, gn_slice_of(bytes, c->reply.len), c->reply.flags & GN_FILE_WIRE_ALL);
    c->info = NULL;
    next_reply(c);
    if (!err)
        gn_files_transfer_info(c->transfer, c->provider, file, &info);
    gn_alloc_free(c->files->alloc, bytes);
    return err == GN_E_LIMIT ? GN_E_MALFORMED : err;
}

/* ---- RANGE ---- */

static enum gn_err begin_range(struct gn_files_channel *c)
{
    const struct gn_channel_expect *e = expected(c);
    const struct gn_files_get *g = gn_files_transfer_get_of(c->transfer, e->file);
    if (!g || !gn_files_get_is_open(g)) { /* it came from elsewhere meanwhile */
        c->step = GN_CHANNEL_SKIP;
        c->left = c->reply.len;
        return GN_OK;
    }
    enum gn_err err = gn_files_range_new(&c->range, c, g, e);
    if (err)
        return err;
    const struct gn_files_range *r = c->range;
    c->left = gn_tree_range_len(r->length, r->first, r->count);
    uint64_t want = GN_FILE_WIRE_PROOF + 32U * (r->uncles + r->group_count) + c->left;
    if (!(c->reply.flags & GN_FILE_WIRE_HAS_PROOF) || c->reply.len != want)
        return GN_E_MALFORMED;
    c->step = GN_CHANNEL_PROOF;
    gn_file_wire_part_begin(&c->part, c->small, GN_FILE_WIRE_PROOF);
    return GN_OK;
}

static enum gn_err take_proof(struct gn_files_channel *c)
{
    size_t uncles, leaves;
    struct gn_files_range *r = c->range;
    enum gn_err err = gn_file_wire_proof_read(&uncles, &leaves, c->small);
    if (err)
        return err;
    if (uncles != r->uncles || leaves != r->group_count)
        return GN_E_MALFORMED;
    c->step = GN_CHANNEL_HASHES;
    gn_file_wire_part_begin(&c->part, r->hashes[0].b, 32U * (uncles + leaves));
    return GN_OK;
}

static enum gn_err begin_reply(struct gn_files_channel *c)
{
    if (c->expects_len == 0)
        return GN_E_MALFORMED; /* nothing was asked */
    enum gn_err err = gn_file_wire_reply_read(&c->reply, c->small);
    if (err)
        return err;
    if (c->reply.op != expected(c)->op)
        return GN_E_MALFORMED;
    if (c->reply.status != GN_FILE_WIRE_OK) {
        refused(c);
        return GN_OK;
    }
    return c->reply.op == GN_FILE_WIRE_OP_INFO ? begin_info(c) : begin_range(c);
}

static void range_over(struct gn_files_channel *c)
{
    struct gn_files_range *r = c->range;
    c->range = NULL;
    next_reply(c);
    gn_files_range_complete(r, GN_OK);
}

/* Leaves go into buffers of 16, which are given to a thread when they are full. */
static enum gn_err take_data(struct gn_files_channel *c, struct gn_slice *data, uint64_t *consumed)
{
    if (!c->buf && !(c->buf = gn_files_buf_take(c->files)))
        return GN_E_NO_MEMORY;
    size_t room = c->left < GN_FILES_BUF - c->buf->len ? (size_t)c->left : GN_FILES_BUF - c->buf->len;
    size_t n = data->len < room ? data->len : room;
    memcpy(c->buf->data + c->buf->len, data->data, n);
    c->buf->len += n;
    c->left -= n;
    *data = gn_slice_of(data->data + n, data->len - n);
    if (c->buf->len < GN_FILES_BUF && c->left > 0)
        return GN_OK;
    struct gn_files_buf *buf = c->buf;
    c->buf = NULL;
    *consumed += gn_files_range_piece(c->range, buf);
    if (c->left == 0)
        range_over(c);
    return GN_OK;
}

static void skip(struct gn_files_channel *c, struct gn_slice *data, uint64_t *consumed)
{
    size_t n = c->left < data->len ? (size_t)c->left : data->len;
    *data = gn_slice_of(data->data + n, data->len - n);
    *consumed += n;
    c->left -= n;
    if (c->left == 0)
        next_reply(c);
}

static enum gn_err part_done(struct gn_files_channel *c)
{
    switch (c->step) {
    case GN_CHANNEL_REPLY:
        return begin_reply(c);
    case GN_CHANNEL_INFO:
        return take_info(c);
    case GN_CHANNEL_PROOF:
        return take_proof(c);
    case GN_CHANNEL_HASHES:
        c->step = GN_CHANNEL_DATA;
        gn_files_range_proved(c->range);
        return GN_OK;
    case GN_CHANNEL_DATA:
    case GN_CHANNEL_SKIP:
        break;
    }
    return GN_OK;
}

enum gn_err gn_files_channel_read(struct gn_files_channel *c, struct gn_slice data, uint64_t *consumed)
{
    enum gn_err err = GN_OK;
    while (!err && data.len > 0 && c->stream) {
        if (c->step == GN_CHANNEL_DATA) {
            err = take_data(c, &data, consumed);
        } else if (c->step == GN_CHANNEL_SKIP) {
            skip(c, &data, consumed);
        } else {
            size_t before = data.len;
            bool whole = gn_file_wire_part_feed(&c->part, &data);
            *consumed += before - data.len;
            if (whole)
                err = part_done(c);
        }
    }
    return err;
}
