/* tests/support/http_app.c - an HTTP server with a few handlers. */
#include "tests/support/http_app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/support/gn_cmocka.h"

const struct gn_http_headers gn_http_app_no_headers = {NULL, 0};

static void on_close(struct gn_exchange *x, bool complete)
{
    struct gn_http_app *a = x->server_app;
    a->closed++;
    a->incomplete += !complete;
    for (size_t i = 0; i < a->late_len; i++)
        if (a->late[i] == x)
            a->late[i] = NULL;
}

static void echo(struct gn_exchange *x, struct gn_slice body)
{
    gn_exchange_respond(x, 200, gn_http_app_no_headers, body);
}

static void produce(struct gn_exchange *x)
{
    static const uint8_t piece[8192] = {'x'};
    struct gn_http_app *a = x->server_app;
    while (a->produced < a->wanted) {
        if (gn_exchange_write(x, gn_slice_of(piece, sizeof piece)) != GN_OK)
            return; /* on_room comes */
        a->produced += sizeof piece;
    }
    gn_exchange_end(x);
}

static void take(struct gn_exchange *x, struct gn_slice data)
{
    struct gn_http_app *a = x->server_app;
    a->received += data.len;
}

static void answer_upload(struct gn_exchange *x)
{
    gn_exchange_respond(x, 201, gn_http_app_no_headers, gn_slice_str("stored"));
}

static const struct gn_exchange_handler plain = {.on_close = on_close};
static const struct gn_exchange_handler collecting = {.on_body = echo, .on_close = on_close};
static const struct gn_exchange_handler streaming = {.on_room = produce, .on_close = on_close};
static const struct gn_exchange_handler uploading = {.on_data = take, .on_end = answer_upload, .on_close = on_close};

static void on_request(struct gn_exchange *x)
{
    struct gn_http_app *a = x->server_app;
    struct gn_slice path = x->request.path;
    x->handler = &plain;
    if (gn_http_slice_is(path, "/hello")) {
        gn_exchange_respond(x, 200, gn_http_app_no_headers, gn_slice_str("Hello, world!"));
    } else if (gn_http_slice_is(path, "/echo")) {
        x->handler = &collecting;
        assert_int_equal(gn_exchange_collect(x, 1000), GN_OK);
    } else if (gn_http_slice_is(path, "/stream")) {
        x->handler = &streaming;
        a->produced = 0;
        assert_int_equal(gn_exchange_start(x, 200, gn_http_app_no_headers, GN_EXCHANGE_UNKNOWN), GN_OK);
        produce(x);
    } else if (gn_http_slice_is(path, "/upload")) {
        x->handler = &uploading;
        a->upload = x;
        assert_int_equal(gn_exchange_stream(x, UINT64_MAX), GN_OK);
    } else if (gn_http_slice_is(path, "/late")) {
        a->late[a->late_len++ % GN_ARRAY_LEN(a->late)] = x;
    } else if (gn_http_slice_is(path, "/short")) {
        assert_int_equal(gn_exchange_start(x, 200, gn_http_app_no_headers, 10), GN_OK);
        assert_int_equal(gn_exchange_write(x, gn_slice_str("12345")), GN_OK);
        assert_int_equal(gn_exchange_write(x, gn_slice_str("678901")), GN_E_LIMIT);
        gn_exchange_end(x);
    } else if (gn_http_slice_is(path, "/split")) { /* a header that would split the answer */
        const struct gn_http_header bad = gn_http_header_of("X", "a\r\nSet-Cookie: b");
        gn_exchange_respond(x, 200, (struct gn_http_headers){&bad, 1}, gn_slice_str("body"));
    } else {
        gn_exchange_respond(x, 404, gn_http_app_no_headers, gn_slice_str("no"));
    }
}

void gn_http_app_begin(struct gn_http_app *a)
{
    memset(a, 0, sizeof *a);
    for (size_t i = 0; i < GN_ARRAY_LEN(a->peers); i++)
        a->peers[i].fd = -1;
    assert_int_equal(uv_loop_init(&a->loop), 0);
    (void)snprintf(a->folder, sizeof a->folder, "/tmp/gn-http-XXXXXX");
    assert_non_null(mkdtemp(a->folder));
    (void)snprintf(a->path, sizeof a->path, "%s/s", a->folder);
    a->config = (struct gn_uv_http_server_config){
        .alloc = gn_alloc_default(), .loop = &a->loop, .server = "test", .on_request = on_request, .app = a};
}

void gn_http_app_listen(struct gn_http_app *a)
{
    assert_int_equal(gn_uv_http_server_new(&a->server, &a->config), GN_OK);
    assert_int_equal(gn_uv_http_server_listen_unix(a->server, a->path), GN_OK);
    assert_true(gn_http_peer_unix(&a->peers[0], &a->loop, a->path));
}

void gn_http_app_start(struct gn_http_app *a)
{
    gn_http_app_begin(a);
    gn_http_app_listen(a);
}

void gn_http_app_on_drained(void *data)
{
    struct gn_http_app *a = data;
    a->drained = true;
}

bool gn_http_app_is_drained(void *data)
{
    const struct gn_http_app *a = data;
    return a->drained;
}

void gn_http_app_finish(struct gn_http_app *a)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(a->peers); i++)
        gn_http_peer_close(&a->peers[i]);
    if (a->server && !a->drained) {
        gn_uv_http_server_drain(a->server, 0, gn_http_app_on_drained, a);
        assert_true(gn_http_peer_run(&a->loop, gn_http_app_is_drained, a));
    }
    gn_uv_http_server_free(a->server);
    (void)uv_run(&a->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&a->loop), 0);
    (void)unlink(a->path);
    assert_int_equal(rmdir(a->folder), 0);
}

bool gn_http_app_one_is_late(void *data)
{
    const struct gn_http_app *a = data;
    return a->late_len > 0;
}

bool gn_http_app_one_is_incomplete(void *data)
{
    const struct gn_http_app *a = data;
    return a->incomplete > 0;
}
