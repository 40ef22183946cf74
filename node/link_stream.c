/* node/link_stream.c - one stream: early writes, the kind byte, data to its owner, and the one way to end. */
#include "node/link_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static struct gn_quic *quic_of(const struct gn_link_stream *s)
{
    return s->conn->links->quic;
}

enum gn_err gn_link_stream_new(struct gn_link_stream **out, struct gn_link_conn *conn)
{
    struct gn_link_stream *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return GN_E_NO_MEMORY;
    s->id = -1;
    s->conn = conn;
    s->peer = conn->peer;
    gn_list_push_back(&conn->streams, &s->node);
    conn->streams_len++;
    return GN_OK;
}

static void detach(struct gn_link_stream *s, enum gn_link_code code)
{
    struct gn_link_conn *c = s->conn;
    if (s->id >= 0) {
        (void)gn_quic_stream_set_user(quic_of(s), c->conn, s->id, NULL);
        (void)gn_quic_stream_reset(quic_of(s), c->conn, s->id, code);
        (void)gn_quic_stream_stop(quic_of(s), c->conn, s->id, code);
        gn_links_touch(c->links);
    }
    gn_list_remove(&s->node);
    c->streams_len--;
    c->idle_since = gn_uv_quic_now();
    s->conn = NULL;
    s->ended = true;
    gn_list_push_back(&c->links->ended, &s->node);
    gn_links_touch(c->links);
}

static void end_with(struct gn_link_stream *s, enum gn_err err, enum gn_link_code code)
{
    if (s->ended)
        return;
    if (err == GN_OK)
        s->id = -1; /* QUIC is done with it: nothing to give up */
    detach(s, code);
    if (s->ops && s->ops->closed)
        s->ops->closed(s->user, err);
}

void gn_link_stream_end(struct gn_link_stream *s, enum gn_err err)
{
    end_with(s, err, GN_LINK_DONE);
}

void gn_link_stream_drop(struct gn_link_stream *s)
{
    s->ops = NULL;
    end_with(s, GN_E_CANCELLED, GN_LINK_INTERNAL);
}

void gn_link_abort(struct gn_link_stream *s, enum gn_link_code code)
{
    end_with(s, GN_E_CANCELLED, code);
}

enum gn_err gn_link_stream_start(struct gn_link_stream *s)
{
    struct gn_link_conn *c = s->conn;
    if (s->id >= 0 || s->inbound)
        return GN_OK;
    int64_t id = -1;
    enum gn_err err = gn_quic_stream_open(quic_of(s), &id, c->conn);
    if (err)
        return err;
    s->id = id;
    (void)gn_quic_stream_set_user(quic_of(s), c->conn, s->id, s);
    err = gn_quic_stream_write(quic_of(s), c->conn, s->id, gn_slice_of(s->early, s->early_len), s->early_fin);
    if (err)
        return err;
    free(s->early);
    s->early = NULL;
    s->early_len = 0;
    gn_links_touch(c->links);
    return GN_OK;
}

bool gn_link_stands(const struct gn_link_stream *s)
{
    return !s->ended && s->id >= 0;
}

static enum gn_err write_early(struct gn_link_stream *s, struct gn_slice data, bool fin)
{
    if (data.len > GN_LINK_EARLY_MAX - s->early_len)
        return GN_E_FULL;
    uint8_t *early = realloc(s->early, s->early_len + data.len + 1);
    if (!early)
        return GN_E_NO_MEMORY;
    if (data.len)
        memcpy(early + s->early_len, data.data, data.len);
    s->early = early;
    s->early_len += data.len;
    s->early_fin = fin;
    return GN_OK;
}

enum gn_err gn_link_write(struct gn_link_stream *s, struct gn_slice data, bool fin)
{
    if (s->ended)
        return GN_E_CLOSED;
    if (s->id < 0)
        return write_early(s, data, fin);
    gn_links_touch(s->conn->links);
    return gn_quic_stream_write(quic_of(s), s->conn->conn, s->id, data, fin);
}

enum gn_err gn_link_lend(struct gn_link_stream *s, struct gn_slice data, struct gn_link_lend *lend)
{
    if (s->ended)
        return GN_E_CLOSED;
    GN_CHECK(s->id >= 0);
    gn_links_touch(s->conn->links);
    return gn_quic_stream_lend(quic_of(s), s->conn->conn, s->id, data, lend);
}

void gn_link_consume(struct gn_link_stream *s, uint64_t bytes)
{
    if (s->ended || s->id < 0 || bytes == 0)
        return;
    gn_links_touch(s->conn->links);
    (void)gn_quic_stream_consume(quic_of(s), s->conn->conn, s->id, bytes);
}

const struct gn_contact *gn_link_peer(const struct gn_link_stream *s)
{
    return &s->peer;
}

/* The first byte of a stream says who serves it. False: nobody does, the stream is gone. */
static bool take_kind(struct gn_link_stream *s, uint8_t kind)
{
    struct gn_links *l = s->conn->links;
    s->kind_known = true;
    gn_link_consume(s, 1);
    if (kind < GN_LINK_KINDS && l->served[kind].accept) {
        const struct gn_link_stream_ops *ops = NULL;
        void *user = l->served[kind].accept(l->served[kind].owner, s, &s->peer, &ops);
        if (user && !s->ended) {
            s->user = user;
            s->ops = ops;
            return true;
        }
    }
    gn_link_abort(s, GN_LINK_BAD_REQUEST);
    return false;
}

void gn_link_stream_data(struct gn_link_stream *s, struct gn_slice data, bool fin)
{
    if (s->inbound && !s->kind_known && data.len > 0) {
        uint8_t kind = data.data[0];
        data = gn_slice_of(data.data + 1, data.len - 1);
        if (!take_kind(s, kind))
            return;
    }
    if (s->inbound && !s->kind_known) {
        if (fin)
            gn_link_abort(s, GN_LINK_BAD_REQUEST);
        return;
    }
    if ((data.len > 0 || fin) && s->ops->data)
        s->ops->data(s->user, data, fin);
}

void gn_link_stream_writable(struct gn_link_stream *s)
{
    if (!s->ended && s->ops && s->ops->writable)
        s->ops->writable(s->user);
}

void gn_link_stream_free_ended(struct gn_links *l)
{
    for (struct gn_list_node *n; (n = gn_list_pop_front(&l->ended));) {
        struct gn_link_stream *s = GN_CONTAINER_OF(n, struct gn_link_stream, node);
        free(s->early);
        free(s);
    }
}
