/* node/files/serve.c - answers other nodes: one range after the other, read by a thread, lent to QUIC.
 *
 * A stream has one read under way and up to LENT_MAX buffers with QUIC, so the next is read while the last ones travel.
 * All streams together have GN_FILES_SERVE_BUFS: who finds none waits for its turn.
 */
#include <string.h>

#include "base/check.h"
#include "node/files/get.h"
#include "overlay/files/wire.h"

#define SERVERS_MAX 512U
#define LENT_MAX 15U /* with the proofs less than the send buffer of a stream (4 MiB) */

_Static_assert(GN_FILE_WIRE_GROUP == GN_TREE_GROUP_LEAVES && GN_FILE_WIRE_LEAF == GN_TREE_LEAF, "one shape");

struct server {
    struct gn_list_node node, starved;
    struct gn_files *files;
    struct gn_link_stream *stream; /* NULL: it is over */
    unsigned held;                 /* our functions that look at it now */
    bool busy;                     /* a file is being opened, or read */
    bool ended;                    /* the peer asks for nothing more */
    unsigned lent;
    uint8_t in_bytes[GN_FILE_WIRE_REQUEST];
    struct gn_file_wire_part in;
    struct gn_file_wire_request queue[GN_FILE_WIRE_PENDING_MAX];
    unsigned queue_first, queue_len;
    /* the request at work */
    bool working;
    struct gn_file_wire_request now;
    struct gn_files_waiter waiter;
    struct gn_files_open *open; /* a whole file, or */
    struct gn_files_get *get;   /* one that is being fetched */
    struct gn_tree_hash root;
    uint64_t length, at, end; /* bytes */
    bool begun;               /* the reply's header is sent */
    struct gn_files_work work;
    struct gn_files_buf *buf;
    enum gn_err err;
    size_t head_len;
    uint8_t head[GN_FILE_WIRE_REPLY + GN_FILE_WIRE_PROOF_MAX];
};

static void pump(struct server *s);

/* ---- the end of a request, of a stream ---- */

static void release_source(struct server *s)
{
    if (s->open)
        gn_files_open_put(s->open);
    if (s->get)
        gn_files_get_unpin(s->get);
    s->open = NULL;
    s->get = NULL;
}

/* Around every call from outside: a write may end the stream, and with it the server, under our hands. */
static void enter(struct server *s)
{
    s->held++;
}

static void leave(struct server *s)
{
    struct gn_files *f = s->files;
    if (--s->held > 0 || s->stream || s->busy || s->lent > 0)
        return;
    release_source(s);
    gn_list_remove(&s->node);
    gn_list_remove(&s->starved);
    gn_alloc_free(f->alloc, s);
    if (gn_list_is_empty(&f->servers) && gn_files_transfers_running(f) == 0)
        gn_files_buf_trim(f);
    gn_files_check_closed(f);
}

static void give_up(struct server *s, enum gn_link_code code)
{
    if (s->stream)
        gn_link_abort(s->stream, code); /* on_closed does the rest */
}

static void drop_buf(struct server *s)
{
    if (!s->buf)
        return;
    gn_files_buf_give(s->files, s->buf);
    s->buf = NULL;
    s->files->bufs_lent--;
    gn_files_serve_feed(s->files);
}

static void request_over(struct server *s)
{
    release_source(s);
    s->working = false;
}

/* ---- replies ---- */

static uint8_t status_of(enum gn_err err)
{
    if (err == GN_E_NOT_FOUND)
        return GN_FILE_WIRE_NOT_FOUND;
    if (err == GN_E_AGAIN)
        return GN_FILE_WIRE_NOT_HERE;
    if (err == GN_E_CHANGED)
        return GN_FILE_WIRE_CHANGED;
    if (err == GN_E_INVALID)
        return GN_FILE_WIRE_BAD_RANGE;
    if (err == GN_E_DESCRIPTORS || err == GN_E_NO_MEMORY || err == GN_E_FULL || err == GN_E_CLOSED)
        return GN_FILE_WIRE_BUSY;
    return GN_FILE_WIRE_FAILED;
}

static void write_or_give_up(struct server *s, struct gn_slice bytes, bool fin)
{
    if (s->stream && gn_link_write(s->stream, bytes, fin))
        give_up(s, GN_LINK_INTERNAL);
}

