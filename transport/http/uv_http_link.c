/* transport/http/uv_http_link.c - connecting, reading and writing of the client. */
#include "transport/http/uv_http_link.h"

#include "base/check.h"
#include "transport/http/uv_http_socket.h"

static void consume(struct gn_uv_http_client *c, struct gn_slice in);
static void tell_room(struct gn_uv_http_client *c);

static void on_link_closed(uv_handle_t *handle)
{
    struct gn_uv_http_link *l = handle->data;
    struct gn_uv_http_client *c = l->client;
    gn_buffer_fini(&l->flight, l->alloc);
    gn_alloc_free(l->alloc, l);
    gn_uv_http_client_link_closed(c);
}

void gn_uv_http_link_drop(struct gn_uv_http_client *c)
{
    if (!c->link)
        return;
    uv_close(&c->link->u.handle, on_link_closed);
    c->link = NULL;
    c->connected = false;
    c->reading = false;
}

static void on_write(uv_write_t *req, int status)
{
    struct gn_uv_http_link *l = GN_CONTAINER_OF(req, struct gn_uv_http_link, write);
    struct gn_uv_http_client *c = l->client;
    gn_buffer_clear(&l->flight, l->alloc);
    if (c->link != l)
        return;
    if (status != 0) {
        c->send_broken = true; /* an answer like 413 may be waiting to be read; the end comes from there */
        gn_buffer_clear(&c->out, c->config.alloc);
        return;
    }
    gn_uv_http_client_moved(c);
    gn_uv_http_link_flush(c);
    tell_room(c);
}

void gn_uv_http_link_flush(struct gn_uv_http_client *c)
{
    struct gn_uv_http_link *l = c->link;
    if (!c->connected || c->send_broken || c->out.len == 0 || l->flight.len > 0)
        return;
    struct gn_buffer spare = l->flight;
    l->flight = c->out;
    c->out = spare;
    uv_buf_t buf = uv_buf_init((char *)l->flight.data + l->flight.at, (unsigned)l->flight.len);
    if (uv_write(&l->write, &l->u.stream, &buf, 1, on_write) != 0)
        c->send_broken = true;
}

static void consume(struct gn_uv_http_client *c, struct gn_slice in)
{
    struct gn_uv_http_link *l = c->link;
    struct gn_h1_event ev;
    while (c->busy && c->link == l && !c->pending) {
        gn_h1_read(&c->h1, &ev, &in);
        switch (ev.type) {
        case GN_H1_MORE:
            return;
        case GN_H1_HEAD:
            l->used = true;
            if (c->ask.on_head)
                c->ask.on_head(c->ask.data, ev.head);
            break;
        case GN_H1_BODY:
            if (c->ask.on_data)
                c->ask.on_data(c->ask.data, ev.body);
            break;
        case GN_H1_END:
            if (in.len > 0)
                c->h1.head->keep_alive = false; /* bytes behind the answer that nobody asked for */
            gn_uv_http_client_finish(c, GN_OK);
            return;
        case GN_H1_REFUSED:
            gn_uv_http_client_finish(c, ev.refusal.status == 413 || ev.refusal.status == 431 ? GN_E_LIMIT
                                        : ev.refusal.status == 503                           ? GN_E_NO_MEMORY
                                                                                             : GN_E_MALFORMED);
            return;
        }
    }
}

static bool is_unreachable(int status)
{
    return status == UV_ENOENT || status == UV_ECONNREFUSED || status == UV_ENOTDIR || status == UV_ENETUNREACH ||
           status == UV_EHOSTUNREACH;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct gn_uv_http_link *l = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)l->client->read_buffer, GN_UV_HTTP_LINK_READ_MAX);
}

