/* transport/http/uv_http_conn.c - the reading half of a server connection, and its life.
 *
 * Everything moves in gn_uv_http_conn_pump: it runs when bytes have come, when a write has ended and when a handler has
 * done something, and goes on until nothing can move.
 */
#include "transport/http/uv_http_conn.h"

#include <string.h>

#include "base/check.h"

static uint64_t now_ms(const struct gn_uv_http_conn *c)
{
    return uv_now(c->server->config.loop);
}

static uint64_t to_ms(gn_time_us t)
{
    return (t + 999) / 1000;
}

void gn_uv_http_conn_kick(struct gn_uv_http_conn *c)
{
    if (!c->pumping)
        gn_uv_http_server_enqueue(c);
}

void gn_uv_http_conn_end_exchange(struct gn_uv_http_conn *c, bool complete)
{
    if (!c->busy)
        return;
    c->busy = false;
    if (!complete)
        c->server->counters.gone++;
    if (c->x.handler)
        c->x.handler->on_close(&c->x, complete);
    c->x.handler = NULL;
    gn_buffer_clear(&c->body, c->server->config.alloc);
}

static void on_closed(uv_handle_t *handle)
{
    struct gn_uv_http_conn *c = handle->data;
    struct gn_uv_http_server *s = c->server;
    gn_uv_http_conn_end_exchange(c, false);
    gn_list_remove(&c->node);
    s->counters.connections--;
    s->open[c->is_unix]--;
    gn_h1_fini(&c->h1);
    gn_buffer_fini(&c->stash, s->config.alloc);
    gn_buffer_fini(&c->out, s->config.alloc);
    gn_buffer_fini(&c->flight, s->config.alloc);
    gn_buffer_fini(&c->body, s->config.alloc);
    gn_alloc_free(s->config.alloc, c);
    gn_uv_http_server_handle_closed(s);
}

void gn_uv_http_conn_close(struct gn_uv_http_conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    gn_list_remove(&c->kicked);
    uv_close(&c->u.handle, on_closed);
}

static void read_more_or_less(struct gn_uv_http_conn *c);

/* ---- requests ---- */

static void begin_request(struct gn_uv_http_conn *c, const struct gn_h1_head *head)
{
    struct gn_uv_http_server *s = c->server;
    memset(&c->x, 0, sizeof c->x);
    c->x.carrier = &gn_uv_http_out_carrier;
    c->x.server_app = s->config.app;
    c->x.request = (struct gn_exchange_request){
        .method = gn_http_method_parse(head->method),
        .method_text = head->method,
        .target = head->target,
        .path = head->uri.path,
        .query = head->uri.query,
        .host = head->host,
        .headers = {.items = head->fields, .len = head->fields_len},
        .has_body = head->framing != GN_H1_NO_BODY,
        .body_len = head->framing == GN_H1_CHUNKED ? GN_EXCHANGE_UNKNOWN : head->length,
        .from_unix = c->is_unix,
        .peer = c->peer,
        .local = c->local,
    };
    c->busy = true;
    c->request_done = false;
    c->want_whole = false;
    c->want_stream = false;
    c->paused = false;
    c->chunked = false;
    c->low = false;
    c->answer = GN_UV_HTTP_WAITING;
    s->counters.requests++;
    gn_h1_body_max(&c->h1, s->config.drop_max);
    s->config.on_request(&c->x);
    GN_CHECK(c->x.handler && c->x.handler->on_close);
}

static void take_body(struct gn_uv_http_conn *c, struct gn_slice data)
{
    if (!c->busy || c->answer == GN_UV_HTTP_ENDED)
        return; /* answered already: read only to keep the connection */
    if (c->want_stream) {
        c->x.handler->on_data(&c->x, data);
    } else if (c->want_whole && !gn_buffer_append(&c->body, c->server->config.alloc, data.data, data.len)) {
        gn_uv_http_conn_close(c);
    }
}

static void end_request(struct gn_uv_http_conn *c)
{
    if (c->request_done)
        return;
    c->request_done = true;
    c->progress_ms = now_ms(c);
    if (!c->busy || c->answer == GN_UV_HTTP_ENDED)
        return;
    if (c->want_stream)
        c->x.handler->on_end(&c->x);
    else if (c->want_whole)
        c->x.handler->on_body(&c->x, gn_buffer_slice(&c->body));
}

