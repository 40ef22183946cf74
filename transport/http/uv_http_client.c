/* transport/http/uv_http_client.c - one asynchronous HTTP exchange after the other. */
#include "transport/http/uv_http_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <uv.h>

#include "base/check.h"
#include "transport/http/h1_chunk.h"
#include "transport/http/h1_write.h"
#include "transport/http/uv_http_link.h"
#include "transport/http/uv_http_socket.h"

static void on_timer(uv_timer_t *timer);

static void maybe_closed(struct gn_uv_http_client *c)
{
    if (!c->closing || !c->timer_closed || c->links > 0 || !c->closed)
        return;
    void (*closed)(void *) = c->closed;
    c->closed = NULL;
    closed(c->closed_data);
}

void gn_uv_http_client_link_closed(struct gn_uv_http_client *c)
{
    c->links--;
    maybe_closed(c);
}

/* ---- the end of a request ---- */

void gn_uv_http_client_finish(struct gn_uv_http_client *c, enum gn_err err)
{
    if (!c->busy)
        return;
    bool keep = !err && c->connected && c->h1.head && c->h1.head->keep_alive && c->sent_all && c->out.len == 0 &&
                c->link->flight.len == 0;
    if (!keep)
        gn_uv_http_link_drop(c);
    c->busy = false;
    (void)uv_timer_stop(&c->timer);
    gn_buffer_clear(&c->out, c->config.alloc);
    gn_buffer_clear(&c->again, c->config.alloc);
    c->ask.on_done(c->ask.data, err);
}

/* From inside a function of the client: on_done must come from the loop. */
static void finish_soon(struct gn_uv_http_client *c, enum gn_err err)
{
    c->pending = err;
    (void)uv_timer_start(&c->timer, on_timer, 0, 0);
}

static void arm_timer(struct gn_uv_http_client *c)
{
    if (c->ask.timeout_us > 0 && !c->pending)
        (void)uv_timer_start(&c->timer, on_timer, (c->ask.timeout_us + 999) / 1000, 0);
}