/* The connection ended or broke. */
static void link_failed(struct gn_uv_http_client *c, enum gn_err err)
{
    bool again = c->busy && c->link && c->link->used && !c->answered && c->repeatable && c->again.len > 0;
    if (!again) {
        gn_uv_http_link_drop(c);
        gn_uv_http_client_finish(c, err);
        return;
    }
    gn_uv_http_link_drop(c);
    gn_buffer_clear(&c->out, c->config.alloc);
    struct gn_slice whole = gn_buffer_slice(&c->again);
    if (!gn_buffer_append(&c->out, c->config.alloc, whole.data, whole.len)) {
        gn_uv_http_client_finish(c, GN_E_NO_MEMORY);
        return;
    }
    c->repeatable = false;
    c->send_broken = false;
    enum gn_err opened = gn_uv_http_link_open(c);
    if (opened)
        gn_uv_http_client_finish(c, opened);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct gn_uv_http_link *l = stream->data;
    struct gn_uv_http_client *c = l->client;
    struct gn_h1_event ev;
    if (c->link != l || n == 0)
        return;
    if (n > 0) {
        c->answered = true;
        gn_uv_http_client_moved(c);
        if (!c->busy) {
            gn_uv_http_link_drop(c); /* nobody asked */
            return;
        }
        consume(c, gn_slice_of(buf->base, (size_t)n));
        return;
    }
    if (!c->busy) {
        gn_uv_http_link_drop(c);
        return;
    }
    gn_h1_eof(&c->h1, &ev);
    if (ev.type == GN_H1_END) {
        c->h1.head->keep_alive = false;
        gn_uv_http_client_finish(c, GN_OK);
    } else {
        link_failed(c, GN_E_CLOSED);
    }
}

void gn_uv_http_link_read(struct gn_uv_http_client *c)
{
    if (c->connected && !c->reading && !c->paused)
        c->reading = uv_read_start(&c->link->u.stream, on_alloc, on_read) == 0;
}

static void tell_room(struct gn_uv_http_client *c)
{
    if (c->busy && c->ask.streams && c->low && !c->sent_all && c->connected &&
        gn_uv_http_client_room(c) >= c->config.write_queue_max / 2) {
        c->low = false;
        if (c->ask.on_room)
            c->ask.on_room(c->ask.data);
    }
}

static void on_connect(uv_connect_t *req, int status)
{
    struct gn_uv_http_link *l = GN_CONTAINER_OF(req, struct gn_uv_http_link, connect);
    struct gn_uv_http_client *c = l->client;
    if (c->link != l)
        return;
    if (status != 0) {
        gn_uv_http_link_drop(c);
        gn_uv_http_client_finish(c, is_unreachable(status) ? GN_E_UNREACHABLE : gn_uv_http_socket_err(status));
        return;
    }
    c->connected = true;
    gn_uv_http_client_moved(c);
    gn_uv_http_link_read(c);
    gn_uv_http_link_flush(c);
    tell_room(c);
}

enum gn_err gn_uv_http_link_open(struct gn_uv_http_client *c)
{
    struct gn_uv_http_link *l = gn_alloc_zeroed(c->config.alloc, 1, sizeof *l);
    if (!l)
        return GN_E_NO_MEMORY;
    bool is_unix = c->path[0] != '\0';
    int rc = is_unix ? uv_pipe_init(c->config.loop, &l->u.pipe, 0) : uv_tcp_init(c->config.loop, &l->u.tcp);
    if (rc != 0) {
        gn_alloc_free(c->config.alloc, l);
        return gn_uv_http_socket_err(rc);
    }
    l->alloc = c->config.alloc;
    l->client = c;
    l->u.handle.data = l;
    c->link = l;
    c->links++;
    c->connected = false;
    c->reading = false;
    if (is_unix) {
        uv_pipe_connect(&l->connect, &l->u.pipe, c->path, on_connect);
        return GN_OK;
    }
    struct sockaddr_storage sys;
    gn_uv_http_socket_to_sys(&sys, &c->config.addr);
    (void)uv_tcp_nodelay(&l->u.tcp, 1);
    rc = uv_tcp_connect(&l->connect, &l->u.tcp, (const struct sockaddr *)&sys, on_connect);
    if (rc != 0) {
        gn_uv_http_link_drop(c);
        return is_unreachable(rc) ? GN_E_UNREACHABLE : gn_uv_http_socket_err(rc);
    }
    return GN_OK;
}