/* What came is not HTTP, or too big. Nothing more is read as a request. */
static void refuse(struct gn_uv_http_conn *c, const struct gn_h1_refusal *why)
{
    bool answered = c->busy && c->answer != GN_UV_HTTP_WAITING;
    GN_LOG(c->server->config.log, GN_LOG_DEBUG, "http.refused", GN_F_U64("status", why->status),
           GN_F_STR("reason", why->reason), GN_F_ADDR("peer", &c->peer));
    c->request_done = true;
    c->close_after = true;
    if (c->busy && !answered && why->status == 413 && !c->want_whole && !c->want_stream)
        return; /* a body that nobody wants: the handler's answer says more than 413 */
    if (c->busy && c->answer == GN_UV_HTTP_STARTED && (c->want_whole || c->want_stream)) {
        gn_uv_http_conn_close(c); /* the handler still wanted the body: its answer cannot be right */
        return;
    }
    if (answered)
        return; /* the answer does not depend on the rest of the body */
    gn_uv_http_conn_end_exchange(c, false);
    gn_uv_http_out_refuse(c, why);
}

/* The answer is complete and with the system: the next request, or the end. */
static void finish_answer(struct gn_uv_http_conn *c)
{
    bool again = !c->close_after && !c->eof && !c->server->draining;
    gn_uv_http_conn_end_exchange(c, true);
    if (c->closing)
        return;
    if (again || (c->eof && c->stash.len > 0 && !c->close_after)) {
        gn_h1_next(&c->h1, false);
        c->progress_ms = now_ms(c);
    } else {
        c->close_after = true;
    }
}

static void begin_linger(struct gn_uv_http_conn *c)
{
    /* Closing with unread bytes makes the kernel send a reset, which may overtake the answer (RFC 9112 section 9.6). */
    c->lingering = true;
    c->progress_ms = now_ms(c);
    gn_buffer_clear(&c->stash, c->server->config.alloc);
    if (c->eof || uv_shutdown(&c->shutdown, &c->u.stream, NULL) != 0)
        gn_uv_http_conn_close(c);
    else
        read_more_or_less(c);
}

/* One event of the engine. False: nothing more can be done with the input for now. */
static bool step(struct gn_uv_http_conn *c, struct gn_slice *in)
{
    struct gn_h1_event ev;
    if (c->close_after && !c->busy)
        return false;
    if (c->busy && (c->request_done || c->paused))
        return false;
    bool was_idle = gn_h1_is_idle(&c->h1);
    gn_h1_read(&c->h1, &ev, in);
    if (was_idle && !gn_h1_is_idle(&c->h1))
        c->progress_ms = now_ms(c); /* the head's clock starts */
    switch (ev.type) {
    case GN_H1_MORE:
        return false;
    case GN_H1_HEAD:
        begin_request(c, ev.head);
        return true;
    case GN_H1_BODY:
        c->progress_ms = now_ms(c);
        take_body(c, ev.body);
        return true;
    case GN_H1_END:
        end_request(c);
        return true;
    case GN_H1_REFUSED:
        refuse(c, &ev.refusal);
        return false;
    }
    return false;
}

/* Consumes input as far as it goes. True if an answer was finished on the way, so that more may be possible. */
static bool move(struct gn_uv_http_conn *c, struct gn_slice *in)
{
    while (!c->closing && step(c, in))
        ;
    if (c->closing)
        return false;
    if (!gn_uv_http_out_flush(c)) {
        gn_uv_http_conn_close(c);
        return false;
    }
    if (c->low && c->busy && c->answer == GN_UV_HTTP_STARTED &&
        gn_uv_http_out_carrier.room(&c->x) >= c->server->config.write_queue_max / 2) {
        c->low = false;
        if (c->x.handler->on_room)
            c->x.handler->on_room(&c->x);
        gn_uv_http_server_enqueue(c); /* what it wrote goes with the next turn: one fast client must not hog the loop */
        return false;
    }
    if (c->busy && c->answer == GN_UV_HTTP_ENDED && gn_uv_http_out_is_empty(c) && (c->request_done || c->close_after)) {
        finish_answer(c);
        return !c->closing && !c->close_after;
    }
    return false;
}

/* After everything moved: what is left to do about the connection itself. */
static void settle(struct gn_uv_http_conn *c)
{
    if (c->closing || c->lingering)
        return;
    if (c->eof && c->busy && c->answer != GN_UV_HTTP_ENDED) {
        gn_uv_http_conn_close(c); /* gone before its answer */
        return;
    }
    if (!c->busy && gn_uv_http_out_is_empty(c)) {
        if (c->close_after) {
            begin_linger(c);
            return;
        }
        if (c->eof || (c->server->draining && gn_h1_is_idle(&c->h1))) {
            gn_uv_http_conn_close(c);
            return;
        }
    }
    read_more_or_less(c);
}