static void reply_status(struct server *s, enum gn_err err)
{
    uint8_t bytes[GN_FILE_WIRE_REPLY];
    struct gn_file_wire_reply r = {.op = s->now.op, .status = status_of(err)};
    gn_file_wire_reply_write(bytes, &r);
    request_over(s);
    write_or_give_up(s, gn_slice_of(bytes, sizeof bytes), false);
}

/* Which groups of a file that is being fetched are complete. */
static void fill_bits(const struct gn_blob_part *p, uint8_t *bits, uint64_t leaves)
{
    for (uint64_t first = 0, group = 0; first < leaves; first += GN_TREE_GROUP_LEAVES, group++) {
        uint64_t at, run;
        uint64_t count = leaves - first < GN_TREE_GROUP_LEAVES ? leaves - first : GN_TREE_GROUP_LEAVES;
        if (!gn_blob_part_missing(p, &at, &run, first, 1) || at >= first + count)
            gn_file_wire_bit_set(bits, group);
    }
}

static void reply_info(struct server *s)
{
    bool all = s->open != NULL;
    size_t bits_len = all ? 0 : gn_file_wire_bits_len(s->length);
    size_t len = GN_FILE_WIRE_INFO + bits_len;
    uint8_t *bytes = gn_alloc_zeroed(s->files->alloc, 1, GN_FILE_WIRE_REPLY + len);
    if (!bytes) {
        reply_status(s, GN_E_NO_MEMORY);
        return;
    }
    struct gn_file_wire_reply r = {
        .op = s->now.op, .status = GN_FILE_WIRE_OK, .flags = all ? GN_FILE_WIRE_ALL : 0U, .len = (uint32_t)len};
    gn_file_wire_reply_write(bytes, &r);
    gn_file_wire_info_write(bytes + GN_FILE_WIRE_REPLY, s->length, s->root.b);
    if (!all)
        fill_bits(s->get->part, bytes + GN_FILE_WIRE_REPLY + GN_FILE_WIRE_INFO, gn_tree_leaves(s->length));
    request_over(s);
    write_or_give_up(s, gn_slice_of(bytes, GN_FILE_WIRE_REPLY + len), false);
    gn_alloc_free(s->files->alloc, bytes);
}

/* ---- reading, on a thread ---- */

static enum gn_err prove(struct server *s)
{
    struct gn_tree_hash hashes[GN_TREE_UNCLES_MAX + GN_TREE_GROUP_LEAVES], leaves[GN_TREE_GROUP_LEAVES];
    uint64_t first = 0;
    size_t uncles = 0;
    uint64_t count = gn_tree_range_at(&first, s->length, s->now.first, GN_TREE_GROUP_LEAVES);
    enum gn_err err = s->open ? gn_blob_prove(s->open->blob, leaves, hashes, &uncles, first, count)
                              : gn_blob_part_prove(s->get->part, leaves, hashes, &uncles, first, count);
    if (err)
        return err;
    uint8_t *out = s->head + GN_FILE_WIRE_REPLY;
    gn_file_wire_proof_write(out, uncles, (size_t)count);
    memcpy(out + GN_FILE_WIRE_PROOF, hashes, uncles * sizeof hashes[0]);
    memcpy(out + GN_FILE_WIRE_PROOF + uncles * sizeof hashes[0], leaves, (size_t)count * sizeof leaves[0]);
    s->head_len += GN_FILE_WIRE_PROOF + (uncles + (size_t)count) * sizeof hashes[0];
    return GN_OK;
}

static void run_read(struct gn_files_work *w)
{
    struct server *s = GN_CONTAINER_OF(w, struct server, work);
    s->err = GN_OK;
    if (!s->begun) {
        s->head_len = GN_FILE_WIRE_REPLY;
        if (s->now.flags & GN_FILE_WIRE_WANT_PROOF)
            s->err = prove(s);
    }
    if (s->err)
        return;
    s->err = s->open ? gn_blob_read(s->open->blob, s->buf->data, s->at, s->buf->len)
                     : gn_blob_part_read(s->get->part, s->buf->data, s->at, s->buf->len);
}

static void on_released(struct gn_link_lend *lend)
{
    struct gn_files_buf *b = GN_CONTAINER_OF(lend, struct gn_files_buf, lend);
    struct server *s = b->owner;
    struct gn_files *f = s->files;
    enter(s);
    gn_files_buf_give(f, b);
    f->bufs_lent--;
    s->lent--;
    pump(s);
    leave(s);
    gn_files_serve_feed(f);
}

