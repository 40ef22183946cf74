/* node/files/channel_range.c - a range that comes: its proof and its leaves, verified and written by threads.
 *
 * The stream may end while threads work for it: what is verified is kept all the same.
 */
#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/files/channel.h"

/* Threads at one file: while one writes, which the kernel lets only one do, the other hashes. */
#define WRITERS 2U

struct piece {
    struct gn_files_work work;
    struct gn_list_node node;
    struct gn_files_range *range;
    struct gn_files_get *get;
    struct gn_files_buf *buf;
    uint64_t first, count, bad;
    enum gn_err err;
};

enum gn_err gn_files_range_new(struct gn_files_range **out, struct gn_files_channel *c, const struct gn_files_get *g,
                               const struct gn_channel_expect *e)
{
    struct gn_files_range *r = gn_alloc_zeroed(c->files->alloc, 1, sizeof *r);
    *out = r;
    if (!r)
        return GN_E_NO_MEMORY;
    r->files = c->files;
    r->channel = c;
    r->transfer = c->transfer;
    r->file = e->file;
    r->range = e->range;
    r->length = g->what.length;
    r->first = r->next = e->first;
    r->count = e->count;
    r->group_count = gn_tree_range_at(&r->group_first, r->length, r->first, GN_TREE_GROUP_LEAVES);
    r->uncles = gn_tree_uncles(r->length, r->group_first, r->group_count);
    gn_list_init(&r->waiting);
    r->transfer->ranges++;
    c->ranges++;
    return GN_OK;
}

/* ---- the end ---- */

/* What happened, to the scheduler: once. */
static void report(struct gn_files_range *r)
{
    struct gn_files_transfer *t = r->transfer;
    const uint32_t provider = r->channel->provider;
    gn_time_us now = gn_os_clock_now();
    if (r->reported || !t->fetch)
        return;
    r->reported = true;
    if (r->err == GN_OK) {
        gn_fetch_done(t->fetch, provider, r->file, r->range, now);
    } else if (gn_err_class(r->err) == GN_ERR_CLASS_PEER) {
        GN_LOG(r->files->log, GN_LOG_WARN, "files.range.wrong",
               GN_F_ID("peer", gn_fetch_provider_id(t->fetch, provider)), GN_F_ID("content", &t->link.root),
               GN_F_U64("range", r->range));
        gn_fetch_failed(t->fetch, provider, r->file, r->range, GN_FETCH_F_LIE, now);
    } else if (r->err != GN_E_CANCELLED) {
        gn_files_transfer_end(t, GN_TRANSFER_FAILED, r->err, NULL);
    }
}

static bool is_over(const struct gn_files_range *r)
{
    return r->complete && r->pieces == 0 && !r->accepting;
}

static void check(struct gn_files_range *r)
{
    struct gn_files_channel *c = r->channel;
    struct gn_files_transfer *t = r->transfer;
    c->held++; /* pumping may close it */
    if (is_over(r) || r->err)
        report(r);
    if (is_over(r)) {
        t->ranges--;
        c->ranges--;
        gn_alloc_free(r->files->alloc, r);
    }
    gn_files_transfer_pump(t);
    c->held--;
    gn_files_channel_check(c);
}

void gn_files_range_complete(struct gn_files_range *r, enum gn_err err)
{
    r->complete = true;
    if (err && !r->err) {
        r->err = err;
        r->reported = r->reported || err == GN_E_CANCELLED; /* the scheduler knows that the channel is gone */
    }
    check(r);
}

/* Its bytes need no room any more: the peer may send as many. */
static void piece_over(struct gn_files_range *r, struct piece *p)
{
    struct gn_files_channel *c = r->channel;
    c->backlog -= p->buf->len;
    if (c->stream)
        gn_link_consume(c->stream, p->buf->len);
    r->pieces--;
    gn_files_buf_give(r->files, p->buf);
    gn_alloc_free(r->files->alloc, p);
}

/* ---- pieces ---- */

static struct gn_files_get *open_get(const struct gn_files_range *r)
{
    struct gn_files_get *g = gn_files_transfer_get_of(r->transfer, r->file);
    return g && gn_files_get_is_open(g) ? g : NULL;
}