void gn_uv_http_client_moved(struct gn_uv_http_client *c)
{
    if (c->busy && c->ask.timeout_is_idle)
        arm_timer(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct gn_uv_http_client *c = timer->data;
    gn_uv_http_client_finish(c, c->pending ? c->pending : GN_E_TIMEOUT);
}

/* ---- sending ---- */

size_t gn_uv_http_client_room(const struct gn_uv_http_client *c)
{
    size_t used = c->out.len + (c->link ? c->link->flight.len : 0) + GN_H1_CHUNK_HEAD_MAX + 2;
    return used < c->config.write_queue_max ? c->config.write_queue_max - used : 0;
}

enum gn_err gn_uv_http_client_write(struct gn_uv_http_client *c, struct gn_slice data)
{
    GN_CHECK(c->ask.streams && !c->sent_all);
    if (!c->busy || c->send_broken || c->pending)
        return GN_E_CLOSED;
    if (data.len == 0)
        return GN_OK;
    if (data.len > gn_uv_http_client_room(c)) {
        c->low = true;
        return GN_E_FULL;
    }
    uint8_t line[GN_H1_CHUNK_HEAD_MAX];
    size_t line_len = gn_h1_chunk_write_head(line, data.len);
    size_t before = c->out.len;
    if (!gn_buffer_append(&c->out, c->config.alloc, line, line_len) ||
        !gn_buffer_append(&c->out, c->config.alloc, data.data, data.len) ||
        !gn_buffer_append(&c->out, c->config.alloc, "\r\n", 2)) {
        c->out.len = before;
        return GN_E_NO_MEMORY;
    }
    if (gn_uv_http_client_room(c) < c->config.write_queue_max / 2)
        c->low = true;
    gn_uv_http_link_flush(c);
    return GN_OK;
}

void gn_uv_http_client_end(struct gn_uv_http_client *c)
{
    if (!c->busy || c->sent_all)
        return;
    c->sent_all = true;
    if (!gn_buffer_append(&c->out, c->config.alloc, "0\r\n\r\n", 5))
        finish_soon(c, GN_E_NO_MEMORY);
    else
        gn_uv_http_link_flush(c);
}

void gn_uv_http_client_pause(struct gn_uv_http_client *c, bool paused)
{
    c->paused = paused;
    if (paused && c->reading) {
        (void)uv_read_stop(&c->link->u.stream);
        c->reading = false;
    } else if (!paused) {
        gn_uv_http_link_read(c);
        gn_uv_http_client_moved(c);
    }
}

/* ---- asking ---- */

static bool may_repeat(struct gn_slice method)
{
    return !gn_http_slice_is(method, "POST") && !gn_http_slice_is(method, "PATCH");
}

static enum gn_err write_request(struct gn_uv_http_client *c, const struct gn_uv_http_ask *ask)
{
    const struct gn_alloc *alloc = c->config.alloc;
    bool bodyless =
        ask->body.len == 0 && (gn_http_slice_is(ask->method, "GET") || gn_http_slice_is(ask->method, "HEAD") ||
                               gn_http_slice_is(ask->method, "DELETE"));
    const struct gn_h1_question question = {
        .method = ask->method,
        .target = ask->target,
        .host = gn_slice_str(c->host),
        .headers = ask->headers,
        .length = ask->streams ? GN_H1_WRITE_CHUNKED
                  : bodyless   ? GN_H1_WRITE_NO_LENGTH
                               : ask->body.len,
    };
    size_t cap = 512 + ask->method.len + ask->target.len + strlen(c->host);
    for (size_t i = 0; i < ask->headers.len; i++)
        cap += ask->headers.items[i].name.len + ask->headers.items[i].value.len + 4;
    uint8_t *bytes = gn_alloc_zeroed(alloc, 1, cap);
    if (!bytes)
        return GN_E_NO_MEMORY;
    struct gn_writer w;
    gn_writer_init(&w, bytes, cap);
    enum gn_err err = gn_h1_write_question(&w, &question);
    if (!err && (!gn_buffer_append(&c->out, alloc, bytes, w.len) ||
                 !gn_buffer_append(&c->out, alloc, ask->body.data, ask->body.len)))
        err = GN_E_NO_MEMORY;
    struct gn_slice whole = gn_buffer_slice(&c->out);
    if (!err && c->repeatable && !gn_buffer_append(&c->again, alloc, whole.data, whole.len))
        err = GN_E_NO_MEMORY;
    gn_alloc_free(alloc, bytes);
    return err;
}

enum gn_err gn_uv_http_client_ask(struct gn_uv_http_client *c, const struct gn_uv_http_ask *ask)
{
    GN_CHECK(ask->on_done && !c->closing);
    if (c->busy)
        return GN_E_FULL;
    bool reuse = c->connected && may_repeat(ask->method) && !ask->streams;
    c->repeatable = reuse;
    c->send_broken = false;
    gn_buffer_clear(&c->out, c->config.alloc);
    gn_buffer_clear(&c->again, c->config.alloc);
    enum gn_err err = write_request(c, ask);
    if (err)
        return err;
    if (!reuse)
        gn_uv_http_link_drop(c);
    gn_h1_fini(&c->h1);
    gn_h1_init(&c->h1, c->config.alloc, false, &c->config.limits);
    gn_h1_next(&c->h1, gn_http_slice_is(ask->method, "HEAD"));
    c->ask = *ask;
    c->busy = true;
    c->sent_all = !ask->streams;
    c->low = ask->streams;
    c->answered = false;
    c->paused = false;
    c->pending = GN_OK;
    arm_timer(c);
    if (c->link) {
        gn_uv_http_link_read(c);
        gn_uv_http_link_flush(c);
        return GN_OK;
    }
    err = gn_uv_http_link_open(c);
    if (err)
        finish_soon(c, err);
    return GN_OK;
}

void gn_uv_http_client_cancel(struct gn_uv_http_client *c, enum gn_err err)
{
    if (!c->busy || c->pending)
        return;
    gn_uv_http_link_drop(c);
    finish_soon(c, err);
}

/* ---- life ---- */

static const char *host_of(char out[GN_ADDR_TEXT_MAX], const struct gn_uv_http_client_config *config)
{
    if (config->host)
        return config->host;
    if (config->unix_path)
        return "localhost";
    gn_addr_print(out, &config->addr);
    return out;
}

enum gn_err gn_uv_http_client_new(struct gn_uv_http_client **out, const struct gn_uv_http_client_config *config)
{
    *out = NULL;
    struct gn_uv_http_client *c = gn_alloc_zeroed(config->alloc, 1, sizeof *c);
    if (!c)
        return GN_E_NO_MEMORY;
    c->config = *config;
    if (c->config.write_queue_max == 0)
        c->config.write_queue_max = (size_t)256 * 1024;
    char text[GN_ADDR_TEXT_MAX];
    const char *host = host_of(text, config);
    size_t path_len = config->unix_path ? strlen(config->unix_path) : 0;
    if (path_len >= sizeof c->path || strlen(host) >= sizeof c->host || (config->unix_path && path_len == 0)) {
        gn_alloc_free(config->alloc, c);
        return GN_E_INVALID;
    }
    memcpy(c->path, config->unix_path ? config->unix_path : "", path_len + 1);
    memcpy(c->host, host, strlen(host) + 1);
    c->config.unix_path = NULL;
    c->config.host = NULL;
    gn_h1_init(&c->h1, config->alloc, false, &config->limits);
    gn_uv_http_socket_ignore_sigpipe();
    (void)uv_timer_init(config->loop, &c->timer); /* cannot fail */
    c->timer.data = c;
    *out = c;
    return GN_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gn_uv_http_client *c = handle->data;
    c->timer_closed = true;
    gn_uv_http_client_finish(c, GN_E_CANCELLED);
    maybe_closed(c);
}

void gn_uv_http_client_close(struct gn_uv_http_client *c, void (*done)(void *data), void *data)
{
    GN_CHECK(!c->closing);
    c->closing = true;
    c->closed = done;
    c->closed_data = data;
    gn_uv_http_link_drop(c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

void gn_uv_http_client_free(struct gn_uv_http_client *c)
{
    if (!c)
        return;
    GN_CHECK(c->timer_closed && c->links == 0);
    gn_h1_fini(&c->h1);
    gn_buffer_fini(&c->out, c->config.alloc);
    gn_buffer_fini(&c->again, c->config.alloc);
    gn_alloc_free(c->config.alloc, c);
}