static void count_served(struct server *s, uint64_t bytes)
{
    struct gn_files_item *item = gn_files_item_get(s->files, &s->now.content);
    s->files->served_bytes += bytes;
    if (item)
        item->served += bytes;
}

static void begin_reply(struct server *s)
{
    bool proof = s->head_len > GN_FILE_WIRE_REPLY;
    struct gn_file_wire_reply r = {.op = s->now.op,
                                   .status = GN_FILE_WIRE_OK,
                                   .flags = proof ? GN_FILE_WIRE_HAS_PROOF : 0U,
                                   .len = (uint32_t)(s->head_len - GN_FILE_WIRE_REPLY + (s->end - s->at))};
    gn_file_wire_reply_write(s->head, &r);
    s->begun = true;
    write_or_give_up(s, gn_slice_of(s->head, s->head_len), false);
}

static void send_buf(struct server *s)
{
    struct gn_files_buf *b = s->buf;
    if (!s->begun)
        begin_reply(s);
    if (!s->stream)
        return;
    b->owner = s;
    b->lend.released = on_released;
    if (gn_link_lend(s->stream, gn_slice_of(b->data, b->len), &b->lend)) {
        give_up(s, GN_LINK_INTERNAL);
        return;
    }
    s->buf = NULL; /* QUIC has it */
    s->lent++;
    s->at += b->len;
    count_served(s, b->len);
    if (s->at == s->end)
        request_over(s);
}

static void read_failed(struct server *s)
{
    struct gn_files_item *item = gn_files_item_get(s->files, &s->now.content);
    if (s->err == GN_E_CHANGED && s->open && item)
        gn_files_item_changed(s->files, item);
    if (s->begun) { /* the rest of what was promised cannot come */
        request_over(s);
        give_up(s, GN_LINK_INTERNAL);
    } else {
        reply_status(s, s->err);
    }
}

static void on_read(struct gn_files_work *w)
{
    struct server *s = GN_CONTAINER_OF(w, struct server, work);
    enter(s);
    s->busy = false;
    if (s->stream && s->err)
        read_failed(s);
    else if (s->stream)
        send_buf(s);
    drop_buf(s); /* if it was not lent */
    pump(s);
    leave(s);
}

/* ---- one request after the other ---- */

static void begin_range(struct server *s)
{
    if (s->now.first + (uint64_t)s->now.count > gn_tree_leaves(s->length)) {
        reply_status(s, GN_E_INVALID);
        return;
    }
    s->at = (uint64_t)s->now.first * GN_TREE_LEAF;
    s->end = s->at + gn_tree_range_len(s->length, s->now.first, s->now.count);
    s->begun = false;
}

static void source_ready(struct server *s)
{
    if (s->now.op == GN_FILE_WIRE_OP_INFO)
        reply_info(s);
    else
        begin_range(s);
}

static void on_open(struct gn_files_waiter *w, struct gn_files_open *o, enum gn_err err)
{
    struct server *s = GN_CONTAINER_OF(w, struct server, waiter);
    bool later = s->busy;
    enter(s);
    s->busy = false;
    s->open = o;
    if (err) {
        reply_status(s, err);
    } else {
        s->length = gn_blob_length(o->blob);
        s->root = *gn_blob_root(o->blob);
        source_ready(s);
    }
    if (later)
        pump(s);
    leave(s);
}

static void begin_request(struct server *s)
{
    struct gn_files *f = s->files;
    s->now = s->queue[s->queue_first];
    s->queue_first = (s->queue_first + 1U) % GN_FILE_WIRE_PENDING_MAX;
    s->queue_len--;
    s->working = true;
    struct gn_files_item *item = gn_files_item_get(f, &s->now.content);
    struct gn_files_get *get = item ? NULL : gn_files_get_serving(f, &s->now.content);
    if (get) {
        s->get = get;
        gn_files_get_pin(get);
        s->length = get->what.length;
        s->root = get->what.root;
        source_ready(s);
        return;
    }
    s->waiter.ready = on_open;
    gn_files_open_get(f, &s->waiter, &s->now.content);
    if (gn_list_is_linked(&s->waiter.node))
        s->busy = true;
}