static void run_write(struct gn_files_work *w)
{
    struct piece *p = GN_CONTAINER_OF(w, struct piece, work);
    const struct gn_files_range *r = p->range;
    const struct gn_tree_hash *leaves = &r->hashes[r->uncles + (size_t)(p->first - r->group_first)];
    p->err =
        gn_blob_part_write(p->get->part, &p->bad, p->first, p->count, leaves, gn_slice_of(p->buf->data, p->buf->len));
}

static void start_write(struct piece *p);

static void on_written(struct gn_files_work *w)
{
    struct piece *p = GN_CONTAINER_OF(w, struct piece, work);
    struct gn_files_range *r = p->range;
    struct gn_files_get *g = p->get;
    g->writers--;
    struct gn_list_node *next = gn_list_pop_front(&g->lane);
    if (next)
        start_write(GN_CONTAINER_OF(next, struct piece, node));
    if (p->err && !r->err)
        r->err = p->err;
    if (!p->err) {
        g->unsaved += p->buf->len;
        gn_files_transfer_range_written(r->transfer, p->buf->len);
    }
    piece_over(r, p);
    check(r);
    gn_files_get_let_go(g);
}

static void start_write(struct piece *p)
{
    p->get->writers++;
    gn_files_work(p->range->files, &p->work, run_write, on_written);
}

static void write_piece(struct piece *p)
{
    struct gn_files_range *r = p->range;
    p->get = r->err ? NULL : open_get(r);
    if (!p->get) { /* nobody wants it any more */
        piece_over(r, p);
        return;
    }
    gn_files_get_hold(p->get);
    if (p->get->writers < WRITERS)
        start_write(p);
    else
        gn_list_push_back(&p->get->lane, &p->node);
}

uint64_t gn_files_range_piece(struct gn_files_range *r, struct gn_files_buf *buf)
{
    const uint64_t count = (buf->len + GN_TREE_LEAF - 1U) / GN_TREE_LEAF;
    const uint64_t first = r->next;
    const size_t len = buf->len;
    struct piece *p = NULL;
    r->next += count;
    bool known = r->err || !r->transfer->fetch || gn_fetch_has(r->transfer->fetch, r->file, r->range);
    if (!known && !(p = gn_alloc_zeroed(r->files->alloc, 1, sizeof *p)))
        r->err = GN_E_NO_MEMORY;
    if (!p) {
        gn_files_buf_give(r->files, buf);
        return len;
    }
    *p = (struct piece){.range = r, .buf = buf, .first = first, .count = count};
    r->pieces++;
    r->channel->backlog += len;
    if (r->accepted)
        write_piece(p);
    else
        gn_list_push_back(&r->waiting, &p->node);
    return 0;
}

/* ---- the proof ---- */

static void run_accept(struct gn_files_work *w)
{
    struct gn_files_range *r = GN_CONTAINER_OF(w, struct gn_files_range, accept);
    enum gn_err err = gn_blob_part_accept(r->accept_get->part, r->group_first, r->group_count, &r->hashes[r->uncles],
                                          r->hashes, r->uncles);
    r->accept_err = err;
}

static void on_accepted(struct gn_files_work *w)
{
    struct gn_files_range *r = GN_CONTAINER_OF(w, struct gn_files_range, accept);
    struct gn_files_get *g = r->accept_get;
    struct gn_files_channel *c = r->channel;
    c->held++;
    r->accepted = true;
    if (r->accept_err && !r->err)
        r->err = r->accept_err;
    for (struct gn_list_node *n; (n = gn_list_pop_front(&r->waiting));)
        write_piece(GN_CONTAINER_OF(n, struct piece, node));
    r->accepting = false; /* last: until here the range cannot end */
    check(r);
    c->held--;
    gn_files_channel_check(c);
    gn_files_get_let_go(g);
}

void gn_files_range_proved(struct gn_files_range *r)
{
    r->accept_get = open_get(r);
    if (!r->accept_get) {
        r->accepted = true; /* its pieces will find that nobody wants them */
        return;
    }
    gn_files_get_hold(r->accept_get);
    r->accepting = true;
    gn_files_work(r->files, &r->accept, run_accept, on_accepted);
}