static void pump_input(struct gn_uv_http_conn *c, struct gn_slice *in)
{
    c->pumping = true;
    while (move(c, in))
        ;
    c->pumping = false;
}

void gn_uv_http_conn_pump(struct gn_uv_http_conn *c)
{
    if (c->closing || c->pumping)
        return;
    gn_list_remove(&c->kicked);
    struct gn_slice in = gn_buffer_slice(&c->stash);
    size_t before = in.len;
    pump_input(c, &in);
    gn_buffer_consume(&c->stash, before - in.len);
    if (c->stash.len == 0)
        gn_buffer_clear(&c->stash, c->server->config.alloc);
    settle(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct gn_uv_http_conn *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)c->server->read_buffer, sizeof c->server->read_buffer);
}

static void on_bytes(struct gn_uv_http_conn *c, struct gn_slice in)
{
    const struct gn_alloc *alloc = c->server->config.alloc;
    c->server->counters.bytes_in += in.len;
    if (c->lingering)
        return;
    if (c->stash.len > 0) {
        if (!gn_buffer_append(&c->stash, alloc, in.data, in.len))
            gn_uv_http_conn_close(c);
        else
            gn_uv_http_conn_pump(c);
        return;
    }
    gn_list_remove(&c->kicked);
    pump_input(c, &in);
    if (!c->closing && in.len > 0 && !gn_buffer_append(&c->stash, alloc, in.data, in.len))
        gn_uv_http_conn_close(c);
    settle(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct gn_uv_http_conn *c = stream->data;
    if (c->closing || n == 0)
        return;
    if (n > 0) {
        on_bytes(c, gn_slice_of(buf->base, (size_t)n));
        return;
    }
    c->eof = true;
    c->reading = false;
    if (n != UV_EOF || c->lingering) {
        gn_uv_http_conn_close(c);
        return;
    }
    gn_uv_http_conn_pump(c); /* requests that came before the end; then it closes */
}

static void read_more_or_less(struct gn_uv_http_conn *c)
{
    /* A paused body, or requests that wait: then the kernel's buffers fill and the client is slowed down. */
    bool want = !c->eof && c->stash.len < GN_UV_HTTP_STASH_MAX && !(c->busy && c->paused && c->stash.len > 0);
    if (want == c->reading)
        return;
    c->reading = want;
    if (!want)
        (void)uv_read_stop(&c->u.stream);
    else if (uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
        gn_uv_http_conn_close(c);
}

void gn_uv_http_conn_begin(struct gn_uv_http_conn *c)
{
    c->progress_ms = now_ms(c);
    read_more_or_less(c);
}

/* ---- time ---- */

/* The limit of what the connection is waiting for; 0: it waits for the handler, who has all the time. */
static uint64_t patience_ms(const struct gn_uv_http_conn *c)
{
    const struct gn_uv_http_server_config *config = &c->server->config;
    if (c->lingering)
        return to_ms(config->linger_us);
    if (c->flight.len > 0)
        return to_ms(config->write_timeout_us);
    if (c->busy && !c->request_done)
        return c->paused ? 0 : to_ms(config->body_timeout_us);
    if (c->busy)
        return 0;
    return to_ms(gn_h1_is_idle(&c->h1) ? config->idle_timeout_us : config->head_timeout_us);
}

void gn_uv_http_conn_sweep(struct gn_uv_http_conn *c, uint64_t now)
{
    if (c->closing)
        return;
    if (c->flight.len > 0) {
        size_t left = uv_stream_get_write_queue_size(&c->u.stream);
        if (left < c->flight_left) {
            c->flight_left = left;
            c->progress_ms = now;
        }
    }
    uint64_t patience = patience_ms(c);
    if (patience == 0 || now - c->progress_ms < patience)
        return;
    if (!c->lingering)
        c->server->counters.timeouts++;
    const struct gn_h1_refusal late = {.status = 408, .reason = "the request did not come in time"};
    bool tell =
        !c->lingering && c->flight.len == 0 && !gn_h1_is_idle(&c->h1) && (!c->busy || c->answer == GN_UV_HTTP_WAITING);
    if (!tell) {
        gn_uv_http_conn_close(c);
        return;
    }
    c->request_done = true;
    gn_uv_http_conn_end_exchange(c, false);
    gn_uv_http_out_refuse(c, &late);
    gn_uv_http_conn_pump(c);
}