static void read_next(struct server *s)
{
    struct gn_files *f = s->files;
    if (f->bufs_lent >= GN_FILES_SERVE_BUFS || !(s->buf = gn_files_buf_take(f))) {
        if (!gn_list_is_linked(&s->starved))
            gn_list_push_back(&f->starved, &s->starved);
        return;
    }
    f->bufs_lent++;
    uint64_t left = s->end - s->at;
    s->buf->len = left < GN_FILES_BUF ? (size_t)left : GN_FILES_BUF;
    s->busy = true;
    gn_files_work(f, &s->work, run_read, on_read);
}

static void pump(struct server *s)
{
    while (s->stream && !s->busy && !s->working && s->queue_len > 0)
        begin_request(s);
    if (s->stream && !s->busy && s->working && s->lent < LENT_MAX && !gn_list_is_linked(&s->starved))
        read_next(s);
    if (s->stream && s->ended && !s->busy && !s->working && s->queue_len == 0) {
        s->ended = false;
        write_or_give_up(s, gn_slice_of(NULL, 0), true);
    }
}

void gn_files_serve_feed(struct gn_files *f)
{
    while (f->bufs_lent < GN_FILES_SERVE_BUFS) {
        struct gn_list_node *n = gn_list_pop_front(&f->starved);
        if (!n)
            return;
        struct server *s = GN_CONTAINER_OF(n, struct server, starved);
        size_t before = f->bufs_lent;
        enter(s);
        pump(s);
        leave(s);
        if (f->bufs_lent == before)
            return; /* no memory: it waits again */
    }
}

/* ---- the stream ---- */

/* False: the peer broke the rules, the stream was given up. */
static bool take_requests(struct server *s, struct gn_slice data)
{
    while (data.len > 0 && gn_file_wire_part_feed(&s->in, &data)) {
        struct gn_file_wire_request r;
        if (s->queue_len == GN_FILE_WIRE_PENDING_MAX || gn_file_wire_request_read(&r, s->in_bytes)) {
            give_up(s, GN_LINK_BAD_REQUEST);
            return false;
        }
        s->queue[(s->queue_first + s->queue_len++) % GN_FILE_WIRE_PENDING_MAX] = r;
        gn_file_wire_part_begin(&s->in, s->in_bytes, sizeof s->in_bytes);
    }
    return true;
}

static void on_data(void *user, struct gn_slice data, bool fin)
{
    struct server *s = user;
    enter(s);
    if (take_requests(s, data)) {
        gn_link_consume(s->stream, data.len);
        s->ended = s->ended || fin;
        if (fin && s->in.got > 0)
            give_up(s, GN_LINK_BAD_REQUEST);
        pump(s);
    }
    leave(s);
}

static void on_closed(void *user, enum gn_err err)
{
    struct server *s = user;
    (void)err;
    enter(s);
    s->stream = NULL;
    s->queue_len = 0;
    if (gn_list_is_linked(&s->waiter.node)) {
        gn_files_open_cancel(&s->waiter);
        s->busy = false;
    }
    gn_list_remove(&s->starved);
    leave(s);
}

static const struct gn_link_stream_ops stream_ops = {.data = on_data, .closed = on_closed};

static void *on_accept(void *owner, struct gn_link_stream *stream, const struct gn_contact *peer,
                       const struct gn_link_stream_ops **ops)
{
    struct gn_files *f = owner;
    size_t n = 0;
    (void)peer;
    GN_LIST_FOR (at, &f->servers)
        n++;
    struct server *s = f->closing || n >= SERVERS_MAX ? NULL : gn_alloc_zeroed(f->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->files = f;
    s->stream = stream;
    gn_file_wire_part_begin(&s->in, s->in_bytes, sizeof s->in_bytes);
    gn_list_push_back(&f->servers, &s->node);
    *ops = &stream_ops;
    return s;
}

void gn_files_serve_start(struct gn_files *f)
{
    if (f->links)
        gn_links_serve(f->links, GN_LINK_FILE, on_accept, f);
}

void gn_files_serve_close(struct gn_files *f)
{
    GN_LIST_FOR_SAFE (n, after, &f->servers)
        give_up(GN_CONTAINER_OF(n, struct server, node), GN_LINK_SHUTDOWN);
}
