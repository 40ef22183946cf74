/* transport/http/uv_http_call.c - the client with its own loop. */
#include "transport/http/uv_http_call.h"

#include <signal.h>
#include <uv.h>

#include "base/check.h"
#include "transport/http/uv_http_client.h"
#include "transport/http/uv_http_socket.h"

#define SOURCE_MAX 32768U

struct gn_uv_http_call {
    const struct gn_alloc *alloc;
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct gn_uv_http_client *client;
    const struct gn_uv_http_call_request *req; /* during a run */
    bool done;
    bool closed;
    enum gn_err result;
    uint8_t piece[SOURCE_MAX];
};

static void on_head(void *data, const struct gn_h1_head *head)
{
    struct gn_uv_http_call *c = data;
    enum gn_err err = c->req->on_head ? c->req->on_head(c->req->data, head) : GN_OK;
    if (err)
        gn_uv_http_client_cancel(c->client, err);
}

static void on_data(void *data, struct gn_slice bytes)
{
    struct gn_uv_http_call *c = data;
    enum gn_err err = c->req->on_bytes ? c->req->on_bytes(c->req->data, bytes) : GN_OK;
    if (err)
        gn_uv_http_client_cancel(c->client, err);
}

static void on_room(void *data)
{
    struct gn_uv_http_call *c = data;
    while (gn_uv_http_client_room(c->client) >= sizeof c->piece) {
        size_t len = 0;
        enum gn_err err = c->req->source(c->req->data, c->piece, &len, sizeof c->piece);
        if (err) {
            gn_uv_http_client_cancel(c->client, err);
            return;
        }
        if (len == 0) {
            gn_uv_http_client_end(c->client);
            return;
        }
        err = gn_uv_http_client_write(c->client, gn_slice_of(c->piece, len));
        if (err) /* CLOSED: the answer says why */
            return;
    }
}

static void on_done(void *data, enum gn_err err)
{
    struct gn_uv_http_call *c = data;
    c->done = true;
    c->result = err;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct gn_uv_http_call *c = handle->data;
    (void)number;
    gn_uv_http_client_cancel(c->client, GN_E_CANCELLED);
}

static void catch_signals(struct gn_uv_http_call *c, bool on)
{
    static const int numbers[2] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        if (on)
            (void)uv_signal_start(&c->signals[i], on_signal, numbers[i]); /* without it Ctrl-C ends the process */
        else
            (void)uv_signal_stop(&c->signals[i]);
    }
}

enum gn_err gn_uv_http_call_run(struct gn_uv_http_call *c, const struct gn_uv_http_call_request *req)
{
    const struct gn_uv_http_ask ask = {
        .method = req->method,
        .target = req->target,
        .headers = req->headers,
        .body = req->body,
        .streams = req->source != NULL,
        .timeout_us = req->timeout_us,
        .timeout_is_idle = req->timeout_is_idle,
        .on_head = on_head,
        .on_data = on_data,
        .on_room = on_room,
        .on_done = on_done,
        .data = c,
    };
    c->req = req;
    c->done = false;
    uv_update_time(&c->loop); /* it stood still since the last run */
    enum gn_err err = gn_uv_http_client_ask(c->client, &ask);
    if (err)
        return err;
    if (req->interruptible)
        catch_signals(c, true);
    while (!c->done)
        (void)uv_run(&c->loop, UV_RUN_ONCE);
    if (req->interruptible)
        catch_signals(c, false);
    return c->result;
}

static void on_closed(void *data)
{
    struct gn_uv_http_call *c = data;
    c->closed = true;
}

static enum gn_err init_loop(struct gn_uv_http_call *c)
{
    int rc = uv_loop_init(&c->loop);
    if (rc != 0)
        return gn_uv_http_socket_err(rc);
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = uv_signal_init(&c->loop, &c->signals[i]);
        c->signals[i].data = c;
    }
    if (rc != 0)
        (void)uv_loop_close(&c->loop);
    return gn_uv_http_socket_err(rc);
}

enum gn_err gn_uv_http_call_new(struct gn_uv_http_call **out, const struct gn_alloc *alloc, const char *unix_path)
{
    *out = NULL;
    struct gn_uv_http_call *c = gn_alloc_zeroed(alloc, 1, sizeof *c);
    if (!c)
        return GN_E_NO_MEMORY;
    c->alloc = alloc;
    enum gn_err err = init_loop(c);
    if (err) {
        gn_alloc_free(alloc, c);
        return err;
    }
    const struct gn_uv_http_client_config config = {.alloc = alloc, .loop = &c->loop, .unix_path = unix_path};
    err = gn_uv_http_client_new(&c->client, &config);
    if (err) {
        gn_uv_http_call_free(c);
        return err;
    }
    *out = c;
    return GN_OK;
}

void gn_uv_http_call_free(struct gn_uv_http_call *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&c->signals[i], NULL);
    if (c->client)
        gn_uv_http_client_close(c->client, on_closed, c);
    (void)uv_run(&c->loop, UV_RUN_DEFAULT); /* returns when every handle is closed */
    GN_CHECK(c->closed || !c->client);
    gn_uv_http_client_free(c->client);
    int rc = uv_loop_close(&c->loop);
    GN_CHECK(rc == 0);
    gn_alloc_free(c->alloc, c);
}
