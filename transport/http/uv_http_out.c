/* transport/http/uv_http_out.c - the answering half of a server connection.
 *
 * Everything to send is appended to `out`. A flush moves `out` to `flight` and gives it to libuv; there is one write at
 * a time, so small pieces that come while one is under way leave together with the next.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "transport/http/h1_write.h"
#include "transport/http/uv_http_conn.h"

bool gn_uv_http_out_is_empty(const struct gn_uv_http_conn *c)
{
    return c->out.len == 0 && c->flight.len == 0;
}

static void on_write(uv_write_t *req, int status)
{
    struct gn_uv_http_conn *c = GN_CONTAINER_OF(req, struct gn_uv_http_conn, write);
    struct gn_uv_http_server *s = c->server;
    s->counters.bytes_out += c->flight.len;
    gn_buffer_clear(&c->flight, s->config.alloc);
    c->flight_left = 0;
    c->progress_ms = uv_now(s->config.loop);
    if (c->closing)
        return;
    if (status < 0) {
        gn_uv_http_conn_close(c);
        return;
    }
    gn_uv_http_conn_pump(c);
}

bool gn_uv_http_out_flush(struct gn_uv_http_conn *c)
{
    struct gn_uv_http_server *s = c->server;
    if (c->out.len == 0 || c->flight.len > 0)
        return true;
    uv_buf_t buf = uv_buf_init((char *)c->out.data + c->out.at, (unsigned)c->out.len);
    int n = uv_try_write(&c->u.stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        return false;
    if (n > 0) {
        s->counters.bytes_out += (size_t)n;
        c->progress_ms = uv_now(s->config.loop);
        gn_buffer_consume(&c->out, (size_t)n);
    }
    if (c->out.len == 0) {
        gn_buffer_clear(&c->out, s->config.alloc);
        return true;
    }
    struct gn_buffer spare = c->flight;
    c->flight = c->out;
    c->out = spare;
    c->out.at = 0;
    c->flight_left = c->flight.len;
    buf = uv_buf_init((char *)c->flight.data + c->flight.at, (unsigned)c->flight.len);
    return uv_write(&c->write, &c->u.stream, &buf, 1, on_write) == 0;
}

/* ---- what exchange.c calls ---- */

static struct gn_uv_http_conn *conn_of(const struct gn_exchange *x)
{
    /* The exchange lies inside its connection, which is not constant. */
    uintptr_t at = (uintptr_t)x - offsetof(struct gn_uv_http_conn, x);
    return (struct gn_uv_http_conn *)at;
}

static bool put(struct gn_uv_http_conn *c, const void *data, size_t len)
{
    return gn_buffer_append(&c->out, c->server->config.alloc, data, len);
}

static enum gn_err put_head(struct gn_uv_http_conn *c, const struct gn_h1_answer *answer)
{
    const struct gn_alloc *alloc = c->server->config.alloc;
    size_t cap = 1024;
    for (size_t i = 0; i < answer->headers.len; i++)
        cap += answer->headers.items[i].name.len + answer->headers.items[i].value.len + 4;
    uint8_t *bytes = gn_alloc_zeroed(alloc, 1, cap);
    if (!bytes)
        return GN_E_NO_MEMORY;
    struct gn_writer w;
    gn_writer_init(&w, bytes, cap);
    enum gn_err err = gn_h1_write_answer(&w, answer);
    if (!err && !put(c, bytes, w.len))
        err = GN_E_NO_MEMORY;
    gn_alloc_free(alloc, bytes);
    return err;
}

static enum gn_err carrier_start(struct gn_exchange *x, unsigned status, struct gn_http_headers headers,
                                 uint64_t length)
{
    struct gn_uv_http_conn *c = conn_of(x);
    struct gn_uv_http_server *s = c->server;
    const struct gn_h1_head *head = c->h1.head;
    bool chunked = length == GN_EXCHANGE_UNKNOWN;
    bool unread = !c->request_done && !c->want_whole && !c->want_stream && head->framing != GN_H1_NO_BODY;
    /* A client that waits for 100 Continue may never send the body that nobody wants. */
    if (unread && (head->expects_continue || head->length > s->config.drop_max))
        c->close_after = true;
    if (status >= 400 && !c->request_done && head->framing != GN_H1_NO_BODY && (c->want_whole || c->want_stream))
        c->close_after = true; /* an upload that failed: its rest may be long */
    if (!head->keep_alive || s->draining || (chunked && head->minor == 0))
        c->close_after = true;
    const struct gn_h1_answer answer = {
        .status = status,
        .headers = headers,
        .length = !chunked           ? length
                  : head->minor == 0 ? GN_H1_WRITE_NO_LENGTH
                                     : GN_H1_WRITE_CHUNKED,
        .close = c->close_after,
        .keep_alive = head->minor == 0,
        .date = gn_uv_http_server_date(s),
        .server = s->server_name[0] ? s->server_name : NULL,
    };
    enum gn_err err = put_head(c, &answer);
    if (err)
        return err;
    c->chunked = chunked && head->minor == 1;
    c->answer = GN_UV_HTTP_STARTED;
    if (c->flight.len == 0)
        c->progress_ms = uv_now(s->config.loop);
    gn_uv_http_conn_kick(c);
    return GN_OK;
}

