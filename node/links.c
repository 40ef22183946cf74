/* node/links.c - connections: dialling, sharing, idling, and the events of QUIC handed to their streams. */
#include "node/links.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "node/link_stream.h"
#include "transport/quic/uv_quic.h"

/* ---- Connections ----------------------------------------------------------------------------------------------- */

static struct gn_link_conn *conn_find(struct gn_links *l, const struct gn_id *peer)
{
    struct gn_link_conn *making = NULL;
    GN_LIST_FOR (n, &l->conns) {
        struct gn_link_conn *c = GN_CONTAINER_OF(n, struct gn_link_conn, node);
        if (c->closing || !gn_id_eq(&c->peer.id, peer))
            continue;
        if (c->connected)
            return c;
        making = c;
    }
    return making;
}

static enum gn_err conn_new(struct gn_links *l, struct gn_link_conn **out, gn_quic_conn conn)
{
    struct gn_link_conn *c = calloc(1, sizeof *c);
    if (!c)
        return GN_E_NO_MEMORY;
    c->links = l;
    c->conn = conn;
    c->idle_since = gn_uv_quic_now();
    gn_list_init(&c->streams);
    gn_list_push_back(&l->conns, &c->node);
    l->len++;
    (void)gn_quic_set_user(l->quic, conn, c);
    *out = c;
    return GN_OK;
}

static enum gn_err conn_dial(struct gn_links *l, struct gn_link_conn **out, const struct gn_contact *peer)
{
    gn_quic_conn conn = 0;
    if (!gn_addr_is_usable(&peer->addr))
        return GN_E_UNREACHABLE;
    enum gn_err err = gn_quic_dial(l->quic, &conn, &peer->id, &peer->addr, NULL, gn_uv_quic_now());
    if (err)
        return err;
    err = conn_new(l, out, conn);
    if (err) {
        (void)gn_quic_close(l->quic, conn, GN_LINK_INTERNAL, gn_uv_quic_now());
        return err;
    }
    (*out)->peer = *peer;
    gn_links_touch(l);
    return GN_OK;
}

/* The connection is gone: every stream hears why, then it is forgotten. */
static void conn_end(struct gn_link_conn *c, enum gn_err err)
{
    struct gn_links *l = c->links;
    c->closing = true;
    for (struct gn_list_node *n; (n = gn_list_first(&c->streams));)
        gn_link_stream_end(GN_CONTAINER_OF(n, struct gn_link_stream, node), err);
    gn_list_remove(&c->node);
    l->len--;
    free(c);
}

/* Why a connection ended, in the words of a stream's owner. */
static enum gn_err conn_reason(enum gn_err err, bool was_connected)
{
    if (err == GN_E_TIMEOUT && !was_connected)
        return GN_E_UNREACHABLE;
    return err == GN_OK ? GN_E_CLOSED : err;
}

static struct gn_link_stream *first_waiting(const struct gn_link_conn *c)
{
    GN_LIST_FOR (n, &c->streams) {
        struct gn_link_stream *s = GN_CONTAINER_OF(n, struct gn_link_stream, node);
        if (s->id < 0 && !s->inbound)
            return s;
    }
    return NULL;
}

static void conn_open_waiting(struct gn_link_conn *c)
{
    /* From the front each time: a stream that starts calls its owner, who may end any other. */
    for (struct gn_link_stream *s; (s = first_waiting(c));) {
        enum gn_err err = gn_link_stream_start(s);
        if (err == GN_E_FULL)
            return; /* STREAMS_MORE will tell */
        if (err)
            gn_link_stream_end(s, err);
        else
            gn_link_stream_writable(s);
    }
}

/* ---- Events of the endpoint ------------------------------------------------------------------------------------ */

static void on_connected(struct gn_links *l, const struct gn_quic_event *ev)
{
    struct gn_link_conn *c = ev->conn_user;
    if (!c) {
        if (conn_new(l, &c, ev->conn)) {
            (void)gn_quic_close(l->quic, ev->conn, GN_LINK_BUSY, gn_uv_quic_now());
            return;
        }
        c->inbound = true;
    }
    c->connected = true;
    c->peer.id = ev->peer;
    c->peer.addr = ev->addr;
    conn_open_waiting(c);
}