static size_t carrier_room(const struct gn_exchange *x)
{
    const struct gn_uv_http_conn *c = conn_of(x);
    size_t max = c->server->config.write_queue_max;
    size_t used = c->out.len + c->flight.len + GN_H1_CHUNK_HEAD_MAX + 2;
    return used < max ? max - used : 0;
}

static enum gn_err carrier_write(struct gn_exchange *x, struct gn_slice data, bool bounded)
{
    struct gn_uv_http_conn *c = conn_of(x);
    if (bounded && data.len > carrier_room(x)) {
        c->low = true;
        return GN_E_FULL;
    }
    uint8_t line[GN_H1_CHUNK_HEAD_MAX];
    size_t before = c->out.len;
    size_t line_len = c->chunked ? gn_h1_chunk_write_head(line, data.len) : 0;
    if (!put(c, line, line_len) || !put(c, data.data, data.len) || (c->chunked && !put(c, "\r\n", 2))) {
        c->out.len = before;
        return GN_E_NO_MEMORY;
    }
    if (carrier_room(x) < c->server->config.write_queue_max / 2)
        c->low = true;
    gn_uv_http_conn_kick(c);
    return GN_OK;
}

static void carrier_abort(struct gn_exchange *x)
{
    struct gn_uv_http_conn *c = conn_of(x);
    c->answer = GN_UV_HTTP_ENDED;
    gn_uv_http_conn_close(c);
}

static void carrier_end(struct gn_exchange *x)
{
    struct gn_uv_http_conn *c = conn_of(x);
    if (c->chunked && x->request.method != GN_HTTP_HEAD && !put(c, "0\r\n\r\n", 5)) {
        carrier_abort(x);
        return;
    }
    c->answer = GN_UV_HTTP_ENDED;
    c->paused = false; /* the rest of the request's body is dropped */
    gn_uv_http_conn_kick(c);
}

static enum gn_err carrier_want_body(struct gn_exchange *x, bool whole, uint64_t max)
{
    struct gn_uv_http_conn *c = conn_of(x);
    c->want_whole = whole;
    c->want_stream = !whole;
    gn_h1_body_max(&c->h1, max);
    bool too_long = c->h1.head->framing == GN_H1_LENGTH && c->h1.head->length > max;
    if (c->h1.head->expects_continue && !too_long) /* too long: the 413 comes instead, section 10.1.1 */
        gn_uv_http_out_continue(c);
    return GN_OK;
}

static void carrier_pause(struct gn_exchange *x, bool paused)
{
    struct gn_uv_http_conn *c = conn_of(x);
    c->paused = paused;
    c->progress_ms = uv_now(c->server->config.loop);
    if (!paused)
        gn_uv_http_conn_kick(c);
}

const struct gn_exchange_carrier gn_uv_http_out_carrier = {
    .want_body = carrier_want_body,
    .pause = carrier_pause,
    .start = carrier_start,
    .write = carrier_write,
    .end = carrier_end,
    .abort = carrier_abort,
    .room = carrier_room,
};

/* ---- answers of the carrier itself ---- */

void gn_uv_http_out_continue(struct gn_uv_http_conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (put(c, text, sizeof text - 1))
        gn_uv_http_conn_kick(c);
}

void gn_uv_http_out_refuse(struct gn_uv_http_conn *c, const struct gn_h1_refusal *why)
{
    char body[256];
    int n = snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}\n",
                     gn_http_reason(why->status), why->status, why->reason);
    GN_CHECK(n > 0 && (size_t)n < sizeof body); /* literals only */
    const struct gn_http_header type = gn_http_header_of("Content-Type", "application/problem+json");
    const struct gn_h1_answer answer = {
        .status = why->status,
        .headers = {.items = &type, .len = 1},
        .length = (uint64_t)n,
        .close = true,
        .date = gn_uv_http_server_date(c->server),
        .server = c->server->server_name[0] ? c->server->server_name : NULL,
    };
    c->close_after = true;
    c->server->counters.refused++;
    if (!put_head(c, &answer))
        (void)put(c, body, (size_t)n); /* without memory the client gets the head alone, and the close */
}