static void on_stream_opened(struct gn_links *l, const struct gn_quic_event *ev)
{
    struct gn_link_stream *s = NULL;
    struct gn_link_conn *c = ev->conn_user;
    if (!c || gn_link_stream_new(&s, c)) {
        (void)gn_quic_stream_reset(l->quic, ev->conn, ev->stream, GN_LINK_BUSY);
        (void)gn_quic_stream_stop(l->quic, ev->conn, ev->stream, GN_LINK_BUSY);
        return;
    }
    s->id = ev->stream;
    s->inbound = true;
    (void)gn_quic_stream_set_user(l->quic, ev->conn, ev->stream, s);
}

static void on_stream_event(const struct gn_quic_event *ev)
{
    struct gn_link_stream *s = ev->stream_user;
    if (!s)
        return; /* its owner gave it up */
    if (ev->type == GN_QUIC_STREAM_DATA)
        gn_link_stream_data(s, ev->data, ev->fin);
    else if (ev->type == GN_QUIC_WRITABLE)
        gn_link_stream_writable(s);
    else if (ev->type == GN_QUIC_STREAM_CLOSED)
        gn_link_stream_end(s, GN_OK);
    else
        gn_link_stream_end(s, GN_E_REFUSED);
}

static void on_event(void *owner, const struct gn_quic_event *ev)
{
    struct gn_links *l = owner;
    switch (ev->type) {
    case GN_QUIC_CONNECTED:
        on_connected(l, ev);
        return;
    case GN_QUIC_CLOSED:
        if (ev->conn_user) {
            struct gn_link_conn *c = ev->conn_user;
            conn_end(c, conn_reason(ev->err, c->connected));
        }
        return;
    case GN_QUIC_STREAM_OPENED:
        on_stream_opened(l, ev);
        return;
    case GN_QUIC_STREAM_DATA:
    case GN_QUIC_WRITABLE:
    case GN_QUIC_STREAM_RESET:
    case GN_QUIC_STREAM_STOPPED:
    case GN_QUIC_STREAM_CLOSED:
        on_stream_event(ev);
        return;
    case GN_QUIC_RELEASED: {
        struct gn_link_lend *lend = ev->token;
        lend->released(lend);
        return;
    }
    case GN_QUIC_STREAMS_MORE:
        if (ev->conn_user)
            conn_open_waiting(ev->conn_user);
        return;
    case GN_QUIC_PATH_CHANGED:
        if (ev->conn_user)
            ((struct gn_link_conn *)ev->conn_user)->peer.addr = ev->addr;
        return;
    case GN_QUIC_DATAGRAM:
        return; /* gossip will use them */
    }
}

/* ---- Pumping --------------------------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *handle)
{
    struct gn_links *l = handle->data;
    (void)uv_idle_stop(handle);
    gn_link_stream_free_ended(l);
    gn_links_pump(l);
}

void gn_links_touch(struct gn_links *l)
{
    /* Many writes in one turn of the loop become one round of packets, just before the loop sleeps. */
    if (!l->closing)
        (void)uv_idle_start(&l->idle, on_idle);
}

void gn_links_pump(struct gn_links *l)
{
    if (!l->closing)
        gn_uv_quic_pump(l->driver);
}

void gn_links_receive(struct gn_links *l, const struct gn_udp_packet *packet)
{
    if (!l->closing)
        gn_uv_quic_receive(l->driver, packet);
}

static void on_sweep(uv_timer_t *handle)
{
    struct gn_links *l = handle->data;
    gn_time_us now = gn_uv_quic_now();
    GN_LIST_FOR (n, &l->conns) {
        struct gn_link_conn *c = GN_CONTAINER_OF(n, struct gn_link_conn, node);
        if (c->connected && !c->closing && gn_list_is_empty(&c->streams) &&
            gn_time_sub(now, c->idle_since) >= GN_LINKS_IDLE) {
            c->closing = true;
            (void)gn_quic_close(l->quic, c->conn, GN_LINK_DONE, now);
        }
    }
    gn_links_touch(l);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

enum gn_err gn_links_new(struct gn_links **out, const struct gn_links_config *config)
{
    *out = NULL;
    struct gn_links *l = calloc(1, sizeof *l);
    if (!l)
        return GN_E_NO_MEMORY;
    gn_list_init(&l->conns);
    gn_list_init(&l->ended);
    enum gn_err err = gn_quic_new(&l->quic, &config->quic, gn_uv_quic_now());
    if (err)
        goto free_links;
    struct gn_uv_quic_config driver = {.loop = config->loop,
                                       .quic = l->quic,
                                       .udp = config->udp,
                                       .alloc = config->quic.alloc,
                                       .event = on_event,
                                       .owner = l};
    err = gn_uv_quic_new(&l->driver, &driver);
    if (err)
        goto free_quic;
    (void)uv_idle_init(config->loop, &l->idle); /* neither can fail */
    (void)uv_timer_init(config->loop, &l->sweep);
    l->idle.data = l;
    l->sweep.data = l;
    (void)uv_timer_start(&l->sweep, on_sweep, 5000, 5000);
    uv_unref((uv_handle_t *)&l->sweep);
    *out = l;
    return GN_OK;

free_quic:
    gn_quic_free(l->quic);
free_links:
    free(l);
    return err;
}

void gn_links_serve(struct gn_links *l, enum gn_link_kind kind, gn_link_accept_fn accept, void *owner)
{
    GN_CHECK(kind < GN_LINK_KINDS && (!accept || !l->served[kind].accept));
    l->served[kind].accept = accept;
    l->served[kind].owner = owner;
}

enum gn_err gn_links_open(struct gn_links *l, struct gn_link_stream **out, const struct gn_contact *peer,
                          enum gn_link_kind kind, const struct gn_link_stream_ops *ops, void *user)
{
    *out = NULL;
    if (l->closing || l->draining)
        return GN_E_CLOSED;
    struct gn_link_conn *c = conn_find(l, &peer->id);
    enum gn_err err = GN_OK;
    if (!c)
        err = conn_dial(l, &c, peer);
    if (err)
        return err;
    if (!c->connected && c->streams_len >= GN_LINKS_WAITING_MAX)
        return GN_E_FULL;
    struct gn_link_stream *s = NULL;
    err = gn_link_stream_new(&s, c);
    if (err)
        return err;
    s->ops = ops;
    s->user = user;
    uint8_t first = (uint8_t)kind;
    err = gn_link_write(s, gn_slice_of(&first, 1), false);
    if (err) {
        gn_link_stream_drop(s);
        return err;
    }
    if (c->connected)
        err = gn_link_stream_start(s);
    if (err && err != GN_E_FULL) {
        gn_link_stream_drop(s);
        return err;
    }
    *out = s;
    return GN_OK;
}

bool gn_links_connected(const struct gn_links *l, const struct gn_id *peer)
{
    GN_LIST_FOR (n, &l->conns) {
        const struct gn_link_conn *c = GN_CONTAINER_OF(n, struct gn_link_conn, node);
        if (c->connected && !c->closing && gn_id_eq(&c->peer.id, peer))
            return true;
    }
    return false;
}

size_t gn_links_len(const struct gn_links *l)
{
    return l->len;
}

void gn_links_counters(const struct gn_links *l, struct gn_quic_counters *out)
{
    gn_quic_counters(l->quic, out);
}

void gn_links_drain(struct gn_links *l)
{
    if (l->draining)
        return;
    l->draining = true;
    gn_quic_drain(l->quic, GN_LINK_SHUTDOWN, gn_uv_quic_now());
    gn_links_pump(l);
}

static void on_part_closed(struct gn_links *l)
{
    if (--l->closing_parts > 0)
        return;
    gn_link_stream_free_ended(l);
    gn_quic_free(l->quic);
    void (*closed)(void *) = l->closed;
    void *data = l->closed_data;
    free(l);
    if (closed)
        closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void on_driver_closed(void *data)
{
    on_part_closed(data);
}

void gn_links_close(struct gn_links *l, void (*closed)(void *data), void *data)
{
    gn_links_drain(l);
    l->closing = true;
    l->closed = closed;
    l->closed_data = data;
    l->closing_parts = 3;
    for (struct gn_list_node *n; (n = gn_list_first(&l->conns));)
        conn_end(GN_CONTAINER_OF(n, struct gn_link_conn, node), GN_E_CANCELLED);
    uv_close((uv_handle_t *)&l->idle, on_handle_closed);
    uv_close((uv_handle_t *)&l->sweep, on_handle_closed);
    gn_uv_quic_close(l->driver, on_driver_closed, l);
}
